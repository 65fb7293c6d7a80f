/*
 * A local file in the making: it gets its name only when it is complete, verified and synced.
 *
 *     begin -> write to landing.fd -> commit      or, at any point, abort
 *
 * Bytes go to a file without a name (O_TMPFILE) or, where there is none of that, to
 * ".satchel-<hex>.part" in the destination folder, locked while in use.
 */
#ifndef SAT_TRANSFER_LANDING_H
#define SAT_TRANSFER_LANDING_H

#include <stdbool.h>
#include <stdint.h>

#include <satchel/types.h>

#include "core/os.h"

/* What a finished file survives; the choices of the option `durability`, in its order. */
enum sat_landing_durability { SAT_LANDING_FULL, SAT_LANDING_DATA, SAT_LANDING_NONE };

struct sat_landing {
    int fd;            /* write here, at any offset */
    int dirfd;         /* the destination folder */
    bool lent;         /* it is the root's */
    uint64_t reserved; /* bytes */
    char *path;        /* for messages, owned */
    const char *name;  /* in path */
    enum sat_landing_durability durability;
    char temp[SAT_OS_TEMP_NAME_SIZE]; /* "" = the file has no name yet */
};

/*
 * Begins a file of name `path`: its folder must be there. A symbolic link of that name will be
 * replaced, not followed. `size` 0 = not known; else its blocks are reserved.
 */
int sat_landing_begin(const char *path, uint64_t size, enum sat_landing_durability durability,
                      struct sat_landing *landing, satchel_error *err);
/* A folder; `fd` -1 = not open. It stays open while a landing in it is not over. */
struct sat_landing_root {
    const char *path;
    int fd;
};

/*
 * The same for `name` below the folder `root`, which symbolic links may lead to; missing folders
 * are made, and no symbolic link below the root is followed.
 */
int sat_landing_begin_below(const struct sat_landing_root *root, const char *name, uint64_t size,
                            enum sat_landing_durability durability, struct sat_landing *landing,
                            satchel_error *err);
/*
 * Gives the file its length and name. A file that is replaced passes on its mode, and its owner
 * where that is allowed. With `if_absent` a taken name is EXISTS, decided atomically. The landing
 * is over, whatever is returned; on failure nothing is left, and an old file is as it was.
 */
int sat_landing_commit(struct sat_landing *landing, uint64_t size, bool if_absent,
                       satchel_error *err);
/* Drops the file. */
void sat_landing_abort(struct sat_landing *landing);

/* Names of satchel's own in folders: files in the making, a store's locks. Never a source, never a
 * destination. */
bool sat_landing_is_ours(const char *name);
/* INVALID or LIMIT when `name` has an empty part, "." or "..", is absolute, or is one of ours. */
int sat_landing_check_name(const char *name, satchel_error *err);

#endif
