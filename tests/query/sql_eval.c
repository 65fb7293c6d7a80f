/* A small SQLite database of records that evaluates compiled queries, for tests. */
#include "sql_eval.h"

#include <assert.h>
#include <sqlite3.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/str.h"
#include "query/filter.h"

struct sql_eval {
    sqlite3 *db;
    const char *const *indexed;
    size_t indexed_count;
    struct sat_buf scratch;
    satchel_error failure; /* of the last function call that failed */
};

static satchel_span text_of(sqlite3_value *value)
{
    const void *text = sqlite3_value_text(value);
    return (satchel_span){text, (size_t)sqlite3_value_bytes(value)};
}

static void free_field(void *data)
{
    sat_field_fini(data);
    sat_free(data);
}

static struct sat_field *field_of(sqlite3_context *context, sqlite3_value *name)
{
    struct sat_field *field = sat_malloc(sizeof *field);
    assert(field != NULL);
    if (sat_field_init(text_of(name), field, NULL) == SATCHEL_OK)
        return field;
    sat_free(field);
    sqlite3_result_error(context, "bad field", -1);
    return NULL;
}

static void sql_key(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    struct sql_eval *eval = sqlite3_user_data(context);
    struct sat_field *field = sqlite3_get_auxdata(context, 1);
    bool made = field == NULL;
    if (made)
        field = field_of(context, argv[1]);
    if (field == NULL)
        return;
    int rc = sat_filter_key(text_of(argv[0]), &field->path, &eval->scratch, &eval->failure);
    if (rc != SATCHEL_OK)
        sqlite3_result_error(context, "sat_key failed", -1);
    else if (eval->scratch.len > 0)
        sqlite3_result_blob(context, eval->scratch.data, (int)eval->scratch.len, SQLITE_TRANSIENT);
    if (made)
        sqlite3_set_auxdata(context, 1, field, free_field);
}

static void sql_match(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    (void)argc;
    struct sql_eval *eval = sqlite3_user_data(context);
    const struct sat_node *node = sqlite3_value_pointer(argv[1], SAT_COMPILE_NODE_TYPE);
    assert(node != NULL);
    bool matched = false;
    int rc = sat_filter_match(node, text_of(argv[0]), &eval->scratch, &matched, &eval->failure);
    if (rc != SATCHEL_OK)
        sqlite3_result_error(context, "sat_match failed", -1);
    else
        sqlite3_result_int(context, matched);
}

static void run(struct sql_eval *eval, const char *text)
{
    int rc = sqlite3_exec(eval->db, text, NULL, NULL, NULL);
    assert(rc == SQLITE_OK);
    (void)rc;
}

static void add_index(struct sql_eval *eval, size_t i)
{
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, 10000);
    (void)sat_buf_addf(&text, "CREATE INDEX body_%zu ON body(", i);
    (void)sat_compile_index_expr(eval->indexed[i], &text);
    (void)sat_buf_add_str(&text, ")");
    run(eval, sat_buf_str(&text));
}

struct sql_eval *sql_eval_open(const char *const *indexed, size_t indexed_count)
{
    struct sql_eval *eval = sat_calloc(1, sizeof *eval);
    assert(eval != NULL);
    eval->indexed = indexed;
    eval->indexed_count = indexed_count;
    sat_buf_init(&eval->scratch, SAT_BUF_MAX_TEXT);
    int rc = sqlite3_open(":memory:", &eval->db);
    assert(rc == SQLITE_OK);
    rc = sqlite3_create_function(eval->db, "sat_key", 2,
                                 SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, eval,
                                 sql_key, NULL, NULL);
    assert(rc == SQLITE_OK);
    rc =
        sqlite3_create_function(eval->db, "sat_match", 2, SQLITE_UTF8, eval, sql_match, NULL, NULL);
    assert(rc == SQLITE_OK);
    (void)rc;
    run(eval, "PRAGMA trusted_schema=OFF;"
              "CREATE TABLE obj(oid INTEGER PRIMARY KEY, key TEXT UNIQUE);"
              "CREATE TABLE body(oid INTEGER PRIMARY KEY, body TEXT)");
    for (size_t i = 0; i < indexed_count; i++)
        add_index(eval, i);
    return eval;
}

void sql_eval_close(struct sql_eval *eval)
{
    int rc = sqlite3_close(eval->db);
    assert(rc == SQLITE_OK);
    (void)rc;
    sat_buf_fini(&eval->scratch);
    sat_free(eval);
}

static sqlite3_stmt *prepare(struct sql_eval *eval, const char *text)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(eval->db, text, -1, &statement, NULL);
    assert(rc == SQLITE_OK);
    (void)rc;
    return statement;
}

static void insert(struct sql_eval *eval, const char *text, const char *value)
{
    sqlite3_stmt *statement = prepare(eval, text);
    sqlite3_bind_text(statement, 1, value, -1, SQLITE_STATIC);
    int rc = sqlite3_step(statement);
    assert(rc == SQLITE_DONE);
    (void)rc;
    sqlite3_finalize(statement);
}

void sql_eval_add(struct sql_eval *eval, const char *id, const char *record)
{
    SAT_AUTO_FREE char *key = sat_strf("records/%s.json", id);
    insert(eval, "INSERT INTO obj(key) VALUES (?)", key);
    insert(eval, "INSERT INTO body(oid, body) VALUES (last_insert_rowid(), ?)", record);
}

static void bind_one(sqlite3_stmt *statement, int number, const struct sat_bind *bind)
{
    switch (bind->kind) {
    case SAT_BIND_INT:
        sqlite3_bind_int64(statement, number, bind->integer);
        break;
    case SAT_BIND_BLOB:
        if (bind->blob.data != NULL)
            sqlite3_bind_blob(statement, number, bind->blob.data, (int)bind->blob.len,
                              SQLITE_STATIC);
        break;
    default:
        sqlite3_bind_pointer(statement, number, (void *)(uintptr_t)bind->node,
                             SAT_COMPILE_NODE_TYPE, NULL);
        break;
    }
}

static sqlite3_stmt *prepare_bound(struct sql_eval *eval, const char *before,
                                   const struct sat_sql *sql)
{
    SAT_AUTO_FREE char *text = sat_strf("%s%s", before, sat_buf_str(&sql->text));
    sqlite3_stmt *statement = prepare(eval, text);
    for (size_t i = 0; i < sql->binds.len; i++)
        bind_one(statement, (int)i + 1, sat_vec_at(&sql->binds, i));
    return statement;
}

/* Where a page ended: owned copies of the place's columns. */
struct place {
    satchel_span *keys;
    size_t count;
};

static void place_clear(struct place *place)
{
    for (size_t i = 0; i < place->count; i++)
        sat_free((void *)(uintptr_t)place->keys[i].data);
    sat_free(place->keys);
    *place = (struct place){0};
}

static void place_take(struct place *place, sqlite3_stmt *statement)
{
    place_clear(place);
    place->count = (size_t)sqlite3_column_count(statement) - 1;
    place->keys = sat_calloc(place->count, sizeof place->keys[0]);
    assert(place->keys != NULL);
    for (size_t i = 0; i < place->count; i++) {
        int column = (int)i + 1;
        if (sqlite3_column_type(statement, column) == SQLITE_NULL)
            continue;
        size_t len = (size_t)sqlite3_column_bytes(statement, column);
        place->keys[i] =
            (satchel_span){sat_strndup(sqlite3_column_blob(statement, column), len), len};
    }
}

static void take_id(sqlite3_stmt *statement, struct sat_vec *ids)
{
    const char *key = (const char *)sqlite3_column_text(statement, 0);
    size_t before = strlen("records/");
    char *id = sat_strndup(key + before, strlen(key) - before - strlen(".json"));
    const void *pushed = sat_vec_push(ids, &id);
    assert(pushed != NULL);
    (void)pushed;
}

static int one_page(struct sql_eval *eval, const struct sat_query *query,
                    const struct sat_compile_options *options, struct place *place,
                    struct sat_vec *ids)
{
    struct sat_sql sql;
    int rc = sat_compile_search(query, options, &sql, &eval->failure);
    if (rc != SATCHEL_OK)
        return rc;
    sqlite3_stmt *statement = prepare_bound(eval, "", &sql);
    struct place reached = {0};
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        take_id(statement, ids);
        place_take(&reached, statement);
    }
    sqlite3_finalize(statement);
    sat_sql_fini(&sql);
    place_clear(place);
    *place = reached;
    return rc == SQLITE_DONE ? SATCHEL_OK : eval->failure.code;
}

static struct sat_compile_options options_of(const struct sql_eval *eval)
{
    return (struct sat_compile_options){
        .columns = "obj.key",
        .with_place = true,
        .indexed = eval->indexed,
        .indexed_count = eval->indexed_count,
    };
}

int sql_eval_search(struct sql_eval *eval, const struct sat_query *query, int64_t page,
                    struct sat_vec *ids, satchel_error *err)
{
    struct sat_compile_options options = options_of(eval);
    struct place place = {0};
    int rc;
    sat_vec_init(ids, sizeof(char *));
    for (;;) {
        size_t before = ids->len;
        bool limited = query->limit >= 0;
        int64_t left = limited ? query->limit - (int64_t)ids->len : INT64_MAX;
        options.rows = page > 0 && page < left ? page : limited && page > 0 ? left : 0;
        options.after = place.keys;
        options.after_count = place.count;
        rc = one_page(eval, query, &options, &place, ids);
        bool more = page > 0 && (int64_t)(ids->len - before) == page && page < left;
        if (rc != SATCHEL_OK || !more)
            break;
    }
    place_clear(&place);
    if (rc != SATCHEL_OK)
        (void)sat_error_copy(err, &eval->failure);
    return rc;
}

int sql_eval_count(struct sql_eval *eval, const struct sat_query *query, int64_t *count,
                   satchel_error *err)
{
    struct sat_compile_options options = options_of(eval);
    struct sat_sql sql;
    int rc = sat_compile_count(query, &options, &sql, err);
    if (rc != SATCHEL_OK)
        return rc;
    sqlite3_stmt *statement = prepare_bound(eval, "", &sql);
    rc = sqlite3_step(statement) == SQLITE_ROW ? SATCHEL_OK : eval->failure.code;
    if (rc == SATCHEL_OK)
        *count = sqlite3_column_int64(statement, 0);
    else
        (void)sat_error_copy(err, &eval->failure);
    sqlite3_finalize(statement);
    sat_sql_fini(&sql);
    return rc;
}

char *sql_eval_plan(struct sql_eval *eval, const struct sat_query *query)
{
    struct sat_compile_options options = options_of(eval);
    struct sat_sql sql;
    int rc = sat_compile_search(query, &options, &sql, NULL);
    assert(rc == SATCHEL_OK);
    (void)rc;
    sqlite3_stmt *statement = prepare_bound(eval, "EXPLAIN QUERY PLAN ", &sql);
    struct sat_buf lines;
    sat_buf_init(&lines, 100000);
    while (sqlite3_step(statement) == SQLITE_ROW)
        (void)sat_buf_addf(&lines, "%s\n", (const char *)sqlite3_column_text(statement, 3));
    sqlite3_finalize(statement);
    sat_sql_fini(&sql);
    return sat_buf_take(&lines, NULL);
}

void sql_eval_free_ids(struct sat_vec *ids)
{
    for (size_t i = 0; i < ids->len; i++) {
        char **id = sat_vec_at(ids, i);
        sat_free(*id);
    }
    sat_vec_fini(ids);
}
