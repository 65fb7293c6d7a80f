/* sat_vec: growth, zeroed elements, allocation failure. */
#include "support/test.h"

#include "core/alloc.h"
#include "core/vec.h"

static void keeps_elements_over_growth(void **state)
{
    (void)state;
    SAT_AUTO_VEC struct sat_vec vec;
    sat_vec_init(&vec, sizeof(int));
    for (int i = 0; i < 1000; i++)
        assert_non_null(sat_vec_push(&vec, &i));
    assert_int_equal(vec.len, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(*(int *)sat_vec_at(&vec, (size_t)i), i);
}

static void added_elements_are_zero(void **state)
{
    (void)state;
    SAT_AUTO_VEC struct sat_vec vec;
    sat_vec_init(&vec, sizeof(uint64_t));
    for (int i = 0; i < 20; i++) {
        uint64_t *item = sat_vec_add(&vec);
        assert_true(*item == 0);
        *item = UINT64_MAX;
    }
}

static void a_failed_growth_changes_nothing(void **state)
{
    (void)state;
    SAT_AUTO_VEC struct sat_vec vec;
    sat_vec_init(&vec, 1);
    for (int i = 0; i < 8; i++)
        assert_non_null(sat_vec_push(&vec, "x"));
    sat_alloc_fail_nth(1);
    assert_null(sat_vec_push(&vec, "y"));
    sat_alloc_fail_nth(0);
    assert_int_equal(vec.len, 8);
    assert_non_null(sat_vec_push(&vec, "y"));
    assert_memory_equal(vec.data, "xxxxxxxxy", 9);
}

static void fini_leaves_a_usable_empty_vector(void **state)
{
    (void)state;
    SAT_AUTO_VEC struct sat_vec vec;
    sat_vec_init(&vec, 4);
    assert_non_null(sat_vec_add(&vec));
    sat_vec_fini(&vec);
    assert_int_equal(vec.len, 0);
    assert_non_null(sat_vec_add(&vec));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_elements_over_growth),
        cmocka_unit_test(added_elements_are_zero),
        cmocka_unit_test(a_failed_growth_changes_nothing),
        cmocka_unit_test(fini_leaves_a_usable_empty_vector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
