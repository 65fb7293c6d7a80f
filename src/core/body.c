/*
 * Sources and sinks of bodies. A file sink gathers the small pieces that curl hands over into one
 * file-aligned block, because writing each of them costs 1.4 times as much.
 */
#include "core/body.h"

#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/crc.h"
#include "core/digest.h"
#include "core/error.h"
#include "core/op.h"
#include "core/os.h"

enum { FILE_BLOCK = 1024 * 1024, OBJECT_BLOCK = 16 * 1024 * 1024 };

struct sat_source sat_source_span(satchel_span span)
{
    return (struct sat_source){.kind = SAT_SOURCE_SPAN, .data = span.data, .length = span.len};
}

struct sat_source sat_source_file(int fd, uint64_t offset, uint64_t length)
{
    return (struct sat_source){
        .kind = SAT_SOURCE_FILE, .fd = fd, .offset = offset, .length = length};
}

struct sat_source sat_source_pull(int (*pull)(void *user, void *out, size_t len, size_t *got,
                                              satchel_error *err),
                                  void *user)
{
    return (struct sat_source){
        .kind = SAT_SOURCE_PULL, .length = SAT_SOURCE_UNKNOWN, .pull = pull, .user = user};
}

struct sat_source sat_source_part(const struct sat_source *whole, uint64_t offset, uint64_t length)
{
    if (whole->kind == SAT_SOURCE_FILE)
        return sat_source_file(whole->fd, whole->offset + offset, length);
    return sat_source_span((satchel_span){whole->data + offset, (size_t)length});
}

size_t sat_source_block(const struct sat_source *source)
{
    return source->kind == SAT_SOURCE_OBJECT ? OBJECT_BLOCK : FILE_BLOCK;
}

static int read_object(const struct sat_source *source, uint64_t at, void *out, size_t len,
                       satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf memory;
    sat_buf_init(&memory, len);
    struct sat_op op = {
        .kind = SAT_OP_GET,
        .conn = source->conn,
        .key = source->key,
        .if_match = source->etag,
        .range_offset = at,
        .range_length = len,
        .sink = sat_sink_memory(&memory),
        .parent = source->reader,
    };
    int code = sat_op_run(&op, err);
    if (code == SATCHEL_OK && (memory.len != len || op.info.size != source->length))
        code = sat_error_set(err, SATCHEL_MODIFIED, "'%.200s' changed while it was read: try again",
                             source->key);
    if (code == SATCHEL_OK)
        memcpy(out, memory.data, len);
    sat_op_fini(&op);
    return code;
}

int sat_source_read(const struct sat_source *source, uint64_t at, void *out, size_t len,
                    size_t *got, satchel_error *err)
{
    if (source->kind == SAT_SOURCE_PULL)
        return source->pull(source->user, out, len, got, err);
    uint64_t left = at < source->length ? source->length - at : 0;
    *got = left < len ? (size_t)left : len;
    if (*got == 0)
        return SATCHEL_OK;
    if (source->kind == SAT_SOURCE_SPAN) {
        memcpy(out, source->data + at, *got);
        return SATCHEL_OK;
    }
    if (source->kind == SAT_SOURCE_OBJECT)
        return read_object(source, at, out, *got, err);
    int64_t n = sat_os_pread(source->fd, out, *got, (int64_t)(source->offset + at));
    if (n < 0)
        return sat_error_os(err, (int)-n, "reading the file to send");
    if ((uint64_t)n < *got)
        return sat_error_set(err, SATCHEL_MODIFIED, "the file to send became shorter while read");
    return SATCHEL_OK;
}

int sat_source_fits(const struct sat_source *source, uint64_t crc64, satchel_error *err)
{
    bool asks = source->kind == SAT_SOURCE_OBJECT && source->unchanged != NULL;
    return asks ? source->unchanged(source->user, &crc64, err) : SATCHEL_OK;
}

int sat_source_crc64(const struct sat_source *source, uint64_t *crc64, satchel_error *err)
{
    SAT_AUTO_FREE char *block = sat_malloc(SAT_SINK_BLOCK);
    size_t got = 0;
    *crc64 = 0;
    if (block == NULL)
        return sat_error_nomem(err);
    for (uint64_t at = 0; at < source->length; at += got) {
        int code = sat_source_read(source, at, block, SAT_SINK_BLOCK, &got, err);
        if (code != SATCHEL_OK)
            return code;
        *crc64 = sat_crc64(*crc64, block, got);
    }
    return SATCHEL_OK;
}

struct sat_sink sat_sink_memory(struct sat_buf *memory)
{
    return (struct sat_sink){.kind = SAT_SINK_MEMORY, .memory = memory};
}

struct sat_sink sat_sink_file(int fd, uint64_t offset)
{
    return (struct sat_sink){.kind = SAT_SINK_FILE, .fd = fd, .offset = offset};
}

static int flush_block(struct sat_sink *sink, satchel_error *err)
{
    if (sink->block_used == 0)
        return SATCHEL_OK;
    int rc = sat_os_pwrite_all(sink->fd, sink->block, sink->block_used,
                               (int64_t)(sink->offset + sink->written));
    if (rc < 0)
        return sat_error_os(err, -rc, "writing the received bytes");
    sink->written += sink->block_used;
    sink->block_used = 0;
    return SATCHEL_OK;
}

/* Up to the next file-aligned boundary, so that every later block is whole and aligned. */
static size_t block_room(const struct sat_sink *sink)
{
    uint64_t begin = sink->offset + sink->written;
    return SAT_SINK_BLOCK - (size_t)(begin % SAT_SINK_BLOCK) - sink->block_used;
}

static int write_file(struct sat_sink *sink, const char *data, size_t len, satchel_error *err)
{
    if (sink->block == NULL) {
        sink->block = sat_malloc(SAT_SINK_BLOCK);
        if (sink->block == NULL)
            return sat_error_nomem(err);
    }
    while (len > 0) {
        size_t room = block_room(sink);
        size_t n = len < room ? len : room;
        memcpy(sink->block + sink->block_used, data, n);
        sink->block_used += n;
        data += n;
        len -= n;
        if (n == room) {
            int code = flush_block(sink, err);
            if (code != SATCHEL_OK)
                return code;
        }
    }
    return SATCHEL_OK;
}

static int take_md5(struct sat_sink *sink, const void *data, size_t len, satchel_error *err)
{
    if (sink->md5 == NULL) {
        sink->md5 = sat_malloc(sizeof(struct sat_md5));
        if (sink->md5 == NULL)
            return sat_error_nomem(err);
        sat_md5_init(sink->md5);
    }
    sat_md5_update(sink->md5, data, len);
    return SATCHEL_OK;
}

int sat_sink_write(struct sat_sink *sink, const void *data, size_t len, satchel_error *err)
{
    if (len == 0)
        return SATCHEL_OK;
    sink->received += len;
    if (sink->moved != NULL)
        atomic_fetch_add(sink->moved, len);
    sink->crc64 = sat_crc64(sink->crc64, data, len);
    if (sink->want_md5) {
        int code = take_md5(sink, data, len, err);
        if (code != SATCHEL_OK)
            return code;
    }
    if (sink->kind == SAT_SINK_FILE)
        return write_file(sink, data, len, err);
    if (sink->kind == SAT_SINK_MEMORY && sat_buf_add(sink->memory, data, len) != SATCHEL_OK)
        return sat_buf_check(sink->memory, "object", err);
    return SATCHEL_OK;
}

int sat_sink_finish(struct sat_sink *sink, satchel_error *err)
{
    return sink->kind == SAT_SINK_FILE ? flush_block(sink, err) : SATCHEL_OK;
}

bool sat_sink_md5(const struct sat_sink *sink, unsigned char out[SAT_MD5_SIZE])
{
    struct sat_md5 md5;
    if (!sink->want_md5)
        return false;
    if (sink->md5 == NULL)
        sat_md5_init(&md5);
    else
        memcpy(&md5, sink->md5, sizeof md5);
    sat_md5_final(&md5, out);
    return true;
}

void sat_sink_rewind(struct sat_sink *sink)
{
    if (sink->kind == SAT_SINK_MEMORY)
        sat_buf_reset(sink->memory);
    sat_free(sink->md5);
    sink->md5 = NULL;
    sink->want_md5 = false;
    if (sink->moved != NULL)
        atomic_fetch_sub(sink->moved, sink->received);
    sink->received = 0;
    sink->crc64 = 0;
    sink->written = 0;
    sink->block_used = 0;
}

void sat_sink_fini(struct sat_sink *sink)
{
    sat_free(sink->block);
    sat_free(sink->md5);
    sink->block = NULL;
    sink->md5 = NULL;
}
