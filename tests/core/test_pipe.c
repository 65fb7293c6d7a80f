/* A PUT that is fed: every byte once and in order, never more held than said, nothing half-done. */
#include "support/test.h"

#include <stdatomic.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/fake_backend.h"
#include "core/pipe.h"

enum { ROOM = 7, BYTES = 1000 };

static struct sat_conn *conn;
static struct sat_pipe *fed;
static char stored[2 * BYTES];
static size_t stored_len;
static size_t reads_of;   /* bytes asked for at once */
static size_t fails_at;   /* bytes after which the PUT fails; 0 = it does not */
static bool leaves_early; /* the PUT succeeds without having read all */
static int64_t deadline_at_end;
static atomic_int puts_under_way;

/* Reads the whole source, as a local slot does. */
static int slow_put(struct sat_op *op, satchel_error *err)
{
    size_t got = 1;
    int code = SATCHEL_OK;
    atomic_fetch_add(&puts_under_way, 1);
    stored_len = 0;
    while (code == SATCHEL_OK && got > 0 && !(leaves_early && stored_len > 0)) {
        code = sat_source_read(&op->source, stored_len, stored + stored_len, reads_of, &got, err);
        stored_len += code == SATCHEL_OK ? got : 0;
        if (code == SATCHEL_OK && fails_at > 0 && stored_len >= fails_at)
            code = sat_error_set(err, SATCHEL_IO, "the disk is full");
    }
    deadline_at_end = op->deadline_ns;
    op->info.size = stored_len;
    atomic_fetch_sub(&puts_under_way, 1);
    return code;
}

static int begin(void **state)
{
    (void)state;
    conn = fake_open_uri("fakelocal:///x", NULL, NULL);
    fake_run = slow_put;
    reads_of = 5;
    fails_at = 0;
    leaves_early = false;
    return 0;
}

/* With the settings as they are now: from here on they are the thread's. */
static void open_pipe(void)
{
    const struct sat_op put = {.conn = conn, .key = "k"};
    assert_int_equal(sat_pipe_new(&put, ROOM, &fed, NULL), SATCHEL_OK);
}

static int end(void **state)
{
    (void)state;
    sat_pipe_free(fed);
    fed = NULL;
    fake_run = NULL;
    sat_conn_close(conn);
    return 0;
}

static char byte_at(size_t i)
{
    return (char)('a' + i % 23);
}

static int write_bytes(size_t count, size_t piece, satchel_error *err)
{
    char text[BYTES];
    int code = SATCHEL_OK;
    for (size_t at = 0; at < count && code == SATCHEL_OK; at += piece) {
        size_t n = count - at < piece ? count - at : piece;
        for (size_t i = 0; i < n; i++)
            text[i] = byte_at(at + i);
        code = sat_pipe_write(fed, text, n, err);
    }
    return code;
}

static void assert_stored(size_t count)
{
    assert_int_equal(stored_len, count);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(stored[i], byte_at(i));
}

static void every_byte_arrives_once_and_in_order(void **state)
{
    static const size_t pieces[] = {1, 3, ROOM, ROOM + 1, 64, BYTES};
    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct sat_info info = {0};
        reads_of = 1 + 4 * i;
        open_pipe();
        assert_int_equal(write_bytes(BYTES, pieces[i], NULL), SATCHEL_OK);
        assert_int_equal(sat_pipe_finish(fed, &info, NULL), SATCHEL_OK);
        assert_int_equal(info.size, BYTES);
        assert_stored(BYTES);
        sat_pipe_free(fed);
        fed = NULL;
    }
}

static void nothing_is_an_object_too(void **state)
{
    (void)state;
    struct sat_info info = {.size = 9};
    open_pipe();
    assert_int_equal(sat_pipe_finish(fed, &info, NULL), SATCHEL_OK);
    assert_int_equal(info.size, 0);
}

static void a_failure_reaches_the_writer(void **state)
{
    (void)state;
    satchel_error err = {0};
    fails_at = 20;
    open_pipe();
    assert_int_equal(write_bytes(BYTES, 10, &err), SATCHEL_IO);
    assert_string_equal(err.text, "the disk is full");
    struct sat_info info = {0};
    assert_int_equal(sat_pipe_finish(fed, &info, &err), SATCHEL_IO);
}

static void a_failure_at_the_end_reaches_the_finish(void **state)
{
    (void)state;
    struct sat_info info = {0};
    fails_at = 3;
    open_pipe();
    assert_int_equal(write_bytes(3, 3, NULL), SATCHEL_OK);
    assert_int_equal(sat_pipe_finish(fed, &info, NULL), SATCHEL_IO);
}

/* A slot that stops reading has not stored the stream. */
static void a_put_that_leaves_early_is_no_success(void **state)
{
    (void)state;
    satchel_error err = {0};
    struct sat_info info = {0};
    leaves_early = true;
    open_pipe();
    (void)write_bytes(BYTES, 10, NULL);
    assert_int_equal(sat_pipe_finish(fed, &info, &err), SATCHEL_INTEGRITY);
    assert_non_null(strstr(err.text, "'k' ended before its stream"));
}

static void what_is_not_finished_is_cancelled(void **state)
{
    (void)state;
    open_pipe();
    assert_int_equal(write_bytes(3, 3, NULL), SATCHEL_OK);
    sat_pipe_free(fed);
    fed = NULL;
    assert_int_equal(atomic_load(&puts_under_way), 0);
    assert_true(stored_len <= 3);
}

/* A stream may take hours; what comes after it may not. */
static void the_time_of_the_stream_is_not_the_puts(void **state)
{
    (void)state;
    struct sat_info info = {0};
    open_pipe();
    assert_int_equal(write_bytes(BYTES, 100, NULL), SATCHEL_OK);
    int64_t before = sat_clock_now_ns();
    assert_int_equal(sat_pipe_finish(fed, &info, NULL), SATCHEL_OK);
    assert_true(deadline_at_end >= before + 60 * SAT_NS_PER_S - SAT_NS_PER_S);
    assert_true(deadline_at_end <= sat_clock_now_ns() + 60 * SAT_NS_PER_S);
}

static void without_memory_there_is_no_pipe(void **state)
{
    (void)state;
    for (long nth = 1; nth <= 2; nth++) {
        struct sat_pipe *none = NULL;
        const struct sat_op put = {.conn = conn, .key = "k"};
        sat_alloc_fail_nth(nth);
        int code = sat_pipe_new(&put, ROOM, &none, NULL);
        sat_alloc_fail_nth(0);
        assert_int_equal(code, SATCHEL_NOMEM);
    }
}

#define PIPE_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PIPE_TEST(every_byte_arrives_once_and_in_order),
        PIPE_TEST(nothing_is_an_object_too),
        PIPE_TEST(a_failure_reaches_the_writer),
        PIPE_TEST(a_failure_at_the_end_reaches_the_finish),
        PIPE_TEST(a_put_that_leaves_early_is_no_success),
        PIPE_TEST(what_is_not_finished_is_cancelled),
        PIPE_TEST(the_time_of_the_stream_is_not_the_puts),
        PIPE_TEST(without_memory_there_is_no_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
