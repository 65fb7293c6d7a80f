/* user.satchel: what is written comes back while the stamp holds, and nothing of it afterwards. */
#include "backends/file_fixture.h"

#include <errno.h>

#include "core/str.h"

static int open_file(const char *name, struct stat *info)
{
    write_foreign(name, "content");
    int fd = sat_os_open(AT_FDCWD, path_of(name), O_RDWR, 0);
    assert_true(fd >= 0);
    assert_int_equal(sat_os_fstat(fd, info), 0);
    return fd;
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
    assert_int_equal(sat_file_attr_read(fd, &info, &attr, NULL), SATCHEL_OK);
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
    assert_int_equal(sat_file_attr_read(fd, &info, &attr, NULL), SATCHEL_OK);
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
        assert_int_equal(sat_file_attr_read(fd, &changed[i], &attr, NULL), SATCHEL_OK);
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
        assert_int_equal(sat_file_attr_read(fd, &info, &attr, &err), SATCHEL_OK);
        assert_int_equal(err.code, SATCHEL_OK);
        assert_false(attr.valid);
        assert_true(sat_str_starts(attr.etag, "W/"));
        sat_file_attr_fini(&attr);
    }
}

static void attributes_over_two_kibibytes_are_read_too(void **state)
{
    char value[2500];
    struct stat info;
    struct sat_file_attr attr = {0};
    bool kept;
    (void)state;
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    SAT_AUTO_FD int fd = open_file("a", &info);
    assert_int_equal(sat_tags_add_str(&attr.metadata, "long", value, NULL), SATCHEL_OK);
    assert_int_equal(sat_file_attr_write(fd, &info, &attr, "k", &kept, NULL), SATCHEL_OK);
    sat_file_attr_fini(&attr);
    assert_int_equal(sat_file_attr_read(fd, &info, &attr, NULL), SATCHEL_OK);
    assert_string_equal(sat_tags_at(&attr.metadata, 0)->value, value);
    sat_file_attr_fini(&attr);
}

/* The next kernel call is the write of the attribute: fail it as a file system would. */
static int write_failing(int os_errno, bool with_tags, size_t bytes, satchel_error *err)
{
    static char value[5000];
    struct stat info;
    struct sat_file_attr attr = {0};
    bool kept = true;
    SAT_AUTO_FD int fd = open_file("a", &info);
    memset(value, 'v', bytes);
    value[bytes] = '\0';
    if (with_tags)
        assert_int_equal(sat_tags_add_str(&attr.tags, "k", value, NULL), SATCHEL_OK);
    sat_os_fail_nth(1, os_errno);
    int code = sat_file_attr_write(fd, &info, &attr, "some/key", &kept, err);
    sat_os_fail_nth(0, 0);
    assert_int_equal(kept, code != SATCHEL_OK || os_errno != EOPNOTSUPP);
    sat_file_attr_fini(&attr);
    return code;
}

static void file_systems_without_attributes_take_plain_objects_only(void **state)
{
    satchel_error err;
    (void)state;
    assert_int_equal(write_failing(EOPNOTSUPP, false, 0, &err), SATCHEL_OK);
    assert_int_equal(write_failing(EOPNOTSUPP, true, 1, &err), SATCHEL_UNSUPPORTED);
    assert_non_null(strstr(err.text, "some/key"));
}

static void too_large_is_a_limit_and_a_full_disk_is_not(void **state)
{
    satchel_error err;
    (void)state;
    assert_int_equal(write_failing(E2BIG, true, 10, &err), SATCHEL_LIMIT);
    assert_int_equal(write_failing(ENOSPC, true, 4000, &err), SATCHEL_LIMIT);
    assert_int_equal(write_failing(ENOSPC, true, 10, &err), SATCHEL_IO);
    assert_int_equal(err.os_errno, ENOSPC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(everything_comes_back),
        FILE_TEST(a_file_of_others_has_a_weak_etag),
        FILE_TEST(a_stamp_that_differs_voids_everything),
        FILE_TEST(attributes_of_another_form_count_as_none),
        FILE_TEST(attributes_over_two_kibibytes_are_read_too),
        FILE_TEST(file_systems_without_attributes_take_plain_objects_only),
        FILE_TEST(too_large_is_a_limit_and_a_full_disk_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
