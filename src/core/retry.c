/* The one retry policy, and the tokens that bound what an outage makes us repeat. */
#include "core/retry.h"

#include <stdatomic.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/lock.h"
#include "core/str.h"

enum {
    DELAY_MAX_MS = 20 * 1000,
    THROTTLE_BASE_MS = 1000,
    THROTTLE_FACTOR = 20, /* the default base of 50 ms makes 1 s */
    RETRY_AFTER_JITTER_MS = 5000,
    COST = 14,
    COST_THROTTLED = 5,
};

struct sat_retry_bucket {
    struct sat_retry_bucket *next; /* in the process's list */
    char *endpoint;
    unsigned users;
    atomic_uint tokens;
    struct sat_rate rate;
};

static struct sat_mutex buckets_lock = SAT_MUTEX_INIT;
static struct sat_retry_bucket *buckets;

/* ---- whether and when */

static uint64_t backoff_max_ms(uint64_t base_ms, unsigned attempts)
{
    uint64_t delay = base_ms;
    for (unsigned i = 1; i < attempts && delay < DELAY_MAX_MS; i++)
        delay *= 2;
    return delay < DELAY_MAX_MS ? delay : DELAY_MAX_MS;
}

/* A uniform number in [0, max]. */
static uint64_t jitter(uint64_t random, uint64_t max)
{
    return random % (max + 1);
}

bool sat_retry_due(const struct sat_retry_policy *policy, const struct sat_retry_state *state,
                   uint64_t *delay_ms)
{
    bool off = policy->max_attempts <= 1;
    if (off || state->retry == SAT_RETRY_NEVER || state->attempts >= policy->max_attempts)
        return false;
    if (state->retry >= SAT_RETRY_SKEW) {
        *delay_ms = 0;
        return !state->corrected && state->remaining_ms > 0;
    }
    uint64_t at_least = state->retry_after_ms;
    if (at_least >= state->remaining_ms)
        return false;
    bool throttled = state->retry == SAT_RETRY_THROTTLE;
    uint64_t base = policy->base_ms;
    if (throttled && base < THROTTLE_BASE_MS)
        base *= THROTTLE_FACTOR;
    uint64_t spread = backoff_max_ms(base, state->attempts);
    if (at_least > 0 && spread > RETRY_AFTER_JITTER_MS)
        spread = RETRY_AFTER_JITTER_MS;
    uint64_t room = state->remaining_ms - at_least - 1;
    *delay_ms = at_least + jitter(state->random, spread < room ? spread : room);
    return true;
}

/* ---- tokens */

static struct sat_retry_bucket *bucket_new(const char *endpoint)
{
    struct sat_retry_bucket *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return NULL;
    made->endpoint = sat_strdup(endpoint);
    if (made->endpoint == NULL) {
        sat_free(made);
        return NULL;
    }
    atomic_init(&made->tokens, SAT_RETRY_TOKENS);
    sat_rate_init(&made->rate, sat_clock_now_ns());
    return made;
}

struct sat_retry_bucket *sat_retry_bucket_acquire(const char *endpoint)
{
    SAT_LOCKED(&buckets_lock);
    struct sat_retry_bucket *bucket = buckets;
    while (bucket != NULL && !sat_str_eq(bucket->endpoint, endpoint))
        bucket = bucket->next;
    if (bucket == NULL) {
        bucket = bucket_new(endpoint);
        if (bucket == NULL)
            return NULL;
        bucket->next = buckets;
        buckets = bucket;
    }
    bucket->users++;
    return bucket;
}

void sat_retry_bucket_release(struct sat_retry_bucket *bucket)
{
    if (bucket == NULL)
        return;
    SAT_LOCKED(&buckets_lock);
    if (--bucket->users > 0)
        return;
    struct sat_retry_bucket **link = &buckets;
    while (*link != bucket)
        link = &(*link)->next;
    *link = bucket->next;
    sat_rate_fini(&bucket->rate);
    sat_free(bucket->endpoint);
    sat_free(bucket);
}

unsigned sat_retry_cost(enum sat_retry_class retry)
{
    return retry == SAT_RETRY_THROTTLE ? COST_THROTTLED : COST;
}

bool sat_retry_take(struct sat_retry_bucket *bucket, unsigned tokens)
{
    unsigned left = atomic_load(&bucket->tokens);
    do {
        if (left < tokens)
            return false;
    } while (!atomic_compare_exchange_weak(&bucket->tokens, &left, left - tokens));
    return true;
}

void sat_retry_give(struct sat_retry_bucket *bucket, unsigned taken)
{
    unsigned tokens = taken > 0 ? taken : 1;
    unsigned left = atomic_load(&bucket->tokens);
    unsigned sum;
    do {
        if (left == SAT_RETRY_TOKENS) /* as nearly always: no write to what all threads share */
            return;
        sum = left + tokens < SAT_RETRY_TOKENS ? left + tokens : SAT_RETRY_TOKENS;
    } while (!atomic_compare_exchange_weak(&bucket->tokens, &left, sum));
}

struct sat_rate *sat_retry_rate(struct sat_retry_bucket *bucket)
{
    return &bucket->rate;
}
