/* A small SQLite database of records that evaluates compiled queries, for tests. */
#ifndef SAT_TESTS_QUERY_SQL_EVAL_H
#define SAT_TESTS_QUERY_SQL_EVAL_H

#include <stdbool.h>
#include <stddef.h>

#include <satchel/types.h>

#include "core/vec.h"
#include "query/compile.h"
#include "query/query.h"

struct sql_eval;

/* An empty database; indexes sat_key() of each of these fields (canonical spelling). */
struct sql_eval *sql_eval_open(const char *const *indexed, size_t indexed_count);
void sql_eval_close(struct sql_eval *eval);

/* Adds one record in public form; its key is "records/" + id + ".json". */
void sql_eval_add(struct sql_eval *eval, const char *id, const char *record);

/*
 * The ids (owned char *) that the query gives, in order, into `ids`; on failure the code and *err
 * of the failed function. `page` rows at a time through places, or 0 for one statement.
 */
int sql_eval_search(struct sql_eval *eval, const struct sat_query *query, int64_t page,
                    struct sat_vec *ids, satchel_error *err);
int sql_eval_count(struct sql_eval *eval, const struct sat_query *query, int64_t *count,
                   satchel_error *err);

/* EXPLAIN QUERY PLAN of the search, lines joined by '\n'; owned. */
char *sql_eval_plan(struct sql_eval *eval, const struct sat_query *query);

void sql_eval_free_ids(struct sat_vec *ids);

#endif
