/* One object between a store and a local file, whole. */
#ifndef SAT_TRANSFER_OBJECT_H
#define SAT_TRANSFER_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include <satchel/types.h>

#include "core/backend.h"
#include "core/op.h"
#include "core/os.h"
#include "transfer/landing.h"

/* So much is read at once: its digest costs no worker a visit, it leaves together with the head. */
enum { SAT_OBJECT_SMALL = 64 * 1024 };

/* A folder that stays open while many files below it are opened; zeroed first. One thread. */
struct sat_root {
    char *path; /* NULL = none */
    int fd;
};

/* The descriptor of the folder, "" being the current one, opened with `flags`; or -errno. */
int sat_root_open(struct sat_root *root, const char *path, size_t len, int flags);
void sat_root_close(struct sat_root *root);

/* A local file that is being read. */
struct sat_local_file {
    int fd;
    struct stat info;  /* when it was opened */
    int64_t opened_ns; /* Unix time */
    const char *path;  /* for messages, borrowed */
};

/* Opens a regular file, following symbolic links. NOT_FOUND; INVALID for a folder or device. */
int sat_local_file_open(const char *path, struct sat_local_file *file, satchel_error *err);
/*
 * Opens `path`, whose first `root_len` bytes are a folder: below that no link is followed. The
 * folder stays open in *root, unless that is NULL.
 */
int sat_local_file_open_below(const char *path, size_t root_len, struct sat_root *root,
                              struct sat_local_file *file, satchel_error *err);
/* Appends its content, as long as it was at its opening. MODIFIED when it is shorter now. */
int sat_local_file_read(const struct sat_local_file *file, struct sat_buf *out, satchel_error *err);
/* MODIFIED when the file is not as it was at its opening. */
int sat_local_file_same(const struct sat_local_file *file, satchel_error *err);
void sat_local_file_close(struct sat_local_file *file);

/*
 * Runs a PUT op, whose members but the source are set, with the file's content. MODIFIED when the
 * file changed meanwhile; an object sent in one piece may then be stored all the same.
 */
int sat_object_put_file(struct sat_op *op, const struct sat_local_file *file, satchel_error *err);

/*
 * Runs a GET op, whose conn and key are set, into the landing; then op->sink has its checksum and
 * length.
 */
int sat_object_get_file(struct sat_op *op, struct sat_landing *landing, satchel_error *err);

#endif
