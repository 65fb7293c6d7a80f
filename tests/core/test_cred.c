/* Credentials: looked up at first need, once for all who wait, and again before and when they end.
 */
#include "support/test.h"

#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "core/alloc.h"
#include "core/attempt.h"
#include "core/clock.h"
#include "core/engine.h"
#include "core/error.h"
#include "core/fake_backend.h"
#include "core/os_folder.h"
#include "core/str.h"
#include "core/worker.h"

enum { NOW_S = 1700000000, HANGS_MS = 20 * 1000, A_WHILE_MS = 100 };

static struct http_server *server;
static struct sat_conn *conn;
static struct sat_queue *queue;
static char path[128];
static atomic_uint look_ups;
static int64_t expires_s;
static bool refused;

/* A look-up that is held stops where it is until it is let go of. */
static atomic_bool held;
static sem_t stopped;
static sem_t let_go;

/* False when nobody posted it for so long. */
static bool await(sem_t *event, int64_t ms)
{
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    int64_t ns = until.tv_nsec + ms * SAT_NS_PER_MS;
    until.tv_sec += ns / SAT_NS_PER_S;
    until.tv_nsec = ns % SAT_NS_PER_S;
    return sem_timedwait(event, &until) == 0;
}

static void stop_if_held(void)
{
    if (!atomic_load(&held))
        return;
    (void)sem_post(&stopped);
    (void)sem_wait(&let_go);
}

/* One file, whose text are the keys. */
static int step(const struct sat_cred_reply *replies, size_t count, struct sat_cred_want *want,
                satchel_error *err)
{
    if (count == 0) {
        want->kind = SAT_CRED_READ_FILE;
        want->path = path;
        return SATCHEL_OK;
    }
    atomic_fetch_add(&look_ups, 1);
    stop_if_held();
    if (replies[0].os_errno != 0)
        return sat_error_os(err, replies[0].os_errno, "keys");
    if (refused)
        return sat_error_set(err, SATCHEL_DENIED, "no keys in %s", path);
    want->kind = SAT_CRED_DONE;
    want->keys = sat_strdup(sat_buf_str(&replies[0].text));
    want->expires_s = expires_s;
    return want->keys == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

static int begin(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof path, "%s/keys", folder);
    look_ups = 0;
    expires_s = 0;
    refused = false;
    held = false;
    (void)sem_init(&stopped, 0, 0);
    (void)sem_init(&let_go, 0, 0);
    fake_cred_step = step;
    write_file("keys", "one");
    return sat_queue_new(&queue, NULL);
}

static int end(void **state)
{
    (void)state;
    sat_clock_fake_wall(SAT_CLOCK_REAL);
    sat_alloc_fail_nth(0);
    (void)sem_post(&let_go);
    sat_conn_close(conn);
    conn = NULL;
    sat_queue_free(queue);
    http_server_stop(server);
    fake_cred_step = NULL;
    (void)sem_destroy(&stopped);
    (void)sem_destroy(&let_go);
    return 0;
}

static void start(const struct http_step *steps, size_t count)
{
    server = http_server_start(steps, count);
    conn = fake_open(http_server_url(server), "workers", "1", NULL);
}

static void start_answering(void)
{
    const struct http_step steps[] = {{.bytes = fake_reply("200 OK", "ETag: e\r\n", "")}};
    start(steps, 1);
}

static int stat_once(satchel_error *err)
{
    struct sat_op op = {.kind = SAT_OP_STAT, .conn = conn, .key = "k"};
    int code = sat_op_run(&op, err);
    sat_op_fini(&op);
    return code;
}

static void assert_keys(unsigned request, const char *keys)
{
    char line[64];
    (void)snprintf(line, sizeof line, "\r\nX-Keys: %s\r\n", keys);
    assert_non_null(strstr(http_server_request(server, request), line));
}

static void nothing_is_read_before_the_first_op(void **state)
{
    (void)state;
    start_answering();
    assert_int_equal(look_ups, 0);
    write_file("keys", "two");
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    assert_keys(0, "two");
}

static void keys_are_kept(void **state)
{
    (void)state;
    start_answering();
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(stat_once(NULL), SATCHEL_OK);
        assert_keys(i, "one");
        write_file("keys", "two");
    }
    assert_int_equal(look_ups, 1);
}

static void all_that_wait_share_one_look_up(void **state)
{
    (void)state;
    enum { OPS = 40 };
    struct sat_op ops[OPS];
    start_answering();
    for (size_t i = 0; i < OPS; i++) {
        ops[i] = (struct sat_op){.kind = SAT_OP_STAT, .conn = conn, .key = "k"};
        sat_op_submit(&ops[i], queue);
    }
    for (size_t i = 0; i < OPS; i++) {
        struct sat_op *op = sat_queue_wait(queue);
        assert_int_equal(op->err.code, SATCHEL_OK);
        assert_keys((unsigned)i, "one");
        sat_op_fini(op);
    }
    assert_int_equal(look_ups, 1);
}

static void a_failure_goes_to_all_that_wait_and_is_not_kept(void **state)
{
    (void)state;
    struct sat_op ops[8];
    satchel_error err = {0};
    start_answering();
    refused = true;
    for (size_t i = 0; i < 8; i++) {
        ops[i] = (struct sat_op){.kind = SAT_OP_STAT, .conn = conn, .key = "k"};
        sat_op_submit(&ops[i], queue);
    }
    for (size_t i = 0; i < 8; i++) {
        struct sat_op *op = sat_queue_wait(queue);
        assert_int_equal(op->err.code, SATCHEL_DENIED);
        assert_non_null(strstr(op->err.text, "no keys in"));
        sat_op_fini(op);
    }
    assert_int_equal(http_server_requests(server), 0);
    refused = false;
    assert_int_equal(stat_once(&err), SATCHEL_OK);
}

static void a_missing_file_is_told_to_the_next_step(void **state)
{
    (void)state;
    satchel_error err = {0};
    start_answering();
    assert_int_equal(sat_os_unlink(root, "keys", 0), 0);
    assert_int_equal(stat_once(&err), SATCHEL_NOT_FOUND);
    assert_int_equal(look_ups, 1);
}

static void keys_near_their_end_are_looked_up_once_a_minute(void **state)
{
    (void)state;
    start_answering();
    sat_clock_fake_wall(NOW_S * SAT_NS_PER_S);
    expires_s = NOW_S + 599;
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    assert_int_equal(look_ups, 1);
    sat_clock_fake_wall((NOW_S + 60) * SAT_NS_PER_S);
    expires_s = NOW_S + 2000;
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    assert_int_equal(look_ups, 2);
    sat_clock_fake_wall((NOW_S + 2000 - 600) * SAT_NS_PER_S);
    expires_s = 0;
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    assert_int_equal(look_ups, 3);
}

static void keys_are_not_used_beyond_their_end(void **state)
{
    (void)state;
    start_answering();
    sat_clock_fake_wall(NOW_S * SAT_NS_PER_S);
    expires_s = NOW_S + 10;
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    sat_clock_fake_wall((NOW_S + 10) * SAT_NS_PER_S);
    write_file("keys", "two");
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    assert_keys(1, "two");
}

/* ---- looking ahead */

static void at(int64_t now_s)
{
    sat_clock_fake_wall(now_s * SAT_NS_PER_S);
}

/* The next op is sent with these keys; so many look-ups have begun then. */
static void assert_next(const char *keys, unsigned begun)
{
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    assert_keys(http_server_requests(server) - 1, keys);
    assert_int_equal(look_ups, begun);
}

static void post(struct sat_task *task)
{
    (void)task;
    (void)sem_post(&stopped);
}

/* The one worker has done all that was begun. */
static void wait_for_the_worker(void)
{
    struct sat_task task = {.run = post};
    assert_int_equal(sat_workers_submit(sat_engine_workers(conn->engine), &task, NULL), 0);
    assert_true(await(&stopped, HANGS_MS));
}

/* Keys "one" that end at NOW_S. */
static void start_with_keys_that_end(void)
{
    start_answering();
    at(NOW_S - 3600);
    expires_s = NOW_S;
    assert_next("one", 1);
    write_file("keys", "two");
    expires_s = NOW_S + 3600;
}

static void keys_near_their_end_are_used_while_others_are_looked_up(void **state)
{
    (void)state;
    start_with_keys_that_end();
    held = true;
    at(NOW_S - 901);
    assert_next("one", 1);
    at(NOW_S - 900);
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    assert_true(await(&stopped, HANGS_MS));
    for (unsigned i = 0; i < 5; i++)
        assert_next("one", 2);
    (void)sem_post(&let_go);
    wait_for_the_worker();
    assert_next("two", 2);
    at(NOW_S + 2699);
    assert_next("two", 2);
}

static void all_at_once_start_one_look_ahead(void **state)
{
    (void)state;
    enum { OPS = 20 };
    struct sat_op ops[OPS];
    start_with_keys_that_end();
    held = true;
    at(NOW_S - 700);
    for (size_t i = 0; i < OPS; i++) {
        ops[i] = (struct sat_op){.kind = SAT_OP_STAT, .conn = conn, .key = "k"};
        sat_op_submit(&ops[i], queue);
    }
    for (size_t i = 0; i < OPS; i++) {
        struct sat_op *op = sat_queue_wait(queue);
        assert_int_equal(op->err.code, SATCHEL_OK);
        sat_op_fini(op);
    }
    assert_true(await(&stopped, HANGS_MS));
    (void)sem_post(&let_go);
    wait_for_the_worker();
    assert_next("two", 2);
}

static void a_failed_look_ahead_changes_nothing_for_a_minute(void **state)
{
    (void)state;
    start_with_keys_that_end();
    refused = true;
    at(NOW_S - 800);
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    wait_for_the_worker();
    assert_next("one", 2);
    at(NOW_S - 741);
    assert_next("one", 2);
    at(NOW_S - 740);
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    wait_for_the_worker();
    assert_next("one", 3);
    refused = false;
    at(NOW_S - 680);
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    wait_for_the_worker();
    assert_next("two", 4);
}

/* Ten minutes before their end the ops wait, but not in the minute after a failure; and what a
 * failure leaves them are the old keys, as long as these last. */
static void after_failures_keys_are_used_to_their_end(void **state)
{
    (void)state;
    start_with_keys_that_end();
    refused = true;
    at(NOW_S - 610);
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    wait_for_the_worker();
    at(NOW_S - 551);
    assert_next("one", 2);
    at(NOW_S - 550);
    assert_next("one", 3);
    at(NOW_S);
    assert_int_equal(stat_once(NULL), SATCHEL_DENIED);
    refused = false;
    assert_next("two", 5);
}

/* They came too late for the look-ahead, and share it. */
static void ops_that_must_wait_join_a_look_ahead(void **state)
{
    (void)state;
    struct sat_op op = {.kind = SAT_OP_STAT, .key = "k"};
    start_with_keys_that_end();
    held = true;
    at(NOW_S - 700);
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    assert_true(await(&stopped, HANGS_MS));
    at(NOW_S);
    op.conn = conn;
    sat_op_submit(&op, queue);
    (void)sem_post(&let_go);
    assert_ptr_equal(sat_queue_wait(queue), &op);
    assert_int_equal(op.err.code, SATCHEL_OK);
    sat_op_fini(&op);
    assert_next("two", 2);
}

static atomic_bool close_returned;
static bool seen_to_return;

/* Goes on when the connection is closed, or after a while in which it was not. */
static int step_past_the_close(const struct sat_cred_reply *replies, size_t count,
                               struct sat_cred_want *want, satchel_error *err)
{
    if (count == 1) {
        (void)sem_post(&stopped);
        (void)await(&let_go, A_WHILE_MS);
        seen_to_return = atomic_load(&close_returned);
    }
    return step(replies, count, want, err);
}

static void closing_waits_for_a_look_ahead(void **state)
{
    (void)state;
    start_with_keys_that_end();
    /* The engine goes on, and with it the worker. */
    struct sat_conn *other = fake_open(http_server_url(server), "workers", "1", NULL);
    assert_ptr_equal(other->engine, conn->engine);
    fake_cred_step = step_past_the_close;
    at(NOW_S - 700);
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    assert_true(await(&stopped, HANGS_MS));
    sat_conn_close(conn);
    atomic_store(&close_returned, true);
    (void)sem_post(&let_go);
    conn = other;
    wait_for_the_worker();
    assert_int_equal(look_ups, 2);
    assert_false(seen_to_return);
}

/* ---- programs */

static const char *program;

/* A program that prints the keys. */
static int step_by_program(const struct sat_cred_reply *replies, size_t count,
                           struct sat_cred_want *want, satchel_error *err)
{
    if (count == 0) {
        want->kind = SAT_CRED_RUN;
        want->command = sat_strdup(program);
        return want->command == NULL ? sat_error_nomem(err) : SATCHEL_OK;
    }
    atomic_fetch_add(&look_ups, 1);
    if (replies[0].err.code != SATCHEL_OK)
        return sat_error_copy(err, &replies[0].err);
    want->kind = SAT_CRED_DONE;
    want->keys = sat_strdup(sat_buf_str(&replies[0].text));
    return want->keys == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

static void what_a_program_prints_goes_to_the_next_step(void **state)
{
    (void)state;
    fake_cred_step = step_by_program;
    program = "printf 'by program'";
    start_answering();
    assert_int_equal(look_ups, 0);
    assert_next("by program", 1);
    assert_next("by program", 1);
}

/* Its end leaves a mark: what came out before did not wait for it. */
static void start_with_slow_program(const char *timeout)
{
    static char command[512];
    (void)snprintf(command, sizeof command, "sh -c 'sleep 1; echo keys > %s/mark'", folder);
    program = command;
    fake_cred_step = step_by_program;
    const struct http_step steps[] = {{.bytes = fake_reply("200 OK", "ETag: e\r\n", "")}};
    server = http_server_start(steps, 1);
    conn = fake_open(http_server_url(server), "request_timeout", timeout, NULL);
}

static bool has_mark(void)
{
    struct stat info;
    return sat_os_stat(root, "mark", 0, &info) == 0;
}

static void an_op_waits_for_a_program_to_its_deadline_at_most(void **state)
{
    (void)state;
    satchel_error err = {0};
    start_with_slow_program("100ms");
    assert_int_equal(stat_once(&err), SATCHEL_TIMEOUT);
    assert_false(has_mark());
    assert_int_equal(http_server_requests(server), 0);
    sat_conn_close(conn);
    conn = NULL;
    assert_true(has_mark()); /* it is not left behind */
    (void)sat_os_unlink(root, "mark", 0);
}

static void an_op_that_waits_for_a_program_is_cancelled(void **state)
{
    (void)state;
    struct sat_op op = {.kind = SAT_OP_STAT, .key = "k"};
    start_with_slow_program("60s");
    op.conn = conn;
    sat_op_submit(&op, queue);
    sat_op_cancel(&op);
    assert_ptr_equal(sat_queue_wait(queue), &op);
    assert_int_equal(op.err.code, SATCHEL_CANCELLED);
    assert_false(has_mark());
    sat_op_fini(&op);
    sat_conn_close(conn);
    conn = NULL;
    (void)sat_os_unlink(root, "mark", 0);
}

static void how_a_program_fails_goes_to_the_next_step(void **state)
{
    (void)state;
    satchel_error err = {0};
    fake_cred_step = step_by_program;
    program = "sh -c 'echo nobody is logged in >&2; exit 3'";
    start_answering();
    assert_int_equal(stat_once(&err), SATCHEL_IO);
    assert_string_equal(err.text, "it ended with status 3: nobody is logged in");
    program = "/nope/program";
    assert_int_equal(stat_once(&err), SATCHEL_NOT_FOUND);
    program = "'";
    assert_int_equal(stat_once(&err), SATCHEL_INVALID);
    assert_int_equal(http_server_requests(server), 0);
    program = "echo two";
    assert_int_equal(stat_once(&err), SATCHEL_INVALID); /* a line end is no header's */
    assert_int_equal(look_ups, 4);
}

/* Nothing is asked for: the first step has them. */
static int step_at_once(const struct sat_cred_reply *replies, size_t count,
                        struct sat_cred_want *want, satchel_error *err)
{
    (void)replies;
    (void)count;
    want->kind = SAT_CRED_DONE;
    want->keys = sat_strdup("at once");
    return want->keys == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

static void the_first_step_may_be_the_last(void **state)
{
    (void)state;
    fake_cred_step = step_at_once;
    start_answering();
    assert_next("at once", 0);
}

/* ---- what services say of them */

static void keys_the_service_calls_expired_are_looked_up_anew(void **state)
{
    (void)state;
    const struct http_step steps[] = {
        {.bytes = fake_reply("200 OK", "ETag: e\r\n", "")},
        {.bytes = fake_reply("400 Expired", "x-expired: 1\r\n", "")},
        {.bytes = fake_reply("200 OK", "ETag: e\r\n", "")},
    };
    start(steps, 3);
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    write_file("keys", "two");
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    assert_keys(1, "one");
    assert_keys(2, "two");
    assert_int_equal(look_ups, 2);
}

/* One that comes late with old keys must not throw the new ones away. */
static void rejected_keys_do_not_take_newer_ones_along(void **state)
{
    (void)state;
    struct sat_op op = {.kind = SAT_OP_STAT, .conn = NULL, .key = "k"};
    start_answering();
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    op.conn = conn;
    assert_true(sat_cred_reject(conn->cred, (const struct sat_cred_set *)(const void *)&op));
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    assert_int_equal(look_ups, 1);
    assert_false(sat_cred_reject(NULL, NULL));
}

/* An op that waited asks only after another one's reply took the new keys away: no failure is told
 * that there was not. */
static void keys_rejected_before_all_took_them_are_looked_up_again(void **state)
{
    (void)state;
    struct sat_attempt attempt = {0};
    start_answering();
    assert_int_equal(stat_once(NULL), SATCHEL_OK);
    struct sat_op op = {.kind = SAT_OP_STAT, .conn = conn, .key = "k", .attempt = &attempt};
    assert_int_equal(sat_cred_hold(&op), SAT_CRED_HELD);
    assert_true(sat_cred_reject(conn->cred, attempt.keys));
    sat_cred_drop(attempt.keys);
    attempt.keys = NULL;
    attempt.awaits = 1;
    assert_true(sat_cred_is_over(&op));
    assert_int_equal(sat_cred_hold(&op), SAT_CRED_WAITS);
    assert_int_equal(attempt.awaits, 2);
}

static void expired_keys_of_ones_own_are_no_reason_to_repeat(void **state)
{
    (void)state;
    const struct http_step steps[] = {{.bytes = fake_reply("400 Expired", "x-expired: 1\r\n", "")}};
    fake_cred_step = NULL;
    start(steps, 1);
    assert_null(conn->cred);
    assert_int_equal(stat_once(NULL), SATCHEL_INVALID);
    assert_int_equal(http_server_requests(server), 1);
}

static void run_out_of_memory(void)
{
    int code = SATCHEL_NOMEM;
    start_answering();
    for (long nth = 1; code != SATCHEL_OK; nth++) {
        satchel_error err = {0};
        assert_true(nth < 60);
        sat_alloc_fail_nth(nth);
        code = stat_once(&err);
        sat_alloc_fail_nth(0);
        assert_true(code == SATCHEL_OK || code == SATCHEL_NOMEM);
    }
}

static void out_of_memory_is_told_and_leaves_nothing(void **state)
{
    (void)state;
    run_out_of_memory();
}

static void out_of_memory_around_a_program_leaves_nothing(void **state)
{
    (void)state;
    fake_cred_step = step_by_program;
    program = "printf key";
    run_out_of_memory();
}

#define CRED_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CRED_TEST(nothing_is_read_before_the_first_op),
        CRED_TEST(keys_are_kept),
        CRED_TEST(all_that_wait_share_one_look_up),
        CRED_TEST(a_failure_goes_to_all_that_wait_and_is_not_kept),
        CRED_TEST(a_missing_file_is_told_to_the_next_step),
        CRED_TEST(keys_near_their_end_are_looked_up_once_a_minute),
        CRED_TEST(keys_are_not_used_beyond_their_end),
        CRED_TEST(keys_near_their_end_are_used_while_others_are_looked_up),
        CRED_TEST(all_at_once_start_one_look_ahead),
        CRED_TEST(a_failed_look_ahead_changes_nothing_for_a_minute),
        CRED_TEST(after_failures_keys_are_used_to_their_end),
        CRED_TEST(ops_that_must_wait_join_a_look_ahead),
        CRED_TEST(closing_waits_for_a_look_ahead),
        CRED_TEST(what_a_program_prints_goes_to_the_next_step),
        CRED_TEST(an_op_waits_for_a_program_to_its_deadline_at_most),
        CRED_TEST(an_op_that_waits_for_a_program_is_cancelled),
        CRED_TEST(how_a_program_fails_goes_to_the_next_step),
        CRED_TEST(the_first_step_may_be_the_last),
        CRED_TEST(keys_the_service_calls_expired_are_looked_up_anew),
        CRED_TEST(rejected_keys_do_not_take_newer_ones_along),
        CRED_TEST(keys_rejected_before_all_took_them_are_looked_up_again),
        CRED_TEST(expired_keys_of_ones_own_are_no_reason_to_repeat),
        CRED_TEST(out_of_memory_is_told_and_leaves_nothing),
        CRED_TEST(out_of_memory_around_a_program_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
