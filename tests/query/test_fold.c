/* Simple case folding: the scripts, the exceptions, and that folding twice changes nothing. */
#include "support/test.h"

#include "query/fold.h"

static void ascii_letters_fold_to_lower_case(void **state)
{
    (void)state;
    assert_int_equal(sat_fold('A'), 'a');
    assert_int_equal(sat_fold('Z'), 'z');
    assert_int_equal(sat_fold('@'), '@');
    assert_int_equal(sat_fold('['), '[');
    assert_int_equal(sat_fold('z'), 'z');
}

static void other_scripts_fold(void **state)
{
    (void)state;
    assert_int_equal(sat_fold(0x00C9), 0x00E9);   /* E acute */
    assert_int_equal(sat_fold(0x0100), 0x0101);   /* alternating runs: upper */
    assert_int_equal(sat_fold(0x0101), 0x0101);   /* and lower */
    assert_int_equal(sat_fold(0x0178), 0x00FF);   /* Y diaeresis, far away */
    assert_int_equal(sat_fold(0x03A3), 0x03C3);   /* Sigma */
    assert_int_equal(sat_fold(0x03C2), 0x03C3);   /* final sigma */
    assert_int_equal(sat_fold(0x0416), 0x0436);   /* Zhe */
    assert_int_equal(sat_fold(0x212A), 'k');      /* Kelvin sign */
    assert_int_equal(sat_fold(0x1F88), 0x1F80);   /* S, not C */
    assert_int_equal(sat_fold(0xAB70), 0x13A0);   /* Cherokee folds to upper */
    assert_int_equal(sat_fold(0x10400), 0x10428); /* beyond the BMP */
    assert_int_equal(sat_fold(0x1E921), 0x1E943); /* the last run */
}

static void what_folds_only_in_full_folds_to_itself(void **state)
{
    (void)state;
    assert_int_equal(sat_fold(0x00DF), 0x00DF); /* sharp s */
    assert_int_equal(sat_fold(0x1E9E), 0x00DF); /* capital sharp s */
    assert_int_equal(sat_fold(0x0130), 0x0130); /* I with dot */
    assert_int_equal(sat_fold(0x10FFFF), 0x10FFFF);
}

static void folding_is_idempotent_and_counts_as_in_unicode_14(void **state)
{
    (void)state;
    unsigned changed = 0;
    for (uint32_t code = 0; code <= 0x10FFFF; code++) {
        uint32_t folded = sat_fold(code);
        assert_int_equal(sat_fold(folded), folded);
        changed += folded != code;
    }
    assert_int_equal(changed, 1454);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ascii_letters_fold_to_lower_case),
        cmocka_unit_test(other_scripts_fold),
        cmocka_unit_test(what_folds_only_in_full_folds_to_itself),
        cmocka_unit_test(folding_is_idempotent_and_counts_as_in_unicode_14),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
