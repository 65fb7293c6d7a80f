/* The adaptive mode's limit: when there is one, how it falls and grows, who gets its tokens. */
#include "support/test.h"

#include <math.h>
#include <pthread.h>

#include "core/clock.h"
#include "core/rate.h"

#define START_NS (1000 * SAT_NS_PER_S)

/* 0.7 of 100 a second: CUBIC is back at 100 after cbrt(100 * 0.3 / 0.4) seconds. */
#define RECOVERY_S 4.217163326508746

static struct sat_rate rate;
static int64_t now_ns;

static int begin(void **state)
{
    (void)state;
    now_ns = START_NS;
    sat_rate_init(&rate, now_ns);
    return 0;
}

static int end(void **state)
{
    (void)state;
    sat_rate_fini(&rate);
    return 0;
}

/* So many good replies a second, evenly, for so long. */
static void answer(unsigned per_s, double seconds)
{
    int64_t until = now_ns + (int64_t)(seconds * (double)SAT_NS_PER_S);
    for (; now_ns < until; now_ns += SAT_NS_PER_S / per_s)
        sat_rate_answered(&rate, now_ns, false);
    now_ns = until;
}

/* A service that took 100 requests a second for long has had enough. */
static void throttle_at_100(void)
{
    answer(100, 20);
    sat_rate_answered(&rate, now_ns, true);
}

static void assert_limit(double wanted)
{
    assert_true(fabs(sat_rate_limit(&rate) - wanted) <= 1e-6 * wanted);
}

static unsigned take_all(void)
{
    unsigned taken = 0;
    while (sat_rate_take(&rate, now_ns) == 0)
        taken++;
    return taken;
}

static void without_a_throttled_reply_there_is_no_limit(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        for (unsigned n = 0; n < 1000; n++)
            assert_int_equal(sat_rate_take(&rate, now_ns), 0);
        answer(50, 1);
        assert_true(sat_rate_limit(&rate) <= 0);
    }
}

static void a_throttled_reply_leaves_seven_tenths_of_the_measured_rate(void **state)
{
    (void)state;
    throttle_at_100();
    assert_limit(70);
}

/* What is measured still holds the time before the first: the limit itself is what counts. */
static void another_one_leaves_seven_tenths_of_the_limit(void **state)
{
    (void)state;
    throttle_at_100();
    sat_rate_answered(&rate, now_ns, true);
    assert_limit(49);
    sat_rate_answered(&rate, now_ns, true);
    assert_limit(34.3);
}

static void the_limit_grows_with_the_cube_of_the_time(void **state)
{
    (void)state;
    throttle_at_100();
    int64_t throttled_ns = now_ns;
    double before = sat_rate_limit(&rate);
    for (unsigned i = 1; i <= 60; i++) {
        answer(100, 0.1);
        sat_rate_answered(&rate, now_ns, false);
        double late_s = (double)(now_ns - throttled_ns) / (double)SAT_NS_PER_S - RECOVERY_S;
        assert_limit(0.4 * late_s * late_s * late_s + 100);
        assert_true(sat_rate_limit(&rate) > before);
        before = sat_rate_limit(&rate);
    }
}

static void the_old_rate_is_reached_when_recovery_ends(void **state)
{
    (void)state;
    throttle_at_100();
    answer(100, RECOVERY_S);
    sat_rate_answered(&rate, now_ns, false);
    assert_limit(100);
}

static void the_limit_never_exceeds_twice_the_measured_rate(void **state)
{
    (void)state;
    throttle_at_100();
    answer(100, 60);
    assert_limit(200);
    answer(10, 20);
    assert_limit(20);
}

static void half_a_request_a_second_is_always_allowed(void **state)
{
    (void)state;
    sat_rate_answered(&rate, now_ns, true); /* nothing was measured yet */
    assert_limit(0.5);
    for (unsigned i = 0; i < 100; i++) {
        now_ns += 10 * SAT_NS_PER_S;
        sat_rate_answered(&rate, now_ns, true);
        assert_limit(0.5);
    }
    (void)take_all();
    int64_t wait_ns = sat_rate_take(&rate, now_ns);
    assert_true(wait_ns > 0 && wait_ns <= 2 * SAT_NS_PER_S + 1);
}

static void the_wait_that_is_told_is_the_time_until_the_next_token(void **state)
{
    (void)state;
    throttle_at_100();
    (void)take_all();
    for (unsigned i = 0; i < 100; i++) {
        int64_t wait_ns = sat_rate_take(&rate, now_ns);
        assert_true(wait_ns > 2000);
        int64_t half_ns = wait_ns / 2;
        int64_t rest_ns = sat_rate_take(&rate, now_ns + half_ns);
        assert_in_range(half_ns + rest_ns, wait_ns - 10, wait_ns + 10);
        assert_in_range(sat_rate_take(&rate, now_ns + wait_ns - 1000), 1, 1010);
        now_ns += wait_ns;
        assert_int_equal(sat_rate_take(&rate, now_ns), 0);
    }
}

static void tokens_come_at_the_rate(void **state)
{
    (void)state;
    throttle_at_100();
    (void)take_all();
    unsigned taken = 0;
    for (unsigned i = 0; i < 10000; i++) {
        now_ns += SAT_NS_PER_MS;
        taken += take_all();
    }
    assert_in_range(taken, 699, 701);
}

static void tokens_of_one_second_are_kept_and_no_more(void **state)
{
    (void)state;
    throttle_at_100();
    (void)take_all();
    now_ns += 3600 * SAT_NS_PER_S;
    assert_int_equal(take_all(), 70);
}

/* Tokens that came while the rate was higher. */
static void a_fall_of_the_limit_takes_tokens_away(void **state)
{
    (void)state;
    throttle_at_100();
    now_ns += 3600 * SAT_NS_PER_S;
    answer(1, 20);
    sat_rate_answered(&rate, now_ns, true);
    assert_true(sat_rate_limit(&rate) < 1);
    assert_int_equal(take_all(), 1);
}

static void time_that_seems_to_run_back_gives_nothing(void **state)
{
    (void)state;
    throttle_at_100();
    (void)take_all();
    for (unsigned i = 0; i < 100; i++) {
        assert_true(sat_rate_take(&rate, now_ns - SAT_NS_PER_MS) > 0);
        assert_true(sat_rate_take(&rate, now_ns) > 0);
    }
}

static pthread_barrier_t together;

static void *take_in_a_thread(void *taken)
{
    (void)pthread_barrier_wait(&together);
    *(unsigned *)taken = take_all();
    return NULL;
}

static void two_threads_get_no_more_than_there_is(void **state)
{
    (void)state;
    pthread_t threads[2];
    unsigned taken[2] = {0, 0};
    answer(100000, 3);
    sat_rate_answered(&rate, now_ns, true);
    now_ns += 3600 * SAT_NS_PER_S;
    assert_int_equal(pthread_barrier_init(&together, NULL, 2), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_in_a_thread, &taken[i]), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(pthread_barrier_destroy(&together), 0);
    assert_int_equal(taken[0] + taken[1], floor(sat_rate_limit(&rate)));
}

#define RATE_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RATE_TEST(without_a_throttled_reply_there_is_no_limit),
        RATE_TEST(a_throttled_reply_leaves_seven_tenths_of_the_measured_rate),
        RATE_TEST(another_one_leaves_seven_tenths_of_the_limit),
        RATE_TEST(the_limit_grows_with_the_cube_of_the_time),
        RATE_TEST(the_old_rate_is_reached_when_recovery_ends),
        RATE_TEST(the_limit_never_exceeds_twice_the_measured_rate),
        RATE_TEST(half_a_request_a_second_is_always_allowed),
        RATE_TEST(the_wait_that_is_told_is_the_time_until_the_next_token),
        RATE_TEST(tokens_come_at_the_rate),
        RATE_TEST(tokens_of_one_second_are_kept_and_no_more),
        RATE_TEST(a_fall_of_the_limit_takes_tokens_away),
        RATE_TEST(time_that_seems_to_run_back_gives_nothing),
        RATE_TEST(two_threads_get_no_more_than_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
