/* sat_jscan: finding, walking, decoding and writing JSON text in place. */
#include "support/test.h"

#include "core/alloc.h"
#include "core/jscan.h"
#include "core/str.h"

static const char record[] =
    " {\"id\" : \"a,b}\", \"n\":[10, [1,2] ,{\"k\\u00e9y\":\"v\"}], \"e\\\"q\": {\"\":null},"
    "\"address\":{\"city\":\"Oslo\",\"zip\":1}, \"t\":true,\"last\":-1.5e3 } ";

static void assert_found(const char *text, const char *path_text, const char *want)
{
    struct sat_path path;
    satchel_span value;
    assert_int_equal(sat_path_parse(sat_span_of(path_text), &path, NULL), SATCHEL_OK);
    bool found = sat_jscan_find(sat_span_of(text), &path, &value);
    sat_path_fini(&path);
    if (want == NULL) {
        assert_false(found);
        assert_int_equal(value.len, 0);
        return;
    }
    assert_true(found);
    if (!sat_span_eq(value, want))
        fail_msg("%s: got %.*s", path_text, (int)value.len, (const char *)value.data);
}

static void find_follows_keys_and_indexes(void **state)
{
    (void)state;
    assert_found(record, "id", "\"a,b}\"");
    assert_found(record, "n", "[10, [1,2] ,{\"k\\u00e9y\":\"v\"}]");
    assert_found(record, "n[0]", "10");
    assert_found(record, "n[1][1]", "2");
    assert_found(record, "address.city", "\"Oslo\"");
    assert_found(record, "last", "-1.5e3");
    assert_found(record, "/n/1/0", "1");
    assert_found(" [1] ", "", "[1]");
}

static void find_reports_what_is_missing(void **state)
{
    (void)state;
    static const char *const rows[] = {"x", "n[3]", "n.k", "address[0]", "id.x", "t.x", "Id", "i"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_found(record, rows[i], NULL);
    assert_found("{}", "a", NULL);
    assert_found("[]", "[0]", NULL);
    assert_found("", "a", NULL);
}

static void keys_are_compared_decoded(void **state)
{
    (void)state;
    assert_found(record, "n[2].k\xC3\xA9y", "\"v\"");
    assert_found(record, "e\"q", "{\"\":null}");
    assert_found(record, "/e\"q/", "null");
    /* A name with a backslash is not the raw text that looks like it. */
    assert_found("{\"a\\b\":1,\"a\\\\b\":2}", "a\\b", "2");
    assert_found("{\"\\ud83d\\ude00\":3}", "\xF0\x9F\x98\x80", "3");
}

static void pointer_numbers_are_keys_in_objects(void **state)
{
    (void)state;
    assert_found("{\"a\":{\"0\":\"key\"}}", "/a/0", "\"key\"");
    assert_found("{\"a\":[\"index\"]}", "/a/0", "\"index\"");
    assert_found("{\"a\":{\"0\":\"key\"}}", "a[0]", NULL);
}

static void find_makes_no_allocation(void **state)
{
    (void)state;
    struct sat_path path;
    satchel_span value;
    assert_int_equal(sat_path_parse(sat_span_of("n[2].k\xC3\xA9y"), &path, NULL), SATCHEL_OK);
    sat_alloc_fail_nth(0);
    assert_true(sat_jscan_find(sat_span_of(record), &path, &value));
    assert_int_equal(sat_alloc_count(), 0);
    sat_path_fini(&path);
}

static void get_takes_a_plain_name(void **state)
{
    (void)state;
    satchel_span value;
    assert_true(sat_jscan_get(sat_span_of("{\"a.b\":1}"), "a.b", &value));
    assert_true(sat_span_eq(value, "1"));
    assert_false(sat_jscan_get(sat_span_of("[1]"), "a", &value));
}

static void members_come_in_order(void **state)
{
    (void)state;
    satchel_span text = sat_span_of(record);
    satchel_span key;
    satchel_span value;
    size_t cursor = 0;
    struct sat_buf keys;
    sat_buf_init(&keys, 100);
    while (sat_jscan_member(text, &cursor, &key, &value)) {
        sat_buf_add(&keys, key.data, key.len);
        sat_buf_add_char(&keys, '|');
    }
    assert_string_equal(sat_buf_str(&keys), "id|n|e\\\"q|address|t|last|");
    sat_buf_fini(&keys);
    assert_true(sat_span_eq(value, "-1.5e3"));
    assert_false(sat_jscan_member(text, &cursor, &key, &value));
}

static void elements_come_in_order(void **state)
{
    (void)state;
    satchel_span value;
    size_t cursor = 0;
    satchel_span array = sat_span_of("[ 1 ,\"]\", [2] ]");
    assert_true(sat_jscan_element(array, &cursor, &value));
    assert_true(sat_span_eq(value, "1"));
    assert_true(sat_jscan_element(array, &cursor, &value));
    assert_true(sat_span_eq(value, "\"]\""));
    assert_true(sat_jscan_element(array, &cursor, &value));
    assert_true(sat_span_eq(value, "[2]"));
    assert_false(sat_jscan_element(array, &cursor, &value));
}

static void walking_another_kind_gives_nothing(void **state)
{
    (void)state;
    satchel_span key;
    satchel_span value;
    size_t cursor = 0;
    assert_false(sat_jscan_member(sat_span_of("[1]"), &cursor, &key, &value));
    assert_false(sat_jscan_element(sat_span_of("{\"a\":1}"), &cursor, &value));
    assert_false(sat_jscan_member(sat_span_of("{ }"), &cursor, &key, &value));
    assert_false(sat_jscan_element(sat_span_of("[ ]"), &cursor, &value));
    assert_false(sat_jscan_element((satchel_span){0}, &cursor, &value));
}

static void kinds_are_told_by_the_first_byte(void **state)
{
    (void)state;
    assert_int_equal(sat_jscan_kind(sat_span_of(" null")), SAT_JKIND_NULL);
    assert_int_equal(sat_jscan_kind(sat_span_of("false")), SAT_JKIND_FALSE);
    assert_int_equal(sat_jscan_kind(sat_span_of("true")), SAT_JKIND_TRUE);
    assert_int_equal(sat_jscan_kind(sat_span_of("-1")), SAT_JKIND_NUMBER);
    assert_int_equal(sat_jscan_kind(sat_span_of("\"\"")), SAT_JKIND_STRING);
    assert_int_equal(sat_jscan_kind(sat_span_of("[]")), SAT_JKIND_ARRAY);
    assert_int_equal(sat_jscan_kind(sat_span_of("{}")), SAT_JKIND_OBJECT);
    assert_int_equal(sat_jscan_kind((satchel_span){0}), SAT_JKIND_NONE);
}

static void strings_decode_to_utf8(void **state)
{
    (void)state;
    struct sat_buf buf;
    sat_buf_init(&buf, 100);
    satchel_span value =
        sat_span_of("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\ud83d\\ude00z\"");
    assert_int_equal(sat_jscan_string(value, &buf), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&buf), "\"\\/\b\f\n\r\tA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80z");
    sat_buf_reset(&buf);
    assert_int_equal(sat_jscan_string(sat_span_of("12"), &buf), SATCHEL_OK);
    assert_int_equal(buf.len, 0);
    sat_buf_fini(&buf);
}

static void plain_strings_need_no_decoding(void **state)
{
    (void)state;
    satchel_span text;
    assert_true(sat_jscan_plain_string(sat_span_of(" \"ab\" "), &text));
    assert_true(sat_span_eq(text, "ab"));
    assert_false(sat_jscan_plain_string(sat_span_of("\"a\\n\""), &text));
    assert_false(sat_jscan_plain_string(sat_span_of("7"), &text));
}

static void key_order_is_code_point_order(void **state)
{
    (void)state;
    assert_true(sat_jscan_key_compare(sat_span_of("a"), sat_span_of("b")) < 0);
    assert_true(sat_jscan_key_compare(sat_span_of("a"), sat_span_of("a\\u0000")) < 0);
    assert_int_equal(sat_jscan_key_compare(sat_span_of("\\u0061"), sat_span_of("a")), 0);
    /* U+FFFF is below U+10000, though its UTF-16 form is not. */
    assert_true(sat_jscan_key_compare(sat_span_of("\\uffff"), sat_span_of("\\ud800\\udc00")) < 0);
}

static void integers_are_told_from_reals(void **state)
{
    (void)state;
    int64_t value = 0;
    assert_true(sat_jscan_int(sat_span_of(" -42 "), &value));
    assert_int_equal(value, -42);
    assert_false(sat_jscan_int(sat_span_of("1.0"), &value));
    assert_false(sat_jscan_int(sat_span_of("\"1\""), &value));
}

static void writing_escapes_as_little_as_it_can(void **state)
{
    (void)state;
    struct sat_buf buf;
    sat_buf_init(&buf, 100);
    satchel_span text = {.data = "a\"\\/\n\x01\xC3\xA9\x7F\0z", .len = 11};
    assert_int_equal(sat_jscan_put_string(&buf, text), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&buf), "\"a\\\"\\\\/\\n\\u0001\xC3\xA9\x7F\\u0000z\"");
    sat_buf_fini(&buf);
}

static void compact_drops_space_outside_strings_only(void **state)
{
    (void)state;
    struct sat_buf buf;
    sat_buf_init(&buf, 200);
    satchel_span text = sat_span_of(" { \"a b\" : [ 1.50 ,\n\t2E5 ] , \"c\\\" \" : \" x \" }\r\n");
    assert_int_equal(sat_jscan_put_compact(&buf, text), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&buf), "{\"a b\":[1.50,2E5],\"c\\\" \":\" x \"}");
    sat_buf_fini(&buf);
}

static void ascii_has_no_other_bytes(void **state)
{
    (void)state;
    struct sat_buf buf;
    sat_buf_init(&buf, 200);
    satchel_span text = sat_span_of("{ \"\xC3\xA9\": \"\xF0\x9F\x98\x80\x7F~\" }");
    assert_int_equal(sat_jscan_put_ascii(&buf, text), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&buf), "{\"\\u00e9\":\"\\ud83d\\ude00\\u007f~\"}");
    sat_buf_fini(&buf);
}

static void a_full_buffer_is_reported(void **state)
{
    (void)state;
    struct sat_buf buf;
    sat_buf_init(&buf, 3);
    assert_int_equal(sat_jscan_string(sat_span_of("\"a\\nbcd\""), &buf), SATCHEL_LIMIT);
    sat_buf_reset(&buf);
    assert_int_equal(sat_jscan_put_string(&buf, sat_span_of("abc")), SATCHEL_LIMIT);
    sat_buf_reset(&buf);
    assert_int_equal(sat_jscan_put_compact(&buf, sat_span_of("[1, 2]")), SATCHEL_LIMIT);
    sat_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(find_follows_keys_and_indexes),
        cmocka_unit_test(find_reports_what_is_missing),
        cmocka_unit_test(keys_are_compared_decoded),
        cmocka_unit_test(pointer_numbers_are_keys_in_objects),
        cmocka_unit_test(find_makes_no_allocation),
        cmocka_unit_test(get_takes_a_plain_name),
        cmocka_unit_test(members_come_in_order),
        cmocka_unit_test(elements_come_in_order),
        cmocka_unit_test(walking_another_kind_gives_nothing),
        cmocka_unit_test(kinds_are_told_by_the_first_byte),
        cmocka_unit_test(strings_decode_to_utf8),
        cmocka_unit_test(plain_strings_need_no_decoding),
        cmocka_unit_test(key_order_is_code_point_order),
        cmocka_unit_test(integers_are_told_from_reals),
        cmocka_unit_test(writing_escapes_as_little_as_it_can),
        cmocka_unit_test(compact_drops_space_outside_strings_only),
        cmocka_unit_test(ascii_has_no_other_bytes),
        cmocka_unit_test(a_full_buffer_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
