/* sat_local: range arithmetic, early ends, common prefixes, outcomes of DELETE_MANY. */
#include "support/test.h"

#include "backends/local.h"
#include "core/error.h"

static void ranges_are_cut_at_the_end(void **state)
{
    uint64_t offset;
    uint64_t length;
    (void)state;
    struct sat_op op = {.key = "k", .range_offset = 3, .range_length = 4};
    assert_int_equal(sat_local_range(&op, 10, &offset, &length, NULL), SATCHEL_OK);
    assert_int_equal(offset, 3);
    assert_int_equal(length, 4);
    assert_int_equal(sat_local_range(&op, 5, &offset, &length, NULL), SATCHEL_OK);
    assert_int_equal(length, 2);
    op.range_length = UINT64_MAX;
    assert_int_equal(sat_local_range(&op, 5, &offset, &length, NULL), SATCHEL_OK);
    assert_int_equal(length, 2);
}

static void a_range_must_begin_inside(void **state)
{
    uint64_t offset;
    uint64_t length;
    satchel_error err;
    (void)state;
    struct sat_op op = {.key = "k", .range_offset = 5, .range_length = 1};
    assert_int_equal(sat_local_range(&op, 5, &offset, &length, &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "'k' begins at byte 5, the object has 5"));
    op.range_offset = 0;
    assert_int_equal(sat_local_range(&op, 0, &offset, &length, NULL), SATCHEL_OK);
    assert_int_equal(length, 0);
}

static void ops_end_when_cancelled_or_late(void **state)
{
    (void)state;
    struct sat_op op = {.deadline_ns = 0};
    assert_int_equal(sat_local_alive(&op, NULL), SATCHEL_OK);
    op.deadline_ns = 1;
    assert_int_equal(sat_local_alive(&op, NULL), SATCHEL_TIMEOUT);
    atomic_store(&op.cancelled, true);
    assert_int_equal(sat_local_alive(&op, NULL), SATCHEL_CANCELLED);
}

static void common_prefixes_end_at_the_first_delimiter_behind_the_prefix(void **state)
{
    (void)state;
    struct sat_op op = {.list = {.prefix = "a/b"}};
    assert_int_equal(sat_local_common_prefix(&op, "a/bc/d"), 0);
    op.list.delimiter = "/";
    assert_int_equal(sat_local_common_prefix(&op, "a/bc/d/e"), 5);
    assert_int_equal(sat_local_common_prefix(&op, "a/bc"), 0);
}

static void only_tokens_stand_for_whole_prefixes(void **state)
{
    (void)state;
    struct sat_op op = {.list = {.prefix = "", .delimiter = "/", .after = "a/"}};
    assert_false(sat_local_token_rolled(&op));
    assert_string_equal(sat_local_list_from(&op), "a/");
    op.list.token = "b/";
    assert_true(sat_local_token_rolled(&op));
    assert_string_equal(sat_local_list_from(&op), "b/");
    op.list.token = "b";
    assert_false(sat_local_token_rolled(&op));
}

static void the_page_size_is_bounded_by_the_backend(void **state)
{
    (void)state;
    struct sat_op op = {.kind = SAT_OP_LIST};
    assert_int_equal(sat_local_page_size(&op, 100), 100);
    op.list.max_keys = 7;
    assert_int_equal(sat_local_page_size(&op, 100), 7);
    op.list.max_keys = 101;
    assert_int_equal(sat_local_page_size(&op, 100), 100);
}

static void a_long_error_is_cut_in_the_outcome(void **state)
{
    satchel_error err;
    (void)state;
    memset(&err, 'x', sizeof err);
    err.text[sizeof err.text - 1] = '\0';
    struct sat_op op = {.kind = SAT_OP_DELETE_MANY, .many = {.count = 1}};
    assert_int_equal(sat_local_many_begin(&op, NULL), SATCHEL_OK);
    sat_local_many_set(&op, 0, SATCHEL_IO, &err);
    assert_int_equal(op.many_result[0].code, SATCHEL_IO);
    assert_int_equal(strlen(op.many_result[0].text), sizeof op.many_result[0].text - 1);
    sat_op_fini(&op);
}

static void a_forgiven_error_is_empty(void **state)
{
    satchel_error err;
    (void)state;
    (void)sat_error_set(&err, SATCHEL_IO, "x");
    assert_int_equal(sat_local_forgive(&err), SATCHEL_OK);
    assert_int_equal(err.code, SATCHEL_OK);
    assert_string_equal(err.text, "");
    assert_int_equal(sat_local_forgive(NULL), SATCHEL_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ranges_are_cut_at_the_end),
        cmocka_unit_test(a_range_must_begin_inside),
        cmocka_unit_test(ops_end_when_cancelled_or_late),
        cmocka_unit_test(common_prefixes_end_at_the_first_delimiter_behind_the_prefix),
        cmocka_unit_test(only_tokens_stand_for_whole_prefixes),
        cmocka_unit_test(the_page_size_is_bounded_by_the_backend),
        cmocka_unit_test(a_long_error_is_cut_in_the_outcome),
        cmocka_unit_test(a_forgiven_error_is_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
