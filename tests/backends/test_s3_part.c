/* Multipart uploads: what is asked for, and which replies count as success. */
#include "backends/s3_fixture.h"

#include "core/crc.h"

static void begin_asks_for_one_checksum_of_the_whole(void **state)
{
    struct s3_fixture *f = *state;
    f->op.content_type = "text/plain";
    assert_int_equal(s3_build(f, SAT_OP_PART_BEGIN), SATCHEL_OK);
    /* Its parts are copies. */
    assert_string_equal(s3_header(f, "x-amz-checksum-algorithm"), "");
    assert_string_equal(s3_header(f, "x-amz-checksum-type"), "");
    f->op.part.has_crc64 = true;
    assert_int_equal(s3_build(f, SAT_OP_PART_BEGIN), SATCHEL_OK);
    assert_string_equal(f->request.method, "POST");
    assert_string_equal(sat_buf_str(&f->request.path), "/bucket/a/key");
    assert_string_equal(sat_buf_str(&f->request.query), "uploads=");
    assert_string_equal(s3_header(f, "Content-Type"), "text/plain");
    assert_string_equal(s3_header(f, "x-amz-checksum-algorithm"), "CRC64NVME");
    assert_string_equal(s3_header(f, "x-amz-checksum-type"), "FULL_OBJECT");
    s3_reply(f, 200, "",
             "<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>a/key</Key>"
             "<UploadId>id-1</UploadId></InitiateMultipartUploadResult>");
    assert_int_equal(s3_accept(f, SAT_OP_PART_BEGIN), SATCHEL_OK);
    assert_string_equal(f->op.upload_id, "id-1");
}

static void begin_without_an_id_is_no_success(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const bodies[] = {
        "", "<html/>", "<InitiateMultipartUploadResult/>",
        "<Error><Code>InternalError</Code></Error>",
        "<InitiateMultipartUploadResult><UploadId></UploadId></InitiateMultipartUploadResult>"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        s3_reply(f, 200, "", bodies[i]);
        assert_int_equal(s3_accept(f, SAT_OP_PART_BEGIN), SATCHEL_NETWORK);
        assert_null(f->op.upload_id);
    }
}

static void a_part_names_its_number_and_upload(void **state)
{
    struct s3_fixture *f = *state;
    f->op.part.upload_id = "a b";
    f->op.part.number = 17;
    f->request.has_crc64 = true;
    f->request.crc64 = 0xAE8B14860A799888;
    assert_int_equal(s3_build(f, SAT_OP_PART_PUT), SATCHEL_OK);
    assert_string_equal(f->request.method, "PUT");
    assert_string_equal(sat_buf_str(&f->request.query), "partNumber=17&uploadId=a%20b");
    assert_true(f->request.body_is_source);
    assert_string_equal(s3_header(f, "x-amz-checksum-crc64nvme"), "rosUhgp5mIg=");
    s3_reply(f, 200, "ETag: \"e\"\n", "");
    assert_int_equal(s3_accept(f, SAT_OP_PART_PUT), SATCHEL_OK);
    assert_string_equal(f->op.info.etag, "e");
    s3_reply(f, 200, "", "");
    assert_int_equal(s3_accept(f, SAT_OP_PART_PUT), SATCHEL_NETWORK);
}

static void finish_lists_the_parts_and_carries_the_conditions(void **state)
{
    struct s3_fixture *f = *state;
    const struct sat_part parts[] = {
        {.number = 1, .etag = (char[]){"e&1"}, .crc64 = 0xAE8B14860A799888, .has_crc64 = true},
        {.number = 2, .etag = (char[]){"e2"}}};
    f->op.part.upload_id = "u";
    f->op.part.list = parts;
    f->op.part.count = 2;
    f->op.part.crc64 = 0xAE8B14860A799888;
    f->op.part.has_crc64 = true;
    f->op.if_absent = true;
    assert_int_equal(s3_build(f, SAT_OP_PART_FINISH), SATCHEL_OK);
    assert_string_equal(f->request.method, "POST");
    assert_string_equal(sat_buf_str(&f->request.query), "uploadId=u");
    assert_string_equal(s3_header(f, "If-None-Match"), "*");
    assert_string_equal(s3_header(f, "x-amz-checksum-crc64nvme"), "rosUhgp5mIg=");
    assert_string_equal(s3_header(f, "x-amz-checksum-type"), "FULL_OBJECT");
    assert_non_null(strstr(sat_buf_str(&f->request.body),
                           "<Part><PartNumber>1</PartNumber><ETag>\"e&amp;1\"</ETag>"
                           "<ChecksumCRC64NVME>rosUhgp5mIg=</ChecksumCRC64NVME></Part>"
                           "<Part><PartNumber>2</PartNumber><ETag>\"e2\"</ETag></Part></Complete"));
}

static void only_a_complete_result_is_a_finish(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const bodies[] = {
        "",
        "<html/>",
        "<CompleteMultipartUploadResult/>",
        "<CompleteMultipartUploadResult><ETag>\"e-2\"</ETag>",
        "<Error><Code>InternalError</Code><Message>oops</Message></Error>",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        s3_reply(f, 200, "", bodies[i]);
        assert_int_equal(s3_accept(f, SAT_OP_PART_FINISH), SATCHEL_NETWORK);
    }
    s3_reply(f, 200, "", "<Error><Code>AccessDenied</Code></Error>");
    assert_int_equal(s3_accept(f, SAT_OP_PART_FINISH), SATCHEL_DENIED);
    s3_reply(f, 200, "",
             "\n <CompleteMultipartUploadResult><ETag>&quot;e-2&quot;</ETag>"
             "<ChecksumCRC64NVME>rosUhgp5mIg=</ChecksumCRC64NVME>"
             "</CompleteMultipartUploadResult>");
    assert_int_equal(s3_accept(f, SAT_OP_PART_FINISH), SATCHEL_OK);
    assert_string_equal(f->op.info.etag, "e-2");
    assert_true(f->op.info.has_crc64 && f->op.info.crc64 == 0xAE8B14860A799888);
}

static void an_upload_that_is_gone_is_aborted(void **state)
{
    struct s3_fixture *f = *state;
    f->op.part.upload_id = "u";
    assert_int_equal(s3_build(f, SAT_OP_PART_ABORT), SATCHEL_OK);
    assert_string_equal(f->request.method, "DELETE");
    assert_string_equal(sat_buf_str(&f->request.query), "uploadId=u");
    s3_reply(f, 204, "", "");
    assert_int_equal(s3_accept(f, SAT_OP_PART_ABORT), SATCHEL_OK);
    s3_reply(f, 404, "", "<Error><Code>NoSuchUpload</Code></Error>");
    assert_int_equal(s3_accept(f, SAT_OP_PART_ABORT), SATCHEL_OK);
    s3_reply(f, 404, "", "<Error><Code>NoSuchBucket</Code></Error>");
    assert_int_equal(s3_accept(f, SAT_OP_PART_ABORT), SATCHEL_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        S3_TEST(begin_asks_for_one_checksum_of_the_whole),
        S3_TEST(begin_without_an_id_is_no_success),
        S3_TEST(a_part_names_its_number_and_upload),
        S3_TEST(finish_lists_the_parts_and_carries_the_conditions),
        S3_TEST(only_a_complete_result_is_a_finish),
        S3_TEST(an_upload_that_is_gone_is_aborted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
