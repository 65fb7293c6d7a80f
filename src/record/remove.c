/* Deleting records: one with a condition, many in few requests, all of a database. */
#include <string.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/listing.h"
#include "core/str.h"
#include "record/db.h"

/* What the index knows of a row: 1 there, 0 not there, -1 not known. */
static int existed_by_index(const struct sat_index_row *row)
{
    if (row->dirty)
        return -1;
    return row->state == SAT_ROW_ABSENT ? -1 : 1;
}

static int settle_one(struct satchel_db *db, const struct sat_index_write *write,
                      const satchel_error *err)
{
    struct sat_index_settlement done = {.write = *write, .outcome = SAT_WRITE_DELETED};
    if (err->code == SATCHEL_CONFLICT || err->code == SATCHEL_DENIED)
        done.outcome = SAT_WRITE_UNCHANGED;
    else if (err->code != SATCHEL_OK)
        done.outcome = SAT_WRITE_UNKNOWN;
    return sat_index_settle(db->index, &done, 1, NULL);
}

static void lookup_existed(struct satchel_db *db, const char *index_key, int *existed)
{
    struct sat_index_rows *rows = NULL;
    *existed = -1;
    if (sat_index_lookup(db->index, &index_key, 1, false, &rows, NULL) != SATCHEL_OK)
        return;
    *existed = existed_by_index(sat_index_rows_at(rows, 0));
    sat_index_rows_free(rows);
}

/* The ETag of what is there, owned; NULL with SATCHEL_OK when nothing is. */
static int etag_by_head(struct satchel_db *db, const char *key, char **etag, satchel_error *err)
{
    struct sat_op op = {.kind = SAT_OP_STAT, .conn = db->conn, .key = key};
    satchel_error why = {0};
    int code = sat_op_run(&op, &why);
    *etag = op.info.etag;
    op.info.etag = NULL;
    sat_op_fini(&op);
    return code == SATCHEL_OK || code == SATCHEL_NOT_FOUND ? SATCHEL_OK : sat_error_copy(err, &why);
}

struct seen {
    char *etag; /* owned; NULL = nothing is there */
    int64_t version;
};

static int on_seen(void *user, size_t i, struct sat_db_fetched *fetched, satchel_error *item_err,
                   satchel_error *err)
{
    struct seen *seen = user;
    (void)i;
    if (item_err->code != SATCHEL_OK && fetched->state != SAT_ROW_CORRUPT)
        return sat_error_copy(err, item_err);
    seen->version = fetched->state == SAT_ROW_LIVE ? fetched->doc.version : 0;
    seen->etag = fetched->etag;
    fetched->etag = NULL;
    return SATCHEL_OK;
}

/*
 * The same, when the object is at `version`; CONFLICT when it is at another. By GET: the metadata
 * that a HEAD shows amid an overwrite may be older than the ETag beside it, and the DELETE would
 * then take a version that nobody named.
 */
static int etag_of_version(struct satchel_db *db, const char *key, int64_t version, char **etag,
                           satchel_error *err)
{
    struct seen seen = {0};
    int code = sat_db_fetch(db, &key, 1, on_seen, &seen, err);
    if (code == SATCHEL_OK && seen.etag != NULL && seen.version == 0)
        code =
            sat_error_set(err, SATCHEL_INVALID,
                          "'%s' has no counter to compare (pass the token a read returned)", key);
    else if (code == SATCHEL_OK && seen.etag != NULL && seen.version != version)
        code = sat_error_set(err, SATCHEL_CONFLICT, "'%s' is at version %lld, not %lld", key,
                             (long long)seen.version, (long long)version);
    if (code != SATCHEL_OK)
        sat_free(seen.etag);
    else
        *etag = seen.etag;
    return code;
}

/* The store says that nothing is there: the index is to know. */
static void note_absent(struct satchel_db *db, const char *key, int64_t generation)
{
    const struct sat_index_row row = {.key = sat_db_index_key(db, key), .state = SAT_ROW_ABSENT};
    if (generation == 0 || sat_index_put(db->index, generation, &row, 1, NULL) != SATCHEL_OK)
        sat_index_drop_freshness(db->index);
}

/* With a condition *existed becomes exact; without, it is left as the index had it. */
static int run_delete(struct satchel_db *db, const char *key, const char *if_match, bool *existed,
                      satchel_error *err)
{
    struct sat_op op = {.kind = SAT_OP_DELETE, .conn = db->conn, .key = key, .if_match = if_match};
    struct sat_index_write write = {.key = sat_db_index_key(db, key)};
    satchel_error why = {0};
    if (sat_index_begin(db->index, &write, 1, NULL) != SATCHEL_OK)
        sat_index_drop_freshness(db->index);
    int code = sat_op_run(&op, &why);
    /* A condition on something that is gone: gone is what was asked for. */
    if (if_match != NULL)
        *existed = code == SATCHEL_OK;
    if (code == SATCHEL_NOT_FOUND && if_match != NULL)
        why = (satchel_error){0};
    sat_op_fini(&op);
    if (settle_one(db, &write, &why) != SATCHEL_OK)
        sat_index_drop_freshness(db->index);
    return sat_error_copy(err, &why);
}

static int delete_conditional(struct satchel_db *db, const char *key, const char *expected,
                              bool *existed, satchel_error *err)
{
    struct sat_db_token token = {0};
    bool enforced = false;
    SAT_AUTO_FREE char *found = NULL;
    const char *etag = NULL;
    int64_t generation = 0;
    int code = expected == NULL ? SATCHEL_OK : sat_db_token_parse(expected, &token, err);
    if (code == SATCHEL_OK)
        code = sat_db_condition(db, SAT_DB_DELETE_IF_MATCH, &enforced, err);
    if (code != SATCHEL_OK)
        return code;
    etag = token.etag;
    if (etag == NULL) {
        if (sat_index_next_generation(db->index, &generation, NULL) != SATCHEL_OK)
            generation = 0;
        code = expected == NULL ? etag_by_head(db, key, &found, err)
                                : etag_of_version(db, key, token.version, &found, err);
        if (code != SATCHEL_OK)
            return code;
        etag = found;
        *existed = found != NULL;
        if (found == NULL) {
            note_absent(db, key, generation);
            return SATCHEL_OK;
        }
    }
    return run_delete(db, key, enforced ? etag : NULL, existed, err);
}

int sat_db_delete(struct satchel_db *db, const char *id, const satchel_delete_options *options,
                  bool *existed, satchel_error *err)
{
    SAT_AUTO_FREE char *key = NULL;
    int known = -1;
    int code = sat_db_key(db, id, &key, err);
    if (code != SATCHEL_OK)
        return code;
    lookup_existed(db, sat_db_index_key(db, key), &known);
    *existed = known == 1;
    const char *expected = options == NULL ? NULL : options->expected;
    if (expected != NULL || (options != NULL && options->exact))
        return delete_conditional(db, key, expected, existed, err);
    return run_delete(db, key, NULL, existed, err);
}

/* ---- many */

struct delete_chunk {
    struct satchel_db *db;
    satchel_item *items;            /* of the batch */
    char *keys[SAT_DB_CHUNK_ITEMS]; /* owned */
    size_t places[SAT_DB_CHUNK_ITEMS];
    struct sat_index_write writes[SAT_DB_CHUNK_ITEMS];
    struct sat_index_settlement done[SAT_DB_CHUNK_ITEMS];
    size_t count;
};

static void chunk_lookup(struct delete_chunk *chunk)
{
    struct sat_index_rows *rows = NULL;
    const char *index_keys[SAT_DB_CHUNK_ITEMS];
    for (size_t i = 0; i < chunk->count; i++)
        index_keys[i] = chunk->writes[i].key;
    bool known = sat_index_lookup(chunk->db->index, index_keys, chunk->count, false, &rows, NULL) ==
                 SATCHEL_OK;
    for (size_t i = 0; i < chunk->count; i++)
        chunk->items[chunk->places[i]].existed =
            known ? existed_by_index(sat_index_rows_at(rows, i)) : -1;
    sat_index_rows_free(rows);
}

static void chunk_settle(struct delete_chunk *chunk)
{
    for (size_t i = 0; i < chunk->count; i++) {
        bool gone = chunk->items[chunk->places[i]].err.code == SATCHEL_OK;
        chunk->done[i] = (struct sat_index_settlement){
            .write = chunk->writes[i],
            .outcome = gone ? SAT_WRITE_DELETED : SAT_WRITE_UNKNOWN,
        };
    }
    if (sat_index_settle(chunk->db->index, chunk->done, chunk->count, NULL) != SATCHEL_OK)
        sat_index_drop_freshness(chunk->db->index);
}

static void chunk_run(struct delete_chunk *chunk)
{
    if (chunk->count == 0)
        return;
    chunk_lookup(chunk);
    if (sat_index_begin(chunk->db->index, chunk->writes, chunk->count, NULL) != SATCHEL_OK)
        sat_index_drop_freshness(chunk->db->index);
    struct sat_op op = {
        .kind = SAT_OP_DELETE_MANY,
        .conn = chunk->db->conn,
        .many = {.keys = (const char *const *)chunk->keys, .count = chunk->count},
    };
    satchel_error why = {0};
    int code = sat_op_run(&op, &why);
    for (size_t i = 0; i < chunk->count; i++) {
        satchel_item *item = &chunk->items[chunk->places[i]];
        if (code != SATCHEL_OK)
            item->err = why;
        else if (op.many_result[i].code != SATCHEL_OK)
            sat_error_set(&item->err, op.many_result[i].code, "deleting '%s': %s", chunk->keys[i],
                          op.many_result[i].text);
    }
    sat_op_fini(&op);
    chunk_settle(chunk);
}

static void chunk_clear(struct delete_chunk *chunk)
{
    for (size_t i = 0; i < chunk->count; i++)
        sat_free(chunk->keys[i]);
    chunk->count = 0;
}

static void chunk_add(struct delete_chunk *chunk, const char *id, size_t place)
{
    char *key = NULL;
    if (sat_db_key(chunk->db, id, &key, &chunk->items[place].err) != SATCHEL_OK)
        return;
    size_t n = chunk->count++;
    chunk->keys[n] = key;
    chunk->places[n] = place;
    chunk->writes[n] = (struct sat_index_write){.key = sat_db_index_key(chunk->db, key)};
}

/* One by one where a version is expected, a thousand in one request elsewhere. */
int sat_db_delete_batch(struct satchel_db *db, const satchel_batch *batch, satchel_item *items,
                        satchel_error *err)
{
    unsigned max = db->conn->backend->limits.delete_many_max;
    if (max == 0 || max > SAT_DB_CHUNK_ITEMS)
        max = SAT_DB_CHUNK_ITEMS;
    struct delete_chunk *chunk = sat_calloc(1, sizeof *chunk);
    if (chunk == NULL)
        return sat_error_nomem(err);
    chunk->db = db;
    chunk->items = items;
    for (size_t i = 0; i < batch->count; i++) {
        const char *expected = batch->expected == NULL ? NULL : batch->expected[i];
        if (expected != NULL) {
            const satchel_delete_options options = {.struct_size = sizeof options,
                                                    .expected = expected};
            bool existed = false;
            (void)sat_db_delete(db, batch->ids[i], &options, &existed, &items[i].err);
            items[i].existed = existed;
            continue;
        }
        chunk_add(chunk, batch->ids[i], i);
        if (chunk->count == max) {
            chunk_run(chunk);
            chunk_clear(chunk);
        }
    }
    chunk_run(chunk);
    chunk_clear(chunk);
    sat_free(chunk);
    return SATCHEL_OK;
}

/* ---- all */

/* Deletes the gathered ids and forgets them. */
static int clear_chunk(struct satchel_db *db, struct sat_vec *ids, uint64_t *deleted,
                       satchel_error *err)
{
    satchel_item *items = sat_calloc(ids->len == 0 ? 1 : ids->len, sizeof *items);
    const satchel_batch batch = {.count = ids->len, .ids = ids->data};
    int code = items == NULL ? sat_error_nomem(err) : SATCHEL_OK;
    if (code == SATCHEL_OK)
        code = sat_db_delete_batch(db, &batch, items, err);
    bool told = code == SATCHEL_OK;
    for (size_t i = 0; i < ids->len; i++) {
        if (told && items[i].err.code == SATCHEL_OK)
            (*deleted)++;
        else if (code == SATCHEL_OK)
            code = sat_error_copy(err, &items[i].err);
        sat_free(*(char **)sat_vec_at(ids, i));
    }
    ids->len = 0;
    sat_free(items);
    return code;
}

static int gather_id(const struct satchel_db *db, const char *key, struct sat_vec *ids,
                     satchel_error *err)
{
    satchel_span id;
    if (!sat_doc_id_of_key(db->prefix, sat_span_of(key), &id))
        return SATCHEL_OK;
    char *copy = sat_strndup(id.data, id.len);
    if (copy != NULL && sat_vec_push(ids, &copy) != NULL)
        return SATCHEL_OK;
    sat_free(copy);
    return sat_error_nomem(err);
}

int sat_db_clear(struct satchel_db *db, uint64_t *deleted, satchel_error *err)
{
    struct sat_listing *listing = NULL;
    const struct sat_listed *row = NULL;
    SAT_AUTO_VEC struct sat_vec ids;
    sat_vec_init(&ids, sizeof(char *));
    *deleted = 0;
    int code = sat_listing_open(db->conn, SAT_OP_LIST, db->prefix, NULL, &listing, err);
    if (code == SATCHEL_OK)
        code = sat_listing_next(listing, &row, err);
    while (code == SATCHEL_OK && row != NULL) {
        code = gather_id(db, row->key, &ids, err);
        if (code == SATCHEL_OK && ids.len == SAT_DB_CHUNK_ITEMS)
            code = clear_chunk(db, &ids, deleted, err);
        if (code == SATCHEL_OK)
            code = sat_listing_next(listing, &row, err);
    }
    int last = clear_chunk(db, &ids, deleted, code == SATCHEL_OK ? err : NULL);
    sat_listing_close(listing);
    return code == SATCHEL_OK ? last : code;
}
