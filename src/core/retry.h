/*
 * The one retry policy: whether a failed attempt is repeated, after how long (both pure), and who
 * pays for it: a bucket of tokens that all connections of the process to one endpoint share, so
 * that an outage is not answered with a storm of repetitions.
 */
#ifndef SAT_CORE_RETRY_H
#define SAT_CORE_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/backend.h"
#include "core/rate.h"

struct sat_retry_policy {
    unsigned max_attempts; /* of one op, the first included; 1 = nothing is repeated */
    uint32_t base_ms;      /* the delay's unit */
};

struct sat_retry_state {
    unsigned attempts;          /* made so far, without those that SAT_RETRY_PROGRESS lets off */
    enum sat_retry_class retry; /* of the failure at hand */
    uint32_t retry_after_ms;    /* the service's wish; 0 = none */
    uint64_t remaining_ms;      /* to the op's deadline */
    bool corrected;             /* the op was repeated for that class before */
    uint64_t random;            /* fresh random bits */
};

/* An attempt that brought so many bytes of a body that goes on from there does not count. */
#define SAT_RETRY_PROGRESS ((uint64_t)1024 * 1024)

/*
 * True when another attempt is due after *delay_ms: exponential with full jitter,
 * random(0..1) * min(2^n * base, 20 s), n = 0 after the first attempt, throttled replies with a
 * base 20 times as long (up to 1 s). A Retry-After of t adds that to t, at most 5 s of it. The
 * delay is cut at the deadline; a Retry-After beyond it is no retry. Never more than max_attempts.
 * SAT_RETRY_SKEW, _ONCE and _MOVED are repeated without delay, each of them once.
 */
bool sat_retry_due(const struct sat_retry_policy *policy, const struct sat_retry_state *state,
                   uint64_t *delay_ms);

/* ---- tokens */

struct sat_retry_bucket;

/* What a bucket holds at first, and at most. */
#define SAT_RETRY_TOKENS 500U

/*
 * The bucket of an endpoint ("https://host:port"): the one that other connections use now, or a
 * full one. NULL without memory. Any thread; so are the others.
 */
struct sat_retry_bucket *sat_retry_bucket_acquire(const char *endpoint);
/* NULL is fine. */
void sat_retry_bucket_release(struct sat_retry_bucket *bucket);
/* What a repetition costs: 14, after throttling 5. */
unsigned sat_retry_cost(enum sat_retry_class retry);
/* False, and nothing taken, when there are not so many left. */
bool sat_retry_take(struct sat_retry_bucket *bucket, unsigned tokens);
/* A request was answered: what its op's repetitions took comes back, 1 when there were none. */
void sat_retry_give(struct sat_retry_bucket *bucket, unsigned taken);
/* The endpoint's rate; of use to connections in adaptive mode, which all tell it of replies. */
struct sat_rate *sat_retry_rate(struct sat_retry_bucket *bucket);

#endif
