/* LIST of the file backend: what is hidden or skipped, errors, cursors, the cost of many pages. */
#include "backends/file_fixture.h"

#include <errno.h>

#include "core/alloc.h"
#include "core/str.h"

static struct sat_op list_op(void)
{
    struct sat_op op = {.kind = SAT_OP_LIST, .conn = conn};
    op.list.prefix = conn->root;
    return op;
}

/* The names of one page, joined with ' '. */
static void assert_page(struct sat_op *op, const char *want)
{
    SAT_AUTO_BUF struct sat_buf names;
    sat_buf_init(&names, 100000);
    assert_int_equal(sat_op_run(op, NULL), SATCHEL_OK);
    for (size_t i = 0; i < op->page.entries.len; i++) {
        const char *key = sat_page_key(&op->page, i);
        assert_true(sat_str_starts(key, conn->root));
        (void)sat_buf_addf(&names, "%s%s", i == 0 ? "" : " ", key + strlen(conn->root));
    }
    assert_string_equal(sat_buf_str(&names), want);
}

static void what_is_no_object_is_not_listed(void **state)
{
    (void)state;
    assert_int_equal(put_file("a", "1", NULL, NULL), SATCHEL_OK);
    assert_int_equal(put_file("a", "2", NULL, NULL), SATCHEL_OK); /* makes the lock file */
    assert_true(path_exists(SAT_FILE_LOCK_NAME));
    write_foreign(".satchel-0123456789abcdef.part", "dead");
    write_foreign(".satchel-other", "a user's");
    assert_int_equal(symlink("a", path_of("link")), 0);
    assert_int_equal(mkfifo(path_of("fifo"), 0644), 0);
    assert_int_equal(sat_os_mkdir(AT_FDCWD, path_of("empty"), 0755), 0);
    assert_int_equal(symlink(folder, path_of("loop")), 0);
    struct sat_op op = list_op();
    assert_page(&op, ".satchel-other a");
    sat_op_fini(&op);
    struct sat_op flat = list_op();
    flat.list.delimiter = "/";
    assert_page(&flat, ".satchel-other a");
    sat_op_fini(&flat);
}

static void a_missing_root_is_not_found_and_a_missing_prefix_is_empty(void **state)
{
    satchel_error err;
    (void)state;
    struct sat_op op = list_op();
    SAT_AUTO_FREE char *prefix = sat_strf("%snope/", conn->root);
    op.list.prefix = prefix;
    assert_page(&op, "");
    sat_op_fini(&op);
    folder_remove(folder);
    struct sat_op gone = list_op();
    assert_int_equal(sat_op_run(&gone, &err), SATCHEL_NOT_FOUND);
    assert_true(sat_str_starts(err.text, "not found: file:///"));
    assert_true(sat_str_ends(err.text, folder));
    sat_op_fini(&gone);
}

static void a_prefix_outside_the_root_is_invalid(void **state)
{
    (void)state;
    struct sat_op op = list_op();
    op.list.prefix = "etc/";
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_INVALID);
    sat_op_fini(&op);
}

/* Every failing call is an error: a listing is never merely shorter. */
static void no_failing_call_makes_a_gap(void **state)
{
    (void)state;
    assert_int_equal(put_file("a", "1", NULL, NULL), SATCHEL_OK);
    assert_int_equal(put_file("d/b", "2", NULL, NULL), SATCHEL_OK);
    assert_int_equal(put_file("d/e/c", "3", NULL, NULL), SATCHEL_OK);
    int failed = 0;
    for (long n = 1; n < 200; n++) {
        struct sat_op op = list_op();
        sat_os_fail_nth(n, EIO);
        int code = sat_op_run(&op, NULL);
        bool done = sat_os_call_count() < n;
        sat_os_fail_nth(0, 0);
        failed += code != SATCHEL_OK;
        assert_true(code == SATCHEL_IO || op.page.entries.len == 3);
        sat_op_fini(&op);
        if (done)
            break;
    }
    assert_true(failed > 10);
}

static void what_vanishes_meanwhile_is_skipped(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c/d", "e"};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(put_file(names[i], "x", NULL, NULL), SATCHEL_OK);
    struct sat_op first = list_op();
    first.list.max_keys = 1;
    assert_page(&first, "a");
    assert_int_equal(unlink(path_of("b")), 0);
    folder_remove(path_of("c"));
    struct sat_op second = list_op();
    second.list.token = first.page.next;
    second.list_cursor = first.list_cursor;
    first.list_cursor = NULL;
    assert_page(&second, "e");
    assert_null(second.page.next);
    sat_op_fini(&second);
    sat_op_fini(&first);
}

static void an_abandoned_cursor_is_freed_with_its_op(void **state)
{
    (void)state;
    assert_int_equal(put_file("d/a", "x", NULL, NULL), SATCHEL_OK);
    assert_int_equal(put_file("d/b", "x", NULL, NULL), SATCHEL_OK);
    struct sat_op op = list_op();
    op.list.max_keys = 1;
    assert_page(&op, "d/a");
    assert_non_null(op.list_cursor);
    sat_op_fini(&op);
    assert_null(op.list_cursor);
}

static void a_cursor_that_stands_elsewhere_is_not_used(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(put_file(names[i], "x", NULL, NULL), SATCHEL_OK);
    struct sat_op first = list_op();
    first.list.max_keys = 2;
    assert_page(&first, "a b");
    struct sat_op second = list_op();
    second.list_cursor = first.list_cursor; /* for the page after b */
    first.list_cursor = NULL;
    second.list.token = file_key("a");
    assert_page(&second, "b c");
    sat_op_fini(&second);
    sat_op_fini(&first);
}

/* Pages with their cursor read a folder once: the calls grow with the files, not with the pages. */
static long calls_of_listing(unsigned page)
{
    char *token = NULL;
    void *cursor = NULL;
    sat_os_fail_nth(0, 0);
    do {
        struct sat_op op = list_op();
        op.list.max_keys = page;
        op.list.token = token;
        op.list_cursor = cursor;
        assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
        sat_free(token);
        token = op.page.next == NULL ? NULL : sat_strdup(op.page.next);
        cursor = op.list_cursor;
        op.list_cursor = NULL;
        sat_op_fini(&op);
    } while (token != NULL);
    return sat_os_call_count();
}

static void small_pages_do_not_read_the_folder_again(void **state)
{
    enum { FILES = 300 };
    (void)state;
    for (int i = 0; i < FILES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "f%04d", i);
        write_foreign(name, "");
    }
    long whole = calls_of_listing(1000);
    long paged = calls_of_listing(10);
    assert_true(paged < whole + FILES / 10 * 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(what_is_no_object_is_not_listed),
        FILE_TEST(a_missing_root_is_not_found_and_a_missing_prefix_is_empty),
        FILE_TEST(a_prefix_outside_the_root_is_invalid),
        FILE_TEST(no_failing_call_makes_a_gap),
        FILE_TEST(what_vanishes_meanwhile_is_skipped),
        FILE_TEST(an_abandoned_cursor_is_freed_with_its_op),
        FILE_TEST(a_cursor_that_stands_elsewhere_is_not_used),
        FILE_TEST(small_pages_do_not_read_the_folder_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
