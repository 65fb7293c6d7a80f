/*
 * Feeds a limit with the lines of standard input, for test_rate.py:
 *     rate_dump SECONDS
 * begins at that time. "SECONDS ok" and "SECONDS throttled" are replies and are answered by the
 * limit after them; "SECONDS take" asks for a token and is answered by the seconds to wait.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/clock.h"
#include "core/rate.h"

static int64_t ns_of(const char *seconds)
{
    return llround(strtod(seconds, NULL) * (double)SAT_NS_PER_S);
}

int main(int argc, char **argv)
{
    struct sat_rate rate;
    char seconds[32];
    char what[16];
    if (argc != 2)
        return 99;
    sat_rate_init(&rate, ns_of(argv[1]));
    while (scanf("%31s %15s", seconds, what) == 2) {
        int64_t now_ns = ns_of(seconds);
        double answer;
        if (strcmp(what, "take") == 0) {
            answer = (double)sat_rate_take(&rate, now_ns) / (double)SAT_NS_PER_S;
        } else {
            sat_rate_answered(&rate, now_ns, strcmp(what, "throttled") == 0);
            answer = sat_rate_limit(&rate);
        }
        (void)printf("%.17g\n", answer);
    }
    sat_rate_fini(&rate);
    return 0;
}
