/*
 * Matching one record against a filter, by scanning its text. SQL uses the same functions, as
 * `sat_match` and `sat_key`, so that the two evaluators share every rule about values.
 */
#ifndef SAT_QUERY_FILTER_H
#define SAT_QUERY_FILTER_H

#include <stdbool.h>

#include <satchel/types.h>

#include "core/buf.h"
#include "query/query.h"

/*
 * Sets *matched for `record`, a record's public form (doc.h) that has passed sat_jscan_validate().
 * `scratch` is the caller's buffer, reused from record to record (its content is lost); its maximum
 * bounds the key of one value. A NULL node matches everything.
 * LIMIT when a regex met a limit or a value's key outgrew `scratch`, NOMEM, CORRUPT; the text names
 * the record. *matched is set on success only: a failure is never "no match".
 */
int sat_filter_match(const struct sat_node *node, satchel_span record, struct sat_buf *scratch,
                     bool *matched, satchel_error *err);

/*
 * The body of the SQL function `sat_key(body, field)`: replaces the content of `out` by the key of
 * the value at `path`, empty when it is missing (SQL NULL). NOMEM, LIMIT.
 */
int sat_filter_key(satchel_span record, const struct sat_path *path, struct sat_buf *out,
                   satchel_error *err);

#endif
