/* What every job has: progress, events, failures, cancellation. */
#include "core/job.h"

#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/str.h"

#define REPORT_EVERY_NS (200 * SAT_NS_PER_MS)

void sat_job_init(struct satchel_job *job, const struct sat_job_kind *kind)
{
    job->kind = kind;
    job->generation = sat_fork_generation();
    sat_vec_init(&job->failures, sizeof(satchel_failure *));
}

void satchel_job_stats(const satchel_job *job, satchel_progress *progress)
{
    *progress = (satchel_progress){
        .objects_done = atomic_load(&job->objects_done),
        .objects_failed = atomic_load(&job->objects_failed),
        .objects_skipped = atomic_load(&job->objects_skipped),
        .objects_total = atomic_load(&job->objects_total),
        .bytes_done = atomic_load(&job->bytes_done) + atomic_load(&job->bytes_moving),
        .bytes_total = atomic_load(&job->bytes_total),
        .total_is_final = atomic_load(&job->total_is_final),
    };
    int64_t until = job->ended_ns != 0 ? job->ended_ns : sat_clock_now_ns();
    if (job->started_ns != 0)
        progress->elapsed_ns = (uint64_t)(until - job->started_ns);
}

static void report(struct satchel_job *job)
{
    if (job->callbacks == NULL || job->callbacks->progress == NULL)
        return;
    satchel_progress progress;
    satchel_job_stats(job, &progress);
    if (job->callbacks->progress(job->callbacks->user, &progress) != 0)
        atomic_store(&job->cancelled, true);
}

bool sat_job_is_cancelled(const struct satchel_job *job)
{
    return atomic_load(&job->cancelled) || job->generation != sat_fork_generation();
}

int sat_job_tick(struct satchel_job *job, satchel_error *err)
{
    int64_t now = sat_clock_now_ns();
    if (now - job->reported_ns >= REPORT_EVERY_NS) {
        job->reported_ns = now;
        report(job);
    }
    if (sat_job_is_cancelled(job))
        return sat_error_set(err, SATCHEL_CANCELLED, "cancelled");
    return SATCHEL_OK;
}

/* A failure that cannot be kept is still counted, and the first one always is in first_failure. */
static void keep_failure(struct satchel_job *job, const satchel_event *event)
{
    if (job->first_failure.code == SATCHEL_OK)
        job->first_failure = *event->err;
    if (job->failures.len >= SAT_JOB_FAILURES_MAX)
        return;
    size_t source_size = strlen(event->source) + 1;
    size_t destination_size = strlen(event->destination) + 1;
    satchel_failure *kept = sat_malloc(sizeof *kept + source_size + destination_size);
    if (kept == NULL)
        return;
    char *text = (char *)(kept + 1);
    memcpy(text, event->source, source_size);
    memcpy(text + source_size, event->destination, destination_size);
    *kept =
        (satchel_failure){.source = text, .destination = text + source_size, .err = *event->err};
    if (sat_vec_push(&job->failures, &kept) == NULL)
        sat_free(kept);
}

void sat_job_event(struct satchel_job *job, const satchel_event *event)
{
    if (sat_str_eq(event->status, "failed")) {
        atomic_fetch_add(&job->objects_failed, 1);
        keep_failure(job, event);
    } else if (sat_str_eq(event->status, "skipped")) {
        atomic_fetch_add(&job->objects_skipped, 1);
    } else {
        atomic_fetch_add(&job->objects_done, 1);
    }
    if (job->callbacks != NULL && job->callbacks->event != NULL)
        job->callbacks->event(job->callbacks->user, event);
}

int sat_job_result(const struct satchel_job *job, satchel_error *err)
{
    return sat_error_copy(err, &job->first_failure);
}

int satchel_job_run(satchel_job *job, const satchel_job_callbacks *callbacks, satchel_error *err)
{
    if (job == NULL)
        return sat_error_set(err, SATCHEL_INVALID, "satchel_job_run: job is NULL");
    if (callbacks != NULL && callbacks->struct_size < sizeof *callbacks)
        return sat_error_set(err, SATCHEL_INVALID,
                             "satchel_job_callbacks: struct_size is not set to its sizeof");
    if (job->started_ns != 0)
        return sat_error_set(err, SATCHEL_INVALID, "a job runs once: make another one");
    if (sat_fork_check(job->generation, err) != SATCHEL_OK)
        return SATCHEL_CANCELLED;
    job->callbacks = callbacks;
    job->started_ns = sat_clock_now_ns();
    int code = job->kind->run(job, err);
    job->ended_ns = sat_clock_now_ns();
    report(job);
    job->callbacks = NULL;
    return code;
}

void satchel_job_cancel(satchel_job *job)
{
    if (job != NULL)
        atomic_store(&job->cancelled, true);
}

const satchel_failure *satchel_job_failure(const satchel_job *job, size_t i)
{
    if (job == NULL || i >= job->failures.len)
        return NULL;
    return *(satchel_failure *const *)sat_vec_at(&job->failures, i);
}

void satchel_job_free(satchel_job *job)
{
    /* A child leaves what its parent's threads were working on as it is. */
    if (job == NULL || job->generation != sat_fork_generation())
        return;
    job->kind->fini(job);
    for (size_t i = 0; i < job->failures.len; i++)
        sat_free(*(satchel_failure **)sat_vec_at(&job->failures, i));
    sat_vec_fini(&job->failures);
    sat_free(job);
}
