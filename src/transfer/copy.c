/*
 * Copying one item.
 *
 *     local  -> local   read into a file in the making
 *     local  -> store   PUT from the file
 *     store  -> local   GET into a file in the making
 *     store  -> store   COPY within one service; else GET into memory and PUT, a large object range
 *                       by range, with content type and user metadata. Tags would cost a request
 *                       for each object: they stay behind, except in a COPY.
 *
 * (1) A destination appears, or changes, only with all bytes there and fitting their checksum.
 * (2) What is not to be overwritten is looked at first, to save the transfer, and again by the
 * write itself, which decides. (3) What was written to a store and reads back otherwise is deleted,
 *     under the condition that it is still ours.
 */
#include "transfer/copy.h"

#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/crc.h"
#include "core/error.h"
#include "core/part.h"
#include "core/str.h"
#include "transfer/object.h"

enum { BLOCK = 1024 * 1024 };

static uint64_t part_size(const struct sat_conn *to, uint64_t size)
{
    return sat_part_size(&to->backend->limits, size, to->part_size);
}

/* Parts of one object that may be held: as many as are wished for and fit, one at least. */
static unsigned parts_at_once(const struct sat_copy_rules *rules, const struct sat_item *item)
{
    const struct sat_conn *to = rules->target->conn;
    uint64_t fitting = rules->max_memory / part_size(to, item->size);
    if (fitting >= to->part_concurrency)
        return to->part_concurrency;
    return fitting == 0 ? 1 : (unsigned)fitting;
}

/* Between stores an object is held whole, or as many parts of it as are under way. */
uint64_t sat_copy_memory(const struct sat_copy_rules *rules, const struct sat_item *item)
{
    const struct sat_conn *to = rules->target->conn;
    if (item->conn == NULL || to == NULL)
        return BLOCK;
    if (item->size <= rules->ranges_from)
        return BLOCK + item->size;
    if (!sat_conn_supports(to, SAT_OP_PART_PUT))
        return BLOCK + rules->ranges_from;
    return BLOCK + parts_at_once(rules, item) * part_size(to, item->size);
}

int sat_copy_new(const struct sat_copy_rules *rules, struct sat_item *item, char *landing,
                 struct sat_copy **copy, satchel_error *err)
{
    const struct sat_target *target = rules->target;
    struct sat_copy *made = sat_calloc(1, sizeof *made);
    char *destination = sat_strf("%s%s", target->base, landing);
    if (made == NULL || destination == NULL) {
        sat_free(made);
        sat_free(destination);
        sat_free(landing);
        sat_item_fini(item);
        return sat_error_nomem(err);
    }
    made->rules = rules;
    made->item = *item;
    *item = (struct sat_item){0};
    made->landing = landing;
    made->destination = destination;
    made->memory = sat_copy_memory(rules, &made->item);
    sat_mutex_init(&made->lock);
    *copy = made;
    return SATCHEL_OK;
}

void sat_copy_free(struct sat_copy *copy)
{
    if (copy == NULL)
        return;
    sat_mutex_fini(&copy->lock);
    sat_item_fini(&copy->item);
    sat_free(copy->landing);
    sat_free(copy->destination);
    sat_free(copy);
}

/* ---- cancelling */

static int alive(const struct sat_copy *copy, satchel_error *err)
{
    if (atomic_load(&copy->cancelled))
        return sat_error_set(err, SATCHEL_CANCELLED, "cancelled");
    return SATCHEL_OK;
}

void sat_copy_set_op(struct sat_copy *copy, struct sat_op *op)
{
    SAT_LOCKED(&copy->lock);
    copy->locked.under_way = op;
    if (op != NULL && atomic_load(&copy->cancelled))
        atomic_store(&op->cancelled, true);
}

void sat_copy_cancel(struct sat_copy *copy)
{
    SAT_LOCKED(&copy->lock);
    atomic_store(&copy->cancelled, true);
    if (copy->locked.under_way != NULL)
        sat_op_cancel(copy->locked.under_way);
}

static int run_op(struct sat_copy *copy, struct sat_op *op, satchel_error *err)
{
    sat_copy_set_op(copy, op);
    int code = sat_op_run(op, err);
    sat_copy_set_op(copy, NULL);
    return code;
}

/* ---- what is at the destination already */

static const char *path_of(const struct sat_target *target)
{
    return *target->base == '\0' ? "." : target->base;
}

/* True when the local destination is the very file that is to be copied. */
static bool is_same_file(const struct sat_copy *copy, const struct sat_local_file *source)
{
    struct stat info;
    return sat_os_stat(AT_FDCWD, copy->destination, 0, &info) == 0 &&
           info.st_dev == source->info.st_dev && info.st_ino == source->info.st_ino;
}

static int exists_local(const struct sat_copy *copy, bool *exists, satchel_error *err)
{
    struct stat info;
    int result = sat_os_stat(AT_FDCWD, copy->destination, AT_SYMLINK_NOFOLLOW, &info);
    *exists = result == 0;
    if (result < 0 && result != -ENOENT && result != -ENOTDIR)
        return sat_error_os(err, -result, "looking at '%s'", copy->destination);
    return SATCHEL_OK;
}

static int exists_object(struct sat_copy *copy, const char *key, bool *exists, satchel_error *err)
{
    struct sat_op op = {.kind = SAT_OP_STAT, .conn = copy->rules->target->conn, .key = key};
    int code = run_op(copy, &op, err);
    sat_op_fini(&op);
    *exists = code == SATCHEL_OK;
    return code == SATCHEL_NOT_FOUND ? SATCHEL_OK : code;
}

int sat_copy_check_free(struct sat_copy *copy, const char *key, satchel_error *err)
{
    bool exists = false;
    if (copy->rules->if_exists == SATCHEL_IF_EXISTS_OVERWRITE)
        return SATCHEL_OK;
    int code =
        key == NULL ? exists_local(copy, &exists, err) : exists_object(copy, key, &exists, err);
    if (code == SATCHEL_OK && exists)
        return sat_error_set(err, SATCHEL_EXISTS, "already exists: '%s'", copy->destination);
    return code;
}

static bool only_if_absent(const struct sat_copy *copy)
{
    return copy->rules->if_exists != SATCHEL_IF_EXISTS_OVERWRITE;
}

/* ---- reading back */

static int mismatch(const struct sat_copy *copy, satchel_error *err)
{
    return sat_error_set(err, SATCHEL_INTEGRITY, "'%s' does not read back as it was written",
                         copy->destination);
}

/* The CRC of the first `size` bytes of a file. */
static int crc_of_file(const struct sat_copy *copy, int fd, uint64_t size, uint64_t *crc64,
                       satchel_error *err)
{
    SAT_AUTO_FREE char *block = sat_malloc(BLOCK);
    if (block == NULL)
        return sat_error_nomem(err);
    const struct sat_source source = sat_source_file(fd, 0, size);
    *crc64 = 0;
    for (uint64_t at = 0; at < size;) {
        size_t got = 0;
        int code = sat_source_read(&source, at, block, BLOCK, &got, err);
        if (code == SATCHEL_OK)
            code = alive(copy, err);
        if (code != SATCHEL_OK)
            return code;
        *crc64 = sat_crc64(*crc64, block, got);
        at += got;
    }
    return SATCHEL_OK;
}

static int verify_landing(const struct sat_copy *copy, const struct sat_landing *landing,
                          const struct sat_copy_content *content, satchel_error *err)
{
    uint64_t crc64 = 0;
    if (!copy->rules->verify)
        return SATCHEL_OK;
    int code = crc_of_file(copy, landing->fd, content->size, &crc64, err);
    return code == SATCHEL_OK && crc64 != content->crc64 ? mismatch(copy, err) : code;
}

/* `put` is the finished PUT. */
static int verify_object(struct sat_copy *copy, const struct sat_op *put,
                         const struct sat_copy_content *content, satchel_error *err)
{
    struct sat_op get = {.kind = SAT_OP_GET, .conn = put->conn, .key = put->key};
    if (!content->has_crc64) {
        return sat_error_set(err, SATCHEL_UNSUPPORTED,
                             "'%s' cannot be verified without a checksum: set "
                             "request_checksum_calculation=when_supported",
                             copy->destination);
    }
    int code = run_op(copy, &get, err);
    bool same = code == SATCHEL_OK && get.sink.received == content->size &&
                get.sink.crc64 == content->crc64;
    bool ours = put->info.etag != NULL && get.info.etag != NULL &&
                sat_str_eq(put->info.etag, get.info.etag);
    if (code == SATCHEL_OK && !same)
        code = ours ? mismatch(copy, err)
                    : sat_error_set(err, SATCHEL_CONFLICT, "'%s' was overwritten by another writer",
                                    copy->destination);
    sat_op_fini(&get);
    if (code == SATCHEL_INTEGRITY && put->info.etag != NULL) {
        struct sat_op drop = {
            .kind = SAT_OP_DELETE, .conn = put->conn, .key = put->key, .if_match = put->info.etag};
        (void)sat_op_run(&drop, NULL);
        sat_op_fini(&drop);
    }
    return code;
}

/* ---- to a local file */

int sat_copy_begin_landing(struct sat_copy *copy, struct sat_root *root, uint64_t size,
                           struct sat_landing *landing, satchel_error *err)
{
    int code = sat_copy_check_free(copy, NULL, err);
    if (code != SATCHEL_OK)
        return code;
    struct sat_landing_root below = {.path = path_of(copy->rules->target), .fd = -1};
    if (root != NULL)
        below.fd = sat_root_open(root, below.path, strlen(below.path), O_RDONLY);
    return sat_landing_begin_below(&below, copy->landing, size, copy->rules->durability, landing,
                                   err);
}

int sat_copy_end_landing(struct sat_copy *copy, int code, struct sat_landing *landing,
                         const struct sat_copy_content *content, satchel_error *err)
{
    if (code == SATCHEL_OK)
        code = verify_landing(copy, landing, content, err);
    if (code == SATCHEL_OK)
        code = alive(copy, err);
    if (code != SATCHEL_OK) {
        sat_landing_abort(landing);
        return code;
    }
    copy->bytes = content->size;
    return sat_landing_commit(landing, content->size, only_if_absent(copy), err);
}

static int copy_bytes(const struct sat_copy *copy, const struct sat_local_file *file,
                      struct sat_sink *sink, satchel_error *err)
{
    uint64_t size = (uint64_t)file->info.st_size;
    const struct sat_source source = sat_source_file(file->fd, 0, size);
    SAT_AUTO_FREE char *block = sat_malloc(BLOCK);
    if (block == NULL)
        return sat_error_nomem(err);
    for (uint64_t at = 0; at < size;) {
        size_t got = 0;
        int code = sat_source_read(&source, at, block, BLOCK, &got, err);
        if (code == SATCHEL_OK)
            code = sat_sink_write(sink, block, got, err);
        if (code == SATCHEL_OK)
            code = alive(copy, err);
        if (code != SATCHEL_OK)
            return code;
        at += got;
    }
    int code = sat_sink_finish(sink, err);
    return code == SATCHEL_OK ? sat_local_file_same(file, err) : code;
}

static int local_to_local(struct sat_copy *copy, const struct sat_local_file *file,
                          satchel_error *err)
{
    struct sat_landing landing;
    if (is_same_file(copy, file))
        return sat_error_set(err, SATCHEL_INVALID, "'%s' and '%s' are the same file",
                             copy->item.source, copy->destination);
    int code = sat_copy_begin_landing(copy, NULL, (uint64_t)file->info.st_size, &landing, err);
    if (code != SATCHEL_OK)
        return code;
    struct sat_sink sink = sat_sink_file(landing.fd, 0);
    sink.moved = &copy->moved;
    code = copy_bytes(copy, file, &sink, err);
    const struct sat_copy_content content = {.size = sink.received, .crc64 = sink.crc64};
    sat_sink_fini(&sink);
    return sat_copy_end_landing(copy, code, &landing, &content, err);
}

static int store_to_local(struct sat_copy *copy, satchel_error *err)
{
    struct sat_landing landing;
    struct sat_op op = {
        .conn = copy->item.conn,
        .key = copy->item.key,
        .expected_size = copy->item.size,
        .moved = &copy->moved,
    };
    int code = sat_copy_begin_landing(copy, NULL, copy->item.size, &landing, err);
    if (code != SATCHEL_OK)
        return code;
    sat_copy_set_op(copy, &op);
    code = sat_object_get_file(&op, &landing, err);
    sat_copy_set_op(copy, NULL);
    const struct sat_copy_content content = {.size = op.sink.received, .crc64 = op.sink.crc64};
    sat_op_fini(&op);
    return sat_copy_end_landing(copy, code, &landing, &content, err);
}

/* ---- to a store */

char *sat_copy_target_key(const struct sat_copy *copy)
{
    return sat_strf("%s%s", copy->rules->target->conn->root, copy->landing);
}

static int local_to_store(struct sat_copy *copy, const struct sat_local_file *file,
                          satchel_error *err)
{
    struct sat_copy_content content = {.size = (uint64_t)file->info.st_size};
    SAT_AUTO_FREE char *key = sat_copy_target_key(copy);
    if (key == NULL)
        return sat_error_nomem(err);
    int code = sat_copy_check_free(copy, key, err);
    content.has_crc64 = true;
    if (code == SATCHEL_OK && copy->rules->verify)
        code = crc_of_file(copy, file->fd, content.size, &content.crc64, err);
    if (code != SATCHEL_OK)
        return code;
    struct sat_op op = {
        .conn = copy->rules->target->conn,
        .key = key,
        .if_absent = only_if_absent(copy),
        .moved = &copy->moved,
    };
    sat_copy_set_op(copy, &op);
    code = sat_object_put_file(&op, file, err);
    sat_copy_set_op(copy, NULL);
    if (code == SATCHEL_OK && copy->rules->verify)
        code = verify_object(copy, &op, &content, err);
    sat_op_fini(&op);
    copy->bytes = content.size;
    return code;
}

/* PUTs `source`, of which `get` told. */
static int put_object(struct sat_copy *copy, const char *key, const struct sat_op *get,
                      const struct sat_source *source, satchel_error *err)
{
    const struct sat_info *info = &get->info;
    bool whole = get->kind == SAT_OP_GET; /* its bytes went by here */
    struct sat_op op = {
        .kind = SAT_OP_PUT,
        .conn = copy->rules->target->conn,
        .key = key,
        .if_absent = only_if_absent(copy),
        .width = whole ? 0 : parts_at_once(copy->rules, &copy->item),
        .source = *source,
        .moved = &copy->moved,
        .content_type = info->content_type,
        .metadata = sat_tags_count(&info->metadata) > 0 ? &info->metadata : NULL,
    };
    op.source.reader = &op;
    int code = run_op(copy, &op, err);
    const struct sat_copy_content content = {
        .size = source->length,
        .crc64 = whole               ? get->sink.crc64
                 : op.has_sent_crc64 ? op.sent_crc64
                                     : op.info.crc64,
        .has_crc64 = whole || op.has_sent_crc64 || op.info.has_crc64,
    };
    if (code == SATCHEL_OK && copy->rules->verify)
        code = verify_object(copy, &op, &content, err);
    sat_op_fini(&op);
    copy->bytes = content.size;
    return code;
}

static int through_memory(struct sat_copy *copy, const char *key, struct sat_op *get,
                          satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf memory;
    sat_buf_init(&memory, copy->item.size);
    get->sink = sat_sink_memory(&memory);
    int code = run_op(copy, get, err);
    if (code == SATCHEL_LIMIT && memory.failed == SATCHEL_LIMIT)
        return sat_error_set(err, SATCHEL_MODIFIED, "'%s' grew while it was copied: try again",
                             copy->item.source);
    if (code != SATCHEL_OK)
        return code;
    const struct sat_source source = sat_source_span(sat_buf_span(&memory));
    return put_object(copy, key, get, &source, err);
}

/* What the source is now: one version of it is copied. */
static int stat_source(struct sat_copy *copy, struct sat_op *stat, satchel_error *err)
{
    *stat = (struct sat_op){.kind = SAT_OP_STAT, .conn = copy->item.conn, .key = copy->item.key};
    return run_op(copy, stat, err);
}

/* Ranges carry no checksum of their own: their sum is held against the whole object's. */
static int fits_source(void *user, const uint64_t *crc64, satchel_error *err)
{
    const struct sat_op *stat = user;
    if (crc64 == NULL || !stat->info.has_crc64 || *crc64 == stat->info.crc64)
        return SATCHEL_OK;
    return sat_error_set(err, SATCHEL_INTEGRITY,
                         "'%.200s': the bytes that came do not fit its CRC64-NVME", stat->key);
}

/* The object is too large for memory: the store, or core, reads it range by range. */
static int through_ranges(struct sat_copy *copy, const char *key, struct sat_op *stat,
                          satchel_error *err)
{
    int code = stat_source(copy, stat, err);
    if (code != SATCHEL_OK)
        return code;
    const struct sat_source source = {
        .kind = SAT_SOURCE_OBJECT,
        .conn = copy->item.conn,
        .key = copy->item.key,
        .etag = stat->info.etag,
        .length = stat->info.size,
        .unchanged = fits_source,
        .user = stat,
    };
    return put_object(copy, key, stat, &source, err);
}

/* One service, and nothing that needs the bytes here. */
static bool can_stay(const struct sat_copy *copy)
{
    const struct sat_conn *from = copy->item.conn;
    const struct sat_conn *to = copy->rules->target->conn;
    return from->backend == to->backend && sat_conn_supports(to, SAT_OP_COPY) &&
           sat_str_eq(from->endpoint.url, to->endpoint.url) && !copy->rules->verify &&
           !only_if_absent(copy);
}

/* A COPY in parts makes an object of its own: it is told what the source is. */
static int within_service(struct sat_copy *copy, const char *key, struct sat_op *stat,
                          satchel_error *err)
{
    const struct sat_item *item = &copy->item;
    struct sat_op op = {
        .kind = SAT_OP_COPY,
        .conn = copy->rules->target->conn,
        .key = key,
        .expected_size = item->size,
        .moved = &copy->moved,
        .from = {.bucket = item->conn->bucket, .key = item->key},
    };
    struct sat_op tags = {.kind = SAT_OP_TAGS_GET, .conn = item->conn, .key = item->key};
    int code = SATCHEL_OK;
    bool in_parts = sat_part_wanted(&op);
    if (in_parts)
        code = stat_source(copy, stat, err);
    if (code == SATCHEL_OK && in_parts)
        code = run_op(copy, &tags, err);
    if (code == SATCHEL_OK && in_parts) {
        op.expected_size = stat->info.size;
        op.from.if_match = stat->info.etag;
        op.from.crc64 = stat->info.crc64;
        op.from.has_crc64 = stat->info.has_crc64;
        op.content_type = stat->info.content_type;
        op.metadata = &stat->info.metadata;
        op.tags = &tags.found_tags;
    }
    if (code == SATCHEL_OK)
        code = run_op(copy, &op, err);
    sat_op_fini(&op);
    sat_op_fini(&tags);
    copy->bytes = item->size;
    return code;
}

static int store_to_store(struct sat_copy *copy, satchel_error *err)
{
    const struct sat_item *item = &copy->item;
    SAT_AUTO_FREE char *key = sat_copy_target_key(copy);
    if (key == NULL)
        return sat_error_nomem(err);
    if (sat_str_eq(item->source, copy->destination))
        return sat_error_set(err, SATCHEL_INVALID, "'%s' would be copied onto itself",
                             item->source);
    int code = sat_copy_check_free(copy, key, err);
    if (code != SATCHEL_OK)
        return code;
    struct sat_op op = {.kind = SAT_OP_GET, .conn = item->conn, .key = item->key};
    if (can_stay(copy))
        code = within_service(copy, key, &op, err);
    else if (item->size <= copy->rules->ranges_from)
        code = through_memory(copy, key, &op, err);
    else
        code = through_ranges(copy, key, &op, err);
    sat_op_fini(&op);
    return code;
}

/* ---- one item */

int sat_copy_open_source(const struct sat_copy *copy, struct sat_root *root,
                         struct sat_local_file *file, satchel_error *err)
{
    const struct sat_item *item = &copy->item;
    return item->named ? sat_local_file_open(item->source, file, err)
                       : sat_local_file_open_below(item->source, item->root_len, root, file, err);
}

static int from_local(struct sat_copy *copy, satchel_error *err)
{
    struct sat_local_file file;
    int code = sat_copy_open_source(copy, NULL, &file, err);
    if (code != SATCHEL_OK)
        return code;
    code = copy->rules->target->conn == NULL ? local_to_local(copy, &file, err)
                                             : local_to_store(copy, &file, err);
    sat_local_file_close(&file);
    return code;
}

static int run(struct sat_copy *copy, satchel_error *err)
{
    int code = alive(copy, err);
    if (code != SATCHEL_OK)
        return code;
    if (copy->item.conn == NULL)
        return from_local(copy, err);
    return copy->rules->target->conn == NULL ? store_to_local(copy, err)
                                             : store_to_store(copy, err);
}

void sat_copy_conclude(struct sat_copy *copy, int code, int64_t begun_ns)
{
    bool skipped = code == SATCHEL_EXISTS && copy->rules->if_exists == SATCHEL_IF_EXISTS_SKIP;
    copy->status = code == SATCHEL_OK ? "ok" : skipped ? "skipped" : "failed";
    if (code != SATCHEL_OK)
        copy->bytes = 0;
    copy->elapsed_ns = sat_clock_now_ns() - begun_ns;
}

void sat_copy_run(struct sat_copy *copy)
{
    int64_t begun_ns = sat_clock_now_ns();
    copy->err = (satchel_error){0};
    sat_copy_conclude(copy, run(copy, &copy->err), begun_ns);
}
