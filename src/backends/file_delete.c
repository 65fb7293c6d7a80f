/*
 * DELETE and DELETE_MANY of the file backend. A key that is gone already is deleted; its folder is
 * synced all the same, because whoever removed it may not have come to that yet.
 */
#include <errno.h>
#include <string.h>

#include "backends/file.h"
#include "backends/local.h"
#include "core/backend.h"
#include "core/error.h"

/* What a listing does not show (folders, symbolic links) is not there to be deleted either. */
static bool absent(int result, const struct stat *info)
{
    return result == -ENOENT || (result == 0 && !S_ISREG(info->st_mode));
}

/* With the lock held: what is checked is what is removed. */
static int remove_locked(const struct sat_file_state *state, struct sat_op *op,
                         const struct sat_file_place *place, satchel_error *err)
{
    struct sat_file_object object;
    struct stat info = {0};
    int code = SATCHEL_OK;
    if (op->if_match != NULL) {
        code = sat_file_object_look(place, op->key, &object, err);
        if (code != SATCHEL_OK)
            return code;
        code = sat_file_object_match(&object, op, true, err);
        sat_file_object_fini(&object);
    }
    if (code != SATCHEL_OK)
        return code;
    int result = sat_os_stat(place->dirfd, place->name, AT_SYMLINK_NOFOLLOW, &info);
    if (result == 0)
        result = sat_os_unlink(place->dirfd, place->name, 0);
    if (result < 0)
        return result == -ENOENT ? SATCHEL_OK : sat_file_fail(err, result, "deleting", op->key);
    code = sat_file_side_forget(state, place, info.st_ino, op->key, err);
    op->unsettled = code != SATCHEL_OK;
    return code;
}

static int remove_name(const struct sat_file_state *state, struct sat_op *op,
                       const struct sat_file_place *place, satchel_error *err)
{
    struct stat info;
    struct sat_file_lock lock;
    int result = sat_os_stat(place->dirfd, place->name, AT_SYMLINK_NOFOLLOW, &info);
    if (absent(result, &info))
        return op->if_match == NULL ? SATCHEL_OK : sat_local_not_found(err, "file://", "", op->key);
    if (result < 0)
        return sat_file_fail(err, result, "deleting", op->key);
    int code = sat_file_lock_take(op, place, &lock, err);
    if (code != SATCHEL_OK)
        return code;
    code = remove_locked(state, op, place, err);
    sat_file_lock_drop(&lock);
    return code;
}

int sat_file_delete(void *state, struct sat_op *op, satchel_error *err)
{
    struct sat_file_place place;
    int code = sat_file_place_open(state, op->conn->root, op->key, SAT_FILE_WRITE, &place, err);
    if (code == SATCHEL_NOT_FOUND && op->if_match == NULL)
        return sat_local_forgive(err);
    if (code != SATCHEL_OK)
        return code;
    code = remove_name(state, op, &place, err);
    if (code == SATCHEL_OK) {
        code = sat_file_sync_folder(state, place.dirfd, op->key, err);
        op->unsettled = code != SATCHEL_OK;
    }
    (void)sat_os_close(place.dirfd);
    return code;
}

/* ---- many */

/* The folder that is open, and the keys [first, next) deleted in it since. */
struct run {
    struct sat_file_place place;
    size_t first;
};

static size_t folder_len(const char *key)
{
    const char *slash = strrchr(key, '/');
    return slash == NULL ? 0 : (size_t)(slash - key);
}

static bool same_folder(const char *a, const char *b)
{
    size_t len = folder_len(a);
    return len == folder_len(b) && memcmp(a, b, len) == 0;
}

/* One sync for all keys of the run: an error is every key's. */
static void end_run(const struct sat_file_state *state, struct sat_op *op, struct run *run,
                    size_t next)
{
    satchel_error err;
    if (run->place.dirfd < 0)
        return;
    const char *key = op->many.keys[run->first];
    int code = sat_file_sync_folder(state, run->place.dirfd, key, &err);
    for (size_t i = run->first; code != SATCHEL_OK && i < next; i++) {
        if (op->many_result[i].code == SATCHEL_OK)
            sat_local_many_set(op, i, code, &err);
    }
    (void)sat_os_close(run->place.dirfd);
    run->place.dirfd = -1;
}

static int delete_in_run(const struct sat_file_state *state, struct sat_op *op, struct run *run,
                         size_t i, satchel_error *err)
{
    const char *key = op->many.keys[i];
    int code = sat_file_check_key(op->conn->root, key, err);
    if (code == SATCHEL_OK)
        code = sat_local_alive(op, err);
    if (code != SATCHEL_OK)
        return code;
    if (run->place.dirfd >= 0 && !same_folder(op->many.keys[run->first], key))
        end_run(state, op, run, i);
    if (run->place.dirfd < 0) {
        run->first = i;
        code = sat_file_place_open(state, op->conn->root, key, SAT_FILE_WRITE, &run->place, err);
        if (code == SATCHEL_NOT_FOUND)
            return SATCHEL_OK;
        if (code != SATCHEL_OK)
            return code;
    }
    run->place.name = key + folder_len(key) + (folder_len(key) > 0 ? 1 : 0);
    struct sat_op one = {.kind = SAT_OP_DELETE, .key = key, .deadline_ns = op->deadline_ns};
    return remove_name(state, &one, &run->place, err);
}

int sat_file_delete_many(void *state, struct sat_op *op, satchel_error *err)
{
    struct run run = {.place = {.dirfd = -1}};
    int code = sat_local_many_begin(op, err);
    for (size_t i = 0; code == SATCHEL_OK && i < op->many.count; i++) {
        satchel_error one = {0};
        int outcome = delete_in_run(state, op, &run, i, &one);
        sat_local_many_set(op, i, outcome, &one);
    }
    if (code == SATCHEL_OK)
        end_run(state, op, &run, op->many.count);
    return code;
}
