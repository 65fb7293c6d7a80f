/* The poller: what is wanted is reported, what is not wanted does not keep a thread busy. */
#include "support/test.h"

#include <sys/socket.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/poller.h"
#include "core/worker.h"

enum { ROOM = 8, SECONDS_10 = 10 * 1000 };

static struct sat_poller *poller;
static int ours;
static int theirs;
static struct sat_poller_event events[ROOM];

static void open_pair(void)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ours = pair[0];
    theirs = pair[1];
}

static int begin(void **state)
{
    (void)state;
    open_pair();
    return sat_poller_new(&poller, NULL);
}

static int end(void **state)
{
    (void)state;
    sat_poller_free(poller);
    (void)close(ours);
    (void)close(theirs);
    return 0;
}

static size_t look(void)
{
    return sat_poller_wait(poller, 0, events, ROOM);
}

static void say_something(void)
{
    assert_int_equal(write(theirs, "x", 1), 1);
}

static void want(unsigned what)
{
    assert_int_equal(sat_poller_want(poller, ours, what, NULL), SATCHEL_OK);
}

static void what_is_wanted_is_reported(void **state)
{
    (void)state;
    want(SAT_POLLER_READ);
    assert_int_equal(look(), 0);
    say_something();
    assert_int_equal(look(), 1);
    assert_int_equal(events[0].fd, ours);
    assert_int_equal(events[0].what, SAT_POLLER_READ);
    want(SAT_POLLER_READ | SAT_POLLER_WRITE);
    assert_int_equal(look(), 1);
    assert_int_equal(events[0].what, SAT_POLLER_READ | SAT_POLLER_WRITE);
    want(SAT_POLLER_WRITE);
    assert_int_equal(look(), 1);
    assert_int_equal(events[0].what, SAT_POLLER_WRITE);
}

static bool waits_for(int ms)
{
    int64_t begun = sat_clock_now_ns();
    assert_int_equal(sat_poller_wait(poller, ms, events, ROOM), 0);
    return sat_clock_now_ns() - begun >= (ms - 1) * SAT_NS_PER_MS;
}

/* What others close may live on in a forked child, and its number is another's: curl's resolver. */
static void what_is_closed_by_others_is_not_kept(void **state)
{
    (void)state;
    int number = ours;
    want(SAT_POLLER_READ);
    want(0);
    int copy = dup(ours);
    (void)close(ours);
    say_something();
    assert_true(waits_for(20));
    (void)close(theirs);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    ours = pair[0];
    theirs = pair[1];
    assert_int_equal(ours, number);
    want(SAT_POLLER_READ);
    say_something();
    assert_int_equal(look(), 1);
    (void)close(copy);
}

/* Closed and made anew without a word: what is believed to be registered is not. */
static void a_socket_that_was_exchanged_is_registered_again(void **state)
{
    (void)state;
    want(SAT_POLLER_READ);
    (void)close(ours);
    (void)close(theirs);
    open_pair();
    want(SAT_POLLER_READ | SAT_POLLER_WRITE);
    assert_int_equal(look(), 1);
    assert_int_equal(events[0].what, SAT_POLLER_WRITE);
}

/* Else a thread would spin on a connection that the server closed while it was idle. */
static void what_is_not_wanted_is_reported_neither_once_nor_for_ever(void **state)
{
    (void)state;
    assert_int_equal(sat_poller_adopt(poller, ours, NULL), SATCHEL_OK);
    want(SAT_POLLER_READ);
    want(0);
    say_something();
    assert_int_equal(look(), 0);
    assert_true(waits_for(20));
    want(SAT_POLLER_READ);
    assert_int_equal(look(), 1);
    want(0);
    assert_int_equal(look(), 0);
    assert_int_equal(close(theirs), 0);
    theirs = -1;
    sat_poller_wake(poller);
    assert_int_equal(sat_poller_wait(poller, SECONDS_10, events, ROOM), 0);
}

static void an_end_is_a_fault(void **state)
{
    (void)state;
    want(SAT_POLLER_READ);
    assert_int_equal(close(theirs), 0);
    theirs = -1;
    assert_int_equal(look(), 1);
    assert_int_equal(events[0].what & SAT_POLLER_FAULT, SAT_POLLER_FAULT);
}

static void a_number_used_again_is_another_socket(void **state)
{
    (void)state;
    int before = ours;
    want(SAT_POLLER_READ);
    sat_poller_forget(poller, ours);
    (void)close(ours);
    (void)close(theirs);
    open_pair();
    assert_int_equal(ours, before);
    say_something();
    assert_int_equal(look(), 0);
    want(SAT_POLLER_READ);
    assert_int_equal(look(), 1);
    sat_poller_forget(poller, 100000); /* never seen */
    sat_poller_forget(poller, -1);
}

static void *wake(void *arg)
{
    sat_poller_wake(arg);
    return NULL;
}

static void a_wake_ends_the_wait_under_way_or_the_next(void **state)
{
    (void)state;
    unsigned long thread;
    assert_int_equal(sat_thread_start(wake, poller, &thread, NULL), SATCHEL_OK);
    assert_int_equal(sat_poller_wait(poller, -1, events, ROOM), 0);
    sat_thread_join(thread);
    sat_poller_wake(poller);
    sat_poller_wake(poller);
    want(SAT_POLLER_READ);
    assert_int_equal(sat_poller_wait(poller, -1, events, ROOM), 0);
    say_something();
    assert_int_equal(sat_poller_wait(poller, -1, events, ROOM), 1);
}

static void many_events_come_in_turns(void **state)
{
    (void)state;
    struct sat_poller_event one;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    want(SAT_POLLER_WRITE);
    assert_int_equal(sat_poller_want(poller, pair[0], SAT_POLLER_WRITE, NULL), SATCHEL_OK);
    assert_int_equal(sat_poller_wait(poller, 0, &one, 1), 1);
    int first = one.fd;
    assert_int_equal(sat_poller_wait(poller, 0, &one, 1), 1);
    assert_int_not_equal(one.fd, first);
    sat_poller_forget(poller, pair[0]);
    (void)close(pair[0]);
    (void)close(pair[1]);
}

static void what_cannot_be_waited_for_is_told(void **state)
{
    (void)state;
    satchel_error err = {0};
    assert_int_equal(sat_poller_want(poller, 9999, SAT_POLLER_READ, &err), SATCHEL_IO);
    assert_non_null(strstr(err.text, "waiting for a socket"));
    sat_alloc_fail_nth(1);
    assert_int_equal(sat_poller_want(poller, 99999, SAT_POLLER_READ, &err), SATCHEL_NOMEM);
    sat_alloc_fail_nth(0);
}

#define POLLER_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POLLER_TEST(what_is_wanted_is_reported),
        POLLER_TEST(what_is_not_wanted_is_reported_neither_once_nor_for_ever),
        POLLER_TEST(what_is_closed_by_others_is_not_kept),
        POLLER_TEST(a_socket_that_was_exchanged_is_registered_again),
        POLLER_TEST(an_end_is_a_fault),
        POLLER_TEST(a_number_used_again_is_another_socket),
        POLLER_TEST(a_wake_ends_the_wait_under_way_or_the_next),
        POLLER_TEST(many_events_come_in_turns),
        POLLER_TEST(what_cannot_be_waited_for_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
