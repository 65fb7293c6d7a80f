/* The engine: shared and joined, many ops at once, lost replies settled. */
#include "support/test.h"

#include <pthread.h>
#include <stdio.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/crc.h"
#include "core/engine.h"
#include "core/error.h"
#include "core/fake_backend.h"
#include "core/settle.h"

#define STEPS(...) ((const struct http_step[]){__VA_ARGS__})
#define START(...) start(STEPS(__VA_ARGS__), sizeof STEPS(__VA_ARGS__) / sizeof(struct http_step))

static struct http_server *server;
static struct sat_conn *conn;
static struct sat_tags metadata;
static struct sat_op op;

static void start(const struct http_step *steps, size_t count)
{
    server = http_server_start(steps, count);
    conn = fake_open(http_server_url(server), "lanes", "2", "request_timeout", "10", NULL);
    assert_int_equal(sat_tags_add_str(&metadata, SAT_META_WRITER, "w1", NULL), SATCHEL_OK);
    op = (struct sat_op){
        .kind = SAT_OP_PUT,
        .conn = conn,
        .key = "k",
        .source = sat_source_span((satchel_span){.data = "body", .len = 4}),
        .metadata = &metadata,
    };
}

static int tear_down(void **state)
{
    (void)state;
    sat_alloc_fail_nth(0);
    fake_needs = 0;
    sat_op_fini(&op);
    op = (struct sat_op){0};
    sat_tags_fini(&metadata);
    sat_conn_close(conn);
    if (server != NULL)
        http_server_stop(server);
    conn = NULL;
    server = NULL;
    return 0;
}

static const char *found(const char *writer)
{
    char headers[100];
    (void)snprintf(headers, sizeof headers, "ETag: e7\r\nx-size: 4\r\nx-writer: %s\r\n", writer);
    return fake_reply("200 OK", headers, "");
}

/* ---- sharing and joining */

static void like_settings_share_an_engine(void **state)
{
    (void)state;
    const struct sat_engine_options options = {.lanes = 1, .workers = 2, .in_flight = 3};
    const struct sat_engine_options others = {.lanes = 1, .workers = 2, .in_flight = 4};
    struct sat_engine *one;
    struct sat_engine *two;
    struct sat_engine *three;
    assert_int_equal(sat_engine_acquire(&options, &one, NULL), SATCHEL_OK);
    assert_int_equal(sat_engine_acquire(&options, &two, NULL), SATCHEL_OK);
    assert_int_equal(sat_engine_acquire(&others, &three, NULL), SATCHEL_OK);
    assert_ptr_equal(one, two);
    assert_ptr_not_equal(one, three);
    assert_ptr_equal(sat_engine_workers(one), sat_engine_workers(two));
    sat_engine_wake(one);
    sat_engine_release(one);
    sat_engine_release(three);
    sat_engine_release(two);
    sat_engine_release(NULL);
}

static void *open_and_ask(void *arg)
{
    struct sat_conn *own = fake_open(http_server_url(arg), "workers", "5", NULL);
    for (int i = 0; i < 20; i++) {
        struct sat_op stat = {.kind = SAT_OP_STAT, .conn = own, .key = "k"};
        assert_int_equal(sat_op_run(&stat, NULL), SATCHEL_OK);
        sat_op_fini(&stat);
    }
    sat_conn_close(own);
    return NULL;
}

static void threads_open_and_close_the_same_engine(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    START({.bytes = found("w")});
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, open_and_ask, server), 0);
    for (size_t i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    assert_int_equal(http_server_requests(server), 20 * THREADS);
}

static void a_thousand_ops_go_through_one_queue(void **state)
{
    (void)state;
    enum { OPS = 1000 };
    static struct sat_op ops[OPS];
    static bool came[OPS];
    struct sat_queue *queue;
    START({.bytes = found("w")});
    assert_int_equal(sat_queue_new(&queue, NULL), SATCHEL_OK);
    for (size_t i = 0; i < OPS; i++) {
        ops[i] = (struct sat_op){.kind = SAT_OP_STAT, .conn = conn, .key = "k", .user = &came[i]};
        sat_op_submit(&ops[i], queue);
    }
    for (size_t i = 0; i < OPS; i++) {
        struct sat_op *done = sat_queue_wait(queue);
        bool *mark = done->user;
        assert_int_equal(done->err.code, SATCHEL_OK);
        assert_string_equal(done->info.etag, "e7");
        assert_false(*mark);
        *mark = true;
        sat_op_fini(done);
    }
    assert_null(sat_queue_wait(queue));
    sat_queue_free(queue);
    assert_int_equal(http_server_requests(server), OPS);
    assert_int_equal(sat_conn_requests(conn), OPS);
    assert_in_range(http_server_connections(server), 1, 32);
}

static void large_bodies_are_hashed_on_workers(void **state)
{
    (void)state;
    enum { OPS = 20, SIZE = 100 * 1000 };
    static char data[SIZE];
    static struct sat_op ops[OPS];
    struct sat_queue *queue;
    START({.bytes = found("w")});
    fake_needs = SAT_NEED_CRC64 | SAT_NEED_SHA256;
    assert_int_equal(sat_queue_new(&queue, NULL), SATCHEL_OK);
    for (size_t i = 0; i < OPS; i++) {
        ops[i] = op;
        ops[i].source = sat_source_span((satchel_span){.data = data, .len = SIZE});
        sat_op_submit(&ops[i], queue);
    }
    for (size_t i = 0; i < OPS; i++) {
        struct sat_op *done = sat_queue_wait(queue);
        assert_int_equal(done->err.code, SATCHEL_OK);
        sat_op_fini(done);
    }
    sat_queue_free(queue);
}

/* ---- local slots */

static int read_hello(struct sat_op *get, satchel_error *err)
{
    get->info.size = 5;
    get->info.has_crc64 = true;
    get->info.crc64 = sat_crc64(0, "hello", 5);
    return sat_sink_write(&get->sink, get->user, 5, err);
}

static void a_local_get_is_verified(void **state)
{
    (void)state;
    SAT_AUTO_BUF struct sat_buf body;
    sat_buf_init(&body, 100);
    conn = fake_open_uri("fakelocal:///x", NULL, NULL);
    fake_run = read_hello;
    op = (struct sat_op){.kind = SAT_OP_GET,
                         .conn = conn,
                         .key = "k",
                         .user = (void *)(uintptr_t)"hello",
                         .sink = sat_sink_memory(&body)};
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    op.user = (void *)(uintptr_t)"HELLO";
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_INTEGRITY);
    assert_int_equal(op.attempts, 1);
}

static int write_then_fail(struct sat_op *put, satchel_error *err)
{
    put->unsettled = true;
    return sat_error_set(err, SATCHEL_IO, "sync failed");
}

static void a_local_write_is_not_settled(void **state)
{
    (void)state;
    struct sat_queue *queue;
    assert_int_equal(sat_tags_add_str(&metadata, SAT_META_WRITER, "w1", NULL), SATCHEL_OK);
    conn = fake_open_uri("fakelocal:///x", NULL, NULL);
    fake_run = write_then_fail;
    op = (struct sat_op){.kind = SAT_OP_PUT, .conn = conn, .key = "k", .metadata = &metadata};
    assert_int_equal(sat_queue_new(&queue, NULL), SATCHEL_OK);
    sat_op_submit(&op, queue);
    assert_ptr_equal(sat_queue_wait(queue), &op);
    assert_int_equal(op.err.code, SATCHEL_IO);
    assert_true(op.unsettled);
    assert_int_equal(sat_conn_requests(conn), 1);
    sat_queue_free(queue);
}

static void a_cancelled_local_op_does_not_run(void **state)
{
    (void)state;
    conn = fake_open_uri("fakelocal:///x", NULL, NULL);
    fake_run = write_then_fail;
    op = (struct sat_op){.kind = SAT_OP_PUT, .conn = conn, .key = "k"};
    sat_op_cancel(&op);
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_CANCELLED);
    assert_int_equal(sat_conn_requests(conn), 0);
}

/* ---- lost replies */

static void a_put_whose_reply_is_lost_is_repeated(void **state)
{
    (void)state;
    START({.then = HTTP_CLOSE}, {.bytes = fake_reply("200 OK", "ETag: e\r\n", "")});
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_int_equal(http_server_requests(server), 2);
}

/* PUT If-None-Match done, reset, the repetition meets its own object. */
static void a_repetition_that_meets_itself_is_success(void **state)
{
    (void)state;
    START({.then = HTTP_RESET}, {.bytes = fake_reply("412 Exists", "", "")},
          {.bytes = found("w1")});
    op.if_absent = true;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_string_equal(op.info.etag, "e7");
    assert_int_equal(op.info.size, 4);
    assert_false(op.unsettled);
    assert_int_equal(strncmp(http_server_request(server, 2), "HEAD /bucket/k ", 15), 0);
    assert_int_equal(atomic_load(&conn->requests[SAT_OP_STAT]), 1);
}

static void a_condition_refused_at_once_is_no_doubt(void **state)
{
    (void)state;
    START({.bytes = fake_reply("412 Exists", "", "")});
    op.if_absent = true;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_CONFLICT);
    assert_int_equal(http_server_requests(server), 1);
}

static void a_lost_reply_with_our_object_there_is_success(void **state)
{
    (void)state;
    START({.then = HTTP_CLOSE}, {.bytes = found("w1")});
    conn->max_retries = 1;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
}

static void a_lost_reply_with_another_object_there_is_unknown(void **state)
{
    (void)state;
    satchel_error err = {0};
    START({.then = HTTP_CLOSE}, {.bytes = found("w2")});
    conn->max_retries = 1;
    assert_int_equal(sat_op_run(&op, &err), SATCHEL_UNKNOWN_OUTCOME);
    assert_int_equal(err.attempts, 1);
    assert_true(op.unsettled);
}

static void a_lost_reply_that_cannot_be_looked_after_is_unknown(void **state)
{
    (void)state;
    START({.then = HTTP_CLOSE}, {.bytes = fake_reply("503 Busy", "", "")});
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_UNKNOWN_OUTCOME);
    assert_int_equal(atomic_load(&conn->requests[SAT_OP_PUT]), 3);
    assert_int_equal(atomic_load(&conn->requests[SAT_OP_STAT]), 3);
}

static void a_server_that_takes_a_put_and_says_nothing_ends_soon_after_the_deadline(void **state)
{
    (void)state;
    START({.then = HTTP_STALL});
    conn->request_timeout_ms = 200;
    int64_t begin = sat_clock_now_ns();
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_UNKNOWN_OUTCOME);
    assert_in_range((sat_clock_now_ns() - begin) / SAT_NS_PER_MS, 200, 1200);
}

static void a_put_that_ran_out_of_time_is_looked_after_all_the_same(void **state)
{
    (void)state;
    START({.then = HTTP_STALL}, {.bytes = found("w1")});
    conn->request_timeout_ms = 200;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
}

static void a_server_error_after_a_put_is_looked_after(void **state)
{
    (void)state;
    START({.bytes = fake_reply("500 Oops", "", "")}, {.bytes = found("w1")});
    conn->max_retries = 1;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
}

static void a_success_that_cannot_be_read_is_looked_after(void **state)
{
    (void)state;
    START({.bytes = fake_reply("200 OK", "", "")}, {.bytes = found("w2")});
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_UNKNOWN_OUTCOME);
}

static void a_connection_that_never_was_leaves_no_doubt(void **state)
{
    (void)state;
    START({.then = HTTP_CLOSE});
    http_server_stop(server);
    server = NULL;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_NETWORK);
    assert_int_equal(atomic_load(&conn->requests[SAT_OP_STAT]), 0);
    assert_false(op.unsettled);
}

static void a_conditional_put_without_a_write_id_is_unknown(void **state)
{
    (void)state;
    START({.then = HTTP_CLOSE}, {.bytes = fake_reply("412 Exists", "", "")});
    op.metadata = NULL;
    op.if_absent = true;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_UNKNOWN_OUTCOME);
    assert_int_equal(http_server_requests(server), 2);
}

static void a_lost_delete_is_settled(void **state)
{
    (void)state;
    START({.then = HTTP_CLOSE}, {.bytes = fake_reply("404 Not Found", "", "")},
          {.then = HTTP_CLOSE}, {.bytes = found("w2")});
    conn->max_retries = 1;
    op.kind = SAT_OP_DELETE;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    op.deadline_ns = 0;
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_UNKNOWN_OUTCOME);
}

static void a_cancelled_put_is_not_waited_for(void **state)
{
    (void)state;
    struct sat_queue *queue;
    START({.then = HTTP_STALL});
    assert_int_equal(sat_queue_new(&queue, NULL), SATCHEL_OK);
    sat_op_submit(&op, queue);
    http_server_wait(server, 1);
    sat_op_cancel(&op);
    assert_ptr_equal(sat_queue_wait(queue), &op);
    assert_int_equal(op.err.code, SATCHEL_CANCELLED);
    assert_int_equal(http_server_requests(server), 1);
    sat_queue_free(queue);
}

static void cancelling_ends_the_settling_too(void **state)
{
    (void)state;
    struct sat_queue *queue;
    START({.then = HTTP_CLOSE}, {.then = HTTP_STALL});
    conn->max_retries = 1;
    assert_int_equal(sat_queue_new(&queue, NULL), SATCHEL_OK);
    sat_op_submit(&op, queue);
    http_server_wait(server, 2);
    sat_op_cancel(&op);
    assert_ptr_equal(sat_queue_wait(queue), &op);
    assert_int_equal(op.err.code, SATCHEL_UNKNOWN_OUTCOME);
    sat_queue_free(queue);
}

/* ---- memory */

static void out_of_memory_at_any_point_is_a_clean_error(void **state)
{
    (void)state;
    START({.bytes = found("w1")});
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK); /* lanes stand, buffers of curl exist */
    for (long nth = 1; nth < 60; nth++) {
        satchel_error err = {0};
        sat_op_fini(&op);
        op.deadline_ns = 0;
        sat_alloc_fail_nth(nth);
        int code = sat_op_run(&op, &err);
        sat_alloc_fail_nth(0);
        if (code != SATCHEL_OK && code != SATCHEL_NOMEM && code != SATCHEL_UNKNOWN_OUTCOME)
            fail_msg("allocation %ld: %d %s", nth, code, err.text);
    }
}

static void out_of_memory_at_the_first_op_is_a_clean_error(void **state)
{
    (void)state;
    int code = SATCHEL_NOMEM;
    START({.bytes = found("w1")});
    for (long nth = 1; code == SATCHEL_NOMEM; nth++) {
        const char *const options[] = {"lanes", "2", "workers", "7", NULL};
        struct sat_conn *fresh = fake_open_uri("fake://bucket", http_server_url(server), options);
        struct sat_op stat = {.kind = SAT_OP_STAT, .conn = fresh, .key = "k"};
        assert_true(nth < 20);
        sat_alloc_fail_nth(nth);
        code = sat_op_run(&stat, NULL);
        sat_alloc_fail_nth(0);
        sat_op_fini(&stat);
        sat_conn_close(fresh);
    }
    assert_int_equal(code, SATCHEL_OK);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(like_settings_share_an_engine),
        TEST(threads_open_and_close_the_same_engine),
        TEST(a_thousand_ops_go_through_one_queue),
        TEST(large_bodies_are_hashed_on_workers),
        TEST(a_local_get_is_verified),
        TEST(a_local_write_is_not_settled),
        TEST(a_cancelled_local_op_does_not_run),
        TEST(a_put_whose_reply_is_lost_is_repeated),
        TEST(a_repetition_that_meets_itself_is_success),
        TEST(a_condition_refused_at_once_is_no_doubt),
        TEST(a_lost_reply_with_our_object_there_is_success),
        TEST(a_lost_reply_with_another_object_there_is_unknown),
        TEST(a_lost_reply_that_cannot_be_looked_after_is_unknown),
        TEST(a_server_that_takes_a_put_and_says_nothing_ends_soon_after_the_deadline),
        TEST(a_put_that_ran_out_of_time_is_looked_after_all_the_same),
        TEST(a_server_error_after_a_put_is_looked_after),
        TEST(a_success_that_cannot_be_read_is_looked_after),
        TEST(a_connection_that_never_was_leaves_no_doubt),
        TEST(a_conditional_put_without_a_write_id_is_unknown),
        TEST(a_lost_delete_is_settled),
        TEST(a_cancelled_put_is_not_waited_for),
        TEST(cancelling_ends_the_settling_too),
        TEST(out_of_memory_at_any_point_is_a_clean_error),
        TEST(out_of_memory_at_the_first_op_is_a_clean_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
