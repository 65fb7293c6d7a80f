/* user.satchel: what is written comes back while the stamp holds, and nothing of it afterwards. */
#include "backends/file_fixture.h"

#include <errno.h>

#include "core/alloc.h"
#include "core/str.h"

static int open_file(const char *name, struct stat *info)
{
    write_foreign(name, "content");
    int fd = sat_os_open(AT_FDCWD, path_of(name), O_RDWR, 0);
    assert_true(fd >= 0);
    assert_int_equal(sat_os_fstat(fd, info), 0);
    return fd;
}

/* Reads what is known of the open file "a". */
static int read_a(int fd, const struct stat *info, struct sat_file_attr *attr, satchel_error *err)
{
    SAT_AUTO_FD int dirfd = sat_os_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
    const struct sat_file_place place = {.dirfd = dirfd, .name = "a"};
    return sat_file_attr_read(&place, fd, info, attr, err);
}

/* Writes an attribute with every member. */
static void write_all(int fd, const struct stat *info)
{
    bool kept = false;
    struct sat_file_attr attr = {.content_type = (char[]){"text/x; a=\"b\""}};
    sat_file_etag_strong(0x1234, 7, 0xabcd, attr.recorded);
    assert_int_equal(sat_tags_add_str(&attr.metadata, "note", "a=b&c\nd", NULL), SATCHEL_OK);
    assert_int_equal(sat_tags_add_str(&attr.tags, "caf\xc3\xa9", "", NULL), SATCHEL_OK);
    assert_int_equal(sat_file_attr_write(fd, info, &attr, "k", &kept, NULL), SATCHEL_OK);
    assert_true(kept);
    sat_tags_fini(&attr.metadata);
    sat_tags_fini(&attr.tags);
}

static void everything_comes_back(void **state)
{
    struct stat info;
    struct sat_file_attr attr;
    (void)state;
    SAT_AUTO_FD int fd = open_file("a", &info);
    write_all(fd, &info);
    assert_int_equal(read_a(fd, &info, &attr, NULL), SATCHEL_OK);
    assert_true(attr.valid);
    assert_string_equal(attr.etag, "0000000000001234-7-000000000000abcd");
    assert_string_equal(attr.recorded, attr.etag);
    assert_int_equal(attr.crc64, 0x1234);
    assert_int_equal(attr.counter, 7);
    assert_string_equal(attr.content_type, "text/x; a=\"b\"");
    assert_string_equal(sat_tags_at(&attr.metadata, 0)->value, "a=b&c\nd");
    assert_string_equal(sat_tags_at(&attr.tags, 0)->key, "caf\xc3\xa9");
    sat_file_attr_fini(&attr);
}

static void a_file_of_others_has_a_weak_etag(void **state)
{
    struct stat info;
    struct sat_file_attr attr;
    char want[SAT_FILE_ETAG_SIZE];
    (void)state;
    SAT_AUTO_FD int fd = open_file("a", &info);
    assert_int_equal(read_a(fd, &info, &attr, NULL), SATCHEL_OK);
    assert_false(attr.valid);
    (void)snprintf(want, sizeof want, "W/%llu-7-%lld", (unsigned long long)info.st_ino,
                   (long long)sat_file_mtime_ns(&info));
    assert_string_equal(attr.etag, want);
    assert_string_equal(attr.recorded, "");
}

/* Each part of the stamp counts. */
static void a_stamp_that_differs_voids_everything(void **state)
{
    struct stat info;
    (void)state;
    SAT_AUTO_FD int fd = open_file("a", &info);
    write_all(fd, &info);
    struct stat changed[3] = {info, info, info};
    changed[0].st_ino++;
    changed[1].st_size++;
    changed[2].st_mtim.tv_nsec++;
    for (size_t i = 0; i < 3; i++) {
        struct sat_file_attr attr;
        assert_int_equal(read_a(fd, &changed[i], &attr, NULL), SATCHEL_OK);
        assert_false(attr.valid);
        assert_true(sat_str_starts(attr.etag, "W/"));
        assert_string_equal(attr.recorded, "0000000000001234-7-000000000000abcd");
        assert_null(attr.content_type);
        assert_int_equal(sat_tags_count(&attr.metadata) + sat_tags_count(&attr.tags), 0);
        sat_file_attr_fini(&attr);
    }
}

static void attributes_of_another_form_count_as_none(void **state)
{
    static const char *const texts[] = {
        "", "x", "\n\n\n", "v=2&stamp=1&etag=\n\n\n", "v=1&v=1\n\n\n", "%zz\n\n\n", "v=1\n\n\n\n"};
    struct stat info;
    (void)state;
    SAT_AUTO_FD int fd = open_file("a", &info);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct sat_file_attr attr;
        satchel_error err = {0};
        assert_int_equal(fsetxattr(fd, "user.satchel", texts[i], strlen(texts[i]), 0), 0);
        assert_int_equal(read_a(fd, &info, &attr, &err), SATCHEL_OK);
        assert_int_equal(err.code, SATCHEL_OK);
        assert_false(attr.valid);
        assert_true(sat_str_starts(attr.etag, "W/"));
        sat_file_attr_fini(&attr);
    }
}

/* Writes an attribute of about that many bytes. */
static int write_sized(int fd, const struct stat *info, size_t bytes, bool *kept,
                       satchel_error *err)
{
    struct sat_file_attr attr = {0};
    SAT_AUTO_FREE char *value = sat_calloc(1, bytes + 1);
    memset(value, 'v', bytes);
    assert_int_equal(sat_tags_add_str(&attr.tags, "k", value, NULL), SATCHEL_OK);
    int code = sat_file_attr_write(fd, info, &attr, "some/key", kept, err);
    sat_file_attr_fini(&attr);
    return code;
}

static void more_than_two_kibibytes_are_not_for_an_attribute(void **state)
{
    struct stat info;
    bool kept = true;
    satchel_error err;
    (void)state;
    SAT_AUTO_FD int fd = open_file("a", &info);
    assert_int_equal(write_sized(fd, &info, 2100, &kept, NULL), SATCHEL_OK);
    assert_false(kept);
    assert_int_equal(fgetxattr(fd, "user.satchel", NULL, 0), -1);
    assert_int_equal(errno, ENODATA);
    assert_int_equal(write_sized(fd, &info, 1800, &kept, NULL), SATCHEL_OK);
    assert_true(kept);
    assert_int_equal(write_sized(fd, &info, 70000, &kept, &err), SATCHEL_LIMIT);
    assert_false(kept);
}

/* What a file system says that keeps no attributes, or has no room for one; and a real failure. */
static void what_the_file_cannot_hold_is_not_kept(void **state)
{
    static const int refusals[] = {EOPNOTSUPP, ENOSPC, E2BIG, ERANGE};
    struct stat info;
    bool kept = true;
    satchel_error err;
    (void)state;
    SAT_AUTO_FD int fd = open_file("a", &info);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        sat_os_fail_kind("fsetxattr", refusals[i]);
        assert_int_equal(write_sized(fd, &info, 10, &kept, NULL), SATCHEL_OK);
        assert_false(kept);
    }
    sat_os_fail_kind("fsetxattr", EIO);
    assert_int_equal(write_sized(fd, &info, 10, &kept, &err), SATCHEL_IO);
    assert_non_null(strstr(err.text, "some/key"));
}

static void removing_an_attribute_that_is_not_there_is_fine(void **state)
{
    struct stat info;
    (void)state;
    SAT_AUTO_FD int fd = open_file("a", &info);
    assert_int_equal(sat_file_attr_remove(fd, "k", NULL), SATCHEL_OK);
    write_all(fd, &info);
    assert_int_equal(sat_file_attr_remove(fd, "k", NULL), SATCHEL_OK);
    assert_int_equal(fgetxattr(fd, "user.satchel", NULL, 0), -1);
    sat_os_fail_kind("xattr", EIO);
    assert_int_equal(sat_file_attr_remove(fd, "k", NULL), SATCHEL_IO);
}

/* The owner of a side-car comes from text that anybody may have written. */
static void the_owner_of_a_side_car_is_a_plain_name(void **state)
{
    static const struct {
        const char *text;
        const char *name; /* NULL: no side-car */
    } rows[] = {
        {"v=1&stamp=12-3-4&name=a\n\n\n", "a"},
        {"v=1&stamp=12-3-4&name=a%20%0A\n\n\n", "a \n"},
        {"stamp=12-3-4&name=a/b\n\n\n", NULL},
        {"stamp=12-3-4&name=a%2Fb\n\n\n", NULL},
        {"stamp=12-3-4\n\n\n", NULL},
        {"stamp=x&name=a\n\n\n", NULL},
        {"name=a\n\n\n", NULL},
        {"stamp=12-3-4&name=a\n\n", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char name[NAME_MAX + 1] = "";
        ino_t inode = 0;
        bool is_one = sat_file_attr_owner(sat_span_of(rows[i].text), name, &inode);
        assert_int_equal(is_one, rows[i].name != NULL);
        if (is_one)
            assert_string_equal(name, rows[i].name);
        if (is_one)
            assert_int_equal(inode, 12);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(everything_comes_back),
        FILE_TEST(a_file_of_others_has_a_weak_etag),
        FILE_TEST(a_stamp_that_differs_voids_everything),
        FILE_TEST(attributes_of_another_form_count_as_none),
        FILE_TEST(more_than_two_kibibytes_are_not_for_an_attribute),
        FILE_TEST(what_the_file_cannot_hold_is_not_kept),
        FILE_TEST(removing_an_attribute_that_is_not_there_is_fine),
        FILE_TEST(the_owner_of_a_side_car_is_a_plain_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
