/* The lock on a name: who is shut out, for how long, and what a removed lock file does. */
#include "backends/file_fixture.h"

#include <pthread.h>
#include <sys/wait.h>

#include "core/clock.h"
#include "core/fork.h"
#include "support/forked.h"

static struct sat_file_place place_in_folder(const char *name)
{
    int fd = sat_os_open(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY, 0);
    assert_true(fd >= 0);
    return (struct sat_file_place){.dirfd = fd, .name = name};
}

static struct sat_op hasty(void)
{
    return (struct sat_op){.deadline_ns = sat_clock_now_ns() + 30 * SAT_NS_PER_MS};
}

static void a_held_name_is_waited_for_until_the_deadline(void **state)
{
    struct sat_file_lock held;
    struct sat_file_lock other;
    satchel_error err;
    (void)state;
    struct sat_file_place place = place_in_folder("n");
    struct sat_op first = {.kind = SAT_OP_PUT};
    struct sat_op second = hasty();
    assert_int_equal(sat_file_lock_take(&first, &place, &held, NULL), SATCHEL_OK);
    assert_int_equal(sat_file_lock_take(&second, &place, &other, &err), SATCHEL_TIMEOUT);
    assert_non_null(strstr(err.text, "'n'"));
    assert_true(sat_clock_now_ns() >= second.deadline_ns);
    sat_file_lock_drop(&held);
    second = hasty();
    assert_int_equal(sat_file_lock_take(&second, &place, &other, NULL), SATCHEL_OK);
    sat_file_lock_drop(&other);
    (void)sat_os_close(place.dirfd);
}

static void a_cancelled_op_does_not_wait(void **state)
{
    struct sat_file_lock held;
    struct sat_file_lock other;
    (void)state;
    struct sat_file_place place = place_in_folder("n");
    struct sat_op first = {.kind = SAT_OP_PUT};
    struct sat_op second = {.kind = SAT_OP_PUT};
    atomic_store(&second.cancelled, true);
    assert_int_equal(sat_file_lock_take(&first, &place, &held, NULL), SATCHEL_OK);
    assert_int_equal(sat_file_lock_take(&second, &place, &other, NULL), SATCHEL_CANCELLED);
    sat_file_lock_drop(&held);
    (void)sat_os_close(place.dirfd);
}

static void names_of_different_hash_do_not_wait_for_each_other(void **state)
{
    struct sat_file_lock one;
    struct sat_file_lock two;
    (void)state;
    struct sat_file_place first = place_in_folder("alpha");
    struct sat_file_place second = first;
    second.name = "beta";
    struct sat_op op = hasty();
    assert_int_equal(sat_file_lock_take(&op, &first, &one, NULL), SATCHEL_OK);
    assert_int_equal(sat_file_lock_take(&op, &second, &two, NULL), SATCHEL_OK);
    sat_file_lock_drop(&two);
    sat_file_lock_drop(&one);
    (void)sat_os_close(first.dirfd);
}

/* A child process takes the lock and holds it until the pipe is closed. */
static pid_t hold_in_child(const struct sat_file_place *place, int ready[2], int leave[2])
{
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(leave), 0);
    pid_t child = fork();
    if (child == 0) {
        struct sat_file_lock lock;
        struct sat_op op = {.kind = SAT_OP_PUT};
        char byte = 'x';
        (void)close(leave[1]);
        int code = sat_file_lock_take(&op, place, &lock, NULL);
        bool told = write(ready[1], &byte, 1) == 1;
        bool told_to_go = read(leave[0], &byte, 1) == 0;
        _exit(code == SATCHEL_OK && told && told_to_go ? 0 : 1);
    }
    return child;
}

static void another_process_is_shut_out_until_it_ends(void **state)
{
    struct sat_file_lock lock;
    int ready[2];
    int leave[2];
    int status = -1;
    char byte;
    (void)state;
    struct sat_file_place place = place_in_folder("n");
    pid_t child = hold_in_child(&place, ready, leave);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    struct sat_op op = hasty();
    assert_int_equal(sat_file_lock_take(&op, &place, &lock, NULL), SATCHEL_TIMEOUT);
    (void)close(leave[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    op = hasty();
    assert_int_equal(sat_file_lock_take(&op, &place, &lock, NULL), SATCHEL_OK);
    sat_file_lock_drop(&lock);
    (void)close(leave[0]);
    (void)close(ready[0]);
    (void)close(ready[1]);
    (void)sat_os_close(place.dirfd);
}

/* Removes the lock file once, between its opening and the look at its links. */
static void remove_once(void *user, const struct sat_os_call *call)
{
    bool *done = user;
    if (!*done && strcmp(call->op, "lock") == 0) {
        *done = true;
        (void)unlink(path_of(SAT_FILE_LOCK_NAME));
    }
}

static void a_lock_on_a_removed_file_is_taken_again(void **state)
{
    struct sat_file_lock lock;
    bool removed = false;
    struct stat info;
    (void)state;
    struct sat_file_place place = place_in_folder("n");
    struct sat_op op = {.kind = SAT_OP_PUT};
    sat_os_record(remove_once, &removed);
    assert_int_equal(sat_file_lock_take(&op, &place, &lock, NULL), SATCHEL_OK);
    sat_os_record(NULL, NULL);
    assert_true(removed);
    assert_int_equal(sat_os_fstat(lock.fd, &info), 0);
    assert_int_equal(info.st_nlink, 1);
    sat_file_lock_drop(&lock);
    (void)sat_os_close(place.dirfd);
}

static int take_in_child(void *place)
{
    struct sat_file_lock lock;
    struct sat_op op = {.kind = SAT_OP_PUT};
    if (sat_file_lock_take(&op, place, &lock, NULL) != SATCHEL_OK)
        return 1;
    sat_file_lock_drop(&lock);
    return 0;
}

/* What a thread of the parent holds is waited for as another process's, and ends with the parent's
 * hold of it: the child has no copy. */
static void a_forked_child_waits_for_its_parent(void **state)
{
    struct sat_file_lock lock;
    struct sat_op op = {.kind = SAT_OP_PUT};
    (void)state;
    struct sat_file_place place = place_in_folder("n");
    assert_int_equal(sat_fork_start(NULL), SATCHEL_OK);
    assert_int_equal(sat_file_lock_take(&op, &place, &lock, NULL), SATCHEL_OK);
    pid_t child = fork_to(take_in_child, &place);
    sat_file_lock_drop(&lock);
    assert_int_equal(wait_for(child), 0);
    assert_int_equal(sat_file_lock_take(&op, &place, &lock, NULL), SATCHEL_OK);
    sat_file_lock_drop(&lock);
    (void)sat_os_close(place.dirfd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(a_held_name_is_waited_for_until_the_deadline),
        FILE_TEST(a_cancelled_op_does_not_wait),
        FILE_TEST(names_of_different_hash_do_not_wait_for_each_other),
        FILE_TEST(another_process_is_shut_out_until_it_ends),
        FILE_TEST(a_lock_on_a_removed_file_is_taken_again),
        FILE_TEST(a_forked_child_waits_for_its_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
