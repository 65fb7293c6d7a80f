/* Operator names: spellings, unknown ones, what each takes. */
#include "support/test.h"

#include "core/str.h"
#include "query/operator.h"

static enum sat_operator parsed(const char *name)
{
    enum sat_operator op = SAT_OPERATOR_IS_NULL;
    satchel_error err = {0};
    if (sat_operator_parse(sat_span_of(name), &op, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    return op;
}

static void every_name_parses_to_itself(void **state)
{
    (void)state;
#define CHECK(op, name, takes)                                                                     \
    assert_int_equal(parsed(name), SAT_OPERATOR_##op);                                             \
    assert_string_equal(sat_operator_name(SAT_OPERATOR_##op), name);                               \
    assert_int_equal(sat_operator_takes(SAT_OPERATOR_##op), SAT_TAKES_##takes);
    SAT_OPERATOR_MAP(CHECK)
#undef CHECK
}

static void case_spaces_and_underscores_do_not_count(void **state)
{
    (void)state;
    assert_int_equal(parsed("NOT IN"), SAT_OPERATOR_NOT_IN);
    assert_int_equal(parsed("notin"), SAT_OPERATOR_NOT_IN);
    assert_int_equal(parsed(" Not-Between "), SAT_OPERATOR_NOT_BETWEEN);
    assert_int_equal(parsed("Starts With"), SAT_OPERATOR_STARTS_WITH);
    assert_int_equal(parsed("> ="), SAT_OPERATOR_GE);
}

static void aliases_are_known(void **state)
{
    (void)state;
    assert_int_equal(parsed("=="), SAT_OPERATOR_EQ);
    assert_int_equal(parsed("<>"), SAT_OPERATOR_NE);
    assert_int_equal(parsed("~"), SAT_OPERATOR_REGEX);
}

static void an_unknown_name_is_invalid_with_the_nearest(void **state)
{
    (void)state;
    enum sat_operator op;
    satchel_error err = {0};
    assert_int_equal(sat_operator_parse(sat_span_of("betwen"), &op, &err), SATCHEL_INVALID);
    assert_string_equal(err.text, "unknown operator 'betwen' (did you mean 'between'?)");
    assert_int_equal(sat_operator_parse(sat_span_of("approximately"), &op, &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "'approximately' (known: = !="));
    assert_int_equal(sat_operator_parse(sat_span_of(""), &op, &err), SATCHEL_INVALID);
}

static void a_very_long_name_is_invalid(void **state)
{
    (void)state;
    char name[5000];
    memset(name, 'i', sizeof name);
    enum sat_operator op;
    assert_int_equal(sat_operator_parse((satchel_span){name, sizeof name}, &op, NULL),
                     SATCHEL_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_parses_to_itself),
        cmocka_unit_test(case_spaces_and_underscores_do_not_count),
        cmocka_unit_test(aliases_are_known),
        cmocka_unit_test(an_unknown_name_is_invalid_with_the_nearest),
        cmocka_unit_test(a_very_long_name_is_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
