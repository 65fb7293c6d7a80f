/* The retry policy: how often, after how long, and never past the deadline. */
#include "support/test.h"

#include "core/alloc.h"
#include "core/retry.h"

static const struct sat_retry_policy policy = {.max_attempts = 5, .base_ms = 50};

static struct sat_retry_state after(unsigned attempts, enum sat_retry_class class)
{
    return (struct sat_retry_state){
        .attempts = attempts, .retry = class, .remaining_ms = 1000 * 1000, .random = UINT64_MAX};
}

/* The longest delay over many random numbers. */
static uint64_t longest(const struct sat_retry_policy *of, struct sat_retry_state state)
{
    uint64_t max = 0;
    for (uint64_t i = 0; i < 30000; i++) {
        uint64_t delay = 0;
        state.random = i;
        assert_true(sat_retry_due(of, &state, &delay));
        max = delay > max ? delay : max;
    }
    return max;
}

static void the_number_of_attempts_is_bounded(void **state)
{
    (void)state;
    uint64_t delay;
    struct sat_retry_state fourth = after(4, SAT_RETRY_TRANSIENT);
    struct sat_retry_state fifth = after(5, SAT_RETRY_TRANSIENT);
    assert_true(sat_retry_due(&policy, &fourth, &delay));
    assert_false(sat_retry_due(&policy, &fifth, &delay));
}

static void what_must_not_be_repeated_is_not(void **state)
{
    (void)state;
    uint64_t delay;
    struct sat_retry_state first = after(1, SAT_RETRY_NEVER);
    assert_false(sat_retry_due(&policy, &first, &delay));
}

static void the_delay_doubles_up_to_twenty_seconds(void **state)
{
    (void)state;
    const struct sat_retry_policy many = {.max_attempts = 100, .base_ms = 50};
    assert_int_equal(longest(&many, after(1, SAT_RETRY_TRANSIENT)), 50);
    assert_int_equal(longest(&many, after(2, SAT_RETRY_TRANSIENT)), 100);
    assert_int_equal(longest(&many, after(4, SAT_RETRY_TRANSIENT)), 400);
    assert_int_equal(longest(&many, after(60, SAT_RETRY_TRANSIENT)), 20 * 1000);
}

static void the_delay_is_random_from_zero(void **state)
{
    (void)state;
    uint64_t delay = 1;
    struct sat_retry_state first = after(1, SAT_RETRY_TRANSIENT);
    first.random = 0;
    assert_true(sat_retry_due(&policy, &first, &delay));
    assert_int_equal(delay, 0);
}

static void a_throttled_request_waits_longer(void **state)
{
    (void)state;
    const struct sat_retry_policy slow = {.max_attempts = 5, .base_ms = 3000};
    assert_int_equal(longest(&policy, after(1, SAT_RETRY_THROTTLE)), 1000);
    assert_int_equal(longest(&slow, after(1, SAT_RETRY_THROTTLE)), 3000);
}

static void a_wish_of_the_service_is_a_lower_bound(void **state)
{
    (void)state;
    uint64_t delay = 0;
    struct sat_retry_state first = after(1, SAT_RETRY_THROTTLE);
    first.retry_after_ms = 7000;
    first.random = 0;
    assert_true(sat_retry_due(&policy, &first, &delay));
    assert_int_equal(delay, 7000);
    assert_int_equal(longest(&policy, first), 8 * 1000); /* and the policy's own delay */
    first.attempts = 4;
    assert_int_equal(longest(&policy, first), 12 * 1000); /* but not all 8 s of that */
}

static void no_delay_reaches_the_deadline(void **state)
{
    (void)state;
    uint64_t delay = 0;
    struct sat_retry_state last = after(4, SAT_RETRY_TRANSIENT);
    last.remaining_ms = 10;
    assert_int_equal(longest(&policy, last), 9);
    last.remaining_ms = 0;
    assert_false(sat_retry_due(&policy, &last, &delay));
}

static void a_wish_beyond_the_deadline_is_no_retry(void **state)
{
    (void)state;
    uint64_t delay = 0;
    struct sat_retry_state first = after(1, SAT_RETRY_THROTTLE);
    first.retry_after_ms = 500;
    first.remaining_ms = 501;
    assert_true(sat_retry_due(&policy, &first, &delay));
    assert_int_equal(delay, 500);
    first.remaining_ms = 500;
    assert_false(sat_retry_due(&policy, &first, &delay));
}

static void a_clock_is_corrected_once(void **state)
{
    (void)state;
    uint64_t delay = 9;
    struct sat_retry_state first = after(1, SAT_RETRY_SKEW);
    assert_true(sat_retry_due(&policy, &first, &delay));
    assert_int_equal(delay, 0);
    first.corrected = true;
    assert_false(sat_retry_due(&policy, &first, &delay));
}

static void what_was_garbled_on_its_way_is_sent_once_more(void **state)
{
    (void)state;
    uint64_t delay = 9;
    struct sat_retry_state first = after(1, SAT_RETRY_ONCE);
    assert_true(sat_retry_due(&policy, &first, &delay));
    assert_int_equal(delay, 0);
    first.corrected = true;
    assert_false(sat_retry_due(&policy, &first, &delay));
}

static void one_attempt_is_one_whatever_it_brought(void **state)
{
    (void)state;
    uint64_t delay;
    const struct sat_retry_policy off = {.max_attempts = 1, .base_ms = 50};
    struct sat_retry_state moved = after(0, SAT_RETRY_TRANSIENT);
    assert_true(sat_retry_due(&policy, &moved, &delay));
    assert_false(sat_retry_due(&off, &moved, &delay));
}

/* ---- tokens */

static unsigned count_left(struct sat_retry_bucket *bucket)
{
    unsigned left = 0;
    while (sat_retry_take(bucket, 1))
        left++;
    return left;
}

static void an_endpoint_pays_for_so_many_repetitions(void **state)
{
    (void)state;
    struct sat_retry_bucket *bucket = sat_retry_bucket_acquire("http://a");
    unsigned repetitions = 0;
    while (sat_retry_take(bucket, sat_retry_cost(SAT_RETRY_TRANSIENT)))
        repetitions++;
    assert_int_equal(repetitions, 500 / 14);
    assert_int_equal(count_left(bucket), 500 % 14); /* what is not enough is not taken */
    sat_retry_bucket_release(bucket);
    assert_int_equal(sat_retry_cost(SAT_RETRY_THROTTLE), 5);
    assert_int_equal(sat_retry_cost(SAT_RETRY_ONCE), 14);
}

static void an_answer_gives_back_what_was_taken_or_one(void **state)
{
    (void)state;
    struct sat_retry_bucket *bucket = sat_retry_bucket_acquire("http://a");
    assert_true(sat_retry_take(bucket, 100));
    sat_retry_give(bucket, 28);
    sat_retry_give(bucket, 0);
    assert_int_equal(count_left(bucket), 429);
    sat_retry_give(bucket, 400);
    sat_retry_give(bucket, 400);
    assert_int_equal(count_left(bucket), SAT_RETRY_TOKENS);
    sat_retry_bucket_release(bucket);
}

static void connections_to_one_endpoint_share_its_bucket(void **state)
{
    (void)state;
    struct sat_retry_bucket *one = sat_retry_bucket_acquire("http://a");
    struct sat_retry_bucket *two = sat_retry_bucket_acquire("http://a");
    struct sat_retry_bucket *other = sat_retry_bucket_acquire("http://b");
    assert_ptr_equal(one, two);
    assert_ptr_not_equal(one, other);
    assert_true(sat_retry_take(one, 500));
    sat_retry_bucket_release(one);
    assert_ptr_equal(sat_retry_bucket_acquire("http://a"), two);
    assert_false(sat_retry_take(two, 1));
    sat_retry_bucket_release(two);
    sat_retry_bucket_release(two);
    sat_retry_bucket_release(other);
    sat_retry_bucket_release(NULL);
}

static void a_bucket_needs_memory(void **state)
{
    (void)state;
    for (long nth = 1; nth <= 2; nth++) {
        sat_alloc_fail_nth(nth);
        assert_null(sat_retry_bucket_acquire("http://a"));
    }
    sat_alloc_fail_nth(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_number_of_attempts_is_bounded),
        cmocka_unit_test(what_must_not_be_repeated_is_not),
        cmocka_unit_test(the_delay_doubles_up_to_twenty_seconds),
        cmocka_unit_test(the_delay_is_random_from_zero),
        cmocka_unit_test(a_throttled_request_waits_longer),
        cmocka_unit_test(a_wish_of_the_service_is_a_lower_bound),
        cmocka_unit_test(no_delay_reaches_the_deadline),
        cmocka_unit_test(a_wish_beyond_the_deadline_is_no_retry),
        cmocka_unit_test(a_clock_is_corrected_once),
        cmocka_unit_test(what_was_garbled_on_its_way_is_sent_once_more),
        cmocka_unit_test(one_attempt_is_one_whatever_it_brought),
        cmocka_unit_test(an_endpoint_pays_for_so_many_repetitions),
        cmocka_unit_test(an_answer_gives_back_what_was_taken_or_one),
        cmocka_unit_test(connections_to_one_endpoint_share_its_bucket),
        cmocka_unit_test(a_bucket_needs_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
