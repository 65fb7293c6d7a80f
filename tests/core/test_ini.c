/* The INI dialect of configparser: what is an entry, a continuation, a comment, a mistake. */
#include "support/test.h"

#include <stdio.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/ini.h"
#include "core/str.h"

static struct sat_buf told;
static satchel_error err;

static int begin(void **state)
{
    (void)state;
    sat_buf_init(&told, SAT_BUF_MAX_TEXT);
    err = (satchel_error){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    sat_alloc_fail_nth(0);
    sat_buf_fini(&told);
    return 0;
}

/* "[section]@1;name=value@2;" */
static int tell(void *user, const struct sat_ini_entry *entry, satchel_error *why)
{
    (void)user;
    if (entry->name == NULL)
        (void)sat_buf_addf(&told, "[%s]@%u;", entry->section, entry->line);
    else
        (void)sat_buf_addf(&told, "%s=%s@%u;", entry->name, entry->value, entry->line);
    return sat_buf_check(&told, "test", why);
}

static int parse(const char *text)
{
    return sat_ini_parse(sat_span_of(text), "~/f", tell, NULL, &err);
}

static void entries_are_told_as_configparser_reads_them(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"[a]\nx=1\ny : 2\n", "[a]@1;x=1@2;y=2@3;"},
        {"# c\n; c\n\n[a]\n  # c\nx = 1", "[a]@4;x=1@6;"},
        {"\xef\xbb\xbf[a]\r\nx = 1 \t\r\n", "[a]@1;x=1@2;"},
        /* Comments behind values are none. */
        {"[a]\nx = 1 ; 2\ny = 1 # 2\nz = ;\n", "[a]@1;x=1 ; 2@2;y=1 # 2@3;z=;@4;"},
        {"[a] ; c\nx=\ny==:\n", "[a]@1;x=@2;y==:@3;"},
        /* Only a line indented deeper than its entry continues it. */
        {"[a]\n  x = 1\n  y = 2\n    3\nz = 4\n", "[a]@1;x=1@2;y=2\n3@3;z=4@5;"},
        {"[a]\ns3 =\n  style = path\n  n = 2\nx=1\n", "[a]@1;s3=\nstyle = path\nn = 2@2;x=1@5;"},
        {"[a]\nx = 1\n\n  2\n", "[a]@1;x=1\n2@2;"},
        {"[a]\nx = 1\n [b]\n[b]\n  y = 2\n", "[a]@1;x=1\n[b]@2;[b]@4;y=2@5;"},
        {"  [a]\nx = 1\n", "[a]@1;x=1@2;"},
        {"[a]b]\nx=1\n[a]\n[a]\n", "[a]b]@1;x=1@2;[a]@3;[a]@4;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sat_buf_reset(&told);
        if (parse(cases[i][0]) != SATCHEL_OK)
            fail_msg("%s", err.text);
        assert_string_equal(sat_buf_str(&told), cases[i][1]);
    }
}

/* libinih cuts at 200 bytes: every place of a cut, among them blanks and ';'. */
static void a_value_of_any_length_comes_whole(void **state)
{
    (void)state;
    static char text[4096];
    static char want[4096];
    for (size_t len = 150; len < 3000; len = len < 620 ? len + 1 : len + 301) {
        char value[3100];
        for (size_t i = 0; i < len; i++)
            value[i] = i % 7 == 3 ? ' ' : i % 7 == 4 ? ';' : (char)('a' + i % 26);
        value[len - 1] = '!';
        value[len] = '\0';
        (void)snprintf(text, sizeof text, "[s]\nt = %s\nu = 1\n", value);
        (void)snprintf(want, sizeof want, "[s]@1;t=%s@2;u=1@3;", value);
        sat_buf_reset(&told);
        assert_int_equal(parse(text), SATCHEL_OK);
        assert_string_equal(sat_buf_str(&told), want);
    }
}

static void a_section_name_of_any_length_comes_whole(void **state)
{
    (void)state;
    char name[301];
    char text[400];
    char want[400];
    memset(name, 'n', 300);
    name[300] = '\0';
    (void)snprintf(text, sizeof text, "[%s]\nx = 1\n", name);
    (void)snprintf(want, sizeof want, "[%s]@1;x=1@2;", name);
    assert_int_equal(parse(text), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&told), want);
}

static void a_mistake_is_told_with_its_line(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"x = 1\n[a]\n", "~/f line 1: an entry before the first [section]"},
        {"[a]\n\nx = 1\njunk\ny = 2\n", "~/f line 4: want [section] or name = value"},
        {"[a]\nx = 1\n[b\n", "~/f line 3: want [section] or name = value"},
        {"[a]\nx = 1\x01\n", "~/f line 2: a control character"},
        {"[a]\nx = 1\ry = 2\n", "~/f line 2: a control character"},
        {"[]\n", "~/f line 1: an entry before the first [section]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(parse(cases[i][0]), SATCHEL_INVALID);
        assert_string_equal(err.text, cases[i][1]);
    }
}

static int refuse(void *user, const struct sat_ini_entry *entry, satchel_error *why)
{
    ++*(unsigned *)user;
    if (entry->name == NULL)
        return SATCHEL_OK;
    return sat_error_set(why, SATCHEL_LIMIT, "no more");
}

static void a_refusal_ends_it(void **state)
{
    (void)state;
    unsigned calls = 0;
    assert_int_equal(
        sat_ini_parse(sat_span_of("[a]\nx=1\ny=2\n[b]\njunk\n"), "f", refuse, &calls, &err),
        SATCHEL_LIMIT);
    assert_string_equal(err.text, "no more");
    assert_int_equal(calls, 2);
}

static void out_of_memory_is_told(void **state)
{
    (void)state;
    int code = SATCHEL_NOMEM;
    for (long nth = 1; code != SATCHEL_OK; nth++) {
        assert_true(nth < 50);
        sat_buf_fini(&told);
        sat_buf_init(&told, SAT_BUF_MAX_TEXT);
        sat_alloc_fail_nth(nth);
        code = parse("[a]\nx = 1\n  2\n[b]\ny = 2\n");
        assert_true(code == SATCHEL_OK || code == SATCHEL_NOMEM);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(entries_are_told_as_configparser_reads_them),
        TEST(a_value_of_any_length_comes_whole),
        TEST(a_section_name_of_any_length_comes_whole),
        TEST(a_mistake_is_told_with_its_line),
        TEST(a_refusal_ends_it),
        TEST(out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
