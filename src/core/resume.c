/*
 * Going on with a GET whose body was cut.
 *
 * (1) Bytes of two versions never meet: the rest is asked for with If-Match of the first head's
 *     ETag, and its own head must tell that ETag and size again. A weak ETag says nothing about
 *     bytes, and none at all even less: the body then starts over.
 * (2) The sums of the sink run on, so what was put together is verified as one.
 * (3) A store that answers with another range than the one asked for, or bytes that do not fit
 *     their sums, end the going on: the body starts over.
 */
#include "core/resume.h"

#include "core/error.h"
#include "core/str.h"

uint64_t sat_resume_due(const struct sat_op *op)
{
    uint64_t rest = op->info.size > op->range_offset ? op->info.size - op->range_offset : 0;
    return op->range_length > 0 && op->range_length < rest ? op->range_length : rest;
}

void sat_resume_begin(struct sat_resume *resume, struct sat_op *op)
{
    if (!resume->on) {
        sat_sink_rewind(&op->sink);
        sat_info_fini(&op->info);
        resume->kept = 0;
        return;
    }
    resume->kept = op->sink.received;
    resume->range_offset = op->range_offset;
    resume->range_length = op->range_length;
    resume->if_match = op->if_match;
    op->range_offset += resume->kept;
    if (op->range_length > 0)
        op->range_length -= resume->kept;
    if (op->if_match == NULL)
        op->if_match = op->info.etag;
}

void sat_resume_widen(const struct sat_resume *resume, struct sat_op *op)
{
    if (!resume->on)
        return;
    op->range_offset = resume->range_offset;
    op->range_length = resume->range_length;
    op->if_match = resume->if_match;
}

/* (1) */
int sat_resume_head(struct sat_op *op, const struct sat_reply *reply, satchel_error *err)
{
    struct sat_info first = op->info;
    op->info = (struct sat_info){0};
    int code = sat_door_head(op, reply, err);
    bool same = op->info.size == first.size && op->info.etag != NULL &&
                sat_str_eq(op->info.etag, first.etag);
    sat_info_fini(&op->info);
    op->info = first;
    if (code != SATCHEL_OK || same)
        return code;
    return sat_error_set(err, SATCHEL_MODIFIED, "'%.200s' was changed while it was read", op->key);
}

void sat_resume_plan(struct sat_resume *resume, const struct sat_op *op, int code)
{
    const char *etag = op->info.etag;
    bool strong = etag != NULL && !sat_str_starts(etag, "W/");
    resume->on = op->kind == SAT_OP_GET && code != SATCHEL_INTEGRITY && strong &&
                 op->sink.received > 0 && op->sink.received < sat_resume_due(op);
}

uint64_t sat_resume_gained(const struct sat_resume *resume, const struct sat_op *op)
{
    return resume->on ? op->sink.received - resume->kept : 0;
}
