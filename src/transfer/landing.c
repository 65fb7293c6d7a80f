/*
 * A local file in the making.
 *
 * (1) The content is complete and synced before the file gets its final name; then the folder is
 *     synced. (2) A new name is given by link, which fails when the name is taken; an old file is
 *     replaced by rename. (3) Below a root no symbolic link is followed: a folder that somebody
 *     swaps for a link while a tree is written leads nowhere.
 */
#include "transfer/landing.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/str.h"

bool sat_landing_is_ours(const char *name)
{
    return sat_os_is_own_name(name);
}

int sat_landing_check_name(const char *name, satchel_error *err)
{
    for (const char *part = name;; part++) {
        size_t len = strcspn(part, "/");
        char copy[NAME_MAX + 1];
        if (len == 0)
            return sat_error_set(err, SATCHEL_INVALID, "'%s' has an empty part: not a file name",
                                 name);
        if (len > NAME_MAX)
            return sat_error_set(err, SATCHEL_LIMIT, "'%.200s' has a part of %zu bytes (limit %d)",
                                 name, len, NAME_MAX);
        memcpy(copy, part, len);
        copy[len] = '\0';
        if (sat_str_eq(copy, ".") || sat_str_eq(copy, ".."))
            return sat_error_set(err, SATCHEL_INVALID, "'%s' would leave the destination ('%s')",
                                 name, copy);
        if (sat_landing_is_ours(copy))
            return sat_error_set(err, SATCHEL_INVALID, "'%s': the name '%s' is reserved", name,
                                 copy);
        part += len;
        if (*part == '\0')
            return SATCHEL_OK;
    }
}

static int fail(const struct sat_landing *landing, int result, const char *doing,
                satchel_error *err)
{
    if (result == -ELOOP)
        return sat_error_set(err, SATCHEL_UNSUPPORTED,
                             "%s '%s': it lies behind a symbolic link, which is not followed",
                             doing, landing->path);
    if (result == -ENOTDIR)
        return sat_error_set(err, SATCHEL_INVALID, "%s '%s': a part of its path is no folder",
                             doing, landing->path);
    return sat_error_os(err, -result, "%s '%s'", doing, landing->path);
}

/* ---- the nameless or temporary file */

static int open_temp(struct sat_landing *landing, uint64_t size, satchel_error *err)
{
    landing->fd = sat_os_open_tmp(landing->dirfd, ".", 0666);
    if (landing->fd == -EOPNOTSUPP)
        landing->fd = sat_os_temp_file(landing->dirfd, 0666, landing->temp);
    int result = landing->fd;
    landing->reserved = size;
    if (result >= 0 && size > 0)
        result = sat_os_allocate(landing->fd, (int64_t)size);
    return result < 0 ? fail(landing, result, "making", err) : SATCHEL_OK;
}

void sat_landing_abort(struct sat_landing *landing)
{
    if (landing->temp[0] != '\0')
        (void)sat_os_unlink(landing->dirfd, landing->temp, 0);
    (void)sat_os_close(landing->fd);
    if (!landing->lent)
        (void)sat_os_close(landing->dirfd);
    sat_free(landing->path);
    *landing = (struct sat_landing){.fd = -1, .dirfd = -1};
}

/* Ends a landing that could not begin. */
static int drop(struct sat_landing *landing, int code)
{
    if (code != SATCHEL_OK)
        sat_landing_abort(landing);
    return code;
}

static int init(struct sat_landing *landing, char *path, enum sat_landing_durability durability,
                satchel_error *err)
{
    *landing = (struct sat_landing){.fd = -1, .dirfd = -1, .path = path, .durability = durability};
    if (path == NULL)
        return sat_error_nomem(err);
    const char *slash = strrchr(path, '/');
    landing->name = slash == NULL ? path : slash + 1;
    return SATCHEL_OK;
}

int sat_landing_begin(const char *path, uint64_t size, enum sat_landing_durability durability,
                      struct sat_landing *landing, satchel_error *err)
{
    int code = init(landing, sat_strdup(path), durability, err);
    if (code != SATCHEL_OK)
        return code;
    code = sat_landing_check_name(landing->name, err);
    if (code != SATCHEL_OK)
        return drop(landing, code);
    size_t len = (size_t)(landing->name - landing->path);
    SAT_AUTO_FREE char *folder = len == 0 ? sat_strdup(".") : sat_strndup(path, len);
    if (folder == NULL)
        return drop(landing, sat_error_nomem(err));
    landing->dirfd = sat_os_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
    if (landing->dirfd < 0)
        return drop(landing, fail(landing, landing->dirfd, "opening the folder of", err));
    return drop(landing, open_temp(landing, size, err));
}

/* Opens the root, making it where it is missing. */
static int open_root(const char *root, unsigned flags)
{
    int fd = sat_os_open(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0);
    if (fd != -ENOENT)
        return fd;
    int made = sat_os_mkdirs(AT_FDCWD, root, 0777, flags);
    return made < 0 ? made : sat_os_open(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0);
}

/* Opens the folder `sub` below an open one, making what is missing. */
static int open_sub(int base, const char *sub, unsigned flags)
{
    int fd = sat_os_open_beneath(base, sub, O_RDONLY | O_DIRECTORY, 0);
    if (fd != -ENOENT)
        return fd;
    int made = sat_os_mkdirs(base, sub, 0777, flags | SAT_OS_BENEATH);
    return made < 0 ? made : sat_os_open_beneath(base, sub, O_RDONLY | O_DIRECTORY, 0);
}

/* Opens the folder `sub` ("" = the root) below the root, making what is missing. */
static void open_folder(struct sat_landing *landing, const struct sat_landing_root *root,
                        const char *sub)
{
    unsigned flags = landing->durability == SAT_LANDING_FULL ? SAT_OS_DURABLE : 0;
    int base = root->fd >= 0 ? root->fd : open_root(root->path, flags);
    bool here = base < 0 || *sub == '\0';
    landing->dirfd = here ? base : open_sub(base, sub, flags);
    landing->lent = here && base == root->fd;
    if (!here && base != root->fd)
        (void)sat_os_close(base);
}

int sat_landing_begin_below(const struct sat_landing_root *root, const char *name, uint64_t size,
                            enum sat_landing_durability durability, struct sat_landing *landing,
                            satchel_error *err)
{
    const char *glue = sat_str_ends(root->path, "/") ? "" : "/";
    int code = init(landing, sat_strf("%s%s%s", root->path, glue, name), durability, err);
    if (code != SATCHEL_OK)
        return code;
    code = sat_landing_check_name(name, err);
    if (code != SATCHEL_OK)
        return drop(landing, code);
    const char *slash = strrchr(name, '/');
    SAT_AUTO_FREE char *sub = sat_strndup(name, slash == NULL ? 0 : (size_t)(slash - name));
    if (sub == NULL)
        return drop(landing, sat_error_nomem(err));
    open_folder(landing, root, sub);
    if (landing->dirfd < 0)
        return drop(landing, fail(landing, landing->dirfd, "opening the folder of", err));
    return drop(landing, open_temp(landing, size, err));
}

/* ---- the name */

/* Mode and owner of the file that is about to be replaced. */
static int keep_mode(struct sat_landing *landing, const struct stat *old)
{
    struct stat info;
    int result = sat_os_fstat(landing->fd, &info);
    if (result < 0)
        return result;
    if (old->st_uid != info.st_uid || old->st_gid != info.st_gid) {
        result = sat_os_chown(landing->fd, old->st_uid, old->st_gid);
        if (result < 0 && result != -EPERM)
            return result;
    }
    return sat_os_chmod(landing->fd, old->st_mode & 0777);
}

static int link_new(struct sat_landing *landing)
{
    if (landing->temp[0] == '\0')
        return sat_os_link_tmp(landing->fd, landing->dirfd, landing->name);
    int result = sat_os_link(landing->dirfd, landing->temp, landing->dirfd, landing->name);
    if (result == 0 && sat_os_unlink(landing->dirfd, landing->temp, 0) == 0)
        landing->temp[0] = '\0';
    return result;
}

static int rename_over(struct sat_landing *landing)
{
    int result = 0;
    if (landing->temp[0] == '\0')
        result = sat_os_link_temp(landing->fd, landing->dirfd, landing->temp);
    if (result == 0)
        result = sat_os_rename(landing->dirfd, landing->temp, landing->dirfd, landing->name, 0);
    if (result == 0)
        landing->temp[0] = '\0';
    return result;
}

/* What is there now: 1 and *old, or 0 when the name is free. */
static int look(const struct sat_landing *landing, struct stat *old)
{
    int result = sat_os_stat(landing->dirfd, landing->name, AT_SYMLINK_NOFOLLOW, old);
    return result == -ENOENT ? 0 : result < 0 ? result : 1;
}

static int complete(struct sat_landing *landing, uint64_t size, const struct stat *old)
{
    int result = landing->reserved == size ? 0 : sat_os_truncate(landing->fd, (int64_t)size);
    if (result == 0 && old != NULL && S_ISREG(old->st_mode))
        result = keep_mode(landing, old);
    if (result == 0 && landing->durability != SAT_LANDING_NONE)
        result = sat_os_sync(landing->fd);
    return result;
}

static int publish(struct sat_landing *landing, uint64_t size, bool if_absent, satchel_error *err)
{
    struct stat old;
    int there = look(landing, &old);
    if (there < 0)
        return fail(landing, there, "looking at", err);
    if (there == 1 && S_ISDIR(old.st_mode))
        return sat_error_set(err, SATCHEL_INVALID, "'%s' is a folder", landing->path);
    int result = complete(landing, size, there == 1 ? &old : NULL);
    if (result < 0)
        return fail(landing, result, "writing", err);
    result = there == 1 ? -EEXIST : link_new(landing);
    if (result == -EEXIST && if_absent)
        return sat_error_set(err, SATCHEL_EXISTS, "already exists: '%s'", landing->path);
    if (result == -EEXIST)
        result = rename_over(landing);
    if (result < 0)
        return fail(landing, result, "naming", err);
    result = landing->durability == SAT_LANDING_FULL ? sat_os_sync(landing->dirfd) : 0;
    return result < 0 ? fail(landing, result, "syncing the folder of", err) : SATCHEL_OK;
}

int sat_landing_commit(struct sat_landing *landing, uint64_t size, bool if_absent,
                       satchel_error *err)
{
    int code = publish(landing, size, if_absent, err);
    sat_landing_abort(landing);
    return code;
}
