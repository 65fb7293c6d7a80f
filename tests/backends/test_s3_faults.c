/* What a broken service does to a GET: s3 through the whole engine against a scripted server. */
#include "support/test.h"

#include "backends/registry.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/http_server.h"

#define STEPS(...) ((const struct http_step[]){__VA_ARGS__})
#define START(...) start(STEPS(__VA_ARGS__), sizeof STEPS(__VA_ARGS__) / sizeof(struct http_step))
#define ETAG       "ETag: \"v1\"\r\n"
#define OBJECT     .object = "0123456789", .headers = ETAG
#define CUT        OBJECT, .cut = 4, .then = HTTP_CLOSE
/* A reply that is spelled out. */
#define REPLY(status, length, headers, body)                                                       \
    .bytes = "HTTP/1.1 " status "\r\nContent-Length: " length "\r\n" headers "\r\n" body

static struct http_server *server;
static struct sat_conn *conn;
static struct sat_buf body;
static struct sat_op op;

static int find(const char *scheme, const struct sat_backend **backend, satchel_error *err)
{
    (void)scheme;
    (void)err;
    *backend = &sat_backend_s3;
    return SATCHEL_OK;
}

static void start(const struct http_step *steps, size_t count)
{
    static const struct sat_option *const tables[] = {sat_options_common, NULL};
    SAT_AUTO_CONFIG struct sat_config *config = NULL;
    server = http_server_start(steps, count);
    const char *const options[][2] = {{"endpoint_url", http_server_url(server)},
                                      {"access_key_id", "AKIDEXAMPLE"},
                                      {"secret_access_key", "secret"},
                                      {"lanes", "1"},
                                      {"retry_base_ms", "1"},
                                      {"request_timeout", "20"}};
    assert_int_equal(sat_config_new(tables, &config, NULL), SATCHEL_OK);
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        assert_int_equal(sat_config_set(config, options[i][0], options[i][1], SAT_ORIGIN_SET, NULL),
                         SATCHEL_OK);
    assert_int_equal(sat_conn_open("s3://bucket/", config, find, &conn, NULL), SATCHEL_OK);
    op.conn = conn;
}

static int set_up(void **state)
{
    (void)state;
    sat_buf_init(&body, 1000);
    op = (struct sat_op){.kind = SAT_OP_GET, .key = "k", .sink = sat_sink_memory(&body)};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sat_op_fini(&op);
    sat_conn_close(conn);
    http_server_stop(server);
    sat_buf_fini(&body);
    return 0;
}

static void assert_get(int code, unsigned requests)
{
    satchel_error err = {0};
    if (sat_op_run(&op, &err) != code)
        fail_msg("%s instead of %s: %s", satchel_code_name(err.code), satchel_code_name(code),
                 err.text);
    assert_int_equal(http_server_requests(server), requests);
    if (code == SATCHEL_OK)
        assert_string_equal(sat_buf_str(&body), "0123456789");
}

static bool asked(unsigned request, const char *header)
{
    return strstr(http_server_request(server, request), header) != NULL;
}

/* ---- a cut body */

static void a_cut_body_goes_on_under_if_match(void **state)
{
    (void)state;
    START({CUT}, {OBJECT});
    assert_get(SATCHEL_OK, 2);
    assert_true(asked(1, "Range: bytes=4-\r\n"));
    assert_true(asked(1, "If-Match: \"v1\"\r\n"));
    assert_true(asked(1, "if-match;range;")); /* signed */
    assert_string_equal(op.info.etag, "v1");
    assert_int_equal(op.info.size, 10);
}

static void a_body_that_is_always_cut_is_given_up(void **state)
{
    (void)state;
    START({OBJECT, .cut = 1, .then = HTTP_CLOSE});
    assert_get(SATCHEL_NETWORK, 3);
}

static void an_ignored_range_starts_over(void **state)
{
    (void)state;
    START({CUT}, {REPLY("200 OK", "10", ETAG, "0123456789")}, {OBJECT});
    assert_get(SATCHEL_OK, 3);
    assert_false(asked(2, "Range:"));
}

static void a_shifted_range_starts_over(void **state)
{
    (void)state;
    START({CUT},
          {REPLY("206 Partial Content", "6", ETAG "Content-Range: bytes 3-8/10\r\n", "345678")},
          {OBJECT});
    assert_get(SATCHEL_OK, 3);
    assert_false(asked(2, "Range:"));
}

static void a_range_that_ends_early_starts_over(void **state)
{
    (void)state;
    START({CUT},
          {REPLY("206 Partial Content", "5", ETAG "Content-Range: bytes 4-8/10\r\n", "45678")},
          {OBJECT});
    assert_get(SATCHEL_OK, 3);
}

static void an_overwritten_object_is_modified(void **state)
{
    (void)state;
    START({CUT}, {REPLY("412 Precondition Failed", "0", "", "")});
    assert_get(SATCHEL_MODIFIED, 2);
}

static void a_store_that_ignores_if_match_is_found_out(void **state)
{
    (void)state;
    START({CUT}, {.object = "abcdefghij", .headers = "ETag: \"v2\"\r\n"});
    assert_get(SATCHEL_MODIFIED, 2);
}

static void an_object_that_became_shorter_is_modified(void **state)
{
    (void)state;
    START({CUT}, {REPLY("416 Range Not Satisfiable", "0", "", "")});
    assert_get(SATCHEL_MODIFIED, 2);
}

static void a_deleted_object_is_not_found(void **state)
{
    (void)state;
    START({CUT}, {REPLY("404 Not Found", "0", "", "")});
    assert_get(SATCHEL_NOT_FOUND, 2);
}

/* The checksum of the whole comes with the first head; that of a range would be another one. */
static void the_bytes_are_verified_as_one(void **state)
{
    (void)state;
    static const char checksum[] = ETAG "x-amz-checksum-crc64nvme: Ffmx7kz9nB0=\r\n"
                                        "x-amz-checksum-type: FULL_OBJECT\r\n";
    START({.object = "0123456789", .headers = checksum, .cut = 4, .then = HTTP_CLOSE}, {OBJECT});
    assert_get(SATCHEL_OK, 2);
    assert_true(op.info.has_crc64);
}

/* ---- a service that is down */

static void a_service_that_is_down_is_asked_three_times(void **state)
{
    (void)state;
    START({REPLY("503 Service Unavailable", "0", "", "")});
    assert_get(SATCHEL_NETWORK, 3);
}

static void wishes_to_wait_are_honoured(void **state)
{
    (void)state;
    START({REPLY("503 Slow Down", "0", "x-amz-retry-after: 60\r\n", "")},
          {REPLY("503 Slow Down", "0",
                 "Date: Fri, 24 May 2013 00:00:07 GMT\r\n"
                 "Retry-After: Fri, 24 May 2013 00:00:07 GMT\r\n",
                 "")},
          {OBJECT});
    int64_t begin = sat_clock_now_ns();
    assert_get(SATCHEL_OK, 3);
    assert_in_range((sat_clock_now_ns() - begin) / SAT_NS_PER_MS, 60, 4000);
}

static void wishes_beyond_the_deadline_are_failures(void **state)
{
    (void)state;
    START({REPLY("503 Slow Down", "0", "Retry-After: 30\r\n", "")});
    assert_get(SATCHEL_NETWORK, 1);
}

static void what_arrived_garbled_is_sent_once_more(void **state)
{
    (void)state;
    START({REPLY("400 Bad Request", "37", "", "<Error><Code>BadDigest</Code></Error>")});
    op.kind = SAT_OP_PUT;
    op.source = sat_source_span((satchel_span){"abc", 3});
    assert_get(SATCHEL_INTEGRITY, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cut_body_goes_on_under_if_match),
        TEST(a_body_that_is_always_cut_is_given_up),
        TEST(an_ignored_range_starts_over),
        TEST(a_shifted_range_starts_over),
        TEST(a_range_that_ends_early_starts_over),
        TEST(an_overwritten_object_is_modified),
        TEST(a_store_that_ignores_if_match_is_found_out),
        TEST(an_object_that_became_shorter_is_modified),
        TEST(a_deleted_object_is_not_found),
        TEST(the_bytes_are_verified_as_one),
        TEST(a_service_that_is_down_is_asked_three_times),
        TEST(wishes_to_wait_are_honoured),
        TEST(wishes_beyond_the_deadline_are_failures),
        TEST(what_arrived_garbled_is_sent_once_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
