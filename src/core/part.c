/* Which ops go in parts, and in how large ones. */
#include "core/part.h"

#include "core/backend.h"

#define MIB ((uint64_t)1024 * 1024)

/* A local store takes a PUT in one piece, whatever its size; only objects of others are relayed. */
static bool upload_wanted(const struct sat_op *op)
{
    const struct sat_conn *conn = op->conn;
    bool able = sat_conn_supports(conn, SAT_OP_PART_PUT);
    bool local = conn->backend->slots[SAT_OP_PUT].run != NULL;
    if (op->source.kind == SAT_SOURCE_OBJECT || op->part.list != NULL)
        return able;
    uint64_t most = conn->backend->limits.put_max;
    bool large = op->source.length > conn->multipart_threshold;
    return able && !local && !op->in_one_piece && (large || (most > 0 && op->source.length > most));
}

bool sat_part_wanted(const struct sat_op *op)
{
    const struct sat_conn *conn = op->conn;
    switch (op->kind) {
    case SAT_OP_PUT:
        return upload_wanted(op);
    case SAT_OP_COPY:
        return op->expected_size > conn->backend->limits.copy_max &&
               conn->backend->limits.copy_max > 0;
    case SAT_OP_GET:
        return op->sink.kind == SAT_SINK_FILE && op->range_length == 0 && op->range_offset == 0 &&
               op->expected_size > conn->multipart_threshold &&
               op->expected_size > conn->range_size &&
               conn->backend->slots[SAT_OP_GET].build != NULL;
    default:
        return false;
    }
}

void sat_part_start(struct sat_op *op)
{
    if (op->kind == SAT_OP_GET)
        sat_range_start(op);
    else
        sat_upload_start(op);
}

uint64_t sat_part_size(const struct sat_limits *limits, uint64_t size, uint64_t wish)
{
    uint64_t part = wish > limits->part_min ? wish : limits->part_min;
    uint64_t parts = limits->parts_max > 0 ? limits->parts_max : 1;
    uint64_t least = (size + parts - 1) / parts;
    if (part < least)
        part = (least + MIB - 1) / MIB * MIB;
    return limits->part_max > 0 && part > limits->part_max ? limits->part_max : part;
}

void sat_part_take(struct sat_op *op, struct sat_part *part)
{
    bool sent = op->kind == SAT_OP_PART_PUT;
    part->etag = op->info.etag;
    op->info.etag = NULL;
    part->has_crc64 = sent && (op->has_sent_crc64 || op->info.has_crc64);
    part->crc64 = op->has_sent_crc64 ? op->sent_crc64 : op->info.crc64;
}
