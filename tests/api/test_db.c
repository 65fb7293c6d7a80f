/* Record databases through the public headers. */
#include <stdio.h>

#include "api/fixture.h"

static satchel_db *db;

static int begin(void **state)
{
    if (case_begin(state) != 0)
        return -1;
    return satchel_db_open(uri_of("db/"), config, &db, &err);
}

static int end(void **state)
{
    satchel_db_close(db);
    return case_end(state);
}

static void a_record_lives(void **state)
{
    satchel_record made = {0};
    satchel_record read = {0};
    int flag = -1;
    (void)state;
    ok(satchel_db_create(db, "a", span("{\"fields\":{\"n\":1}}"), &made, &err));
    assert_string_equal(made.id, "a");
    assert_int_equal(made.version, 1);
    assert_int_equal(satchel_db_create(db, "a", span("{\"fields\":{}}"), NULL, &err),
                     SATCHEL_EXISTS);
    ok(satchel_db_update(db, "a", span("{\"fields\":{\"n\":2}}"), made.token, NULL, &err));
    assert_int_equal(
        satchel_db_update(db, "a", span("{\"fields\":{\"n\":3}}"), made.token, NULL, &err),
        SATCHEL_CONFLICT);
    ok(satchel_db_read(db, "a", &read, &err));
    assert_int_equal(read.version, 2);
    assert_non_null(strstr(read.json, "\"n\":2"));
    ok(satchel_db_exists(db, "a", &flag, &err));
    assert_int_equal(flag, 1);
    const satchel_delete_options exact = {.struct_size = sizeof exact, .exact = 1};
    ok(satchel_db_delete(db, "a", &exact, &flag, &err));
    assert_int_equal(flag, 1);
    ok(satchel_db_delete(db, "a", &exact, &flag, &err));
    assert_int_equal(flag, 0);
    satchel_record_free(&made);
    satchel_record_free(&read);
    assert_int_equal(satchel_db_read(db, "a", &read, &err), SATCHEL_NOT_FOUND);
    assert_null(read.json);
}

static void batches_answer_item_by_item(void **state)
{
    static const char *const ids[] = {"a", "b", "taken"};
    const satchel_span records[] = {
        span("{\"fields\":{\"n\":1}}"),
        span("not json"),
        span("{\"fields\":{\"n\":3}}"),
    };
    const satchel_batch batch = {
        .struct_size = sizeof batch, .count = 3, .ids = ids, .records = records};
    const satchel_batch nothing = {.struct_size = sizeof nothing};
    satchel_item *items = NULL;
    (void)state;
    ok(satchel_db_create(db, "taken", span("{\"fields\":{\"n\":9}}"), NULL, &err));
    int code = satchel_db_create_batch(db, &batch, &items, &err);
    assert_non_null(items);
    assert_int_equal(items[0].err.code, SATCHEL_OK);
    assert_string_equal(items[0].record.id, "a");
    assert_int_equal(items[1].err.code, SATCHEL_INVALID);
    assert_int_equal(items[2].err.code, SATCHEL_EXISTS);
    assert_int_equal(code, SATCHEL_INVALID);
    assert_string_equal(err.text, items[1].err.text);
    satchel_items_free(items, 3);
    ok(satchel_db_read_batch(db, &nothing, &items, &err));
    satchel_items_free(items, 0);
    assert_int_equal(satchel_db_read_batch(db, &batch, &items, &err), SATCHEL_NOT_FOUND);
    assert_non_null(strstr(items[2].record.json, "\"n\":9"));
    satchel_items_free(items, 3);
    ok(satchel_db_upsert_batch(
        db,
        &(satchel_batch){.struct_size = sizeof batch, .count = 1, .ids = ids, .records = records},
        &items, &err));
    assert_int_equal(items[0].record.version, 2);
    satchel_items_free(items, 1);
    assert_int_equal(satchel_db_update_batch(db, &batch, &items, &err), SATCHEL_INVALID);
    satchel_items_free(items, 3);
    ok(satchel_db_refresh(db, &err));
    ok(satchel_db_delete_batch(db, &batch, &items, &err));
    assert_int_equal(items[0].existed, 1);
    satchel_items_free(items, 3);
}

static void searches_find_and_count(void **state)
{
    satchel_query *query = NULL;
    satchel_results *results = NULL;
    const satchel_record *record = NULL;
    uint64_t count = 0;
    char *json = NULL;
    (void)state;
    for (int i = 0; i < 10; i++) {
        char text[64];
        char id[8];
        snprintf(id, sizeof id, "r%d", i);
        snprintf(text, sizeof text, "{\"fields\":{\"n\":%d}}", i);
        ok(satchel_db_create(db, id, span(text), NULL, &err));
    }
    ok(satchel_db_refresh(db, &err));
    ok(satchel_query_parse_where("n >= 7 ORDER BY n DESC", &query, &err));
    ok(satchel_db_search(db, query, &results, &err));
    for (int i = 9; i >= 7; i--) {
        ok(satchel_results_next(results, &record, &err));
        assert_int_equal(record->id[1], '0' + i);
        assert_int_equal(record->version, 1);
    }
    ok(satchel_results_next(results, &record, &err));
    assert_null(record);
    satchel_results_close(results);
    ok(satchel_db_count(db, query, &count, &err));
    assert_int_equal(count, 3);
    ok(satchel_db_count(db, NULL, &count, &err));
    assert_int_equal(count, 10);
    ok(satchel_db_explain(db, query, &json, &err));
    assert_non_null(strstr(json, "\"sql\":"));
    satchel_string_free(json);
    satchel_query_free(query);
    assert_true(satchel_db_stats(db, NULL, 0) > 10);
    ok(satchel_db_clear(db, &count, &err));
    assert_int_equal(count, 10);
}

static void options_are_checked(void **state)
{
    satchel_db *other = NULL;
    (void)state;
    assert_int_equal(satchel_config_set(config, "cache_tll", "1", &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "did you mean 'cache_ttl'?"));
    assert_int_equal(satchel_db_open("ftp://x/", config, &other, &err), SATCHEL_UNSUPPORTED);
    assert_non_null(strstr(err.text, "unsupported URI scheme 'ftp' (known: s3"));
    assert_int_equal(satchel_db_open("az://c/", config, &other, &err), SATCHEL_UNSUPPORTED);
}

/* A secret that an option holds never stands in an error text. */
static void secrets_stay_out_of_texts(void **state)
{
    satchel_buf buf = {0};
    satchel_store *store = NULL;
    (void)state;
    ok(satchel_config_set(config, "secret_access_key", "canary-0123456789", &err));
    ok(satchel_store_open("mem://secrets/", config, &store, &err));
    assert_int_equal(satchel_get(store, "canary-0123456789", &buf, &err), SATCHEL_NOT_FOUND);
    assert_null(strstr(err.text, "canary"));
    assert_string_equal(satchel_config_get(config, "secret_access_key"), "***");
    satchel_store_close(store);
}

#define DB(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DB(a_record_lives),      DB(batches_answer_item_by_item), DB(searches_find_and_count),
        DB(options_are_checked), DB(secrets_stay_out_of_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
