/* The index handle: opening, look-up, count, clear, freshness, on disk and in memory. */
#include "fixture.h"

#include <sys/stat.h>

#include "core/clock.h"
#include "local/sql.h"

static const struct object three[] = {
    {"a.json", "\"1\"", 1}, {"b.json", "\"2\"", 2}, {"c/d.json", "\"3\"", 3}};

static void opens_empty_and_never_listed(void **state)
{
    struct sat_index *index = open_index(state);
    assert_int_equal(count_of(index), 0);
    assert_false(sat_index_is_fresh(index, 60));
    assert_false(sat_index_is_fresh(index, -1));
    sat_index_close(index);
    assert_int_equal(sat_sqlite_open_count(), 0);
}

static void keeps_rows_over_close_and_open(void **state)
{
    struct sat_index *index = open_index(state);
    assert_int_equal(refresh_with(index, three, 3), 3);
    sat_index_close(index);
    index = open_index(state);
    assert_int_equal(count_of(index), 3);
    assert_string_equal(etag_of(index, "c/d.json"), "\"3\"");
    assert_true(sat_index_is_fresh(index, 60));
    sat_index_close(index);
}

static void files_are_for_the_owner_only(void **state)
{
    char path[PATH_SIZE];
    char wal[PATH_SIZE + 8];
    struct stat info;
    struct sat_index *index = open_index(state);
    refresh_with(index, three, 3);
    sat_index_path(index, path, sizeof path);
    (void)snprintf(wal, sizeof wal, "%s-wal", path);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(stat(wal, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    sat_index_close(index);
}

static void lookup_answers_in_the_order_of_keys(void **state)
{
    struct sat_index *index = open_index(state);
    refresh_with(index, three, 3);
    const char *keys[] = {"b.json", "nope.json", "a.json"};
    struct sat_index_rows *rows = NULL;
    OK(sat_index_lookup(index, keys, 3, true, &rows, NULL));
    assert_int_equal(sat_index_rows_count(rows), 3);
    const struct sat_index_row *row = sat_index_rows_at(rows, 0);
    assert_string_equal(row->key, "b.json");
    assert_string_equal(row->etag, "\"2\"");
    assert_int_equal(row->version, 2);
    assert_int_equal(row->size, 100);
    assert_string_equal(row->body.data,
                        "{\"id\":\"b.json\",\"version\":2,\"fields\":{\"n\":2},\"metadata\":{}}");
    assert_int_equal(row->body.len, strlen(row->body.data));
    assert_int_equal(sat_index_rows_at(rows, 1)->state, SAT_ROW_ABSENT);
    assert_null(sat_index_rows_at(rows, 1)->etag);
    assert_string_equal(sat_index_rows_at(rows, 2)->etag, "\"1\"");
    sat_index_rows_free(rows);
    OK(sat_index_lookup(index, keys, 1, false, &rows, NULL));
    assert_null(sat_index_rows_at(rows, 0)->body.data);
    sat_index_rows_free(rows);
    sat_index_close(index);
}

static void clear_forgets_rows_and_freshness(void **state)
{
    struct sat_index *index = open_index(state);
    refresh_with(index, three, 3);
    OK(sat_index_clear(index, NULL));
    assert_int_equal(count_of(index), 0);
    assert_false(sat_index_is_fresh(index, -1));
    assert_int_equal(refresh_with(index, three, 3), 3);
    sat_index_close(index);
}

static void freshness_ends_with_the_ttl(void **state)
{
    struct sat_index *index = open_index(state);
    sat_clock_fake_boottime(1000 * SAT_NS_PER_S);
    refresh_with(index, three, 3);
    sat_clock_fake_boottime(1059 * SAT_NS_PER_S);
    assert_true(sat_index_is_fresh(index, 60));
    assert_false(sat_index_is_fresh(index, 0));
    sat_clock_fake_boottime(1060 * SAT_NS_PER_S);
    assert_false(sat_index_is_fresh(index, 60));
    assert_true(sat_index_is_fresh(index, INT64_MAX));
    assert_true(sat_index_is_fresh(index, -1));
    sat_clock_fake_boottime(999 * SAT_NS_PER_S);
    assert_false(sat_index_is_fresh(index, 60));
    sat_clock_fake_boottime(SAT_CLOCK_REAL);
    sat_index_close(index);
}

static void freshness_in_seconds_ends_with_the_boot(void **state)
{
    char path[PATH_SIZE];
    struct sat_index *index = open_index(state);
    refresh_with(index, three, 3);
    sat_index_path(index, path, sizeof path);
    outside_sql(path, "UPDATE meta SET listed_boot = 'another boot'");
    assert_false(sat_index_is_fresh(index, 60));
    assert_true(sat_index_is_fresh(index, -1));
    sat_index_close(index);
}

static void wall_clock_jumps_do_not_matter(void **state)
{
    struct sat_index *index = open_index(state);
    refresh_with(index, three, 3);
    sat_clock_fake_wall(sat_clock_wall_ns() + 3600 * SAT_NS_PER_S);
    assert_true(sat_index_is_fresh(index, 60));
    sat_clock_fake_wall(SAT_CLOCK_REAL);
    sat_index_close(index);
}

static void dropped_freshness_is_dropped_for_all_handles(void **state)
{
    struct sat_index *index = open_index(state);
    struct sat_index *other = open_index(state);
    refresh_with(index, three, 3);
    assert_true(sat_index_is_fresh(other, 60));
    sat_index_drop_freshness(index);
    assert_false(sat_index_is_fresh(index, 60));
    assert_false(sat_index_is_fresh(other, -1));
    sat_index_close(other);
    sat_index_close(index);
}

static void two_handles_see_each_others_rows(void **state)
{
    struct sat_index *index = open_index(state);
    struct sat_index *other = open_index(state);
    store(index, "x.json", "\"x\"", 1);
    assert_string_equal(etag_of(other, "x.json"), "\"x\"");
    erase(other, "x.json");
    assert_string_equal(etag_of(index, "x.json"), "");
    sat_index_close(index);
    store(other, "y.json", "\"y\"", 1);
    sat_index_close(other);
}

static void identities_have_files_of_their_own(void **state)
{
    const struct folder *folder = *state;
    struct sat_index_options options = {.cache_dir = folder->path, .identity = "someone else"};
    struct sat_index *index = open_index(state);
    struct sat_index *other = NULL;
    OK(sat_index_open(&options, &other, NULL));
    refresh_with(index, three, 3);
    assert_int_equal(count_of(other), 0);
    sat_index_close(other);
    sat_index_close(index);
}

static void generations_ascend_and_outlive_a_close(void **state)
{
    int64_t first = 0;
    int64_t second = 0;
    struct sat_index *index = open_index(state);
    OK(sat_index_next_generation(index, &first, NULL));
    store(index, "x.json", "\"x\"", 1);
    sat_index_close(index);
    index = open_index(state);
    OK(sat_index_next_generation(index, &second, NULL));
    assert_true(second > first);
    sat_index_close(index);
}

static void notes_outlive_a_clear_and_expire(void **state)
{
    int64_t value = 0;
    struct sat_index *index = open_index(state);
    assert_false(sat_index_note_get(index, "fact", &value));
    OK(sat_index_note_put(index, "fact", 6, 100, NULL));
    OK(sat_index_note_put(index, "fact", 7, 100, NULL));
    OK(sat_index_clear(index, NULL));
    assert_true(sat_index_note_get(index, "fact", &value));
    assert_int_equal(value, 7);
    sat_clock_fake_wall(sat_clock_wall_ns() + 101 * SAT_NS_PER_S);
    assert_false(sat_index_note_get(index, "fact", &value));
    sat_clock_fake_wall(SAT_CLOCK_REAL);
    sat_index_close(index);
}

/* BUSY at once, or no lock needed at all: a held lock must not slow down readers and openers. */
static void a_held_write_lock_stops_no_reader(void **state)
{
    const char *fields[] = {"n"};
    char path[PATH_SIZE];
    int64_t generation = 0;
    struct sat_sqlite *holder = NULL;
    struct sat_index *index = open_index(state);
    struct sat_index_row row = {.key = "a.json", .state = SAT_ROW_CORRUPT};
    OK(sat_index_set_fields(index, fields, 1, NULL));
    sat_index_path(index, path, sizeof path);
    OK(sat_sqlite_open(path, &holder, NULL));
    OK(sat_sqlite_exec(holder, "BEGIN IMMEDIATE", NULL));
    int64_t start = sat_clock_now_ns();
    OK(sat_index_next_generation(index, &generation, NULL));
    assert_int_equal(sat_index_put(index, generation, &row, 1, NULL), SATCHEL_BUSY);
    assert_int_equal(sat_index_note_put(index, "fact", 1, 100, NULL), SATCHEL_BUSY);
    struct sat_index *other = open_index(state);
    OK(sat_index_set_fields(other, fields, 1, NULL));
    assert_true(sat_clock_now_ns() - start < 5 * SAT_NS_PER_S);
    sat_sqlite_close(holder);
    sat_index_close(other);
    sat_index_close(index);
}

static void an_empty_cache_dir_is_refused(void **state)
{
    (void)state;
    struct sat_index_options options = {.cache_dir = "", .identity = "test"};
    struct sat_index *index = NULL;
    assert_int_equal(sat_index_open(&options, &index, NULL), SATCHEL_INVALID);
    assert_null(index);
    sat_index_close(NULL);
}

#define ON_DISK(test)   cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)
#define IN_MEMORY(test) {"in memory: " #test, test, memory_setup, folder_teardown, NULL}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(opens_empty_and_never_listed),
        ON_DISK(keeps_rows_over_close_and_open),
        ON_DISK(files_are_for_the_owner_only),
        ON_DISK(lookup_answers_in_the_order_of_keys),
        ON_DISK(clear_forgets_rows_and_freshness),
        ON_DISK(freshness_ends_with_the_ttl),
        ON_DISK(freshness_in_seconds_ends_with_the_boot),
        ON_DISK(wall_clock_jumps_do_not_matter),
        ON_DISK(dropped_freshness_is_dropped_for_all_handles),
        ON_DISK(two_handles_see_each_others_rows),
        ON_DISK(identities_have_files_of_their_own),
        ON_DISK(generations_ascend_and_outlive_a_close),
        ON_DISK(notes_outlive_a_clear_and_expire),
        ON_DISK(a_held_write_lock_stops_no_reader),
        IN_MEMORY(notes_outlive_a_clear_and_expire),
        IN_MEMORY(opens_empty_and_never_listed),
        IN_MEMORY(lookup_answers_in_the_order_of_keys),
        IN_MEMORY(clear_forgets_rows_and_freshness),
        IN_MEMORY(freshness_ends_with_the_ttl),
        cmocka_unit_test(an_empty_cache_dir_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
