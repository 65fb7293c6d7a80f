/* DELETE of the file backend: what is left alone, syncs, outcomes for each key. */
#include "backends/file_fixture.h"

#include <errno.h>

#include "core/clock.h"
#include "core/str.h"

static int delete_file(const char *name)
{
    struct sat_op op = {.kind = SAT_OP_DELETE, .conn = conn, .key = file_key(name)};
    int code = sat_op_run(&op, NULL);
    sat_op_fini(&op);
    return code;
}

static void what_is_no_object_is_left_alone(void **state)
{
    (void)state;
    assert_int_equal(sat_os_mkdir(AT_FDCWD, path_of("d"), 0755), 0);
    assert_int_equal(symlink("d", path_of("link")), 0);
    assert_int_equal(delete_file("d"), SATCHEL_OK);
    assert_int_equal(delete_file("link"), SATCHEL_OK);
    assert_true(path_exists("d"));
    assert_true(path_exists("link"));
}

static void empty_folders_stay(void **state)
{
    (void)state;
    assert_int_equal(put_file("d/a", "x", NULL, NULL), SATCHEL_OK);
    assert_int_equal(delete_file("d/a"), SATCHEL_OK);
    assert_false(path_exists("d/a"));
    assert_true(path_exists("d"));
}

static void bad_keys_are_refused(void **state)
{
    (void)state;
    write_foreign(SAT_FILE_LOCK_NAME, "");
    assert_int_equal(delete_file(SAT_FILE_LOCK_NAME), SATCHEL_INVALID);
    assert_int_equal(delete_file("../x"), SATCHEL_INVALID);
    assert_true(path_exists(SAT_FILE_LOCK_NAME));
}

static void count_syncs(void *user, const struct sat_os_call *call)
{
    if (sat_str_eq(call->op, "fsync"))
        ++*(int *)user;
}

static void many_keys_of_one_folder_cost_one_sync(void **state)
{
    static const char *const names[] = {"d/a", "d/b", "d/c", "e/a", "e/missing", "f"};
    char keys[6][512];
    const char *list[6];
    int syncs = 0;
    (void)state;
    for (size_t i = 0; i < 6; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "%s", file_key(names[i]));
        list[i] = keys[i];
        if (i != 4)
            assert_int_equal(put_file(names[i], "x", NULL, NULL), SATCHEL_OK);
    }
    struct sat_op op = {.kind = SAT_OP_DELETE_MANY, .conn = conn};
    op.many.keys = list;
    op.many.count = 6;
    sat_os_record(count_syncs, &syncs);
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    sat_os_record(NULL, NULL);
    assert_int_equal(syncs, 3);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(op.many_result[i].code, SATCHEL_OK);
        assert_false(path_exists(names[i]));
    }
    sat_op_fini(&op);
}

static void each_key_has_its_own_outcome(void **state)
{
    char good[512];
    char bad[512];
    (void)state;
    assert_int_equal(put_file("d/a", "x", NULL, NULL), SATCHEL_OK);
    (void)snprintf(good, sizeof good, "%s", file_key("d/a"));
    (void)snprintf(bad, sizeof bad, "%s", file_key("d/../b"));
    const char *list[] = {bad, good};
    struct sat_op op = {.kind = SAT_OP_DELETE_MANY, .conn = conn};
    op.many.keys = list;
    op.many.count = 2;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_int_equal(op.many_result[0].code, SATCHEL_INVALID);
    assert_non_null(strstr(op.many_result[0].text, "'..'"));
    assert_int_equal(op.many_result[1].code, SATCHEL_OK);
    assert_false(path_exists("d/a"));
    sat_op_fini(&op);
}

/* Every n-th call fails: a key reported as deleted is gone, and none is reported by mistake. */
static void no_failing_call_is_reported_as_success(void **state)
{
    (void)state;
    for (long n = 1; n < 60; n++) {
        assert_int_equal(put_file("d/a", "x", NULL, NULL), SATCHEL_OK);
        struct sat_op op = {.kind = SAT_OP_DELETE_MANY, .conn = conn};
        const char *key = file_key("d/a");
        op.many.keys = &key;
        op.many.count = 1;
        sat_os_fail_nth(n, EIO);
        assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
        bool done = sat_os_call_count() < n;
        sat_os_fail_nth(0, 0);
        if (op.many_result[0].code == SATCHEL_OK)
            assert_false(path_exists("d/a"));
        sat_op_fini(&op);
        if (done)
            return;
    }
    fail_msg("a delete makes 60 kernel calls");
}

static void deletions_wait_for_the_lock_on_the_name(void **state)
{
    struct sat_file_lock lock;
    struct sat_op holder = {.kind = SAT_OP_PUT};
    (void)state;
    assert_int_equal(put_file("a", "x", NULL, NULL), SATCHEL_OK);
    int fd = sat_os_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
    struct sat_file_place place = {.dirfd = fd, .name = "a"};
    assert_int_equal(sat_file_lock_take(&holder, &place, &lock, NULL), SATCHEL_OK);
    struct sat_op op = {.kind = SAT_OP_DELETE, .conn = conn, .key = file_key("a")};
    op.deadline_ns = sat_clock_now_ns() + 20 * SAT_NS_PER_MS;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_TIMEOUT);
    sat_op_fini(&op);
    assert_content("a", "x");
    sat_file_lock_drop(&lock);
    assert_int_equal(sat_os_close(fd), 0);
    assert_int_equal(delete_file("a"), SATCHEL_OK);
}

/* A key that is gone costs one too: whoever removed it may not have come to its sync yet. */
static void a_deletion_is_synced_whether_the_key_was_there_or_not(void **state)
{
    int syncs = 0;
    (void)state;
    assert_int_equal(put_file("a", "x", NULL, NULL), SATCHEL_OK);
    sat_os_record(count_syncs, &syncs);
    assert_int_equal(delete_file("a"), SATCHEL_OK);
    assert_int_equal(syncs, 1);
    assert_int_equal(delete_file("a"), SATCHEL_OK);
    assert_int_equal(syncs, 2);
    sat_os_record(NULL, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(what_is_no_object_is_left_alone),
        FILE_TEST(empty_folders_stay),
        FILE_TEST(bad_keys_are_refused),
        FILE_TEST(many_keys_of_one_folder_cost_one_sync),
        FILE_TEST(each_key_has_its_own_outcome),
        FILE_TEST(no_failing_call_is_reported_as_success),
        FILE_TEST(deletions_wait_for_the_lock_on_the_name),
        FILE_TEST(a_deletion_is_synced_whether_the_key_was_there_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
