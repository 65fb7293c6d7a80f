/* PUT of the file backend: every failure leaves the old object and nothing else; order of syncs. */
#include "backends/file_fixture.h"

#include <errno.h>
#include <pthread.h>

#include "core/alloc.h"
#include "core/str.h"

static void replacing_counts_on_and_keeps_the_mode(void **state)
{
    char first[SAT_FILE_ETAG_SIZE];
    char second[SAT_FILE_ETAG_SIZE];
    struct stat info;
    (void)state;
    assert_int_equal(put_file("a", "x", NULL, first), SATCHEL_OK);
    assert_non_null(strstr(first, "-1-"));
    assert_int_equal(chmod(path_of("a"), 0440), 0);
    assert_int_equal(put_file("a", "x", NULL, second), SATCHEL_OK);
    assert_non_null(strstr(second, "-2-"));
    assert_memory_equal(first, second, 16); /* the same content, the same checksum */
    assert_int_equal(stat(path_of("a"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0440);
    assert_no_temp();
}

static void a_new_file_has_the_mode_of_the_umask(void **state)
{
    struct stat info;
    (void)state;
    mode_t old = umask(027);
    int code = put_file("a", "x", NULL, NULL);
    (void)umask(old);
    assert_int_equal(code, SATCHEL_OK);
    assert_int_equal(stat(path_of("a"), &info), 0);
    assert_int_equal(info.st_mode & 0777, 0640);
}

static void hard_links_are_broken_not_written_through(void **state)
{
    (void)state;
    write_foreign("a", "shared");
    assert_int_equal(link(path_of("a"), path_of("b")), 0);
    assert_int_equal(put_file("a", "new", NULL, NULL), SATCHEL_OK);
    assert_content("a", "new");
    assert_content("b", "shared");
}

static void a_given_mtime_is_kept(void **state)
{
    static const int64_t times[] = {INT64_C(1234567890123456789), -INT64_C(1500000000)};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct sat_op op = {
            .kind = SAT_OP_PUT, .conn = conn, .key = file_key("a"), .mtime_ns = times[i]};
        assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
        assert_int_equal(op.info.mtime_ns, times[i]);
        sat_op_fini(&op);
    }
}

/* The calls that make a write durable, in order: what must reach the disk before what. */
struct order {
    char text[200];
};

static void note(void *user, const struct sat_os_call *call)
{
    static const char *const kinds[] = {"fsync", "link", "rename", "fsetxattr", "pwrite"};
    struct order *order = user;
    for (size_t i = 0; i < 5; i++) {
        size_t used = strlen(order->text);
        if (sat_str_eq(call->op, kinds[i]))
            (void)snprintf(order->text + used, sizeof order->text - used, "%s ", kinds[i]);
    }
}

static void a_name_appears_between_the_syncs_of_file_and_folder(void **state)
{
    struct order made = {""};
    struct order replaced = {""};
    (void)state;
    sat_os_record(note, &made);
    assert_int_equal(put_file("a", "x", NULL, NULL), SATCHEL_OK);
    sat_os_record(note, &replaced);
    assert_int_equal(put_file("a", "y", NULL, NULL), SATCHEL_OK);
    sat_os_record(NULL, NULL);
    assert_string_equal(made.text, "pwrite fsetxattr fsync link fsync ");
    assert_string_equal(replaced.text, "pwrite fsetxattr fsync link rename fsync ");
}

static void durability_decides_about_the_syncs(void **state)
{
    struct sat_file_state *file = conn->state;
    struct order data = {""};
    struct order none = {""};
    (void)state;
    file->durability = SAT_DURABLE_DATA;
    sat_os_record(note, &data);
    assert_int_equal(put_file("a", "x", NULL, NULL), SATCHEL_OK);
    file->durability = SAT_DURABLE_NONE;
    sat_os_record(note, &none);
    assert_int_equal(put_file("b", "x", NULL, NULL), SATCHEL_OK);
    sat_os_record(NULL, NULL);
    assert_string_equal(data.text, "pwrite fsetxattr fsync link ");
    assert_string_equal(none.text, "pwrite fsetxattr link ");
}

/* Fails the n-th kernel call of a PUT over "old", for every n: old or new, whole, and no temp. */
static void every_failing_call_leaves_a_whole_object(void **state)
{
    static const int errors[] = {EIO, ENOSPC};
    (void)state;
    for (size_t e = 0; e < 2; e++) {
        int code = SATCHEL_IO;
        long n = 0;
        while (code != SATCHEL_OK) {
            assert_int_equal(put_file("a", "old", NULL, NULL), SATCHEL_OK);
            sat_os_fail_nth(++n, errors[e]);
            code = put_file("a", "new content", NULL, NULL);
            long made = sat_os_call_count();
            sat_os_fail_nth(0, 0);
            if (made < n)
                break;
            struct sat_op get = {.kind = SAT_OP_STAT, .conn = conn, .key = file_key("a")};
            assert_int_equal(sat_op_run(&get, NULL), SATCHEL_OK);
            assert_true(get.info.size == 3 || get.info.size == 11);
            assert_true(get.info.has_crc64);
            sat_op_fini(&get);
            assert_no_temp();
            code = SATCHEL_IO; /* a failed close, for one, fails nothing */
        }
        assert_true(n > 15);
    }
}

static void every_failed_allocation_leaves_a_whole_object(void **state)
{
    struct sat_tags tags = {0};
    (void)state;
    assert_int_equal(sat_tags_add_str(&tags, "k", "v", NULL), SATCHEL_OK);
    assert_int_equal(put_file("a", "old", NULL, NULL), SATCHEL_OK);
    int code = SATCHEL_NOMEM;
    for (long n = 1; code != SATCHEL_OK && n < 200; n++) {
        struct sat_op op = {.kind = SAT_OP_PUT, .conn = conn, .key = file_key("a"), .tags = &tags};
        op.source = sat_source_span(sat_span_of("new"));
        sat_alloc_fail_nth(n);
        code = sat_op_run(&op, NULL);
        sat_alloc_fail_nth(0);
        sat_op_fini(&op);
        assert_true(code == SATCHEL_OK || code == SATCHEL_NOMEM);
        assert_no_temp();
    }
    assert_int_equal(code, SATCHEL_OK);
    assert_content("a", "new");
    sat_tags_fini(&tags);
}

/* Whether the nameless file was refused, as on a file system that has none. */
static void see_refusal(void *user, const struct sat_os_call *call)
{
    bool nameless = (call->flags & O_TMPFILE) == O_TMPFILE && sat_str_eq(call->op, "open");
    if (nameless && call->result == -EOPNOTSUPP)
        *(bool *)user = true;
}

/* Fails one call after the other until it was the one that makes the nameless file. */
static int put_with_named_temporary(bool replaces)
{
    int code = SATCHEL_OK;
    bool refused = false;
    for (long n = 1; n < 40 && !refused; n++) {
        (void)unlink(path_of("a"));
        if (replaces)
            write_foreign("a", "old");
        sat_os_record(see_refusal, &refused);
        sat_os_fail_nth(n, EOPNOTSUPP);
        code = put_file("a", "new", NULL, NULL);
        sat_os_fail_nth(0, 0);
        sat_os_record(NULL, NULL);
    }
    assert_true(refused);
    return code;
}

static void named_temporaries_do_the_same(void **state)
{
    (void)state;
    for (int replaces = 0; replaces < 2; replaces++) {
        assert_int_equal(put_with_named_temporary(replaces == 1), SATCHEL_OK);
        assert_content("a", "new");
        assert_no_temp();
    }
}

static void a_failing_sync_of_the_folder_is_an_unsettled_write(void **state)
{
    int syncs = 0;
    (void)state;
    for (long n = 1; n < 60 && syncs < 2; n++) {
        (void)unlink(path_of("a"));
        struct order order = {""};
        struct sat_op op = {.kind = SAT_OP_PUT, .conn = conn, .key = file_key("a")};
        sat_os_record(note, &order);
        sat_os_fail_nth(n, EIO);
        int code = sat_op_run(&op, NULL);
        sat_os_fail_nth(0, 0);
        sat_os_record(NULL, NULL);
        bool second = sat_str_ends(order.text, "link fsync ") && code == SATCHEL_IO;
        if (second) {
            assert_true(op.unsettled);
            assert_non_null(strstr(op.err.text, "syncing the folder"));
            syncs = 2;
        }
        sat_op_fini(&op);
    }
    assert_int_equal(syncs, 2);
}

/* ---- conditional against unconditional writers */

static void *put_plain(void *user)
{
    (void)user;
    for (int i = 0; i < 100; i++)
        assert_int_equal(put_file("a", "plain", NULL, NULL), SATCHEL_OK);
    return NULL;
}

/* If an unconditional PUT did not take the lock, the swap below could win over a version that it
 * had not seen: the counter in the ETag would then not count every write. */
static void unconditional_writes_take_part_in_the_order(void **state)
{
    char etag[SAT_FILE_ETAG_SIZE];
    pthread_t thread;
    int swaps = 0;
    (void)state;
    struct sat_file_state *file = conn->state;
    file->durability = SAT_DURABLE_NONE;
    assert_int_equal(put_file("a", "start", NULL, NULL), SATCHEL_OK);
    assert_int_equal(pthread_create(&thread, NULL, put_plain, NULL), 0);
    for (int i = 0; i < 100; i++) {
        stat_etag("a", etag);
        int code = put_file("a", "swapped", etag, NULL);
        assert_true(code == SATCHEL_OK || code == SATCHEL_CONFLICT);
        swaps += code == SATCHEL_OK;
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    char want[16];
    (void)snprintf(want, sizeof want, "-%d-", 1 + 100 + swaps);
    stat_etag("a", etag);
    assert_non_null(strstr(etag, want));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(replacing_counts_on_and_keeps_the_mode),
        FILE_TEST(a_new_file_has_the_mode_of_the_umask),
        FILE_TEST(hard_links_are_broken_not_written_through),
        FILE_TEST(a_given_mtime_is_kept),
        FILE_TEST(a_name_appears_between_the_syncs_of_file_and_folder),
        FILE_TEST(durability_decides_about_the_syncs),
        FILE_TEST(every_failing_call_leaves_a_whole_object),
        FILE_TEST(every_failed_allocation_leaves_a_whole_object),
        FILE_TEST(named_temporaries_do_the_same),
        FILE_TEST(a_failing_sync_of_the_folder_is_an_unsettled_write),
        FILE_TEST(unconditional_writes_take_part_in_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
