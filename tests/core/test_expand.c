/* Substitution: each form, what counts as set, what is no substitution, limits. */
#include "support/test.h"

#include <stdlib.h>

#include "core/alloc.h"
#include "core/expand.h"

static int set_environment(void **state)
{
    (void)state;
    return clearenv() | setenv("SET", "value", 1) | setenv("EMPTY", "", 1) |
           setenv("NESTED", "${SET}", 1);
}

static void gives(const char *text, const char *wanted)
{
    SAT_AUTO_BUF struct sat_buf out;
    satchel_error err = {0};
    sat_buf_init(&out, 1000);
    if (sat_expand(text, &out, &err) != SATCHEL_OK)
        fail_msg("'%s': %s", text, err.text);
    assert_string_equal(sat_buf_str(&out), wanted);
}

static void refuses(const char *text, const char *why)
{
    SAT_AUTO_BUF struct sat_buf out;
    satchel_error err = {0};
    sat_buf_init(&out, 1000);
    assert_int_equal(sat_expand(text, &out, &err), SATCHEL_INVALID);
    if (strstr(err.text, why) == NULL)
        fail_msg("'%s': want '%s' in '%s'", text, why, err.text);
}

static void variables_are_replaced(void **state)
{
    (void)state;
    gives("", "");
    gives("plain $HOME {x} 5$", "plain $HOME {x} 5$");
    gives("${SET}", "value");
    gives("a/${SET}/${SET}b", "a/value/valueb");
    gives("${SET:default}", "value");
    gives("${SET:-default}", "value");
    gives("${SET:?message}", "value");
}

static void a_default_stands_for_what_is_not_set_or_empty(void **state)
{
    (void)state;
    gives("${UNSET:default}", "default");
    gives("${UNSET:-default}", "default");
    gives("${UNSET:--1}", "-1");
    gives("${UNSET:}", "");
    gives("${UNSET:-}", "");
    gives("${EMPTY:default}", "default");
    gives("${UNSET:a:b c$}", "a:b c$");
    gives("${UNSET:http://h:1/}x", "http://h:1/x");
}

static void what_is_not_set_is_named(void **state)
{
    (void)state;
    refuses("${UNSET}", "environment variable UNSET is not set");
    refuses("${EMPTY}", "environment variable EMPTY is not set");
    refuses("x ${UNSET:?give a bucket}", "environment variable UNSET: give a bucket");
    refuses("${EMPTY:?}", "environment variable EMPTY: ");
}

static void other_forms_are_refused(void **state)
{
    (void)state;
    refuses("${}", "'${}' is no substitution");
    refuses("${:x}", "is no substitution");
    refuses("${A-x}", "is no substitution");
    refuses("${ SET }", "is no substitution");
    refuses("${A.B}", "is no substitution");
    refuses("${\xC3\x84}", "is no substitution");
    refuses("${SET", "'${' without its '}'");
    refuses("${", "'${' without its '}'");
    gives("$${SET}", "${SET}");
    gives("a$${", "a${");
}

static void a_value_is_not_looked_at_again(void **state)
{
    (void)state;
    gives("${NESTED}", "${SET}");
    gives("${UNSET:${SET}", "${SET");
}

static void a_long_name_is_refused(void **state)
{
    (void)state;
    char text[400] = "${";
    memset(text + 2, 'A', 300);
    text[302] = '}';
    refuses(text, "is no substitution");
}

static void the_result_is_bounded(void **state)
{
    (void)state;
    SAT_AUTO_BUF struct sat_buf out;
    satchel_error err = {0};
    sat_buf_init(&out, 7);
    assert_int_equal(sat_expand("${SET}${SET}", &out, &err), SATCHEL_LIMIT);
    sat_buf_fini(&out);
    sat_buf_init(&out, 100);
    sat_alloc_fail_nth(1);
    assert_int_equal(sat_expand("${SET}", &out, &err), SATCHEL_NOMEM);
    sat_alloc_fail_nth(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(variables_are_replaced, set_environment),
        cmocka_unit_test_setup(a_default_stands_for_what_is_not_set_or_empty, set_environment),
        cmocka_unit_test_setup(what_is_not_set_is_named, set_environment),
        cmocka_unit_test_setup(other_forms_are_refused, set_environment),
        cmocka_unit_test_setup(a_value_is_not_looked_at_again, set_environment),
        cmocka_unit_test_setup(a_long_name_is_refused, set_environment),
        cmocka_unit_test_setup(the_result_is_bounded, set_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
