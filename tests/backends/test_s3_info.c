/* Object headers: ETags, checksums and what they vouch for, metadata. */
#include "backends/s3_fixture.h"

#define ETAG  "ETag: \"9e107d9d372bb6826bd81d3542a419d6\"\n"
#define CRC   "x-amz-checksum-crc64nvme: rosUhgp5mIg=\n"
#define CHECK UINT64_C(0xae8b14860a799888)

static struct sat_info *read_info(struct s3_fixture *f, const char *headers, bool partial)
{
    s3_reply(f, 200, headers, "");
    assert_int_equal(sat_s3_info(&f->reply, partial, &f->op.info, &f->err), SATCHEL_OK);
    return &f->op.info;
}

static void etags_lose_their_quotes_and_weak_ones_nothing(void **state)
{
    struct s3_fixture *f = *state;
    assert_string_equal(read_info(f, "ETag: \"a-2\"\n", false)->etag, "a-2");
    assert_string_equal(read_info(f, "ETag: W/\"a\"\n", false)->etag, "W/\"a\"");
    assert_string_equal(read_info(f, "etag: bare\n", false)->etag, "bare");
    s3_reply(f, 200, "ETag: \"\"\n", "");
    assert_int_equal(sat_s3_info(&f->reply, false, &f->op.info, &f->err), SATCHEL_INTEGRITY);
}

static void an_etag_is_the_md5_only_where_s3_makes_it_so(void **state)
{
    struct s3_fixture *f = *state;
    const struct sat_info *info = read_info(f, ETAG, false);
    assert_true(info->has_md5);
    assert_int_equal(info->md5[0], 0x9e);
    assert_int_equal(info->md5[15], 0xd6);
    assert_true(read_info(f, ETAG "x-amz-server-side-encryption: AES256\n", false)->has_md5);
    static const char *const others[] = {
        ETAG "x-amz-server-side-encryption: aws:kms\n",
        ETAG "x-amz-server-side-encryption: aws:kms:dsse\n",
        ETAG "x-amz-server-side-encryption-customer-algorithm: AES256\n",
        "ETag: \"9e107d9d372bb6826bd81d3542a419d6-2\"\n",
        "ETag: \"9e107d9d372bb6826bd81d3542a419dg\"\n",
        "ETag: W/\"9e107d9d372bb6826bd81d3542a419\"\n",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(read_info(f, others[i], false)->has_md5);
}

static void a_checksum_counts_when_it_is_the_whole_objects(void **state)
{
    struct s3_fixture *f = *state;
    assert_true(read_info(f, ETAG CRC, false)->crc64 == CHECK);
    assert_true(read_info(f, ETAG CRC "x-amz-checksum-type: FULL_OBJECT\n", false)->has_crc64);
    assert_false(read_info(f, ETAG CRC "x-amz-checksum-type: COMPOSITE\n", false)->has_crc64);
    assert_false(read_info(f, ETAG CRC, true)->has_crc64);
    assert_false(read_info(f, ETAG "x-amz-checksum-crc64nvme: junk\n", false)->has_crc64);
}

static void the_writers_note_stands_in_for_a_checksum(void **state)
{
    struct s3_fixture *f = *state;
    static const char note[] = ETAG "X-Amz-Meta-SatchelCrc64Nvme: ae8b14860a799888\n";
    assert_true(read_info(f, note, false)->crc64 == CHECK);
    assert_true(read_info(f, note, true)->has_crc64);
    assert_false(read_info(f, ETAG "x-amz-meta-satchelcrc64nvme: ae8b\n", false)->has_crc64);
}

static void metadata_names_are_lower_case(void **state)
{
    struct s3_fixture *f = *state;
    const struct sat_info *info = read_info(f,
                                            ETAG "X-Amz-Meta-Some-Name: a: b\n"
                                                 "x-amz-meta-empty:\nx-amz-meta-: nameless\n"
                                                 "x-amz-meta-empty: again\nContent-Type: a/b\n",
                                            false);
    assert_int_equal(sat_tags_count(&info->metadata), 2);
    assert_string_equal(sat_tags_at(&info->metadata, 0)->key, "some-name");
    assert_string_equal(sat_tags_at(&info->metadata, 0)->value, "a: b");
    assert_string_equal(sat_tags_at(&info->metadata, 1)->value, "");
    assert_string_equal(info->content_type, "a/b");
}

static void numbers_are_strict(void **state)
{
    struct s3_fixture *f = *state;
    uint64_t out = 7;
    s3_reply(f, 200, "A: 12\nB: -1\nC: 1 \nD: 99999999999999999999\n", "");
    assert_true(sat_s3_number(&f->reply, "a", &out));
    assert_int_equal(out, 12);
    assert_false(sat_s3_number(&f->reply, "b", &out));
    assert_false(sat_s3_number(&f->reply, "d", &out));
    assert_false(sat_s3_number(&f->reply, "e", &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        S3_TEST(etags_lose_their_quotes_and_weak_ones_nothing),
        S3_TEST(an_etag_is_the_md5_only_where_s3_makes_it_so),
        S3_TEST(a_checksum_counts_when_it_is_the_whole_objects),
        S3_TEST(the_writers_note_stands_in_for_a_checksum),
        S3_TEST(metadata_names_are_lower_case),
        S3_TEST(numbers_are_strict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
