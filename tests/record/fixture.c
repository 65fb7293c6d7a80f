/* A record database on mem:// with its index in memory, and a second, foreign view of its store. */
#include "record/fixture.h"

#include "backends/registry.h"
#include "core/alloc.h"
#include "core/buf.h"
#include "core/str.h"
#include "query/parse.h"

struct satchel_db *db;
struct sat_conn *foreign;

static const struct sat_option *const tables[] = {sat_options_common, sat_options_record, NULL};

#define URI "mem://t/recs/"

static struct sat_config *config_with(const struct setting *settings)
{
    struct sat_config *config = NULL;
    satchel_error err = {0};
    assert_int_equal(sat_config_new(tables, &config, &err), SATCHEL_OK);
    assert_int_equal(sat_config_set(config, "cache_dir", ":memory:", SAT_ORIGIN_SET, &err), 0);
    assert_int_equal(sat_config_set(config, "cache_ttl", "-1", SAT_ORIGIN_SET, &err), 0);
    for (; settings != NULL && settings->key != NULL; settings++) {
        if (sat_config_set(config, settings->key, settings->value, SAT_ORIGIN_SET, &err) != 0)
            fail_msg("%s", err.text);
    }
    return config;
}

struct satchel_db *open_with(const char *uri, const struct setting *settings)
{
    struct satchel_db *opened = NULL;
    satchel_error err = {0};
    struct sat_config *config = config_with(settings);
    if (sat_db_open(uri, config, sat_backend_find, &opened, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    sat_config_free(config);
    return opened;
}

int open_db(void **state)
{
    (void)state;
    satchel_error err = {0};
    struct sat_config *config = config_with(NULL);
    if (sat_conn_open("mem://t/", config, sat_backend_find, &foreign, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    struct sat_op op = {.kind = SAT_OP_BUCKET_CREATE, .conn = foreign};
    (void)sat_op_run(&op, NULL);
    sat_op_fini(&op);
    sat_config_free(config);
    db = open_with(URI, NULL);
    return 0;
}

int close_db(void **state)
{
    (void)state;
    sat_db_close(db);
    sat_conn_close(foreign);
    db = NULL;
    foreign = NULL;
    return 0;
}

void reopen_db(const struct setting *settings)
{
    sat_db_close(db);
    db = open_with(URI, settings);
}

satchel_item write_one(enum sat_write_kind kind, const char *id, const char *json,
                       const char *expected)
{
    satchel_item item = {0};
    satchel_span record = sat_span_of(json);
    const satchel_batch batch = {
        .count = 1, .ids = &id, .records = &record, .expected = expected ? &expected : NULL};
    const struct sat_db_write_options options = {.kind = kind};
    satchel_error err = {0};
    if (sat_db_write(db, &options, &batch, &item, &err) != SATCHEL_OK)
        item.err = err;
    return item;
}

satchel_item read_one(const char *id)
{
    satchel_item item = {0};
    satchel_error err = {0};
    if (sat_db_read(db, &id, 1, &item, &err) != SATCHEL_OK)
        item.err = err;
    return item;
}

void item_fini(satchel_item *item)
{
    satchel_record_free(&item->record);
}

void create_ok_(const char *id, const char *json, const char *file, int line)
{
    satchel_item item = write_one(SAT_WRITE_CREATE, id, json, NULL);
    if (item.err.code != SATCHEL_OK)
        fail_msg("%s:%d: %s", file, line, item.err.text);
    item_fini(&item);
}

char *foreign_get(const char *key)
{
    SAT_AUTO_BUF struct sat_buf body;
    sat_buf_init(&body, 1000000);
    struct sat_op op = {
        .kind = SAT_OP_GET, .conn = foreign, .key = key, .sink = sat_sink_memory(&body)};
    satchel_error err = {0};
    if (sat_op_run(&op, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    sat_op_fini(&op);
    return sat_buf_take(&body, NULL);
}

void foreign_put(const char *key, const char *body)
{
    struct sat_op op = {.kind = SAT_OP_PUT,
                        .conn = foreign,
                        .key = key,
                        .source = sat_source_span(sat_span_of(body))};
    satchel_error err = {0};
    if (sat_op_run(&op, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    sat_op_fini(&op);
}

void foreign_delete(const char *key)
{
    struct sat_op op = {.kind = SAT_OP_DELETE, .conn = foreign, .key = key};
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    sat_op_fini(&op);
}

uint64_t requests(enum sat_op_kind kind)
{
    return db->conn->requests[kind];
}

uint64_t all_requests(void)
{
    return sat_conn_requests(db->conn);
}

char *search_ids(const char *where)
{
    SAT_AUTO_BUF struct sat_buf ids;
    sat_buf_init(&ids, 1000000);
    struct sat_query *query = NULL;
    struct satchel_results *results = NULL;
    const satchel_record *record = NULL;
    satchel_error err = {0};
    if (where != NULL && sat_query_parse_where(sat_span_of(where), &query, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    if (sat_db_search(db, query, &results, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    assert_int_equal(sat_db_results_next(results, &record, &err), SATCHEL_OK);
    while (record != NULL) {
        (void)sat_buf_addf(&ids, "%s%s", ids.len > 0 ? "," : "", record->id);
        assert_int_equal(sat_db_results_next(results, &record, &err), SATCHEL_OK);
    }
    sat_db_results_close(results);
    sat_query_free(query);
    return sat_buf_take(&ids, NULL);
}
