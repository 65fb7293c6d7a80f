/*
 * A refresh: the store's listing merged with the index, page by page, without touching the index
 * before the listing is known to be whole.
 *
 * Invariants: (1) the generation R is taken before the first LIST; only rows of a generation below
 * R are changed, so what was written or read since stays. (2) A row whose writer lived at the
 * begin is left alone whatever its generation. (3) Vanished rows go, and the freshness is set, in
 * one last transaction after all changes were put. (4) One refresher at a time and file.
 */
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/os.h"
#include "core/ownfd.h"
#include "core/str.h"
#include "index_private.h"

struct change {
    struct sat_index_listed listed; /* both texts in one block, which key begins */
    bool done;
};

struct sat_index_refresh {
    struct sat_index *index;
    int lock_fd;
    uint64_t epoch;
    int64_t generation; /* R */
    int64_t started_ns;
    uint64_t drop;            /* the mark's, at the begin */
    struct sat_vec living;    /* int64_t: owners with writes in flight at the begin */
    struct sat_vec changes;   /* struct change, by key */
    struct sat_vec vanished;  /* int64_t: oid */
    struct sat_vec confirmed; /* int64_t: oid of orphans that are as listed */
    size_t pending;           /* changes that were not put yet */
    struct sat_buf last;      /* key of the last item fed */
    bool complete;
    bool failed;
};

/* ---- election ---- */

/* In memory there is one process and one handle: its threads queue at a flag. */
static int elect_in_memory(struct sat_index *index, int64_t wait_ms, satchel_error *err)
{
    int64_t deadline = sat_clock_now_ns() + wait_ms * SAT_NS_PER_MS;
    SAT_LOCKED(&index->lock);
    bool waiting = true;
    while (index->locked.refreshing && waiting)
        waiting = sat_cond_wait_until(&index->refreshed, &index->lock, deadline);
    if (index->locked.refreshing)
        return sat_error_set(err, SATCHEL_BUSY, "record index is being refreshed");
    index->locked.refreshing = true;
    return SATCHEL_OK;
}

static int elect(struct sat_index *index, int64_t wait_ms, int *fd, satchel_error *err)
{
    *fd = -1;
    if (index->dir == NULL)
        return elect_in_memory(index, wait_ms, err);
    return sat_mark_lock_refresh(index->mark, wait_ms, fd, err);
}

/* (4) Closing the descriptor gives up its lock. */
static void step_down(struct sat_index *index, int fd)
{
    if (index->dir != NULL) {
        sat_ownfd_close(fd);
        return;
    }
    SAT_LOCKED(&index->lock);
    index->locked.refreshing = false;
    sat_cond_broadcast(&index->refreshed);
}

static int read_meta(struct sat_index *index, struct sat_index_meta *meta, satchel_error *err)
{
    struct sat_index_conn *conn;
    int code = sat_index_acquire(index, &conn, err);
    if (code != SATCHEL_OK)
        return code;
    code = sat_index_meta_read(conn->db, meta, err);
    sat_index_release(index, conn);
    return code;
}

/* Whether the refresher we waited for did the work: it began after generation `since`. */
static bool was_done(struct sat_index *index, const struct sat_index_refresh_options *options,
                     int64_t since)
{
    struct sat_index_meta meta;
    struct sat_mark_head head;
    if (!options->force && options->ttl_s != 0)
        return sat_index_is_fresh(index, options->ttl_s);
    return read_meta(index, &meta, NULL) == SATCHEL_OK &&
           sat_mark_read(index->mark, &head, NULL) == SATCHEL_OK &&
           sat_index_is_listed(&meta, &head) && meta.listed > since;
}

/* ---- begin and end ---- */

/* The transaction that takes the generation. */
static int start(struct sat_index_refresh *refresh, satchel_error *err)
{
    struct sat_index_txn txn;
    struct sat_mark_head head;
    int code = sat_index_txn_begin(refresh->index, 0, &txn, err);
    if (code != SATCHEL_OK)
        return code;
    refresh->epoch = txn.conn->epoch;
    refresh->generation = txn.generation;
    refresh->started_ns = sat_clock_boottime_ns();
    code = sat_mark_read(refresh->index->mark, &head, err);
    refresh->drop = code == SATCHEL_OK ? head.drop : 0;
    if (code == SATCHEL_OK)
        code = sat_index_find_owners(refresh->index, txn.conn->db, true, &refresh->living, err);
    if (code == SATCHEL_OK)
        code = sat_index_fields_ensure(refresh->index, txn.conn->db, err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_exec(txn.conn->db, "UPDATE meta SET begun = generation", err);
    return sat_index_txn_end(&txn, code, err);
}

static int new_refresh(struct sat_index *index, int fd, struct sat_index_refresh **out,
                       satchel_error *err)
{
    struct sat_index_refresh *refresh = sat_calloc(1, sizeof *refresh);
    if (refresh == NULL) {
        step_down(index, fd);
        return sat_error_nomem(err);
    }
    refresh->index = index;
    refresh->lock_fd = fd;
    sat_vec_init(&refresh->living, sizeof(int64_t));
    sat_vec_init(&refresh->changes, sizeof(struct change));
    sat_vec_init(&refresh->vanished, sizeof(int64_t));
    sat_vec_init(&refresh->confirmed, sizeof(int64_t));
    sat_buf_init(&refresh->last, SAT_BUF_MAX_TEXT);
    int code = start(refresh, err);
    if (code != SATCHEL_OK) {
        sat_index_refresh_end(refresh);
        return code;
    }
    *out = refresh;
    return SATCHEL_OK;
}

int sat_index_refresh_begin(struct sat_index *index,
                            const struct sat_index_refresh_options *options,
                            struct sat_index_refresh **out, satchel_error *err)
{
    struct sat_index_meta meta;
    int fd;
    *out = NULL;
    int code = read_meta(index, &meta, err);
    if (code == SATCHEL_OK)
        code = elect(index, options->wait_ms, &fd, err);
    if (code != SATCHEL_OK)
        return code;
    if (was_done(index, options, meta.generation)) {
        step_down(index, fd);
        return SATCHEL_OK;
    }
    return new_refresh(index, fd, out, err);
}

void sat_index_refresh_end(struct sat_index_refresh *refresh)
{
    if (refresh == NULL)
        return;
    step_down(refresh->index, refresh->lock_fd);
    for (size_t i = 0; i < refresh->changes.len; i++) {
        struct change *change = sat_vec_at(&refresh->changes, i);
        sat_free((void *)(uintptr_t)change->listed.key);
    }
    sat_vec_fini(&refresh->changes);
    sat_vec_fini(&refresh->living);
    sat_vec_fini(&refresh->vanished);
    sat_vec_fini(&refresh->confirmed);
    sat_buf_fini(&refresh->last);
    sat_free(refresh);
}

/* ---- merge ---- */

static bool is_living(const struct sat_index_refresh *refresh, int64_t owner)
{
    for (size_t i = 0; i < refresh->living.len; i++) {
        if (*(const int64_t *)sat_vec_at(&refresh->living, i) == owner)
            return true;
    }
    return false;
}

/* (1), (2) */
static bool may_change(const struct sat_index_refresh *refresh, int64_t generation, int64_t owner)
{
    return generation < refresh->generation &&
           (owner == SAT_OWNER_NONE || !is_living(refresh, owner));
}

static int add_change(struct sat_index_refresh *refresh, const struct sat_index_listed *item,
                      satchel_error *err)
{
    size_t key_size = strlen(item->key) + 1;
    const char *etag = item->etag == NULL ? "" : item->etag;
    size_t etag_size = strlen(etag) + 1;
    char *block = sat_malloc(key_size + etag_size);
    if (block == NULL)
        return sat_error_nomem(err);
    memcpy(block, item->key, key_size);
    memcpy(block + key_size, etag, etag_size);
    struct change change = {.listed = {.key = block, .etag = block + key_size, .size = item->size}};
    if (sat_vec_push(&refresh->changes, &change) == NULL) {
        sat_free(block);
        return sat_error_nomem(err);
    }
    refresh->pending++;
    return SATCHEL_OK;
}

static int add_oid(struct sat_vec *oids, int64_t oid, satchel_error *err)
{
    return sat_vec_push(oids, &oid) == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

/* One row of the merge's statement; valid until its next step. */
struct old_row {
    int64_t oid;
    const char *key;
    const char *etag;
    int64_t size;
    int64_t generation;
    int64_t owner;
    enum sat_index_state state;
};

static int read_old(sqlite3_stmt *stmt, struct old_row *row, satchel_error *err)
{
    *row = (struct old_row){
        .oid = sqlite3_column_int64(stmt, 0),
        .key = sat_sqlite_text(stmt, 1),
        .etag = sat_sqlite_text(stmt, 2),
        .size = sqlite3_column_int64(stmt, 3),
        .generation = sqlite3_column_int64(stmt, 4),
        .owner = sqlite3_column_int64(stmt, 5),
        .state = (enum sat_index_state)sqlite3_column_int(stmt, 6),
    };
    return row->key == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

/*
 * A row settled since R needs nothing. One in flight is compared all the same: if its write turns
 * out not to have happened, the listing is news; the final word falls when the change is put.
 */
static bool is_later(const struct sat_index_refresh *refresh, const struct old_row *row)
{
    return row->generation >= refresh->generation && row->owner == SAT_OWNER_NONE;
}

static int compare_one(struct sat_index_refresh *refresh, const struct old_row *row,
                       const struct sat_index_listed *item, satchel_error *err)
{
    bool same = row->state != SAT_ROW_ABSENT && row->etag != NULL && item->etag != NULL &&
                sat_str_eq(row->etag, item->etag) && row->size == item->size;
    if (is_later(refresh, row))
        return SATCHEL_OK;
    if (!same)
        return add_change(refresh, item, err);
    bool orphan = row->owner != SAT_OWNER_NONE && may_change(refresh, row->generation, row->owner);
    return orphan ? add_oid(&refresh->confirmed, row->oid, err) : SATCHEL_OK;
}

/* Merges the rows of `stmt` with the items; both ascend. */
static int merge(struct sat_index_refresh *refresh, struct sat_sqlite *db, sqlite3_stmt *stmt,
                 const struct sat_index_listed *items, size_t count, satchel_error *err)
{
    size_t i = 0;
    bool more = true;
    int code = SATCHEL_OK;
    while (code == SATCHEL_OK) {
        code = sat_sqlite_step(db, stmt, &more, err);
        if (code != SATCHEL_OK || !more)
            break;
        struct old_row row;
        code = read_old(stmt, &row, err);
        while (code == SATCHEL_OK && i < count && strcmp(items[i].key, row.key) < 0)
            code = add_change(refresh, &items[i++], err);
        if (code != SATCHEL_OK)
            break;
        if (i < count && sat_str_eq(items[i].key, row.key))
            code = compare_one(refresh, &row, &items[i++], err);
        else if (!is_later(refresh, &row))
            code = add_oid(&refresh->vanished, row.oid, err);
    }
    while (code == SATCHEL_OK && i < count)
        code = add_change(refresh, &items[i++], err);
    return code;
}

#define OLD_COLUMNS "SELECT oid, key, etag, size, generation, dirty, state FROM obj"

/* Merges a page with the rows up to its last key; without a page, with all the rest. */
static int merge_page(struct sat_index_refresh *refresh, const struct sat_index_listed *items,
                      size_t count, satchel_error *err)
{
    struct sat_index_conn *conn;
    int code = sat_index_acquire(refresh->index, &conn, err);
    if (code != SATCHEL_OK)
        return code;
    if (refresh->index->dir != NULL && conn->epoch != refresh->epoch) {
        code = sat_error_set(err, SATCHEL_MODIFIED,
                             "record index was made anew: refresh and try again");
    } else {
        SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
        code =
            sat_sqlite_prepare(conn->db,
                               count > 0 ? OLD_COLUMNS " WHERE key > ?1 AND key <= ?2 ORDER BY key"
                                         : OLD_COLUMNS " WHERE key > ?1 ORDER BY key",
                               &stmt, err);
        if (code == SATCHEL_OK)
            code = sat_sqlite_bind(conn->db, stmt, err, count > 0 ? "tt" : "t",
                                   sat_buf_str(&refresh->last),
                                   count > 0 ? items[count - 1].key : NULL);
        if (code == SATCHEL_OK)
            code = merge(refresh, conn->db, stmt, items, count, err);
    }
    sat_index_release(refresh->index, conn);
    return code;
}

static int check_order(const struct sat_index_refresh *refresh,
                       const struct sat_index_listed *items, size_t count, satchel_error *err)
{
    const char *last = sat_buf_str(&refresh->last);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(last, items[i].key) >= 0)
            return sat_error_set(err, SATCHEL_CORRUPT, "listing out of order: '%s' after '%s'",
                                 items[i].key, last);
        last = items[i].key;
    }
    return SATCHEL_OK;
}

static int refuse(satchel_error *err)
{
    return sat_error_set(err, SATCHEL_INVALID, "record index: refresh call out of turn");
}

int sat_index_refresh_feed(struct sat_index_refresh *refresh, const struct sat_index_listed *items,
                           size_t count, satchel_error *err)
{
    if (refresh->failed || refresh->complete)
        return refuse(err);
    if (count == 0)
        return SATCHEL_OK;
    int code = check_order(refresh, items, count, err);
    if (code == SATCHEL_OK)
        code = merge_page(refresh, items, count, err);
    sat_buf_reset(&refresh->last);
    if (code == SATCHEL_OK && sat_buf_add_str(&refresh->last, items[count - 1].key) != SATCHEL_OK)
        code = sat_buf_check(&refresh->last, "key", err);
    refresh->failed = code != SATCHEL_OK;
    return code;
}

int sat_index_refresh_listed(struct sat_index_refresh *refresh, satchel_error *err)
{
    if (refresh->failed || refresh->complete)
        return refuse(err);
    int code = merge_page(refresh, NULL, 0, err);
    refresh->failed = code != SATCHEL_OK;
    refresh->complete = code == SATCHEL_OK;
    return code;
}

/* ---- changes ---- */

size_t sat_index_refresh_changes(const struct sat_index_refresh *refresh)
{
    return refresh->changes.len;
}

const struct sat_index_listed *sat_index_refresh_change(const struct sat_index_refresh *refresh,
                                                        size_t i)
{
    const struct change *change = sat_vec_at(&refresh->changes, i);
    return &change->listed;
}

static struct change *find_change(const struct sat_index_refresh *refresh, const char *key)
{
    size_t low = 0;
    size_t high = refresh->changes.len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct change *change = sat_vec_at(&refresh->changes, middle);
        int order = strcmp(change->listed.key, key);
        if (order == 0)
            return change;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static int put_one(const struct sat_index_refresh *refresh, struct sat_row_writer *writer,
                   const struct sat_index_row *row, satchel_error *err)
{
    struct sat_row_found found;
    int code = sat_row_find(writer, row->key, &found, err);
    if (code != SATCHEL_OK)
        return code;
    if (found.oid != 0 && !may_change(refresh, found.generation, found.owner))
        return SATCHEL_OK;
    if (row->state != SAT_ROW_ABSENT) {
        struct sat_row_stamp stamp = {.generation = refresh->generation, .owner = SAT_OWNER_NONE};
        return sat_row_write(writer, &found, row, stamp, err);
    }
    return found.oid == 0 ? SATCHEL_OK : sat_row_remove(writer, found.oid, err);
}

/* Only after the commit: a chunk that failed may be put again. */
static void set_done(struct sat_index_refresh *refresh, const struct sat_index_row *rows,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct change *change = find_change(refresh, rows[i].key);
        if (!change->done)
            refresh->pending--;
        change->done = true;
    }
}

int sat_index_refresh_put(struct sat_index_refresh *refresh, const struct sat_index_row *rows,
                          size_t count, satchel_error *err)
{
    struct sat_index_txn txn;
    if (refresh->failed || !refresh->complete)
        return refuse(err);
    for (size_t i = 0; i < count; i++) {
        if (find_change(refresh, rows[i].key) == NULL)
            return sat_error_set(err, SATCHEL_INVALID,
                                 "record index: '%s' is not among the changes", rows[i].key);
    }
    int code = sat_index_txn_begin(refresh->index, refresh->epoch, &txn, err);
    if (code != SATCHEL_OK)
        return code;
    {
        SAT_AUTO_WRITER struct sat_row_writer writer = {.db = txn.conn->db};
        for (size_t i = 0; i < count && code == SATCHEL_OK; i++)
            code = put_one(refresh, &writer, &rows[i], err);
    }
    code = sat_index_txn_end(&txn, code, err);
    if (code == SATCHEL_OK)
        set_done(refresh, rows, count);
    return code;
}

/* ---- commit ---- */

/* The marks may have changed since the merge: look again. */
static int remove_vanished(const struct sat_index_refresh *refresh, struct sat_row_writer *writer,
                           satchel_error *err)
{
    SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
    int code = sat_sqlite_prepare(writer->db, "SELECT generation, dirty FROM obj WHERE oid = ?1",
                                  &stmt, err);
    for (size_t i = 0; i < refresh->vanished.len && code == SATCHEL_OK; i++) {
        int64_t oid = *(const int64_t *)sat_vec_at(&refresh->vanished, i);
        bool row = false;
        code = sat_sqlite_bind(writer->db, stmt, err, "i", oid);
        if (code == SATCHEL_OK)
            code = sat_sqlite_step(writer->db, stmt, &row, err);
        bool gone = row && may_change(refresh, sqlite3_column_int64(stmt, 0),
                                      sqlite3_column_int64(stmt, 1));
        (void)sqlite3_reset(stmt);
        if (code == SATCHEL_OK && gone)
            code = sat_row_remove(writer, oid, err);
    }
    return code;
}

static int confirm(const struct sat_index_refresh *refresh, struct sat_sqlite *db,
                   satchel_error *err)
{
    SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
    int code = sat_sqlite_prepare(
        db, "UPDATE obj SET dirty = 0, generation = ?1 WHERE oid = ?2 AND generation < ?1", &stmt,
        err);
    for (size_t i = 0; i < refresh->confirmed.len && code == SATCHEL_OK; i++) {
        code = sat_sqlite_bind(db, stmt, err, "ii", refresh->generation,
                               *(const int64_t *)sat_vec_at(&refresh->confirmed, i));
        if (code == SATCHEL_OK)
            code = sat_sqlite_run(db, stmt, err);
    }
    return code;
}

static int set_fresh(const struct sat_index_refresh *refresh, struct sat_sqlite *db,
                     satchel_error *err)
{
    SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
    int code = sat_sqlite_prepare(db,
                                  "UPDATE meta SET listed = ?1, listed_ns = ?2, listed_drop = ?3,"
                                  " listed_boot = ?4",
                                  &stmt, err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_bind(db, stmt, err, "iiit", refresh->generation, refresh->started_ns,
                               (int64_t)refresh->drop, sat_os_boot_id());
    return code == SATCHEL_OK ? sat_sqlite_run(db, stmt, err) : code;
}

int sat_index_refresh_commit(struct sat_index_refresh *refresh, satchel_error *err)
{
    struct sat_index_txn txn;
    if (refresh->failed || !refresh->complete)
        return refuse(err);
    if (refresh->pending > 0)
        return sat_error_set(err, SATCHEL_INVALID, "record index: %zu changes were not read",
                             refresh->pending);
    int code = sat_index_txn_begin(refresh->index, refresh->epoch, &txn, err);
    if (code != SATCHEL_OK)
        return code;
    {
        SAT_AUTO_WRITER struct sat_row_writer writer = {.db = txn.conn->db};
        code = remove_vanished(refresh, &writer, err);
    }
    if (code == SATCHEL_OK)
        code = confirm(refresh, txn.conn->db, err);
    if (code == SATCHEL_OK)
        code = set_fresh(refresh, txn.conn->db, err);
    return sat_index_txn_end(&txn, code, err);
}
