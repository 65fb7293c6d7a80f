/*
 * The engine: lanes (network threads, one curl multi each) and workers (threads for blocking
 * slots, hashing and disk). One engine serves every connection of the same settings; its threads
 * start with the first op that needs them.
 */
#ifndef SAT_CORE_ENGINE_H
#define SAT_CORE_ENGINE_H

#include <satchel/types.h>

struct sat_engine;
struct sat_op;
struct sat_queue;
struct sat_workers;

struct sat_engine_options {
    unsigned lanes;     /* 0 = min(4, cores / 2), at least 1 */
    unsigned workers;   /* 0 = 2 * cores, at least 4, at most 16 */
    unsigned in_flight; /* transfers at once on a lane; 0 = 16 */
};

/* The process's engine of these settings, made or shared; release with sat_engine_release(). */
int sat_engine_acquire(const struct sat_engine_options *options, struct sat_engine **engine,
                       satchel_error *err);
/* The last release joins the threads. No op may be under way. NULL is fine. */
void sat_engine_release(struct sat_engine *engine);
/*
 * Ends the lanes of every engine for good: network ops under way or submitted later come out
 * CANCELLED. For the end of the process.
 */
void sat_engines_stop(void);
/* The engine's workers, for tasks of one's own. */
struct sat_workers *sat_engine_workers(struct sat_engine *engine);
struct sat_attempts *sat_engine_attempts(struct sat_engine *engine);

/* Takes an op that passed the door's checks. Called by sat_op_submit() only. */
void sat_engine_submit(struct sat_engine *engine, struct sat_op *op);
/* Runs a local op in the calling thread. Called by sat_op_run() only. */
void sat_engine_run_here(struct sat_op *op);
/* The time of a part begins when it is sent: it may have waited in line for others of its whole. */
void sat_engine_restart_clock(struct sat_op *op);
/* The op is done: settles it first, or hands it to whoever waits. Called by workers and lanes. */
void sat_engine_finish(struct sat_op *op);
/* Makes the lanes look for cancelled ops. */
void sat_engine_wake(struct sat_engine *engine);

#endif
