/* Which ops go in parts, and in how large ones. */
#include "core/parts_store.h"

#include "core/part.h"

#define MIB ((uint64_t)1024 * 1024)

static void parts_grow_with_the_object(void **state)
{
    static const struct sat_limits s3 = {
        .part_min = 5 * MIB, .part_max = 5120 * MIB, .parts_max = 10000};
    (void)state;
    assert_int_equal(sat_part_size(&s3, 100 * MIB, 8 * MIB), 8 * MIB);
    assert_int_equal(sat_part_size(&s3, 100 * MIB, MIB), 5 * MIB);
    assert_int_equal(sat_part_size(&s3, 80000 * MIB, 8 * MIB), 8 * MIB);
    assert_int_equal(sat_part_size(&s3, 80000 * MIB + 1, 8 * MIB), 9 * MIB);
    assert_int_equal(sat_part_size(&s3, (uint64_t)60 << 40, 8 * MIB), 5120 * MIB);
}

static void only_ops_that_profit_go_in_parts(void **state)
{
    struct parts_store *store = parts_open();
    struct sat_backend http = *store->conn->backend;
    struct sat_conn *conn = store->conn;
    (void)state;
    conn->multipart_threshold = 10;
    struct sat_op put = {.kind = SAT_OP_PUT, .conn = conn, .source = {.length = 11}};
    assert_false(sat_part_wanted(&put)); /* a local store takes it whole */
    put.source.kind = SAT_SOURCE_OBJECT;
    assert_true(sat_part_wanted(&put));
    http.slots[SAT_OP_PUT].run = NULL;
    http.slots[SAT_OP_GET].run = NULL;
    http.slots[SAT_OP_GET].build = (int (*)(const void *, const struct sat_op *,
                                            struct sat_request *, satchel_error *))(uintptr_t)1;
    conn->backend = &http;
    put.source.kind = SAT_SOURCE_SPAN;
    assert_true(sat_part_wanted(&put));
    put.in_one_piece = true;
    assert_false(sat_part_wanted(&put));
    put.in_one_piece = false;
    put.source.length = 10;
    assert_false(sat_part_wanted(&put));
    http.limits.put_max = 9; /* one PUT would not do */
    assert_true(sat_part_wanted(&put));
    put.key = "k";
    http.slots[SAT_OP_PUT].build = http.slots[SAT_OP_GET].build;
    assert_int_equal(sat_door_check(&put, NULL), SATCHEL_OK);
    put.in_one_piece = true;
    assert_int_equal(sat_door_check(&put, NULL), SATCHEL_LIMIT);
    struct sat_op get = {.kind = SAT_OP_GET, .conn = conn, .sink = sat_sink_file(0, 0)};
    assert_false(sat_part_wanted(&get)); /* its size is not known */
    get.expected_size = 11;
    assert_true(sat_part_wanted(&get));
    get.range_length = 11;
    assert_false(sat_part_wanted(&get));
    struct sat_op copy = {.kind = SAT_OP_COPY, .conn = conn, .expected_size = 20};
    assert_false(sat_part_wanted(&copy));
    copy.expected_size = 21;
    assert_true(sat_part_wanted(&copy));
    parts_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_grow_with_the_object),
        cmocka_unit_test(only_ops_that_profit_go_in_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
