/*
 * The one door: nobody else calls a slot. Here every op is checked against the backend's limits,
 * every attempt is counted, traced and may be made to fail.
 */
#include "core/backend.h"

#include <string.h>

#include "core/error.h"
#include "core/log.h"
#include "core/part.h"
#include "core/str.h"

static bool needs_key(enum sat_op_kind kind)
{
    switch (kind) {
    case SAT_OP_STAT:
    case SAT_OP_GET:
    case SAT_OP_PUT:
    case SAT_OP_DELETE:
    case SAT_OP_COPY:
    case SAT_OP_PART_BEGIN:
    case SAT_OP_PART_PUT:
    case SAT_OP_PART_COPY:
    case SAT_OP_PART_FINISH:
    case SAT_OP_PART_ABORT:
    case SAT_OP_TAGS_GET:
    case SAT_OP_TAGS_SET:
        return true;
    default:
        return false;
    }
}

static int check_key(const struct sat_op *op, const char *key, satchel_error *err)
{
    size_t max = op->conn->backend->limits.key_max;
    size_t len = key == NULL ? 0 : strlen(key);
    if (len == 0)
        return sat_error_set(err, SATCHEL_INVALID, "%s needs a key", sat_op_kind_text(op->kind));
    if (max > 0 && len > max)
        return sat_error_set(err, SATCHEL_LIMIT, "key '%.60s...' has %zu bytes (limit %zu)", key,
                             len, max);
    if (!sat_utf8_valid(key, len))
        return sat_error_set(err, SATCHEL_INVALID, "%s: the key of %zu bytes is not UTF-8",
                             sat_op_kind_text(op->kind), len);
    return SATCHEL_OK;
}

/* A connection to a whole account ("s3://") has no bucket for its ops. */
static int check_bucket(const struct sat_op *op, satchel_error *err)
{
    const struct sat_conn *conn = op->conn;
    bool missing = conn->backend->has_buckets && *conn->bucket == '\0' && op->bucket == NULL;
    if (!missing || op->kind == SAT_OP_BUCKET_LIST)
        return SATCHEL_OK;
    return sat_error_set(err, SATCHEL_INVALID, "%s: no bucket in '%s' (want %s://BUCKET/KEY)",
                         sat_op_kind_text(op->kind), conn->uri, conn->backend->name);
}

static int check_many(const struct sat_op *op, satchel_error *err)
{
    unsigned max = op->conn->backend->limits.delete_many_max;
    if (op->many.count == 0)
        return sat_error_set(err, SATCHEL_INVALID, "delete_many needs keys");
    if (max > 0 && op->many.count > max)
        return sat_error_set(err, SATCHEL_LIMIT, "delete_many takes at most %u keys, not %zu", max,
                             op->many.count);
    for (size_t i = 0; i < op->many.count; i++) {
        int code = check_key(op, op->many.keys[i], err);
        if (code != SATCHEL_OK)
            return code;
    }
    return SATCHEL_OK;
}

static size_t metadata_bytes(const struct sat_tags *metadata)
{
    size_t sum = 0;
    for (size_t i = 0; i < sat_tags_count(metadata); i++)
        sum += sat_tags_at(metadata, i)->key_len + sat_tags_at(metadata, i)->value_len;
    return sum;
}

static int check_put(const struct sat_op *op, satchel_error *err)
{
    const struct sat_limits *limits = &op->conn->backend->limits;
    if (limits->put_max > 0 && op->source.length > limits->put_max && !sat_part_wanted(op))
        return sat_error_set(err, SATCHEL_LIMIT, "'%s' has %llu bytes (limit of one PUT: %llu)",
                             op->key, (unsigned long long)op->source.length,
                             (unsigned long long)limits->put_max);
    if (op->metadata != NULL && limits->metadata_max > 0 &&
        metadata_bytes(op->metadata) > limits->metadata_max)
        return sat_error_set(err, SATCHEL_LIMIT, "metadata of '%s' is over %zu bytes", op->key,
                             limits->metadata_max);
    return SATCHEL_OK;
}

int sat_door_check(const struct sat_op *op, satchel_error *err)
{
    const struct sat_backend *backend = op->conn->backend;
    if (op->kind >= SAT_OP_KINDS || !sat_conn_supports(op->conn, op->kind))
        return sat_error_set(err, SATCHEL_UNSUPPORTED, "%s:// does not support %s", backend->name,
                             sat_op_kind_text(op->kind));
    int code = check_bucket(op, err);
    if (code != SATCHEL_OK)
        return code;
    if (needs_key(op->kind))
        code = check_key(op, op->key, err);
    else if (op->kind == SAT_OP_DELETE_MANY)
        code = check_many(op, err);
    else if (op->kind == SAT_OP_LIST && op->list.prefix == NULL)
        code = sat_error_set(err, SATCHEL_INVALID, "list needs a prefix, \"\" for everything");
    if (code == SATCHEL_OK && op->tags != NULL)
        code = sat_tags_check(op->tags, &backend->limits.tags, err);
    if (code == SATCHEL_OK && op->kind == SAT_OP_PUT)
        code = check_put(op, err);
    return code;
}

/* Counts an attempt and asks the fault hook. */
static int enter(struct sat_op *op, satchel_error *err)
{
    struct sat_conn *conn = op->conn;
    op->attempts++;
    if (conn->fault != NULL) {
        int code = conn->fault(conn->fault_user, op, err);
        if (code != SATCHEL_OK)
            return code;
    }
    atomic_fetch_add_explicit(&conn->requests[op->kind], 1, memory_order_relaxed);
    return SATCHEL_OK;
}

static const char *what_of(const struct sat_op *op)
{
    if (op->key != NULL)
        return op->key;
    return op->kind == SAT_OP_LIST ? op->list.prefix : op->conn->bucket;
}

static void trace(const struct sat_op *op, int code)
{
    SAT_DEBUG("%s %s/%s attempt %u: %s", sat_op_kind_text(op->kind), op->conn->backend->name,
              what_of(op), op->attempts, satchel_code_name(code));
}

int sat_door_run(struct sat_op *op, satchel_error *err)
{
    int code = enter(op, err);
    if (code == SATCHEL_OK)
        code = op->conn->backend->slots[op->kind].run(op->conn->state, op, err);
    trace(op, code);
    return code;
}

int sat_door_build(struct sat_op *op, struct sat_request *request, satchel_error *err)
{
    const struct sat_conn *conn = op->conn;
    sat_request_reset(request);
    int code = conn->backend->slots[op->kind].build(conn->state, op, request, err);
    return code == SATCHEL_OK ? enter(op, err) : code;
}

int sat_door_sign(const struct sat_op *op, void *keys, struct sat_request *request, int64_t wall_s,
                  satchel_error *err)
{
    const struct sat_conn *conn = op->conn;
    if (conn->backend->sign == NULL)
        return SATCHEL_OK;
    int64_t now = wall_s + atomic_load(&conn->skew_s);
    return conn->backend->sign(conn->state, keys, op->endpoint, request, now, err);
}

int sat_door_head(struct sat_op *op, const struct sat_reply *reply, satchel_error *err)
{
    const struct sat_slot *slot = &op->conn->backend->slots[op->kind];
    int code = slot->head == NULL ? SATCHEL_OK : slot->head(op->conn->state, op, reply, err);
    bool whole = op->range_offset == 0 && op->range_length == 0;
    /* The rest of a body that was cut says nothing new about how to verify it. */
    if (op->sink.received == 0)
        op->sink.want_md5 = whole && !op->info.has_crc64 && op->info.has_md5;
    return code;
}

void sat_door_accept(struct sat_op *op, const struct sat_reply *reply, struct sat_verdict *verdict,
                     satchel_error *err)
{
    const struct sat_conn *conn = op->conn;
    conn->backend->slots[op->kind].accept(conn->state, op, reply, verdict, err);
    trace(op, verdict->code);
}
