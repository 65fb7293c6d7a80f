/* Numbers for people: sizes, rates, times. */
#ifndef SAT_CLI_UNITS_H
#define SAT_CLI_UNITS_H

#include <stdint.h>

#include "text.h"

/* "512 B", "1.8 GB": powers of 1000. */
void cli_units_size(struct cli_text *out, uint64_t bytes);
/* "95.7 MiB/s": powers of 1024. */
void cli_units_rate(struct cli_text *out, double bytes_per_second);
/* "6s", "1m05s", "2h03m", "3d04h"; "--" when it is not known (negative) or absurd. */
void cli_units_time(struct cli_text *out, double seconds);
/* "2026-01-31T09:30:00Z", or "-" for 0. */
void cli_units_date(struct cli_text *out, int64_t time_ns);

#endif
