/* sat_jnum: grammar, exact integers, correct rounding, round trips of reals. */
#include "support/test.h"

#include <float.h>
#include <math.h>

#include "core/alloc.h"
#include "core/jnum.h"
#include "core/str.h"

static enum sat_jnum_kind parse(const char *text, int64_t *integer, double *real)
{
    return sat_jnum_parse(sat_span_of(text), integer, real);
}

static void length_follows_the_grammar(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len;
    } rows[] = {
        {"0", 1},     {"-0", 2},      {"12,", 2}, {"01", 1},  {"1.5]", 3}, {"1e5 ", 3},
        {"1E+05", 5}, {"-1.5e-3", 7}, {"", 0},    {"-", 0},   {"+1", 0},   {".5", 0},
        {"1.", 0},    {"1.e1", 0},    {"1e", 0},  {"1e+", 0}, {"-a", 0},   {"NaN", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(sat_jnum_length(rows[i].text, strlen(rows[i].text)), rows[i].len);
}

/* An allocation of exactly the text's size, so that one byte too far is seen. */
static void length_reads_to_the_end_only(void **state)
{
    (void)state;
    static const char *const texts[] = {"-", "12", "0", "1.", "1.5", "1e", "1e+", "1e+5"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t len = strlen(texts[i]);
        char *text = sat_malloc(len);
        memcpy(text, texts[i], len);
        size_t want = text[len - 1] >= '0' && text[len - 1] <= '9' ? len : 0;
        assert_int_equal(sat_jnum_length(text, len), want);
        sat_free(text);
    }
}

static void integers_are_exact_to_both_ends(void **state)
{
    (void)state;
    int64_t integer = 0;
    double real = 0;
    assert_int_equal(parse("9223372036854775807", &integer, &real), SAT_JNUM_INTEGER);
    assert_true(integer == INT64_MAX);
    assert_int_equal(parse("-9223372036854775808", &integer, &real), SAT_JNUM_INTEGER);
    assert_true(integer == INT64_MIN);
    assert_int_equal(parse("-0", &integer, &real), SAT_JNUM_INTEGER);
    assert_true(integer == 0);
}

static void what_does_not_fit_is_too_large(void **state)
{
    (void)state;
    static const char *const rows[] = {"9223372036854775808", "-9223372036854775809", "1e309",
                                       "-1e400", "1e99999999999999999999"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t integer;
        double real;
        assert_int_equal(parse(rows[i], &integer, &real), SAT_JNUM_TOO_LARGE);
    }
}

static void trailing_bytes_are_no_number(void **state)
{
    (void)state;
    int64_t integer;
    double real;
    assert_int_equal(parse("1 ", &integer, &real), SAT_JNUM_BAD);
    assert_int_equal(parse("", &integer, &real), SAT_JNUM_BAD);
    assert_int_equal(parse("1x", &integer, &real), SAT_JNUM_BAD);
}

static double real_of(const char *text)
{
    int64_t integer;
    double real = 0;
    assert_int_equal(parse(text, &integer, &real), SAT_JNUM_REAL);
    return real;
}

static void reals_are_correctly_rounded(void **state)
{
    (void)state;
    assert_true(real_of("0.1") == 0.1);
    assert_true(real_of("-1.5e3") == -1500.0);
    assert_true(real_of("1.0") == 1.0);
    assert_true(real_of("1e23") == 1e23);
    assert_true(real_of("8.41e21") == 8.41e21);
    assert_true(real_of("9007199254740993.0") == 9007199254740992.0);
    assert_true(real_of("1.7976931348623157e308") == DBL_MAX);
    assert_true(real_of("4.9e-324") == 4.9e-324);
    assert_true(real_of("1e-400") == 0.0);
    assert_true(real_of("0e99999999999999999999") == 0.0);
    assert_true(signbit(real_of("-0.0")));
}

/* 2^53 + 1 is a midpoint: one digit far behind decides. */
static void a_digit_behind_many_zeros_still_counts(void **state)
{
    (void)state;
    char text[2000];
    memset(text, '0', sizeof text);
    memcpy(text, "9007199254740993.", 17);
    text[1500] = '\0';
    assert_true(real_of(text) == 9007199254740992.0);
    text[1499] = '1';
    assert_true(real_of(text) == 9007199254740994.0);
}

static void long_integers_with_exponent_keep_their_scale(void **state)
{
    (void)state;
    char text[1200];
    memset(text, '0', sizeof text);
    text[0] = '1';
    memcpy(text + 1001, "e-1000", 7);
    assert_true(real_of(text) == 1.0);
}

static void put_real_reads_back_exactly(void **state)
{
    (void)state;
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0.1, "0.1"},
        {1.0, "1.0"},
        {-0.0, "-0.0"},
        {1e300, "1e+300"},
        {0.1 + 0.2, "0.30000000000000004"},
        {123456.5, "123456.5"},
    };
    struct sat_buf buf;
    sat_buf_init(&buf, 100);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sat_buf_reset(&buf);
        assert_int_equal(sat_jnum_put_real(&buf, rows[i].value), SATCHEL_OK);
        assert_string_equal(sat_buf_str(&buf), rows[i].text);
    }
    sat_buf_fini(&buf);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void random_reals_round_trip(void **state)
{
    (void)state;
    uint64_t seed = 20261121;
    struct sat_buf buf;
    sat_buf_init(&buf, 100);
    for (int i = 0; i < 20000; i++) {
        uint64_t bits = next_random(&seed);
        double value;
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        sat_buf_reset(&buf);
        sat_jnum_put_real(&buf, value);
        double back = real_of(sat_buf_str(&buf));
        assert_memory_equal(&back, &value, sizeof back);
    }
    sat_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(length_follows_the_grammar),
        cmocka_unit_test(length_reads_to_the_end_only),
        cmocka_unit_test(integers_are_exact_to_both_ends),
        cmocka_unit_test(what_does_not_fit_is_too_large),
        cmocka_unit_test(trailing_bytes_are_no_number),
        cmocka_unit_test(reals_are_correctly_rounded),
        cmocka_unit_test(a_digit_behind_many_zeros_still_counts),
        cmocka_unit_test(long_integers_with_exponent_keep_their_scale),
        cmocka_unit_test(put_real_reads_back_exactly),
        cmocka_unit_test(random_reals_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
