/* The door to the kernel: each call's contract, the n-th-call fault, the recorder. */
#include "support/test.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/os.h"
#include "core/str.h"
#include "os_folder.h"

static void content_goes_in_and_out(void **state)
{
    (void)state;
    char text[16] = "";
    int fd = sat_os_open(root, "content", O_RDWR | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(sat_os_write_all(fd, "hello", 5), 0);
    assert_int_equal(sat_os_pwrite_all(fd, "world", 5, 7), 0);
    assert_int_equal(sat_os_pread(fd, text, sizeof text, 0), 12);
    assert_memory_equal(text, "hello\0\0world", 12);
    assert_int_equal(sat_os_pread(fd, text, 3, 10), 2);
    assert_int_equal(sat_os_pread(fd, text, 3, 99), 0);
    assert_int_equal(sat_os_pread(fd, text, 3, -1), -EINVAL);
    assert_int_equal(sat_os_pwrite_all(fd, text, 3, -1), -EINVAL);
    assert_int_equal(sat_os_read(fd, text, sizeof text), 7);
    assert_int_equal(sat_os_truncate(fd, 2), 0);
    assert_int_equal(sat_os_sync(fd), 0);
    assert_int_equal(sat_os_datasync(fd), 0);
    assert_int_equal(sat_os_close(fd), 0);
    assert_file("content", "he");
    assert_int_equal(sat_os_open(root, "content", O_RDWR | O_CREAT | O_EXCL, 0600), -EEXIST);
    assert_int_equal(sat_os_open(root, "missing", O_RDONLY, 0), -ENOENT);
}

static void allocate_sets_the_size(void **state)
{
    (void)state;
    struct stat info;
    SAT_AUTO_FD int fd = sat_os_open(root, "sized", O_RDWR | O_CREAT, 0600);
    assert_int_equal(sat_os_allocate(fd, 0), 0);
    assert_int_equal(sat_os_allocate(fd, 10000), 0);
    assert_int_equal(sat_os_fstat(fd, &info), 0);
    assert_int_equal(info.st_size, 10000);
    sat_os_fail_nth(1, EOPNOTSUPP);
    assert_int_equal(sat_os_allocate(fd, 20000), 0);
    assert_int_equal(sat_os_call_count(), 2);
    assert_int_equal(sat_os_fstat(fd, &info), 0);
    assert_int_equal(info.st_size, 20000);
    sat_os_fail_nth(1, ENOSPC);
    assert_int_equal(sat_os_allocate(fd, 30000), -ENOSPC);
}

static void ranges_are_copied(void **state)
{
    (void)state;
    write_file("copy-from", "0123456789");
    SAT_AUTO_FD int in = sat_os_open(root, "copy-from", O_RDONLY, 0);
    SAT_AUTO_FD int out = sat_os_open(root, "copy-to", O_RDWR | O_CREAT, 0600);
    int64_t copied = sat_os_copy_range(in, 4, out, 2, 100);
    if (copied == -EXDEV || copied == -EOPNOTSUPP || copied == -ENOSYS || copied == -EINVAL)
        skip(); /* this file system cannot: the caller copies by hand */
    assert_int_equal(copied, 6);
    char text[9] = "";
    assert_int_equal(sat_os_pread(out, text, 8, 0), 8);
    assert_memory_equal(text,
                        "\0\0"
                        "456789",
                        8);
}

static void a_nameless_file_gets_a_name_once(void **state)
{
    (void)state;
    SAT_AUTO_FD int fd = sat_os_open_tmp(root, ".", 0600);
    if (fd == -EOPNOTSUPP)
        skip(); /* no O_TMPFILE on this file system */
    assert_true(fd >= 0);
    assert_int_equal(sat_os_write_all(fd, "mine", 4), 0);
    assert_int_equal(sat_os_link_tmp(fd, root, "linked"), 0);
    assert_int_equal(sat_os_link_tmp(fd, root, "linked"), -EEXIST);
    assert_file("linked", "mine");
    assert_int_equal(sat_os_open_tmp(root, "no-such-folder", 0600), -ENOENT);
    sat_os_fail_nth(1, EISDIR);
    assert_int_equal(sat_os_open_tmp(root, ".", 0600), -EOPNOTSUPP);
}

static void names_are_linked_renamed_and_removed(void **state)
{
    (void)state;
    write_file("name-a", "a");
    write_file("name-b", "b");
    assert_int_equal(sat_os_rename(root, "name-a", root, "name-b", RENAME_NOREPLACE), -EEXIST);
    assert_file("name-b", "b");
    assert_int_equal(sat_os_rename(root, "name-a", root, "name-b", 0), 0);
    assert_file("name-b", "a");
    assert_int_equal(sat_os_link(root, "name-b", root, "name-c"), 0);
    assert_int_equal(sat_os_link(root, "name-b", root, "name-c"), -EEXIST);
    assert_int_equal(sat_os_unlink(root, "name-b", 0), 0);
    assert_int_equal(sat_os_unlink(root, "name-b", 0), -ENOENT);
    assert_file("name-c", "a");
    assert_int_equal(sat_os_mkdir(root, "name-d", 0700), 0);
    assert_int_equal(sat_os_unlink(root, "name-d", AT_REMOVEDIR), 0);
}

static void attributes_are_kept(void **state)
{
    (void)state;
    char value[8];
    struct stat info;
    write_file("attr", "x");
    SAT_AUTO_FD int fd = sat_os_open(root, "attr", O_RDWR, 0);
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000, .tv_nsec = 123456789}};
    assert_int_equal(sat_os_set_times(fd, times), 0);
    assert_int_equal(sat_os_chmod(fd, 0640), 0);
    assert_int_equal(sat_os_chown(fd, geteuid(), getegid()), 0);
    assert_int_equal(sat_os_fstat(fd, &info), 0);
    assert_int_equal(info.st_mtim.tv_sec, 1000);
    assert_int_equal(info.st_mtim.tv_nsec, 123456789);
    assert_int_equal(info.st_mode & 07777, 0640);
    int result = sat_os_set_xattr(fd, "user.satchel", "abc", 3, 0);
    if (result == -EOPNOTSUPP)
        skip(); /* no user attributes on this file system */
    assert_int_equal(result, 0);
    assert_int_equal(sat_os_set_xattr(fd, "user.satchel", "x", 1, XATTR_CREATE), -EEXIST);
    assert_int_equal(sat_os_get_xattr(fd, "user.satchel", NULL, 0), 3);
    assert_int_equal(sat_os_get_xattr(fd, "user.satchel", value, 2), -ERANGE);
    assert_int_equal(sat_os_get_xattr(fd, "user.satchel", value, sizeof value), 3);
    assert_memory_equal(value, "abc", 3);
    assert_int_equal(sat_os_remove_xattr(fd, "user.satchel"), 0);
    assert_int_equal(sat_os_get_xattr(fd, "user.satchel", value, sizeof value), -ENODATA);
}

static void proc_is_not_a_network(void **state)
{
    (void)state;
    SAT_AUTO_FD int fd = sat_os_open(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY, 0);
    assert_int_equal(sat_os_is_network(fd), 0);
    assert_int_equal(sat_os_is_network(-1), -EBADF);
}

static void a_folder_lists_its_entries(void **state)
{
    (void)state;
    struct sat_os_dir *dir;
    const char *name;
    unsigned char type = DT_UNKNOWN;
    assert_int_equal(sat_os_mkdirs(root, "list/sub", 0700, 0), 0);
    write_file("list/file", "x");
    assert_int_equal(sat_os_dir_open(root, "list", &dir), 0);
    int seen = 0;
    int result;
    while ((result = sat_os_dir_next(dir, &name, &type)) == 1) {
        seen += sat_str_eq(name, "file") ? 1 : sat_str_eq(name, "sub") ? 10 : 100;
        assert_true(type == DT_UNKNOWN || type == (sat_str_eq(name, "sub") ? DT_DIR : DT_REG));
    }
    assert_int_equal(result, 0);
    assert_int_equal(seen, 11);
    sat_os_dir_close(dir);
    sat_os_dir_close(NULL);
    assert_int_equal(sat_os_dir_open(root, "list/file", &dir), -ENOTDIR);
    assert_int_equal(sat_os_dir_open(root, "list/none", &dir), -ENOENT);
}

static void a_listing_that_fails_is_not_its_end(void **state)
{
    (void)state;
    struct sat_os_dir *dir;
    const char *name;
    assert_int_equal(sat_os_dir_open(root, ".", &dir), 0);
    sat_os_fail_nth(1, EIO);
    assert_int_equal(sat_os_dir_next(dir, &name, NULL), -EIO);
    sat_os_dir_close(dir);
    sat_os_fail_nth(2, ENOMEM);
    assert_int_equal(sat_os_dir_open(root, ".", &dir), -ENOMEM);
    sat_alloc_fail_nth(1);
    assert_int_equal(sat_os_dir_open(root, ".", &dir), -ENOMEM);
    sat_alloc_fail_nth(0);
}

static void locks_exclude_other_opens(void **state)
{
    (void)state;
    SAT_AUTO_FD int a = sat_os_open(root, "lock", O_RDWR | O_CREAT, 0600);
    SAT_AUTO_FD int b = sat_os_open(root, "lock", O_RDWR, 0);
    assert_int_equal(sat_os_lock(a, 5, 1, true, 0), 0);
    assert_int_equal(sat_os_lock(b, 5, 1, true, 0), -EAGAIN);
    assert_int_equal(sat_os_lock(b, 5, 1, false, 0), -EAGAIN);
    assert_int_equal(sat_os_lock(b, 6, 1, true, 0), 0);
    int64_t start = sat_clock_now_ns();
    assert_int_equal(sat_os_lock(b, 5, 1, true, 3), -EAGAIN);
    assert_true(sat_clock_now_ns() - start >= 3 * SAT_NS_PER_MS);
    assert_int_equal(sat_os_unlock(a, 5, 1), 0);
    assert_int_equal(sat_os_lock(b, 5, 1, true, -1), 0);
    assert_int_equal(sat_os_unlock(b, 0, 0), 0);
    assert_int_equal(sat_os_lock(a, 0, 0, false, 0), 0);
    assert_int_equal(sat_os_lock(b, 0, 0, false, 0), 0);
    assert_int_equal(sat_os_lock(b, 9, 1, true, 0), -EAGAIN);
}

static void a_lock_dies_with_its_description(void **state)
{
    (void)state;
    int a = sat_os_open(root, "lock2", O_RDWR | O_CREAT, 0600);
    SAT_AUTO_FD int b = sat_os_open(root, "lock2", O_RDWR, 0);
    int same = sat_os_dup(a);
    assert_int_equal(sat_os_lock(a, 0, 1, true, 0), 0);
    assert_int_equal(sat_os_lock(same, 0, 1, true, 0), 0);
    assert_int_equal(sat_os_close(a), 0);
    assert_int_equal(sat_os_lock(b, 0, 1, true, 0), -EAGAIN);
    assert_int_equal(sat_os_close(same), 0);
    assert_int_equal(sat_os_lock(b, 0, 1, true, 0), 0);
}

static void keep_write(void *user, const struct sat_os_call *call)
{
    struct sat_os_call *kept = user;
    if (sat_str_eq(call->op, "pwrite"))
        *kept = *call;
}

static void a_kind_of_call_fails_until_it_is_told_not_to(void **state)
{
    char value[8];
    (void)state;
    SAT_AUTO_FD int fd = sat_os_open(root, "kind", O_RDWR | O_CREAT, 0600);
    sat_os_fail_kind("xattr", EOPNOTSUPP);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sat_os_set_xattr(fd, "user.k", "v", 1, 0), -EOPNOTSUPP);
        assert_int_equal(sat_os_get_xattr(fd, "user.k", value, sizeof value), -EOPNOTSUPP);
        assert_int_equal(sat_os_remove_xattr(fd, "user.k"), -EOPNOTSUPP);
        assert_int_equal(sat_os_sync(fd), 0);
    }
    sat_os_fail_kind(NULL, 0);
    assert_int_equal(sat_os_set_xattr(fd, "user.k", "v", 1, 0), 0);
}

static void the_recorder_sees_what_is_written(void **state)
{
    (void)state;
    struct sat_os_call kept = {.fd = -1};
    SAT_AUTO_FD int fd = sat_os_open(root, "recorded", O_RDWR | O_CREAT, 0600);
    sat_os_record(keep_write, &kept);
    assert_int_equal(sat_os_pwrite_all(fd, "abc", 3, 40), 0);
    assert_int_equal(kept.fd, fd);
    assert_int_equal(kept.offset, 40);
    assert_int_equal(kept.size, 3);
    assert_int_equal(kept.result, 3);
    assert_memory_equal(kept.data, "abc", 3);
    sat_os_fail_nth(1, ENOSPC);
    assert_int_equal(sat_os_pwrite_all(fd, "abc", 3, 40), -ENOSPC);
    assert_int_equal(kept.result, -ENOSPC);
}

static void a_failed_close_has_closed(void **state)
{
    (void)state;
    int fd = sat_os_dup(root);
    sat_os_fail_nth(1, EIO);
    assert_int_equal(sat_os_close(fd), -EIO);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    assert_int_equal(sat_os_close(-1), 0);
    assert_int_equal(sat_os_call_count(), 1);
}

static void paths_become_real(void **state)
{
    (void)state;
    char path[128];
    char out[PATH_MAX];
    char want[PATH_MAX];
    assert_int_equal(sat_os_mkdirs(root, "real/dir", 0700, 0), 0);
    assert_int_equal(symlinkat("dir", root, "real/link"), 0);
    assert_int_equal(sat_os_realpath(folder, want, sizeof want), 0);
    (void)snprintf(path, sizeof path, "%s/real/./link/../link", folder);
    assert_int_equal(sat_os_realpath(path, out, sizeof out), 0);
    assert_true(sat_str_starts(out, want) && sat_str_ends(out, "/real/dir"));
    assert_int_equal(sat_os_realpath(path, out, 5), -ENAMETOOLONG);
    (void)snprintf(path, sizeof path, "%s/real/none", folder);
    assert_int_equal(sat_os_realpath(path, out, sizeof out), -ENOENT);
}

static bool readable(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

static void an_event_is_readable_while_it_is_set(void **state)
{
    (void)state;
    SAT_AUTO_FD int fd = sat_os_event_new();
    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_false(readable(fd));
    sat_os_event_clear(fd);
    sat_os_event_set(fd);
    sat_os_event_set(fd);
    assert_true(readable(fd));
    sat_os_event_clear(fd);
    assert_false(readable(fd));
    sat_os_fail_nth(1, EMFILE);
    assert_int_equal(sat_os_event_new(), -EMFILE);
}

static void a_pipe_is_read_as_far_as_it_is_filled(void **state)
{
    (void)state;
    int ends[2];
    char text[16] = "";
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(sat_os_write_all(ends[1], "abc", 3), 0);
    assert_int_equal(sat_os_read_some(ends[0], text, sizeof text), 3);
    assert_string_equal(text, "abc");
    sat_os_fail_nth(1, EIO);
    assert_int_equal(sat_os_read_some(ends[0], text, sizeof text), -EIO);
    assert_int_equal(sat_os_close(ends[1]), 0);
    assert_int_equal(sat_os_read_some(ends[0], text, sizeof text), 0);
    assert_int_equal(sat_os_close(ends[0]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(content_goes_in_and_out),
        TEST(allocate_sets_the_size),
        TEST(ranges_are_copied),
        TEST(a_nameless_file_gets_a_name_once),
        TEST(names_are_linked_renamed_and_removed),
        TEST(attributes_are_kept),
        TEST(proc_is_not_a_network),
        TEST(a_folder_lists_its_entries),
        TEST(a_listing_that_fails_is_not_its_end),
        TEST(locks_exclude_other_opens),
        TEST(a_lock_dies_with_its_description),
        TEST(a_kind_of_call_fails_until_it_is_told_not_to),
        TEST(the_recorder_sees_what_is_written),
        TEST(a_failed_close_has_closed),
        TEST(paths_become_real),
        TEST(an_event_is_readable_while_it_is_set),
        TEST(a_pipe_is_read_as_far_as_it_is_filled),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
