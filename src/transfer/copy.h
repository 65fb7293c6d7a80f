/* Copying one item to where it lands, on a worker. */
#ifndef SAT_TRANSFER_COPY_H
#define SAT_TRANSFER_COPY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <satchel/job.h>

#include "core/lock.h"
#include "core/op.h"
#include "core/worker.h"
#include "transfer/landing.h"
#include "transfer/object.h"
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

struct sat_light;

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
    struct sat_light *light; /* of a light copy under way */
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
/*
 * ---- light copies (light.c): a small object between a local file and a store that is spoken to,
 * without a thread that waits for the store: begin, and when copy's op came out of the queue, end.
 */
enum sat_copy_step {
    SAT_COPY_ENDED,     /* the outcome is filled */
    SAT_COPY_UNDER_WAY, /* its op will come out of the queue, with `user` = the copy */
    SAT_COPY_HEAVY,     /* nothing happened: it is one for sat_copy_run() */
};

/* What the light copies of a job share; zeroed but for the queue. One thread. */
struct sat_lights {
    struct sat_queue *queue;
    struct sat_root source;
    struct sat_root target;
    int score;       /* slow steps less quick ones, within bounds */
    unsigned others; /* copies that were not taken since one was */
};

bool sat_copy_is_light(const struct sat_copy *copy);
/*
 * Whether the copy should go light. Where local files are slow (a network file system, a disk that
 * is synced), steps one after the other are too slow: then one of 64 does, to tell whether that is
 * still so, and workers take the others, many at once.
 */
bool sat_lights_take(struct sat_lights *lights, const struct sat_copy *copy);
/* How long a step took: begin or end. */
void sat_lights_score(struct sat_lights *lights, int64_t took_ns);
enum sat_copy_step sat_copy_begin(struct sat_copy *copy, struct sat_lights *lights);
/* ENDED or HEAVY. */
enum sat_copy_step sat_copy_end(struct sat_copy *copy, struct sat_lights *lights);
/* Closes the folders; the queue is the caller's. */
void sat_lights_close(struct sat_lights *lights);

/* ---- what copy.c shares with it */

/* The op that a cancel ends; NULL = none. */
void sat_copy_set_op(struct sat_copy *copy, struct sat_op *op);
/* The key of the landing in the target's store; owned. NULL without memory. */
char *sat_copy_target_key(const struct sat_copy *copy);
/* `root` NULL = none is kept open. */
int sat_copy_open_source(const struct sat_copy *copy, struct sat_root *root,
                         struct sat_local_file *file, satchel_error *err);
/* What was read from the source. */
struct sat_copy_content {
    uint64_t size;
    uint64_t crc64;
    bool has_crc64;
};
int sat_copy_begin_landing(struct sat_copy *copy, struct sat_root *root, uint64_t size,
                           struct sat_landing *landing, satchel_error *err);
/* Verifies and names the file, or drops it when `code` says so. */
int sat_copy_end_landing(struct sat_copy *copy, int code, struct sat_landing *landing,
                         const struct sat_copy_content *content, satchel_error *err);
/* EXISTS when the destination is taken and may not be overwritten. `key` NULL: local. */
int sat_copy_check_free(struct sat_copy *copy, const char *key, satchel_error *err);
/* Fills the outcome of a copy that ended with `code` and copy->err. */
void sat_copy_conclude(struct sat_copy *copy, int code, int64_t begun_ns);

/* Ends a running copy soon, with CANCELLED if it was not done yet. Any thread. */
void sat_copy_cancel(struct sat_copy *copy);

#endif
