/* Creating, updating and upserting records: versions, conditions, races, requests. */
#include "record/fixture.h"

#include <pthread.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/str.h"

#define ALICE "{\"fields\":{\"name\":\"Alice\"},\"metadata\":{\"by\":\"admin\"}}"
#define BOB   "{\"fields\":{\"name\":\"Bob\"}}"

static void create_stores_one_plain_object(void **state)
{
    (void)state;
    satchel_item item = write_one(SAT_WRITE_CREATE, "a", ALICE, NULL);
    assert_int_equal(item.err.code, SATCHEL_OK);
    assert_string_equal(item.record.id, "a");
    assert_int_equal(item.record.version, 1);
    assert_true(sat_str_starts(item.record.token, "1:"));
    assert_int_equal(all_requests(), 1);
    SAT_AUTO_FREE char *body = foreign_get("recs/a.json");
    assert_non_null(strstr(body, "{\"id\":\"a\",\"version\":1,\"fields\":{\"name\":\"Alice\"},"
                                 "\"metadata\":{\"by\":\"admin\",\"created_at\":\""));
    assert_int_equal(body[strlen(body) - 1], '\n');
    item_fini(&item);
}

static void create_never_overwrites(void **state)
{
    (void)state;
    create_ok("a", ALICE);
    satchel_item item = write_one(SAT_WRITE_CREATE, "a", BOB, NULL);
    assert_int_equal(item.err.code, SATCHEL_EXISTS);
    assert_non_null(strstr(item.err.text, "'a'"));
    item_fini(&item);
    satchel_item read = read_one("a");
    assert_non_null(strstr(read.record.json, "Alice"));
    item_fini(&read);
}

static void create_without_id_makes_one(void **state)
{
    (void)state;
    satchel_item item = write_one(SAT_WRITE_CREATE, NULL, BOB, NULL);
    assert_int_equal(item.err.code, SATCHEL_OK);
    assert_int_equal(strlen(item.record.id), 36);
    item_fini(&item);
    item = write_one(SAT_WRITE_CREATE, NULL, "{\"fields\":{\"id\":\"mine\"}}", NULL);
    assert_string_equal(item.record.id, "mine");
    item_fini(&item);
}

static void bad_records_and_ids_cost_no_request(void **state)
{
    (void)state;
    satchel_item item = write_one(SAT_WRITE_CREATE, "../x", BOB, NULL);
    assert_int_equal(item.err.code, SATCHEL_INVALID);
    item_fini(&item);
    item = write_one(SAT_WRITE_CREATE, "x", "{\"fields\":{\"a\":1,\"a\":2}}", NULL);
    assert_int_equal(item.err.code, SATCHEL_INVALID);
    item_fini(&item);
    item = write_one(SAT_WRITE_UPDATE, "x", BOB, "no token");
    assert_int_equal(item.err.code, SATCHEL_INVALID);
    item_fini(&item);
    assert_int_equal(all_requests(), 0);
}

static void update_with_a_warm_index_is_one_put(void **state)
{
    (void)state;
    create_ok("a", ALICE);
    uint64_t before = all_requests();
    satchel_item item = write_one(SAT_WRITE_UPDATE, "a", BOB, NULL);
    assert_int_equal(item.err.code, SATCHEL_OK);
    assert_int_equal(item.record.version, 2);
    assert_int_equal(all_requests() - before, 1);
    item_fini(&item);
    satchel_item read = read_one("a");
    assert_non_null(strstr(read.record.json, "Bob"));
    assert_int_equal(read.record.version, 2);
    item_fini(&read);
}

static void update_keeps_created_at(void **state)
{
    (void)state;
    create_ok("a", ALICE);
    SAT_AUTO_FREE char *first = foreign_get("recs/a.json");
    satchel_item item = write_one(SAT_WRITE_UPDATE, "a", BOB, NULL);
    item_fini(&item);
    SAT_AUTO_FREE char *second = foreign_get("recs/a.json");
    const char *a = strstr(first, "\"created_at\":");
    const char *b = strstr(second, "\"created_at\":");
    assert_non_null(a);
    assert_non_null(b);
    assert_memory_equal(a, b, strlen("\"created_at\":\"2026-11-21T03:04:05.123456Z\""));
}

static void update_of_an_unknown_row_asks_once(void **state)
{
    (void)state;
    create_ok("a", ALICE);
    reopen_db(NULL);
    satchel_item item = write_one(SAT_WRITE_UPDATE, "a", BOB, NULL);
    assert_int_equal(item.record.version, 2);
    assert_int_equal(requests(SAT_OP_STAT), 1);
    assert_int_equal(requests(SAT_OP_PUT), 1);
    assert_int_equal(all_requests(), 2);
    item_fini(&item);
}

static void update_of_a_foreign_object_reads_it(void **state)
{
    (void)state;
    foreign_put("recs/f.json", "{\"id\":\"f\",\"version\":7,\"fields\":{},\"metadata\":"
                               "{\"created_at\":\"2020-01-01T00:00:00Z\"}}");
    satchel_item item = write_one(SAT_WRITE_UPDATE, "f", BOB, NULL);
    assert_int_equal(item.err.code, SATCHEL_OK);
    assert_int_equal(item.record.version, 8);
    assert_int_equal(requests(SAT_OP_GET), 1);
    item_fini(&item);
    SAT_AUTO_FREE char *body = foreign_get("recs/f.json");
    assert_non_null(strstr(body, "2020-01-01T00:00:00Z"));
}

static void update_of_nothing_is_not_found(void **state)
{
    (void)state;
    satchel_item item = write_one(SAT_WRITE_UPDATE, "gone", BOB, NULL);
    assert_int_equal(item.err.code, SATCHEL_NOT_FOUND);
    item_fini(&item);
}

static void expected_version_guards_against_lost_updates(void **state)
{
    (void)state;
    create_ok("a", ALICE);
    satchel_item first = read_one("a");
    satchel_item won = write_one(SAT_WRITE_UPDATE, "a", BOB, first.record.token);
    assert_int_equal(won.err.code, SATCHEL_OK);
    satchel_item lost = write_one(SAT_WRITE_UPDATE, "a", ALICE, first.record.token);
    assert_int_equal(lost.err.code, SATCHEL_CONFLICT);
    satchel_item bare = write_one(SAT_WRITE_UPDATE, "a", ALICE, "1");
    assert_int_equal(bare.err.code, SATCHEL_CONFLICT);
    item_fini(&bare);
    bare = write_one(SAT_WRITE_UPDATE, "a", ALICE, "2");
    assert_int_equal(bare.err.code, SATCHEL_OK);
    assert_int_equal(bare.record.version, 3);
    item_fini(&first);
    item_fini(&won);
    item_fini(&lost);
    item_fini(&bare);
}

/* The index still shows the version before a foreign write: the store decides, not the index. */
static void a_stale_index_causes_no_conflict(void **state)
{
    (void)state;
    create_ok("a", ALICE);
    struct satchel_db *mine = db;
    db = open_with("mem://t/recs/", NULL);
    satchel_item theirs = write_one(SAT_WRITE_UPDATE, "a", BOB, NULL);
    struct satchel_db *other = db;
    db = mine;
    satchel_item item = write_one(SAT_WRITE_UPDATE, "a", ALICE, theirs.record.token);
    assert_int_equal(item.err.code, SATCHEL_OK);
    assert_int_equal(item.record.version, 3);
    sat_db_close(other);
    item_fini(&theirs);
    item_fini(&item);
}

static void a_lost_race_is_run_again(void **state)
{
    (void)state;
    create_ok("a", ALICE);
    foreign_put("recs/a.json", "{\"id\":\"a\",\"version\":5,\"fields\":{\"by\":\"other\"}}");
    satchel_item item = write_one(SAT_WRITE_UPDATE, "a", BOB, NULL);
    assert_int_equal(item.err.code, SATCHEL_OK);
    assert_int_equal(item.record.version, 6);
    item_fini(&item);
}

static void upsert_creates_and_replaces(void **state)
{
    (void)state;
    satchel_item item = write_one(SAT_WRITE_UPSERT, "u", ALICE, NULL);
    assert_int_equal(item.err.code, SATCHEL_OK);
    assert_int_equal(item.record.version, 1);
    assert_int_equal(all_requests(), 2);
    item_fini(&item);
    item = write_one(SAT_WRITE_UPSERT, "u", BOB, NULL);
    assert_int_equal(item.record.version, 2);
    assert_int_equal(all_requests(), 3);
    item_fini(&item);
}

static void a_batch_reports_each_item_in_order(void **state)
{
    (void)state;
    create_ok("b1", ALICE);
    const char *ids[] = {"b0", "b1", "b//2", "b3"};
    satchel_span records[] = {sat_span_of(ALICE), sat_span_of(BOB), sat_span_of(BOB),
                              sat_span_of("{\"fields\":")};
    satchel_item items[4] = {0};
    const satchel_batch batch = {.count = 4, .ids = ids, .records = records};
    const struct sat_db_write_options options = {.kind = SAT_WRITE_CREATE};
    assert_int_equal(sat_db_write(db, &options, &batch, items, NULL), SATCHEL_OK);
    assert_int_equal(items[0].err.code, SATCHEL_OK);
    assert_int_equal(items[1].err.code, SATCHEL_EXISTS);
    assert_int_equal(items[2].err.code, SATCHEL_INVALID);
    assert_int_equal(items[3].err.code, SATCHEL_INVALID);
    for (int i = 0; i < 4; i++)
        item_fini(&items[i]);
}

static void large_batches_go_in_chunks(void **state)
{
    (void)state;
    enum { COUNT = 2500 };
    satchel_span *records = sat_calloc(COUNT, sizeof *records);
    satchel_item *items = sat_calloc(COUNT, sizeof *items);
    for (size_t i = 0; i < COUNT; i++)
        records[i] = sat_span_of(BOB);
    const satchel_batch batch = {.count = COUNT, .records = records};
    const struct sat_db_write_options options = {.kind = SAT_WRITE_CREATE};
    assert_int_equal(sat_db_write(db, &options, &batch, items, NULL), SATCHEL_OK);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(items[i].err.code, SATCHEL_OK);
    assert_int_equal(all_requests(), COUNT);
    satchel_items_free(items, COUNT);
    sat_free(records);
    uint64_t count = 0;
    assert_int_equal(sat_db_count(db, NULL, &count, NULL), SATCHEL_OK);
    assert_int_equal(count, COUNT);
}

static void bare_records_are_the_fields(void **state)
{
    (void)state;
    reopen_db((const struct setting[]){{"record_format", "bare"}, {NULL, NULL}});
    satchel_item item = write_one(SAT_WRITE_CREATE, "n", ALICE, NULL);
    assert_int_equal(item.err.code, SATCHEL_OK);
    assert_int_equal(item.record.version, 0);
    SAT_AUTO_FREE char *body = foreign_get("recs/n.json");
    assert_string_equal(body, "{\"name\":\"Alice\"}\n");
    satchel_item read = read_one("n");
    assert_non_null(strstr(read.record.json, "\"by\":\"admin\""));
    satchel_item updated = write_one(SAT_WRITE_UPDATE, "n", BOB, read.record.token);
    assert_int_equal(updated.err.code, SATCHEL_OK);
    satchel_item stale = write_one(SAT_WRITE_UPDATE, "n", BOB, read.record.token);
    assert_int_equal(stale.err.code, SATCHEL_CONFLICT);
    item_fini(&item);
    item_fini(&read);
    item_fini(&updated);
    item_fini(&stale);
}

/* A bare record has no counter: "0" says nothing, so it must not pass for "unchanged". */
static void a_bare_integer_needs_a_counter(void **state)
{
    (void)state;
    reopen_db((const struct setting[]){{"record_format", "bare"}, {NULL, NULL}});
    create_ok("n", ALICE);
    satchel_item item = write_one(SAT_WRITE_UPDATE, "n", BOB, "0");
    assert_int_equal(item.err.code, SATCHEL_INVALID);
    assert_non_null(strstr(item.err.text, "token"));
    item_fini(&item);
    const satchel_delete_options options = {.struct_size = sizeof options, .expected = "0"};
    bool existed = false;
    assert_int_equal(sat_db_delete(db, "n", &options, &existed, NULL), SATCHEL_INVALID);
}

static void an_update_that_finds_nothing_tells_the_index(void **state)
{
    (void)state;
    create_ok("a", ALICE);
    SAT_AUTO_FREE char *before = search_ids(NULL);
    assert_string_equal(before, "a");
    foreign_delete("recs/a.json");
    satchel_item item = write_one(SAT_WRITE_UPDATE, "a", BOB, NULL);
    assert_int_equal(item.err.code, SATCHEL_NOT_FOUND);
    item_fini(&item);
    SAT_AUTO_FREE char *after = search_ids(NULL);
    assert_string_equal(after, "");
}

static void a_lost_race_reads_the_record_itself(void **state)
{
    (void)state;
    create_ok("a", ALICE);
    foreign_put("recs/a.json", "{\"id\":\"a\",\"version\":5,\"fields\":{\"by\":\"other\"}}");
    satchel_item item = write_one(SAT_WRITE_UPDATE, "a", BOB, NULL);
    assert_int_equal(item.record.version, 6);
    assert_int_equal(requests(SAT_OP_STAT), 0);
    assert_int_equal(requests(SAT_OP_GET), 1);
    item_fini(&item);
}

static void metadata_becomes_tags(void **state)
{
    (void)state;
    create_ok("t", "{\"fields\":{},\"metadata\":{\"dept\":\"R&D = \xC3\xBC\",\"n\":3,"
                   "\"_types\":{\"x\":\"datetime\"}}}");
    struct sat_op op = {.kind = SAT_OP_TAGS_GET, .conn = foreign, .key = "recs/t.json"};
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    struct sat_tags plain = {0};
    assert_int_equal(sat_tags_unfit(&op.found_tags, &plain, NULL), SATCHEL_OK);
    assert_string_equal(sat_tags_find(&plain, sat_span_of("id"))->value, "t");
    assert_string_equal(sat_tags_find(&plain, sat_span_of("dept"))->value, "R&D = \xC3\xBC");
    assert_string_equal(sat_tags_find(&plain, sat_span_of("n"))->value, "3");
    assert_null(sat_tags_find(&plain, sat_span_of("_types")));
    sat_tags_fini(&plain);
    sat_op_fini(&op);
}

static void tags_can_be_named_or_strict(void **state)
{
    (void)state;
    reopen_db((const struct setting[]){{"tags", "dept"}, {NULL, NULL}});
    create_ok("t", "{\"fields\":{},\"metadata\":{\"dept\":\"x\",\"other\":\"y\"}}");
    struct sat_op op = {.kind = SAT_OP_TAGS_GET, .conn = foreign, .key = "recs/t.json"};
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_int_equal(sat_tags_count(&op.found_tags), 1);
    sat_op_fini(&op);
    reopen_db((const struct setting[]){{"tags", "none"}, {NULL, NULL}});
    create_ok("none", "{\"fields\":{},\"metadata\":{\"dept\":\"x\"}}");
    op.key = "recs/none.json";
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_int_equal(sat_tags_count(&op.found_tags), 0);
    sat_op_fini(&op);
    reopen_db((const struct setting[]){{"strict_tags", "true"}, {NULL, NULL}});
    satchel_item item = write_one(
        SAT_WRITE_CREATE, "s",
        "{\"fields\":{},\"metadata\":{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,"
        "\"h\":1,\"i\":1}}",
        NULL);
    assert_int_equal(item.err.code, SATCHEL_LIMIT);
    item_fini(&item);
    assert_int_equal(all_requests(), 0);
}

/* A failed PUT of unknown outcome leaves the row dirty, so that the next reader looks again. */
static int refuse_puts(void *user, const struct sat_op *op, satchel_error *err)
{
    (void)user;
    return op->kind == SAT_OP_PUT ? sat_error_set(err, SATCHEL_IO, "disk on fire") : SATCHEL_OK;
}

static void a_write_of_unknown_outcome_is_read_again(void **state)
{
    (void)state;
    create_ok("a", ALICE);
    SAT_AUTO_FREE char *first = search_ids(NULL);
    assert_string_equal(first, "a");
    db->conn->fault = refuse_puts;
    satchel_item item = write_one(SAT_WRITE_UPDATE, "a", BOB, NULL);
    assert_int_equal(item.err.code, SATCHEL_IO);
    db->conn->fault = NULL;
    uint64_t gets = requests(SAT_OP_GET);
    SAT_AUTO_FREE char *ids = search_ids("name = 'Alice'");
    assert_string_equal(ids, "a");
    assert_int_equal(requests(SAT_OP_GET) - gets, 1);
    item_fini(&item);
}

/* What a dirty row says is never the base of a PUT: that would be a race lost for nothing. */
static void an_update_of_a_dirty_row_reads_first(void **state)
{
    (void)state;
    create_ok("a", ALICE);
    db->conn->fault = refuse_puts;
    satchel_item item = write_one(SAT_WRITE_UPDATE, "a", BOB, NULL);
    assert_int_equal(item.err.code, SATCHEL_IO);
    item_fini(&item);
    db->conn->fault = NULL;
    foreign_put("recs/a.json", "{\"id\":\"a\",\"version\":5,\"fields\":{\"by\":\"other\"}}");
    uint64_t gets = requests(SAT_OP_GET);
    uint64_t puts = requests(SAT_OP_PUT);
    item = write_one(SAT_WRITE_UPDATE, "a", BOB, NULL);
    assert_int_equal(item.record.version, 6);
    assert_int_equal(requests(SAT_OP_GET) - gets, 1);
    assert_int_equal(requests(SAT_OP_PUT) - puts, 1);
    item_fini(&item);
}

enum { THREADS = 8, ROUNDS = 25 };

static void *increment(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        satchel_item item = write_one(SAT_WRITE_UPDATE, "n", BOB, NULL);
        assert_int_equal(item.err.code, SATCHEL_OK);
        item_fini(&item);
    }
    return NULL;
}

static void updates_of_many_threads_count_exactly(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    create_ok("n", ALICE);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, increment, NULL), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    satchel_item read = read_one("n");
    assert_int_equal(read.record.version, 1 + THREADS * ROUNDS);
    item_fini(&read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(create_stores_one_plain_object, open_db, close_db),
        cmocka_unit_test_setup_teardown(create_never_overwrites, open_db, close_db),
        cmocka_unit_test_setup_teardown(create_without_id_makes_one, open_db, close_db),
        cmocka_unit_test_setup_teardown(bad_records_and_ids_cost_no_request, open_db, close_db),
        cmocka_unit_test_setup_teardown(update_with_a_warm_index_is_one_put, open_db, close_db),
        cmocka_unit_test_setup_teardown(update_keeps_created_at, open_db, close_db),
        cmocka_unit_test_setup_teardown(update_of_an_unknown_row_asks_once, open_db, close_db),
        cmocka_unit_test_setup_teardown(update_of_a_foreign_object_reads_it, open_db, close_db),
        cmocka_unit_test_setup_teardown(update_of_nothing_is_not_found, open_db, close_db),
        cmocka_unit_test_setup_teardown(expected_version_guards_against_lost_updates, open_db,
                                        close_db),
        cmocka_unit_test_setup_teardown(a_stale_index_causes_no_conflict, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_lost_race_is_run_again, open_db, close_db),
        cmocka_unit_test_setup_teardown(upsert_creates_and_replaces, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_batch_reports_each_item_in_order, open_db, close_db),
        cmocka_unit_test_setup_teardown(large_batches_go_in_chunks, open_db, close_db),
        cmocka_unit_test_setup_teardown(bare_records_are_the_fields, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_bare_integer_needs_a_counter, open_db, close_db),
        cmocka_unit_test_setup_teardown(an_update_that_finds_nothing_tells_the_index, open_db,
                                        close_db),
        cmocka_unit_test_setup_teardown(a_lost_race_reads_the_record_itself, open_db, close_db),
        cmocka_unit_test_setup_teardown(metadata_becomes_tags, open_db, close_db),
        cmocka_unit_test_setup_teardown(tags_can_be_named_or_strict, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_write_of_unknown_outcome_is_read_again, open_db,
                                        close_db),
        cmocka_unit_test_setup_teardown(an_update_of_a_dirty_row_reads_first, open_db, close_db),
        cmocka_unit_test_setup_teardown(updates_of_many_threads_count_exactly, open_db, close_db),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
