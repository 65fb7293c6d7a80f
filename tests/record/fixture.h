/* A record database on mem:// with its index in memory, and a second, foreign view of its store. */
#ifndef SAT_TESTS_RECORD_FIXTURE_H
#define SAT_TESTS_RECORD_FIXTURE_H

#include "support/test.h"

#include "core/config.h"
#include "record/db.h"

struct setting {
    const char *key;
    const char *value;
};

/* The one database of the running test, and a connection that knows nothing of its index. */
extern struct satchel_db *db;
extern struct sat_conn *foreign;

/* cmocka set-up and tear-down: mem://t/recs/, cache_ttl -1 unless a setting says otherwise. */
int open_db(void **state);
int close_db(void **state);
/* Opens it again with these settings on top (a NULL key ends them). */
void reopen_db(const struct setting *settings);
struct satchel_db *open_with(const char *uri, const struct setting *settings);

/* One record through sat_db_write(); the item is the caller's (item_fini). */
satchel_item write_one(enum sat_write_kind kind, const char *id, const char *json,
                       const char *expected);
satchel_item read_one(const char *id);
void item_fini(satchel_item *item);

#define create_ok(id, json) create_ok_(id, json, __FILE__, __LINE__)
void create_ok_(const char *id, const char *json, const char *file, int line);

/* What the store itself holds or is made to hold, behind the database's back. */
char *foreign_get(const char *key);
void foreign_put(const char *key, const char *body);
void foreign_delete(const char *key);

/* Requests of one kind so far, made by the database. */
uint64_t requests(enum sat_op_kind kind);
uint64_t all_requests(void);

/* The ids a search finds, joined by commas; free with sat_free(). */
char *search_ids(const char *where);

#endif
