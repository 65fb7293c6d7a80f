/*
 * The record database on a store and an index: what the files of this folder share.
 *
 * Keys: an object is `prefix` + id + ".json"; the index knows it as id + ".json" (its index key).
 */
#ifndef SAT_RECORD_DB_H
#define SAT_RECORD_DB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <satchel/db.h>

#include "core/backend.h"
#include "core/lock.h"
#include "core/option.h"
#include "core/vec.h"
#include "local/index.h"
#include "query/doc.h"
#include "query/query.h"

/* Names of the object metadata that every record carries. */
#define SAT_META_VERSION "satchelversion"
#define SAT_META_CRC     "satchelcrc64nvme"
#define SAT_META_CREATED "satchelcreated"
#define SAT_META_BARE    "satchelmetadata" /* bare records: what the body has no room for */

enum {
    SAT_DB_RECORD_MAX = 256 * 1024 * 1024, /* bytes of one stored record */
    SAT_DB_CHUNK_ITEMS = 1000,             /* of a batch under way at once */
    SAT_DB_CHUNK_BYTES = 16 * 1024 * 1024,
};

enum sat_db_tags { SAT_DB_TAGS_ALL, SAT_DB_TAGS_NONE, SAT_DB_TAGS_NAMED };

/* The kinds of conditional write, each probed by itself; bits. */
enum sat_db_condition {
    SAT_DB_IF_ABSENT = 1,    /* PUT If-None-Match: * */
    SAT_DB_PUT_IF_MATCH = 2, /* PUT If-Match */
    SAT_DB_DELETE_IF_MATCH = 4,
};

struct satchel_db {
    struct sat_conn *conn;
    struct sat_index *index;
    char *prefix; /* "" or ending in '/' */
    int64_t cache_ttl_s;
    unsigned max_workers; /* requests of one call at once */
    enum sat_doc_form form;
    enum sat_db_tags tags;
    char *tag_names; /* SAT_DB_TAGS_NAMED: the option's text */
    bool strict_tags;
    bool allow_unsafe;
    uint32_t op_timeout_ms;
    struct sat_mutex probe_lock;
    struct {
        bool done;
        unsigned enforced; /* bits of enum sat_db_condition */
        bool parts_done;
        bool parts_enforced;
    } probe_locked;
};

/* The option rows of a database, beside the common ones and the backend's. */
extern const struct sat_option sat_options_record[];

int sat_db_open(const char *uri, const struct sat_config *config, sat_backend_find_fn find,
                struct satchel_db **db, satchel_error *err);
void sat_db_close(struct satchel_db *db);

/*
 * Whether this store enforces that kind of condition (probe.c; asks it once). UNSUPPORTED when it
 * does not, unless the option allow_unsafe is set: *enforced is then false.
 */
int sat_db_condition(struct satchel_db *db, enum sat_db_condition condition, bool *enforced,
                     satchel_error *err);

/*
 * Whether this store keeps the condition of a record's write when it goes in parts (probe.c; asks
 * it once). False too when that could not be learned: the record then goes in one piece.
 */
bool sat_db_parts_keep_conditions(struct satchel_db *db);

/* ---- ids and tokens (db.c) */

/* Checks the id and gives the object's key, owned; the index key is the part after the prefix. */
int sat_db_key(const struct satchel_db *db, const char *id, char **key, satchel_error *err);
const char *sat_db_index_key(const struct satchel_db *db, const char *key);

/* "version:etag", or a bare version. */
struct sat_db_token {
    int64_t version;
    const char *etag; /* inside the token's text; NULL for a bare version */
};
int sat_db_token_parse(const char *text, struct sat_db_token *token, satchel_error *err);
char *sat_db_token_make(int64_t version, const char *etag);

/* request_timeout from now, as an op's deadline. */
int64_t sat_db_deadline(const struct satchel_db *db);

/* ---- reading one object's record (read.c) */

/* What a GET brought: a record, nothing, or an object that is no record. */
struct sat_db_fetched {
    enum sat_index_state state;
    struct sat_doc doc; /* LIVE */
    char *etag;
    char *updated_at; /* LIVE, may be NULL */
    int64_t size;
};
void sat_db_fetched_fini(struct sat_db_fetched *fetched);
/*
 * Judges a finished GET op of `key` into *fetched: NOT_FOUND is ABSENT, an unreadable body is
 * CORRUPT (the code then is SATCHEL_OK, *err holds why when not NULL). Other failures: their code.
 */
int sat_db_take_fetched(const struct satchel_db *db, const char *key, struct sat_op *op,
                        struct sat_db_fetched *fetched, satchel_error *err);
/* The index row of what was fetched; its members are borrowed from `fetched`. */
struct sat_index_row sat_db_fetched_row(const struct sat_db_fetched *fetched,
                                        const char *index_key);

/* Called for each fetched key, in order of arrival, in the calling thread. Not OK stops. */
typedef int (*sat_db_fetched_fn)(void *user, size_t i, struct sat_db_fetched *fetched,
                                 satchel_error *item_err, satchel_error *err);
/*
 * GETs keys[i] (object keys) in parallel. `item_err` is the item's own failure (code OK for what
 * sat_db_take_fetched() could judge). Whatever happens no request is left under way.
 */
int sat_db_fetch(struct satchel_db *db, const char *const *keys, size_t count,
                 sat_db_fetched_fn each, void *user, satchel_error *err);

/* Items: ids in, records out. items[i] is zeroed before. */
int sat_db_read(struct satchel_db *db, const char *const *ids, size_t count, satchel_item *items,
                satchel_error *err);
int sat_db_exists(struct satchel_db *db, const char *id, bool *exists, satchel_error *err);

/* ---- writing (write.c) */

enum sat_write_kind { SAT_WRITE_CREATE, SAT_WRITE_UPDATE, SAT_WRITE_UPSERT };

struct sat_db_write_options {
    enum sat_write_kind kind;
    bool keep_stamps; /* valid created_at and updated_at of the records stand (migration) */
};

/*
 * Writes all items of the batch, items[i] (zeroed before) taking the outcome of item i. A call that
 * fails before the first item returns its code; item failures are in the items only.
 */
int sat_db_write(struct satchel_db *db, const struct sat_db_write_options *options,
                 const satchel_batch *batch, satchel_item *items, satchel_error *err);

/* ---- deleting (remove.c) */
int sat_db_delete(struct satchel_db *db, const char *id, const satchel_delete_options *options,
                  bool *existed, satchel_error *err);
int sat_db_delete_batch(struct satchel_db *db, const satchel_batch *batch, satchel_item *items,
                        satchel_error *err);
int sat_db_clear(struct satchel_db *db, uint64_t *deleted, satchel_error *err);

/* ---- the index kept up to date (refresh.c) */

/* Lists and reads what changed when the index is older than cache_ttl, or in any case. */
int sat_db_refresh(struct satchel_db *db, bool force, satchel_error *err);

/* ---- searching (search.c) */
int sat_db_search(struct satchel_db *db, const struct sat_query *query,
                  struct satchel_results **results, satchel_error *err);
int sat_db_results_next(struct satchel_results *results, const satchel_record **record,
                        satchel_error *err);
void sat_db_results_close(struct satchel_results *results);
int sat_db_count(struct satchel_db *db, const struct sat_query *query, uint64_t *count,
                 satchel_error *err);
int sat_db_explain(struct satchel_db *db, const struct sat_query *query, char **json,
                   satchel_error *err);

#endif
