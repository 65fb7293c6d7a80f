/* One object between a store and a file: checksummed, and never from two states of the file. */
#include "transfer/object.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/clock.h"
#include "core/crc.h"
#include "transfer/fixture.h"

static void put_file_stores_the_content(void **state)
{
    struct sat_local_file file;
    struct sat_op op = {.kind = SAT_OP_PUT};
    (void)state;
    put("a", "content");
    op.conn = reach_object("mem://object/a", &op.key);
    assert_int_equal(sat_local_file_open(at("a"), &file, NULL), SATCHEL_OK);
    assert_int_equal(sat_object_put_file(&op, &file, NULL), SATCHEL_OK);
    sat_local_file_close(&file);
    sat_op_fini(&op);
    assert_object("mem://object/a", "content");
}

static void a_file_that_shrank_is_modified(void **state)
{
    struct sat_local_file file;
    struct sat_op op = {.kind = SAT_OP_PUT};
    satchel_error err = {0};
    (void)state;
    put("a", "long content");
    op.conn = reach_object("mem://object/shrank", &op.key);
    assert_int_equal(sat_local_file_open(at("a"), &file, NULL), SATCHEL_OK);
    put("a", "short");
    assert_int_equal(sat_object_put_file(&op, &file, &err), SATCHEL_MODIFIED);
    assert_non_null(strstr(err.text, at("a")));
    sat_local_file_close(&file);
    sat_op_fini(&op);
    assert_no_object("mem://object/shrank");
}

static void a_file_that_grew_is_modified(void **state)
{
    struct sat_local_file file;
    (void)state;
    put("a", "short");
    assert_int_equal(sat_local_file_open(at("a"), &file, NULL), SATCHEL_OK);
    assert_int_equal(sat_local_file_same(&file, NULL), SATCHEL_OK);
    put("a", "other");
    assert_int_equal(sat_local_file_same(&file, NULL), SATCHEL_MODIFIED);
    /* Somebody who sets the time back does not fool us if the size differs. */
    const struct timespec times[2] = {file.info.st_mtim, file.info.st_mtim};
    put("a", "much longer");
    assert_int_equal(utimensat(AT_FDCWD, at("a"), times, 0), 0);
    assert_int_equal(sat_local_file_same(&file, NULL), SATCHEL_MODIFIED);
    put("a", "short");
    assert_int_equal(utimensat(AT_FDCWD, at("a"), times, 0), 0);
    assert_int_equal(sat_local_file_same(&file, NULL), SATCHEL_OK);
    sat_local_file_close(&file);
}

static void only_regular_files_are_read(void **state)
{
    struct sat_local_file file;
    satchel_error err = {0};
    (void)state;
    make_folder("d");
    assert_int_equal(mkfifo(at("p"), 0600), 0);
    assert_int_equal(sat_local_file_open(at("d"), &file, &err), SATCHEL_INVALID);
    assert_int_equal(sat_local_file_open(at("p"), &file, &err), SATCHEL_INVALID);
    assert_int_equal(sat_local_file_open(at("none"), &file, &err), SATCHEL_NOT_FOUND);
    assert_non_null(strstr(err.text, at("none")));
}

static void below_a_root_no_link_is_followed(void **state)
{
    struct sat_local_file file;
    (void)state;
    put("secret", "s");
    make_folder("root");
    make_link("root/link", at("secret"));
    assert_int_equal(sat_local_file_open(at("root/link"), &file, NULL), SATCHEL_OK);
    sat_local_file_close(&file);
    assert_int_not_equal(
        sat_local_file_open_below(at("root/link"), strlen(at("root/")), NULL, &file, NULL),
        SATCHEL_OK);
}

static void a_root_stays_open_for_the_files_below_it(void **state)
{
    struct sat_root root = {0};
    struct sat_local_file file;
    size_t len = strlen(at("root/"));
    (void)state;
    put("root/a", "1");
    put("other/a", "22");
    for (int i = 0; i < 3; i++) {
        /* The third time it is another folder: it is not taken for the one that is open. */
        const char *path = at(i == 2 ? "other/a" : "root/a");
        size_t root_len = i == 2 ? strlen(at("other/")) : len;
        assert_int_equal(sat_local_file_open_below(path, root_len, &root, &file, NULL), SATCHEL_OK);
        assert_int_equal(file.info.st_size, i == 2 ? 2 : 1);
        sat_local_file_close(&file);
    }
    int fd = root.fd;
    assert_int_equal(sat_root_open(&root, at("other/"), strlen(at("other/")), O_PATH), fd);
    assert_int_equal(sat_root_open(&root, at("none/"), strlen(at("none/")), O_PATH), -ENOENT);
    assert_null(root.path);
    sat_root_close(&root);
}

static void get_file_brings_length_and_checksum(void **state)
{
    struct sat_landing landing;
    struct sat_op op = {.kind = SAT_OP_GET};
    (void)state;
    put_object("mem://object/g", "bytes", NULL);
    op.conn = reach_object("mem://object/g", &op.key);
    assert_int_equal(sat_landing_begin(at("g"), 5, SAT_LANDING_NONE, &landing, NULL), SATCHEL_OK);
    assert_int_equal(sat_object_get_file(&op, &landing, NULL), SATCHEL_OK);
    assert_int_equal(op.sink.received, 5);
    assert_true(op.sink.crc64 == sat_crc64(0, "bytes", 5));
    assert_int_equal(sat_landing_commit(&landing, 5, false, NULL), SATCHEL_OK);
    sat_op_fini(&op);
    assert_file("g", "bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(put_file_stores_the_content),         CASE(a_file_that_shrank_is_modified),
        CASE(a_file_that_grew_is_modified),        CASE(only_regular_files_are_read),
        CASE(below_a_root_no_link_is_followed),    CASE(a_root_stays_open_for_the_files_below_it),
        CASE(get_file_brings_length_and_checksum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
