/*
 * Connections: the URI's parts, the common options, what a failure leaves behind; and where their
 * requests go once a reply says that they belong elsewhere.
 */
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>

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

/* ---- elsewhere */

#define STEPS(...) ((const struct http_step[]){__VA_ARGS__})
#define START(...) start(STEPS(__VA_ARGS__), sizeof STEPS(__VA_ARGS__) / sizeof(struct http_step))

static struct http_server *server;
static struct sat_conn *moving;

static void start(const struct http_step *steps, size_t count)
{
    server = http_server_start(steps, count);
    moving = fake_open(http_server_url(server), NULL);
}

static int stop(void **state)
{
    (void)state;
    sat_alloc_fail_nth(0);
    sat_conn_close(moving);
    http_server_stop(server);
    return 0;
}

static const char *found(void)
{
    return fake_reply("200 OK", "ETag: e\r\n", "");
}

static const char *elsewhere(const char *region)
{
    char header[100];
    (void)snprintf(header, sizeof header, "x-region: %s\r\n", region);
    return fake_reply("301 Moved", header, "not here");
}

static int stat_once(void)
{
    struct sat_op op = {.kind = SAT_OP_STAT, .conn = moving, .key = "k"};
    int code = sat_op_run(&op, NULL);
    sat_op_fini(&op);
    return code;
}

/* What request `i` of a server named; "" = nothing. */
static const char *region_of(struct http_server *asked, unsigned i)
{
    static char region[64];
    const char *header = strstr(http_server_request(asked, i), "\r\nX-Region: ");
    region[0] = '\0';
    if (header != NULL)
        assert_int_equal(sscanf(header, "\r\nX-Region: %63s", region), 1);
    return region;
}

static void assert_regions(unsigned count, const char *const *regions)
{
    assert_int_equal(http_server_requests(server), count);
    for (unsigned i = 0; i < count; i++)
        assert_string_equal(region_of(server, i), regions[i]);
}

static void what_belongs_elsewhere_goes_there_at_once_and_for_good(void **state)
{
    (void)state;
    START({.bytes = elsewhere("a")}, {.bytes = found()});
    moving->retry_base_ms = 60 * 1000; /* no delay is due */
    assert_int_equal(stat_once(), SATCHEL_OK);
    assert_regions(2, (const char *const[]){"", "a"});
    assert_int_equal(stat_once(), SATCHEL_OK);
    assert_regions(3, (const char *const[]){"", "a", "a"});
    assert_string_equal(moving->endpoint.region, ""); /* as configured */
}

static void elsewhere_may_be_another_host(void **state)
{
    (void)state;
    char region[32];
    const struct http_step steps[] = {{.bytes = found()}};
    struct http_server *second = http_server_start(steps, 1);
    (void)snprintf(region, sizeof region, "port-%s", strrchr(http_server_url(second), ':') + 1);
    START({.bytes = elsewhere(region)});
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(stat_once(), SATCHEL_OK);
    assert_int_equal(http_server_requests(server), 1);
    assert_int_equal(http_server_requests(second), 3);
    assert_string_equal(region_of(second, 0), region);
    http_server_stop(second);
}

static void a_body_is_sent_again_elsewhere(void **state)
{
    (void)state;
    START({.bytes = elsewhere("a")}, {.bytes = found()});
    struct sat_op op = {.kind = SAT_OP_PUT,
                        .conn = moving,
                        .key = "k",
                        .source = sat_source_span((satchel_span){"content", 7})};
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_false(op.unsettled);
    sat_op_fini(&op);
    for (unsigned i = 0; i < 2; i++)
        assert_non_null(strstr(http_server_request(server, i), "\r\n\r\ncontent"));
}

/* A service that sends its callers in circles. */
static void an_op_is_sent_elsewhere_once_and_a_connection_three_times(void **state)
{
    (void)state;
    START({.bytes = elsewhere("a")}, {.bytes = elsewhere("b")}, {.bytes = elsewhere("c")},
          {.bytes = elsewhere("d")}, {.bytes = elsewhere("e")}, {.bytes = elsewhere("f")},
          {.bytes = elsewhere("g")});
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(stat_once(), SATCHEL_INVALID);
    assert_int_equal(moving->locked.count, SAT_MOVES_MAX);
    assert_regions(8, (const char *const[]){"", "a", "a", "c", "c", "e", "e", "e"});
}

static void where_the_backend_says_no_the_failure_stands(void **state)
{
    (void)state;
    satchel_error err = {0};
    struct sat_op op = {.kind = SAT_OP_STAT, .key = "k"};
    START({.bytes = elsewhere("no")});
    op.conn = moving;
    assert_int_equal(sat_op_run(&op, &err), SATCHEL_INVALID);
    assert_int_equal(err.http_status, 301);
    assert_string_equal(err.endpoint, http_server_url(server));
    sat_op_fini(&op);
    assert_int_equal(http_server_requests(server), 1);
    assert_ptr_equal(moving->current, &moving->endpoint);
}

static void without_repetitions_nothing_is_followed(void **state)
{
    (void)state;
    START({.bytes = elsewhere("a")});
    moving->max_retries = 1;
    assert_int_equal(stat_once(), SATCHEL_INVALID);
    assert_int_equal(stat_once(), SATCHEL_INVALID);
    assert_regions(2, (const char *const[]){"", ""});
}

/* An outage allows no repetition, but what was learned stays. */
static void without_tokens_only_later_ops_go_elsewhere(void **state)
{
    (void)state;
    START({.bytes = elsewhere("a")}, {.bytes = found()});
    assert_true(sat_retry_take(moving->retry_bucket, SAT_RETRY_TOKENS));
    assert_int_equal(stat_once(), SATCHEL_INVALID);
    assert_int_equal(stat_once(), SATCHEL_OK);
    assert_regions(2, (const char *const[]){"", "a"});
}

static void out_of_memory_a_connection_stays(void **state)
{
    (void)state;
    START({.bytes = found()});
    sat_alloc_fail_nth(1);
    assert_false(sat_conn_move(moving, &moving->endpoint, "a"));
    sat_alloc_fail_nth(0);
    assert_ptr_equal(moving->current, &moving->endpoint);
    assert_true(sat_conn_move(moving, &moving->endpoint, "a"));
}

enum { THREADS = 4, ROUNDS = 200 };

static pthread_barrier_t together;

static void *move_in_a_thread(void *region)
{
    (void)pthread_barrier_wait(&together);
    return sat_conn_move(moving, &moving->endpoint, region) ? region : NULL;
}

static void move_in_many_threads(void)
{
    static char regions[THREADS][2] = {"a", "b", "c", "d"};
    pthread_t threads[THREADS];
    void *result;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, move_in_a_thread, regions[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, regions[i]);
    }
}

static void ops_that_are_told_at_once_move_it_once(void **state)
{
    (void)state;
    START({.bytes = found()});
    assert_int_equal(pthread_barrier_init(&together, NULL, THREADS), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        sat_conn_close(moving);
        moving = fake_open(http_server_url(server), NULL);
        move_in_many_threads();
        assert_int_equal(moving->locked.count, 1);
        assert_ptr_equal(moving->current, moving->locked.moves[0]);
    }
    assert_int_equal(pthread_barrier_destroy(&together), 0);
}

#define TEST(name)      cmocka_unit_test_setup_teardown(name, make_config, drop_config)
#define MOVE_TEST(name) cmocka_unit_test_teardown(name, stop)

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
        MOVE_TEST(what_belongs_elsewhere_goes_there_at_once_and_for_good),
        MOVE_TEST(elsewhere_may_be_another_host),
        MOVE_TEST(a_body_is_sent_again_elsewhere),
        MOVE_TEST(an_op_is_sent_elsewhere_once_and_a_connection_three_times),
        MOVE_TEST(where_the_backend_says_no_the_failure_stands),
        MOVE_TEST(without_repetitions_nothing_is_followed),
        MOVE_TEST(without_tokens_only_later_ops_go_elsewhere),
        MOVE_TEST(out_of_memory_a_connection_stays),
        MOVE_TEST(ops_that_are_told_at_once_move_it_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
