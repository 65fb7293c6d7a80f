/*
 * Opening SQLite the one safe way, and statements that cannot outlive their call.
 *
 * Invariants: (1) every open connection is in `connections`, so that fork preparation can close
 * them all: SQLite's lock table survives a fork, the locks do not, and a child that went on with
 * both would lose acknowledged writes; (2) process-wide settings of SQLite are
 * never touched: the host program may use SQLite too; (3) the database file is opened by SQLite
 * only.
 */
#include "sql.h"

#include <stdarg.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/lock.h"
#include "core/str.h"

static struct {
    struct sat_mutex lock;
    struct sat_sqlite *first;
    size_t count;
} connections = {.lock = SAT_MUTEX_INIT};

static void enlist(struct sat_sqlite *db)
{
    SAT_LOCKED(&connections.lock);
    db->next = connections.first;
    if (db->next != NULL)
        db->next->previous = db;
    connections.first = db;
    connections.count++;
}

static void delist(struct sat_sqlite *db)
{
    SAT_LOCKED(&connections.lock);
    if (db->previous != NULL)
        db->previous->next = db->next;
    else
        connections.first = db->next;
    if (db->next != NULL)
        db->next->previous = db->previous;
    connections.count--;
}

size_t sat_sqlite_open_count(void)
{
    SAT_LOCKED(&connections.lock);
    return connections.count;
}

/* (1) What a call still uses after all is left, for the child to keep away from. */
static void close_for_fork(void)
{
    SAT_LOCKED(&connections.lock);
    for (struct sat_sqlite *db = connections.first; db != NULL; db = db->next) {
        if (atomic_load(&db->busy) || sat_str_eq(db->path, SAT_SQLITE_MEMORY))
            continue;
        (void)sqlite3_close(db->raw);
        db->raw = NULL;
    }
}

/* Folders may be named in more ways than one; the name of an index file is random. */
static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

static bool is_inherited(const char *path)
{
    SAT_LOCKED(&connections.lock);
    for (const struct sat_sqlite *db = connections.first; db != NULL; db = db->next) {
        if (db->raw != NULL && db->generation != sat_fork_generation() &&
            !sat_str_eq(path, SAT_SQLITE_MEMORY) && sat_str_eq(name_of(db->path), name_of(path)))
            return true;
    }
    return false;
}

/* A file that is not (or no longer) the database we wrote, by SQLite's extended result code. */
static bool is_damage(int rc, const char *message)
{
    switch (rc & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
    case SQLITE_CANTOPEN:
        return true;
    case SQLITE_IOERR:
        return rc == SQLITE_IOERR_SHORT_READ || rc == SQLITE_IOERR_CORRUPTFS;
    case SQLITE_READONLY:
        return rc == SQLITE_READONLY_DBMOVED;
    case SQLITE_ERROR:
        return sat_str_starts(message, "no such table") ||
               sat_str_starts(message, "no such column");
    default:
        return false;
    }
}

static int code_of(int rc)
{
    switch (rc & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return SATCHEL_BUSY;
    case SQLITE_FULL:
    case SQLITE_TOOBIG:
        return SATCHEL_LIMIT;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return SATCHEL_DENIED;
    case SQLITE_INTERRUPT:
        return SATCHEL_CANCELLED;
    default:
        return SATCHEL_IO;
    }
}

int sat_sqlite_fail(struct sat_sqlite *db, const char *what, satchel_error *err)
{
    int rc = sqlite3_extended_errcode(db->raw);
    if (db->failure.code != SATCHEL_OK) {
        int code = sat_error_copy(err, &db->failure);
        db->failure = (satchel_error){.code = SATCHEL_OK};
        return code;
    }
    if ((rc & 0xff) == SQLITE_NOMEM)
        return sat_error_nomem(err);
    const char *message = sqlite3_errmsg(db->raw);
    if (is_damage(rc, message)) {
        db->damaged = true;
        return sat_error_set(err, SATCHEL_MODIFIED,
                             "record index was damaged (%s: %s): refresh and try again", what,
                             message);
    }
    return sat_error_set(err, code_of(rc), "record index: %s: %s", what, message);
}

int sat_sqlite_exec(struct sat_sqlite *db, const char *sql, satchel_error *err)
{
    if (sqlite3_exec(db->raw, sql, NULL, NULL, NULL) == SQLITE_OK)
        return SATCHEL_OK;
    return sat_sqlite_fail(db, sql, err);
}

static int on_busy(void *user, int tries)
{
    struct sat_sqlite *db = user;
    int64_t now = sat_clock_now_ns();
    if (tries == 0)
        db->give_up_ns = now + db->wait_ms * SAT_NS_PER_MS;
    if (now >= db->give_up_ns || (db->yields && sat_fork_pending()))
        return 0;
    (void)sqlite3_sleep(tries < 8 ? 1 + tries : 10);
    return 1;
}

static int configure(struct sat_sqlite *db, satchel_error *err)
{
    static const struct {
        int what;
        int on;
    } settings[] = {
        {SQLITE_DBCONFIG_DEFENSIVE, 1},        {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1}, {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
        {SQLITE_DBCONFIG_ENABLE_VIEW, 0},      {SQLITE_DBCONFIG_DQS_DDL, 0},
        {SQLITE_DBCONFIG_DQS_DML, 0},
    };
    (void)sqlite3_extended_result_codes(db->raw, 1);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (sqlite3_db_config(db->raw, settings[i].what, settings[i].on, NULL) != SQLITE_OK)
            return sat_sqlite_fail(db, "configuring", err);
    }
    db->wait_ms = SAT_SQLITE_BUSY_MS;
    (void)sqlite3_busy_handler(db->raw, on_busy, db);
    return sat_sqlite_register(db, err);
}

/* Where shared memory is not to be had SQLite stays in another mode, without an error. */
static int use_wal(struct sat_sqlite *db, bool memory, satchel_error *err)
{
    SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
    bool row = false;
    int code = sat_sqlite_prepare(db, "PRAGMA journal_mode=WAL", &stmt, err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_step(db, stmt, &row, err);
    if (code != SATCHEL_OK || memory)
        return code;
    const char *mode = row ? sat_sqlite_text(stmt, 0) : NULL;
    if (mode != NULL && sat_str_eq(mode, "wal"))
        return SATCHEL_OK;
    return sat_error_set(err, SATCHEL_DENIED, "record index: no write-ahead log in this folder");
}

int sat_sqlite_open(const char *path, struct sat_sqlite **out, satchel_error *err)
{
    int code = sat_fork_start(err);
    if (code != SATCHEL_OK)
        return code;
    sat_fork_before(close_for_fork);
    if (is_inherited(path))
        return sat_error_set(err, SATCHEL_MODIFIED, "record index was in use during a fork");
    struct sat_sqlite *db = sat_calloc(1, sizeof *db);
    if (db == NULL)
        return sat_error_nomem(err);
    db->path = sat_strdup(path);
    if (db->path == NULL) {
        sat_free(db);
        return sat_error_nomem(err);
    }
    db->generation = sat_fork_generation();
    atomic_init(&db->busy, true);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;
    int rc = sqlite3_open_v2(path, &db->raw, flags, NULL);
    enlist(db);
    if (db->raw == NULL)
        code = sat_error_nomem(err);
    else if (rc != SQLITE_OK)
        code = sat_sqlite_fail(db, "opening", err);
    else
        code = configure(db, err);
    /*
     * Not synced: a process's death loses nothing, and after a power loss index_file.c checks the
     * whole file. It is a cache that can be filled again.
     */
    if (code == SATCHEL_OK)
        code = use_wal(db, sat_str_eq(path, SAT_SQLITE_MEMORY), err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_exec(db,
                               "PRAGMA synchronous=OFF; PRAGMA journal_size_limit=67108864;"
                               "PRAGMA cell_size_check=ON;",
                               err);
    if (code != SATCHEL_OK) {
        sat_sqlite_close(db);
        return code;
    }
    *out = db;
    return SATCHEL_OK;
}

void sat_sqlite_close(struct sat_sqlite *db)
{
    if (db == NULL)
        return;
    delist(db);
    (void)sqlite3_close(db->raw);
    sat_buf_fini(&db->scratch);
    sat_free(db->path);
    sat_free(db);
}

int sat_sqlite_prepare(struct sat_sqlite *db, const char *sql, sqlite3_stmt **out,
                       satchel_error *err)
{
    if (sqlite3_prepare_v2(db->raw, sql, -1, out, NULL) == SQLITE_OK)
        return SATCHEL_OK;
    return sat_sqlite_fail(db, "preparing a statement", err);
}

void sat_sqlite_finalize_(sqlite3_stmt **stmt)
{
    (void)sqlite3_finalize(*stmt);
    *stmt = NULL;
}

int sat_sqlite_step(struct sat_sqlite *db, sqlite3_stmt *stmt, bool *row, satchel_error *err)
{
    int rc = sqlite3_step(stmt);
    *row = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW || rc == SQLITE_DONE)
        return SATCHEL_OK;
    return sat_sqlite_fail(db, "running a statement", err);
}

int sat_sqlite_run(struct sat_sqlite *db, sqlite3_stmt *stmt, satchel_error *err)
{
    bool row = true;
    int code = SATCHEL_OK;
    while (row && code == SATCHEL_OK)
        code = sat_sqlite_step(db, stmt, &row, err);
    (void)sqlite3_reset(stmt);
    return code;
}

int sat_sqlite_int(struct sat_sqlite *db, const char *sql, int64_t *out, satchel_error *err)
{
    SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
    bool row = false;
    int code = sat_sqlite_prepare(db, sql, &stmt, err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_step(db, stmt, &row, err);
    if (code == SATCHEL_OK && !row)
        code = sat_error_set(err, SATCHEL_NOT_FOUND, "record index: no row");
    if (code == SATCHEL_OK)
        *out = sqlite3_column_int64(stmt, 0);
    return code;
}

static int bind_span(sqlite3_stmt *stmt, int at, satchel_span text)
{
    const char *data = text.data == NULL ? "" : text.data;
    return sqlite3_bind_text64(stmt, at, data, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

int sat_sqlite_bind(struct sat_sqlite *db, sqlite3_stmt *stmt, satchel_error *err,
                    const char *types, ...)
{
    va_list args;
    va_start(args, types);
    int rc = SQLITE_OK;
    for (int at = 1; types[at - 1] != '\0' && rc == SQLITE_OK; at++) {
        if (types[at - 1] == 'i')
            rc = sqlite3_bind_int64(stmt, at, va_arg(args, int64_t));
        else if (types[at - 1] == 't')
            rc = sqlite3_bind_text(stmt, at, va_arg(args, const char *), -1, SQLITE_STATIC);
        else
            rc = bind_span(stmt, at, va_arg(args, satchel_span));
    }
    va_end(args);
    return rc == SQLITE_OK ? SATCHEL_OK : sat_sqlite_fail(db, "binding a value", err);
}

const char *sat_sqlite_text(sqlite3_stmt *stmt, int column)
{
    return (const char *)sqlite3_column_text(stmt, column);
}

satchel_span sat_sqlite_span(sqlite3_stmt *stmt, int column)
{
    const void *data = sqlite3_column_blob(stmt, column);
    return (satchel_span){.data = data, .len = (size_t)sqlite3_column_bytes(stmt, column)};
}
