/*
 * The loop over the pages of a listing, in constant memory.
 *
 * A token that comes back is found without keeping all of them: one is kept, and replaced after
 * 1, 2, 4, 8, ... pages (Brent). A store that repeats its token at once is caught at once.
 */
#include "core/listing.h"

#include "core/alloc.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/str.h"

struct sat_listing {
    struct sat_op op;
    unsigned generation; /* of the process that lists */
    char *prefix;
    char *delimiter;
    size_t at; /* next row of the page */
    bool begun;
    char *token;      /* of the next page; NULL = this is the last one */
    char *kept_token; /* one given out before */
    uint64_t steps;   /* pages since it was kept */
    uint64_t keep_for;
    struct sat_listed row;
    satchel_error failed;
};

int sat_listing_open(struct sat_conn *conn, enum sat_op_kind kind, const char *prefix,
                     const char *delimiter, struct sat_listing **listing, satchel_error *err)
{
    struct sat_listing *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    made->op.kind = kind;
    made->op.conn = conn;
    made->generation = sat_fork_generation();
    made->keep_for = 1;
    made->prefix = sat_strdup(prefix);
    made->delimiter = delimiter == NULL ? NULL : sat_strdup(delimiter);
    if (made->prefix == NULL || (delimiter != NULL && made->delimiter == NULL)) {
        sat_listing_close(made);
        return sat_error_nomem(err);
    }
    made->op.list.prefix = made->prefix;
    made->op.list.delimiter = made->delimiter;
    *listing = made;
    return SATCHEL_OK;
}

void sat_listing_close(struct sat_listing *listing)
{
    if (listing == NULL)
        return;
    sat_op_fini(&listing->op);
    sat_free(listing->prefix);
    sat_free(listing->delimiter);
    sat_free(listing->token);
    sat_free(listing->kept_token);
    sat_free(listing);
}

/* Takes the page's token over, after looking whether it was seen before. */
static int take_token(struct sat_listing *listing, satchel_error *err)
{
    sat_free(listing->token);
    listing->token = listing->op.page.next;
    listing->op.page.next = NULL;
    if (listing->token == NULL)
        return SATCHEL_OK;
    if (listing->kept_token != NULL && sat_str_eq(listing->kept_token, listing->token))
        return sat_error_set(err, SATCHEL_CORRUPT,
                             "listing '%s': the store repeats a page token, the list has no end",
                             listing->prefix);
    if (listing->kept_token != NULL && ++listing->steps < listing->keep_for)
        return SATCHEL_OK;
    sat_free(listing->kept_token);
    listing->kept_token = sat_strdup(listing->token);
    listing->keep_for *= 2;
    listing->steps = 0;
    return listing->kept_token == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

static int read_page(struct sat_listing *listing, satchel_error *err)
{
    struct sat_op *op = &listing->op;
    op->list.token = listing->token;
    op->deadline_ns = 0;
    listing->at = 0;
    listing->begun = true;
    sat_page_reset(&op->page);
    int code = sat_op_run(op, err);
    return code == SATCHEL_OK ? take_token(listing, err) : code;
}

int sat_listing_next_page(struct sat_listing *listing, const struct sat_page **page,
                          satchel_error *err)
{
    *page = NULL;
    if (listing->failed.code == SATCHEL_OK && listing->begun && listing->token == NULL)
        return SATCHEL_OK;
    if (listing->failed.code == SATCHEL_OK &&
        sat_fork_check(listing->generation, &listing->failed) == SATCHEL_OK)
        (void)read_page(listing, &listing->failed);
    if (listing->failed.code != SATCHEL_OK)
        return sat_error_copy(err, &listing->failed);
    *page = &listing->op.page;
    return SATCHEL_OK;
}

int sat_listing_next(struct sat_listing *listing, const struct sat_listed **row, satchel_error *err)
{
    const struct sat_page *page = &listing->op.page;
    *row = NULL;
    while (listing->failed.code != SATCHEL_OK || listing->at >= page->entries.len ||
           listing->generation != sat_fork_generation()) {
        int code = sat_listing_next_page(listing, &page, err);
        if (code != SATCHEL_OK || page == NULL)
            return code;
    }
    const struct sat_entry *entry = sat_page_at(page, listing->at);
    listing->row = (struct sat_listed){
        .key = sat_page_key(page, listing->at),
        .etag = sat_page_etag(page, listing->at),
        .size = entry->size,
        .mtime_ns = entry->mtime_ns,
        .is_prefix = entry->is_prefix,
    };
    listing->at++;
    *row = &listing->row;
    return SATCHEL_OK;
}
