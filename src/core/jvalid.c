/*
 * Validation of JSON text, in one pass and by recursion bounded by the depth limit.
 *
 * (1) Everything jscan.c relies on is established here: balanced brackets, closed strings, whole
 *     escapes. A check that is dropped here becomes a wrong answer there.
 * (2) The keys of the open objects lie on one stack; an object's keys are compared when it ends.
 *     Few are compared pairwise, many are sorted, so a hostile object costs n log n.
 */
#include "jvalid.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "jscan.h"
#include "str.h"

enum { KEYS_ON_STACK = 48, KEYS_PAIRWISE = 24 };

struct key {
    satchel_span raw;
    bool escaped;
};

struct checker {
    const char *text;
    size_t len;
    size_t at;
    int max_depth;
    bool allow_nul;
    satchel_error *err;
    struct key *keys;
    size_t key_count;
    size_t key_capacity;
    struct key first_keys[KEYS_ON_STACK];
};

static int check_value(struct checker *checker, int depth);

static int bad_at(const struct checker *checker, size_t at, const char *what)
{
    size_t line = 1;
    size_t column = 1;
    sat_text_place(checker->text, at, &line, &column);
    return sat_error_set(checker->err, SATCHEL_INVALID,
                         "invalid JSON at line %zu, column %zu (byte %zu): %s", line, column, at,
                         what);
}

static int bad(const struct checker *checker, const char *what)
{
    bool ended = checker->at >= checker->len;
    return bad_at(checker, checker->at, ended ? "unexpected end of text" : what);
}

static void skip_space(struct checker *checker)
{
    while (checker->at < checker->len) {
        char c = checker->text[checker->at];
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t')
            return;
        checker->at++;
    }
}

static char peek(const struct checker *checker)
{
    return checker->at < checker->len ? checker->text[checker->at] : '\0';
}

/* ---- strings ---- */

static bool read_hex4(const char *text, unsigned *out)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)text[i];
        unsigned digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 0x20U) >= 'a' && (c | 0x20U) <= 'f')
            digit = (c | 0x20U) - 'a' + 10;
        else
            return false;
        value = value << 4 | digit;
    }
    *out = value;
    return true;
}

/* The \uXXXX at `at`, a surrogate pair as a whole; advances past it. */
static int check_unicode(struct checker *checker)
{
    const char *text = checker->text;
    size_t left = checker->len - checker->at;
    unsigned code = 0;
    unsigned low = 0;
    if (left < 6 || !read_hex4(text + checker->at + 2, &code))
        return bad(checker, "\\u must be followed by four hex digits");
    if (code == 0 && !checker->allow_nul)
        return bad(checker, "the character NUL (\\u0000) is not allowed");
    if (code < 0xD800 || code > 0xDFFF) {
        checker->at += 6;
        return SATCHEL_OK;
    }
    const char *second = text + checker->at + 6;
    bool paired = code <= 0xDBFF && left >= 12 && second[0] == '\\' && second[1] == 'u' &&
                  read_hex4(second + 2, &low) && low >= 0xDC00 && low <= 0xDFFF;
    if (!paired)
        return bad(checker, "lone surrogate");
    checker->at += 12;
    return SATCHEL_OK;
}

static int check_escape(struct checker *checker)
{
    char c = checker->at + 1 < checker->len ? checker->text[checker->at + 1] : '\0';
    if (c == 'u')
        return check_unicode(checker);
    if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL)
        return bad(checker, "bad escape in a string");
    checker->at += 2;
    return SATCHEL_OK;
}

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* None of the eight bytes at `text` is a quote, a backslash, a control character or non-ASCII. */
static bool plain8(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
    uint64_t quote = word ^ EACH_BYTE(0x22U);
    uint64_t slash = word ^ EACH_BYTE(0x5CU);
    /* x - n borrows into the high bit of a byte below n; bytes of 0x80 and up show by themselves.
     */
    uint64_t seen = (word - EACH_BYTE(0x20U)) | (quote - EACH_BYTE(1U)) | (slash - EACH_BYTE(1U));
    return ((seen | word) & EACH_BYTE(0x80U)) == 0;
}

/* Runs to the closing quote; `at` is then behind it. */
static int check_string_body(struct checker *checker, bool *escaped, bool *non_ascii)
{
    while (checker->at < checker->len) {
        if (checker->len - checker->at >= 8 && plain8(checker->text + checker->at)) {
            checker->at += 8;
            continue;
        }
        unsigned char c = (unsigned char)checker->text[checker->at];
        if (c == '"') {
            checker->at++;
            return SATCHEL_OK;
        }
        if (c < 0x20)
            return bad(checker, "control character in a string");
        if (c == '\\') {
            *escaped = true;
            int code = check_escape(checker);
            if (code != SATCHEL_OK)
                return code;
            continue;
        }
        *non_ascii = *non_ascii || c >= 0x80;
        checker->at++;
    }
    return bad(checker, "");
}

/* At the opening quote. */
static int check_string(struct checker *checker, struct key *key)
{
    bool non_ascii = false;
    size_t start = ++checker->at;
    key->escaped = false;
    int code = check_string_body(checker, &key->escaped, &non_ascii);
    if (code != SATCHEL_OK)
        return code;
    key->raw = (satchel_span){.data = checker->text + start, .len = checker->at - 1 - start};
    if (non_ascii && !sat_utf8_valid(key->raw.data, key->raw.len))
        return bad_at(checker, start, "the string is not UTF-8");
    return SATCHEL_OK;
}

/* ---- duplicate keys (2) ---- */

static int push_key(struct checker *checker, const struct key *key)
{
    if (checker->key_count == checker->key_capacity) {
        bool moved = checker->keys != checker->first_keys;
        size_t capacity = checker->key_capacity * 2;
        struct key *keys = sat_realloc(moved ? checker->keys : NULL, capacity * sizeof *keys);
        if (keys == NULL)
            return sat_error_nomem(checker->err);
        if (!moved)
            memcpy(keys, checker->first_keys, sizeof checker->first_keys);
        checker->keys = keys;
        checker->key_capacity = capacity;
    }
    checker->keys[checker->key_count++] = *key;
    return SATCHEL_OK;
}

static bool same_key(const struct key *a, const struct key *b)
{
    if (a->escaped || b->escaped)
        return sat_jscan_key_compare(a->raw, b->raw) == 0;
    return a->raw.len == b->raw.len && memcmp(a->raw.data, b->raw.data, a->raw.len) == 0;
}

static int compare_keys(const void *left, const void *right)
{
    const struct key *a = left;
    const struct key *b = right;
    return sat_jscan_key_compare(a->raw, b->raw);
}

static int bad_key(const struct checker *checker, const struct key *a, const struct key *b)
{
    const char *first = a->raw.data;
    const char *second = b->raw.data;
    const char *later = first > second ? first : second;
    size_t len = first > second ? a->raw.len : b->raw.len;
    char what[128];
    struct sat_buf text;
    sat_buf_init(&text, sizeof what - 1);
    (void)sat_buf_addf(&text, "duplicate key \"%.*s\"", (int)(len > 64 ? 64 : len), later);
    int code = bad_at(checker, (size_t)(later - checker->text), sat_buf_str(&text));
    sat_buf_fini(&text);
    return code;
}

/* Compares the keys above `base` and drops them. */
static int check_keys(struct checker *checker, size_t base)
{
    struct key *keys = checker->keys + base;
    size_t count = checker->key_count - base;
    checker->key_count = base;
    if (count > KEYS_PAIRWISE) {
        qsort(keys, count, sizeof *keys, compare_keys);
        for (size_t i = 1; i < count; i++) {
            if (same_key(&keys[i - 1], &keys[i]))
                return bad_key(checker, &keys[i - 1], &keys[i]);
        }
        return SATCHEL_OK;
    }
    for (size_t i = 1; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (same_key(&keys[i], &keys[j]))
                return bad_key(checker, &keys[i], &keys[j]);
        }
    }
    return SATCHEL_OK;
}

/* ---- values ---- */

static int check_number(struct checker *checker)
{
    const char *start = checker->text + checker->at;
    size_t len = sat_jnum_length(start, checker->len - checker->at);
    if (len == 0)
        return bad_at(checker, checker->at, "bad number");
    int64_t integer;
    double real;
    satchel_span number = {.data = start, .len = len};
    /* Up to 18 bytes neither an integer nor, without exponent, a real can be too large. */
    bool small = len <= 18 && memchr(start, 'e', len) == NULL && memchr(start, 'E', len) == NULL;
    if (!small && sat_jnum_parse(number, &integer, &real) == SAT_JNUM_TOO_LARGE)
        return bad(checker, "the number does not fit a 64-bit integer or a double");
    checker->at += len;
    return SATCHEL_OK;
}

static int check_literal(struct checker *checker, const char *literal)
{
    size_t len = strlen(literal);
    if (checker->len - checker->at < len || memcmp(checker->text + checker->at, literal, len) != 0)
        return bad(checker, "unknown literal");
    checker->at += len;
    return SATCHEL_OK;
}

/* After a value inside brackets: ',' goes on (*more), `close` ends. */
static int check_separator(struct checker *checker, char close, bool *more)
{
    skip_space(checker);
    char c = peek(checker);
    if (c != ',' && c != close)
        return bad(checker, close == '}' ? "want ',' or '}'" : "want ',' or ']'");
    checker->at++;
    *more = c == ',';
    if (*more)
        skip_space(checker);
    return SATCHEL_OK;
}

static int check_member(struct checker *checker, int depth)
{
    struct key key;
    if (peek(checker) != '"')
        return bad(checker, "want a key in quotes");
    int code = check_string(checker, &key);
    if (code == SATCHEL_OK)
        code = push_key(checker, &key);
    if (code != SATCHEL_OK)
        return code;
    skip_space(checker);
    if (peek(checker) != ':')
        return bad(checker, "want ':'");
    checker->at++;
    skip_space(checker);
    return check_value(checker, depth);
}

/* At '{' or '[', whose contents are at `depth`. */
static int check_container(struct checker *checker, int depth)
{
    bool object = peek(checker) == '{';
    char close = object ? '}' : ']';
    size_t base = checker->key_count;
    bool more = true;
    if (depth > checker->max_depth)
        return bad(checker, "nested too deeply");
    checker->at++;
    skip_space(checker);
    if (peek(checker) == close) {
        checker->at++;
        return SATCHEL_OK;
    }
    while (more) {
        int code = object ? check_member(checker, depth) : check_value(checker, depth);
        if (code == SATCHEL_OK)
            code = check_separator(checker, close, &more);
        if (code != SATCHEL_OK)
            return code;
    }
    return check_keys(checker, base);
}

static int check_value(struct checker *checker, int depth)
{
    struct key unused;
    switch (peek(checker)) {
    case '{':
    case '[':
        return check_container(checker, depth + 1);
    case '"':
        return check_string(checker, &unused);
    case 't':
        return check_literal(checker, "true");
    case 'f':
        return check_literal(checker, "false");
    case 'n':
        return check_literal(checker, "null");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9':
        return check_number(checker);
    default:
        return bad(checker, "want a value");
    }
}

static int check_text(struct checker *checker)
{
    if (checker->len >= 3 && memcmp(checker->text, "\xEF\xBB\xBF", 3) == 0)
        return bad(checker, "byte order mark");
    skip_space(checker);
    int code = check_value(checker, 0);
    if (code != SATCHEL_OK)
        return code;
    skip_space(checker);
    return checker->at == checker->len ? SATCHEL_OK : bad(checker, "text after the value");
}

int sat_jscan_validate(satchel_span text, const struct sat_jvalid_limits *limits,
                       satchel_error *err)
{
    struct checker checker;
    int max_depth = limits == NULL || limits->max_depth <= 0 ? SAT_JSON_DEPTH : limits->max_depth;
    checker.text = text.len == 0 ? "" : text.data;
    checker.len = text.len;
    checker.at = 0;
    checker.max_depth = max_depth > SAT_JSON_DEPTH_MAX ? SAT_JSON_DEPTH_MAX : max_depth;
    checker.allow_nul = limits != NULL && limits->allow_nul;
    checker.err = err;
    checker.keys = checker.first_keys;
    checker.key_count = 0;
    checker.key_capacity = KEYS_ON_STACK;
    int code = check_text(&checker);
    if (checker.keys != checker.first_keys)
        sat_free(checker.keys);
    return code;
}
