/* LIKE: wildcards, escapes, folding, bounded work. */
#include "support/test.h"

#include "core/alloc.h"
#include "core/str.h"
#include "query/like.h"

static bool like(const char *text, const char *pattern)
{
    struct sat_like *compiled = NULL;
    satchel_error err = {0};
    if (sat_like_new(sat_span_of(pattern), &compiled, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    bool matched = sat_like_match(compiled, sat_span_of(text));
    sat_like_free(compiled);
    return matched;
}

static void the_whole_text_has_to_match(void **state)
{
    (void)state;
    assert_true(like("abc", "abc"));
    assert_false(like("abcd", "abc"));
    assert_false(like("abc", "abcd"));
    assert_true(like("", ""));
    assert_false(like("a", ""));
    assert_false(like("", "a"));
}

static void percent_is_any_text(void **state)
{
    (void)state;
    assert_true(like("", "%"));
    assert_true(like("abc", "a%"));
    assert_true(like("abc", "%c"));
    assert_true(like("abc", "%b%"));
    assert_true(like("abc", "a%%c"));
    assert_true(like("aXbXc", "a%X%c"));
    assert_true(like("abab", "%ab"));
    assert_false(like("abac", "%ab"));
    assert_true(like("line\nline", "line%line"));
    assert_true(like("aaab", "%a%a%b%"));
    assert_false(like("aab", "%a%a%a%b"));
}

static void underscore_is_one_character_not_one_byte(void **state)
{
    (void)state;
    assert_true(like("abc", "a_c"));
    assert_true(like("\xC3\xA9", "_"));
    assert_true(like("\xF0\x9F\x98\x80", "_"));
    assert_false(like("ab", "_"));
    assert_false(like("", "_"));
    assert_true(like("\xC3\xA9t\xC3\xA9", "%__"));
}

static void everything_else_is_literal(void **state)
{
    (void)state;
    assert_true(like("a.*b[c]?", "a.*b[c]?"));
    assert_false(like("axxb", "a.*b"));
}

static void a_backslash_makes_the_next_character_literal(void **state)
{
    (void)state;
    assert_true(like("100%", "100\\%"));
    assert_false(like("1000", "100\\%"));
    assert_true(like("a_b", "a\\_b"));
    assert_false(like("axb", "a\\_b"));
    assert_true(like("a\\b", "a\\\\b"));
    assert_true(like("ab", "a\\b"));
}

static void a_lone_backslash_at_the_end_is_invalid(void **state)
{
    (void)state;
    struct sat_like *compiled = NULL;
    assert_int_equal(sat_like_new(sat_span_of("a\\"), &compiled, NULL), SATCHEL_INVALID);
    assert_null(compiled);
}

static void case_is_folded_beyond_ascii(void **state)
{
    (void)state;
    assert_true(like("ALICE", "al%"));
    assert_true(like("\xC3\x89T\xC3\x89", "\xC3\xA9t\xC3\xA9")); /* E acute */
    assert_true(like("\xCE\xA3", "\xCF\x82"));                   /* Sigma, final sigma */
    assert_true(like("\xE2\x84\xAA", "K"));                      /* Kelvin sign */
    assert_false(like("stra\xC3\x9F"
                      "e",
                      "strasse")); /* simple, not full */
    assert_true(like("a", "\\A"));
}

static void hostile_patterns_end_quickly(void **state)
{
    (void)state;
    enum { LEN = 20000 };
    char *text = sat_malloc(LEN);
    char pattern[64] = "";
    assert_non_null(text);
    memset(text, 'a', LEN);
    for (size_t i = 0; i < 30; i++) {
        pattern[2 * i] = '%';
        pattern[2 * i + 1] = 'a';
    }
    pattern[60] = 'b';
    struct sat_like *compiled = NULL;
    assert_int_equal(sat_like_new(sat_span_of(pattern), &compiled, NULL), SATCHEL_OK);
    assert_false(sat_like_match(compiled, (satchel_span){text, LEN}));
    sat_like_free(compiled);
    sat_free(text);
}

static void a_long_pattern_is_limit(void **state)
{
    (void)state;
    char pattern[SAT_LIKE_PATTERN_MAX + 1];
    memset(pattern, '%', sizeof pattern);
    struct sat_like *compiled = NULL;
    assert_int_equal(sat_like_new((satchel_span){pattern, sizeof pattern}, &compiled, NULL),
                     SATCHEL_LIMIT);
    assert_int_equal(sat_like_new((satchel_span){pattern, sizeof pattern - 1}, &compiled, NULL),
                     SATCHEL_OK);
    sat_like_free(compiled);
}

static void allocation_failure_is_nomem(void **state)
{
    (void)state;
    struct sat_like *compiled = NULL;
    sat_alloc_fail_nth(1);
    assert_int_equal(sat_like_new(sat_span_of("a%"), &compiled, NULL), SATCHEL_NOMEM);
    sat_alloc_fail_nth(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_text_has_to_match),
        cmocka_unit_test(percent_is_any_text),
        cmocka_unit_test(underscore_is_one_character_not_one_byte),
        cmocka_unit_test(everything_else_is_literal),
        cmocka_unit_test(a_backslash_makes_the_next_character_literal),
        cmocka_unit_test(a_lone_backslash_at_the_end_is_invalid),
        cmocka_unit_test(case_is_folded_beyond_ascii),
        cmocka_unit_test(hostile_patterns_end_quickly),
        cmocka_unit_test(a_long_pattern_is_limit),
        cmocka_unit_test(allocation_failure_is_nomem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
