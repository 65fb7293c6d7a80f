/*
 * From a query to SQL over the tables of the record index:
 *     obj(oid INTEGER PRIMARY KEY, key TEXT UNIQUE, ...)   body(oid INTEGER PRIMARY KEY, body TEXT)
 *
 * The text calls two functions, which the opener of the database registers, with the bodies of
 * filter.h:
 *   sat_key(body, field)   DETERMINISTIC, INNOCUOUS: the key of the value as a BLOB, NULL when
 *                          missing. `field` goes through sat_field_init(), once a statement
 *                          (sqlite3_set_auxdata). INVALID fields raise an SQL error.
 *   sat_match(body, node)  0 or 1. `node` is bound with sqlite3_bind_pointer(), type
 *                          SAT_COMPILE_NODE_TYPE. A failure raises an SQL error; the function
 *                          leaves the satchel_error where the caller of sqlite3_step() finds it.
 *
 * A leaf on an indexed field becomes a comparison of sat_key(), which an expression index on the
 * text of sat_compile_index_expr() serves; everything else one sat_match() call for each subtree.
 */
#ifndef SAT_QUERY_COMPILE_H
#define SAT_QUERY_COMPILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <satchel/types.h>

#include "core/buf.h"
#include "core/vec.h"
#include "query/query.h"

#define SAT_COMPILE_NODE_TYPE "sat_node"

enum sat_bind_kind { SAT_BIND_INT, SAT_BIND_BLOB, SAT_BIND_NODE };

/* The value of the parameter ?N, N being its place in sat_sql.binds + 1. */
struct sat_bind {
    enum sat_bind_kind kind;
    int64_t integer;
    satchel_span blob; /* in the query, in the options, or in sat_sql.blobs */
    const struct sat_node *node;
};

/* The query and the options must outlive it. */
struct sat_sql {
    struct sat_buf text;
    struct sat_vec binds; /* struct sat_bind */
    struct sat_vec blobs; /* satchel_buf: bytes that binds point to */
};

struct sat_compile_options {
    /* What to select, from obj and body: "obj.oid, obj.key". Not used by count. */
    const char *columns;
    /* Adds a column for each sort field and one for the id, after `columns`: the row's place. */
    bool with_place;
    /* Fields that have an expression index, in canonical spelling (sat_field.name). */
    const char *const *indexed;
    size_t indexed_count;
    /*
     * Only rows after this place: what the added columns of an earlier row held, one for each sort
     * and the id; a span with NULL data is SQL NULL. The query's offset is not used then.
     */
    const satchel_span *after;
    size_t after_count;
    /* At most this many rows instead of the query's limit; 0: the query's limit. */
    int64_t rows;
};

/*
 * SELECT columns FROM body JOIN obj, filtered, in the query's order (missing values last in both
 * directions, then the id), with its limit and offset. *sql is initialised here; sat_sql_fini() on
 * success only. NOMEM, LIMIT; INVALID when after_count does not fit the query.
 */
int sat_compile_search(const struct sat_query *query, const struct sat_compile_options *options,
                       struct sat_sql *sql, satchel_error *err);

/* SELECT count(*) of the rows that match; sort, limit and offset do not count. */
int sat_compile_count(const struct sat_query *query, const struct sat_compile_options *options,
                      struct sat_sql *sql, satchel_error *err);

void sat_sql_fini(struct sat_sql *sql);
#define SAT_AUTO_SQL __attribute__((cleanup(sat_sql_fini)))

/*
 * Appends the expression that an index on `field` (canonical spelling) must have:
 *     CREATE INDEX name ON body(<this>)
 * Returns the buffer's code.
 */
int sat_compile_index_expr(const char *field, struct sat_buf *out);

#endif
