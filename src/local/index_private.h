/* What the index_*.c files share. Private to src/local. */
#ifndef SAT_LOCAL_INDEX_PRIVATE_H
#define SAT_LOCAL_INDEX_PRIVATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/lock.h"
#include "core/vec.h"
#include "index.h"
#include "index_mark.h"
#include "sql.h"

enum {
    SAT_INDEX_STEM_SIZE = 33, /* 32 hex digits of the identity's SHA-256 */
    SAT_INDEX_IDLE_MAX = 4,   /* connections kept open per handle */
    SAT_INDEX_TRIES = 3       /* of a write that finds the file replaced under it */
};

/* The mark of a row that nobody writes, and of one that must be read again. Others are owners. */
enum { SAT_OWNER_NONE = 0, SAT_OWNER_UNKNOWN = -1 };

/* A connection to one epoch of the database file. */
struct sat_index_conn {
    struct sat_sqlite *db;
    uint64_t epoch;
    struct sat_index_conn *next;
};

struct sat_index {
    char *dir; /* NULL: in memory */
    char stem[SAT_INDEX_STEM_SIZE];
    struct sat_mark *mark;
    atomic_uint generation;       /* of the process that `mark` and connections belong to */
    struct sat_mutex write_lock;  /* one write transaction at a time; taken before `lock` */
    struct sat_mutex memory_lock; /* in memory: held while the only connection is in use */
    struct sat_mutex lock;
    struct sat_cond refreshed; /* in memory: `refreshing` was cleared */
    struct {
        bool refreshing; /* in memory only */
        uint64_t epoch;
        struct sat_index_conn *idle; /* in memory: the only connection */
        size_t idle_count;
        struct sat_vec fields; /* char *: declared fields, canonical */
    } locked;
};

/* ---- index_file.c: epochs of the database file ---- */

/* Opens the folder's current file, checking it when nobody else has it open; makes one if needed.
 */
int sat_index_file_open(struct sat_index *index, satchel_error *err);
/* Hands a connection to whoever needs one next. Hold `lock`. */
void sat_index_conn_idle_locked(struct sat_index *index, struct sat_index_conn *conn);
/* The last handle to close leaves the mark that lets the next one skip the check. */
void sat_index_file_close(struct sat_index *index);
/* A new connection to this epoch. */
int sat_index_file_connect(struct sat_index *index, uint64_t epoch, struct sat_index_conn **out,
                           satchel_error *err);
void sat_index_conn_close(struct sat_index_conn *conn);
/*
 * Follows the file in use when it is another one than `bad_epoch`, else puts a new, empty file in
 * its place. Sets locked.epoch; hold `lock`.
 */
int sat_index_file_renew_locked(struct sat_index *index, uint64_t bad_epoch, satchel_error *err);
/* The database file's path; freed with sat_free(), NULL when out of memory. */
char *sat_index_file_path(const struct sat_index *index, uint64_t epoch);

/* ---- index_schema.c: tables, and whether a file is ours ---- */

/* Makes the tables in an empty database. `generation` is where its count starts. */
int sat_index_schema_create(struct sat_sqlite *db, int64_t generation, satchel_error *err);
/* MODIFIED (db->damaged set) unless application, version and generation are as the mark says. */
int sat_index_schema_check(struct sat_sqlite *db, const struct sat_mark_head *head,
                           satchel_error *err);
/* Looks at every page and every row's checksum; `thorough`: also at the b-trees of indexes. */
int sat_index_schema_verify(struct sat_sqlite *db, bool thorough, satchel_error *err);

/* ---- index.c: connections and transactions ---- */

/* Enters the fork gate, which sat_index_release() leaves. */
int sat_index_acquire(struct sat_index *index, struct sat_index_conn **out, satchel_error *err);
/* Ends an open transaction without effect; renews the file when the connection found it damaged. */
void sat_index_release(struct sat_index *index, struct sat_index_conn *conn);
/* Between two calls that use it a connection rests, outside the gate. */
void sat_index_rest(struct sat_index_conn *conn);
/* Back inside; false when a fork has closed the connection: it can only be released. */
bool sat_index_resume(struct sat_index_conn *conn);

/* A write transaction; its generation is higher than all before. */
struct sat_index_txn {
    struct sat_index *index;
    struct sat_index_conn *conn;
    int64_t generation;
    int64_t listed; /* generation of the last complete refresh, 0 = none */
    int64_t begun;  /* generation of the last refresh that began; > listed: it may be under way */
};

/* epoch 0: any; else MODIFIED when the file is another one. Pair with commit or abort. */
int sat_index_txn_begin(struct sat_index *index, uint64_t epoch, struct sat_index_txn *txn,
                        satchel_error *err);
/* The same for what is only a cache fill: BUSY at once when another process writes. */
int sat_index_txn_try(struct sat_index *index, struct sat_index_txn *txn, satchel_error *err);
/* Ends the transaction: commits when `code` is OK, else drops it. Returns the outcome. */
int sat_index_txn_end(struct sat_index_txn *txn, int code, satchel_error *err);

/* The row of `meta`. */
struct sat_index_meta {
    int64_t generation;
    int64_t listed; /* generation of the last complete refresh, 0 = none */
    int64_t begun;  /* of the last refresh that began */
    int64_t listed_ns;
    uint64_t listed_drop;
    char listed_boot[SAT_MARK_BOOT_SIZE];
};
int sat_index_meta_read(struct sat_sqlite *db, struct sat_index_meta *meta, satchel_error *err);
/*
 * MODIFIED when no refresh has filled this file, as after a replacement or a clear since the caller
 * looked at the freshness. Inside the transaction that answers.
 */
int sat_index_check_listed(struct sat_sqlite *db, satchel_error *err);
/* Whether the last refresh still counts: its freshness was not dropped since. */
bool sat_index_is_listed(const struct sat_index_meta *meta, const struct sat_mark_head *head);

/* ---- index_fields.c ---- */

/* Creates the declared indexes that a file made anew lacks; inside a write transaction. */
int sat_index_fields_ensure(struct sat_index *index, struct sat_sqlite *db, satchel_error *err);
/* Drops the indexes of every field that this handle does not declare; inside a write transaction.
 */
int sat_index_fields_prune(struct sat_index *index, struct sat_sqlite *db, satchel_error *err);
void sat_index_fields_fini(struct sat_vec *fields);

/* ---- index_write.c ---- */

/* Appends (int64_t) the owners of dirty rows that are alive, or those that are not. */
int sat_index_find_owners(struct sat_index *index, struct sat_sqlite *db, bool alive,
                          struct sat_vec *owners, satchel_error *err);

/* ---- index_row.c: reading and writing rows ---- */

/* What is known of a key before it is written. oid 0: no row. */
struct sat_row_found {
    int64_t oid;
    int64_t generation;
    int64_t owner;
    enum sat_index_state state;
};

/* Statements of one write transaction, prepared when first needed. */
struct sat_row_writer {
    struct sat_sqlite *db;
    sqlite3_stmt *find;
    sqlite3_stmt *insert;
    sqlite3_stmt *update;
    sqlite3_stmt *mark;
    sqlite3_stmt *remove;
    sqlite3_stmt *put_body;
    sqlite3_stmt *remove_body;
};
void sat_row_writer_fini(struct sat_row_writer *writer);
#define SAT_AUTO_WRITER __attribute__((cleanup(sat_row_writer_fini)))

int sat_row_find(struct sat_row_writer *writer, const char *key, struct sat_row_found *found,
                 satchel_error *err);
/* Who marks a row, and when. */
struct sat_row_stamp {
    int64_t generation;
    int64_t owner;
};
/* Writes everything of `row` (its key apart where found->oid tells the row). */
int sat_row_write(struct sat_row_writer *writer, const struct sat_row_found *found,
                  const struct sat_index_row *row, struct sat_row_stamp stamp, satchel_error *err);
/* Changes only generation and owner. */
int sat_row_mark(struct sat_row_writer *writer, int64_t oid, struct sat_row_stamp stamp,
                 satchel_error *err);
int sat_row_remove(struct sat_row_writer *writer, int64_t oid, satchel_error *err);

/* The columns that sat_row_load() reads, in a statement over obj and (with bodies) body. */
#define SAT_ROW_COLUMNS                                                                            \
    "obj.key, obj.state, obj.etag, obj.updated_at, obj.version, obj.size, obj.dirty,"              \
    " obj.generation, obj.crc"
/* Appends the statement's row, whose column 9 is the body when with_body; checks its checksum:
 * MODIFIED and db->damaged when it differs. */
int sat_rows_load(struct sat_index_rows *rows, struct sat_sqlite *db, sqlite3_stmt *stmt,
                  bool with_body, satchel_error *err);
struct sat_index_rows *sat_rows_new(void);
/* Appends "not known". */
int sat_rows_add_absent(struct sat_index_rows *rows, const char *key, satchel_error *err);
/* Bytes of all texts and bodies held. */
size_t sat_rows_bytes(const struct sat_index_rows *rows);
/* Forgets the rows, keeps the memory. */
void sat_rows_reset(struct sat_index_rows *rows);
/* The checksum that is kept with a row, over everything but its marks. */
int64_t sat_row_crc(const struct sat_index_row *row);

#endif
