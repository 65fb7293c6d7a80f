/* The one door to the kernel for files: counted, made to fail on demand, seen by a recorder. */
#include "os.h"

#include <errno.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "alloc.h"
#include "clock.h"
#include "str.h"

/*
 * Every function has one form: describe the call, KERNEL_CALL() it, return its result. A descriptor
 * given to close is closed even when a fault is due, else the torture tests would report leaks of
 * their own making. What is composed of these functions lives in os_tree.c.
 */
static atomic_long fail_at;
static atomic_long counted;
static atomic_int fail_errno;
static _Atomic(const char *) fail_kind;
static atomic_int fail_kind_errno;

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

void sat_os_fail_kind(const char *kind, int os_errno)
{
    atomic_store(&fail_kind_errno, os_errno);
    atomic_store(&fail_kind, kind);
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
    const char *kind = atomic_load_explicit(&fail_kind, memory_order_relaxed);
    if (fault_due())
        call->result = -atomic_load(&fail_errno);
    else if (kind != NULL && strstr(call->op, kind) != NULL)
        call->result = -atomic_load(&fail_kind_errno);
    else
        return false;
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

/*
 * Makes one call described by `call`, or injects its failure; call->result is then 0 or more, or
 * -errno, and recorded. A macro, because `expression` has to be evaluated inside the loop.
 */
#define KERNEL_CALL(call, expression)                                                              \
    do {                                                                                           \
        if (refused(call))                                                                         \
            break;                                                                                 \
        do                                                                                         \
            (call)->result = (expression);                                                         \
        while (interrupted(call));                                                                 \
        (void)recorded(call);                                                                      \
    } while (false)

/* ---- open, close, names ---- */

int sat_os_open(int dirfd, const char *path, int flags, unsigned mode)
{
    struct sat_os_call call = {
        .op = "open", .fd = dirfd, .fd2 = -1, .path = path, .flags = (unsigned)flags};
    KERNEL_CALL(&call, openat(dirfd, path, flags | O_CLOEXEC, mode));
    return (int)call.result;
}

int sat_os_openat2(int rootfd, const char *path, int flags, unsigned mode)
{
    struct open_how how = {
        .flags = (unsigned)(flags | O_CLOEXEC),
        .mode = flags & (O_CREAT | __O_TMPFILE) ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    struct sat_os_call call = {
        .op = "open", .fd = rootfd, .fd2 = -1, .path = path, .flags = (unsigned)flags};
    KERNEL_CALL(&call, syscall(SYS_openat2, rootfd, path, &how, sizeof how));
    return (int)call.result;
}

int sat_os_open_tmp(int dirfd, const char *path, unsigned mode)
{
    int fd = sat_os_open(dirfd, path, O_TMPFILE | O_RDWR, mode);
    /* A file system that does not know the flag tries to open the directory itself. */
    return fd == -EISDIR ? -EOPNOTSUPP : fd;
}

static int link_at(struct sat_os_call *call, int flags)
{
    KERNEL_CALL(call, linkat(call->fd, call->path, call->fd2, call->path2, flags));
    return (int)call->result;
}

int sat_os_link_tmp(int fd, int dirfd, const char *name)
{
    /* AT_EMPTY_PATH would need a capability; the /proc name works for everybody. */
    char self[40];
    (void)snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    struct sat_os_call call = {.op = "link", .fd = fd, .fd2 = dirfd, .path = self, .path2 = name};
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
    KERNEL_CALL(&call, fcntl(fd, F_DUPFD_CLOEXEC, 0));
    return (int)call.result;
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
    KERNEL_CALL(&call, renameat2(old_dirfd, old_path, new_dirfd, new_path, flags));
    return (int)call.result;
}

int sat_os_unlink(int dirfd, const char *path, int flags)
{
    struct sat_os_call call = {
        .op = "unlink", .fd = dirfd, .fd2 = -1, .path = path, .flags = (unsigned)flags};
    KERNEL_CALL(&call, unlinkat(dirfd, path, flags));
    return (int)call.result;
}

int sat_os_mkdir(int dirfd, const char *path, unsigned mode)
{
    struct sat_os_call call = {.op = "mkdir", .fd = dirfd, .fd2 = -1, .path = path, .flags = mode};
    KERNEL_CALL(&call, mkdirat(dirfd, path, mode));
    return (int)call.result;
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
    size_t len = (size_t)call->size;
    if (into != NULL && call->offset < 0)
        KERNEL_CALL(call, read(call->fd, into, len));
    else if (into != NULL)
        KERNEL_CALL(call, pread(call->fd, into, len, call->offset));
    else if (call->offset < 0)
        KERNEL_CALL(call, write(call->fd, call->data, len));
    else
        KERNEL_CALL(call, pwrite(call->fd, call->data, len, call->offset));
    return call->result;
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

int64_t sat_os_read_some(int fd, void *data, size_t len)
{
    struct sat_os_call call = {
        .op = "read", .fd = fd, .fd2 = -1, .offset = -1, .size = (int64_t)len};
    return transfer_once(&call, data);
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
        KERNEL_CALL(&call, copy_file_range(in_fd, &in_offset, out_fd, &out_offset, len - done, 0));
        if (call.result < 0)
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
    KERNEL_CALL(&call, ftruncate(fd, len));
    return (int)call.result;
}

static int reserve_blocks(int fd, int64_t len)
{
    struct sat_os_call call = {.op = "fallocate", .fd = fd, .fd2 = -1, .size = len};
    KERNEL_CALL(&call, fallocate(fd, 0, 0, len));
    return (int)call.result;
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
    KERNEL_CALL(&call, fsync(fd));
    return (int)call.result;
}

int sat_os_datasync(int fd)
{
    struct sat_os_call call = {.op = "fdatasync", .fd = fd, .fd2 = -1};
    KERNEL_CALL(&call, fdatasync(fd));
    return (int)call.result;
}

/* ---- attributes ---- */

int sat_os_fstat(int fd, struct stat *out)
{
    struct sat_os_call call = {.op = "fstat", .fd = fd, .fd2 = -1};
    KERNEL_CALL(&call, fstat(fd, out));
    return (int)call.result;
}

int sat_os_stat(int dirfd, const char *path, int flags, struct stat *out)
{
    struct sat_os_call call = {
        .op = "stat", .fd = dirfd, .fd2 = -1, .path = path, .flags = (unsigned)flags};
    KERNEL_CALL(&call, fstatat(dirfd, path, out, flags));
    return (int)call.result;
}

int sat_os_chmod(int fd, unsigned mode)
{
    struct sat_os_call call = {.op = "fchmod", .fd = fd, .fd2 = -1, .flags = mode};
    KERNEL_CALL(&call, fchmod(fd, mode));
    return (int)call.result;
}

int sat_os_chown(int fd, uid_t owner, gid_t group)
{
    struct sat_os_call call = {.op = "fchown", .fd = fd, .fd2 = -1};
    KERNEL_CALL(&call, fchown(fd, owner, group));
    return (int)call.result;
}

int sat_os_set_times(int fd, const struct timespec times[2])
{
    struct sat_os_call call = {.op = "futimens", .fd = fd, .fd2 = -1};
    KERNEL_CALL(&call, futimens(fd, times));
    return (int)call.result;
}

int64_t sat_os_get_xattr(int fd, const char *name, void *value, size_t size)
{
    struct sat_os_call call = {
        .op = "fgetxattr", .fd = fd, .fd2 = -1, .path2 = name, .size = (int64_t)size};
    KERNEL_CALL(&call, fgetxattr(fd, name, value, size));
    return call.result;
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
    KERNEL_CALL(&call, fsetxattr(fd, name, value, size, flags));
    return (int)call.result;
}

int sat_os_remove_xattr(int fd, const char *name)
{
    struct sat_os_call call = {.op = "fremovexattr", .fd = fd, .fd2 = -1, .path2 = name};
    KERNEL_CALL(&call, fremovexattr(fd, name));
    return (int)call.result;
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
    KERNEL_CALL(&call, fstatfs(fd, &info));
    int result = (int)call.result;
    for (size_t i = 0; result == 0 && i < sizeof magics / sizeof magics[0]; i++)
        result = (uint32_t)info.f_type == magics[i];
    return result;
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
    KERNEL_CALL(&call, fcntl(fd, command, &range));
    return (int)call.result;
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
    /* The kernel has no lock call with a time limit short of signals, which are not ours to use. */
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

/* ---- random bytes ---- */

int sat_os_random(void *out, size_t len)
{
    char *at = out;
    while (len > 0) {
        struct sat_os_call call = {.op = "getrandom", .fd = -1, .fd2 = -1, .size = (int64_t)len};
        KERNEL_CALL(&call, getrandom(at, len, 0));
        if (call.result < 0)
            return (int)call.result;
        at += call.result;
        len -= (size_t)call.result;
    }
    return 0;
}

/* ---- events ---- */

int sat_os_event_new(void)
{
    struct sat_os_call call = {.op = "eventfd", .fd = -1, .fd2 = -1};
    KERNEL_CALL(&call, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    return (int)call.result;
}

/* A counter that is full, or empty, already says what it is to say. */
void sat_os_event_set(int fd)
{
    (void)eventfd_write(fd, 1);
}

void sat_os_event_clear(int fd)
{
    eventfd_t value = 0;
    (void)eventfd_read(fd, &value);
}
