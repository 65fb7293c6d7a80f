/* What is composed of kernel calls: folder trees, whole files, temp names, the boot id. */
#include "os.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "clock.h"
#include "lock.h"
#include "str.h"

/* "a", "a/b": relative and without a ".." component. */
static bool stays_beneath(const char *path)
{
    if (*path == '/')
        return false;
    for (const char *at = path; *at != '\0';) {
        size_t len = strcspn(at, "/");
        if (len == 2 && at[0] == '.' && at[1] == '.')
            return false;
        at += len;
        at += strspn(at, "/");
    }
    return true;
}

/* The descriptor of the directory `name` of `parent`, or -errno; closes `parent` unless it is
 * `root`. */
static int step_into(int root, int parent, const char *name, int flags)
{
    int fd = sat_os_open(parent, name, O_PATH | O_DIRECTORY | flags, 0);
    if (parent != root)
        (void)sat_os_close(parent);
    return fd;
}

/* The directory that holds the last component, which *name is moved to; cuts the text up. */
static int walk_to_parent(int rootfd, char **name)
{
    int at = rootfd;
    for (char *slash; (slash = strchr(*name, '/')) != NULL;) {
        *slash++ = '\0';
        int next = step_into(rootfd, at, *name, O_NOFOLLOW);
        if (next < 0)
            return next;
        at = next;
        *name = slash + strspn(slash, "/");
    }
    return at;
}

/* With O_PATH, O_NOFOLLOW opens a symlink itself instead of refusing it. */
static int refuse_symlink(int fd)
{
    struct stat info;
    int result = fd < 0 ? fd : sat_os_fstat(fd, &info);
    if (result == 0 && S_ISLNK(info.st_mode))
        result = -ELOOP;
    if (result == 0)
        return fd;
    (void)sat_os_close(fd);
    return result;
}

static int open_by_component(int rootfd, const char *path, int flags, unsigned mode)
{
    SAT_AUTO_FREE char *copy = sat_strdup(path);
    if (copy == NULL)
        return -ENOMEM;
    /* A slash at the end would make the kernel follow a symlink whatever the flags. */
    size_t len = strlen(copy);
    for (; len > 0 && copy[len - 1] == '/'; flags |= O_DIRECTORY)
        copy[--len] = '\0';
    char *name = copy;
    int parent = walk_to_parent(rootfd, &name);
    if (parent < 0 && parent != rootfd)
        return parent;
    int fd = sat_os_open(parent, name, flags | O_NOFOLLOW, mode);
    if (parent != rootfd)
        (void)sat_os_close(parent);
    return flags & O_PATH && !(flags & O_NOFOLLOW) ? refuse_symlink(fd) : fd;
}

int sat_os_open_beneath(int rootfd, const char *path, int flags, unsigned mode)
{
    if (!stays_beneath(path))
        return -EXDEV;
    int fd = sat_os_openat2(rootfd, path, flags, mode);
    /* Old kernels say ENOSYS, seccomp filters of containers often EPERM. */
    if (fd == -ENOSYS || fd == -EPERM)
        fd = open_by_component(rootfd, path, flags, mode);
    return fd;
}

/* Makes the directory `name` of `parent` unless it is there; 1 when it may be new. */
static int make_one(int parent, const char *name, unsigned mode)
{
    struct stat info;
    if (sat_os_stat(parent, name, 0, &info) == 0)
        return S_ISDIR(info.st_mode) ? 0 : -ENOTDIR;
    int result = sat_os_mkdir(parent, name, mode);
    /* Another process was faster; whether it has synced the parent yet is unknown. */
    return result == 0 || result == -EEXIST ? 1 : result;
}

/* Makes every component of `path`, which it cuts up, from `at` downwards; closes `at`. */
static int make_below(int at, char *path, unsigned mode, unsigned flags)
{
    int follow = flags & SAT_OS_BENEATH ? O_NOFOLLOW : 0;
    int result = 0;
    for (char *name = path; result >= 0 && *name != '\0';) {
        size_t len = strcspn(name, "/");
        char *next = name + len + strspn(name + len, "/");
        name[len] = '\0';
        result = len == 0 ? 0 : make_one(at, name, mode);
        if (result > 0 && flags & SAT_OS_DURABLE)
            result = sat_os_sync_dir(at, ".");
        if (result >= 0 && len > 0)
            result = at = step_into(-1, at, name, follow);
        name = next;
    }
    if (at >= 0)
        (void)sat_os_close(at);
    return result < 0 ? result : 0;
}

int sat_os_mkdirs(int dirfd, const char *path, unsigned mode, unsigned flags)
{
    if (*path == '\0')
        return -ENOENT;
    if (flags & SAT_OS_BENEATH && !stays_beneath(path))
        return -EXDEV;
    SAT_AUTO_FREE char *copy = sat_strdup(path);
    if (copy == NULL)
        return -ENOMEM;
    int at = sat_os_open(dirfd, *path == '/' ? "/" : ".", O_PATH | O_DIRECTORY, 0);
    return at < 0 ? at : make_below(at, copy, mode, flags);
}

int sat_os_sync_dir(int dirfd, const char *path)
{
    int fd = sat_os_open(dirfd, path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return fd;
    int result = sat_os_sync(fd);
    int closed = sat_os_close(fd);
    return result < 0 ? result : closed;
}

/* No byte stays anywhere but in `out`: the file may hold secrets. */
int sat_os_read_rest(int fd, size_t max, struct sat_buf *out)
{
    char chunk[16 * 1024];
    size_t total = 0;
    int64_t got;
    do {
        got = sat_os_read(fd, chunk, sizeof chunk);
        total += got > 0 ? (size_t)got : 0;
        if (got > 0 && total <= max)
            (void)sat_buf_add(out, chunk, (size_t)got);
    } while (got == (int64_t)sizeof chunk && total <= max && out->failed == SATCHEL_OK);
    sat_cleanse(chunk, sizeof chunk);
    if (got < 0)
        return (int)got;
    if (total > max || out->failed == SATCHEL_LIMIT)
        return -EFBIG;
    return out->failed == SATCHEL_OK ? 0 : -ENOMEM;
}

int sat_os_read_file(int dirfd, const char *path, size_t max, struct sat_buf *out)
{
    SAT_AUTO_FD int fd = sat_os_open(dirfd, path, O_RDONLY, 0);
    return fd < 0 ? fd : sat_os_read_rest(fd, max, out);
}

static const char temp_prefix[] = ".satchel-";
static const char temp_suffix[] = ".part";
static const char side_suffix[] = ".attr";
enum { TEMP_HEX = 16 };

static void format_name(uint64_t id, const char *suffix, char out[SAT_OS_TEMP_NAME_SIZE])
{
    (void)snprintf(out, SAT_OS_TEMP_NAME_SIZE, "%s%016" PRIx64 "%s", temp_prefix, id, suffix);
}

int sat_os_temp_name(char out[SAT_OS_TEMP_NAME_SIZE])
{
    uint64_t noise;
    int result = sat_os_random(&noise, sizeof noise);
    if (result < 0)
        return result;
    format_name(noise, temp_suffix, out);
    return 0;
}

void sat_os_side_name(uint64_t id, char out[SAT_OS_TEMP_NAME_SIZE])
{
    format_name(id, side_suffix, out);
}

static bool is_name(const char *name, const char *suffix)
{
    size_t prefix = sizeof temp_prefix - 1;
    return strlen(name) == SAT_OS_TEMP_NAME_SIZE - 1 && sat_str_starts(name, temp_prefix) &&
           strspn(name + prefix, "0123456789abcdef") == TEMP_HEX &&
           sat_str_eq(name + prefix + TEMP_HEX, suffix);
}

bool sat_os_is_temp_name(const char *name)
{
    return is_name(name, temp_suffix);
}

bool sat_os_is_side_name(const char *name)
{
    return is_name(name, side_suffix);
}

bool sat_os_is_own_name(const char *name)
{
    return sat_str_eq(name, SAT_OS_LOCK_NAME) || sat_os_is_temp_name(name) ||
           sat_os_is_side_name(name);
}

int sat_os_temp_file(int dirfd, unsigned mode, char name[SAT_OS_TEMP_NAME_SIZE])
{
    int fd = -1;
    int result = sat_os_temp_name(name);
    if (result == 0)
        result = fd = sat_os_open(dirfd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
    if (fd >= 0)
        result = sat_os_lock(fd, 0, 0, true, 0);
    if (result == 0)
        return fd;
    if (fd >= 0)
        (void)sat_os_unlink(dirfd, name, 0);
    (void)sat_os_close(fd);
    name[0] = '\0';
    return result;
}

int sat_os_link_temp(int fd, int dirfd, char name[SAT_OS_TEMP_NAME_SIZE])
{
    int result = sat_os_lock(fd, 0, 0, true, 0);
    if (result == 0)
        result = sat_os_temp_name(name);
    if (result == 0)
        result = sat_os_link_tmp(fd, dirfd, name);
    if (result < 0)
        name[0] = '\0';
    return result;
}

bool sat_os_is_older(const struct stat *info, int64_t age_ns)
{
    int64_t changed = (int64_t)info->st_ctim.tv_sec * SAT_NS_PER_S + info->st_ctim.tv_nsec;
    return sat_clock_wall_ns() - changed >= age_ns;
}

void sat_os_sweep_temp(int dirfd, const char *name, int64_t age_ns)
{
    struct stat info;
    SAT_AUTO_FD int fd = sat_os_open(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    if (fd < 0 || sat_os_fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) ||
        !sat_os_is_older(&info, age_ns))
        return;
    /* A shared lock is enough, and can be had on a file that may not be written to. */
    if (sat_os_lock(fd, 0, 0, false, 0) == 0)
        (void)sat_os_unlink(dirfd, name, 0);
}

int sat_os_temp_dir(int dirfd, char name[SAT_OS_TEMP_NAME_SIZE])
{
    int result = sat_os_temp_name(name);
    return result < 0 ? result : sat_os_mkdir(dirfd, name, 0700);
}

enum { BOOT_ID_LEN = 36 };
static char boot_id[BOOT_ID_LEN + 1];
static struct sat_once boot_id_once = SAT_ONCE_INIT;

static void read_boot_id(void)
{
    SAT_AUTO_FD int fd = sat_os_open(AT_FDCWD, "/proc/sys/kernel/random/boot_id", O_RDONLY, 0);
    /* A short or failed read leaves no half id behind. */
    if (fd >= 0 && sat_os_read(fd, boot_id, BOOT_ID_LEN) != BOOT_ID_LEN)
        boot_id[0] = '\0';
}

const char *sat_os_boot_id(void)
{
    sat_once(&boot_id_once, read_boot_id);
    return boot_id;
}
