/* file://: the root folder as a bucket, durability from the configuration. */
#include "backends/file_fixture.h"

static int bucket_op(enum sat_op_kind kind, satchel_error *err)
{
    struct sat_op op = {.kind = kind, .conn = conn};
    int code = sat_op_run(&op, err);
    sat_op_fini(&op);
    return code;
}

static void the_root_is_deleted_only_when_empty(void **state)
{
    satchel_error err;
    (void)state;
    assert_int_equal(put_file("a", "x", NULL, NULL), SATCHEL_OK);
    assert_int_equal(put_file("a", "y", NULL, NULL), SATCHEL_OK);
    assert_int_equal(bucket_op(SAT_OP_BUCKET_DELETE, &err), SATCHEL_CONFLICT);
    assert_non_null(strstr(err.text, folder));
    assert_content("a", "y");
    assert_int_equal(unlink(path_of("a")), 0);
    assert_true(path_exists(SAT_FILE_LOCK_NAME)); /* ours, and no reason to refuse */
    assert_int_equal(bucket_op(SAT_OP_BUCKET_DELETE, NULL), SATCHEL_OK);
    assert_false(path_exists(""));
    assert_int_equal(bucket_op(SAT_OP_BUCKET_STAT, &err), SATCHEL_NOT_FOUND);
}

static void another_writers_unfinished_file_keeps_the_root(void **state)
{
    (void)state;
    write_foreign(".satchel-0123456789abcdef.part", "");
    assert_int_equal(bucket_op(SAT_OP_BUCKET_DELETE, NULL), SATCHEL_CONFLICT);
}

static void the_root_is_made_with_its_parents(void **state)
{
    struct sat_file_state file = {0};
    char root[128];
    satchel_error err;
    (void)state;
    (void)snprintf(root, sizeof root, "%s/", file_key("one/two"));
    assert_int_equal(sat_file_make_root(&file, root, NULL), SATCHEL_OK);
    assert_true(path_exists("one/two"));
    assert_int_equal(sat_file_make_root(&file, root, &err), SATCHEL_EXISTS);
    write_foreign("plain", "");
    (void)snprintf(root, sizeof root, "%s/", file_key("plain/below"));
    assert_int_equal(sat_file_make_root(&file, root, &err), SATCHEL_INVALID);
}

static void durability_comes_from_the_configuration(void **state)
{
    static const char *const names[] = {"full", "data", "none"};
    struct sat_config *config;
    (void)state;
    assert_int_equal(sat_config_new(file_tables, &config, NULL), SATCHEL_OK);
    assert_int_equal(((struct sat_file_state *)conn->state)->durability, SAT_DURABLE_FULL);
    for (int i = 0; i < 3; i++) {
        struct sat_conn *other;
        assert_int_equal(sat_config_set(config, "durability", names[i], SAT_ORIGIN_SET, NULL),
                         SATCHEL_OK);
        assert_int_equal(sat_conn_open("file:///tmp", config, sat_backend_find, &other, NULL),
                         SATCHEL_OK);
        assert_int_equal(((struct sat_file_state *)other->state)->durability, i);
        sat_conn_close(other);
    }
    sat_config_free(config);
}

static void a_host_in_the_uri_is_refused(void **state)
{
    struct sat_config *config;
    struct sat_conn *other;
    satchel_error err;
    (void)state;
    assert_int_equal(sat_config_new(file_tables, &config, NULL), SATCHEL_OK);
    assert_int_equal(sat_conn_open("file://host/x", config, sat_backend_find, &other, &err),
                     SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "file://host/x"));
    sat_config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(the_root_is_deleted_only_when_empty),
        FILE_TEST(another_writers_unfinished_file_keeps_the_root),
        FILE_TEST(the_root_is_made_with_its_parents),
        FILE_TEST(durability_comes_from_the_configuration),
        FILE_TEST(a_host_in_the_uri_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
