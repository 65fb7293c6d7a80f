/* Origins and their order, the environment, typed getters, secrets, allocation failures. */
#include "support/test.h"

#include <stdlib.h>

#include "core/alloc.h"
#include "core/config.h"
#include "core/log.h"

static const char secret[] = "canary-secret-of-40-characters-or-less";

static const struct sat_option extra[] = {
    {.key = "ratio", .type = SAT_OPTION_DOUBLE, .fallback = "0.5", .max = 1},
    {.key = NULL},
};
static const struct sat_option *const tables[] = {sat_options_common, extra, NULL};

/* Every test starts with none of our variables set. */
static int clear_environment(void **state)
{
    (void)state;
    return clearenv();
}

static struct sat_config *new_config(void)
{
    struct sat_config *config = NULL;
    satchel_error err;
    assert_int_equal(sat_config_new(tables, &config, &err), SATCHEL_OK);
    return config;
}

static void defaults_come_from_the_tables(void **state)
{
    (void)state;
    struct sat_config *config = new_config();
    assert_string_equal(sat_config_str(config, "region"), "us-east-1");
    assert_string_equal(sat_config_str(config, "endpoint_url"), "");
    assert_string_equal(sat_config_str(config, "nobody_knows_this"), "");
    assert_int_equal(sat_config_int(config, "nobody_knows_this"), 0);
    assert_int_equal(sat_config_int(config, "max_retries"), 3);
    assert_int_equal(sat_config_ms(config, "request_timeout"), 60000);
    assert_int_equal(sat_config_ms(config, "retry_base_ms"), 50);
    assert_int_equal(sat_config_size(config, "max_memory"), 256 * 1024 * 1024);
    assert_int_equal(sat_config_enum(config, "payload_signing"), 0);
    assert_true(sat_config_double(config, "ratio") > 0.49);
    assert_false(sat_config_bool(config, "insecure"));
    assert_int_equal(sat_config_origin(config, "region"), SAT_ORIGIN_DEFAULT);
    assert_string_equal(satchel_config_origin(config, "region"), "default");
    assert_ptr_equal(sat_config_tables(config), tables);
    sat_config_free(config);
}

static void a_stronger_origin_wins_in_any_order(void **state)
{
    (void)state;
    assert_int_equal(setenv("AWS_REGION", "env-1", 1), 0);
    struct sat_config *config = new_config();
    assert_string_equal(satchel_config_get(config, "region"), "env-1");
    assert_string_equal(satchel_config_origin(config, "region"), "env");
    assert_int_equal(satchel_config_set(config, "region", "set-1", NULL), SATCHEL_OK);
    assert_int_equal(sat_config_set(config, "region", "file-1", SAT_ORIGIN_FILE, NULL), SATCHEL_OK);
    assert_string_equal(sat_config_str(config, "region"), "set-1");
    assert_int_equal(sat_config_set(config, "region", NULL, SAT_ORIGIN_FILE, NULL), SATCHEL_OK);
    assert_string_equal(satchel_config_origin(config, "region"), "set");
    assert_int_equal(satchel_config_set(config, "region", NULL, NULL), SATCHEL_OK);
    assert_string_equal(sat_config_str(config, "region"), "us-east-1");
    assert_int_equal(sat_config_set(config, "region", "file-1", SAT_ORIGIN_FILE, NULL), SATCHEL_OK);
    assert_string_equal(satchel_config_origin(config, "region"), "file");
    sat_config_free(config);
}

static void an_empty_value_is_a_value(void **state)
{
    (void)state;
    assert_int_equal(setenv("AWS_ENDPOINT_URL", "http://localhost:1", 1), 0);
    struct sat_config *config = new_config();
    assert_string_equal(sat_config_str(config, "endpoint_url"), "http://localhost:1");
    assert_int_equal(satchel_config_set(config, "endpoint_url", "", NULL), SATCHEL_OK);
    assert_string_equal(sat_config_str(config, "endpoint_url"), "");
    assert_string_equal(satchel_config_origin(config, "endpoint_url"), "set");
    sat_config_free(config);
}

static void the_more_particular_variable_wins(void **state)
{
    (void)state;
    assert_int_equal(setenv("AWS_DEFAULT_REGION", "third", 1), 0);
    struct sat_config *config = new_config();
    assert_string_equal(sat_config_str(config, "region"), "third");
    sat_config_free(config);
    assert_int_equal(setenv("AWS_REGION", "second", 1), 0);
    config = new_config();
    assert_string_equal(sat_config_str(config, "region"), "second");
    sat_config_free(config);
    assert_int_equal(setenv("SATCHEL_REGION", "first", 1), 0);
    assert_int_equal(setenv("AWS_CA_BUNDLE", "", 1), 0);
    assert_int_equal(setenv("SATCHEL_MAX_RETRIES", "7", 1), 0);
    config = new_config();
    assert_string_equal(sat_config_str(config, "region"), "first");
    assert_int_equal(sat_config_int(config, "max_retries"), 7);
    assert_int_equal(sat_config_origin(config, "ca_file"), SAT_ORIGIN_DEFAULT);
    sat_config_free(config);
}

static void a_bad_variable_is_named(void **state)
{
    (void)state;
    struct sat_config *config = NULL;
    satchel_error err;
    assert_int_equal(setenv("SATCHEL_MAX_RETRIES", "many", 1), 0);
    assert_int_equal(sat_config_new(tables, &config, &err), SATCHEL_INVALID);
    assert_null(config);
    assert_string_equal(err.text, "environment variable SATCHEL_MAX_RETRIES: option 'max_retries' "
                                  "must be a whole number, 0 to 100, not 'many'");
}

static void unknown_keys_and_bad_values_change_nothing(void **state)
{
    (void)state;
    satchel_error err;
    struct sat_config *config = new_config();
    assert_int_equal(satchel_config_set(config, "regoin", "x", &err), SATCHEL_INVALID);
    assert_string_equal(err.text, "unknown option 'regoin' (did you mean 'region'?)");
    assert_int_equal(satchel_config_set(config, "regoin", NULL, NULL), SATCHEL_INVALID);
    assert_int_equal(satchel_config_set(config, "lanes", "2", NULL), SATCHEL_OK);
    assert_int_equal(satchel_config_set(config, "lanes", "two", &err), SATCHEL_INVALID);
    assert_int_equal(sat_config_int(config, "lanes"), 2);
    assert_null(satchel_config_get(config, "regoin"));
    assert_null(satchel_config_origin(config, "regoin"));
    sat_config_free(config);
}

static void null_arguments_are_answered(void **state)
{
    (void)state;
    satchel_error err;
    struct sat_config *config = new_config();
    assert_int_equal(satchel_config_set(NULL, "region", "x", &err), SATCHEL_INVALID);
    assert_int_equal(satchel_config_set(config, NULL, "x", &err), SATCHEL_INVALID);
    assert_null(satchel_config_get(NULL, "region"));
    assert_null(satchel_config_get(config, NULL));
    assert_null(satchel_config_origin(NULL, "region"));
    satchel_config_free(NULL);
    satchel_config_free(config);
}

static void secrets_are_hidden_and_known_to_the_redactor(void **state)
{
    (void)state;
    satchel_error err;
    char text[128];
    struct sat_config *config = new_config();
    assert_string_equal(satchel_config_get(config, "secret_access_key"), "");
    assert_int_equal(satchel_config_set(config, "secret_access_key", secret, &err), SATCHEL_OK);
    assert_string_equal(satchel_config_get(config, "secret_access_key"), "***");
    assert_string_equal(sat_config_str(config, "secret_access_key"), secret);
    memcpy(text, secret, sizeof secret);
    sat_redact(text);
    assert_string_equal(text, "***");
    assert_int_equal(satchel_config_set(config, "secret_access_key", "bad\nvalue", &err),
                     SATCHEL_INVALID);
    assert_null(strstr(err.text, "bad"));
    sat_config_free(config);
    memcpy(text, secret, sizeof secret);
    sat_redact(text);
    assert_string_equal(text, secret);
}

static void a_foreign_session_token_does_not_join_set_keys(void **state)
{
    (void)state;
    assert_int_equal(setenv("AWS_ACCESS_KEY_ID", "env-id", 1), 0);
    assert_int_equal(setenv("AWS_SESSION_TOKEN", "env-session-token", 1), 0);
    struct sat_config *config = new_config();
    assert_string_equal(sat_config_str(config, "session_token"), "env-session-token");
    assert_int_equal(satchel_config_set(config, "access_key_id", "set-id", NULL), SATCHEL_OK);
    assert_string_equal(sat_config_str(config, "session_token"), "");
    assert_string_equal(satchel_config_get(config, "session_token"), "");
    assert_string_equal(satchel_config_origin(config, "session_token"), "default");
    assert_int_equal(satchel_config_set(config, "session_token", "own", NULL), SATCHEL_OK);
    assert_string_equal(sat_config_str(config, "session_token"), "own");
    sat_config_free(config);
}

static void a_copy_is_independent(void **state)
{
    (void)state;
    struct sat_config *copy = NULL;
    struct sat_config *config = new_config();
    assert_int_equal(satchel_config_set(config, "secret_access_key", secret, NULL), SATCHEL_OK);
    assert_int_equal(sat_config_set(config, "region", "r", SAT_ORIGIN_FILE, NULL), SATCHEL_OK);
    assert_int_equal(sat_config_copy(config, &copy, NULL), SATCHEL_OK);
    assert_int_equal(satchel_config_set(config, "region", "other", NULL), SATCHEL_OK);
    sat_config_free(config);
    assert_string_equal(sat_config_str(copy, "region"), "r");
    assert_int_equal(sat_config_origin(copy, "region"), SAT_ORIGIN_FILE);
    assert_string_equal(sat_config_str(copy, "secret_access_key"), secret);
    sat_config_free(copy);
}

static void values_know_their_variable_and_place(void **state)
{
    (void)state;
    assert_int_equal(setenv("AWS_DEFAULT_REGION", "r", 1), 0);
    assert_int_equal(setenv("SATCHEL_LANES", "2", 1), 0);
    struct sat_config *config = new_config();
    assert_string_equal(satchel_config_where(config, "region"), "AWS_DEFAULT_REGION");
    assert_string_equal(satchel_config_where(config, "lanes"), "SATCHEL_LANES");
    assert_string_equal(satchel_config_where(config, "workers"), "");
    assert_null(satchel_config_where(config, "nobody_knows_this"));
    char where[] = "c.yaml:7";
    const struct sat_config_source source = {.origin = SAT_ORIGIN_FILE, .where = where};
    assert_int_equal(sat_config_set_from(config, "region", "f", &source, NULL), SATCHEL_OK);
    where[0] = 'x';
    assert_string_equal(satchel_config_where(config, "region"), "c.yaml:7");
    sat_config_free(config);
}

static void a_copy_has_places_and_uri_and_a_swap_exchanges_all(void **state)
{
    (void)state;
    struct sat_config *config = new_config();
    struct sat_config *copy = NULL;
    const struct sat_config_source source = {.origin = SAT_ORIGIN_FILE, .where = "c.yaml:7"};
    assert_int_equal(sat_config_set_from(config, "region", "f", &source, NULL), SATCHEL_OK);
    assert_string_equal(satchel_config_uri(config), "");
    assert_int_equal(sat_config_set_uri(config, "mem://old/", NULL), SATCHEL_OK);
    assert_int_equal(sat_config_set_uri(config, "mem://x/", NULL), SATCHEL_OK);
    assert_int_equal(sat_config_copy(config, &copy, NULL), SATCHEL_OK);
    assert_string_equal(satchel_config_where(copy, "region"), "c.yaml:7");
    assert_string_equal(satchel_config_uri(copy), "mem://x/");
    assert_int_equal(sat_config_set_uri(config, "mem://y/", NULL), SATCHEL_OK);
    assert_int_equal(satchel_config_set(config, "region", "s", NULL), SATCHEL_OK);
    sat_config_swap(config, copy);
    assert_string_equal(satchel_config_uri(config), "mem://x/");
    assert_string_equal(sat_config_str(config, "region"), "f");
    assert_string_equal(sat_config_str(copy, "region"), "s");
    sat_config_free(copy);
    sat_config_free(config);
}

/* One life of a config; the first failure's code. */
static int live(void)
{
    SAT_AUTO_CONFIG struct sat_config *config = NULL;
    SAT_AUTO_CONFIG struct sat_config *copy = NULL;
    int code = sat_config_new(tables, &config, NULL);
    if (code == SATCHEL_OK)
        code = satchel_config_set(config, "secret_access_key", secret, NULL);
    if (code == SATCHEL_OK)
        code = satchel_config_set(config, "session_token", secret, NULL);
    if (code == SATCHEL_OK)
        code = sat_config_set_uri(config, "mem://x/", NULL);
    if (code == SATCHEL_OK)
        code = sat_config_copy(config, &copy, NULL);
    return code;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_int_equal(setenv("AWS_REGION", "r", 1), 0);
    sat_alloc_fail_nth(0);
    assert_int_equal(live(), SATCHEL_OK);
    long calls = sat_alloc_count();
    assert_true(calls > 8);
    for (long n = 1; n <= calls; n++) {
        sat_alloc_fail_nth(n);
        assert_int_equal(live(), SATCHEL_NOMEM);
    }
    sat_alloc_fail_nth(0);
    char text[sizeof secret];
    memcpy(text, secret, sizeof secret);
    sat_redact(text);
    assert_string_equal(text, secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults_come_from_the_tables, clear_environment),
        cmocka_unit_test_setup(a_stronger_origin_wins_in_any_order, clear_environment),
        cmocka_unit_test_setup(an_empty_value_is_a_value, clear_environment),
        cmocka_unit_test_setup(the_more_particular_variable_wins, clear_environment),
        cmocka_unit_test_setup(a_bad_variable_is_named, clear_environment),
        cmocka_unit_test_setup(unknown_keys_and_bad_values_change_nothing, clear_environment),
        cmocka_unit_test_setup(null_arguments_are_answered, clear_environment),
        cmocka_unit_test_setup(secrets_are_hidden_and_known_to_the_redactor, clear_environment),
        cmocka_unit_test_setup(a_foreign_session_token_does_not_join_set_keys, clear_environment),
        cmocka_unit_test_setup(a_copy_is_independent, clear_environment),
        cmocka_unit_test_setup(values_know_their_variable_and_place, clear_environment),
        cmocka_unit_test_setup(a_copy_has_places_and_uri_and_a_swap_exchanges_all,
                               clear_environment),
        cmocka_unit_test_setup(every_allocation_may_fail, clear_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
