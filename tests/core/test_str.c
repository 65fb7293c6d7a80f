/* sat_str: copies, comparisons, strict numbers, UTF-8, hex, suggestions. */
#include "support/test.h"

#include "core/alloc.h"
#include "core/str.h"

static void copies_are_owned_and_terminated(void **state)
{
    (void)state;
    SAT_AUTO_FREE char *whole = sat_strdup("abc");
    SAT_AUTO_FREE char *part = sat_strndup("abcdef", 2);
    SAT_AUTO_FREE char *formatted = sat_strf("%s-%03d", "x", 7);
    assert_string_equal(whole, "abc");
    assert_string_equal(part, "ab");
    assert_string_equal(formatted, "x-007");
}

static void copies_report_a_failed_allocation(void **state)
{
    (void)state;
    sat_alloc_fail_nth(1);
    assert_null(sat_strdup("abc"));
    sat_alloc_fail_nth(1);
    assert_null(sat_strf("%d", 1));
    sat_alloc_fail_nth(0);
}

static void compares_text(void **state)
{
    (void)state;
    assert_true(sat_str_eq("a", "a"));
    assert_false(sat_str_eq("a", "A"));
    assert_true(sat_str_eq_nocase("Content-TYPE", "content-type"));
    assert_false(sat_str_eq_nocase("content", "content-type"));
    assert_false(sat_str_eq_nocase("@", "`"));
    assert_true(sat_str_starts("records/1", "records/"));
    assert_false(sat_str_starts("rec", "records/"));
    assert_true(sat_str_ends("1.json", ".json"));
    assert_false(sat_str_ends("json", ".json"));
}

static void compares_spans(void **state)
{
    (void)state;
    assert_true(sat_span_eq((satchel_span){.data = "abcd", .len = 3}, "abc"));
    assert_false(sat_span_eq((satchel_span){.data = "abcd", .len = 2}, "abc"));
    assert_true(sat_span_eq((satchel_span){0}, ""));
    assert_int_equal(sat_span_of("four").len, 4);
}

static void parses_whole_unsigned_numbers_only(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      " 1",
                                      "1 ",
                                      "+1",
                                      "-1",
                                      "0x1",
                                      "1.0",
                                      "1e3",
                                      "18446744073709551616",
                                      "99999999999999999999999"};
    uint64_t value = 5;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(sat_parse_u64(bad[i], &value));
    assert_int_equal(value, 5);
    assert_true(sat_parse_u64("18446744073709551615", &value));
    assert_true(value == UINT64_MAX);
    assert_true(sat_parse_u64("007", &value));
    assert_int_equal(value, 7);
}

static void parses_signed_numbers_to_their_ends(void **state)
{
    (void)state;
    int64_t value;
    assert_true(sat_parse_i64("-9223372036854775808", &value));
    assert_true(value == INT64_MIN);
    assert_true(sat_parse_i64("9223372036854775807", &value));
    assert_true(value == INT64_MAX);
    assert_true(sat_parse_i64("-0", &value));
    assert_int_equal(value, 0);
    assert_false(sat_parse_i64("9223372036854775808", &value));
    assert_false(sat_parse_i64("-9223372036854775809", &value));
    assert_false(sat_parse_i64("--1", &value));
    assert_false(sat_parse_i64("-", &value));
}

static void accepts_valid_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "ascii",
                                       "\xC2\x80",
                                       "\xE0\xA0\x80",
                                       "\xED\x9F\xBF",
                                       "\xEE\x80\x80",
                                       "\xF0\x90\x80\x80",
                                       "\xF4\x8F\xBF\xBF"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(sat_utf8_valid(good[i], strlen(good[i])));
}

static void refuses_invalid_utf8(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC3",
        "\xE0\x9F\xBF",
        "\xED\xA0\x80",
        "\xE2\x82",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xFF",
        "a\xC3z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(sat_utf8_valid(bad[i], strlen(bad[i])));
}

static void walks_code_points(void **state)
{
    (void)state;
    const char *text = "a\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80";
    static const uint32_t want[] = {'a', 0xE9, 0x20AC, 0x1F600};
    size_t at = 0;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(sat_utf8_next(text, strlen(text), &at), want[i]);
    assert_int_equal(at, strlen(text));
    assert_int_equal(sat_utf8_count(text, strlen(text)), 4);
}

static void never_reads_past_a_torn_code_point(void **state)
{
    (void)state;
    const char torn[] = {'\xE2', '\x82'};
    size_t at = 0;
    assert_int_equal(sat_utf8_next(torn, sizeof torn, &at), 0xFFFD);
    assert_int_equal(at, 1);
}

static void writes_hex(void **state)
{
    (void)state;
    char out[7];
    sat_hex("\x00\xff\x5a", 3, out);
    assert_string_equal(out, "00ff5a");
}

static void suggests_the_nearest_name(void **state)
{
    (void)state;
    static const char *const names[] = {"region", "bucket", "endpoint_url"};
    assert_string_equal(sat_nearest("regoin", names, 3), "region");
    assert_string_equal(sat_nearest("endpointurl", names, 3), "endpoint_url");
    assert_null(sat_nearest("zzzzzz", names, 3));
    assert_null(sat_nearest("", names, 3));
    assert_null(sat_nearest("region", names, 0));
}

static void suggests_nothing_for_overlong_words(void **state)
{
    (void)state;
    static const char *const names[] = {"region"};
    char word[100];
    memset(word, 'r', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    assert_null(sat_nearest(word, names, 1));
}

static void places_move_over_lines_and_code_points(void **state)
{
    (void)state;
    static const char text[] = "a\xC3\xA9\n\n\xF0\x9F\x98\x80z";
    size_t line = 1;
    size_t column = 1;
    sat_text_place(text, 3, &line, &column);
    assert_int_equal(line, 1);
    assert_int_equal(column, 3);
    sat_text_place(text + 3, 6, &line, &column);
    assert_int_equal(line, 3);
    assert_int_equal(column, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_are_owned_and_terminated),
        cmocka_unit_test(copies_report_a_failed_allocation),
        cmocka_unit_test(compares_text),
        cmocka_unit_test(compares_spans),
        cmocka_unit_test(parses_whole_unsigned_numbers_only),
        cmocka_unit_test(parses_signed_numbers_to_their_ends),
        cmocka_unit_test(accepts_valid_utf8),
        cmocka_unit_test(refuses_invalid_utf8),
        cmocka_unit_test(walks_code_points),
        cmocka_unit_test(never_reads_past_a_torn_code_point),
        cmocka_unit_test(writes_hex),
        cmocka_unit_test(places_move_over_lines_and_code_points),
        cmocka_unit_test(suggests_the_nearest_name),
        cmocka_unit_test(suggests_nothing_for_overlong_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
