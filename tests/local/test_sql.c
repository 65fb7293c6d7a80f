/* SQLite connections: settings, error codes, statements that end with their scope. */
#include "fixture.h"

#include "core/alloc.h"
#include "local/sql.h"

static struct sat_sqlite *open_db(void **state, const char *name)
{
    const struct folder *folder = *state;
    char path[PATH_SIZE + 16];
    struct sat_sqlite *db = NULL;
    (void)snprintf(path, sizeof path, "%s/%s", folder->path, name);
    FILE *file = fopen(path, "ab");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    OK(sat_sqlite_open(path, &db, NULL));
    return db;
}

static void a_missing_file_is_not_created(void **state)
{
    const struct folder *folder = *state;
    char path[PATH_SIZE + 16];
    struct sat_sqlite *db = NULL;
    (void)snprintf(path, sizeof path, "%s/none.db", folder->path);
    assert_int_equal(sat_sqlite_open(path, &db, NULL), SATCHEL_MODIFIED);
    assert_null(db);
    assert_int_equal(file_size(path), -1);
    assert_int_equal(sat_sqlite_open_count(), 0);
}

static void open_connections_are_counted(void **state)
{
    struct sat_sqlite *first = open_db(state, "a.db");
    struct sat_sqlite *second = open_db(state, "b.db");
    struct sat_sqlite *third = open_db(state, "c.db");
    assert_int_equal(sat_sqlite_open_count(), 3);
    sat_sqlite_close(second);
    sat_sqlite_close(third);
    sat_sqlite_close(first);
    sat_sqlite_close(NULL);
    assert_int_equal(sat_sqlite_open_count(), 0);
}

static void the_schema_is_not_trusted(void **state)
{
    struct sat_sqlite *db = open_db(state, "a.db");
    int on = -1;
    (void)sqlite3_db_config(db->raw, SQLITE_DBCONFIG_TRUSTED_SCHEMA, -1, &on);
    assert_int_equal(on, 0);
    (void)sqlite3_db_config(db->raw, SQLITE_DBCONFIG_DEFENSIVE, -1, &on);
    assert_int_equal(on, 1);
    (void)sqlite3_db_config(db->raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, -1, &on);
    assert_int_equal(on, 1);
    assert_int_not_equal(sat_sqlite_exec(db, "SELECT \"no such thing\"", NULL), SATCHEL_OK);
    sat_sqlite_close(db);
}

static void codes_say_what_to_do(void **state)
{
    struct sat_sqlite *db = open_db(state, "a.db");
    satchel_error err;
    OK(sat_sqlite_exec(db, "CREATE TABLE t(x)", NULL));
    assert_int_equal(sat_sqlite_exec(db, "SELEC", &err), SATCHEL_IO);
    assert_false(db->damaged);
    assert_int_equal(sat_sqlite_exec(db, "SELECT * FROM gone", &err), SATCHEL_MODIFIED);
    assert_true(db->damaged);
    OK(sat_sqlite_exec(db, "PRAGMA max_page_count = 3", NULL));
    assert_int_equal(sat_sqlite_exec(db, "INSERT INTO t VALUES (zeroblob(100000))", &err),
                     SATCHEL_LIMIT);
    OK(sat_sqlite_exec(db, "PRAGMA query_only = 1", NULL));
    assert_int_equal(sat_sqlite_exec(db, "DELETE FROM t", &err), SATCHEL_DENIED);
    sat_sqlite_close(db);
}

static void a_held_write_lock_is_busy(void **state)
{
    struct sat_sqlite *db = open_db(state, "a.db");
    struct sat_sqlite *other = open_db(state, "a.db");
    OK(sat_sqlite_exec(db, "BEGIN IMMEDIATE", NULL));
    (void)sqlite3_busy_timeout(other->raw, 0);
    assert_int_equal(sat_sqlite_exec(other, "BEGIN IMMEDIATE", NULL), SATCHEL_BUSY);
    sat_sqlite_close(other);
    sat_sqlite_close(db);
}

static void values_go_in_and_out(void **state)
{
    struct sat_sqlite *db = open_db(state, "a.db");
    int64_t count = 0;
    OK(sat_sqlite_exec(db, "CREATE TABLE t(i, t, x)", NULL));
    {
        SAT_AUTO_STMT sqlite3_stmt *insert = NULL;
        satchel_span span = {.data = "ab\0c", .len = 4};
        OK(sat_sqlite_prepare(db, "INSERT INTO t VALUES (?1, ?2, ?3)", &insert, NULL));
        OK(sat_sqlite_bind(db, insert, NULL, "itx", INT64_MIN, "text", span));
        OK(sat_sqlite_run(db, insert, NULL));
        OK(sat_sqlite_bind(db, insert, NULL, "itx", (int64_t)7, (char *)NULL, (satchel_span){0}));
        OK(sat_sqlite_run(db, insert, NULL));
    }
    {
        bool row = false;
        SAT_AUTO_STMT sqlite3_stmt *select = NULL;
        OK(sat_sqlite_prepare(db, "SELECT * FROM t ORDER BY i", &select, NULL));
        OK(sat_sqlite_step(db, select, &row, NULL));
        assert_true(row);
        assert_true(sqlite3_column_int64(select, 0) == INT64_MIN);
        assert_string_equal(sat_sqlite_text(select, 1), "text");
        assert_int_equal(sat_sqlite_span(select, 2).len, 4);
        OK(sat_sqlite_step(db, select, &row, NULL));
        assert_null(sat_sqlite_text(select, 1));
        assert_int_equal(sat_sqlite_span(select, 2).len, 0);
        assert_int_equal(sqlite3_column_type(select, 2), SQLITE_TEXT);
    }
    OK(sat_sqlite_int(db, "SELECT count(*) FROM t", &count, NULL));
    assert_int_equal(count, 2);
    assert_int_equal(sat_sqlite_int(db, "SELECT 1 WHERE 0", &count, NULL), SATCHEL_NOT_FOUND);
    sat_sqlite_close(db);
}

static void out_of_memory_opens_nothing(void **state)
{
    struct sat_sqlite *db = NULL;
    (void)state;
    sat_alloc_fail_nth(1);
    assert_int_equal(sat_sqlite_open(":memory:", &db, NULL), SATCHEL_NOMEM);
    sat_alloc_fail_nth(0);
    assert_null(db);
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(a_missing_file_is_not_created),
        ON_DISK(open_connections_are_counted),
        ON_DISK(the_schema_is_not_trusted),
        ON_DISK(codes_say_what_to_do),
        ON_DISK(a_held_write_lock_is_busy),
        ON_DISK(values_go_in_and_out),
        cmocka_unit_test(out_of_memory_opens_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
