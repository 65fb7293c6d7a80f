/* Migrating: copied, compared, and only then deleted from the source. */
#include "record/job_fixture.h"

#include <stdio.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/str.h"

static struct satchel_db *target;

static int open_two(void **state)
{
    int rc = open_with_folder(state);
    target = open_with("mem://t/target/", NULL);
    return rc;
}

static int close_two(void **state)
{
    sat_db_close(target);
    return close_with_folder(state);
}

static int migrate(satchel_migrate_options options, satchel_error *err)
{
    struct satchel_job *job = NULL;
    options.struct_size = sizeof options;
    assert_int_equal(sat_db_migrate_job(db, target, &options, &job, NULL), SATCHEL_OK);
    return run_job(job, err);
}

static void fill(void)
{
    create_ok("a", "{\"fields\":{\"n\":1},\"metadata\":{\"by\":\"me\",\"created_at\":\"x\"}}");
    create_ok("b", "{\"fields\":{\"n\":2}}");
}

static void records_arrive_with_their_timestamps(void **state)
{
    (void)state;
    fill();
    assert_int_equal(migrate((satchel_migrate_options){0}, NULL), SATCHEL_OK);
    assert_int_equal(events.ok, 2);
    SAT_AUTO_FREE char *from = foreign_get("recs/b.json");
    SAT_AUTO_FREE char *to = foreign_get("target/b.json");
    assert_string_equal(from, to);
}

static void delete_source_leaves_each_record_once(void **state)
{
    (void)state;
    fill();
    assert_int_equal(migrate((satchel_migrate_options){.delete_source = 1}, NULL), SATCHEL_OK);
    SAT_AUTO_FREE char *left = search_ids(NULL);
    assert_string_equal(left, "");
    SAT_AUTO_FREE char *there = foreign_get("target/a.json");
    assert_non_null(there);
}

static int spoil(void *user, const struct sat_op *op, satchel_error *err)
{
    (void)user;
    (void)err;
    /* After the PUT of "a" somebody else overwrites it: what is read back is not what was sent. */
    if (op->kind == SAT_OP_GET && strstr(op->key, "target/a") != NULL)
        foreign_put("target/a.json", "{\"id\":\"a\",\"version\":1,\"fields\":{\"n\":99}}");
    return SATCHEL_OK;
}

static void a_difference_keeps_the_source(void **state)
{
    (void)state;
    satchel_error err = {0};
    fill();
    target->conn->fault = spoil;
    assert_int_equal(migrate((satchel_migrate_options){.delete_source = 1}, &err),
                     SATCHEL_INTEGRITY);
    assert_non_null(strstr(err.text, "'a'"));
    SAT_AUTO_FREE char *left = search_ids(NULL);
    assert_string_equal(left, "a");
}

static void taken_ids_fail_or_are_skipped(void **state)
{
    (void)state;
    fill();
    foreign_put("target/a.json", "{\"id\":\"a\",\"version\":1,\"fields\":{\"mine\":1}}");
    assert_int_equal(migrate((satchel_migrate_options){.delete_source = 1}, NULL), SATCHEL_EXISTS);
    assert_int_equal(events.failed, 1);
    assert_int_equal(events.ok, 1);
    SAT_AUTO_FREE char *left = search_ids(NULL);
    assert_string_equal(left, "a");
    const satchel_migrate_options skip = {.on_conflict = SATCHEL_ON_CONFLICT_SKIP};
    assert_int_equal(migrate(skip, NULL), SATCHEL_OK);
    assert_int_equal(events.skipped, 1);
    SAT_AUTO_FREE char *kept = foreign_get("target/a.json");
    assert_non_null(strstr(kept, "mine"));
    const satchel_migrate_options upsert = {.on_conflict = SATCHEL_ON_CONFLICT_UPSERT};
    assert_int_equal(migrate(upsert, NULL), SATCHEL_OK);
}

static void a_record_changed_meanwhile_stays(void **state)
{
    (void)state;
    satchel_error err = {0};
    create_ok("a", "{\"fields\":{\"n\":1}}");
    SAT_AUTO_FREE char *warm = search_ids(NULL);
    assert_string_equal(warm, "a");
    foreign_put("recs/a.json", "{\"id\":\"a\",\"version\":9,\"fields\":{\"n\":7}}");
    assert_int_equal(migrate((satchel_migrate_options){.delete_source = 1}, &err),
                     SATCHEL_CONFLICT);
    assert_non_null(strstr(err.text, "still in the source"));
    SAT_AUTO_FREE char *left = foreign_get("recs/a.json");
    assert_non_null(strstr(left, "\"n\":7"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(records_arrive_with_their_timestamps, open_two, close_two),
        cmocka_unit_test_setup_teardown(delete_source_leaves_each_record_once, open_two, close_two),
        cmocka_unit_test_setup_teardown(a_difference_keeps_the_source, open_two, close_two),
        cmocka_unit_test_setup_teardown(taken_ids_fail_or_are_skipped, open_two, close_two),
        cmocka_unit_test_setup_teardown(a_record_changed_meanwhile_stays, open_two, close_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
