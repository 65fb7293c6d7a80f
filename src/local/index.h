/*
 * The record index: what a database knows of its objects without asking the store.
 *
 * One SQLite file per database identity, shared by every process and thread of this user. It is a
 * hint, never the truth: whatever is wrong with the file (damage, another version or application,
 * a lost WAL) makes it empty and never listed, and the caller's next refresh fills it again.
 *
 * A key here is the object's key WITHOUT the database's prefix ("<id>.json"): stripping a common
 * prefix keeps the order of a listing. The index does not look into keys. Keys are compared as
 * bytes.
 *
 * SATCHEL_MODIFIED from any function means: the index was found damaged, or was replaced by
 * another process, and is empty now; refresh and call again. SATCHEL_BUSY: SQLite's lock could not
 * be had within 10 s. SATCHEL_LIMIT, SATCHEL_IO: the index cannot be written (disk full). After a
 * failed begin or settle the caller goes on with the store and calls sat_index_drop_freshness().
 *
 * A handle is thread-safe. Results (rows, search, refresh) belong to one thread at a time.
 */
#ifndef SAT_LOCAL_INDEX_H
#define SAT_LOCAL_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <satchel/types.h>

struct sat_index;

/* ---- open and close ---- */

struct sat_index_options {
    /* NULL: the user's cache folder, else /var/tmp/satchel-UID, else memory, with one warning.
     * ":memory:": nothing on disk. Anything else: that folder, made 0700 if missing; an
     * unsuitable one (network file system, read-only, another owner) is an error. */
    const char *cache_dir;
    /* What makes the database: endpoint, bucket, prefix and identity, joined by the caller. Hashed
     * into the file's name, never stored. */
    const char *identity;
};

/* Opens or creates. INVALID or DENIED for an unsuitable explicit cache_dir. */
int sat_index_open(const struct sat_index_options *options, struct sat_index **out,
                   satchel_error *err);
/* NULL is fine. No result of the handle may be open. */
void sat_index_close(struct sat_index *index);
/* The database file's path now (it changes with a rebuild), or ":memory:". Copied to out. */
void sat_index_path(struct sat_index *index, char *out, size_t size);
/* Forgets all rows and the freshness, in every process that shares the file. */
int sat_index_clear(struct sat_index *index, satchel_error *err);

/*
 * Declared field paths (as written by the user: "address.city"): creates the expression indexes
 * that are missing. Those of other handles stay until a sat_index_clear(). Without anything to
 * create no lock is taken.
 */
int sat_index_set_fields(struct sat_index *index, const char *const *paths, size_t count,
                         satchel_error *err);

/* ---- notes ---- */

/*
 * Keeps a small fact about the store (not about objects) for valid_s seconds of wall clock; a
 * clear keeps it, a file made anew loses it. Does not wait for another writer: BUSY at once.
 */
int sat_index_note_put(struct sat_index *index, const char *name, int64_t value, int64_t valid_s,
                       satchel_error *err);
/* False when there is no such note, it has expired, or on any trouble. */
bool sat_index_note_get(struct sat_index *index, const char *name, int64_t *value);

/* ---- rows ---- */

enum sat_index_state {
    SAT_ROW_LIVE,    /* the object exists; its body is a record */
    SAT_ROW_ABSENT,  /* known not to exist (deleted), or not known at all */
    SAT_ROW_CORRUPT, /* the object exists; its body is no record: a search reports it */
};

/*
 * One object. In an input the members are borrowed for the call; in an output they live as long
 * as the result they came from. Texts that are not known are NULL.
 */
struct sat_index_row {
    const char *key;
    enum sat_index_state state;
    const char *etag;       /* as the store sent it */
    const char *updated_at; /* RFC 3339, or NULL */
    int64_t version;        /* the library's counter; 0 = none (bare format) */
    int64_t size;           /* of the object as listed, in bytes (not of `body`) */
    satchel_span body;      /* the record's public form (doc.h), JSON text; empty when not LIVE or
                             * not asked for */
    /* Outputs only: */
    bool dirty;         /* a write is in flight or its outcome is unknown: etag, version unsure */
    int64_t generation; /* with `owner`, what sat_index_repair() compares */
    int64_t owner;
};

/* Owned rows, in a fixed order. */
struct sat_index_rows;
size_t sat_index_rows_count(const struct sat_index_rows *rows);
/* Row i, i < count; valid until the free. */
const struct sat_index_row *sat_index_rows_at(const struct sat_index_rows *rows, size_t i);
void sat_index_rows_free(struct sat_index_rows *rows);

/*
 * Row i of *out answers keys[i]; a key that is not known gives state ABSENT with etag NULL (a row
 * deleted here gives the same). One consistent snapshot.
 */
int sat_index_lookup(struct sat_index *index, const char *const *keys, size_t count,
                     bool with_bodies, struct sat_index_rows **out, satchel_error *err);

/* Rows that exist (LIVE and CORRUPT). Call sat_index_orphans() first, as before a search. MODIFIED,
 * as for the searches, when no refresh has filled this file. */
int sat_index_count(struct sat_index *index, uint64_t *out, satchel_error *err);

/* ---- own writes ---- */

/* One write in flight. The caller sets `key` (borrowed until settled); begin fills the rest. */
struct sat_index_write {
    const char *key;
    int64_t generation;       /* 0 = not marked: begin failed or was not called */
    int64_t prior_generation; /* what the mark replaced, for UNCHANGED; 0 = there was no row */
    int64_t prior_owner;
    int64_t listed; /* the last refresh known then: a later one may have passed the row over */
};

/*
 * Marks the rows dirty, adding rows for unknown keys: call BEFORE the first request goes out. All
 * or none. On failure every generation is 0 and the write may go on: settle it all the same.
 */
int sat_index_begin(struct sat_index *index, struct sat_index_write *writes, size_t count,
                    satchel_error *err);

enum sat_index_outcome {
    SAT_WRITE_STORED,    /* acknowledged; `row` is what the store holds now */
    SAT_WRITE_DELETED,   /* acknowledged: the key is gone */
    SAT_WRITE_UNCHANGED, /* certain that nothing was written (a refusal, CONFLICT, not sent) */
    SAT_WRITE_UNKNOWN,   /* it may have happened: readers read the object again */
};

struct sat_index_settlement {
    struct sat_index_write write;
    enum sat_index_outcome outcome;
    struct sat_index_row row; /* STORED only; its key is not looked at */
};

/*
 * Records the outcomes in one transaction: call after the last request of each write, also when it
 * failed. Where another write of the same key overlapped, the order at the store is not known: the
 * row stays dirty and the next reader reads the object again.
 */
int sat_index_settle(struct sat_index *index, const struct sat_index_settlement *items,
                     size_t count, satchel_error *err);

/*
 * Makes the index stale for every process, also for a refresh that runs now, and lets the marks
 * that this handle has left count as orphans. Needs no database lock and no disk space; best
 * effort. For a write that begin or settle could not record.
 */
void sat_index_drop_freshness(struct sat_index *index);

/* ---- learning single objects ---- */

/* The generation now, without any lock. Take it BEFORE the GET whose result is to be put. */
int sat_index_next_generation(struct sat_index *index, int64_t *out, satchel_error *err);
/*
 * Records what GETs (or HEADs that found ABSENT) told: rows of a generation >= `generation` and
 * rows with a live write in flight are left alone, silently; ABSENT of a key without a row is not
 * news. BUSY at once when another process is writing: it is only a cache that is filled.
 */
int sat_index_put(struct sat_index *index, int64_t generation, const struct sat_index_row *rows,
                  size_t count, satchel_error *err);

/*
 * Dirty rows whose writer died or whose outcome is unknown, without bodies. A reader (search,
 * count) GETs each and hands the result to sat_index_repair() first. Rows in flight in living
 * handles are not among them. Empty almost always, and cheap then.
 */
int sat_index_orphans(struct sat_index *index, struct sat_index_rows **out, satchel_error *err);
/* rows[i] as read again from the store, with generation and owner of the orphan: applied only
 * where the row is still that orphan. ABSENT removes it. */
int sat_index_repair(struct sat_index *index, const struct sat_index_row *rows, size_t count,
                     satchel_error *err);

/* ---- freshness ---- */

/*
 * Whether the last complete refresh began less than ttl_s seconds ago (CLOCK_BOOTTIME and boot
 * id). 0: never; negative: always once listed. False on any trouble: the caller then refreshes.
 */
bool sat_index_is_fresh(struct sat_index *index, int64_t ttl_s);

/* ---- refresh ---- */

struct sat_index_refresh;

struct sat_index_refresh_options {
    int64_t ttl_s;   /* after waiting for another refresher, fresh by this ends the matter */
    bool force;      /* only a refresh that began after this call will do */
    int64_t wait_ms; /* longest wait for another refresher; BUSY then */
};

/*
 * Elects this caller as the refresher of the file, over all processes and threads, and takes the
 * refresh's generation: call before the first LIST. *out is NULL, with SATCHEL_OK, when another
 * refresher did the work meanwhile. The election ends with sat_index_refresh_end() or death.
 */
int sat_index_refresh_begin(struct sat_index *index,
                            const struct sat_index_refresh_options *options,
                            struct sat_index_refresh **out, satchel_error *err);

struct sat_index_listed {
    const char *key;
    const char *etag;
    int64_t size;
};

/*
 * One listing page. Keys ascend strictly (as bytes) over all pages, else CORRUPT and the refresh
 * can only be ended. Objects that are no records are left out by the caller.
 */
int sat_index_refresh_feed(struct sat_index_refresh *refresh, const struct sat_index_listed *items,
                           size_t count, satchel_error *err);
/* The listing was complete and well formed. Until here nothing in the index has changed. */
int sat_index_refresh_listed(struct sat_index_refresh *refresh, satchel_error *err);
/* How many new or changed objects must be read; known after _listed (budgets are checked here). */
size_t sat_index_refresh_changes(const struct sat_index_refresh *refresh);
/* Change i, i < changes; in key order; valid until the end. */
const struct sat_index_listed *sat_index_refresh_change(const struct sat_index_refresh *refresh,
                                                        size_t i);
/*
 * Records read objects in one short transaction; call in chunks of bounded bytes, from any thread
 * but not at once. ABSENT = gone between LIST and GET. Rows written since the begin are left alone.
 */
int sat_index_refresh_put(struct sat_index_refresh *refresh, const struct sat_index_row *rows,
                          size_t count, satchel_error *err);
/* Deletes what vanished and sets the freshness. INVALID unless every change was put. */
int sat_index_refresh_commit(struct sat_index_refresh *refresh, satchel_error *err);
/* Frees; without a commit before, vanished rows and freshness stay as they were. NULL is fine. */
void sat_index_refresh_end(struct sat_index_refresh *refresh);

/* ---- search ---- */

struct sat_query; /* query/query.h */
struct sat_index_search;

/*
 * Runs the query (filter, order, offset, limit; the projection is the caller's) and keeps its
 * answer, one consistent snapshot: small answers in memory, large ones as row numbers with a read
 * transaction that stays open until the close (writers are not blocked; do not keep one for
 * hours). CORRUPT, naming the key, when the index holds an object that is no record. The query may
 * be freed after the call.
 */
int sat_index_search(struct sat_index *index, const struct sat_query *query,
                     struct sat_index_search **out, satchel_error *err);
/* Rows of the whole answer. */
size_t sat_index_search_total(const struct sat_index_search *search);
/* *row is the next row with its body, valid until the next call, or NULL at the end. */
int sat_index_search_next(struct sat_index_search *search, const struct sat_index_row **row,
                          satchel_error *err);
/* NULL is fine. */
void sat_index_search_close(struct sat_index_search *search);
/* How many rows the query's filter matches: sort, limit and offset do not count. */
int sat_index_count_matches(struct sat_index *index, const struct sat_query *query, uint64_t *out,
                            satchel_error *err);

#endif
