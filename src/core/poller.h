/*
 * Waiting for many sockets at once, on epoll(7): a wait costs one system call however many there
 * are, and a socket that is wanted again as it was costs none.
 *
 * One thread, apart from sat_poller_wake(). A forked child closes its copies (core/ownfd.h) and
 * never uses it.
 */
#ifndef SAT_CORE_POLLER_H
#define SAT_CORE_POLLER_H

#include <stdbool.h>
#include <stddef.h>

#include <satchel/types.h>

struct sat_poller;

enum { SAT_POLLER_READ = 1, SAT_POLLER_WRITE = 2, SAT_POLLER_FAULT = 4 };

struct sat_poller_event {
    int fd;
    unsigned what; /* READ, WRITE, FAULT */
};

int sat_poller_new(struct sat_poller **poller, satchel_error *err);
/* NULL is fine. */
void sat_poller_free(struct sat_poller *poller);
/*
 * This socket is forgotten (sat_poller_forget()) before it is closed: without interest it may stay
 * registered. One that is closed by others may not, for its number is soon another's. NOMEM.
 */
int sat_poller_adopt(struct sat_poller *poller, int fd, satchel_error *err);
/* From now on `what` of the socket is of interest: READ and WRITE, or 0. NOMEM or IO. */
int sat_poller_want(struct sat_poller *poller, int fd, unsigned what, satchel_error *err);
/* To be called before a socket is closed; one that was never wanted is fine. */
void sat_poller_forget(struct sat_poller *poller, int fd);
/*
 * Waits until something wanted happens, `timeout_ms` passed (0 = do not wait) or somebody woke it;
 * fills at most `room` events, wake-ups not among them, and returns their number.
 */
size_t sat_poller_wait(struct sat_poller *poller, int timeout_ms, struct sat_poller_event *events,
                       size_t room);
/* Makes the wait under way, or the next one, return. Any thread. */
void sat_poller_wake(struct sat_poller *poller);

#endif
