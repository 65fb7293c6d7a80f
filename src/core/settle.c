/* Settling a write whose reply was lost: the true outcome or UNKNOWN_OUTCOME, never a guess. */
#include "core/settle.h"

#include <string.h>

#include "core/attempt.h"
#include "core/backend.h"
#include "core/error.h"
#include "core/str.h"

static const char *writer_of(const struct sat_tags *metadata)
{
    if (metadata == NULL)
        return NULL;
    const struct sat_tag *tag = sat_tags_find(metadata, sat_span_of(SAT_META_WRITER));
    return tag == NULL ? NULL : tag->value;
}

/* Only over HTTP can a reply be lost on its way. */
static bool can_stat(const struct sat_op *op)
{
    const struct sat_slot *slots = op->conn->backend->slots;
    return slots[op->kind].build != NULL && slots[SAT_OP_STAT].build != NULL;
}

enum sat_settle sat_settle_how(const struct sat_op *op)
{
    int code = op->err.code;
    bool known = code == SATCHEL_OK || code == SATCHEL_CANCELLED || code == SATCHEL_UNKNOWN_OUTCOME;
    if (known || !op->unsettled || !can_stat(op))
        return SAT_SETTLE_NOT;
    bool has_id = op->kind == SAT_OP_PUT && writer_of(op->metadata) != NULL;
    if (op->kind == SAT_OP_DELETE || has_id)
        return SAT_SETTLE_BY_STAT;
    /* A plain PUT may simply be repeated; after a conditional one a repetition meets itself. */
    bool conditional = op->if_absent || op->if_match != NULL;
    return conditional ? SAT_SETTLE_IMPOSSIBLE : SAT_SETTLE_NOT;
}

void sat_settle_probe(const struct sat_op *op, struct sat_op *probe)
{
    probe->kind = SAT_OP_STAT;
    probe->conn = op->conn;
    probe->key = op->key;
}

/* The id alone is no proof: metadata that was copied brings another write's along. */
static bool is_our_write(const struct sat_op *op, const struct sat_op *probe)
{
    const struct sat_request *sent = op->attempt == NULL ? NULL : &op->attempt->request;
    bool summed = sent != NULL && sent->has_crc64 && probe->info.has_crc64;
    if (probe->info.size != op->source.length || (summed && probe->info.crc64 != sent->crc64))
        return false;
    const char *ours = writer_of(op->metadata);
    const char *there = writer_of(&probe->info.metadata);
    return ours != NULL && there != NULL && sat_str_eq(ours, there);
}

void sat_settle_apply(struct sat_op *op, struct sat_op *probe)
{
    bool applied = op->kind == SAT_OP_PUT ? probe->err.code == SATCHEL_OK && is_our_write(op, probe)
                                          : probe->err.code == SATCHEL_NOT_FOUND;
    if (!applied) {
        sat_settle_unknown(op);
        return;
    }
    op->err = (satchel_error){0};
    op->unsettled = false;
    sat_info_fini(&op->info);
    op->info = probe->info;
    probe->info = (struct sat_info){0};
}

void sat_settle_unknown(struct sat_op *op)
{
    satchel_error was = op->err;
    sat_error_set(&op->err, SATCHEL_UNKNOWN_OUTCOME,
                  "%s of '%.200s' was sent, its outcome could not be learned (look before you "
                  "repeat it): %s",
                  sat_op_kind_text(op->kind), op->key, was.text);
    op->err.http_status = was.http_status;
    memcpy(op->err.endpoint, was.endpoint, sizeof was.endpoint);
    memcpy(op->err.request_id, was.request_id, sizeof was.request_id);
}
