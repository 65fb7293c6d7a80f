/*
 * What fork(2) must not break. A child has one thread; whatever the others held stays held in it.
 *
 * The gate: a thread that holds a lock of this library, uses a connection of SQLite or runs code of
 * curl is *inside*. fork() waits until nobody is, two seconds at most, and lets nobody in
 * meanwhile: so a child finds every structure whole and every lock free or renewed (core/lock.c).
 * Locks enter the gate by themselves. A wait that may be long (condition variables, poll, log
 * callbacks) is done *parked*: outside, with everything the thread's locks protect left whole.
 *
 * The generation counts the forks that led to this process. Threads, connections and cursors
 * belong to the generation they were made in; a child makes its own when it first needs them.
 */
#ifndef SAT_CORE_FORK_H
#define SAT_CORE_FORK_H

#include <stdbool.h>

#include <satchel/types.h>

/* Registers the handlers, once. Before the first thread, connection or socket. */
int sat_fork_start(satchel_error *err);
/*
 * Runs `hook` before every fork, with nobody else inside (or two seconds late); in every child,
 * before anything else runs there. One of each.
 */
void sat_fork_before(void (*hook)(void));
void sat_fork_in_child(void (*hook)(void));

unsigned sat_fork_generation(void);
/* CANCELLED when `generation` is not this process's: what it stands for is the parent's. */
int sat_fork_check(unsigned generation, satchel_error *err);

/* Nest. Entering waits while the process forks, unless the thread is inside already. */
void sat_fork_enter(void);
void sat_fork_leave(void);
/* False instead of waiting; sat_fork_wait() then waits outside. */
bool sat_fork_try_enter(void);
void sat_fork_wait(void);
/* Another thread wants to fork: those who wait for others inside the gate should leave it. */
bool sat_fork_pending(void);
/* Leaves however often it entered; returns what brings the thread back to where it was. */
unsigned sat_fork_park(void);
void sat_fork_unpark(unsigned depth);

#endif
