/*
 * Object tags.
 *
 * The escape: '=' followed by two upper-case hex digits is one byte. '=' itself is always escaped,
 * so what sat_tag_escape() writes has one reading only.
 */
#include "tags.h"

#include <stdint.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "str.h"
#include "uri.h"

enum { TAG_TEXT_MAX = 64 * 1024 }; /* bytes of one escaped or decoded key or value */

static const char upper_hex[] = "0123456789ABCDEF";

void sat_tags_fini(struct sat_tags *tags)
{
    for (size_t i = 0; i < tags->items.len; i++) {
        struct sat_tag *tag = sat_vec_at(&tags->items, i);
        sat_free(tag->key);
    }
    if (tags->items.item_size > 0)
        sat_vec_fini(&tags->items);
}

size_t sat_tags_count(const struct sat_tags *tags)
{
    return tags->items.len;
}

const struct sat_tag *sat_tags_at(const struct sat_tags *tags, size_t i)
{
    return sat_vec_at(&tags->items, i);
}

const struct sat_tag *sat_tags_find(const struct sat_tags *tags, satchel_span key)
{
    for (size_t i = 0; i < tags->items.len; i++) {
        const struct sat_tag *tag = sat_tags_at(tags, i);
        if (tag->key_len == key.len && (key.len == 0 || memcmp(tag->key, key.data, key.len) == 0))
            return tag;
    }
    return NULL;
}

/* Lengths are kept beside the text, since a value may hold a NUL. */
static satchel_span key_of(const struct sat_tag *tag)
{
    return (satchel_span){.data = tag->key, .len = tag->key_len};
}

static satchel_span value_of(const struct sat_tag *tag)
{
    return (satchel_span){.data = tag->value, .len = tag->value_len};
}

/* Copies key and value into one block, which `key` owns. */
static int append(struct sat_tags *tags, satchel_span key, satchel_span value, satchel_error *err)
{
    if (tags->items.item_size == 0)
        sat_vec_init(&tags->items, sizeof(struct sat_tag));
    char *block = sat_malloc(key.len + value.len + 2);
    if (block == NULL)
        return sat_error_nomem(err);
    memcpy(block, key.data, key.len);
    block[key.len] = '\0';
    char *copy = block + key.len + 1;
    if (value.len > 0)
        memcpy(copy, value.data, value.len);
    copy[value.len] = '\0';
    const struct sat_tag tag = {
        .key = block, .value = copy, .key_len = key.len, .value_len = value.len};
    if (sat_vec_push(&tags->items, &tag) == NULL) {
        sat_free(block);
        return sat_error_nomem(err);
    }
    return SATCHEL_OK;
}

int sat_tags_add(struct sat_tags *tags, satchel_span key, satchel_span value, satchel_error *err)
{
    if (key.len == 0)
        return sat_error_set(err, SATCHEL_INVALID, "a tag needs a key");
    if (sat_tags_find(tags, key) != NULL)
        return sat_error_set(err, SATCHEL_INVALID, "tag '%.*s' is given twice", (int)key.len,
                             (const char *)key.data);
    return append(tags, key, value, err);
}

int sat_tags_add_str(struct sat_tags *tags, const char *key, const char *value, satchel_error *err)
{
    return sat_tags_add(tags, sat_span_of(key), sat_span_of(value), err);
}

int sat_tags_copy(struct sat_tags *to, const struct sat_tags *from, satchel_error *err)
{
    for (size_t i = 0; i < sat_tags_count(from); i++) {
        const struct sat_tag *tag = sat_tags_at(from, i);
        int code = append(to, key_of(tag), value_of(tag), err);
        if (code != SATCHEL_OK) {
            sat_tags_fini(to);
            return code;
        }
    }
    return SATCHEL_OK;
}

/* What every store accepts. Locale functions would accept more. */
static bool is_ascii_word(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* `utf8`: the whole text is UTF-8. */
static bool passes(const struct sat_tag_limits *limits, unsigned char c, bool utf8)
{
    if (c >= 0x80)
        return limits->non_ascii && utf8;
    return is_ascii_word(c) || (c != '\0' && strchr(limits->symbols, c) != NULL);
}

/* Upper case, so that reading can tell our escapes from most foreign text. */
static int escape_byte(struct sat_buf *buf, unsigned char c)
{
    const char escape[3] = {'=', upper_hex[c >> 4], upper_hex[c & 15U]};
    return sat_buf_add(buf, escape, sizeof escape);
}

int sat_tag_escape(struct sat_buf *buf, const struct sat_tag_limits *limits, satchel_span text)
{
    const unsigned char *p = text.data;
    bool utf8 = sat_utf8_valid(text.data, text.len);
    for (size_t i = 0; i < text.len; i++) {
        if (p[i] != '=' && passes(limits, p[i], utf8))
            (void)sat_buf_add_char(buf, (char)p[i]);
        else
            (void)escape_byte(buf, p[i]);
    }
    return buf->failed;
}

/* Value of an upper-case hex digit, or -1. */
static int upper_hex_value(char c)
{
    const char *digit = c == '\0' ? NULL : strchr(upper_hex, c);
    return digit == NULL ? -1 : (int)(digit - upper_hex);
}

int sat_tag_unescape(struct sat_buf *buf, satchel_span text)
{
    const char *p = text.data;
    for (size_t i = 0; i < text.len; i++) {
        int high = -1;
        int low = -1;
        if (p[i] == '=' && text.len - i > 2) {
            high = upper_hex_value(p[i + 1]);
            low = upper_hex_value(p[i + 2]);
        }
        if (high < 0 || low < 0) {
            (void)sat_buf_add_char(buf, p[i]);
            continue;
        }
        (void)sat_buf_add_char(buf, (char)(high << 4 | low));
        i += 2;
    }
    return buf->failed;
}

/* Services compare the reserved prefix without case. */
static bool is_reserved(const struct sat_tag_limits *limits, satchel_span key)
{
    if (limits->reserved == NULL)
        return false;
    char start[32];
    size_t len = strlen(limits->reserved);
    if (len >= sizeof start || key.len < len)
        return false;
    memcpy(start, key.data, len);
    start[len] = '\0';
    return sat_str_eq_nocase(start, limits->reserved);
}

/* A key is escaped one byte further when the plain escape would read as something else. */
static int escape_key(struct sat_buf *buf, const struct sat_tag_limits *limits, satchel_span key)
{
    if (key.len > 0 && (is_reserved(limits, key) || sat_span_eq(key, SAT_TAG_MORE))) {
        const char *p = key.data;
        (void)escape_byte(buf, (unsigned char)p[0]);
        key = (satchel_span){.data = p + 1, .len = key.len - 1};
    }
    return sat_tag_escape(buf, limits, key);
}

/* Characters of a store's limit; bytes that are not UTF-8 count one each. */
static size_t count_chars(satchel_span text)
{
    return sat_utf8_valid(text.data, text.len) ? sat_utf8_count(text.data, text.len) : text.len;
}

/* The two LIMIT texts, one place each: the user sees the same words from fit and check. */
static int too_long(const struct sat_tag *tag, const char *what, size_t chars, size_t limit,
                    satchel_error *err)
{
    return sat_error_set(err, SATCHEL_LIMIT, "tag '%.100s': its %s has %zu characters (limit %zu)",
                         tag->key, what, chars, limit);
}

/* LIMIT when key or value (both as they go to the store) is too long; `tag` names it. */
static int check_length(const struct sat_tag *tag, satchel_span key, satchel_span value,
                        const struct sat_tag_limits *limits, satchel_error *err)
{
    size_t chars = count_chars(key);
    if (chars > limits->key_chars)
        return too_long(tag, "key", chars, limits->key_chars, err);
    chars = count_chars(value);
    if (chars > limits->value_chars)
        return too_long(tag, "value", chars, limits->value_chars, err);
    return SATCHEL_OK;
}

static int too_many(size_t count, const struct sat_tag_limits *limits, satchel_error *err)
{
    return sat_error_set(err, SATCHEL_LIMIT, "%zu tags (limit %zu)", count, limits->count);
}

/* Adds one escaped tag; LIMIT when it does not fit by itself. */
static int fit_one(const struct sat_tag *tag, const struct sat_tag_limits *limits,
                   struct sat_tags *out, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf key;
    SAT_AUTO_BUF struct sat_buf value;
    sat_buf_init(&key, TAG_TEXT_MAX);
    sat_buf_init(&value, TAG_TEXT_MAX);
    if (escape_key(&key, limits, key_of(tag)) != SATCHEL_OK)
        return sat_buf_check(&key, "a tag's key", err);
    if (sat_tag_escape(&value, limits, value_of(tag)) != SATCHEL_OK)
        return sat_buf_check(&value, "a tag's value", err);
    int code = check_length(tag, sat_buf_span(&key), sat_buf_span(&value), limits, err);
    if (code != SATCHEL_OK)
        return code;
    return append(out, sat_buf_span(&key), sat_buf_span(&value), err);
}

/* Frees the place that the mark needs. */
static void drop_last(struct sat_tags *tags)
{
    struct sat_tag *last = sat_vec_at(&tags->items, tags->items.len - 1);
    sat_free(last->key);
    tags->items.len--;
}

/* Says that the record has more than its tags; itself the last tag that fits. */
static int add_more_mark(struct sat_tags *out, const struct sat_tag_limits *limits,
                         satchel_error *err)
{
    if (limits->count == 0)
        return SATCHEL_OK;
    if (sat_tags_count(out) == limits->count)
        drop_last(out);
    return append(out, sat_span_of(SAT_TAG_MORE), sat_span_of("1"), err);
}

int sat_tags_fit(const struct sat_tags *wanted, const struct sat_tag_limits *limits, bool strict,
                 struct sat_tags *out, satchel_error *err)
{
    int code = SATCHEL_OK;
    bool more = false;
    /* Said before the first tag is looked at: the count is the easier thing to mend. */
    if (strict && sat_tags_count(wanted) > limits->count)
        return too_many(sat_tags_count(wanted), limits, err);
    for (size_t i = 0; i < sat_tags_count(wanted) && code == SATCHEL_OK; i++) {
        if (sat_tags_count(out) == limits->count) {
            more = true;
            break;
        }
        /* Kept apart from *err, which a tag that is merely left out must not fill. */
        satchel_error why = {0};
        code = fit_one(sat_tags_at(wanted, i), limits, out, &why);
        more = more || code == SATCHEL_LIMIT;
        if (code == SATCHEL_LIMIT && !strict)
            code = SATCHEL_OK;
        else
            (void)sat_error_copy(err, code == SATCHEL_OK ? NULL : &why);
    }
    if (code == SATCHEL_OK && more)
        code = add_more_mark(out, limits, err);
    if (code != SATCHEL_OK)
        sat_tags_fini(out);
    return code;
}

/* One stored tag back to what the user gave. */
static int unfit_one(const struct sat_tag *tag, struct sat_tags *out, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf key;
    SAT_AUTO_BUF struct sat_buf value;
    sat_buf_init(&key, TAG_TEXT_MAX);
    sat_buf_init(&value, TAG_TEXT_MAX);
    if (sat_tag_unescape(&key, key_of(tag)) != SATCHEL_OK)
        return sat_buf_check(&key, "a tag's key", err);
    if (sat_tag_unescape(&value, value_of(tag)) != SATCHEL_OK)
        return sat_buf_check(&value, "a tag's value", err);
    return sat_tags_add(out, sat_buf_span(&key), sat_buf_span(&value), err);
}

int sat_tags_unfit(const struct sat_tags *fitted, struct sat_tags *out, satchel_error *err)
{
    for (size_t i = 0; i < sat_tags_count(fitted); i++) {
        const struct sat_tag *tag = sat_tags_at(fitted, i);
        if (sat_str_eq(tag->key, SAT_TAG_MORE))
            continue;
        int code = unfit_one(tag, out, err);
        if (code != SATCHEL_OK) {
            sat_tags_fini(out);
            return code;
        }
    }
    return SATCHEL_OK;
}

/* The user's own tags go out as they are, so a literal '=' is fine here. */
static bool all_pass(const struct sat_tag_limits *limits, satchel_span text)
{
    const unsigned char *p = text.data;
    bool utf8 = sat_utf8_valid(text.data, text.len);
    for (size_t i = 0; i < text.len; i++) {
        if (!passes(limits, p[i], utf8))
            return false;
    }
    return true;
}

static int check_one(const struct sat_tag *tag, const struct sat_tag_limits *limits,
                     satchel_error *err)
{
    if (is_reserved(limits, key_of(tag)))
        return sat_error_set(err, SATCHEL_INVALID, "tag '%.100s': keys with '%s' are reserved",
                             tag->key, limits->reserved);
    if (!all_pass(limits, key_of(tag)) || !all_pass(limits, value_of(tag)))
        return sat_error_set(err, SATCHEL_INVALID,
                             "tag '%.100s' has a character this store refuses (allowed: letters, "
                             "digits and '%s')",
                             tag->key, limits->symbols);
    return check_length(tag, key_of(tag), value_of(tag), limits, err);
}

int sat_tags_check(const struct sat_tags *tags, const struct sat_tag_limits *limits,
                   satchel_error *err)
{
    if (sat_tags_count(tags) > limits->count)
        return too_many(sat_tags_count(tags), limits, err);
    for (size_t i = 0; i < sat_tags_count(tags); i++) {
        int code = check_one(sat_tags_at(tags, i), limits, err);
        if (code != SATCHEL_OK)
            return code;
    }
    return SATCHEL_OK;
}

int sat_tags_encode(struct sat_buf *buf, const struct sat_tags *tags)
{
    for (size_t i = 0; i < sat_tags_count(tags); i++) {
        const struct sat_tag *tag = sat_tags_at(tags, i);
        if (i > 0)
            (void)sat_buf_add_char(buf, '&');
        (void)sat_uri_encode(buf, key_of(tag), false);
        (void)sat_buf_add_char(buf, '=');
        (void)sat_uri_encode(buf, value_of(tag), false);
    }
    return buf->failed;
}

/* One "key=value"; a missing '=' is an empty value. */
static int parse_pair(satchel_span pair, struct sat_tags *tags, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf key;
    SAT_AUTO_BUF struct sat_buf value;
    sat_buf_init(&key, TAG_TEXT_MAX);
    sat_buf_init(&value, TAG_TEXT_MAX);
    const char *start = pair.data;
    const char *equals = pair.len == 0 ? NULL : memchr(start, '=', pair.len);
    size_t key_len = equals == NULL ? pair.len : (size_t)(equals - start);
    satchel_span raw_key = {.data = start, .len = key_len};
    satchel_span raw_value = {0};
    if (equals != NULL)
        raw_value = (satchel_span){.data = equals + 1, .len = pair.len - key_len - 1};
    int code = sat_uri_decode(&key, raw_key, SAT_URI_PLUS_LITERAL, err);
    if (code == SATCHEL_OK)
        code = sat_uri_decode(&value, raw_value, SAT_URI_PLUS_LITERAL, err);
    if (code == SATCHEL_OK)
        code = sat_tags_add(tags, sat_buf_span(&key), sat_buf_span(&value), err);
    return code;
}

int sat_tags_parse(satchel_span text, struct sat_tags *tags, satchel_error *err)
{
    const char *p = text.data;
    size_t left = text.len;
    while (left > 0) {
        const char *end = memchr(p, '&', left);
        size_t len = end == NULL ? left : (size_t)(end - p);
        int code = parse_pair((satchel_span){.data = p, .len = len}, tags, err);
        if (code != SATCHEL_OK) {
            sat_tags_fini(tags);
            return code;
        }
        left -= len;
        if (end != NULL) {
            p = end + 1;
            left--;
        }
    }
    return SATCHEL_OK;
}
