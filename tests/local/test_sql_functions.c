/* sat_key and sat_match as SQL functions. */
#include "fixture.h"

#include "core/str.h"
#include "local/sql.h"
#include "query/compile.h"
#include "query/parse.h"

static struct sat_sqlite *open_memory(void)
{
    struct sat_sqlite *db = NULL;
    OK(sat_sqlite_open(":memory:", &db, NULL));
    return db;
}

static int64_t number(struct sat_sqlite *db, const char *sql)
{
    int64_t value = -1;
    satchel_error err = {.text = ""};
    if (sat_sqlite_int(db, sql, &value, &err) != SATCHEL_OK)
        fail_msg("%s: %s", sql, err.text);
    return value;
}

static void sat_key_orders_values(void **state)
{
    (void)state;
    struct sat_sqlite *db = open_memory();
#define KEY(value) "sat_key('{\"id\":\"a\",\"fields\":{\"x\":" value "}}', 'x')"
    assert_int_equal(number(db, "SELECT " KEY("1") " = " KEY("1.0")), 1);
    assert_int_equal(number(db, "SELECT " KEY("9") " < " KEY("10")), 1);
    assert_int_equal(number(db, "SELECT " KEY("10") " < " KEY("\"9\"")), 1);
    assert_int_equal(number(db, "SELECT typeof(" KEY("1") ") = 'blob'"), 1);
    assert_int_equal(number(db, "SELECT sat_key('{\"id\":\"a\",\"fields\":{}}', 'x') IS NULL"), 1);
#undef KEY
    sat_sqlite_close(db);
}

static void sat_key_names_a_bad_field(void **state)
{
    (void)state;
    int64_t value;
    satchel_error err;
    struct sat_sqlite *db = open_memory();
    assert_int_equal(sat_sqlite_int(db, "SELECT sat_key('{}', '')", &value, &err), SATCHEL_INVALID);
    assert_true(err.text[0] != '\0');
    assert_int_equal(number(db, "SELECT 1"), 1);
    sat_sqlite_close(db);
}

static void sat_key_may_index_an_untrusted_schema(void **state)
{
    (void)state;
    struct sat_sqlite *db = open_memory();
    OK(sat_sqlite_exec(db,
                       "CREATE TABLE body(oid INTEGER PRIMARY KEY, body);"
                       "CREATE INDEX i ON body(sat_key(body,'x'));"
                       "INSERT INTO body(body) VALUES ('{\"id\":\"a\",\"fields\":{\"x\":5}}')",
                       NULL));
    assert_int_equal(number(db, "SELECT count(*) FROM body WHERE sat_key(body,'x') > x'00'"), 1);
    sat_sqlite_close(db);
}

static void sat_match_follows_its_node(void **state)
{
    (void)state;
    struct sat_sqlite *db = open_memory();
    struct sat_query *query = NULL;
    OK(sat_query_parse_where(sat_span_of("x = 5"), &query, NULL));
    {
        SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
        bool row = false;
        OK(sat_sqlite_prepare(db,
                              "SELECT sat_match('{\"id\":\"a\",\"fields\":{\"x\":5}}', ?1),"
                              " sat_match('{\"id\":\"a\",\"fields\":{\"x\":6}}', ?1)",
                              &stmt, NULL));
        assert_int_equal(sqlite3_bind_pointer(stmt, 1, query->filter, SAT_COMPILE_NODE_TYPE, NULL),
                         SQLITE_OK);
        OK(sat_sqlite_step(db, stmt, &row, NULL));
        assert_int_equal(sqlite3_column_int(stmt, 0), 1);
        assert_int_equal(sqlite3_column_int(stmt, 1), 0);
    }
    sat_query_free(query);
    sat_sqlite_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sat_key_orders_values),
        cmocka_unit_test(sat_key_names_a_bad_field),
        cmocka_unit_test(sat_key_may_index_an_untrusted_schema),
        cmocka_unit_test(sat_match_follows_its_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
