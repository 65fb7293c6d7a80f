/* The one retry policy: whether a failed attempt is repeated, and after how long. Pure. */
#include "retry.h"

enum {
    DELAY_MAX_MS = 20 * 1000,
    THROTTLE_BASE_MS = 1000,
    RETRY_AFTER_JITTER_MS = 5000,
};

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
    if (state->retry == SAT_RETRY_NEVER || state->attempts >= policy->max_attempts)
        return false;
    if (state->retry == SAT_RETRY_SKEW) {
        *delay_ms = 0;
        return !state->skew_corrected;
    }
    bool throttled = state->retry == SAT_RETRY_THROTTLE;
    uint64_t base = throttled && policy->base_ms < THROTTLE_BASE_MS ? policy->base_ms * 20U
                                                                    : policy->base_ms;
    uint64_t delay = jitter(state->random, backoff_max_ms(base, state->attempts));
    if (state->retry_after_ms > 0)
        delay = state->retry_after_ms + jitter(state->random, RETRY_AFTER_JITTER_MS);
    *delay_ms = delay;
    return delay < state->remaining_ms;
}
