/* Walking a local folder: its files in byte order, one folder's names in memory for each level. */
#ifndef SAT_TRANSFER_WALK_H
#define SAT_TRANSFER_WALK_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include <satchel/types.h>

struct sat_walk;

enum sat_walked_kind {
    SAT_WALKED_FILE,
    SAT_WALKED_FOLDER,  /* deeper than max_depth: not entered */
    SAT_WALKED_LINK,    /* a symbolic link: never followed */
    SAT_WALKED_SPECIAL, /* a pipe, socket or device */
    SAT_WALKED_FAILED,  /* a folder that could not be read: `err` says why; the walk goes on */
};

struct sat_walked {
    enum sat_walked_kind kind;
    const char *path;  /* below the root, borrowed until the next call */
    struct stat info;  /* FILE */
    satchel_error err; /* FAILED */
};

#define SAT_WALK_ANY_DEPTH UINT_MAX

/*
 * Begins at folder `root` ("" = the current one), which may be a symbolic link. Files directly in
 * it have depth 0; folders below max_depth are reported, not entered. NOT_FOUND, DENIED, IO.
 */
int sat_walk_open(const char *root, unsigned max_depth, struct sat_walk **walk, satchel_error *err);
/*
 * The next finding, or *found NULL at the end. Files of satchel's own (in the making, locks) are
 * left out; what vanishes during the walk may be found or not. Fails with NOMEM or LIMIT only.
 */
int sat_walk_next(struct sat_walk *walk, const struct sat_walked **found, satchel_error *err);
/* NULL is fine. */
void sat_walk_close(struct sat_walk *walk);

#endif
