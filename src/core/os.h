/*
 * The one door to the kernel for files. Every function counts its kernel calls, can be made to fail
 * (sat_os_fail_nth) and is seen by the recorder.
 *
 * Results: 0 or a value >= 0 on success, -errno on failure; the caller makes the error text with
 * sat_error_os(err, -result, ...). EINTR is retried inside. Descriptors are always close-on-exec.
 * `dirfd` is an open directory or AT_FDCWD. All functions may be called from any thread.
 */
#ifndef SAT_CORE_OS_H
#define SAT_CORE_OS_H

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "buf.h"

/* ---- open, close, names ---- */

/* openat: a descriptor. */
int sat_os_open(int dirfd, const char *path, int flags, unsigned mode);
/* openat2 that resolves beneath `rootfd` and follows no symlink; sat_os_open_beneath() is built on
 * it and works where kernels or seccomp filters refuse the call (-ENOSYS, -EPERM). */
int sat_os_openat2(int rootfd, const char *path, int flags, unsigned mode);
/* A nameless file for reading and writing in directory `path`; -EOPNOTSUPP where not possible. */
int sat_os_open_tmp(int dirfd, const char *path, unsigned mode);
/* Gives the nameless file its name; -EEXIST when taken, whoever took it: create-if-absent. */
int sat_os_link_tmp(int fd, int dirfd, const char *name);
int sat_os_link(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path);
int sat_os_dup(int fd);
/* The descriptor is closed whatever is returned; a negative one is no error. */
int sat_os_close(int fd);
/* A descriptor that ends with its scope: SAT_AUTO_FD int fd = -1; its close result is lost. */
#define SAT_AUTO_FD __attribute__((cleanup(sat_auto_fd_)))
void sat_auto_fd_(int *fd);

/* renameat2; flags 0 or RENAME_NOREPLACE (see <stdio.h>). */
int sat_os_rename(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path,
                  unsigned flags);
/* flags 0, or AT_REMOVEDIR for an empty directory. */
int sat_os_unlink(int dirfd, const char *path, int flags);
int sat_os_mkdir(int dirfd, const char *path, unsigned mode);
/* The absolute path without symlinks; -ENAMETOOLONG when it does not fit. */
int sat_os_realpath(const char *path, char *out, size_t size);

/* ---- content ---- */

/* Read up to `len` bytes until the end of the file; the number read (short only at the end). */
int64_t sat_os_read(int fd, void *data, size_t len);
int64_t sat_os_pread(int fd, void *data, size_t len, int64_t offset);
/* What a pipe has, at most `len` bytes; 0 at its end. */
int64_t sat_os_read_some(int fd, void *data, size_t len);
/* Write all `len` bytes: 0 or -errno (some bytes may then be written). */
int sat_os_write_all(int fd, const void *data, size_t len);
int sat_os_pwrite_all(int fd, const void *data, size_t len, int64_t offset);
/*
 * copy_file_range of up to `len` bytes; the number copied (short only at the source's end). On
 * -EXDEV, -EINVAL, -EOPNOTSUPP, -ENOSYS copy by hand.
 */
int64_t sat_os_copy_range(int in_fd, int64_t in_offset, int out_fd, int64_t out_offset, size_t len);
int sat_os_truncate(int fd, int64_t len);
/* Gives the file this size with its blocks reserved; only the size where that is not supported. */
int sat_os_allocate(int fd, int64_t len);
/* An error of a sync is final: the data may be lost, do not try again. */
int sat_os_sync(int fd);
int sat_os_datasync(int fd);

/* ---- attributes ---- */

int sat_os_fstat(int fd, struct stat *out);
/* fstatat; flags 0 or AT_SYMLINK_NOFOLLOW. */
int sat_os_stat(int dirfd, const char *path, int flags, struct stat *out);
int sat_os_chmod(int fd, unsigned mode);
int sat_os_chown(int fd, uid_t owner, gid_t group);
/* Access and modification time; UTIME_OMIT and UTIME_NOW as in futimens(2). */
int sat_os_set_times(int fd, const struct timespec times[2]);
/* The attribute's size, also with size 0; -ENODATA when absent, -ERANGE when it does not fit. */
int64_t sat_os_get_xattr(int fd, const char *name, void *value, size_t size);
/* flags 0, XATTR_CREATE or XATTR_REPLACE. */
int sat_os_set_xattr(int fd, const char *name, const void *value, size_t size, int flags);
int sat_os_remove_xattr(int fd, const char *name);
/* 1 when the file lies on a network or FUSE file system, where locks and mmap are not to be
 * trusted; else 0. */
int sat_os_is_network(int fd);

/* ---- directories ---- */

struct sat_os_dir;
int sat_os_dir_open(int dirfd, const char *path, struct sat_os_dir **out);
/* Takes over `fd`, an open directory, also on failure. */
int sat_os_dir_from_fd(int fd, struct sat_os_dir **out);
/*
 * 1 and the next entry ("." and ".." are left out), 0 at the end. *name is borrowed until the next
 * call; *type is a DT_* value, DT_UNKNOWN on some file systems; `type` may be NULL.
 */
int sat_os_dir_next(struct sat_os_dir *dir, const char **name, unsigned char *type);
/* The directory's descriptor, for *_at calls on its entries; owned by `dir`. */
int sat_os_dir_fd(const struct sat_os_dir *dir);
/* NULL is fine. */
void sat_os_dir_close(struct sat_os_dir *dir);

/* ---- locks between processes and threads ---- */

/*
 * Takes an open-file-description lock on `len` bytes at `start` (0 = to the end of the file).
 * It belongs to the open file description: another open() of the same file in this process is shut
 * out too, a dup() is not. Waits at most `wait_ms` (0 = not at all, < 0 = for ever): -EAGAIN when
 * another holds it still. `exclusive` needs a descriptor open for writing.
 */
int sat_os_lock(int fd, int64_t start, int64_t len, bool exclusive, int64_t wait_ms);
int sat_os_unlock(int fd, int64_t start, int64_t len);

/* Random bytes of the kernel; 0 or -errno. */
int sat_os_random(void *out, size_t len);

/*
 * An eventfd, for poll(2): readable from set to clear, however often either was called. Setting
 * and clearing never block, cannot fail and are not counted.
 */
int sat_os_event_new(void);
void sat_os_event_set(int fd);
void sat_os_event_clear(int fd);

/* ---- composed of the above (os_tree.c) ---- */

/*
 * Opens a relative path strictly below `rootfd`: no "..", no absolute path (-EXDEV), no symlink in
 * any component (-ELOOP or -ENOTDIR). openat2 where the kernel has it, else component by component.
 */
int sat_os_open_beneath(int rootfd, const char *path, int flags, unsigned mode);

enum {
    SAT_OS_DURABLE = 1, /* sync the parent of each directory that was made */
    SAT_OS_BENEATH = 2, /* as sat_os_open_beneath(): no "..", no absolute path, no symlink */
};
/* Makes `path` and its missing parents; fine when it is there already. */
int sat_os_mkdirs(int dirfd, const char *path, unsigned mode, unsigned flags);
/* Syncs a directory, so that names made or removed in it survive a power loss. */
int sat_os_sync_dir(int dirfd, const char *path);
/* Appends the whole file to `out`; -EFBIG when it is over `max` bytes, -ENOMEM. */
int sat_os_read_file(int dirfd, const char *path, size_t max, struct sat_buf *out);
/* The same for what is left of an open file. */
int sat_os_read_rest(int fd, size_t max, struct sat_buf *out);

/*
 * Names of our own in the folders of users, hidden from every listing and refused as keys:
 * ".satchel-" 16 hex digits ".part": files in the making; the same with ".attr": side-cars, what
 * is kept beside a file; and the lock file of a folder.
 */
#define SAT_OS_LOCK_NAME ".satchel.lock"
enum { SAT_OS_TEMP_NAME_SIZE = 31 };
int sat_os_temp_name(char out[SAT_OS_TEMP_NAME_SIZE]);
void sat_os_side_name(uint64_t id, char out[SAT_OS_TEMP_NAME_SIZE]);
bool sat_os_is_temp_name(const char *name);
bool sat_os_is_side_name(const char *name);
bool sat_os_is_own_name(const char *name);
/*
 * Makes a file with a fresh temp name, open for reading and writing: a descriptor, or -errno and
 * an empty name. An exclusive lock on it tells a sweep that it is in use; it goes with the
 * descriptor.
 */
int sat_os_temp_file(int dirfd, unsigned mode, char name[SAT_OS_TEMP_NAME_SIZE]);
/* Gives a nameless file a fresh temp name and that lock; the name is empty on failure. */
int sat_os_link_temp(int fd, int dirfd, char name[SAT_OS_TEMP_NAME_SIZE]);
/* A file that last changed `age_ns` ago or earlier, by its ctime, which nobody can set. */
bool sat_os_is_older(const struct stat *info, int64_t age_ns);
/* Removes the temporary file `name` if it is that old and nobody holds its lock. What cannot be
 * removed is left. */
void sat_os_sweep_temp(int dirfd, const char *name, int64_t age_ns);
/* Makes a directory with a fresh temp name, for the owner only. */
int sat_os_temp_dir(int dirfd, char name[SAT_OS_TEMP_NAME_SIZE]);

/* The kernel's id of this boot as text, "" where it cannot be read; read once, static. */
const char *sat_os_boot_id(void);

/* ---- torture and replay hooks ---- */

/*
 * The n-th kernel call from now (1 = the next, over all threads) fails with `os_errno` without
 * being made, once; 0 switches it off. A close is made all the same. sat_os_call_count() is the
 * number of calls since.
 */
void sat_os_fail_nth(long nth, int os_errno);
long sat_os_call_count(void);

/* Every call whose `op` (see below) contains `kind` fails with `os_errno` without being made, until
 * NULL: "xattr" makes a file system without extended attributes. */
void sat_os_fail_kind(const char *kind, int os_errno);

/* One kernel call, after it returned. Members that the call has not are -1, NULL or 0. */
struct sat_os_call {
    const char *op; /* "open", "pwrite", "rename", "fsync", ...: the system call's name */
    int fd;         /* descriptor, or dirfd of `path` */
    int fd2;        /* second descriptor, or dirfd of `path2` */
    const char *path;
    const char *path2; /* rename, link: the new name; xattr: the attribute's name */
    const void *data;  /* what is written */
    int64_t offset;    /* pread, pwrite, copy_file_range (of the target), locks */
    int64_t size;      /* bytes asked for, new length */
    unsigned flags;    /* open, rename, unlink, xattr */
    int64_t result;    /* >= 0 or -errno, also of an injected failure */
};
typedef void sat_os_recorder(void *user, const struct sat_os_call *call);
/* NULL ends it. Change it only while no other thread is in a function of this header. The recorder
 * may be called by several threads at a time and must not call this header's functions. */
void sat_os_record(sat_os_recorder *recorder, void *user);

#endif
