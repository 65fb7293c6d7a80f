/* The public query handle and the query behind it are one object under two names. */
#ifndef SAT_API_QUERY_HANDLE_H
#define SAT_API_QUERY_HANDLE_H

#include <satchel/query.h>

#include "query/query.h"

static inline const struct sat_query *sat_query_of_handle(const satchel_query *handle)
{
    return (const struct sat_query *)handle;
}

static inline satchel_query *sat_query_to_handle(struct sat_query *query)
{
    return (satchel_query *)query;
}

#endif
