/* What every job has: progress at 5 Hz, events, failures, cancellation. */
#include "support/test.h"

#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/job.h"
#include "support/forked.h"

#define GATE_NS (200 * SAT_NS_PER_MS)

struct test_job {
    struct satchel_job base; /* first */
    int (*body)(struct satchel_job *job, satchel_error *err);
    unsigned progress_calls;
    unsigned event_calls;
    unsigned cancel_at;
    satchel_progress last;
};

static int run(struct satchel_job *job, satchel_error *err)
{
    return ((struct test_job *)(void *)job)->body(job, err);
}

static void fini(struct satchel_job *job)
{
    (void)job;
}

static const struct sat_job_kind kind = {.run = run, .fini = fini};

static int on_progress(void *user, const satchel_progress *progress)
{
    struct test_job *job = user;
    job->last = *progress;
    job->progress_calls++;
    return job->progress_calls == job->cancel_at;
}

static void on_event(void *user, const satchel_event *event)
{
    (void)event;
    ((struct test_job *)user)->event_calls++;
}

static struct test_job *job_of(int (*body)(struct satchel_job *job, satchel_error *err))
{
    struct test_job *job = sat_calloc(1, sizeof *job);
    assert_non_null(job);
    sat_job_init(&job->base, &kind);
    job->body = body;
    return job;
}

static int run_job(struct test_job *job, satchel_error *err)
{
    const satchel_job_callbacks callbacks = {
        .struct_size = sizeof callbacks, .user = job, .progress = on_progress, .event = on_event};
    return satchel_job_run(&job->base, &callbacks, err);
}

static int tick_often(struct satchel_job *job, satchel_error *err)
{
    int code = SATCHEL_OK;
    for (int i = 0; code == SATCHEL_OK && i < 1000; i++)
        code = sat_job_tick(job, err);
    return code;
}

static void progress_is_not_told_more_than_five_times_a_second(void **state)
{
    (void)state;
    struct test_job *job = job_of(tick_often);
    int64_t begin = sat_clock_now_ns();
    assert_int_equal(run_job(job, NULL), SATCHEL_OK);
    int64_t gates = (sat_clock_now_ns() - begin) / GATE_NS;
    assert_in_range(job->progress_calls, 2, (uintmax_t)(2 + gates));
    satchel_job_free(&job->base);
}

static int tick_over_the_gate(struct satchel_job *job, satchel_error *err)
{
    int code = sat_job_tick(job, err);
    for (int i = 0; code == SATCHEL_OK && i < 3; i++) {
        job->reported_ns -= GATE_NS;
        code = sat_job_tick(job, err);
    }
    return code;
}

static void progress_is_told_once_its_time_has_come(void **state)
{
    (void)state;
    struct test_job *job = job_of(tick_over_the_gate);
    assert_int_equal(run_job(job, NULL), SATCHEL_OK);
    assert_in_range(job->progress_calls, 5, 6);
    satchel_job_free(&job->base);
}

static void a_progress_callback_may_cancel(void **state)
{
    (void)state;
    struct test_job *job = job_of(tick_over_the_gate);
    satchel_error err = {0};
    job->cancel_at = 2;
    assert_int_equal(run_job(job, &err), SATCHEL_CANCELLED);
    assert_int_equal(err.code, SATCHEL_CANCELLED);
    assert_int_equal(job->progress_calls, 3);
    satchel_job_free(&job->base);
}

static void a_job_cancelled_before_its_run_does_nothing(void **state)
{
    (void)state;
    struct test_job *job = job_of(tick_often);
    satchel_job_cancel(&job->base);
    assert_int_equal(run_job(job, NULL), SATCHEL_CANCELLED);
    satchel_job_free(&job->base);
}

static void event(struct satchel_job *job, const char *status, int code)
{
    satchel_error err = {.code = code};
    const satchel_event one = {
        .op = "copy", .source = "s", .destination = "d", .status = status, .err = &err};
    sat_job_event(job, &one);
}

static int all_kinds(struct satchel_job *job, satchel_error *err)
{
    event(job, "ok", 0);
    event(job, "planned", 0);
    event(job, "skipped", 0);
    event(job, "failed", SATCHEL_DENIED);
    event(job, "failed", SATCHEL_TIMEOUT);
    return sat_job_result(job, err);
}

static void events_are_counted_by_their_status(void **state)
{
    (void)state;
    struct test_job *job = job_of(all_kinds);
    satchel_error err = {0};
    assert_int_equal(run_job(job, &err), SATCHEL_DENIED);
    assert_int_equal(err.code, SATCHEL_DENIED);
    assert_int_equal(job->event_calls, 5);
    assert_int_equal(job->last.objects_done, 2);
    assert_int_equal(job->last.objects_skipped, 1);
    assert_int_equal(job->last.objects_failed, 2);
    const satchel_failure *second = satchel_job_failure(&job->base, 1);
    assert_string_equal(second->source, "s");
    assert_string_equal(second->destination, "d");
    assert_int_equal(second->err.code, SATCHEL_TIMEOUT);
    assert_null(satchel_job_failure(&job->base, 2));
    satchel_job_free(&job->base);
}

static int fail_often(struct satchel_job *job, satchel_error *err)
{
    for (int i = 0; i < SAT_JOB_FAILURES_MAX + 5; i++)
        event(job, "failed", SATCHEL_IO);
    return sat_job_result(job, err);
}

static void only_so_many_failures_are_kept(void **state)
{
    (void)state;
    struct test_job *job = job_of(fail_often);
    assert_int_equal(satchel_job_run(&job->base, NULL, NULL), SATCHEL_IO);
    satchel_progress progress;
    satchel_job_stats(&job->base, &progress);
    assert_int_equal(progress.objects_failed, SAT_JOB_FAILURES_MAX + 5);
    assert_non_null(satchel_job_failure(&job->base, SAT_JOB_FAILURES_MAX - 1));
    assert_null(satchel_job_failure(&job->base, SAT_JOB_FAILURES_MAX));
    satchel_job_free(&job->base);
}

static void a_job_runs_once_and_its_time_stops(void **state)
{
    (void)state;
    struct test_job *job = job_of(tick_often);
    satchel_progress first;
    satchel_progress second;
    assert_int_equal(run_job(job, NULL), SATCHEL_OK);
    assert_int_equal(run_job(job, NULL), SATCHEL_INVALID);
    satchel_job_stats(&job->base, &first);
    satchel_job_stats(&job->base, &second);
    assert_true(first.elapsed_ns > 0);
    assert_true(first.elapsed_ns == second.elapsed_ns);
    satchel_job_free(&job->base);
    satchel_job_free(NULL);
}

static int child_status;

/* As a callback of a caller may. */
static int fork_in_body(struct satchel_job *job, satchel_error *err)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(sat_job_tick(job, err) == SATCHEL_CANCELLED ? 0 : 1);
    child_status = wait_for(pid);
    return sat_job_tick(job, err);
}

static int run_in_child(void *job)
{
    int code = run_job(job, NULL);
    satchel_job_free(job);
    return code;
}

static void in_a_forked_child_a_job_is_cancelled(void **state)
{
    (void)state;
    struct test_job *job = job_of(fork_in_body);
    assert_int_equal(sat_fork_start(NULL), SATCHEL_OK);
    assert_int_equal(run_forked(run_in_child, job), SATCHEL_CANCELLED);
    assert_int_equal(run_job(job, NULL), SATCHEL_OK);
    assert_int_equal(child_status, 0);
    satchel_job_free(&job->base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(progress_is_not_told_more_than_five_times_a_second),
        cmocka_unit_test(progress_is_told_once_its_time_has_come),
        cmocka_unit_test(a_progress_callback_may_cancel),
        cmocka_unit_test(a_job_cancelled_before_its_run_does_nothing),
        cmocka_unit_test(events_are_counted_by_their_status),
        cmocka_unit_test(only_so_many_failures_are_kept),
        cmocka_unit_test(a_job_runs_once_and_its_time_stops),
        cmocka_unit_test(in_a_forked_child_a_job_is_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
