/* Items on their way from the plan to the copies, a batch at a time. */
#include "transfer/feed.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/op.h"
#include "core/str.h"
#include "transfer/pattern.h"

enum {
    BATCH_ITEMS = 512,
    BATCH_MS = 50, /* a slow listing hands over what it has */
};

void sat_feed_item_fini(struct sat_feed_item *item)
{
    sat_item_fini(&item->item);
    sat_free(item->landing);
}

void sat_feed_init(struct sat_feed *feed)
{
    *feed = (struct sat_feed){.plan = NULL};
    sat_vec_init(&feed->items, sizeof(struct sat_feed_item));
}

void sat_feed_fini(struct sat_feed *feed)
{
    sat_plan_free(feed->plan);
    sat_vec_fini(&feed->items);
}

/* Finds where the item lands; a name that may not be makes the item a failure. */
static int land(const struct sat_feed *feed, struct sat_feed_item *made, satchel_error *err)
{
    satchel_error why = {0};
    struct sat_item *item = &made->item;
    if (item->state != SAT_ITEM_COPY)
        return SATCHEL_OK;
    if (sat_target_land(feed->target, item, &made->landing, &why) == SATCHEL_OK)
        return SATCHEL_OK;
    item->err = sat_malloc(sizeof *item->err);
    if (item->err == NULL || why.code == SATCHEL_NOMEM)
        return sat_error_nomem(err);
    *item->err = why;
    item->state = SAT_ITEM_FAILED;
    return SATCHEL_OK;
}

/* One that is there already is fine. */
static int make_bucket(struct sat_feed *feed, satchel_error *err)
{
    satchel_error why = {0};
    struct sat_op op = {.kind = SAT_OP_BUCKET_CREATE, .conn = feed->target->conn};
    int code = sat_op_run(&op, &why);
    sat_op_fini(&op);
    feed->make_bucket = false;
    return code == SATCHEL_EXISTS ? SATCHEL_OK : sat_error_copy(err, &why);
}

static int fill_one(struct sat_feed *feed, satchel_error *err)
{
    struct sat_feed_item made = {.landing = NULL};
    bool more = false;
    int code = sat_plan_next(feed->plan, &made.item, &more, err);
    if (code != SATCHEL_OK || !more) {
        feed->ended = true;
        return code;
    }
    code = land(feed, &made, err);
    if (code == SATCHEL_OK && made.landing != NULL && feed->make_bucket)
        code = make_bucket(feed, err);
    if (code == SATCHEL_OK && sat_vec_push(&feed->items, &made) == NULL)
        code = sat_error_nomem(err);
    if (code != SATCHEL_OK)
        sat_feed_item_fini(&made);
    return code;
}

void sat_feed_fill(struct sat_feed *feed)
{
    int64_t until = sat_clock_now_ns() + BATCH_MS * SAT_NS_PER_MS;
    int code = SATCHEL_OK;
    while (code == SATCHEL_OK && !feed->ended && feed->items.len < BATCH_ITEMS &&
           !atomic_load(feed->cancelled)) {
        if (feed->items.len > 0 && sat_clock_now_ns() > until)
            return;
        code = fill_one(feed, &feed->err);
    }
}

/* ---- collisions */

/* The first part of all names that the source's items can have; false when that is not known. */
static bool landing_name(const char *source, enum satchel_pattern pattern, satchel_span *name)
{
    size_t len = strlen(source);
    size_t from = sat_path_folder(source, len);
    *name = (satchel_span){source + from, len - from};
    bool dots = sat_span_eq(*name, ".") || sat_span_eq(*name, "..");
    bool whole_bucket = from >= 2 && source[from - 2] == '/';
    return name->len > 0 && !dots && !whole_bucket &&
           sat_pattern_kind(source, pattern) == SATCHEL_PATTERN_LITERAL;
}

static int by_text(const void *a, const void *b)
{
    const satchel_span *x = a;
    const satchel_span *y = b;
    size_t len = x->len < y->len ? x->len : y->len;
    int order = memcmp(x->data, y->data, len);
    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

bool sat_feed_may_collide(const struct sat_plan_options *options)
{
    bool collide = false;
    if (options->count < 2)
        return false;
    satchel_span *names = sat_calloc(options->count, sizeof *names);
    if (names == NULL)
        return true;
    for (size_t i = 0; i < options->count && !collide; i++)
        collide = !landing_name(options->sources[i], options->pattern, &names[i]);
    if (!collide)
        qsort(names, options->count, sizeof *names, by_text);
    for (size_t i = 1; i < options->count && !collide; i++)
        collide = by_text(&names[i - 1], &names[i]) == 0;
    sat_free(names);
    return collide;
}

static int by_landing(const void *a, const void *b)
{
    const struct sat_feed_item *x = a;
    const struct sat_feed_item *y = b;
    if (x->landing == NULL || y->landing == NULL)
        return (x->landing != NULL) - (y->landing != NULL);
    return strcmp(x->landing, y->landing);
}

int sat_feed_collisions(struct sat_feed_item *items, size_t count, const struct sat_target *target,
                        satchel_error *err)
{
    if (count > 1)
        qsort(items, count, sizeof *items, by_landing);
    for (size_t i = 1; i < count; i++) {
        const char *one = items[i - 1].landing;
        const char *other = items[i].landing;
        if (one != NULL && other != NULL && sat_str_eq(one, other))
            return sat_error_set(
                err, SATCHEL_INVALID, "'%s' and '%s' would both become '%s%s': nothing was copied",
                items[i - 1].item.source, items[i].item.source, target->base, other);
    }
    return SATCHEL_OK;
}
