/* mem://: how long stores live, and that every failed allocation leaves the old object in place. */
#include "support/test.h"

#include "backends/registry.h"
#include "core/alloc.h"
#include "core/backend.h"
#include "core/config.h"
#include "core/str.h"

static const struct sat_option *const tables[] = {sat_options_common, NULL};

static struct sat_conn *open_store(const char *uri)
{
    struct sat_config *config;
    struct sat_conn *conn;
    assert_int_equal(sat_config_new(tables, &config, NULL), SATCHEL_OK);
    assert_int_equal(sat_conn_open(uri, config, sat_backend_find, &conn, NULL), SATCHEL_OK);
    sat_config_free(config);
    return conn;
}

static int put(struct sat_conn *conn, const char *key, const char *text)
{
    struct sat_op op = {.kind = SAT_OP_PUT, .conn = conn, .key = key, .content_type = "text/plain"};
    op.source = sat_source_span(sat_span_of(text));
    int code = sat_op_run(&op, NULL);
    sat_op_fini(&op);
    return code;
}

static int run(struct sat_conn *conn, enum sat_op_kind kind, const char *key, const char *bucket)
{
    struct sat_op op = {.kind = kind, .conn = conn, .key = key, .bucket = bucket};
    int code = sat_op_run(&op, NULL);
    sat_op_fini(&op);
    return code;
}

static void handles_of_one_name_share_a_store(void **state)
{
    (void)state;
    struct sat_conn *one = open_store("mem://shared/a");
    struct sat_conn *two = open_store("mem://shared/b");
    struct sat_conn *other = open_store("mem://other");
    assert_int_equal(put(one, "key", "x"), SATCHEL_OK);
    assert_int_equal(run(two, SAT_OP_STAT, "key", NULL), SATCHEL_OK);
    assert_int_equal(run(other, SAT_OP_STAT, "key", NULL), SATCHEL_NOT_FOUND);
    sat_conn_close(one);
    assert_int_equal(run(two, SAT_OP_STAT, "key", NULL), SATCHEL_OK);
    sat_conn_close(two);
    sat_conn_close(other);
}

static void a_store_ends_with_its_last_handle(void **state)
{
    (void)state;
    struct sat_conn *conn = open_store("mem://brief");
    assert_int_equal(put(conn, "key", "x"), SATCHEL_OK);
    sat_conn_close(conn);
    conn = open_store("mem://brief");
    assert_int_equal(run(conn, SAT_OP_STAT, "key", NULL), SATCHEL_NOT_FOUND);
    sat_conn_close(conn);
}

static void a_created_store_outlives_its_handles(void **state)
{
    (void)state;
    struct sat_conn *conn = open_store("mem://maker");
    assert_int_equal(run(conn, SAT_OP_BUCKET_CREATE, NULL, "kept"), SATCHEL_OK);
    struct sat_conn *kept = open_store("mem://kept");
    assert_int_equal(put(kept, "key", "x"), SATCHEL_OK);
    sat_conn_close(kept);
    kept = open_store("mem://kept");
    assert_int_equal(run(kept, SAT_OP_STAT, "key", NULL), SATCHEL_OK);
    assert_int_equal(run(kept, SAT_OP_DELETE, "key", NULL), SATCHEL_OK);
    sat_conn_close(kept);
    assert_int_equal(run(conn, SAT_OP_BUCKET_DELETE, NULL, "kept"), SATCHEL_OK);
    assert_int_equal(run(conn, SAT_OP_BUCKET_STAT, NULL, "kept"), SATCHEL_NOT_FOUND);
    sat_conn_close(conn);
}

static void a_deleted_store_answers_not_found_until_made_again(void **state)
{
    (void)state;
    struct sat_conn *conn = open_store("mem://gone");
    assert_int_equal(run(conn, SAT_OP_BUCKET_DELETE, NULL, NULL), SATCHEL_OK);
    assert_int_equal(put(conn, "key", "x"), SATCHEL_NOT_FOUND);
    assert_int_equal(run(conn, SAT_OP_DELETE, "key", NULL), SATCHEL_NOT_FOUND);
    assert_int_equal(run(conn, SAT_OP_BUCKET_CREATE, NULL, NULL), SATCHEL_OK);
    assert_int_equal(put(conn, "key", "x"), SATCHEL_OK);
    assert_int_equal(run(conn, SAT_OP_DELETE, "key", NULL), SATCHEL_OK);
    assert_int_equal(run(conn, SAT_OP_BUCKET_DELETE, NULL, NULL), SATCHEL_OK);
    sat_conn_close(conn);
}

static void every_failed_allocation_keeps_the_old_object(void **state)
{
    (void)state;
    struct sat_conn *conn = open_store("mem://torture");
    assert_int_equal(put(conn, "key", "old"), SATCHEL_OK);
    int code = SATCHEL_NOMEM;
    for (long n = 1; code == SATCHEL_NOMEM && n < 100; n++) {
        SAT_AUTO_BUF struct sat_buf body;
        sat_buf_init(&body, 10);
        sat_alloc_fail_nth(n);
        code = put(conn, "key", "new");
        sat_alloc_fail_nth(0);
        struct sat_op get = {.kind = SAT_OP_GET, .conn = conn, .key = "key"};
        get.sink = sat_sink_memory(&body);
        assert_int_equal(sat_op_run(&get, NULL), SATCHEL_OK);
        assert_string_equal(sat_buf_str(&body), code == SATCHEL_OK ? "new" : "old");
        sat_op_fini(&get);
    }
    assert_int_equal(code, SATCHEL_OK);
    sat_conn_close(conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(handles_of_one_name_share_a_store),
        cmocka_unit_test(a_store_ends_with_its_last_handle),
        cmocka_unit_test(a_created_store_outlives_its_handles),
        cmocka_unit_test(a_deleted_store_answers_not_found_until_made_again),
        cmocka_unit_test(every_failed_allocation_keeps_the_old_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
