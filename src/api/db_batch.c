/* The public batch calls: every item's result is handed out, the first failure is returned. */
#include <satchel/db.h>

#include "api/api.h"
#include "core/alloc.h"
#include "core/error.h"
#include "record/db.h"

enum verb { CREATE, READ, UPDATE, UPSERT, DELETE };

/* The arrays each verb cannot do without. */
static int check_arrays(enum verb verb, const satchel_batch *batch, satchel_error *err)
{
    bool needs_ids = verb == READ || verb == UPDATE || verb == DELETE;
    bool needs_records = verb == CREATE || verb == UPDATE || verb == UPSERT;
    if (batch->count == 0)
        return SATCHEL_OK;
    if (needs_ids && batch->ids == NULL)
        return sat_error_set(err, SATCHEL_INVALID, "batch.ids is NULL");
    if (needs_records && batch->records == NULL)
        return sat_error_set(err, SATCHEL_INVALID, "batch.records is NULL");
    for (size_t i = 0; i < batch->count; i++) {
        if (needs_ids && batch->ids[i] == NULL)
            return sat_error_set(err, SATCHEL_INVALID, "batch.ids[%zu] is NULL", i);
        if (needs_records && batch->records[i].data == NULL)
            return sat_error_set(err, SATCHEL_INVALID, "batch.records[%zu] is NULL", i);
    }
    return SATCHEL_OK;
}

static int run_verb(satchel_db *db, enum verb verb, const satchel_batch *batch, satchel_item *items,
                    satchel_error *err)
{
    static const enum sat_write_kind kinds[] = {
        [CREATE] = SAT_WRITE_CREATE, [UPDATE] = SAT_WRITE_UPDATE, [UPSERT] = SAT_WRITE_UPSERT};
    if (verb == READ)
        return sat_db_read(db, batch->ids, batch->count, items, err);
    if (verb == DELETE)
        return sat_db_delete_batch(db, batch, items, err);
    const struct sat_db_write_options options = {.kind = kinds[verb]};
    return sat_db_write(db, &options, batch, items, err);
}

/* The first failure, after no secret is left in any. */
static int first_failure(satchel_item *items, size_t count, satchel_error *err)
{
    int code = SATCHEL_OK;
    for (size_t i = 0; i < count; i++) {
        (void)sat_api_done(items[i].err.code, &items[i].err);
        if (code == SATCHEL_OK)
            code = sat_error_copy(err, &items[i].err);
    }
    return code;
}

static int run_batch(satchel_db *db, enum verb verb, const satchel_batch *given,
                     satchel_item **items, satchel_error *err)
{
    satchel_batch batch;
    int code = SAT_CHECK(err, SAT_ARG(db), SAT_ARG_AS("batch", given), SAT_ARG(items));
    if (code != SATCHEL_OK)
        return code;
    *items = NULL;
    code = sat_api_struct(SAT_STRUCT(satchel_batch), given, &batch, err);
    if (code == SATCHEL_OK)
        code = check_arrays(verb, &batch, err);
    if (code != SATCHEL_OK)
        return code;
    satchel_item *made = sat_calloc(batch.count == 0 ? 1 : batch.count, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    code = batch.count == 0 ? SATCHEL_OK : run_verb(db, verb, &batch, made, err);
    if (code != SATCHEL_OK) {
        satchel_items_free(made, batch.count);
        return sat_api_done(code, err);
    }
    *items = made;
    return first_failure(made, batch.count, err);
}

int satchel_db_create_batch(satchel_db *db, const satchel_batch *batch, satchel_item **items,
                            satchel_error *err)
{
    return run_batch(db, CREATE, batch, items, err);
}

int satchel_db_read_batch(satchel_db *db, const satchel_batch *batch, satchel_item **items,
                          satchel_error *err)
{
    return run_batch(db, READ, batch, items, err);
}

int satchel_db_update_batch(satchel_db *db, const satchel_batch *batch, satchel_item **items,
                            satchel_error *err)
{
    return run_batch(db, UPDATE, batch, items, err);
}

int satchel_db_upsert_batch(satchel_db *db, const satchel_batch *batch, satchel_item **items,
                            satchel_error *err)
{
    return run_batch(db, UPSERT, batch, items, err);
}

int satchel_db_delete_batch(satchel_db *db, const satchel_batch *batch, satchel_item **items,
                            satchel_error *err)
{
    return run_batch(db, DELETE, batch, items, err);
}
