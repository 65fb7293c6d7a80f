/* Declared fields: expression indexes in the database that match the caller's list. */
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/crc.h"
#include "core/error.h"
#include "core/str.h"
#include "index_private.h"
#include "query/compile.h"
#include "query/query.h"

void sat_index_fields_fini(struct sat_vec *fields)
{
    for (size_t i = 0; i < fields->len; i++)
        sat_free(*(char **)sat_vec_at(fields, i));
    sat_vec_fini(fields);
}

/* The canonical names, so that texts compare; the caller frees them. */
static int canonical(const char *const *paths, size_t count, struct sat_vec *names,
                     satchel_error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct sat_field field;
        int code = sat_field_init(sat_span_of(paths[i]), &field, err);
        if (code != SATCHEL_OK)
            return code;
        char *name = sat_strdup(field.name);
        sat_field_fini(&field);
        if (name == NULL || sat_vec_push(names, &name) == NULL) {
            sat_free(name);
            return sat_error_nomem(err);
        }
    }
    return SATCHEL_OK;
}

enum { FIELD_INDEX_SIZE = 24 }; /* "field_" and 16 hex digits */

static void index_name(const char *expression, char out[FIELD_INDEX_SIZE])
{
    char hex[SAT_CRC64_HEX_SIZE];
    sat_crc64_hex(sat_crc64(0, expression, strlen(expression)), hex);
    (void)snprintf(out, FIELD_INDEX_SIZE, "field_%s", hex);
}

/* The index of a field: its name and the expression in it. */
static int describe(const char *field, char name[FIELD_INDEX_SIZE], struct sat_buf *expression,
                    satchel_error *err)
{
    if (sat_compile_index_expr(field, expression) != SATCHEL_OK)
        return sat_buf_check(expression, "index field", err);
    index_name(sat_buf_str(expression), name);
    return SATCHEL_OK;
}

static int create_field(struct sat_sqlite *db, const char *field, char name[FIELD_INDEX_SIZE],
                        satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf expression;
    SAT_AUTO_BUF struct sat_buf sql;
    sat_buf_init(&expression, SAT_BUF_MAX_TEXT);
    sat_buf_init(&sql, SAT_BUF_MAX_TEXT);
    int code = describe(field, name, &expression, err);
    if (code != SATCHEL_OK)
        return code;
    if (sat_buf_addf(&sql, "CREATE INDEX IF NOT EXISTS %s ON body(%s)", name,
                     sat_buf_str(&expression)) != SATCHEL_OK)
        return sat_buf_check(&sql, "index field", err);
    return sat_sqlite_exec(db, sat_buf_str(&sql), err);
}

static bool has_field(struct sat_sqlite *db, const char *field)
{
    SAT_AUTO_BUF struct sat_buf expression;
    SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
    char name[FIELD_INDEX_SIZE];
    bool row = false;
    sat_buf_init(&expression, SAT_BUF_MAX_TEXT);
    int code = describe(field, name, &expression, NULL);
    if (code == SATCHEL_OK)
        code = sat_sqlite_prepare(
            db, "SELECT 1 FROM sqlite_schema WHERE type = 'index' AND name = ?1", &stmt, NULL);
    if (code == SATCHEL_OK)
        code = sat_sqlite_bind(db, stmt, NULL, "t", name);
    if (code == SATCHEL_OK)
        code = sat_sqlite_step(db, stmt, &row, NULL);
    return code == SATCHEL_OK && row;
}

/* Appends "DROP INDEX" for each field index that is not in `wanted` ("|field_...|field_...|"). */
static int plan_drops(struct sat_sqlite *db, const char *wanted, struct sat_buf *plan,
                      satchel_error *err)
{
    SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
    bool row = false;
    int code = sat_sqlite_prepare(db,
                                  "SELECT name FROM sqlite_schema WHERE type = 'index'"
                                  " AND name GLOB 'field_*' AND instr(?1, '|' || name || '|') = 0",
                                  &stmt, err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_bind(db, stmt, err, "t", wanted);
    if (code == SATCHEL_OK)
        code = sat_sqlite_step(db, stmt, &row, err);
    while (code == SATCHEL_OK && row) {
        (void)sat_buf_addf(plan, "DROP INDEX %s;", sat_sqlite_text(stmt, 0));
        code = sat_sqlite_step(db, stmt, &row, err);
    }
    return code == SATCHEL_OK ? sat_buf_check(plan, "index fields", err) : code;
}

/* Creates what is missing; the names of all go to `wanted`. */
static int create_all(struct sat_sqlite *db, const struct sat_vec *fields, struct sat_buf *wanted,
                      satchel_error *err)
{
    int code = SATCHEL_OK;
    (void)sat_buf_add_char(wanted, '|');
    for (size_t i = 0; i < fields->len && code == SATCHEL_OK; i++) {
        char name[FIELD_INDEX_SIZE];
        code = create_field(db, *(char **)sat_vec_at(fields, i), name, err);
        if (code == SATCHEL_OK)
            (void)sat_buf_addf(wanted, "%s|", name);
    }
    return code == SATCHEL_OK ? sat_buf_check(wanted, "index fields", err) : code;
}

int sat_index_fields_prune(struct sat_index *index, struct sat_sqlite *db, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf wanted;
    SAT_AUTO_BUF struct sat_buf plan;
    sat_buf_init(&wanted, SAT_BUF_MAX_TEXT);
    sat_buf_init(&plan, SAT_BUF_MAX_TEXT);
    SAT_LOCKED(&index->lock);
    int code = create_all(db, &index->locked.fields, &wanted, err);
    if (code == SATCHEL_OK)
        code = plan_drops(db, sat_buf_str(&wanted), &plan, err);
    return code == SATCHEL_OK ? sat_sqlite_exec(db, sat_buf_str(&plan), err) : code;
}

/* Whether every field has its index; false on any trouble. Takes no write lock. */
static bool has_all(struct sat_index *index, const struct sat_vec *fields)
{
    struct sat_index_conn *conn;
    bool all = true;
    if (sat_index_acquire(index, &conn, NULL) != SATCHEL_OK)
        return false;
    for (size_t i = 0; i < fields->len && all; i++)
        all = has_field(conn->db, *(char **)sat_vec_at(fields, i));
    sat_index_release(index, conn);
    return all;
}

int sat_index_fields_ensure(struct sat_index *index, struct sat_sqlite *db, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf wanted;
    sat_buf_init(&wanted, SAT_BUF_MAX_TEXT);
    SAT_LOCKED(&index->lock);
    return create_all(db, &index->locked.fields, &wanted, err);
}

int sat_index_set_fields(struct sat_index *index, const char *const *paths, size_t count,
                         satchel_error *err)
{
    struct sat_index_txn txn;
    struct sat_vec names;
    bool missing = false;
    sat_vec_init(&names, sizeof(char *));
    int code = canonical(paths, count, &names, err);
    if (code == SATCHEL_OK)
        missing = !has_all(index, &names);
    if (code == SATCHEL_OK && missing)
        code = sat_index_txn_begin(index, 0, &txn, err);
    if (code == SATCHEL_OK && missing) {
        SAT_AUTO_BUF struct sat_buf wanted;
        sat_buf_init(&wanted, SAT_BUF_MAX_TEXT);
        code = create_all(txn.conn->db, &names, &wanted, err);
        code = sat_index_txn_end(&txn, code, err);
    }
    if (code == SATCHEL_OK) {
        SAT_LOCKED(&index->lock);
        struct sat_vec former = index->locked.fields;
        index->locked.fields = names;
        names = former;
    }
    sat_index_fields_fini(&names);
    return code;
}
