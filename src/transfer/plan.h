/*
 * The plan of a copy: what each source stands for, as a stream of items.
 *
 * A source is one of
 *   NAME     an existing file or object of exactly that name, whatever characters it has. A local
 *            symbolic link that is named is followed.
 *   FOLDER   "dir/": all below it, in its inner structure. "dir" too when `recursive` is set; else
 *   FOLDER   "dir/": all below it, in its inner structure. "dir" too when `recursive` is set; else
 *            a folder is an error that names -r, or among several sources skipped, as a shell's "*"
 *            brings folders too.
 *   PATTERN  a glob or a regular expression (transfer/pattern.h) where nothing of that exact name
 *            exists. It matches files and keys, no deeper than it has '/'; with `recursive` at any
 *            depth and also folders, and then stands for all below them.
 *
 * Every item has a `name`, the path that it gets below a destination folder, as cp and rsync have
 * it: a NAME its last part; "dir/x" for a file of the FOLDER "dir", but "x" for one of "dir/"; for
 * a PATTERN what follows its fixed folder ("a/" of "a/b*", "" of "b*").
 *
 * Below a folder, symbolic links and special files are skipped with a note in the log.
 */
#ifndef SAT_TRANSFER_PLAN_H
#define SAT_TRANSFER_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include <satchel/job.h>

#include "core/backend.h"
#include "transfer/place.h"

enum sat_item_state { SAT_ITEM_COPY, SAT_ITEM_SKIPPED, SAT_ITEM_FAILED };

struct sat_item {
    enum sat_item_state state;
    char *source;          /* path or URI; owned */
    struct sat_conn *conn; /* NULL: the local file `source` */
    char *key;             /* of the object; owned; NULL for local files */
    size_t root_len;       /* local: below these bytes of `source` no link is followed */
    bool named;            /* local: a NAME; links are followed */
    char *name;            /* owned; NULL when FAILED */
    size_t own_len;        /* bytes of `name` that are the source's own name; 0: it has none */
    uint64_t size;
    satchel_error *err; /* FAILED: why; owned */
};

/* Releases what the item owns and zeroes it. */
void sat_item_fini(struct sat_item *item);

struct sat_plan_options {
    const char *const *sources; /* valid as long as the plan */
    size_t count;
    bool recursive;
    enum satchel_pattern pattern;
    const char *destination; /* canonical: a folder that holds it is no source; NULL = no matter */
    struct sat_conns *conns; /* used by the plan alone from now on */
};

struct sat_plan;

int sat_plan_new(const struct sat_plan_options *options, struct sat_plan **plan,
                 satchel_error *err);
/* NULL is fine. */
void sat_plan_free(struct sat_plan *plan);
/*
 * The next item, owned by the caller; *more = false at the end. What is wrong with a source
 * (nothing of that name, a listing that failed) is an item FAILED, and the plan goes on with the
 * next source. Blocks while it lists. Fails only with NOMEM.
 */
int sat_plan_next(struct sat_plan *plan, struct sat_item *item, bool *more, satchel_error *err);

#endif
