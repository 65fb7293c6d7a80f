/* Many ops in place of one: the order of calls, the width, and one end whatever happens. */
#include "core/parts_store.h"

#include "core/error.h"
#include "core/fan.h"

static struct {
    struct parts_store *store;
    struct sat_op whole;
    struct sat_fan fan;
    atomic_uint prepared;
    atomic_uint taken;
    atomic_uint under_way;
    atomic_uint most;
    unsigned ends;
    unsigned steps; /* of each index */
    int refuse;     /* index that cannot be prepared; -1 = none */
} f;

static int prepare(void *user, struct sat_fan_slot *slot, satchel_error *err)
{
    (void)user;
    if ((int)slot->index == f.refuse)
        return sat_error_set(err, SATCHEL_LIMIT, "not %d", f.refuse);
    atomic_fetch_add(&f.prepared, 1);
    unsigned now = atomic_fetch_add(&f.under_way, 1) + 1;
    unsigned most = atomic_load(&f.most);
    while (now > most && !atomic_compare_exchange_weak(&f.most, &most, now))
        continue;
    slot->op.kind = SAT_OP_STAT;
    slot->op.key = "k";
    return SATCHEL_OK;
}

static int take(void *user, struct sat_fan_slot *slot, bool *again, satchel_error *err)
{
    (void)user;
    (void)err;
    assert_int_equal(slot->op.info.size, 1);
    if (slot->step + 1 < f.steps) {
        sat_op_fini(&slot->op);
        slot->op = (struct sat_op){.kind = SAT_OP_STAT, .conn = f.store->conn, .key = "k"};
        *again = true;
        return SATCHEL_OK;
    }
    atomic_fetch_sub(&f.under_way, 1);
    atomic_fetch_add(&f.taken, 1);
    return SATCHEL_OK;
}

static void ended(void *user)
{
    (void)user;
    f.ends++;
    f.whole.err = f.fan.err;
    sat_fan_fini(&f.fan);
    sat_op_complete(&f.whole);
}

static const struct sat_fan_rules rules = {.prepare = prepare, .take = take, .ended = ended};

static void start(struct sat_op *whole)
{
    assert_int_equal(sat_fan_init(&f.fan, whole, 3, NULL), SATCHEL_OK);
    sat_fan_start(&f.fan);
}

static int run(size_t count)
{
    f.fan.rules = &rules;
    f.fan.count = count;
    int code = parts_run(f.store, &f.whole, start);
    assert_int_equal(f.ends, 1);
    return code;
}

static int set_up(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    f.refuse = -1;
    f.steps = 1;
    f.store = parts_open();
    parts_set_object(f.store, "x");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    parts_close(f.store);
    return 0;
}

static void each_index_is_done_once(void **state)
{
    (void)state;
    assert_int_equal(run(50), SATCHEL_OK);
    assert_int_equal(f.taken, 50);
    assert_int_equal(f.store->count[SAT_OP_STAT], 50);
    assert_in_range(f.most, 1, 3);
}

static void an_index_may_take_several_steps(void **state)
{
    (void)state;
    f.steps = 3;
    assert_int_equal(run(5), SATCHEL_OK);
    assert_int_equal(f.taken, 5);
    assert_int_equal(f.store->count[SAT_OP_STAT], 15);
}

static void nothing_to_do_is_an_end(void **state)
{
    (void)state;
    assert_int_equal(run(0), SATCHEL_OK);
}

static int fail_tenth(struct parts_store *store, struct sat_op *op, satchel_error *err)
{
    (void)op;
    return store->count[SAT_OP_STAT] == 10 ? sat_error_set(err, SATCHEL_DENIED, "tenth")
                                           : SATCHEL_OK;
}

static void the_first_failure_ends_it(void **state)
{
    (void)state;
    f.store->hook = fail_tenth;
    assert_int_equal(run(50), SATCHEL_DENIED);
    assert_string_equal(f.whole.err.text, "tenth");
    assert_in_range(f.store->count[SAT_OP_STAT], 10, 13);
}

static void what_cannot_be_prepared_ends_it(void **state)
{
    (void)state;
    f.refuse = 4;
    assert_int_equal(run(50), SATCHEL_LIMIT);
    assert_in_range(f.prepared, 4, 7);
}

static void a_cancelled_whole_starts_nothing(void **state)
{
    (void)state;
    atomic_store(&f.whole.cancelled, true);
    assert_int_equal(run(50), SATCHEL_CANCELLED);
    assert_int_equal(f.prepared, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_index_is_done_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_index_may_take_several_steps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_to_do_is_an_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_first_failure_ends_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_cannot_be_prepared_ends_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_whole_starts_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
