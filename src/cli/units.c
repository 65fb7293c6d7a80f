/* Sizes, rates and times as people read them. */
#include "units.h"

#include <inttypes.h>
#include <time.h>

static void scaled(struct cli_text *out, double value, double step, const char *const *names)
{
    size_t unit = 0;
    /* 999.95 would be printed as 1000.0. */
    while (names[unit + 1] != NULL && value >= step - 0.05) {
        value /= step;
        unit++;
    }
    cli_text_addf(out, unit == 0 ? "%.0f %s" : "%.1f %s", value, names[unit]);
}

void cli_units_size(struct cli_text *out, uint64_t bytes)
{
    static const char *const names[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB", NULL};
    scaled(out, (double)bytes, 1000, names);
}

void cli_units_rate(struct cli_text *out, double bytes_per_second)
{
    static const char *const names[] = {"B/s", "KiB/s", "MiB/s", "GiB/s", "TiB/s", NULL};
    scaled(out, bytes_per_second, 1024, names);
}

void cli_units_time(struct cli_text *out, double seconds)
{
    if (seconds < 0 || seconds > 100.0 * 86400) {
        cli_text_str(out, "--");
        return;
    }
    uint64_t s = (uint64_t)(seconds + 0.5);
    if (s < 60)
        cli_text_addf(out, "%" PRIu64 "s", s);
    else if (s < 3600)
        cli_text_addf(out, "%" PRIu64 "m%02" PRIu64 "s", s / 60, s % 60);
    else if (s < 86400)
        cli_text_addf(out, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
    else
        cli_text_addf(out, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
}

void cli_units_date(struct cli_text *out, int64_t time_ns)
{
    time_t seconds = (time_t)(time_ns / 1000000000);
    struct tm parts;
    char text[32];
    if (time_ns == 0 || gmtime_r(&seconds, &parts) == NULL ||
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) == 0)
        cli_text_str(out, "-");
    else
        cli_text_str(out, text);
}
