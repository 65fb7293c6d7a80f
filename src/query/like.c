/* LIKE patterns, read once into code points and matched without recursion. */
#include "like.h"

#include <stddef.h>
#include <stdint.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/str.h"
#include "query/fold.h"

/* Above every code point. */
enum { ANY_CHARACTER = 0x110000, ANY_TEXT = 0x110001 };

struct sat_like {
    size_t count;
    uint32_t items[]; /* folded code points and the two above */
};

static uint32_t item_of(uint32_t code)
{
    if (code == '%')
        return ANY_TEXT;
    return code == '_' ? ANY_CHARACTER : sat_fold(code);
}

static int read_items(satchel_span pattern, struct sat_like *like, satchel_error *err)
{
    const char *text = pattern.data;
    for (size_t at = 0; at < pattern.len;) {
        uint32_t code = sat_utf8_next(text, pattern.len, &at);
        if (code != '\\') {
            like->items[like->count++] = item_of(code);
            continue;
        }
        if (at == pattern.len)
            return sat_error_set(err, SATCHEL_INVALID,
                                 "like pattern ends in a lone '\\' (write '\\\\' for one)");
        like->items[like->count++] = sat_fold(sat_utf8_next(text, pattern.len, &at));
    }
    return SATCHEL_OK;
}

int sat_like_new(satchel_span pattern, struct sat_like **out, satchel_error *err)
{
    if (pattern.len > SAT_LIKE_PATTERN_MAX)
        return sat_error_set(err, SATCHEL_LIMIT,
                             "like pattern of %zu bytes is over the limit of %zu", pattern.len,
                             SAT_LIKE_PATTERN_MAX);
    /* A code point takes at least one byte, so this is room for all. */
    struct sat_like *like = sat_malloc(sizeof *like + pattern.len * sizeof like->items[0]);
    if (like == NULL)
        return sat_error_nomem(err);
    like->count = 0;
    int rc = read_items(pattern, like, err);
    if (rc != SATCHEL_OK) {
        sat_free(like);
        return rc;
    }
    *out = like;
    return SATCHEL_OK;
}

void sat_like_free(struct sat_like *like)
{
    sat_free(like);
}

static bool item_takes(uint32_t item, uint32_t code)
{
    return item == ANY_CHARACTER || item == sat_fold(code);
}

/*
 * The earliest place that fits is taken after each `%`; when the rest does not fit, only the last
 * `%` takes one character more. Going back further cannot help: an earlier `%` would only move the
 * same text to the right. So the work is bounded by pattern times text.
 */
bool sat_like_match(const struct sat_like *like, satchel_span span)
{
    const char *text = span.data;
    size_t item = 0;
    size_t at = 0;
    size_t retry_item = SIZE_MAX;
    size_t retry_at = 0;
    while (at < span.len) {
        size_t next = at;
        if (item < like->count && like->items[item] == ANY_TEXT) {
            retry_item = ++item;
            retry_at = at;
        } else if (item < like->count &&
                   item_takes(like->items[item], sat_utf8_next(text, span.len, &next))) {
            item++;
            at = next;
        } else if (retry_item != SIZE_MAX) {
            (void)sat_utf8_next(text, span.len, &retry_at);
            item = retry_item;
            at = retry_at;
        } else {
            return false;
        }
    }
    while (item < like->count && like->items[item] == ANY_TEXT)
        item++;
    return item == like->count;
}
