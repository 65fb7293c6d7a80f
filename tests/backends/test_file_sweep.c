/* The sweep: only what nobody holds, a minute old; once a handle; at a write and in a listing. */
#include "backends/file_fixture.h"

#include <errno.h>

#include "core/clock.h"
#include "core/str.h"

#define DEAD ".satchel-0123456789abcdef.part"
#define SIDE ".satchel-0123456789abcdef.attr"

static void later(int64_t seconds)
{
    sat_clock_fake_wall(SAT_CLOCK_REAL);
    sat_clock_fake_wall(sat_clock_wall_ns() + seconds * SAT_NS_PER_S);
}

static int end_test(void **state)
{
    sat_clock_fake_wall(SAT_CLOCK_REAL);
    return close_conn(state);
}

#define SWEEP_TEST(f) cmocka_unit_test_setup_teardown(f, open_conn, end_test)

/* As a new handle: no folder was swept yet. */
static void forget_folders(void)
{
    struct sat_file_state *file = conn->state;
    for (size_t i = 0; i < SAT_FILE_SWEPT; i++)
        atomic_store(&file->swept[i], 0);
}

static void list_folder(void)
{
    struct sat_op op = {.kind = SAT_OP_LIST, .conn = conn, .list = {.prefix = conn->root}};
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    sat_op_fini(&op);
}

static void the_first_write_removes_what_is_dead(void **state)
{
    (void)state;
    write_foreign(DEAD, "x");
    later(61);
    assert_int_equal(put_file("a", "x", NULL, NULL), SATCHEL_OK);
    assert_false(path_exists(DEAD));
    assert_content("a", "x");
}

static void a_listing_removes_what_is_dead_in_every_folder(void **state)
{
    (void)state;
    assert_int_equal(put_file("d/e/a", "x", NULL, NULL), SATCHEL_OK);
    write_foreign(DEAD, "x");
    write_foreign("d/" DEAD, "x");
    write_foreign("d/e/" DEAD, "x");
    later(61);
    list_folder();
    assert_false(path_exists(DEAD));
    assert_false(path_exists("d/" DEAD));
    assert_true(path_exists("d/e/" DEAD)); /* swept at this handle's first write */
}

static void what_is_young_or_not_ours_is_left(void **state)
{
    (void)state;
    write_foreign(DEAD, "x");
    write_foreign(".satchel-notes.part", "x");
    write_foreign(".satchel-0123456789abcdef.part.bak", "x");
    write_foreign("0123456789abcdef.part", "x");
    assert_int_equal(sat_os_mkdir(AT_FDCWD, path_of(".satchel-00000000000000aa.part"), 0700), 0);
    assert_int_equal(symlink("a", path_of(".satchel-00000000000000bb.part")), 0);
    later(50);
    list_folder();
    assert_true(path_exists(DEAD));
    later(61);
    forget_folders();
    list_folder();
    assert_false(path_exists(DEAD));
    assert_true(path_exists(".satchel-notes.part"));
    assert_true(path_exists(".satchel-0123456789abcdef.part.bak"));
    assert_true(path_exists("0123456789abcdef.part"));
    assert_true(path_exists(".satchel-00000000000000aa.part"));
    assert_true(path_exists(".satchel-00000000000000bb.part"));
}

static void what_a_live_writer_holds_is_left(void **state)
{
    char name[SAT_OS_TEMP_NAME_SIZE];
    (void)state;
    SAT_AUTO_FD int dirfd = sat_os_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
    int fd = sat_os_temp_file(dirfd, 0600, name);
    assert_true(fd >= 0);
    later(1000000);
    list_folder();
    assert_true(path_exists(name));
    assert_int_equal(sat_os_close(fd), 0);
    sat_file_sweep_name(dirfd, name);
    assert_false(path_exists(name));
}

static void count_readdirs(void *user, const struct sat_os_call *call)
{
    if (sat_str_eq(call->op, "readdir"))
        ++*(int *)user;
}

static void a_handle_sweeps_a_folder_once(void **state)
{
    int readdirs = 0;
    (void)state;
    sat_os_record(count_readdirs, &readdirs);
    assert_int_equal(put_file("a", "x", NULL, NULL), SATCHEL_OK);
    int once = readdirs;
    assert_true(once > 0);
    assert_int_equal(put_file("b", "x", NULL, NULL), SATCHEL_OK);
    sat_os_record(NULL, NULL);
    assert_int_equal(readdirs, once);
    write_foreign(DEAD, "x");
    later(61);
    list_folder();
    assert_true(path_exists(DEAD));
}

/* ---- side-cars */

/* The side-car of the object "a", made on a file system without attributes. */
static void make_side_car(char path[512])
{
    struct sat_os_dir *dir;
    const char *name;
    sat_os_fail_kind("xattr", EOPNOTSUPP);
    assert_int_equal(put_file("a", "x", NULL, NULL), SATCHEL_OK);
    assert_int_equal(sat_os_dir_open(AT_FDCWD, folder, &dir), 0);
    path[0] = '\0';
    while (sat_os_dir_next(dir, &name, NULL) == 1) {
        if (sat_os_is_side_name(name))
            (void)snprintf(path, 512, "%s", name);
    }
    sat_os_dir_close(dir);
    assert_true(path[0] != '\0');
}

/* Sweeps one name, however young. */
static void sweep_side(const char *name)
{
    SAT_AUTO_FD int dirfd = sat_os_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
    sat_file_side_sweep(dirfd, name, 0);
}

static void a_side_car_without_its_object_is_removed(void **state)
{
    char side[512];
    (void)state;
    make_side_car(side);
    later(61);
    SAT_AUTO_FD int dirfd = sat_os_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
    sat_file_sweep_name(dirfd, side);
    assert_true(path_exists(side));
    assert_int_equal(unlink(path_of("a")), 0);
    later(50);
    sat_file_sweep_name(dirfd, side);
    assert_true(path_exists(side));
    later(61);
    sat_file_sweep_name(dirfd, side);
    assert_false(path_exists(side));
}

static void a_side_car_of_a_replaced_object_is_removed(void **state)
{
    char side[512];
    (void)state;
    make_side_car(side);
    write_foreign("b", "theirs");
    assert_int_equal(rename(path_of("b"), path_of("a")), 0);
    sweep_side(side);
    assert_false(path_exists(side));
    assert_content("a", "theirs");
}

/* A touched object's side-car still tells its version to a compare-and-swap. */
static void a_side_car_of_a_changed_object_stays(void **state)
{
    char side[512];
    (void)state;
    make_side_car(side);
    write_foreign("a", "changed");
    sweep_side(side);
    assert_true(path_exists(side));
}

/* Between the side-car and the name of its object the writer holds the lock. */
static void a_writer_that_has_come_to_its_side_car_is_left_alone(void **state)
{
    struct sat_file_lock lock;
    struct sat_op op = {.kind = SAT_OP_PUT};
    char side[512];
    (void)state;
    make_side_car(side);
    assert_int_equal(unlink(path_of("a")), 0);
    SAT_AUTO_FD int dirfd = sat_os_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
    const struct sat_file_place place = {.dirfd = dirfd, .name = "a"};
    assert_int_equal(sat_file_lock_take(&op, &place, &lock, NULL), SATCHEL_OK);
    sweep_side(side);
    assert_true(path_exists(side));
    sat_file_lock_drop(&lock);
    sweep_side(side);
    assert_false(path_exists(side));
}

/* A copy of a live one, under a name that no reader looks for. */
static void a_side_car_of_a_wrong_name_is_removed(void **state)
{
    char side[512];
    (void)state;
    make_side_car(side);
    assert_int_equal(link(path_of(side), path_of(SIDE)), 0);
    sweep_side(side);
    sweep_side(SIDE);
    assert_true(path_exists(side));
    assert_false(path_exists(SIDE));
}

static void hostile_side_cars_do_no_harm(void **state)
{
    static const char *const texts[] = {
        "",
        "garbage",
        "v=1&stamp=1-2-3&name=victim\n\n\n",
        "v=1&stamp=1-2-3&name=..%2Fvictim\n\n\n",
        "v=1&stamp=1-2-3&name=.\n\n\n",
    };
    (void)state;
    write_foreign("victim", "x");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_foreign(SIDE, texts[i]);
        sweep_side(SIDE);
        assert_false(path_exists(SIDE));
        assert_content("victim", "x");
    }
    assert_int_equal(symlink("victim", path_of(SIDE)), 0);
    sweep_side(SIDE);
    assert_true(path_exists(SIDE));
}

static void an_emptied_root_can_be_deleted_a_minute_later(void **state)
{
    char side[512];
    struct sat_op op = {.kind = SAT_OP_BUCKET_DELETE, .conn = conn};
    (void)state;
    make_side_car(side);
    assert_int_equal(unlink(path_of("a")), 0);
    forget_folders();
    later(61);
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    sat_op_fini(&op);
    assert_false(path_exists(""));
}

/* A sweep never fails an operation. */
static void failing_sweeps_are_not_noticed(void **state)
{
    (void)state;
    write_foreign(DEAD, "x");
    write_foreign(SIDE, "x");
    later(61);
    for (long n = 1; n < 12; n++) {
        SAT_AUTO_FD int dirfd = sat_os_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
        struct sat_file_state fresh = {0};
        sat_os_fail_nth(n, EIO);
        sat_file_sweep_folder(&fresh, dirfd);
        sat_os_fail_nth(0, 0);
    }
    assert_false(path_exists(DEAD));
    assert_false(path_exists(SIDE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SWEEP_TEST(the_first_write_removes_what_is_dead),
        SWEEP_TEST(a_listing_removes_what_is_dead_in_every_folder),
        SWEEP_TEST(what_is_young_or_not_ours_is_left),
        SWEEP_TEST(what_a_live_writer_holds_is_left),
        SWEEP_TEST(a_handle_sweeps_a_folder_once),
        SWEEP_TEST(a_side_car_without_its_object_is_removed),
        SWEEP_TEST(a_side_car_of_a_replaced_object_is_removed),
        SWEEP_TEST(a_side_car_of_a_changed_object_stays),
        SWEEP_TEST(a_writer_that_has_come_to_its_side_car_is_left_alone),
        SWEEP_TEST(a_side_car_of_a_wrong_name_is_removed),
        SWEEP_TEST(hostile_side_cars_do_no_harm),
        SWEEP_TEST(an_emptied_root_can_be_deleted_a_minute_later),
        SWEEP_TEST(failing_sweeps_are_not_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
