/* Queues, pages, and ops from submission to their end. */
#include "support/test.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/engine.h"
#include "core/error.h"
#include "core/fake_backend.h"
#include "core/op.h"
#include "core/os.h"
#include "core/worker.h"

static const struct http_step fine[] = {
    {.bytes = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: e\r\n\r\nabc"},
};

static int succeed(struct sat_op *op, satchel_error *err)
{
    (void)op;
    (void)err;
    return SATCHEL_OK;
}

static int deny(struct sat_op *op, satchel_error *err)
{
    return sat_error_set(err, SATCHEL_DENIED, "no '%s'", op->key);
}

static struct sat_queue *queue_new(void)
{
    struct sat_queue *queue = NULL;
    assert_int_equal(sat_queue_new(&queue, NULL), SATCHEL_OK);
    return queue;
}

static void an_empty_queue_does_not_wait(void **state)
{
    (void)state;
    struct sat_queue *queue = queue_new();
    assert_null(sat_queue_wait(queue));
    sat_queue_free(queue);
    sat_queue_free(NULL);
}

static void a_queue_is_used_again_after_it_was_empty(void **state)
{
    (void)state;
    struct sat_conn *conn = fake_open_uri("fakelocal:///x", NULL, NULL);
    struct sat_queue *queue = queue_new();
    for (int i = 0; i < 3; i++) {
        struct sat_op one = {.kind = SAT_OP_STAT, .conn = conn, .key = ""};
        struct sat_op two = one;
        sat_op_submit(&one, queue);
        sat_op_submit(&two, queue);
        assert_ptr_equal(sat_queue_wait(queue), &one);
        assert_ptr_equal(sat_queue_wait(queue), &two);
        assert_null(sat_queue_wait(queue));
    }
    sat_queue_free(queue);
    sat_conn_close(conn);
}

static void *poke(void *arg)
{
    sat_queue_poke(arg);
    return NULL;
}

static void a_poke_ends_the_listening_under_way_or_the_next(void **state)
{
    (void)state;
    unsigned long thread;
    struct sat_queue *queue = queue_new();
    assert_int_equal(sat_thread_start(poke, queue, &thread, NULL), SATCHEL_OK);
    assert_null(sat_queue_listen(queue, 1, -1));
    sat_thread_join(thread);
    sat_queue_poke(queue);
    sat_queue_poke(queue);
    assert_null(sat_queue_listen(queue, 9, -1));
    /* One poke is enough for one return. */
    assert_null(sat_queue_listen(queue, 1, sat_clock_now_ns() + SAT_NS_PER_MS));
    sat_queue_free(queue);
}

static void a_listener_gets_what_is_finished_before_a_poke(void **state)
{
    (void)state;
    struct sat_conn *conn = fake_open_uri("fakelocal:///x", NULL, NULL);
    struct sat_queue *queue = queue_new();
    struct sat_op ops[3];
    for (size_t i = 0; i < 3; i++) {
        ops[i] = (struct sat_op){.kind = SAT_OP_STAT, .conn = conn, .key = ""};
        sat_op_submit(&ops[i], queue);
    }
    sat_queue_poke(queue);
    unsigned seen = 0;
    for (unsigned turn = 0; seen < 3; turn++) {
        struct sat_op *op = sat_queue_listen(queue, 3, -1); /* the poke may come in between */
        seen += op != NULL;
        assert_true(turn < 4);
    }
    assert_null(sat_queue_listen(queue, 1, 0));
    sat_queue_free(queue);
    sat_conn_close(conn);
}

/* More than there are to come: it does not wait for them for ever. */
static void a_listener_does_not_insist_on_enough(void **state)
{
    (void)state;
    struct sat_conn *conn = fake_open_uri("fakelocal:///x", NULL, NULL);
    struct sat_queue *queue = queue_new();
    struct sat_op op = {.kind = SAT_OP_STAT, .conn = conn, .key = ""};
    sat_op_submit(&op, queue);
    assert_ptr_equal(sat_queue_listen(queue, 1000, -1), &op);
    sat_queue_free(queue);
    sat_conn_close(conn);
}

static void a_bad_op_comes_out_of_its_queue(void **state)
{
    (void)state;
    struct sat_conn *conn = fake_open_uri("fakelocal:///x", NULL, NULL);
    struct sat_queue *queue = queue_new();
    struct sat_op op = {.kind = SAT_OP_STAT, .conn = conn, .key = ""};
    sat_op_submit(&op, queue);
    assert_ptr_equal(sat_queue_wait(queue), &op);
    assert_int_equal(op.err.code, SATCHEL_INVALID);
    assert_null(sat_queue_wait(queue));
    sat_queue_free(queue);
    sat_conn_close(conn);
}

static void a_local_op_runs_here_or_on_a_worker(void **state)
{
    (void)state;
    struct sat_conn *conn = fake_open_uri("fakelocal:///x", NULL, NULL);
    struct sat_queue *queue = queue_new();
    struct sat_op op = {.kind = SAT_OP_STAT, .conn = conn, .key = "k", .user = queue};
    satchel_error err = {0};
    fake_run = succeed;
    assert_int_equal(sat_op_run(&op, &err), SATCHEL_OK);
    sat_op_submit(&op, queue);
    assert_ptr_equal(sat_queue_wait(queue), &op);
    assert_int_equal(op.err.code, SATCHEL_OK);
    assert_ptr_equal(op.user, queue);
    fake_run = deny;
    assert_int_equal(sat_op_run(&op, &err), SATCHEL_DENIED);
    assert_string_equal(err.text, "no 'k'");
    assert_int_equal(err.attempts, 1);
    assert_int_equal(sat_conn_requests(conn), 3);
    sat_queue_free(queue);
    sat_conn_close(conn);
}

static void an_http_op_runs_and_fills_its_result(void **state)
{
    (void)state;
    struct http_server *server = http_server_start(fine, 1);
    struct sat_conn *conn = fake_open(http_server_url(server), NULL);
    SAT_AUTO_BUF struct sat_buf body;
    sat_buf_init(&body, 100);
    struct sat_op op = {
        .kind = SAT_OP_GET, .conn = conn, .key = "a b", .sink = sat_sink_memory(&body)};
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&body), "abc");
    assert_string_equal(op.info.etag, "e");
    assert_int_equal(op.info.size, 3);
    assert_non_null(strstr(http_server_request(server, 0), "GET /bucket/a%20b HTTP/1.1\r\n"));
    sat_op_fini(&op);
    sat_conn_close(conn);
    http_server_stop(server);
}

struct waiter {
    struct sat_queue *queue;
    unsigned came;
};

static void *drain(void *arg)
{
    struct waiter *waiter = arg;
    while (sat_queue_wait(waiter->queue) != NULL)
        waiter->came++;
    return NULL;
}

static void several_threads_may_wait_on_one_queue(void **state)
{
    (void)state;
    enum { OPS = 200 };
    static struct sat_op ops[OPS];
    struct sat_conn *conn = fake_open_uri("fakelocal:///x", NULL, NULL);
    struct waiter one = {.queue = queue_new()};
    struct waiter two = {.queue = one.queue};
    pthread_t thread;
    fake_run = succeed;
    for (size_t i = 0; i < OPS; i++) {
        ops[i] = (struct sat_op){.kind = SAT_OP_STAT, .conn = conn, .key = "k"};
        sat_op_submit(&ops[i], one.queue);
    }
    assert_int_equal(pthread_create(&thread, NULL, drain, &two), 0);
    drain(&one);
    (void)pthread_join(thread, NULL);
    assert_int_equal(one.came + two.came, OPS);
    sat_queue_free(one.queue);
    sat_conn_close(conn);
}

static sem_t held;

static int hold(struct sat_op *op, satchel_error *err)
{
    (void)op;
    (void)err;
    while (sem_wait(&held) != 0)
        continue;
    return SATCHEL_OK;
}

static void the_last_op_sends_all_waiting_threads_home(void **state)
{
    (void)state;
    struct sat_conn *conn = fake_open_uri("fakelocal:///x", NULL, NULL);
    struct waiter one = {.queue = queue_new()};
    struct waiter two = {.queue = one.queue};
    assert_int_equal(sem_init(&held, 0, 0), 0);
    fake_run = hold;
    for (int round = 0; round < 20; round++) {
        pthread_t threads[2];
        struct sat_op op = {.kind = SAT_OP_STAT, .conn = conn, .key = "k"};
        sat_op_submit(&op, one.queue);
        assert_int_equal(pthread_create(&threads[0], NULL, drain, &one), 0);
        assert_int_equal(pthread_create(&threads[1], NULL, drain, &two), 0);
        assert_int_equal(sem_post(&held), 0);
        (void)pthread_join(threads[0], NULL);
        (void)pthread_join(threads[1], NULL);
    }
    assert_int_equal(one.came + two.came, 20);
    assert_int_equal(sem_destroy(&held), 0);
    sat_queue_free(one.queue);
    sat_conn_close(conn);
}

static bool readable(const struct sat_queue *queue)
{
    struct pollfd poll_fd = {.fd = sat_queue_fd(queue), .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

static void a_polled_queue_is_readable_until_it_is_empty(void **state)
{
    (void)state;
    struct sat_conn *conn = fake_open_uri("fakelocal:///x", NULL, NULL);
    struct sat_queue *queue = NULL;
    assert_int_equal(sat_queue_new_polled(&queue, NULL), SATCHEL_OK);
    for (int round = 0; round < 3; round++) {
        struct sat_op one = {.kind = SAT_OP_STAT, .conn = conn, .key = ""};
        struct sat_op two = one;
        assert_false(readable(queue));
        sat_op_submit(&one, queue);
        sat_op_submit(&two, queue);
        assert_true(readable(queue));
        assert_ptr_equal(sat_queue_wait_until(queue, 0), &one);
        assert_true(readable(queue));
        assert_ptr_equal(sat_queue_wait_until(queue, 0), &two);
    }
    assert_false(readable(queue));
    sat_queue_free(queue);
    sat_conn_close(conn);
}

static void a_wait_ends_at_its_deadline(void **state)
{
    (void)state;
    struct sat_conn *conn = fake_open_uri("fakelocal:///x", NULL, NULL);
    struct sat_queue *queue = queue_new();
    struct sat_op op = {.kind = SAT_OP_STAT, .conn = conn, .key = "k"};
    assert_int_equal(sem_init(&held, 0, 0), 0);
    fake_run = hold;
    sat_op_submit(&op, queue);
    assert_null(sat_queue_wait_until(queue, 0));
    int64_t deadline = sat_clock_now_ns() + 5 * SAT_NS_PER_MS;
    assert_null(sat_queue_wait_until(queue, deadline));
    assert_true(sat_clock_now_ns() >= deadline);
    assert_int_equal(sem_post(&held), 0);
    assert_ptr_equal(sat_queue_wait_until(queue, -1), &op);
    assert_null(sat_queue_wait_until(queue, -1));
    assert_int_equal(sem_destroy(&held), 0);
    assert_int_equal(sat_queue_fd(queue), -1);
    sat_queue_free(queue);
    sat_conn_close(conn);
}

static void a_polled_queue_that_cannot_be_made_is_an_error(void **state)
{
    (void)state;
    struct sat_queue *queue = NULL;
    satchel_error err = {0};
    sat_os_fail_nth(1, EMFILE);
    assert_int_equal(sat_queue_new_polled(&queue, &err), SATCHEL_IO);
    sat_os_fail_nth(0, 0);
    assert_int_equal(err.os_errno, EMFILE);
    sat_alloc_fail_nth(1);
    assert_int_equal(sat_queue_new_polled(&queue, NULL), SATCHEL_NOMEM);
    sat_alloc_fail_nth(0);
    assert_null(queue);
}

static void a_page_keeps_keys_and_etags(void **state)
{
    (void)state;
    struct sat_page page;
    const struct sat_entry values = {.size = 7, .mtime_ns = 9};
    const struct sat_entry prefix = {.is_prefix = true};
    sat_page_init(&page);
    assert_int_equal(sat_page_add(&page, (satchel_span){.data = "a", .len = 1}, "e", &values),
                     SATCHEL_OK);
    assert_int_equal(sat_page_add(&page, (satchel_span){.data = "b/", .len = 2}, NULL, &prefix),
                     SATCHEL_OK);
    assert_string_equal(sat_page_key(&page, 0), "a");
    assert_string_equal(sat_page_etag(&page, 0), "e");
    assert_int_equal(sat_page_at(&page, 0)->size, 7);
    assert_string_equal(sat_page_key(&page, 1), "b/");
    assert_string_equal(sat_page_etag(&page, 1), "");
    assert_true(sat_page_at(&page, 1)->is_prefix);
    sat_page_reset(&page);
    assert_int_equal(page.entries.len, 0);
    sat_page_fini(&page);
}

static void a_zeroed_page_can_be_reset(void **state)
{
    (void)state;
    struct sat_page page = {0};
    sat_page_reset(&page);
    const struct sat_entry values = {0};
    assert_int_equal(sat_page_add(&page, (satchel_span){.data = "a", .len = 1}, "e", &values),
                     SATCHEL_OK);
    sat_page_fini(&page);
}

static void every_kind_has_a_text(void **state)
{
    (void)state;
    assert_string_equal(sat_op_kind_text(SAT_OP_GET), "get");
    assert_string_equal(sat_op_kind_text(SAT_OP_BUCKET_LIST), "bucket_list");
    assert_string_equal(sat_op_kind_text(SAT_OP_KINDS), "?");
}

static void a_body_is_allowed_its_time(void **state)
{
    (void)state;
    struct sat_op op = {.base_deadline_ns = 1000};
    sat_op_allow_bytes(&op, SAT_OP_SLOWEST - 1);
    assert_int_equal(op.deadline_ns, 1000);
    sat_op_allow_bytes(&op, SAT_OP_SLOWEST * 1000);
    assert_int_equal(op.deadline_ns, 1000 + INT64_C(1000000000) * 1000);
    sat_op_allow_bytes(&op, UINT64_MAX);
    assert_true(op.deadline_ns > INT64_C(1000000000) * 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_body_is_allowed_its_time),
        cmocka_unit_test(an_empty_queue_does_not_wait),
        cmocka_unit_test(a_queue_is_used_again_after_it_was_empty),
        cmocka_unit_test(a_poke_ends_the_listening_under_way_or_the_next),
        cmocka_unit_test(a_listener_gets_what_is_finished_before_a_poke),
        cmocka_unit_test(a_listener_does_not_insist_on_enough),
        cmocka_unit_test(a_bad_op_comes_out_of_its_queue),
        cmocka_unit_test(a_local_op_runs_here_or_on_a_worker),
        cmocka_unit_test(an_http_op_runs_and_fills_its_result),
        cmocka_unit_test(several_threads_may_wait_on_one_queue),
        cmocka_unit_test(the_last_op_sends_all_waiting_threads_home),
        cmocka_unit_test(a_polled_queue_is_readable_until_it_is_empty),
        cmocka_unit_test(a_wait_ends_at_its_deadline),
        cmocka_unit_test(a_polled_queue_that_cannot_be_made_is_an_error),
        cmocka_unit_test(a_page_keeps_keys_and_etags),
        cmocka_unit_test(a_zeroed_page_can_be_reset),
        cmocka_unit_test(every_kind_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
