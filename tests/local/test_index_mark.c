/* The mark: content, damage, removal, owners and locks between handles. */
#include "fixture.h"

#include <unistd.h>

#include "core/os.h"
#include "local/index_mark.h"

static struct sat_mark *open_mark(void **state)
{
    const struct folder *folder = *state;
    struct sat_mark *mark = NULL;
    OK(sat_mark_open(folder->path[0] == ':' ? NULL : folder->path, "m", &mark, NULL));
    return mark;
}

static struct sat_mark_head read_head(struct sat_mark *mark)
{
    struct sat_mark_head head;
    OK(sat_mark_read(mark, &head, NULL));
    return head;
}

static void what_is_written_is_read(void **state)
{
    struct sat_mark *mark = open_mark(state);
    assert_int_equal(read_head(mark).epoch, 0);
    struct sat_mark_head head = {.epoch = 7, .intent = 8, .committed = 9, .drop = 10};
    OK(sat_mark_write(mark, &head, NULL));
    OK(sat_mark_set_intent(mark, 18));
    OK(sat_mark_set_committed(mark, 19));
    OK(sat_mark_set_drop(mark));
    struct sat_mark_head now = read_head(mark);
    assert_int_equal(now.epoch, 7);
    assert_int_equal(now.intent, 18);
    assert_int_equal(now.committed, 19);
    assert_int_not_equal(now.drop, 10);
    sat_mark_close(mark);
}

static void a_removed_file_is_made_anew(void **state)
{
    const struct folder *folder = *state;
    char path[PATH_SIZE + 8];
    struct sat_mark *mark = open_mark(state);
    struct sat_mark_head head = {.epoch = 7};
    OK(sat_mark_write(mark, &head, NULL));
    (void)snprintf(path, sizeof path, "%s/m", folder->path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(read_head(mark).epoch, 0);
    struct sat_mark *other = open_mark(state);
    assert_true(sat_mark_alive(other, sat_mark_owner(mark)));
    sat_mark_close(other);
    sat_mark_close(mark);
}

/* Who says that it uses the index still says so once the file is another. */
static void a_shared_lock_moves_to_the_new_file(void **state)
{
    const struct folder *folder = *state;
    char path[PATH_SIZE + 8];
    struct sat_mark *mark = open_mark(state);
    (void)snprintf(path, sizeof path, "%s/m", folder->path);
    for (int shared = 1; shared >= 0; shared--) {
        if (shared)
            OK(sat_mark_lock(mark, SAT_MARK_OPEN, false, 0, NULL));
        else
            sat_mark_unlock(mark, SAT_MARK_OPEN);
        OK(sat_mark_lock(mark, SAT_MARK_EPOCH, false, 0, NULL));
        sat_mark_unlock(mark, SAT_MARK_EPOCH);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(read_head(mark).epoch, 0);
        struct sat_mark *other = open_mark(state);
        int code = sat_mark_lock(other, SAT_MARK_OPEN, true, 0, NULL);
        assert_int_equal(code, shared ? SATCHEL_BUSY : SATCHEL_OK);
        sat_mark_close(other);
    }
    sat_mark_close(mark);
}

static void an_owner_lives_as_long_as_its_handle(void **state)
{
    struct sat_mark *mark = open_mark(state);
    struct sat_mark *other = open_mark(state);
    int64_t owner = sat_mark_owner(mark);
    assert_true(owner != sat_mark_owner(other));
    assert_true(sat_mark_alive(mark, owner));
    assert_true(sat_mark_alive(other, owner));
    assert_true(sat_mark_alive(other, owner));
    assert_false(sat_mark_alive(other, owner ^ 4));
    assert_false(sat_mark_alive(other, -1));
    sat_mark_renew_owner(mark);
    assert_false(sat_mark_alive(other, owner));
    owner = sat_mark_owner(mark);
    assert_true(sat_mark_alive(other, owner));
    sat_mark_close(mark);
    assert_false(sat_mark_alive(other, owner));
    sat_mark_close(other);
}

static void locks_exclude_other_handles(void **state)
{
    struct sat_mark *mark = open_mark(state);
    struct sat_mark *other = open_mark(state);
    OK(sat_mark_lock(mark, SAT_MARK_EPOCH, true, 0, NULL));
    satchel_error err;
    assert_int_equal(sat_mark_lock(other, SAT_MARK_EPOCH, true, 0, &err), SATCHEL_BUSY);
    OK(sat_mark_lock(other, SAT_MARK_OPEN, true, 0, NULL));
    sat_mark_unlock(mark, SAT_MARK_EPOCH);
    OK(sat_mark_lock(other, SAT_MARK_EPOCH, true, 0, NULL));
    OK(sat_mark_lock(other, SAT_MARK_OPEN, false, 0, NULL));
    OK(sat_mark_lock(mark, SAT_MARK_OPEN, false, 0, NULL));
    assert_int_equal(sat_mark_lock(mark, SAT_MARK_OPEN, true, 0, NULL), SATCHEL_BUSY);
    sat_mark_close(other);
    OK(sat_mark_lock(mark, SAT_MARK_OPEN, true, 0, NULL));
    sat_mark_close(mark);
}

static void the_refresh_lock_excludes_the_same_handle_too(void **state)
{
    struct sat_mark *mark = open_mark(state);
    int first = -1;
    int second = -1;
    OK(sat_mark_lock_refresh(mark, 0, &first, NULL));
    assert_int_equal(sat_mark_lock_refresh(mark, 0, &second, NULL), SATCHEL_BUSY);
    assert_int_equal(sat_os_close(first), 0);
    OK(sat_mark_lock_refresh(mark, 0, &second, NULL));
    assert_int_equal(sat_os_close(second), 0);
    sat_mark_close(mark);
}

static void in_memory_nobody_else_lives(void **state)
{
    struct sat_mark *mark = open_mark(state);
    int64_t owner = sat_mark_owner(mark);
    assert_true(sat_mark_alive(mark, owner));
    sat_mark_renew_owner(mark);
    assert_false(sat_mark_alive(mark, owner));
    sat_mark_close(mark);
    sat_mark_close(NULL);
}

#define ON_DISK(test)   cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)
#define IN_MEMORY(test) {"in memory: " #test, test, memory_setup, folder_teardown, NULL}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(what_is_written_is_read),
        ON_DISK(a_removed_file_is_made_anew),
        ON_DISK(a_shared_lock_moves_to_the_new_file),
        ON_DISK(an_owner_lives_as_long_as_its_handle),
        ON_DISK(locks_exclude_other_handles),
        ON_DISK(the_refresh_lock_excludes_the_same_handle_too),
        IN_MEMORY(what_is_written_is_read),
        IN_MEMORY(in_memory_nobody_else_lives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
