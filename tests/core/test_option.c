/* Values by type, their ranges and error texts, look-up, suggestions, enumeration. */
#include "support/test.h"

#include "core/option.h"

static const struct sat_option table_a[] = {
    {.key = "text", .type = SAT_OPTION_STRING, .fallback = "x", .help = "h"},
    {.key = "count", .type = SAT_OPTION_INT, .min = -3, .max = 64},
    {.key = "size", .type = SAT_OPTION_SIZE, .min = 10},
    {.key = "wait", .type = SAT_OPTION_DURATION_S, .max = 3600000},
    {.key = "base_ms", .type = SAT_OPTION_DURATION_MS},
    {.key = "flag", .type = SAT_OPTION_BOOL},
    {.key = "mode", .type = SAT_OPTION_ENUM, .choices = "auto|always|never", .env = "A,B"},
    {.key = "items", .type = SAT_OPTION_LIST},
    {.key = "ratio", .type = SAT_OPTION_DOUBLE, .max = 1},
    {.key = NULL},
};
static const struct sat_option table_b[] = {
    {.key = "token", .type = SAT_OPTION_STRING, .secret = true},
    {.key = "text", .type = SAT_OPTION_INT},
    {.key = "pin", .type = SAT_OPTION_INT, .max = 9999, .secret = true},
    {.key = NULL},
};
static const struct sat_option *const tables[] = {table_a, table_b, NULL};

static int parse(const char *key, const char *text, struct sat_option_value *value,
                 satchel_error *err)
{
    return sat_option_parse(sat_option_find(tables, key), text, value, err);
}

static void good_values_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        const char *text;
        int64_t number;
    } rows[] = {
        {"count", "-3", -3},
        {"count", "64", 64},
        {"size", "1048576", 1048576},
        {"size", "8MiB", 8388608},
        {"size", "5MB", 5000000},
        {"size", "5m", 5242880},
        {"size", "1.5GiB", 1610612736},
        {"size", "16b", 16},
        {"size", "9007199254740993", INT64_C(9007199254740993)},
        {"wait", "60", 60000},
        {"wait", "1.5s", 1500},
        {"wait", "500ms", 500},
        {"wait", "0.25", 250},
        {"wait", "0.0006", 1},
        {"wait", "2m", 120000},
        {"base_ms", "50", 50},
        {"base_ms", "1s", 1000},
        {"flag", "true", 1},
        {"flag", "YES", 1},
        {"flag", "1", 1},
        {"flag", "on", 1},
        {"flag", "false", 0},
        {"flag", "No", 0},
        {"flag", "0", 0},
        {"mode", "auto", 0},
        {"mode", "never", 2},
        {"text", "", 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sat_option_value value = {.number = -99};
        assert_int_equal(parse(rows[i].key, rows[i].text, &value, NULL), SATCHEL_OK);
        assert_true(value.number == rows[i].number);
    }
    struct sat_option_value value;
    assert_int_equal(parse("ratio", "0.25", &value, NULL), SATCHEL_OK);
    assert_true(value.real > 0.2499 && value.real < 0.2501);
}

static void bad_values_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        const char *text;
    } rows[] = {
        {"count", ""},
        {"count", "65"},
        {"count", "-4"},
        {"count", "1.5"},
        {"count", " 1"},
        {"count", "0x10"},
        {"size", "9"},
        {"size", "8XB"},
        {"size", "-1"},
        {"size", "MiB"},
        {"size", "8 MiB"},
        {"size", "1e3"},
        {"size", "99999999999999999999"},
        {"size", "9223372036854775808"},
        {"size", "9999999TiB"},
        {"size", "9999999.5TiB"},
        {"size", "1."},
        {"wait", "1h1"},
        {"wait", "3601"},
        {"wait", "-1"},
        {"wait", ".5"},
        {"wait", "inf"},
        {"flag", "maybe"},
        {"flag", ""},
        {"mode", "aut"},
        {"mode", "auto|always"},
        {"mode", ""},
        {"ratio", "1.01"},
        {"ratio", "-0.1"},
        {"ratio", "nan"},
        {"ratio", "0,5"},
        {"text", "a\nb"},
        {"text", "a\x7f"},
        {"text", "\xff"},
        {"items", "a,\r\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sat_option_value value = {.number = -99};
        satchel_error err = {0};
        assert_int_equal(parse(rows[i].key, rows[i].text, &value, &err), SATCHEL_INVALID);
        assert_non_null(strstr(err.text, rows[i].key));
        assert_true(value.number == -99);
    }
}

static void errors_say_what_is_wanted(void **state)
{
    (void)state;
    satchel_error err;
    struct sat_option_value value;
    (void)parse("count", "x", &value, &err);
    assert_string_equal(err.text, "option 'count' must be a whole number, -3 to 64, not 'x'");
    (void)parse("size", "9", &value, &err);
    assert_string_equal(
        err.text,
        "option 'size' must be a size such as 1048576 or 8MiB, at least 10 bytes, not '9'");
    (void)parse("mode", "on", &value, &err);
    assert_string_equal(err.text, "option 'mode' must be one of auto|always|never, not 'on'");
    (void)parse("flag", "2", &value, &err);
    assert_string_equal(err.text, "option 'flag' must be true or false, not '2'");
}

static void a_secret_is_not_in_its_error(void **state)
{
    (void)state;
    satchel_error err;
    struct sat_option_value value;
    assert_int_equal(parse("token", "hunter2\n", &value, &err), SATCHEL_INVALID);
    assert_string_equal(err.text, "option 'token' must be UTF-8 without control characters");
    assert_int_equal(parse("pin", "123456", &value, &err), SATCHEL_INVALID);
    assert_null(strstr(err.text, "123456"));
}

static void unknown_keys_come_with_the_nearest(void **state)
{
    (void)state;
    static const struct sat_option *const common[] = {sat_options_common, NULL};
    satchel_error err;
    assert_int_equal(sat_option_unknown(common, "regoin", &err), SATCHEL_INVALID);
    assert_string_equal(err.text, "unknown option 'regoin' (did you mean 'region'?)");
    (void)sat_option_unknown(common, "zzzzzzzzzzzzz", &err);
    assert_string_equal(err.text, "unknown option 'zzzzzzzzzzzzz'");
    assert_null(sat_option_find(common, "regoin"));
}

static void every_key_is_listed_once(void **state)
{
    (void)state;
    static const char *const keys[] = {"text", "count", "size",  "wait",  "base_ms", "flag",
                                       "mode", "items", "ratio", "token", "pin"};
    size_t cursor = 0;
    size_t count = 0;
    const struct sat_option *row;
    while ((row = sat_option_each(tables, &cursor)) != NULL)
        assert_string_equal(row->key, keys[count++]);
    assert_int_equal(count, sizeof keys / sizeof keys[0]);
    assert_int_equal(sat_option_find(tables, "text")->type, SAT_OPTION_STRING);
}

static void the_public_listing_has_no_null(void **state)
{
    (void)state;
    size_t cursor = 0;
    satchel_option option = {.struct_size = sizeof option};
    assert_int_equal(sat_option_next(tables, &cursor, &option), 1);
    assert_string_equal(option.key, "text");
    assert_string_equal(option.type, "string");
    assert_string_equal(option.default_value, "x");
    assert_string_equal(option.choices, "");
    assert_int_equal(option.secret, 0);
    int listed = 1;
    while (sat_option_next(tables, &cursor, &option) == 1) {
        assert_non_null(option.type);
        assert_non_null(option.env);
        assert_non_null(option.help);
        assert_int_equal(option.secret,
                         strcmp(option.key, "token") == 0 || strcmp(option.key, "pin") == 0);
        listed++;
    }
    assert_int_equal(listed, 11);
}

static void an_older_caller_gets_what_it_knows(void **state)
{
    (void)state;
    size_t cursor = 0;
    satchel_option option = {.struct_size = offsetof(satchel_option, type), .type = "untouched"};
    assert_int_equal(sat_option_next(tables, &cursor, &option), 1);
    assert_string_equal(option.key, "text");
    assert_string_equal(option.type, "untouched");
}

static void common_defaults_are_valid(void **state)
{
    (void)state;
    for (const struct sat_option *row = sat_options_common; row->key != NULL; row++) {
        struct sat_option_value value;
        assert_non_null(row->help);
        if (row->fallback != NULL)
            assert_int_equal(sat_option_parse(row, row->fallback, &value, NULL), SATCHEL_OK);
    }
}

static void lists_are_cut_at_commas(void **state)
{
    (void)state;
    const char *cursor = " a, b c ,,d,";
    satchel_span item;
    assert_true(sat_list_next(&cursor, &item));
    assert_memory_equal(item.data, "a", item.len);
    assert_true(sat_list_next(&cursor, &item));
    assert_int_equal(item.len, 3);
    assert_memory_equal(item.data, "b c", 3);
    assert_true(sat_list_next(&cursor, &item));
    assert_memory_equal(item.data, "d", item.len);
    assert_false(sat_list_next(&cursor, &item));
    assert_false(sat_list_next(&cursor, &item));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_values_are_read),
        cmocka_unit_test(bad_values_are_refused),
        cmocka_unit_test(errors_say_what_is_wanted),
        cmocka_unit_test(a_secret_is_not_in_its_error),
        cmocka_unit_test(unknown_keys_come_with_the_nearest),
        cmocka_unit_test(every_key_is_listed_once),
        cmocka_unit_test(the_public_listing_has_no_null),
        cmocka_unit_test(an_older_caller_gets_what_it_knows),
        cmocka_unit_test(common_defaults_are_valid),
        cmocka_unit_test(lists_are_cut_at_commas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
