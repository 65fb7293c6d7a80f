/* Objects of the file backend: foreign changes, conditions on stale ETags, changes while reading.
 */
#include "backends/file_fixture.h"

#include "core/crc.h"
#include "core/str.h"

static void a_change_in_place_voids_the_etag(void **state)
{
    char ours[SAT_FILE_ETAG_SIZE];
    char now[SAT_FILE_ETAG_SIZE];
    (void)state;
    assert_int_equal(put_file("a", "12345", NULL, ours), SATCHEL_OK);
    stat_etag("a", now);
    assert_string_equal(now, ours);
    write_foreign("a", "54321"); /* the same size */
    stat_etag("a", now);
    assert_true(sat_str_starts(now, "W/"));
    struct sat_op op = {.kind = SAT_OP_STAT, .conn = conn, .key = file_key("a")};
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_false(op.info.has_crc64);
    sat_op_fini(&op);
}

static void a_change_in_place_loses_the_swap(void **state)
{
    char etag[SAT_FILE_ETAG_SIZE];
    (void)state;
    assert_int_equal(put_file("a", "12345", NULL, etag), SATCHEL_OK);
    write_foreign("a", "54321");
    assert_int_equal(put_file("a", "ours", etag, NULL), SATCHEL_CONFLICT);
    assert_content("a", "54321");
}

/* Only the mtime changed: the content still is what the strong ETag stands for. */
static void a_touched_file_keeps_its_version_for_a_swap(void **state)
{
    char etag[SAT_FILE_ETAG_SIZE];
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000}};
    (void)state;
    assert_int_equal(put_file("a", "12345", NULL, etag), SATCHEL_OK);
    assert_int_equal(utimensat(AT_FDCWD, path_of("a"), times, 0), 0);
    assert_int_equal(put_file("a", "next", etag, NULL), SATCHEL_OK);
    assert_content("a", "next");
}

static void a_weak_etag_serves_a_swap_until_the_file_changes(void **state)
{
    char weak[SAT_FILE_ETAG_SIZE];
    char strong[SAT_FILE_ETAG_SIZE];
    (void)state;
    write_foreign("a", "foreign");
    stat_etag("a", weak);
    assert_true(sat_str_starts(weak, "W/"));
    assert_int_equal(put_file("a", "ours", weak, strong), SATCHEL_OK);
    assert_false(sat_str_starts(strong, "W/"));
    assert_int_equal(put_file("a", "late", weak, NULL), SATCHEL_CONFLICT);
    assert_content("a", "ours");
}

/* What a writer does in place while our GET is reading; once. */
static void append_once(void *user, const struct sat_os_call *call)
{
    bool *done = user;
    if (*done || !sat_str_eq(call->op, "pread"))
        return;
    *done = true;
    FILE *file = fopen(path_of("a"), "a");
    if (file != NULL) {
        (void)fputs("more", file);
        (void)fclose(file);
    }
}

static int get_watched(sat_os_recorder *recorder, struct sat_buf *body)
{
    bool done = false;
    struct sat_op op = {.kind = SAT_OP_GET, .conn = conn, .key = file_key("a")};
    op.sink = sat_sink_memory(body);
    sat_os_record(recorder, &done);
    int code = sat_op_run(&op, NULL);
    sat_os_record(NULL, NULL);
    sat_op_fini(&op);
    return code;
}

static void a_file_that_changes_while_read_is_modified(void **state)
{
    SAT_AUTO_BUF struct sat_buf body;
    (void)state;
    sat_buf_init(&body, 1000);
    write_foreign("a", "foreign");
    assert_int_equal(get_watched(append_once, &body), SATCHEL_MODIFIED);
}

/* A replaced object is another file: who has the old one open reads it to its end. */
static void replace_once(void *user, const struct sat_os_call *call)
{
    bool *done = user;
    if (*done || !sat_str_eq(call->op, "pread"))
        return;
    *done = true;
    (void)rename(path_of("b"), path_of("a"));
}

static void a_file_that_is_replaced_while_read_is_read_whole(void **state)
{
    SAT_AUTO_BUF struct sat_buf body;
    (void)state;
    sat_buf_init(&body, 1000);
    assert_int_equal(put_file("a", "old", NULL, NULL), SATCHEL_OK);
    assert_int_equal(put_file("b", "new one", NULL, NULL), SATCHEL_OK);
    assert_int_equal(get_watched(replace_once, &body), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&body), "old");
}

/* The bytes on the disk rot; size and times stay. */
static void rotten_bytes_are_found_by_the_checksum(void **state)
{
    SAT_AUTO_BUF struct sat_buf body;
    struct stat info;
    (void)state;
    sat_buf_init(&body, 1000);
    assert_int_equal(put_file("a", "12345", NULL, NULL), SATCHEL_OK);
    int fd = sat_os_open(AT_FDCWD, path_of("a"), O_WRONLY, 0);
    assert_int_equal(sat_os_fstat(fd, &info), 0);
    assert_int_equal(sat_os_pwrite_all(fd, "X", 1, 2), 0);
    const struct timespec times[2] = {info.st_atim, info.st_mtim};
    assert_int_equal(sat_os_set_times(fd, times), 0);
    assert_int_equal(sat_os_close(fd), 0);
    assert_int_equal(get_watched(NULL, &body), SATCHEL_INTEGRITY);
}

static void folders_and_special_files_are_no_objects(void **state)
{
    (void)state;
    assert_int_equal(sat_os_mkdir(AT_FDCWD, path_of("d"), 0755), 0);
    assert_int_equal(mkfifo(path_of("fifo"), 0644), 0);
    static const char *const names[] = {"d", "fifo"};
    for (size_t i = 0; i < 2; i++) {
        struct sat_op op = {.kind = SAT_OP_STAT, .conn = conn, .key = file_key(names[i])};
        assert_int_equal(sat_op_run(&op, NULL), SATCHEL_NOT_FOUND);
        sat_op_fini(&op);
    }
    assert_int_equal(put_file("d", "x", NULL, NULL), SATCHEL_INVALID);
    assert_int_equal(put_file("fifo", "x", NULL, NULL), SATCHEL_UNSUPPORTED);
}

static void tagging_a_foreign_file_keeps_its_weak_etag(void **state)
{
    char before[SAT_FILE_ETAG_SIZE];
    char after[SAT_FILE_ETAG_SIZE];
    struct sat_tags tags = {0};
    (void)state;
    write_foreign("a", "foreign");
    stat_etag("a", before);
    assert_int_equal(sat_tags_add_str(&tags, "k", "v", NULL), SATCHEL_OK);
    struct sat_op set = {
        .kind = SAT_OP_TAGS_SET, .conn = conn, .key = file_key("a"), .tags = &tags};
    assert_int_equal(sat_op_run(&set, NULL), SATCHEL_OK);
    sat_op_fini(&set);
    stat_etag("a", after);
    assert_string_equal(after, before);
    struct sat_op get = {.kind = SAT_OP_TAGS_GET, .conn = conn, .key = file_key("a")};
    assert_int_equal(sat_op_run(&get, NULL), SATCHEL_OK);
    assert_int_equal(sat_tags_count(&get.found_tags), 1);
    sat_op_fini(&get);
    sat_tags_fini(&tags);
}

/* A stale attribute must not vouch for foreign content because somebody set a tag. */
static void tagging_a_changed_file_does_not_revive_its_etag(void **state)
{
    char ours[SAT_FILE_ETAG_SIZE];
    char now[SAT_FILE_ETAG_SIZE];
    (void)state;
    assert_int_equal(put_file("a", "12345", NULL, ours), SATCHEL_OK);
    write_foreign("a", "54321");
    struct sat_op set = {.kind = SAT_OP_TAGS_SET, .conn = conn, .key = file_key("a")};
    assert_int_equal(sat_op_run(&set, NULL), SATCHEL_OK);
    sat_op_fini(&set);
    stat_etag("a", now);
    assert_true(sat_str_starts(now, "W/"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(a_change_in_place_voids_the_etag),
        FILE_TEST(a_change_in_place_loses_the_swap),
        FILE_TEST(a_touched_file_keeps_its_version_for_a_swap),
        FILE_TEST(a_weak_etag_serves_a_swap_until_the_file_changes),
        FILE_TEST(a_file_that_changes_while_read_is_modified),
        FILE_TEST(a_file_that_is_replaced_while_read_is_read_whole),
        FILE_TEST(rotten_bytes_are_found_by_the_checksum),
        FILE_TEST(folders_and_special_files_are_no_objects),
        FILE_TEST(tagging_a_foreign_file_keeps_its_weak_etag),
        FILE_TEST(tagging_a_changed_file_does_not_revive_its_etag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
