/* sat_crc64: known values, a bitwise oracle for every way, pieces, combination, text forms. */
#include "support/test.h"

#include <stdlib.h>

#include "core/crc.h"
#include "core/str.h"

enum {
    LEN_MAX = 4096,
    ALIGNMENTS = 64,
    TEXT_SIZE = 100000,
};

#define POLYNOMIAL 0x9A6C9329AC4BC9B5U

static uint32_t seed = 12345;

static uint32_t any(uint32_t below)
{
    seed = seed * 1103515245U + 12345U;
    return (seed >> 8) % below;
}

static unsigned char *random_text(size_t len)
{
    unsigned char *text = malloc(len);
    assert_non_null(text);
    for (size_t i = 0; i < len; i++)
        text[i] = (unsigned char)any(256);
    return text;
}

/* The definition, bit by bit: what one more byte makes of the register. */
static uint64_t oracle_byte(uint64_t state, unsigned char byte)
{
    state ^= byte;
    for (int bit = 0; bit < 8; bit++)
        state = (state & 1U) != 0 ? state >> 1 ^ POLYNOMIAL : state >> 1;
    return state;
}

static uint64_t oracle(const unsigned char *text, size_t len)
{
    uint64_t state = UINT64_MAX;
    for (size_t i = 0; i < len; i++)
        state = oracle_byte(state, text[i]);
    return ~state;
}

/* A linear map of registers, by the images of their 64 bits. */
struct map {
    uint64_t of[64];
};

static uint64_t apply(const struct map *map, uint64_t state)
{
    uint64_t image = 0;
    for (int i = 0; i < 64; i++)
        image ^= (state >> i & 1U) != 0 ? map->of[i] : 0;
    return image;
}

/* The register after `len` zero bytes: a matrix squared, where crc.c multiplies polynomials. */
static uint64_t oracle_zeros(uint64_t state, uint64_t len)
{
    struct map map, twice;
    for (int i = 0; i < 64; i++)
        map.of[i] = oracle_byte((uint64_t)1 << i, 0);
    for (; len > 0; len >>= 1) {
        if ((len & 1U) != 0)
            state = apply(&map, state);
        for (int i = 0; i < 64; i++)
            twice.of[i] = apply(&map, map.of[i]);
        map = twice;
    }
    return state;
}

/* Runs a check with each way that this machine has. */
static void by_each_way(void (*check)(enum sat_crc64_way way))
{
    for (unsigned way = SAT_CRC64_TABLE; way <= sat_crc64_best(); way++)
        check((enum sat_crc64_way)way);
}

/* The last three as awscrt gives them. */
static void check_known_values(enum sat_crc64_way way)
{
    unsigned char text[LEN_MAX];
    assert_true(sat_crc64_by(way, 0, NULL, 0) == 0);
    assert_true(sat_crc64_by(way, 0, "123456789", 9) == 0xAE8B14860A799888U);
    memset(text, 0, sizeof text);
    assert_true(sat_crc64_by(way, 0, text, 32) == 0xCF3473434D4ECF3BU);
    memset(text, 0xFF, sizeof text);
    assert_true(sat_crc64_by(way, 0, text, 32) == 0xA0A06974C34D63C4U);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)i;
    assert_true(sat_crc64_by(way, 0, text, sizeof text) == 0x3E729F5F6750449CU);
}

static void meets_known_values(void **state)
{
    (void)state;
    by_each_way(check_known_values);
    assert_true(sat_crc64(0, "123456789", 9) == 0xAE8B14860A799888U);
}

static void check_lengths_and_alignments(enum sat_crc64_way way)
{
    static uint64_t want[LEN_MAX + 1];
    static _Alignas(ALIGNMENTS) unsigned char room[LEN_MAX + ALIGNMENTS];
    unsigned char *text = random_text(LEN_MAX);
    uint64_t running = UINT64_MAX;
    for (size_t len = 0; len <= LEN_MAX; len++) {
        want[len] = ~running;
        running = len < LEN_MAX ? oracle_byte(running, text[len]) : 0;
    }
    for (size_t from = 0; from < ALIGNMENTS; from++) {
        memcpy(room + from, text, LEN_MAX);
        for (size_t len = 0; len <= LEN_MAX; len++)
            assert_true(sat_crc64_by(way, 0, room + from, len) == want[len]);
    }
    free(text);
}

static void equals_the_oracle_at_every_length_and_alignment(void **state)
{
    (void)state;
    by_each_way(check_lengths_and_alignments);
}

/* A block of just that length, so that a sanitizer sees a read beyond either end. */
static void check_bounds(enum sat_crc64_way way)
{
    for (size_t len = 1; len < 800; len++) {
        unsigned char *text = random_text(len);
        assert_true(sat_crc64_by(way, 0, text, len) == oracle(text, len));
        free(text);
    }
}

static void reads_nothing_but_its_data(void **state)
{
    (void)state;
    by_each_way(check_bounds);
}

/* Pieces of any length, each by any way: carried on, and hashed apart and combined. */
static void pieces_equal_the_whole(void **state)
{
    (void)state;
    unsigned char *text = random_text(TEXT_SIZE);
    uint64_t whole = oracle(text, TEXT_SIZE);
    for (int round = 0; round < 100; round++) {
        uint64_t carried = 0;
        uint64_t combined = 0;
        for (size_t at = 0, len; at < TEXT_SIZE; at += len) {
            len = any(any(5) == 0 ? 20000 : 700);
            if (len > TEXT_SIZE - at)
                len = TEXT_SIZE - at;
            enum sat_crc64_way way = (enum sat_crc64_way)any(sat_crc64_best() + 1U);
            carried = sat_crc64_by(way, carried, text + at, len);
            combined = sat_crc64_combine(combined, sat_crc64_by(way, 0, text + at, len), len);
        }
        assert_true(carried == whole);
        assert_true(combined == whole);
    }
    free(text);
}

static void combines_with_nothing(void **state)
{
    (void)state;
    uint64_t crc = sat_crc64(0, "abc", 3);
    assert_true(sat_crc64_combine(crc, 0, 0) == crc);
    assert_true(sat_crc64_combine(0, crc, 3) == crc);
}

/* As awscrt read 5 GiB of zeros and an x. */
static void combines_the_parts_of_5_gib(void **state)
{
    (void)state;
    uint64_t part = 0x97CCC7BB38EA7A1AU; /* 16 MiB of zeros */
    uint64_t crc = 0;
    for (int i = 0; i < 320; i++)
        crc = sat_crc64_combine(crc, part, 16U << 20);
    assert_true(crc == 0xCE36FE0285569D20U);
    assert_true(sat_crc64_combine(crc, sat_crc64(0, "x", 1), 1) == 0xDCB2AF8B77AD6D2EU);
}

/* "x" and so many zeros, any length of 64 bits. */
static void combines_over_huge_lengths(void **state)
{
    (void)state;
    uint64_t x = sat_crc64(0, "x", 1);
    for (int round = 0; round < 200; round++) {
        uint64_t len =
            ((uint64_t)any(1U << 24) << 40 | (uint64_t)any(1U << 24) << 16 | any(65536)) >> any(64);
        uint64_t zeros = ~oracle_zeros(UINT64_MAX, len);
        assert_true(sat_crc64_combine(x, zeros, len) == ~oracle_zeros(~x, len));
    }
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
        cmocka_unit_test(meets_known_values),
        cmocka_unit_test(equals_the_oracle_at_every_length_and_alignment),
        cmocka_unit_test(reads_nothing_but_its_data),
        cmocka_unit_test(pieces_equal_the_whole),
        cmocka_unit_test(combines_with_nothing),
        cmocka_unit_test(combines_the_parts_of_5_gib),
        cmocka_unit_test(combines_over_huge_lengths),
        cmocka_unit_test(text_forms_are_big_endian),
        cmocka_unit_test(text_forms_read_back),
        cmocka_unit_test(malformed_text_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
