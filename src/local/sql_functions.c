/* The SQL functions sat_key and sat_match: thin wrappers over src/query, so that SQL, filter and
 * expression index share one rule about values. */
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/error.h"
#include "query/compile.h"
#include "query/filter.h"
#include "query/query.h"
#include "sql.h"

enum { FIELD_ARGUMENT = 1 };

static satchel_span value_span(sqlite3_value *value)
{
    const void *data = sqlite3_value_text(value);
    return (satchel_span){.data = data, .len = (size_t)sqlite3_value_bytes(value)};
}

/* Leaves the failure where sat_sqlite_fail() finds it; SQLite itself carries only a text. */
static void fail(sqlite3_context *context, struct sat_sqlite *db, const satchel_error *failure)
{
    db->failure = *failure;
    sqlite3_result_error(context, failure->text, -1);
}

static void free_field(void *field)
{
    sat_field_fini(field);
    sat_free(field);
}

/* The parsed field argument, parsed once a statement where SQLite keeps it for us. */
static struct sat_field *parse_field(sqlite3_context *context, sqlite3_value *value,
                                     satchel_error *err)
{
    struct sat_field *field = sat_calloc(1, sizeof *field);
    if (field == NULL) {
        sat_error_nomem(err);
        return NULL;
    }
    if (sat_field_init(value_span(value), field, err) != SATCHEL_OK) {
        sat_free(field);
        return NULL;
    }
    sqlite3_set_auxdata(context, FIELD_ARGUMENT, field, free_field);
    /* SQLite may have freed it at once (out of memory, not a constant): ask for it again. */
    struct sat_field *kept = sqlite3_get_auxdata(context, FIELD_ARGUMENT);
    if (kept == NULL)
        sat_error_nomem(err);
    return kept;
}

static void sql_key(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    struct sat_sqlite *db = sqlite3_user_data(context);
    satchel_error failure;
    struct sat_field *field = sqlite3_get_auxdata(context, FIELD_ARGUMENT);
    if (field == NULL)
        field = parse_field(context, values[FIELD_ARGUMENT], &failure);
    if (field == NULL) {
        fail(context, db, &failure);
        return;
    }
    if (sat_filter_key(value_span(values[0]), &field->path, &db->scratch, &failure) != SATCHEL_OK) {
        fail(context, db, &failure);
        return;
    }
    if (db->scratch.len == 0)
        sqlite3_result_null(context);
    else
        sqlite3_result_blob64(context, db->scratch.data, db->scratch.len, SQLITE_TRANSIENT);
}

static void sql_match(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    struct sat_sqlite *db = sqlite3_user_data(context);
    satchel_error failure;
    const struct sat_node *node = sqlite3_value_pointer(values[1], SAT_COMPILE_NODE_TYPE);
    bool matched = false;
    if (sat_filter_match(node, value_span(values[0]), &db->scratch, &matched, &failure) !=
        SATCHEL_OK)
        fail(context, db, &failure);
    else
        sqlite3_result_int(context, matched ? 1 : 0);
}

int sat_sqlite_register(struct sat_sqlite *db, satchel_error *err)
{
    int pure = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    sat_buf_init(&db->scratch, SAT_BUF_MAX_TEXT);
    if (sqlite3_create_function_v2(db->raw, "sat_key", 2, pure, db, sql_key, NULL, NULL, NULL) !=
        SQLITE_OK)
        return sat_sqlite_fail(db, "registering sat_key", err);
    if (sqlite3_create_function_v2(db->raw, "sat_match", 2, pure, db, sql_match, NULL, NULL,
                                   NULL) != SQLITE_OK)
        return sat_sqlite_fail(db, "registering sat_match", err);
    return SATCHEL_OK;
}
