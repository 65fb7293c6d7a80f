/* The pool: every task runs once, several at a time, and its group gathers it. */
#include "support/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "core/worker.h"

enum { TASKS = 1000, THREADS = 4 };

struct job {
    struct sat_task task; /* first */
    unsigned runs;
};

static void run_job(struct sat_task *task)
{
    ((struct job *)(void *)task)->runs++;
}

static struct sat_workers *workers(void)
{
    struct sat_workers *pool = NULL;
    assert_int_equal(sat_workers_new(THREADS, &pool, NULL), SATCHEL_OK);
    return pool;
}

static struct sat_group *group_of(struct sat_workers *pool)
{
    struct sat_group *group = NULL;
    assert_int_equal(sat_group_new(pool, &group, NULL), SATCHEL_OK);
    return group;
}

static void a_group_gives_every_task_back_once(void **state)
{
    (void)state;
    static struct job jobs[TASKS];
    struct sat_workers *pool = workers();
    struct sat_group *group = group_of(pool);
    memset(jobs, 0, sizeof jobs);
    for (size_t i = 0; i < TASKS; i++) {
        jobs[i].task.run = run_job;
        assert_int_equal(sat_group_submit(group, &jobs[i].task, NULL), SATCHEL_OK);
    }
    size_t came = 0;
    for (struct sat_task *task = sat_group_wait(group); task != NULL; task = sat_group_wait(group))
        came += ((struct job *)(void *)task)->runs;
    assert_int_equal(came, TASKS);
    assert_null(sat_group_wait(group));
    sat_group_free(group);
    sat_workers_free(pool);
}

/* Tasks that end only once all of them run: they need as many threads. */
struct meeting {
    struct sat_task task; /* first */
    pthread_barrier_t *barrier;
};

static void meet(struct sat_task *task)
{
    (void)pthread_barrier_wait(((struct meeting *)(void *)task)->barrier);
}

static void as_many_tasks_run_at_once_as_there_are_threads(void **state)
{
    (void)state;
    struct sat_workers *pool = workers();
    struct sat_group *group = group_of(pool);
    pthread_barrier_t barrier;
    struct meeting meetings[THREADS];
    assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    /* Twice: the second time the threads are there, idle, and must all be woken. */
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < THREADS; i++) {
            meetings[i] = (struct meeting){.task = {.run = meet}, .barrier = &barrier};
            assert_int_equal(sat_group_submit(group, &meetings[i].task, NULL), SATCHEL_OK);
        }
        for (size_t i = 0; i < THREADS; i++)
            assert_non_null(sat_group_wait(group));
    }
    sat_group_free(group);
    sat_workers_free(pool);
    (void)pthread_barrier_destroy(&barrier);
}

/* One thread is there and idle; it must not count for all the tasks that come at once. */
static void start_beside_an_idle_thread(void)
{
    struct sat_workers *pool = workers();
    struct sat_group *group = group_of(pool);
    pthread_barrier_t barrier;
    struct meeting meetings[THREADS];
    struct job first = {.task = {.run = run_job}};
    assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    assert_int_equal(sat_group_submit(group, &first.task, NULL), SATCHEL_OK);
    assert_non_null(sat_group_wait(group));
    for (size_t i = 0; i < THREADS; i++) {
        meetings[i] = (struct meeting){.task = {.run = meet}, .barrier = &barrier};
        assert_int_equal(sat_group_submit(group, &meetings[i].task, NULL), SATCHEL_OK);
    }
    for (size_t i = 0; i < THREADS; i++)
        assert_non_null(sat_group_wait(group));
    sat_group_free(group);
    sat_workers_free(pool);
    (void)pthread_barrier_destroy(&barrier);
}

static void an_idle_thread_does_not_keep_others_from_starting(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        start_beside_an_idle_thread();
}

static void two_groups_do_not_mix(void **state)
{
    (void)state;
    struct sat_workers *pool = workers();
    struct sat_group *one = group_of(pool);
    struct sat_group *two = group_of(pool);
    struct job jobs[2] = {{.task = {.run = run_job}}, {.task = {.run = run_job}}};
    assert_int_equal(sat_group_submit(one, &jobs[0].task, NULL), SATCHEL_OK);
    assert_int_equal(sat_group_submit(two, &jobs[1].task, NULL), SATCHEL_OK);
    assert_ptr_equal(sat_group_wait(two), &jobs[1].task);
    assert_ptr_equal(sat_group_wait(one), &jobs[0].task);
    assert_null(sat_group_wait(one));
    sat_group_free(one);
    sat_group_free(two);
    sat_workers_free(pool);
}

static atomic_int freed_runs;

static void count_run(struct sat_task *task)
{
    (void)task;
    atomic_fetch_add(&freed_runs, 1);
}

static void a_pool_that_stops_ran_what_was_submitted(void **state)
{
    (void)state;
    struct sat_workers *pool = workers();
    static struct sat_task tasks[TASKS];
    for (size_t i = 0; i < TASKS; i++) {
        tasks[i] = (struct sat_task){.run = count_run};
        assert_int_equal(sat_workers_submit(pool, &tasks[i], NULL), SATCHEL_OK);
    }
    sat_workers_free(pool);
    assert_int_equal(atomic_load(&freed_runs), TASKS);
}

static void an_unused_pool_is_freed(void **state)
{
    (void)state;
    sat_workers_free(workers());
    sat_workers_free(NULL);
    sat_group_free(NULL);
}

static void *look_at_signals(void *arg)
{
    sigset_t mask;
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    *(int *)arg = sigismember(&mask, SIGINT);
    return NULL;
}

static void a_thread_takes_no_signals(void **state)
{
    (void)state;
    int blocked = 0;
    unsigned long id;
    sigset_t mask;
    assert_int_equal(sat_thread_start(look_at_signals, &blocked, &id, NULL), SATCHEL_OK);
    sat_thread_join(id);
    assert_int_equal(blocked, 1);
    (void)pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_int_equal(sigismember(&mask, SIGINT), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_gives_every_task_back_once),
        cmocka_unit_test(as_many_tasks_run_at_once_as_there_are_threads),
        cmocka_unit_test(an_idle_thread_does_not_keep_others_from_starting),
        cmocka_unit_test(two_groups_do_not_mix),
        cmocka_unit_test(a_pool_that_stops_ran_what_was_submitted),
        cmocka_unit_test(an_unused_pool_is_freed),
        cmocka_unit_test(a_thread_takes_no_signals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
