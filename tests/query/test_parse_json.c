/* The JSON front end: its shapes, those of dataknobs, unknown keys, limits. */
#include "queries.h"

#include <stdio.h>

static const char *const anna = "{\"id\":\"anna\",\"version\":1,\"fields\":{\"name\":\"Anna\","
                                "\"age\":30},\"metadata\":{\"team\":\"red\"}}";

static bool anna_passes(const char *text)
{
    struct sat_query *query = query_of_json(text);
    bool matched = query_matches(query, anna);
    sat_query_free(query);
    return matched;
}

static void assert_json_error(const char *text, const char *message)
{
    satchel_error err = {0};
    assert_int_equal(json_error(text, &err), SATCHEL_INVALID);
    assert_string_equal(err.text, message);
}

static void an_empty_query_has_defaults(void **state)
{
    (void)state;
    struct sat_query *query = query_of_json("{\"filters\":[],\"condition\":null,\"limit\":null,"
                                            "\"offset\":null,\"fields\":null,\"sort\":null}");
    assert_int_equal(query->limit, -1);
    assert_int_equal(query->offset, 0);
    assert_false(query->projects);
    assert_true(query_matches(query, anna));
    sat_query_free(query);
    sat_query_free(query_of_json("{}"));
}

static void filters_and_condition_all_have_to_hold(void **state)
{
    (void)state;
    const char *name = "{\"field\":\"name\",\"operator\":\"=\",\"value\":\"Anna\"}";
    const char *old = "{\"field\":\"age\",\"operator\":\">\",\"value\":40}";
    char text[400];
    (void)snprintf(text, sizeof text, "{\"filters\":[%s]}", name);
    assert_true(anna_passes(text));
    (void)snprintf(text, sizeof text, "{\"filters\":[%s,%s]}", name, old);
    assert_false(anna_passes(text));
    (void)snprintf(text, sizeof text, "{\"filters\":[%s],\"condition\":%s}", name, old);
    assert_false(anna_passes(text));
    (void)snprintf(text, sizeof text, "{\"filters\":[%s],\"condition\":{\"not\":%s}}", name, old);
    assert_true(anna_passes(text));
}

static void conditions_nest(void **state)
{
    (void)state;
    assert_true(
        anna_passes("{\"condition\":{\"or\":["
                    "{\"field\":\"age\",\"operator\":\"<\",\"value\":1},"
                    "{\"and\":[{\"field\":\"metadata.team\",\"operator\":\"in\","
                    "\"value\":[\"red\"]},"
                    "{\"not\":{\"field\":\"id\",\"operator\":\"=\",\"value\":\"x\"}}]}]}}"));
    assert_true(anna_passes("{\"condition\":{\"and\":[]}}"));
    assert_false(anna_passes("{\"condition\":{\"or\":[]}}"));
}

static void the_shapes_of_dataknobs_are_read(void **state)
{
    (void)state;
    assert_true(anna_passes(
        "{\"condition\":{\"type\":\"logic\",\"operator\":\"and\",\"conditions\":["
        "{\"type\":\"filter\",\"filter\":{\"field\":\"name\",\"operator\":\"exists\","
        "\"value\":null}},"
        "{\"type\":\"logic\",\"operator\":\"NOT\",\"conditions\":["
        "{\"type\":\"filter\",\"filter\":{\"field\":\"age\",\"operator\":\"=\",\"value\":1}},"
        "{\"type\":\"filter\",\"filter\":{\"field\":\"age\",\"operator\":\"=\",\"value\":2}}]}]}"
        "}"));
    assert_false(anna_passes(
        "{\"condition\":{\"type\":\"logic\",\"operator\":\"not\",\"conditions\":["
        "{\"type\":\"filter\",\"filter\":{\"field\":\"age\",\"operator\":\"=\",\"value\":1}},"
        "{\"type\":\"filter\",\"filter\":{\"field\":\"age\",\"operator\":\"=\",\"value\":30}}]}}"));
    assert_true(
        anna_passes("{\"condition\":{\"type\":\"logic\",\"operator\":\"not\",\"conditions\":[]}}"));
}

static void sort_limit_offset_and_fields_are_read(void **state)
{
    (void)state;
    struct sat_query *query =
        query_of_json("{\"sort\":[{\"field\":\"age\",\"order\":\"DESC\"},{\"field\":\"/name\"}],"
                      "\"limit\":5,\"offset\":2,\"fields\":[\"a\\u002eb\"]}");
    assert_int_equal(query->sorts.len, 2);
    const struct sat_sort *sort = sat_vec_at(&query->sorts, 0);
    assert_true(sort->descending);
    sort = sat_vec_at(&query->sorts, 1);
    assert_string_equal(sort->field.name, "name");
    assert_false(sort->descending);
    assert_int_equal(query->limit, 5);
    assert_int_equal(query->offset, 2);
    assert_true(query->projects);
    const struct sat_field *field = sat_vec_at(&query->fields, 0);
    assert_string_equal(field->name, "a.b");
    sat_query_free(query);
}

static void unknown_keys_are_invalid_with_the_nearest(void **state)
{
    (void)state;
    assert_json_error("{\"filter\":[]}",
                      "unknown key 'filter' in the query (did you mean 'filters'?)");
    assert_json_error("{\"vector_query\":1}",
                      "unknown key 'vector_query' in the query (known: filters, condition, sort, "
                      "limit, offset, fields)");
    assert_json_error("{\"filters\":[{\"field\":\"a\",\"op\":\"=\"}]}",
                      "unknown key 'op' in a filter (known: field, operator, value)");
    assert_json_error("{\"condition\":{\"and\":[],\"xor\":[]}}",
                      "unknown key 'xor' in a condition (did you mean 'or'?)");
    assert_json_error("{\"sort\":[{\"field\":\"a\",\"ordr\":\"asc\"}]}",
                      "unknown key 'ordr' in a sort (did you mean 'order'?)");
}

static void wrong_types_are_invalid(void **state)
{
    (void)state;
    assert_json_error("[]", "a query is a JSON object");
    assert_json_error("{\"filters\":{}}", "\"filters\" needs an array of conditions");
    assert_json_error("{\"filters\":[7]}", "a condition is an object, not '7'");
    assert_json_error("{\"filters\":[{\"operator\":\"=\"}]}", "a filter needs \"field\", a string");
    assert_json_error("{\"filters\":[{\"field\":\"a\"}]}", "a filter needs \"operator\", a string");
    assert_json_error("{\"filters\":[{\"field\":\"a\",\"operator\":\"=\"}]}",
                      "operator '=' on field 'a' needs a value, not nothing");
    assert_json_error("{\"filters\":[{\"field\":\"a\",\"operator\":\"=!\",\"value\":1}]}",
                      "field 'a': unknown operator '=!' (did you mean '='?)");
    assert_json_error("{\"sort\":[\"a\"]}", "\"sort\" needs objects {\"field\",\"order\"}");
    assert_json_error("{\"sort\":[{\"field\":\"a\",\"order\":\"up\"}]}",
                      "unknown sort order '\"up\"' (known: asc, desc)");
    assert_json_error("{\"limit\":-1}", "\"limit\" needs an integer of at least 0, not '-1'");
    assert_json_error("{\"offset\":\"3\"}",
                      "\"offset\" needs an integer of at least 0, not '\"3\"'");
    assert_json_error("{\"fields\":\"name\"}", "\"fields\" needs an array of strings");
    assert_json_error("{\"fields\":[1]}", "\"fields\" needs an array of strings");
    assert_json_error("{\"condition\":{\"and\":[],\"or\":[]}}",
                      "a condition has \"field\" and \"operator\", or one of \"and\", \"or\", "
                      "\"not\" alone");
    assert_json_error("{\"condition\":{\"type\":\"logic\",\"operator\":\"xor\"}}",
                      "unknown logic operator 'xor' (known: and, or, not)");
    assert_json_error("{\"condition\":{\"type\":\"filter\"}}",
                      "a condition with \"type\" is {\"type\":\"filter\",\"filter\":{...}} or "
                      "{\"type\":\"logic\",\"operator\":...,\"conditions\":[...]}");
}

static void bad_json_names_its_place(void **state)
{
    (void)state;
    satchel_error err = {0};
    assert_int_equal(json_error("{\"limit\":1,\"limit\":2}", &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "query: "));
    assert_int_equal(json_error("{\"limit\":", &err), SATCHEL_INVALID);
    assert_int_equal(json_error("", &err), SATCHEL_INVALID);
}

static void assert_nested(const char *open, const char *close, int depth, int code)
{
    struct sat_buf text;
    sat_buf_init(&text, SAT_QUERY_TEXT_MAX);
    sat_buf_add_str(&text, "{\"condition\":");
    for (int i = 0; i < depth; i++)
        sat_buf_add_str(&text, open);
    sat_buf_add_str(&text, "{\"field\":\"a\",\"operator\":\"exists\"}");
    for (int i = 0; i < depth; i++)
        sat_buf_add_str(&text, close);
    sat_buf_add_str(&text, "}");
    struct sat_query *query = NULL;
    assert_int_equal(sat_query_parse_json(sat_buf_span(&text), &query, NULL), code);
    sat_query_free(query);
    sat_buf_fini(&text);
}

static void nesting_over_64_is_limit(void **state)
{
    (void)state;
    assert_nested("{\"and\":[", "]}", SAT_QUERY_DEPTH_MAX, SATCHEL_OK);
    assert_nested("{\"and\":[", "]}", SAT_QUERY_DEPTH_MAX + 1, SATCHEL_LIMIT);
    assert_nested("{\"type\":\"logic\",\"operator\":\"or\",\"conditions\":[", "]}",
                  SAT_QUERY_DEPTH_MAX, SATCHEL_OK);
    assert_nested("{\"not\":", "}", SAT_QUERY_DEPTH_MAX + 1, SATCHEL_LIMIT);
}

static void every_allocation_failure_is_nomem(void **state)
{
    (void)state;
    const char *text =
        "{\"filters\":[{\"field\":\"a\",\"operator\":\"in\",\"value\":[1,\"x\"]}],"
        "\"condition\":{\"not\":{\"or\":[{\"field\":\"b\",\"operator\":\"regex\","
        "\"value\":\"c+\"},{\"field\":\"d\",\"operator\":\"like\",\"value\":\"e%\"}]}},"
        "\"sort\":[{\"field\":\"f\"}],\"fields\":[\"g\"]}";
    for (long nth = 1;; nth++) {
        struct sat_query *query = NULL;
        sat_alloc_fail_nth(nth);
        int rc = sat_query_parse_json(sat_span_of(text), &query, NULL);
        long used = sat_alloc_count();
        sat_alloc_fail_nth(0);
        sat_query_free(query);
        if (used < nth) {
            assert_int_equal(rc, SATCHEL_OK);
            assert_true(nth > 20);
            break;
        }
        assert_int_equal(rc, SATCHEL_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_query_has_defaults),
        cmocka_unit_test(filters_and_condition_all_have_to_hold),
        cmocka_unit_test(conditions_nest),
        cmocka_unit_test(the_shapes_of_dataknobs_are_read),
        cmocka_unit_test(sort_limit_offset_and_fields_are_read),
        cmocka_unit_test(unknown_keys_are_invalid_with_the_nearest),
        cmocka_unit_test(wrong_types_are_invalid),
        cmocka_unit_test(bad_json_names_its_place),
        cmocka_unit_test(nesting_over_64_is_limit),
        cmocka_unit_test(every_allocation_failure_is_nomem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
