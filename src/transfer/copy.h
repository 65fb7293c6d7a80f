/* Copying one item to where it lands, on a worker. */
#ifndef SAT_TRANSFER_COPY_H
#define SAT_TRANSFER_COPY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <satchel/job.h>

#include "core/lock.h"
#include "core/worker.h"
#include "transfer/landing.h"
#include "transfer/plan.h"
#include "transfer/target.h"

/* What all copies of a job have in common; unchanged while they run. */
struct sat_copy_rules {
    const struct sat_target *target;
    enum satchel_if_exists if_exists;
    bool verify;
    enum sat_landing_durability durability;
    uint64_t max_memory;  /* bytes for the parts of one object between stores */
    uint64_t ranges_from; /* a larger object is not held in memory whole */
};

struct sat_copy {
    struct sat_task task; /* first; runs the copy */
    const struct sat_copy_rules *rules;
    struct sat_item item; /* owned */
    char *landing;        /* below the target's base; owned */
    char *destination;    /* path or URI; owned */
    uint64_t memory;      /* bytes of memory that it takes at most */
    atomic_bool cancelled;
    atomic_uint_least64_t moved; /* bytes on their way so far; a repeated request takes them back */
    struct sat_mutex lock;
    struct {
        struct sat_op *under_way;
    } locked;
    /* ---- the outcome */
    const char *status; /* "ok", "failed", "skipped" */
    uint64_t bytes;
    int64_t elapsed_ns;
    satchel_error err;
    /* ---- the job's */
    void (*done)(struct sat_copy *copy); /* last thing the task does */
    void *user;
    struct sat_copy *next;
};

/* Bytes of memory that copying the item takes at most. */
uint64_t sat_copy_memory(const struct sat_copy_rules *rules, const struct sat_item *item);
/* Takes item and landing over, also on failure. */
int sat_copy_new(const struct sat_copy_rules *rules, struct sat_item *item, char *landing,
                 struct sat_copy **copy, satchel_error *err);
void sat_copy_free(struct sat_copy *copy);
/* Copies, whatever happens filling the outcome; in any thread. */
void sat_copy_run(struct sat_copy *copy);
/* Ends a running copy soon, with CANCELLED if it was not done yet. Any thread. */
void sat_copy_cancel(struct sat_copy *copy);

#endif
