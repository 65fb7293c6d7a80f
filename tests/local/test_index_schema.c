/* Tables, and the tests that tell our healthy file from any other. */
#include "fixture.h"

#include "local/index_private.h"

static struct sat_sqlite *open_tables(void)
{
    struct sat_sqlite *db = NULL;
    OK(sat_sqlite_open(":memory:", &db, NULL));
    OK(sat_index_schema_create(db, 10, NULL));
    return db;
}

static void a_new_database_passes(void **state)
{
    (void)state;
    struct sat_mark_head head = {.intent = 10, .committed = 10};
    struct sat_sqlite *db = open_tables();
    OK(sat_index_schema_check(db, &head, NULL));
    OK(sat_index_schema_verify(db, true, NULL));
    OK(sat_index_schema_verify(db, false, NULL));
    assert_false(db->damaged);
    sat_sqlite_close(db);
}

/* Whether this change makes the check fail and the connection count as damaged. */
static bool is_refused_after(const char *change)
{
    struct sat_mark_head head = {.intent = 10, .committed = 10};
    struct sat_sqlite *db = open_tables();
    OK(sat_sqlite_exec(db, change, NULL));
    bool refused = sat_index_schema_check(db, &head, NULL) == SATCHEL_MODIFIED;
    assert_int_equal(refused, db->damaged);
    sat_sqlite_close(db);
    return refused;
}

static void strangers_are_refused(void **state)
{
    (void)state;
    assert_false(is_refused_after("SELECT 1"));
    assert_true(is_refused_after("PRAGMA application_id = 1"));
    assert_true(is_refused_after("PRAGMA user_version = 1"));
    assert_true(is_refused_after("DROP TABLE meta"));
    assert_true(is_refused_after("DELETE FROM meta"));
    assert_true(is_refused_after("UPDATE meta SET generation = 9"));
}

static void only_the_last_transaction_may_be_unproved(void **state)
{
    (void)state;
    struct sat_sqlite *db = open_tables();
    struct sat_mark_head head = {.intent = 11, .committed = 10};
    OK(sat_index_schema_check(db, &head, NULL));
    head.intent = 12;
    assert_int_equal(sat_index_schema_check(db, &head, NULL), SATCHEL_MODIFIED);
    head = (struct sat_mark_head){.intent = 11, .committed = 11};
    assert_int_equal(sat_index_schema_check(db, &head, NULL), SATCHEL_MODIFIED);
    sat_sqlite_close(db);
}

static void rows_without_their_checksum_fail_the_verification(void **state)
{
    (void)state;
    struct sat_sqlite *db = open_tables();
    OK(sat_sqlite_exec(db, "INSERT INTO obj VALUES (1, 'a', NULL, 0, 0, NULL, 1, 0, 1, 0)", NULL));
    assert_int_equal(sat_index_schema_verify(db, false, NULL), SATCHEL_MODIFIED);
    assert_true(db->damaged);
    sat_sqlite_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_database_passes),
        cmocka_unit_test(strangers_are_refused),
        cmocka_unit_test(only_the_last_transaction_may_be_unproved),
        cmocka_unit_test(rows_without_their_checksum_fail_the_verification),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
