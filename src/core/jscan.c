/*
 * Reading validated JSON text in place.
 *
 * (1) The text is valid (jvalid.c), so skipping looks only at quotes, backslashes and brackets.
 * (2) Every step still checks its end: on text that is not valid it may answer nonsense but never
 *     reads past the span.
 */
#include "jscan.h"

#include <string.h>

#include "str.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static size_t skip_space(const char *text, size_t len, size_t at)
{
    while (at < len && is_space(text[at]))
        at++;
    return at;
}

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* One of the eight bytes at `text` is, or stands behind, a quote or a backslash. */
static bool special8(const char *text)
{
    uint64_t word;
    memcpy(&word, text, sizeof word);
    uint64_t quote = word ^ EACH_BYTE(0x22U);
    uint64_t slash = word ^ EACH_BYTE(0x5CU);
    uint64_t seen = ((quote - EACH_BYTE(1U)) & ~quote) | ((slash - EACH_BYTE(1U)) & ~slash);
    return (seen & EACH_BYTE(0x80U)) != 0;
}

/* Position of the closing quote of the string whose first byte is at `at`, or `len`. */
static size_t string_end(const char *text, size_t len, size_t at, bool *escaped)
{
    *escaped = false;
    while (at < len) {
        if (len - at >= 8 && !special8(text + at)) {
            at += 8;
            continue;
        }
        if (text[at] == '"')
            return at;
        if (text[at] == '\\') {
            *escaped = true;
            at++;
        }
        at++;
    }
    return len;
}

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Behind the string whose opening quote is at `at`. */
static size_t skip_string(const char *text, size_t len, size_t at)
{
    bool escaped;
    return min_size(string_end(text, len, at + 1, &escaped) + 1, len);
}

/* Behind the container that opens at `at`. */
static size_t skip_container(const char *text, size_t len, size_t at)
{
    size_t depth = 0;
    while (at < len) {
        switch (text[at]) {
        case '"':
            at = skip_string(text, len, at);
            continue;
        case '{':
        case '[':
            depth++;
            break;
        case '}':
        case ']':
            depth--;
            if (depth == 0)
                return at + 1;
            break;
        default:
            break;
        }
        at++;
    }
    return len;
}

/* Behind a number or literal. */
static size_t skip_word(const char *text, size_t len, size_t at)
{
    while (at < len) {
        char c = text[at];
        if (c == ',' || c == '}' || c == ']' || is_space(c))
            break;
        at++;
    }
    return at;
}

static size_t skip_value(const char *text, size_t len, size_t at)
{
    if (at >= len)
        return len;
    if (text[at] == '"')
        return skip_string(text, len, at);
    if (text[at] == '{' || text[at] == '[')
        return skip_container(text, len, at);
    return skip_word(text, len, at);
}

enum sat_jkind sat_jscan_kind(satchel_span value)
{
    const char *text = value.data;
    size_t at = skip_space(text, value.len, 0);
    if (at == value.len)
        return SAT_JKIND_NONE;
    switch (text[at]) {
    case 'n':
        return SAT_JKIND_NULL;
    case 'f':
        return SAT_JKIND_FALSE;
    case 't':
        return SAT_JKIND_TRUE;
    case '"':
        return SAT_JKIND_STRING;
    case '[':
        return SAT_JKIND_ARRAY;
    case '{':
        return SAT_JKIND_OBJECT;
    default:
        return SAT_JKIND_NUMBER;
    }
}

satchel_span sat_jscan_trim(satchel_span text)
{
    const char *data = text.data;
    size_t start = skip_space(data, text.len, 0);
    size_t end = text.len;
    while (end > start && is_space(data[end - 1]))
        end--;
    return (satchel_span){.data = end == start ? NULL : data + start, .len = end - start};
}

/* ---- escapes ---- */

static unsigned hex4(const char *text)
{
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned char c = (unsigned char)text[i];
        value = value << 4 | (c <= '9' ? c - (unsigned)'0' : (c | 0x20U) - 'a' + 10U);
    }
    return value;
}

static size_t put_utf8(uint32_t code, unsigned char out[4])
{
    if (code < 0x80) {
        out[0] = (unsigned char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (unsigned char)(0xC0U | code >> 6);
        out[1] = (unsigned char)(0x80U | (code & 0x3FU));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (unsigned char)(0xE0U | code >> 12);
        out[1] = (unsigned char)(0x80U | (code >> 6 & 0x3FU));
        out[2] = (unsigned char)(0x80U | (code & 0x3FU));
        return 3;
    }
    out[0] = (unsigned char)(0xF0U | (code >> 18 & 0x07U));
    out[1] = (unsigned char)(0x80U | (code >> 12 & 0x3FU));
    out[2] = (unsigned char)(0x80U | (code >> 6 & 0x3FU));
    out[3] = (unsigned char)(0x80U | (code & 0x3FU));
    return 4;
}

/* The \u escape at text[*at], a surrogate pair as one; advances *at. */
static uint32_t unicode_escape(const char *text, size_t len, size_t *at)
{
    if (len - *at < 6) {
        *at = len;
        return 0xFFFD;
    }
    uint32_t code = hex4(text + *at + 2) & 0xFFFFU;
    *at += 6;
    if (code < 0xD800 || code > 0xDBFF || len - *at < 6)
        return code;
    uint32_t low = hex4(text + *at + 2) & 0xFFFFU;
    *at += 6;
    return 0x10000U + ((code - 0xD800U) << 10) + (low & 0x3FFU);
}

/* The escape at raw[*at]: its UTF-8 bytes, their number; advances *at. */
static size_t decode_escape(satchel_span raw, size_t *at, unsigned char out[4])
{
    static const char names[] = "bfnrt";
    static const char bytes[] = "\b\f\n\r\t";
    const char *text = raw.data;
    char c = *at + 1 < raw.len ? text[*at + 1] : '\\';
    if (c == 'u')
        return put_utf8(unicode_escape(text, raw.len, at), out);
    *at = min_size(*at + 2, raw.len);
    const char *name = c == '\0' ? NULL : strchr(names, c);
    out[0] = (unsigned char)(name == NULL ? c : bytes[name - names]);
    return 1;
}

/* Reads raw text byte by byte as if it were decoded. */
struct reader {
    satchel_span raw;
    size_t at;
    unsigned char bytes[4];
    size_t count;
    size_t used;
};

static int next_byte(struct reader *reader)
{
    const unsigned char *text = reader->raw.data;
    if (reader->used < reader->count)
        return reader->bytes[reader->used++];
    if (reader->at >= reader->raw.len)
        return -1;
    if (text[reader->at] != '\\')
        return text[reader->at++];
    reader->count = decode_escape(reader->raw, &reader->at, reader->bytes);
    reader->used = 1;
    return reader->bytes[0];
}

static int compare_bytes(satchel_span a, satchel_span b)
{
    size_t shorter = min_size(a.len, b.len);
    int order = shorter == 0 ? 0 : memcmp(a.data, b.data, shorter);
    if (order != 0)
        return order;
    return (a.len > b.len) - (a.len < b.len);
}

static bool has_escape(satchel_span raw)
{
    return raw.len > 0 && memchr(raw.data, '\\', raw.len) != NULL;
}

int sat_jscan_key_compare(satchel_span a, satchel_span b)
{
    if (!has_escape(a) && !has_escape(b))
        return compare_bytes(a, b);
    struct reader left = {.raw = a};
    struct reader right = {.raw = b};
    for (;;) {
        int x = next_byte(&left);
        int y = next_byte(&right);
        if (x != y || x < 0)
            return (x > y) - (x < y);
    }
}

/* `raw` is known to have escapes. */
static bool escaped_key_is(satchel_span raw, satchel_span name)
{
    const unsigned char *bytes = name.data;
    struct reader reader = {.raw = raw};
    for (size_t i = 0; i < name.len; i++) {
        if (next_byte(&reader) != bytes[i])
            return false;
    }
    return next_byte(&reader) < 0;
}

static bool same_bytes(const char *data, size_t len, satchel_span name)
{
    return len == name.len && (len == 0 || memcmp(data, name.data, len) == 0);
}

bool sat_jscan_key_is(satchel_span raw, satchel_span name)
{
    return has_escape(raw) ? escaped_key_is(raw, name) : same_bytes(raw.data, raw.len, name);
}

/* ---- walking ---- */

/*
 * Behind the bracket when *cursor is 0, else behind the last value: position of the next item, or
 * `len` when there is none.
 */
static size_t next_item(satchel_span container, size_t *cursor, char open)
{
    const char *text = container.data;
    size_t at = skip_space(text, container.len, *cursor);
    if (at >= container.len)
        return container.len;
    char want = *cursor == 0 ? open : ',';
    if (text[at] != want)
        return container.len;
    at = skip_space(text, container.len, at + 1);
    bool closed = at < container.len && (text[at] == '}' || text[at] == ']');
    return closed ? container.len : at;
}

bool sat_jscan_member(satchel_span object, size_t *cursor, satchel_span *key, satchel_span *value)
{
    const char *text = object.data;
    size_t len = object.len;
    bool escaped;
    size_t at = next_item(object, cursor, '{');
    if (at >= len || text[at] != '"')
        return false;
    size_t end = string_end(text, len, at + 1, &escaped);
    if (end >= len)
        return false;
    *key = (satchel_span){.data = text + at + 1, .len = end - at - 1};
    at = skip_space(text, len, end + 1);
    at = skip_space(text, len, min_size(at + 1, len));
    *cursor = skip_value(text, len, at);
    *value = (satchel_span){.data = text + at, .len = *cursor - at};
    return true;
}

bool sat_jscan_element(satchel_span array, size_t *cursor, satchel_span *value)
{
    const char *text = array.data;
    size_t at = next_item(array, cursor, '[');
    if (at >= array.len)
        return false;
    *cursor = skip_value(text, array.len, at);
    *value = (satchel_span){.data = text + at, .len = *cursor - at};
    return true;
}

/* Start of the value of member `name` of the object at `at`, or `len`. */
static size_t find_member(const char *text, size_t len, size_t at, satchel_span name)
{
    do {
        at = skip_space(text, len, at + 1);
        if (at >= len || text[at] != '"')
            return len;
        bool escaped;
        size_t start = at + 1;
        size_t end = string_end(text, len, start, &escaped);
        if (end >= len)
            return len;
        satchel_span raw = {.data = text + start, .len = end - start};
        bool hit = escaped ? escaped_key_is(raw, name) : same_bytes(text + start, raw.len, name);
        at = skip_space(text, len, end + 1);
        at = skip_space(text, len, min_size(at + 1, len));
        if (hit)
            return at;
        at = skip_space(text, len, skip_value(text, len, at));
    } while (at < len && text[at] == ',');
    return len;
}

/* Start of element `index` of the array at `at`, or `len`. */
static size_t find_element(const char *text, size_t len, size_t at, size_t index)
{
    do {
        at = skip_space(text, len, at + 1);
        if (at >= len || text[at] == ']')
            return len;
        if (index-- == 0)
            return at;
        at = skip_space(text, len, skip_value(text, len, at));
    } while (at < len && text[at] == ',');
    return len;
}

bool sat_jscan_find(satchel_span text, const struct sat_path *path, satchel_span *value)
{
    const char *data = text.data;
    size_t at = skip_space(data, text.len, 0);
    *value = (satchel_span){0};
    for (size_t i = 0; i < path->count && at < text.len; i++) {
        const struct sat_path_step *step = &path->steps[i];
        if (step->is_key && data[at] == '{')
            at = find_member(data, text.len, at, step->key);
        else if (step->is_index && data[at] == '[')
            at = find_element(data, text.len, at, step->index);
        else
            at = text.len;
    }
    if (at >= text.len)
        return false;
    *value = (satchel_span){.data = data + at, .len = skip_value(data, text.len, at) - at};
    return true;
}

bool sat_jscan_get(satchel_span object, const char *name, satchel_span *value)
{
    struct sat_path_step step = {.key = sat_span_of(name), .is_key = true};
    struct sat_path path = {.steps = &step, .count = 1};
    return sat_jscan_find(object, &path, value);
}

/* ---- values ---- */

int sat_jscan_decode(satchel_span raw, struct sat_buf *out)
{
    const char *text = raw.data;
    size_t at = 0;
    while (at < raw.len) {
        const char *slash = memchr(text + at, '\\', raw.len - at);
        size_t run = slash == NULL ? raw.len : (size_t)(slash - text);
        sat_buf_add(out, text + at, run - at);
        at = run;
        if (at < raw.len) {
            unsigned char bytes[4];
            size_t count = decode_escape(raw, &at, bytes);
            sat_buf_add(out, bytes, count);
        }
    }
    return out->failed;
}

/* The text between the quotes of a string value. */
static bool string_text(satchel_span value, satchel_span *raw)
{
    satchel_span trimmed = sat_jscan_trim(value);
    const char *text = trimmed.data;
    if (trimmed.len < 2 || text[0] != '"')
        return false;
    *raw = (satchel_span){.data = text + 1, .len = trimmed.len - 2};
    return true;
}

int sat_jscan_string(satchel_span value, struct sat_buf *out)
{
    satchel_span raw;
    return string_text(value, &raw) ? sat_jscan_decode(raw, out) : out->failed;
}

bool sat_jscan_plain_string(satchel_span value, satchel_span *out)
{
    return string_text(value, out) && !has_escape(*out);
}

bool sat_jscan_int(satchel_span value, int64_t *out)
{
    double real;
    return sat_jnum_parse(sat_jscan_trim(value), out, &real) == SAT_JNUM_INTEGER;
}

/* ---- writing ---- */

static void put_escape(struct sat_buf *out, unsigned char c)
{
    static const char special[] = "\"\\\b\f\n\r\t";
    static const char letters[] = "\"\\bfnrt";
    const char *found = c == '\0' ? NULL : strchr(special, c);
    if (found == NULL) {
        sat_buf_addf(out, "\\u%04x", (unsigned)c);
        return;
    }
    sat_buf_add_char(out, '\\');
    sat_buf_add_char(out, letters[found - special]);
}

int sat_jscan_put_string(struct sat_buf *out, satchel_span text)
{
    const unsigned char *data = text.data;
    size_t done = 0;
    sat_buf_add_char(out, '"');
    for (size_t at = 0; at < text.len; at++) {
        unsigned char c = data[at];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        sat_buf_add(out, data + done, at - done);
        put_escape(out, c);
        done = at + 1;
    }
    sat_buf_add(out, data + done, text.len - done);
    return sat_buf_add_char(out, '"');
}

/* Writes a stretch of JSON text that has no white space outside strings. */
typedef void (*put_fn)(struct sat_buf *out, const char *text, size_t len);

static void put_exact(struct sat_buf *out, const char *text, size_t len)
{
    sat_buf_add(out, text, len);
}

static void put_escaped_code(struct sat_buf *out, uint32_t code)
{
    if (code < 0x10000) {
        sat_buf_addf(out, "\\u%04x", (unsigned)code);
        return;
    }
    code -= 0x10000;
    sat_buf_addf(out, "\\u%04x\\u%04x", (unsigned)(0xD800 + (code >> 10)),
                 (unsigned)(0xDC00 + (code & 0x3FFU)));
}

static void put_ascii_run(struct sat_buf *out, const char *text, size_t len)
{
    size_t at = 0;
    while (at < len) {
        size_t run = at;
        while (run < len && (unsigned char)text[run] < 0x7F)
            run++;
        sat_buf_add(out, text + at, run - at);
        at = run;
        if (at < len)
            put_escaped_code(out, sat_utf8_next(text, len, &at));
    }
}

static int put_without_space(struct sat_buf *out, satchel_span value, put_fn put)
{
    const char *text = value.data;
    size_t start = 0;
    size_t at = 0;
    while (at < value.len) {
        if (text[at] == '"') {
            at = skip_string(text, value.len, at);
            continue;
        }
        if (is_space(text[at])) {
            put(out, text + start, at - start);
            at = skip_space(text, value.len, at);
            start = at;
            continue;
        }
        at++;
    }
    if (value.len > start)
        put(out, text + start, value.len - start);
    return out->failed;
}

int sat_jscan_put_compact(struct sat_buf *out, satchel_span value)
{
    return put_without_space(out, value, put_exact);
}

int sat_jscan_put_ascii(struct sat_buf *out, satchel_span value)
{
    return put_without_space(out, value, put_ascii_run);
}
