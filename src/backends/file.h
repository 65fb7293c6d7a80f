/* What the parts of the file backend share. Private to src/backends/file*.c and their tests. */
#ifndef SAT_BACKENDS_FILE_H
#define SAT_BACKENDS_FILE_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <satchel/types.h>

#include "core/lock.h"
#include "core/op.h"
#include "core/os.h"
#include "core/tags.h"

/* ---- file.c: the state of a handle */

enum sat_durability {
    SAT_DURABLE_FULL, /* file and folder are synced before a write is acknowledged */
    SAT_DURABLE_DATA, /* the file is: never torn, but a late write may be gone */
    SAT_DURABLE_NONE, /* left to the kernel */
};

enum { SAT_FILE_SWEPT = 64 };

struct sat_file_state {
    enum sat_durability durability;
    atomic_uint_least64_t swept[SAT_FILE_SWEPT]; /* folders, by hash: file_sweep.c */
};

/* Syncs the folder, if the durability asks for it. An error is final. */
int sat_file_sync_folder(const struct sat_file_state *state, int dirfd, const char *key,
                         satchel_error *err);

/* ---- file_path.c: from keys to folders and names */

#define SAT_FILE_LOCK_NAME SAT_OS_LOCK_NAME

/* Where a key lies: its folder, open, and its name there. */
struct sat_file_place {
    int dirfd;
    const char *name; /* borrowed from the key; a path below dirfd where only reading is meant */
};

enum sat_file_use {
    SAT_FILE_WRITE,  /* the folder must be there */
    SAT_FILE_CREATE, /* missing folders are made, and synced unless `durability` is not full */
};

/* INVALID or LIMIT when `key` cannot be a path strictly below `root`. */
int sat_file_check_key(const char *root, const char *key, satchel_error *err);
/* The folder of the key, open for *_at calls and sync; the caller closes place->dirfd. */
int sat_file_place_open(const struct sat_file_state *state, const char *root, const char *key,
                        enum sat_file_use use, struct sat_file_place *place, satchel_error *err);
/*
 * Opens folder `sub` ("" = the root itself) below `root`: a descriptor or -errno. Symbolic links
 * are followed in the root, which is the user's choice, and nowhere below it.
 */
int sat_file_open_folder(const char *root, const char *sub, int flags);
/* Makes the root folder and its parents. EXISTS when it is there. */
int sat_file_make_root(const struct sat_file_state *state, const char *root, satchel_error *err);
/* The error for a failed system call on `key`; `result` is -errno. */
int sat_file_fail(satchel_error *err, int result, const char *doing, const char *key);

/* ---- file_attr.c: what is kept beside the bytes, in one extended attribute or a side-car */

enum { SAT_FILE_ETAG_SIZE = 80 };

struct sat_file_attr {
    char etag[SAT_FILE_ETAG_SIZE]; /* what STAT shows: strong, or weak ("W/...") */
    char
        recorded[SAT_FILE_ETAG_SIZE]; /* the strong one of the attribute, valid or not; "" = none */
    bool valid;                       /* the stamp holds: nobody else changed the file */
    bool beside;                      /* there is a side-car */
    uint64_t crc64;                   /* of `recorded` */
    uint64_t counter;                 /* of `recorded`; 0 = none */
    char *content_type;
    struct sat_tags metadata;
    struct sat_tags tags;
};

/*
 * Reads what is known of the open file `fd`, the one that `place` led to. A missing or foreign
 * attribute is no error. MODIFIED when another file has taken the name meanwhile, so that this
 * one's side-car may be gone: open it anew.
 */
int sat_file_attr_read(const struct sat_file_place *place, int fd, const struct stat *info,
                       struct sat_file_attr *attr, satchel_error *err);
/* Only the ETag, for listings. */
int sat_file_attr_etag(const struct sat_file_place *place, int fd, const struct stat *info,
                       char etag[SAT_FILE_ETAG_SIZE], satchel_error *err);
/*
 * Writes attr's content type, metadata, tags and `recorded` with the stamp of `info` into the
 * file's attribute; *kept = false, and nothing is written, when it cannot hold them.
 */
int sat_file_attr_write(int fd, const struct stat *info, const struct sat_file_attr *attr,
                        const char *key, bool *kept, satchel_error *err);
/*
 * Writes the same into the side-car of the file with inode info->st_ino and name place->name, with
 * the mode and owner of `like` (NULL: what the umask gives). Call it with the lock on the name
 * held. LIMIT when it is over 64 KiB.
 */
int sat_file_attr_write_beside(const struct sat_file_state *state,
                               const struct sat_file_place *place, const struct stat *info,
                               const struct stat *like, const struct sat_file_attr *attr,
                               satchel_error *err);
/* Removes the file's attribute, if there is one: a complete side-car then counts instead. */
int sat_file_attr_remove(int fd, const char *key, satchel_error *err);
void sat_file_attr_fini(struct sat_file_attr *attr);
/* Whose side-car this is: false when the text is none. */
bool sat_file_attr_owner(satchel_span text, char name[NAME_MAX + 1], ino_t *inode);
/* "crc64-counter-writer". */
void sat_file_etag_strong(uint64_t crc64, uint64_t counter, uint64_t writer,
                          char etag[SAT_FILE_ETAG_SIZE]);
/* "W/inode-size-mtime". */
void sat_file_etag_weak(const struct stat *info, char etag[SAT_FILE_ETAG_SIZE]);
int64_t sat_file_mtime_ns(const struct stat *info);

/* ---- file_side.c: side-cars, files that hold what an attribute cannot */

enum { SAT_FILE_SIDE_MAX = 64 * 1024 };

/* Appends the side-car's text to `text`: 0; -ENODATA when there is none; -ESTALE when there is none
 * and the name is another file's by now. */
int sat_file_side_read(const struct sat_file_place *place, const struct stat *info,
                       struct sat_buf *text);
/* See sat_file_attr_write_beside(). 0 or -errno. */
int sat_file_side_write(const struct sat_file_state *state, const struct sat_file_place *place,
                        ino_t inode, const struct stat *like, satchel_span text);
/*
 * With the lock on the name held: removes the side-car of the file with this inode, unless the name
 * is that file's. The folder is synced before.
 */
int sat_file_side_forget(const struct sat_file_state *state, const struct sat_file_place *place,
                         ino_t inode, const char *key, satchel_error *err);
/* Removes the side-car `side`, if the file that it belongs to is gone. What cannot be is left. */
void sat_file_side_sweep(int dirfd, const char *side, int64_t age_ns);
/* Gives a new file the mode of `like`, and its owner where that is allowed: 0 or -errno. */
int sat_file_adopt(int fd, const struct stat *like);

/* ---- file_sweep.c: what killed writers left behind */

/* A listing reads the folder: true when it is to pass what is hidden to sat_file_sweep_name(). */
bool sat_file_sweep_listed(struct sat_file_state *state, int dirfd);
/* A temporary file or side-car that is a minute old and nobody's is removed; all else is left. */
void sat_file_sweep_name(int dirfd, const char *name);
/* Sweeps a folder at the first write of the handle into it. */
void sat_file_sweep_folder(struct sat_file_state *state, int dirfd);

/* ---- file_object.c: one object, open */

enum { SAT_FILE_TRIES = 100 }; /* how often a name may come and go under an op's hands */

struct sat_file_object {
    int fd; /* -1: there is none, or it may not be read */
    bool exists;
    struct stat info;
    struct sat_file_attr attr;
};

/* Whether what sat_file_attr_read() calls MODIFIED is to be tried again: takes the failure back.
 * *tries counts, from 0. */
bool sat_file_again(int code, int *tries, satchel_error *err);
/* Opens the object for reading; NOT_FOUND when there is none. */
int sat_file_object_open(const char *root, const char *key, struct sat_file_object *object,
                         satchel_error *err);
/*
 * Looks at what a write is about to replace; fine when it is absent or may not be read. INVALID
 * when the name belongs to a folder, UNSUPPORTED for a symbolic link or special file.
 */
int sat_file_object_look(const struct sat_file_place *place, const char *key,
                         struct sat_file_object *object, satchel_error *err);
void sat_file_object_fini(struct sat_file_object *object);
/*
 * CONFLICT unless the object is the version op->if_match names; OK without one. With `deep`, and
 * when the attribute does not vouch for the content, the content is read: call it with the lock
 * on the name held.
 */
int sat_file_object_match(const struct sat_file_object *object, const struct sat_op *op, bool deep,
                          satchel_error *err);

int sat_file_stat(void *state, struct sat_op *op, satchel_error *err);
int sat_file_get(void *state, struct sat_op *op, satchel_error *err);
int sat_file_tags_get(void *state, struct sat_op *op, satchel_error *err);
int sat_file_tags_set(void *state, struct sat_op *op, satchel_error *err);

/* ---- file_lock.c: one writer at a time for a name, in all threads and processes */

struct sat_file_lock {
    int fd;
    size_t stripe;
};

/* Waits at most until the op's deadline: TIMEOUT. CANCELLED when the op is. */
int sat_file_lock_take(const struct sat_op *op, const struct sat_file_place *place,
                       struct sat_file_lock *lock, satchel_error *err);
void sat_file_lock_drop(struct sat_file_lock *lock);

/* ---- file_put.c, file_delete.c, file_list.c */

int sat_file_put(void *state, struct sat_op *op, satchel_error *err);
int sat_file_delete(void *state, struct sat_op *op, satchel_error *err);
int sat_file_delete_many(void *state, struct sat_op *op, satchel_error *err);
int sat_file_list(void *state, struct sat_op *op, satchel_error *err);
void sat_file_list_close(void *cursor);

enum { SAT_FILE_LIST_PAGE = 1000 };

#endif
