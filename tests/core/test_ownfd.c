/* A child closes what was added, and nothing else. */
#include "support/test.h"

#include <fcntl.h>

#include "core/fork.h"
#include "core/os.h"
#include "core/ownfd.h"
#include "support/forked.h"

static int is_closed(void *arg)
{
    int fd = *(int *)arg;
    if (fcntl(fd, F_GETFD) >= 0)
        return 1;
    /* The number is another's now, and stays open. */
    if (sat_os_open(AT_FDCWD, "/dev/null", O_RDONLY, 0) != fd)
        return 2;
    sat_ownfd_close(fd);
    return fcntl(fd, F_GETFD) >= 0 ? 0 : 3;
}

static void a_child_closes_them_once(void **state)
{
    (void)state;
    int fd = sat_os_open(AT_FDCWD, "/dev/null", O_RDONLY, 0);
    sat_ownfd_add(fd);
    assert_int_equal(run_forked(is_closed, &fd), 0);
    assert_true(fcntl(fd, F_GETFD) >= 0);
    sat_ownfd_close(fd);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    sat_ownfd_add(-1);
    sat_ownfd_close(-1);
}

static int is_open(void *arg)
{
    return fcntl(*(int *)arg, F_GETFD) >= 0 ? 0 : 1;
}

static void a_child_keeps_what_was_closed_before(void **state)
{
    (void)state;
    int fd = sat_os_open(AT_FDCWD, "/dev/null", O_RDONLY, 0);
    sat_ownfd_add(fd);
    sat_ownfd_close(fd);
    assert_int_equal(sat_os_open(AT_FDCWD, "/dev/null", O_RDONLY, 0), fd);
    assert_int_equal(run_forked(is_open, &fd), 0);
    (void)sat_os_close(fd);
}

static int start(void **state)
{
    (void)state;
    return sat_fork_start(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_closes_them_once),
        cmocka_unit_test(a_child_keeps_what_was_closed_before),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
