/* Every argument that may not be NULL, each reported by its own name; option structs of other ages.
 */
#include "api/fixture.h"

static satchel_store *store;
static satchel_db *db;
static const char *const keys[] = {"k"};

/* The call is INVALID and its text names the argument; a NULL error is fine too. */
#define refuses(name, call_with_err, call_with_null)                                               \
    do {                                                                                           \
        memset(&err, 0, sizeof err);                                                               \
        assert_int_equal(call_with_err, SATCHEL_INVALID);                                          \
        assert_int_equal(err.code, SATCHEL_INVALID);                                               \
        if (strstr(err.text, name) == NULL)                                                        \
            fail_msg("'%s' does not name %s", err.text, name);                                     \
        assert_int_equal(call_with_null, SATCHEL_INVALID);                                         \
    } while (0)
#define REFUSES(name, function, ...)                                                               \
    refuses(name, function(__VA_ARGS__, &err), function(__VA_ARGS__, NULL))

static int begin(void **state)
{
    if (case_begin(state) != 0)
        return -1;
    if (satchel_store_open("mem://arguments/", config, &store, &err) != SATCHEL_OK)
        return -1;
    return satchel_db_open("mem://arguments/db/", config, &db, &err);
}

static int end(void **state)
{
    satchel_store_close(store);
    satchel_db_close(db);
    return case_end(state);
}

static void of_stores(void **state)
{
    satchel_buf buf;
    satchel_info info;
    satchel_pairs pairs;
    (void)state;
    REFUSES("uri is NULL", satchel_store_open, NULL, config, &store);
    REFUSES("store is NULL", satchel_store_open, "mem://x/", config, NULL);
    REFUSES("store is NULL", satchel_get, NULL, "k", &buf);
    REFUSES("key is NULL", satchel_get, store, NULL, &buf);
    REFUSES("out is NULL", satchel_get, store, "k", NULL);
    REFUSES("out is NULL", satchel_get_range, store, "k", 0, 1, NULL);
    REFUSES("path is NULL", satchel_get_to_file, store, "k", NULL);
    REFUSES("store is NULL", satchel_put, NULL, "k", span("x"), NULL);
    REFUSES("key is NULL", satchel_put, store, NULL, span("x"), NULL);
    REFUSES("data is NULL", satchel_put, store, "k", ((satchel_span){NULL, 1}), NULL);
    REFUSES("path is NULL", satchel_put_file, store, "k", NULL, NULL);
    REFUSES("info is NULL", satchel_stat, store, "k", NULL);
    REFUSES("key is NULL", satchel_stat, store, NULL, &info);
    REFUSES("key is NULL", satchel_delete, store, NULL, NULL);
    REFUSES("tags is NULL", satchel_tags_get, store, "k", NULL);
    REFUSES("key is NULL", satchel_tags_get, store, NULL, &pairs);
    REFUSES("tags is NULL", satchel_tags_set, store, "k", NULL, 1);
}

static void of_queues(void **state)
{
    satchel_queue *queue = NULL;
    satchel_completion completion = {.struct_size = sizeof completion};
    satchel_submission to = {.struct_size = sizeof to, .store = store};
    const satchel_queue_options unsized = {.limit = 1};
    (void)state;
    REFUSES("queue is NULL", satchel_queue_new, NULL, NULL);
    REFUSES("sizeof(satchel_queue_options)", satchel_queue_new, &unsized, &queue);
    REFUSES("satchel_submit_get: to->queue is NULL", satchel_submit_get, &to, "k");
    ok(satchel_queue_new(NULL, &queue, &err));
    to.queue = queue;
    to.store = NULL;
    REFUSES("satchel_submit_stat: to->store is NULL", satchel_submit_stat, &to, "k");
    to.store = store;
    REFUSES("satchel_submit_get: to is NULL", satchel_submit_get, NULL, "k");
    REFUSES("satchel_submit_get_range: key is NULL", satchel_submit_get_range, &to, NULL, 0, 1);
    REFUSES("satchel_submit_put: key is NULL", satchel_submit_put, &to, NULL, span("x"), NULL);
    REFUSES("data is NULL", satchel_submit_put, &to, "k", ((satchel_span){NULL, 1}), NULL);
    REFUSES("satchel_submit_delete: key is NULL", satchel_submit_delete, &to, NULL, NULL);
    REFUSES("satchel_submit_tags_get: to is NULL", satchel_submit_tags_get, NULL, "k");
    REFUSES("tags is NULL", satchel_submit_tags_set, &to, "k", NULL, 1);
    to.struct_size = 0;
    REFUSES("sizeof(satchel_submission)", satchel_submit_get, &to, "k");
    assert_int_equal(satchel_queue_next(NULL, 0, &completion), -1);
    assert_int_equal(satchel_queue_next(queue, 0, NULL), -1);
    assert_int_equal(satchel_queue_next(queue, 0, &completion), 0);
    completion.struct_size = 0;
    assert_int_equal(satchel_queue_next(queue, -1, &completion), -1);
    assert_int_equal(satchel_queue_fd(NULL), -1);
    assert_int_equal(satchel_queue_cancel(NULL, NULL), 0);
    satchel_completion_free(NULL);
    satchel_queue_free(queue);
    satchel_queue_free(NULL);
}

static void of_lists(void **state)
{
    static const char *const holes[] = {"k", NULL};
    satchel_cursor *cursor = NULL;
    const satchel_entry *entry;
    satchel_error results[2];
    (void)state;
    REFUSES("prefix is NULL", satchel_list, store, NULL, 1, &cursor);
    REFUSES("cursor is NULL", satchel_list, store, "", 1, NULL);
    REFUSES("cursor is NULL", satchel_cursor_next, NULL, &entry);
    REFUSES("cursor is NULL", satchel_bucket_list, store, NULL);
    REFUSES("keys is NULL", satchel_delete_many, store, NULL, 1, results);
    REFUSES("results is NULL", satchel_delete_many, store, keys, 1, NULL);
    REFUSES("keys[1] is NULL", satchel_delete_many, store, holes, 2, results);
    REFUSES("store is NULL", satchel_bucket_create, NULL);
    REFUSES("store is NULL", satchel_bucket_delete, NULL);
    REFUSES("store is NULL", satchel_bucket_stat, NULL);
    assert_int_equal(satchel_store_stats(NULL, NULL, 0), 0);
}

static void of_databases(void **state)
{
    satchel_record record;
    satchel_results *results = NULL;
    const satchel_record *next;
    uint64_t count;
    char *json;
    int flag;
    (void)state;
    REFUSES("db is NULL", satchel_db_open, "mem://x/", config, NULL);
    REFUSES("db is NULL", satchel_db_create, NULL, "k", span("{}"), NULL);
    REFUSES("record is NULL", satchel_db_create, db, "k", ((satchel_span){NULL, 0}), NULL);
    REFUSES("id is NULL", satchel_db_read, db, NULL, &record);
    REFUSES("out is NULL", satchel_db_read, db, "k", NULL);
    REFUSES("id is NULL", satchel_db_update, db, NULL, span("{}"), NULL, NULL);
    REFUSES("record is NULL", satchel_db_upsert, db, "k", ((satchel_span){NULL, 0}), NULL);
    REFUSES("id is NULL", satchel_db_delete, db, NULL, NULL, NULL);
    REFUSES("exists is NULL", satchel_db_exists, db, "k", NULL);
    REFUSES("id is NULL", satchel_db_exists, db, NULL, &flag);
    REFUSES("results is NULL", satchel_db_search, db, NULL, NULL);
    REFUSES("db is NULL", satchel_db_search, NULL, NULL, &results);
    REFUSES("results is NULL", satchel_results_next, NULL, &next);
    REFUSES("count is NULL", satchel_db_count, db, NULL, NULL);
    REFUSES("db is NULL", satchel_db_count, NULL, NULL, &count);
    REFUSES("db is NULL", satchel_db_refresh, NULL);
    REFUSES("json is NULL", satchel_db_explain, db, NULL, NULL);
    REFUSES("db is NULL", satchel_db_explain, NULL, NULL, &json);
    REFUSES("db is NULL", satchel_db_clear, NULL, NULL);
    assert_int_equal(satchel_db_stats(NULL, NULL, 0), 0);
}

static void of_batches(void **state)
{
    const char *const none[] = {NULL};
    const satchel_span empty[] = {{NULL, 0}};
    satchel_batch batch = {.struct_size = sizeof batch, .count = 1};
    satchel_item *items = NULL;
    (void)state;
    REFUSES("batch is NULL", satchel_db_create_batch, db, NULL, &items);
    REFUSES("items is NULL", satchel_db_create_batch, db, &batch, NULL);
    REFUSES("batch.records is NULL", satchel_db_create_batch, db, &batch, &items);
    REFUSES("batch.ids is NULL", satchel_db_read_batch, db, &batch, &items);
    REFUSES("batch.ids is NULL", satchel_db_update_batch, db, &batch, &items);
    REFUSES("batch.records is NULL", satchel_db_upsert_batch, db, &batch, &items);
    REFUSES("batch.ids is NULL", satchel_db_delete_batch, db, &batch, &items);
    batch.ids = none;
    REFUSES("batch.ids[0] is NULL", satchel_db_read_batch, db, &batch, &items);
    batch.ids = keys;
    batch.records = empty;
    REFUSES("batch.records[0] is NULL", satchel_db_update_batch, db, &batch, &items);
    batch.struct_size = 0;
    REFUSES("sizeof(satchel_batch)", satchel_db_read_batch, db, &batch, &items);
    assert_null(items);
}

static void of_jobs(void **state)
{
    const char *const holes[] = {NULL};
    satchel_job *job = NULL;
    (void)state;
    REFUSES("sources is NULL", satchel_job_copy, NULL, 1, "d", NULL, &job);
    REFUSES("no sources", satchel_job_copy, keys, 0, "d", NULL, &job);
    REFUSES("sources[0] is NULL", satchel_job_copy, holes, 1, "d", NULL, &job);
    REFUSES("destination is NULL", satchel_job_copy, keys, 1, NULL, NULL, &job);
    REFUSES("job is NULL", satchel_job_copy, keys, 1, "d", NULL, NULL);
    REFUSES("source is NULL", satchel_job_migrate, NULL, db, NULL, &job);
    REFUSES("destination is NULL", satchel_job_migrate, db, NULL, NULL, &job);
    REFUSES("db is NULL", satchel_job_import, NULL, "f", NULL, &job);
    REFUSES("path is NULL", satchel_job_import, db, NULL, NULL, &job);
    REFUSES("path is NULL", satchel_job_export, db, NULL, NULL, &job);
    assert_null(job);
}

static void of_configurations(void **state)
{
    size_t cursor = 0;
    satchel_option option = {.struct_size = 0};
    (void)state;
    assert_int_equal(satchel_config_new(NULL, &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "config is NULL"));
    REFUSES("config is NULL", satchel_config_set, NULL, "region", "x");
    REFUSES("key is NULL", satchel_config_set, config, NULL, "x");
    assert_null(satchel_config_get(NULL, "region"));
    assert_int_equal(satchel_option_next(NULL, &option), 0);
    assert_int_equal(satchel_option_next(&cursor, NULL), 0);
    assert_int_equal(satchel_option_next(&cursor, &option), 0);
}

static void nothing_is_freed_twice(void **state)
{
    satchel_buf buf = {0};
    satchel_info info = {0};
    satchel_pairs pairs = {0};
    (void)state;
    satchel_buf_free(NULL);
    satchel_buf_free(&buf);
    satchel_string_free(NULL);
    satchel_info_free(NULL);
    satchel_info_free(&info);
    satchel_pairs_free(NULL);
    satchel_pairs_free(&pairs);
    satchel_store_close(NULL);
    satchel_cursor_close(NULL);
    satchel_db_close(NULL);
    satchel_results_close(NULL);
    satchel_record_free(NULL);
    satchel_items_free(NULL, 3);
    satchel_query_free(NULL);
    satchel_job_free(NULL);
    satchel_config_free(NULL);
}

static void a_struct_size_of_zero_is_told(void **state)
{
    const satchel_put_options options = {.if_absent = 1};
    (void)state;
    REFUSES("sizeof(satchel_put_options)", satchel_put, store, "k", span("x"), &options);
    const satchel_delete_options how = {.exact = 1};
    REFUSES("sizeof(satchel_delete_options)", satchel_db_delete, db, "k", &how, NULL);
}

/* A caller that was built when the struct ended behind if_absent. */
static void an_older_struct_is_understood(void **state)
{
    satchel_put_options options;
    (void)state;
    memset(&options, 0x5a, sizeof options);
    options.struct_size = offsetof(satchel_put_options, if_absent) + sizeof options.if_absent;
    options.if_absent = 1;
    ok(satchel_put(store, "old", span("1"), &options, &err));
    assert_int_equal(satchel_put(store, "old", span("2"), &options, &err), SATCHEL_EXISTS);
}

static void a_newer_struct_must_not_want_more(void **state)
{
    struct {
        satchel_put_options known;
        uint64_t later;
    } options = {.known = {.struct_size = sizeof options}};
    (void)state;
    ok(satchel_put(store, "new", span("1"), &options.known, &err));
    options.later = 1;
    assert_int_equal(satchel_put(store, "new", span("2"), &options.known, &err),
                     SATCHEL_UNSUPPORTED);
    assert_non_null(strstr(err.text, "satchel_put_options"));
}

static void conditions_exclude_each_other(void **state)
{
    const satchel_put_options options = {
        .struct_size = sizeof options, .if_absent = 1, .if_match = "e"};
    const satchel_pair bad = {"", "x"};
    const satchel_pair half = {"x", NULL};
    satchel_put_options pairs = {.struct_size = sizeof pairs, .metadata_count = 1};
    (void)state;
    REFUSES("if_match", satchel_put, store, "k", span("x"), &options);
    REFUSES("metadata is NULL", satchel_put, store, "k", span("x"), &pairs);
    pairs.metadata = &bad;
    REFUSES("empty", satchel_put, store, "k", span("x"), &pairs);
    pairs.metadata = &half;
    REFUSES("'x' is NULL", satchel_put, store, "k", span("x"), &pairs);
}

#define ARGUMENTS(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ARGUMENTS(of_stores),
        ARGUMENTS(of_queues),
        ARGUMENTS(of_lists),
        ARGUMENTS(of_databases),
        ARGUMENTS(of_batches),
        ARGUMENTS(of_jobs),
        ARGUMENTS(of_configurations),
        ARGUMENTS(nothing_is_freed_twice),
        ARGUMENTS(a_struct_size_of_zero_is_told),
        ARGUMENTS(an_older_struct_is_understood),
        ARGUMENTS(a_newer_struct_must_not_want_more),
        ARGUMENTS(conditions_exclude_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
