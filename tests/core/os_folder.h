/* A folder of its own for each test program of core/os.h, and short ways to use it. */
#ifndef SAT_TESTS_CORE_OS_FOLDER_H
#define SAT_TESTS_CORE_OS_FOLDER_H

#include "support/test.h"

#include <stdlib.h>

#include "core/os.h"

static char folder[] = "/tmp/satchel-os-XXXXXX";
static int root = -1;

static inline int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return -1;
    root = sat_os_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
    return root < 0 ? -1 : 0;
}

static inline void remove_tree(int dirfd, const char *name)
{
    struct sat_os_dir *dir;
    const char *entry;
    if (sat_os_unlink(dirfd, name, 0) == 0 || sat_os_dir_open(dirfd, name, &dir) < 0)
        return;
    while (sat_os_dir_next(dir, &entry, NULL) == 1)
        remove_tree(sat_os_dir_fd(dir), entry);
    sat_os_dir_close(dir);
    (void)sat_os_unlink(dirfd, name, AT_REMOVEDIR);
}

static inline int remove_folder(void **state)
{
    (void)state;
    (void)sat_os_close(root);
    remove_tree(AT_FDCWD, folder);
    return 0;
}

/* Whatever a failed test left switched on must not reach the next one. */
static inline int hooks_off(void **state)
{
    (void)state;
    sat_os_fail_nth(0, 0);
    sat_os_fail_kind(NULL, 0);
    sat_os_record(NULL, NULL);
    return 0;
}

static inline void write_file(const char *name, const char *text)
{
    int fd = sat_os_open(root, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(sat_os_write_all(fd, text, strlen(text)), 0);
    assert_int_equal(sat_os_close(fd), 0);
}

static inline void assert_file(const char *name, const char *text)
{
    SAT_AUTO_BUF struct sat_buf buf;
    sat_buf_init(&buf, 1000);
    assert_int_equal(sat_os_read_file(root, name, 1000, &buf), 0);
    assert_string_equal(sat_buf_str(&buf), text);
}

static inline bool exists(const char *name)
{
    struct stat info;
    return sat_os_stat(root, name, AT_SYMLINK_NOFOLLOW, &info) == 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, hooks_off)

#endif
