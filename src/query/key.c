/* sat_key: JSON values to byte strings whose memcmp order is the order of values. */
#include "key.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/jscan.h"
#include "core/vec.h"

enum { BYTE_FALSE = 0x20, BYTE_TRUE = 0x21, MEMBER = 0x01, END = 0x00 };

static void big_endian(unsigned char *out, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--) {
        out[i] = (unsigned char)(value & 0xFFU);
        value >>= 8;
    }
}

/* ---- numbers ---- */

/* (-1)^negative * mantissa * 2^(exponent - 63), the top bit of mantissa set; 0 for zero. */
struct binary {
    bool negative;
    int exponent;
    uint64_t mantissa;
};

static struct binary normalised(bool negative, uint64_t magnitude, int exponent)
{
    struct binary number = {.negative = negative && magnitude != 0};
    if (magnitude != 0) {
        int shift = __builtin_clzll(magnitude);
        number.mantissa = magnitude << shift;
        number.exponent = exponent + 63 - shift;
    }
    return number;
}

static struct binary binary_of_int(int64_t value)
{
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    return normalised(value < 0, magnitude, 0);
}

static struct binary binary_of_real(double value)
{
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    uint64_t fraction = bits & ((UINT64_C(1) << 52) - 1);
    int biased = (int)(bits >> 52 & 0x7FFU);
    bool negative = bits >> 63 != 0;
    if (biased == 0)
        return normalised(negative, fraction, -1074);
    return normalised(negative, fraction | UINT64_C(1) << 52, biased - 1075);
}

/* Zero is the middle; above it larger exponents, then mantissas; below it all bits inverted. */
static void put_number(struct sat_buf *out, struct binary number)
{
    enum { ZERO = 0x8000, BIAS = 1100 };
    uint64_t head = number.mantissa == 0 ? ZERO : (uint64_t)(ZERO + BIAS + number.exponent);
    uint64_t flip = number.negative ? UINT64_MAX : 0;
    unsigned char bytes[11] = {SAT_KIND_NUMBER};
    big_endian(bytes + 1, head ^ flip, 2);
    big_endian(bytes + 3, number.mantissa ^ flip, 8);
    sat_buf_add(out, bytes, sizeof bytes);
}

static void put_number_text(struct sat_buf *out, satchel_span value)
{
    int64_t integer = 0;
    double real = 0;
    if (sat_jnum_parse(value, &integer, &real) == SAT_JNUM_INTEGER)
        put_number(out, binary_of_int(integer));
    else
        put_number(out, binary_of_real(real));
}

/* ---- timestamps ---- */

struct instant {
    uint64_t slot; /* half seconds since a time before year 0: an odd one is a leap second */
    satchel_span fraction; /* digits, without trailing zeros */
};

/* What is left of the text. */
struct cursor {
    const char *at;
    const char *end;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool read_digits(struct cursor *cursor, int count, int *out)
{
    int value = 0;
    if (cursor->end - cursor->at < count)
        return false;
    for (int i = 0; i < count; i++) {
        if (!is_digit(cursor->at[i]))
            return false;
        value = value * 10 + (cursor->at[i] - '0');
    }
    cursor->at += count;
    *out = value;
    return true;
}

/* One byte, either of two. */
static bool read_either(struct cursor *cursor, char a, char b)
{
    if (cursor->at == cursor->end || (*cursor->at != a && *cursor->at != b))
        return false;
    cursor->at++;
    return true;
}

static bool is_leap_year(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int days_in_month(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap_year(year) ? 29 : days[month - 1];
}

/* Days since 0000-01-01, proleptic Gregorian. */
static int64_t day_number(int year, int month, int day)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    int64_t leap_years = year == 0 ? 0 : 1 + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    int64_t days = (int64_t)year * 365 + leap_years + before[month - 1] + day - 1;
    return days + (month > 2 && is_leap_year(year));
}

static bool read_date(struct cursor *cursor, int64_t *days)
{
    int year;
    int month;
    int day;
    if (!read_digits(cursor, 4, &year) || !read_either(cursor, '-', '-') ||
        !read_digits(cursor, 2, &month) || !read_either(cursor, '-', '-') ||
        !read_digits(cursor, 2, &day))
        return false;
    if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    *days = day_number(year, month, day);
    return true;
}

/* hh:mm as minutes. */
static bool read_minutes(struct cursor *cursor, int *minutes)
{
    int hour;
    int minute;
    if (!read_digits(cursor, 2, &hour) || !read_either(cursor, ':', ':') ||
        !read_digits(cursor, 2, &minute) || hour > 23 || minute > 59)
        return false;
    *minutes = hour * 60 + minute;
    return true;
}

static bool read_fraction(struct cursor *cursor, satchel_span *fraction)
{
    *fraction = (satchel_span){0};
    if (!read_either(cursor, '.', '.'))
        return true;
    const char *start = cursor->at;
    while (cursor->at < cursor->end && is_digit(*cursor->at))
        cursor->at++;
    const char *end = cursor->at;
    while (end > start && end[-1] == '0')
        end--;
    *fraction = (satchel_span){.data = start, .len = (size_t)(end - start)};
    return cursor->at > start;
}

/* Z, an offset, or nothing, and the end. */
static bool read_offset(struct cursor *cursor, int *minutes)
{
    *minutes = 0;
    if (cursor->at == cursor->end)
        return true;
    if (read_either(cursor, 'Z', 'z'))
        return cursor->at == cursor->end;
    bool west = *cursor->at == '-';
    if (!read_either(cursor, '+', '-') || !read_minutes(cursor, minutes))
        return false;
    if (west)
        *minutes = -*minutes;
    return cursor->at == cursor->end;
}

static bool parse_instant(satchel_span text, struct instant *out)
{
    enum { DAY = 86400, SHORTEST = 19 };
    struct cursor cursor = {.at = text.data};
    int64_t days;
    int minutes;
    int second;
    int offset;
    if (text.len < SHORTEST)
        return false;
    cursor.end = cursor.at + text.len;
    if (!read_date(&cursor, &days) || !read_either(&cursor, 'T', 't') ||
        !read_minutes(&cursor, &minutes) || !read_either(&cursor, ':', ':') ||
        !read_digits(&cursor, 2, &second) || second > 60 ||
        !read_fraction(&cursor, &out->fraction) || !read_offset(&cursor, &offset))
        return false;
    bool leap = second == 60;
    /* One day more, so that an offset does not lead below zero. */
    int64_t time = (days + 1) * DAY + (int64_t)(minutes - offset) * 60 + second - leap;
    if (leap && time % DAY != DAY - 1)
        return false;
    out->slot = (uint64_t)time * 2 + leap;
    return true;
}

/* ---- texts ---- */

/* Bytes in which the end mark cannot be found by mistake: 00 becomes 00 FF. */
static void put_escaped(struct sat_buf *out, satchel_span text)
{
    const char *data = text.data;
    size_t at = 0;
    while (at < text.len) {
        const char *nul = memchr(data + at, '\0', text.len - at);
        size_t end = nul == NULL ? text.len : (size_t)(nul - data) + 1;
        sat_buf_add(out, data + at, end - at);
        if (nul != NULL)
            sat_buf_add_char(out, (char)0xFF);
        at = end;
    }
}

/* At the top a text ends with its key; inside arrays and objects it needs an end mark. */
static void put_text(struct sat_buf *out, satchel_span text, bool inside)
{
    struct instant instant;
    if (parse_instant(text, &instant)) {
        unsigned char bytes[6] = {SAT_KIND_TIMESTAMP};
        big_endian(bytes + 1, instant.slot, 5);
        sat_buf_add(out, bytes, sizeof bytes);
        sat_buf_add(out, instant.fraction.data, instant.fraction.len);
        sat_buf_add_char(out, END);
    } else {
        sat_buf_add_char(out, SAT_KIND_STRING);
    }
    if (inside) {
        put_escaped(out, text);
        sat_buf_add_char(out, END);
    } else {
        sat_buf_add(out, text.data, text.len);
    }
}

/* Only a text with escapes needs a copy. */
static void put_string(struct sat_buf *out, satchel_span value, bool inside)
{
    satchel_span text;
    if (sat_jscan_plain_string(value, &text)) {
        put_text(out, text, inside);
        return;
    }
    struct sat_buf decoded;
    sat_buf_init(&decoded, value.len);
    if (sat_jscan_string(value, &decoded) == SATCHEL_OK)
        put_text(out, sat_buf_span(&decoded), inside);
    else
        out->failed = decoded.failed;
    sat_buf_fini(&decoded);
}

/* ---- containers ---- */

static void put_value(struct sat_buf *out, satchel_span value, bool inside);

static void put_array(struct sat_buf *out, satchel_span array)
{
    size_t cursor = 0;
    satchel_span value;
    sat_buf_add_char(out, SAT_KIND_ARRAY);
    while (sat_jscan_element(array, &cursor, &value))
        put_value(out, value, true);
    sat_buf_add_char(out, END);
}

struct member {
    satchel_span key;
    satchel_span value;
};

static int compare_members(const void *left, const void *right)
{
    const struct member *a = left;
    const struct member *b = right;
    return sat_jscan_key_compare(a->key, b->key);
}

static void put_member(struct sat_buf *out, const struct member *member)
{
    struct sat_buf key;
    sat_buf_init(&key, member->key.len);
    sat_buf_add_char(out, MEMBER);
    if (sat_jscan_decode(member->key, &key) == SATCHEL_OK)
        put_escaped(out, sat_buf_span(&key));
    else
        out->failed = key.failed;
    sat_buf_fini(&key);
    sat_buf_add_char(out, END);
    put_value(out, member->value, true);
}

static void put_object(struct sat_buf *out, satchel_span object)
{
    size_t cursor = 0;
    struct member member;
    struct sat_vec members;
    sat_vec_init(&members, sizeof member);
    while (sat_jscan_member(object, &cursor, &member.key, &member.value)) {
        if (sat_vec_push(&members, &member) == NULL) {
            out->failed = SATCHEL_NOMEM;
            break;
        }
    }
    if (members.len > 1)
        qsort(members.data, members.len, sizeof member, compare_members);
    sat_buf_add_char(out, SAT_KIND_OBJECT);
    for (size_t i = 0; i < members.len; i++)
        put_member(out, sat_vec_at(&members, i));
    sat_buf_add_char(out, END);
    sat_vec_fini(&members);
}

/* Recursion ends: validated text is at most SAT_JSON_DEPTH_MAX deep. */
static void put_value(struct sat_buf *out, satchel_span value, bool inside)
{
    switch (sat_jscan_kind(value)) {
    case SAT_JKIND_NONE:
        break;
    case SAT_JKIND_NULL:
        sat_buf_add_char(out, SAT_KIND_NULL);
        break;
    case SAT_JKIND_FALSE:
        sat_buf_add_char(out, BYTE_FALSE);
        break;
    case SAT_JKIND_TRUE:
        sat_buf_add_char(out, BYTE_TRUE);
        break;
    case SAT_JKIND_NUMBER:
        put_number_text(out, sat_jscan_trim(value));
        break;
    case SAT_JKIND_STRING:
        put_string(out, value, inside);
        break;
    case SAT_JKIND_ARRAY:
        put_array(out, value);
        break;
    case SAT_JKIND_OBJECT:
        put_object(out, value);
        break;
    }
}

int sat_key(satchel_span value, struct sat_buf *out)
{
    put_value(out, value, false);
    return out->failed;
}

int sat_key_of_text(satchel_span text, struct sat_buf *out)
{
    put_text(out, text, false);
    return out->failed;
}

enum sat_kind sat_key_kind(satchel_span key)
{
    const unsigned char *bytes = key.data;
    return key.len == 0 ? SAT_KIND_NONE : (enum sat_kind)(bytes[0] & 0xF0U);
}

int sat_key_compare(satchel_span a, satchel_span b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

bool sat_key_text(satchel_span key, satchel_span *text)
{
    enum { SLOT_END = 6 };
    const char *bytes = key.data;
    size_t start = 1;
    enum sat_kind kind = sat_key_kind(key);
    if (kind == SAT_KIND_TIMESTAMP && key.len > SLOT_END) {
        const char *end = memchr(bytes + SLOT_END, END, key.len - SLOT_END);
        start = end == NULL ? key.len : (size_t)(end - bytes) + 1;
    } else if (kind != SAT_KIND_STRING) {
        return false;
    }
    *text = (satchel_span){.data = bytes + start, .len = key.len - start};
    return true;
}

unsigned char sat_key_kind_first(enum sat_kind kind)
{
    return (unsigned char)kind;
}

unsigned char sat_key_kind_end(enum sat_kind kind)
{
    return (unsigned char)(kind + 0x10);
}
