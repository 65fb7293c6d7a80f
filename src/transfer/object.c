/* One object between a store and a local file: PUT from a file, GET into a file in the making. */
#include "transfer/object.h"

#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/str.h"

#define YOUNG_NS (100 * SAT_NS_PER_MS)

/* ---- local files */

static int take_fd(struct sat_local_file *file, satchel_error *err)
{
    file->opened_ns = sat_clock_wall_ns();
    int result = file->fd < 0 ? file->fd : sat_os_fstat(file->fd, &file->info);
    int code = SATCHEL_OK;
    if (result == -ENOENT || result == -ENOTDIR)
        code = sat_error_set(err, SATCHEL_NOT_FOUND, "no such file: '%s'", file->path);
    else if (result < 0)
        code = sat_error_os(err, -result, "opening '%s'", file->path);
    else if (S_ISDIR(file->info.st_mode))
        code = sat_error_set(err, SATCHEL_INVALID, "'%s' is a folder", file->path);
    else if (!S_ISREG(file->info.st_mode))
        code = sat_error_set(err, SATCHEL_INVALID, "'%s' is no regular file", file->path);
    if (code != SATCHEL_OK)
        sat_local_file_close(file);
    return code;
}

int sat_local_file_open(const char *path, struct sat_local_file *file, satchel_error *err)
{
    /* O_NONBLOCK: a pipe must not stop us before fstat tells what it is. */
    *file = (struct sat_local_file){.path = path};
    file->fd = sat_os_open(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, 0);
    return take_fd(file, err);
}

void sat_root_close(struct sat_root *root)
{
    if (root->path != NULL)
        (void)sat_os_close(root->fd);
    sat_free(root->path);
    *root = (struct sat_root){0};
}

int sat_root_open(struct sat_root *root, const char *path, size_t len, int flags)
{
    if (root->path != NULL && strlen(root->path) == len && memcmp(root->path, path, len) == 0)
        return root->fd;
    sat_root_close(root);
    SAT_AUTO_FREE char *copy = sat_strndup(path, len);
    if (copy == NULL)
        return -ENOMEM;
    int fd = sat_os_open(AT_FDCWD, len == 0 ? "." : copy, flags | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    root->path = copy;
    root->fd = fd;
    copy = NULL;
    return fd;
}

int sat_local_file_open_below(const char *path, size_t root_len, struct sat_root *root,
                              struct sat_local_file *file, satchel_error *err)
{
    struct sat_root own = {0};
    int base = sat_root_open(root == NULL ? &own : root, path, root_len, O_PATH);
    *file = (struct sat_local_file){.path = path};
    file->fd =
        base < 0 ? base : sat_os_open_beneath(base, path + root_len, O_RDONLY | O_NONBLOCK, 0);
    sat_root_close(&own);
    return take_fd(file, err);
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
    return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static int changed(const struct sat_local_file *file, satchel_error *err)
{
    return sat_error_set(err, SATCHEL_MODIFIED, "'%s' changed while it was read: try again",
                         file->path);
}

int sat_local_file_same(const struct sat_local_file *file, satchel_error *err)
{
    struct stat now;
    int result = sat_os_fstat(file->fd, &now);
    if (result < 0)
        return sat_error_os(err, -result, "looking at '%s'", file->path);
    if (now.st_size != file->info.st_size || !same_time(&now.st_mtim, &file->info.st_mtim))
        return changed(file, err);
    return SATCHEL_OK;
}

int sat_local_file_read(const struct sat_local_file *file, struct sat_buf *out, satchel_error *err)
{
    size_t size = (size_t)file->info.st_size;
    char *room = size == 0 ? NULL : sat_buf_reserve(out, size);
    if (room == NULL)
        return size == 0 ? SATCHEL_OK : sat_buf_check(out, file->path, err);
    int64_t got = sat_os_pread(file->fd, room, size, 0);
    if (got < 0)
        return sat_error_os(err, (int)-got, "reading '%s'", file->path);
    if ((size_t)got < size)
        return changed(file, err);
    out->len += size;
    return SATCHEL_OK;
}

void sat_local_file_close(struct sat_local_file *file)
{
    (void)sat_os_close(file->fd);
    file->fd = -1;
}

/* ---- the two directions */

/*
 * A clock that ticks every few milliseconds cannot tell two writes within one tick: a file that was
 * young when it was opened is read once more.
 */
static bool was_young(const struct sat_local_file *file)
{
    int64_t mtime_ns = file->info.st_mtim.tv_sec * SAT_NS_PER_S + file->info.st_mtim.tv_nsec;
    return file->opened_ns - mtime_ns < YOUNG_NS;
}

static int file_unchanged(void *user, const uint64_t *crc64, satchel_error *err)
{
    const struct sat_local_file *file = user;
    uint64_t now = 0;
    int code = sat_local_file_same(file, err);
    if (code != SATCHEL_OK || crc64 == NULL || !was_young(file))
        return code;
    const struct sat_source whole = sat_source_file(file->fd, 0, (uint64_t)file->info.st_size);
    code = sat_source_crc64(&whole, &now, err);
    if (code == SATCHEL_OK && now != *crc64)
        return changed(file, err);
    return code;
}

int sat_object_put_file(struct sat_op *op, const struct sat_local_file *file, satchel_error *err)
{
    uint64_t size = (uint64_t)file->info.st_size;
    SAT_AUTO_BUF struct sat_buf memory;
    int code = SATCHEL_OK;
    op->kind = SAT_OP_PUT;
    op->source = sat_source_file(file->fd, 0, size);
    sat_buf_init(&memory, SAT_OBJECT_SMALL);
    if (size > 0 && size <= SAT_OBJECT_SMALL) {
        code = sat_local_file_read(file, &memory, err);
        op->source = sat_source_span(sat_buf_span(&memory));
    }
    op->source.unchanged = file_unchanged;
    op->source.user = (void *)(uintptr_t)file;
    if (code == SATCHEL_OK)
        code = sat_op_run(op, err);
    if (code == SATCHEL_MODIFIED) /* the source speaks of "the file" */
        return changed(file, err);
    return code == SATCHEL_OK ? sat_local_file_same(file, err) : code;
}

int sat_object_get_file(struct sat_op *op, struct sat_landing *landing, satchel_error *err)
{
    op->kind = SAT_OP_GET;
    op->sink = sat_sink_file(landing->fd, 0);
    int code = sat_op_run(op, err);
    if (code != SATCHEL_OK && err != NULL && err->code == SATCHEL_IO)
        sat_error_prefix(err, "'%s': ", landing->path);
    return code;
}
