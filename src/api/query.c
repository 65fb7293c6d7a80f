/* The public query functions: argument checks, then the query layer. */
#include <satchel/query.h>

#include "api/query_handle.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/jscan.h"
#include "core/str.h"
#include "query/filter.h"
#include "query/parse.h"

/* Keys of values longer than this are refused: a record is far smaller. */
#define VALUE_MAX ((size_t)1 << 30)

typedef int parse_fn(satchel_span text, struct sat_query **query, satchel_error *err);

static int parse_with(parse_fn *parse, const char *text, satchel_query **query, satchel_error *err)
{
    if (text == NULL)
        return sat_error_set(err, SATCHEL_INVALID, "text is NULL");
    if (query == NULL)
        return sat_error_set(err, SATCHEL_INVALID, "query is NULL");
    struct sat_query *parsed = NULL;
    int rc = parse(sat_span_of(text), &parsed, err);
    if (rc == SATCHEL_OK)
        *query = sat_query_to_handle(parsed);
    return rc;
}

int satchel_query_parse_json(const char *text, satchel_query **query, satchel_error *err)
{
    return parse_with(sat_query_parse_json, text, query, err);
}

int satchel_query_parse_where(const char *text, satchel_query **query, satchel_error *err)
{
    return parse_with(sat_query_parse_where, text, query, err);
}

static int check_record(satchel_span record, satchel_error *err)
{
    int rc = sat_jscan_validate(record, NULL, err);
    if (rc != SATCHEL_OK) {
        sat_error_prefix(err, "record: ");
        return rc;
    }
    satchel_span fields;
    if (!sat_jscan_get(record, "fields", &fields) || sat_jscan_kind(fields) != SAT_JKIND_OBJECT)
        return sat_error_set(err, SATCHEL_INVALID,
                             "a record is an object with an object \"fields\"");
    return SATCHEL_OK;
}

int satchel_query_match(const satchel_query *query, satchel_span record, int *matched,
                        satchel_error *err)
{
    if (query == NULL)
        return sat_error_set(err, SATCHEL_INVALID, "query is NULL");
    if (matched == NULL)
        return sat_error_set(err, SATCHEL_INVALID, "matched is NULL");
    int rc = check_record(record, err);
    if (rc != SATCHEL_OK)
        return rc;
    SAT_AUTO_BUF struct sat_buf scratch;
    sat_buf_init(&scratch, VALUE_MAX);
    bool result = false;
    rc = sat_filter_match(sat_query_of_handle(query)->filter, record, &scratch, &result, err);
    if (rc == SATCHEL_OK)
        *matched = result ? 1 : 0;
    return rc;
}

void satchel_query_free(satchel_query *query)
{
    sat_query_free((struct sat_query *)query);
}
