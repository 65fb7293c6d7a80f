/* The gate: what a fork waits for, what it does not wait for, and what a child finds. */
#include "support/test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "core/clock.h"
#include "core/fork.h"
#include "core/lock.h"
#include "support/forked.h"

static struct sat_mutex mutex = SAT_MUTEX_INIT;
static struct sat_mutex outer = SAT_MUTEX_INIT;
static struct sat_cond cond;
static atomic_bool arrived;
static bool whole;

static int64_t fork_ms(int (*run)(void *), int *status)
{
    int64_t start = sat_clock_now_ns();
    pid_t pid = fork_to(run, NULL);
    int64_t took = (sat_clock_now_ns() - start) / SAT_NS_PER_MS;
    *status = wait_for(pid);
    return took;
}

static pthread_t start_thread(void *(*run)(void *), void *arg)
{
    pthread_t thread;
    atomic_store(&arrived, false);
    assert_int_equal(pthread_create(&thread, NULL, run, arg), 0);
    while (!atomic_load(&arrived))
        (void)sched_yield();
    return thread;
}

static int nothing(void *unused)
{
    (void)unused;
    return 0;
}

/* ---- what a fork waits for */

static void *leave_late(void *unused)
{
    (void)unused;
    SAT_LOCKED(&mutex);
    whole = false;
    atomic_store(&arrived, true);
    while (!sat_fork_pending())
        (void)sched_yield();
    (void)usleep(20000);
    whole = true;
    return NULL;
}

static int is_whole(void *unused)
{
    (void)unused;
    SAT_LOCKED(&mutex);
    return whole ? 0 : 1;
}

static void a_fork_waits_for_whoever_holds_a_mutex(void **state)
{
    (void)state;
    pthread_t thread = start_thread(leave_late, NULL);
    assert_int_equal(run_forked(is_whole, NULL), 0);
    (void)pthread_join(thread, NULL);
}

static atomic_bool let_go;

static void *stay_inside(void *unused)
{
    (void)unused;
    SAT_LOCKED(&mutex);
    atomic_store(&arrived, true);
    while (!atomic_load(&let_go))
        (void)usleep(1000);
    return NULL;
}

static int take_mutex(void *unused)
{
    (void)unused;
    SAT_LOCKED(&mutex);
    return sat_mutex_try_lock(&mutex) ? 1 : 0;
}

static void a_fork_waits_two_seconds_and_no_longer(void **state)
{
    (void)state;
    int status = -1;
    pthread_t thread = start_thread(stay_inside, NULL);
    int64_t took = fork_ms(take_mutex, &status);
    assert_in_range(took, 1900, 3000);
    assert_int_equal(status, 0);
    atomic_store(&let_go, true);
    (void)pthread_join(thread, NULL);
}

static int64_t entered_ns;

static void *enter_during_the_fork(void *unused)
{
    (void)unused;
    atomic_store(&arrived, true);
    while (!sat_fork_pending())
        (void)sched_yield();
    sat_mutex_lock(&outer);
    entered_ns = sat_clock_now_ns();
    sat_mutex_unlock(&outer);
    return NULL;
}

static int64_t closed_ns;

static void take_time(void)
{
    (void)usleep(50000);
    closed_ns = sat_clock_now_ns();
}

static void nobody_enters_while_a_fork_is_prepared(void **state)
{
    (void)state;
    sat_fork_before(take_time);
    pthread_t thread = start_thread(enter_during_the_fork, NULL);
    assert_int_equal(run_forked(nothing, NULL), 0);
    (void)pthread_join(thread, NULL);
    sat_fork_before(NULL);
    assert_true(entered_ns >= closed_ns);
}

/* ---- what it does not wait for */

static bool wake;

static void *wait_parked(void *unused)
{
    (void)unused;
    SAT_LOCKED(&outer);
    SAT_LOCKED(&mutex);
    atomic_store(&arrived, true);
    while (!wake)
        sat_cond_wait(&cond, &mutex);
    return NULL;
}

static void wake_up(void)
{
    SAT_LOCKED(&mutex);
    wake = true;
    sat_cond_broadcast(&cond);
}

/* The inner mutex is free: the thread is in its wait. */
static pthread_t start_parked(void)
{
    wake = false;
    sat_cond_init(&cond);
    pthread_t thread = start_thread(wait_parked, NULL);
    SAT_LOCKED(&mutex);
    return thread;
}

static void *take_outer(void *unused)
{
    (void)unused;
    atomic_store(&arrived, true);
    SAT_LOCKED(&outer);
    return NULL;
}

static void *wake_soon(void *unused)
{
    (void)unused;
    wake_up();
    return NULL;
}

/* The parent's waiter is no waiter here: one signal wakes the one that is. */
static int wait_and_wake(void *unused)
{
    (void)unused;
    pthread_t thread;
    SAT_LOCKED(&outer);
    SAT_LOCKED(&mutex);
    if (pthread_create(&thread, NULL, wake_soon, NULL) != 0)
        return 1;
    while (!wake)
        sat_cond_wait(&cond, &mutex);
    (void)pthread_join(thread, NULL);
    return 0;
}

static void waits_do_not_hold_a_fork_and_are_not_the_childs(void **state)
{
    (void)state;
    int status = -1;
    pthread_t waiter = start_parked();
    pthread_t other = start_thread(take_outer, NULL);
    assert_in_range(fork_ms(wait_and_wake, &status), 0, 1000);
    assert_int_equal(status, 0);
    wake_up();
    (void)pthread_join(waiter, NULL);
    (void)pthread_join(other, NULL);
    sat_cond_fini(&cond);
}

static void whoever_forks_may_be_inside(void **state)
{
    (void)state;
    int status = -1;
    SAT_LOCKED(&outer);
    assert_in_range(fork_ms(take_mutex, &status), 0, 1000);
    assert_int_equal(status, 0);
}

static void *fork_often(void *unused)
{
    (void)unused;
    for (int i = 0; i < 10; i++)
        assert_int_equal(run_forked(take_mutex, NULL), 0);
    return NULL;
}

static void threads_fork_at_once(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fork_often, NULL), 0);
    for (size_t i = 0; i < 4; i++)
        (void)pthread_join(threads[i], NULL);
}

/* ---- what a child finds */

static int child_of_child(void *unused)
{
    (void)unused;
    return sat_fork_generation() == 2 ? take_mutex(NULL) : 1;
}

static int is_next(void *unused)
{
    satchel_error err = {0};
    (void)unused;
    if (sat_fork_generation() != 1 || sat_fork_check(0, &err) != SATCHEL_CANCELLED ||
        sat_fork_check(1, NULL) != SATCHEL_OK || err.text[0] == '\0')
        return 1;
    return run_forked(child_of_child, NULL);
}

static void a_child_is_of_the_next_generation(void **state)
{
    (void)state;
    assert_int_equal(run_forked(is_next, NULL), 0);
    assert_int_equal(sat_fork_generation(), 0);
    assert_int_equal(sat_fork_check(0, NULL), SATCHEL_OK);
}

static int start(void **state)
{
    (void)state;
    return sat_fork_start(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fork_waits_for_whoever_holds_a_mutex),
        cmocka_unit_test(a_fork_waits_two_seconds_and_no_longer),
        cmocka_unit_test(nobody_enters_while_a_fork_is_prepared),
        cmocka_unit_test(waits_do_not_hold_a_fork_and_are_not_the_childs),
        cmocka_unit_test(whoever_forks_may_be_inside),
        cmocka_unit_test(threads_fork_at_once),
        cmocka_unit_test(a_child_is_of_the_next_generation),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
