/* Items on their way from the plan to the copies: each with the place where it lands. */
#ifndef SAT_TRANSFER_FEED_H
#define SAT_TRANSFER_FEED_H

#include <stdatomic.h>
#include <stdbool.h>

#include <satchel/types.h>

#include "core/vec.h"
#include "transfer/plan.h"
#include "transfer/target.h"

struct sat_feed_item {
    struct sat_item item;
    char *landing; /* below the target's base; owned; NULL: the item failed or is skipped */
};

void sat_feed_item_fini(struct sat_feed_item *item);

/* One thread's at a time. */
struct sat_feed {
    struct sat_plan *plan; /* owned */
    const struct sat_target *target;
    bool make_bucket;             /* make the target's bucket before the first item is handed on */
    const atomic_bool *cancelled; /* set: stop soon */
    struct sat_vec items;         /* struct sat_feed_item: what the last fill brought */
    bool ended;                   /* there is no more */
    satchel_error err;            /* the job cannot go on */
};

void sat_feed_init(struct sat_feed *feed);
/* Frees the plan too. The items must have been taken out. */
void sat_feed_fini(struct sat_feed *feed);

/*
 * Blocks for the next items: a good number of them, or what there is after a short while, or none
 * at the end, when cancelled, or on an error (feed->err). Items whose names may not be are FAILED.
 */
void sat_feed_fill(struct sat_feed *feed);

/*
 * True when two of the sources could land on one name below a folder, as far as their texts tell:
 * then all items have to be known before the first is copied.
 */
bool sat_feed_may_collide(const struct sat_plan_options *options);

/* Sorts the items by landing; INVALID naming two sources that land on one name. */
int sat_feed_collisions(struct sat_feed_item *items, size_t count, const struct sat_target *target,
                        satchel_error *err);

#endif
