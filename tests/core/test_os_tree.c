/* What is composed of kernel calls: paths beneath a root, folders, whole files, temp names. */
#include "support/test.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/os.h"
#include "core/str.h"
#include "os_folder.h"

/* Opens each path beneath, by openat2 and by the fallback, and wants the same answer of both. */
static void check_beneath(const char *path, int flags, int want)
{
    for (long fault = 0; fault <= 1; fault++) {
        sat_os_fail_nth(fault, ENOSYS);
        int fd = sat_os_open_beneath(root, path, flags, 0600);
        sat_os_fail_nth(0, 0);
        if (want == 0)
            assert_true(fd >= 0);
        else if (want == -ELOOP)
            assert_true(fd == -ELOOP || fd == -ENOTDIR);
        else
            assert_int_equal(fd, want);
        (void)sat_os_close(fd);
    }
}

static void nothing_beneath_leads_out(void **state)
{
    (void)state;
    assert_int_equal(sat_os_mkdirs(root, "deep/er", 0700, 0), 0);
    write_file("deep/er/file", "inside");
    write_file("outside", "x");
    assert_int_equal(symlinkat("..", root, "deep/up"), 0);
    assert_int_equal(symlinkat("/etc/passwd", root, "deep/passwd"), 0);
    assert_int_equal(symlinkat("er", root, "deep/alias"), 0);
    check_beneath("deep/er/file", O_RDONLY, 0);
    check_beneath("deep//er/file", O_RDONLY, 0);
    check_beneath("deep/er/", O_RDONLY, 0);
    check_beneath("deep/er", O_PATH, 0);
    check_beneath("deep/er/new", O_WRONLY | O_CREAT, 0);
    check_beneath("..", O_RDONLY, -EXDEV);
    check_beneath("deep/../outside", O_RDONLY, -EXDEV);
    check_beneath("/etc/passwd", O_RDONLY, -EXDEV);
    check_beneath("", O_RDONLY, -ENOENT);
    check_beneath("deep/none/file", O_RDONLY, -ENOENT);
    check_beneath("deep/er/file/", O_RDONLY, -ENOTDIR);
    check_beneath("deep/up/outside", O_RDONLY, -ELOOP);
    check_beneath("deep/passwd", O_RDONLY, -ELOOP);
    check_beneath("deep/passwd", O_PATH, -ELOOP);
    check_beneath("deep/passwd", O_WRONLY | O_CREAT, -ELOOP);
    check_beneath("deep/alias/file", O_RDONLY, -ELOOP);
    check_beneath("deep/alias/", O_RDONLY, -ELOOP);
}

static int open_descriptors(void)
{
    struct sat_os_dir *dir;
    const char *name;
    int count = 0;
    assert_int_equal(sat_os_dir_open(AT_FDCWD, "/proc/self/fd", &dir), 0);
    while (sat_os_dir_next(dir, &name, NULL) == 1)
        count++;
    sat_os_dir_close(dir);
    return count;
}

static void no_descriptor_is_left_open(void **state)
{
    (void)state;
    int before = open_descriptors();
    assert_int_equal(sat_os_mkdirs(root, "leak/a/b", 0700, 0), 0);
    for (long n = 1; n < 30; n++) {
        sat_os_fail_nth(1, EPERM);
        int fd = sat_os_open_beneath(root, "leak/a/b", O_PATH, 0);
        assert_int_equal(sat_os_close(fd), 0);
        sat_os_fail_nth(n, EIO);
        (void)sat_os_mkdirs(root, "leak/a/c/d", 0700, SAT_OS_DURABLE | SAT_OS_BENEATH);
    }
    sat_os_fail_nth(0, 0);
    assert_int_equal(open_descriptors(), before);
}

static void mkdirs_makes_what_is_missing(void **state)
{
    (void)state;
    char absolute[128];
    struct stat info;
    assert_int_equal(sat_os_mkdirs(root, "m/n//o/", 0750, 0), 0);
    assert_int_equal(sat_os_mkdirs(root, "m/n/o", 0750, 0), 0);
    assert_int_equal(sat_os_stat(root, "m/n/o", 0, &info), 0);
    assert_true(S_ISDIR(info.st_mode));
    (void)snprintf(absolute, sizeof absolute, "%s/abs/one", folder);
    assert_int_equal(sat_os_mkdirs(AT_FDCWD, absolute, 0700, SAT_OS_DURABLE), 0);
    assert_true(exists("abs/one"));
    assert_int_equal(sat_os_mkdirs(root, "", 0700, 0), -ENOENT);
    write_file("m/file", "x");
    assert_int_equal(sat_os_mkdirs(root, "m/file/x", 0700, 0), -ENOTDIR);
}

static void mkdirs_beneath_stays_inside(void **state)
{
    (void)state;
    assert_int_equal(sat_os_mkdir(root, "in", 0700), 0);
    assert_int_equal(sat_os_mkdir(root, "out", 0700), 0);
    assert_int_equal(symlinkat("../out", root, "in/link"), 0);
    int in = sat_os_open(root, "in", O_RDONLY | O_DIRECTORY, 0);
    assert_int_equal(sat_os_mkdirs(in, "../out/x", 0700, SAT_OS_BENEATH), -EXDEV);
    assert_int_equal(sat_os_mkdirs(in, "/tmp/x", 0700, SAT_OS_BENEATH), -EXDEV);
    int result = sat_os_mkdirs(in, "link/x", 0700, SAT_OS_BENEATH);
    assert_true(result == -ELOOP || result == -ENOTDIR);
    assert_false(exists("out/x"));
    assert_int_equal(sat_os_mkdirs(in, "link/x", 0700, 0), 0);
    assert_true(exists("out/x"));
    assert_int_equal(sat_os_close(in), 0);
}

struct journal {
    char text[1024];
};

static void note(void *user, const struct sat_os_call *call)
{
    struct journal *journal = user;
    size_t used = strlen(journal->text);
    (void)snprintf(journal->text + used, sizeof journal->text - used, "%s(%s)=%d ", call->op,
                   call->path == NULL ? "" : call->path, call->result < 0 ? (int)call->result : 0);
}

static void durable_mkdirs_syncs_each_new_name(void **state)
{
    (void)state;
    struct journal journal = {.text = ""};
    assert_int_equal(sat_os_mkdir(root, "dur", 0700), 0);
    sat_os_record(note, &journal);
    assert_int_equal(sat_os_mkdirs(root, "dur/a", 0700, SAT_OS_DURABLE), 0);
    sat_os_record(NULL, NULL);
    assert_string_equal(journal.text,
                        "open(.)=0 stat(dur)=0 open(dur)=0 close()=0 stat(a)=-2 mkdir(a)=0 "
                        "open(.)=0 fsync()=0 close()=0 open(a)=0 close()=0 close()=0 ");
}

/* The usual way of a durable write; the first failure's result. */
static int publish(const char *name)
{
    char temp[SAT_OS_TEMP_NAME_SIZE];
    int result = sat_os_temp_name(temp);
    if (result < 0)
        return result;
    int fd = sat_os_open(root, temp, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
        return fd;
    result = sat_os_write_all(fd, "new", 3);
    if (result == 0)
        result = sat_os_sync(fd);
    int closed = sat_os_close(fd);
    if (result == 0)
        result = closed;
    if (result == 0)
        result = sat_os_rename(root, temp, root, name, 0);
    if (result < 0)
        (void)sat_os_unlink(root, temp, 0);
    else
        result = sat_os_sync_dir(root, ".");
    return result;
}

static void each_call_of_a_sequence_can_fail(void **state)
{
    (void)state;
    sat_os_fail_nth(0, 0);
    assert_int_equal(publish("published"), 0);
    long calls = sat_os_call_count();
    assert_int_equal(calls, 9);
    for (long n = 1; n <= calls; n++) {
        write_file("published", "old");
        sat_os_fail_nth(n, EDQUOT);
        assert_int_equal(publish("published"), -EDQUOT);
        sat_os_fail_nth(0, 0);
        assert_file("published", n <= 6 ? "old" : "new");
    }
}

static void read_file_has_a_limit(void **state)
{
    (void)state;
    SAT_AUTO_BUF struct sat_buf buf;
    sat_buf_init(&buf, 100);
    write_file("limited", "0123456789");
    assert_int_equal(sat_os_read_file(root, "limited", 9, &buf), -EFBIG);
    sat_buf_reset(&buf);
    assert_int_equal(sat_os_read_file(root, "limited", 10, &buf), 0);
    assert_int_equal(buf.len, 10);
    assert_int_equal(sat_os_read_file(root, "absent", 10, &buf), -ENOENT);
    sat_os_fail_nth(2, EIO);
    assert_int_equal(sat_os_read_file(root, "limited", 10, &buf), -EIO);
    buf.max = 15;
    assert_int_equal(sat_os_read_file(root, "limited", 10, &buf), -EFBIG);
}

static void a_large_file_is_read_whole(void **state)
{
    (void)state;
    enum { LEN = 50000 };
    SAT_AUTO_BUF struct sat_buf buf;
    SAT_AUTO_FREE char *data = sat_malloc(LEN);
    for (size_t i = 0; i < LEN; i++)
        data[i] = (char)(i * 31 >> 3);
    int fd = sat_os_open(root, "large", O_WRONLY | O_CREAT, 0600);
    assert_int_equal(sat_os_write_all(fd, data, LEN), 0);
    assert_int_equal(sat_os_close(fd), 0);
    sat_buf_init(&buf, LEN);
    assert_int_equal(sat_os_read_file(root, "large", LEN, &buf), 0);
    assert_int_equal(buf.len, LEN);
    assert_memory_equal(buf.data, data, LEN);
}

static void temp_names_are_fresh_and_known(void **state)
{
    (void)state;
    char a[SAT_OS_TEMP_NAME_SIZE];
    char b[SAT_OS_TEMP_NAME_SIZE];
    struct stat info;
    assert_int_equal(sat_os_temp_name(a), 0);
    assert_int_equal(sat_os_temp_name(b), 0);
    assert_string_not_equal(a, b);
    assert_true(sat_os_is_temp_name(a));
    assert_true(sat_os_is_temp_name(".satchel-0123456789abcdef.part"));
    assert_false(sat_os_is_temp_name(".satchel-0123456789abcdeF.part"));
    assert_false(sat_os_is_temp_name(".satchel-0123456789abcde.part"));
    assert_false(sat_os_is_temp_name(".satchel-0123456789abcdef.parx"));
    assert_false(sat_os_is_temp_name(".satchel.lock"));
    assert_false(sat_os_is_temp_name(""));
    sat_os_fail_nth(1, EIO);
    assert_int_equal(sat_os_temp_name(a), -EIO);
    assert_int_equal(sat_os_temp_dir(root, a), 0);
    assert_int_equal(sat_os_stat(root, a, 0, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
}

static void names_of_ours_are_known(void **state)
{
    static const char *const others[] = {"", ".satchel", ".satchel-a.attr", ".satchel.locked",
                                         ".satchel-0123456789abcdeF.attr"};
    char side[SAT_OS_TEMP_NAME_SIZE];
    char temp[SAT_OS_TEMP_NAME_SIZE];
    (void)state;
    sat_os_side_name(0x123456789abcdef, side);
    assert_string_equal(side, ".satchel-0123456789abcdef.attr");
    assert_int_equal(sat_os_temp_name(temp), 0);
    assert_true(sat_os_is_side_name(side) && !sat_os_is_temp_name(side));
    assert_true(sat_os_is_temp_name(temp) && !sat_os_is_side_name(temp));
    assert_true(sat_os_is_own_name(side) && sat_os_is_own_name(temp));
    assert_true(sat_os_is_own_name(SAT_OS_LOCK_NAME));
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(sat_os_is_own_name(others[i]));
}

/* Another descriptor of the same file is shut out. */
static bool is_locked(const char *name)
{
    SAT_AUTO_FD int fd = sat_os_open(root, name, O_RDWR, 0);
    assert_true(fd >= 0);
    return sat_os_lock(fd, 0, 0, true, 0) == -EAGAIN;
}

static void temp_files_are_locked_while_open(void **state)
{
    char name[SAT_OS_TEMP_NAME_SIZE];
    (void)state;
    int fd = sat_os_temp_file(root, 0600, name);
    assert_true(fd >= 0);
    assert_true(sat_os_is_temp_name(name));
    assert_true(is_locked(name));
    assert_int_equal(sat_os_close(fd), 0);
    assert_false(is_locked(name));
    fd = sat_os_open_tmp(root, ".", 0600);
    assert_int_equal(sat_os_link_temp(fd, root, name), 0);
    assert_true(is_locked(name));
    assert_int_equal(sat_os_close(fd), 0);
}

static void a_temp_file_that_fails_leaves_nothing(void **state)
{
    char name[SAT_OS_TEMP_NAME_SIZE];
    struct sat_os_dir *dir;
    const char *entry;
    int fd = -1;
    (void)state;
    assert_int_equal(sat_os_mkdir(root, "fresh", 0700), 0);
    SAT_AUTO_FD int fresh = sat_os_open(root, "fresh", O_RDONLY | O_DIRECTORY, 0);
    for (long n = 1; n <= 3; n++) { /* the random name, the file, its lock */
        sat_os_fail_nth(n, EIO);
        fd = sat_os_temp_file(fresh, 0600, name);
        assert_int_equal(fd, -EIO);
        assert_string_equal(name, "");
    }
    sat_os_fail_nth(0, 0);
    assert_int_equal(sat_os_dir_open(fresh, ".", &dir), 0);
    assert_int_equal(sat_os_dir_next(dir, &entry, NULL), 0);
    sat_os_dir_close(dir);
}

static void a_sweep_takes_what_is_old_and_free(void **state)
{
    char name[SAT_OS_TEMP_NAME_SIZE];
    struct stat info;
    static const struct timespec past[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    (void)state;
    int fd = sat_os_temp_file(root, 0400, name);
    assert_int_equal(sat_os_set_times(fd, past), 0); /* anybody can; the age is another's */
    assert_int_equal(sat_os_fstat(fd, &info), 0);
    assert_false(sat_os_is_older(&info, 60 * SAT_NS_PER_S));
    assert_true(sat_os_is_older(&info, -60 * SAT_NS_PER_S));
    sat_os_sweep_temp(root, name, -SAT_NS_PER_S);
    assert_true(exists(name)); /* in use */
    assert_int_equal(sat_os_close(fd), 0);
    sat_os_sweep_temp(root, name, 60 * SAT_NS_PER_S);
    assert_true(exists(name)); /* young */
    sat_os_sweep_temp(root, name, -SAT_NS_PER_S);
    assert_false(exists(name));
    assert_int_equal(sat_os_mkdir(root, name, 0700), 0);
    sat_os_sweep_temp(root, name, -SAT_NS_PER_S);
    assert_true(exists(name)); /* no file */
}

static void the_boot_id_stays(void **state)
{
    (void)state;
    const char *id = sat_os_boot_id();
    assert_int_equal(strlen(id), 36);
    assert_int_equal(id[8], '-');
    assert_ptr_equal(sat_os_boot_id(), id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_beneath_leads_out),
        TEST(no_descriptor_is_left_open),
        TEST(mkdirs_makes_what_is_missing),
        TEST(mkdirs_beneath_stays_inside),
        TEST(durable_mkdirs_syncs_each_new_name),
        TEST(each_call_of_a_sequence_can_fail),
        TEST(read_file_has_a_limit),
        TEST(a_large_file_is_read_whole),
        TEST(temp_names_are_fresh_and_known),
        TEST(names_of_ours_are_known),
        TEST(temp_files_are_locked_while_open),
        TEST(a_temp_file_that_fails_leaves_nothing),
        TEST(a_sweep_takes_what_is_old_and_free),
        TEST(the_boot_id_stays),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
