/* Refresh: diff, generations, marks, order, abort, election. */
#include "fixture.h"

#include "core/clock.h"

static const struct object before[] = {
    {"a.json", "\"1\"", 1}, {"b.json", "\"2\"", 2}, {"c.json", "\"3\"", 3}};

static void only_new_and_changed_objects_are_read(void **state)
{
    static const struct object after[] = {
        {"a.json", "\"1\"", 1}, {"b.json", "\"2b\"", 7}, {"bb.json", "\"4\"", 4}};
    struct sat_index *index = open_index(state);
    assert_int_equal(refresh_with(index, before, 3), 3);
    assert_int_equal(refresh_with(index, before, 3), 0);
    assert_int_equal(refresh_with(index, after, 3), 2);
    assert_string_equal(etag_of(index, "b.json"), "\"2b\"");
    assert_string_equal(etag_of(index, "bb.json"), "\"4\"");
    assert_string_equal(etag_of(index, "c.json"), "");
    assert_int_equal(count_of(index), 3);
    sat_index_close(index);
}

static void a_changed_size_is_a_change(void **state)
{
    struct sat_index *index = open_index(state);
    refresh_with(index, before, 1);
    struct sat_index_refresh *refresh = begin_refresh(index);
    struct sat_index_listed item = {.key = "a.json", .etag = "\"1\"", .size = 101};
    OK(sat_index_refresh_feed(refresh, &item, 1, NULL));
    OK(sat_index_refresh_listed(refresh, NULL));
    assert_int_equal(sat_index_refresh_changes(refresh), 1);
    assert_int_equal(sat_index_refresh_change(refresh, 0)->size, 101);
    sat_index_refresh_end(refresh);
    sat_index_close(index);
}

static void an_end_without_commit_changes_nothing(void **state)
{
    struct sat_index *index = open_index(state);
    sat_clock_fake_boottime(100 * SAT_NS_PER_S);
    refresh_with(index, before, 3);
    sat_clock_fake_boottime(200 * SAT_NS_PER_S);
    struct sat_index_refresh *refresh = begin_refresh(index);
    feed_objects(refresh, before, 1);
    sat_index_refresh_end(refresh);
    assert_int_equal(count_of(index), 3);
    assert_false(sat_index_is_fresh(index, 60));
    refresh = begin_refresh(index);
    OK(sat_index_refresh_listed(refresh, NULL));
    sat_index_refresh_end(refresh);
    assert_int_equal(count_of(index), 3);
    sat_clock_fake_boottime(SAT_CLOCK_REAL);
    sat_index_close(index);
}

static void a_listing_out_of_order_ends_the_refresh(void **state)
{
    struct sat_index *index = open_index(state);
    refresh_with(index, before, 3);
    const char *const pairs[][2] = {{"b.json", "a.json"}, {"b.json", "b.json"}};
    for (size_t i = 0; i < 2; i++) {
        satchel_error err;
        struct sat_index_refresh *refresh = begin_refresh(index);
        struct sat_index_listed first = {.key = pairs[i][0], .etag = "x", .size = 1};
        struct sat_index_listed second = {.key = pairs[i][1], .etag = "x", .size = 1};
        OK(sat_index_refresh_feed(refresh, &first, 1, NULL));
        assert_int_equal(sat_index_refresh_feed(refresh, &second, 1, &err), SATCHEL_CORRUPT);
        assert_non_null(strstr(err.text, pairs[i][1]));
        assert_int_equal(sat_index_refresh_listed(refresh, NULL), SATCHEL_INVALID);
        assert_int_equal(sat_index_refresh_commit(refresh, NULL), SATCHEL_INVALID);
        sat_index_refresh_end(refresh);
    }
    assert_int_equal(count_of(index), 3);
    sat_index_close(index);
}

static void no_commit_before_every_change_was_read(void **state)
{
    struct sat_index *index = open_index(state);
    struct sat_index_refresh *refresh = begin_refresh(index);
    char text[256];
    struct sat_index_row row = row_of(&before[0], text, sizeof text);
    feed_objects(refresh, before, 3);
    assert_int_equal(sat_index_refresh_put(refresh, &row, 1, NULL), SATCHEL_INVALID);
    OK(sat_index_refresh_listed(refresh, NULL));
    OK(sat_index_refresh_put(refresh, &row, 1, NULL));
    OK(sat_index_refresh_put(refresh, &row, 1, NULL));
    OK(sat_index_refresh_put(refresh, &row, 1, NULL));
    assert_int_equal(sat_index_refresh_commit(refresh, NULL), SATCHEL_INVALID);
    row.key = "stranger.json";
    assert_int_equal(sat_index_refresh_put(refresh, &row, 1, NULL), SATCHEL_INVALID);
    assert_int_equal(put_changes(refresh, before, 3), 3);
    OK(sat_index_refresh_commit(refresh, NULL));
    sat_index_refresh_end(refresh);
    sat_index_close(index);
}

static void an_object_gone_before_its_get_is_no_row(void **state)
{
    static const struct object now[] = {{"a.json", "\"1\"", 1}, {"b.json", NULL, 0}};
    struct sat_index *index = open_index(state);
    refresh_with(index, before, 3);
    assert_int_equal(refresh_with(index, now, 2), 1);
    assert_int_equal(count_of(index), 1);
    assert_string_equal(etag_of(index, "b.json"), "");
    sat_index_close(index);
}

/* ---- generations ---- */

static void a_list_begun_before_my_put_does_not_delete_my_row(void **state)
{
    struct sat_index *index = open_index(state);
    refresh_with(index, before, 3);
    struct sat_index_refresh *refresh = begin_refresh(index);
    feed_objects(refresh, before, 3);
    store(index, "mine.json", "\"m\"", 1);
    OK(sat_index_refresh_listed(refresh, NULL));
    OK(sat_index_refresh_commit(refresh, NULL));
    sat_index_refresh_end(refresh);
    assert_string_equal(etag_of(index, "mine.json"), "\"m\"");
    assert_int_equal(count_of(index), 4);
    /* A later listing without it does delete it. */
    refresh_with(index, before, 3);
    assert_string_equal(etag_of(index, "mine.json"), "");
    sat_index_close(index);
}

static void a_list_begun_before_my_update_does_not_overwrite_it(void **state)
{
    struct sat_index *index = open_index(state);
    refresh_with(index, before, 3);
    struct sat_index_refresh *refresh = begin_refresh(index);
    store(index, "b.json", "\"mine\"", 9);
    feed_objects(refresh, before, 3);
    OK(sat_index_refresh_listed(refresh, NULL));
    assert_int_equal(sat_index_refresh_changes(refresh), 0);
    OK(sat_index_refresh_commit(refresh, NULL));
    sat_index_refresh_end(refresh);
    assert_string_equal(etag_of(index, "b.json"), "\"mine\"");
    sat_index_close(index);
}

static void a_list_begun_before_my_delete_does_not_bring_it_back(void **state)
{
    struct sat_index *index = open_index(state);
    refresh_with(index, before, 3);
    struct sat_index_refresh *refresh = begin_refresh(index);
    erase(index, "b.json");
    feed_objects(refresh, before, 3);
    OK(sat_index_refresh_listed(refresh, NULL));
    assert_int_equal(put_changes(refresh, before, 3), 0);
    OK(sat_index_refresh_commit(refresh, NULL));
    sat_index_refresh_end(refresh);
    assert_string_equal(etag_of(index, "b.json"), "");
    assert_int_equal(count_of(index), 2);
    /* Another writer creates it again: the next refresh finds it. */
    assert_int_equal(refresh_with(index, before, 3), 1);
    assert_int_equal(count_of(index), 3);
    sat_index_close(index);
}

static void a_put_between_merge_and_put_wins(void **state)
{
    static const struct object after[] = {{"a.json", "\"foreign\"", 5}};
    struct sat_index *index = open_index(state);
    refresh_with(index, before, 1);
    struct sat_index_refresh *refresh = begin_refresh(index);
    feed_objects(refresh, after, 1);
    OK(sat_index_refresh_listed(refresh, NULL));
    store(index, "a.json", "\"mine\"", 6);
    assert_int_equal(put_changes(refresh, after, 1), 1);
    OK(sat_index_refresh_commit(refresh, NULL));
    sat_index_refresh_end(refresh);
    assert_string_equal(etag_of(index, "a.json"), "\"mine\"");
    sat_index_close(index);
}

/* ---- marks ---- */

static void a_write_in_flight_is_left_alone(void **state)
{
    struct sat_index *index = open_index(state);
    refresh_with(index, before, 3);
    struct sat_index_write update = begin_write(index, "b.json");
    struct sat_index_write create = begin_write(index, "new.json");
    refresh_with(index, before, 1);
    assert_true(is_dirty(index, "b.json"));
    assert_string_equal(etag_of(index, "b.json"), "\"2\"");
    assert_true(is_dirty(index, "new.json"));
    struct object updated = {"b.json", "\"2b\"", 3};
    struct object created = {"new.json", "\"n\"", 1};
    OK(settle_as(index, update, SAT_WRITE_STORED, &updated));
    OK(settle_as(index, create, SAT_WRITE_STORED, &created));
    assert_int_equal(orphans_of(index), 0);
    assert_int_equal(count_of(index), 3);
    sat_index_close(index);
}

static void a_refused_write_does_not_hide_what_a_refresh_saw(void **state)
{
    static const struct object after[] = {{"a.json", "\"foreign\"", 5}};
    struct sat_index *index = open_index(state);
    refresh_with(index, before, 1);
    /* In flight all through the refresh. */
    struct sat_index_write write = begin_write(index, "a.json");
    refresh_with(index, after, 1);
    OK(settle_as(index, write, SAT_WRITE_UNCHANGED, NULL));
    assert_int_equal(orphans_of(index), 1);
    /* Refused before the change was put. */
    refresh_with(index, before, 1);
    struct sat_index_refresh *refresh = begin_refresh(index);
    write = begin_write(index, "a.json");
    feed_objects(refresh, after, 1);
    OK(sat_index_refresh_listed(refresh, NULL));
    OK(settle_as(index, write, SAT_WRITE_UNCHANGED, NULL));
    assert_int_equal(put_changes(refresh, after, 1), 1);
    OK(sat_index_refresh_commit(refresh, NULL));
    sat_index_refresh_end(refresh);
    assert_string_equal(etag_of(index, "a.json"), "\"foreign\"");
    sat_index_close(index);
}

static void a_refused_write_after_the_put_leaves_an_orphan(void **state)
{
    static const struct object after[] = {{"a.json", "\"foreign\"", 5}};
    for (int marked_first = 0; marked_first < 2; marked_first++) {
        struct sat_index *index = open_index(state);
        struct sat_index_write write = {.key = NULL};
        refresh_with(index, before, 1);
        if (marked_first)
            write = begin_write(index, "a.json");
        struct sat_index_refresh *refresh = begin_refresh(index);
        if (!marked_first)
            write = begin_write(index, "a.json");
        feed_objects(refresh, after, 1);
        OK(sat_index_refresh_listed(refresh, NULL));
        assert_int_equal(put_changes(refresh, after, 1), 1);
        OK(settle_as(index, write, SAT_WRITE_UNCHANGED, NULL));
        OK(sat_index_refresh_commit(refresh, NULL));
        sat_index_refresh_end(refresh);
        assert_int_equal(orphans_of(index), 1);
        sat_index_close(index);
    }
}

static void a_refresh_settles_orphans(void **state)
{
    static const struct object after[] = {{"a.json", "\"1\"", 1}, {"b.json", "\"2b\"", 3}};
    struct sat_index *index = open_index(state);
    refresh_with(index, before, 3);
    OK(settle_as(index, begin_write(index, "a.json"), SAT_WRITE_UNKNOWN, NULL));
    OK(settle_as(index, begin_write(index, "b.json"), SAT_WRITE_UNKNOWN, NULL));
    OK(settle_as(index, begin_write(index, "x.json"), SAT_WRITE_UNKNOWN, NULL));
    assert_int_equal(orphans_of(index), 3);
    assert_int_equal(refresh_with(index, after, 2), 1);
    assert_int_equal(orphans_of(index), 0);
    assert_string_equal(etag_of(index, "b.json"), "\"2b\"");
    assert_int_equal(count_of(index), 2);
    sat_index_close(index);
}

/* ---- freshness and election ---- */

static void dropped_freshness_outlives_a_refresh_that_began_before(void **state)
{
    struct sat_index *index = open_index(state);
    struct sat_index_refresh *refresh = begin_refresh(index);
    sat_index_drop_freshness(index);
    OK(sat_index_refresh_listed(refresh, NULL));
    OK(sat_index_refresh_commit(refresh, NULL));
    sat_index_refresh_end(refresh);
    assert_false(sat_index_is_fresh(index, 60));
    sat_index_close(index);
}

static void freshness_counts_from_the_begin(void **state)
{
    struct sat_index *index = open_index(state);
    sat_clock_fake_boottime(100 * SAT_NS_PER_S);
    struct sat_index_refresh *refresh = begin_refresh(index);
    sat_clock_fake_boottime(150 * SAT_NS_PER_S);
    OK(sat_index_refresh_listed(refresh, NULL));
    OK(sat_index_refresh_commit(refresh, NULL));
    sat_index_refresh_end(refresh);
    assert_true(sat_index_is_fresh(index, 60));
    sat_clock_fake_boottime(160 * SAT_NS_PER_S);
    assert_false(sat_index_is_fresh(index, 60));
    sat_clock_fake_boottime(SAT_CLOCK_REAL);
    sat_index_close(index);
}

static void there_is_one_refresher(void **state)
{
    struct sat_index *index = open_index(state);
    struct sat_index_refresh_options now = {.ttl_s = 60, .wait_ms = 0};
    struct sat_index_refresh *other = NULL;
    struct sat_index_refresh *refresh = begin_refresh(index);
    assert_int_equal(sat_index_refresh_begin(index, &now, &other, NULL), SATCHEL_BUSY);
    assert_null(other);
    OK(sat_index_refresh_listed(refresh, NULL));
    OK(sat_index_refresh_commit(refresh, NULL));
    sat_index_refresh_end(refresh);
    /* Fresh now: nothing to do, unless forced or with a TTL of zero. */
    OK(sat_index_refresh_begin(index, &now, &other, NULL));
    assert_null(other);
    now.ttl_s = 0;
    OK(sat_index_refresh_begin(index, &now, &other, NULL));
    assert_non_null(other);
    sat_index_refresh_end(other);
    now = (struct sat_index_refresh_options){.ttl_s = 60, .force = true};
    OK(sat_index_refresh_begin(index, &now, &other, NULL));
    assert_non_null(other);
    sat_index_refresh_end(other);
    sat_index_close(index);
}

static void a_corrupt_object_is_kept_as_such(void **state)
{
    struct sat_index *index = open_index(state);
    for (int round = 0; round < 2; round++) {
        struct sat_index_refresh *refresh = begin_refresh(index);
        feed_objects(refresh, before, 1);
        OK(sat_index_refresh_listed(refresh, NULL));
        assert_int_equal(sat_index_refresh_changes(refresh), round == 0 ? 1 : 0);
        struct sat_index_row row = {
            .key = "a.json", .state = SAT_ROW_CORRUPT, .etag = "\"1\"", .size = 100};
        if (round == 0)
            OK(sat_index_refresh_put(refresh, &row, 1, NULL));
        OK(sat_index_refresh_commit(refresh, NULL));
        sat_index_refresh_end(refresh);
        assert_int_equal(count_of(index), 1);
    }
    sat_index_close(index);
}

#define ON_DISK(test)   cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)
#define IN_MEMORY(test) {"in memory: " #test, test, memory_setup, folder_teardown, NULL}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(only_new_and_changed_objects_are_read),
        ON_DISK(a_changed_size_is_a_change),
        ON_DISK(an_end_without_commit_changes_nothing),
        ON_DISK(a_listing_out_of_order_ends_the_refresh),
        ON_DISK(no_commit_before_every_change_was_read),
        ON_DISK(an_object_gone_before_its_get_is_no_row),
        ON_DISK(a_list_begun_before_my_put_does_not_delete_my_row),
        ON_DISK(a_list_begun_before_my_update_does_not_overwrite_it),
        ON_DISK(a_list_begun_before_my_delete_does_not_bring_it_back),
        ON_DISK(a_put_between_merge_and_put_wins),
        ON_DISK(a_write_in_flight_is_left_alone),
        ON_DISK(a_refused_write_does_not_hide_what_a_refresh_saw),
        ON_DISK(a_refused_write_after_the_put_leaves_an_orphan),
        ON_DISK(a_refresh_settles_orphans),
        ON_DISK(dropped_freshness_outlives_a_refresh_that_began_before),
        ON_DISK(freshness_counts_from_the_begin),
        ON_DISK(there_is_one_refresher),
        ON_DISK(a_corrupt_object_is_kept_as_such),
        IN_MEMORY(only_new_and_changed_objects_are_read),
        IN_MEMORY(a_list_begun_before_my_put_does_not_delete_my_row),
        IN_MEMORY(a_write_in_flight_is_left_alone),
        IN_MEMORY(a_refresh_settles_orphans),
        IN_MEMORY(there_is_one_refresher),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
