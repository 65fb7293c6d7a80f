/* Documents as trees: JSON's places, what values are after substitution, limits, torn allocations.
 */
#include "support/test.h"

#include <stdlib.h>

#include "core/alloc.h"
#include "core/setting.h"
#include "core/str.h"

static struct sat_setting *read_json(const char *text)
{
    struct sat_setting *root = NULL;
    satchel_error err = {0};
    if (sat_setting_read_json(sat_span_of(text), &root, &err) != SATCHEL_OK)
        fail_msg("'%s': %s", text, err.text);
    return root;
}

static void assert_place(const struct sat_setting *setting, size_t line, size_t column)
{
    assert_int_equal(setting->line, line);
    assert_int_equal(setting->column, column);
}

static void every_value_knows_its_place(void **state)
{
    (void)state;
    SAT_AUTO_SETTING struct sat_setting *root =
        read_json("{\"\xC3\xA9\": 1, \"b\":\n  [true, {\"c\" : \"x\"}],\n\"d\":null}");
    assert_int_equal(root->kind, SAT_SETTING_MAP);
    assert_place(root, 1, 1);
    assert_place(sat_setting_get(root, "\xC3\xA9"), 1, 2);
    const struct sat_setting *list = sat_setting_get(root, "b");
    assert_int_equal(list->kind, SAT_SETTING_LIST);
    assert_place(list, 1, 10);
    assert_place(list->first, 2, 4);
    assert_place(list->first->next, 2, 10);
    assert_place(sat_setting_get(list->first->next, "c"), 2, 11);
    assert_place(sat_setting_get(root, "d"), 3, 1);
    assert_null(sat_setting_get(root, "c"));
    assert_null(sat_setting_get(list, "c"));
}

static void keys_and_strings_are_decoded(void **state)
{
    (void)state;
    SAT_AUTO_SETTING struct sat_setting *root = read_json("{\"a\\u0062\": \"\\ud83d\\ude00\\n\"}");
    assert_string_equal(root->first->key, "ab");
    assert_string_equal(root->first->text, "\xF0\x9F\x98\x80\n");
}

static void is(const char *json, enum sat_jkind wanted, const char *text)
{
    SAT_AUTO_SETTING struct sat_setting *root = read_json(json);
    SAT_AUTO_BUF struct sat_buf out;
    enum sat_jkind kind = SAT_JKIND_NONE;
    sat_buf_init(&out, 1000);
    assert_int_equal(sat_setting_value(root, &out, &kind, NULL), SATCHEL_OK);
    assert_int_equal(kind, wanted);
    assert_string_equal(sat_buf_str(&out), text);
}

static void values_are_what_json_says(void **state)
{
    (void)state;
    is("null", SAT_JKIND_NULL, "null");
    is("true", SAT_JKIND_TRUE, "true");
    is("false", SAT_JKIND_FALSE, "false");
    is("-12", SAT_JKIND_NUMBER, "-12");
    is("1.50e3", SAT_JKIND_NUMBER, "1.50e3");
    is("\"12\"", SAT_JKIND_STRING, "12");
    is("\"null\"", SAT_JKIND_STRING, "null");
    is("\"\"", SAT_JKIND_STRING, "");
}

static void a_substituted_string_is_what_it_looks_like(void **state)
{
    (void)state;
    assert_int_equal(setenv("SAT_PORT", "8080", 1) | setenv("SAT_ODD", "0x1F", 1), 0);
    assert_int_equal(unsetenv("SAT_NOT"), 0);
    is("\"${SAT_PORT}\"", SAT_JKIND_NUMBER, "8080");
    is("\"${SAT_NOT:true}\"", SAT_JKIND_TRUE, "true");
    is("\"${SAT_NOT:null}\"", SAT_JKIND_NULL, "null");
    is("\"${SAT_NOT:}\"", SAT_JKIND_STRING, "");
    is("\"${SAT_ODD}\"", SAT_JKIND_STRING, "0x1F");
    is("\"${SAT_NOT:007}\"", SAT_JKIND_STRING, "007");
    is("\"port ${SAT_PORT}\"", SAT_JKIND_STRING, "port 8080");
}

static void an_unset_variable_is_an_error_of_its_value(void **state)
{
    (void)state;
    assert_int_equal(unsetenv("SAT_NOT"), 0);
    SAT_AUTO_SETTING struct sat_setting *root = read_json("\"${SAT_NOT}\"");
    SAT_AUTO_BUF struct sat_buf out;
    enum sat_jkind kind;
    satchel_error err = {0};
    sat_buf_init(&out, 1000);
    assert_int_equal(sat_setting_value(root, &out, &kind, &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "SAT_NOT is not set"));
}

static void refuses(satchel_span text, int code, const char *why)
{
    struct sat_setting *root = NULL;
    satchel_error err = {0};
    assert_int_equal(sat_setting_read_json(text, &root, &err), code);
    assert_null(root);
    if (strstr(err.text, why) == NULL)
        fail_msg("want '%s' in '%s'", why, err.text);
}

static void bad_json_is_refused_with_its_place(void **state)
{
    (void)state;
    refuses(sat_span_of("{\n \"a\": x}"), SATCHEL_INVALID, "line 2, column 7");
    refuses(sat_span_of("{\"a\":1,\n \"\\u0061\":2}"), SATCHEL_INVALID, "line 2, column 3");
    refuses(sat_span_of("\"\\u0000\""), SATCHEL_INVALID, "NUL");
    refuses(sat_span_of(""), SATCHEL_INVALID, "end of text");
}

/* "[[[...]]]" of that depth. */
static void fill_nested(char *text, size_t depth)
{
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    text[2 * depth] = '\0';
}

static void depth_is_bounded(void **state)
{
    (void)state;
    char text[2 * SAT_SETTING_DEPTH + 3];
    fill_nested(text, SAT_SETTING_DEPTH);
    sat_setting_free(read_json(text));
    fill_nested(text, SAT_SETTING_DEPTH + 1);
    refuses(sat_span_of(text), SATCHEL_INVALID, "nested");
}

/* A list of that many zeros. */
static char *new_list(size_t count)
{
    char *text = malloc(2 * count + 2);
    assert_non_null(text);
    for (size_t i = 0; i < count; i++)
        memcpy(text + 2 * i, i == 0 ? "[0" : ",0", 2);
    memcpy(text + 2 * count, "]", 2);
    return text;
}

static void the_number_of_values_is_bounded(void **state)
{
    (void)state;
    char *text = new_list(SAT_SETTING_COUNT_MAX - 1);
    sat_setting_free(read_json(text));
    free(text);
    text = new_list(SAT_SETTING_COUNT_MAX);
    refuses(sat_span_of(text), SATCHEL_LIMIT, "column 8192: more than 4096 values");
    free(text);
}

static void the_size_is_bounded(void **state)
{
    (void)state;
    char *text = malloc(SAT_SETTING_BYTES_MAX + 1);
    assert_non_null(text);
    memset(text, ' ', SAT_SETTING_BYTES_MAX + 1);
    text[0] = '1';
    struct sat_setting *root = NULL;
    assert_int_equal(
        sat_setting_read_json((satchel_span){text, SAT_SETTING_BYTES_MAX}, &root, NULL),
        SATCHEL_OK);
    sat_setting_free(root);
    refuses((satchel_span){text, SAT_SETTING_BYTES_MAX + 1}, SATCHEL_LIMIT, "over 1048576 bytes");
    free(text);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    satchel_span text = sat_span_of("{\"a\": [1, \"x\"], \"b\": {\"c\": null}}");
    long calls = 1;
    for (long n = 1; n <= calls; n++) {
        struct sat_setting *root = NULL;
        satchel_error err = {0};
        sat_alloc_fail_nth(n);
        int code = sat_setting_read_json(text, &root, &err);
        calls = code == SATCHEL_OK ? n : n + 1;
        assert_int_equal(code, code == SATCHEL_OK ? SATCHEL_OK : SATCHEL_NOMEM);
        sat_setting_free(root);
    }
    sat_alloc_fail_nth(0);
    assert_true(calls > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_value_knows_its_place),
        cmocka_unit_test(keys_and_strings_are_decoded),
        cmocka_unit_test(values_are_what_json_says),
        cmocka_unit_test(a_substituted_string_is_what_it_looks_like),
        cmocka_unit_test(an_unset_variable_is_an_error_of_its_value),
        cmocka_unit_test(bad_json_is_refused_with_its_place),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(the_number_of_values_is_bounded),
        cmocka_unit_test(the_size_is_bounded),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
