/* sat_glob: each wildcard, where '/' stands, bad patterns, hostile patterns, prefixes. */
#include "support/test.h"

#include <time.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/glob.h"
#include "core/str.h"

static bool match(const char *pattern, const char *text)
{
    struct sat_glob *glob;
    satchel_error err = {0};
    int code = sat_glob_new(pattern, &glob, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(code, SATCHEL_OK);
    bool matched = sat_glob_match(glob, sat_span_of(text));
    sat_glob_free(glob);
    return matched;
}

/* Rows of {pattern, texts that match separated by '|', texts that do not}. */
static void assert_rows(const char *const (*rows)[3], size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t column = 1; column < 3; column++) {
            const char *text = rows[i][column];
            while (text != NULL) {
                size_t len = strcspn(text, "|");
                SAT_AUTO_FREE char *one = sat_strndup(text, len);
                if (match(rows[i][0], one) != (column == 1))
                    fail_msg("'%s' against '%s'", rows[i][0], one);
                text = text[len] == '|' ? text + len + 1 : NULL;
            }
        }
    }
}

#define ASSERT_ROWS(rows) assert_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void literals_match_themselves(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"", "", "a"},
        {"a/b.c", "a/b.c", "a/bxc|a/b.|a/b.cc|A/b.c"},
        {"a,b}c", "a,b}c", "a"},
        {"Z\xC3\xBCrich", "Z\xC3\xBCrich", "Z\xC3|Zurich"},
    };
    ASSERT_ROWS(rows);
}

static void a_star_stays_in_its_segment(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"*", "|a|a.b|.hidden", "/|a/|/a|a/b"},
        {"*.json", ".json|a.json|a.b.json", "a.json2|d/a.json|json"},
        {"a*c", "ac|abc|abcbc", "a/c|ab|a"},
        {"d/*", "d/|d/x", "d|d/x/y|e/x"},
        {"a*b*c", "abc|aXbYc|abbcc|abcbc", "acb|ab|a/bc"},
        {"*a*a*a", "aaa|xaxaxa", "aa|aaab"},
    };
    ASSERT_ROWS(rows);
}

static void a_double_star_crosses_segments(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"**", "|a|a/b|/", NULL},
        {"a/**", "a/|a/b|a/b/c", "a|b/a/"},
        {"**/x", "x|a/x|a/b/x|/x", "ax|x/a|a/xx"},
        {"a/**/b", "a/b|a/x/b|a/x/y/b|a//b", "ab|a/xb|a/b/c"},
        {"a**b", "ab|a/b|axx/yb", "a/|b"},
        {"a**/b", "a/b|ax/y/b", "ab|b"},
        {"**/*.json", "a.json|d/a.json|d/e/.json", "a.jso|json"},
        {"a/***/b", "a/b|a/x/y/b", "ab"},
    };
    ASSERT_ROWS(rows);
}

static void a_question_mark_is_one_character(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"?", "a|\xC3\xA9|\xE2\x82\xAC|\xF0\x9F\x98\x80|\xFF", "|ab|/|\xC3\xA9\xC3\xA9|\xFF\xFF"},
        {"a?c",
         "abc|a\xC3\xA9"
         "c|a?c",
         "ac|a/c|abbc"},
    };
    ASSERT_ROWS(rows);
}

static void classes_match_one_of_their_characters(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"[abc]", "a|b|c", "|d|ab|/"},
        {"[a-c_0-9]x", "ax|_x|5x", "dx|-x|x"},
        {"[!a-c]", "d|\xC3\xA9|-|!", "a|b|/|"},
        {"[]]", "]", "[|a"},
        {"[!]]", "a", "]"},
        {"[]-a]", "]|^|a", "b|-"},
        {"[a-]", "a|-", "b"},
        {"[-a]", "a|-", "b"},
        {"[a!]", "a|!", "b"},
        {"[^a]", "^|a", "b"},
        {"[*?{]", "*|?|{", "a"},
        {"[+-0]", "+|.|0", "/"},
        {"[\xC3\xA0-\xC3\xBF]", "\xC3\xA9", "e|\xC3"},
        {"[\\]a]", "]|a", "\\"},
        {"[[]", "[", "]"},
    };
    ASSERT_ROWS(rows);
}

static void braces_match_one_of_their_patterns(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"{a,b}", "a|b", "|ab|c|{a,b}"},
        {"x.{json,csv}", "x.json|x.csv", "x.|x.jsonl"},
        {"{a,}b", "ab|b", "a|aab"},
        {"{a}", "a", "{a}"},
        {"{}x", "x", "{}x"},
        {"{a,b{c,d}}e", "ae|bce|bde", "be|ace|bcde"},
        {"{*.j,d/*}", "x.j|d/y", "e/x.j|d"},
        {"{a,b}{c,d}", "ac|ad|bc|bd", "ab|cd"},
        {"{[,],x}", ",|x", "]"},
        {"{\\,,\\}}", ",|}", "\\"},
        {"{**/,}a", "a|x/a|x/y/a", "xa"},
        {"p{/**/q,r}", "p/q|p/x/q|pr", "pq"},
        {"a{**/b,c}", "a/b|ax/b|ac", "ab"},
        {"{x,**/b}", "x|b|a/b", "ab"},
    };
    ASSERT_ROWS(rows);
}

static void a_backslash_takes_the_magic_away(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"\\*", "*", "a|\\*"},    {"\\[a]", "[a]", "a"}, {"\\{a,b\\}", "{a,b}", "a"},
        {"a\\\\b", "a\\b", "ab"}, {"\\a", "a", "\\a"},
    };
    ASSERT_ROWS(rows);
}

/* A lead byte before a '/' is no character with it: '*' must not get across. */
static void torn_characters_never_swallow_a_slash(void **state)
{
    (void)state;
    assert_false(match("*x", "\xC3/x"));
    assert_false(match("?x", "\xC3/x"));
    assert_true(match("?/x", "\xC3/x"));
    assert_true(match("\xC3*", "\xC3z"));
    assert_false(match("[!a]", "\xE2\x82/"));
}

static void assert_bad(const char *pattern, int want, const char *message)
{
    struct sat_glob *glob;
    satchel_error err = {0};
    assert_int_equal(sat_glob_new(pattern, &glob, &err), want);
    assert_null(glob);
    assert_string_equal(err.text, message);
}

static void bad_patterns_name_the_position(void **state)
{
    (void)state;
    assert_bad("ab[c", SATCHEL_INVALID, "bad pattern 'ab[c': '[' is not closed at position 3");
    assert_bad("[]", SATCHEL_INVALID, "bad pattern '[]': '[' is not closed at position 1");
    assert_bad("[!]", SATCHEL_INVALID, "bad pattern '[!]': '[' is not closed at position 1");
    assert_bad("x{a,b", SATCHEL_INVALID, "bad pattern 'x{a,b': '{' is not closed at position 2");
    assert_bad("[az-b]", SATCHEL_INVALID, "bad pattern '[az-b]': reversed range at position 3");
    assert_bad("ab\\", SATCHEL_INVALID, "bad pattern 'ab\\': nothing behind '\\' at position 3");
    assert_bad("[a\\", SATCHEL_INVALID, "bad pattern '[a\\': nothing behind '\\' at position 3");
    assert_bad("{{{{{{{{{a}}}}}}}}}", SATCHEL_INVALID,
               "bad pattern '{{{{{{{{{a}}}}}}}}}': '{' is nested too deep at position 9");
    assert_true(match("{{{{{{{{a}}}}}}}}", "a"));
}

/* `count` copies of `text`. */
static void repeat(struct sat_buf *buf, const char *text, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(sat_buf_add_str(buf, text), SATCHEL_OK);
}

static void the_longest_patterns_compile_or_are_limited(void **state)
{
    (void)state;
    static const char *const units[] = {"*a", "?*", "[a-b]", "{*,*}", "**/", "{,,}", "\\*", "\xC3"};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        SAT_AUTO_BUF struct sat_buf pattern;
        sat_buf_init(&pattern, 10000);
        repeat(&pattern, units[i], SAT_GLOB_PATTERN_MAX / strlen(units[i]));
        (void)match(sat_buf_str(&pattern), "aaaa/aaaa");
    }
    SAT_AUTO_BUF struct sat_buf over;
    struct sat_glob *glob;
    sat_buf_init(&over, 10000);
    repeat(&over, "a", SAT_GLOB_PATTERN_MAX + 1);
    assert_int_equal(sat_glob_new(sat_buf_str(&over), &glob, NULL), SATCHEL_LIMIT);
}

static void one_long_brace_holds_the_densest_program(void **state)
{
    (void)state;
    SAT_AUTO_BUF struct sat_buf pattern;
    sat_buf_init(&pattern, 10000);
    repeat(&pattern, "{*", 1);
    repeat(&pattern, ",*", (SAT_GLOB_PATTERN_MAX - 3) / 2);
    repeat(&pattern, "}", 1);
    assert_true(match(sat_buf_str(&pattern), "anything"));
    assert_false(match(sat_buf_str(&pattern), "any/thing"));
}

static double cpu_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Each of these takes exponential time where a matcher backtracks. */
static void hostile_patterns_take_linear_time(void **state)
{
    (void)state;
    static const char *const units[] = {"*a", "**a", "{a,a*}", "{*,a}", "**/"};
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, 10000);
    repeat(&text, "a", 1000);
    double start = cpu_seconds();
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        SAT_AUTO_BUF struct sat_buf pattern;
        sat_buf_init(&pattern, 10000);
        repeat(&pattern, units[i], 50);
        repeat(&pattern, "b", 1);
        assert_false(match(sat_buf_str(&pattern), sat_buf_str(&text)));
    }
    assert_true(cpu_seconds() - start < 10);
}

static void the_prefix_is_what_every_match_begins_with(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"a/b*", "a/b"},    {"*", ""},           {"a/**/b", "a/"},
        {"plain", "plain"}, {"a\\*b?", "a*b"},   {"x[1]", "x"},
        {"x{a,b}", "x"},    {"a}b,c*", "a}b,c"}, {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sat_glob *glob;
        assert_int_equal(sat_glob_new(rows[i][0], &glob, NULL), SATCHEL_OK);
        assert_string_equal(sat_glob_prefix(glob), rows[i][1]);
        sat_glob_free(glob);
    }
}

static void magic_is_recognised(void **state)
{
    (void)state;
    assert_true(sat_glob_has_magic("a*"));
    assert_true(sat_glob_has_magic("?"));
    assert_true(sat_glob_has_magic("[a]"));
    assert_true(sat_glob_has_magic("{a,b}"));
    assert_false(sat_glob_has_magic("report (1).pdf"));
    assert_false(sat_glob_has_magic("a+b"));
    assert_false(sat_glob_has_magic(""));
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    int code = SATCHEL_NOMEM;
    long nth = 0;
    while (code == SATCHEL_NOMEM) {
        struct sat_glob *glob;
        satchel_error err = {0};
        sat_alloc_fail_nth(++nth);
        code = sat_glob_new("**/{a,b,[c-e]*}??????????[x]", &glob, &err);
        sat_alloc_fail_nth(0);
        assert_int_equal(err.code, code);
        assert_true((glob != NULL) == (code == SATCHEL_OK));
        sat_glob_free(glob);
    }
    assert_int_equal(code, SATCHEL_OK);
    assert_true(nth > 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_match_themselves),
        cmocka_unit_test(a_star_stays_in_its_segment),
        cmocka_unit_test(a_double_star_crosses_segments),
        cmocka_unit_test(a_question_mark_is_one_character),
        cmocka_unit_test(classes_match_one_of_their_characters),
        cmocka_unit_test(braces_match_one_of_their_patterns),
        cmocka_unit_test(a_backslash_takes_the_magic_away),
        cmocka_unit_test(torn_characters_never_swallow_a_slash),
        cmocka_unit_test(bad_patterns_name_the_position),
        cmocka_unit_test(the_longest_patterns_compile_or_are_limited),
        cmocka_unit_test(one_long_brace_holds_the_densest_program),
        cmocka_unit_test(hostile_patterns_take_linear_time),
        cmocka_unit_test(the_prefix_is_what_every_match_begins_with),
        cmocka_unit_test(magic_is_recognised),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
