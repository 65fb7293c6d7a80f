/* Deleting records: conditions, existence, batches in few requests, clearing. */
#include "record/fixture.h"

#include <stdio.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/str.h"

#define ALICE "{\"fields\":{\"name\":\"Alice\"}}"

static int delete_one(const char *id, const char *expected, int exact, bool *existed)
{
    const satchel_delete_options options = {
        .struct_size = sizeof options, .expected = expected, .exact = exact};
    return sat_db_delete(db, id, &options, existed, NULL);
}

static void delete_is_one_request(void **state)
{
    (void)state;
    bool existed = false;
    create_ok("a", ALICE);
    uint64_t before = all_requests();
    assert_int_equal(sat_db_delete(db, "a", NULL, &existed, NULL), SATCHEL_OK);
    assert_true(existed);
    assert_int_equal(all_requests() - before, 1);
    satchel_item item = read_one("a");
    assert_int_equal(item.err.code, SATCHEL_NOT_FOUND);
    assert_int_equal(sat_db_delete(db, "a", NULL, &existed, NULL), SATCHEL_OK);
    assert_false(existed);
}

static void exact_asks_the_store(void **state)
{
    (void)state;
    bool existed = false;
    foreign_put("recs/f.json", ALICE);
    assert_int_equal(delete_one("f", NULL, 1, &existed), SATCHEL_OK);
    assert_true(existed);
    assert_int_equal(requests(SAT_OP_STAT), 1);
    assert_int_equal(delete_one("f", NULL, 1, &existed), SATCHEL_OK);
    assert_false(existed);
}

static void an_exact_delete_of_nothing_tells_the_index(void **state)
{
    (void)state;
    bool existed = true;
    create_ok("a", ALICE);
    SAT_AUTO_FREE char *before = search_ids(NULL);
    assert_string_equal(before, "a");
    foreign_delete("recs/a.json");
    assert_int_equal(delete_one("a", NULL, 1, &existed), SATCHEL_OK);
    assert_false(existed);
    SAT_AUTO_FREE char *after = search_ids(NULL);
    assert_string_equal(after, "");
}

static void a_conditional_delete_knows_what_existed(void **state)
{
    (void)state;
    bool existed = false;
    create_ok("a", ALICE);
    satchel_item read = read_one("a");
    reopen_db(NULL);
    assert_int_equal(delete_one("a", read.record.token, 0, &existed), SATCHEL_OK);
    assert_true(existed);
    assert_int_equal(delete_one("a", read.record.token, 0, &existed), SATCHEL_OK);
    assert_false(existed);
    item_fini(&read);
}

static void expected_version_guards_the_delete(void **state)
{
    (void)state;
    bool existed = false;
    create_ok("a", ALICE);
    satchel_item old = read_one("a");
    satchel_item new = write_one(SAT_WRITE_UPDATE, "a", ALICE, NULL);
    assert_int_equal(delete_one("a", old.record.token, 0, &existed), SATCHEL_CONFLICT);
    uint64_t gets = requests(SAT_OP_GET);
    assert_int_equal(delete_one("a", "1", 0, &existed), SATCHEL_CONFLICT);
    assert_int_equal(requests(SAT_OP_GET) - gets, 1);
    assert_int_equal(requests(SAT_OP_STAT), 0);
    assert_int_equal(delete_one("a", new.record.token, 0, &existed), SATCHEL_OK);
    item_fini(&old);
    item_fini(&new);
    SAT_AUTO_FREE char *left = search_ids(NULL);
    assert_string_equal(left, "");
}

static void a_bare_version_takes_that_version_only(void **state)
{
    (void)state;
    bool existed = false;
    create_ok("a", ALICE);
    assert_int_equal(delete_one("a", "1", 0, &existed), SATCHEL_OK);
    assert_true(existed);
    assert_int_equal(delete_one("a", "1", 0, &existed), SATCHEL_OK);
    assert_false(existed);
}

static void a_bad_token_costs_no_request(void **state)
{
    (void)state;
    bool existed = false;
    assert_int_equal(delete_one("a", "no token", 0, &existed), SATCHEL_INVALID);
    assert_int_equal(all_requests(), 0);
}

static void a_thousand_cost_one_request(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    const char **ids = sat_calloc(COUNT + 1, sizeof *ids);
    satchel_item *items = sat_calloc(COUNT + 1, sizeof *items);
    for (size_t i = 0; i <= COUNT; i++)
        ids[i] = sat_strf("r%zu", i);
    create_ok("r7", ALICE);
    uint64_t before = all_requests();
    const satchel_batch batch = {.count = COUNT, .ids = ids};
    assert_int_equal(sat_db_delete_batch(db, &batch, items, NULL), SATCHEL_OK);
    assert_int_equal(all_requests() - before, 1);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(items[i].err.code, SATCHEL_OK);
    assert_int_equal(items[7].existed, 1);
    assert_int_equal(items[8].existed, -1);
    const satchel_batch more = {.count = COUNT + 1, .ids = ids};
    before = all_requests();
    assert_int_equal(sat_db_delete_batch(db, &more, items, NULL), SATCHEL_OK);
    assert_int_equal(all_requests() - before, 2);
    for (size_t i = 0; i <= COUNT; i++)
        sat_free((char *)(uintptr_t)ids[i]);
    sat_free(ids);
    sat_free(items);
}

static void a_batch_tells_each_item(void **state)
{
    (void)state;
    create_ok("a", ALICE);
    create_ok("b", ALICE);
    const char *ids[] = {"a", "no//id", "b"};
    const char *expected[] = {NULL, NULL, "9"};
    satchel_item items[3] = {0};
    const satchel_batch batch = {.count = 3, .ids = ids, .expected = expected};
    assert_int_equal(sat_db_delete_batch(db, &batch, items, NULL), SATCHEL_OK);
    assert_int_equal(items[0].err.code, SATCHEL_OK);
    assert_int_equal(items[1].err.code, SATCHEL_INVALID);
    assert_int_equal(items[2].err.code, SATCHEL_CONFLICT);
}

static int refuse(void *user, const struct sat_op *op, satchel_error *err)
{
    (void)user;
    return op->kind == SAT_OP_DELETE_MANY ? sat_error_set(err, SATCHEL_NETWORK, "gone away")
                                          : SATCHEL_OK;
}

static void a_failed_request_fails_its_items(void **state)
{
    (void)state;
    create_ok("a", ALICE);
    const char *ids[] = {"a"};
    satchel_item items[1] = {0};
    const satchel_batch batch = {.count = 1, .ids = ids};
    db->conn->fault = refuse;
    assert_int_equal(sat_db_delete_batch(db, &batch, items, NULL), SATCHEL_OK);
    assert_int_equal(items[0].err.code, SATCHEL_NETWORK);
    db->conn->fault = NULL;
    SAT_AUTO_FREE char *left = search_ids(NULL);
    assert_string_equal(left, "a");
}

static void clear_deletes_records_only(void **state)
{
    (void)state;
    uint64_t deleted = 0;
    create_ok("a", ALICE);
    create_ok("sub/b", ALICE);
    foreign_put("recs/notes.txt", "mine");
    foreign_put("other/c.json", ALICE);
    assert_int_equal(sat_db_clear(db, &deleted, NULL), SATCHEL_OK);
    assert_int_equal(deleted, 2);
    SAT_AUTO_FREE char *notes = foreign_get("recs/notes.txt");
    SAT_AUTO_FREE char *other = foreign_get("other/c.json");
    assert_string_equal(notes, "mine");
    assert_string_equal(other, ALICE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(delete_is_one_request, open_db, close_db),
        cmocka_unit_test_setup_teardown(exact_asks_the_store, open_db, close_db),
        cmocka_unit_test_setup_teardown(an_exact_delete_of_nothing_tells_the_index, open_db,
                                        close_db),
        cmocka_unit_test_setup_teardown(a_conditional_delete_knows_what_existed, open_db, close_db),
        cmocka_unit_test_setup_teardown(expected_version_guards_the_delete, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_bare_version_takes_that_version_only, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_bad_token_costs_no_request, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_thousand_cost_one_request, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_batch_tells_each_item, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_failed_request_fails_its_items, open_db, close_db),
        cmocka_unit_test_setup_teardown(clear_deletes_records_only, open_db, close_db),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
