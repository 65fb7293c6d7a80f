/* sat_crc64: check value, a bitwise oracle, pieces, combination, text forms. */
#include "support/test.h"

#include "core/crc.h"
#include "core/str.h"

enum { DATA_SIZE = 1000 };

static void fill(unsigned char *data, size_t len)
{
    uint32_t x = 12345;
    for (size_t i = 0; i < len; i++) {
        x = x * 1103515245U + 12345U;
        data[i] = (unsigned char)(x >> 16);
    }
}

/* The definition, bit by bit. */
static uint64_t oracle(const unsigned char *data, size_t len)
{
    uint64_t crc = UINT64_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (crc & 1U) != 0 ? crc >> 1 ^ 0x9A6C9329AC4BC9B5U : crc >> 1;
    }
    return ~crc;
}

static void meets_the_check_value(void **state)
{
    (void)state;
    assert_true(sat_crc64(0, "123456789", 9) == 0xAE8B14860A799888U);
    assert_true(sat_crc64(0, NULL, 0) == 0);
}

static void equals_the_oracle_at_every_length_and_alignment(void **state)
{
    (void)state;
    unsigned char data[DATA_SIZE];
    fill(data, sizeof data);
    for (size_t from = 0; from < 9; from++) {
        for (size_t len = 0; len < 70; len++)
            assert_true(sat_crc64(0, data + from, len) == oracle(data + from, len));
    }
    assert_true(sat_crc64(0, data, sizeof data) == oracle(data, sizeof data));
}

static void pieces_equal_the_whole(void **state)
{
    (void)state;
    unsigned char data[DATA_SIZE];
    fill(data, sizeof data);
    uint64_t whole = sat_crc64(0, data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut += 37) {
        uint64_t crc = sat_crc64(0, data, cut);
        assert_true(sat_crc64(crc, data + cut, sizeof data - cut) == whole);
    }
}

static void combines_to_the_whole(void **state)
{
    (void)state;
    unsigned char data[DATA_SIZE];
    fill(data, sizeof data);
    uint64_t whole = sat_crc64(0, data, sizeof data);
    for (size_t cut = 0; cut <= sizeof data; cut += 50) {
        uint64_t a = sat_crc64(0, data, cut);
        uint64_t b = sat_crc64(0, data + cut, sizeof data - cut);
        assert_true(sat_crc64_combine(a, b, sizeof data - cut) == whole);
    }
}

/* Doubled 40 times, a length no test can read through: both ways of adding a byte must agree. */
static void combines_over_huge_lengths(void **state)
{
    (void)state;
    uint64_t one = sat_crc64(0, "x", 1);
    uint64_t crc = one;
    uint64_t len = 1;
    for (int i = 0; i < 40; i++) {
        crc = sat_crc64_combine(crc, crc, len);
        len *= 2;
    }
    uint64_t left = sat_crc64_combine(crc, one, 1);
    uint64_t right = sat_crc64_combine(one, crc, len);
    assert_true(left == right);
    assert_true(left != crc);
}

static void text_forms_are_big_endian(void **state)
{
    (void)state;
    char base64[SAT_CRC64_BASE64_SIZE];
    char hex[SAT_CRC64_HEX_SIZE];
    sat_crc64_base64(0xAE8B14860A799888U, base64);
    sat_crc64_hex(0x0E8B14860A799888U, hex);
    assert_string_equal(base64, "rosUhgp5mIg=");
    assert_string_equal(hex, "0e8b14860a799888");
}

static void text_forms_read_back(void **state)
{
    (void)state;
    uint64_t crc = 0;
    assert_true(sat_crc64_from_base64(sat_span_of("rosUhgp5mIg="), &crc));
    assert_true(crc == 0xAE8B14860A799888U);
    assert_true(sat_crc64_from_hex(sat_span_of("AE8b14860a799888"), &crc));
    assert_true(crc == 0xAE8B14860A799888U);
}

static void malformed_text_is_refused(void **state)
{
    (void)state;
    static const char *const bad64[] = {"",
                                        "rosUhgp5mIg",
                                        "rosUhgp5mA==",
                                        "rosUhgp5mIgA",
                                        "rosUhgp5mIh=",
                                        "rosUhgp5mIg=AAAA",
                                        "!osUhgp5mIg="};
    static const char *const bad16[] = {"", "ae8b14860a79988", "ae8b14860a7998888",
                                        "ge8b14860a799888", " e8b14860a799888"};
    uint64_t crc = 7;
    for (size_t i = 0; i < sizeof bad64 / sizeof bad64[0]; i++)
        assert_false(sat_crc64_from_base64(sat_span_of(bad64[i]), &crc));
    for (size_t i = 0; i < sizeof bad16 / sizeof bad16[0]; i++)
        assert_false(sat_crc64_from_hex(sat_span_of(bad16[i]), &crc));
    assert_true(crc == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(meets_the_check_value),
        cmocka_unit_test(equals_the_oracle_at_every_length_and_alignment),
        cmocka_unit_test(pieces_equal_the_whole),
        cmocka_unit_test(combines_to_the_whole),
        cmocka_unit_test(combines_over_huge_lengths),
        cmocka_unit_test(text_forms_are_big_endian),
        cmocka_unit_test(text_forms_read_back),
        cmocka_unit_test(malformed_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
