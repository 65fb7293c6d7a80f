/*
 * A multipart upload as one op: PART_BEGIN, parts in parallel, PART_FINISH.
 *
 * (1) Whatever happens after PART_BEGIN, the upload is finished or aborted before the whole op is
 *     done; PART_BEGIN and PART_ABORT themselves are not cancelled.
 * (2) A PART_FINISH that was repeated, or whose reply was lost, is settled by STATs: the object
 *     there is ours when its size and checksum, or its ETag, are.
 * (3) Memory is taken for parts of another store's object only: `width` buffers of one part.
 * (4) The source is asked whether it is still what it was before the upload is finished.
 * (5) A store may tell the checksum of a copy's whole source as that of each part: it is left to
 *     take its own, which in the end must be the source's.
 * (6) What was made, but is not what was sent, is deleted again, unless somebody overwrote it.
 */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "core/alloc.h"
#include "core/backend.h"
#include "core/clock.h"
#include "core/crc.h"
#include "core/engine.h"
#include "core/error.h"
#include "core/fan.h"
#include "core/log.h"
#include "core/part.h"
#include "core/str.h"
#include "core/worker.h"

enum {
    LOOKS = 7, /* at what is there: over three seconds in all */
    LOOK_MS = 50,
    ABORT_MS = 10 * 1000, /* how long an abort may keep a cancelled op */
};

#define COPY_PART_SIZE ((uint64_t)1024 * 1024 * 1024)

struct upload {
    struct sat_task task; /* first; asks the source (4) */
    struct sat_op *whole;
    struct sat_op control; /* BEGIN, FINISH, STAT, ABORT, DELETE: one after the other */
    char *made_id;
    const char *upload_id; /* made here, or the whole's */
    uint64_t size;
    uint64_t part_size;
    struct sat_part *made_list;
    const struct sat_part *list; /* likewise */
    size_t count;                /* of them */
    uint64_t crc64;              /* of the whole */
    bool has_crc64;
    char *finish_etag; /* what PART_FINISH told */
    unsigned looks;    /* made at what is there (2) */
    struct sat_fan fan;
    satchel_error why; /* what the whole ends with */
};

static void begin_abort(struct upload *upload);

static struct upload *of_control(struct sat_op *op)
{
    return (struct upload *)(void *)((char *)op - offsetof(struct upload, control));
}

static void end(struct upload *upload)
{
    struct sat_op *whole = upload->whole;
    whole->err = upload->why;
    sat_fan_fini(&upload->fan);
    sat_op_fini(&upload->control);
    for (size_t i = 0; upload->made_list != NULL && i < upload->count; i++)
        sat_free(upload->made_list[i].etag);
    sat_free(upload->made_list);
    sat_free(upload->made_id);
    sat_free(upload->finish_etag);
    sat_free(upload);
    sat_op_complete(whole);
}

static void submit_control(struct upload *upload, enum sat_op_kind kind,
                           void (*done)(struct sat_op *op))
{
    struct sat_op *op = &upload->control;
    op->kind = kind;
    op->conn = upload->whole->conn;
    op->key = upload->whole->key;
    op->part.upload_id = upload->upload_id;
    op->done = done;
    sat_op_submit(op, NULL);
}

static void reset_control(struct upload *upload)
{
    sat_op_fini(&upload->control);
    upload->control = (struct sat_op){0};
}

/* ---- parts */

static uint64_t offset_of(const struct upload *upload, size_t index)
{
    return index * upload->part_size;
}

static uint64_t length_of(const struct upload *upload, size_t index)
{
    uint64_t left = upload->size - offset_of(upload, index);
    return left < upload->part_size ? left : upload->part_size;
}

static void set_part(const struct upload *upload, struct sat_fan_slot *slot, enum sat_op_kind kind)
{
    slot->op.kind = kind;
    slot->op.key = upload->whole->key;
    slot->op.part.upload_id = upload->upload_id;
    slot->op.part.number = (unsigned)slot->index + 1;
}

/* The first step of a part of another store's object: its bytes into the slot's buffer. */
static void set_fetch(const struct upload *upload, struct sat_fan_slot *slot)
{
    const struct sat_source *source = &upload->whole->source;
    struct sat_op *op = &slot->op;
    if (slot->buffer.data == NULL)
        sat_buf_init(&slot->buffer, upload->part_size);
    op->kind = SAT_OP_GET;
    op->conn = source->conn;
    op->key = source->key;
    op->if_match = source->etag;
    op->range_offset = offset_of(upload, slot->index);
    op->range_length = length_of(upload, slot->index);
    op->sink = sat_sink_memory(&slot->buffer);
}

static int prepare(void *user, struct sat_fan_slot *slot, satchel_error *err)
{
    struct upload *upload = user;
    const struct sat_op *whole = upload->whole;
    (void)err;
    if (whole->kind == SAT_OP_COPY) {
        set_part(upload, slot, SAT_OP_PART_COPY);
        slot->op.from = whole->from;
        slot->op.range_offset = offset_of(upload, slot->index);
        slot->op.range_length = length_of(upload, slot->index);
    } else if (whole->source.kind == SAT_SOURCE_OBJECT) {
        set_fetch(upload, slot);
    } else {
        set_part(upload, slot, SAT_OP_PART_PUT);
        slot->op.moved = whole->moved;
        slot->op.source = sat_source_part(&whole->source, offset_of(upload, slot->index),
                                          length_of(upload, slot->index));
    }
    return SATCHEL_OK;
}

/* The bytes of a part are here: on to the second step. */
static int take_fetched(struct upload *upload, struct sat_fan_slot *slot, satchel_error *err)
{
    const struct sat_op *whole = upload->whole;
    bool same =
        slot->op.info.size == upload->size && slot->buffer.len == length_of(upload, slot->index);
    sat_op_fini(&slot->op);
    if (!same)
        return sat_error_set(err, SATCHEL_MODIFIED, "'%.200s' changed while it was read: try again",
                             whole->source.key);
    slot->op = (struct sat_op){.conn = whole->conn};
    set_part(upload, slot, SAT_OP_PART_PUT);
    slot->op.moved = whole->moved;
    slot->op.source = sat_source_span(sat_buf_span(&slot->buffer));
    return SATCHEL_OK;
}

static int take(void *user, struct sat_fan_slot *slot, bool *again, satchel_error *err)
{
    struct upload *upload = user;
    struct sat_op *op = &slot->op;
    *again = op->kind == SAT_OP_GET;
    if (*again)
        return take_fetched(upload, slot, err);
    struct sat_part *part = &upload->made_list[slot->index];
    part->number = op->part.number;
    part->size = length_of(upload, slot->index);
    if (op->kind == SAT_OP_PART_COPY && upload->whole->moved != NULL)
        atomic_fetch_add(upload->whole->moved, part->size);
    sat_part_take(op, part);
    return SATCHEL_OK;
}

/* (5) */
static void combine(struct upload *upload)
{
    const struct sat_op *whole = upload->whole;
    upload->has_crc64 = true;
    if (whole->kind == SAT_OP_COPY) {
        upload->has_crc64 = whole->from.has_crc64;
        upload->crc64 = whole->from.crc64;
        return;
    }
    for (size_t i = 0; i < upload->count; i++) {
        const struct sat_part *part = &upload->list[i];
        upload->has_crc64 = upload->has_crc64 && part->has_crc64;
        upload->crc64 = sat_crc64_combine(upload->crc64, part->crc64, part->size);
    }
}

/* ---- finish */

static void take_result(struct upload *upload, struct sat_info *info)
{
    struct sat_op *whole = upload->whole;
    sat_info_fini(&whole->info);
    whole->info = *info;
    *info = (struct sat_info){0};
    if (whole->info.etag == NULL) {
        whole->info.etag = upload->finish_etag;
        upload->finish_etag = NULL;
    }
    whole->info.size = upload->size;
    whole->has_sent_crc64 = upload->has_crc64;
    whole->sent_crc64 = upload->crc64;
    whole->unsettled = false;
    upload->why = (satchel_error){0};
}

/*
 * (2): the reply is not enough. An earlier attempt may have finished the upload although its reply
 * was lost; and some servers answer a repeated PART_FINISH with success while the first is still at
 * work, or has failed.
 */
static bool wants_look(const struct sat_op *finish)
{
    int code = finish->err.code;
    if (code == SATCHEL_CANCELLED)
        return false;
    if (code == SATCHEL_OK || code == SATCHEL_NOT_FOUND)
        return finish->attempts > 1;
    return finish->unsettled;
}

/* What a look must find to be ours. */
struct wanted {
    uint64_t size;
    const uint64_t *crc64; /* NULL = not known */
    const char *etag;      /* as PART_FINISH told; NULL = it did not */
};

static bool is_ours(const struct sat_op *stat, const struct wanted *wanted)
{
    const struct sat_info *info = &stat->info;
    if (stat->err.code != SATCHEL_OK || info->size != wanted->size)
        return false;
    if (wanted->crc64 != NULL && info->has_crc64)
        return info->crc64 == *wanted->crc64;
    return wanted->etag != NULL && info->etag != NULL && sat_str_eq(info->etag, wanted->etag);
}

/* The wait before the n-th look, from 0: the server may still be at work. */
static uint32_t look_delay_ms(unsigned look)
{
    return look == 0 ? 0 : (uint32_t)LOOK_MS << (look - 1);
}

static void set_unknown_outcome(struct upload *upload)
{
    satchel_error was = upload->why;
    (void)sat_error_set(&upload->why, SATCHEL_UNKNOWN_OUTCOME,
                        "the parts of '%.200s' were put together, but the outcome could not be "
                        "learned (look before you repeat it): %.200s",
                        upload->whole->key,
                        was.text[0] != '\0' ? was.text
                                            : "it was said to be done, and is not there");
}

/* What the store says it made must be what was sent. */
static int check_result(const struct sat_op *finish, const uint64_t *crc64, satchel_error *err)
{
    const struct sat_info *info = &finish->info;
    if (!info->has_crc64 || crc64 == NULL || info->crc64 == *crc64)
        return SATCHEL_OK;
    return sat_error_set(err, SATCHEL_INTEGRITY,
                         "'%.200s': CRC64-NVME sent was %016llx, the store says %016llx",
                         finish->key, (unsigned long long)*crc64, (unsigned long long)info->crc64);
}

static const uint64_t *crc64_of(const struct upload *upload)
{
    return upload->has_crc64 ? &upload->crc64 : NULL;
}

static void look(struct upload *upload);

static void look_done(struct sat_op *op)
{
    struct upload *upload = of_control(op);
    const struct wanted wanted = {
        .size = upload->size, .crc64 = crc64_of(upload), .etag = upload->finish_etag};
    if (is_ours(op, &wanted)) {
        take_result(upload, &op->info);
        end(upload);
        return;
    }
    if (++upload->looks < LOOKS) {
        look(upload);
        return;
    }
    if (upload->whole->unsettled)
        set_unknown_outcome(upload);
    begin_abort(upload);
}

static void look(struct upload *upload)
{
    reset_control(upload);
    upload->control.delay_ms = look_delay_ms(upload->looks);
    submit_control(upload, SAT_OP_STAT, look_done);
}

/* Adds what could not be undone to what went wrong. */
static void add_remains(struct upload *upload, const struct sat_op *op, const char *what)
{
    size_t used = strlen(upload->why.text);
    (void)snprintf(upload->why.text + used, sizeof upload->why.text - used,
                   "; %s upload %.100s failed", what, upload->upload_id);
    SAT_WARN("'%s': %s upload %s failed: %s", upload->whole->key, what, upload->upload_id,
             op->err.text);
}

/* (6) */
static void delete_done(struct sat_op *op)
{
    struct upload *upload = of_control(op);
    int code = op->err.code;
    if (code != SATCHEL_OK && code != SATCHEL_NOT_FOUND && code != SATCHEL_CONFLICT)
        add_remains(upload, op, "it is still stored, for deleting what came of");
    end(upload);
}

static void begin_delete(struct upload *upload)
{
    if (upload->finish_etag == NULL) {
        add_remains(upload, &upload->control, "it is still stored, for deleting what came of");
        end(upload);
        return;
    }
    reset_control(upload);
    upload->control.if_match = upload->finish_etag;
    submit_control(upload, SAT_OP_DELETE, delete_done);
}

static void finish_done(struct sat_op *op)
{
    struct upload *upload = of_control(op);
    bool finished = op->err.code == SATCHEL_OK;
    upload->why = op->err;
    upload->finish_etag = op->info.etag;
    op->info.etag = NULL;
    if (finished && check_result(op, crc64_of(upload), &upload->why) != SATCHEL_OK) {
        begin_delete(upload); /* it is an object now: there is nothing to abort */
    } else if (wants_look(op)) {
        upload->whole->unsettled = finished || op->unsettled;
        look(upload);
    } else if (finished) {
        take_result(upload, &op->info);
        end(upload);
    } else {
        upload->whole->unsettled = op->unsettled;
        begin_abort(upload);
    }
}

static void begin_finish(struct upload *upload)
{
    struct sat_op *op = &upload->control;
    const struct sat_op *whole = upload->whole;
    op->if_match = whole->if_match;
    op->if_absent = whole->if_absent;
    op->parent = upload->whole;
    op->part.list = upload->list;
    op->part.count = upload->count;
    op->part.crc64 = upload->crc64;
    op->part.has_crc64 = upload->has_crc64 && whole->kind == SAT_OP_PUT;
    submit_control(upload, SAT_OP_PART_FINISH, finish_done);
}

/* (4) */
static void ask_source(struct sat_task *task)
{
    struct upload *upload = (struct upload *)(void *)task;
    const struct sat_source *source = &upload->whole->source;
    if (source->unchanged(source->user, crc64_of(upload), &upload->why) == SATCHEL_OK)
        begin_finish(upload);
    else
        begin_abort(upload);
}

static void ended(void *user)
{
    struct upload *upload = user;
    upload->why = upload->fan.err;
    if (upload->why.code != SATCHEL_OK) {
        begin_abort(upload);
        return;
    }
    combine(upload);
    upload->task.run = ask_source;
    if (upload->whole->source.unchanged == NULL)
        begin_finish(upload);
    else if (sat_workers_submit(sat_engine_workers(upload->whole->conn->engine), &upload->task,
                                &upload->why) != SATCHEL_OK)
        begin_abort(upload);
}

/* ---- abort */

static void abort_done(struct sat_op *op)
{
    struct upload *upload = of_control(op);
    if (op->err.code != SATCHEL_OK)
        add_remains(upload, op, "its parts are still stored, for aborting");
    end(upload);
}

static void begin_abort(struct upload *upload)
{
    reset_control(upload);
    if (atomic_load(&upload->whole->cancelled))
        upload->control.deadline_ns = sat_clock_now_ns() + ABORT_MS * SAT_NS_PER_MS;
    submit_control(upload, SAT_OP_PART_ABORT, abort_done);
}

/* ---- begin */

static const struct sat_fan_rules rules = {.prepare = prepare, .take = take, .ended = ended};

static void begin_done(struct sat_op *op)
{
    struct upload *upload = of_control(op);
    upload->why = op->err;
    upload->made_id = op->upload_id;
    upload->upload_id = upload->made_id;
    op->upload_id = NULL;
    reset_control(upload);
    if (upload->why.code == SATCHEL_OK)
        sat_fan_start(&upload->fan);
    else
        end(upload);
}

static int prepare_upload(struct upload *upload, satchel_error *err)
{
    const struct sat_op *whole = upload->whole;
    const struct sat_conn *conn = whole->conn;
    const struct sat_limits *limits = &conn->backend->limits;
    bool copy = whole->kind == SAT_OP_COPY;
    upload->size = copy ? whole->expected_size : whole->source.length;
    upload->part_size =
        sat_part_size(limits, upload->size, copy ? COPY_PART_SIZE : conn->part_size);
    uint64_t parts = upload->size / upload->part_size + (upload->size % upload->part_size != 0);
    if (parts > limits->parts_max)
        return sat_error_set(err, SATCHEL_LIMIT,
                             "'%.200s' has %llu bytes (limit: %u parts of %llu bytes)", whole->key,
                             (unsigned long long)upload->size, limits->parts_max,
                             (unsigned long long)limits->part_max);
    upload->fan.rules = &rules;
    upload->fan.user = upload;
    upload->count = parts == 0 ? 1 : (size_t)parts; /* an empty object is one empty part */
    upload->fan.count = upload->count;
    upload->made_list = sat_calloc(upload->count, sizeof *upload->made_list);
    upload->list = upload->made_list;
    if (upload->list == NULL)
        return sat_error_nomem(err);
    return sat_fan_init(&upload->fan, upload->whole,
                        whole->width > 0 ? whole->width : conn->part_concurrency, err);
}

static void begin(struct upload *upload)
{
    struct sat_op *op = &upload->control;
    const struct sat_op *whole = upload->whole;
    op->tags = whole->tags;
    op->metadata = whole->metadata;
    op->content_type = whole->content_type;
    op->storage_class = whole->storage_class;
    op->part.has_crc64 = whole->kind == SAT_OP_PUT;
    submit_control(upload, SAT_OP_PART_BEGIN, begin_done);
}

/* The parts are there: what is left is to put them together. */
static void go_on(struct upload *upload)
{
    const struct sat_op *whole = upload->whole;
    upload->upload_id = whole->part.upload_id;
    upload->list = whole->part.list;
    upload->count = whole->part.count;
    for (size_t i = 0; i < upload->count; i++)
        upload->size += upload->list[i].size;
    combine(upload);
    if (upload->why.code == SATCHEL_OK)
        begin_finish(upload);
    else
        begin_abort(upload);
}

void sat_upload_start(struct sat_op *whole)
{
    struct upload *upload = sat_calloc(1, sizeof *upload);
    if (upload == NULL) {
        (void)sat_error_nomem(&whole->err);
        sat_op_complete(whole);
        return;
    }
    upload->whole = whole;
    upload->control.conn = whole->conn;
    if (atomic_load(&whole->cancelled))
        sat_error_set(&upload->why, SATCHEL_CANCELLED, "cancelled");
    if (whole->part.list != NULL) {
        go_on(upload);
        return;
    }
    if (upload->why.code == SATCHEL_OK)
        (void)prepare_upload(upload, &upload->why);
    if (upload->why.code == SATCHEL_OK)
        begin(upload);
    else
        end(upload);
}
