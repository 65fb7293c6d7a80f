/* JSON numbers: exact text <-> int64 and double, independent of the process's locale. */
#include "jnum.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Position behind the digits that start at `at`. */
static size_t skip_digits(const char *text, size_t len, size_t at)
{
    while (at < len && is_digit(text[at]))
        at++;
    return at;
}

/* Moves *at behind one digit or more; false when there is none. */
static bool take_digits(const char *text, size_t len, size_t *at)
{
    size_t start = *at;
    *at = skip_digits(text, len, start);
    return *at > start;
}

/* Moves *at behind the byte at hand when it is `a` or `b`. */
static bool take_either(const char *text, size_t len, size_t *at, char a, char b)
{
    if (*at >= len || (text[*at] != a && text[*at] != b))
        return false;
    (*at)++;
    return true;
}

size_t sat_jnum_length(const char *text, size_t len)
{
    size_t at = 0;
    (void)take_either(text, len, &at, '-', '-');
    if (!take_either(text, len, &at, '0', '0') && !take_digits(text, len, &at))
        return 0;
    if (take_either(text, len, &at, '.', '.') && !take_digits(text, len, &at))
        return 0;
    if (take_either(text, len, &at, 'e', 'E')) {
        (void)take_either(text, len, &at, '+', '-');
        if (!take_digits(text, len, &at))
            return 0;
    }
    return at;
}

/*
 * More significant digits than any midpoint between two doubles has (767), so that all further
 * digits only matter by being zero or not.
 */
enum { DIGITS_MAX = 770 };

/* value = (negative ? -1 : 1) * digits * 10^exponent */
struct decimal {
    bool negative;
    bool real; /* had a fraction or an exponent */
    int64_t exponent;
    size_t count;
    char digits[DIGITS_MAX + 1]; /* no leading zeros; the last may stand for all that follow */
};

/* Texts are shorter than this, so an exponent beyond it overflows or vanishes all the same. */
#define EXPONENT_CLAMP ((int64_t)1 << 60)

static size_t read_exponent(const char *text, size_t len, size_t at, int64_t *out)
{
    bool negative = text[at] == '-';
    if (text[at] == '-' || text[at] == '+')
        at++;
    int64_t value = 0;
    for (; at < len; at++) {
        if (value < EXPONENT_CLAMP / 16)
            value = value * 10 + (text[at] - '0');
    }
    *out = negative ? -value : value;
    return at;
}

static void add_digit(struct decimal *number, char digit, bool after_point)
{
    bool leading = number->count == 0 && digit == '0';
    if (leading) {
        number->exponent -= after_point;
        return;
    }
    if (number->count < DIGITS_MAX) {
        number->digits[number->count++] = digit;
        number->exponent -= after_point;
        return;
    }
    if (digit != '0')
        number->digits[DIGITS_MAX - 1] = '1';
    number->exponent += !after_point;
}

/* Cuts a number that sat_jnum_length() has accepted into its parts. */
static void read_decimal(const char *text, size_t len, struct decimal *number)
{
    number->negative = text[0] == '-';
    number->real = false;
    number->exponent = 0;
    number->count = 0;
    int64_t exponent = 0;
    bool after_point = false;
    size_t at = number->negative ? 1 : 0;
    while (at < len) {
        char c = text[at++];
        if (is_digit(c)) {
            add_digit(number, c, after_point);
            continue;
        }
        number->real = true;
        if (c == '.')
            after_point = true;
        else
            at = read_exponent(text, len, at, &exponent);
    }
    number->exponent += exponent;
}

/* Both factors are exact doubles, so one operation rounds correctly (Clinger's fast path). */
static bool quick_real(const struct decimal *number, double *out)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (number->count > 15 || number->exponent < -22 || number->exponent > 22)
        return false;
    int64_t mantissa = 0;
    for (size_t i = 0; i < number->count; i++)
        mantissa = mantissa * 10 + (number->digits[i] - '0');
    double value = (double)mantissa;
    if (number->exponent < 0)
        value /= powers[-number->exponent];
    else
        value *= powers[number->exponent];
    *out = number->negative ? -value : value;
    return true;
}

static double to_real(const struct decimal *number)
{
    double value = 0;
    if (number->count == 0)
        return number->negative ? -0.0 : 0.0;
    if (quick_real(number, &value))
        return value;
    int64_t magnitude = number->exponent + (int64_t)number->count;
    if (magnitude > 400)
        value = HUGE_VAL;
    else if (magnitude >= -400) {
        /* Without a decimal point strtod() reads the same in every locale. */
        char text[DIGITS_MAX + 32];
        (void)snprintf(text, sizeof text, "%.*se%" PRId64, (int)number->count, number->digits,
                       number->exponent);
        value = strtod(text, NULL);
    }
    return number->negative ? -value : value;
}

static bool read_integer(const char *text, size_t len, int64_t *out)
{
    bool negative = text[0] == '-';
    int64_t value = 0;
    for (size_t at = negative ? 1 : 0; at < len; at++) {
        /* Counted downwards: the negative side is the larger one. */
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, text[at] - '0', &value))
            return false;
    }
    if (!negative && __builtin_sub_overflow((int64_t)0, value, &value))
        return false;
    *out = value;
    return true;
}

enum sat_jnum_kind sat_jnum_parse(satchel_span text, int64_t *integer, double *real)
{
    const char *data = text.data;
    if (text.len == 0 || sat_jnum_length(data, text.len) != text.len)
        return SAT_JNUM_BAD;
    if (skip_digits(data, text.len, data[0] == '-' ? 1 : 0) == text.len &&
        read_integer(data, text.len, integer))
        return SAT_JNUM_INTEGER;
    struct decimal number;
    read_decimal(data, text.len, &number);
    *real = to_real(&number);
    return number.real && isfinite(*real) ? SAT_JNUM_REAL : SAT_JNUM_TOO_LARGE;
}

/* printf writes the locale's decimal point, of one or more bytes: makes it a '.'. */
static void fix_point(char *text)
{
    size_t to = 0;
    for (size_t from = 0; text[from] != '\0'; from++) {
        char c = text[from];
        if (is_digit(c) || c == '-' || c == '+' || c == 'e')
            text[to++] = c;
        else if (to == 0 || text[to - 1] != '.')
            text[to++] = '.';
    }
    text[to] = '\0';
}

int sat_jnum_put_real(struct sat_buf *out, double value)
{
    char text[48];
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(text, sizeof text, "%.*g", digits, value);
        fix_point(text);
        int64_t integer = 0;
        double back = 0;
        satchel_span span = {.data = text, .len = strlen(text)};
        if (sat_jnum_parse(span, &integer, &back) == SAT_JNUM_INTEGER)
            back = (double)integer;
        if (!(back < value) && !(back > value))
            break;
    }
    sat_buf_add_str(out, text);
    if (strpbrk(text, ".e") == NULL)
        sat_buf_add_str(out, ".0");
    return out->failed;
}
