/* Choosing a private, local, writable folder for the index. */
#include "index_place.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/os.h"
#include "core/str.h"

char *sat_index_place_default(size_t i)
{
    if (i > 0)
        return sat_strf("/var/tmp/satchel-%u", (unsigned)geteuid());
    const char *cache = getenv("XDG_CACHE_HOME");
    if (cache != NULL && cache[0] == '/')
        return sat_strf("%s/satchel", cache);
    const char *home = getenv("HOME");
    return home != NULL && home[0] == '/' ? sat_strf("%s/.cache/satchel", home) : NULL;
}

static int check_owner(const char *dir, const struct stat *info, satchel_error *err)
{
    if (info->st_uid != geteuid())
        return sat_error_set(err, SATCHEL_DENIED,
                             "cache folder %s belongs to another user: choose another cache_dir",
                             dir);
    if ((info->st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return sat_error_set(err, SATCHEL_DENIED,
                             "cache folder %s is writable for others: use chmod 700", dir);
    return SATCHEL_OK;
}

/* A real file says more than access(): read-only mounts, quotas and full disks show here. */
static int check_writable(int dirfd, const char *dir, satchel_error *err)
{
    char name[SAT_OS_TEMP_NAME_SIZE];
    int rc = sat_os_temp_name(name);
    int fd = rc < 0 ? rc : sat_os_open(dirfd, name, O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
        return sat_error_os(err, -fd, "cache folder %s", dir);
    (void)sat_os_close(fd);
    (void)sat_os_unlink(dirfd, name, 0);
    return SATCHEL_OK;
}

static int check_folder(int dirfd, const char *dir, satchel_error *err)
{
    struct stat info;
    int rc = sat_os_fstat(dirfd, &info);
    if (rc < 0)
        return sat_error_os(err, -rc, "cache folder %s", dir);
    int network = sat_os_is_network(dirfd);
    if (network != 0)
        return sat_error_set(
            err, SATCHEL_DENIED,
            "cache folder %s is on a network file system: choose a local cache_dir", dir);
    int code = check_owner(dir, &info, err);
    return code == SATCHEL_OK ? check_writable(dirfd, dir, err) : code;
}

/* In a folder like /var/tmp anyone can plant a link in our name. */
static int check_not_planted(const char *dir, satchel_error *err)
{
    struct stat info;
    int rc = sat_os_stat(AT_FDCWD, dir, AT_SYMLINK_NOFOLLOW, &info);
    if (rc < 0)
        return sat_error_os(err, -rc, "cache folder %s", dir);
    if (S_ISLNK(info.st_mode) && info.st_uid != geteuid() && info.st_uid != 0)
        return sat_error_set(err, SATCHEL_DENIED, "cache folder %s is another user's link", dir);
    return SATCHEL_OK;
}

int sat_index_place_check(const char *dir, char **out, satchel_error *err)
{
    int rc = sat_os_mkdirs(AT_FDCWD, dir, 0700, 0);
    if (rc < 0)
        return sat_error_os(err, -rc, "cache folder %s", dir);
    int code = check_not_planted(dir, err);
    if (code != SATCHEL_OK)
        return code;
    SAT_AUTO_FD int fd = sat_os_open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return sat_error_os(err, -fd, "cache folder %s", dir);
    code = check_folder(fd, dir, err);
    if (code != SATCHEL_OK)
        return code;
    SAT_AUTO_FREE char *real = sat_malloc(PATH_MAX);
    if (real == NULL)
        return sat_error_nomem(err);
    rc = sat_os_realpath(dir, real, PATH_MAX);
    if (rc < 0)
        return sat_error_os(err, -rc, "cache folder %s", dir);
    *out = sat_strdup(real);
    return *out == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}
