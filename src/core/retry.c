/* The one retry policy: whether a failed attempt is repeated, and after how long. Pure. */
#include "core/retry.h"

enum {
    DELAY_MAX_MS = 20 * 1000,
    THROTTLE_BASE_MS = 1000,
    THROTTLE_FACTOR = 20, /* the default base of 50 ms makes 1 s */
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
        return !state->skew_corrected && state->remaining_ms > 0;
    }
    uint64_t at_least = state->retry_after_ms;
    if (at_least >= state->remaining_ms)
        return false;
    bool throttled = state->retry == SAT_RETRY_THROTTLE;
    uint64_t base = policy->base_ms;
    if (throttled && base < THROTTLE_BASE_MS)
        base *= THROTTLE_FACTOR;
    uint64_t spread = at_least > 0 ? RETRY_AFTER_JITTER_MS : backoff_max_ms(base, state->attempts);
    uint64_t room = state->remaining_ms - at_least - 1;
    *delay_ms = at_least + jitter(state->random, spread < room ? spread : room);
    return true;
}
