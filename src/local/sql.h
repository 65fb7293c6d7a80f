/* SQLite connections as this library opens them. Private to src/local: nobody else sees SQLite. */
#ifndef SAT_LOCAL_SQL_H
#define SAT_LOCAL_SQL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sqlite3.h>

#include <satchel/types.h>

#include "core/buf.h"

/*
 * One connection, used by one thread at a time, inside the fork gate (core/fork.h). A fork closes
 * those of files, in the parent too, unless a call uses them.
 */
struct sat_sqlite {
    sqlite3 *raw; /* NULL once a fork closed it */
    char *path;
    unsigned generation; /* of the process that opened it */
    atomic_bool busy;    /* a call uses it: set from the opening on */
    bool yields;         /* what waits for another's lock gives up when a fork is due */
    int wait_ms;         /* longest wait for another's lock */
    int64_t give_up_ns;
    bool damaged;            /* a call found the file damaged: rebuild it, do not use it again */
    satchel_error failure;   /* what one of our SQL functions reported; code OK = nothing */
    struct sat_buf scratch;  /* of our SQL functions */
    struct sat_sqlite *next; /* the process-wide list of open connections */
    struct sat_sqlite *previous;
};

#define SAT_SQLITE_MEMORY ":memory:"

enum { SAT_SQLITE_BUSY_MS = 10000 };

/*
 * Opens an existing file (or ":memory:") read-write: WAL, defensive, untrusted schema, no
 * checkpoint at close, no double-quoted strings, our functions registered. The file must not be
 * opened by any other means in this process: closing it would drop SQLite's locks. MODIFIED for a
 * file that a fork found in use: this child can never open it, SQLite still counts the parent's
 * locks.
 */
int sat_sqlite_open(const char *path, struct sat_sqlite **out, satchel_error *err);
/* Every statement must be finalized. NULL is fine. */
void sat_sqlite_close(struct sat_sqlite *db);
/* How many connections this process has open; fork preparation and leak tests look at it. */
size_t sat_sqlite_open_count(void);

/* Our SQL functions (sql_functions.c); called by sat_sqlite_open(). */
int sat_sqlite_register(struct sat_sqlite *db, satchel_error *err);

/*
 * Turns the connection's last error into a code: BUSY; MODIFIED for a damaged file (and sets
 * db->damaged); LIMIT for a full disk; DENIED; NOMEM; what one of our functions reported; else IO.
 */
int sat_sqlite_fail(struct sat_sqlite *db, const char *what, satchel_error *err);

/* Runs statements that return no rows. */
int sat_sqlite_exec(struct sat_sqlite *db, const char *sql, satchel_error *err);

/* A statement that ends with its scope: no statement outlives a public call. */
int sat_sqlite_prepare(struct sat_sqlite *db, const char *sql, sqlite3_stmt **out,
                       satchel_error *err);
void sat_sqlite_finalize_(sqlite3_stmt **stmt);
#define SAT_AUTO_STMT __attribute__((cleanup(sat_sqlite_finalize_)))

/* *row tells whether there is a row to read. */
int sat_sqlite_step(struct sat_sqlite *db, sqlite3_stmt *stmt, bool *row, satchel_error *err);
/* Runs to the end and makes the statement ready for other values. */
int sat_sqlite_run(struct sat_sqlite *db, sqlite3_stmt *stmt, satchel_error *err);
/* The first column of the first row; NOT_FOUND without a row. */
int sat_sqlite_int(struct sat_sqlite *db, const char *sql, int64_t *out, satchel_error *err);

/*
 * Binds parameters 1, 2, ...: 'i' int64_t, 't' const char * (NULL = SQL NULL), 'x' satchel_span as
 * text. Texts are borrowed until the statement is run or reset.
 */
int sat_sqlite_bind(struct sat_sqlite *db, sqlite3_stmt *stmt, satchel_error *err,
                    const char *types, ...);

/* A text column; NULL for SQL NULL; valid until the next step. */
const char *sat_sqlite_text(sqlite3_stmt *stmt, int column);
/* A text or blob column as bytes. */
satchel_span sat_sqlite_span(sqlite3_stmt *stmt, int column);

#endif
