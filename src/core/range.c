/*
 * A GET in parallel ranges: STAT, then each range under If-Match, into its place in the file.
 *
 * (1) Every range is of the version that the STAT told of, or the whole is MODIFIED.
 * (2) The checksum of the whole is combined from those of the ranges and compared with what the
 *     store says; where it knows an MD5 only, the file is read once more on a worker.
 */
#include <string.h>

#include "core/alloc.h"
#include "core/attempt.h"
#include "core/backend.h"
#include "core/crc.h"
#include "core/digest.h"
#include "core/engine.h"
#include "core/error.h"
#include "core/fan.h"
#include "core/part.h"
#include "core/str.h"
#include "core/worker.h"

enum { MD5_BLOCK = 256 * 1024 };

struct ranges {
    struct sat_task task; /* first; the MD5 of what came */
    struct sat_op *whole;
    struct sat_op stat;
    uint64_t range;
    uint64_t *crcs; /* of each range */
    struct sat_fan fan;
};

static void finish(struct ranges *run, const satchel_error *why)
{
    struct sat_op *whole = run->whole;
    whole->err = *why;
    sat_fan_fini(&run->fan);
    sat_op_fini(&run->stat);
    sat_free(run->crcs);
    sat_free(run);
    sat_op_complete(whole);
}

/* ---- the ranges */

static uint64_t length_of(const struct ranges *run, size_t index)
{
    uint64_t size = run->stat.info.size;
    uint64_t begin = index * run->range;
    return size - begin < run->range ? size - begin : run->range;
}

static int prepare(void *user, struct sat_fan_slot *slot, satchel_error *err)
{
    struct ranges *run = user;
    struct sat_op *op = &slot->op;
    (void)err;
    op->kind = SAT_OP_GET;
    op->key = run->whole->key;
    op->if_match = run->stat.info.etag;
    op->range_offset = slot->index * run->range;
    op->range_length = length_of(run, slot->index);
    op->sink = sat_sink_file(run->whole->sink.fd, run->whole->sink.offset + op->range_offset);
    op->moved = run->whole->moved;
    return SATCHEL_OK;
}

static int take(void *user, struct sat_fan_slot *slot, bool *again, satchel_error *err)
{
    struct ranges *run = user;
    (void)again;
    run->crcs[slot->index] = slot->op.sink.crc64;
    if (slot->op.info.size == run->stat.info.size)
        return SATCHEL_OK;
    return sat_error_set(err, SATCHEL_MODIFIED, "'%.200s' changed while it was read: try again",
                         run->whole->key);
}

/* ---- the end */

static void hand_over(struct ranges *run)
{
    struct sat_op *whole = run->whole;
    sat_info_fini(&whole->info);
    whole->info = run->stat.info;
    run->stat.info = (struct sat_info){0};
}

static int md5_of_file(const struct sat_op *whole, unsigned char out[SAT_MD5_SIZE],
                       satchel_error *err)
{
    const struct sat_source source =
        sat_source_file(whole->sink.fd, whole->sink.offset, whole->sink.received);
    struct sat_md5 md5;
    SAT_AUTO_FREE char *block = sat_malloc(MD5_BLOCK);
    if (block == NULL)
        return sat_error_nomem(err);
    sat_md5_init(&md5);
    size_t got = 0;
    for (uint64_t at = 0; at < source.length; at += got) {
        int code = sat_source_read(&source, at, block, MD5_BLOCK, &got, err);
        if (code == SATCHEL_OK && atomic_load(&whole->cancelled))
            code = sat_error_set(err, SATCHEL_CANCELLED, "cancelled");
        if (code != SATCHEL_OK)
            return code;
        sat_md5_update(&md5, block, got);
    }
    sat_md5_final(&md5, out);
    return SATCHEL_OK;
}

static void run_md5(struct sat_task *task)
{
    struct ranges *run = (struct ranges *)(void *)task;
    unsigned char md5[SAT_MD5_SIZE];
    satchel_error why = {0};
    int code = md5_of_file(run->whole, md5, &why);
    if (code == SATCHEL_OK && memcmp(md5, run->stat.info.md5, sizeof md5) != 0)
        sat_error_set(&why, SATCHEL_INTEGRITY, "'%.200s': MD5 differs from the ETag",
                      run->whole->key);
    hand_over(run);
    finish(run, &why);
}

static uint64_t combined(const struct ranges *run)
{
    uint64_t crc64 = 0;
    for (size_t i = 0; i < run->fan.count; i++)
        crc64 = sat_crc64_combine(crc64, run->crcs[i], length_of(run, i));
    return crc64;
}

/* (2) */
static void ended(void *user)
{
    struct ranges *run = user;
    struct sat_op *whole = run->whole;
    const struct sat_info *info = &run->stat.info;
    satchel_error why = run->fan.err;
    if (why.code == SATCHEL_CONFLICT)
        why.code = SATCHEL_MODIFIED;
    whole->sink.received = info->size;
    whole->sink.crc64 = why.code == SATCHEL_OK ? combined(run) : 0;
    if (why.code == SATCHEL_OK && info->has_crc64 && info->crc64 != whole->sink.crc64)
        sat_error_set(&why, SATCHEL_INTEGRITY,
                      "'%.200s': CRC64-NVME of the bytes is %016llx, the store says %016llx",
                      whole->key, (unsigned long long)whole->sink.crc64,
                      (unsigned long long)info->crc64);
    bool md5 = why.code == SATCHEL_OK && !info->has_crc64 && info->has_md5;
    run->task.run = run_md5;
    if (md5 &&
        sat_workers_submit(sat_engine_workers(whole->conn->engine), &run->task, &why) == SATCHEL_OK)
        return;
    if (why.code == SATCHEL_OK)
        hand_over(run);
    finish(run, &why);
}

/* ---- the start */

static const struct sat_fan_rules rules = {.prepare = prepare, .take = take, .ended = ended};

static void stat_done(struct sat_op *op)
{
    struct ranges *run = (struct ranges *)(void *)((char *)op - offsetof(struct ranges, stat));
    const struct sat_conn *conn = run->whole->conn;
    satchel_error why = op->err;
    uint64_t size = op->info.size;
    bool empty = why.code == SATCHEL_OK && size == 0;
    if (why.code == SATCHEL_OK && !empty) {
        run->fan.count = (size_t)((size - 1) / run->range + 1);
        run->crcs = sat_calloc(run->fan.count, sizeof *run->crcs);
        if (run->crcs == NULL)
            (void)sat_error_nomem(&why);
        else
            (void)sat_fan_init(&run->fan, run->whole, conn->part_concurrency, &why);
    }
    if (why.code == SATCHEL_OK && !empty) {
        sat_fan_start(&run->fan);
        return;
    }
    if (empty)
        hand_over(run);
    finish(run, &why);
}

void sat_range_start(struct sat_op *whole)
{
    struct ranges *run = sat_calloc(1, sizeof *run);
    if (run == NULL) {
        (void)sat_error_nomem(&whole->err);
        sat_op_complete(whole);
        return;
    }
    run->whole = whole;
    run->range = whole->conn->range_size;
    run->fan.rules = &rules;
    run->fan.user = run;
    run->stat = (struct sat_op){.kind = SAT_OP_STAT,
                                .conn = whole->conn,
                                .key = whole->key,
                                .if_match = whole->if_match,
                                .parent = whole,
                                .done = stat_done};
    sat_op_submit(&run->stat, NULL);
}
