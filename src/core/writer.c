/*
 * The writer: one buffer is being filled, the others are parts under way.
 *
 * (1) A part's size doubles every GROW_EVERY parts up to what memory allows, so that the number of
 *     parts suffices for a stream whose length nobody knows.
 * (2) An upload that was begun is finished or aborted, at the latest by sat_writer_free().
 */
#include "core/writer.h"

#include <string.h>

#include "core/alloc.h"
#include "core/backend.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/part.h"
#include "core/pipe.h"

enum { GROW_EVERY = 1000 };

struct lot {
    struct sat_op op; /* first */
    struct sat_buf bytes;
    struct lot *next; /* among the idle */
};

struct sat_writer {
    struct sat_op put;   /* the template */
    unsigned generation; /* a child neither adds to its parent's upload nor aborts it */
    struct sat_queue *queue;
    struct lot *lots; /* width + 1 */
    unsigned count;
    struct lot *idle;
    struct lot *current; /* being filled */
    uint64_t part_size;
    uint64_t part_max; /* as far as memory goes */
    char *upload_id;
    struct sat_vec parts;  /* struct sat_part, ascending */
    struct sat_pipe *pipe; /* stores without parts; NULL = not begun */
    uint64_t written;
    satchel_error failed;
};

static int fail(struct sat_writer *writer, satchel_error *err)
{
    return sat_error_copy(err, &writer->failed);
}

/* Whether the writer is fit for another call. */
static int check(struct sat_writer *writer)
{
    if (writer->failed.code == SATCHEL_OK)
        (void)sat_fork_check(writer->generation, &writer->failed);
    return writer->failed.code;
}

static bool in_parts(const struct sat_writer *writer)
{
    const struct sat_conn *conn = writer->put.conn;
    return sat_conn_supports(conn, SAT_OP_PART_PUT) && !writer->put.in_one_piece;
}

static int make_lots(struct sat_writer *writer, satchel_error *err)
{
    writer->lots = sat_calloc(writer->count, sizeof *writer->lots);
    if (writer->lots == NULL)
        return sat_error_nomem(err);
    for (unsigned i = 0; i < writer->count; i++) {
        sat_buf_init(&writer->lots[i].bytes, (size_t)writer->part_max);
        writer->lots[i].next = writer->idle;
        writer->idle = &writer->lots[i];
    }
    return sat_queue_new(&writer->queue, err);
}

int sat_writer_new(const struct sat_op *put, uint64_t memory, struct sat_writer **writer,
                   satchel_error *err)
{
    const struct sat_conn *conn = put->conn;
    struct sat_writer *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    made->put = *put;
    made->generation = sat_fork_generation();
    sat_vec_init(&made->parts, sizeof(struct sat_part));
    made->part_size = sat_part_size(&conn->backend->limits, 0, conn->part_size);
    uint64_t fitting = memory / made->part_size;
    made->count = conn->part_concurrency + 1;
    if (made->count > fitting)
        made->count = fitting < 2 ? 2 : (unsigned)fitting;
    made->part_max =
        memory / made->count > made->part_size ? memory / made->count : made->part_size;
    int code = make_lots(made, err);
    if (code == SATCHEL_OK)
        *writer = made;
    else
        sat_writer_free(made);
    return code;
}

/* ---- parts */

static int begin_upload(struct sat_writer *writer, satchel_error *err)
{
    struct sat_op op = writer->put;
    op.kind = SAT_OP_PART_BEGIN;
    op.part.has_crc64 = true;
    int code = sat_op_run(&op, err);
    writer->upload_id = op.upload_id;
    op.upload_id = NULL;
    sat_op_fini(&op);
    return code;
}

/* Takes one finished part out of the queue, waiting for it; false when none is under way. */
static bool take_finished(struct sat_writer *writer)
{
    struct sat_op *op = sat_queue_wait(writer->queue);
    if (op == NULL)
        return false;
    struct lot *lot = (struct lot *)(void *)op;
    if (op->err.code == SATCHEL_OK) {
        sat_part_take(op, sat_vec_at(&writer->parts, op->part.number - 1));
    } else if (writer->failed.code == SATCHEL_OK) {
        writer->failed = op->err;
    }
    sat_op_fini(op);
    sat_buf_reset(&lot->bytes);
    lot->next = writer->idle;
    writer->idle = lot;
    return true;
}

static int send_part(struct sat_writer *writer, satchel_error *err)
{
    struct lot *lot = writer->current;
    const struct sat_limits *limits = &writer->put.conn->backend->limits;
    if (writer->parts.len >= limits->parts_max)
        return sat_error_set(err, SATCHEL_LIMIT,
                             "'%.200s' has more than %u parts: raise part_size or max_memory",
                             writer->put.key, limits->parts_max);
    const struct sat_part part = {.number = (unsigned)writer->parts.len + 1,
                                  .size = lot->bytes.len};
    if (sat_vec_push(&writer->parts, &part) == NULL)
        return sat_error_nomem(err);
    if (writer->upload_id == NULL) {
        int code = begin_upload(writer, err);
        if (code != SATCHEL_OK)
            return code;
    }
    lot->op = (struct sat_op){
        .kind = SAT_OP_PART_PUT,
        .conn = writer->put.conn,
        .key = writer->put.key,
        .part = {.upload_id = writer->upload_id, .number = part.number},
        .source = sat_source_span(sat_buf_span(&lot->bytes)),
    };
    writer->current = NULL;
    sat_op_submit(&lot->op, writer->queue);
    if (writer->parts.len % GROW_EVERY == 0 && writer->part_size * 2 <= writer->part_max)
        writer->part_size *= 2; /* (1) */
    return SATCHEL_OK;
}

/* ---- stores without parts */

/* The buffer goes into the PUT that runs, beginning it. */
static int feed(struct sat_writer *writer, satchel_error *err)
{
    struct sat_buf *bytes = &writer->current->bytes;
    int code = SATCHEL_OK;
    if (writer->pipe == NULL)
        code = sat_pipe_new(&writer->put, (size_t)writer->part_size, &writer->pipe, err);
    if (code == SATCHEL_OK)
        code = sat_pipe_write(writer->pipe, bytes->data, bytes->len, err);
    sat_buf_reset(bytes);
    return code;
}

/* ---- writing */

static int need_current(struct sat_writer *writer, satchel_error *err)
{
    while (writer->current == NULL) {
        if (writer->failed.code != SATCHEL_OK)
            return fail(writer, err);
        if (writer->idle == NULL && !take_finished(writer))
            return sat_error_set(err, SATCHEL_INVALID, "the writer has no buffer");
        writer->current = writer->idle;
        writer->idle = writer->current->next;
    }
    return SATCHEL_OK;
}

static int write_some(struct sat_writer *writer, const char *data, size_t len, size_t *taken,
                      satchel_error *err)
{
    int code = need_current(writer, err);
    if (code != SATCHEL_OK)
        return code;
    struct sat_buf *bytes = &writer->current->bytes;
    if (bytes->len >= writer->part_size) {
        *taken = 0;
        return in_parts(writer) ? send_part(writer, err) : feed(writer, err);
    }
    size_t room = (size_t)writer->part_size - bytes->len;
    *taken = len < room ? len : room;
    (void)sat_buf_add(bytes, data, *taken);
    return sat_buf_check(bytes, "part", err);
}

static int keep_failure(struct sat_writer *writer, int code, const satchel_error *why,
                        satchel_error *err)
{
    if (code == SATCHEL_OK)
        return code;
    if (writer->failed.code == SATCHEL_OK)
        writer->failed = *why;
    return fail(writer, err);
}

int sat_writer_write(struct sat_writer *writer, const void *data, size_t len, satchel_error *err)
{
    const char *at = data;
    satchel_error why = {0};
    int code = check(writer);
    while (code == SATCHEL_OK && len > 0) {
        size_t taken = 0;
        code = write_some(writer, at, len, &taken, &why);
        at += taken;
        len -= taken;
        writer->written += taken;
    }
    return keep_failure(writer, code, &why, err);
}

/* ---- the end */

/* The upload is finished, or with `undo` ended; either way it is no more the writer's. */
static int end_upload(struct sat_writer *writer, struct sat_op *op, bool undo, satchel_error *err)
{
    *op = writer->put;
    op->kind = SAT_OP_PUT;
    op->part.upload_id = writer->upload_id;
    op->part.list = writer->parts.data;
    op->part.count = writer->parts.len;
    op->cancelled = undo;
    int code = sat_op_run(op, err);
    sat_free(writer->upload_id);
    writer->upload_id = NULL;
    return code;
}

static int finish_parts(struct sat_writer *writer, struct sat_op *op, satchel_error *err)
{
    int code = writer->current == NULL ? SATCHEL_OK : send_part(writer, err);
    while (take_finished(writer))
        continue;
    if (code == SATCHEL_OK)
        code = fail(writer, err);
    return code == SATCHEL_OK ? end_upload(writer, op, false, err) : code;
}

/* All of it was small. */
static int finish_whole(struct sat_writer *writer, struct sat_op *op, satchel_error *err)
{
    *op = writer->put;
    op->kind = SAT_OP_PUT;
    op->source = sat_source_span(writer->current == NULL ? (satchel_span){NULL, 0}
                                                         : sat_buf_span(&writer->current->bytes));
    return sat_op_run(op, err);
}

static int finish(struct sat_writer *writer, struct sat_op *op, satchel_error *err)
{
    if (writer->upload_id != NULL)
        return finish_parts(writer, op, err);
    if (writer->pipe == NULL)
        return finish_whole(writer, op, err);
    int code = feed(writer, err);
    return code == SATCHEL_OK ? sat_pipe_finish(writer->pipe, &op->info, err) : code;
}

int sat_writer_finish(struct sat_writer *writer, struct sat_info *info, satchel_error *err)
{
    struct sat_op op = {.conn = writer->put.conn};
    satchel_error why = {0};
    int code = check(writer);
    if (code == SATCHEL_OK)
        code = finish(writer, &op, &why);
    if (code == SATCHEL_OK && info != NULL) {
        op.info.size = writer->written;
        *info = op.info;
        op.info = (struct sat_info){0};
    }
    sat_op_fini(&op);
    return keep_failure(writer, code, &why, err);
}

void sat_writer_free(struct sat_writer *writer)
{
    if (writer == NULL || writer->generation != sat_fork_generation())
        return;
    for (unsigned i = 0; writer->lots != NULL && i < writer->count; i++) {
        if (writer->lots[i].op.conn != NULL)
            sat_op_cancel(&writer->lots[i].op);
    }
    while (writer->queue != NULL && take_finished(writer))
        continue;
    if (writer->upload_id != NULL) { /* (2); a failure is logged */
        struct sat_op op;
        (void)end_upload(writer, &op, true, NULL);
        sat_op_fini(&op);
    }
    for (unsigned i = 0; writer->lots != NULL && i < writer->count; i++)
        sat_buf_fini(&writer->lots[i].bytes);
    for (size_t i = 0; i < writer->parts.len; i++)
        sat_free(((struct sat_part *)sat_vec_at(&writer->parts, i))->etag);
    sat_vec_fini(&writer->parts);
    sat_free(writer->lots);
    sat_free(writer->upload_id);
    sat_queue_free(writer->queue);
    sat_pipe_free(writer->pipe);
    sat_free(writer);
}
