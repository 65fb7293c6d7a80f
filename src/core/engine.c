/*
 * The engine moves ops through their attempts.
 *
 * (1) An op has one owner at a time: its submitter, a worker, or one lane. It changes hands only
 *     through a locked list, and comes out of its queue exactly once.
 * (2) Every attempt is built and signed anew; a source is replayed from its first byte, a sink is
 *     rewound.
 * (3) A GET is done only when its length and checksum fit what the reply's head promised.
 * (4) A write that may have been applied although its reply was lost is settled (core/settle.h)
 *     before it comes out.
 * (5) Local slots run on a worker, or in the thread that waits; they are never repeated.
 */
#include "core/engine.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/backend.h"
#include "core/clock.h"
#include "core/crc.h"
#include "core/digest.h"
#include "core/error.h"
#include "core/http.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/retry.h"
#include "core/settle.h"
#include "core/worker.h"

enum {
    LANES_MAX = 16,
    HASH_INLINE_MAX = 64 * 1024, /* larger bodies are hashed on a worker */
    HASH_BLOCK = 256 * 1024,
    IDLE_POLL_MS = 60 * 1000,
    SETTLE_GRACE_MS = 500, /* a settling STAT may outlive its op's deadline by this */
};

/* What an op carries while the engine owns it. */
struct sat_attempt {
    struct sat_task task; /* first: hashing, or the local slot */
    struct sat_op *op;
    struct sat_engine *engine;
    struct sat_request request;
    struct sat_exchange exchange;
    struct sat_op *settles; /* this op is the STAT that settles that one */
};

struct sat_lane {
    struct sat_engine *engine;
    struct sat_http *http;
    unsigned long thread;
    /* The lane thread's own. */
    struct sat_op *waiting; /* not yet started, or waiting for a retry */
    struct sat_op *active_list;
    unsigned active;
    struct sat_mutex lock;
    struct {
        struct sat_op *inbox;
        struct sat_op **tail;
        bool stop;
    } locked;
};

struct sat_engine {
    struct sat_engine_options options;
    struct sat_engine *next; /* in the process's list */
    unsigned users;
    struct sat_workers *workers;
    atomic_uint next_lane;
    atomic_bool lanes_ready;
    struct sat_mutex lock; /* starting lanes */
    struct sat_lane lanes[LANES_MAX];
    unsigned lanes_started;
};

static struct sat_mutex engines_lock = SAT_MUTEX_INIT;
static struct sat_engine *engines;

static void finish_op(struct sat_op *op);

/* ---- digests of a body */

static int hash_source(const struct sat_source *source, unsigned needs, struct sat_request *request,
                       satchel_error *err)
{
    struct sat_sha256 sha;
    size_t got = 0;
    uint64_t at = 0;
    SAT_AUTO_FREE char *block = source->kind == SAT_SOURCE_FILE ? sat_malloc(HASH_BLOCK) : NULL;
    if (source->kind == SAT_SOURCE_FILE && block == NULL)
        return sat_error_nomem(err);
    sat_sha256_init(&sha);
    request->crc64 = 0;
    while (at < source->length) {
        const char *data = source->data + at;
        got = (size_t)source->length;
        if (block != NULL) {
            int code = sat_source_read(source, at, block, HASH_BLOCK, &got, err);
            if (code != SATCHEL_OK)
                return code;
            data = block;
        }
        if (needs & SAT_NEED_SHA256)
            sat_sha256_update(&sha, data, got);
        if (needs & SAT_NEED_CRC64)
            request->crc64 = sat_crc64(request->crc64, data, got);
        at += got;
    }
    sat_sha256_final(&sha, request->sha256);
    return SATCHEL_OK;
}

/* Digests of op->source; bodies that `build` writes are small and hashed when it returns. */
static int prepare_digests(struct sat_op *op, satchel_error *err)
{
    struct sat_request *request = &op->attempt->request;
    const struct sat_backend *backend = op->conn->backend;
    unsigned needs = backend->needs == NULL ? 0 : backend->needs(op->conn->state, op);
    request->has_sha256 = (needs & SAT_NEED_SHA256) != 0;
    request->has_crc64 = (needs & SAT_NEED_CRC64) != 0;
    return needs == 0 ? SATCHEL_OK : hash_source(&op->source, needs, request, err);
}

static void digest_built_body(struct sat_request *request)
{
    if (request->body_is_source || !request->has_sha256)
        return;
    sat_sha256(sat_buf_span(&request->body), request->sha256);
}

/* ---- completion */

static void attempt_free(struct sat_attempt *attempt)
{
    if (attempt == NULL)
        return;
    sat_request_fini(&attempt->request);
    sat_exchange_fini(&attempt->exchange);
    sat_free(attempt);
}

static int attempt_new(struct sat_engine *engine, struct sat_op *op)
{
    struct sat_attempt *attempt = sat_calloc(1, sizeof *attempt);
    if (attempt == NULL)
        return sat_error_nomem(&op->err);
    attempt->op = op;
    attempt->engine = engine;
    sat_request_init(&attempt->request);
    sat_exchange_init(&attempt->exchange);
    op->attempt = attempt;
    return SATCHEL_OK;
}

static void put_in_lane(struct sat_lane *lane, struct sat_op *op)
{
    sat_mutex_lock(&lane->lock);
    op->next = NULL;
    *lane->locked.tail = op;
    lane->locked.tail = &op->next;
    sat_mutex_unlock(&lane->lock);
    sat_http_wakeup(lane->http);
}

static struct sat_lane *choose_lane(struct sat_engine *engine)
{
    unsigned i = atomic_fetch_add_explicit(&engine->next_lane, 1, memory_order_relaxed);
    return &engine->lanes[i % engine->lanes_started];
}

/* (4): sends a STAT in front of the op's completion. False when it cannot be made. */
static bool start_settling(struct sat_op *op)
{
    struct sat_engine *engine = op->attempt->engine;
    struct sat_op *probe = sat_calloc(1, sizeof *probe);
    if (probe == NULL)
        return false;
    sat_settle_probe(op, probe);
    probe->submitted_ns = sat_clock_now_ns();
    int64_t grace = probe->submitted_ns + SETTLE_GRACE_MS * SAT_NS_PER_MS;
    probe->deadline_ns = op->deadline_ns > grace ? op->deadline_ns : grace;
    if (attempt_new(engine, probe) != SATCHEL_OK) {
        sat_free(probe);
        return false;
    }
    probe->attempt->settles = op;
    put_in_lane(choose_lane(engine), probe);
    return true;
}

static void finish_settled(struct sat_op *probe, struct sat_op *op)
{
    sat_settle_apply(op, probe);
    attempt_free(probe->attempt);
    sat_op_fini(probe);
    sat_free(probe);
    op->unsettled = false;
    finish_op(op);
}

/* The op is done: settles it, or hands it to whoever waits. */
static void finish_op(struct sat_op *op)
{
    if (op->attempt != NULL && op->attempt->settles != NULL) {
        finish_settled(op, op->attempt->settles);
        return;
    }
    op->err.attempts = (int)op->attempts;
    if (op->attempt != NULL && sat_settle_needed(op)) {
        if (start_settling(op))
            return;
        sat_error_set(&op->err, SATCHEL_UNKNOWN_OUTCOME, "%s '%s': out of memory settling it",
                      sat_op_kind_text(op->kind), op->key);
    }
    attempt_free(op->attempt);
    op->attempt = NULL;
    if (op->queue != NULL)
        sat_queue_complete(op->queue, op);
}

static void fail_op(struct sat_op *op, int code, const char *text)
{
    sat_error_set(&op->err, code, "%s", text);
    finish_op(op);
}

/* (3) */
static int verify_body(struct sat_op *op, satchel_error *err)
{
    const struct sat_info *info = &op->info;
    unsigned char md5[SAT_MD5_SIZE];
    uint64_t want = info->size > op->range_offset ? info->size - op->range_offset : 0;
    bool whole = op->range_offset == 0 && op->range_length == 0;
    if (op->range_length > 0 && op->range_length < want)
        want = op->range_length;
    if (op->sink.received != want)
        return sat_error_set(err, SATCHEL_INTEGRITY, "'%s': %llu bytes came, %llu were due",
                             op->key, (unsigned long long)op->sink.received,
                             (unsigned long long)want);
    if (whole && info->has_crc64 && op->sink.crc64 != info->crc64)
        return sat_error_set(err, SATCHEL_INTEGRITY,
                             "'%s': CRC64-NVME of the bytes is %016llx, the store says %016llx",
                             op->key, (unsigned long long)op->sink.crc64,
                             (unsigned long long)info->crc64);
    if (whole && sat_sink_md5(&op->sink, md5) && memcmp(md5, info->md5, sizeof md5) != 0)
        return sat_error_set(err, SATCHEL_INTEGRITY, "'%s': MD5 differs from the ETag", op->key);
    return SATCHEL_OK;
}

static int complete_get(struct sat_op *op, satchel_error *err)
{
    int code = sat_sink_finish(&op->sink, err);
    return code == SATCHEL_OK ? verify_body(op, err) : code;
}

/* ---- local slots */

void sat_engine_run_here(struct sat_op *op)
{
    if (op->deadline_ns == 0)
        op->deadline_ns =
            sat_clock_now_ns() + (int64_t)op->conn->request_timeout_ms * SAT_NS_PER_MS;
    int code = SATCHEL_OK;
    if (atomic_load(&op->cancelled))
        code = sat_error_set(&op->err, SATCHEL_CANCELLED, "cancelled");
    if (code == SATCHEL_OK)
        code = sat_door_run(op, &op->err);
    if (code == SATCHEL_OK && op->kind == SAT_OP_GET)
        (void)complete_get(op, &op->err);
    op->err.attempts = (int)op->attempts;
}

static void run_local(struct sat_task *task)
{
    struct sat_op *op = ((struct sat_attempt *)(void *)task)->op;
    sat_engine_run_here(op);
    finish_op(op);
}

static void run_hashing(struct sat_task *task)
{
    struct sat_attempt *attempt = (struct sat_attempt *)(void *)task;
    struct sat_op *op = attempt->op;
    if (prepare_digests(op, &op->err) != SATCHEL_OK)
        finish_op(op);
    else
        put_in_lane(choose_lane(attempt->engine), op);
}

/* ---- one attempt on a lane */

static int on_head(struct sat_exchange *exchange, satchel_error *err)
{
    struct sat_op *op = exchange->user;
    return sat_door_head(op, &exchange->reply, err);
}

static void fill_exchange(struct sat_op *op)
{
    const struct sat_conn *conn = op->conn;
    struct sat_exchange *exchange = &op->attempt->exchange;
    exchange->endpoint = &conn->endpoint;
    exchange->ca_file = conn->ca_file;
    exchange->insecure = conn->insecure;
    exchange->connect_timeout_ms = conn->connect_timeout_ms;
    exchange->response_timeout_ms = conn->response_timeout_ms;
    exchange->stall_timeout_ms = conn->stall_timeout_ms;
    exchange->deadline_ns = op->deadline_ns;
    exchange->request = &op->attempt->request;
    exchange->source = &op->source;
    exchange->sink = op->kind == SAT_OP_GET ? &op->sink : NULL;
    exchange->on_head = op->kind == SAT_OP_GET ? on_head : NULL;
    exchange->user = op;
}

static int begin_attempt(struct sat_lane *lane, struct sat_op *op, satchel_error *err)
{
    struct sat_attempt *attempt = op->attempt;
    sat_sink_rewind(&op->sink);
    int code = sat_door_build(op, &attempt->request, err);
    if (code != SATCHEL_OK)
        return code;
    digest_built_body(&attempt->request);
    code = sat_door_sign(op, &attempt->request, sat_clock_wall_ns() / SAT_NS_PER_S, err);
    if (code != SATCHEL_OK)
        return code;
    fill_exchange(op);
    return sat_http_start(lane->http, &attempt->exchange, err);
}

static bool is_write(const struct sat_op *op)
{
    return op->kind == SAT_OP_PUT || op->kind == SAT_OP_DELETE;
}

/* What became of the attempt: verdict, and op->err when it failed. */
static struct sat_verdict judge(struct sat_op *op)
{
    struct sat_exchange *exchange = &op->attempt->exchange;
    struct sat_verdict verdict = {0};
    satchel_error err = {0};
    if (exchange->err.code != SATCHEL_OK) {
        err = exchange->err;
        verdict.code = err.code;
        bool integrity = err.code == SATCHEL_INTEGRITY;
        verdict.retry =
            exchange->retryable || integrity ? SAT_RETRY_TRANSIENT : SAT_RETRY_NEVER;
    } else {
        sat_door_accept(op, &exchange->reply, &verdict, &err);
        if (verdict.code == SATCHEL_OK && op->kind == SAT_OP_GET) {
            verdict.code = complete_get(op, &err);
            verdict.retry = verdict.code == SATCHEL_INTEGRITY ? SAT_RETRY_TRANSIENT
                                                              : SAT_RETRY_NEVER;
        }
    }
    if (verdict.code != SATCHEL_OK && verdict.retry == SAT_RETRY_TRANSIENT && exchange->sent &&
        is_write(op))
        op->unsettled = true;
    err.code = verdict.code;
    err.http_status = exchange->reply.status;
    memcpy(err.endpoint, op->conn->endpoint.url,
           sizeof err.endpoint < sizeof op->conn->endpoint.url ? sizeof err.endpoint
                                                               : sizeof op->conn->endpoint.url);
    err.endpoint[sizeof err.endpoint - 1] = '\0';
    sat_redact(err.text);
    if (verdict.code == SATCHEL_OK)
        memset(&err, 0, sizeof err);
    op->err = err;
    return verdict;
}

/* True when another attempt is due; op->not_before_ns says when. */
static bool plan_retry(struct sat_op *op, const struct sat_verdict *verdict)
{
    const struct sat_conn *conn = op->conn;
    const struct sat_retry_policy policy = {
        .max_attempts = conn->max_retries > 0 ? conn->max_retries : 1,
        .base_ms = conn->retry_base_ms,
    };
    int64_t now = sat_clock_now_ns();
    int64_t left = op->deadline_ns - now;
    const struct sat_retry_state state = {
        .attempts = op->attempts,
        .retry = verdict->retry,
        .retry_after_ms = verdict->retry_after_ms,
        .remaining_ms = left > 0 ? (uint64_t)(left / SAT_NS_PER_MS) : 0,
        .skew_corrected = op->skew_corrected,
        .random = sat_random_u64(),
    };
    uint64_t delay_ms = 0;
    if (!sat_retry_due(&policy, &state, &delay_ms))
        return false;
    if (verdict->retry == SAT_RETRY_SKEW) {
        atomic_store(&op->conn->skew_s, verdict->skew_s);
        op->skew_corrected = true;
    }
    op->not_before_ns = now + (int64_t)delay_ms * SAT_NS_PER_MS;
    SAT_DEBUG("retry of '%s' in %llu ms: %s", op->key == NULL ? "" : op->key,
              (unsigned long long)delay_ms, op->err.text);
    return true;
}

/* ---- a lane */

static void unlink_active(struct sat_lane *lane, struct sat_op *op)
{
    struct sat_op **link = &lane->active_list;
    while (*link != op)
        link = &(*link)->next;
    *link = op->next;
    lane->active--;
}

static void wait_for_retry(struct sat_lane *lane, struct sat_op *op)
{
    op->next = lane->waiting;
    lane->waiting = op;
}

static void end_attempt(struct sat_lane *lane, struct sat_exchange *exchange)
{
    struct sat_op *op = exchange->user;
    unlink_active(lane, op);
    struct sat_verdict verdict = judge(op);
    if (verdict.code != SATCHEL_OK && !atomic_load(&op->cancelled) && plan_retry(op, &verdict))
        wait_for_retry(lane, op);
    else
        finish_op(op);
}

static void start_op(struct sat_lane *lane, struct sat_op *op)
{
    satchel_error err = {0};
    if (begin_attempt(lane, op, &err) != SATCHEL_OK) {
        op->err = err;
        finish_op(op);
        return;
    }
    op->next = lane->active_list;
    lane->active_list = op;
    lane->active++;
}

/* Starts what is due; returns milliseconds until the next waiting op is. */
static int start_due(struct sat_lane *lane)
{
    int64_t now = sat_clock_now_ns();
    int64_t next = now + IDLE_POLL_MS * SAT_NS_PER_MS;
    struct sat_op **link = &lane->waiting;
    while (*link != NULL) {
        struct sat_op *op = *link;
        bool room = lane->active < lane->engine->options.in_flight;
        if (atomic_load(&op->cancelled)) {
            *link = op->next;
            fail_op(op, SATCHEL_CANCELLED, "cancelled");
        } else if (op->deadline_ns <= now) {
            *link = op->next;
            fail_op(op, SATCHEL_TIMEOUT, "request_timeout passed before the request was sent");
        } else if (op->not_before_ns <= now && room) {
            *link = op->next;
            start_op(lane, op);
        } else {
            int64_t due = op->not_before_ns > now ? op->not_before_ns : op->deadline_ns;
            next = due < next ? due : next;
            link = &op->next;
        }
    }
    return (int)((next - now) / SAT_NS_PER_MS) + 1;
}

static void abort_cancelled(struct sat_lane *lane)
{
    for (struct sat_op *op = lane->active_list; op != NULL; op = op->next) {
        struct sat_exchange *exchange = &op->attempt->exchange;
        if (atomic_load(&op->cancelled) && exchange->transfer != NULL)
            sat_http_abort(lane->http, exchange, SATCHEL_CANCELLED, "cancelled");
    }
}

/* Moves the inbox behind what waits already. False when the lane is to stop. */
static bool take_inbox(struct sat_lane *lane)
{
    SAT_LOCKED(&lane->lock);
    struct sat_op **link = &lane->waiting;
    while (*link != NULL)
        link = &(*link)->next;
    *link = lane->locked.inbox;
    lane->locked.inbox = NULL;
    lane->locked.tail = &lane->locked.inbox;
    return !lane->locked.stop;
}

static void *lane_main(void *arg)
{
    struct sat_lane *lane = arg;
    while (take_inbox(lane)) {
        int timeout_ms = start_due(lane);
        abort_cancelled(lane);
        sat_http_poll(lane->http, timeout_ms);
        struct sat_exchange *exchange = sat_http_next(lane->http);
        while (exchange != NULL) {
            end_attempt(lane, exchange);
            exchange = sat_http_next(lane->http);
        }
    }
    return NULL;
}

static void lane_stop(struct sat_lane *lane)
{
    sat_mutex_lock(&lane->lock);
    lane->locked.stop = true;
    sat_mutex_unlock(&lane->lock);
    sat_http_wakeup(lane->http);
    sat_thread_join(lane->thread);
    sat_http_free(lane->http);
    sat_mutex_fini(&lane->lock);
}

static int lane_start(struct sat_engine *engine, struct sat_lane *lane, satchel_error *err)
{
    lane->engine = engine;
    lane->locked.tail = &lane->locked.inbox;
    int code = sat_http_new(engine->options.in_flight, &lane->http, err);
    if (code != SATCHEL_OK)
        return code;
    sat_mutex_init(&lane->lock);
    code = sat_thread_start(lane_main, lane, &lane->thread, err);
    if (code != SATCHEL_OK) {
        sat_mutex_fini(&lane->lock);
        sat_http_free(lane->http);
    }
    return code;
}

/* Starts the lanes with the first network op; one is enough to go on. */
static int need_lanes(struct sat_engine *engine, satchel_error *err)
{
    if (atomic_load_explicit(&engine->lanes_ready, memory_order_acquire))
        return SATCHEL_OK;
    SAT_LOCKED(&engine->lock);
    int code = SATCHEL_OK;
    while (code == SATCHEL_OK && engine->lanes_started < engine->options.lanes) {
        code = lane_start(engine, &engine->lanes[engine->lanes_started], err);
        if (code == SATCHEL_OK)
            engine->lanes_started++;
    }
    if (engine->lanes_started == 0)
        return code;
    atomic_store_explicit(&engine->lanes_ready, true, memory_order_release);
    return SATCHEL_OK;
}

/* ---- the engine */

static bool hashes_on_worker(const struct sat_op *op)
{
    const struct sat_backend *backend = op->conn->backend;
    bool large = op->source.kind == SAT_SOURCE_FILE || op->source.length > HASH_INLINE_MAX;
    return large && backend->needs != NULL && backend->needs(op->conn->state, op) != 0;
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
    if (hashes_on_worker(op)) {
        attempt->task.run = run_hashing;
        return sat_workers_submit(engine->workers, &attempt->task, &op->err);
    }
    code = prepare_digests(op, &op->err);
    if (code == SATCHEL_OK)
        put_in_lane(choose_lane(engine), op);
    return code;
}

void sat_engine_submit(struct sat_engine *engine, struct sat_op *op)
{
    op->submitted_ns = sat_clock_now_ns();
    op->not_before_ns = op->submitted_ns;
    op->attempts = 0;
    op->unsettled = false;
    op->skew_corrected = false;
    if (op->deadline_ns == 0)
        op->deadline_ns =
            op->submitted_ns + (int64_t)op->conn->request_timeout_ms * SAT_NS_PER_MS;
    if (attempt_new(engine, op) != SATCHEL_OK || route(engine, op) != SATCHEL_OK)
        finish_op(op);
}

void sat_engine_wake(struct sat_engine *engine)
{
    if (!atomic_load_explicit(&engine->lanes_ready, memory_order_acquire))
        return;
    for (unsigned i = 0; i < engine->lanes_started; i++)
        sat_http_wakeup(engine->lanes[i].http);
}

struct sat_workers *sat_engine_workers(struct sat_engine *engine)
{
    return engine->workers;
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

int sat_engine_acquire(const struct sat_engine_options *options, struct sat_engine **engine,
                       satchel_error *err)
{
    struct sat_engine_options set = with_defaults(options);
    SAT_LOCKED(&engines_lock);
    struct sat_engine *found = find_engine(&set);
    if (found == NULL) {
        found = sat_calloc(1, sizeof *found);
        if (found == NULL)
            return sat_error_nomem(err);
        int code = sat_workers_new(set.workers, &found->workers, err);
        if (code != SATCHEL_OK) {
            sat_free(found);
            return code;
        }
        found->options = set;
        sat_mutex_init(&found->lock);
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

void sat_engine_release(struct sat_engine *engine)
{
    if (engine == NULL || !drop_user(engine))
        return;
    sat_workers_free(engine->workers);
    for (unsigned i = 0; i < engine->lanes_started; i++)
        lane_stop(&engine->lanes[i]);
    sat_mutex_fini(&engine->lock);
    sat_free(engine);
}
