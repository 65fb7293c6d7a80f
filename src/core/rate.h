/*
 * How fast requests may leave: the limit that retry_mode=adaptive learns from a service that asks
 * to slow down. All of it is the AWS SDKs' "adaptive" mode, whose reference is botocore's
 * retries/adaptive.py: until the first throttled reply there is no limit. Then the rate falls to
 * 0.7 of the one measured, grows again with the cube of the time since (CUBIC, RFC 9438), and never
 * exceeds twice the measured one.
 */
#ifndef SAT_CORE_RATE_H
#define SAT_CORE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/lock.h"

struct sat_rate {
    struct sat_mutex lock;
    struct {
        bool on; /* a reply was throttled */
        /* The tokens that requests take, one each. */
        double per_s;
        double tokens;
        double most;
        int64_t filled_ns;
        /* Replies a second, smoothed, of spans of half a second. */
        double measured;
        int64_t span;
        uint64_t replies; /* since the span began */
        /* CUBIC: the rate before the last throttling, and the seconds until it is reached again. */
        double before;
        double recovery_s;
        int64_t throttled_ns;
    } locked;
};

/* Times are CLOCK_MONOTONIC; a later call's is not before an earlier one's by more than a race. */
void sat_rate_init(struct sat_rate *rate, int64_t now_ns);
void sat_rate_fini(struct sat_rate *rate);
/* 0 = a request may leave, its token is taken; else nanoseconds after which to ask again. */
int64_t sat_rate_take(struct sat_rate *rate, int64_t now_ns);
/* A reply came. */
void sat_rate_answered(struct sat_rate *rate, int64_t now_ns, bool throttled);
/* Requests a second that may leave; 0 = there is no limit. */
double sat_rate_limit(struct sat_rate *rate);

#endif
