/* Credentials: looked up at first need, once for all who wait, and again when they end. */
#include "support/test.h"

#include <stdatomic.h>
#include <stdio.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/fake_backend.h"
#include "core/os_folder.h"
#include "core/str.h"

enum { NOW_S = 1700000000 };

static struct http_server *server;
static struct sat_conn *conn;
static struct sat_queue *queue;
static char path[128];
static atomic_uint look_ups;
static int64_t expires_s;
static bool refused;

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
    fake_cred_step = step;
    write_file("keys", "one");
    return sat_queue_new(&queue, NULL);
}

static int end(void **state)
{
    (void)state;
    sat_clock_fake_wall(SAT_CLOCK_REAL);
    sat_alloc_fail_nth(0);
    sat_conn_close(conn);
    conn = NULL;
    sat_queue_free(queue);
    http_server_stop(server);
    fake_cred_step = NULL;
    return 0;
}

static void start(const struct http_step *steps, size_t count)
{
    server = http_server_start(steps, count);
    conn = fake_open(http_server_url(server), NULL);
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

static void out_of_memory_is_told_and_leaves_nothing(void **state)
{
    (void)state;
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
        CRED_TEST(keys_the_service_calls_expired_are_looked_up_anew),
        CRED_TEST(rejected_keys_do_not_take_newer_ones_along),
        CRED_TEST(expired_keys_of_ones_own_are_no_reason_to_repeat),
        CRED_TEST(out_of_memory_is_told_and_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
