/* Keys of the file backend: what is refused, that nothing leaves the root, folders that are made.
 */
#include "backends/file_fixture.h"

#include "core/str.h"

static void assert_refused(const char *key, int code, const char *says)
{
    satchel_error err;
    assert_int_equal(sat_file_check_key("base/", key, &err), code);
    assert_non_null(strstr(err.text, says));
}

static void bad_keys_are_refused_by_name(void **state)
{
    char long_name[300] = "base/";
    (void)state;
    assert_refused("base/", SATCHEL_INVALID, "empty part");
    assert_refused("base//a", SATCHEL_INVALID, "empty part");
    assert_refused("base/a/", SATCHEL_INVALID, "empty part");
    assert_refused("base/../a", SATCHEL_INVALID, "'..'");
    assert_refused("base/a/./b", SATCHEL_INVALID, "'.'");
    assert_refused("base/a/..", SATCHEL_INVALID, "'..'");
    assert_refused("elsewhere/a", SATCHEL_INVALID, "not below the folder /base/");
    assert_refused("/base/a", SATCHEL_INVALID, "not below");
    assert_refused("base/.satchel.lock", SATCHEL_INVALID, "reserved");
    assert_refused("base/a/.satchel-0123456789abcdef.part", SATCHEL_INVALID, "reserved");
    memset(long_name + 5, 'n', 256);
    assert_refused(long_name, SATCHEL_LIMIT, "256 bytes (limit 255)");
}

static void ordinary_keys_pass(void **state)
{
    static const char *const keys[] = {
        "base/a", "base/...", "base/..a/b..", "base/.satchel", "base/.satchel-x.part",
        "base/ ", "base/\n"};
    (void)state;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_int_equal(sat_file_check_key("base/", keys[i], NULL), SATCHEL_OK);
    assert_int_equal(sat_file_check_key("", "any/where", NULL), SATCHEL_OK);
}

static void a_symlink_on_the_way_is_not_followed(void **state)
{
    char outside[FOLDER_SIZE];
    satchel_error err;
    (void)state;
    folder_make(outside);
    assert_int_equal(symlink(outside, path_of("link")), 0);
    struct sat_op op = {.kind = SAT_OP_PUT, .conn = conn, .key = file_key("link/evil")};
    assert_int_equal(sat_op_run(&op, &err), SATCHEL_UNSUPPORTED);
    assert_non_null(strstr(err.text, "symbolic link"));
    sat_op_fini(&op);
    struct sat_op deep = {.kind = SAT_OP_PUT, .conn = conn, .key = file_key("link/new/evil")};
    assert_int_not_equal(sat_op_run(&deep, NULL), SATCHEL_OK);
    sat_op_fini(&deep);
    assert_int_equal(rmdir(outside), 0); /* nothing was put there */
}

static void a_symlink_in_the_place_of_the_object_is_not_followed(void **state)
{
    (void)state;
    write_foreign("target", "precious");
    assert_int_equal(symlink("target", path_of("link")), 0);
    assert_int_equal(put_file("link", "x", NULL, NULL), SATCHEL_UNSUPPORTED);
    assert_content("target", "precious");
    struct sat_op get = {.kind = SAT_OP_STAT, .conn = conn, .key = file_key("link")};
    assert_int_equal(sat_op_run(&get, NULL), SATCHEL_UNSUPPORTED);
    sat_op_fini(&get);
}

static void the_root_itself_may_be_a_symlink(void **state)
{
    struct sat_file_state file = {0};
    struct sat_file_place place;
    char root[64];
    (void)state;
    assert_int_equal(sat_os_mkdir(AT_FDCWD, path_of("real"), 0755), 0);
    assert_int_equal(symlink("real", path_of("alias")), 0);
    (void)snprintf(root, sizeof root, "%s/", file_key("alias"));
    char key[80];
    (void)snprintf(key, sizeof key, "%sx", root);
    assert_int_equal(sat_file_place_open(&file, root, key, SAT_FILE_WRITE, &place, NULL),
                     SATCHEL_OK);
    assert_string_equal(place.name, "x");
    assert_int_equal(sat_os_close(place.dirfd), 0);
}

static void missing_folders_are_made_for_a_put_only(void **state)
{
    struct sat_file_state file = {0};
    struct sat_file_place place;
    (void)state;
    const char *key = file_key("new/deep/x");
    assert_int_equal(sat_file_place_open(&file, conn->root, key, SAT_FILE_WRITE, &place, NULL),
                     SATCHEL_NOT_FOUND);
    assert_false(path_exists("new"));
    assert_int_equal(sat_file_place_open(&file, conn->root, key, SAT_FILE_CREATE, &place, NULL),
                     SATCHEL_OK);
    assert_int_equal(sat_os_close(place.dirfd), 0);
    assert_true(path_exists("new/deep"));
}

/* Counts the syncs of folders that a recorder sees. */
static void count_syncs(void *user, const struct sat_os_call *call)
{
    if (sat_str_eq(call->op, "fsync"))
        ++*(int *)user;
}

static void a_new_folder_is_synced_into_its_parent(void **state)
{
    struct sat_file_state full = {.durability = SAT_DURABLE_FULL};
    struct sat_file_state none = {.durability = SAT_DURABLE_NONE};
    struct sat_file_place place;
    int syncs = 0;
    (void)state;
    sat_os_record(count_syncs, &syncs);
    const char *key = file_key("one/two/x");
    assert_int_equal(sat_file_place_open(&full, conn->root, key, SAT_FILE_CREATE, &place, NULL),
                     SATCHEL_OK);
    assert_int_equal(syncs, 2);
    assert_int_equal(sat_os_close(place.dirfd), 0);
    key = file_key("three/four/x");
    assert_int_equal(sat_file_place_open(&none, conn->root, key, SAT_FILE_CREATE, &place, NULL),
                     SATCHEL_OK);
    assert_int_equal(syncs, 2);
    assert_int_equal(sat_os_close(place.dirfd), 0);
}

static void a_file_on_the_way_is_said_so(void **state)
{
    satchel_error err;
    (void)state;
    write_foreign("plain", "x");
    struct sat_op op = {.kind = SAT_OP_PUT, .conn = conn, .key = file_key("plain/below")};
    assert_int_equal(sat_op_run(&op, &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "a part of its path is a file"));
    sat_op_fini(&op);
    struct sat_op get = {.kind = SAT_OP_STAT, .conn = conn, .key = file_key("plain/below")};
    assert_int_equal(sat_op_run(&get, NULL), SATCHEL_NOT_FOUND);
    sat_op_fini(&get);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_keys_are_refused_by_name),
        cmocka_unit_test(ordinary_keys_pass),
        FILE_TEST(a_symlink_on_the_way_is_not_followed),
        FILE_TEST(a_symlink_in_the_place_of_the_object_is_not_followed),
        FILE_TEST(the_root_itself_may_be_a_symlink),
        FILE_TEST(missing_folders_are_made_for_a_put_only),
        FILE_TEST(a_new_folder_is_synced_into_its_parent),
        FILE_TEST(a_file_on_the_way_is_said_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
