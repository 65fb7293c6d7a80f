/*
 * The two text front ends of a query. Both give a query that sat_query_check() has accepted; free
 * it with sat_query_free(). Errors: INVALID naming the place, LIMIT, NOMEM.
 *
 * JSON:
 *     {"filters": [CONDITION, ...], "condition": CONDITION,
 *      "sort": [{"field": "name", "order": "asc"}, ...],
 *      "limit": 10, "offset": 0, "fields": ["name", ...]}
 * All keys are optional and may be null; an unknown key is INVALID with the nearest known one. The
 * filters and the condition all have to hold. A CONDITION is one of
 *     {"field": "age", "operator": ">", "value": 30}
 *     {"and": [CONDITION, ...]}   {"or": [CONDITION, ...]}   {"not": CONDITION}
 * or, as dataknobs writes them,
 *     {"type": "filter", "filter": {"field", "operator", "value"}}
 *     {"type": "logic", "operator": "and" | "or" | "not", "conditions": [CONDITION, ...]}
 * where "not" of several means that none holds.
 *
 * WHERE text, keywords in any case:
 *     name = 'Alice' AND (age >= 30 OR NOT city IN ('Rome', 'Oslo')) ORDER BY age DESC LIMIT 5
 *     query      [WHERE] [expression] [ORDER BY field [ASC|DESC], ...] [LIMIT n] [OFFSET n]
 *     expression conditions with NOT, AND, OR (binding in this order) and parentheses
 *     condition  field = == != <> < <= > >= ~ value | field [NOT] IN (value, ...)
 *                field [NOT] LIKE 'text' | field [NOT] BETWEEN value AND value
 *                field REGEX 'text' | field STARTS WITH 'text' | field CONTAINS value
 *                field IS [NOT] NULL | field [NOT] EXISTS | [NOT] EXISTS field
 *     field      a path of letters, digits and _ - . [ ] $ @ (address.city, items[0]), or a JSON
 *                Pointer (/a/b); in double quotes, with "" for one, a path of any characters.
 * Quoted and bare parts may touch: address."post code" value      'text' with '' for one quote, a
 * JSON number, TRUE, FALSE, NULL It is two-valued (query.h), so `x != 1` and `NOT x = 1` differ
 * where x is missing.
 */
#ifndef SAT_QUERY_PARSE_H
#define SAT_QUERY_PARSE_H

#include <satchel/types.h>

#include "query/query.h"

int sat_query_parse_json(satchel_span text, struct sat_query **query, satchel_error *err);
int sat_query_parse_where(satchel_span text, struct sat_query **query, satchel_error *err);

#endif
