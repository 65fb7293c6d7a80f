/*
 * The gate between the library's threads and fork().
 *
 * (1) Who enters counts itself first and looks at `pending` then; who forks sets `pending` first
 *     and counts then. So one of the two sees the other.
 * (2) `inside` is spread over cache lines: every lock of the library passes here.
 * (3) Nothing is freed or ended in a child: what belongs to the parent's threads is left as it is.
 */
#include "fork.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "clock.h"
#include "error.h"

enum { SHARDS = 16, PATIENCE_S = 2 };

static struct shard {
    _Alignas(64) atomic_uint inside;
} shards[SHARDS];

static atomic_bool pending;
static atomic_uint generation;
static _Atomic(void (*)(void)) hook_before;
static _Atomic(void (*)(void)) hook_in_child;

static _Thread_local struct shard *own;
static _Thread_local unsigned depth;

/* Held from before a fork until after it. */
static pthread_mutex_t forking = PTHREAD_MUTEX_INITIALIZER;
/* The forking thread sleeps here until those inside have left. */
static pthread_mutex_t leaving = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t left;

/* ---- the gate */

static void leave_shard(void)
{
    (void)atomic_fetch_sub(&own->inside, 1);
    if (!atomic_load(&pending))
        return;
    (void)pthread_mutex_lock(&leaving);
    (void)pthread_cond_signal(&left);
    (void)pthread_mutex_unlock(&leaving);
}

bool sat_fork_try_enter(void)
{
    static atomic_uint next;
    if (own == NULL)
        own = &shards[atomic_fetch_add(&next, 1) % SHARDS];
    if (depth == 0) {
        (void)atomic_fetch_add(&own->inside, 1); /* (1) */
        if (atomic_load(&pending)) {
            leave_shard();
            return false;
        }
    }
    depth++;
    return true;
}

void sat_fork_wait(void)
{
    (void)pthread_mutex_lock(&forking);
    (void)pthread_mutex_unlock(&forking);
}

void sat_fork_enter(void)
{
    while (!sat_fork_try_enter())
        sat_fork_wait();
}

void sat_fork_leave(void)
{
    if (--depth == 0)
        leave_shard();
}

bool sat_fork_pending(void)
{
    return atomic_load_explicit(&pending, memory_order_relaxed);
}

unsigned sat_fork_park(void)
{
    unsigned was = depth;
    depth = 0;
    if (was > 0)
        leave_shard();
    return was;
}

void sat_fork_unpark(unsigned was)
{
    if (was == 0)
        return;
    sat_fork_enter();
    depth = was;
}

/* ---- generations */

unsigned sat_fork_generation(void)
{
    return atomic_load_explicit(&generation, memory_order_relaxed);
}

int sat_fork_check(unsigned made_in, satchel_error *err)
{
    if (made_in == sat_fork_generation())
        return SATCHEL_OK;
    return sat_error_set(err, SATCHEL_CANCELLED,
                         "begun before this process was forked: begin it again here");
}

/* ---- around a fork */

static void wait_until_empty(void)
{
    int64_t due_ns = sat_clock_now_ns() + PATIENCE_S * SAT_NS_PER_S;
    const struct timespec due = {.tv_sec = (time_t)(due_ns / SAT_NS_PER_S),
                                 .tv_nsec = (long)(due_ns % SAT_NS_PER_S)};
    int result = 0;
    (void)pthread_mutex_lock(&leaving);
    for (unsigned i = 0; i < SHARDS; i++) {
        unsigned expected = depth > 0 && own == &shards[i] ? 1 : 0;
        while (result == 0 && atomic_load(&shards[i].inside) > expected)
            result = pthread_cond_timedwait(&left, &leaving, &due);
    }
    (void)pthread_mutex_unlock(&leaving);
}

static void run_hook(_Atomic(void (*)(void)) *hook)
{
    void (*run)(void) = atomic_load(hook);
    if (run != NULL)
        run();
}

static void prepare(void)
{
    (void)pthread_mutex_lock(&forking);
    atomic_store(&pending, true); /* (1) */
    wait_until_empty();
    depth++; /* the gate does not close for this thread */
    run_hook(&hook_before);
}

static void in_parent(void)
{
    depth--;
    atomic_store(&pending, false);
    (void)pthread_mutex_unlock(&forking);
}

static void make_left(void)
{
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&left, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

static void in_child(void)
{
    atomic_fetch_add(&generation, 1);
    for (unsigned i = 0; i < SHARDS; i++)
        atomic_store(&shards[i].inside, 0);
    if (depth > 1)
        atomic_store(&own->inside, 1);
    (void)pthread_mutex_init(&leaving, NULL);
    make_left();
    run_hook(&hook_in_child);
    in_parent();
}

void sat_fork_before(void (*hook)(void))
{
    atomic_store(&hook_before, hook);
}

void sat_fork_in_child(void (*hook)(void))
{
    atomic_store(&hook_in_child, hook);
}

static int started;

static void start(void)
{
    make_left();
    started = pthread_atfork(prepare, in_parent, in_child);
}

int sat_fork_start(satchel_error *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, start);
    return started == 0 ? SATCHEL_OK : sat_error_nomem(err);
}
