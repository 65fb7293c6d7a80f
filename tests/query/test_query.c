/* The query tree: canonical fields, values that fit operators, limits, the single id. */
#include "queries.h"

#include "query/doc.h"
#include "query/key.h"

static void assert_canonical(const char *name, const char *canonical)
{
    struct sat_field field;
    satchel_error err = {0};
    if (sat_field_init(sat_span_of(name), &field, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    assert_string_equal(field.name, canonical);
    sat_field_fini(&field);
}

static void one_place_has_one_spelling(void **state)
{
    (void)state;
    assert_canonical("address.city", "address.city");
    assert_canonical("/address/city", "address.city");
    assert_canonical("metadata.owner", "metadata.owner");
    assert_canonical("id", "id");
}

static void a_pointer_that_dots_cannot_say_stays(void **state)
{
    (void)state;
    assert_canonical("/a.b", "/a.b");
    assert_canonical("/items/0", "/items/0"); /* key or index: items[0] is an index only */
    assert_canonical("/metadata", "/metadata");
    assert_canonical("/id", "/id");
    assert_canonical("/a/metadata", "a.metadata");
    assert_canonical("/~1x", "/~1x");
    assert_canonical("/", "/");
}

static void a_bad_field_is_invalid(void **state)
{
    (void)state;
    struct sat_field field;
    assert_int_equal(sat_field_init(sat_span_of(""), &field, NULL), SATCHEL_INVALID);
    assert_int_equal(sat_field_init(sat_span_of("a..b"), &field, NULL), SATCHEL_INVALID);
    assert_int_equal(sat_field_init(sat_span_of("a[x]"), &field, NULL), SATCHEL_INVALID);
}

static struct sat_node *leaf(enum sat_operator op, const char *value, satchel_error *err)
{
    return sat_leaf_new(sat_span_of("f"), op, sat_span_of(value), err);
}

static void assert_refused(enum sat_operator op, const char *value, const char *message)
{
    satchel_error err = {0};
    assert_null(leaf(op, value, &err));
    assert_int_equal(err.code, SATCHEL_INVALID);
    assert_string_equal(err.text, message);
}

static void values_must_fit_their_operator(void **state)
{
    (void)state;
    assert_refused(SAT_OPERATOR_EQ, "", "operator '=' on field 'f' needs a value, not nothing");
    assert_refused(SAT_OPERATOR_IN, "\"x\"",
                   "operator 'in' on field 'f' needs an array, not a string");
    assert_refused(
        SAT_OPERATOR_NOT_BETWEEN, "3",
        "operator 'not_between' on field 'f' needs an array of two values, not a number");
    assert_refused(SAT_OPERATOR_BETWEEN, "[1]",
                   "operator 'between' on field 'f' needs an array of two values, not 1");
    assert_refused(SAT_OPERATOR_LIKE, "null",
                   "operator 'like' on field 'f' needs a string, not null");
    assert_refused(SAT_OPERATOR_EXISTS, "false",
                   "operator 'exists' on field 'f' needs no value, not false");
    assert_refused(SAT_OPERATOR_LIKE, "\"a\\\\\"",
                   "field 'f': like pattern ends in a lone '\\' (write '\\\\' for one)");
}

static void a_bad_regex_names_the_field(void **state)
{
    (void)state;
    satchel_error err = {0};
    assert_null(leaf(SAT_OPERATOR_REGEX, "\"a(\"", &err));
    assert_int_equal(err.code, SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "field 'f': bad regex"));
}

static void list_keys_are_sorted_and_distinct(void **state)
{
    (void)state;
    struct sat_node *node = leaf(SAT_OPERATOR_IN, " [3, \"x\", 1, 1.0, null, 2]", NULL);
    assert_non_null(node);
    assert_int_equal(node->leaf->key_count, 5);
    for (size_t i = 1; i < node->leaf->key_count; i++) {
        const satchel_buf *a = &node->leaf->keys[i - 1];
        const satchel_buf *b = &node->leaf->keys[i];
        assert_true(
            sat_key_compare((satchel_span){a->data, a->len}, (satchel_span){b->data, b->len}) < 0);
    }
    sat_node_free(node);
}

static struct sat_query *nested(int depth)
{
    struct sat_query *query = sat_query_new();
    query->filter = leaf(SAT_OPERATOR_EXISTS, "", NULL);
    for (int i = 0; i < depth; i++)
        query->filter = sat_not_new(query->filter, NULL);
    return query;
}

static void depth_64_is_allowed_and_65_is_limit(void **state)
{
    (void)state;
    struct sat_query *query = nested(SAT_QUERY_DEPTH_MAX);
    assert_int_equal(sat_query_check(query, NULL), SATCHEL_OK);
    sat_query_free(query);
    query = nested(SAT_QUERY_DEPTH_MAX + 1);
    satchel_error err = {0};
    assert_int_equal(sat_query_check(query, &err), SATCHEL_LIMIT);
    assert_string_equal(err.text, "query is nested 65 deep (at most 64)");
    sat_query_free(query);
}

static void conditions_and_values_are_counted(void **state)
{
    (void)state;
    struct sat_query *query = sat_query_new();
    query->filter = sat_logic_new(SAT_NODE_OR, NULL);
    for (int i = 0; i < SAT_QUERY_LEAVES_MAX; i++)
        assert_int_equal(sat_logic_add(query->filter, leaf(SAT_OPERATOR_EXISTS, "", NULL), NULL),
                         SATCHEL_OK);
    assert_int_equal(sat_query_check(query, NULL), SATCHEL_OK);
    sat_logic_add(query->filter, leaf(SAT_OPERATOR_EXISTS, "", NULL), NULL);
    assert_int_equal(sat_query_check(query, NULL), SATCHEL_LIMIT);
    sat_query_free(query);

    struct sat_buf list;
    sat_buf_init(&list, SAT_QUERY_TEXT_MAX);
    sat_buf_add_str(&list, "[0");
    for (int i = 1; i <= SAT_QUERY_VALUES_MAX; i++)
        sat_buf_addf(&list, ",%d", i);
    sat_buf_add_str(&list, "]");
    query = sat_query_new();
    query->filter = leaf(SAT_OPERATOR_IN, sat_buf_str(&list), NULL);
    assert_int_equal(sat_query_check(query, NULL), SATCHEL_LIMIT);
    sat_query_free(query);
    sat_buf_fini(&list);
}

static void assert_single_id(const char *where, const char *id)
{
    struct sat_query *query = query_of_where(where);
    satchel_span found = {0};
    assert_int_equal(sat_query_single_id(query, &found), id != NULL);
    if (id != NULL)
        assert_true(sat_span_eq(found, id));
    sat_query_free(query);
}

static void a_query_for_one_id_is_noticed(void **state)
{
    (void)state;
    assert_single_id("id = 'user-1'", "user-1");
    assert_single_id("a > 1 AND id = 'x' LIMIT 3", "x");
    assert_single_id("id = 'x' OR a = 1", NULL);
    assert_single_id("NOT id = 'x'", NULL);
    assert_single_id("id != 'x'", NULL);
    assert_single_id("id = 7", NULL);
    assert_single_id("/id = 'x'", NULL); /* the field of that name */
    assert_single_id("", NULL);
}

static void the_projection_is_given_as_paths(void **state)
{
    (void)state;
    struct sat_query *query = query_of_json("{\"fields\":[\"name\",\"metadata.x\"]}");
    struct sat_path *paths = sat_query_paths(query);
    assert_non_null(paths);
    assert_int_equal(paths[0].count, 2);
    assert_true(sat_span_eq(paths[1].steps[0].key, "metadata"));
    sat_free(paths);
    sat_query_free(query);
}

static void sorts_and_fields_are_bounded(void **state)
{
    (void)state;
    struct sat_query *query = sat_query_new();
    for (int i = 0; i < SAT_QUERY_SORTS_MAX; i++)
        assert_int_equal(sat_query_add_sort(query, sat_span_of("a"), true, NULL), SATCHEL_OK);
    assert_int_equal(sat_query_add_sort(query, sat_span_of("a"), true, NULL), SATCHEL_LIMIT);
    for (int i = 0; i < SAT_QUERY_FIELDS_MAX; i++)
        assert_int_equal(sat_query_add_field(query, sat_span_of("a"), NULL), SATCHEL_OK);
    assert_int_equal(sat_query_add_field(query, sat_span_of("a"), NULL), SATCHEL_LIMIT);
    sat_query_free(query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_place_has_one_spelling),
        cmocka_unit_test(a_pointer_that_dots_cannot_say_stays),
        cmocka_unit_test(a_bad_field_is_invalid),
        cmocka_unit_test(values_must_fit_their_operator),
        cmocka_unit_test(a_bad_regex_names_the_field),
        cmocka_unit_test(list_keys_are_sorted_and_distinct),
        cmocka_unit_test(depth_64_is_allowed_and_65_is_limit),
        cmocka_unit_test(conditions_and_values_are_counted),
        cmocka_unit_test(a_query_for_one_id_is_noticed),
        cmocka_unit_test(the_projection_is_given_as_paths),
        cmocka_unit_test(sorts_and_fields_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
