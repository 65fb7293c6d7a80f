/* Copies within the service: where from, under which condition, and which replies are one. */
#include "backends/s3_fixture.h"

static void a_copy_names_its_source_encoded(void **state)
{
    struct s3_fixture *f = *state;
    f->op.from.bucket = "other";
    f->op.from.key = "a b/c+d";
    f->op.from.if_match = "e";
    f->op.if_absent = true;
    f->op.storage_class = "STANDARD_IA";
    assert_int_equal(s3_build(f, SAT_OP_COPY), SATCHEL_OK);
    assert_string_equal(f->request.method, "PUT");
    assert_string_equal(sat_buf_str(&f->request.path), "/bucket/a/key");
    assert_string_equal(s3_header(f, "x-amz-copy-source"), "/other/a%20b/c%2Bd");
    assert_string_equal(s3_header(f, "x-amz-copy-source-if-match"), "\"e\"");
    assert_string_equal(s3_header(f, "If-None-Match"), "*");
    assert_string_equal(s3_header(f, "x-amz-storage-class"), "STANDARD_IA");
    f->op.from.bucket = NULL;
    assert_int_equal(s3_build(f, SAT_OP_COPY), SATCHEL_OK);
    assert_string_equal(s3_header(f, "x-amz-copy-source"), "/bucket/a%20b/c%2Bd");
}

static void a_part_is_a_range_of_the_source(void **state)
{
    struct s3_fixture *f = *state;
    f->op.from.key = "k";
    f->op.part.upload_id = "u";
    f->op.part.number = 2;
    f->op.range_offset = 10;
    f->op.range_length = 5;
    assert_int_equal(s3_build(f, SAT_OP_PART_COPY), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&f->request.query), "partNumber=2&uploadId=u");
    assert_string_equal(s3_header(f, "x-amz-copy-source-range"), "bytes=10-14");
    s3_reply(f, 200, "", "<CopyPartResult><ETag>\"p\"</ETag></CopyPartResult>");
    assert_int_equal(s3_accept(f, SAT_OP_PART_COPY), SATCHEL_OK);
    assert_string_equal(f->op.info.etag, "p");
}

static void an_error_in_a_200_is_no_copy(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const bodies[] = {"",
                                         "<html/>",
                                         "<CopyObjectResult/>",
                                         "<CopyObjectResult><ETag>\"e\"</ETag>",
                                         "<CopyPartResult><ETag>\"e\"</ETag></CopyPartResult>",
                                         "<Error><Code>InternalError</Code></Error>"};
    f->op.from.key = "k";
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        s3_reply(f, 200, "", bodies[i]);
        assert_int_equal(s3_accept(f, SAT_OP_COPY), SATCHEL_NETWORK);
    }
    s3_reply(f, 200, "",
             "<CopyObjectResult><ETag>\"e\"</ETag>"
             "<ChecksumCRC64NVME>rosUhgp5mIg=</ChecksumCRC64NVME></CopyObjectResult>");
    assert_int_equal(s3_accept(f, SAT_OP_COPY), SATCHEL_OK);
    assert_string_equal(f->op.info.etag, "e");
    assert_true(f->op.info.has_crc64);
}

/* S3 has one answer for both conditions. */
static void a_changed_source_is_modified(void **state)
{
    struct s3_fixture *f = *state;
    static const char body[] = "<Error><Code>PreconditionFailed</Code></Error>";
    f->op.from.key = "k";
    f->op.from.if_match = "e";
    s3_reply(f, 412, "", body);
    assert_int_equal(s3_accept(f, SAT_OP_COPY), SATCHEL_MODIFIED);
    f->op.from.if_match = NULL;
    f->op.if_match = "e";
    s3_reply(f, 412, "", body);
    assert_int_equal(s3_accept(f, SAT_OP_COPY), SATCHEL_CONFLICT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        S3_TEST(a_copy_names_its_source_encoded),
        S3_TEST(a_part_is_a_range_of_the_source),
        S3_TEST(an_error_in_a_200_is_no_copy),
        S3_TEST(a_changed_source_is_modified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
