/* Reading records: one GET each, per-item failures, input order, corrupt objects. */
#include "record/fixture.h"

#include <stdio.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/str.h"

#define ALICE "{\"fields\":{\"name\":\"Alice\"}}"

static void read_is_one_get(void **state)
{
    (void)state;
    create_ok("a", ALICE);
    uint64_t before = all_requests();
    satchel_item item = read_one("a");
    assert_int_equal(item.err.code, SATCHEL_OK);
    assert_string_equal(item.record.id, "a");
    assert_int_equal(item.record.json_len, strlen(item.record.json));
    assert_int_equal(all_requests() - before, 1);
    item_fini(&item);
}

static void what_was_read_can_be_updated_without_asking(void **state)
{
    (void)state;
    create_ok("a", ALICE);
    reopen_db(NULL);
    satchel_item read = read_one("a");
    satchel_item item = write_one(SAT_WRITE_UPDATE, "a", ALICE, read.record.token);
    assert_int_equal(item.record.version, 2);
    assert_int_equal(all_requests(), 2);
    item_fini(&read);
    item_fini(&item);
}

static void missing_is_not_found_and_names_the_id(void **state)
{
    (void)state;
    satchel_item item = read_one("nobody");
    assert_int_equal(item.err.code, SATCHEL_NOT_FOUND);
    assert_non_null(strstr(item.err.text, "'nobody'"));
    item_fini(&item);
}

static void an_object_that_is_no_record_is_corrupt(void **state)
{
    (void)state;
    foreign_put("recs/c.json", "{\"fields\": 7");
    satchel_item item = read_one("c");
    assert_int_equal(item.err.code, SATCHEL_CORRUPT);
    assert_non_null(strstr(item.err.text, "recs/c.json"));
    item_fini(&item);
}

static void a_batch_keeps_input_order(void **state)
{
    (void)state;
    enum { COUNT = 140 }; /* more than the index is told of at once */
    char names[COUNT][8];
    const char *ids[COUNT + 2];
    for (size_t i = 0; i < COUNT; i++) {
        (void)snprintf(names[i], sizeof names[i], "r%zu", i);
        ids[COUNT - 1 - i] = names[i];
        create_ok(names[i], ALICE);
    }
    ids[COUNT] = "missing";
    ids[COUNT + 1] = "bad//id";
    satchel_item items[COUNT + 2] = {0};
    assert_int_equal(sat_db_read(db, ids, COUNT + 2, items, NULL), SATCHEL_OK);
    for (size_t i = 0; i < COUNT; i++)
        assert_string_equal(items[i].record.id, ids[i]);
    assert_int_equal(items[COUNT].err.code, SATCHEL_NOT_FOUND);
    assert_int_equal(items[COUNT + 1].err.code, SATCHEL_INVALID);
    for (size_t i = 0; i < COUNT + 2; i++)
        item_fini(&items[i]);
}

static void exists_is_one_stat(void **state)
{
    (void)state;
    bool exists = false;
    create_ok("a", ALICE);
    assert_int_equal(sat_db_exists(db, "a", &exists, NULL), SATCHEL_OK);
    assert_true(exists);
    assert_int_equal(sat_db_exists(db, "b", &exists, NULL), SATCHEL_OK);
    assert_false(exists);
    assert_int_equal(requests(SAT_OP_STAT), 2);
    assert_int_equal(sat_db_exists(db, "", &exists, NULL), SATCHEL_INVALID);
}

static int deny(void *user, const struct sat_op *op, satchel_error *err)
{
    (void)user;
    (void)op;
    return sat_error_set(err, SATCHEL_DENIED, "no");
}

static void a_failure_is_never_an_absence(void **state)
{
    (void)state;
    bool exists = true;
    create_ok("a", ALICE);
    db->conn->fault = deny;
    satchel_item item = read_one("a");
    assert_int_equal(item.err.code, SATCHEL_DENIED);
    assert_int_equal(sat_db_exists(db, "a", &exists, NULL), SATCHEL_DENIED);
    item_fini(&item);
}

static int stop_at_third(void *user, size_t i, struct sat_db_fetched *fetched,
                         satchel_error *item_err, satchel_error *err)
{
    (void)i;
    (void)fetched;
    (void)item_err;
    int *seen = user;
    return ++*seen == 3 ? sat_error_set(err, SATCHEL_LIMIT, "enough") : SATCHEL_OK;
}

static void a_fetch_that_stops_leaves_nothing_under_way(void **state)
{
    (void)state;
    const char *keys[30];
    int seen = 0;
    for (size_t i = 0; i < 30; i++)
        keys[i] = "recs/a.json";
    create_ok("a", ALICE);
    assert_int_equal(sat_db_fetch(db, keys, 30, stop_at_third, &seen, NULL), SATCHEL_LIMIT);
    assert_int_equal(seen, 3);
    assert_true(requests(SAT_OP_GET) < 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(read_is_one_get, open_db, close_db),
        cmocka_unit_test_setup_teardown(what_was_read_can_be_updated_without_asking, open_db,
                                        close_db),
        cmocka_unit_test_setup_teardown(missing_is_not_found_and_names_the_id, open_db, close_db),
        cmocka_unit_test_setup_teardown(an_object_that_is_no_record_is_corrupt, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_batch_keeps_input_order, open_db, close_db),
        cmocka_unit_test_setup_teardown(exists_is_one_stat, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_failure_is_never_an_absence, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_fetch_that_stops_leaves_nothing_under_way, open_db,
                                        close_db),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
