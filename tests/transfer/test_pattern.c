/* Telling globs, regular expressions and names apart; what regular expressions match. */
#include "transfer/pattern.h"

#include "support/test.h"

#include "core/str.h"

static const enum satchel_pattern AUTO = SATCHEL_PATTERN_AUTO;
static const enum satchel_pattern GLOB = SATCHEL_PATTERN_GLOB;
static const enum satchel_pattern LITERAL = SATCHEL_PATTERN_LITERAL;
static const enum satchel_pattern REGEX = SATCHEL_PATTERN_REGEX;

static void assert_kinds(const char *const *texts, size_t count, enum satchel_pattern want)
{
    for (size_t i = 0; i < count; i++) {
        enum satchel_pattern found = sat_pattern_kind(texts[i], AUTO);
        if (found != want)
            fail_msg("%s: %s, not %s", texts[i], sat_pattern_word(found), sat_pattern_word(want));
    }
}

#define ASSERT_KIND(want, ...)                                                                     \
    do {                                                                                           \
        static const char *const texts[] = {__VA_ARGS__};                                          \
        assert_kinds(texts, sizeof texts / sizeof texts[0], want);                                 \
    } while (0)

static void auto_knows_regular_expressions(void **state)
{
    (void)state;
    ASSERT_KIND(REGEX, "/data/.*\\.json$", "/logs/app-[0-9]{4}\\.log", "/data/file_\\d+\\.csv$");
    ASSERT_KIND(REGEX, ".*", "d/.*", "s3://b/.+x", "d/^a", "a$", "d/a$/", "\\w", "x\\.y", "\\$a");
    ASSERT_KIND(REGEX, "a{4}", "[ab]{2,4}", "(ab){2,}", "[ab]+", "(ab)+", "(?i)a", "x(a|b)y");
}

static void auto_knows_globs(void **state)
{
    (void)state;
    ASSERT_KIND(GLOB, "/data/*.log", "backup_*.tar.gz", "app-??.log", "app-0[12].log");
    ASSERT_KIND(GLOB, "data.*", "access.log.*", "{a,c}.*", "v{1,2}.txt", "photo (1)*.jpg",
                "New folder (2)/*", "[!a]*", "a\\*", "a{}", "[.*]", "d/*$", "?\\.x");
}

static void auto_knows_names(void **state)
{
    (void)state;
    ASSERT_KIND(LITERAL, "report (1).pdf", "a+b", "a$b", "v1.2/x", "a^b", "a|b", ")(", "", "...",
                "a\\", "a\\ b", "price\\,");
}

static void a_wish_decides(void **state)
{
    (void)state;
    assert_int_equal(sat_pattern_kind("a\\d*", GLOB), GLOB);
    assert_int_equal(sat_pattern_kind("a\\d", GLOB), LITERAL);
    assert_int_equal(sat_pattern_kind("a\\d*", LITERAL), LITERAL);
    assert_int_equal(sat_pattern_kind("a*", REGEX), REGEX);
    assert_int_equal(sat_pattern_kind("d/a.txt", REGEX), REGEX);
    assert_int_equal(sat_pattern_kind("v1.2/a", REGEX), LITERAL);
    assert_int_equal(sat_pattern_kind("v1.2/", REGEX), LITERAL);
    assert_int_equal(sat_pattern_kind("..", REGEX), LITERAL);
}

static bool matches(const char *pattern, enum satchel_pattern kind, const char *path)
{
    struct sat_pattern *made = NULL;
    bool found = false;
    assert_int_equal(sat_pattern_new(pattern, kind, &made, NULL), SATCHEL_OK);
    assert_int_equal(sat_pattern_match(made, sat_span_of(path), &found, NULL), SATCHEL_OK);
    sat_pattern_free(made);
    return found;
}

static void the_whole_name_below_the_folder_has_to_match(void **state)
{
    (void)state;
    assert_true(matches("/v1.2/app-\\d{2}\\.log", REGEX, "/v1.2/app-01.log"));
    assert_false(matches("/v1.2/app-\\d{2}\\.log", REGEX, "/v1.2/app-01.log.gz"));
    assert_false(matches("/v1.2/app-\\d{2}\\.log", REGEX, "/v1.2/xapp-01.log"));
    assert_true(matches("d/a|b", REGEX, "d/b"));
    assert_false(matches("d/a|b", REGEX, "d/ab"));
    assert_true(matches("d/a.*c$", REGEX, "d/a\nb/c"));
    assert_false(matches("d/c$", REGEX, "d/c\n"));
    assert_true(matches("d/*.log", GLOB, "d/a.log"));
}

static void assert_fixed(const char *pattern, enum satchel_pattern kind, const char *want)
{
    struct sat_pattern *made = NULL;
    assert_int_equal(sat_pattern_new(pattern, kind, &made, NULL), SATCHEL_OK);
    assert_string_equal(sat_pattern_fixed(made), want);
    sat_pattern_free(made);
}

static void what_all_matches_begin_with(void **state)
{
    (void)state;
    assert_fixed("a/app-[0-9]{4}", REGEX, "a/app-");
    assert_fixed("a/app+", REGEX, "a/app");
    assert_fixed("a/app?", REGEX, "a/ap");
    assert_fixed("a/x\xC3\xA9*", REGEX, "a/x");
    assert_fixed("a/ab{0}", REGEX, "a/a");
    assert_fixed("a/ab|c", REGEX, "a/");
    assert_fixed("a/b.c", REGEX, "a/b");
    assert_fixed("a/b*", GLOB, "a/b");
}

static int error_of(const char *pattern, enum satchel_pattern kind, satchel_error *err)
{
    struct sat_pattern *made = NULL;
    return sat_pattern_new(pattern, kind, &made, err);
}

static void bad_patterns_and_texts_are_told(void **state)
{
    (void)state;
    satchel_error err = {0};
    struct sat_pattern *made = NULL;
    bool found = false;
    assert_int_equal(error_of("d/a(", REGEX, &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "'a('"));
    assert_int_equal(error_of("a[", GLOB, &err), SATCHEL_INVALID);
    assert_int_equal(sat_pattern_new("(a+)+", REGEX, &made, NULL), SATCHEL_OK);
    assert_int_equal(sat_pattern_match(made, sat_span_of("a\xFF"), &found, NULL), SATCHEL_CORRUPT);
    const char *text = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab";
    assert_int_equal(sat_pattern_match(made, sat_span_of(text), &found, &err), SATCHEL_LIMIT);
    sat_pattern_free(made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auto_knows_regular_expressions),
        cmocka_unit_test(auto_knows_globs),
        cmocka_unit_test(auto_knows_names),
        cmocka_unit_test(a_wish_decides),
        cmocka_unit_test(the_whole_name_below_the_folder_has_to_match),
        cmocka_unit_test(what_all_matches_begin_with),
        cmocka_unit_test(bad_patterns_and_texts_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
