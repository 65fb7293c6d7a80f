/* Strings and spans: copies, strict number parsing, UTF-8, name suggestions. */
#include "str.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"

char *sat_strndup(const char *text, size_t len)
{
    char *copy = sat_malloc(len + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *sat_strdup(const char *text)
{
    return sat_strndup(text, strlen(text));
}

char *sat_strf(const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    char most[256]; /* texts are shorter: they are written once, and copied */
    int need = vsnprintf(most, sizeof most, format, args);
    char *text = need < 0 ? NULL : sat_malloc((size_t)need + 1);
    if (text != NULL && (size_t)need < sizeof most)
        memcpy(text, most, (size_t)need + 1);
    else if (text != NULL)
        (void)vsnprintf(text, (size_t)need + 1, format, again);
    va_end(again);
    va_end(args);
    return text;
}

bool sat_str_eq(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static int lower_ascii(int c)
{
    return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

bool sat_str_eq_nocase(const char *a, const char *b)
{
    while (*a != '\0' && lower_ascii((unsigned char)*a) == lower_ascii((unsigned char)*b)) {
        a++;
        b++;
    }
    return lower_ascii((unsigned char)*a) == lower_ascii((unsigned char)*b);
}

bool sat_str_starts(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool sat_str_ends(const char *text, const char *suffix)
{
    size_t len = strlen(text);
    size_t tail = strlen(suffix);
    return len >= tail && memcmp(text + len - tail, suffix, tail) == 0;
}

bool sat_span_eq(satchel_span span, const char *text)
{
    size_t len = strlen(text);
    return span.len == len && (len == 0 || memcmp(span.data, text, len) == 0);
}

satchel_span sat_span_of(const char *text)
{
    return (satchel_span){.data = text, .len = strlen(text)};
}

bool sat_parse_u64(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        if (__builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

bool sat_parse_i64(const char *text, int64_t *out)
{
    bool negative = *text == '-';
    uint64_t magnitude;
    if (!sat_parse_u64(text + (negative ? 1 : 0), &magnitude))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1U : 0U))
        return false;
    if (negative)
        *out = magnitude == 0 ? 0 : -(int64_t)(magnitude - 1) - 1;
    else
        *out = (int64_t)magnitude;
    return true;
}

/* Length of the sequence that `lead` starts, 0 for a byte that starts none. */
static size_t utf8_length(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if (lead >= 0xE0 && lead <= 0xEF)
        return 3;
    return lead >= 0xF0 && lead <= 0xF4 ? 4 : 0;
}

/* Overlong three- and four-byte forms, surrogates and > U+10FFFF show in the second byte. */
static bool utf8_second_ok(unsigned char lead, unsigned char second)
{
    switch (lead) {
    case 0xE0:
        return second >= 0xA0;
    case 0xED:
        return second <= 0x9F;
    case 0xF0:
        return second >= 0x90;
    case 0xF4:
        return second <= 0x8F;
    default:
        return true;
    }
}

bool sat_utf8_valid(const void *data, size_t len)
{
    const unsigned char *p = data;
    size_t i = 0;
    while (i < len) {
        size_t n = utf8_length(p[i]);
        if (n == 0 || n > len - i)
            return false;
        for (size_t k = 1; k < n; k++) {
            if ((p[i + k] & 0xC0U) != 0x80U)
                return false;
        }
        if (n > 1 && !utf8_second_ok(p[i], p[i + 1]))
            return false;
        i += n;
    }
    return true;
}

uint32_t sat_utf8_next(const char *text, size_t len, size_t *at)
{
    const unsigned char *p = (const unsigned char *)text + *at;
    size_t n = utf8_length(p[0]);
    if (n == 0 || n > len - *at) {
        (*at)++;
        return 0xFFFD;
    }
    *at += n;
    if (n == 1)
        return p[0];
    uint32_t code = p[0] & (0x7FU >> n);
    for (size_t k = 1; k < n; k++)
        code = code << 6 | (p[k] & 0x3FU);
    return code;
}

size_t sat_utf8_count(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += ((unsigned char)text[i] & 0xC0U) != 0x80U;
    return count;
}

void sat_text_place(const char *text, size_t len, size_t *line, size_t *column)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n') {
            (*line)++;
            *column = 1;
        } else if (((unsigned char)text[i] & 0xC0U) != 0x80U) {
            (*column)++;
        }
    }
}

void sat_hex(const void *data, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *p = data;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15U];
    }
    out[2 * len] = '\0';
}

enum { NEAREST_MAX = 48 };

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Levenshtein distance of two words of at most NEAREST_MAX bytes. */
static size_t distance(const char *a, const char *b)
{
    size_t row[NEAREST_MAX + 1];
    size_t m = strlen(a);
    size_t n = strlen(b);
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t above = row[j];
            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[n];
}

const char *sat_nearest(const char *word, const char *const *candidates, size_t count)
{
    size_t len = strlen(word);
    if (len == 0 || len > NEAREST_MAX)
        return NULL;
    size_t best = (len / 3 > 2 ? len / 3 : 2) + 1;
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        if (strlen(candidates[i]) > NEAREST_MAX)
            continue;
        size_t d = distance(word, candidates[i]);
        if (d < best) {
            best = d;
            nearest = candidates[i];
        }
    }
    return nearest;
}
