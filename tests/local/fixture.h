/* What the tests of the index share: a private folder, rows, refreshes, SQLite from outside. */
#ifndef SAT_TESTS_LOCAL_FIXTURE_H
#define SAT_TESTS_LOCAL_FIXTURE_H

#include "support/test.h"

#include <stdio.h>

#include "local/index.h"

#define OK(call) assert_int_equal((call), SATCHEL_OK)

enum { PATH_SIZE = 512 };

struct folder {
    char path[PATH_SIZE];
};

/* cmocka setup and teardown: *state is a struct folder, removed with all that is in it. */
int folder_setup(void **state);
int folder_teardown(void **state);
/* setup that gives no folder: the index lives in memory. */
int memory_setup(void **state);

/* The index of *state, with identity "test". */
struct sat_index *open_index(void **state);

/* One object as a fake store has it; `etag` NULL means it is gone at GET time. */
struct object {
    const char *key;
    const char *etag;
    int n;
};

/* The number in an ETag like "7" (with its quotes). */
int number_of(const char *etag);

/* A row of public form {"id":key,"version":n,"fields":{"n":n},...}; its body lives in `text`. */
struct sat_index_row row_of(const struct object *object, char *text, size_t size);

/* The steps of a refresh that lists these objects and reads what changed. */
struct sat_index_refresh *begin_refresh(struct sat_index *index);
void feed_objects(struct sat_index_refresh *refresh, const struct object *objects, size_t count);
/* The number of changes that were read. */
size_t put_changes(struct sat_index_refresh *refresh, const struct object *objects, size_t count);
/* All of it, ttl 60; the number of changes. */
size_t refresh_with(struct sat_index *index, const struct object *objects, size_t count);

/* begin and settle of one write. */
struct sat_index_write begin_write(struct sat_index *index, const char *key);
int settle_as(struct sat_index *index, struct sat_index_write write, enum sat_index_outcome outcome,
              const struct object *object);
void store(struct sat_index *index, const char *key, const char *etag, int n);
void erase(struct sat_index *index, const char *key);

/* What the index says of a key: its ETag, "" when absent; static, overwritten by the next call. */
const char *etag_of(struct sat_index *index, const char *key);
bool is_dirty(struct sat_index *index, const char *key);
uint64_t count_of(struct sat_index *index);
size_t orphans_of(struct sat_index *index);

/* Runs SQL on a closed index file from outside; sat_key is not known there. */
void outside_sql(const char *path, const char *sql);
/* One number from the open index's file. */
int outside_int(struct sat_index *index, const char *sql);
/* Path of the open index, then closes it. */
void path_and_close(struct sat_index *index, char path[PATH_SIZE]);
long file_size(const char *path);
void overwrite(const char *path, long offset, const void *data, size_t len);

#endif
