/* sat_alloc: zero sizes, overflow, the n-th-allocation fault, cleansing. */
#include "support/test.h"

#include "core/alloc.h"

static void zero_sizes_give_a_block(void **state)
{
    (void)state;
    SAT_AUTO_FREE char *a = sat_malloc(0);
    SAT_AUTO_FREE char *b = sat_calloc(0, 8);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
}

static void calloc_zeroes_and_refuses_overflow(void **state)
{
    (void)state;
    SAT_AUTO_FREE unsigned char *block = sat_calloc(16, 4);
    for (size_t i = 0; i < 64; i++)
        assert_int_equal(block[i], 0);
    volatile size_t huge = SIZE_MAX / 2;
    assert_null(sat_calloc(huge, 4));
}

static void fails_the_nth_allocation_once(void **state)
{
    (void)state;
    sat_alloc_fail_nth(2);
    SAT_AUTO_FREE char *first = sat_malloc(1);
    SAT_AUTO_FREE char *second = sat_malloc(1);
    SAT_AUTO_FREE char *third = sat_malloc(1);
    assert_non_null(first);
    assert_null(second);
    assert_non_null(third);
    assert_int_equal(sat_alloc_count(), 3);
    sat_alloc_fail_nth(0);
    assert_int_equal(sat_alloc_count(), 0);
}

static void a_failed_realloc_keeps_the_block(void **state)
{
    (void)state;
    SAT_AUTO_FREE char *block = sat_malloc(4);
    memcpy(block, "abc", 4);
    sat_alloc_fail_nth(1);
    assert_null(sat_realloc(block, 100));
    sat_alloc_fail_nth(0);
    assert_string_equal(block, "abc");
}

static void cleanse_overwrites(void **state)
{
    (void)state;
    char secret[] = "key";
    sat_cleanse(secret, sizeof secret);
    assert_memory_equal(secret, "\0\0\0\0", 4);
    sat_cleanse(NULL, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_sizes_give_a_block),
        cmocka_unit_test(calloc_zeroes_and_refuses_overflow),
        cmocka_unit_test(fails_the_nth_allocation_once),
        cmocka_unit_test(a_failed_realloc_keeps_the_block),
        cmocka_unit_test(cleanse_overwrites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
