/* One object between a store and a local file: PUT from a file, GET into a file in the making. */
#include "transfer/object.h"

#include <errno.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/str.h"

#define YOUNG_NS (100 * SAT_NS_PER_MS)

/* Read at once: its digest costs no worker a visit, and it leaves together with the head. */
enum { SMALL = 64 * 1024 };

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

int sat_local_file_open_below(const char *path, size_t root_len, struct sat_local_file *file,
                              satchel_error *err)
{
    *file = (struct sat_local_file){.path = path, .fd = -1};
    SAT_AUTO_FREE char *root = root_len == 0 ? sat_strdup(".") : sat_strndup(path, root_len);
    if (root == NULL)
        return sat_error_nomem(err);
    SAT_AUTO_FD int base = sat_os_open(AT_FDCWD, root, O_PATH | O_DIRECTORY, 0);
    file->fd =
        base < 0 ? base : sat_os_open_beneath(base, path + root_len, O_RDONLY | O_NONBLOCK, 0);
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

/* Reads all of a small file. */
static int read_small(const struct sat_local_file *file, char *memory, satchel_error *err)
{
    const struct sat_source whole = sat_source_file(file->fd, 0, (uint64_t)file->info.st_size);
    int code = SATCHEL_OK;
    size_t got = 0;
    for (uint64_t at = 0; at < whole.length && code == SATCHEL_OK; at += got)
        code = sat_source_read(&whole, at, memory + at, (size_t)(whole.length - at), &got, err);
    return code;
}

int sat_object_put_file(struct sat_op *op, const struct sat_local_file *file, satchel_error *err)
{
    uint64_t size = (uint64_t)file->info.st_size;
    SAT_AUTO_FREE char *memory = size > 0 && size <= SMALL ? sat_malloc((size_t)size) : NULL;
    int code = SATCHEL_OK;
    op->kind = SAT_OP_PUT;
    op->source = sat_source_file(file->fd, 0, size);
    if (memory != NULL) {
        op->source = sat_source_span((satchel_span){memory, (size_t)size});
        code = read_small(file, memory, err);
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
