/* Refreshing the index: requests within and after the TTL, foreign changes, failures. */
#include "record/fixture.h"

#include <stdio.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/str.h"

#define RECORD(name) "{\"fields\":{\"name\":\"" name "\"}}"

static uint64_t count_all(void)
{
    uint64_t count = 0;
    satchel_error err = {0};
    if (sat_db_count(db, NULL, &count, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    return count;
}

static void within_the_ttl_nothing_is_asked(void **state)
{
    (void)state;
    create_ok("a", RECORD("x"));
    assert_int_equal(count_all(), 1);
    uint64_t before = all_requests();
    assert_int_equal(count_all(), 1);
    SAT_AUTO_FREE char *ids = search_ids("name = 'x'");
    assert_string_equal(ids, "a");
    assert_int_equal(all_requests(), before);
}

static void only_changes_are_read_again(void **state)
{
    (void)state;
    char key[32];
    for (int i = 0; i < 100; i++) {
        (void)snprintf(key, sizeof key, "recs/r%02d.json", i);
        foreign_put(key, RECORD("old"));
    }
    assert_int_equal(count_all(), 100);
    assert_int_equal(requests(SAT_OP_GET), 100);
    for (int i = 0; i < 10; i++) {
        (void)snprintf(key, sizeof key, "recs/r%02d.json", i * 3);
        foreign_put(key, RECORD("new"));
    }
    foreign_delete("recs/r99.json");
    uint64_t lists = requests(SAT_OP_LIST);
    assert_int_equal(sat_db_refresh(db, true, NULL), SATCHEL_OK);
    assert_int_equal(requests(SAT_OP_LIST) - lists, 1);
    assert_int_equal(requests(SAT_OP_GET), 110);
    assert_int_equal(count_all(), 99);
    SAT_AUTO_FREE char *ids = search_ids("name = 'new' LIMIT 3");
    assert_string_equal(ids, "r00,r03,r06");
}

static void the_ttl_runs_on_the_boot_clock(void **state)
{
    (void)state;
    sat_clock_fake_boottime(1000 * SAT_NS_PER_S);
    reopen_db((const struct setting[]){{"cache_ttl", "60"}, {NULL, NULL}});
    create_ok("a", RECORD("x"));
    assert_int_equal(count_all(), 1);
    foreign_put("recs/b.json", RECORD("y"));
    sat_clock_fake_boottime(1059 * SAT_NS_PER_S);
    assert_int_equal(count_all(), 1);
    sat_clock_fake_boottime(1061 * SAT_NS_PER_S);
    assert_int_equal(count_all(), 2);
    sat_clock_fake_boottime(SAT_CLOCK_REAL);
}

static void ttl_zero_always_lists(void **state)
{
    (void)state;
    reopen_db((const struct setting[]){{"cache_ttl", "0"}, {NULL, NULL}});
    assert_int_equal(count_all(), 0);
    foreign_put("recs/b.json", RECORD("y"));
    assert_int_equal(count_all(), 1);
    assert_int_equal(requests(SAT_OP_LIST), 2);
}

static int fail_lists(void *user, const struct sat_op *op, satchel_error *err)
{
    (void)user;
    return op->kind == SAT_OP_LIST ? sat_error_set(err, SATCHEL_NETWORK, "cut") : SATCHEL_OK;
}

static void a_failed_listing_forgets_nothing(void **state)
{
    (void)state;
    create_ok("a", RECORD("x"));
    assert_int_equal(count_all(), 1);
    foreign_delete("recs/a.json");
    db->conn->fault = fail_lists;
    assert_int_equal(sat_db_refresh(db, true, NULL), SATCHEL_NETWORK);
    db->conn->fault = NULL;
    assert_int_equal(count_all(), 1);
    assert_int_equal(sat_db_refresh(db, true, NULL), SATCHEL_OK);
    assert_int_equal(count_all(), 0);
}

static int fail_gets(void *user, const struct sat_op *op, satchel_error *err)
{
    (void)user;
    return op->kind == SAT_OP_GET ? sat_error_set(err, SATCHEL_DENIED, "secret") : SATCHEL_OK;
}

static void a_record_that_cannot_be_read_fails_the_refresh(void **state)
{
    (void)state;
    uint64_t count = 0;
    foreign_put("recs/a.json", RECORD("x"));
    db->conn->fault = fail_gets;
    assert_int_equal(sat_db_count(db, NULL, &count, NULL), SATCHEL_DENIED);
    db->conn->fault = NULL;
    assert_int_equal(count_all(), 1);
}

static void objects_that_are_no_records_are_passed_over(void **state)
{
    (void)state;
    foreign_put("recs/readme.txt", "hello");
    foreign_put("recs/.satchel/probe-1", "x");
    foreign_put("recs/a.json", RECORD("x"));
    assert_int_equal(count_all(), 1);
}

static void nested_ids_are_records_too(void **state)
{
    (void)state;
    foreign_put("recs/2024/01/a.json", RECORD("x"));
    SAT_AUTO_FREE char *ids = search_ids(NULL);
    assert_string_equal(ids, "2024/01/a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(within_the_ttl_nothing_is_asked, open_db, close_db),
        cmocka_unit_test_setup_teardown(only_changes_are_read_again, open_db, close_db),
        cmocka_unit_test_setup_teardown(the_ttl_runs_on_the_boot_clock, open_db, close_db),
        cmocka_unit_test_setup_teardown(ttl_zero_always_lists, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_failed_listing_forgets_nothing, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_record_that_cannot_be_read_fails_the_refresh, open_db,
                                        close_db),
        cmocka_unit_test_setup_teardown(objects_that_are_no_records_are_passed_over, open_db,
                                        close_db),
        cmocka_unit_test_setup_teardown(nested_ids_are_records_too, open_db, close_db),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
