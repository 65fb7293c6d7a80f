/*
 * The record database: JSON records kept as one object each, searched through a local index.
 *
 * A record is JSON text {"id": "...", "version": N, "fields": {...}, "metadata": {...}}. On the way
 * in only `fields` (required) and `metadata` and `id` (optional) are read. Handles are thread-safe;
 * result cursors belong to one thread at a time.
 */
#ifndef SATCHEL_DB_H
#define SATCHEL_DB_H

#include <stddef.h>
#include <stdint.h>

#include <satchel/config.h>
#include <satchel/query.h>
#include <satchel/store.h>
#include <satchel/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An open database. */
typedef struct satchel_db satchel_db;

/** One record, owned. Initialise to `{0}`; release with satchel_record_free(). */
typedef struct satchel_record {
    char *id;        /**< UTF-8 */
    char *json;      /**< the record's text; NULL in the answer to a write */
    size_t json_len; /**< bytes of json */
    int64_t version; /**< 1 at create, +1 at each update; 0 where the stored form has no counter */
    char *token;     /**< opaque "version:etag", what `expected` takes */
} satchel_record;

/** Releases what @p record owns and zeroes it. NULL is fine. */
SATCHEL_API void satchel_record_free(satchel_record *record);

/**
 * Opens the database whose records are the objects `<path><id>.json` of the URI:
 * `s3://bucket/prefix/`, `file:///folder`. @p config is copied; NULL = defaults and environment.
 * With create_bucket=true a missing bucket or folder is made. No other request is made.
 * Errors: INVALID, UNSUPPORTED, DENIED, IO (cache_dir).
 */
SATCHEL_API int satchel_db_open(const char *uri, const satchel_config *config, satchel_db **db,
                                satchel_error *err);

/** Closes the database. Its calls must have returned, its results be closed. NULL is fine. */
SATCHEL_API void satchel_db_close(satchel_db *db);

/**
 * Stores a new record. Its id is @p id, else the record's own `id`, else the field `id`, else the
 * metadata `id`, else the field `record_id`, else a fresh UUID. @p out (may be NULL) receives id,
 * version and token. Errors: EXISTS (never an overwrite), INVALID, LIMIT, UNKNOWN_OUTCOME, and
 * those of satchel_put().
 */
SATCHEL_API int satchel_db_create(satchel_db *db, const char *id, satchel_span record,
                                  satchel_record *out, satchel_error *err);

/** Reads a record into @p out (zeroed). Errors: NOT_FOUND, CORRUPT, those of satchel_get(). */
SATCHEL_API int satchel_db_read(satchel_db *db, const char *id, satchel_record *out,
                                satchel_error *err);

/**
 * Replaces a record. @p expected: the token of the version it was made from (or a bare version
 * number, which costs a request); CONFLICT when another version is there. NULL: the last writer
 * wins, and each update still counts. @p out (may be NULL) receives id, version and token.
 * Errors: NOT_FOUND, CONFLICT, INVALID, LIMIT, UNKNOWN_OUTCOME, those of satchel_put().
 */
SATCHEL_API int satchel_db_update(satchel_db *db, const char *id, satchel_span record,
                                  const char *expected, satchel_record *out, satchel_error *err);

/** Creates or replaces. Id as in satchel_db_create(). Errors: as satchel_db_update(). */
SATCHEL_API int satchel_db_upsert(satchel_db *db, const char *id, satchel_span record,
                                  satchel_record *out, satchel_error *err);

/** How to delete. Zero it and set struct_size. */
typedef struct satchel_delete_options {
    uint32_t struct_size; /**< sizeof(satchel_delete_options) */
    int exact;            /**< 1: `existed` is exact, for one more request */
    const char *expected; /**< token; CONFLICT when another version is there; NULL = any */
} satchel_delete_options;

/**
 * Deletes a record; success when it is gone afterwards. *existed (may be NULL) says whether it was
 * there, as far as the index knows. @p options may be NULL. Errors: CONFLICT, DENIED, NETWORK.
 */
SATCHEL_API int satchel_db_delete(satchel_db *db, const char *id,
                                  const satchel_delete_options *options, int *existed,
                                  satchel_error *err);

/** Sets *exists to 1 or 0, by one request. Errors: DENIED, NETWORK, TIMEOUT. */
SATCHEL_API int satchel_db_exists(satchel_db *db, const char *id, int *exists, satchel_error *err);

/** One item of a batch's results: err.code tells, record holds what the single call would. */
typedef struct satchel_item {
    satchel_error err;
    satchel_record record;
    /** delete_batch: 1 or 0 as the index knows; read_batch: 1 or 0; -1 where it is not known */
    int existed;
} satchel_item;

/** What a batch works on; members a call does not use stay NULL. */
typedef struct satchel_batch {
    uint32_t struct_size;        /**< sizeof(satchel_batch) */
    size_t count;                /**< length of every array below */
    const char *const *ids;      /**< read, update, delete: ids; create: NULL, or ids or NULLs */
    const satchel_span *records; /**< create, update, upsert */
    const char *const *expected; /**< update, delete: tokens or NULLs; may be NULL */
} satchel_batch;

/** Releases @p count items and the array itself. NULL is fine. */
SATCHEL_API void satchel_items_free(satchel_item *items, size_t count);

/**
 * The batch calls work on all items in parallel, give *items an owned array of batch->count
 * results in input order, and never stop at a failure. They return SATCHEL_OK when every item
 * succeeded, else the code of the first item that did not (the array is there all the same). An
 * error before the first item leaves *items NULL.
 */
SATCHEL_API int satchel_db_create_batch(satchel_db *db, const satchel_batch *batch,
                                        satchel_item **items, satchel_error *err);
/** See satchel_db_create_batch(). */
SATCHEL_API int satchel_db_read_batch(satchel_db *db, const satchel_batch *batch,
                                      satchel_item **items, satchel_error *err);
/** See satchel_db_create_batch(). */
SATCHEL_API int satchel_db_update_batch(satchel_db *db, const satchel_batch *batch,
                                        satchel_item **items, satchel_error *err);
/** See satchel_db_create_batch(). */
SATCHEL_API int satchel_db_upsert_batch(satchel_db *db, const satchel_batch *batch,
                                        satchel_item **items, satchel_error *err);
/** See satchel_db_create_batch(). Without `expected` a thousand records cost one request on S3. */
SATCHEL_API int satchel_db_delete_batch(satchel_db *db, const satchel_batch *batch,
                                        satchel_item **items, satchel_error *err);

/** The records a search found, in the query's order. */
typedef struct satchel_results satchel_results;

/**
 * Finds records. @p query NULL = all, by id; it must live until the results are closed. The index
 * is refreshed first when it is older than cache_ttl: LIST pages and one GET for each changed
 * record. Errors: CORRUPT (naming the key of a record that cannot be read, never a hole in the
 * result), those of satchel_list().
 */
SATCHEL_API int satchel_db_search(satchel_db *db, const satchel_query *query,
                                  satchel_results **results, satchel_error *err);

/** The next record, borrowed until the next call, or *record NULL at the end. */
SATCHEL_API int satchel_results_next(satchel_results *results, const satchel_record **record,
                                     satchel_error *err);

/** Ends a search. NULL is fine. */
SATCHEL_API void satchel_results_close(satchel_results *results);

/** Counts the records @p query finds (limit and offset apply); NULL = all records. */
SATCHEL_API int satchel_db_count(satchel_db *db, const satchel_query *query, uint64_t *count,
                                 satchel_error *err);

/** Brings the index up to date whatever its age. Errors: as satchel_db_search(). */
SATCHEL_API int satchel_db_refresh(satchel_db *db, satchel_error *err);

/**
 * How a query would be answered, as JSON text that the caller releases with satchel_string_free():
 * {"plan": "...", "sql": "...", "rows": N, "fresh": true, "requests": {"list": N, "get": null}}.
 */
SATCHEL_API int satchel_db_explain(satchel_db *db, const satchel_query *query, char **json,
                                   satchel_error *err);

/** Deletes every record of the database; *deleted (may be NULL) is their number. */
SATCHEL_API int satchel_db_clear(satchel_db *db, uint64_t *deleted, satchel_error *err);

/** As satchel_store_stats(), for the database's own store. */
SATCHEL_API uint64_t satchel_db_stats(const satchel_db *db, satchel_count *counts, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif /* SATCHEL_DB_H */
