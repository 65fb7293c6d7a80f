/* sat_regex: search semantics, the limits that stop a hostile pattern, threads, allocation failure.
 */
#include "support/test.h"

#include <pthread.h>

#include "core/alloc.h"
#include "core/regex.h"
#include "core/str.h"

static struct sat_regex *compiled(const char *pattern)
{
    struct sat_regex *regex = NULL;
    satchel_error err = {0};
    assert_int_equal(sat_regex_new(sat_span_of(pattern), &regex, &err), SATCHEL_OK);
    return regex;
}

static bool search(const char *pattern, const char *text)
{
    struct sat_regex *regex = compiled(pattern);
    bool found = false;
    assert_int_equal(sat_regex_search(regex, sat_span_of(text), &found, NULL), SATCHEL_OK);
    sat_regex_free(regex);
    return found;
}

static int compile_code(const char *pattern, satchel_error *err)
{
    struct sat_regex *regex = NULL;
    int rc = sat_regex_new(sat_span_of(pattern), &regex, err);
    sat_regex_free(regex);
    return rc;
}

static void searches_anywhere_in_the_text(void **state)
{
    (void)state;
    assert_true(search("b+c", "aabbcc"));
    assert_false(search("^b", "ab"));
    assert_true(search("", ""));
    assert_false(search("a", ""));
}

static void a_whole_regex_matches_the_whole_text(void **state)
{
    (void)state;
    struct sat_regex *regex = NULL;
    static const struct {
        const char *text;
        bool match;
    } rows[] = {{"ab", true},    {"cd", true},   {"abx", false}, {"xab", false},
                {"abcd", false}, {"a\nb", true}, {"ab\n", false}};
    assert_int_equal(sat_regex_new_whole(sat_span_of("a.?b|cd$"), &regex, NULL), SATCHEL_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bool found = !rows[i].match;
        assert_int_equal(sat_regex_search(regex, sat_span_of(rows[i].text), &found, NULL),
                         SATCHEL_OK);
        if (found != rows[i].match)
            fail_msg("'%s'", rows[i].text);
    }
    sat_regex_free(regex);
}

static void works_on_code_points_and_unicode_classes(void **state)
{
    (void)state;
    assert_true(search("^.$", "\xC3\xA9"));
    assert_true(search("^\\w+$", "\xC3\xA9t\xC3\xA9"));
    assert_true(search("(?i)^\xC3\x89", "\xC3\xA9t\xC3\xA9"));
}

static void a_bad_pattern_names_itself_and_the_place(void **state)
{
    (void)state;
    satchel_error err = {0};
    assert_int_equal(compile_code("ab(c", &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "at byte 4 of 'ab(c'"));
    assert_int_equal(compile_code("a\\Cb", &err), SATCHEL_INVALID);
    assert_int_equal(compile_code("\xFF", &err), SATCHEL_INVALID);
}

static void a_pattern_over_4_kib_is_limit(void **state)
{
    (void)state;
    char pattern[SAT_REGEX_PATTERN_MAX + 2];
    memset(pattern, 'a', sizeof pattern - 1);
    pattern[sizeof pattern - 1] = '\0';
    satchel_error err = {0};
    assert_int_equal(compile_code(pattern, &err), SATCHEL_LIMIT);
    pattern[SAT_REGEX_PATTERN_MAX] = '\0';
    assert_int_equal(compile_code(pattern, &err), SATCHEL_OK);
}

static void backtracking_ends_in_limit_not_in_no_match(void **state)
{
    (void)state;
    struct sat_regex *regex = compiled("^(a+)+$");
    bool found = true;
    satchel_error err = {0};
    satchel_span text = sat_span_of("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
    assert_int_equal(sat_regex_search(regex, text, &found, &err), SATCHEL_LIMIT);
    assert_non_null(strstr(err.text, "'^(a+)+$'"));
    assert_int_equal(sat_regex_search(regex, sat_span_of("aaa"), &found, &err), SATCHEL_OK);
    assert_true(found);
    sat_regex_free(regex);
}

static void a_pattern_cannot_raise_the_limits(void **state)
{
    (void)state;
    struct sat_regex *regex = compiled("(*LIMIT_MATCH=4000000000)^(a+)+$");
    bool found = true;
    satchel_span text = sat_span_of("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab");
    assert_int_equal(sat_regex_search(regex, text, &found, NULL), SATCHEL_LIMIT);
    sat_regex_free(regex);
}

/* Nothing but the heap limit stops this one: few steps, each remembering many groups. */
static void the_heap_is_bounded(void **state)
{
    (void)state;
    char many[1024] = "";
    size_t used = 0;
    for (int i = 0; i < 200; i++) {
        memcpy(many + used, "(x)?", 4);
        used += 4;
    }
    memcpy(many + used, "(a|b)*c", 8);
    struct sat_regex *regex = compiled(many);
    size_t len = 40000;
    char *text = sat_malloc(len);
    assert_non_null(text);
    memset(text, 'a', len);
    text[len - 1] = 'c';
    bool found = false;
    satchel_error err = {0};
    satchel_span span = {.data = text, .len = len};
    assert_int_equal(sat_regex_search(regex, span, &found, &err), SATCHEL_LIMIT);
    assert_non_null(strstr(err.text, "heap limit"));
    sat_free(text);
    sat_regex_free(regex);
}

static void text_that_is_not_utf8_is_corrupt(void **state)
{
    (void)state;
    struct sat_regex *regex = compiled("a");
    bool found;
    assert_int_equal(sat_regex_search(regex, sat_span_of("\xC3("), &found, NULL), SATCHEL_CORRUPT);
    sat_regex_free(regex);
}

static void *search_often(void *arg)
{
    struct sat_regex *regex = arg;
    for (int i = 0; i < 500; i++) {
        bool yes = false;
        bool no = true;
        if (sat_regex_search(regex, sat_span_of("xxabbbc"), &yes, NULL) != SATCHEL_OK ||
            sat_regex_search(regex, sat_span_of("xxabbb"), &no, NULL) != SATCHEL_OK || !yes || no)
            return arg;
    }
    return NULL;
}

static void threads_share_one_regex(void **state)
{
    (void)state;
    struct sat_regex *regex = compiled("a(b|bb)+c");
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, search_often, regex), 0);
    for (size_t i = 0; i < 4; i++) {
        void *failed = regex;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    sat_regex_free(regex);
}

static void every_allocation_failure_is_nomem(void **state)
{
    (void)state;
    for (long nth = 1;; nth++) {
        struct sat_regex *regex = NULL;
        bool found = false;
        sat_alloc_fail_nth(nth);
        int rc = sat_regex_new(sat_span_of("a(b|c)*d"), &regex, NULL);
        if (rc == SATCHEL_OK)
            rc = sat_regex_search(regex, sat_span_of("xabcbcd"), &found, NULL);
        long used = sat_alloc_count();
        sat_alloc_fail_nth(0);
        sat_regex_free(regex);
        if (used < nth) {
            assert_int_equal(rc, SATCHEL_OK);
            assert_true(found);
            break;
        }
        assert_int_equal(rc, SATCHEL_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(searches_anywhere_in_the_text),
        cmocka_unit_test(a_whole_regex_matches_the_whole_text),
        cmocka_unit_test(works_on_code_points_and_unicode_classes),
        cmocka_unit_test(a_bad_pattern_names_itself_and_the_place),
        cmocka_unit_test(a_pattern_over_4_kib_is_limit),
        cmocka_unit_test(backtracking_ends_in_limit_not_in_no_match),
        cmocka_unit_test(a_pattern_cannot_raise_the_limits),
        cmocka_unit_test(the_heap_is_bounded),
        cmocka_unit_test(text_that_is_not_utf8_is_corrupt),
        cmocka_unit_test(threads_share_one_regex),
        cmocka_unit_test(every_allocation_failure_is_nomem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
