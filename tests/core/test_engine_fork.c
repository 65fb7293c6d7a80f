/*
 * Lanes and workers in forked children. Apart from the tests of engine and worker, for the thread
 * sanitizer cannot start threads in the child of a process that had some.
 */
#include "support/test.h"

#include "core/fake_backend.h"
#include "core/fork.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_forked_child_has_lanes_of_its_own, tear_down),
        cmocka_unit_test_teardown(a_forked_child_may_close_what_it_did_not_use, tear_down),
        cmocka_unit_test(a_forked_child_has_threads_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
