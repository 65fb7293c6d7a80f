/*
 * The thread of a lane.
 *
 * An op is in one of four places: the inbox (shared), `ready` (in line, first come first served),
 * `delayed` (waits for its next attempt) or `active` (its exchange is under way). Lists are only
 * walked when a timer of theirs passed or a cancel came, so a long line costs nothing per reply:
 * the *_due_ns are lower bounds of the next time at which a walk can find something.
 *
 * The thread is inside the fork gate except between rounds and while it polls: so no fork finds
 * curl or the TLS library at work.
 */
#include "core/lane.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/alloc.h"
#include "core/attempt.h"
#include "core/clock.h"
#include "core/cred.h"
#include "core/engine.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/http.h"
#include "core/lock.h"
#include "core/retry.h"
#include "core/worker.h"

enum {
    IDLE_POLL_MS = 60 * 1000,
    LAND_MS = 5 * 1000, /* how long the reply to a part is waited for that is not wanted any more */
};

struct op_list {
    struct sat_op *first;
    struct sat_op **tail;
};

struct sat_lane {
    struct sat_http *http;
    unsigned long thread;
    unsigned in_flight;
    /* The lane thread's own. */
    struct op_list ready;
    int64_t ready_due_ns; /* the first deadline in `ready` is not before this */
    struct op_list delayed;
    int64_t delayed_due_ns; /* the first end of a delay is not before this */
    struct sat_op *active;
    unsigned active_count;
    /* Shared. */
    atomic_bool look;
    struct sat_mutex lock;
    struct {
        struct op_list inbox;
        bool stop;
    } locked;
};

/* ---- lists */

static void list_init(struct op_list *list)
{
    list->first = NULL;
    list->tail = &list->first;
}

static void push_back(struct op_list *list, struct sat_op *op)
{
    op->next = NULL;
    *list->tail = op;
    list->tail = &op->next;
}

static void put_before(struct op_list *list, const struct op_list *front)
{
    if (front->first == NULL)
        return;
    *front->tail = list->first;
    if (list->first == NULL)
        list->tail = front->tail;
    list->first = front->first;
}

static struct sat_op *pop_front(struct op_list *list)
{
    struct sat_op *op = list->first;
    list->first = op->next;
    if (list->first == NULL)
        list->tail = &list->first;
    op->next = NULL;
    return op;
}

/* Empties the list; its ops stay linked. */
static struct sat_op *take_all(struct op_list *list)
{
    struct sat_op *first = list->first;
    list_init(list);
    return first;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* ---- moving ops */

/* The line it waited in is its whole's own. */
static bool restart_clock(struct sat_op *op)
{
    sat_engine_restart_clock(op);
    return false;
}

/* Finishes an op that was cancelled or is late; false when it may go on. */
static bool end_early(struct sat_op *op, int64_t now)
{
    if (sat_attempt_cancelled(op))
        sat_attempt_set_cancelled(op);
    else if (op->deadline_ns > now)
        return false;
    else if (op->parent != NULL && op->attempts == 0)
        return restart_clock(op);
    else if (op->attempts == 0)
        sat_error_set(&op->err, SATCHEL_TIMEOUT,
                      "request_timeout passed before the request was sent");
    /* Else it waited for another attempt: the failure of the one before stands. */
    sat_engine_finish(op);
    return true;
}

/* The op waits for its time, or for less: its deadline is looked at, too. */
static void delay(struct sat_lane *lane, struct sat_op *op)
{
    push_back(&lane->delayed, op);
    lane->delayed_due_ns =
        earlier(lane->delayed_due_ns, earlier(op->not_before_ns, op->deadline_ns));
}

/* Each op of a detached list goes into the line, or ends. */
static void line_up(struct sat_lane *lane, struct sat_op *op, int64_t now)
{
    while (op != NULL) {
        struct sat_op *next = op->next;
        if (end_early(op, now)) {
            op = next;
            continue;
        }
        if (op->not_before_ns > now) {
            delay(lane, op);
        } else {
            push_back(&lane->ready, op);
            lane->ready_due_ns = earlier(lane->ready_due_ns, op->deadline_ns);
        }
        op = next;
    }
}

static void sweep_ready(struct sat_lane *lane, int64_t now)
{
    lane->ready_due_ns = INT64_MAX;
    line_up(lane, take_all(&lane->ready), now);
}

/* Ops whose delay is over go to the front of the line, in their order: they were there before. */
static void sweep_delayed(struct sat_lane *lane, int64_t now)
{
    struct op_list due;
    struct sat_op *op = take_all(&lane->delayed);
    list_init(&due);
    lane->delayed_due_ns = INT64_MAX;
    while (op != NULL) {
        struct sat_op *next = op->next;
        if (end_early(op, now)) {
            op = next;
            continue;
        }
        if (op->not_before_ns <= now || sat_cred_is_over(op)) {
            op->not_before_ns = earlier(op->not_before_ns, now);
            push_back(&due, op);
            lane->ready_due_ns = earlier(lane->ready_due_ns, op->deadline_ns);
        } else {
            delay(lane, op);
        }
        op = next;
    }
    put_before(&lane->ready, &due);
}

/*
 * True for a part whose last byte left: the store may take it even after its upload was aborted,
 * and keep it (S3 says so, and some make the upload anew). Its reply says that this is past.
 */
static bool may_land(const struct sat_op *op)
{
    bool part = op->kind == SAT_OP_PART_PUT || op->kind == SAT_OP_PART_COPY;
    return part && op->attempt->exchange.sent;
}

static void abort_cancelled(struct sat_lane *lane, int64_t now)
{
    int64_t until = now + LAND_MS * SAT_NS_PER_MS;
    for (struct sat_op *op = lane->active; op != NULL; op = op->next) {
        struct sat_exchange *exchange = &op->attempt->exchange;
        if (!sat_attempt_cancelled(op) || exchange->transfer == NULL)
            continue;
        if (may_land(op))
            exchange->deadline_ns = earlier(exchange->deadline_ns, until);
        else
            sat_http_abort(lane->http, exchange, SATCHEL_CANCELLED, "cancelled");
    }
}

/* True when the endpoint is not to get more requests now: the op waits. */
static bool holds_back(struct sat_lane *lane, struct sat_op *op, int64_t now)
{
    int64_t wait_ns =
        op->conn->adaptive ? sat_rate_take(sat_retry_rate(op->conn->retry_bucket), now) : 0;
    if (wait_ns == 0)
        return false;
    op->not_before_ns = now + wait_ns;
    delay(lane, op);
    return true;
}

/* True when the op has no keys: it waits for them, or ended without. */
static bool lacks_keys(struct sat_lane *lane, struct sat_op *op)
{
    switch (sat_cred_hold(op)) {
    case SAT_CRED_HELD:
        return false;
    case SAT_CRED_WAITS:
        op->not_before_ns = INT64_MAX;
        delay(lane, op);
        return true;
    case SAT_CRED_FAILED:
        break;
    }
    sat_engine_finish(op);
    return true;
}

static void start_op(struct sat_lane *lane, struct sat_op *op, int64_t now)
{
    satchel_error err = {0};
    if (end_early(op, now) || lacks_keys(lane, op) || holds_back(lane, op, now))
        return;
    if (op->parent != NULL && op->attempts == 0)
        sat_engine_restart_clock(op);
    if (sat_attempt_begin(op, lane->http, &err) != SATCHEL_OK) {
        op->err = err;
        sat_engine_finish(op);
        return;
    }
    op->next = lane->active;
    lane->active = op;
    lane->active_count++;
}

static void end_exchange(struct sat_lane *lane, struct sat_exchange *exchange)
{
    struct sat_op *op = exchange->user;
    struct sat_op **link = &lane->active;
    while (*link != op)
        link = &(*link)->next;
    *link = op->next;
    lane->active_count--;
    if (sat_attempt_end(op)) {
        delay(lane, op);
    } else {
        sat_engine_finish(op);
    }
}

static void end_exchanges(struct sat_lane *lane)
{
    struct sat_exchange *exchange = sat_http_next(lane->http);
    while (exchange != NULL) {
        end_exchange(lane, exchange);
        exchange = sat_http_next(lane->http);
    }
}

/* ---- the thread */

/* What came in since the last time; false when the lane is to stop. */
static bool take_inbox(struct sat_lane *lane, struct sat_op **first)
{
    SAT_LOCKED(&lane->lock);
    *first = take_all(&lane->locked.inbox);
    return !lane->locked.stop;
}

static int poll_ms(const struct sat_lane *lane, int64_t now)
{
    int64_t due = now + IDLE_POLL_MS * SAT_NS_PER_MS;
    if (lane->ready.first != NULL)
        due = earlier(due, lane->ready_due_ns);
    if (lane->delayed.first != NULL)
        due = earlier(due, lane->delayed_due_ns);
    return due <= now ? 0 : (int)((due - now) / SAT_NS_PER_MS) + 1;
}

static void run_round(struct sat_lane *lane, struct sat_op *arrived)
{
    int64_t now = sat_clock_now_ns();
    bool look = atomic_exchange(&lane->look, false);
    line_up(lane, arrived, now);
    if (look)
        abort_cancelled(lane, now);
    if (look || lane->delayed_due_ns <= now)
        sweep_delayed(lane, now);
    if (look || lane->ready_due_ns <= now)
        sweep_ready(lane, now);
    while (lane->ready.first != NULL && lane->active_count < lane->in_flight)
        start_op(lane, pop_front(&lane->ready), now);
    sat_http_poll(lane->http, poll_ms(lane, now));
    end_exchanges(lane);
}

static void end_list(struct sat_op *op)
{
    while (op != NULL) {
        struct sat_op *next = op->next;
        sat_attempt_set_cancelled(op);
        sat_engine_finish(op);
        op = next;
    }
}

/* The lane stops with ops in it. */
static void end_all(struct sat_lane *lane, struct sat_op *arrived)
{
    end_list(arrived);
    end_list(take_all(&lane->ready));
    end_list(take_all(&lane->delayed));
    for (struct sat_op *op = lane->active; op != NULL; op = op->next)
        sat_http_abort(lane->http, &op->attempt->exchange, SATCHEL_CANCELLED, "cancelled");
    end_exchanges(lane);
}

static void *lane_main(void *arg)
{
    struct sat_lane *lane = arg;
    struct sat_op *arrived = NULL;
    bool goes_on = true;
    while (goes_on) {
        goes_on = take_inbox(lane, &arrived);
        sat_fork_enter();
        if (goes_on)
            run_round(lane, arrived);
        else
            end_all(lane, arrived);
        sat_fork_leave();
    }
    return NULL;
}

int sat_lane_new(unsigned in_flight, struct sat_lane **lane, satchel_error *err)
{
    struct sat_lane *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    made->in_flight = in_flight;
    made->ready_due_ns = INT64_MAX;
    made->delayed_due_ns = INT64_MAX;
    list_init(&made->ready);
    list_init(&made->delayed);
    list_init(&made->locked.inbox);
    sat_mutex_init(&made->lock);
    int code = sat_http_new(in_flight, &made->http, err);
    if (code == SATCHEL_OK)
        code = sat_thread_start(lane_main, made, &made->thread, err);
    if (code == SATCHEL_OK) {
        *lane = made;
        return code;
    }
    sat_http_free(made->http);
    sat_mutex_fini(&made->lock);
    sat_free(made);
    return code;
}

void sat_lane_stop(struct sat_lane *lane)
{
    sat_mutex_lock(&lane->lock);
    bool first = !lane->locked.stop;
    lane->locked.stop = true;
    sat_mutex_unlock(&lane->lock);
    if (!first)
        return;
    sat_http_wakeup(lane->http);
    sat_thread_join(lane->thread);
}

void sat_lane_free(struct sat_lane *lane)
{
    if (lane == NULL)
        return;
    sat_lane_stop(lane);
    sat_http_free(lane->http);
    sat_mutex_fini(&lane->lock);
    sat_free(lane);
}

void sat_lane_put(struct sat_lane *lane, struct sat_op *op)
{
    sat_mutex_lock(&lane->lock);
    /* Else the thread was woken for what came before, and takes all of it at once. */
    bool first = lane->locked.inbox.first == NULL;
    bool stopped = lane->locked.stop;
    if (!stopped)
        push_back(&lane->locked.inbox, op);
    /* Under the lock: once the op is out, the lane may go. */
    if (!stopped && first)
        sat_http_wakeup(lane->http);
    sat_mutex_unlock(&lane->lock);
    if (stopped)
        end_list(op);
}

void sat_lane_look(struct sat_lane *lane)
{
    atomic_store(&lane->look, true);
    sat_http_wakeup(lane->http);
}
