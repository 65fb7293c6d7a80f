/* Shared helpers of the index tests. */
#include "fixture.h"

#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

int folder_setup(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    assert_non_null(folder);
    (void)snprintf(folder->path, sizeof folder->path, "/tmp/satchel-index-XXXXXX");
    assert_non_null(mkdtemp(folder->path));
    *state = folder;
    return 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *at)
{
    (void)info;
    (void)type;
    (void)at;
    return remove(path);
}

int folder_teardown(void **state)
{
    struct folder *folder = *state;
    if (folder->path[0] == '/')
        (void)nftw(folder->path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(folder);
    return 0;
}

int memory_setup(void **state)
{
    struct folder *folder = calloc(1, sizeof *folder);
    assert_non_null(folder);
    (void)snprintf(folder->path, sizeof folder->path, ":memory:");
    *state = folder;
    return 0;
}

struct sat_index *open_index(void **state)
{
    const struct folder *folder = *state;
    struct sat_index_options options = {.cache_dir = folder->path, .identity = "test"};
    struct sat_index *index = NULL;
    satchel_error err = {.text = ""};
    int code = sat_index_open(&options, &index, &err);
    if (code != SATCHEL_OK)
        print_error("%s\n", err.text);
    assert_int_equal(code, SATCHEL_OK);
    return index;
}

int number_of(const char *etag)
{
    return (int)strtol(etag + 1, NULL, 10);
}

struct sat_index_row row_of(const struct object *object, char *text, size_t size)
{
    int len =
        snprintf(text, size, "{\"id\":\"%s\",\"version\":%d,\"fields\":{\"n\":%d},\"metadata\":{}}",
                 object->key, object->n, object->n);
    return (struct sat_index_row){
        .key = object->key,
        .state = object->etag == NULL ? SAT_ROW_ABSENT : SAT_ROW_LIVE,
        .etag = object->etag,
        .version = object->n,
        .size = 100,
        .body = {.data = text, .len = (size_t)len},
    };
}

struct sat_index_refresh *begin_refresh(struct sat_index *index)
{
    struct sat_index_refresh_options options = {.ttl_s = 60, .force = true, .wait_ms = 10000};
    struct sat_index_refresh *refresh = NULL;
    OK(sat_index_refresh_begin(index, &options, &refresh, NULL));
    assert_non_null(refresh);
    return refresh;
}

void feed_objects(struct sat_index_refresh *refresh, const struct object *objects, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *etag = objects[i].etag == NULL ? "\"gone\"" : objects[i].etag;
        struct sat_index_listed item = {.key = objects[i].key, .etag = etag, .size = 100};
        OK(sat_index_refresh_feed(refresh, &item, 1, NULL));
    }
}

size_t put_changes(struct sat_index_refresh *refresh, const struct object *objects, size_t count)
{
    size_t changes = sat_index_refresh_changes(refresh);
    for (size_t i = 0; i < changes; i++) {
        const char *key = sat_index_refresh_change(refresh, i)->key;
        size_t at = 0;
        while (at < count && strcmp(objects[at].key, key) != 0)
            at++;
        assert_true(at < count);
        char text[256];
        struct sat_index_row row = row_of(&objects[at], text, sizeof text);
        OK(sat_index_refresh_put(refresh, &row, 1, NULL));
    }
    return changes;
}

size_t refresh_with(struct sat_index *index, const struct object *objects, size_t count)
{
    struct sat_index_refresh *refresh = begin_refresh(index);
    feed_objects(refresh, objects, count);
    OK(sat_index_refresh_listed(refresh, NULL));
    size_t changes = put_changes(refresh, objects, count);
    OK(sat_index_refresh_commit(refresh, NULL));
    sat_index_refresh_end(refresh);
    return changes;
}

struct sat_index_write begin_write(struct sat_index *index, const char *key)
{
    struct sat_index_write write = {.key = key};
    OK(sat_index_begin(index, &write, 1, NULL));
    assert_true(write.generation > 0);
    return write;
}

int settle_as(struct sat_index *index, struct sat_index_write write, enum sat_index_outcome outcome,
              const struct object *object)
{
    char text[256] = "";
    struct sat_index_settlement item = {.write = write, .outcome = outcome};
    if (object != NULL)
        item.row = row_of(object, text, sizeof text);
    return sat_index_settle(index, &item, 1, NULL);
}

void store(struct sat_index *index, const char *key, const char *etag, int n)
{
    struct object object = {.key = key, .etag = etag, .n = n};
    OK(settle_as(index, begin_write(index, key), SAT_WRITE_STORED, &object));
}

void erase(struct sat_index *index, const char *key)
{
    OK(settle_as(index, begin_write(index, key), SAT_WRITE_DELETED, NULL));
}

const char *etag_of(struct sat_index *index, const char *key)
{
    static char etag[64];
    struct sat_index_rows *rows = NULL;
    OK(sat_index_lookup(index, &key, 1, true, &rows, NULL));
    const struct sat_index_row *row = sat_index_rows_at(rows, 0);
    (void)snprintf(etag, sizeof etag, "%s", row->state == SAT_ROW_ABSENT ? "" : row->etag);
    sat_index_rows_free(rows);
    return etag;
}

bool is_dirty(struct sat_index *index, const char *key)
{
    struct sat_index_rows *rows = NULL;
    OK(sat_index_lookup(index, &key, 1, false, &rows, NULL));
    bool dirty = sat_index_rows_at(rows, 0)->dirty;
    sat_index_rows_free(rows);
    return dirty;
}

uint64_t count_of(struct sat_index *index)
{
    uint64_t count = 0;
    /* What was never listed has no count. */
    int code = sat_index_count(index, &count, NULL);
    assert_true(code == SATCHEL_OK || code == SATCHEL_MODIFIED);
    return code == SATCHEL_OK ? count : 0;
}

size_t orphans_of(struct sat_index *index)
{
    struct sat_index_rows *rows = NULL;
    OK(sat_index_orphans(index, &rows, NULL));
    size_t count = sat_index_rows_count(rows);
    sat_index_rows_free(rows);
    return count;
}

void outside_sql(const char *path, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int outside_int(struct sat_index *index, const char *sql)
{
    char path[PATH_SIZE];
    sqlite3 *db = NULL;
    sqlite3_stmt *stmt = NULL;
    sat_index_path(index, path, sizeof path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    (void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
    int value = sqlite3_column_int(stmt, 0);
    (void)sqlite3_finalize(stmt);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return value;
}

void path_and_close(struct sat_index *index, char path[PATH_SIZE])
{
    sat_index_path(index, path, PATH_SIZE);
    sat_index_close(index);
}

long file_size(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 ? (long)info.st_size : -1;
}

void overwrite(const char *path, long offset, const void *data, size_t len)
{
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}
