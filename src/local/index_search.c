/*
 * Queries on the index. A search first collects the row numbers of its whole answer, in order, then
 * reads the rows in chunks of bounded size inside the same read transaction: one snapshot, bounded
 * memory, and no statement between calls. A fork ends the transaction: the parent goes on in
 * another one when nothing was written since, else the answer ends with MODIFIED.
 */
#include "core/alloc.h"
#include "core/error.h"
#include "index_private.h"
#include "query/compile.h"
#include "query/query.h"

enum { CHUNK_BYTES = 4 * 1024 * 1024 };

struct sat_index_search {
    struct sat_index *index;
    struct sat_index_conn *conn; /* at rest; NULL once the whole answer is in memory */
    int64_t written;             /* generation of the snapshot */
    bool lost;                   /* the snapshot is gone, rows are missing */
    struct sat_vec oids;         /* int64_t */
    size_t loaded;               /* oids that were read into a chunk */
    struct sat_index_rows *chunk;
    size_t at; /* next row of the chunk */
};

/* ---- compile and bind ---- */

static int compile(struct sat_index *index, const struct sat_query *query, bool count,
                   struct sat_sql *sql, satchel_error *err)
{
    SAT_LOCKED(&index->lock);
    struct sat_compile_options options = {
        .columns = "obj.oid",
        .indexed = index->locked.fields.data,
        .indexed_count = index->locked.fields.len,
    };
    return count ? sat_compile_count(query, &options, sql, err)
                 : sat_compile_search(query, &options, sql, err);
}

static int bind_one(sqlite3_stmt *stmt, int at, const struct sat_bind *bind)
{
    switch (bind->kind) {
    case SAT_BIND_INT:
        return sqlite3_bind_int64(stmt, at, bind->integer);
    case SAT_BIND_BLOB:
        return sqlite3_bind_blob64(stmt, at, bind->blob.data, bind->blob.len, SQLITE_STATIC);
    default:
        /* SQLite hands the pointer back as it was; sat_match only reads the node. */
        return sqlite3_bind_pointer(stmt, at, (void *)(uintptr_t)bind->node, SAT_COMPILE_NODE_TYPE,
                                    NULL);
    }
}

static int prepare(struct sat_sqlite *db, const struct sat_sql *sql, sqlite3_stmt **stmt,
                   satchel_error *err)
{
    int code = sat_sqlite_prepare(db, sat_buf_str(&sql->text), stmt, err);
    for (size_t i = 0; i < sql->binds.len && code == SATCHEL_OK; i++) {
        if (bind_one(*stmt, (int)i + 1, sat_vec_at(&sql->binds, i)) != SQLITE_OK)
            code = sat_sqlite_fail(db, "binding a value", err);
    }
    return code;
}

/* An object that is no record can be neither in an answer nor out of it. */
static int check_corrupt(struct sat_sqlite *db, satchel_error *err)
{
    SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
    bool row = false;
    int code = sat_sqlite_prepare(
        db, "SELECT key FROM obj WHERE state <> 0 AND state = 2 ORDER BY key LIMIT 1", &stmt, err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_step(db, stmt, &row, err);
    if (code == SATCHEL_OK && row)
        code = sat_error_set(err, SATCHEL_CORRUPT,
                             "%s is not a record: repair or delete it, then search again",
                             sat_sqlite_text(stmt, 0));
    return code;
}

/* ---- search ---- */

static int collect(struct sat_index_search *search, const struct sat_sql *sql, satchel_error *err)
{
    SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
    struct sat_sqlite *db = search->conn->db;
    bool row = true;
    int code = prepare(db, sql, &stmt, err);
    while (code == SATCHEL_OK && row) {
        code = sat_sqlite_step(db, stmt, &row, err);
        if (code != SATCHEL_OK || !row)
            break;
        int64_t oid = sqlite3_column_int64(stmt, 0);
        if (sat_vec_push(&search->oids, &oid) == NULL)
            code = sat_error_nomem(err);
    }
    return code;
}

static int load_one(struct sat_index_search *search, sqlite3_stmt *stmt, satchel_error *err)
{
    struct sat_sqlite *db = search->conn->db;
    bool row = false;
    int code = sat_sqlite_bind(db, stmt, err, "i",
                               *(const int64_t *)sat_vec_at(&search->oids, search->loaded));
    if (code == SATCHEL_OK)
        code = sat_sqlite_step(db, stmt, &row, err);
    if (code == SATCHEL_OK && !row)
        code = sat_error_set(err, SATCHEL_MODIFIED, "record index changed under a search");
    if (code == SATCHEL_OK)
        code = sat_rows_load(search->chunk, db, stmt, true, err);
    if (code == SATCHEL_OK)
        search->loaded++;
    (void)sqlite3_reset(stmt);
    return code;
}

static void leave(struct sat_index_search *search)
{
    if (search->conn == NULL)
        return;
    (void)sat_index_resume(search->conn);
    sat_index_release(search->index, search->conn);
    search->conn = NULL;
}

/* Gives the connection back as soon as nothing more is to be read. */
static void rest(struct sat_index_search *search, int code)
{
    sat_index_rest(search->conn);
    if (code == SATCHEL_OK && search->loaded == search->oids.len)
        leave(search);
}

/* Reads the next chunk; in memory, where the one connection is needed by others, all of it. */
static int load_chunk(struct sat_index_search *search, satchel_error *err)
{
    SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
    bool all = search->index->dir == NULL;
    sat_rows_reset(search->chunk);
    search->at = 0;
    int code = sat_sqlite_prepare(search->conn->db,
                                  "SELECT " SAT_ROW_COLUMNS ", body.body FROM obj JOIN body"
                                  " ON body.oid = obj.oid WHERE obj.oid = ?1",
                                  &stmt, err);
    while (code == SATCHEL_OK && search->loaded < search->oids.len &&
           (all || sat_rows_bytes(search->chunk) < CHUNK_BYTES))
        code = load_one(search, stmt, err);
    return code;
}

static int was_lost(satchel_error *err)
{
    return sat_error_set(err, SATCHEL_MODIFIED,
                         "the process forked and the record index changed amid a large answer: "
                         "search again");
}

static int read_written(struct sat_index_search *search, int64_t *written, satchel_error *err)
{
    return sat_sqlite_int(search->conn->db, "SELECT generation FROM meta", written, err);
}

static int run(struct sat_index_search *search, const struct sat_sql *sql, satchel_error *err)
{
    int code = sat_index_acquire(search->index, &search->conn, err);
    if (code != SATCHEL_OK)
        return code;
    code = sat_sqlite_exec(search->conn->db, "BEGIN", err);
    if (code == SATCHEL_OK)
        code = sat_index_check_listed(search->conn->db, err);
    if (code == SATCHEL_OK)
        code = check_corrupt(search->conn->db, err);
    if (code == SATCHEL_OK)
        code = collect(search, sql, err);
    if (code == SATCHEL_OK)
        code = load_chunk(search, err);
    if (code == SATCHEL_OK && search->loaded < search->oids.len)
        code = read_written(search, &search->written, err);
    rest(search, code);
    return code;
}

/* Takes the connection up again, or after a fork another one with the same snapshot. */
static int take_up(struct sat_index_search *search, satchel_error *err)
{
    uint64_t epoch = search->conn->epoch;
    int64_t written = 0;
    if (sat_index_resume(search->conn))
        return SATCHEL_OK;
    search->lost = true;
    sat_index_release(search->index, search->conn);
    search->conn = NULL;
    int code = sat_index_acquire(search->index, &search->conn, err);
    if (code != SATCHEL_OK)
        return code;
    code = sat_sqlite_exec(search->conn->db, "BEGIN", err);
    if (code == SATCHEL_OK)
        code = read_written(search, &written, err);
    if (code == SATCHEL_OK && search->conn->epoch == epoch && written == search->written) {
        search->lost = false;
        return code;
    }
    sat_index_release(search->index, search->conn);
    search->conn = NULL;
    return code == SATCHEL_OK ? was_lost(err) : code;
}

static int open_search(struct sat_index *index, const struct sat_sql *sql,
                       struct sat_index_search **out, satchel_error *err)
{
    struct sat_index_search *search = sat_calloc(1, sizeof *search);
    struct sat_index_rows *chunk = sat_rows_new();
    if (search == NULL || chunk == NULL) {
        sat_free(search);
        sat_index_rows_free(chunk);
        return sat_error_nomem(err);
    }
    search->index = index;
    search->chunk = chunk;
    sat_vec_init(&search->oids, sizeof(int64_t));
    int code = run(search, sql, err);
    if (code != SATCHEL_OK) {
        sat_index_search_close(search);
        return code;
    }
    *out = search;
    return SATCHEL_OK;
}

int sat_index_search(struct sat_index *index, const struct sat_query *query,
                     struct sat_index_search **out, satchel_error *err)
{
    struct sat_sql sql;
    int code = compile(index, query, false, &sql, err);
    if (code != SATCHEL_OK)
        return code;
    code = open_search(index, &sql, out, err);
    sat_sql_fini(&sql);
    return code;
}

size_t sat_index_search_total(const struct sat_index_search *search)
{
    return search->oids.len;
}

int sat_index_search_next(struct sat_index_search *search, const struct sat_index_row **row,
                          satchel_error *err)
{
    *row = NULL;
    if (search->lost)
        return was_lost(err);
    if (search->at == sat_index_rows_count(search->chunk) && search->conn != NULL) {
        int code = take_up(search, err);
        if (code == SATCHEL_OK) {
            code = load_chunk(search, err);
            rest(search, code);
        }
        if (code != SATCHEL_OK)
            return code;
    }
    if (search->at < sat_index_rows_count(search->chunk))
        *row = sat_index_rows_at(search->chunk, search->at++);
    return SATCHEL_OK;
}

void sat_index_search_close(struct sat_index_search *search)
{
    if (search == NULL)
        return;
    leave(search);
    sat_index_rows_free(search->chunk);
    sat_vec_fini(&search->oids);
    sat_free(search);
}

/* ---- count ---- */

static int count_in(struct sat_sqlite *db, const struct sat_sql *sql, uint64_t *out,
                    satchel_error *err)
{
    SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
    bool row = false;
    int code = sat_sqlite_exec(db, "BEGIN", err);
    if (code == SATCHEL_OK)
        code = sat_index_check_listed(db, err);
    if (code == SATCHEL_OK)
        code = check_corrupt(db, err);
    if (code == SATCHEL_OK)
        code = prepare(db, sql, &stmt, err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_step(db, stmt, &row, err);
    if (code == SATCHEL_OK)
        *out = (uint64_t)sqlite3_column_int64(stmt, 0);
    return code;
}

int sat_index_count_matches(struct sat_index *index, const struct sat_query *query, uint64_t *out,
                            satchel_error *err)
{
    struct sat_sql sql;
    struct sat_index_conn *conn;
    int code = compile(index, query, true, &sql, err);
    if (code != SATCHEL_OK)
        return code;
    code = sat_index_acquire(index, &conn, err);
    if (code == SATCHEL_OK) {
        code = count_in(conn->db, &sql, out, err);
        sat_index_release(index, conn);
    }
    sat_sql_fini(&sql);
    return code;
}
