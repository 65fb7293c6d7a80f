/*
 * A pool of threads for blocking work: one list, one lock; tasks are too large for more to pay.
 * After a fork the child's pool is empty: threads and tasks were the parent's.
 */
#include "core/worker.h"

#include <pthread.h>
#include <signal.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/lock.h"

struct sat_workers {
    struct sat_mutex lock;
    struct sat_cond work;
    unsigned max_threads;
    unsigned long *threads;
    struct {
        unsigned generation; /* of the threads and tasks */
        unsigned started;
        unsigned idle;   /* threads that wait for work */
        unsigned queued; /* tasks that no thread has taken yet */
        bool stop;
        struct sat_task *first;
        struct sat_task **tail;
    } locked;
};

struct sat_group {
    struct sat_workers *workers;
    struct sat_mutex lock;
    struct sat_cond ready;
    struct {
        size_t under_way;
        struct sat_task *first;
        struct sat_task **tail;
    } locked;
};

int sat_thread_start(void *(*run)(void *), void *arg, unsigned long *id, satchel_error *err)
{
    sigset_t all;
    sigset_t before;
    pthread_t thread;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&thread, NULL, run, arg);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc != 0)
        return sat_error_os(err, rc, "starting a thread");
    *id = thread;
    return SATCHEL_OK;
}

void sat_thread_join(unsigned long id)
{
    (void)pthread_join(id, NULL);
}

int sat_workers_new(unsigned threads, struct sat_workers **workers, satchel_error *err)
{
    struct sat_workers *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    made->threads = sat_calloc(threads, sizeof *made->threads);
    if (made->threads == NULL) {
        sat_free(made);
        return sat_error_nomem(err);
    }
    made->max_threads = threads;
    made->locked.generation = sat_fork_generation();
    made->locked.tail = &made->locked.first;
    sat_mutex_init(&made->lock);
    sat_cond_init(&made->work);
    *workers = made;
    return SATCHEL_OK;
}

static void drop_inherited_locked(struct sat_workers *workers)
{
    if (workers->locked.generation == sat_fork_generation())
        return;
    workers->locked.generation = sat_fork_generation();
    workers->locked.started = 0;
    workers->locked.idle = 0;
    workers->locked.queued = 0;
    workers->locked.first = NULL;
    workers->locked.tail = &workers->locked.first;
}

void sat_workers_free(struct sat_workers *workers)
{
    if (workers == NULL)
        return;
    sat_mutex_lock(&workers->lock);
    drop_inherited_locked(workers);
    workers->locked.stop = true;
    sat_cond_broadcast(&workers->work);
    unsigned started = workers->locked.started;
    sat_mutex_unlock(&workers->lock);
    for (unsigned i = 0; i < started; i++)
        sat_thread_join(workers->threads[i]);
    sat_cond_fini(&workers->work);
    sat_mutex_fini(&workers->lock);
    sat_free(workers->threads);
    sat_free(workers);
}

/* The next task, or NULL when the pool stops. */
static struct sat_task *take_task(struct sat_workers *workers)
{
    SAT_LOCKED(&workers->lock);
    while (workers->locked.first == NULL) {
        if (workers->locked.stop)
            return NULL;
        workers->locked.idle++;
        sat_cond_wait(&workers->work, &workers->lock);
        workers->locked.idle--;
    }
    struct sat_task *task = workers->locked.first;
    workers->locked.first = task->next;
    if (workers->locked.first == NULL)
        workers->locked.tail = &workers->locked.first;
    workers->locked.queued--;
    return task;
}

static void group_done(struct sat_group *group, struct sat_task *task)
{
    SAT_LOCKED(&group->lock);
    task->next = NULL;
    *group->locked.tail = task;
    group->locked.tail = &task->next;
    sat_cond_signal(&group->ready);
}

static void *worker_main(void *arg)
{
    struct sat_workers *workers = arg;
    struct sat_task *task = take_task(workers);
    while (task != NULL) {
        /* A task without a group may be gone once it ran. */
        struct sat_group *group = task->group;
        task->run(task);
        if (group != NULL)
            group_done(group, task);
        task = take_task(workers);
    }
    return NULL;
}

int sat_workers_submit(struct sat_workers *workers, struct sat_task *task, satchel_error *err)
{
    SAT_LOCKED(&workers->lock);
    drop_inherited_locked(workers);
    /* An idle thread may have been woken for a task before this one and not be up yet. */
    bool all_busy = workers->locked.queued >= workers->locked.idle;
    if (all_busy && workers->locked.started < workers->max_threads) {
        unsigned i = workers->locked.started;
        satchel_error why = {0};
        if (sat_thread_start(worker_main, workers, &workers->threads[i], &why) == SATCHEL_OK)
            workers->locked.started++;
        else if (workers->locked.started == 0)
            return sat_error_copy(err, &why);
    }
    workers->locked.queued++;
    task->next = NULL;
    *workers->locked.tail = task;
    workers->locked.tail = &task->next;
    sat_cond_signal(&workers->work);
    return SATCHEL_OK;
}

int sat_group_new(struct sat_workers *workers, struct sat_group **group, satchel_error *err)
{
    struct sat_group *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    made->workers = workers;
    made->locked.tail = &made->locked.first;
    sat_mutex_init(&made->lock);
    sat_cond_init(&made->ready);
    *group = made;
    return SATCHEL_OK;
}

void sat_group_free(struct sat_group *group)
{
    if (group == NULL)
        return;
    sat_cond_fini(&group->ready);
    sat_mutex_fini(&group->lock);
    sat_free(group);
}

int sat_group_submit(struct sat_group *group, struct sat_task *task, satchel_error *err)
{
    task->group = group;
    sat_mutex_lock(&group->lock);
    group->locked.under_way++;
    sat_mutex_unlock(&group->lock);
    int code = sat_workers_submit(group->workers, task, err);
    if (code != SATCHEL_OK) {
        SAT_LOCKED(&group->lock);
        group->locked.under_way--;
    }
    return code;
}

struct sat_task *sat_group_wait(struct sat_group *group)
{
    SAT_LOCKED(&group->lock);
    while (group->locked.first == NULL) {
        if (group->locked.under_way == 0)
            return NULL;
        sat_cond_wait(&group->ready, &group->lock);
    }
    struct sat_task *task = group->locked.first;
    group->locked.first = task->next;
    if (group->locked.first == NULL)
        group->locked.tail = &group->locked.first;
    group->locked.under_way--;
    return task;
}
