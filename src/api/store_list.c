/* The public functions on a store as a whole: listings, buckets, request counts. */
#include <satchel/store.h>

#include <string.h>

#include "api/api.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/listing.h"

/* ---- listings */

struct satchel_cursor {
    struct sat_listing *listing;
    size_t root_len; /* what is cut off the keys */
    satchel_entry entry;
};

static int open_cursor(satchel_store *store, enum sat_op_kind kind, const char *prefix,
                       const char *delimiter, satchel_cursor **cursor, satchel_error *err)
{
    struct satchel_cursor *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    made->root_len = kind == SAT_OP_LIST ? strlen(store->conn->root) : 0;
    int code = sat_listing_open(store->conn, kind, prefix, delimiter, &made->listing, err);
    if (code == SATCHEL_OK)
        *cursor = made;
    else
        sat_free(made);
    return code;
}

int satchel_list(satchel_store *store, const char *prefix, int recursive, satchel_cursor **cursor,
                 satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(prefix), SAT_ARG(cursor));
    if (code != SATCHEL_OK)
        return code;
    SAT_AUTO_FREE char *full = sat_store_key(store, prefix);
    if (full == NULL)
        return sat_error_nomem(err);
    code = open_cursor(store, SAT_OP_LIST, full, recursive ? NULL : "/", cursor, err);
    return sat_api_done(code, err);
}

int satchel_bucket_list(satchel_store *store, satchel_cursor **cursor, satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(cursor));
    if (code == SATCHEL_OK)
        code = open_cursor(store, SAT_OP_BUCKET_LIST, "", NULL, cursor, err);
    return sat_api_done(code, err);
}

int satchel_cursor_next(satchel_cursor *cursor, const satchel_entry **entry, satchel_error *err)
{
    const struct sat_listed *row = NULL;
    int code = SAT_CHECK(err, SAT_ARG(cursor), SAT_ARG(entry));
    if (code != SATCHEL_OK)
        return code;
    *entry = NULL;
    code = sat_listing_next(cursor->listing, &row, err);
    if (code != SATCHEL_OK || row == NULL)
        return sat_api_done(code, err);
    cursor->entry = (satchel_entry){
        .key = row->key + cursor->root_len,
        .etag = row->etag,
        .size = row->size,
        .mtime_ns = row->mtime_ns,
        .is_prefix = row->is_prefix,
    };
    *entry = &cursor->entry;
    return SATCHEL_OK;
}

void satchel_cursor_close(satchel_cursor *cursor)
{
    if (cursor == NULL)
        return;
    sat_listing_close(cursor->listing);
    sat_free(cursor);
}

/* ---- buckets */

static int run_bucket(satchel_store *store, enum sat_op_kind kind, satchel_error *err)
{
    struct sat_op op = {.kind = kind, .conn = store->conn};
    int code = sat_op_run(&op, err);
    sat_op_fini(&op);
    return sat_api_done(code, err);
}

int satchel_bucket_create(satchel_store *store, satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(store));
    return code == SATCHEL_OK ? run_bucket(store, SAT_OP_BUCKET_CREATE, err) : code;
}

int satchel_bucket_delete(satchel_store *store, satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(store));
    return code == SATCHEL_OK ? run_bucket(store, SAT_OP_BUCKET_DELETE, err) : code;
}

int satchel_bucket_stat(satchel_store *store, satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(store));
    return code == SATCHEL_OK ? run_bucket(store, SAT_OP_BUCKET_STAT, err) : code;
}

/* ---- counts */

uint64_t sat_api_stats(const struct sat_conn *conn, satchel_count *counts, size_t capacity)
{
    for (size_t kind = 0; counts != NULL && kind < capacity; kind++) {
        counts[kind] = (satchel_count){0};
        if (kind < SAT_OP_KINDS) {
            counts[kind].kind = sat_op_kind_text((enum sat_op_kind)kind);
            counts[kind].requests = atomic_load(&conn->requests[kind]);
        }
    }
    return sat_conn_requests(conn);
}

uint64_t satchel_store_stats(const satchel_store *store, satchel_count *counts, size_t capacity)
{
    return store == NULL ? 0 : sat_api_stats(store->conn, counts, capacity);
}
