/*
 * The life of one attempt of an HTTP op.
 *
 * (1) Every attempt is built and signed anew: a source is replayed from its first byte, a sink is
 *     rewound, what an earlier reply told of the object is forgotten; but the body of a GET that
 *     was cut goes on (core/resume.h).
 * (2) A GET is done only when its length and checksum fit what the reply's head promised.
 * (3) A write whose whole request left and whose reply does not deny it may have been applied:
 *     op->unsettled says so, and stays so over later attempts.
 */
#include "core/attempt.h"

#include <stdatomic.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/crc.h"
#include "core/digest.h"
#include "core/engine.h"
#include "core/error.h"
#include "core/log.h"
#include "core/retry.h"

enum {
    HASH_INLINE_MAX = 64 * 1024, /* larger bodies are hashed on a worker */
    HASH_BLOCK = 256 * 1024,
    RANGE_NOT_SATISFIABLE = 416,
    SPARES_MAX = 64,
    SPARE_TEXT = 16 * 1024,
};

/* ---- memory */

void sat_attempts_init(struct sat_attempts *attempts)
{
    *attempts = (struct sat_attempts){0};
    sat_mutex_init(&attempts->lock);
}

static void release(struct sat_attempt *attempt)
{
    sat_request_fini(&attempt->request);
    sat_exchange_fini(&attempt->exchange);
    sat_free(attempt);
}

static struct sat_attempt *take_spare(struct sat_attempts *attempts)
{
    SAT_LOCKED(&attempts->lock);
    struct sat_task *spare = attempts->locked.spare;
    if (spare != NULL) {
        attempts->locked.spare = spare->next;
        attempts->locked.count--;
    }
    return (struct sat_attempt *)(void *)spare;
}

static bool keep_spare(struct sat_attempts *attempts, struct sat_attempt *attempt)
{
    SAT_LOCKED(&attempts->lock);
    if (attempts->locked.count >= SPARES_MAX)
        return false;
    attempt->task.next = attempts->locked.spare;
    attempts->locked.spare = &attempt->task;
    attempts->locked.count++;
    return true;
}

void sat_attempts_fini(struct sat_attempts *attempts)
{
    for (struct sat_attempt *spare = take_spare(attempts); spare != NULL;
         spare = take_spare(attempts))
        release(spare);
    sat_mutex_fini(&attempts->lock);
}

/* As new, but for the memory of its texts. */
static void clear(struct sat_attempt *attempt)
{
    struct sat_request request = attempt->request;
    struct sat_reply reply = attempt->exchange.reply;
    sat_request_reset(&request);
    request.has_sha256 = false;
    request.has_crc64 = false;
    sat_reply_reset(&reply);
    *attempt = (struct sat_attempt){.request = request, .exchange.reply = reply};
}

/* Pages of listings and error documents are not kept. */
static bool is_small(const struct sat_attempt *attempt)
{
    return attempt->request.text.capacity <= SPARE_TEXT &&
           attempt->request.body.capacity <= SPARE_TEXT &&
           attempt->exchange.reply.headers.capacity <= SPARE_TEXT &&
           attempt->exchange.reply.body.capacity <= SPARE_TEXT;
}

int sat_attempt_new(struct sat_engine *engine, struct sat_op *op)
{
    struct sat_attempt *attempt = take_spare(sat_engine_attempts(engine));
    if (attempt == NULL) {
        attempt = sat_calloc(1, sizeof *attempt);
        if (attempt == NULL)
            return sat_error_nomem(&op->err);
        sat_request_init(&attempt->request);
        sat_exchange_init(&attempt->exchange);
    }
    attempt->op = op;
    attempt->engine = engine;
    op->attempt = attempt;
    return SATCHEL_OK;
}

void sat_attempt_free(struct sat_attempt *attempt)
{
    if (attempt == NULL)
        return;
    struct sat_engine *engine = attempt->engine;
    sat_cred_drop(attempt->keys);
    bool small = is_small(attempt);
    if (small)
        clear(attempt);
    if (!small || !keep_spare(sat_engine_attempts(engine), attempt))
        release(attempt);
}

/* ---- the end of an op that is under way */

bool sat_attempt_cancelled(const struct sat_op *op)
{
    const struct sat_op *settled = op->attempt == NULL ? NULL : op->attempt->settles;
    bool cancelled = settled != NULL && atomic_load(&settled->cancelled);
    for (; op != NULL && !cancelled; op = op->parent)
        cancelled = atomic_load(&op->cancelled);
    return cancelled;
}

void sat_attempt_set_cancelled(struct sat_op *op)
{
    sat_error_set(&op->err, SATCHEL_CANCELLED, "cancelled%s",
                  op->unsettled ? "; the write may have been applied" : "");
}

/* ---- digests of op->source */

static unsigned needs_of(const struct sat_op *op)
{
    const struct sat_backend *backend = op->conn->backend;
    return backend->needs == NULL ? 0 : backend->needs(op->conn->state, op);
}

bool sat_attempt_hash_is_long(const struct sat_op *op)
{
    bool large = op->source.kind == SAT_SOURCE_FILE || op->source.length > HASH_INLINE_MAX;
    return large && needs_of(op) != 0;
}

static int hash_source(const struct sat_op *op, unsigned needs, struct sat_request *request,
                       satchel_error *err)
{
    const struct sat_source *source = &op->source;
    struct sat_sha256 sha;
    size_t got = 0;
    bool is_file = source->kind == SAT_SOURCE_FILE;
    SAT_AUTO_FREE char *block = is_file ? sat_malloc(HASH_BLOCK) : NULL;
    if (is_file && block == NULL)
        return sat_error_nomem(err);
    sat_sha256_init(&sha);
    request->crc64 = 0;
    for (uint64_t at = 0; at < source->length; at += got) {
        uint64_t left = source->length - at;
        const char *data = is_file ? block : source->data + at;
        int code = SATCHEL_OK;
        got = left < HASH_BLOCK ? (size_t)left : HASH_BLOCK;
        if (is_file)
            code = sat_source_read(source, at, block, HASH_BLOCK, &got, err);
        if (code == SATCHEL_OK && sat_attempt_cancelled(op))
            code = sat_error_set(err, SATCHEL_CANCELLED, "cancelled");
        if (code != SATCHEL_OK)
            return code;
        if (needs & SAT_NEED_SHA256)
            sat_sha256_update(&sha, data, got);
        if (needs & SAT_NEED_CRC64)
            request->crc64 = sat_crc64(request->crc64, data, got);
    }
    if (needs & SAT_NEED_SHA256)
        sat_sha256_final(&sha, request->sha256);
    return SATCHEL_OK;
}

int sat_attempt_hash(struct sat_op *op, satchel_error *err)
{
    struct sat_request *request = &op->attempt->request;
    unsigned needs = needs_of(op);
    request->has_sha256 = (needs & SAT_NEED_SHA256) != 0;
    request->has_crc64 = (needs & SAT_NEED_CRC64) != 0;
    return needs == 0 ? SATCHEL_OK : hash_source(op, needs, request, err);
}

/* ---- the start */

static int on_head(struct sat_exchange *exchange, satchel_error *err)
{
    struct sat_op *op = exchange->user;
    if (op->attempt->resume.on)
        return sat_resume_head(op, &exchange->reply, err);
    int code = sat_door_head(op, &exchange->reply, err);
    if (code == SATCHEL_OK) {
        uint64_t bytes = op->range_length > 0 ? op->range_length : op->info.size;
        sat_op_allow_bytes(op, bytes);
        exchange->deadline_ns = op->deadline_ns;
    }
    return code;
}

static void fill_exchange(struct sat_op *op)
{
    const struct sat_conn *conn = op->conn;
    struct sat_exchange *exchange = &op->attempt->exchange;
    exchange->endpoint = op->endpoint;
    exchange->ca_file = conn->ca_file;
    exchange->insecure = conn->insecure;
    exchange->connect_timeout_ms = conn->connect_timeout_ms;
    exchange->response_timeout_ms = conn->response_timeout_ms * sat_op_patience(op->kind);
    exchange->stall_timeout_ms = conn->stall_timeout_ms;
    exchange->deadline_ns = op->deadline_ns;
    exchange->request = &op->attempt->request;
    exchange->source = &op->source;
    exchange->moved = op->moved;
    op->sink.moved = op->moved;
    exchange->sink = op->kind == SAT_OP_GET ? &op->sink : NULL;
    exchange->on_head = op->kind == SAT_OP_GET ? on_head : NULL;
    exchange->user = op;
}

static int begin(struct sat_op *op, struct sat_http *http, satchel_error *err)
{
    struct sat_attempt *attempt = op->attempt;
    op->endpoint = atomic_load(&op->conn->current);
    int code = sat_door_build(op, &attempt->request, err);
    if (code == SATCHEL_OK)
        code = sat_door_sign(op, sat_cred_keys(attempt->keys), &attempt->request,
                             sat_clock_wall_ns() / SAT_NS_PER_S, err);
    if (code != SATCHEL_OK)
        return code;
    fill_exchange(op);
    return sat_http_start(http, &attempt->exchange, err);
}

int sat_attempt_begin(struct sat_op *op, struct sat_http *http, satchel_error *err)
{
    struct sat_resume *resume = &op->attempt->resume;
    sat_resume_begin(resume, op);
    int code = begin(op, http, err);
    if (code != SATCHEL_OK)
        sat_resume_widen(resume, op);
    return code;
}

/* ---- the end */

/* (2) */
static int verify_body(const struct sat_op *op, satchel_error *err)
{
    const struct sat_info *info = &op->info;
    unsigned char md5[SAT_MD5_SIZE];
    uint64_t want = sat_resume_due(op);
    bool whole = op->range_offset == 0 && op->range_length == 0;
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

int sat_attempt_complete_get(struct sat_op *op, satchel_error *err)
{
    int code = sat_sink_finish(&op->sink, err);
    return code == SATCHEL_OK ? verify_body(op, err) : code;
}

/*
 * What the store says it holds must be what was sent: by its checksum, or by the MD5 in its ETag
 * where that is all there is and the body is at hand.
 */
static int verify_put(const struct sat_op *op, satchel_error *err)
{
    const struct sat_info *info = &op->info;
    const struct sat_request *request = &op->attempt->request;
    if (info->has_crc64 && request->has_crc64) {
        if (info->crc64 == request->crc64)
            return SATCHEL_OK;
        return sat_error_set(err, SATCHEL_INTEGRITY,
                             "'%s': CRC64-NVME sent was %016llx, the store says %016llx", op->key,
                             (unsigned long long)request->crc64, (unsigned long long)info->crc64);
    }
    if (!info->has_md5 || op->source.kind != SAT_SOURCE_SPAN)
        return SATCHEL_OK;
    struct sat_md5 md5;
    unsigned char sent[SAT_MD5_SIZE];
    sat_md5_init(&md5);
    sat_md5_update(&md5, op->source.data, (size_t)op->source.length);
    sat_md5_final(&md5, sent);
    if (memcmp(sent, info->md5, sizeof sent) == 0)
        return SATCHEL_OK;
    return sat_error_set(err, SATCHEL_INTEGRITY, "'%s': the ETag is not the MD5 of what was sent",
                         op->key);
}

/* No usable reply: the connection failed, a callback of ours refused, or we ended it. */
static void judge_failure(struct sat_op *op, struct sat_verdict *verdict, satchel_error *err)
{
    const struct sat_exchange *exchange = &op->attempt->exchange;
    sat_resume_widen(&op->attempt->resume, op);
    *err = exchange->err;
    bool again = exchange->retryable || err->code == SATCHEL_INTEGRITY;
    *verdict = (struct sat_verdict){
        .code = err->code,
        .retry = again ? SAT_RETRY_TRANSIENT : SAT_RETRY_NEVER,
    };
}

static bool sends_source(const struct sat_op *op)
{
    return op->kind == SAT_OP_PUT || op->kind == SAT_OP_PART_PUT;
}

static void judge_reply(struct sat_op *op, struct sat_verdict *verdict, satchel_error *err)
{
    const struct sat_resume *resume = &op->attempt->resume;
    const struct sat_reply *reply = &op->attempt->exchange.reply;
    sat_door_accept(op, reply, verdict, err);
    sat_resume_widen(resume, op);
    if (resume->on && reply->status == RANGE_NOT_SATISFIABLE)
        verdict->code = sat_error_set(err, SATCHEL_MODIFIED,
                                      "'%.200s' became shorter while it was read", op->key);
    bool get = op->kind == SAT_OP_GET;
    if (verdict->code != SATCHEL_OK || (!get && !sends_source(op)))
        return;
    verdict->code = get ? sat_attempt_complete_get(op, err) : verify_put(op, err);
    bool again = verdict->code == SATCHEL_INTEGRITY;
    verdict->retry = again ? SAT_RETRY_TRANSIENT : SAT_RETRY_NEVER;
}

/* (3): 503 is a refusal; other server errors, and a success we cannot read, tell nothing. */
static bool may_be_applied(const struct sat_op *op)
{
    const struct sat_exchange *exchange = &op->attempt->exchange;
    int status = exchange->reply.status;
    bool changes = op->kind == SAT_OP_PUT || op->kind == SAT_OP_DELETE || op->kind == SAT_OP_COPY ||
                   op->kind == SAT_OP_PART_FINISH;
    if (!changes)
        return false;
    if (exchange->err.code != SATCHEL_OK)
        return exchange->sent;
    return status < 300 || (status >= 500 && status != 503);
}

static struct sat_verdict judge(struct sat_op *op)
{
    const struct sat_exchange *exchange = &op->attempt->exchange;
    struct sat_verdict verdict = {0};
    satchel_error err = {0};
    if (exchange->err.code != SATCHEL_OK)
        judge_failure(op, &verdict, &err);
    else
        judge_reply(op, &verdict, &err);
    op->bucket_missing = verdict.bucket_missing;
    if (verdict.code == SATCHEL_OK) {
        op->err = (satchel_error){0};
        op->has_sent_crc64 = op->attempt->request.has_crc64;
        op->sent_crc64 = op->attempt->request.crc64;
        return verdict;
    }
    if (may_be_applied(op))
        op->unsettled = true;
    err.code = verdict.code;
    err.http_status = exchange->reply.status;
    _Static_assert(sizeof err.endpoint <= sizeof op->endpoint->url, "copied whole");
    memcpy(err.endpoint, op->endpoint->url, sizeof err.endpoint - 1);
    sat_redact(err.text);
    op->err = err;
    return verdict;
}

/* False when the endpoint's bucket has not enough left for another attempt. */
static bool pay(struct sat_op *op, enum sat_retry_class retry, bool free_of_charge)
{
    struct sat_attempt *attempt = op->attempt;
    unsigned cost = free_of_charge ? 0 : sat_retry_cost(retry);
    if (sat_retry_take(op->conn->retry_bucket, cost)) {
        attempt->tokens += cost;
        attempt->corrected |= 1U << retry;
        return true;
    }
    SAT_DEBUG("no retry of '%s': too many requests to %s fail", op->key == NULL ? "" : op->key,
              op->conn->endpoint.url);
    return false;
}

/* False when the request belongs elsewhere, and we do not go there. */
static bool follow(const struct sat_op *op, const struct sat_verdict *verdict)
{
    return verdict->retry != SAT_RETRY_MOVED ||
           sat_conn_move(op->conn, op->endpoint, verdict->region);
}

/* True when another attempt is due; op->not_before_ns says when. */
static bool plan_retry(struct sat_op *op, const struct sat_verdict *verdict)
{
    struct sat_conn *conn = op->conn;
    struct sat_attempt *attempt = op->attempt;
    const struct sat_retry_policy policy = {
        .max_attempts = conn->max_retries,
        .base_ms = conn->retry_base_ms,
    };
    sat_resume_plan(&attempt->resume, op, verdict->code);
    bool moved = sat_resume_gained(&attempt->resume, op) >= SAT_RETRY_PROGRESS;
    attempt->let_off += moved;
    int64_t now = sat_clock_now_ns();
    int64_t left = op->deadline_ns - now;
    const struct sat_retry_state state = {
        .attempts = op->attempts - attempt->let_off,
        .retry = verdict->retry,
        .retry_after_ms = verdict->retry_after_ms,
        .remaining_ms = left > 0 ? (uint64_t)(left / SAT_NS_PER_MS) : 0,
        .corrected = (attempt->corrected >> verdict->retry & 1) != 0,
        .random = sat_random_u64(),
    };
    uint64_t delay_ms = 0;
    if (!sat_retry_due(&policy, &state, &delay_ms) || !follow(op, verdict) ||
        !pay(op, verdict->retry, moved))
        return false;
    if (verdict->retry == SAT_RETRY_SKEW)
        atomic_store(&conn->skew_s, verdict->skew_s);
    op->not_before_ns = now + (int64_t)delay_ms * SAT_NS_PER_MS;
    SAT_DEBUG("retry of '%s' in %llu ms: %s", op->key == NULL ? "" : op->key,
              (unsigned long long)delay_ms, op->err.text);
    return true;
}

/* An answer is one whatever it says: NOT_FOUND is no sign of an outage. */
static bool is_answer(const struct sat_op *op, const struct sat_verdict *verdict)
{
    return op->attempt->exchange.err.code == SATCHEL_OK && verdict->retry == SAT_RETRY_NEVER;
}

/* The next attempt takes keys of its own. */
static void drop_keys(struct sat_op *op, struct sat_verdict *verdict)
{
    struct sat_attempt *attempt = op->attempt;
    if (verdict->cred_expired && !sat_cred_reject(op->conn->cred, attempt->keys))
        verdict->retry = SAT_RETRY_NEVER;
    sat_cred_drop(attempt->keys);
    attempt->keys = NULL;
}

bool sat_attempt_end(struct sat_op *op)
{
    struct sat_verdict verdict = judge(op);
    drop_keys(op, &verdict);
    if (op->conn->adaptive && op->attempt->exchange.err.code == SATCHEL_OK)
        sat_rate_answered(sat_retry_rate(op->conn->retry_bucket), sat_clock_now_ns(),
                          verdict.retry == SAT_RETRY_THROTTLE);
    if (is_answer(op, &verdict))
        sat_retry_give(op->conn->retry_bucket, op->attempt->tokens);
    if (verdict.code == SATCHEL_OK)
        return false;
    if (!sat_attempt_cancelled(op))
        return plan_retry(op, &verdict);
    sat_attempt_set_cancelled(op);
    return false;
}
