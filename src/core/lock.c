/* Mutexes and condition variables that end with their scope; a failing primitive is a bug: abort.
 */
#include "lock.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"
#include "fork.h"

/*
 * On a valid object these calls cannot fail. An error means that a lock was destroyed, never made
 * or unlocked by a stranger; going on would corrupt data, so the process ends here.
 */
static void must(int result)
{
    if (result != 0)
        abort();
}

/*
 * In a child a primitive may still count the parent's threads among its waiters: it is made anew by
 * the first thread that comes by, and never destroyed.
 */
static bool is_inherited(const atomic_uint *generation)
{
    return atomic_load_explicit(generation, memory_order_acquire) != sat_fork_generation();
}

static void renew(atomic_uint *generation, void (*make)(void *), void *raw)
{
    static pthread_mutex_t renewing = PTHREAD_MUTEX_INITIALIZER;
    sat_fork_enter();
    must(pthread_mutex_lock(&renewing));
    if (is_inherited(generation))
        make(raw);
    atomic_store_explicit(generation, sat_fork_generation(), memory_order_release);
    must(pthread_mutex_unlock(&renewing));
    sat_fork_leave();
}

static void make_mutex(void *raw)
{
    must(pthread_mutex_init(raw, NULL));
}

void sat_mutex_init(struct sat_mutex *mutex)
{
    make_mutex(&mutex->raw);
    atomic_init(&mutex->generation, sat_fork_generation());
}

void sat_mutex_fini(struct sat_mutex *mutex)
{
    if (!is_inherited(&mutex->generation))
        must(pthread_mutex_destroy(&mutex->raw));
}

/* Waits without the mutex, and for the mutex outside: its holder may be parked. */
static void enter_with(struct sat_mutex *mutex)
{
    while (!sat_fork_try_enter()) {
        must(pthread_mutex_unlock(&mutex->raw));
        sat_fork_wait();
        must(pthread_mutex_lock(&mutex->raw));
    }
}

void sat_mutex_lock(struct sat_mutex *mutex)
{
    if (is_inherited(&mutex->generation))
        renew(&mutex->generation, make_mutex, &mutex->raw);
    must(pthread_mutex_lock(&mutex->raw));
    enter_with(mutex);
}

bool sat_mutex_try_lock(struct sat_mutex *mutex)
{
    if (is_inherited(&mutex->generation))
        renew(&mutex->generation, make_mutex, &mutex->raw);
    int result = pthread_mutex_trylock(&mutex->raw);
    if (result == 0 && sat_fork_try_enter())
        return true;
    if (result == 0)
        must(pthread_mutex_unlock(&mutex->raw));
    else if (result != EBUSY)
        must(result);
    return false;
}

void sat_mutex_unlock(struct sat_mutex *mutex)
{
    /* A child that forked while it held the mutex: nobody holds it there. */
    if (!is_inherited(&mutex->generation))
        must(pthread_mutex_unlock(&mutex->raw));
    sat_fork_leave();
}

struct sat_guard sat_guard_take_(struct sat_mutex *mutex)
{
    sat_mutex_lock(mutex);
    return (struct sat_guard){.held = mutex};
}

void sat_guard_drop_(struct sat_guard *guard)
{
    sat_mutex_unlock(guard->held);
}

static void make_cond(void *raw)
{
    pthread_condattr_t attributes;
    must(pthread_condattr_init(&attributes));
    /* The default clock is the wall clock, which an administrator may set back by hours. */
    must(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    must(pthread_cond_init(raw, &attributes));
    must(pthread_condattr_destroy(&attributes));
}

static pthread_cond_t *renewed(struct sat_cond *cond)
{
    if (is_inherited(&cond->generation))
        renew(&cond->generation, make_cond, &cond->raw);
    return &cond->raw;
}

void sat_cond_init(struct sat_cond *cond)
{
    make_cond(&cond->raw);
    atomic_init(&cond->generation, sat_fork_generation());
}

void sat_cond_fini(struct sat_cond *cond)
{
    if (!is_inherited(&cond->generation))
        must(pthread_cond_destroy(&cond->raw));
}

void sat_cond_signal(struct sat_cond *cond)
{
    must(pthread_cond_signal(renewed(cond)));
}

void sat_cond_broadcast(struct sat_cond *cond)
{
    must(pthread_cond_broadcast(renewed(cond)));
}

void sat_cond_wait(struct sat_cond *cond, struct sat_mutex *mutex)
{
    (void)sat_cond_wait_until(cond, mutex, -1);
}

bool sat_cond_wait_until(struct sat_cond *cond, struct sat_mutex *mutex, int64_t deadline_ns)
{
    pthread_cond_t *raw = renewed(cond);
    unsigned depth = sat_fork_park();
    int result = 0;
    if (deadline_ns < 0) {
        result = pthread_cond_wait(raw, &mutex->raw);
    } else {
        const struct timespec until = {
            .tv_sec = (time_t)(deadline_ns / SAT_NS_PER_S),
            .tv_nsec = (long)(deadline_ns % SAT_NS_PER_S),
        };
        result = pthread_cond_timedwait(raw, &mutex->raw, &until);
    }
    if (result != ETIMEDOUT)
        must(result);
    enter_with(mutex);
    sat_fork_unpark(depth);
    return result == 0;
}

void sat_once(struct sat_once *once, void (*init)(void))
{
    must(pthread_once(&once->raw, init));
}
