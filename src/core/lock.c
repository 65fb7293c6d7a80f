/* Mutexes and condition variables that end with their scope; a failing primitive is a bug: abort.
 */
#include "lock.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "clock.h"

/*
 * On a valid object these calls cannot fail. An error means that a lock was destroyed, never made
 * or unlocked by a stranger; going on would corrupt data, so the process ends here.
 */
static void must(int result)
{
    if (result != 0)
        abort();
}

void sat_mutex_init(struct sat_mutex *mutex)
{
    must(pthread_mutex_init(&mutex->raw, NULL));
}

void sat_mutex_fini(struct sat_mutex *mutex)
{
    must(pthread_mutex_destroy(&mutex->raw));
}

void sat_mutex_lock(struct sat_mutex *mutex)
{
    must(pthread_mutex_lock(&mutex->raw));
}

bool sat_mutex_try_lock(struct sat_mutex *mutex)
{
    int result = pthread_mutex_trylock(&mutex->raw);
    if (result != EBUSY)
        must(result);
    return result == 0;
}

void sat_mutex_unlock(struct sat_mutex *mutex)
{
    must(pthread_mutex_unlock(&mutex->raw));
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

void sat_cond_init(struct sat_cond *cond)
{
    pthread_condattr_t attributes;
    must(pthread_condattr_init(&attributes));
    /* The default clock is the wall clock, which an administrator may set back by hours. */
    must(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    must(pthread_cond_init(&cond->raw, &attributes));
    must(pthread_condattr_destroy(&attributes));
}

void sat_cond_fini(struct sat_cond *cond)
{
    must(pthread_cond_destroy(&cond->raw));
}

void sat_cond_signal(struct sat_cond *cond)
{
    must(pthread_cond_signal(&cond->raw));
}

void sat_cond_broadcast(struct sat_cond *cond)
{
    must(pthread_cond_broadcast(&cond->raw));
}

void sat_cond_wait(struct sat_cond *cond, struct sat_mutex *mutex)
{
    must(pthread_cond_wait(&cond->raw, &mutex->raw));
}

bool sat_cond_wait_until(struct sat_cond *cond, struct sat_mutex *mutex, int64_t deadline_ns)
{
    if (deadline_ns < 0) {
        sat_cond_wait(cond, mutex);
        return true;
    }
    struct timespec until = {
        .tv_sec = (time_t)(deadline_ns / SAT_NS_PER_S),
        .tv_nsec = (long)(deadline_ns % SAT_NS_PER_S),
    };
    int result = pthread_cond_timedwait(&cond->raw, &mutex->raw, &until);
    if (result != ETIMEDOUT)
        must(result);
    return result == 0;
}

void sat_once(struct sat_once *once, void (*init)(void))
{
    must(pthread_once(&once->raw, init));
}
