/* The line of a lane: order, room, deadlines, and cancelled ops wherever they are. */
#include "support/test.h"

#include "core/clock.h"
#include "core/engine.h"
#include "core/error.h"
#include "core/fake_backend.h"

static const struct http_step stall[] = {{.then = HTTP_STALL}};

static struct http_server *server;
static struct sat_conn *conn;
static struct sat_queue *queue;
static int64_t begun_ns;

/* One transfer at a time. */
static void start(const struct http_step *steps, size_t count)
{
    server = http_server_start(steps, count);
    begun_ns = sat_clock_now_ns();
    conn =
        fake_open(http_server_url(server), "max_connections", "1", "request_timeout", "20", NULL);
    assert_int_equal(sat_queue_new(&queue, NULL), SATCHEL_OK);
}

static int tear_down(void **state)
{
    (void)state;
    sat_queue_free(queue);
    sat_conn_close(conn);
    http_server_stop(server);
    return 0;
}

static struct sat_op stat_of(const char *key)
{
    return (struct sat_op){.kind = SAT_OP_STAT, .conn = conn, .key = key};
}

/* Soon: long before the ops' deadline. */
static void wait_for(const struct sat_op *op, int code)
{
    assert_ptr_equal(sat_queue_wait(queue), op);
    assert_int_equal(op->err.code, code);
    assert_true(sat_clock_now_ns() - begun_ns < 8 * SAT_NS_PER_S);
}

static void ops_go_in_the_order_of_their_submission(void **state)
{
    (void)state;
    enum { OPS = 20 };
    static char keys[OPS][3];
    struct sat_op ops[OPS];
    const struct http_step steps[] = {{.bytes = fake_reply("200 OK", "ETag: e\r\n", "")}};
    start(steps, 1);
    for (size_t i = 0; i < OPS; i++) {
        keys[i][0] = (char)('a' + i);
        ops[i] = stat_of(keys[i]);
        sat_op_submit(&ops[i], queue);
    }
    for (size_t i = 0; i < OPS; i++) {
        char line[] = "HEAD /bucket/a ";
        wait_for(&ops[i], SATCHEL_OK);
        line[13] = keys[i][0];
        assert_int_equal(strncmp(http_server_request(server, (unsigned)i), line, 15), 0);
        sat_op_fini(&ops[i]);
    }
    assert_int_equal(http_server_connections(server), 1);
}

static void a_repeated_op_does_not_go_to_the_end_of_the_line(void **state)
{
    (void)state;
    enum { OPS = 50 };
    static struct sat_op ops[OPS];
    const struct http_step steps[] = {
        {.bytes = fake_reply("503 Busy", "", "")},
        {.bytes = fake_reply("200 OK", "ETag: e\r\n", "")},
    };
    start(steps, 2);
    conn->retry_base_ms = 0;
    for (size_t i = 0; i < OPS; i++) {
        ops[i] = stat_of("k");
        sat_op_submit(&ops[i], queue);
    }
    for (size_t i = 0; i < OPS; i++) {
        wait_for(&ops[i], SATCHEL_OK);
        assert_int_equal(ops[i].attempts, i == 0 ? 2 : 1);
        sat_op_fini(&ops[i]);
    }
}

static void a_server_that_never_answers_ends_by_the_deadline(void **state)
{
    (void)state;
    start(stall, 1);
    conn->request_timeout_ms = 200;
    struct sat_op op = stat_of("k");
    int64_t begin = sat_clock_now_ns();
    satchel_error err = {0};
    assert_int_equal(sat_op_run(&op, &err), SATCHEL_TIMEOUT);
    int64_t took = (sat_clock_now_ns() - begin) / SAT_NS_PER_MS;
    assert_in_range(took, 200, 1200);
    assert_non_null(strstr(err.text, "request_timeout"));
    assert_int_equal(err.attempts, 1);
}

static void an_op_in_line_ends_by_its_own_deadline(void **state)
{
    (void)state;
    start(stall, 1);
    struct sat_op first = stat_of("first");
    struct sat_op second = stat_of("second");
    sat_op_submit(&first, queue);
    http_server_wait(server, 1);
    int64_t begin = sat_clock_now_ns();
    second.deadline_ns = begin + 150 * SAT_NS_PER_MS;
    sat_op_submit(&second, queue);
    wait_for(&second, SATCHEL_TIMEOUT);
    assert_in_range((sat_clock_now_ns() - begin) / SAT_NS_PER_MS, 150, 1150);
    assert_int_equal(second.err.attempts, 0);
    sat_op_cancel(&first);
    wait_for(&first, SATCHEL_CANCELLED);
}

static void an_active_op_is_cancelled(void **state)
{
    (void)state;
    start(stall, 1);
    struct sat_op op = stat_of("k");
    sat_op_submit(&op, queue);
    http_server_wait(server, 1);
    sat_op_cancel(&op);
    wait_for(&op, SATCHEL_CANCELLED);
    assert_int_equal(op.err.attempts, 1);
}

/* The fake store, taking parts too. */
static void take_parts(void)
{
    static struct sat_backend parted;
    parted = fake_backend;
    parted.slots[SAT_OP_PART_PUT] = parted.slots[SAT_OP_PUT];
    conn->backend = &parted;
}

static struct sat_op part_of(const char *key)
{
    return (struct sat_op){.kind = SAT_OP_PART_PUT,
                           .conn = conn,
                           .key = key,
                           .source = sat_source_span((satchel_span){.data = "part", .len = 4})};
}

/* Else it could land in an upload that was aborted. */
static void a_cancelled_part_that_left_is_waited_for(void **state)
{
    (void)state;
    const struct http_step steps[] = {
        {.bytes = "HTTP/1.1 200 OK\r\n", .rest = "ETag: e\r\nContent-Length: 0\r\n\r\n"}};
    start(steps, 1);
    take_parts();
    struct sat_op part = part_of("k");
    struct sat_op second = stat_of("second");
    sat_op_submit(&part, queue);
    http_server_wait(server, 1);
    sat_op_submit(&second, queue);
    sat_op_cancel(&part);
    sat_op_cancel(&second);
    wait_for(&second, SATCHEL_CANCELLED); /* the lane has looked at both */
    http_server_release(server);
    wait_for(&part, SATCHEL_OK);
    sat_op_fini(&part);
}

static void a_part_without_a_reply_is_not_waited_for_long(void **state)
{
    (void)state;
    start(stall, 1);
    take_parts();
    conn->response_timeout_ms = 200;
    struct sat_op part = part_of("k");
    sat_op_submit(&part, queue);
    http_server_wait(server, 1);
    sat_op_cancel(&part);
    wait_for(&part, SATCHEL_CANCELLED);
}

static void an_op_in_line_is_cancelled(void **state)
{
    (void)state;
    start(stall, 1);
    struct sat_op first = stat_of("first");
    struct sat_op second = stat_of("second");
    struct sat_op third = stat_of("third");
    sat_op_submit(&first, queue);
    http_server_wait(server, 1);
    sat_op_submit(&second, queue);
    /* Cancelled beforehand, it comes out as soon as the lane saw it: the second one is in line. */
    sat_op_cancel(&third);
    sat_op_submit(&third, queue);
    wait_for(&third, SATCHEL_CANCELLED);
    sat_op_cancel(&second);
    wait_for(&second, SATCHEL_CANCELLED);
    sat_op_cancel(&first);
    wait_for(&first, SATCHEL_CANCELLED);
    assert_int_equal(http_server_requests(server), 1);
}

static void an_op_that_waits_for_its_next_attempt_is_cancelled(void **state)
{
    (void)state;
    const struct http_step steps[] = {
        {.bytes = fake_reply("429 Slow", "retry-after-ms: 10000\r\n", "")},
        {.bytes = fake_reply("200 OK", "ETag: e\r\n", "")},
    };
    start(steps, 2);
    struct sat_op delayed = stat_of("k");
    struct sat_op other = stat_of("other");
    sat_op_submit(&delayed, queue);
    http_server_wait(server, 1);
    /* One transfer at a time: once this one is done the first one is waiting. */
    sat_op_submit(&other, queue);
    wait_for(&other, SATCHEL_OK);
    sat_op_cancel(&delayed);
    wait_for(&delayed, SATCHEL_CANCELLED);
    assert_int_equal(http_server_requests(server), 2);
    sat_op_fini(&other);
}

static void a_cancelled_op_never_starts(void **state)
{
    (void)state;
    start(stall, 1);
    struct sat_op op = stat_of("k");
    sat_op_cancel(&op);
    sat_op_submit(&op, queue);
    wait_for(&op, SATCHEL_CANCELLED);
    assert_int_equal(http_server_requests(server), 0);
}

static void many_cancelled_ops_all_come_out(void **state)
{
    (void)state;
    enum { OPS = 300 };
    static struct sat_op ops[OPS];
    start(stall, 1);
    for (size_t i = 0; i < OPS; i++) {
        ops[i] = stat_of("k");
        sat_op_submit(&ops[i], queue);
    }
    for (size_t i = 0; i < OPS; i++)
        sat_op_cancel(&ops[i]);
    for (size_t i = 0; i < OPS; i++)
        assert_int_equal(sat_queue_wait(queue)->err.code, SATCHEL_CANCELLED);
    assert_null(sat_queue_wait(queue));
}

/* The last test of this program: nothing goes over the network after it. */
static void a_stopped_lane_gives_every_op_back(void **state)
{
    (void)state;
    enum { OPS = 3 };
    struct sat_op ops[OPS];
    const struct http_step steps[] = {
        {.bytes = fake_reply("503 Busy", "retry-after-ms: 15000\r\n", "")},
        {.then = HTTP_STALL},
    };
    start(steps, 2);
    for (size_t i = 0; i < OPS; i++) {
        ops[i] = stat_of("k");
        sat_op_submit(&ops[i], queue);
    }
    http_server_wait(server, 2); /* one is to be repeated, one under way, one in line */
    sat_engines_stop();
    for (size_t i = 0; i < OPS; i++) {
        struct sat_op *op = sat_queue_wait(queue);
        assert_int_equal(op->err.code, SATCHEL_CANCELLED);
        sat_op_fini(op);
    }
    struct sat_op late = stat_of("k");
    assert_int_equal(sat_op_run(&late, NULL), SATCHEL_CANCELLED);
    struct sat_conn *other = fake_open(http_server_url(server), "max_connections", "2", NULL);
    late.conn = other;
    assert_int_equal(sat_op_run(&late, NULL), SATCHEL_CANCELLED);
    sat_conn_close(other);
    sat_engines_stop();
    assert_true(sat_clock_now_ns() - begun_ns < 8 * SAT_NS_PER_S);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ops_go_in_the_order_of_their_submission),
        TEST(a_repeated_op_does_not_go_to_the_end_of_the_line),
        TEST(a_server_that_never_answers_ends_by_the_deadline),
        TEST(an_op_in_line_ends_by_its_own_deadline),
        TEST(an_active_op_is_cancelled),
        TEST(a_cancelled_part_that_left_is_waited_for),
        TEST(a_part_without_a_reply_is_not_waited_for_long),
        TEST(an_op_in_line_is_cancelled),
        TEST(an_op_that_waits_for_its_next_attempt_is_cancelled),
        TEST(a_cancelled_op_never_starts),
        TEST(many_cancelled_ops_all_come_out),
        TEST(a_stopped_lane_gives_every_op_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
