/* The option rows of a database: each has help, and a default that its own type accepts. */
#include "record/fixture.h"

static void every_row_explains_itself(void **state)
{
    (void)state;
    struct sat_option_value value;
    for (const struct sat_option *row = sat_options_record; row->key != NULL; row++) {
        assert_non_null(row->help);
        if (row->fallback != NULL)
            assert_int_equal(sat_option_parse(row, row->fallback, &value, NULL), SATCHEL_OK);
    }
}

static void limits_are_checked(void **state)
{
    (void)state;
    static const struct sat_option *const tables[] = {sat_options_record, NULL};
    struct sat_option_value value;
    const struct sat_option *workers = sat_option_find(tables, "max_workers");
    assert_int_equal(sat_option_parse(workers, "0", &value, NULL), SATCHEL_INVALID);
    const struct sat_option *ttl = sat_option_find(tables, "cache_ttl");
    assert_int_equal(sat_option_parse(ttl, "-1", &value, NULL), SATCHEL_OK);
    assert_int_equal(sat_option_parse(ttl, "-2", &value, NULL), SATCHEL_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_explains_itself),
        cmocka_unit_test(limits_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
