/* A pool of threads for blocking work, started with the first task. */
#ifndef SAT_CORE_WORKER_H
#define SAT_CORE_WORKER_H

#include <satchel/types.h>

struct sat_workers;
struct sat_group;

/* Embedded in the submitter's own struct. A task must not wait for another task. */
struct sat_task {
    void (*run)(struct sat_task *task);
    struct sat_task *next;
    struct sat_group *group;
};

int sat_workers_new(unsigned threads, struct sat_workers **workers, satchel_error *err);
/* Joins the threads; no task may be under way. NULL is fine. */
void sat_workers_free(struct sat_workers *workers);
/* Runs task->run(task) on a worker. Fails only when not one thread can be started. */
int sat_workers_submit(struct sat_workers *workers, struct sat_task *task, satchel_error *err);

/* A group gathers finished tasks for the one thread that waits for them. */
int sat_group_new(struct sat_workers *workers, struct sat_group **group, satchel_error *err);
/* Every task must have come out. NULL is fine. */
void sat_group_free(struct sat_group *group);
int sat_group_submit(struct sat_group *group, struct sat_task *task, satchel_error *err);
/* The next finished task, waiting for it; NULL when none is under way. */
struct sat_task *sat_group_wait(struct sat_group *group);

/* Starts a thread with every signal blocked, so that handlers run in the program's own threads. */
int sat_thread_start(void *(*run)(void *), void *arg, unsigned long *id, satchel_error *err);
void sat_thread_join(unsigned long id);

#endif
