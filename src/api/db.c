/* The public record database: argument checks, then the record layer. */
#include <satchel/db.h>

#include <string.h>

#include "api/api.h"
#include "api/query_handle.h"
#include "backends/registry.h"
#include "core/alloc.h"
#include "core/error.h"
#include "record/db.h"

/* ---- handles */

int satchel_db_open(const char *uri, const satchel_config *config, satchel_db **db,
                    satchel_error *err)
{
    SAT_AUTO_CONFIG struct sat_config *owned = NULL;
    const struct sat_config *used = NULL;
    int code = SAT_CHECK(err, SAT_ARG(uri), SAT_ARG(db));
    if (code == SATCHEL_OK)
        code = sat_api_config(config, &owned, &used, err);
    if (code == SATCHEL_OK)
        code = sat_db_open(uri, used, sat_backend_find, db, err);
    return sat_api_done(code, err);
}

void satchel_db_close(satchel_db *db)
{
    sat_db_close(db);
}

uint64_t satchel_db_stats(const satchel_db *db, satchel_count *counts, size_t capacity)
{
    return db == NULL ? 0 : sat_api_stats(db->conn, counts, capacity);
}

/* ---- one record */

/* What one item brought: its record goes to the caller, or away. */
static int take_item(satchel_item *item, satchel_record *out, satchel_error *err)
{
    int code = sat_error_copy(err, &item->err);
    if (code == SATCHEL_OK && out != NULL)
        *out = item->record;
    else
        satchel_record_free(&item->record);
    return sat_api_done(code, err);
}

/* The batch of one that a single call is; the arrays have one element. */
static int write_one(satchel_db *db, enum sat_write_kind kind, const satchel_batch *batch,
                     satchel_record *out, satchel_error *err)
{
    const struct sat_db_write_options options = {.kind = kind};
    satchel_item item = {.existed = 0};
    if (out != NULL)
        memset(out, 0, sizeof *out);
    if (batch->records[0].data == NULL)
        return sat_error_set(err, SATCHEL_INVALID, "record is NULL");
    int code = sat_db_write(db, &options, batch, &item, err);
    if (code == SATCHEL_OK)
        return take_item(&item, out, err);
    satchel_record_free(&item.record);
    return sat_api_done(code, err);
}

int satchel_db_create(satchel_db *db, const char *id, satchel_span record, satchel_record *out,
                      satchel_error *err)
{
    const satchel_batch batch = {.count = 1, .ids = &id, .records = &record};
    int code = SAT_CHECK(err, SAT_ARG(db));
    return code == SATCHEL_OK ? write_one(db, SAT_WRITE_CREATE, &batch, out, err) : code;
}

int satchel_db_update(satchel_db *db, const char *id, satchel_span record, const char *expected,
                      satchel_record *out, satchel_error *err)
{
    const satchel_batch batch = {.count = 1, .ids = &id, .records = &record, .expected = &expected};
    int code = SAT_CHECK(err, SAT_ARG(db), SAT_ARG(id));
    return code == SATCHEL_OK ? write_one(db, SAT_WRITE_UPDATE, &batch, out, err) : code;
}

int satchel_db_upsert(satchel_db *db, const char *id, satchel_span record, satchel_record *out,
                      satchel_error *err)
{
    const satchel_batch batch = {.count = 1, .ids = &id, .records = &record};
    int code = SAT_CHECK(err, SAT_ARG(db));
    return code == SATCHEL_OK ? write_one(db, SAT_WRITE_UPSERT, &batch, out, err) : code;
}

int satchel_db_read(satchel_db *db, const char *id, satchel_record *out, satchel_error *err)
{
    satchel_item item = {.existed = 0};
    int code = SAT_CHECK(err, SAT_ARG(db), SAT_ARG(id), SAT_ARG(out));
    if (code != SATCHEL_OK)
        return code;
    memset(out, 0, sizeof *out);
    code = sat_db_read(db, &id, 1, &item, err);
    if (code == SATCHEL_OK)
        return take_item(&item, out, err);
    satchel_record_free(&item.record);
    return sat_api_done(code, err);
}

int satchel_db_delete(satchel_db *db, const char *id, const satchel_delete_options *options,
                      int *existed, satchel_error *err)
{
    satchel_delete_options used;
    bool was_there = false;
    int code = SAT_CHECK(err, SAT_ARG(db), SAT_ARG(id));
    if (code == SATCHEL_OK)
        code = sat_api_struct(SAT_STRUCT(satchel_delete_options), options, &used, err);
    if (code == SATCHEL_OK)
        code = sat_db_delete(db, id, &used, &was_there, err);
    if (code == SATCHEL_OK && existed != NULL)
        *existed = was_there;
    return sat_api_done(code, err);
}

int satchel_db_exists(satchel_db *db, const char *id, int *exists, satchel_error *err)
{
    bool there = false;
    int code = SAT_CHECK(err, SAT_ARG(db), SAT_ARG(id), SAT_ARG(exists));
    if (code == SATCHEL_OK)
        code = sat_db_exists(db, id, &there, err);
    if (code == SATCHEL_OK)
        *exists = there;
    return sat_api_done(code, err);
}

int satchel_db_clear(satchel_db *db, uint64_t *deleted, satchel_error *err)
{
    uint64_t count = 0;
    int code = SAT_CHECK(err, SAT_ARG(db));
    if (code == SATCHEL_OK)
        code = sat_db_clear(db, &count, err);
    if (deleted != NULL)
        *deleted = count;
    return sat_api_done(code, err);
}

/* ---- searching */

int satchel_db_search(satchel_db *db, const satchel_query *query, satchel_results **results,
                      satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(db), SAT_ARG(results));
    if (code == SATCHEL_OK)
        code = sat_db_search(db, sat_query_of_handle(query), results, err);
    return sat_api_done(code, err);
}

int satchel_results_next(satchel_results *results, const satchel_record **record,
                         satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(results), SAT_ARG(record));
    if (code == SATCHEL_OK)
        code = sat_db_results_next(results, record, err);
    return sat_api_done(code, err);
}

void satchel_results_close(satchel_results *results)
{
    sat_db_results_close(results);
}

int satchel_db_count(satchel_db *db, const satchel_query *query, uint64_t *count,
                     satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(db), SAT_ARG(count));
    if (code == SATCHEL_OK)
        code = sat_db_count(db, sat_query_of_handle(query), count, err);
    return sat_api_done(code, err);
}

int satchel_db_refresh(satchel_db *db, satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(db));
    if (code == SATCHEL_OK)
        code = sat_db_refresh(db, true, err);
    return sat_api_done(code, err);
}

int satchel_db_explain(satchel_db *db, const satchel_query *query, char **json, satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(db), SAT_ARG(json));
    if (code == SATCHEL_OK)
        code = sat_db_explain(db, sat_query_of_handle(query), json, err);
    return sat_api_done(code, err);
}
