/* What becomes of an op over its attempts: repeated, verified, corrected, or given up. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/attempt.h"
#include "core/clock.h"
#include "core/crc.h"
#include "core/error.h"
#include "core/fake_backend.h"
#include "core/retry.h"

#define STEPS(...) ((const struct http_step[]){__VA_ARGS__})
#define START(...) start(STEPS(__VA_ARGS__), sizeof STEPS(__VA_ARGS__) / sizeof(struct http_step))

static struct http_server *server;
static struct sat_conn *conn;
static struct sat_buf body;
static struct sat_op op;

static void start(const struct http_step *steps, size_t count)
{
    server = http_server_start(steps, count);
    conn = fake_open(http_server_url(server), "request_timeout", "10", NULL);
    op.conn = conn;
}

static int set_up(void **state)
{
    (void)state;
    fake_needs = 0;
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

/* The door counted what the server saw. */
static void assert_requests(unsigned count)
{
    assert_int_equal(http_server_requests(server), count);
    assert_int_equal(sat_conn_requests(conn), count);
    assert_int_equal(op.attempts, count);
}

static const char *abc(const char *headers)
{
    static char text[300];
    (void)snprintf(text, sizeof text, "ETag: e\r\n%s", headers);
    return fake_reply("200 OK", text, "abc");
}

/* ---- how often */

static void an_unavailable_server_is_asked_max_retries_times(void **state)
{
    (void)state;
    satchel_error err = {0};
    START({.bytes = fake_reply("503 Busy", "", "no")});
    assert_int_equal(sat_op_run(&op, &err), SATCHEL_NETWORK);
    assert_requests(3);
    assert_int_equal(err.attempts, 3);
    assert_int_equal(err.http_status, 503);
    assert_string_equal(err.endpoint, http_server_url(server));
    assert_string_equal(err.text, "HTTP 503: no");
}

static void max_retries_zero_and_one_are_one_attempt(void **state)
{
    (void)state;
    START({.bytes = fake_reply("503 Busy", "", "")});
    conn->max_retries = 1;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_NETWORK);
    conn->max_retries = 0;
    op.deadline_ns = 0;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_NETWORK);
    assert_int_equal(http_server_requests(server), 2);
}

static void a_transient_failure_is_repeated(void **state)
{
    (void)state;
    START({.bytes = fake_reply("500 Oops", "", "")}, {.then = HTTP_RESET}, {.bytes = abc("")});
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_requests(3);
    assert_string_equal(sat_buf_str(&body), "abc");
}

static void a_final_failure_is_not_repeated(void **state)
{
    (void)state;
    START({.bytes = fake_reply("404 Not Found", "", "")});
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_NOT_FOUND);
    assert_requests(1);
}

static void a_redirect_is_a_failure(void **state)
{
    (void)state;
    START({.bytes = fake_reply("301 Moved", "Location: http://127.0.0.1:1/\r\n", "")});
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_INVALID);
    assert_requests(1);
}

static void a_wish_to_wait_is_honoured(void **state)
{
    (void)state;
    START({.bytes = fake_reply("429 Slow", "retry-after-ms: 50\r\n", "")}, {.bytes = abc("")});
    int64_t begin = sat_clock_now_ns();
    op.deadline_ns = begin + 1000 * SAT_NS_PER_MS; /* cuts the 5 s of jitter */
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_true(sat_clock_now_ns() - begin >= 50 * SAT_NS_PER_MS);
    assert_requests(2);
}

static void a_wish_beyond_the_deadline_ends_the_op(void **state)
{
    (void)state;
    START({.bytes = fake_reply("429 Slow", "retry-after-ms: 60000\r\n", "")});
    int64_t begin = sat_clock_now_ns();
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_THROTTLED);
    assert_true(sat_clock_now_ns() - begin < SAT_NS_PER_S);
    assert_requests(1);
}

static void each_attempt_is_signed_anew_with_the_corrected_clock(void **state)
{
    (void)state;
    START({.bytes = fake_reply("403 Skewed", "x-skew: -3600\r\n", "")}, {.bytes = abc("")});
    sat_clock_fake_wall(5000 * SAT_NS_PER_S);
    int code = sat_op_run(&op, NULL);
    sat_clock_fake_wall(SAT_CLOCK_REAL);
    assert_int_equal(code, SATCHEL_OK);
    assert_non_null(strstr(http_server_request(server, 0), "X-Time: 5000\r\n"));
    assert_non_null(strstr(http_server_request(server, 1), "X-Time: 1400\r\n"));
    assert_int_equal(atomic_load(&conn->skew_s), -3600);
}

static void a_clock_is_corrected_once(void **state)
{
    (void)state;
    START({.bytes = fake_reply("403 Skewed", "x-skew: 10\r\n", "")});
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_DENIED);
    assert_requests(2);
}

static int fail_second(void *user, const struct sat_op *asked, satchel_error *err)
{
    (void)user;
    return asked->attempts < 2 ? SATCHEL_OK : sat_error_set(err, SATCHEL_IO, "by the test");
}

static void what_was_garbled_is_sent_once_more(void **state)
{
    (void)state;
    START({.bytes = fake_reply("422 Garbled", "", "")});
    op.kind = SAT_OP_PUT;
    op.source = sat_source_span((satchel_span){"abc", 3});
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_INTEGRITY);
    assert_requests(2);
}

/* Each correction has its own repetition. */
static void a_clock_and_a_garbled_body_are_two_things(void **state)
{
    (void)state;
    START({.bytes = fake_reply("403 Skewed", "x-skew: 10\r\n", "")},
          {.bytes = fake_reply("422 Garbled", "", "")}, {.bytes = abc("")});
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_requests(3);
}

/* ---- in an outage */

/* Runs the op so many times; the number of requests that took. */
static unsigned requests_of(unsigned ops)
{
    unsigned before = http_server_requests(server);
    for (unsigned i = 0; i < ops; i++) {
        op.deadline_ns = 0;
        (void)sat_op_run(&op, NULL);
    }
    return http_server_requests(server) - before;
}

static void an_outage_is_not_answered_with_a_storm(void **state)
{
    (void)state;
    START({.bytes = fake_reply("503 Busy", "", "")});
    conn->retry_base_ms = 0;
    assert_int_equal(requests_of(1000), 1000 + 500 / 14);
    assert_int_equal(op.err.code, SATCHEL_NETWORK); /* the first failure stands */
    assert_int_equal(op.attempts, 1);
}

static void throttling_is_not_answered_with_a_storm(void **state)
{
    (void)state;
    START({.bytes = fake_reply("429 Slow", "", "")});
    conn->retry_base_ms = 0;
    assert_int_equal(requests_of(1000), 1000 + 500 / 5);
    assert_int_equal(op.err.code, SATCHEL_THROTTLED);
}

static void corrections_are_paid_for_as_well(void **state)
{
    (void)state;
    START({.bytes = fake_reply("403 Skewed", "x-skew: 10\r\n", "")});
    assert_int_equal(requests_of(400), 400 + 500 / 14);
}

static void a_second_connection_does_not_add_to_it(void **state)
{
    (void)state;
    START({.bytes = fake_reply("503 Busy", "", "")});
    conn->retry_base_ms = 0;
    (void)requests_of(100);
    struct sat_conn *second = fake_open(http_server_url(server), NULL);
    op.conn = second;
    assert_int_equal(requests_of(10), 10);
    op.conn = conn;
    sat_conn_close(second);
}

static void answers_give_the_tokens_back(void **state)
{
    (void)state;
    enum { PAIRS = 100 };
    static struct http_step steps[3 * PAIRS];
    const char *const replies[] = {fake_reply("503 Busy", "", ""), abc(""),
                                   fake_reply("404 Not Found", "", "")};
    for (size_t i = 0; i < 3 * PAIRS; i++)
        steps[i].bytes = replies[i % 3];
    start(steps, 3 * PAIRS);
    conn->retry_base_ms = 0;
    assert_true(sat_retry_take(conn->retry_bucket, 400));
    assert_int_equal(requests_of(2 * PAIRS), 3 * PAIRS); /* each 503 was repeated */
    assert_true(sat_retry_take(conn->retry_bucket, 200));
    assert_false(sat_retry_take(conn->retry_bucket, 1)); /* 1 for each op without a repetition */
}

/* ---- adaptive */

static double limit(void)
{
    return sat_rate_limit(sat_retry_rate(conn->retry_bucket));
}

static void throttled_replies_limit_an_adaptive_connection(void **state)
{
    (void)state;
    START({.bytes = fake_reply("429 Slow", "", "")});
    conn->adaptive = true;
    conn->max_retries = 1;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_THROTTLED);
    assert_true(limit() > 0);
}

static void other_failures_do_not_limit_it(void **state)
{
    (void)state;
    START({.bytes = fake_reply("503 Busy", "", "")}, {.then = HTTP_CLOSE}, {.bytes = abc("")});
    conn->adaptive = true;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_true(limit() <= 0);
}

static void without_the_mode_nothing_is_limited(void **state)
{
    (void)state;
    START({.bytes = fake_reply("429 Slow", "", "")});
    conn->retry_base_ms = 0;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_THROTTLED);
    assert_true(limit() <= 0);
}

/* As if so many replies a second had come for the last ten, the latest throttled; no whole token is
 * left.
 */
static struct sat_rate *limit_after(unsigned per_s)
{
    struct sat_rate *rate = sat_retry_rate(conn->retry_bucket);
    int64_t now = sat_clock_now_ns();
    int64_t at = now - 10 * SAT_NS_PER_S;
    sat_rate_fini(rate);
    sat_rate_init(rate, at);
    for (; at < now; at += SAT_NS_PER_S / per_s)
        sat_rate_answered(rate, at, false);
    sat_rate_answered(rate, now, true);
    while (sat_rate_take(rate, now) == 0)
        continue;
    conn->adaptive = true;
    return rate;
}

static void what_is_held_back_is_sent_when_its_token_comes(void **state)
{
    (void)state;
    START({.bytes = abc("")});
    struct sat_rate *rate = limit_after(25); /* 17.5 a second: half a token is left */
    int64_t now = sat_clock_now_ns();
    int64_t wait_ns = sat_rate_take(rate, now);
    assert_true(wait_ns > 0);
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_true(sat_clock_now_ns() - now >= wait_ns);
    assert_requests(1);
}

static void what_is_held_back_keeps_its_order(void **state)
{
    (void)state;
    enum { OPS = 20 };
    char keys[OPS][16];
    struct sat_op ops[OPS];
    struct sat_queue *queue = NULL;
    START({.bytes = fake_reply("200 OK", "ETag: e\r\n", "")});
    (void)limit_after(100);
    assert_int_equal(sat_queue_new(&queue, NULL), SATCHEL_OK);
    for (size_t i = 0; i < OPS; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "k%02zu", i);
        ops[i] = (struct sat_op){.kind = SAT_OP_STAT, .conn = conn, .key = keys[i]};
        sat_op_submit(&ops[i], queue);
    }
    for (size_t i = 0; i < OPS; i++)
        sat_op_fini(sat_queue_wait(queue));
    sat_queue_free(queue);
    for (unsigned i = 0; i < OPS; i++)
        assert_non_null(strstr(http_server_request(server, i), keys[i]));
}

/* The endpoint takes no more for now: the request is not sent at all. */
static void what_is_held_back_ends_at_its_deadline(void **state)
{
    (void)state;
    START({.bytes = abc("")});
    (void)limit_after(1);
    int64_t begun = sat_clock_now_ns();
    op.deadline_ns = begun + 50 * SAT_NS_PER_MS;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_TIMEOUT);
    assert_true(sat_clock_now_ns() - begun < 500 * SAT_NS_PER_MS);
    assert_string_equal(op.err.text, "request_timeout passed before the request was sent");
    assert_requests(0);
}

static void the_fault_hook_is_asked_at_each_attempt(void **state)
{
    (void)state;
    satchel_error err = {0};
    START({.bytes = fake_reply("503 Busy", "", "")});
    conn->fault = fail_second;
    assert_int_equal(sat_op_run(&op, &err), SATCHEL_IO);
    assert_int_equal(http_server_requests(server), 1);
    assert_int_equal(sat_conn_requests(conn), 1);
}

/* ---- bodies */

static void a_body_that_always_stalls_is_a_timeout(void **state)
{
    (void)state;
    START(
        {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: e\r\n\r\nab", .then = HTTP_STALL});
    conn->stall_timeout_ms = 50;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_TIMEOUT);
    assert_requests(3);
}

static void crc_headers(char *out, size_t size, const char *text)
{
    char hex[SAT_CRC64_HEX_SIZE];
    sat_crc64_hex(sat_crc64(0, text, strlen(text)), hex);
    (void)snprintf(out, size, "x-crc64: %s\r\n", hex);
}

static void a_wrong_crc_is_asked_for_again(void **state)
{
    (void)state;
    char wrong[64];
    char right[64];
    static char replies[2][400];
    crc_headers(wrong, sizeof wrong, "abd");
    crc_headers(right, sizeof right, "abc");
    (void)snprintf(replies[0], sizeof replies[0], "%s", abc(wrong));
    (void)snprintf(replies[1], sizeof replies[1], "%s", abc(right));
    START({.bytes = replies[0]}, {.bytes = replies[1]});
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_requests(2);
    assert_string_equal(sat_buf_str(&body), "abc");
}

static void a_crc_that_stays_wrong_is_an_integrity_error(void **state)
{
    (void)state;
    char wrong[64];
    crc_headers(wrong, sizeof wrong, "abd");
    START({.bytes = abc(wrong)});
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_INTEGRITY);
    assert_requests(3);
}

static void a_wrong_md5_is_an_integrity_error(void **state)
{
    (void)state;
    static const char right[] = "x-md5: 900150983cd24fb0d6963f7d28e17f72\r\n";
    static const char wrong[] = "x-md5: 900150983cd24fb0d6963f7d28e17f73\r\n";
    static char replies[2][400];
    (void)snprintf(replies[0], sizeof replies[0], "%s", abc(wrong));
    (void)snprintf(replies[1], sizeof replies[1], "%s", abc(right));
    START({.bytes = replies[0]}, {.bytes = replies[1]}, {.bytes = replies[0]});
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_requests(2);
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_INTEGRITY);
}

/* The second reply tells no checksum: the first one's must not be held against it. */
static void an_attempt_forgets_what_the_one_before_told(void **state)
{
    (void)state;
    char wrong[64];
    static char first[400];
    crc_headers(wrong, sizeof wrong, "abd");
    (void)snprintf(first, sizeof first, "%s", abc(wrong));
    START({.bytes = first}, {.bytes = abc("")});
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_requests(2);
}

static void a_wrong_length_is_an_integrity_error(void **state)
{
    (void)state;
    START({.bytes = abc("x-size: 4\r\n")});
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_INTEGRITY);
    assert_requests(3);
}

static void a_range_is_counted_by_its_own_length(void **state)
{
    (void)state;
    char wrong[64]; /* a checksum of the whole object does not fit its part */
    char headers[160];
    crc_headers(wrong, sizeof wrong, "other");
    (void)snprintf(headers, sizeof headers, "ETag: e\r\nContent-Range: bytes 10-12/100\r\n%s",
                   wrong);
    START({.bytes = fake_reply("206 Partial Content", headers, "abc")});
    op.range_offset = 10;
    op.range_length = 3;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_non_null(strstr(http_server_request(server, 0), "Range: bytes=10-12\r\n"));
    op.range_length = 4;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_INTEGRITY);
}

static void a_body_over_the_memory_maximum_is_not_repeated(void **state)
{
    (void)state;
    START({.bytes = abc("")});
    body.max = 2;
    assert_true(sat_retry_take(conn->retry_bucket, SAT_RETRY_TOKENS));
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_LIMIT);
    assert_requests(1);
    assert_false(sat_retry_take(conn->retry_bucket, 1)); /* it was not answered in full */
}

/* ---- sources */

static int temporary_file(const char *text)
{
    char name[] = "/tmp/satchel-attempt-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(pwrite(fd, text, strlen(text), 0), strlen(text));
    return fd;
}

static void a_source_is_replayed_from_its_start(void **state)
{
    (void)state;
    START({.bytes = fake_reply("503 Busy", "", "")}, {.then = HTTP_CLOSE},
          {.bytes = fake_reply("200 OK", "ETag: e\r\n", "")});
    int fd = temporary_file("content");
    op.kind = SAT_OP_PUT;
    op.source = sat_source_file(fd, 0, 7);
    fake_needs = SAT_NEED_CRC64 | SAT_NEED_SHA256;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_requests(3);
    for (unsigned i = 0; i < 3; i++)
        assert_non_null(strstr(http_server_request(server, i), "\r\n\r\ncontent"));
    assert_string_equal(op.info.etag, "e");
    (void)close(fd);
}

static void moved_bytes_are_counted_and_taken_back(void **state)
{
    (void)state;
    atomic_uint_least64_t moved = 0;
    START(
        {.bytes = fake_reply("503 Busy", "", "error")}, {.then = HTTP_CLOSE},
        {.bytes = fake_reply("200 OK", "ETag: e\r\n", "")},
        {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: e\r\n\r\nab", .then = HTTP_CLOSE},
        {.bytes = abc("")});
    op.moved = &moved;
    op.kind = SAT_OP_PUT;
    op.source = sat_source_span((satchel_span){.data = "content", .len = 7});
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_int_equal(atomic_load(&moved), 7);
    struct sat_op get = {.kind = SAT_OP_GET,
                         .conn = conn,
                         .key = "k",
                         .sink = sat_sink_memory(&body),
                         .moved = &moved};
    assert_int_equal(sat_op_run(&get, NULL), SATCHEL_OK);
    assert_true(get.attempts > 1);
    assert_int_equal(atomic_load(&moved), 7 + 3);
    sat_op_fini(&get);
}

/* What the store says it holds after a PUT is held against what was sent. */
static void a_put_that_the_store_garbled_is_repeated(void **state)
{
    (void)state;
    static char replies[2][400];
    (void)snprintf(replies[0], sizeof replies[0], "%s",
                   fake_reply("200 OK", "ETag: e\r\nx-crc64: 0000000000000001\r\n", ""));
    (void)snprintf(
        replies[1], sizeof replies[1], "%s",
        fake_reply("200 OK", "ETag: e\r\nx-md5: 900150983cd24fb0d6963f7d28e17f72\r\n", ""));
    START({.bytes = replies[0]}, {.bytes = replies[1]});
    op.kind = SAT_OP_PUT;
    op.source = sat_source_span((satchel_span){"abc", 3});
    fake_needs = SAT_NEED_CRC64;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_requests(2);
}

static void a_put_whose_etag_is_another_md5_is_an_integrity_error(void **state)
{
    (void)state;
    START({.bytes =
               fake_reply("200 OK", "ETag: e\r\nx-md5: 900150983cd24fb0d6963f7d28e17f73\r\n", "")});
    op.kind = SAT_OP_PUT;
    op.source = sat_source_span((satchel_span){"abc", 3});
    fake_needs = 0;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_INTEGRITY);
    assert_requests(3);
}

static int rewrite(void *user, const struct sat_op *asked, satchel_error *err)
{
    (void)asked;
    (void)err;
    assert_int_equal(pwrite(*(int *)user, "CHANGED", 7, 0), 7);
    return SATCHEL_OK;
}

static void a_file_that_changes_after_hashing_is_not_stored(void **state)
{
    (void)state;
    static const unsigned needs[] = {SAT_NEED_CRC64, SAT_NEED_SHA256,
                                     SAT_NEED_CRC64 | SAT_NEED_SHA256};
    START({.bytes = fake_reply("200 OK", "ETag: e\r\n", "")});
    conn->fault = rewrite; /* runs after the digest was taken, before the body leaves */
    for (size_t i = 0; i < 3; i++) {
        int fd = temporary_file("content");
        conn->fault_user = &fd;
        fake_needs = needs[i];
        op = (struct sat_op){
            .kind = SAT_OP_PUT, .conn = conn, .key = "k", .source = sat_source_file(fd, 0, 7)};
        assert_int_equal(sat_op_run(&op, NULL), SATCHEL_MODIFIED);
        assert_int_equal(op.attempts, 1);
        (void)close(fd);
    }
    assert_int_equal(http_server_requests(server), 0);
}

static void a_file_that_is_shorter_than_told_is_modified(void **state)
{
    (void)state;
    START({.bytes = fake_reply("200 OK", "ETag: e\r\n", "")});
    int fd = temporary_file("content");
    op.kind = SAT_OP_PUT;
    op.source = sat_source_file(fd, 0, 100);
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_MODIFIED);
    fake_needs = SAT_NEED_CRC64;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_MODIFIED);
    assert_int_equal(http_server_requests(server), 0);
    (void)close(fd);
}

static void digests_of_spans_and_files_agree(void **state)
{
    (void)state;
    START({.then = HTTP_CLOSE});
    int fd = temporary_file("content");
    struct sat_request requests[2];
    const struct sat_source sources[] = {
        sat_source_span((satchel_span){.data = "content", .len = 7}), sat_source_file(fd, 0, 7)};
    fake_needs = SAT_NEED_CRC64 | SAT_NEED_SHA256;
    op.kind = SAT_OP_PUT;
    for (size_t i = 0; i < 2; i++) {
        op.source = sources[i];
        assert_int_equal(sat_attempt_hash_is_long(&op), i == 1);
        assert_int_equal(sat_attempt_new(conn->engine, &op), SATCHEL_OK);
        assert_int_equal(sat_attempt_hash(&op, NULL), SATCHEL_OK);
        requests[i] = op.attempt->request;
        sat_attempt_free(op.attempt);
        op.attempt = NULL;
        assert_true(requests[i].has_crc64 && requests[i].has_sha256);
        assert_true(requests[i].crc64 == sat_crc64(0, "content", 7));
    }
    assert_memory_equal(requests[0].sha256, requests[1].sha256, 32);
    (void)close(fd);
}

static void a_cancelled_op_is_not_hashed_to_its_end(void **state)
{
    (void)state;
    START({.then = HTTP_CLOSE});
    fake_needs = SAT_NEED_CRC64;
    op.kind = SAT_OP_PUT;
    op.source = sat_source_span((satchel_span){.data = "content", .len = 7});
    assert_int_equal(sat_attempt_new(conn->engine, &op), SATCHEL_OK);
    sat_op_cancel(&op);
    assert_int_equal(sat_attempt_hash(&op, NULL), SATCHEL_CANCELLED);
    sat_attempt_free(op.attempt);
    op.attempt = NULL;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_unavailable_server_is_asked_max_retries_times),
        TEST(max_retries_zero_and_one_are_one_attempt),
        TEST(a_transient_failure_is_repeated),
        TEST(a_final_failure_is_not_repeated),
        TEST(a_redirect_is_a_failure),
        TEST(a_wish_to_wait_is_honoured),
        TEST(a_wish_beyond_the_deadline_ends_the_op),
        TEST(each_attempt_is_signed_anew_with_the_corrected_clock),
        TEST(a_clock_is_corrected_once),
        TEST(what_was_garbled_is_sent_once_more),
        TEST(a_clock_and_a_garbled_body_are_two_things),
        TEST(an_outage_is_not_answered_with_a_storm),
        TEST(throttling_is_not_answered_with_a_storm),
        TEST(corrections_are_paid_for_as_well),
        TEST(a_second_connection_does_not_add_to_it),
        TEST(answers_give_the_tokens_back),
        TEST(throttled_replies_limit_an_adaptive_connection),
        TEST(other_failures_do_not_limit_it),
        TEST(without_the_mode_nothing_is_limited),
        TEST(what_is_held_back_is_sent_when_its_token_comes),
        TEST(what_is_held_back_keeps_its_order),
        TEST(what_is_held_back_ends_at_its_deadline),
        TEST(the_fault_hook_is_asked_at_each_attempt),
        TEST(a_body_that_always_stalls_is_a_timeout),
        TEST(a_wrong_crc_is_asked_for_again),
        TEST(a_crc_that_stays_wrong_is_an_integrity_error),
        TEST(a_wrong_md5_is_an_integrity_error),
        TEST(an_attempt_forgets_what_the_one_before_told),
        TEST(a_wrong_length_is_an_integrity_error),
        TEST(a_put_that_the_store_garbled_is_repeated),
        TEST(a_put_whose_etag_is_another_md5_is_an_integrity_error),
        TEST(a_range_is_counted_by_its_own_length),
        TEST(a_body_over_the_memory_maximum_is_not_repeated),
        TEST(a_source_is_replayed_from_its_start),
        TEST(moved_bytes_are_counted_and_taken_back),
        TEST(a_file_that_changes_after_hashing_is_not_stored),
        TEST(a_file_that_is_shorter_than_told_is_modified),
        TEST(digests_of_spans_and_files_agree),
        TEST(a_cancelled_op_is_not_hashed_to_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
