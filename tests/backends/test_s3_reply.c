/* What failures of S3 mean: codes, retry classes, waits and texts. */
#include "backends/s3_fixture.h"

#include <stdio.h>

#include "core/clock.h"

static void refuse(struct s3_fixture *f, enum sat_op_kind kind, int status, const char *headers,
                   const char *body)
{
    s3_reply(f, status, headers, body);
    (void)s3_accept(f, kind);
}

struct case_of_code {
    int status;
    const char *service_code; /* NULL: a body that S3 did not write */
    int code;
    enum sat_retry_class retry;
};

static const struct case_of_code cases[] = {
    {400, "InvalidArgument", SATCHEL_INVALID, SAT_RETRY_NEVER},
    {400, "RequestTimeout", SATCHEL_NETWORK, SAT_RETRY_TRANSIENT},
    {400, "RequestTimeoutException", SATCHEL_NETWORK, SAT_RETRY_TRANSIENT},
    {400, "BadDigest", SATCHEL_INTEGRITY, SAT_RETRY_ONCE},
    {400, "XAmzContentSHA256Mismatch", SATCHEL_INTEGRITY, SAT_RETRY_ONCE},
    {400, "EntityTooLarge", SATCHEL_LIMIT, SAT_RETRY_NEVER},
    {400, "KeyTooLongError", SATCHEL_LIMIT, SAT_RETRY_NEVER},
    {400, "ExpiredToken", SATCHEL_DENIED, SAT_RETRY_ONCE},
    {400, "Throttling", SATCHEL_THROTTLED, SAT_RETRY_THROTTLE},
    {400, "ThrottlingException", SATCHEL_THROTTLED, SAT_RETRY_THROTTLE},
    {400, "RequestThrottledException", SATCHEL_THROTTLED, SAT_RETRY_THROTTLE},
    {400, "ThrottledException", SATCHEL_THROTTLED, SAT_RETRY_THROTTLE},
    {400, "TooManyRequestsException", SATCHEL_THROTTLED, SAT_RETRY_THROTTLE},
    {400, "RequestLimitExceeded", SATCHEL_THROTTLED, SAT_RETRY_THROTTLE},
    {400, "BandwidthLimitExceeded", SATCHEL_THROTTLED, SAT_RETRY_THROTTLE},
    {400, "LimitExceededException", SATCHEL_THROTTLED, SAT_RETRY_THROTTLE},
    {400, "PriorRequestNotComplete", SATCHEL_THROTTLED, SAT_RETRY_THROTTLE},
    {400, "ServerBusy", SATCHEL_THROTTLED, SAT_RETRY_THROTTLE},
    {400, "OperationTimedOut", SATCHEL_NETWORK, SAT_RETRY_TRANSIENT},
    {400, "InternalError", SATCHEL_NETWORK, SAT_RETRY_TRANSIENT},
    {400, "ServiceUnavailable", SATCHEL_NETWORK, SAT_RETRY_TRANSIENT},
    {401, NULL, SATCHEL_DENIED, SAT_RETRY_NEVER},
    {403, "AccessDenied", SATCHEL_DENIED, SAT_RETRY_NEVER},
    {403, "SignatureDoesNotMatch", SATCHEL_DENIED, SAT_RETRY_NEVER},
    {403, "InvalidAccessKeyId", SATCHEL_DENIED, SAT_RETRY_NEVER},
    {403, "InvalidObjectState", SATCHEL_ARCHIVED, SAT_RETRY_NEVER},
    {403, NULL, SATCHEL_DENIED, SAT_RETRY_NEVER},
    {404, "NoSuchKey", SATCHEL_NOT_FOUND, SAT_RETRY_NEVER},
    {404, "NoSuchBucket", SATCHEL_NOT_FOUND, SAT_RETRY_NEVER},
    {404, NULL, SATCHEL_NOT_FOUND, SAT_RETRY_NEVER},
    {405, "MethodNotAllowed", SATCHEL_UNSUPPORTED, SAT_RETRY_NEVER},
    {408, NULL, SATCHEL_NETWORK, SAT_RETRY_TRANSIENT},
    {409, "ConditionalRequestConflict", SATCHEL_CONFLICT, SAT_RETRY_TRANSIENT},
    {409, "OperationAborted", SATCHEL_CONFLICT, SAT_RETRY_TRANSIENT},
    {409, "BucketNotEmpty", SATCHEL_CONFLICT, SAT_RETRY_NEVER},
    {409, "BucketAlreadyOwnedByYou", SATCHEL_EXISTS, SAT_RETRY_NEVER},
    {409, "BucketAlreadyExists", SATCHEL_EXISTS, SAT_RETRY_NEVER},
    {409, NULL, SATCHEL_CONFLICT, SAT_RETRY_NEVER},
    {411, "MissingContentLength", SATCHEL_INVALID, SAT_RETRY_NEVER},
    {412, "PreconditionFailed", SATCHEL_CONFLICT, SAT_RETRY_NEVER},
    {412, NULL, SATCHEL_CONFLICT, SAT_RETRY_NEVER},
    {416, "InvalidRange", SATCHEL_INVALID, SAT_RETRY_NEVER},
    {418, NULL, SATCHEL_INVALID, SAT_RETRY_NEVER},
    {429, NULL, SATCHEL_THROTTLED, SAT_RETRY_THROTTLE},
    {500, "InternalError", SATCHEL_NETWORK, SAT_RETRY_TRANSIENT},
    {500, NULL, SATCHEL_NETWORK, SAT_RETRY_TRANSIENT},
    {501, "NotImplemented", SATCHEL_UNSUPPORTED, SAT_RETRY_NEVER},
    {502, NULL, SATCHEL_NETWORK, SAT_RETRY_TRANSIENT},
    {503, "SlowDown", SATCHEL_THROTTLED, SAT_RETRY_THROTTLE},
    {503, "ServiceUnavailable", SATCHEL_NETWORK, SAT_RETRY_TRANSIENT},
    {503, NULL, SATCHEL_NETWORK, SAT_RETRY_TRANSIENT},
    {504, NULL, SATCHEL_NETWORK, SAT_RETRY_TRANSIENT},
    {505, NULL, SATCHEL_NETWORK, SAT_RETRY_NEVER},
    {507, NULL, SATCHEL_LIMIT, SAT_RETRY_NEVER},
    {599, NULL, SATCHEL_NETWORK, SAT_RETRY_NEVER},
    {304, NULL, SATCHEL_NETWORK, SAT_RETRY_NEVER},
    {307, NULL, SATCHEL_NETWORK, SAT_RETRY_NEVER},
};

static void every_failure_has_its_code_and_retry_class(void **state)
{
    struct s3_fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char body[256] = "<html>oops</html>";
        if (cases[i].service_code != NULL)
            snprintf(body, sizeof body, "<?xml version=\"1.0\"?><Error><Code>%s</Code></Error>",
                     cases[i].service_code);
        refuse(f, SAT_OP_PUT, cases[i].status, "", body);
        assert_int_equal(f->verdict.code, cases[i].code);
        assert_int_equal(f->verdict.retry, cases[i].retry);
        assert_int_equal(f->err.http_status, cases[i].status);
    }
}

static void a_head_reply_is_judged_by_its_status(void **state)
{
    struct s3_fixture *f = *state;
    refuse(f, SAT_OP_STAT, 404, "x-amz-request-id: R1\n", "");
    assert_int_equal(f->verdict.code, SATCHEL_NOT_FOUND);
    assert_string_equal(f->err.text, "not found: s3://bucket/a/key (HTTP 404, request R1)");
    assert_string_equal(f->err.request_id, "R1");
    refuse(f, SAT_OP_STAT, 403, "", "");
    assert_int_equal(f->verdict.code, SATCHEL_DENIED);
    refuse(f, SAT_OP_STAT, 503, "", "");
    assert_int_equal(f->verdict.retry, SAT_RETRY_TRANSIENT);
}

static void the_text_has_the_services_words_and_what_to_do(void **state)
{
    struct s3_fixture *f = *state;
    refuse(f, SAT_OP_GET, 403, "",
           "<Error><Code>SignatureDoesNotMatch</Code><Message>It\ndoes not match.</Message>"
           "<RequestId>R2</RequestId><HostId>h</HostId></Error>");
    assert_string_equal(f->err.text,
                        "get of s3://bucket/a/key denied: check secret_access_key "
                        "(AWS_SECRET_ACCESS_KEY): SignatureDoesNotMatch: It?does not match. "
                        "(HTTP 403, request R2)");
    assert_string_equal(f->err.request_id, "R2");
}

static void a_missing_bucket_is_named_with_the_way_to_make_it(void **state)
{
    struct s3_fixture *f = *state;
    refuse(f, SAT_OP_PUT, 404, "", "<Error><Code>NoSuchBucket</Code></Error>");
    assert_non_null(strstr(f->err.text, "bucket 'bucket' not found (-c or create_bucket=true"));
    f->op.bucket = "other";
    refuse(f, SAT_OP_BUCKET_STAT, 404, "", "");
    assert_non_null(strstr(f->err.text, "bucket 'other' not found"));
    assert_null(strstr(f->err.text, "create_bucket"));
}

static void a_bucket_elsewhere_names_its_region(void **state)
{
    struct s3_fixture *f = *state;
    static const char header[] = "x-amz-bucket-region: eu-west-1\n";
    refuse(f, SAT_OP_STAT, 301, header, "");
    assert_int_equal(f->verdict.code, SATCHEL_INVALID);
    assert_int_equal(f->verdict.retry, SAT_RETRY_MOVED);
    assert_string_equal(f->verdict.region, "eu-west-1");
    assert_non_null(strstr(f->err.text, "not in 'us-east-1': set region=eu-west-1"));
    refuse(f, SAT_OP_STAT, 400, header, "");
    assert_non_null(strstr(f->err.text, "set region=eu-west-1"));
    refuse(f, SAT_OP_GET, 400, "",
           "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-1</Region></Error>");
    assert_int_equal(f->verdict.code, SATCHEL_INVALID);
    assert_non_null(strstr(f->err.text, "set region=eu-west-1"));
    refuse(f, SAT_OP_STAT, 403, header, ""); /* S3 names the region here too */
    assert_int_equal(f->verdict.code, SATCHEL_DENIED);
    refuse(f, SAT_OP_STAT, 400, "x-amz-bucket-region: us-east-1\n", "");
    assert_null(strstr(f->err.text, "set region"));
    refuse(f, SAT_OP_PUT, 400, header, "<Error><Code>InvalidArgument</Code></Error>");
    assert_null(strstr(f->err.text, "set region"));
}

static void a_reply_of_the_region_asked_is_no_redirect(void **state)
{
    struct s3_fixture *f = *state;
    struct sat_endpoint moved = f->endpoint;
    (void)snprintf(moved.region, sizeof moved.region, "eu-west-1");
    f->op.endpoint = &moved;
    refuse(f, SAT_OP_STAT, 301, "x-amz-bucket-region: eu-west-1\n", "");
    assert_int_equal(f->verdict.retry, SAT_RETRY_NEVER);
    assert_non_null(strstr(f->err.text, "a redirect to another place is not followed"));
    refuse(f, SAT_OP_STAT, 301, "x-amz-bucket-region: us-east-1\n", "");
    assert_string_equal(f->verdict.region, "us-east-1");
    f->op.endpoint = NULL;
}

static void only_what_is_said_of_its_own_bucket_moves_a_connection(void **state)
{
    struct s3_fixture *f = *state;
    static const char header[] = "x-amz-bucket-region: eu-west-1\n";
    f->op.bucket = "other";
    refuse(f, SAT_OP_BUCKET_STAT, 301, header, "");
    assert_int_equal(f->verdict.retry, SAT_RETRY_NEVER);
    assert_non_null(strstr(f->err.text, "bucket 'other' is in region 'eu-west-1'"));
    f->op.bucket = "bucket";
    refuse(f, SAT_OP_BUCKET_STAT, 301, header, "");
    assert_int_equal(f->verdict.retry, SAT_RETRY_MOVED);
    refuse(f, SAT_OP_BUCKET_CREATE, 301, header, "");
    assert_int_equal(f->verdict.retry, SAT_RETRY_NEVER);
    refuse(f, SAT_OP_STAT, 301,
           "x-amz-bucket-region: r-of-more-characters-than-a-name-of-a-region-"
           "has-in-any-partition-there-is\n",
           "");
    assert_int_equal(f->verdict.retry, SAT_RETRY_NEVER);
}

static void a_wrong_clock_is_measured_by_the_date_of_the_reply(void **state)
{
    struct s3_fixture *f = *state;
    static const char body[] = "<Error><Code>RequestTimeTooSkewed</Code></Error>";
    sat_clock_fake_wall(INT64_C(1369353600) * SAT_NS_PER_S);
    refuse(f, SAT_OP_GET, 403, "Date: Fri, 24 May 2013 01:00:00 GMT\n", body);
    assert_int_equal(f->verdict.retry, SAT_RETRY_SKEW);
    assert_int_equal(f->verdict.skew_s, 3600);
    assert_int_equal(f->verdict.code, SATCHEL_DENIED);
    refuse(f, SAT_OP_GET, 403, "Date: Thu, 23 May 2013 23:59:00 GMT\n", body);
    assert_int_equal(f->verdict.skew_s, -60);
    refuse(f, SAT_OP_GET, 403, "", body);
    assert_int_equal(f->verdict.retry, SAT_RETRY_NEVER);
    sat_clock_fake_wall(SAT_CLOCK_REAL);
}

static uint32_t wait_for(struct s3_fixture *f, const char *headers)
{
    refuse(f, SAT_OP_GET, 503, headers, "");
    return f->verdict.retry_after_ms;
}

static void the_service_says_how_long_to_wait(void **state)
{
    struct s3_fixture *f = *state;
    assert_int_equal(wait_for(f, ""), 0);
    assert_int_equal(wait_for(f, "Retry-After: 3\n"), 3000);
    assert_int_equal(wait_for(f, "x-amz-retry-after: 250\nRetry-After: 3\n"), 250);
    assert_int_equal(wait_for(f, "Retry-After: 99999999999\n"), 300 * 1000);
    assert_int_equal(wait_for(f, "Retry-After: soon\n"), 0);
    assert_int_equal(wait_for(f, "Date: Fri, 24 May 2013 01:00:00 GMT\n"
                                 "Retry-After: Fri, 24 May 2013 01:00:07 GMT\n"),
                     7000);
    assert_int_equal(wait_for(f, "Date: Fri, 24 May 2013 01:00:07 GMT\n"
                                 "Retry-After: Fri, 24 May 2013 01:00:00 GMT\n"),
                     0);
}

static void a_date_to_wait_for_counts_by_our_clock_without_one_of_theirs(void **state)
{
    struct s3_fixture *f = *state;
    static const char after[] = "Retry-After: Fri, 24 May 2013 00:00:09 GMT\n";
    sat_clock_fake_wall(INT64_C(1369353600) * SAT_NS_PER_S);
    assert_int_equal(wait_for(f, after), 9000);
    sat_clock_fake_wall(INT64_C(1369353700) * SAT_NS_PER_S);
    assert_int_equal(wait_for(f, after), 0);
    sat_clock_fake_wall(SAT_CLOCK_REAL);
}

static void hostile_errors_are_cut_and_printable(void **state)
{
    struct s3_fixture *f = *state;
    char body[4096];
    char key[600];
    memset(key, 'k', sizeof key - 1);
    key[sizeof key - 1] = '\0';
    memcpy(key + 190, "\xc3\xa9\xc3\xa9\xc3\xa9\n", 7);
    f->op.key = key;
    snprintf(body, sizeof body,
             "<Error><Code>%0300d</Code><Message>%01000d</Message>"
             "<RequestId>%0200d</RequestId></Error>",
             1, 2, 3);
    refuse(f, SAT_OP_GET, 500, "", body);
    assert_int_equal(f->verdict.code, SATCHEL_NETWORK);
    assert_int_equal(strlen(f->err.request_id), 79);
    assert_null(strchr(f->err.text, '\n'));
    refuse(f, SAT_OP_GET, 500,
           "x-amz-request-id: a\x01"
           "b\n",
           "<Error><Code>");
    assert_string_equal(f->err.request_id, "a?b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        S3_TEST(every_failure_has_its_code_and_retry_class),
        S3_TEST(a_head_reply_is_judged_by_its_status),
        S3_TEST(the_text_has_the_services_words_and_what_to_do),
        S3_TEST(a_missing_bucket_is_named_with_the_way_to_make_it),
        S3_TEST(a_bucket_elsewhere_names_its_region),
        S3_TEST(a_reply_of_the_region_asked_is_no_redirect),
        S3_TEST(only_what_is_said_of_its_own_bucket_moves_a_connection),
        S3_TEST(a_wrong_clock_is_measured_by_the_date_of_the_reply),
        S3_TEST(the_service_says_how_long_to_wait),
        S3_TEST(a_date_to_wait_for_counts_by_our_clock_without_one_of_theirs),
        S3_TEST(hostile_errors_are_cut_and_printable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
