/* The outbox: copies, batches, reports. */
#include "record/job_fixture.h"

#include "core/str.h"
#include "record/outbox.h"

static struct sat_outbox outbox;

static int add(const char *label, const char *id, const char *json)
{
    const struct sat_outbox_entry entry = {
        .label = (char *)(uintptr_t)label,
        .id = (char *)(uintptr_t)id,
        .json = (char *)(uintptr_t)json,
        .json_len = strlen(json),
    };
    return sat_outbox_add(&outbox, &entry, NULL);
}

static void entries_are_copies(void **state)
{
    (void)state;
    char json[] = "{\"fields\":{}}";
    sat_outbox_init(&outbox, db, SATCHEL_ON_CONFLICT_ERROR);
    assert_int_equal(add("line 1", "a", json), SATCHEL_OK);
    json[0] = 'X';
    assert_int_equal(sat_outbox_write(&outbox, NULL), SATCHEL_OK);
    assert_int_equal(outbox.items[0].err.code, SATCHEL_OK);
    sat_outbox_clear(&outbox);
    assert_int_equal(sat_outbox_count(&outbox), 0);
    sat_outbox_fini(&outbox);
}

static void it_is_full_by_items_or_bytes(void **state)
{
    (void)state;
    sat_outbox_init(&outbox, db, SATCHEL_ON_CONFLICT_ERROR);
    for (int i = 0; i < SAT_OUTBOX_ITEMS; i++) {
        assert_false(sat_outbox_is_full(&outbox));
        assert_int_equal(add("l", NULL, "{}"), SATCHEL_OK);
    }
    assert_true(sat_outbox_is_full(&outbox));
    sat_outbox_clear(&outbox);
    outbox.bytes = SAT_OUTBOX_BYTES;
    assert_true(sat_outbox_is_full(&outbox));
    sat_outbox_fini(&outbox);
}

static void a_taken_id_counts_as_skipped_only_when_asked(void **state)
{
    (void)state;
    create_ok("a", "{\"fields\":{}}");
    sat_outbox_init(&outbox, db, SATCHEL_ON_CONFLICT_SKIP);
    assert_int_equal(add("x", "a", "{\"fields\":{}}"), SATCHEL_OK);
    assert_int_equal(sat_outbox_write(&outbox, NULL), SATCHEL_OK);
    assert_true(sat_outbox_skipped(&outbox, 0));
    outbox.on_conflict = SATCHEL_ON_CONFLICT_ERROR;
    assert_false(sat_outbox_skipped(&outbox, 0));
    sat_outbox_fini(&outbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_are_copies, open_db, close_db),
        cmocka_unit_test_setup_teardown(it_is_full_by_items_or_bytes, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_taken_id_counts_as_skipped_only_when_asked, open_db,
                                        close_db),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
