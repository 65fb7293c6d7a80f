/* One exchange at a time on the HTTP client, against the scripted server. */
#include "support/test.h"

#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/crc.h"
#include "core/digest.h"
#include "core/error.h"
#include "core/fake_backend.h"
#include "core/http.h"
#include "core/tls_server.h"
#include "core/worker.h"

#define STEPS(...) ((const struct http_step[]){__VA_ARGS__})
#define START(...) start(STEPS(__VA_ARGS__), sizeof STEPS(__VA_ARGS__) / sizeof(struct http_step))

/* What curl's resolver thread calls: names below .test are this machine's. */
__attribute__((visibility("default"))) int getaddrinfo(const char *name, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **found)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    bool ours = name != NULL && strstr(name, ".test") != NULL;
    return real(ours ? "127.0.0.1" : name, service, hints, found);
}

static struct http_server *server;
static struct sat_http *http;
static struct sat_endpoint endpoint;
static struct sat_request request;
static struct sat_exchange exchange;
static struct sat_source source;

static void start(const struct http_step *steps, size_t count)
{
    server = http_server_start(steps, count);
    memset(&endpoint, 0, sizeof endpoint);
    (void)strncpy(endpoint.url, http_server_url(server), sizeof endpoint.url - 1);
}

static int set_up(void **state)
{
    (void)state;
    server = NULL;
    source = (struct sat_source){0};
    sat_request_init(&request);
    sat_exchange_init(&exchange);
    exchange.endpoint = &endpoint;
    exchange.connect_timeout_ms = 5000;
    exchange.response_timeout_ms = 5000;
    exchange.stall_timeout_ms = 5000;
    exchange.request = &request;
    exchange.source = &source;
    (void)sat_buf_add_str(&request.path, "/p");
    return sat_http_new(4, &http, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    sat_http_free(http);
    sat_exchange_fini(&exchange);
    sat_request_fini(&request);
    if (server != NULL)
        http_server_stop(server);
    return 0;
}

/* Runs the exchange to its end; the milliseconds it took. */
static int64_t run(void)
{
    int64_t begin = sat_clock_now_ns();
    if (exchange.deadline_ns == 0)
        exchange.deadline_ns = begin + 20 * SAT_NS_PER_S;
    assert_int_equal(sat_http_start(http, &exchange, NULL), SATCHEL_OK);
    struct sat_exchange *came = NULL;
    while ((came = sat_http_next(http)) == NULL)
        sat_http_poll(http, 1000);
    assert_ptr_equal(came, &exchange);
    assert_null(sat_http_next(http));
    return (sat_clock_now_ns() - begin) / SAT_NS_PER_MS;
}

static void put_span(const char *text)
{
    request.method = "PUT";
    request.body_is_source = true;
    source = sat_source_span((satchel_span){.data = text, .len = strlen(text)});
}

static void a_reply_comes_with_status_headers_and_body(void **state)
{
    (void)state;
    START({.bytes = fake_reply("404 Not Found", "X-A: 1\r\n", "gone")});
    run();
    assert_int_equal(exchange.err.code, SATCHEL_OK);
    assert_int_equal(exchange.reply.status, 404);
    assert_string_equal(sat_reply_header(&exchange.reply, "x-a"), "1");
    assert_string_equal(sat_buf_str(&exchange.reply.body), "gone");
    assert_int_equal(exchange.reply.received, 4);
    assert_true(exchange.sent);
}

static void a_request_is_sent_as_built(void **state)
{
    (void)state;
    START({.bytes = fake_reply("200 OK", "", "")});
    (void)sat_buf_reset(&request.path);
    (void)sat_buf_add_str(&request.path, "/a/../b//c%20d");
    (void)sat_buf_add_str(&request.query, "x=1&y=%2F");
    (void)sat_request_header(&request, "X-Full", "v");
    (void)sat_request_header(&request, "X-Empty", "");
    put_span("body");
    run();
    const char *sent = http_server_request(server, 0);
    assert_int_equal(strncmp(sent, "PUT /a/../b//c%20d?x=1&y=%2F HTTP/1.1\r\n", 39), 0);
    assert_non_null(strstr(sent, "\r\nX-Full: v\r\n"));
    assert_non_null(strstr(sent, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(sent, "\r\nContent-Length: 4\r\n"));
    assert_non_null(strstr(sent, "\r\nUser-Agent: satchel/"));
    assert_non_null(strstr(sent, "\r\n\r\nbody"));
    assert_null(strstr(sent, "Expect"));
    assert_null(strstr(sent, "Accept"));
    assert_null(strstr(sent, "Content-Type"));
    assert_null(strstr(sent, "Transfer-Encoding"));
}

static void an_empty_body_has_its_length(void **state)
{
    (void)state;
    START({.bytes = fake_reply("200 OK", "", "")});
    put_span("");
    run();
    assert_non_null(strstr(http_server_request(server, 0), "\r\nContent-Length: 0\r\n"));
    assert_true(exchange.sent);
}

static void a_head_reply_has_no_body(void **state)
{
    (void)state;
    START({.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"});
    request.method = "HEAD";
    run();
    assert_int_equal(exchange.err.code, SATCHEL_OK);
    assert_string_equal(sat_reply_header(&exchange.reply, "content-length"), "1000");
}

static void a_connection_is_kept(void **state)
{
    (void)state;
    START({.bytes = fake_reply("200 OK", "", "x")});
    for (int i = 0; i < 5; i++)
        run();
    assert_int_equal(http_server_requests(server), 5);
    assert_int_equal(http_server_connections(server), 1);
}

static void an_interim_head_is_not_the_reply(void **state)
{
    (void)state;
    START({.bytes = "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n"
                    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"});
    put_span("body");
    run();
    assert_int_equal(exchange.reply.status, 200);
    assert_null(sat_reply_header(&exchange.reply, "x-early"));
    assert_string_equal(sat_buf_str(&exchange.reply.body), "x");
}

static void a_redirect_is_not_followed(void **state)
{
    (void)state;
    START({.bytes = fake_reply("307 Temporary Redirect", "Location: http://127.0.0.1:1/\r\n", "")});
    run();
    assert_int_equal(exchange.err.code, SATCHEL_OK);
    assert_int_equal(exchange.reply.status, 307);
    assert_int_equal(http_server_requests(server), 1);
}

static void a_cut_body_is_a_failure_of_the_network(void **state)
{
    (void)state;
    START({.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", .then = HTTP_CLOSE},
          {.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
           .then = HTTP_CLOSE},
          {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", .then = HTTP_RESET},
          {.bytes = "not http at all\r\n\r\n", .then = HTTP_CLOSE},
          {.bytes = "HTTP/1.1 200 O", .then = HTTP_CLOSE},
          {.bytes = "HTTP/1.1 200 OK\r\nContent-Len", .then = HTTP_CLOSE}, {.then = HTTP_CLOSE},
          {.then = HTTP_RESET});
    for (int i = 0; i < 8; i++) {
        run();
        assert_int_equal(exchange.err.code, SATCHEL_NETWORK);
        assert_true(exchange.retryable);
        assert_true(exchange.sent);
        assert_non_null(strstr(exchange.err.text, endpoint.url));
    }
    assert_int_equal(http_server_requests(server), 8);
}

/* (1) of http.c: the kept connection dies when used; curl would send the request again. */
static void a_request_never_leaves_twice(void **state)
{
    (void)state;
    START({.bytes = fake_reply("200 OK", "", "")}, {.then = HTTP_CLOSE},
          {.bytes = fake_reply("200 OK", "", "")});
    run();
    assert_int_equal(exchange.err.code, SATCHEL_OK);
    put_span("body");
    run();
    assert_int_equal(exchange.err.code, SATCHEL_NETWORK);
    assert_true(exchange.retryable);
    assert_true(exchange.sent);
    assert_int_equal(http_server_requests(server), 2);
}

static void a_get_never_leaves_twice_either(void **state)
{
    (void)state;
    START({.bytes = fake_reply("200 OK", "", "")}, {.then = HTTP_CLOSE},
          {.bytes = fake_reply("200 OK", "", "")});
    run();
    run();
    assert_int_equal(exchange.err.code, SATCHEL_NETWORK);
    assert_int_equal(http_server_requests(server), 2);
}

static void a_refused_connection_was_not_sent(void **state)
{
    (void)state;
    START({.then = HTTP_CLOSE});
    http_server_stop(server);
    server = NULL;
    run();
    assert_int_equal(exchange.err.code, SATCHEL_NETWORK);
    assert_true(exchange.retryable);
    assert_false(exchange.sent);
    assert_non_null(strstr(exchange.err.text, "endpoint_url"));
}

static void a_body_that_did_not_leave_whole_was_not_sent(void **state)
{
    (void)state;
    enum { LARGE = 8 * 1024 * 1024 };
    static char large[LARGE];
    START({.then = HTTP_RESET, .at_head = true});
    request.method = "PUT";
    request.body_is_source = true;
    source = sat_source_span((satchel_span){.data = large, .len = LARGE});
    run();
    assert_int_equal(exchange.err.code, SATCHEL_NETWORK);
    assert_false(exchange.sent);
}

static void no_reply_is_a_timeout(void **state)
{
    (void)state;
    START({.then = HTTP_STALL});
    exchange.response_timeout_ms = 100;
    assert_in_range(run(), 100, 1500);
    assert_int_equal(exchange.err.code, SATCHEL_TIMEOUT);
    assert_non_null(strstr(exchange.err.text, "response_timeout"));
    assert_true(exchange.retryable);
    assert_true(exchange.sent);
}

static void a_body_that_stalls_is_a_timeout(void **state)
{
    (void)state;
    START({.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", .then = HTTP_STALL});
    exchange.stall_timeout_ms = 100;
    assert_in_range(run(), 100, 1500);
    assert_int_equal(exchange.err.code, SATCHEL_TIMEOUT);
    assert_non_null(strstr(exchange.err.text, "stall_timeout"));
}

static void *release_late(void *arg)
{
    (void)arg;
    http_server_wait(server, 1);
    (void)usleep(700 * 1000); /* longer than curl's own timers after a connection */
    http_server_release(server);
    return NULL;
}

/* The resolver's thread tells curl by a descriptor, whose number the connection then gets. */
static void a_host_that_was_looked_up_is_waited_for_like_another(void **state)
{
    (void)state;
    unsigned long thread;
    START({.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha", .rest = "lf"});
    const char *port = strrchr(http_server_url(server), ':');
    (void)snprintf(endpoint.url, sizeof endpoint.url, "http://store.test%s", port);
    exchange.stall_timeout_ms = 2500;
    exchange.response_timeout_ms = 2500;
    assert_int_equal(sat_thread_start(release_late, NULL, &thread, NULL), SATCHEL_OK);
    (void)run();
    if (exchange.err.code != SATCHEL_OK)
        fail_msg("%s", exchange.err.text);
    sat_thread_join(thread);
    assert_string_equal(sat_buf_str(&exchange.reply.body), "half");
}

/* A slow disk: the rest of the other body is there long before we look again. */
static int hold_up(struct sat_exchange *held, satchel_error *err)
{
    int64_t until = sat_clock_now_ns() + 300 * SAT_NS_PER_MS;
    (void)held;
    (void)err;
    http_server_release(server);
    while (sat_clock_now_ns() < until)
        continue;
    return SATCHEL_OK;
}

static void bytes_that_waited_for_us_are_not_late(void **state)
{
    (void)state;
    struct sat_exchange other;
    START({.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha", .rest = "lf"},
          {.bytes = fake_reply("200 OK", "", "")});
    sat_exchange_init(&other);
    exchange.stall_timeout_ms = 200;
    exchange.deadline_ns = sat_clock_now_ns() + 20 * SAT_NS_PER_S;
    other = (struct sat_exchange){.endpoint = &endpoint,
                                  .connect_timeout_ms = 5000,
                                  .response_timeout_ms = 5000,
                                  .stall_timeout_ms = 5000,
                                  .deadline_ns = exchange.deadline_ns,
                                  .request = &request,
                                  .source = &source,
                                  .on_head = hold_up,
                                  .reply = other.reply};
    assert_int_equal(sat_http_start(http, &exchange, NULL), SATCHEL_OK);
    while (exchange.reply.received < 2)
        sat_http_poll(http, 1000);
    assert_int_equal(sat_http_start(http, &other, NULL), SATCHEL_OK);
    for (unsigned done = 0; done < 2; done += sat_http_next(http) != NULL)
        sat_http_poll(http, 1000);
    assert_int_equal(other.err.code, SATCHEL_OK);
    assert_int_equal(exchange.err.code, SATCHEL_OK);
    assert_string_equal(sat_buf_str(&exchange.reply.body), "half");
    sat_exchange_fini(&other);
}

static void an_upload_that_nobody_reads_is_a_timeout(void **state)
{
    (void)state;
    enum { LARGE = 32 * 1024 * 1024 };
    static char large[LARGE];
    START({.then = HTTP_STALL, .at_head = true});
    request.method = "PUT";
    request.body_is_source = true;
    source = sat_source_span((satchel_span){.data = large, .len = LARGE});
    exchange.stall_timeout_ms = 100;
    assert_in_range(run(), 100, 1500);
    assert_int_equal(exchange.err.code, SATCHEL_TIMEOUT);
    assert_non_null(strstr(exchange.err.text, "stall_timeout"));
    assert_false(exchange.sent);
}

static void the_deadline_ends_all(void **state)
{
    (void)state;
    START({.then = HTTP_STALL});
    exchange.deadline_ns = sat_clock_now_ns() + 150 * SAT_NS_PER_MS;
    assert_in_range(run(), 100, 1150);
    assert_int_equal(exchange.err.code, SATCHEL_TIMEOUT);
    assert_non_null(strstr(exchange.err.text, "request_timeout"));
}

static void an_abort_ends_an_exchange_once(void **state)
{
    (void)state;
    START({.then = HTTP_STALL}, {.bytes = fake_reply("200 OK", "", "")});
    exchange.deadline_ns = sat_clock_now_ns() + 20 * SAT_NS_PER_S;
    assert_int_equal(sat_http_start(http, &exchange, NULL), SATCHEL_OK);
    while (http_server_requests(server) == 0)
        sat_http_poll(http, 10);
    sat_http_abort(http, &exchange, SATCHEL_CANCELLED, "cancelled");
    assert_ptr_equal(sat_http_next(http), &exchange);
    assert_null(sat_http_next(http));
    assert_int_equal(exchange.err.code, SATCHEL_CANCELLED);
    assert_false(exchange.retryable);
    exchange.deadline_ns = 0;
    run();
    assert_int_equal(exchange.err.code, SATCHEL_OK);
}

/* ---- bodies */

static void a_sink_takes_bodies_of_success_only(void **state)
{
    (void)state;
    SAT_AUTO_BUF struct sat_buf memory;
    sat_buf_init(&memory, 100);
    struct sat_sink sink = sat_sink_memory(&memory);
    START({.bytes = fake_reply("500 Oops", "", "error")},
          {.bytes = fake_reply("200 OK", "", "content")});
    exchange.sink = &sink;
    run();
    assert_string_equal(sat_buf_str(&exchange.reply.body), "error");
    assert_int_equal(sink.received, 0);
    run();
    assert_string_equal(sat_buf_str(&memory), "content");
    assert_int_equal(exchange.reply.body.len, 0);
    sat_sink_fini(&sink);
}

static void a_full_sink_ends_the_exchange(void **state)
{
    (void)state;
    SAT_AUTO_BUF struct sat_buf memory;
    sat_buf_init(&memory, 3);
    struct sat_sink sink = sat_sink_memory(&memory);
    START({.bytes = fake_reply("200 OK", "", "content")});
    exchange.sink = &sink;
    run();
    assert_int_equal(exchange.err.code, SATCHEL_LIMIT);
    assert_false(exchange.retryable);
    sat_sink_fini(&sink);
}

static int refuse_head(struct sat_exchange *refused, satchel_error *err)
{
    assert_string_equal(sat_reply_header(&refused->reply, "x-a"), "1");
    return sat_error_set(err, SATCHEL_MODIFIED, "not this one");
}

static void a_refused_head_ends_the_exchange_before_its_body(void **state)
{
    (void)state;
    START({.bytes = fake_reply("200 OK", "X-A: 1\r\n", "content")});
    exchange.on_head = refuse_head;
    run();
    assert_int_equal(exchange.err.code, SATCHEL_MODIFIED);
    assert_string_equal(exchange.err.text, "not this one");
    assert_int_equal(exchange.reply.received, 0);
}

static void a_head_that_has_no_end_is_refused(void **state)
{
    (void)state;
    enum { LARGE = 290 * 1024, LINE = 1024 };
    static char text[LARGE + 64];
    size_t at = (size_t)snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\n");
    for (; at < LARGE; at += LINE) {
        memset(text + at, 'h', LINE);
        memcpy(text + at, "X: ", 3);
        memcpy(text + at + LINE - 2, "\r\n", 2);
    }
    START({.bytes = text, .len = at, .then = HTTP_STALL});
    run();
    assert_int_equal(exchange.err.code, SATCHEL_LIMIT);
}

/* ---- (4): files that change between their hashing and their sending */

static int make_file(const char *text)
{
    char name[] = "/tmp/satchel-http-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(pwrite(fd, text, strlen(text), 0), strlen(text));
    request.method = "PUT";
    request.body_is_source = true;
    source = sat_source_file(fd, 0, strlen(text));
    return fd;
}

static void an_unchanged_file_is_sent(void **state)
{
    (void)state;
    START({.bytes = fake_reply("200 OK", "", "")});
    int fd = make_file("content");
    request.has_crc64 = true;
    request.crc64 = sat_crc64(0, "content", 7);
    request.has_sha256 = true;
    run();
    assert_int_equal(exchange.err.code, SATCHEL_OK);
    request.has_crc64 = false;
    sat_sha256((satchel_span){.data = "content", .len = 7}, request.sha256);
    run();
    assert_int_equal(exchange.err.code, SATCHEL_OK);
    assert_non_null(strstr(http_server_request(server, 1), "\r\n\r\ncontent"));
    (void)close(fd);
}

static void a_changed_file_never_leaves_whole(void **state)
{
    (void)state;
    START({.bytes = fake_reply("200 OK", "", "")});
    int fd = make_file("content");
    request.has_crc64 = true;
    request.crc64 = sat_crc64(0, "before!", 7);
    run();
    assert_int_equal(exchange.err.code, SATCHEL_MODIFIED);
    assert_false(exchange.retryable);
    assert_false(exchange.sent);
    request.has_crc64 = false;
    request.has_sha256 = true;
    run();
    assert_int_equal(exchange.err.code, SATCHEL_MODIFIED);
    assert_int_equal(http_server_requests(server), 0);
    (void)close(fd);
}

/* ---- TLS */

static struct tls_server *start_tls(const char *address)
{
    struct tls_server *tls = tls_server_start(address);
    (void)snprintf(endpoint.url, sizeof endpoint.url, "%s", tls_server_url(tls));
    return tls;
}

static void assert_not_trusted(void)
{
    run();
    assert_int_equal(exchange.err.code, SATCHEL_NETWORK);
    assert_false(exchange.retryable);
    assert_false(exchange.sent);
    assert_non_null(strstr(exchange.err.text, "ca_file"));
}

static void an_unknown_authority_is_refused(void **state)
{
    (void)state;
    struct tls_server *tls = start_tls("127.0.0.1");
    assert_not_trusted();
    exchange.ca_file = tls_server_ca_file(tls);
    run();
    assert_int_equal(exchange.err.code, SATCHEL_OK);
    assert_int_equal(exchange.reply.status, 200);
    exchange.ca_file = NULL;
    tls_server_stop(tls);
}

static void a_certificate_of_another_host_is_refused(void **state)
{
    (void)state;
    struct tls_server *tls = start_tls("127.0.0.2");
    exchange.ca_file = tls_server_ca_file(tls);
    assert_not_trusted();
    exchange.insecure = true;
    run();
    assert_int_equal(exchange.err.code, SATCHEL_OK);
    exchange.ca_file = NULL;
    tls_server_stop(tls);
}

static void a_missing_ca_file_is_told(void **state)
{
    (void)state;
    struct tls_server *tls = start_tls("127.0.0.1");
    exchange.ca_file = "/nope/ca.pem";
    assert_not_trusted();
    exchange.ca_file = NULL;
    tls_server_stop(tls);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reply_comes_with_status_headers_and_body),
        TEST(a_request_is_sent_as_built),
        TEST(an_empty_body_has_its_length),
        TEST(a_head_reply_has_no_body),
        TEST(a_connection_is_kept),
        TEST(an_interim_head_is_not_the_reply),
        TEST(a_redirect_is_not_followed),
        TEST(a_cut_body_is_a_failure_of_the_network),
        TEST(a_request_never_leaves_twice),
        TEST(a_get_never_leaves_twice_either),
        TEST(a_refused_connection_was_not_sent),
        TEST(a_body_that_did_not_leave_whole_was_not_sent),
        TEST(no_reply_is_a_timeout),
        TEST(a_body_that_stalls_is_a_timeout),
        TEST(bytes_that_waited_for_us_are_not_late),
        TEST(a_host_that_was_looked_up_is_waited_for_like_another),
        TEST(an_upload_that_nobody_reads_is_a_timeout),
        TEST(the_deadline_ends_all),
        TEST(an_abort_ends_an_exchange_once),
        TEST(a_sink_takes_bodies_of_success_only),
        TEST(a_full_sink_ends_the_exchange),
        TEST(a_refused_head_ends_the_exchange_before_its_body),
        TEST(a_head_that_has_no_end_is_refused),
        TEST(an_unchanged_file_is_sent),
        TEST(a_changed_file_never_leaves_whole),
        TEST(an_unknown_authority_is_refused),
        TEST(a_certificate_of_another_host_is_refused),
        TEST(a_missing_ca_file_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
