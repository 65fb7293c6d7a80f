/* Buckets: create, delete, look for, list. */
#include "backends/s3_fixture.h"

static void create_names_the_region_but_the_nameless_one(void **state)
{
    struct s3_fixture *f = *state;
    assert_int_equal(s3_build(f, SAT_OP_BUCKET_CREATE), SATCHEL_OK);
    assert_string_equal(f->request.method, "PUT");
    assert_string_equal(sat_buf_str(&f->request.path), "/bucket");
    assert_int_equal(f->request.body.len, 0);
    static const char *const options[] = {"region", "eu-west-1", NULL};
    assert_int_equal(s3_open_with(f, "bucket", options), SATCHEL_OK);
    assert_int_equal(s3_build(f, SAT_OP_BUCKET_CREATE), SATCHEL_OK);
    assert_non_null(strstr(sat_buf_str(&f->request.body),
                           "<LocationConstraint>eu-west-1</LocationConstraint>"));
    assert_string_equal(s3_header(f, "Content-Type"), "application/xml");
}

static void an_op_may_name_another_bucket(void **state)
{
    struct s3_fixture *f = *state;
    f->op.bucket = "other";
    assert_int_equal(s3_build(f, SAT_OP_BUCKET_DELETE), SATCHEL_OK);
    assert_string_equal(f->request.method, "DELETE");
    assert_string_equal(sat_buf_str(&f->request.path), "/other");
    assert_int_equal(s3_build(f, SAT_OP_BUCKET_STAT), SATCHEL_OK);
    assert_string_equal(f->request.method, "HEAD");
    f->op.bucket = "No Bucket";
    assert_int_equal(s3_build(f, SAT_OP_BUCKET_CREATE), SATCHEL_INVALID);
    assert_int_equal(s3_build(f, SAT_OP_BUCKET_DELETE), SATCHEL_INVALID);
}

static void outcomes_of_bucket_requests(void **state)
{
    struct s3_fixture *f = *state;
    s3_reply(f, 200, "Location: /bucket\n", "");
    assert_int_equal(s3_accept(f, SAT_OP_BUCKET_CREATE), SATCHEL_OK);
    assert_int_equal(s3_accept(f, SAT_OP_BUCKET_STAT), SATCHEL_OK);
    s3_reply(f, 200, "", "<CreateBucketResponse/>");
    assert_int_equal(s3_accept(f, SAT_OP_BUCKET_CREATE), SATCHEL_OK);
    s3_reply(f, 200, "", "<html><body/></html>");
    assert_int_equal(s3_accept(f, SAT_OP_BUCKET_CREATE), SATCHEL_NETWORK);
    s3_reply(f, 204, "", "");
    assert_int_equal(s3_accept(f, SAT_OP_BUCKET_DELETE), SATCHEL_OK);
    s3_reply(f, 409, "", "<Error><Code>BucketAlreadyOwnedByYou</Code></Error>");
    assert_int_equal(s3_accept(f, SAT_OP_BUCKET_CREATE), SATCHEL_EXISTS);
    assert_non_null(strstr(f->err.text, "already exists: s3://bucket"));
}

static void list_reads_names_and_dates(void **state)
{
    struct s3_fixture *f = *state;
    assert_int_equal(s3_build(f, SAT_OP_BUCKET_LIST), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&f->request.path), "/");
    assert_string_equal(sat_buf_str(&f->request.query), "");
    s3_reply(f, 200, "",
             "<ListAllMyBucketsResult><Owner><ID>o</ID></Owner><Buckets><Bucket><Name>one</Name>"
             "<CreationDate>2009-10-12T17:50:30Z</CreationDate></Bucket><Bucket><Name>two</Name>"
             "</Bucket></Buckets><ContinuationToken>t</ContinuationToken>"
             "</ListAllMyBucketsResult>");
    assert_int_equal(s3_accept(f, SAT_OP_BUCKET_LIST), SATCHEL_OK);
    assert_int_equal(f->op.page.entries.len, 2);
    assert_string_equal(sat_page_key(&f->op.page, 0), "one");
    assert_int_equal(sat_page_at(&f->op.page, 0)->mtime_ns, INT64_C(1255369830) * 1000000000);
    assert_int_equal(sat_page_at(&f->op.page, 1)->mtime_ns, 0);
    assert_string_equal(f->op.page.next, "t");
    s3_reply(f, 200, "",
             "<ListAllMyBucketsResult><Buckets><Bucket/></Buckets>"
             "</ListAllMyBucketsResult>");
    assert_int_equal(s3_accept(f, SAT_OP_BUCKET_LIST), SATCHEL_NETWORK);
    assert_int_equal(f->op.page.entries.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        S3_TEST(create_names_the_region_but_the_nameless_one),
        S3_TEST(an_op_may_name_another_bucket),
        S3_TEST(outcomes_of_bucket_requests),
        S3_TEST(list_reads_names_and_dates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
