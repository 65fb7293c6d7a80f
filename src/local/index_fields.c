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

static int create_field(struct sat_sqlite *db, const char *field, char name[FIELD_INDEX_SIZE],
                        satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf expression;
    SAT_AUTO_BUF struct sat_buf sql;
    sat_buf_init(&expression, SAT_BUF_MAX_TEXT);
    sat_buf_init(&sql, SAT_BUF_MAX_TEXT);
    int code = sat_compile_index_expr(field, &expression);
    if (code == SATCHEL_OK) {
        index_name(sat_buf_str(&expression), name);
        code = sat_buf_addf(&sql, "CREATE INDEX IF NOT EXISTS %s ON body(%s)", name,
                            sat_buf_str(&expression));
    }
    if (code != SATCHEL_OK)
        return sat_buf_check(expression.failed != SATCHEL_OK ? &expression : &sql, "index field",
                             err);
    return sat_sqlite_exec(db, sat_buf_str(&sql), err);
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

static int match_indexes(struct sat_sqlite *db, const struct sat_vec *fields, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf wanted;
    SAT_AUTO_BUF struct sat_buf plan;
    sat_buf_init(&wanted, SAT_BUF_MAX_TEXT);
    sat_buf_init(&plan, SAT_BUF_MAX_TEXT);
    int code = create_all(db, fields, &wanted, err);
    if (code == SATCHEL_OK)
        code = plan_drops(db, sat_buf_str(&wanted), &plan, err);
    return code == SATCHEL_OK ? sat_sqlite_exec(db, sat_buf_str(&plan), err) : code;
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
    sat_vec_init(&names, sizeof(char *));
    int code = canonical(paths, count, &names, err);
    if (code == SATCHEL_OK)
        code = sat_index_txn_begin(index, 0, &txn, err);
    if (code == SATCHEL_OK) {
        code = match_indexes(txn.conn->db, &names, err);
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
