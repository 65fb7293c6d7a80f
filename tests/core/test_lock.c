/* Scoped locks, timed waits, once. */
#include "support/test.h"

#include <pthread.h>

#include "core/clock.h"
#include "core/lock.h"

enum { THREADS = 4, ROUNDS = 5000 };

static struct sat_mutex shared_lock = SAT_MUTEX_INIT;
static long shared_count;

static int leave_early(struct sat_mutex *mutex, bool early)
{
    SAT_LOCKED(mutex);
    if (early)
        return 1;
    return 2;
}

static void a_scoped_lock_ends_with_its_scope(void **state)
{
    (void)state;
    struct sat_mutex mutex;
    sat_mutex_init(&mutex);
    {
        SAT_LOCKED(&mutex);
        assert_false(sat_mutex_try_lock(&mutex));
    }
    assert_int_equal(leave_early(&mutex, true), 1);
    assert_int_equal(leave_early(&mutex, false), 2);
    assert_true(sat_mutex_try_lock(&mutex));
    sat_mutex_unlock(&mutex);
    sat_mutex_fini(&mutex);
}

static void *count_up(void *unused)
{
    (void)unused;
    for (int i = 0; i < ROUNDS; i++) {
        SAT_LOCKED(&shared_lock);
        shared_count++;
    }
    return NULL;
}

static void threads_exclude_each_other(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    shared_count = 0;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(shared_count, (long)THREADS * ROUNDS);
}

struct signal_state {
    struct sat_mutex lock;
    struct sat_cond changed;
    bool ready;
};

static void *make_ready(void *data)
{
    struct signal_state *shared = data;
    SAT_LOCKED(&shared->lock);
    shared->ready = true;
    sat_cond_broadcast(&shared->changed);
    return NULL;
}

static void a_wait_sees_the_broadcast(void **state)
{
    (void)state;
    struct signal_state shared = {.ready = false};
    pthread_t thread;
    sat_mutex_init(&shared.lock);
    sat_cond_init(&shared.changed);
    assert_int_equal(pthread_create(&thread, NULL, make_ready, &shared), 0);
    sat_mutex_lock(&shared.lock);
    int64_t deadline = sat_clock_now_ns() + 60 * SAT_NS_PER_S;
    while (!shared.ready)
        assert_true(sat_cond_wait_until(&shared.changed, &shared.lock, deadline));
    sat_mutex_unlock(&shared.lock);
    assert_int_equal(pthread_join(thread, NULL), 0);
    sat_cond_fini(&shared.changed);
    sat_mutex_fini(&shared.lock);
}

static void a_wait_ends_at_its_deadline(void **state)
{
    (void)state;
    struct sat_mutex mutex;
    struct sat_cond cond;
    sat_mutex_init(&mutex);
    sat_cond_init(&cond);
    int64_t deadline = sat_clock_now_ns() + 5 * SAT_NS_PER_MS;
    {
        SAT_LOCKED(&mutex);
        while (sat_cond_wait_until(&cond, &mutex, deadline)) {
        }
    }
    assert_true(sat_clock_now_ns() >= deadline);
    assert_true(sat_mutex_try_lock(&mutex));
    sat_mutex_unlock(&mutex);
    sat_cond_fini(&cond);
    sat_mutex_fini(&mutex);
}

static int inits;

static void init_once(void)
{
    inits++;
}

static void once_runs_once(void **state)
{
    (void)state;
    static struct sat_once once = SAT_ONCE_INIT;
    sat_once(&once, init_once);
    sat_once(&once, init_once);
    assert_int_equal(inits, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_scoped_lock_ends_with_its_scope),
        cmocka_unit_test(threads_exclude_each_other),
        cmocka_unit_test(a_wait_sees_the_broadcast),
        cmocka_unit_test(a_wait_ends_at_its_deadline),
        cmocka_unit_test(once_runs_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
