/* Matching in memory: every operator against every kind, paths, two values, failures. */
#include "queries.h"

#include "core/jpath.h"
#include "query/doc.h"
#include "query/key.h"

static void kinds_are_never_equal_or_ordered(void **state)
{
    (void)state;
    assert_true(passes("\"a\":1", "a = 1.0"));
    assert_true(passes("\"a\":9007199254740993", "a > 9007199254740992.0"));
    assert_false(passes("\"a\":1", "a = '1'"));
    assert_false(passes("\"a\":1", "a = true"));
    assert_false(passes("\"a\":\"x\"", "a > 1"));
    assert_false(passes("\"a\":1", "a < 'x'"));
    assert_true(passes("\"a\":1", "a != '1'"));
    assert_true(passes("\"a\":false", "a < true"));
}

static void timestamps_are_ordered_by_instant(void **state)
{
    (void)state;
    const char *noon = "\"t\":\"2024-05-01T12:00:00+02:00\"";
    assert_true(passes(noon, "t < '2024-05-01T11:00:00Z'"));
    assert_true(passes(noon, "t > '2024-05-01T09:59:59'"));
    assert_false(passes(noon, "t < '2025'")); /* a timestamp is no plain string */
    assert_true(passes(noon, "t LIKE '2024-05%'"));
    assert_true(passes(noon, "t STARTS WITH '2024-05-01T12'"));
    assert_true(passes(noon, "t ~ '\\+02:00$'"));
}

static void a_missing_or_null_field_is_false_but_for_absence(void **state)
{
    (void)state;
    static const char *const conditions[] = {
        "a = 1",
        "a != 1",
        "a > 1",
        "a <= 1",
        "a IN (1)",
        "a NOT IN (1)",
        "a LIKE '%'",
        "a NOT LIKE 'x'",
        "a ~ ''",
        "a STARTS WITH ''",
        "a EXISTS",
        "a BETWEEN 1 AND 2",
        "a NOT BETWEEN 1 AND 2",
        "a CONTAINS 1",
        "a = null",
        "a IN (null)",
        "a CONTAINS null",
    };
    for (size_t i = 0; i < sizeof conditions / sizeof conditions[0]; i++) {
        if (passes("\"b\":1", conditions[i]) || passes("\"a\":null", conditions[i]))
            fail_msg("%s", conditions[i]);
    }
    assert_true(passes("\"b\":1", "a NOT EXISTS AND a IS NULL AND NOT a = 1 AND NOT a != 1"));
    assert_true(passes("\"a\":null", "a NOT EXISTS AND a IS NULL"));
    assert_false(passes("\"a\":0", "a NOT EXISTS OR a IS NULL"));
}

static void negative_forms_are_true_on_other_kinds(void **state)
{
    (void)state;
    assert_true(passes("\"a\":5", "a NOT LIKE '5'"));
    assert_true(passes("\"a\":\"x\"", "a NOT BETWEEN 1 AND 2"));
    assert_true(passes("\"a\":\"x\"", "a NOT IN (1, null)"));
    assert_true(passes("\"a\":[1]", "a != 1"));
    assert_false(passes("\"a\":\"x\"", "a NOT IN ('x')"));
}

static void between_includes_its_bounds(void **state)
{
    (void)state;
    assert_true(passes("\"a\":1", "a BETWEEN 1 AND 2"));
    assert_true(passes("\"a\":2.0", "a BETWEEN 1 AND 2"));
    assert_false(passes("\"a\":2.5", "a BETWEEN 1 AND 2"));
    assert_false(passes("\"a\":1", "a BETWEEN 2 AND 1"));
    assert_false(passes("\"a\":1", "a BETWEEN 0 AND 'x'"));
}

static void contains_means_element_or_substring(void **state)
{
    (void)state;
    assert_true(passes("\"a\":[1,[2,3],{\"k\":\"v\"}]", "a CONTAINS 1.0"));
    assert_false(passes("\"a\":[1,[2,3]]", "a CONTAINS 2"));
    assert_true(passes("\"a\":\"xyz\"", "a CONTAINS 'y'"));
    assert_true(passes("\"a\":\"x\\u0079z\"", "a CONTAINS 'yz'"));
    assert_true(passes("\"a\":\"xyz\"", "a CONTAINS ''"));
    assert_false(passes("\"a\":\"x1\"", "a CONTAINS 1"));
    assert_false(passes("\"a\":{\"x\":1}", "a CONTAINS 'x'"));
    assert_false(passes("\"a\":11", "a CONTAINS 1"));
    assert_true(passes("\"a\":[null]", "a CONTAINS null"));
}

static bool json_passes(const char *members, const char *filter)
{
    char *record =
        sat_strf("{\"id\":\"r\",\"version\":1,\"fields\":{%s},\"metadata\":{}}", members);
    char *text = sat_strf("{\"filters\":[%s]}", filter);
    struct sat_query *query = query_of_json(text);
    bool matched = query_matches(query, record);
    sat_query_free(query);
    sat_free(text);
    sat_free(record);
    return matched;
}

static void arrays_and_objects_are_compared_deeply(void **state)
{
    (void)state;
    assert_true(
        json_passes("\"a\":{\"x\":1,\"y\":[2]}",
                    "{\"field\":\"a\",\"operator\":\"=\",\"value\":{\"y\":[2.0],\"x\":1}}"));
    assert_true(json_passes("\"a\":[1,2]", "{\"field\":\"a\",\"operator\":\"<\",\"value\":[1,3]}"));
    assert_true(json_passes("\"a\":[{\"k\":1}]",
                            "{\"field\":\"a\",\"operator\":\"contains\",\"value\":{\"k\":1}}"));
}

static void paths_reach_fields_metadata_and_id(void **state)
{
    (void)state;
    const char *record =
        "{\"id\":\"r-9\",\"version\":3,\"fields\":{\"id\":\"inner\",\"metadata\":{\"x\":1},"
        "\"address\":{\"city\":\"Oslo\"},\"items\":[{\"n\":5}],\"a.b\":2,\"e\\u0301\":7},"
        "\"metadata\":{\"x\":2,\"id\":\"m\"}}";
    static const char *const yes[] = {
        "id = 'r-9'",
        "/id = 'inner'",
        "metadata.x = 2",
        "/metadata/x = 1",
        "metadata.id = 'm'",
        "address.city = 'Oslo'",
        "/address/city = 'Oslo'",
        "items[0].n = 5",
        "/items/0/n = 5",
        "\"/a.b\" = 2",
        "version NOT EXISTS",
        "items[1] NOT EXISTS",
        "address.city.x NOT EXISTS",
        "e\xCC\x81 = 7",
    };
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        struct sat_query *query = query_of_where(yes[i]);
        if (!query_matches(query, record))
            fail_msg("%s", yes[i]);
        sat_query_free(query);
    }
}

static void escaped_text_is_decoded_before_it_is_compared(void **state)
{
    (void)state;
    assert_true(passes("\"a\":\"\\u0041b\\/\\n\"", "a LIKE 'ab/_'"));
    assert_true(passes("\"a\":\"\\u00e9\"", "a = '\xC3\xA9'"));
    assert_true(passes("\"a\":\"\\ud83d\\ude00!\"", "a ~ '^.!$'"));
    assert_true(passes("\"\\u0061\":1", "a = 1"));
}

static void empty_logic_has_its_identity(void **state)
{
    (void)state;
    struct sat_query *query = sat_query_new();
    query->filter = sat_logic_new(SAT_NODE_AND, NULL);
    assert_true(query_matches(query, "{\"id\":\"r\",\"fields\":{}}"));
    sat_node_free(query->filter);
    query->filter = sat_logic_new(SAT_NODE_OR, NULL);
    assert_false(query_matches(query, "{\"id\":\"r\",\"fields\":{}}"));
    sat_query_free(query);
}

static const char *const evil = "{\"id\":\"evil/\\u0031\",\"fields\":{\"a\":"
                                "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"}}";

static void assert_fails(const char *where, size_t scratch_max, int code, const char *message)
{
    struct sat_query *query = query_of_where(where);
    struct sat_buf scratch;
    sat_buf_init(&scratch, scratch_max);
    bool matched = true;
    satchel_error err = {0};
    assert_int_equal(sat_filter_match(query->filter, sat_span_of(evil), &scratch, &matched, &err),
                     code);
    assert_true(matched);
    assert_string_equal(err.text, message);
    sat_buf_fini(&scratch);
    sat_query_free(query);
}

static void a_regex_limit_is_an_error_naming_the_record(void **state)
{
    (void)state;
    const char *message = "record 'evil/1': regex gave up, match limit exceeded for '^(a+)+$'";
    assert_fails("a ~ '^(a+)+$'", 1000, SATCHEL_LIMIT, message);
    assert_fails("NOT (b = 1 OR NOT a ~ '^(a+)+$')", 1000, SATCHEL_LIMIT, message);
}

static void a_value_beyond_the_scratch_is_an_error(void **state)
{
    (void)state;
    assert_fails("a = 'x'", 16, SATCHEL_LIMIT, "record 'evil/1': value is over 16 bytes");
}

static void allocation_failure_is_nomem_not_no_match(void **state)
{
    (void)state;
    struct sat_query *query = query_of_where("a = 'x'");
    struct sat_buf scratch;
    sat_buf_init(&scratch, 1000);
    bool matched = true;
    sat_alloc_fail_nth(1);
    assert_int_equal(sat_filter_match(query->filter, sat_span_of(evil), &scratch, &matched, NULL),
                     SATCHEL_NOMEM);
    sat_alloc_fail_nth(0);
    assert_true(matched);
    sat_buf_fini(&scratch);
    sat_query_free(query);
}

static void the_key_of_a_field_is_empty_when_it_is_missing(void **state)
{
    (void)state;
    struct sat_path path;
    struct sat_buf out;
    sat_buf_init(&out, 1000);
    satchel_span record = sat_span_of("{\"id\":\"r\",\"fields\":{\"a\":\"x\",\"n\":null}}");
    assert_int_equal(sat_doc_path("a", &path, NULL), SATCHEL_OK);
    assert_int_equal(sat_filter_key(record, &path, &out, NULL), SATCHEL_OK);
    sat_path_fini(&path);
    assert_int_equal(out.len, 2);
    assert_memory_equal(out.data, "Px", 2);
    assert_int_equal(sat_doc_path("b", &path, NULL), SATCHEL_OK);
    assert_int_equal(sat_filter_key(record, &path, &out, NULL), SATCHEL_OK);
    sat_path_fini(&path);
    assert_int_equal(out.len, 0);
    assert_int_equal(sat_doc_path("n", &path, NULL), SATCHEL_OK);
    assert_int_equal(sat_filter_key(record, &path, &out, NULL), SATCHEL_OK);
    sat_path_fini(&path);
    assert_int_equal(sat_key_kind(sat_buf_span(&out)), SAT_KIND_NULL);
    sat_buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_never_equal_or_ordered),
        cmocka_unit_test(timestamps_are_ordered_by_instant),
        cmocka_unit_test(a_missing_or_null_field_is_false_but_for_absence),
        cmocka_unit_test(negative_forms_are_true_on_other_kinds),
        cmocka_unit_test(between_includes_its_bounds),
        cmocka_unit_test(contains_means_element_or_substring),
        cmocka_unit_test(arrays_and_objects_are_compared_deeply),
        cmocka_unit_test(paths_reach_fields_metadata_and_id),
        cmocka_unit_test(escaped_text_is_decoded_before_it_is_compared),
        cmocka_unit_test(empty_logic_has_its_identity),
        cmocka_unit_test(a_regex_limit_is_an_error_naming_the_record),
        cmocka_unit_test(a_value_beyond_the_scratch_is_an_error),
        cmocka_unit_test(allocation_failure_is_nomem_not_no_match),
        cmocka_unit_test(the_key_of_a_field_is_empty_when_it_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
