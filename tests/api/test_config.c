/* Configurations, the option tables, version and codes, through the public headers. */
#include <stdlib.h>

#include "api/fixture.h"

static void options_are_described_once(void **state)
{
    const char *seen[256] = {NULL};
    size_t count = 0;
    size_t cursor = 0;
    satchel_option option = {.struct_size = sizeof option};
    (void)state;
    while (satchel_option_next(&cursor, &option) == 1) {
        assert_true(strlen(option.key) > 0 && strlen(option.help) > 0);
        assert_non_null(option.default_value);
        assert_non_null(satchel_config_get(config, option.key));
        for (size_t i = 0; i < count; i++)
            assert_string_not_equal(seen[i], option.key);
        assert_true(count < 256);
        seen[count++] = option.key;
    }
    assert_true(count > 20);
}

static bool is_known(const char *key)
{
    size_t cursor = 0;
    satchel_option option = {.struct_size = sizeof option};
    while (satchel_option_next(&cursor, &option) == 1) {
        if (strcmp(option.key, key) == 0)
            return true;
    }
    return false;
}

static void all_tables_are_joined(void **state)
{
    (void)state;
    assert_true(is_known("region"));
    assert_true(is_known("durability"));
    assert_true(is_known("cache_ttl"));
    assert_true(is_known("max_workers"));
}

static void values_have_origins(void **state)
{
    satchel_config *other = NULL;
    (void)state;
    assert_string_equal(satchel_config_origin(config, "lanes"), "default");
    ok(satchel_config_set(config, "lanes", "2", &err));
    assert_string_equal(satchel_config_get(config, "lanes"), "2");
    assert_string_equal(satchel_config_origin(config, "lanes"), "set");
    assert_null(satchel_config_get(config, "no_such_option"));
    assert_int_equal(setenv("SATCHEL_LANES", "bad", 1), 0);
    assert_int_equal(satchel_config_new(&other, &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "SATCHEL_LANES"));
    assert_int_equal(setenv("SATCHEL_LANES", "3", 1), 0);
    ok(satchel_config_new(&other, &err));
    assert_string_equal(satchel_config_origin(other, "lanes"), "env");
    assert_int_equal(unsetenv("SATCHEL_LANES"), 0);
    satchel_config_free(other);
}

static void json_documents_set_options(void **state)
{
    (void)state;
    ok(satchel_config_load_json(config,
                                "{\"region\": \"eu-west-1\", \"max_workers\": 16, "
                                "\"create_bucket\": true, \"index_fields\": [\"a\", \"b.c\"]}",
                                &err));
    assert_string_equal(satchel_config_get(config, "region"), "eu-west-1");
    assert_string_equal(satchel_config_get(config, "max_workers"), "16");
    assert_string_equal(satchel_config_get(config, "create_bucket"), "true");
    assert_string_equal(satchel_config_get(config, "index_fields"), "a,b.c");
    assert_string_equal(satchel_config_origin(config, "region"), "file");
}

static void what_the_program_set_is_stronger_than_json(void **state)
{
    (void)state;
    ok(satchel_config_set(config, "region", "mine", &err));
    ok(satchel_config_load_json(config, "{\"region\": \"theirs\"}", &err));
    assert_string_equal(satchel_config_get(config, "region"), "mine");
}

static void a_bad_json_document_sets_nothing(void **state)
{
    const char *const bad[] = {
        "{\"max_workers\": 3, \"regoin\": \"x\"}",
        "{\"max_workers\": 3, \"region\": {}}",
        "{\"max_workers\": 3, \"index_fields\": [1]}",
        "[]",
        "{\"max_workers\": 3",
        "{\"max_workers\": 3, \"max_workers\": 4}",
        "{\"region\": null, \"max_workers\": 3}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(satchel_config_load_json(config, bad[i], &err), SATCHEL_INVALID);
        assert_string_equal(satchel_config_get(config, "max_workers"), "10");
    }
    (void)satchel_config_load_json(config, bad[0], &err);
    assert_non_null(strstr(err.text, "'region'"));
}

static void every_code_has_a_name(void **state)
{
    (void)state;
    for (int code = 0; code <= SATCHEL_CODE_LAST; code++) {
        assert_string_not_equal(satchel_code_name(code), "?");
        assert_string_not_equal(satchel_code_text(code), "unknown error code");
    }
    assert_string_equal(satchel_code_name(SATCHEL_NOT_FOUND), "NOT_FOUND");
    assert_string_equal(satchel_code_name(SATCHEL_CODE_LAST + 1), "?");
    assert_true(strchr(satchel_version(), '.') != NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(options_are_described_once),
        CASE(all_tables_are_joined),
        CASE(values_have_origins),
        CASE(json_documents_set_options),
        CASE(what_the_program_set_is_stronger_than_json),
        CASE(a_bad_json_document_sets_nothing),
        CASE(every_code_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
