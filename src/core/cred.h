/*
 * Credentials that a backend finds step by step: core makes the steps, keeps what they lead to, and
 * has one look-up under way for all ops of a connection that wait for it.
 */
#ifndef SAT_CORE_CRED_H
#define SAT_CORE_CRED_H

#include <stdbool.h>
#include <stdint.h>

#include <satchel/types.h>

#include "core/buf.h"

struct sat_conn;
struct sat_op;
struct sat_cred;

/* What a step (sat_backend.cred_step) asks core to do. */
enum sat_cred_want_kind {
    SAT_CRED_NOT_HERE, /* the connection has keys of its own, or signs nothing */
    SAT_CRED_READ_FILE,
    SAT_CRED_RUN,
    SAT_CRED_DONE,
};

/* How long a program may take. */
#define SAT_CRED_RUN_S 60

struct sat_cred_want {
    enum sat_cred_want_kind kind;
    const char *path;  /* READ_FILE; borrowed from the backend's state */
    char *command;     /* RUN: handed over */
    void *keys;        /* DONE: handed to sign, at last to cred_free */
    int64_t expires_s; /* DONE: Unix time; 0 = never */
};

/* What came of a want. */
struct sat_cred_reply {
    int os_errno;        /* READ_FILE failed with it; ENOENT also for a name that is "" */
    satchel_error err;   /* RUN failed */
    struct sat_buf text; /* the file, or what the program printed; cleansed once all is done */
};

/* One found set of keys, counted: what was taken is valid until it is dropped. */
struct sat_cred_set;
void *sat_cred_keys(const struct sat_cred_set *set); /* NULL for a NULL set */
void sat_cred_drop(struct sat_cred_set *set);        /* NULL is fine */

/*
 * The credentials of a connection whose backend is open; *cred stays NULL where it needs none.
 * Nothing is looked up yet.
 */
int sat_cred_new(struct sat_conn *conn, struct sat_cred **cred, satchel_error *err);
/* No op is under way. NULL is fine. */
void sat_cred_free(struct sat_cred *cred);

enum sat_cred_hold {
    SAT_CRED_HELD,   /* op->attempt has the keys for its next attempt */
    SAT_CRED_WAITS,  /* a worker looks them up: ask again when sat_cred_is_over() */
    SAT_CRED_FAILED, /* there are none: op->err */
};

/* Called by lanes, which are woken when a look-up is over. */
enum sat_cred_hold sat_cred_hold(struct sat_op *op);
bool sat_cred_is_over(const struct sat_op *op);
/*
 * The service calls these keys expired: the next attempt looks them up anew. False when they did
 * not come from here.
 */
bool sat_cred_reject(struct sat_cred *cred, const struct sat_cred_set *set);

#endif
