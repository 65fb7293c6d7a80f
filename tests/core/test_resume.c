/* A GET whose body is cut goes on where it was cut, with the same version or not at all. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/crc.h"
#include "core/fake_backend.h"
#include "core/resume.h"
#include "core/retry.h"

#define STEPS(...) ((const struct http_step[]){__VA_ARGS__})
#define START(...) start(STEPS(__VA_ARGS__), sizeof STEPS(__VA_ARGS__) / sizeof(struct http_step))
#define TEXT       "abcdefghij"
#define OBJECT     .object = TEXT, .headers = "ETag: e\r\n"
/* The object's body ends after so many bytes. */
#define CUT(n) OBJECT, .cut = (n), .then = HTTP_CLOSE

static struct http_server *server;
static struct sat_conn *conn;
static struct sat_buf body;
static struct sat_op op;

static void start(const struct http_step *steps, size_t count)
{
    server = http_server_start(steps, count);
    conn = fake_open(http_server_url(server), "request_timeout", "20", NULL);
    op.conn = conn;
}

static int set_up(void **state)
{
    (void)state;
    sat_buf_init(&body, (size_t)16 * 1024 * 1024);
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

static bool asked(unsigned request, const char *header)
{
    return strstr(http_server_request(server, request), header) != NULL;
}

/* The object came whole, and the op's inputs are as they were. */
static void assert_whole(unsigned requests)
{
    satchel_error err = {0};
    if (sat_op_run(&op, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    assert_int_equal(op.attempts, requests);
    assert_int_equal(http_server_requests(server), requests);
    assert_string_equal(sat_buf_str(&body), TEXT);
    assert_int_equal(op.info.size, strlen(TEXT));
    assert_int_equal(op.range_offset, 0);
    assert_int_equal(op.range_length, 0);
    assert_null(op.if_match);
}

static void assert_fails(int code, unsigned requests)
{
    assert_int_equal(sat_op_run(&op, NULL), code);
    assert_int_equal(http_server_requests(server), requests);
    assert_int_equal(op.range_offset, 0);
    assert_null(op.if_match);
}

/* ---- going on */

static void a_cut_body_goes_on_from_its_last_byte(void **state)
{
    (void)state;
    START({CUT(4)}, {OBJECT});
    assert_whole(2);
    assert_false(asked(0, "Range:"));
    assert_false(asked(0, "If-Match:"));
    assert_true(asked(1, "Range: bytes=4-\r\n"));
    assert_true(asked(1, "If-Match: e\r\n"));
}

static void what_came_before_the_cut_stays_counted(void **state)
{
    (void)state;
    atomic_uint_least64_t moved = 0;
    struct sat_queue *queue = NULL;
    START({CUT(4)}, {.bytes = "HTTP/1.1 206 Partial\r\nContent-Range: bytes 4-9/10\r\nETag: e\r\n"
                              "Content-Length: 6\r\n\r\n",
                     .rest = "efghij"});
    assert_int_equal(sat_queue_new(&queue, NULL), SATCHEL_OK);
    op.moved = &moved;
    sat_op_submit(&op, queue);
    http_server_wait(server, 2);
    assert_int_equal(atomic_load(&moved), 4);
    http_server_release(server);
    assert_ptr_equal(sat_queue_wait(queue), &op);
    assert_int_equal(op.err.code, SATCHEL_OK);
    assert_int_equal(atomic_load(&moved), 10);
    sat_queue_free(queue);
}

static void it_may_be_cut_at_any_byte_in_any_way(void **state)
{
    (void)state;
    static const enum http_then ways[] = {HTTP_CLOSE, HTTP_RESET};
    struct http_step steps[2 * 9 * 2];
    size_t count = 0;
    for (size_t way = 0; way < 2; way++) {
        for (size_t n = 1; n <= 9; n++) {
            steps[count++] = (struct http_step){OBJECT, .cut = n, .then = ways[way]};
            steps[count++] = (struct http_step){OBJECT};
        }
    }
    start(steps, count);
    for (size_t done = 0; done < count; done += 2) {
        op.deadline_ns = 0;
        assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
        assert_int_equal(http_server_requests(server), done + 2);
        assert_string_equal(sat_buf_str(&body), TEXT);
    }
}

static void a_body_that_stalls_goes_on(void **state)
{
    (void)state;
    START({OBJECT, .cut = 4, .then = HTTP_STALL}, {OBJECT});
    conn->stall_timeout_ms = 200;
    assert_whole(2);
    assert_true(asked(1, "Range: bytes=4-\r\n"));
}

static void it_may_be_cut_twice(void **state)
{
    (void)state;
    START({CUT(4)}, {CUT(3)}, {OBJECT});
    assert_whole(3);
    assert_true(asked(2, "Range: bytes=7-\r\n"));
}

static void what_came_outlasts_a_failure_between(void **state)
{
    (void)state;
    START({CUT(4)}, {.bytes = fake_reply("503 Busy", "", "not of the object")}, {OBJECT});
    assert_whole(3);
    assert_true(asked(2, "Range: bytes=4-\r\n"));
}

static void a_range_goes_on_within_its_bounds(void **state)
{
    (void)state;
    START({CUT(3)}, {OBJECT});
    op.range_offset = 2;
    op.range_length = 6;
    op.if_match = "e";
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_true(asked(0, "Range: bytes=2-7\r\n"));
    assert_true(asked(1, "Range: bytes=5-7\r\n"));
    assert_true(asked(1, "If-Match: e\r\n"));
    assert_string_equal(sat_buf_str(&body), "cdefgh");
    assert_int_equal(op.range_offset, 2);
    assert_int_equal(op.range_length, 6);
    assert_string_equal(op.if_match, "e");
}

static void a_file_is_put_together_as_well(void **state)
{
    (void)state;
    enum { SIZE = 3 * 256 * 1024 + 11, FIRST = 256 * 1024 + 7 };
    static char text[SIZE];
    static char found[SIZE + 1];
    char name[] = "/tmp/satchel-resume-XXXXXX";
    int fd = mkstemp(name);
    assert_true(fd >= 0);
    assert_int_equal(unlink(name), 0);
    for (size_t i = 0; i < SIZE; i++)
        text[i] = (char)(i * 31 % 251);
    START({.object = text, .len = SIZE, .headers = "ETag: e\r\n", .cut = FIRST, .then = HTTP_CLOSE},
          {.object = text, .len = SIZE, .headers = "ETag: e\r\n"});
    op.sink = sat_sink_file(fd, 0);
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_true(asked(1, "Range: bytes=262151-\r\n"));
    assert_int_equal(pread(fd, found, sizeof found, 0), SIZE);
    assert_memory_equal(found, text, SIZE);
    (void)close(fd);
}

static void an_attempt_that_moved_a_mebibyte_does_not_count(void **state)
{
    (void)state;
    enum { MIB = 1024 * 1024, SIZE = 6 * MIB + 1 };
    static char text[SIZE];
    const struct http_step cut = {
        .object = text, .len = SIZE, .headers = "ETag: e\r\n", .cut = MIB, .then = HTTP_CLOSE};
    START(cut);
    assert_true(sat_retry_take(conn->retry_bucket, SAT_RETRY_TOKENS)); /* nor does it cost any */
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_int_equal(op.attempts, 7);
    assert_int_equal(body.len, SIZE);
}

static void an_attempt_that_moved_less_counts(void **state)
{
    (void)state;
    enum { MIB = 1024 * 1024, SIZE = 6 * MIB };
    static char text[SIZE];
    START({.object = text,
           .len = SIZE,
           .headers = "ETag: e\r\n",
           .cut = MIB - 1,
           .then = HTTP_CLOSE});
    assert_fails(SATCHEL_NETWORK, 3);
}

static void a_body_that_is_always_cut_is_given_up(void **state)
{
    (void)state;
    START({CUT(1)});
    assert_fails(SATCHEL_NETWORK, 3);
}

static void no_repetition_is_no_going_on(void **state)
{
    (void)state;
    START({CUT(4)}, {OBJECT});
    conn->max_retries = 1;
    assert_fails(SATCHEL_NETWORK, 1);
}

/* ---- never a mix */

static void another_version_is_modified(void **state)
{
    (void)state;
    START({CUT(4)}, {.object = "ABCDEFGHIJ", .headers = "ETag: f\r\n"});
    assert_fails(SATCHEL_MODIFIED, 2);
    assert_string_equal(sat_buf_str(&body), "abcd");
}

static void another_size_is_modified(void **state)
{
    (void)state;
    START({CUT(4)}, {.object = TEXT "k", .headers = "ETag: e\r\n"});
    assert_fails(SATCHEL_MODIFIED, 2);
}

static void an_object_that_ends_before_is_modified(void **state)
{
    (void)state;
    START({CUT(4)}, {.bytes = fake_reply("416 Range Not Satisfiable", "", "")});
    assert_fails(SATCHEL_MODIFIED, 2);
}

static void a_condition_that_fails_is_final(void **state)
{
    (void)state;
    START({CUT(4)}, {.bytes = fake_reply("412 Precondition Failed", "", "")});
    assert_fails(SATCHEL_CONFLICT, 2); /* what the backend makes of it */
}

/* ---- starting over */

static void an_ignored_range_starts_over(void **state)
{
    (void)state;
    START({CUT(4)}, {.bytes = fake_reply("200 OK", "ETag: e\r\n", TEXT)}, {OBJECT});
    assert_whole(3);
    assert_true(asked(1, "Range:"));
    assert_false(asked(2, "Range:"));
    assert_false(asked(2, "If-Match:"));
}

static void a_shifted_range_starts_over(void **state)
{
    (void)state;
    START({CUT(4)},
          {.bytes = fake_reply("206 Partial Content", "ETag: e\r\nContent-Range: bytes 3-8/10\r\n",
                               "defghi")},
          {OBJECT});
    assert_whole(3);
    assert_false(asked(2, "Range:"));
}

static void a_weak_etag_starts_over(void **state)
{
    (void)state;
    static const char weak[] = "ETag: W/\"e\"\r\n";
    START({.object = TEXT, .headers = weak, .cut = 4, .then = HTTP_CLOSE},
          {.object = TEXT, .headers = weak});
    assert_whole(2);
    assert_false(asked(1, "Range:"));
}

static void nothing_that_came_binds_to_no_version(void **state)
{
    (void)state;
    START({.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\nETag: d\r\n\r\n", .then = HTTP_CLOSE},
          {OBJECT});
    assert_whole(2);
    assert_false(asked(1, "Range:"));
    assert_false(asked(1, "If-Match:"));
}

/* All bytes but not the end of the coding: there is no rest to ask for. */
static void a_body_without_its_end_starts_over(void **state)
{
    (void)state;
    START({.bytes = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: e\r\nx-size: 10\r\n\r\n"
                    "a\r\nabcdefghij\r\n",
           .then = HTTP_CLOSE},
          {OBJECT});
    assert_whole(2);
    assert_false(asked(1, "Range:"));
}

static void crc_headers(char *out, size_t size, const char *text)
{
    char hex[SAT_CRC64_HEX_SIZE];
    sat_crc64_hex(sat_crc64(0, text, strlen(text)), hex);
    (void)snprintf(out, size, "ETag: e\r\nx-crc64: %s\r\n", hex);
}

static void the_whole_is_verified_by_its_crc(void **state)
{
    (void)state;
    char right[100];
    crc_headers(right, sizeof right, TEXT);
    START({.object = TEXT, .headers = right, .cut = 4, .then = HTTP_CLOSE},
          {.object = "ABCDEFGHIX", .headers = "ETag: e\r\n"}, {.object = TEXT, .headers = right});
    assert_whole(3);
    assert_false(asked(2, "Range:"));
}

static void the_whole_is_verified_by_its_md5(void **state)
{
    (void)state;
    static const char md5[] = "ETag: e\r\nx-md5: a925576942e94b2ef57a066101b48876\r\n";
    START({.object = TEXT, .headers = md5, .cut = 4, .then = HTTP_CLOSE},
          {.object = "ABCDEFGHIX", .headers = "ETag: e\r\n"},
          {.object = TEXT, .headers = md5, .cut = 4, .then = HTTP_CLOSE}, {OBJECT});
    conn->max_retries = 4;
    assert_whole(4);
    assert_false(asked(2, "Range:"));
    assert_true(asked(3, "Range:"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_cut_body_goes_on_from_its_last_byte),
        TEST(what_came_before_the_cut_stays_counted),
        TEST(it_may_be_cut_at_any_byte_in_any_way),
        TEST(a_body_that_stalls_goes_on),
        TEST(it_may_be_cut_twice),
        TEST(what_came_outlasts_a_failure_between),
        TEST(a_range_goes_on_within_its_bounds),
        TEST(a_file_is_put_together_as_well),
        TEST(an_attempt_that_moved_a_mebibyte_does_not_count),
        TEST(an_attempt_that_moved_less_counts),
        TEST(a_body_that_is_always_cut_is_given_up),
        TEST(no_repetition_is_no_going_on),
        TEST(another_version_is_modified),
        TEST(another_size_is_modified),
        TEST(an_object_that_ends_before_is_modified),
        TEST(a_condition_that_fails_is_final),
        TEST(an_ignored_range_starts_over),
        TEST(a_shifted_range_starts_over),
        TEST(a_weak_etag_starts_over),
        TEST(nothing_that_came_binds_to_no_version),
        TEST(a_body_without_its_end_starts_over),
        TEST(the_whole_is_verified_by_its_crc),
        TEST(the_whole_is_verified_by_its_md5),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
