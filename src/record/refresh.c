/*
 * Bringing the index up to date: LIST everything, GET what changed, forget what vanished.
 *
 * (1) Nothing vanishes from the index unless the whole listing came and was well formed.
 * (2) Bodies are fetched before the index is locked, and written in chunks of bounded bytes.
 */
#include <string.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/listing.h"
#include "core/str.h"
#include "record/db.h"

enum { REFRESH_WAIT_MS = 120 * 1000, REFRESH_TRIES = 3 };

/* ---- listing */

static int feed_page(struct satchel_db *db, struct sat_index_refresh *refresh,
                     const struct sat_page *page, satchel_error *err)
{
    SAT_AUTO_VEC struct sat_vec items;
    sat_vec_init(&items, sizeof(struct sat_index_listed));
    for (size_t i = 0; i < page->entries.len; i++) {
        const char *key = sat_page_key(page, i);
        satchel_span id;
        if (!sat_doc_id_of_key(db->prefix, sat_span_of(key), &id))
            continue;
        const struct sat_index_listed listed = {
            .key = sat_db_index_key(db, key),
            .etag = sat_page_etag(page, i),
            .size = (int64_t)sat_page_at(page, i)->size,
        };
        if (sat_vec_push(&items, &listed) == NULL)
            return sat_error_nomem(err);
    }
    return sat_index_refresh_feed(refresh, items.data, items.len, err);
}

static int list_all(struct satchel_db *db, struct sat_index_refresh *refresh, satchel_error *err)
{
    struct sat_listing *listing = NULL;
    const struct sat_page *page = NULL;
    int code = sat_listing_open(db->conn, SAT_OP_LIST, db->prefix, NULL, &listing, err);
    if (code == SATCHEL_OK)
        code = sat_listing_next_page(listing, &page, err);
    while (code == SATCHEL_OK && page != NULL) {
        code = feed_page(db, refresh, page, err);
        if (code == SATCHEL_OK)
            code = sat_listing_next_page(listing, &page, err);
    }
    sat_listing_close(listing);
    return code == SATCHEL_OK ? sat_index_refresh_listed(refresh, err) : code;
}

/* ---- reading what changed */

struct changes {
    struct satchel_db *db;
    struct sat_index_refresh *refresh;
    size_t first;                /* change of key 0 */
    struct sat_db_fetched *kept; /* since the last write to the index */
    struct sat_index_row *rows;
    size_t count;
    size_t bytes;
};

static int flush(struct changes *changes, satchel_error *err)
{
    int code = SATCHEL_OK;
    if (changes->count > 0)
        code = sat_index_refresh_put(changes->refresh, changes->rows, changes->count, err);
    for (size_t i = 0; i < changes->count; i++)
        sat_db_fetched_fini(&changes->kept[i]);
    changes->count = 0;
    changes->bytes = 0;
    return code;
}

static int on_change(void *user, size_t i, struct sat_db_fetched *fetched, satchel_error *item_err,
                     satchel_error *err)
{
    struct changes *changes = user;
    if (item_err->code != SATCHEL_OK && fetched->state != SAT_ROW_CORRUPT)
        return sat_error_copy(err, item_err);
    struct sat_db_fetched *kept = &changes->kept[changes->count];
    *kept = *fetched;
    *fetched = (struct sat_db_fetched){.state = SAT_ROW_ABSENT};
    const char *index_key = sat_index_refresh_change(changes->refresh, changes->first + i)->key;
    changes->rows[changes->count++] = sat_db_fetched_row(kept, index_key);
    changes->bytes += kept->state == SAT_ROW_LIVE ? kept->doc.text.len : 0;
    if (changes->bytes < SAT_DB_CHUNK_BYTES && changes->count < SAT_DB_CHUNK_ITEMS)
        return SATCHEL_OK;
    return flush(changes, err);
}

/* Object keys of the changes from `first` on, owned. */
static char **change_keys(const struct changes *changes, size_t count)
{
    char **keys = sat_calloc(count, sizeof *keys);
    for (size_t i = 0; keys != NULL && i < count; i++) {
        keys[i] = sat_strf("%s%s", changes->db->prefix,
                           sat_index_refresh_change(changes->refresh, changes->first + i)->key);
        if (keys[i] != NULL)
            continue;
        while (i > 0)
            sat_free(keys[--i]);
        sat_free(keys);
        keys = NULL;
    }
    return keys;
}

static int read_slice(struct changes *changes, size_t count, satchel_error *err)
{
    char **keys = change_keys(changes, count);
    if (keys == NULL)
        return sat_error_nomem(err);
    int code = sat_db_fetch(changes->db, (const char *const *)keys, count, on_change, changes, err);
    int flushed = flush(changes, code == SATCHEL_OK ? err : NULL);
    for (size_t i = 0; i < count; i++)
        sat_free(keys[i]);
    sat_free(keys);
    return code == SATCHEL_OK ? flushed : code;
}

static int read_changes(struct satchel_db *db, struct sat_index_refresh *refresh,
                        satchel_error *err)
{
    struct changes changes = {.db = db, .refresh = refresh};
    size_t total = sat_index_refresh_changes(refresh);
    changes.kept = sat_calloc(SAT_DB_CHUNK_ITEMS, sizeof *changes.kept);
    changes.rows = sat_calloc(SAT_DB_CHUNK_ITEMS, sizeof *changes.rows);
    int code = SATCHEL_OK;
    if (changes.kept == NULL || changes.rows == NULL)
        code = sat_error_nomem(err);
    while (code == SATCHEL_OK && changes.first < total) {
        size_t left = total - changes.first;
        size_t count = left < SAT_DB_CHUNK_ITEMS ? left : SAT_DB_CHUNK_ITEMS;
        code = read_slice(&changes, count, err);
        changes.first += count;
    }
    sat_free(changes.kept);
    sat_free(changes.rows);
    return code;
}

/* ---- dirty rows of writers that died */

struct repair {
    struct satchel_db *db;
    const struct sat_index_rows *orphans;
};

static int on_orphan(void *user, size_t i, struct sat_db_fetched *fetched, satchel_error *item_err,
                     satchel_error *err)
{
    const struct repair *repair = user;
    const struct sat_index_row *orphan = sat_index_rows_at(repair->orphans, i);
    if (item_err->code != SATCHEL_OK && fetched->state != SAT_ROW_CORRUPT)
        return sat_error_copy(err, item_err);
    struct sat_index_row row = sat_db_fetched_row(fetched, orphan->key);
    row.generation = orphan->generation;
    row.owner = orphan->owner;
    return sat_index_repair(repair->db->index, &row, 1, err);
}

static int repair_orphans(struct satchel_db *db, satchel_error *err)
{
    struct sat_index_rows *orphans = NULL;
    int code = sat_index_orphans(db->index, &orphans, err);
    if (code != SATCHEL_OK)
        return code;
    size_t count = sat_index_rows_count(orphans);
    char **keys = sat_calloc(count == 0 ? 1 : count, sizeof *keys);
    if (keys == NULL)
        code = sat_error_nomem(err);
    for (size_t i = 0; code == SATCHEL_OK && i < count; i++) {
        keys[i] = sat_strf("%s%s", db->prefix, sat_index_rows_at(orphans, i)->key);
        if (keys[i] == NULL)
            code = sat_error_nomem(err);
    }
    struct repair repair = {.db = db, .orphans = orphans};
    if (code == SATCHEL_OK)
        code = sat_db_fetch(db, (const char *const *)keys, count, on_orphan, &repair, err);
    for (size_t i = 0; keys != NULL && i < count; i++)
        sat_free(keys[i]);
    sat_free(keys);
    sat_index_rows_free(orphans);
    return code;
}

/* ---- the whole */

static int refresh_once(struct satchel_db *db, bool force, satchel_error *err)
{
    struct sat_index_refresh *refresh = NULL;
    const struct sat_index_refresh_options options = {
        .ttl_s = db->cache_ttl_s, .force = force, .wait_ms = REFRESH_WAIT_MS};
    int code = sat_index_refresh_begin(db->index, &options, &refresh, err);
    if (code == SATCHEL_OK && refresh != NULL) {
        code = list_all(db, refresh, err);
        if (code == SATCHEL_OK)
            code = read_changes(db, refresh, err);
        if (code == SATCHEL_OK)
            code = sat_index_refresh_commit(refresh, err);
    }
    sat_index_refresh_end(refresh);
    return code;
}

static int refresh_and_repair(struct satchel_db *db, bool force, satchel_error *err)
{
    int code = SATCHEL_OK;
    if (force || !sat_index_is_fresh(db->index, db->cache_ttl_s))
        code = refresh_once(db, force, err);
    return code == SATCHEL_OK ? repair_orphans(db, err) : code;
}

int sat_db_refresh(struct satchel_db *db, bool force, satchel_error *err)
{
    int code = refresh_and_repair(db, force, err);
    /* MODIFIED: the index was damaged and is empty now, so it is filled again. */
    for (int again = 0; code == SATCHEL_MODIFIED && again < REFRESH_TRIES; again++)
        code = refresh_and_repair(db, true, err);
    return code;
}
