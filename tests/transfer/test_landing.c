/* Files in the making: a name only for what is complete, nothing left of what is not. */
#include "transfer/landing.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/fixture.h"

static struct sat_landing landing;

static void begin(const char *name)
{
    satchel_error err = {0};
    if (sat_landing_begin(at(name), 0, SAT_LANDING_FULL, &landing, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
}

static void write_text(const char *text)
{
    assert_int_equal(sat_os_write_all(landing.fd, text, strlen(text)), 0);
}

static void appears_at_commit(void **state)
{
    (void)state;
    begin("a");
    write_text("content");
    assert_missing("a");
    assert_int_equal(sat_landing_commit(&landing, 7, false, NULL), SATCHEL_OK);
    assert_file("a", "content");
    assert_no_temps();
}

static void abort_leaves_nothing(void **state)
{
    (void)state;
    begin("a");
    write_text("half");
    sat_landing_abort(&landing);
    assert_missing("a");
    assert_no_temps();
}

static void length_is_what_commit_says(void **state)
{
    (void)state;
    assert_int_equal(sat_landing_begin(at("a"), 1 << 20, SAT_LANDING_NONE, &landing, NULL),
                     SATCHEL_OK);
    write_text("short");
    assert_int_equal(sat_landing_commit(&landing, 5, false, NULL), SATCHEL_OK);
    assert_file("a", "short");
}

static void replacing_keeps_the_mode(void **state)
{
    struct stat info;
    (void)state;
    put("a", "old");
    assert_int_equal(chmod(at("a"), 0640), 0);
    begin("a");
    write_text("new");
    assert_file("a", "old");
    assert_int_equal(sat_landing_commit(&landing, 3, false, NULL), SATCHEL_OK);
    assert_file("a", "new");
    assert_int_equal(stat(at("a"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
    assert_no_temps();
}

static void if_absent_keeps_what_came_meanwhile(void **state)
{
    satchel_error err = {0};
    (void)state;
    begin("a");
    write_text("late");
    put("a", "first");
    assert_int_equal(sat_landing_commit(&landing, 4, true, &err), SATCHEL_EXISTS);
    assert_non_null(strstr(err.text, at("a")));
    assert_file("a", "first");
    assert_no_temps();
}

static void a_link_is_replaced_not_followed(void **state)
{
    (void)state;
    put("elsewhere", "kept");
    make_link("a", at("elsewhere"));
    begin("a");
    write_text("new");
    assert_int_equal(sat_landing_commit(&landing, 3, false, NULL), SATCHEL_OK);
    assert_file("a", "new");
    assert_file("elsewhere", "kept");
}

static void a_folder_is_not_replaced(void **state)
{
    satchel_error err = {0};
    (void)state;
    make_folder("a");
    begin("a");
    assert_int_equal(sat_landing_commit(&landing, 0, false, &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "folder"));
    assert_no_temps();
}

static void the_folder_must_be_there(void **state)
{
    satchel_error err = {0};
    (void)state;
    assert_int_equal(sat_landing_begin(at("no/a"), 0, SAT_LANDING_FULL, &landing, &err),
                     SATCHEL_NOT_FOUND);
    assert_non_null(strstr(err.text, "no/a"));
}

/* A folder of the case, not open. */
static const struct sat_landing_root *below(const char *name)
{
    static struct sat_landing_root root;
    root = (struct sat_landing_root){.path = at(name), .fd = -1};
    return &root;
}

/* It is lent: the landing leaves it open. */
static void below_an_open_root(void **state)
{
    static const char *const names[] = {"a", "sub/a"};
    (void)state;
    make_folder("root");
    SAT_AUTO_FD int fd = sat_os_open(AT_FDCWD, at("root"), O_RDONLY | O_DIRECTORY, 0);
    const struct sat_landing_root root = {.path = at("root"), .fd = fd};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(
            sat_landing_begin_below(&root, names[i], 0, SAT_LANDING_FULL, &landing, NULL),
            SATCHEL_OK);
        write_text("deep");
        assert_int_equal(sat_landing_commit(&landing, 4, false, NULL), SATCHEL_OK);
        assert_int_equal(
            sat_landing_begin_below(&root, names[i], 9, SAT_LANDING_FULL, &landing, NULL),
            SATCHEL_OK);
        sat_landing_abort(&landing);
    }
    assert_file("root/a", "deep");
    assert_file("root/sub/a", "deep");
    assert_no_temps();
    assert_true(fcntl(fd, F_GETFD) >= 0);
}

static void below_makes_folders(void **state)
{
    (void)state;
    assert_int_equal(
        sat_landing_begin_below(below("root"), "x/y/a", 0, SAT_LANDING_FULL, &landing, NULL),
        SATCHEL_OK);
    write_text("deep");
    assert_int_equal(sat_landing_commit(&landing, 4, false, NULL), SATCHEL_OK);
    assert_file("root/x/y/a", "deep");
}

/* The folder of the name is swapped for a link that leads out of the destination. */
static void below_follows_no_link(void **state)
{
    satchel_error err = {0};
    (void)state;
    make_folder("outside");
    make_folder("root");
    make_link("root/sub", at("outside"));
    assert_int_not_equal(
        sat_landing_begin_below(below("root"), "sub/a", 0, SAT_LANDING_FULL, &landing, &err),
        SATCHEL_OK);
    assert_missing("outside/a");
    assert_no_temps();
}

static void hostile_names_are_refused(void **state)
{
    static const char *const names[] = {
        "..",
        "../a",
        "a/../../b",
        ".",
        "a/./b",
        "/etc/a",
        "",
        "a//b",
        "a/",
        "/",
        "a/..",
        "./a",
        ".satchel.lock",
        ".satchel-0123456789abcdef.attr",
        "x/.satchel.lock",
        ".satchel-0123456789abcdef.part",
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        satchel_error err = {0};
        if (sat_landing_check_name(names[i], &err) != SATCHEL_INVALID)
            fail_msg("'%s' was taken", names[i]);
        assert_int_equal(
            sat_landing_begin_below(below("root"), names[i], 0, SAT_LANDING_FULL, &landing, NULL),
            SATCHEL_INVALID);
    }
    assert_missing("root");
}

static void a_part_may_have_255_bytes(void **state)
{
    char name[300];
    (void)state;
    memset(name, 'n', sizeof name);
    name[255] = '\0';
    assert_int_equal(sat_landing_check_name(name, NULL), SATCHEL_OK);
    name[255] = 'n';
    name[256] = '\0';
    assert_int_equal(sat_landing_check_name(name, NULL), SATCHEL_LIMIT);
    assert_int_equal(sat_landing_check_name("..a/b..", NULL), SATCHEL_OK);
}

/* Whatever kernel call of a replacement fails: an error, the old file, nothing left. */
static void any_failed_call_leaves_the_old_file(void **state)
{
    (void)state;
    put("a", "old");
    for (long nth = 1;; nth++) {
        int code = SATCHEL_OK;
        sat_os_fail_nth(nth, EIO);
        code = sat_landing_begin(at("a"), 3, SAT_LANDING_FULL, &landing, NULL);
        if (code == SATCHEL_OK && sat_os_write_all(landing.fd, "new", 3) < 0) {
            sat_landing_abort(&landing);
            code = SATCHEL_IO;
        }
        if (code == SATCHEL_OK)
            code = sat_landing_commit(&landing, 3, false, NULL);
        long calls = sat_os_call_count();
        sat_os_fail_nth(0, 0);
        assert_no_temps();
        if (calls < nth) {
            assert_int_equal(code, SATCHEL_OK);
            break;
        }
        /* The last calls come after the rename: then the new file is there, and said not to be
         * safe. */
        if (code == SATCHEL_OK || access(at("a"), F_OK) != 0)
            put("a", "old");
    }
    assert_file("a", "new");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(appears_at_commit),
        CASE(abort_leaves_nothing),
        CASE(length_is_what_commit_says),
        CASE(replacing_keeps_the_mode),
        CASE(if_absent_keeps_what_came_meanwhile),
        CASE(a_link_is_replaced_not_followed),
        CASE(a_folder_is_not_replaced),
        CASE(the_folder_must_be_there),
        CASE(below_makes_folders),
        CASE(below_an_open_root),
        CASE(below_follows_no_link),
        CASE(hostile_names_are_refused),
        CASE(a_part_may_have_255_bytes),
        CASE(any_failed_call_leaves_the_old_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
