/*
 * What every job has: progress, events, failures, cancellation. A kind of job (copy, migrate,
 * import, export) embeds `struct satchel_job` as its first member and brings a `run`.
 */
#ifndef SAT_CORE_JOB_H
#define SAT_CORE_JOB_H

#include <stdatomic.h>
#include <stdbool.h>

#include <satchel/job.h>

#include "core/lock.h"
#include "core/vec.h"

enum { SAT_JOB_FAILURES_MAX = 1000 };

struct sat_job_kind {
    /*
     * Does the whole job in the calling thread, calling sat_job_tick() at least every 100 ms.
     * Returns the first failure's code, or SATCHEL_OK.
     */
    int (*run)(struct satchel_job *job, satchel_error *err);
    /* Frees the embedding struct's own members. */
    void (*fini)(struct satchel_job *job);
};

struct satchel_job {
    const struct sat_job_kind *kind;
    const satchel_job_callbacks *callbacks; /* during the run; may be NULL */
    atomic_bool cancelled;
    unsigned
        generation; /* of the process that made the job: a child of it only sees it cancelled */
    int64_t started_ns;
    int64_t ended_ns;    /* 0 while it runs */
    int64_t reported_ns; /* last progress callback */
    satchel_error first_failure;
    struct sat_vec failures; /* satchel_failure *, owned */
    /* Counters; any thread adds, the running thread reads. */
    atomic_uint_least64_t objects_done;
    atomic_uint_least64_t objects_failed;
    atomic_uint_least64_t objects_skipped;
    atomic_uint_least64_t objects_total;
    atomic_uint_least64_t bytes_done;   /* of finished objects */
    atomic_uint_least64_t bytes_moving; /* of objects under way */
    atomic_uint_least64_t bytes_total;
    atomic_bool total_is_final;
};

/* `job` is zeroed memory of the embedding struct. */
void sat_job_init(struct satchel_job *job, const struct sat_job_kind *kind);

/* The four below are for the running thread only. */

/* Calls the progress callback when its time has come. CANCELLED (once asked to, and in a child that
 * a callback forked) or OK. */
int sat_job_tick(struct satchel_job *job, satchel_error *err);
/*
 * One object is finished: counts it by event->status ("ok", "failed", "skipped", "planned"),
 * keeps a failure, calls the event callback.
 */
void sat_job_event(struct satchel_job *job, const satchel_event *event);
/* The code of the first failure, copied to *err; SATCHEL_OK when there was none. */
int sat_job_result(const struct satchel_job *job, satchel_error *err);
bool sat_job_is_cancelled(const struct satchel_job *job);

#endif
