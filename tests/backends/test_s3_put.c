/* Writing objects: headers, and what must come back. */
#include "backends/s3_fixture.h"

#include "core/crc.h"
#include "core/str.h"

/* ---- put */

static void put_sends_everything(void **state)
{
    struct s3_fixture *f = *state;
    struct sat_tags tags = {0};
    struct sat_tags metadata = {0};
    sat_tags_add_str(&tags, "a b", "c&d=é", NULL);
    sat_tags_add_str(&tags, "x", "", NULL);
    sat_tags_add_str(&metadata, "Name", "va lue", NULL);
    f->op.tags = &tags;
    f->op.metadata = &metadata;
    f->op.content_type = "application/json";
    f->op.if_match = "e-1";
    f->op.key = "dir/ü +%.txt";
    f->request.has_crc64 = true;
    f->request.crc64 = UINT64_C(0xae8b14860a799888);
    assert_int_equal(s3_build(f, SAT_OP_PUT), SATCHEL_OK);
    assert_string_equal(f->request.method, "PUT");
    assert_true(f->request.body_is_source);
    assert_string_equal(sat_buf_str(&f->request.path), "/bucket/dir/%C3%BC%20%2B%25.txt");
    assert_string_equal(s3_header(f, "x-amz-tagging"), "a%20b=c%26d%3D%C3%A9&x=");
    assert_string_equal(s3_header(f, "x-amz-meta-name"), "va lue");
    assert_string_equal(s3_header(f, "Content-Type"), "application/json");
    assert_string_equal(s3_header(f, "If-Match"), "\"e-1\"");
    assert_string_equal(s3_header(f, "If-None-Match"), "");
    assert_string_equal(s3_header(f, "x-amz-checksum-crc64nvme"), "rosUhgp5mIg=");
    sat_tags_fini(&tags);
    sat_tags_fini(&metadata);
}

static void a_plain_put_sends_no_more_than_it_must(void **state)
{
    struct s3_fixture *f = *state;
    assert_int_equal(s3_build(f, SAT_OP_PUT), SATCHEL_OK);
    assert_int_equal(f->request.lines.len, 0);
    f->op.if_absent = true;
    assert_int_equal(s3_build(f, SAT_OP_PUT), SATCHEL_OK);
    assert_string_equal(s3_header(f, "If-None-Match"), "*");
}

static void a_weak_etag_is_sent_as_it_is(void **state)
{
    struct s3_fixture *f = *state;
    f->op.if_match = "W/\"abc\"";
    assert_int_equal(s3_build(f, SAT_OP_PUT), SATCHEL_OK);
    assert_string_equal(s3_header(f, "If-Match"), "W/\"abc\"");
}

static void header_injection_is_refused(void **state)
{
    struct s3_fixture *f = *state;
    f->op.content_type = "text/plain\r\nx-amz-acl: public-read";
    assert_int_equal(s3_build(f, SAT_OP_PUT), SATCHEL_INVALID);
    f->op.content_type = NULL;
    f->op.if_match = "e\"\r\nx: y";
    assert_int_equal(s3_build(f, SAT_OP_PUT), SATCHEL_INVALID);
    assert_non_null(strstr(f->err.text, "If-Match"));
}

static void put_keeps_what_the_service_says_it_stored(void **state)
{
    struct s3_fixture *f = *state;
    f->op.source.length = 9;
    s3_reply(f, 200, "ETag: \"e\"\nx-amz-checksum-crc64nvme: rosUhgp5mIg=\n", "");
    assert_int_equal(s3_accept(f, SAT_OP_PUT), SATCHEL_OK);
    assert_string_equal(f->op.info.etag, "e");
    assert_true(f->op.info.has_crc64);
    assert_true(f->op.info.crc64 == UINT64_C(0xae8b14860a799888));
    assert_int_equal(f->op.info.size, 9);
}

static void put_without_an_etag_is_no_success(void **state)
{
    struct s3_fixture *f = *state;
    s3_reply(f, 200, "Content-Type: text/html\n", "<html><body>Please log in</body></html>");
    assert_int_equal(s3_accept(f, SAT_OP_PUT), SATCHEL_NETWORK);
    assert_int_equal(f->verdict.retry, SAT_RETRY_TRANSIENT);
    s3_reply(f, 200, "", "");
    assert_int_equal(s3_accept(f, SAT_OP_PUT), SATCHEL_NETWORK);
    s3_reply(f, 200, "", "<Error><Code>SlowDown</Code></Error>");
    assert_int_equal(s3_accept(f, SAT_OP_PUT), SATCHEL_THROTTLED);
    s3_reply(f, 204, "ETag: \"e\"\n", "");
    assert_int_equal(s3_accept(f, SAT_OP_PUT), SATCHEL_NETWORK);
}

static void a_lost_condition_of_put_says_which(void **state)
{
    struct s3_fixture *f = *state;
    f->op.if_match = "old";
    s3_reply(f, 412, "", "<Error><Code>PreconditionFailed</Code></Error>");
    assert_int_equal(s3_accept(f, SAT_OP_PUT), SATCHEL_CONFLICT);
    assert_non_null(strstr(f->err.text, "s3://bucket/a/key"));
    f->op.if_match = NULL;
    f->op.if_absent = true;
    assert_int_equal(s3_accept(f, SAT_OP_PUT), SATCHEL_EXISTS);
    assert_non_null(strstr(f->err.text, "already exists: s3://bucket/a/key"));
}

static void the_class_of_the_configuration_holds_until_the_op_names_one(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const options[] = {"storage_class", "GLACIER", NULL};
    assert_int_equal(s3_build(f, SAT_OP_PUT), SATCHEL_OK);
    assert_string_equal(s3_header(f, "x-amz-storage-class"), "");
    assert_int_equal(s3_open_with(f, "bucket", options), SATCHEL_OK);
    assert_int_equal(s3_build(f, SAT_OP_PUT), SATCHEL_OK);
    assert_string_equal(s3_header(f, "x-amz-storage-class"), "GLACIER");
    f->op.storage_class = "STANDARD_IA";
    assert_int_equal(s3_build(f, SAT_OP_PUT), SATCHEL_OK);
    assert_string_equal(s3_header(f, "x-amz-storage-class"), "STANDARD_IA");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        S3_TEST(put_sends_everything),
        S3_TEST(a_plain_put_sends_no_more_than_it_must),
        S3_TEST(a_weak_etag_is_sent_as_it_is),
        S3_TEST(header_injection_is_refused),
        S3_TEST(put_keeps_what_the_service_says_it_stored),
        S3_TEST(put_without_an_etag_is_no_success),
        S3_TEST(a_lost_condition_of_put_says_which),
        S3_TEST(the_class_of_the_configuration_holds_until_the_op_names_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
