/*
 * Lanes, workers and look-ups of credentials in forked children. Apart from the tests of engine,
 * worker and cred, for the thread sanitizer cannot start threads in the child of a process that had
 * some.
 */
#include "support/test.h"

#include <semaphore.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/engine.h"
#include "core/error.h"
#include "core/fake_backend.h"
#include "core/fork.h"
#include "core/str.h"
#include "core/worker.h"
#include "support/forked.h"

static struct http_server *server;
static struct sat_conn *conn;

static void start(const char *lanes)
{
    const struct http_step steps[] = {{.bytes = fake_reply("200 OK", "ETag: e\r\n", "")}};
    server = http_server_start(steps, 1);
    conn = fake_open(http_server_url(server), "lanes", lanes, "request_timeout", "10", NULL);
}

static int tear_down(void **state)
{
    (void)state;
    sat_conn_close(conn);
    http_server_stop(server);
    return 0;
}

/* ---- lanes */

static int stat_once(void)
{
    struct sat_op stat = {.kind = SAT_OP_STAT, .conn = conn, .key = "k"};
    int code = sat_op_run(&stat, NULL);
    sat_op_fini(&stat);
    return code;
}

static int use_in_child(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        if (stat_once() != SATCHEL_OK)
            return 1;
    }
    sat_conn_close(conn);
    return 0;
}

/* It opens its own connection and leaves its parent's as it is. */
static void a_forked_child_has_lanes_of_its_own(void **state)
{
    (void)state;
    start("1");
    assert_int_equal(stat_once(), SATCHEL_OK);
    assert_int_equal(run_forked(use_in_child, NULL), 0);
    assert_int_equal(stat_once(), SATCHEL_OK);
    assert_int_equal(http_server_requests(server), 5);
    assert_int_equal(http_server_connections(server), 2);
}

static int close_in_child(void *unused)
{
    (void)unused;
    sat_conn_close(conn);
    return 0;
}

/* Closing there joins no thread and says nothing on the parent's connection. */
static void a_forked_child_may_close_what_it_did_not_use(void **state)
{
    (void)state;
    start("2");
    for (int i = 0; i < 4; i++)
        assert_int_equal(stat_once(), SATCHEL_OK);
    assert_int_equal(run_forked(close_in_child, NULL), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(stat_once(), SATCHEL_OK);
    assert_int_equal(http_server_connections(server), 2);
}

/* ---- workers */

struct job {
    struct sat_task task; /* first */
    unsigned runs;
};

static void run_job(struct sat_task *task)
{
    ((struct job *)(void *)task)->runs++;
}

static int run_in_child(void *arg)
{
    struct sat_workers *pool = arg;
    struct sat_group *group = NULL;
    struct job job = {.task.run = run_job};
    if (sat_group_new(pool, &group, NULL) != SATCHEL_OK ||
        sat_group_submit(group, &job.task, NULL) != SATCHEL_OK)
        return 1;
    if (sat_group_wait(group) != &job.task || job.runs != 1)
        return 2;
    sat_group_free(group);
    sat_workers_free(pool);
    return 0;
}

/* Else it would count on idle threads that are the parent's. */
static void a_forked_child_has_threads_of_its_own(void **state)
{
    (void)state;
    struct sat_workers *pool = NULL;
    struct sat_group *group = NULL;
    struct job job = {.task.run = run_job};
    assert_int_equal(sat_fork_start(NULL), SATCHEL_OK);
    assert_int_equal(sat_workers_new(4, &pool, NULL), SATCHEL_OK);
    assert_int_equal(sat_group_new(pool, &group, NULL), SATCHEL_OK);
    assert_int_equal(sat_group_submit(group, &job.task, NULL), SATCHEL_OK);
    assert_ptr_equal(sat_group_wait(group), &job.task);
    assert_int_equal(run_forked(run_in_child, pool), 0);
    sat_group_free(group);
    sat_workers_free(pool);
}

/* ---- credentials */

enum { NOW_S = 1700000000 };

static unsigned look_ups;
static bool held;
static sem_t stopped;
static sem_t let_go;

/* Keys of an hour, named after the look-up; the look-up stops in between when it is held. */
static int find_keys(const struct sat_cred_reply *replies, size_t count, struct sat_cred_want *want,
                     satchel_error *err)
{
    (void)replies;
    if (count == 0) {
        want->kind = SAT_CRED_READ_FILE;
        want->path = "/dev/null";
        return SATCHEL_OK;
    }
    want->kind = SAT_CRED_DONE;
    want->keys = sat_strf("keys %u", ++look_ups);
    want->expires_s = NOW_S + 3600;
    if (held) {
        (void)sem_post(&stopped);
        (void)sem_wait(&let_go);
    }
    return want->keys == NULL ? sat_error_nomem(err) : SATCHEL_OK;
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
    (void)sem_wait(&stopped);
}

static int renew_in_child(void *unused)
{
    (void)unused;
    held = false;
    if (stat_once() != SATCHEL_OK)
        return 1;
    wait_for_the_worker();
    if (look_ups != 3 || stat_once() != SATCHEL_OK)
        return 2;
    sat_conn_close(conn);
    return 0;
}

static void assert_keys(unsigned request, const char *line)
{
    assert_non_null(strstr(http_server_request(server, request), line));
}

/* The look-up that is under way is the parent's: the child does not wait for it. */
static void a_forked_child_looks_up_credentials_itself(void **state)
{
    (void)state;
    const struct http_step steps[] = {{.bytes = fake_reply("200 OK", "ETag: e\r\n", "")}};
    assert_int_equal(sem_init(&stopped, 0, 0) | sem_init(&let_go, 0, 0), 0);
    fake_cred_step = find_keys;
    sat_clock_fake_wall(NOW_S * SAT_NS_PER_S);
    server = http_server_start(steps, 1);
    conn = fake_open(http_server_url(server), "workers", "1", "request_timeout", "10", NULL);
    assert_int_equal(stat_once(), SATCHEL_OK);
    held = true;
    sat_clock_fake_wall((NOW_S + 3600 - 700) * SAT_NS_PER_S);
    assert_int_equal(stat_once(), SATCHEL_OK); /* looks ahead */
    (void)sem_wait(&stopped);
    assert_int_equal(run_forked(renew_in_child, NULL), 0);
    assert_keys(2, "X-Keys: keys 1\r\n");
    assert_keys(3, "X-Keys: keys 3\r\n");
    (void)sem_post(&let_go);
    wait_for_the_worker();
    assert_int_equal(stat_once(), SATCHEL_OK);
    assert_keys(4, "X-Keys: keys 2\r\n");
    fake_cred_step = NULL;
    sat_clock_fake_wall(SAT_CLOCK_REAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_forked_child_has_lanes_of_its_own, tear_down),
        cmocka_unit_test_teardown(a_forked_child_may_close_what_it_did_not_use, tear_down),
        cmocka_unit_test(a_forked_child_has_threads_of_its_own),
        cmocka_unit_test_teardown(a_forked_child_looks_up_credentials_itself, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
