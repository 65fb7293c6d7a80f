/* Time: monotonic and wall clocks, timestamps of the protocols, and a fake clock for tests. */
#ifndef SAT_CORE_CLOCK_H
#define SAT_CORE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define SAT_NS_PER_S  INT64_C(1000000000)
#define SAT_NS_PER_MS INT64_C(1000000)

/* CLOCK_MONOTONIC: for deadlines and durations inside one process. Never faked. */
int64_t sat_clock_now_ns(void);

/*
 * CLOCK_BOOTTIME: also counts suspended time and is one clock for all processes of one boot, so it
 * ages what is shared on disk (cache TTL) where the wall clock may jump. Store it together with
 * sat_os_boot_id().
 */
int64_t sat_clock_boottime_ns(void);

/* Nanoseconds since 1970-01-01T00:00:00Z. */
int64_t sat_clock_wall_ns(void);

/*
 * Test hooks: freeze one clock at a value until the next call; SAT_CLOCK_REAL thaws it.
 * For all threads.
 */
#define SAT_CLOCK_REAL INT64_MIN
void sat_clock_fake_wall(int64_t unix_ns);
void sat_clock_fake_boottime(int64_t ns);

enum {
    SAT_RFC3339_SIZE = 28,   /* "2026-11-21T03:04:05.123456Z" and NUL */
    SAT_ISO_BASIC_SIZE = 17, /* "20130524T000000Z" and NUL */
};

/* RFC 3339, UTC, microseconds (rounded down). Any int64_t fits: years 1677 to 2262. */
void sat_clock_rfc3339(int64_t unix_ns, char out[SAT_RFC3339_SIZE]);

/* ISO 8601 basic format in seconds, as SigV4 wants it; its first 8 bytes are the date. */
void sat_clock_iso_basic(int64_t unix_ns, char out[SAT_ISO_BASIC_SIZE]);

/*
 * Parse a whole text to nanoseconds since 1970; false (and *unix_ns untouched) for any other text.
 * rfc3339: "2009-10-12T17:50:30.000Z", fraction optional (digits past the ninth are dropped),
 * "Z" or "+01:00". http_date: the IMF-fixdate "Fri, 24 May 2013 00:00:00 GMT"; the weekday is not
 * checked against the date.
 */
bool sat_clock_parse_rfc3339(const char *text, int64_t *unix_ns);
bool sat_clock_parse_http_date(const char *text, int64_t *unix_ns);

#endif
