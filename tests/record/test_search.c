/* Searching: by the index, by id, projections, counting, corrupt objects, explaining. */
#include "record/fixture.h"

#include "core/alloc.h"
#include "core/jscan.h"
#include "core/str.h"
#include "query/parse.h"
#include "support/forked.h"

static void fill(void)
{
    create_ok("1", "{\"fields\":{\"dept\":\"Eng\",\"age\":30,\"a\":{\"b\":[5,6]}},"
                   "\"metadata\":{\"by\":\"x\"}}");
    create_ok("2", "{\"fields\":{\"dept\":\"Eng\",\"age\":40}}");
    create_ok("3", "{\"fields\":{\"dept\":\"Ops\",\"age\":20}}");
    create_ok("4", "{\"fields\":{\"dept\":null}}");
}

static void expect(const char *where, const char *ids)
{
    SAT_AUTO_FREE char *found = search_ids(where);
    if (!sat_str_eq(found, ids))
        fail_msg("%s: found '%s', not '%s'", where == NULL ? "all" : where, found, ids);
}

static void filters_sort_and_window(void **state)
{
    (void)state;
    fill();
    expect(NULL, "1,2,3,4");
    expect("dept = 'Eng' AND NOT age > 35", "1");
    expect("dept = 'Ops' OR a.b[1] = 6", "1,3");
    expect("metadata.by = 'x'", "1");
    expect("age >= 20 ORDER BY age DESC LIMIT 2", "2,1");
    expect("age >= 20 ORDER BY age DESC LIMIT 2 OFFSET 2", "3");
}

static const char *run_query(const char *json, struct sat_query **query,
                             struct satchel_results **results, const satchel_record **record)
{
    static satchel_error err;
    err = (satchel_error){0};
    int code = sat_query_parse_json(sat_span_of(json), query, &err);
    if (code == SATCHEL_OK)
        code = sat_db_search(db, *query, results, &err);
    if (code == SATCHEL_OK)
        code = sat_db_results_next(*results, record, &err);
    return code == SATCHEL_OK ? NULL : err.text;
}

static void a_projection_keeps_only_its_fields(void **state)
{
    (void)state;
    struct sat_query *query = NULL;
    struct satchel_results *results = NULL;
    const satchel_record *record = NULL;
    fill();
    const char *why =
        run_query("{\"filters\":[{\"field\":\"age\",\"operator\":\"=\",\"value\":30}],"
                  "\"fields\":[\"dept\"]}",
                  &query, &results, &record);
    assert_null(why);
    assert_non_null(strstr(record->json, "\"fields\":{\"dept\":\"Eng\"}"));
    assert_int_equal(record->version, 1);
    assert_true(sat_str_starts(record->token, "1:"));
    sat_db_results_close(results);
    sat_query_free(query);
}

static void a_search_by_id_is_one_get(void **state)
{
    (void)state;
    fill();
    reopen_db(NULL);
    expect("id = '2'", "2");
    assert_int_equal(requests(SAT_OP_GET), 1);
    assert_int_equal(all_requests(), 1);
    expect("id = '2' AND age = 41", "");
    expect("id = 'nobody'", "");
    expect("id = '../bad'", "");
    expect("id = '2' LIMIT 5 OFFSET 1", "");
    assert_int_equal(requests(SAT_OP_LIST), 0);
}

/* Out of memory anywhere in a search is an error, never an empty or a shorter answer. */
static void no_allocation_failure_changes_an_answer(void **state)
{
    (void)state;
    const char *json = "{\"filters\":[{\"field\":\"dept\",\"operator\":\"=\",\"value\":\"Eng\"}],"
                       "\"fields\":[\"dept\"]}";
    fill();
    expect("dept = 'Eng'", "1,2");
    for (long n = 1;; n++) {
        struct sat_query *query = NULL;
        struct satchel_results *results = NULL;
        const satchel_record *record = NULL;
        unsigned found = 0;
        sat_alloc_fail_nth(n);
        const char *why = run_query(json, &query, &results, &record);
        while (why == NULL && record != NULL) {
            found++;
            assert_true(record->json_len > 20);
            if (sat_db_results_next(results, &record, NULL) != SATCHEL_OK)
                why = "next failed";
        }
        bool reached = sat_alloc_count() >= n;
        sat_alloc_fail_nth(0);
        sat_db_results_close(results);
        sat_query_free(query);
        if (why == NULL)
            assert_int_equal(found, 2);
        if (!reached)
            break;
    }
}

static void a_corrupt_object_is_an_error_never_a_hole(void **state)
{
    (void)state;
    fill();
    foreign_put("recs/zz.json", "{\"fields\": oops");
    struct satchel_results *results = NULL;
    satchel_error err = {0};
    assert_int_equal(sat_db_search(db, NULL, &results, &err), SATCHEL_CORRUPT);
    assert_non_null(strstr(err.text, "zz.json"));
    foreign_delete("recs/zz.json");
    assert_int_equal(sat_db_refresh(db, true, NULL), SATCHEL_OK);
    expect("age = 20", "3");
}

static void counting_follows_the_query(void **state)
{
    (void)state;
    uint64_t count = 0;
    struct sat_query *query = NULL;
    fill();
    assert_int_equal(sat_db_count(db, NULL, &count, NULL), SATCHEL_OK);
    assert_int_equal(count, 4);
    assert_int_equal(
        sat_query_parse_where(sat_span_of("dept = 'Eng' LIMIT 5 OFFSET 1"), &query, NULL),
        SATCHEL_OK);
    assert_int_equal(sat_db_count(db, query, &count, NULL), SATCHEL_OK);
    assert_int_equal(count, 1);
    sat_query_free(query);
}

static void explain_tells_what_it_would_cost(void **state)
{
    (void)state;
    SAT_AUTO_FREE char *cold = NULL;
    SAT_AUTO_FREE char *warm = NULL;
    assert_int_equal(sat_db_explain(db, NULL, &cold, NULL), SATCHEL_OK);
    assert_int_equal(sat_jscan_validate(sat_span_of(cold), NULL, NULL), SATCHEL_OK);
    assert_non_null(strstr(cold, "\"fresh\":false"));
    fill();
    expect("age = 20", "3");
    uint64_t before = all_requests();
    assert_int_equal(sat_db_explain(db, NULL, &warm, NULL), SATCHEL_OK);
    assert_non_null(strstr(warm, "\"rows\":4,\"fresh\":true,\"requests\":{\"list\":0,\"get\":0}"));
    assert_int_equal(all_requests(), before);
}

static int next_in_child(void *results)
{
    const satchel_record *record = NULL;
    int code = sat_db_results_next(results, &record, NULL);
    sat_db_results_close(results);
    return code;
}

static void results_are_not_a_forked_childs(void **state)
{
    (void)state;
    struct sat_query *query = NULL;
    struct satchel_results *results = NULL;
    const satchel_record *record = NULL;
    fill();
    assert_null(run_query("{}", &query, &results, &record));
    assert_int_equal(run_forked(next_in_child, results), SATCHEL_CANCELLED);
    assert_int_equal(sat_db_results_next(results, &record, NULL), SATCHEL_OK);
    assert_string_equal(record->id, "2");
    sat_db_results_close(results);
    sat_query_free(query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(filters_sort_and_window, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_projection_keeps_only_its_fields, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_search_by_id_is_one_get, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_corrupt_object_is_an_error_never_a_hole, open_db,
                                        close_db),
        cmocka_unit_test_setup_teardown(no_allocation_failure_changes_an_answer, open_db, close_db),
        cmocka_unit_test_setup_teardown(counting_follows_the_query, open_db, close_db),
        cmocka_unit_test_setup_teardown(explain_tells_what_it_would_cost, open_db, close_db),
        cmocka_unit_test_setup_teardown(results_are_not_a_forked_childs, open_db, close_db),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
