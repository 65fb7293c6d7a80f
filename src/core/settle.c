/* Settling a write whose reply was lost: the true outcome or UNKNOWN_OUTCOME, never a guess. */
#include "core/settle.h"

#include "core/error.h"
#include "core/str.h"

static const char *writer_of(const struct sat_tags *metadata)
{
    if (metadata == NULL)
        return NULL;
    const struct sat_tag *tag = sat_tags_find(metadata, sat_span_of(SAT_META_WRITER));
    return tag == NULL ? NULL : tag->value;
}

bool sat_settle_needed(const struct sat_op *op)
{
    if (op->err.code == SATCHEL_OK || !op->unsettled)
        return false;
    if (op->kind == SAT_OP_PUT)
        return writer_of(op->metadata) != NULL;
    return op->kind == SAT_OP_DELETE;
}

void sat_settle_probe(const struct sat_op *op, struct sat_op *probe)
{
    probe->kind = SAT_OP_STAT;
    probe->conn = op->conn;
    probe->key = op->key;
}

static bool is_our_write(const struct sat_op *op, const struct sat_op *probe)
{
    const char *ours = writer_of(op->metadata);
    const char *there = writer_of(&probe->info.metadata);
    return ours != NULL && there != NULL && sat_str_eq(ours, there);
}

void sat_settle_apply(struct sat_op *op, const struct sat_op *probe)
{
    bool applied = op->kind == SAT_OP_PUT
                       ? probe->err.code == SATCHEL_OK && is_our_write(op, probe)
                       : probe->err.code == SATCHEL_NOT_FOUND;
    if (applied) {
        char *etag = probe->info.etag == NULL ? NULL : sat_strdup(probe->info.etag);
        op->err = (satchel_error){0};
        sat_info_fini(&op->info);
        op->info.etag = etag;
        op->info.size = op->source.length;
        return;
    }
    satchel_error was = op->err;
    sat_error_set(&op->err, SATCHEL_UNKNOWN_OUTCOME,
                  "%s '%s' was sent, its reply was lost and a later look could not settle it: %s",
                  sat_op_kind_text(op->kind), op->key, was.text);
    op->err.http_status = was.http_status;
    op->err.attempts = was.attempts;
}
