/* Declared fields: expression indexes that match the list, also after a rebuild. */
#include "fixture.h"

static const struct object one[] = {{"a.json", "\"1\"", 1}};

static int indexes_of(struct sat_index *index)
{
    return outside_int(index, "SELECT count(*) FROM sqlite_schema"
                              " WHERE type = 'index' AND sql LIKE '%sat_key%'");
}

static void indexes_of_others_stay_until_a_clear(void **state)
{
    const char *fields[] = {"n", "address.city", "it's"};
    struct sat_index *index = open_index(state);
    refresh_with(index, one, 1);
    OK(sat_index_set_fields(index, fields, 3, NULL));
    assert_int_equal(indexes_of(index), 3);
    OK(sat_index_set_fields(index, fields, 3, NULL));
    assert_int_equal(indexes_of(index), 3);
    OK(sat_index_set_fields(index, fields + 1, 1, NULL));
    assert_int_equal(indexes_of(index), 3);
    OK(sat_index_clear(index, NULL));
    assert_int_equal(indexes_of(index), 1);
    sat_index_close(index);
}

static void one_field_in_two_spellings_is_one_index(void **state)
{
    const char *fields[] = {"n", "/n"};
    struct sat_index *index = open_index(state);
    OK(sat_index_set_fields(index, fields, 2, NULL));
    assert_int_equal(indexes_of(index), 1);
    sat_index_close(index);
}

static void a_bad_path_changes_nothing(void **state)
{
    const char *good[] = {"n"};
    const char *bad[] = {"m", ""};
    struct sat_index *index = open_index(state);
    OK(sat_index_set_fields(index, good, 1, NULL));
    assert_int_equal(sat_index_set_fields(index, bad, 2, NULL), SATCHEL_INVALID);
    assert_int_equal(indexes_of(index), 1);
    sat_index_close(index);
}

static void a_file_made_anew_gets_them_at_the_next_refresh(void **state)
{
    const char *fields[] = {"n"};
    char path[PATH_SIZE];
    struct sat_index *index = open_index(state);
    OK(sat_index_set_fields(index, fields, 1, NULL));
    sat_index_path(index, path, sizeof path);
    outside_sql(path, "UPDATE meta SET generation = 1");
    store(index, "a.json", "\"1\"", 1);
    assert_int_equal(indexes_of(index), 0);
    refresh_with(index, one, 1);
    assert_int_equal(indexes_of(index), 1);
    sat_index_close(index);
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(indexes_of_others_stay_until_a_clear),
        ON_DISK(one_field_in_two_spellings_is_one_index),
        ON_DISK(a_bad_path_changes_nothing),
        ON_DISK(a_file_made_anew_gets_them_at_the_next_refresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
