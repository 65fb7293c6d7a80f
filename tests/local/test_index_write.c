/* Own writes: marks, outcomes, overlapping writers, dead writers, single objects. */
#include "fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/os.h"

static const struct object old_a[] = {{"a.json", "\"1\"", 1}};

static void a_write_in_flight_shows_the_old_row_as_dirty(void **state)
{
    struct sat_index *index = open_index(state);
    refresh_with(index, old_a, 1);
    struct sat_index_write write = begin_write(index, "a.json");
    assert_true(is_dirty(index, "a.json"));
    assert_string_equal(etag_of(index, "a.json"), "\"1\"");
    assert_int_equal(orphans_of(index), 0);
    struct object now = {"a.json", "\"2\"", 2};
    OK(settle_as(index, write, SAT_WRITE_STORED, &now));
    assert_false(is_dirty(index, "a.json"));
    assert_string_equal(etag_of(index, "a.json"), "\"2\"");
    sat_index_close(index);
}

static void an_unknown_key_counts_once_it_is_stored(void **state)
{
    struct sat_index *index = open_index(state);
    refresh_with(index, NULL, 0);
    struct sat_index_write write = begin_write(index, "new.json");
    assert_int_equal(count_of(index), 0);
    struct object now = {"new.json", "\"2\"", 2};
    OK(settle_as(index, write, SAT_WRITE_STORED, &now));
    assert_int_equal(count_of(index), 1);
    erase(index, "new.json");
    assert_int_equal(count_of(index), 0);
    sat_index_close(index);
}

static void unchanged_restores_the_row(void **state)
{
    struct sat_index *index = open_index(state);
    refresh_with(index, old_a, 1);
    OK(settle_as(index, begin_write(index, "a.json"), SAT_WRITE_UNCHANGED, NULL));
    assert_false(is_dirty(index, "a.json"));
    assert_string_equal(etag_of(index, "a.json"), "\"1\"");
    OK(settle_as(index, begin_write(index, "never.json"), SAT_WRITE_UNCHANGED, NULL));
    assert_false(is_dirty(index, "never.json"));
    assert_int_equal(outside_int(index, "SELECT count(*) FROM obj"), 1);
    /* The restored row is an old one again: a later listing may change it. */
    assert_int_equal(refresh_with(index, NULL, 0), 0);
    assert_int_equal(count_of(index), 0);
    sat_index_close(index);
}

static void unknown_leaves_an_orphan_that_repair_ends(void **state)
{
    struct sat_index *index = open_index(state);
    refresh_with(index, old_a, 1);
    OK(settle_as(index, begin_write(index, "a.json"), SAT_WRITE_UNKNOWN, NULL));
    struct sat_index_rows *rows = NULL;
    OK(sat_index_orphans(index, &rows, NULL));
    assert_int_equal(sat_index_rows_count(rows), 1);
    const struct sat_index_row *orphan = sat_index_rows_at(rows, 0);
    assert_string_equal(orphan->key, "a.json");
    char text[256];
    struct object now = {"a.json", "\"9\"", 9};
    struct sat_index_row row = row_of(&now, text, sizeof text);
    row.generation = orphan->generation;
    row.owner = orphan->owner;
    OK(sat_index_repair(index, &row, 1, NULL));
    sat_index_rows_free(rows);
    assert_int_equal(orphans_of(index), 0);
    assert_string_equal(etag_of(index, "a.json"), "\"9\"");
    sat_index_close(index);
}

static void repair_comes_too_late_after_another_write(void **state)
{
    struct sat_index *index = open_index(state);
    OK(settle_as(index, begin_write(index, "a.json"), SAT_WRITE_UNKNOWN, NULL));
    struct sat_index_rows *rows = NULL;
    OK(sat_index_orphans(index, &rows, NULL));
    struct sat_index_row row = *sat_index_rows_at(rows, 0);
    store(index, "a.json", "\"newer\"", 3);
    row.state = SAT_ROW_ABSENT;
    OK(sat_index_repair(index, &row, 1, NULL));
    sat_index_rows_free(rows);
    assert_string_equal(etag_of(index, "a.json"), "\"newer\"");
    sat_index_close(index);
}

static void repair_comes_too_late_after_another_unknown_write(void **state)
{
    struct sat_index *index = open_index(state);
    OK(settle_as(index, begin_write(index, "a.json"), SAT_WRITE_UNKNOWN, NULL));
    struct sat_index_rows *rows = NULL;
    OK(sat_index_orphans(index, &rows, NULL));
    OK(settle_as(index, begin_write(index, "a.json"), SAT_WRITE_UNKNOWN, NULL));
    OK(sat_index_repair(index, sat_index_rows_at(rows, 0), 1, NULL));
    sat_index_rows_free(rows);
    assert_int_equal(orphans_of(index), 1);
    sat_index_close(index);
}

static void overlapping_threads_leave_the_row_to_be_read_again(void **state)
{
    struct sat_index *index = open_index(state);
    struct object mine = {"a.json", "\"mine\"", 2};
    struct object theirs = {"a.json", "\"theirs\"", 3};
    struct sat_index_write first = begin_write(index, "a.json");
    struct sat_index_write second = begin_write(index, "a.json");
    OK(settle_as(index, second, SAT_WRITE_STORED, &theirs));
    assert_int_equal(orphans_of(index), 0);
    OK(settle_as(index, first, SAT_WRITE_STORED, &mine));
    assert_int_equal(orphans_of(index), 1);
    sat_index_close(index);
}

static void overlapping_writers_leave_the_row_to_be_read_again(void **state)
{
    struct sat_index *index = open_index(state);
    struct sat_index *other = open_index(state);
    struct object mine = {"a.json", "\"mine\"", 2};
    struct object theirs = {"a.json", "\"theirs\"", 3};
    struct sat_index_write first = begin_write(index, "a.json");
    struct sat_index_write second = begin_write(other, "a.json");
    OK(settle_as(index, first, SAT_WRITE_STORED, &mine));
    OK(settle_as(other, second, SAT_WRITE_STORED, &theirs));
    assert_int_equal(orphans_of(index), 1);
    sat_index_close(other);
    sat_index_close(index);
}

static void a_lost_race_leaves_the_winner_alone(void **state)
{
    struct sat_index *index = open_index(state);
    struct sat_index *other = open_index(state);
    refresh_with(index, old_a, 1);
    struct object won = {"a.json", "\"won\"", 2};
    struct sat_index_write winner = begin_write(index, "a.json");
    struct sat_index_write loser = begin_write(other, "a.json");
    /* The loser's mark is undone first: the winner's is back, and its outcome certain. */
    OK(settle_as(other, loser, SAT_WRITE_UNCHANGED, NULL));
    OK(settle_as(index, winner, SAT_WRITE_STORED, &won));
    assert_int_equal(orphans_of(index), 0);
    assert_string_equal(etag_of(other, "a.json"), "\"won\"");
    sat_index_close(other);
    sat_index_close(index);
}

static void an_unmarked_write_is_read_again(void **state)
{
    struct sat_index *index = open_index(state);
    struct sat_index_write write = {.key = "a.json"};
    struct object now = {"a.json", "\"1\"", 1};
    OK(settle_as(index, write, SAT_WRITE_STORED, &now));
    assert_int_equal(orphans_of(index), 1);
    sat_index_close(index);
}

static void batches_are_one_transaction(void **state)
{
    struct sat_index *index = open_index(state);
    refresh_with(index, NULL, 0);
    int64_t before = 0;
    int64_t after = 0;
    OK(sat_index_next_generation(index, &before, NULL));
    struct sat_index_write writes[3] = {{.key = "a"}, {.key = "b"}, {.key = "c"}};
    OK(sat_index_begin(index, writes, 3, NULL));
    char text[3][256];
    struct sat_index_settlement items[3];
    for (int i = 0; i < 3; i++) {
        struct object object = {writes[i].key, "\"e\"", i};
        items[i] = (struct sat_index_settlement){.write = writes[i],
                                                 .outcome = SAT_WRITE_STORED,
                                                 .row = row_of(&object, text[i], sizeof text[i])};
    }
    items[1].outcome = SAT_WRITE_UNCHANGED;
    OK(sat_index_settle(index, items, 3, NULL));
    OK(sat_index_next_generation(index, &after, NULL));
    assert_int_equal(after - before, 2);
    assert_int_equal(count_of(index), 2);
    sat_index_close(index);
}

static void a_row_without_body_is_refused_and_read_again(void **state)
{
    struct sat_index *index = open_index(state);
    struct sat_index_settlement item = {.write = begin_write(index, "a.json"),
                                        .outcome = SAT_WRITE_STORED,
                                        .row = {.state = SAT_ROW_LIVE, .etag = "\"1\""}};
    assert_int_equal(sat_index_settle(index, &item, 1, NULL), SATCHEL_INVALID);
    /* Nothing of it was recorded, and the mark does not count as a write in flight any more. */
    assert_string_equal(etag_of(index, "a.json"), "");
    assert_int_equal(orphans_of(index), 1);
    sat_index_close(index);
}

/* The child marks a row and waits to be killed. */
static void die_in_flight(const struct folder *folder, int ready)
{
    struct sat_index_options options = {.cache_dir = folder->path, .identity = "test"};
    struct sat_index *index = NULL;
    struct sat_index_write write = {.key = "a.json"};
    if (sat_index_open(&options, &index, NULL) != SATCHEL_OK ||
        sat_index_begin(index, &write, 1, NULL) != SATCHEL_OK ||
        sat_os_write_all(ready, "r", 1) != 0)
        _exit(1);
    for (;;)
        (void)pause();
}

static void rows_of_a_killed_process_are_orphans(void **state)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        die_in_flight(*state, ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    struct sat_index *index = open_index(state);
    assert_true(is_dirty(index, "a.json"));
    assert_int_equal(orphans_of(index), 0);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(orphans_of(index), 1);
    sat_index_close(index);
    (void)close(ready[0]);
    (void)close(ready[1]);
}

static void put_learns_only_what_is_newer(void **state)
{
    struct sat_index *index = open_index(state);
    char text[256];
    int64_t before_get = 0;
    struct object seen = {"a.json", "\"seen\"", 1};
    struct sat_index_row row = row_of(&seen, text, sizeof text);
    OK(sat_index_next_generation(index, &before_get, NULL));
    OK(sat_index_put(index, before_get, &row, 1, NULL));
    assert_string_equal(etag_of(index, "a.json"), "\"seen\"");
    OK(sat_index_next_generation(index, &before_get, NULL));
    store(index, "a.json", "\"written\"", 2);
    OK(sat_index_put(index, before_get, &row, 1, NULL));
    assert_string_equal(etag_of(index, "a.json"), "\"written\"");
    sat_index_close(index);
}

static void put_leaves_a_write_in_flight_alone(void **state)
{
    struct sat_index *index = open_index(state);
    char text[256];
    int64_t generation = 0;
    struct object seen = {"a.json", "\"seen\"", 1};
    struct sat_index_row row = row_of(&seen, text, sizeof text);
    struct sat_index_write write = begin_write(index, "a.json");
    OK(sat_index_next_generation(index, &generation, NULL));
    OK(sat_index_put(index, generation, &row, 1, NULL));
    assert_true(is_dirty(index, "a.json"));
    struct object now = {"a.json", "\"now\"", 2};
    OK(settle_as(index, write, SAT_WRITE_STORED, &now));
    assert_int_equal(orphans_of(index), 0);
    sat_index_close(index);
}

static void two_refused_writes_leave_an_orphan(void **state)
{
    struct sat_index *index = open_index(state);
    refresh_with(index, old_a, 1);
    struct sat_index_write first = begin_write(index, "a.json");
    struct sat_index_write second = begin_write(index, "a.json");
    OK(settle_as(index, first, SAT_WRITE_UNCHANGED, NULL));
    OK(settle_as(index, second, SAT_WRITE_UNCHANGED, NULL));
    assert_int_equal(orphans_of(index), 1);
    sat_index_close(index);
}

static void a_key_deleted_twice_in_one_batch_is_settled(void **state)
{
    struct sat_index *index = open_index(state);
    refresh_with(index, old_a, 1);
    struct sat_index_write writes[2] = {{.key = "a.json"}, {.key = "a.json"}};
    OK(sat_index_begin(index, writes, 2, NULL));
    struct sat_index_settlement items[2] = {
        {.write = writes[0], .outcome = SAT_WRITE_DELETED},
        {.write = writes[1], .outcome = SAT_WRITE_DELETED},
    };
    OK(sat_index_settle(index, items, 2, NULL));
    assert_int_equal(orphans_of(index), 0);
    assert_int_equal(count_of(index), 0);
    sat_index_close(index);
}

static void put_of_nothing_adds_no_row(void **state)
{
    struct sat_index *index = open_index(state);
    int64_t generation = 0;
    struct sat_index_row row = {.key = "no.json", .state = SAT_ROW_ABSENT};
    OK(sat_index_next_generation(index, &generation, NULL));
    OK(sat_index_put(index, generation, &row, 1, NULL));
    assert_int_equal(outside_int(index, "SELECT count(*) FROM obj"), 0);
    sat_index_close(index);
}

#define ON_DISK(test)   cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)
#define IN_MEMORY(test) {"in memory: " #test, test, memory_setup, folder_teardown, NULL}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(rows_of_a_killed_process_are_orphans),
        ON_DISK(a_write_in_flight_shows_the_old_row_as_dirty),
        ON_DISK(an_unknown_key_counts_once_it_is_stored),
        ON_DISK(unchanged_restores_the_row),
        ON_DISK(unknown_leaves_an_orphan_that_repair_ends),
        ON_DISK(repair_comes_too_late_after_another_write),
        ON_DISK(repair_comes_too_late_after_another_unknown_write),
        ON_DISK(overlapping_threads_leave_the_row_to_be_read_again),
        ON_DISK(overlapping_writers_leave_the_row_to_be_read_again),
        ON_DISK(a_lost_race_leaves_the_winner_alone),
        ON_DISK(an_unmarked_write_is_read_again),
        ON_DISK(batches_are_one_transaction),
        ON_DISK(a_row_without_body_is_refused_and_read_again),
        ON_DISK(put_learns_only_what_is_newer),
        ON_DISK(two_refused_writes_leave_an_orphan),
        ON_DISK(a_key_deleted_twice_in_one_batch_is_settled),
        ON_DISK(put_of_nothing_adds_no_row),
        ON_DISK(put_leaves_a_write_in_flight_alone),
        IN_MEMORY(a_write_in_flight_shows_the_old_row_as_dirty),
        IN_MEMORY(unknown_leaves_an_orphan_that_repair_ends),
        IN_MEMORY(a_row_without_body_is_refused_and_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
