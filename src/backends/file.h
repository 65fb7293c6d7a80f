/* What the parts of the file backend share. Private to src/backends/file*.c and their tests. */
#ifndef SAT_BACKENDS_FILE_H
#define SAT_BACKENDS_FILE_H

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

struct sat_file_state {
    enum sat_durability durability;
};

/* Syncs the folder, if the durability asks for it. An error is final. */
int sat_file_sync_folder(const struct sat_file_state *state, int dirfd, const char *key,
                         satchel_error *err);

/* ---- file_path.c: from keys to folders and names */

#define SAT_FILE_LOCK_NAME ".satchel.lock"

/* Where a key lies: its folder, open, and its name there. */
struct sat_file_place {
    int dirfd;
    const char *name; /* borrowed from the key */
};

enum sat_file_use {
    SAT_FILE_WRITE,  /* the folder must be there */
    SAT_FILE_CREATE, /* missing folders are made, and synced unless `durability` is not full */
};

/* Names of ours (locks, files in the making): not listed, refused in keys. */
bool sat_file_hidden(const char *name);
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

/* ---- file_attr.c: what is kept beside the bytes, in one extended attribute */

enum { SAT_FILE_ETAG_SIZE = 80 };

struct sat_file_attr {
    char etag[SAT_FILE_ETAG_SIZE]; /* what STAT shows: strong, or weak ("W/...") */
    char
        recorded[SAT_FILE_ETAG_SIZE]; /* the strong one of the attribute, valid or not; "" = none */
    bool valid;                       /* the stamp holds: nobody else changed the file */
    uint64_t crc64;                   /* of `recorded` */
    uint64_t counter;                 /* of `recorded`; 0 = none */
    char *content_type;
    struct sat_tags metadata;
    struct sat_tags tags;
};

/* Reads what is known of the open file. A missing or foreign attribute is no error. */
int sat_file_attr_read(int fd, const struct stat *info, struct sat_file_attr *attr,
                       satchel_error *err);
/* Only the ETag, for listings. */
int sat_file_attr_etag(int fd, const struct stat *info, char etag[SAT_FILE_ETAG_SIZE],
                       satchel_error *err);
/*
 * Writes attr's content type, metadata, tags and `recorded` with the stamp of `info`. Where the
 * file system keeps no attributes: UNSUPPORTED with metadata or tags, else *kept = false. LIMIT
 * when they are too large.
 */
int sat_file_attr_write(int fd, const struct stat *info, const struct sat_file_attr *attr,
                        const char *key, bool *kept, satchel_error *err);
void sat_file_attr_fini(struct sat_file_attr *attr);
/* "crc64-counter-writer". */
void sat_file_etag_strong(uint64_t crc64, uint64_t counter, uint64_t writer,
                          char etag[SAT_FILE_ETAG_SIZE]);
/* "W/inode-size-mtime". */
void sat_file_etag_weak(const struct stat *info, char etag[SAT_FILE_ETAG_SIZE]);
int64_t sat_file_mtime_ns(const struct stat *info);

/* ---- file_object.c: one object, open */

struct sat_file_object {
    int fd; /* -1: there is none, or it may not be read */
    bool exists;
    struct stat info;
    struct sat_file_attr attr;
};

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
