/* The tables of the index, and the tests that tell our healthy file from any other. */
#include <string.h>

#include "core/alloc.h"
#include "core/crc.h"
#include "core/error.h"
#include "core/str.h"
#include "index_private.h"

enum { APPLICATION_ID = 0x53415443 }; /* "SATC" */

/*
 * `body` is a table of its own: with the bodies inside obj, scans and key look-ups read every page.
 * The partial indexes hold next to nothing: unsettled and unusual rows are few.
 */
static const char schema[] =
    "CREATE TABLE meta(one INTEGER PRIMARY KEY CHECK (one = 1), generation INTEGER NOT NULL,"
    " listed INTEGER NOT NULL, listed_ns INTEGER NOT NULL, listed_drop INTEGER NOT NULL,"
    " listed_boot TEXT NOT NULL, begun INTEGER NOT NULL) STRICT;"
    "CREATE TABLE note(name TEXT PRIMARY KEY, value INTEGER NOT NULL, until_ns INTEGER NOT NULL)"
    " STRICT;"
    "CREATE TABLE obj(oid INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, etag TEXT,"
    " size INTEGER NOT NULL, version INTEGER NOT NULL, updated_at TEXT,"
    " generation INTEGER NOT NULL, dirty INTEGER NOT NULL, state INTEGER NOT NULL,"
    " crc INTEGER NOT NULL) STRICT;"
    "CREATE TABLE body(oid INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;"
    "CREATE INDEX obj_dirty ON obj(dirty) WHERE dirty <> 0;"
    "CREATE INDEX obj_unusual ON obj(state) WHERE state <> 0;";

/* Any change of the text above is another version: old files are then made anew. */
static int64_t schema_version(void)
{
    return (int64_t)(sat_crc64(0, schema, sizeof schema) & 0x7fffffff);
}

static int create(struct sat_sqlite *db, int64_t generation, satchel_error *err)
{
    SAT_AUTO_FREE char *rest =
        sat_strf("PRAGMA application_id = %d; PRAGMA user_version = %lld;"
                 "INSERT INTO meta VALUES (1, %lld, 0, 0, 0, '', 0);",
                 APPLICATION_ID, (long long)schema_version(), (long long)generation);
    if (rest == NULL)
        return sat_error_nomem(err);
    int code = sat_sqlite_exec(db, schema, err);
    return code == SATCHEL_OK ? sat_sqlite_exec(db, rest, err) : code;
}

int sat_index_schema_create(struct sat_sqlite *db, int64_t generation, satchel_error *err)
{
    int code = sat_sqlite_exec(db, "BEGIN IMMEDIATE", err);
    if (code == SATCHEL_OK)
        code = create(db, generation, err);
    return code == SATCHEL_OK ? sat_sqlite_exec(db, "COMMIT", err) : code;
}

static int foreign(struct sat_sqlite *db, const char *why, satchel_error *err)
{
    db->damaged = true;
    return sat_error_set(err, SATCHEL_MODIFIED,
                         "record index was damaged (%s): refresh and try again", why);
}

int sat_index_schema_check(struct sat_sqlite *db, const struct sat_mark_head *head,
                           satchel_error *err)
{
    int64_t application = 0;
    int64_t version = 0;
    struct sat_index_meta meta;
    int code = sat_sqlite_int(db, "PRAGMA application_id", &application, err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_int(db, "PRAGMA user_version", &version, err);
    if (code != SATCHEL_OK)
        return code;
    if (application != APPLICATION_ID)
        return foreign(db, "of another application", err);
    if (version != schema_version())
        return foreign(db, "of another version", err);
    code = sat_index_meta_read(db, &meta, err);
    if (code != SATCHEL_OK)
        return code;
    bool behind = meta.generation < head->committed || meta.generation + 1 < head->intent;
    return behind ? foreign(db, "transactions were lost", err) : SATCHEL_OK;
}

static int verify_pages(struct sat_sqlite *db, bool thorough, satchel_error *err)
{
    SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
    bool row = false;
    int code = sat_sqlite_prepare(
        db, thorough ? "PRAGMA integrity_check(1)" : "PRAGMA quick_check(1)", &stmt, err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_step(db, stmt, &row, err);
    if (code != SATCHEL_OK)
        return code;
    const char *verdict = row ? sat_sqlite_text(stmt, 0) : NULL;
    bool ok = verdict != NULL && sat_str_eq(verdict, "ok");
    return ok ? SATCHEL_OK : foreign(db, "page check", err);
}

static int verify_rows(struct sat_sqlite *db, struct sat_index_rows *rows, satchel_error *err)
{
    SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
    bool row = true;
    int code = sat_sqlite_prepare(db,
                                  "SELECT " SAT_ROW_COLUMNS ", body.body FROM obj"
                                  " LEFT JOIN body ON body.oid = obj.oid",
                                  &stmt, err);
    while (code == SATCHEL_OK && row) {
        code = sat_sqlite_step(db, stmt, &row, err);
        if (code == SATCHEL_OK && row)
            code = sat_rows_load(rows, db, stmt, true, err);
        sat_rows_reset(rows);
    }
    return code;
}

int sat_index_schema_verify(struct sat_sqlite *db, bool thorough, satchel_error *err)
{
    struct sat_index_rows *rows = sat_rows_new();
    if (rows == NULL)
        return sat_error_nomem(err);
    int code = verify_pages(db, thorough, err);
    if (code == SATCHEL_OK)
        code = verify_rows(db, rows, err);
    sat_index_rows_free(rows);
    return code;
}
