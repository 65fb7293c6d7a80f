/* From keys to open folders and names: what a key may be, and nothing outside the root is touched.
 */
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "backends/file.h"
#include "core/error.h"
#include "core/str.h"

/*
 * Folders are made under one lock, so that nobody can put a file into a folder of this process
 * before the folder's own name is synced. Whoever finds a folder there looks at `making` first.
 */
static struct sat_mutex make_lock = SAT_MUTEX_INIT;
static atomic_int making;

int sat_file_fail(satchel_error *err, int result, const char *doing, const char *key)
{
    /* A root ends with a '/' that the user did not write. */
    size_t len = strlen(key);
    int shown = (int)(sat_str_ends(key, "/") ? len - 1 : len);
    if (result == -ENOENT || result == -ENOTDIR)
        return sat_error_set(err, SATCHEL_NOT_FOUND, "not found: file:///%.*s", shown, key);
    if (result == -ELOOP)
        return sat_error_set(err, SATCHEL_UNSUPPORTED,
                             "%s file:///%.*s: it is, or lies behind, a symbolic link, which is "
                             "not followed",
                             doing, shown, key);
    return sat_error_os(err, -result, "%s file:///%.*s", doing, shown, key);
}

static int check_name(const char *key, const char *name, size_t len, satchel_error *err)
{
    char copy[NAME_MAX + 1];
    if (len == 0)
        return sat_error_set(err, SATCHEL_INVALID, "key '%s' has an empty part", key);
    if (len > NAME_MAX)
        return sat_error_set(err, SATCHEL_LIMIT, "key '%.200s' has a part of %zu bytes (limit %d)",
                             key, len, NAME_MAX);
    memcpy(copy, name, len);
    copy[len] = '\0';
    if (sat_str_eq(copy, ".") || sat_str_eq(copy, ".."))
        return sat_error_set(err, SATCHEL_INVALID, "key '%s' has a part '%s'", key, copy);
    if (sat_os_is_own_name(copy))
        return sat_error_set(err, SATCHEL_INVALID, "key '%s': the name '%s' is reserved", key,
                             copy);
    return SATCHEL_OK;
}

int sat_file_check_key(const char *root, const char *key, satchel_error *err)
{
    if (!sat_str_starts(key, root))
        return sat_error_set(err, SATCHEL_INVALID, "key '%s' is not below the folder /%s", key,
                             root);
    const char *name = key + strlen(root);
    for (;;) {
        size_t len = strcspn(name, "/");
        int code = check_name(key, name, len, err);
        if (code != SATCHEL_OK || name[len] == '\0')
            return code;
        name += len + 1;
    }
}

int sat_file_open_folder(const char *root, const char *sub, int flags)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "/%s", root);
    if (len < 0 || (size_t)len >= sizeof path)
        return -ENAMETOOLONG;
    bool whole = *sub == '\0';
    int base = sat_os_open(AT_FDCWD, path, (whole ? flags : O_PATH) | O_DIRECTORY, 0);
    if (base < 0 || whole)
        return base;
    int fd = sat_os_open_beneath(base, sub, flags | O_DIRECTORY, 0);
    (void)sat_os_close(base);
    return fd;
}

static int make_folders(const char *root, const char *sub, unsigned flags)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "/%s", root);
    if (len < 0 || (size_t)len >= sizeof path)
        return -ENAMETOOLONG;
    atomic_fetch_add(&making, 1);
    sat_mutex_lock(&make_lock);
    int result = sat_os_mkdirs(AT_FDCWD, path, 0777, flags);
    if (result == 0 && *sub != '\0') {
        SAT_AUTO_FD int base = sat_os_open(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
        result = base < 0 ? base : sat_os_mkdirs(base, sub, 0777, flags | SAT_OS_BENEATH);
    }
    sat_mutex_unlock(&make_lock);
    atomic_fetch_sub(&making, 1);
    return result;
}

static unsigned make_flags(const struct sat_file_state *state)
{
    return state->durability == SAT_DURABLE_FULL ? SAT_OS_DURABLE : 0;
}

/* Opens the folder, after waiting for its name to be synced if this process is making it. */
static int open_settled(const char *root, const char *sub)
{
    int fd = sat_file_open_folder(root, sub, O_RDONLY);
    if (fd >= 0 && atomic_load(&making) > 0) {
        sat_mutex_lock(&make_lock);
        sat_mutex_unlock(&make_lock);
    }
    return fd;
}

int sat_file_place_open(const struct sat_file_state *state, const char *root, const char *key,
                        enum sat_file_use use, struct sat_file_place *place, satchel_error *err)
{
    char sub[PATH_MAX];
    place->dirfd = -1;
    int code = sat_file_check_key(root, key, err);
    if (code != SATCHEL_OK)
        return code;
    const char *rest = key + strlen(root);
    const char *slash = strrchr(rest, '/');
    place->name = slash == NULL ? rest : slash + 1;
    size_t len = slash == NULL ? 0 : (size_t)(slash - rest);
    if (len >= sizeof sub)
        return sat_file_fail(err, -ENAMETOOLONG, "opening", key);
    memcpy(sub, rest, len);
    sub[len] = '\0';
    int fd = open_settled(root, sub);
    if (fd == -ENOENT && use == SAT_FILE_CREATE) {
        fd = make_folders(root, sub, make_flags(state));
        if (fd == 0)
            fd = open_settled(root, sub);
    }
    if (use == SAT_FILE_CREATE && fd == -ENOTDIR)
        return sat_error_set(err, SATCHEL_INVALID,
                             "cannot store file:///%s: a part of its path is a file", key);
    if (fd < 0)
        return sat_file_fail(err, fd, "opening the folder of", key);
    place->dirfd = fd;
    return SATCHEL_OK;
}

int sat_file_make_root(const struct sat_file_state *state, const char *root, satchel_error *err)
{
    int fd = sat_file_open_folder(root, "", O_PATH);
    (void)sat_os_close(fd);
    if (fd >= 0)
        return sat_error_set(err, SATCHEL_EXISTS, "already exists: file:///%s", root);
    if (fd == -ENOTDIR)
        return sat_error_set(err, SATCHEL_INVALID, "file:///%s: a part of the path is a file",
                             root);
    int result = fd == -ENOENT ? make_folders(root, "", make_flags(state)) : fd;
    return result < 0 ? sat_file_fail(err, result, "making", root) : SATCHEL_OK;
}
