/* A listing as one stream of rows: the loop over LIST (or BUCKET_LIST) pages. */
#ifndef SAT_CORE_LISTING_H
#define SAT_CORE_LISTING_H

#include <stdbool.h>
#include <stdint.h>

#include <satchel/types.h>

#include "core/op.h"

struct sat_listing;

/* One row; strings are borrowed until the next call. */
struct sat_listed {
    const char *key;  /* full key; BUCKET_LIST: the bucket's name */
    const char *etag; /* "" = not known */
    uint64_t size;
    int64_t mtime_ns;
    bool is_prefix;
};

/*
 * Starts a listing of `kind` (LIST or BUCKET_LIST) without a request. `prefix` is a full key
 * prefix; `delimiter` NULL = recursive. Both are copied. Close with sat_listing_close().
 */
int sat_listing_open(struct sat_conn *conn, enum sat_op_kind kind, const char *prefix,
                     const char *delimiter, struct sat_listing **listing, satchel_error *err);
/*
 * The next page, borrowed until the next call, or *page NULL at the end; the same stream as
 * sat_listing_next(), do not mix the two. Errors as there.
 */
int sat_listing_next_page(struct sat_listing *listing, const struct sat_page **page,
                          satchel_error *err);
/*
 * The next row, or *row NULL at the end. CORRUPT when the store hands out a page token that it
 * gave before: such a listing would never end; CANCELLED in a forked child, which
 * would read its parent's folders and use up its parent's tokens. After an error every call returns
 * that error.
 */
int sat_listing_next(struct sat_listing *listing, const struct sat_listed **row,
                     satchel_error *err);
/* NULL is fine. */
void sat_listing_close(struct sat_listing *listing);

#endif
