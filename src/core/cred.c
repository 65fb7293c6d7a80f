/*
 * Running credential steps.
 *
 * (1) An op that waits stays in its lane, which ends it when it is cancelled or late, and asks
 * again when the lanes are woken: a look-up knows no ops. It has a number, which an op remembers.
 * (2) Keys that were looked up for an op are used for it even if they are close to their end: an op
 *     never waits twice for one attempt.
 * (3) Keys near their end are still good: one op starts a look-up and goes on with what there is.
 *     Nearer to it, ops wait. If it fails, keys that have not ended stay.
 * (4) A look-up that was under way when the process forked is the parent's: the child begins its
 *     own.
 */
#include "core/cred.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>

#include "core/alloc.h"
#include "core/attempt.h"
#include "core/backend.h"
#include "core/clock.h"
#include "core/engine.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/os.h"
#include "core/process.h"
#include "core/worker.h"

enum {
    FILE_MAX = 1024 * 1024,
    RENEW_BEFORE_S = 10 * 60, /* keys closer to their end are not begun with */
    LOOK_AHEAD_S = 15 * 60,   /* closer ones are looked up again meanwhile */
    LOOK_AGAIN_S = 60,        /* after a look-up, whatever came of it */
};

struct sat_cred_set {
    atomic_uint users;
    void *keys;
    void (*free_keys)(void *keys);
    int64_t expires_s;
};

struct sat_cred {
    struct sat_task task; /* first */
    const struct sat_conn *conn;
    struct sat_mutex lock;
    struct sat_cond at_rest; /* nothing is looked up any more */
    struct {
        struct sat_cred_set *set;
        bool looking;
        unsigned number;       /* of the latest look-up, from 1 */
        satchel_error failure; /* of the latest that failed */
        int64_t again_s;       /* Unix time: before it, keys are used to their end */
        unsigned generation;   /* of the look-up under way (4) */
    } locked;
};

/* ---- sets */

void *sat_cred_keys(const struct sat_cred_set *set)
{
    return set == NULL ? NULL : set->keys;
}

static struct sat_cred_set *share(struct sat_cred_set *set)
{
    if (set != NULL)
        atomic_fetch_add(&set->users, 1);
    return set;
}

void sat_cred_drop(struct sat_cred_set *set)
{
    if (set == NULL || atomic_fetch_sub(&set->users, 1) > 1)
        return;
    set->free_keys(set->keys);
    sat_free(set);
}

/* Takes the keys over, also on failure. */
static int make_set(const struct sat_conn *conn, const struct sat_cred_want *want,
                    struct sat_cred_set **set, satchel_error *err)
{
    struct sat_cred_set *made = sat_calloc(1, sizeof *made);
    if (made == NULL) {
        conn->backend->cred_free(want->keys);
        return sat_error_nomem(err);
    }
    made->users = 1;
    made->keys = want->keys;
    made->free_keys = conn->backend->cred_free;
    made->expires_s = want->expires_s;
    *set = made;
    return SATCHEL_OK;
}

/* Whether the keys last so many seconds from now. */
static bool lasts(const struct sat_cred_set *set, int64_t now_s, int64_t more_s)
{
    return set != NULL && (set->expires_s == 0 || now_s + more_s < set->expires_s);
}

/* ---- steps */

/* Does what a step wants; what came of it, good or bad, is for the next step. */
static int fulfil(struct sat_cred_want *want, struct sat_vec *replies, satchel_error *err)
{
    SAT_AUTO_FREE char *command = want->command;
    struct sat_cred_reply *reply = sat_vec_add(replies);
    if (reply == NULL)
        return sat_error_nomem(err);
    sat_buf_init(&reply->text, FILE_MAX);
    /* Room for all at once: growing would leave copies of secrets behind. */
    if (sat_buf_reserve(&reply->text, FILE_MAX) == NULL)
        return sat_error_nomem(err);
    if (want->kind == SAT_CRED_RUN)
        (void)sat_process_run(command, sat_clock_now_ns() + SAT_CRED_RUN_S * SAT_NS_PER_S,
                              &reply->text, &reply->err);
    else
        reply->os_errno = -sat_os_read_file(AT_FDCWD, want->path, FILE_MAX, &reply->text);
    return SATCHEL_OK;
}

static void forget(struct sat_vec *replies)
{
    for (size_t i = 0; i < replies->len; i++) {
        struct sat_buf *text = &((struct sat_cred_reply *)sat_vec_at(replies, i))->text;
        if (text->data != NULL)
            sat_cleanse(text->data, text->len);
        sat_buf_fini(text);
    }
    sat_vec_fini(replies);
}

static int step(const struct sat_conn *conn, const struct sat_vec *replies,
                struct sat_cred_want *want, satchel_error *err)
{
    *want = (struct sat_cred_want){0};
    return conn->backend->cred_step(conn->state, sat_clock_wall_ns() / SAT_NS_PER_S, replies->data,
                                    replies->len, want, err);
}

static int look_up(const struct sat_conn *conn, struct sat_cred_set **set, satchel_error *err)
{
    struct sat_vec replies;
    struct sat_cred_want want;
    sat_vec_init(&replies, sizeof(struct sat_cred_reply));
    int code = step(conn, &replies, &want, err);
    while (code == SATCHEL_OK && want.kind != SAT_CRED_DONE) {
        code = fulfil(&want, &replies, err);
        if (code == SATCHEL_OK)
            code = step(conn, &replies, &want, err);
    }
    forget(&replies);
    return code == SATCHEL_OK ? make_set(conn, &want, set, err) : code;
}

/* (1) */
static void end_look_up(struct sat_cred *cred, struct sat_cred_set *found, const satchel_error *err)
{
    sat_mutex_lock(&cred->lock);
    struct sat_engine *engine = cred->conn->engine;
    struct sat_cred_set *old = NULL;
    int64_t now_s = sat_clock_wall_ns() / SAT_NS_PER_S;
    bool keeps = found == NULL && lasts(cred->locked.set, now_s, 0); /* (3) */
    if (!keeps) {
        old = cred->locked.set;
        cred->locked.set = found;
        cred->locked.failure = *err;
    }
    cred->locked.again_s = now_s + LOOK_AGAIN_S;
    cred->locked.looking = false;
    sat_cond_broadcast(&cred->at_rest);
    sat_mutex_unlock(&cred->lock);
    /* From here on the connection may be gone; the engine has this thread, and ends after it. */
    sat_cred_drop(old);
    sat_engine_wake(engine);
}

static void run_look_up(struct sat_task *task)
{
    struct sat_cred *cred = (struct sat_cred *)(void *)task;
    struct sat_cred_set *found = NULL;
    satchel_error err = {0};
    if (look_up(cred->conn, &found, &err) != SATCHEL_OK)
        SAT_INFO("no new credentials for %s: %s", cred->conn->uri, err.text);
    end_look_up(cred, found, &err);
}

/* ---- ops */

static void drop_inherited_locked(struct sat_cred *cred)
{
    if (cred->locked.generation == sat_fork_generation())
        return;
    cred->locked.generation = sat_fork_generation();
    cred->locked.looking = false;
}

/* Whether the look-up that the op waits for has ended. */
static bool is_over_locked(const struct sat_cred *cred, const struct sat_attempt *attempt)
{
    return attempt->awaits != 0 &&
           (attempt->awaits != cred->locked.number || !cred->locked.looking);
}

bool sat_cred_is_over(const struct sat_op *op)
{
    struct sat_cred *cred = op->conn->cred;
    if (cred == NULL)
        return false;
    SAT_LOCKED(&cred->lock);
    return is_over_locked(cred, op->attempt);
}

/* (2): what the look-up led to; WAITS when its keys were rejected since: there is neither. */
static enum sat_cred_hold take_result_locked(struct sat_cred *cred, struct sat_op *op)
{
    op->attempt->awaits = 0;
    op->attempt->keys = share(cred->locked.set);
    if (op->attempt->keys != NULL)
        return SAT_CRED_HELD;
    op->err = cred->locked.failure;
    return op->err.code == SATCHEL_OK ? SAT_CRED_WAITS : SAT_CRED_FAILED;
}

/* Hands out the keys, or has the op wait; *first when a look-up is to be started for it. */
static enum sat_cred_hold take(struct sat_cred *cred, struct sat_op *op, bool *first)
{
    int64_t now_s = sat_clock_wall_ns() / SAT_NS_PER_S;
    SAT_LOCKED(&cred->lock);
    *first = false;
    drop_inherited_locked(cred);
    enum sat_cred_hold result =
        is_over_locked(cred, op->attempt) ? take_result_locked(cred, op) : SAT_CRED_WAITS;
    if (result != SAT_CRED_WAITS)
        return result;
    bool early = now_s < cred->locked.again_s;
    bool good = lasts(cred->locked.set, now_s, early ? 0 : RENEW_BEFORE_S);
    bool wanted = !good || (!early && !lasts(cred->locked.set, now_s, LOOK_AHEAD_S));
    *first = wanted && !cred->locked.looking;
    cred->locked.looking = cred->locked.looking || wanted;
    cred->locked.number += *first;
    if (good) {
        op->attempt->keys = share(cred->locked.set);
        return SAT_CRED_HELD;
    }
    op->attempt->awaits = cred->locked.number;
    return SAT_CRED_WAITS;
}

enum sat_cred_hold sat_cred_hold(struct sat_op *op)
{
    struct sat_cred *cred = op->conn->cred;
    satchel_error err = {0};
    bool first;
    if (cred == NULL || op->attempt->keys != NULL) /* (2) */
        return SAT_CRED_HELD;
    enum sat_cred_hold hold = take(cred, op, &first);
    if (first &&
        sat_workers_submit(sat_engine_workers(cred->conn->engine), &cred->task, &err) != SATCHEL_OK)
        end_look_up(cred, NULL, &err);
    return hold;
}

bool sat_cred_reject(struct sat_cred *cred, const struct sat_cred_set *set)
{
    struct sat_cred_set *old = NULL;
    if (cred == NULL || set == NULL)
        return false;
    sat_mutex_lock(&cred->lock);
    if (cred->locked.set == set) {
        old = cred->locked.set;
        cred->locked.set = NULL;
    }
    sat_mutex_unlock(&cred->lock);
    sat_cred_drop(old);
    return true;
}

/* ---- the connection's */

int sat_cred_new(struct sat_conn *conn, struct sat_cred **cred, satchel_error *err)
{
    const struct sat_vec none = {0};
    struct sat_cred_want want;
    if (conn->backend->cred_step == NULL)
        return SATCHEL_OK;
    int code = step(conn, &none, &want, err);
    sat_free(want.command); /* what it wants is done when there is need */
    if (want.keys != NULL)
        conn->backend->cred_free(want.keys);
    if (code != SATCHEL_OK || want.kind == SAT_CRED_NOT_HERE)
        return code;
    struct sat_cred *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    made->task.run = run_look_up;
    made->conn = conn;
    sat_mutex_init(&made->lock);
    sat_cond_init(&made->at_rest);
    *cred = made;
    return SATCHEL_OK;
}

void sat_cred_free(struct sat_cred *cred)
{
    if (cred == NULL)
        return;
    sat_mutex_lock(&cred->lock);
    drop_inherited_locked(cred);
    while (cred->locked.looking) /* (3): nobody waited for it */
        sat_cond_wait(&cred->at_rest, &cred->lock);
    sat_mutex_unlock(&cred->lock);
    sat_cred_drop(cred->locked.set);
    sat_cond_fini(&cred->at_rest);
    sat_mutex_fini(&cred->lock);
    sat_free(cred);
}
