/*
 * The mark: a small file beside the database that never goes through SQLite. Private to src/local.
 *
 * It names the database file in use (its epoch), tells how far that file had got (so that a lost
 * WAL shows), carries the freshness that can be dropped without a database lock, and its bytes are
 * the locks between processes:
 *   EPOCH    held while the database file is checked, made or replaced
 *   OPEN     shared by every open handle: who gets it exclusively is alone
 *   REFRESH  held by the one refresher, through a descriptor of its own
 *   owner    a random offset per handle, held for its life: a dirty row whose owner's byte can be
 *            locked belongs to a dead writer
 */
#ifndef SAT_LOCAL_INDEX_MARK_H
#define SAT_LOCAL_INDEX_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include <satchel/types.h>

enum { SAT_MARK_BOOT_SIZE = 40, SAT_MARK_WAIT_MS = 10000 };

/* The file's content. An invalid or missing one reads as all zero: epoch 0 is "no database". */
struct sat_mark_head {
    uint64_t magic;
    uint64_t epoch;
    int64_t intent;    /* generation of the last transaction that was about to commit */
    int64_t committed; /* generation of the last one known to have committed */
    uint64_t drop;     /* changes whenever freshness is dropped */
    uint64_t clean;    /* 1: every handle was closed, and the files then looked as follows */
    uint64_t look;     /* digest of sizes and times of database and WAL */
    char boot[SAT_MARK_BOOT_SIZE]; /* boot id of the last opening */
};

struct sat_mark;

enum sat_mark_byte { SAT_MARK_EPOCH = 1 << 20, SAT_MARK_OPEN, SAT_MARK_REFRESH };

/* Opens or creates dir/name; a NULL dir keeps the content in memory and every lock succeeds. */
int sat_mark_open(const char *dir, const char *name, struct sat_mark **out, satchel_error *err);
/*
 * In a child: takes a descriptor and a token of its own; the parent's stay the parent's. Locks are
 * to be taken anew.
 */
int sat_mark_adopt(struct sat_mark *mark, satchel_error *err);
/* Gives up every lock. NULL is fine. */
void sat_mark_close(struct sat_mark *mark);

/* Reads; a file that was removed meanwhile is made anew, which reads as all zero. */
int sat_mark_read(struct sat_mark *mark, struct sat_mark_head *head, satchel_error *err);
/* Writes all; hold EPOCH. */
int sat_mark_write(struct sat_mark *mark, const struct sat_mark_head *head, satchel_error *err);
/* Single members, in place: no disk space needed. Hold the database's write lock. */
int sat_mark_set_intent(struct sat_mark *mark, int64_t generation);
int sat_mark_set_committed(struct sat_mark *mark, int64_t generation);
/* Any time. */
int sat_mark_set_drop(struct sat_mark *mark);

/* BUSY when it cannot be had within wait_ms. Between processes and handles, not threads of one. */
int sat_mark_lock(struct sat_mark *mark, enum sat_mark_byte byte, bool exclusive, int64_t wait_ms,
                  satchel_error *err);
void sat_mark_unlock(struct sat_mark *mark, enum sat_mark_byte byte);

/* A descriptor of its own that holds REFRESH (-1 in memory); BUSY after wait_ms. */
int sat_mark_lock_refresh(struct sat_mark *mark, int64_t wait_ms, int *fd, satchel_error *err);

/* This handle's owner token: > 1, never another's. */
int64_t sat_mark_owner(struct sat_mark *mark);
/* Takes another token: what this handle has marked so far counts as left by a dead writer. */
void sat_mark_renew_owner(struct sat_mark *mark);
/* Whether the handle of this token lives, in whatever process. In doubt no: its rows are then read
 * again, which is never wrong. */
bool sat_mark_alive(struct sat_mark *mark, int64_t owner);

#endif
