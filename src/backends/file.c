/*
 * file:// - objects are files below a folder.
 *
 * file:///a/b: the folder /a/b is the root of a handle (conn.root "a/b/"), which symbolic links may
 * lead to; below it none is followed. A key is the absolute path without its leading '/', so every
 * key of a handle begins with conn.root. There are no buckets: the BUCKET_ kinds mean the root
 * folder, and a PUT makes missing folders, the root included.
 *
 * Names beginning with ".satchel" of our own making (the lock file of a folder, side-cars, files in
 * the making) are neither listed nor taken as keys. Empty folders are no keys and are left alone.
 * The parts: file_path.c keys to folders, file_attr.c ETag and metadata, file_side.c where no
 * attribute holds them, file_object.c stat, get, tags, file_lock.c compare-and-swap, file_sweep.c
 * dead temporaries, file_put.c, file_delete.c, file_list.c.
 */
#include "backends/file.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "backends/local.h"
#include "backends/registry.h"
#include "core/backend.h"
#include "core/config.h"
#include "core/error.h"
#include "core/str.h"

int sat_file_sync_folder(const struct sat_file_state *state, int dirfd, const char *key,
                         satchel_error *err)
{
    int result = state->durability == SAT_DURABLE_FULL ? sat_os_sync(dirfd) : 0;
    return result < 0 ? sat_file_fail(err, result, "syncing the folder of", key) : SATCHEL_OK;
}

/* ---- open */

static int file_open(void *state, const struct sat_uri *uri, const struct sat_config *config,
                     struct sat_endpoint *endpoint, satchel_error *err)
{
    struct sat_file_state *file = state;
    (void)uri;
    (void)endpoint;
    (void)err;
    file->durability = (enum sat_durability)sat_config_enum(config, "durability");
    return SATCHEL_OK;
}

/* ---- the root folder */

static int file_bucket_create(void *state, struct sat_op *op, satchel_error *err)
{
    return sat_file_make_root(state, op->conn->root, err);
}

static int file_bucket_stat(void *state, struct sat_op *op, satchel_error *err)
{
    (void)state;
    int fd = sat_file_open_folder(op->conn->root, "", O_PATH);
    (void)sat_os_close(fd);
    return fd < 0 ? sat_file_fail(err, fd, "opening", op->conn->root) : SATCHEL_OK;
}

/* True when the folder holds nothing but our lock file. */
static int only_lock(int dirfd, bool *only)
{
    struct sat_os_dir *dir = NULL;
    const char *name;
    int result = sat_os_dir_open(dirfd, ".", &dir);
    for (*only = true; result >= 0 && *only;) {
        result = sat_os_dir_next(dir, &name, NULL);
        if (result <= 0)
            break;
        *only = sat_str_eq(name, SAT_FILE_LOCK_NAME);
    }
    sat_os_dir_close(dir);
    return result;
}

static int remove_root(struct sat_file_state *state, const char *root)
{
    bool only = false;
    SAT_AUTO_FD int dirfd = sat_file_open_folder(root, "", O_RDONLY);
    if (dirfd >= 0)
        sat_file_sweep_folder(state, dirfd);
    int result = dirfd < 0 ? dirfd : only_lock(dirfd, &only);
    if (result < 0)
        return result;
    if (!only)
        return -ENOTEMPTY;
    result = sat_os_unlink(dirfd, SAT_FILE_LOCK_NAME, 0);
    if (result < 0 && result != -ENOENT)
        return result;
    SAT_AUTO_FD int top = sat_os_open(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0);
    return top < 0 ? top : sat_os_unlink(top, root, AT_REMOVEDIR);
}

static int file_bucket_delete(void *state, struct sat_op *op, satchel_error *err)
{
    int result = remove_root(state, op->conn->root);
    if (result == -ENOTEMPTY || result == -EEXIST)
        return sat_error_set(err, SATCHEL_CONFLICT, "not empty: file:///%s", op->conn->root);
    return result < 0 ? sat_file_fail(err, result, "deleting", op->conn->root) : SATCHEL_OK;
}

/* ---- table */

static const char *const schemes[] = {"file", NULL};

const struct sat_backend sat_backend_file = {
    .name = "file",
    .schemes = schemes,
    .lasting = true,
    .state_size = sizeof(struct sat_file_state),
    .limits = {.key_max = PATH_MAX - 2,
               .tags = SAT_LOCAL_TAG_LIMITS,
               .list_page = SAT_FILE_LIST_PAGE,
               .delete_many_max = 1000},
    .open = file_open,
    .list_close = sat_file_list_close,
    .slots = {[SAT_OP_STAT] = {.run = sat_file_stat},
              [SAT_OP_GET] = {.run = sat_file_get},
              [SAT_OP_PUT] = {.run = sat_file_put},
              [SAT_OP_DELETE] = {.run = sat_file_delete},
              [SAT_OP_DELETE_MANY] = {.run = sat_file_delete_many},
              [SAT_OP_LIST] = {.run = sat_file_list},
              [SAT_OP_TAGS_GET] = {.run = sat_file_tags_get},
              [SAT_OP_TAGS_SET] = {.run = sat_file_tags_set},
              [SAT_OP_BUCKET_CREATE] = {.run = file_bucket_create},
              [SAT_OP_BUCKET_DELETE] = {.run = file_bucket_delete},
              [SAT_OP_BUCKET_STAT] = {.run = file_bucket_stat}},
};
