/* Rows: checksums, loading, owned copies, writing and removing. */
#include "fixture.h"

#include "core/alloc.h"
#include "core/str.h"
#include "local/index_private.h"

static struct sat_index_row sample(void)
{
    return (struct sat_index_row){
        .key = "a.json",
        .state = SAT_ROW_LIVE,
        .etag = "\"1\"",
        .updated_at = "2026-11-21T00:00:00.000000Z",
        .version = 3,
        .size = 77,
        .body = sat_span_of("{\"id\":\"a\"}"),
    };
}

static void the_checksum_covers_every_member(void **state)
{
    (void)state;
    struct sat_index_row row = sample();
    int64_t crc = sat_row_crc(&row);
    struct sat_index_row other[7];
    for (int i = 0; i < 7; i++)
        other[i] = row;
    other[0].key = "b.json";
    other[1].etag = NULL;
    other[2].updated_at = "2026-11-21T00:00:00.000001Z";
    other[3].version = 4;
    other[4].size = 78;
    other[5].state = SAT_ROW_CORRUPT;
    other[6].body.len--;
    for (int i = 0; i < 7; i++)
        assert_true(sat_row_crc(&other[i]) != crc);
    /* Marks change without the body at hand: they are not in it. */
    row.generation = 5;
    row.owner = 6;
    row.dirty = true;
    assert_true(sat_row_crc(&row) == crc);
    row.etag = "\"1\"2026-11-21T00:00:00.000000Z";
    row.updated_at = "";
    assert_true(sat_row_crc(&row) != crc);
}

static struct sat_sqlite *open_tables(void)
{
    struct sat_sqlite *db = NULL;
    OK(sat_sqlite_open(":memory:", &db, NULL));
    OK(sat_index_schema_create(db, 1, NULL));
    return db;
}

static int64_t number(struct sat_sqlite *db, const char *sql)
{
    int64_t value = -1;
    OK(sat_sqlite_int(db, sql, &value, NULL));
    return value;
}

static void rows_are_written_replaced_and_removed(void **state)
{
    (void)state;
    struct sat_sqlite *db = open_tables();
    struct sat_index_row row = sample();
    {
        SAT_AUTO_WRITER struct sat_row_writer writer = {.db = db};
        struct sat_row_found found;
        struct sat_row_stamp stamp = {.generation = 4, .owner = 9};
        OK(sat_row_find(&writer, "a.json", &found, NULL));
        assert_int_equal(found.oid, 0);
        OK(sat_row_write(&writer, &found, &row, stamp, NULL));
        OK(sat_row_find(&writer, "a.json", &found, NULL));
        assert_true(found.oid > 0);
        assert_int_equal(found.generation, 4);
        assert_int_equal(found.owner, 9);
        row.state = SAT_ROW_CORRUPT;
        OK(sat_row_write(&writer, &found, &row, stamp, NULL));
        assert_int_equal(number(db, "SELECT count(*) FROM body"), 0);
        row.state = SAT_ROW_LIVE;
        OK(sat_row_write(&writer, &found, &row, stamp, NULL));
        assert_int_equal(number(db, "SELECT count(*) FROM body"), 1);
        stamp.owner = 0;
        OK(sat_row_mark(&writer, found.oid, stamp, NULL));
        OK(sat_row_find(&writer, "a.json", &found, NULL));
        assert_int_equal(found.owner, 0);
        OK(sat_row_remove(&writer, found.oid, NULL));
        row.body.data = NULL;
        assert_int_equal(sat_row_write(&writer, &found, &row, stamp, NULL), SATCHEL_INVALID);
    }
    assert_int_equal(number(db, "SELECT count(*) FROM body"), 0);
    assert_int_equal(number(db, "SELECT count(*) FROM obj"), 0);
    sat_sqlite_close(db);
}

static void a_changed_row_does_not_load(void **state)
{
    (void)state;
    struct sat_sqlite *db = open_tables();
    struct sat_index_row row = sample();
    struct sat_index_rows *rows = sat_rows_new();
    {
        SAT_AUTO_WRITER struct sat_row_writer writer = {.db = db};
        struct sat_row_found none = {.oid = 0};
        struct sat_row_stamp stamp = {.generation = 4};
        OK(sat_row_write(&writer, &none, &row, stamp, NULL));
    }
    OK(sat_index_schema_verify(db, true, NULL));
    OK(sat_sqlite_exec(db, "UPDATE obj SET etag = '\"2\"'", NULL));
    {
        satchel_error err;
        bool got = false;
        SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
        OK(sat_sqlite_prepare(
            db, "SELECT " SAT_ROW_COLUMNS ", body.body FROM obj JOIN body USING (oid)", &stmt,
            NULL));
        OK(sat_sqlite_step(db, stmt, &got, NULL));
        assert_int_equal(sat_rows_load(rows, db, stmt, true, &err), SATCHEL_MODIFIED);
        assert_true(db->damaged);
        assert_int_equal(sat_index_rows_count(rows), 0);
    }
    assert_int_equal(sat_index_schema_verify(db, false, NULL), SATCHEL_MODIFIED);
    sat_index_rows_free(rows);
    sat_sqlite_close(db);
}

static void rows_own_their_copies(void **state)
{
    (void)state;
    char key[] = "a.json";
    struct sat_index_rows *rows = sat_rows_new();
    OK(sat_rows_add_absent(rows, key, NULL));
    key[0] = 'x';
    assert_string_equal(sat_index_rows_at(rows, 0)->key, "a.json");
    assert_true(sat_rows_bytes(rows) > 0);
    sat_rows_reset(rows);
    assert_int_equal(sat_index_rows_count(rows), 0);
    assert_int_equal(sat_rows_bytes(rows), 0);
    sat_index_rows_free(rows);
    sat_index_rows_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checksum_covers_every_member),
        cmocka_unit_test(rows_are_written_replaced_and_removed),
        cmocka_unit_test(a_changed_row_does_not_load),
        cmocka_unit_test(rows_own_their_copies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
