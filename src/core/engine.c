/*
 * The engine moves ops to where they are done, and out of it.
 *
 * (1) An op has one owner at a time: its submitter, a worker, a look-up of credentials, or one
 *     lane. It changes hands only through a locked list, and comes out of its queue exactly once.
 * (2) A write that may have been applied although its reply was lost is settled (core/settle.h)
 *     before it comes out.
 * (3) Local slots run on a worker, or in the thread that waits; they are never repeated.
 * (4) Lanes belong to the generation they were started in: a forked child leaves its parent's
 *     alone, their connections and memory too, and starts its own.
 */
#include "core/engine.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/attempt.h"
#include "core/backend.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/lane.h"
#include "core/lock.h"
#include "core/part.h"
#include "core/settle.h"
#include "core/worker.h"

enum {
    LANES_MAX = 64,
    SETTLE_GRACE_MS = 500, /* a settling STAT may outlive its op's deadline by this */
};

struct sat_engine {
    struct sat_engine_options options;
    struct sat_engine *next; /* in the process's list */
    unsigned users;
    struct sat_workers *workers;
    struct sat_attempts attempts;
    atomic_uint next_lane;
    struct sat_mutex lock;     /* starting lanes */
    atomic_uint generation;    /* of the lanes */
    atomic_uint lanes_started; /* lanes[0 .. lanes_started) stand, until the engine goes */
    struct sat_lane *lanes[LANES_MAX];
};

static struct sat_mutex engines_lock = SAT_MUTEX_INIT;
static struct sat_engine *engines;
static atomic_bool stopped;

/* ---- lanes */

/* (4) How many lanes there are to use. */
static unsigned count_lanes(const struct sat_engine *engine)
{
    bool ours =
        atomic_load_explicit(&engine->generation, memory_order_acquire) == sat_fork_generation();
    return ours ? atomic_load_explicit(&engine->lanes_started, memory_order_acquire) : 0;
}

/* Starts the lanes with the first network op; one is enough to go on. */
static int need_lanes(struct sat_engine *engine, satchel_error *err)
{
    if (count_lanes(engine) > 0)
        return SATCHEL_OK;
    SAT_LOCKED(&engine->lock);
    unsigned started = count_lanes(engine);
    satchel_error why = {0};
    int code = SATCHEL_OK;
    if (started > 0)
        return SATCHEL_OK;
    if (atomic_load(&stopped))
        return sat_error_set(err, SATCHEL_CANCELLED, "the library was shut down");
    while (code == SATCHEL_OK && started < engine->options.lanes) {
        code = sat_lane_new(engine->options.in_flight, &engine->lanes[started], &why);
        if (code == SATCHEL_OK)
            started++;
    }
    if (started == 0)
        return sat_error_copy(err, &why);
    atomic_store_explicit(&engine->lanes_started, started, memory_order_release);
    atomic_store_explicit(&engine->generation, sat_fork_generation(), memory_order_release);
    return SATCHEL_OK;
}

static void put_in_lane(struct sat_engine *engine, struct sat_op *op)
{
    unsigned lanes = count_lanes(engine);
    unsigned i = atomic_fetch_add_explicit(&engine->next_lane, 1, memory_order_relaxed);
    sat_lane_put(engine->lanes[i % lanes], op);
}

void sat_engine_wake(struct sat_engine *engine)
{
    unsigned lanes = count_lanes(engine);
    for (unsigned i = 0; i < lanes; i++)
        sat_lane_look(engine->lanes[i]);
}

/* ---- completion */

/* (2): sends a STAT in front of the op's completion. False when it cannot be made. */
static bool start_settling(struct sat_op *op)
{
    struct sat_engine *engine = op->attempt->engine;
    struct sat_op *probe = sat_calloc(1, sizeof *probe);
    if (probe == NULL)
        return false;
    sat_settle_probe(op, probe);
    int64_t grace = sat_clock_now_ns() + SETTLE_GRACE_MS * SAT_NS_PER_MS;
    probe->deadline_ns = op->deadline_ns > grace ? op->deadline_ns : grace;
    if (sat_attempt_new(engine, probe) != SATCHEL_OK ||
        sat_attempt_hash(probe, &probe->err) != SATCHEL_OK) {
        sat_attempt_free(probe->attempt);
        sat_free(probe);
        return false;
    }
    probe->attempt->settles = op;
    put_in_lane(engine, probe);
    return true;
}

/* True when the op is not done yet: a STAT is under way. */
static bool settle(struct sat_op *op)
{
    switch (sat_settle_how(op)) {
    case SAT_SETTLE_NOT:
        return false;
    case SAT_SETTLE_BY_STAT:
        if (start_settling(op))
            return true;
        break;
    case SAT_SETTLE_IMPOSSIBLE:
        break;
    }
    sat_settle_unknown(op);
    return false;
}

static void hand_out(struct sat_op *op)
{
    op->err.attempts = (int)op->attempts;
    sat_attempt_free(op->attempt);
    op->attempt = NULL;
    sat_op_complete(op);
}

static void finish_settled(struct sat_op *probe, struct sat_op *op)
{
    sat_settle_apply(op, probe);
    sat_attempt_free(probe->attempt);
    sat_op_fini(probe);
    sat_free(probe);
    hand_out(op);
}

void sat_engine_finish(struct sat_op *op)
{
    if (op->attempt != NULL && op->attempt->settles != NULL)
        finish_settled(op, op->attempt->settles);
    else if (op->attempt == NULL || !settle(op))
        hand_out(op);
}

/* ---- workers */

static void set_deadline(struct sat_op *op)
{
    if (op->deadline_ns == 0)
        op->deadline_ns = sat_clock_now_ns() + (int64_t)op->conn->request_timeout_ms *
                                                   SAT_NS_PER_MS * sat_op_patience(op->kind);
    op->base_deadline_ns = op->deadline_ns;
    if (op->kind == SAT_OP_PUT || op->kind == SAT_OP_PART_PUT)
        sat_op_allow_bytes(op, op->source.length);
}

void sat_engine_restart_clock(struct sat_op *op)
{
    op->deadline_ns = 0;
    set_deadline(op);
}

void sat_engine_run_here(struct sat_op *op)
{
    int code = SATCHEL_OK;
    set_deadline(op);
    op->attempts = 0;
    op->unsettled = false;
    op->sink.moved = op->moved;
    sat_sink_rewind(&op->sink);
    if (atomic_load(&op->cancelled))
        code = sat_error_set(&op->err, SATCHEL_CANCELLED, "cancelled");
    if (code == SATCHEL_OK)
        code = sat_door_run(op, &op->err);
    if (code == SATCHEL_OK && op->kind == SAT_OP_GET)
        (void)sat_attempt_complete_get(op, &op->err);
    op->err.attempts = (int)op->attempts;
}

static void run_local(struct sat_task *task)
{
    struct sat_op *op = ((struct sat_attempt *)(void *)task)->op;
    sat_engine_run_here(op);
    sat_engine_finish(op);
}

static void run_hashing(struct sat_task *task)
{
    struct sat_attempt *attempt = (struct sat_attempt *)(void *)task;
    struct sat_op *op = attempt->op;
    if (sat_attempt_hash(op, &op->err) == SATCHEL_OK)
        put_in_lane(attempt->engine, op);
    else
        sat_engine_finish(op);
}

static int route(struct sat_engine *engine, struct sat_op *op)
{
    struct sat_attempt *attempt = op->attempt;
    if (op->conn->backend->slots[op->kind].run != NULL) {
        attempt->task.run = run_local;
        return sat_workers_submit(engine->workers, &attempt->task, &op->err);
    }
    int code = need_lanes(engine, &op->err);
    if (code != SATCHEL_OK)
        return code;
    if (sat_attempt_hash_is_long(op)) {
        attempt->task.run = run_hashing;
        return sat_workers_submit(engine->workers, &attempt->task, &op->err);
    }
    code = sat_attempt_hash(op, &op->err);
    if (code == SATCHEL_OK)
        put_in_lane(engine, op);
    return code;
}

void sat_engine_submit(struct sat_engine *engine, struct sat_op *op)
{
    set_deadline(op);
    op->not_before_ns =
        op->delay_ms == 0 ? 0 : sat_clock_now_ns() + (int64_t)op->delay_ms * SAT_NS_PER_MS;
    op->attempts = 0;
    op->unsettled = false;
    if (sat_part_wanted(op))
        sat_part_start(op);
    else if (sat_attempt_new(engine, op) != SATCHEL_OK || route(engine, op) != SATCHEL_OK)
        sat_engine_finish(op);
}

/* ---- the engine */

struct sat_workers *sat_engine_workers(struct sat_engine *engine)
{
    return engine->workers;
}

struct sat_attempts *sat_engine_attempts(struct sat_engine *engine)
{
    return &engine->attempts;
}

static unsigned clamp(long value, unsigned low, unsigned high)
{
    if (value < (long)low)
        return low;
    return value > (long)high ? high : (unsigned)value;
}

static struct sat_engine_options with_defaults(const struct sat_engine_options *options)
{
    struct sat_engine_options set = *options;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (set.lanes == 0)
        set.lanes = clamp(cores / 2, 1, 4);
    if (set.lanes > LANES_MAX)
        set.lanes = LANES_MAX;
    if (set.workers == 0)
        set.workers = clamp(cores * 2, 4, 16);
    if (set.in_flight == 0)
        set.in_flight = 16;
    return set;
}

static struct sat_engine *find_engine(const struct sat_engine_options *options)
{
    struct sat_engine *engine = engines;
    while (engine != NULL && memcmp(&engine->options, options, sizeof *options) != 0)
        engine = engine->next;
    return engine;
}

static int engine_new(const struct sat_engine_options *options, struct sat_engine **engine,
                      satchel_error *err)
{
    struct sat_engine *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    int code = sat_workers_new(options->workers, &made->workers, err);
    if (code != SATCHEL_OK) {
        sat_free(made);
        return code;
    }
    made->options = *options;
    sat_mutex_init(&made->lock);
    sat_attempts_init(&made->attempts);
    *engine = made;
    return SATCHEL_OK;
}

int sat_engine_acquire(const struct sat_engine_options *options, struct sat_engine **engine,
                       satchel_error *err)
{
    struct sat_engine_options set = with_defaults(options);
    int code = sat_fork_start(err);
    if (code != SATCHEL_OK)
        return code;
    SAT_LOCKED(&engines_lock);
    struct sat_engine *found = find_engine(&set);
    if (found == NULL) {
        code = engine_new(&set, &found, err);
        if (code != SATCHEL_OK)
            return code;
        found->next = engines;
        engines = found;
    }
    found->users++;
    *engine = found;
    return SATCHEL_OK;
}

/* Takes the engine out of the process's list when this was its last user. */
static bool drop_user(struct sat_engine *engine)
{
    SAT_LOCKED(&engines_lock);
    if (--engine->users > 0)
        return false;
    struct sat_engine **link = &engines;
    while (*link != engine)
        link = &(*link)->next;
    *link = engine->next;
    return true;
}

void sat_engines_stop(void)
{
    SAT_LOCKED(&engines_lock);
    atomic_store(&stopped, true);
    for (struct sat_engine *engine = engines; engine != NULL; engine = engine->next) {
        SAT_LOCKED(&engine->lock);
        for (unsigned i = 0; i < count_lanes(engine); i++)
            sat_lane_stop(engine->lanes[i]);
    }
}

void sat_engine_release(struct sat_engine *engine)
{
    if (engine == NULL || !drop_user(engine))
        return;
    sat_workers_free(engine->workers);
    for (unsigned i = 0; i < count_lanes(engine); i++)
        sat_lane_free(engine->lanes[i]);
    sat_attempts_fini(&engine->attempts);
    sat_mutex_fini(&engine->lock);
    sat_free(engine);
}
