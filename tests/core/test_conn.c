/* Opening connections: the URI's parts, the common options, what a failure leaves behind. */
#include "support/test.h"

#include "core/alloc.h"
#include "core/config.h"
#include "core/fake_backend.h"
#include "core/retry.h"

static struct sat_config *config;

static int make_config(void **state)
{
    static const struct sat_option *const tables[] = {sat_options_common, NULL};
    (void)state;
    return sat_config_new(tables, &config, NULL);
}

static int drop_config(void **state)
{
    (void)state;
    sat_alloc_fail_nth(0);
    sat_config_free(config);
    return 0;
}

static void set(const char *key, const char *value)
{
    assert_int_equal(sat_config_set(config, key, value, SAT_ORIGIN_SET, NULL), SATCHEL_OK);
}

static struct sat_conn *conn_of(const char *uri)
{
    struct sat_conn *conn = NULL;
    satchel_error err = {0};
    if (sat_conn_open(uri, config, fake_find, &conn, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    return conn;
}

static void a_bucket_uri_gives_bucket_and_root(void **state)
{
    (void)state;
    set("endpoint_url", "https://h.example:8443");
    struct sat_conn *conn = conn_of("fake://b/a/c d");
    assert_string_equal(conn->uri, "fake://b/a/c d");
    assert_string_equal(conn->bucket, "b");
    assert_string_equal(conn->root, "a/c d");
    assert_true(conn->endpoint.tls);
    assert_string_equal(conn->endpoint.authority, "h.example:8443");
    sat_conn_close(conn);
}

static void a_folder_uri_gives_a_root_with_one_slash(void **state)
{
    (void)state;
    static const char *const forms[][2] = {
        {"fakelocal:///a/b", "a/b/"}, {"fakelocal:////a/b//", "a/b/"}, {"fakelocal:///", ""}};
    for (size_t i = 0; i < 3; i++) {
        struct sat_conn *conn = conn_of(forms[i][0]);
        assert_string_equal(conn->root, forms[i][1]);
        assert_string_equal(conn->bucket, "");
        sat_conn_close(conn);
    }
}

static void a_wrong_uri_is_told(void **state)
{
    (void)state;
    struct sat_conn *conn = NULL;
    satchel_error err = {0};
    assert_int_equal(sat_conn_open("ftp://x/y", config, fake_find, &conn, &err),
                     SATCHEL_UNSUPPORTED);
    assert_int_equal(sat_conn_open("no uri", config, fake_find, &conn, &err), SATCHEL_INVALID);
    assert_int_equal(sat_conn_open("fake:///key", config, fake_find, &conn, &err), SATCHEL_INVALID);
    assert_int_equal(sat_conn_open("fakelocal://host/x", config, fake_find, &conn, &err),
                     SATCHEL_INVALID);
    set("endpoint_url", "http://");
    assert_int_equal(sat_conn_open("fake://b", config, fake_find, &conn, &err), SATCHEL_INVALID);
    assert_null(conn);
}

static void options_reach_the_connection(void **state)
{
    (void)state;
    set("max_retries", "7");
    set("request_timeout", "1.5");
    set("connect_timeout", "250ms");
    set("response_timeout", "2");
    set("stall_timeout", "3");
    set("retry_base_ms", "9");
    set("ca_file", "/ca.pem");
    set("insecure", "true");
    struct sat_conn *conn = conn_of("fakelocal:///x");
    assert_int_equal(conn->max_retries, 7);
    assert_int_equal(conn->request_timeout_ms, 1500);
    assert_int_equal(conn->connect_timeout_ms, 250);
    assert_int_equal(conn->response_timeout_ms, 2000);
    assert_int_equal(conn->stall_timeout_ms, 3000);
    assert_int_equal(conn->retry_base_ms, 9);
    assert_string_equal(conn->ca_file, "/ca.pem");
    assert_true(conn->insecure);
    sat_conn_close(conn);
}

static void retry_modes_off_and_adaptive(void **state)
{
    (void)state;
    set("max_retries", "7");
    set("retry_mode", "off");
    struct sat_conn *conn = conn_of("fakelocal:///x");
    assert_int_equal(conn->max_retries, 1);
    assert_null(conn->retry_bucket); /* no endpoint */
    assert_false(conn->adaptive);
    sat_conn_close(conn);
    set("retry_mode", "adaptive");
    conn = conn_of("fakelocal:///x");
    assert_int_equal(conn->max_retries, 7);
    assert_true(conn->adaptive);
    sat_conn_close(conn);
}

static void connections_to_one_endpoint_share_its_retries(void **state)
{
    (void)state;
    set("endpoint_url", "http://h:1");
    struct sat_conn *one = conn_of("fake://b/k");
    struct sat_conn *two = conn_of("fake://c");
    set("endpoint_url", "http://h:2");
    struct sat_conn *three = conn_of("fake://b/k");
    assert_non_null(one->retry_bucket);
    assert_ptr_equal(one->retry_bucket, two->retry_bucket);
    assert_ptr_not_equal(one->retry_bucket, three->retry_bucket);
    assert_true(sat_retry_take(one->retry_bucket, SAT_RETRY_TOKENS));
    sat_conn_close(one);
    assert_false(sat_retry_take(two->retry_bucket, 1));
    sat_conn_close(two);
    sat_conn_close(three);
    set("endpoint_url", "http://h:1");
    one = conn_of("fake://b/k"); /* the last one took the bucket with it */
    assert_true(sat_retry_take(one->retry_bucket, SAT_RETRY_TOKENS));
    sat_conn_close(one);
}

static void no_request_timeout_is_a_far_deadline(void **state)
{
    (void)state;
    set("request_timeout", "0");
    struct sat_conn *conn = conn_of("fakelocal:///x");
    assert_true(conn->request_timeout_ms > 20U * 24 * 3600 * 1000);
    sat_conn_close(conn);
}

static void connections_of_like_settings_share_an_engine(void **state)
{
    (void)state;
    struct sat_conn *one = conn_of("fakelocal:///x");
    struct sat_conn *two = conn_of("fakelocal:///y");
    set("workers", "3");
    struct sat_conn *three = conn_of("fakelocal:///x");
    assert_ptr_equal(one->engine, two->engine);
    assert_ptr_not_equal(one->engine, three->engine);
    sat_conn_close(one);
    sat_conn_close(two);
    sat_conn_close(three);
    sat_conn_close(NULL);
}

static void out_of_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    struct sat_conn *conn = NULL;
    int code = SATCHEL_NOMEM;
    set("endpoint_url", "http://h");
    set("ca_file", "/ca.pem");
    for (long nth = 1; code == SATCHEL_NOMEM; nth++) {
        satchel_error err = {0};
        assert_true(nth < 100);
        sat_alloc_fail_nth(nth);
        code = sat_conn_open("fake://b/k", config, fake_find, &conn, &err);
        assert_int_equal(err.code, code);
    }
    sat_alloc_fail_nth(0);
    assert_int_equal(code, SATCHEL_OK);
    sat_conn_close(conn);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_config, drop_config)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_bucket_uri_gives_bucket_and_root),
        TEST(a_folder_uri_gives_a_root_with_one_slash),
        TEST(a_wrong_uri_is_told),
        TEST(options_reach_the_connection),
        TEST(retry_modes_off_and_adaptive),
        TEST(connections_to_one_endpoint_share_its_retries),
        TEST(no_request_timeout_is_a_far_deadline),
        TEST(connections_of_like_settings_share_an_engine),
        TEST(out_of_memory_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
