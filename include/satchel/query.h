/*
 * Queries over records: parsing them from text, and matching a record in memory.
 *
 * A query has a filter (conditions under AND, OR and NOT), a sort order, a limit, an offset and a
 * projection. Operators, their names in any case and with space, `_` or nothing between words:
 *
 *     =  !=  >  >=  <  <=  in  not_in  like  not_like  regex  starts_with  exists  not_exists
 *     between  not_between  contains  is_null
 *
 * A condition is true or false, never unknown: on a field that is missing or null only not_exists
 * and is_null are true. Values of different kinds (null, boolean, number, timestamp, string, array,
 * object) are never equal and never ordered. A string that is an RFC 3339 timestamp is a timestamp,
 * ordered by instant.
 *
 * Fields are paths: `address.city`, `items[0]`, or a JSON Pointer (`/a.b/c`). `id` is the record's
 * id and `metadata.x` is in its metadata; everything else, and every JSON Pointer, is below the
 * record's fields: `/metadata` is the field of that name.
 */
#ifndef SATCHEL_QUERY_H
#define SATCHEL_QUERY_H

#include <satchel/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A parsed query. Never changed after parsing: any number of threads may use one. */
typedef struct satchel_query satchel_query;

/**
 * Parses a query in JSON:
 *
 *     {"filters": [{"field": "age", "operator": ">=", "value": 30}],
 *      "condition": {"or": [{"field": "city", "operator": "=", "value": "Oslo"},
 *                           {"not": {"field": "active", "operator": "exists"}}]},
 *      "sort": [{"field": "name", "order": "desc"}], "limit": 10, "offset": 0,
 *      "fields": ["name", "age"]}
 *
 * Every key is optional; the filters and the condition all have to hold. A condition is a filter,
 * `{"and": [...]}`, `{"or": [...]}`, `{"not": ...}`, or one of the forms that the Python package
 * dataknobs-data writes (`{"type": "logic", ...}`, `{"type": "filter", ...}`).
 *
 * @param text  the query, UTF-8, at most 1 MiB
 * @param query set on success; owned by the caller, satchel_query_free()
 * @param err   what is wrong and where; may be NULL
 * @return SATCHEL_OK; SATCHEL_INVALID for bad JSON, an unknown key or operator (the nearest known
 *         one is named) or a value that does not fit its operator; SATCHEL_LIMIT for a query nested
 *         more than 64 deep or with more than 4,096 conditions or 10,000 values, and for a pattern
 *         over 4 KiB; SATCHEL_NOMEM
 */
SATCHEL_API int satchel_query_parse_json(const char *text, satchel_query **query,
                                         satchel_error *err);

/**
 * Parses a query in the style of SQL's WHERE:
 *
 *     name LIKE 'a%' AND (age >= 30 OR NOT city IN ('Rome', 'Oslo')) ORDER BY age DESC LIMIT 5
 *
 * Conditions: `field = value` (`== != <> < <= > >=`, `~` for a regular expression), `field [NOT] IN
 * (value, ...)`, `[NOT] LIKE 'text'`, `[NOT] BETWEEN value AND value`, `REGEX 'text'`, `STARTS WITH
 * 'text'`, `CONTAINS value`, `IS [NOT] NULL`, `[NOT] EXISTS`, also `EXISTS field`. Values: 'text'
 * (two quotes for one), a JSON number, TRUE, FALSE, NULL. Fields with other characters than
 * letters, digits and `_ - . [ ] $ @`, and keywords, go in double quotes. ORDER BY, LIMIT and
 * OFFSET may follow. Empty text matches every record.
 *
 * Parameters and codes as for satchel_query_parse_json(); errors name the byte and the word.
 */
SATCHEL_API int satchel_query_parse_where(const char *text, satchel_query **query,
                                          satchel_error *err);

/**
 * Whether a record passes the query's filter. Sort, limit, offset and projection do not count.
 *
 * @param query   a parsed query
 * @param record  one record, a JSON object with `fields` and optional `id` and `metadata`, UTF-8
 * @param matched set to 1 or 0 on success, else left alone: a failure is never "no match"
 * @param err     may be NULL
 * @return SATCHEL_OK; SATCHEL_INVALID when the record is no JSON object with an object `fields`;
 *         SATCHEL_LIMIT when a regular expression met its limit (the record is named);
 *         SATCHEL_NOMEM
 */
SATCHEL_API int satchel_query_match(const satchel_query *query, satchel_span record, int *matched,
                                    satchel_error *err);

/** Frees a query. NULL is fine. */
SATCHEL_API void satchel_query_free(satchel_query *query);

#ifdef __cplusplus
}
#endif

#endif /* SATCHEL_QUERY_H */
