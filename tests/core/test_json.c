/* sat_json: parse, edit, dump, and the rules it shares with the validator. */
#include "support/test.h"

#include <math.h>

#include "core/alloc.h"
#include "core/json.h"
#include "core/str.h"

static struct sat_json *parse(const char *text)
{
    struct sat_json *root = NULL;
    satchel_error err = {0};
    if (sat_json_parse(sat_span_of(text), &root, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    return root;
}

static void assert_dump(const struct sat_json *node, const char *want)
{
    struct sat_buf buf;
    sat_buf_init(&buf, 10000);
    assert_int_equal(sat_json_dump(node, &buf), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&buf), want);
    sat_buf_fini(&buf);
}

static void dump_keeps_order_and_numbers(void **state)
{
    (void)state;
    const char *text = "{\"z\":9223372036854775807,\"a\":[0.1,1.0,-0.0,true,false,null,{},[]],"
                       "\"\xC3\xA9\":\"q\\\"\\n\"}";
    SAT_AUTO_JSON struct sat_json *root = parse(text);
    assert_dump(root, text);
}

static void parse_refuses_what_the_validator_refuses(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{\"a\":1,\"a\":2}", "[9223372036854775808]", "[\"\\u0000\"]", "[1", "", "[1]x", "[1e999]"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sat_json *root = NULL;
        satchel_error err = {0};
        assert_int_equal(sat_json_parse(sat_span_of(rows[i]), &root, &err), SATCHEL_INVALID);
        assert_non_null(strstr(err.text, "line 1, column"));
        assert_null(root);
    }
}

static void values_read_by_type(void **state)
{
    (void)state;
    SAT_AUTO_JSON struct sat_json *root = parse("[\"s\",7,2.5,true,null,[1],{\"k\":1}]");
    static const enum sat_json_type types[] = {SAT_JSON_STRING, SAT_JSON_INT,  SAT_JSON_REAL,
                                               SAT_JSON_BOOL,   SAT_JSON_NULL, SAT_JSON_ARRAY,
                                               SAT_JSON_OBJECT};
    assert_int_equal(sat_json_len(root), 7);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(sat_json_type(sat_json_at(root, i)), types[i]);
    assert_string_equal(sat_json_str(sat_json_at(root, 0)), "s");
    assert_int_equal(sat_json_int(sat_json_at(root, 1)), 7);
    assert_true(sat_json_real(sat_json_at(root, 1)) == 7.0);
    assert_true(sat_json_real(sat_json_at(root, 2)) == 2.5);
    assert_true(sat_json_bool(sat_json_at(root, 3)));
    assert_null(sat_json_at(root, 7));
}

static void another_type_reads_as_nothing(void **state)
{
    (void)state;
    SAT_AUTO_JSON struct sat_json *root = parse("[{},\"x\"]");
    assert_string_equal(sat_json_str(sat_json_at(root, 0)), "");
    assert_int_equal(sat_json_int(sat_json_at(root, 1)), 0);
    assert_false(sat_json_bool(sat_json_at(root, 1)));
    assert_null(sat_json_get(sat_json_at(root, 1), "k"));
    assert_null(sat_json_get(NULL, "k"));
    assert_int_equal(sat_json_len(sat_json_at(root, 1)), 0);
}

static void members_walk_in_insertion_order(void **state)
{
    (void)state;
    SAT_AUTO_JSON struct sat_json *root = parse("{\"b\":1,\"a\":2,\"c\":3}");
    void *iter = NULL;
    const char *key;
    struct sat_json *value;
    char keys[4] = "";
    for (size_t i = 0; sat_json_next(root, &iter, &key, &value); i++) {
        keys[i] = key[0];
        assert_int_equal(sat_json_int(value), i + 1);
    }
    assert_string_equal(keys, "bac");
}

static void dump_reports_a_full_buffer(void **state)
{
    (void)state;
    SAT_AUTO_JSON struct sat_json *root = parse("[1,2,3]");
    struct sat_buf buf;
    sat_buf_init(&buf, 4);
    assert_int_equal(sat_json_dump(root, &buf), SATCHEL_LIMIT);
    sat_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dump_keeps_order_and_numbers),
        cmocka_unit_test(parse_refuses_what_the_validator_refuses),
        cmocka_unit_test(values_read_by_type),
        cmocka_unit_test(another_type_reads_as_nothing),
        cmocka_unit_test(members_walk_in_insertion_order),
        cmocka_unit_test(dump_reports_a_full_buffer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
