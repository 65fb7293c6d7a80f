/* s3: opening, and requests and replies of STAT, GET, PUT and DELETE. */
#include "backends/s3_fixture.h"

#include <stdio.h>

#include "backends/registry.h"
#include "core/alloc.h"
#include "core/str.h"

#define OBJECT_HEADERS                                                                             \
    "ETag: \"9e107d9d372bb6826bd81d3542a419d6\"\nContent-Length: 100\n"                            \
    "Last-Modified: Fri, 24 May 2013 00:00:00 GMT\n"

/* ---- open */

static void a_region_chooses_the_endpoint(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const options[] = {"region", "eu-west-1", NULL};
    assert_int_equal(s3_open_with(f, "bucket", options), SATCHEL_OK);
    assert_string_equal(f->endpoint.url, "https://s3.eu-west-1.amazonaws.com");
    assert_string_equal(f->endpoint.authority, "s3.eu-west-1.amazonaws.com");
    assert_int_equal(f->endpoint.port, 443);
    assert_true(f->endpoint.tls);
}

/* As botocore's partitions.json has them. */
static void each_partition_has_a_domain(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const regions[][2] = {
        {"us-east-1", "s3.us-east-1.amazonaws.com"},
        {"us-iso", "s3.us-iso.amazonaws.com"},
        {"cn-north-1", "s3.cn-north-1.amazonaws.com.cn"},
        {"us-gov-west-1", "s3.us-gov-west-1.amazonaws.com"},
        {"us-iso-east-1", "s3.us-iso-east-1.c2s.ic.gov"},
        {"us-isob-east-1", "s3.us-isob-east-1.sc2s.sgov.gov"},
        {"us-isof-south-1", "s3.us-isof-south-1.csp.hci.ic.gov"},
        {"eu-isoe-west-1", "s3.eu-isoe-west-1.cloud.adc-e.uk"},
        {"eusc-de-east-1", "s3.eusc-de-east-1.amazonaws.eu"},
    };
    for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++) {
        const char *const options[] = {"region", regions[i][0], NULL};
        assert_int_equal(s3_open_with(f, "bucket", options), SATCHEL_OK);
        assert_string_equal(f->endpoint.host, regions[i][1]);
        assert_string_equal(f->endpoint.region, regions[i][0]);
    }
}

/* ---- move */

/* Whether the connection goes to `to` when a reply says so; f->endpoint is then there. */
static bool moves(struct s3_fixture *f, const char *to)
{
    struct sat_endpoint before = f->endpoint;
    bool moved = f->backend->move(&f->s3, to, &f->endpoint);
    if (!moved)
        assert_memory_equal(&before, &f->endpoint, sizeof before);
    return moved;
}

static const char *scope_of(struct s3_fixture *f)
{
    static char scope[200];
    assert_int_equal(s3_build(f, SAT_OP_GET), SATCHEL_OK);
    assert_int_equal(f->backend->sign(&f->s3, NULL, &f->endpoint, &f->request, 0, &f->err),
                     SATCHEL_OK);
    assert_int_equal(sscanf(s3_header(f, "Authorization"), "%*[^=]=%199[^,]", scope), 1);
    return scope;
}

static void an_address_of_aws_changes_with_the_region(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const options[] = {
        "region", "us-east-1", "access_key_id", "id", "secret_access_key", "s", NULL};
    assert_int_equal(s3_open_with(f, "bucket", options), SATCHEL_OK);
    assert_string_equal(scope_of(f), "id/19700101/us-east-1/s3/aws4_request");
    assert_true(moves(f, "eu-west-1"));
    assert_string_equal(f->endpoint.host, "s3.eu-west-1.amazonaws.com");
    assert_string_equal(f->endpoint.authority, "s3.eu-west-1.amazonaws.com");
    assert_string_equal(f->endpoint.url, "https://s3.eu-west-1.amazonaws.com");
    assert_int_equal(f->endpoint.port, 443);
    assert_string_equal(scope_of(f), "id/19700101/eu-west-1/s3/aws4_request");
    assert_string_equal(f->request.subhost, "bucket.");
}

static void an_address_that_was_named_stays(void **state)
{
    struct s3_fixture *f = *state;
    assert_true(moves(f, "eu-west-1"));
    assert_string_equal(f->endpoint.url, "http://127.0.0.1:9000");
    assert_string_equal(f->endpoint.host, "127.0.0.1");
    assert_string_equal(f->endpoint.authority, "127.0.0.1:9000");
    assert_int_equal(f->endpoint.port, 9000);
    assert_false(f->endpoint.tls);
    assert_string_equal(scope_of(f), "AKIDEXAMPLE/19700101/eu-west-1/s3/aws4_request");
}

static const char *signature_of(struct s3_fixture *f)
{
    static char signature[80];
    (void)scope_of(f);
    const char *found = strstr(s3_header(f, "Authorization"), "Signature=");
    assert_int_equal(sscanf(found, "Signature=%79s", signature), 1);
    return signature;
}

static void after_a_move_requests_are_signed_as_if_opened_there(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const options[] = {
        "endpoint_url", "http://127.0.0.1:9000", "region", "eu-west-1", "access_key_id",
        "AKIDEXAMPLE",  "secret_access_key",     "secret", NULL};
    char there[80];
    char here[80];
    (void)snprintf(here, sizeof here, "%s", signature_of(f));
    assert_true(moves(f, "eu-west-1"));
    (void)snprintf(there, sizeof there, "%s", signature_of(f));
    assert_true(moves(f, "us-east-1"));
    assert_string_equal(signature_of(f), here);
    assert_int_equal(s3_open_with(f, "bucket", options), SATCHEL_OK);
    assert_string_equal(signature_of(f), there);
}

static void another_partition_is_not_gone_to(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const others[] = {"cn-north-1",     "us-gov-west-1",  "us-iso-east-1",
                                         "us-isob-east-1", "eu-isoe-west-1", "eusc-de-east-1",
                                         "us-isof-south-1"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(moves(f, others[i]));
    static const char *const options[] = {"region", "cn-north-1", NULL};
    assert_int_equal(s3_open_with(f, "bucket", options), SATCHEL_OK);
    assert_false(moves(f, "us-east-1"));
    assert_true(moves(f, "cn-northwest-1"));
    assert_string_equal(f->endpoint.host, "s3.cn-northwest-1.amazonaws.com.cn");
}

/* What is no region's name must not become a host's. */
static void a_name_that_is_no_regions_is_not_gone_to(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const names[] = {
        "", "eu-west-1.evil.example/", "a@b", "a:1", "a b", "a\r\nb", "a/b", "\xc3\xa9"};
    char name[SAT_REGION_SIZE + 1];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        assert_false(moves(f, names[i]));
    memset(name, 'a', SAT_REGION_SIZE);
    name[SAT_REGION_SIZE] = '\0';
    assert_false(moves(f, name));
    name[SAT_REGION_SIZE - 1] = '\0';
    assert_true(moves(f, name));
    assert_string_equal(f->endpoint.region, name);
}

static void an_endpoint_url_with_a_prefix_goes_into_the_path(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const options[] = {"endpoint_url", "http://[::1]:9000/s3/", NULL};
    assert_int_equal(s3_open_with(f, "bucket", options), SATCHEL_OK);
    assert_string_equal(f->endpoint.url, "http://[::1]:9000");
    assert_string_equal(f->endpoint.host, "::1");
    assert_int_equal(f->endpoint.port, 9000);
    assert_int_equal(s3_build(f, SAT_OP_STAT), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&f->request.path), "/s3/bucket/a/key");
}

static void opening_refuses_what_cannot_work(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const region[] = {"region", "eu/west", NULL};
    static const char *const half[] = {"access_key_id", "id", NULL};
    static const char *const none[] = {NULL};
    assert_int_equal(s3_open_with(f, "bucket", region), SATCHEL_INVALID);
    assert_int_equal(s3_open_with(f, "bucket", half), SATCHEL_INVALID);
    assert_non_null(strstr(f->err.text, "AWS_SECRET_ACCESS_KEY"));
    assert_int_equal(s3_open_with(f, "Bucket", none), SATCHEL_INVALID);
    assert_non_null(strstr(f->err.text, "Bucket"));
}

/* ---- sign */

static void an_anonymous_request_has_no_signature(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const options[] = {"no_sign_request", "true", "access_key_id", "id", NULL};
    assert_int_equal(s3_open_with(f, "bucket", options), SATCHEL_OK);
    assert_int_equal(s3_build(f, SAT_OP_GET), SATCHEL_OK);
    assert_int_equal(f->backend->sign(&f->s3, NULL, &f->endpoint, &f->request, 0, &f->err),
                     SATCHEL_OK);
    assert_string_equal(s3_header(f, "Authorization"), "");
    assert_string_equal(s3_header(f, "x-amz-date"), "");
}

static unsigned needs_with(struct s3_fixture *f, const char *endpoint, const char *signing,
                           const char *checksums)
{
    const char *const options[] = {"endpoint_url",
                                   endpoint,
                                   "access_key_id",
                                   "id",
                                   "secret_access_key",
                                   "secret",
                                   "payload_signing",
                                   signing,
                                   "request_checksum_calculation",
                                   checksums,
                                   NULL};
    assert_int_equal(s3_open_with(f, "bucket", options), SATCHEL_OK);
    f->op.kind = SAT_OP_PUT;
    return f->backend->needs(&f->s3, &f->op);
}

static void a_put_is_hashed_where_nothing_else_protects_it(void **state)
{
    struct s3_fixture *f = *state;
    const unsigned both = SAT_NEED_SHA256 | SAT_NEED_CRC64;
    assert_int_equal(needs_with(f, "http://h", "auto", "when_supported"), both);
    assert_int_equal(needs_with(f, "https://h", "auto", "when_supported"), SAT_NEED_CRC64);
    assert_int_equal(needs_with(f, "https://h", "auto", "when_required"), SAT_NEED_SHA256);
    assert_int_equal(needs_with(f, "https://h", "always", "when_supported"), both);
    assert_int_equal(needs_with(f, "http://h", "never", "when_required"), 0);
    f->op.kind = SAT_OP_GET;
    assert_int_equal(f->backend->needs(&f->s3, &f->op), 0);
}

static void the_payload_hash_is_the_bodys_or_none(void **state)
{
    struct s3_fixture *f = *state;
    assert_int_equal(s3_build(f, SAT_OP_PUT), SATCHEL_OK);
    assert_int_equal(f->backend->sign(&f->s3, NULL, &f->endpoint, &f->request, 0, &f->err),
                     SATCHEL_OK);
    assert_string_equal(s3_header(f, "x-amz-content-sha256"), "UNSIGNED-PAYLOAD");

    f->request.has_sha256 = true;
    memset(f->request.sha256, 0xab, sizeof f->request.sha256);
    assert_int_equal(s3_build(f, SAT_OP_PUT), SATCHEL_OK);
    assert_int_equal(f->backend->sign(&f->s3, NULL, &f->endpoint, &f->request, 0, &f->err),
                     SATCHEL_OK);
    assert_true(sat_str_starts(s3_header(f, "x-amz-content-sha256"), "abababab"));

    assert_int_equal(s3_build(f, SAT_OP_GET), SATCHEL_OK);
    assert_int_equal(f->backend->sign(&f->s3, NULL, &f->endpoint, &f->request, 0, &f->err),
                     SATCHEL_OK);
    assert_true(sat_str_starts(s3_header(f, "x-amz-content-sha256"), "e3b0c44298fc1c14"));
}

/* ---- stat */

static void stat_asks_for_the_checksum(void **state)
{
    struct s3_fixture *f = *state;
    assert_int_equal(s3_build(f, SAT_OP_STAT), SATCHEL_OK);
    assert_string_equal(f->request.method, "HEAD");
    assert_string_equal(sat_buf_str(&f->request.path), "/bucket/a/key");
    assert_string_equal(sat_buf_str(&f->request.query), "");
    assert_string_equal(s3_header(f, "x-amz-checksum-mode"), "ENABLED");
}

static void stat_reads_the_headers(void **state)
{
    struct s3_fixture *f = *state;
    s3_reply(f, 200, OBJECT_HEADERS "x-amz-meta-a: b\n", "");
    assert_int_equal(s3_accept(f, SAT_OP_STAT), SATCHEL_OK);
    assert_int_equal(f->op.info.size, 100);
    assert_string_equal(f->op.info.etag, "9e107d9d372bb6826bd81d3542a419d6");
    assert_int_equal(f->op.info.mtime_ns, INT64_C(1369353600) * 1000000000);
    assert_int_equal(sat_tags_count(&f->op.info.metadata), 1);
}

static void stat_without_length_or_etag_is_no_answer(void **state)
{
    struct s3_fixture *f = *state;
    s3_reply(f, 200, "ETag: \"e\"\n", "");
    assert_int_equal(s3_accept(f, SAT_OP_STAT), SATCHEL_NETWORK);
    assert_int_equal(f->verdict.retry, SAT_RETRY_TRANSIENT);
    s3_reply(f, 200, "Content-Length: 5\n", "");
    assert_int_equal(s3_accept(f, SAT_OP_STAT), SATCHEL_NETWORK);
}

/* ---- get */

static const char *range_of(struct s3_fixture *f, uint64_t offset, uint64_t length)
{
    f->op.range_offset = offset;
    f->op.range_length = length;
    assert_int_equal(s3_build(f, SAT_OP_GET), SATCHEL_OK);
    return s3_header(f, "Range");
}

static void get_sends_ranges(void **state)
{
    struct s3_fixture *f = *state;
    assert_string_equal(range_of(f, 0, 0), "");
    assert_string_equal(range_of(f, 0, 10), "bytes=0-9");
    assert_string_equal(range_of(f, 5, 0), "bytes=5-");
    assert_string_equal(range_of(f, 5, 1), "bytes=5-5");
    assert_string_equal(range_of(f, 5, UINT64_MAX), "bytes=5-");
    assert_string_equal(f->request.method, "GET");
    assert_string_equal(s3_header(f, "x-amz-checksum-mode"), "ENABLED");
}

static void get_accepts_the_whole_object(void **state)
{
    struct s3_fixture *f = *state;
    s3_reply(f, 200, OBJECT_HEADERS, "");
    assert_int_equal(s3_accept(f, SAT_OP_GET), SATCHEL_OK);
    assert_int_equal(f->op.info.size, 100);
    assert_true(f->op.info.has_md5);
}

static void get_accepts_exactly_the_range(void **state)
{
    struct s3_fixture *f = *state;
    f->op.range_offset = 10;
    f->op.range_length = 20;
    s3_reply(f, 206, "ETag: \"e\"\nContent-Range: bytes 10-29/100\nContent-Length: 20\n", "");
    assert_int_equal(s3_accept(f, SAT_OP_GET), SATCHEL_OK);
    assert_int_equal(f->op.info.size, 100);
    f->op.range_length = 1000;
    s3_reply(f, 206, "ETag: \"e\"\nContent-Range: bytes 10-99/100\nContent-Length: 90\n", "");
    assert_int_equal(s3_accept(f, SAT_OP_GET), SATCHEL_OK);
    f->op.range_length = 0;
    assert_int_equal(s3_accept(f, SAT_OP_GET), SATCHEL_OK);
}

static void get_refuses_another_range(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const wrong[] = {
        "Content-Range: bytes 11-30/100\n", /* shifted */
        "Content-Range: bytes 10-28/100\n", /* short */
        "Content-Range: bytes 10-30/100\n", /* long */
        "Content-Range: bytes 10-29/*\n",
        "Content-Range: bytes 10-29/20\n",
        "Content-Range: bytes 29-10/100\n",
        "Content-Range: items 10-29/100\n",
        "Content-Range: bytes 10-29/100x\n",
        "Content-Range: bytes -/\n",
        "Content-Range: bytes 10-29/100\nContent-Length: 19\n",
        "",
    };
    f->op.range_offset = 10;
    f->op.range_length = 20;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char headers[256] = "ETag: \"e\"\n";
        strncat(headers, wrong[i], sizeof headers - 20);
        s3_reply(f, 206, headers, "");
        assert_int_equal(s3_accept(f, SAT_OP_GET), SATCHEL_INTEGRITY);
    }
}

static void get_refuses_a_whole_object_for_a_range_and_the_reverse(void **state)
{
    struct s3_fixture *f = *state;
    s3_reply(f, 206, OBJECT_HEADERS "Content-Range: bytes 0-99/100\n", "");
    assert_int_equal(s3_accept(f, SAT_OP_GET), SATCHEL_INTEGRITY);
    f->op.range_offset = 10;
    s3_reply(f, 200, OBJECT_HEADERS, "");
    assert_int_equal(s3_accept(f, SAT_OP_GET), SATCHEL_INTEGRITY);
    assert_non_null(strstr(f->err.text, "ignored"));
}

static void get_refuses_a_reply_without_length_or_etag(void **state)
{
    struct s3_fixture *f = *state;
    s3_reply(f, 200, "ETag: \"e\"\n", "");
    assert_int_equal(s3_accept(f, SAT_OP_GET), SATCHEL_INTEGRITY);
    s3_reply(f, 200, "Content-Length: 5\n", "<html>");
    assert_int_equal(s3_accept(f, SAT_OP_GET), SATCHEL_INTEGRITY);
    s3_reply(f, 204, OBJECT_HEADERS, "");
    assert_int_equal(s3_accept(f, SAT_OP_GET), SATCHEL_INTEGRITY);
}

static void get_of_another_version_is_modified(void **state)
{
    struct s3_fixture *f = *state;
    f->op.if_match = "old";
    assert_int_equal(s3_build(f, SAT_OP_GET), SATCHEL_OK);
    assert_string_equal(s3_header(f, "If-Match"), "\"old\"");
    s3_reply(f, 200, OBJECT_HEADERS, ""); /* a store that ignores If-Match */
    assert_int_equal(s3_accept(f, SAT_OP_GET), SATCHEL_MODIFIED);
    s3_reply(f, 412, "", "<Error><Code>PreconditionFailed</Code></Error>");
    assert_int_equal(s3_accept(f, SAT_OP_GET), SATCHEL_MODIFIED);
    assert_int_equal(f->verdict.retry, SAT_RETRY_NEVER);
}

static void a_range_from_zero_of_an_empty_object_is_empty(void **state)
{
    struct s3_fixture *f = *state;
    f->op.range_length = 10;
    s3_reply(f, 416, "", "<Error><Code>InvalidRange</Code></Error>");
    assert_int_equal(s3_accept(f, SAT_OP_GET), SATCHEL_OK);
    assert_int_equal(f->op.info.size, 0);
    f->op.range_offset = 1;
    assert_int_equal(s3_accept(f, SAT_OP_GET), SATCHEL_INVALID);
}

/* ---- delete */

static void delete_is_done_when_the_key_is_gone(void **state)
{
    struct s3_fixture *f = *state;
    f->op.if_match = "e";
    assert_int_equal(s3_build(f, SAT_OP_DELETE), SATCHEL_OK);
    assert_string_equal(f->request.method, "DELETE");
    assert_string_equal(s3_header(f, "If-Match"), "\"e\"");
    s3_reply(f, 204, "", "");
    assert_int_equal(s3_accept(f, SAT_OP_DELETE), SATCHEL_OK);
    s3_reply(f, 404, "", "<Error><Code>NoSuchKey</Code></Error>");
    assert_int_equal(s3_accept(f, SAT_OP_DELETE), SATCHEL_NOT_FOUND);
    f->op.if_match = NULL;
    assert_int_equal(s3_accept(f, SAT_OP_DELETE), SATCHEL_OK);
    s3_reply(f, 404, "", "<Error><Code>NoSuchBucket</Code></Error>");
    assert_int_equal(s3_accept(f, SAT_OP_DELETE), SATCHEL_NOT_FOUND);
}

static void delete_is_not_done_because_a_web_page_says_200(void **state)
{
    struct s3_fixture *f = *state;
    s3_reply(f, 200, "", "<html><body>hello</body></html>");
    assert_int_equal(s3_accept(f, SAT_OP_DELETE), SATCHEL_NETWORK);
    s3_reply(f, 200, "", "hello");
    assert_int_equal(s3_accept(f, SAT_OP_DELETE), SATCHEL_NETWORK);
    s3_reply(f, 200, "", "<Error><Code>InternalError</Code></Error>");
    assert_int_equal(s3_accept(f, SAT_OP_DELETE), SATCHEL_NETWORK);
    assert_int_equal(f->verdict.retry, SAT_RETRY_TRANSIENT);
    s3_reply(f, 202, "", "");
    assert_int_equal(s3_accept(f, SAT_OP_DELETE), SATCHEL_NETWORK);
}

/* ---- out of memory */

/* Builds, signs and judges one op of the kind; the first code that is not OK. */
static int run_kind(struct s3_fixture *f, enum sat_op_kind kind, const char *body)
{
    int code = s3_build(f, kind);
    if (code == SATCHEL_OK)
        code = f->backend->sign(&f->s3, NULL, &f->endpoint, &f->request, 0, &f->err);
    if (code == SATCHEL_OK)
        code = sat_buf_add_str(&f->reply.body, body);
    return code == SATCHEL_OK ? s3_accept(f, kind) : code;
}

static void every_failing_allocation_is_a_clean_error(void **state)
{
    struct s3_fixture *f = *state;
    static const struct {
        enum sat_op_kind kind;
        const char *body;
    } runs[] = {
        {SAT_OP_STAT, ""},
        {SAT_OP_GET, ""},
        {SAT_OP_PUT, ""},
        {SAT_OP_DELETE_MANY, "<DeleteResult><Deleted><Key>k</Key></Deleted></DeleteResult>"},
        {SAT_OP_LIST, "<ListBucketResult><Prefix/><IsTruncated>true</IsTruncated>"
                      "<EncodingType>url</EncodingType><Contents><Key>k%20</Key><Size>1</Size>"
                      "<ETag>e</ETag></Contents><NextContinuationToken>t</NextContinuationToken>"
                      "</ListBucketResult>"},
        {SAT_OP_TAGS_GET, "<Tagging><TagSet><Tag><Key>k</Key></Tag></TagSet></Tagging>"},
        {SAT_OP_TAGS_SET, ""},
        {SAT_OP_BUCKET_CREATE, ""},
        {SAT_OP_BUCKET_LIST, "<ListAllMyBucketsResult><Buckets><Bucket><Name>b</Name></Bucket>"
                             "</Buckets></ListAllMyBucketsResult>"},
    };
    static const char *const keys[] = {"k"};
    struct sat_tags tags = {0};
    sat_tags_add_str(&tags, "t", "v", NULL);
    f->op.tags = &tags;
    f->op.metadata = &tags;
    f->op.many.keys = keys;
    f->op.many.count = 1;
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        int code = SATCHEL_NOMEM;
        for (long nth = 1; code != SATCHEL_OK; nth++) {
            assert_true(nth < 200);
            sat_op_fini(&f->op);
            sat_request_fini(&f->request);
            sat_request_init(&f->request);
            s3_reply(f, 200, OBJECT_HEADERS "x-amz-meta-a: b\n", "");
            sat_buf_fini(&f->reply.body);
            sat_alloc_fail_nth(nth);
            code = run_kind(f, runs[i].kind, runs[i].body);
            sat_alloc_fail_nth(0);
            assert_true(code == SATCHEL_OK || code == SATCHEL_NOMEM);
        }
    }
    sat_tags_fini(&tags);
}

/* ---- table */

static void every_kind_has_its_slots(void **state)
{
    struct s3_fixture *f = *state;
    for (int kind = 0; kind < SAT_OP_KINDS; kind++) {
        assert_non_null(f->backend->slots[kind].build);
        assert_non_null(f->backend->slots[kind].accept);
        assert_null(f->backend->slots[kind].run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        S3_TEST(a_region_chooses_the_endpoint),
        S3_TEST(each_partition_has_a_domain),
        S3_TEST(an_address_of_aws_changes_with_the_region),
        S3_TEST(an_address_that_was_named_stays),
        S3_TEST(after_a_move_requests_are_signed_as_if_opened_there),
        S3_TEST(another_partition_is_not_gone_to),
        S3_TEST(a_name_that_is_no_regions_is_not_gone_to),
        S3_TEST(an_endpoint_url_with_a_prefix_goes_into_the_path),
        S3_TEST(opening_refuses_what_cannot_work),
        S3_TEST(an_anonymous_request_has_no_signature),
        S3_TEST(a_put_is_hashed_where_nothing_else_protects_it),
        S3_TEST(the_payload_hash_is_the_bodys_or_none),
        S3_TEST(stat_asks_for_the_checksum),
        S3_TEST(stat_reads_the_headers),
        S3_TEST(stat_without_length_or_etag_is_no_answer),
        S3_TEST(get_sends_ranges),
        S3_TEST(get_accepts_the_whole_object),
        S3_TEST(get_accepts_exactly_the_range),
        S3_TEST(get_refuses_another_range),
        S3_TEST(get_refuses_a_whole_object_for_a_range_and_the_reverse),
        S3_TEST(get_refuses_a_reply_without_length_or_etag),
        S3_TEST(get_of_another_version_is_modified),
        S3_TEST(a_range_from_zero_of_an_empty_object_is_empty),
        S3_TEST(delete_is_done_when_the_key_is_gone),
        S3_TEST(delete_is_not_done_because_a_web_page_says_200),
        S3_TEST(every_failing_allocation_is_a_clean_error),
        S3_TEST(every_kind_has_its_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
