/* The adaptive mode's limit: a measured rate, CUBIC's, and the tokens that make it one. */
#include "core/rate.h"

#include <math.h>

#include "core/clock.h"

#define BETA           0.7 /* what is left of the rate after a throttled reply */
#define SCALE          0.4 /* CUBIC's C */
#define SMOOTHING      0.8 /* the weight of the newest span */
#define LEAST          0.5 /* requests a second */
#define ABOVE_MEASURED 2.  /* times the measured rate, at most */

enum { SPANS_A_SECOND = 2 };

#define SPAN_NS (SAT_NS_PER_S / SPANS_A_SECOND)

static double seconds(int64_t from_ns, int64_t to_ns)
{
    return (double)(to_ns - from_ns) / (double)SAT_NS_PER_S;
}

void sat_rate_init(struct sat_rate *rate, int64_t now_ns)
{
    *rate = (struct sat_rate){0};
    sat_mutex_init(&rate->lock);
    rate->locked.per_s = 1;
    rate->locked.most = 1;
    rate->locked.filled_ns = now_ns;
    rate->locked.throttled_ns = now_ns;
    rate->locked.span = now_ns / SAT_NS_PER_S * SPANS_A_SECOND;
}

void sat_rate_fini(struct sat_rate *rate)
{
    sat_mutex_fini(&rate->lock);
}

/* ---- tokens */

static void fill_locked(struct sat_rate *rate, int64_t now_ns)
{
    if (now_ns <= rate->locked.filled_ns)
        return;
    double came = seconds(rate->locked.filled_ns, now_ns) * rate->locked.per_s;
    rate->locked.tokens = fmin(rate->locked.tokens + came, rate->locked.most);
    rate->locked.filled_ns = now_ns;
}

static void set_limit_locked(struct sat_rate *rate, double per_s, int64_t now_ns)
{
    fill_locked(rate, now_ns);
    rate->locked.per_s = fmax(per_s, LEAST);
    rate->locked.most = fmax(per_s, 1);
    rate->locked.tokens = fmin(rate->locked.tokens, rate->locked.most);
}

int64_t sat_rate_take(struct sat_rate *rate, int64_t now_ns)
{
    SAT_LOCKED(&rate->lock);
    if (!rate->locked.on)
        return 0;
    fill_locked(rate, now_ns);
    if (rate->locked.tokens < 1) {
        double wait_s = (1 - rate->locked.tokens) / rate->locked.per_s;
        return (int64_t)(wait_s * (double)SAT_NS_PER_S) + 1;
    }
    rate->locked.tokens -= 1;
    return 0;
}

double sat_rate_limit(struct sat_rate *rate)
{
    SAT_LOCKED(&rate->lock);
    return rate->locked.on ? rate->locked.per_s : 0;
}

/* ---- replies */

static void measure_locked(struct sat_rate *rate, int64_t now_ns)
{
    int64_t span = now_ns / SPAN_NS;
    rate->locked.replies++;
    if (span <= rate->locked.span)
        return;
    double lasted_s = (double)(span - rate->locked.span) / SPANS_A_SECOND;
    double newest = (double)rate->locked.replies / lasted_s;
    rate->locked.measured = newest * SMOOTHING + rate->locked.measured * (1 - SMOOTHING);
    rate->locked.replies = 0;
    rate->locked.span = span;
}

/* CUBIC's window, as a rate: (RFC 9438, section 4.2). */
static double grown_locked(const struct sat_rate *rate, int64_t now_ns)
{
    double late_s = seconds(rate->locked.throttled_ns, now_ns) - rate->locked.recovery_s;
    return SCALE * late_s * late_s * late_s + rate->locked.before;
}

static double fall_locked(struct sat_rate *rate, int64_t now_ns)
{
    double was = rate->locked.measured;
    if (rate->locked.on)
        was = fmin(was, rate->locked.per_s);
    rate->locked.on = true;
    rate->locked.before = was;
    rate->locked.recovery_s = cbrt(was * (1 - BETA) / SCALE);
    rate->locked.throttled_ns = now_ns;
    return was * BETA;
}

void sat_rate_answered(struct sat_rate *rate, int64_t now_ns, bool throttled)
{
    SAT_LOCKED(&rate->lock);
    measure_locked(rate, now_ns);
    double per_s = throttled ? fall_locked(rate, now_ns) : grown_locked(rate, now_ns);
    set_limit_locked(rate, fmin(per_s, ABOVE_MEASURED * rate->locked.measured), now_ns);
}
