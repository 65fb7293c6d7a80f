/* Short ways to make queries and match records in tests. */
#ifndef SAT_TESTS_QUERY_QUERIES_H
#define SAT_TESTS_QUERY_QUERIES_H

#include "support/test.h"

#include "core/alloc.h"
#include "core/buf.h"
#include "core/jscan.h"
#include "core/str.h"
#include "query/filter.h"
#include "query/parse.h"

static inline struct sat_query *query_of_json(const char *text)
{
    struct sat_query *query = NULL;
    satchel_error err = {0};
    if (sat_query_parse_json(sat_span_of(text), &query, &err) != SATCHEL_OK)
        fail_msg("%s: %s", text, err.text);
    return query;
}

static inline struct sat_query *query_of_where(const char *text)
{
    struct sat_query *query = NULL;
    satchel_error err = {0};
    if (sat_query_parse_where(sat_span_of(text), &query, &err) != SATCHEL_OK)
        fail_msg("%s: %s", text, err.text);
    return query;
}

/* The code of a query that must not parse. */
static inline int json_error(const char *text, satchel_error *err)
{
    struct sat_query *query = NULL;
    int rc = sat_query_parse_json(sat_span_of(text), &query, err);
    assert_null(query);
    return rc;
}

static inline int where_error(const char *text, satchel_error *err)
{
    struct sat_query *query = NULL;
    int rc = sat_query_parse_where(sat_span_of(text), &query, err);
    assert_null(query);
    return rc;
}

static inline bool query_matches(const struct sat_query *query, const char *record)
{
    struct sat_buf scratch;
    sat_buf_init(&scratch, SAT_BUF_MAX_TEXT);
    bool matched = false;
    satchel_error err = {0};
    assert_int_equal(sat_jscan_validate(sat_span_of(record), NULL, NULL), SATCHEL_OK);
    if (sat_filter_match(query->filter, sat_span_of(record), &scratch, &matched, &err) != 0)
        fail_msg("%s", err.text);
    sat_buf_fini(&scratch);
    return matched;
}

/* Whether a record with these fields (JSON members) passes the WHERE text. */
static inline bool passes(const char *members, const char *where)
{
    char *record =
        sat_strf("{\"id\":\"r1\",\"version\":1,\"fields\":{%s},\"metadata\":{}}", members);
    struct sat_query *query = query_of_where(where);
    bool matched = query_matches(query, record);
    sat_query_free(query);
    sat_free(record);
    return matched;
}

#endif
