/* Time: monotonic and wall clocks, timestamps of the protocols, and a fake clock for tests. */
#include "clock.h"

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "str.h"

/*
 * Dates are computed here, not by the C library: gmtime has shared state, and its inverse timegm
 * accepts what no protocol allows. The proleptic Gregorian calendar repeats every 400 years; a year
 * counted from March puts the leap day last, so that no rule needs an exception.
 */
enum { DAYS_PER_ERA = 146097, DAYS_BEFORE_1970 = 719468, S_PER_DAY = 86400 };

static _Atomic int64_t fake_wall = SAT_CLOCK_REAL;
static _Atomic int64_t fake_boottime = SAT_CLOCK_REAL;

static int64_t read_clock(clockid_t id)
{
    struct timespec now = {0};
    /* Fails only for a clock the kernel has not; ours exist since 2.6.39. */
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * SAT_NS_PER_S + now.tv_nsec;
}

int64_t sat_clock_now_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t sat_clock_boottime_ns(void)
{
    int64_t fake = atomic_load_explicit(&fake_boottime, memory_order_relaxed);
    return fake == SAT_CLOCK_REAL ? read_clock(CLOCK_BOOTTIME) : fake;
}

int64_t sat_clock_wall_ns(void)
{
    int64_t fake = atomic_load_explicit(&fake_wall, memory_order_relaxed);
    return fake == SAT_CLOCK_REAL ? read_clock(CLOCK_REALTIME) : fake;
}

void sat_clock_fake_wall(int64_t unix_ns)
{
    atomic_store(&fake_wall, unix_ns);
}

void sat_clock_fake_boottime(int64_t ns)
{
    atomic_store(&fake_boottime, ns);
}

/* A moment in UTC. */
struct civil {
    int64_t year;
    unsigned month; /* 1-12 */
    unsigned day;   /* 1-31 */
    unsigned hour;
    unsigned minute;
    unsigned second;
    unsigned nanosecond;
};

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

static struct civil civil_of(int64_t unix_ns)
{
    int64_t seconds = floor_div(unix_ns, SAT_NS_PER_S);
    int64_t days = floor_div(seconds, S_PER_DAY);
    unsigned in_day = (unsigned)(seconds - days * S_PER_DAY);
    int64_t from_march_0 = days + DAYS_BEFORE_1970;
    int64_t era = floor_div(from_march_0, DAYS_PER_ERA);
    unsigned in_era = (unsigned)(from_march_0 - era * DAYS_PER_ERA);
    unsigned year = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    unsigned in_year = in_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * in_year + 2) / 153; /* 0 = March */
    return (struct civil){
        .year = era * 400 + year + (month >= 10 ? 1 : 0),
        .month = month < 10 ? month + 3 : month - 9,
        .day = in_year - (153 * month + 2) / 5 + 1,
        .hour = in_day / 3600,
        .minute = in_day / 60 % 60,
        .second = in_day % 60,
        .nanosecond = (unsigned)(unix_ns - seconds * SAT_NS_PER_S),
    };
}

static int64_t days_from_civil(int64_t year, unsigned month, unsigned day)
{
    int64_t march_year = year - (month <= 2 ? 1 : 0);
    int64_t era = floor_div(march_year, 400);
    unsigned in_era = (unsigned)(march_year - era * 400);
    unsigned in_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * DAYS_PER_ERA + (int64_t)in_era * 365 + in_era / 4 - in_era / 100 + in_year -
           DAYS_BEFORE_1970;
}

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static bool civil_valid(const struct civil *c)
{
    static const unsigned char lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (c->month < 1 || c->month > 12)
        return false;
    unsigned last = lengths[c->month - 1] + (c->month == 2 && is_leap(c->year) ? 1U : 0U);
    /* Second 60 is a leap second: it reads as the next minute's first. */
    return c->day >= 1 && c->day <= last && c->hour < 24 && c->minute < 60 && c->second <= 60;
}

/* The moment less `offset_s` (its distance from UTC); false where int64_t nanoseconds end. */
static bool civil_to_ns(const struct civil *c, int64_t offset_s, int64_t *unix_ns)
{
    if (!civil_valid(c))
        return false;
    int64_t seconds = days_from_civil(c->year, c->month, c->day) * S_PER_DAY +
                      (int64_t)c->hour * 3600 + (int64_t)c->minute * 60 + c->second - offset_s;
    int64_t ns;
    if (__builtin_mul_overflow(seconds, SAT_NS_PER_S, &ns) ||
        __builtin_add_overflow(ns, (int64_t)c->nanosecond, &ns))
        return false;
    *unix_ns = ns;
    return true;
}

/* `width` decimal digits of `value`; the position after them. */
static char *put_digits(char *out, uint64_t value, size_t width)
{
    for (size_t i = width; i > 0; i--) {
        out[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + width;
}

void sat_clock_rfc3339(int64_t unix_ns, char out[SAT_RFC3339_SIZE])
{
    struct civil c = civil_of(unix_ns);
    char *p = put_digits(out, (uint64_t)c.year, 4);
    *p++ = '-';
    p = put_digits(p, c.month, 2);
    *p++ = '-';
    p = put_digits(p, c.day, 2);
    *p++ = 'T';
    p = put_digits(p, c.hour, 2);
    *p++ = ':';
    p = put_digits(p, c.minute, 2);
    *p++ = ':';
    p = put_digits(p, c.second, 2);
    *p++ = '.';
    p = put_digits(p, c.nanosecond / 1000, 6);
    *p++ = 'Z';
    *p = '\0';
}

void sat_clock_iso_basic(int64_t unix_ns, char out[SAT_ISO_BASIC_SIZE])
{
    struct civil c = civil_of(unix_ns);
    char *p = put_digits(out, (uint64_t)c.year, 4);
    p = put_digits(p, c.month, 2);
    p = put_digits(p, c.day, 2);
    *p++ = 'T';
    p = put_digits(p, c.hour, 2);
    p = put_digits(p, c.minute, 2);
    p = put_digits(p, c.second, 2);
    *p++ = 'Z';
    *p = '\0';
}

/* Exactly `width` digits at *at, which moves past them. */
static bool take_digits(const char **at, size_t width, unsigned *out)
{
    unsigned value = 0;
    for (size_t i = 0; i < width; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return false;
        value = value * 10 + (unsigned)(**at - '0');
    }
    *out = value;
    return true;
}

static bool take_text(const char **at, const char *text)
{
    if (!sat_str_starts(*at, text))
        return false;
    *at += strlen(text);
    return true;
}

/* "hh:mm:ss" */
static bool take_time(const char **at, struct civil *c)
{
    return take_digits(at, 2, &c->hour) && take_text(at, ":") && take_digits(at, 2, &c->minute) &&
           take_text(at, ":") && take_digits(at, 2, &c->second);
}

/* Nothing, or "." and at least one digit. */
static bool take_fraction(const char **at, struct civil *c)
{
    if (!take_text(at, "."))
        return true;
    unsigned unit = 100000000;
    const char *first = *at;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        c->nanosecond += (unsigned)(**at - '0') * unit;
        unit /= 10;
    }
    return *at > first;
}

/* "Z" or "+hh:mm". */
static bool take_offset(const char **at, int64_t *offset_s)
{
    *offset_s = 0;
    if (take_text(at, "Z"))
        return true;
    bool west = **at == '-';
    unsigned hour;
    unsigned minute;
    if (!take_text(at, "+") && !take_text(at, "-"))
        return false;
    if (!take_digits(at, 2, &hour) || !take_text(at, ":") || !take_digits(at, 2, &minute))
        return false;
    *offset_s = ((int64_t)hour * 60 + minute) * (west ? -60 : 60);
    return hour < 24 && minute < 60;
}

bool sat_clock_parse_rfc3339(const char *text, int64_t *unix_ns)
{
    struct civil c = {0};
    unsigned year;
    int64_t offset_s;
    if (!take_digits(&text, 4, &year) || !take_text(&text, "-") ||
        !take_digits(&text, 2, &c.month) || !take_text(&text, "-") ||
        !take_digits(&text, 2, &c.day) || !take_text(&text, "T"))
        return false;
    if (!take_time(&text, &c) || !take_fraction(&text, &c) || !take_offset(&text, &offset_s))
        return false;
    c.year = year;
    return *text == '\0' && civil_to_ns(&c, offset_s, unix_ns);
}

/* Moves *at past one of `count` words of three letters; its index, or -1. */
static int take_word(const char **at, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (take_text(at, words[i]))
            return (int)i;
    }
    return -1;
}

bool sat_clock_parse_http_date(const char *text, int64_t *unix_ns)
{
    static const char *const days[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct civil c = {0};
    unsigned year;
    if (take_word(&text, days, 7) < 0 || !take_text(&text, ", ") ||
        !take_digits(&text, 2, &c.day) || !take_text(&text, " "))
        return false;
    int month = take_word(&text, months, 12);
    if (month < 0 || !take_text(&text, " ") || !take_digits(&text, 4, &year) ||
        !take_text(&text, " ") || !take_time(&text, &c) || !take_text(&text, " GMT"))
        return false;
    c.month = (unsigned)month + 1;
    c.year = year;
    return *text == '\0' && civil_to_ns(&c, 0, unix_ns);
}
