/* The one retry policy: whether a failed attempt is repeated, and after how long. Pure. */
#ifndef SAT_CORE_RETRY_H
#define SAT_CORE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/backend.h"

struct sat_retry_policy {
    unsigned max_attempts; /* of one op, the first included; at least 1 */
    uint32_t base_ms;      /* the delay's unit */
};

struct sat_retry_state {
    unsigned attempts;          /* made so far, at least 1 */
    enum sat_retry_class retry; /* of the failure at hand */
    uint32_t retry_after_ms;    /* the service's wish; 0 = none */
    uint64_t remaining_ms;      /* to the op's deadline */
    bool skew_corrected;        /* SAT_RETRY_SKEW was used up */
    uint64_t random;            /* fresh random bits */
};

/*
 * True when another attempt is due after *delay_ms: exponential with full jitter,
 * random(0..1) * min(2^n * base, 20 s), n = 0 after the first attempt, throttled replies with a
 * base 20 times as long (up to 1 s); a Retry-After of t waits in [t, t + 5 s]. The range is cut at
 * the deadline; a Retry-After beyond it is no retry. Never more than max_attempts.
 */
bool sat_retry_due(const struct sat_retry_policy *policy, const struct sat_retry_state *state,
                   uint64_t *delay_ms);

#endif
