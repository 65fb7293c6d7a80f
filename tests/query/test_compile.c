/* Queries as SQL: the text, the index that serves it, order, pages, failures that come through. */
#include "queries.h"

#include "core/alloc.h"
#include "sql_eval.h"

static const char *const indexed[] = {"id", "dep", "n", "it's"};

enum { INDEXED = sizeof indexed / sizeof indexed[0] };

static const struct {
    const char *id;
    const char *fields;
} people[] = {
    {"a", "\"dep\":\"Eng\",\"n\":3,\"tags\":[\"x\"]"},
    {"a-b", "\"dep\":\"Eng\",\"n\":1"},
    {"b", "\"dep\":\"Ops\",\"n\":2.5,\"it's\":1"},
    {"c", "\"dep\":\"ops\",\"n\":\"2\""},
    {"d", "\"dep\":null,\"n\":null"},
    {"e", "\"other\":1"},
    {"f", "\"dep\":\"2024-05-01T00:00:00Z\",\"n\":-7"},
};

static struct sql_eval *open_people(void)
{
    struct sql_eval *eval = sql_eval_open(indexed, INDEXED);
    for (size_t i = 0; i < sizeof people / sizeof people[0]; i++) {
        char *record = sat_strf("{\"id\":\"%s\",\"version\":1,\"fields\":{%s},\"metadata\":{}}",
                                people[i].id, people[i].fields);
        sql_eval_add(eval, people[i].id, record);
        sat_free(record);
    }
    return eval;
}

/* The ids joined by spaces, `page` rows at a time. */
static char *found(struct sql_eval *eval, const char *where, int64_t page)
{
    struct sat_query *query = query_of_where(where);
    struct sat_vec ids;
    satchel_error err = {0};
    if (sql_eval_search(eval, query, page, &ids, &err) != SATCHEL_OK)
        fail_msg("%s: %s", where, err.text);
    struct sat_buf text;
    sat_buf_init(&text, 1000);
    for (size_t i = 0; i < ids.len; i++)
        sat_buf_addf(&text, "%s%s", i > 0 ? " " : "", *(char **)sat_vec_at(&ids, i));
    sql_eval_free_ids(&ids);
    sat_query_free(query);
    return sat_buf_take(&text, NULL);
}

static void assert_found(const char *where, const char *ids)
{
    struct sql_eval *eval = open_people();
    for (int64_t page = 0; page < 4; page++) {
        char *got = found(eval, where, page);
        if (strcmp(got, ids) != 0)
            fail_msg("%s, pages of %d: got '%s', want '%s'", where, (int)page, got, ids);
        sat_free(got);
    }
    sql_eval_close(eval);
}

static void indexed_leaves_give_what_they_mean(void **state)
{
    (void)state;
    assert_found("dep = 'Eng'", "a a-b");
    assert_found("n = 3.0", "a");
    assert_found("n > 1", "a b");
    assert_found("n >= 1", "a a-b b");
    assert_found("n < 2.5", "a-b f");
    assert_found("n <= 2.5", "a-b b f");
    assert_found("n > '1'", "c");
    assert_found("n BETWEEN 1 AND 3", "a a-b b");
    assert_found("n BETWEEN 1 AND 'z'", "");
    assert_found("n IN (3, '2', null)", "a c");
    assert_found("n IN (null)", "");
    assert_found("n IN ()", "");
    assert_found("n = null", "");
    assert_found("n > null", "");
    assert_found("dep STARTS WITH 'E'", "a a-b");
    assert_found("dep STARTS WITH '20'", "f");
    assert_found("dep STARTS WITH ''", "a a-b b c f");
    assert_found("\"/it's\" = 1", "b");
}

static void negations_are_two_valued(void **state)
{
    (void)state;
    assert_found("dep != 'Eng'", "b c f");
    assert_found("NOT dep = 'Eng'", "b c d e f");
    assert_found("n NOT IN (3)", "a-b b c f");
    assert_found("n NOT BETWEEN 1 AND 3", "c f");
    assert_found("dep NOT LIKE 'o%'", "a a-b f");
    assert_found("dep IS NULL", "d e");
    assert_found("NOT (dep = 'Eng' AND n > 1)", "a-b b c d e f");
}

static void order_is_kinds_then_missing_then_id(void **state)
{
    (void)state;
    assert_found("", "a a-b b c d e f");
    assert_found("ORDER BY n", "d f a-b b a c e");
    assert_found("ORDER BY n DESC", "c a b a-b f d e");
    assert_found("ORDER BY dep, n DESC", "d f a a-b b c e");
    assert_found("ORDER BY other, id DESC", "e f d c b a-b a");
    assert_found("n > 0 ORDER BY n LIMIT 2", "a-b b");
}

static void limit_and_offset_apply(void **state)
{
    (void)state;
    assert_found("LIMIT 2", "a a-b");
    assert_found("LIMIT 2 OFFSET 1", "a-b b");
    assert_found("OFFSET 5", "e f");
    assert_found("ORDER BY n LIMIT 3 OFFSET 3", "b a c");
    assert_found("LIMIT 0", "");
}

static void count_ignores_the_page(void **state)
{
    (void)state;
    struct sql_eval *eval = open_people();
    struct sat_query *query = query_of_where("dep IN ('Eng', 'Ops') ORDER BY n LIMIT 1 OFFSET 1");
    int64_t count = -1;
    assert_int_equal(sql_eval_count(eval, query, &count, NULL), SATCHEL_OK);
    assert_int_equal(count, 3);
    sat_query_free(query);
    query = query_of_where("");
    assert_int_equal(sql_eval_count(eval, query, &count, NULL), SATCHEL_OK);
    assert_int_equal(count, 7);
    sat_query_free(query);
    sql_eval_close(eval);
}

static void assert_plan(const char *where, const char *part)
{
    struct sql_eval *eval = open_people();
    struct sat_query *query = query_of_where(where);
    char *plan = sql_eval_plan(eval, query);
    if (strstr(plan, part) == NULL)
        fail_msg("%s: %s", where, plan);
    sat_free(plan);
    sat_query_free(query);
    sql_eval_close(eval);
}

static void indexes_serve_filters_and_orders(void **state)
{
    (void)state;
    assert_plan("dep = 'Eng'", "SEARCH body USING INDEX body_1 (<expr>=?)");
    assert_plan("/dep = 'Eng' AND other = 2", "SEARCH body USING INDEX body_1 (<expr>=?)");
    assert_plan("n >= 2", "SEARCH body USING INDEX body_2 (<expr>>? AND <expr><?)");
    assert_plan("n BETWEEN 2 AND 3", "SEARCH body USING INDEX body_2 (<expr>>? AND <expr><?)");
    assert_plan("dep STARTS WITH 'E'", "SEARCH body USING INDEX body_1 (<expr>>? AND <expr><?)");
    assert_plan("dep = 'Eng' OR n = 2", "MULTI-INDEX OR");
    assert_plan("\"/it's\" = 1", "SEARCH body USING INDEX body_3 (<expr>=?)");
    assert_plan("", "SCAN body USING INDEX body_0");
    assert_plan("ORDER BY n LIMIT 5", "SCAN body USING INDEX body_2");
    assert_plan("ORDER BY n DESC LIMIT 5", "SCAN body USING INDEX body_2");
    assert_plan("other = 1", "SCAN body");
}

static void assert_sql(const char *where, const char *text)
{
    struct sat_query *query = query_of_where(where);
    struct sat_compile_options options = {.indexed = indexed, .indexed_count = INDEXED};
    struct sat_sql sql;
    assert_int_equal(sat_compile_count(query, &options, &sql, NULL), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&sql.text), text);
    sat_sql_fini(&sql);
    sat_query_free(query);
}

static void what_no_index_serves_is_one_call(void **state)
{
    (void)state;
    assert_sql("x = 1 AND y = 2", "SELECT count(*) FROM body WHERE sat_match(body,?1)");
    assert_sql("n = 1 OR y = 2", "SELECT count(*) FROM body WHERE sat_match(body,?1)");
    assert_sql("NOT n = 1", "SELECT count(*) FROM body WHERE sat_match(body,?1)");
    assert_sql("n = 1 AND (y = 2 OR z = 3)",
               "SELECT count(*) FROM body WHERE ((sat_key(body,'n') = "
               "?1) AND sat_match(body,?2))");
}

/* SQLite's parser and its depth limit: huge and deep filters must still prepare and answer. */
static void large_filters_run(void **state)
{
    (void)state;
    struct sat_buf text;
    sat_buf_init(&text, SAT_QUERY_TEXT_MAX);
    sat_buf_add_str(&text, "n = 3");
    for (int i = 0; i < 3000; i++)
        sat_buf_addf(&text, " OR n = %d", i + 1000);
    assert_found(sat_buf_str(&text), "a");
    sat_buf_reset(&text);
    for (int i = 0; i < 60; i++)
        sat_buf_add_str(&text, i % 2 == 0 ? "(n = 3 AND " : "(n = 99 OR ");
    sat_buf_add_str(&text, "dep = 'Eng'");
    for (int i = 0; i < 60; i++)
        sat_buf_add_str(&text, ")");
    assert_found(sat_buf_str(&text), "a");
    sat_buf_reset(&text);
    sat_buf_add_str(&text, "n IN (3");
    for (int i = 0; i < 9000; i++)
        sat_buf_addf(&text, ",%d", i + 1000);
    sat_buf_add_str(&text, ")");
    assert_found(sat_buf_str(&text), "a");
    sat_buf_reset(&text);
    sat_buf_add_str(&text, "ORDER BY f0");
    for (int i = 1; i < SAT_QUERY_SORTS_MAX; i++)
        sat_buf_addf(&text, ", f%d DESC", i);
    assert_found(sat_buf_str(&text), "a a-b b c d e f");
    sat_buf_fini(&text);
}

static void a_place_must_fit_the_query(void **state)
{
    (void)state;
    struct sat_query *query = query_of_where("ORDER BY n");
    satchel_span place[1] = {{0}};
    struct sat_compile_options options = {.columns = "obj.key", .after = place, .after_count = 1};
    struct sat_sql sql;
    assert_int_equal(sat_compile_search(query, &options, &sql, NULL), SATCHEL_INVALID);
    sat_query_free(query);
}

static void a_regex_limit_reaches_the_caller(void **state)
{
    (void)state;
    struct sql_eval *eval = open_people();
    sql_eval_add(eval, "evil",
                 "{\"id\":\"evil\",\"version\":1,\"fields\":{\"dep\":"
                 "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"},\"metadata\":{}}");
    struct sat_query *query = query_of_where("NOT dep ~ '^(a+)+$'");
    struct sat_vec ids;
    satchel_error err = {0};
    assert_int_equal(sql_eval_search(eval, query, 0, &ids, &err), SATCHEL_LIMIT);
    assert_string_equal(err.text, "record 'evil': regex gave up, match limit exceeded for "
                                  "'^(a+)+$'");
    sql_eval_free_ids(&ids);
    sat_query_free(query);
    sql_eval_close(eval);
}

static void every_allocation_failure_is_nomem(void **state)
{
    (void)state;
    struct sat_query *query =
        query_of_where("dep STARTS WITH 'E' AND n IN (1,2) AND x = 1 ORDER BY n LIMIT 5");
    struct sat_compile_options options = {
        .columns = "obj.key", .with_place = true, .indexed = indexed, .indexed_count = INDEXED};
    for (long nth = 1;; nth++) {
        struct sat_sql sql;
        sat_alloc_fail_nth(nth);
        int rc = sat_compile_search(query, &options, &sql, NULL);
        long used = sat_alloc_count();
        sat_alloc_fail_nth(0);
        if (rc == SATCHEL_OK)
            sat_sql_fini(&sql);
        if (used < nth) {
            assert_int_equal(rc, SATCHEL_OK);
            break;
        }
        assert_int_equal(rc, SATCHEL_NOMEM);
    }
    sat_query_free(query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(indexed_leaves_give_what_they_mean),
        cmocka_unit_test(negations_are_two_valued),
        cmocka_unit_test(order_is_kinds_then_missing_then_id),
        cmocka_unit_test(limit_and_offset_apply),
        cmocka_unit_test(count_ignores_the_page),
        cmocka_unit_test(indexes_serve_filters_and_orders),
        cmocka_unit_test(what_no_index_serves_is_one_call),
        cmocka_unit_test(large_filters_run),
        cmocka_unit_test(a_place_must_fit_the_query),
        cmocka_unit_test(a_regex_limit_reaches_the_caller),
        cmocka_unit_test(every_allocation_failure_is_nomem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
