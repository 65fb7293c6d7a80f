/* The one door to the kernel for files: counted, made to fail on demand, seen by a recorder. */
#include "os.h"

#include <errno.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "lock.h"
#include "str.h"

/*
 * Every function has one form: describe the call, stop if a fault is due, make it until it is not
 * interrupted, record it. (1) No function here touches errno for its caller. (2) A descriptor given
 * to close is closed even when a fault is due, else the torture tests would report leaks of their
 * own making.
 */
static atomic_long fail_at;
static atomic_long counted;
static atomic_int fail_errno;

static struct {
    sat_os_recorder *call;
    void *user;
} recorder;

void sat_os_fail_nth(long nth, int os_errno)
{
    atomic_store(&counted, 0);
    atomic_store(&fail_errno, os_errno);
    atomic_store(&fail_at, nth);
}

long sat_os_call_count(void)
{
    return atomic_load(&counted);
}

void sat_os_record(sat_os_recorder *call, void *user)
{
    recorder.call = call;
    recorder.user = user;
}

static int64_t recorded(const struct sat_os_call *call)
{
    if (recorder.call != NULL)
        recorder.call(recorder.user, call);
    return call->result;
}

static bool fault_due(void)
{
    long n = atomic_fetch_add_explicit(&counted, 1, memory_order_relaxed) + 1;
    return n == atomic_load_explicit(&fail_at, memory_order_relaxed);
}

/* Counts the call; true when it must not be made: its result is then set and recorded. */
static bool refused(struct sat_os_call *call)
{
    if (!fault_due())
        return false;
    call->result = -atomic_load(&fail_errno);
    (void)recorded(call);
    return true;
}

/* Turns the -1 of a call into -errno; true when it is to be made again. */
static bool interrupted(struct sat_os_call *call)
{
    if (call->result < 0)
        call->result = -errno;
    return call->result == -EINTR;
}

/* ---- open, close, names ---- */

int sat_os_open(int dirfd, const char *path, int flags, unsigned mode)
{
    struct sat_os_call call = {
        .op = "open", .fd = dirfd, .fd2 = -1, .path = path, .flags = (unsigned)flags};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = openat(dirfd, path, flags | O_CLOEXEC, mode);
    while (interrupted(&call));
    return (int)recorded(&call);
}

static int open_with_openat2(int rootfd, const char *path, int flags, unsigned mode)
{
    struct open_how how = {
        .flags = (unsigned)(flags | O_CLOEXEC),
        .mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    struct sat_os_call call = {
        .op = "open", .fd = rootfd, .fd2 = -1, .path = path, .flags = (unsigned)flags};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = syscall(SYS_openat2, rootfd, path, &how, sizeof how);
    while (interrupted(&call));
    return (int)recorded(&call);
}

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

/* The descriptor of the directory `name` of `parent`, or -errno; closes `parent` unless it is `root`. */
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
    int fd = open_with_openat2(rootfd, path, flags, mode);
    /* Old kernels say ENOSYS, seccomp filters of containers often EPERM. */
    if (fd == -ENOSYS || fd == -EPERM)
        fd = open_by_component(rootfd, path, flags, mode);
    return fd;
}

int sat_os_open_tmp(int dirfd, const char *path, unsigned mode)
{
    int fd = sat_os_open(dirfd, path, O_TMPFILE | O_RDWR, mode);
    /* A file system that does not know the flag tries to open the directory itself. */
    return fd == -EISDIR ? -EOPNOTSUPP : fd;
}

static int link_at(struct sat_os_call *call, int flags)
{
    if (refused(call))
        return (int)call->result;
    do
        call->result = linkat(call->fd, call->path, call->fd2, call->path2, flags);
    while (interrupted(call));
    return (int)recorded(call);
}

int sat_os_link_tmp(int fd, int dirfd, const char *name)
{
    /* AT_EMPTY_PATH would need a capability; the /proc name works for everybody. */
    char self[40];
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    struct sat_os_call call = {
        .op = "link", .fd = fd, .fd2 = dirfd, .path = self, .path2 = name};
    return link_at(&call, AT_SYMLINK_FOLLOW);
}

int sat_os_link(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path)
{
    struct sat_os_call call = {
        .op = "link", .fd = old_dirfd, .fd2 = new_dirfd, .path = old_path, .path2 = new_path};
    return link_at(&call, 0);
}

int sat_os_dup(int fd)
{
    struct sat_os_call call = {.op = "dup", .fd = fd, .fd2 = -1};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    while (interrupted(&call));
    return (int)recorded(&call);
}

int sat_os_close(int fd)
{
    if (fd < 0)
        return 0;
    struct sat_os_call call = {.op = "close", .fd = fd, .fd2 = -1};
    bool due = fault_due();
    call.result = close(fd);
    /* Linux has released the descriptor even on EINTR: closing again could hit another's. */
    if (interrupted(&call))
        call.result = 0;
    if (due)
        call.result = -atomic_load(&fail_errno);
    return (int)recorded(&call);
}

void sat_auto_fd_(int *fd)
{
    (void)sat_os_close(*fd);
}

int sat_os_rename(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path,
                  unsigned flags)
{
    struct sat_os_call call = {.op = "rename",
                               .fd = old_dirfd,
                               .fd2 = new_dirfd,
                               .path = old_path,
                               .path2 = new_path,
                               .flags = flags};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = renameat2(old_dirfd, old_path, new_dirfd, new_path, flags);
    while (interrupted(&call));
    return (int)recorded(&call);
}

int sat_os_unlink(int dirfd, const char *path, int flags)
{
    struct sat_os_call call = {
        .op = "unlink", .fd = dirfd, .fd2 = -1, .path = path, .flags = (unsigned)flags};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = unlinkat(dirfd, path, flags);
    while (interrupted(&call));
    return (int)recorded(&call);
}

int sat_os_mkdir(int dirfd, const char *path, unsigned mode)
{
    struct sat_os_call call = {
        .op = "mkdir", .fd = dirfd, .fd2 = -1, .path = path, .flags = mode};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = mkdirat(dirfd, path, mode);
    while (interrupted(&call));
    return (int)recorded(&call);
}

int sat_os_realpath(const char *path, char *out, size_t size)
{
    struct sat_os_call call = {.op = "realpath", .fd = -1, .fd2 = -1, .path = path};
    char full[PATH_MAX];
    if (refused(&call))
        return (int)call.result;
    /* With a buffer of ours realpath allocates nothing. */
    call.result = realpath(path, full) == NULL ? -errno : 0;
    if (call.result == 0 && strlen(full) >= size)
        call.result = -ENAMETOOLONG;
    if (call.result == 0)
        memcpy(out, full, strlen(full) + 1);
    return (int)recorded(&call);
}

/* ---- content ---- */

/* One read or write at `offset` (-1: at the file's own position). */
static int64_t transfer_once(struct sat_os_call *call, void *into)
{
    if (refused(call))
        return call->result;
    size_t len = (size_t)call->size;
    do {
        if (into != NULL)
            call->result = call->offset < 0 ? read(call->fd, into, len)
                                            : pread(call->fd, into, len, call->offset);
        else
            call->result = call->offset < 0 ? write(call->fd, call->data, len)
                                            : pwrite(call->fd, call->data, len, call->offset);
    } while (interrupted(call));
    return recorded(call);
}

static int64_t read_fully(const char *op, int fd, char *data, size_t len, int64_t offset)
{
    size_t done = 0;
    while (done < len) {
        struct sat_os_call call = {
            .op = op,
            .fd = fd,
            .fd2 = -1,
            .offset = offset < 0 ? -1 : offset + (int64_t)done,
            .size = (int64_t)(len - done),
        };
        int64_t got = transfer_once(&call, data + done);
        if (got < 0)
            return got;
        if (got == 0)
            break;
        done += (size_t)got;
    }
    return (int64_t)done;
}

int64_t sat_os_read(int fd, void *data, size_t len)
{
    return read_fully("read", fd, data, len, -1);
}

int64_t sat_os_pread(int fd, void *data, size_t len, int64_t offset)
{
    return offset < 0 ? -EINVAL : read_fully("pread", fd, data, len, offset);
}

static int write_fully(const char *op, int fd, const char *data, size_t len, int64_t offset)
{
    size_t done = 0;
    while (done < len) {
        struct sat_os_call call = {
            .op = op,
            .fd = fd,
            .fd2 = -1,
            .data = data + done,
            .offset = offset < 0 ? -1 : offset + (int64_t)done,
            .size = (int64_t)(len - done),
        };
        int64_t put = transfer_once(&call, NULL);
        if (put < 0)
            return (int)put;
        if (put == 0) /* no file does this; a loop on it would never end */
            return -EIO;
        done += (size_t)put;
    }
    return 0;
}

int sat_os_write_all(int fd, const void *data, size_t len)
{
    return write_fully("write", fd, data, len, -1);
}

int sat_os_pwrite_all(int fd, const void *data, size_t len, int64_t offset)
{
    return offset < 0 ? -EINVAL : write_fully("pwrite", fd, data, len, offset);
}

int64_t sat_os_copy_range(int in_fd, int64_t in_offset, int out_fd, int64_t out_offset, size_t len)
{
    size_t done = 0;
    while (done < len) {
        struct sat_os_call call = {
            .op = "copy_file_range",
            .fd = in_fd,
            .fd2 = out_fd,
            .offset = out_offset,
            .size = (int64_t)(len - done),
        };
        if (refused(&call))
            return call.result;
        do
            call.result = copy_file_range(in_fd, &in_offset, out_fd, &out_offset, len - done, 0);
        while (interrupted(&call));
        if (recorded(&call) < 0)
            return call.result;
        if (call.result == 0)
            break;
        done += (size_t)call.result;
    }
    return (int64_t)done;
}

int sat_os_truncate(int fd, int64_t len)
{
    struct sat_os_call call = {.op = "ftruncate", .fd = fd, .fd2 = -1, .size = len};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = ftruncate(fd, len);
    while (interrupted(&call));
    return (int)recorded(&call);
}

static int reserve_blocks(int fd, int64_t len)
{
    struct sat_os_call call = {.op = "fallocate", .fd = fd, .fd2 = -1, .size = len};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = fallocate(fd, 0, 0, len);
    while (interrupted(&call));
    return (int)recorded(&call);
}

int sat_os_allocate(int fd, int64_t len)
{
    /* fallocate refuses a length of 0, and never makes a file shorter. */
    int result = len == 0 ? -EOPNOTSUPP : reserve_blocks(fd, len);
    return result == -EOPNOTSUPP || result == -ENOSYS ? sat_os_truncate(fd, len) : result;
}

int sat_os_sync(int fd)
{
    struct sat_os_call call = {.op = "fsync", .fd = fd, .fd2 = -1};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = fsync(fd);
    while (interrupted(&call));
    return (int)recorded(&call);
}

int sat_os_datasync(int fd)
{
    struct sat_os_call call = {.op = "fdatasync", .fd = fd, .fd2 = -1};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = fdatasync(fd);
    while (interrupted(&call));
    return (int)recorded(&call);
}

/* ---- attributes ---- */

int sat_os_fstat(int fd, struct stat *out)
{
    struct sat_os_call call = {.op = "fstat", .fd = fd, .fd2 = -1};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = fstat(fd, out);
    while (interrupted(&call));
    return (int)recorded(&call);
}

int sat_os_stat(int dirfd, const char *path, int flags, struct stat *out)
{
    struct sat_os_call call = {
        .op = "stat", .fd = dirfd, .fd2 = -1, .path = path, .flags = (unsigned)flags};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = fstatat(dirfd, path, out, flags);
    while (interrupted(&call));
    return (int)recorded(&call);
}

int sat_os_chmod(int fd, unsigned mode)
{
    struct sat_os_call call = {.op = "fchmod", .fd = fd, .fd2 = -1, .flags = mode};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = fchmod(fd, mode);
    while (interrupted(&call));
    return (int)recorded(&call);
}

int sat_os_chown(int fd, uid_t owner, gid_t group)
{
    struct sat_os_call call = {.op = "fchown", .fd = fd, .fd2 = -1};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = fchown(fd, owner, group);
    while (interrupted(&call));
    return (int)recorded(&call);
}

int sat_os_set_times(int fd, const struct timespec times[2])
{
    struct sat_os_call call = {.op = "futimens", .fd = fd, .fd2 = -1};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = futimens(fd, times);
    while (interrupted(&call));
    return (int)recorded(&call);
}

int64_t sat_os_get_xattr(int fd, const char *name, void *value, size_t size)
{
    struct sat_os_call call = {
        .op = "fgetxattr", .fd = fd, .fd2 = -1, .path2 = name, .size = (int64_t)size};
    if (refused(&call))
        return call.result;
    do
        call.result = fgetxattr(fd, name, value, size);
    while (interrupted(&call));
    return recorded(&call);
}

int sat_os_set_xattr(int fd, const char *name, const void *value, size_t size, int flags)
{
    struct sat_os_call call = {.op = "fsetxattr",
                               .fd = fd,
                               .fd2 = -1,
                               .path2 = name,
                               .data = value,
                               .size = (int64_t)size,
                               .flags = (unsigned)flags};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = fsetxattr(fd, name, value, size, flags);
    while (interrupted(&call));
    return (int)recorded(&call);
}

int sat_os_remove_xattr(int fd, const char *name)
{
    struct sat_os_call call = {.op = "fremovexattr", .fd = fd, .fd2 = -1, .path2 = name};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = fremovexattr(fd, name);
    while (interrupted(&call));
    return (int)recorded(&call);
}

int sat_os_is_network(int fd)
{
    static const uint32_t magics[] = {
        0x6969,     /* NFS */
        0x517B,     /* SMB */
        0xFF534D42, /* CIFS */
        0xFE534D42, /* SMB2 */
        0x65735546, /* FUSE */
        0x01021997, /* 9P */
        0x00C36400, /* Ceph */
        0x5346414F, /* AFS */
        0x73757245, /* Coda */
        0x0BD00BD0, /* Lustre */
    };
    struct sat_os_call call = {.op = "fstatfs", .fd = fd, .fd2 = -1};
    struct statfs info = {0};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = fstatfs(fd, &info);
    while (interrupted(&call));
    for (size_t i = 0; call.result == 0 && i < sizeof magics / sizeof magics[0]; i++)
        call.result = (uint32_t)info.f_type == magics[i];
    return (int)recorded(&call);
}

/* ---- directories ---- */

struct sat_os_dir {
    DIR *stream;
};

static int dir_from_fd(int fd, struct sat_os_dir *dir)
{
    struct sat_os_call call = {.op = "fdopendir", .fd = fd, .fd2 = -1};
    if (refused(&call))
        return (int)call.result;
    dir->stream = fdopendir(fd);
    call.result = dir->stream == NULL ? -errno : 0;
    return (int)recorded(&call);
}

int sat_os_dir_from_fd(int fd, struct sat_os_dir **out)
{
    struct sat_os_dir *dir = sat_calloc(1, sizeof *dir);
    int result = dir == NULL ? -ENOMEM : dir_from_fd(fd, dir);
    if (result < 0) {
        (void)sat_os_close(fd);
        sat_free(dir);
        return result;
    }
    *out = dir;
    return 0;
}

int sat_os_dir_open(int dirfd, const char *path, struct sat_os_dir **out)
{
    int fd = sat_os_open(dirfd, path, O_RDONLY | O_DIRECTORY, 0);
    return fd < 0 ? fd : sat_os_dir_from_fd(fd, out);
}

int sat_os_dir_next(struct sat_os_dir *dir, const char **name, unsigned char *type)
{
    struct sat_os_call call = {.op = "readdir", .fd = dirfd(dir->stream), .fd2 = -1};
    struct dirent *entry;
    if (refused(&call))
        return (int)call.result;
    do {
        /* The end and an error look alike but for errno. */
        errno = 0;
        entry = readdir(dir->stream);
    } while (entry != NULL && (sat_str_eq(entry->d_name, ".") || sat_str_eq(entry->d_name, "..")));
    call.result = entry != NULL ? 1 : -errno;
    if (entry != NULL) {
        *name = entry->d_name;
        if (type != NULL)
            *type = entry->d_type;
    }
    return (int)recorded(&call);
}

int sat_os_dir_fd(const struct sat_os_dir *dir)
{
    return dirfd(dir->stream);
}

void sat_os_dir_close(struct sat_os_dir *dir)
{
    if (dir == NULL)
        return;
    struct sat_os_call call = {.op = "close", .fd = dirfd(dir->stream), .fd2 = -1};
    (void)fault_due();
    (void)closedir(dir->stream);
    (void)recorded(&call);
    sat_free(dir);
}

/* ---- locks between processes and threads ---- */

static int lock_call(int fd, int command, short type, int64_t start, int64_t len)
{
    struct flock range = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
    struct sat_os_call call = {
        .op = "lock", .fd = fd, .fd2 = -1, .offset = start, .size = len, .flags = (unsigned)type};
    if (refused(&call))
        return (int)call.result;
    do
        call.result = fcntl(fd, command, &range);
    while (interrupted(&call));
    return (int)recorded(&call);
}

static void pause_ns(int64_t ns)
{
    struct timespec left = {.tv_sec = (time_t)(ns / SAT_NS_PER_S), .tv_nsec = ns % SAT_NS_PER_S};
    (void)nanosleep(&left, NULL);
}

int sat_os_lock(int fd, int64_t start, int64_t len, bool exclusive, int64_t wait_ms)
{
    enum { FIRST_PAUSE_NS = 200000, LONGEST_PAUSE_NS = 20000000 };
    short type = exclusive ? F_WRLCK : F_RDLCK;
    if (wait_ms < 0)
        return lock_call(fd, F_OFD_SETLKW, type, start, len);
    /* The kernel has no lock call with a time limit, short of signals, which are not ours to use. */
    int64_t deadline = sat_clock_now_ns() + wait_ms * SAT_NS_PER_MS;
    int64_t pause = FIRST_PAUSE_NS;
    for (;;) {
        int result = lock_call(fd, F_OFD_SETLK, type, start, len);
        if (result == -EACCES)
            result = -EAGAIN;
        int64_t left = deadline - sat_clock_now_ns();
        if (result != -EAGAIN || left <= 0)
            return result;
        pause_ns(pause < left ? pause : left);
        pause = pause * 2 < LONGEST_PAUSE_NS ? pause * 2 : LONGEST_PAUSE_NS;
    }
}

int sat_os_unlock(int fd, int64_t start, int64_t len)
{
    return lock_call(fd, F_OFD_SETLK, F_UNLCK, start, len);
}

/* ---- composed of the above ---- */

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

static int read_to_end(int fd, size_t max, struct sat_buf *out)
{
    char chunk[16 * 1024];
    size_t total = 0;
    int64_t got;
    do {
        got = sat_os_read(fd, chunk, sizeof chunk);
        if (got < 0)
            return (int)got;
        total += (size_t)got;
        if (total > max)
            return -EFBIG;
        int code = sat_buf_add(out, chunk, (size_t)got);
        if (code != SATCHEL_OK)
            return code == SATCHEL_LIMIT ? -EFBIG : -ENOMEM;
    } while (got == (int64_t)sizeof chunk);
    return 0;
}

int sat_os_read_file(int dirfd, const char *path, size_t max, struct sat_buf *out)
{
    SAT_AUTO_FD int fd = sat_os_open(dirfd, path, O_RDONLY, 0);
    return fd < 0 ? fd : read_to_end(fd, max, out);
}

int sat_os_random(void *out, size_t len)
{
    char *at = out;
    while (len > 0) {
        struct sat_os_call call = {
            .op = "getrandom", .fd = -1, .fd2 = -1, .size = (int64_t)len};
        if (refused(&call))
            return (int)call.result;
        do
            call.result = getrandom(at, len, 0);
        while (interrupted(&call));
        if (recorded(&call) < 0)
            return (int)call.result;
        at += call.result;
        len -= (size_t)call.result;
    }
    return 0;
}

static const char temp_prefix[] = ".satchel-";
static const char temp_suffix[] = ".part";
enum { TEMP_HEX = 16 };

int sat_os_temp_name(char out[SAT_OS_TEMP_NAME_SIZE])
{
    unsigned char noise[TEMP_HEX / 2];
    char hex[TEMP_HEX + 1];
    int result = sat_os_random(noise, sizeof noise);
    if (result < 0)
        return result;
    sat_hex(noise, sizeof noise, hex);
    (void)snprintf(out, SAT_OS_TEMP_NAME_SIZE, "%s%s%s", temp_prefix, hex, temp_suffix);
    return 0;
}

bool sat_os_is_temp_name(const char *name)
{
    size_t prefix = sizeof temp_prefix - 1;
    return strlen(name) == SAT_OS_TEMP_NAME_SIZE - 1 && sat_str_starts(name, temp_prefix) &&
           strspn(name + prefix, "0123456789abcdef") == TEMP_HEX &&
           sat_str_eq(name + prefix + TEMP_HEX, temp_suffix);
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
