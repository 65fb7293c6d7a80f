/* Opening a database: prefixes, keys, tokens, options that cannot be. */
#include "record/fixture.h"

#include "backends/registry.h"
#include "core/alloc.h"
#include "core/str.h"

static void expect_prefix(const char *uri, const char *prefix)
{
    struct satchel_db *opened = open_with(uri, NULL);
    assert_string_equal(opened->prefix, prefix);
    sat_db_close(opened);
}

static void the_uri_path_is_the_whole_prefix(void **state)
{
    (void)state;
    expect_prefix("mem://t/recs/", "recs/");
    expect_prefix("mem://t/recs", "recs/");
    expect_prefix("mem://t/a/b//", "a/b/");
    expect_prefix("mem://t/", "");
    expect_prefix("file:///tmp/x", "tmp/x/");
}

static void keys_are_prefix_id_and_json(void **state)
{
    (void)state;
    char *key = NULL;
    assert_int_equal(sat_db_key(db, "a/b", &key, NULL), SATCHEL_OK);
    assert_string_equal(key, "recs/a/b.json");
    assert_string_equal(sat_db_index_key(db, key), "a/b.json");
    sat_free(key);
    assert_int_equal(sat_db_key(db, "a/../b", &key, NULL), SATCHEL_INVALID);
    assert_int_equal(sat_db_key(db, NULL, &key, NULL), SATCHEL_INVALID);
}

static void tokens_hold_version_and_etag(void **state)
{
    (void)state;
    struct sat_db_token token = {0};
    assert_int_equal(sat_db_token_parse("12:abc:d", &token, NULL), SATCHEL_OK);
    assert_int_equal(token.version, 12);
    assert_string_equal(token.etag, "abc:d");
    assert_int_equal(sat_db_token_parse("7", &token, NULL), SATCHEL_OK);
    assert_null(token.etag);
    const char *const bad[] = {"", "x", ":e", "-1", "1:", "1 :e", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(sat_db_token_parse(bad[i], &token, NULL), SATCHEL_INVALID);
}

static void bad_openings_say_why(void **state)
{
    (void)state;
    static const struct sat_option *const tables[] = {sat_options_common, sat_options_record, NULL};
    struct sat_config *config = NULL;
    struct satchel_db *opened = NULL;
    satchel_error err = {0};
    assert_int_equal(sat_config_new(tables, &config, NULL), SATCHEL_OK);
    assert_int_equal(sat_db_open("ftp://h/x", config, sat_backend_find, &opened, &err),
                     SATCHEL_UNSUPPORTED);
    assert_non_null(strstr(err.text, "ftp"));
    assert_int_equal(sat_db_open("no uri", config, sat_backend_find, &opened, &err),
                     SATCHEL_INVALID);
    assert_int_equal(sat_config_set(config, "cache_dir", "/dev/null/x", SAT_ORIGIN_SET, NULL), 0);
    assert_true(sat_db_open("mem://t/", config, sat_backend_find, &opened, &err) != SATCHEL_OK);
    assert_non_null(strstr(err.text, "/dev/null/x"));
    sat_config_free(config);
}

static void create_bucket_makes_it_or_finds_it(void **state)
{
    (void)state;
    const struct setting settings[] = {{"create_bucket", "true"}, {NULL, NULL}};
    struct satchel_db *first = open_with("mem://fresh/x", settings);
    struct satchel_db *second = open_with("mem://fresh/x", settings);
    sat_db_close(first);
    sat_db_close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_uri_path_is_the_whole_prefix, open_db, close_db),
        cmocka_unit_test_setup_teardown(keys_are_prefix_id_and_json, open_db, close_db),
        cmocka_unit_test_setup_teardown(tokens_hold_version_and_etag, open_db, close_db),
        cmocka_unit_test_setup_teardown(bad_openings_say_why, open_db, close_db),
        cmocka_unit_test_setup_teardown(create_bucket_makes_it_or_finds_it, open_db, close_db),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
