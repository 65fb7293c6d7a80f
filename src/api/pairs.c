/* Names and values between their public form and the library's own. */
#include <string.h>

#include "api/api.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/str.h"

static int add_pair(const char *what, const satchel_pair *pair, struct sat_tags *tags,
                    satchel_error *err)
{
    if (pair->key == NULL || *pair->key == '\0')
        return sat_error_set(err, SATCHEL_INVALID, "%s: a name is %s", what,
                             pair->key == NULL ? "NULL" : "empty");
    if (pair->value == NULL)
        return sat_error_set(err, SATCHEL_INVALID, "%s: the value of '%s' is NULL", what,
                             pair->key);
    return sat_tags_add_str(tags, pair->key, pair->value, err);
}

int sat_api_tags(const char *what, const satchel_pair *pairs, size_t count, struct sat_tags *tags,
                 satchel_error *err)
{
    int code = SATCHEL_OK;
    if (pairs == NULL && count > 0)
        return sat_error_set(err, SATCHEL_INVALID, "%s is NULL, and their number %zu", what, count);
    for (size_t i = 0; i < count && code == SATCHEL_OK; i++)
        code = add_pair(what, &pairs[i], tags, err);
    if (code != SATCHEL_OK)
        sat_tags_fini(tags);
    return code;
}

/* Members are const for the readers; what is here was allocated by sat_api_pairs(). */
static void free_text(const char *text)
{
    sat_free((void *)(uintptr_t)text);
}

void satchel_pairs_free(satchel_pairs *pairs)
{
    if (pairs == NULL)
        return;
    for (size_t i = 0; i < pairs->count; i++) {
        free_text(pairs->items[i].key);
        free_text(pairs->items[i].value);
    }
    sat_free(pairs->items);
    memset(pairs, 0, sizeof *pairs);
}

int sat_api_pairs(const struct sat_tags *tags, satchel_pairs *pairs, satchel_error *err)
{
    size_t count = sat_tags_count(tags);
    satchel_pairs made = {0};
    memset(pairs, 0, sizeof *pairs);
    if (count == 0)
        return SATCHEL_OK;
    made.items = sat_calloc(count, sizeof *made.items);
    if (made.items == NULL)
        return sat_error_nomem(err);
    for (made.count = 0; made.count < count; made.count++) {
        const struct sat_tag *tag = sat_tags_at(tags, made.count);
        satchel_pair *item = &made.items[made.count];
        item->key = sat_strndup(tag->key, tag->key_len);
        item->value = sat_strndup(tag->value, tag->value_len);
        if (item->key == NULL || item->value == NULL) {
            made.count++;
            satchel_pairs_free(&made);
            return sat_error_nomem(err);
        }
    }
    *pairs = made;
    return SATCHEL_OK;
}
