/*
 * The handle of the record index: its connections, its transactions, and the plain questions.
 *
 * Invariants:
 * (1) No sqlite3_stmt outlives a public call.
 * (2) A connection is used by one thread at a time; those at rest are in `locked.idle`.
 * (3) Every write transaction is BEGIN IMMEDIATE and raises meta.generation by one, tells the mark
 *     its intent before COMMIT and the fact after it: a file whose generation is behind the mark
 *     has lost transactions (a removed WAL, an older copy) and is not believed.
 * (4) A transaction belongs to the epoch the mark names while the write lock is held.
 * (5) A refresh changes only rows of a generation lower than its own, and a write in flight keeps
 *     its row marked: so neither can undo what the other learned later.
 * (6) Connections and the mark's locks belong to one process. A fork closes the connections; a
 *     child opens its own, and the mark again: that descriptor's locks are its parent's.
 */
#include "index.h"

#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/digest.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/log.h"
#include "core/os.h"
#include "core/str.h"
#include "index_place.h"
#include "index_private.h"

/* ---- open and close ---- */

static void close_idle_locked(struct sat_index *index)
{
    while (index->locked.idle != NULL) {
        struct sat_index_conn *conn = index->locked.idle;
        index->locked.idle = conn->next;
        sat_index_conn_close(conn);
    }
    index->locked.idle_count = 0;
}

static void destroy(struct sat_index *index)
{
    close_idle_locked(index);
    sat_mark_close(index->mark);
    sat_index_fields_fini(&index->locked.fields);
    sat_cond_fini(&index->refreshed);
    sat_mutex_fini(&index->lock);
    sat_mutex_fini(&index->memory_lock);
    sat_mutex_fini(&index->write_lock);
    sat_free(index->dir);
    sat_free(index);
}

void sat_index_close(struct sat_index *index)
{
    if (index == NULL)
        return;
    sat_fork_enter();
    close_idle_locked(index);
    if (atomic_load(&index->generation) == sat_fork_generation())
        sat_index_file_close(index);
    destroy(index);
    sat_fork_leave();
}

/* dir NULL: in memory. */
static int open_in(const char *dir, const char *stem, struct sat_index **out, satchel_error *err)
{
    struct sat_index *index = sat_calloc(1, sizeof *index);
    if (index == NULL)
        return sat_error_nomem(err);
    atomic_init(&index->generation, sat_fork_generation());
    sat_mutex_init(&index->write_lock);
    sat_mutex_init(&index->memory_lock);
    sat_mutex_init(&index->lock);
    sat_cond_init(&index->refreshed);
    sat_vec_init(&index->locked.fields, sizeof(char *));
    memcpy(index->stem, stem, sizeof index->stem);
    char name[SAT_INDEX_STEM_SIZE + 8];
    memcpy(name, stem, SAT_INDEX_STEM_SIZE - 1);
    memcpy(name + SAT_INDEX_STEM_SIZE - 1, ".mark", sizeof ".mark");
    int code = dir == NULL ? SATCHEL_OK : sat_index_place_check(dir, &index->dir, err);
    sat_fork_enter();
    if (code == SATCHEL_OK)
        code = sat_mark_open(index->dir, name, &index->mark, err);
    if (code == SATCHEL_OK)
        code = sat_index_file_open(index, err);
    sat_fork_leave();
    if (code != SATCHEL_OK) {
        destroy(index);
        return code;
    }
    *out = index;
    return SATCHEL_OK;
}

/* The user's cache folder, else the one in /var/tmp, else memory: with one warning each. */
static int open_default(const char *stem, struct sat_index **out, satchel_error *err)
{
    satchel_error reason = {.text = "no HOME and no XDG_CACHE_HOME"};
    for (size_t i = 0; i < SAT_INDEX_PLACES; i++) {
        SAT_AUTO_FREE char *dir = sat_index_place_default(i);
        if (dir == NULL)
            continue;
        int code = open_in(dir, stem, out, &reason);
        if (code == SATCHEL_NOMEM)
            return sat_error_copy(err, &reason);
        if (code != SATCHEL_OK)
            continue;
        if (i > 0)
            SAT_WARN("record index is kept in %s: the user's cache folder cannot be used", dir);
        return SATCHEL_OK;
    }
    SAT_WARN("record index is kept in memory only: %s", reason.text);
    return open_in(NULL, stem, out, err);
}

int sat_index_open(const struct sat_index_options *options, struct sat_index **out,
                   satchel_error *err)
{
    char stem[SAT_SHA256_HEX_SIZE];
    const char *dir = options->cache_dir;
    sat_sha256_hex(sat_span_of(options->identity), stem);
    stem[SAT_INDEX_STEM_SIZE - 1] = '\0';
    if (dir != NULL && dir[0] == '\0')
        return sat_error_set(err, SATCHEL_INVALID, "cache_dir is empty");
    if (dir != NULL && sat_str_eq(dir, SAT_SQLITE_MEMORY))
        return open_in(NULL, stem, out, err);
    return dir == NULL ? open_default(stem, out, err) : open_in(dir, stem, out, err);
}

/* (6) The in-memory database is the child's own copy, unless it was in use: then it starts anew. */
static int adopt_memory_locked(struct sat_index *index, satchel_error *err)
{
    index->locked.refreshing = false;
    int code = sat_mark_adopt(index->mark, err);
    if (code != SATCHEL_OK || !atomic_load(&index->locked.idle->db->busy))
        return code;
    index->locked.idle = NULL;
    return sat_index_file_renew_locked(index, index->locked.epoch, err);
}

/* (6) */
static int adopt(struct sat_index *index, satchel_error *err)
{
    unsigned generation = sat_fork_generation();
    if (atomic_load(&index->generation) == generation)
        return SATCHEL_OK;
    SAT_LOCKED(&index->lock);
    int code = SATCHEL_OK;
    if (atomic_load(&index->generation) == generation)
        return code;
    if (index->dir == NULL) {
        code = adopt_memory_locked(index, err);
    } else {
        close_idle_locked(index);
        code = sat_mark_adopt(index->mark, err);
        if (code == SATCHEL_OK)
            code = sat_index_file_open(index, err);
    }
    if (code == SATCHEL_OK)
        atomic_store(&index->generation, generation);
    return code;
}

void sat_index_path(struct sat_index *index, char *out, size_t size)
{
    SAT_LOCKED(&index->lock);
    SAT_AUTO_FREE char *path = sat_index_file_path(index, index->locked.epoch);
    out[0] = '\0';
    if (path != NULL && strlen(path) < size)
        memcpy(out, path, strlen(path) + 1);
}

/* ---- connections ---- */

/* (4) Follows the mark, then takes an idle connection of that epoch, if there is one. */
static int take_idle(struct sat_index *index, struct sat_index_conn **out, uint64_t *epoch,
                     satchel_error *err)
{
    struct sat_mark_head head;
    int code = sat_mark_read(index->mark, &head, err);
    SAT_LOCKED(&index->lock);
    if (code == SATCHEL_OK && head.epoch != index->locked.epoch)
        code = sat_index_file_renew_locked(index, 0, err);
    if (code != SATCHEL_OK)
        return code;
    *epoch = index->locked.epoch;
    *out = NULL;
    while (index->locked.idle != NULL && *out == NULL) {
        struct sat_index_conn *conn = index->locked.idle;
        index->locked.idle = conn->next;
        index->locked.idle_count--;
        atomic_store(&conn->db->busy, true);
        if (conn->epoch == *epoch && conn->db->raw != NULL)
            *out = conn;
        else
            sat_index_conn_close(conn);
    }
    return SATCHEL_OK;
}

static int renew(struct sat_index *index, uint64_t bad_epoch, satchel_error *err)
{
    SAT_LOCKED(&index->lock);
    return sat_index_file_renew_locked(index, bad_epoch, err);
}

/* A file that cannot be opened any more is replaced, and the new one opened. */
static int connect_or_renew(struct sat_index *index, struct sat_index_conn **out,
                            satchel_error *err)
{
    int code = SATCHEL_MODIFIED;
    for (int i = 0; i < SAT_INDEX_TRIES && code == SATCHEL_MODIFIED; i++) {
        uint64_t epoch = 0;
        code = take_idle(index, out, &epoch, err);
        if (code != SATCHEL_OK || *out != NULL)
            return code;
        code = sat_index_file_connect(index, epoch, out, err);
        if (code == SATCHEL_MODIFIED) {
            int renewed = renew(index, epoch, err);
            if (renewed != SATCHEL_OK)
                return renewed;
        }
    }
    return code;
}

int sat_index_acquire(struct sat_index *index, struct sat_index_conn **out, satchel_error *err)
{
    sat_fork_enter();
    int code = adopt(index, err);
    if (code == SATCHEL_OK && index->dir != NULL) {
        code = connect_or_renew(index, out, err);
    } else if (code == SATCHEL_OK) {
        sat_mutex_lock(&index->memory_lock);
        *out = index->locked.idle;
        atomic_store(&(*out)->db->busy, true);
    }
    if (code != SATCHEL_OK)
        sat_fork_leave();
    return code;
}

void sat_index_rest(struct sat_index_conn *conn)
{
    atomic_store(&conn->db->busy, false);
    sat_fork_leave();
}

bool sat_index_resume(struct sat_index_conn *conn)
{
    sat_fork_enter();
    atomic_store(&conn->db->busy, true);
    return conn->db->raw != NULL;
}

/* Keeps the connection for the next call, or closes it. */
static void put_back(struct sat_index *index, struct sat_index_conn *conn)
{
    bool usable = conn->db->raw != NULL && !conn->db->damaged;
    if (conn->db->damaged)
        (void)renew(index, conn->epoch, NULL);
    SAT_LOCKED(&index->lock);
    if (usable && index->locked.idle_count < SAT_INDEX_IDLE_MAX)
        sat_index_conn_idle_locked(index, conn);
    else
        sat_index_conn_close(conn);
}

void sat_index_release(struct sat_index *index, struct sat_index_conn *conn)
{
    if (conn->db->raw != NULL && sqlite3_get_autocommit(conn->db->raw) == 0)
        (void)sat_sqlite_exec(conn->db, "ROLLBACK", NULL);
    if (index->dir == NULL) {
        atomic_store(&conn->db->busy, false);
        sat_mutex_unlock(&index->memory_lock);
    } else {
        put_back(index, conn);
    }
    sat_fork_leave();
}

/* ---- transactions ---- */

int sat_index_meta_read(struct sat_sqlite *db, struct sat_index_meta *meta, satchel_error *err)
{
    SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
    bool row = false;
    int code = sat_sqlite_prepare(
        db, "SELECT generation, listed, listed_ns, listed_drop, listed_boot, begun FROM meta",
        &stmt, err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_step(db, stmt, &row, err);
    if (code != SATCHEL_OK)
        return code;
    *meta = (struct sat_index_meta){.generation = 0};
    if (!row)
        return SATCHEL_OK; /* generation 0 is behind any mark */
    meta->generation = sqlite3_column_int64(stmt, 0);
    meta->listed = sqlite3_column_int64(stmt, 1);
    meta->listed_ns = sqlite3_column_int64(stmt, 2);
    meta->begun = sqlite3_column_int64(stmt, 5);
    meta->listed_drop = (uint64_t)sqlite3_column_int64(stmt, 3);
    const char *boot = sat_sqlite_text(stmt, 4);
    if (boot != NULL)
        (void)snprintf(meta->listed_boot, sizeof meta->listed_boot, "%s", boot);
    return SATCHEL_OK;
}

/* With the write lock held: (3) and (4). *current is false when the epoch is another one now. */
static int enter(struct sat_index_txn *txn, bool *current, satchel_error *err)
{
    struct sat_sqlite *db = txn->conn->db;
    struct sat_mark_head head;
    struct sat_index_meta meta;
    int code = sat_mark_read(txn->index->mark, &head, err);
    *current = code == SATCHEL_OK && (head.epoch == txn->conn->epoch || txn->index->dir == NULL);
    if (!*current)
        return code;
    code = sat_index_meta_read(db, &meta, err);
    if (code != SATCHEL_OK)
        return code;
    if (meta.generation < head.committed || meta.generation + 1 < head.intent) {
        db->damaged = true;
        return sat_error_set(err, SATCHEL_MODIFIED,
                             "record index lost transactions: refresh and try again");
    }
    txn->generation = meta.generation + 1;
    txn->listed = meta.listed;
    txn->begun = meta.begun;
    return sat_sqlite_exec(db, "UPDATE meta SET generation = generation + 1", err);
}

/* BEGIN IMMEDIATE, waiting for another writer at most this long. */
static int take_write_lock(struct sat_sqlite *db, int wait_ms, satchel_error *err)
{
    db->wait_ms = wait_ms;
    db->yields = true;
    int code = sat_sqlite_exec(db, "BEGIN IMMEDIATE", err);
    db->yields = false;
    db->wait_ms = SAT_SQLITE_BUSY_MS;
    return code;
}

static int begin_waiting(struct sat_index *index, uint64_t epoch, int wait_ms,
                         struct sat_index_txn *txn, satchel_error *err)
{
    int code = SATCHEL_MODIFIED;
    sat_mutex_lock(&index->write_lock);
    for (int i = 0; i < SAT_INDEX_TRIES && code == SATCHEL_MODIFIED; i++) {
        *txn = (struct sat_index_txn){.index = index};
        code = sat_index_acquire(index, &txn->conn, err);
        if (code != SATCHEL_OK)
            break;
        if (epoch != 0 && txn->conn->epoch != epoch) {
            code = sat_error_set(err, SATCHEL_MODIFIED,
                                 "record index was made anew: refresh and try again");
            sat_index_release(index, txn->conn);
            break;
        }
        bool current = false;
        code = take_write_lock(txn->conn->db, wait_ms, err);
        if (code == SATCHEL_OK)
            code = enter(txn, &current, err);
        if (code == SATCHEL_OK && current)
            return SATCHEL_OK;
        sat_index_release(index, txn->conn);
        if (code == SATCHEL_OK)
            code = sat_error_set(err, SATCHEL_MODIFIED, "record index is replaced again and again");
        if (code == SATCHEL_BUSY && wait_ms > 0 && sat_fork_pending()) {
            /* The lock is had again once the fork is done. */
            sat_mutex_unlock(&index->write_lock);
            sat_mutex_lock(&index->write_lock);
            code = SATCHEL_MODIFIED;
            i--;
        }
    }
    sat_mutex_unlock(&index->write_lock);
    return code;
}

int sat_index_txn_begin(struct sat_index *index, uint64_t epoch, struct sat_index_txn *txn,
                        satchel_error *err)
{
    return begin_waiting(index, epoch, SAT_SQLITE_BUSY_MS, txn, err);
}

int sat_index_txn_try(struct sat_index *index, struct sat_index_txn *txn, satchel_error *err)
{
    return begin_waiting(index, 0, 0, txn, err);
}

int sat_index_txn_end(struct sat_index_txn *txn, int code, satchel_error *err)
{
    struct sat_mark *mark = txn->index->mark;
    if (code == SATCHEL_OK && sat_mark_set_intent(mark, txn->generation) != SATCHEL_OK)
        code = sat_error_set(err, SATCHEL_IO, "record index: its mark cannot be written");
    if (code == SATCHEL_OK)
        code = sat_sqlite_exec(txn->conn->db, "COMMIT", err);
    /* A failure here costs nothing but a little of the proof that nothing was lost. */
    if (code == SATCHEL_OK)
        (void)sat_mark_set_committed(mark, txn->generation);
    sat_index_release(txn->index, txn->conn);
    sat_mutex_unlock(&txn->index->write_lock);
    return code;
}

/* ---- whole-index operations ---- */

int sat_index_clear(struct sat_index *index, satchel_error *err)
{
    struct sat_index_txn txn;
    int code = sat_index_txn_begin(index, 0, &txn, err);
    if (code != SATCHEL_OK)
        return code;
    code = sat_sqlite_exec(txn.conn->db,
                           "DELETE FROM body; DELETE FROM obj; UPDATE meta SET listed = 0", err);
    if (code == SATCHEL_OK)
        code = sat_index_fields_prune(index, txn.conn->db, err);
    sat_index_drop_freshness(index);
    return sat_index_txn_end(&txn, code, err);
}

int sat_index_next_generation(struct sat_index *index, int64_t *out, satchel_error *err)
{
    struct sat_index_conn *conn;
    struct sat_index_meta meta;
    int code = sat_index_acquire(index, &conn, err);
    if (code != SATCHEL_OK)
        return code;
    code = sat_index_meta_read(conn->db, &meta, err);
    sat_index_release(index, conn);
    if (code == SATCHEL_OK)
        *out = meta.generation;
    return code;
}

/* ---- notes ---- */

int sat_index_note_put(struct sat_index *index, const char *name, int64_t value, int64_t valid_s,
                       satchel_error *err)
{
    struct sat_index_txn txn;
    int64_t now = sat_clock_wall_ns();
    int64_t longest = (INT64_MAX - now) / SAT_NS_PER_S;
    int64_t until = now + (valid_s < longest ? valid_s : longest) * SAT_NS_PER_S;
    int code = sat_index_txn_try(index, &txn, err);
    if (code != SATCHEL_OK)
        return code;
    {
        SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
        code = sat_sqlite_prepare(txn.conn->db, "INSERT OR REPLACE INTO note VALUES (?1, ?2, ?3)",
                                  &stmt, err);
        if (code == SATCHEL_OK)
            code = sat_sqlite_bind(txn.conn->db, stmt, err, "tii", name, value, until);
        if (code == SATCHEL_OK)
            code = sat_sqlite_run(txn.conn->db, stmt, err);
    }
    return sat_index_txn_end(&txn, code, err);
}

static bool find_note(struct sat_sqlite *db, const char *name, int64_t *value)
{
    SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
    bool row = false;
    int code = sat_sqlite_prepare(db, "SELECT value FROM note WHERE name = ?1 AND until_ns > ?2",
                                  &stmt, NULL);
    if (code == SATCHEL_OK)
        code = sat_sqlite_bind(db, stmt, NULL, "ti", name, sat_clock_wall_ns());
    if (code == SATCHEL_OK)
        code = sat_sqlite_step(db, stmt, &row, NULL);
    if (code != SATCHEL_OK || !row)
        return false;
    *value = sqlite3_column_int64(stmt, 0);
    return true;
}

bool sat_index_note_get(struct sat_index *index, const char *name, int64_t *value)
{
    struct sat_index_conn *conn;
    if (sat_index_acquire(index, &conn, NULL) != SATCHEL_OK)
        return false;
    bool found = find_note(conn->db, name, value);
    sat_index_release(index, conn);
    return found;
}

/* ---- counting ---- */

int sat_index_check_listed(struct sat_sqlite *db, satchel_error *err)
{
    int64_t listed = 0;
    int code = sat_sqlite_int(db, "SELECT listed FROM meta", &listed, err);
    if (code == SATCHEL_OK && listed == 0)
        code = sat_error_set(err, SATCHEL_MODIFIED,
                             "record index is not filled yet: refresh and try again");
    return code;
}

int sat_index_count(struct sat_index *index, uint64_t *out, satchel_error *err)
{
    struct sat_index_conn *conn;
    int64_t count = 0;
    int code = sat_index_acquire(index, &conn, err);
    if (code != SATCHEL_OK)
        return code;
    code = sat_sqlite_exec(conn->db, "BEGIN", err);
    if (code == SATCHEL_OK)
        code = sat_index_check_listed(conn->db, err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_int(conn->db, "SELECT count(*) FROM obj WHERE state <> 1", &count, err);
    sat_index_release(index, conn);
    *out = (uint64_t)count;
    return code;
}

/* ---- look-up ---- */

static int lookup_one(struct sat_sqlite *db, sqlite3_stmt *stmt, const char *key,
                      struct sat_index_rows *rows, satchel_error *err)
{
    bool row = false;
    bool with_body = sqlite3_column_count(stmt) > 9;
    int code = sat_sqlite_bind(db, stmt, err, "t", key);
    if (code == SATCHEL_OK)
        code = sat_sqlite_step(db, stmt, &row, err);
    if (code == SATCHEL_OK && row)
        code = sat_rows_load(rows, db, stmt, with_body, err);
    else if (code == SATCHEL_OK)
        code = sat_rows_add_absent(rows, key, err);
    (void)sqlite3_reset(stmt);
    return code;
}

static int lookup_all(struct sat_sqlite *db, const char *const *keys, size_t count, const char *sql,
                      struct sat_index_rows *rows, satchel_error *err)
{
    SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
    int code = sat_sqlite_exec(db, "BEGIN", err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_prepare(db, sql, &stmt, err);
    for (size_t i = 0; i < count && code == SATCHEL_OK; i++)
        code = lookup_one(db, stmt, keys[i], rows, err);
    return code;
}

int sat_index_lookup(struct sat_index *index, const char *const *keys, size_t count,
                     bool with_bodies, struct sat_index_rows **out, satchel_error *err)
{
    static const char plain[] = "SELECT " SAT_ROW_COLUMNS " FROM obj WHERE key = ?1";
    static const char bodies[] = "SELECT " SAT_ROW_COLUMNS ", body.body FROM obj"
                                 " LEFT JOIN body ON body.oid = obj.oid WHERE obj.key = ?1";
    struct sat_index_conn *conn;
    struct sat_index_rows *rows = sat_rows_new();
    if (rows == NULL)
        return sat_error_nomem(err);
    int code = sat_index_acquire(index, &conn, err);
    if (code == SATCHEL_OK) {
        code = lookup_all(conn->db, keys, count, with_bodies ? bodies : plain, rows, err);
        sat_index_release(index, conn);
    }
    if (code != SATCHEL_OK) {
        sat_index_rows_free(rows);
        return code;
    }
    *out = rows;
    return SATCHEL_OK;
}

/* ---- freshness ---- */

void sat_index_drop_freshness(struct sat_index *index)
{
    if (adopt(index, NULL) != SATCHEL_OK)
        return; /* a child without a mark of its own: its parent's is not to be touched */
    (void)sat_mark_set_drop(index->mark);
    /* Marks that could not be settled must not count as writes in flight for ever. */
    sat_mark_renew_owner(index->mark);
}

bool sat_index_is_listed(const struct sat_index_meta *meta, const struct sat_mark_head *head)
{
    return meta->listed != 0 && meta->listed_drop == head->drop;
}

static bool is_young(int64_t listed_ns, int64_t ttl_s)
{
    int64_t age = sat_clock_boottime_ns() - listed_ns;
    return age >= 0 && (ttl_s > INT64_MAX / SAT_NS_PER_S || age < ttl_s * SAT_NS_PER_S);
}

bool sat_index_is_fresh(struct sat_index *index, int64_t ttl_s)
{
    struct sat_index_conn *conn;
    struct sat_index_meta meta;
    struct sat_mark_head head;
    if (ttl_s == 0 || sat_index_acquire(index, &conn, NULL) != SATCHEL_OK)
        return false;
    int code = sat_index_meta_read(conn->db, &meta, NULL);
    if (code == SATCHEL_OK)
        code = sat_mark_read(index->mark, &head, NULL);
    bool same_file = code == SATCHEL_OK && (index->dir == NULL || head.epoch == conn->epoch);
    sat_index_release(index, conn);
    if (!same_file || !sat_index_is_listed(&meta, &head))
        return false;
    if (ttl_s < 0)
        return true;
    return sat_str_eq(meta.listed_boot, sat_os_boot_id()) && is_young(meta.listed_ns, ttl_s);
}
