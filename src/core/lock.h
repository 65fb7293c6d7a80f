/*
 * Mutexes and condition variables that end with their scope; a failing primitive is a bug: abort.
 *
 * Both survive a fork (core/fork.h): whoever holds a mutex is inside the gate, and a child finds
 * every mutex free. A wait on a condition variable is parked: when it begins, whatever any mutex of
 * the thread protects is whole. A mutex that is held over such a wait is the outermost.
 */
#ifndef SAT_CORE_LOCK_H
#define SAT_CORE_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct sat_mutex {
    pthread_mutex_t raw;
    atomic_uint generation; /* of the process that made `raw` */
};
/* For static ones; others use sat_mutex_init(). */
#define SAT_MUTEX_INIT {.raw = PTHREAD_MUTEX_INITIALIZER}

void sat_mutex_init(struct sat_mutex *mutex);
void sat_mutex_fini(struct sat_mutex *mutex);
void sat_mutex_lock(struct sat_mutex *mutex);
bool sat_mutex_try_lock(struct sat_mutex *mutex);
void sat_mutex_unlock(struct sat_mutex *mutex);

/*
 * Holds the mutex from this line to the end of the enclosing block, however it is left:
 *     SAT_LOCKED(&queue->lock);
 */
#define SAT_LOCKED(mutex)         SAT_LOCKED_AT_(mutex, __LINE__)
#define SAT_LOCKED_AT_(mutex, at) SAT_LOCKED_AS_(mutex, at)
#define SAT_LOCKED_AS_(mutex, at)                                                                  \
    __attribute__((cleanup(sat_guard_drop_), unused)) struct sat_guard sat_guard_##at =            \
        sat_guard_take_(mutex)

struct sat_guard {
    struct sat_mutex *held;
};
struct sat_guard sat_guard_take_(struct sat_mutex *mutex);
void sat_guard_drop_(struct sat_guard *guard);

/* A condition variable whose timed wait runs on CLOCK_MONOTONIC (the time of sat_clock_now_ns()).
 */
struct sat_cond {
    pthread_cond_t raw;
    atomic_uint generation;
};

void sat_cond_init(struct sat_cond *cond);
void sat_cond_fini(struct sat_cond *cond);
void sat_cond_signal(struct sat_cond *cond);
void sat_cond_broadcast(struct sat_cond *cond);
/* Both may wake without cause: call them in a loop that tests the condition. */
void sat_cond_wait(struct sat_cond *cond, struct sat_mutex *mutex);
/* false once the deadline has passed; a negative deadline never passes. */
bool sat_cond_wait_until(struct sat_cond *cond, struct sat_mutex *mutex, int64_t deadline_ns);

/* Runs `init` exactly once for all threads that come by; all return after it has finished. */
struct sat_once {
    pthread_once_t raw;
};
#define SAT_ONCE_INIT {.raw = PTHREAD_ONCE_INIT}
void sat_once(struct sat_once *once, void (*init)(void));

#endif
