/* Object tags: an ordered list, the reversible escape, fitting into a store's limits, header form.
 */
#ifndef SAT_CORE_TAGS_H
#define SAT_CORE_TAGS_H

#include <stdbool.h>
#include <stddef.h>

#include <satchel/types.h>

#include "buf.h"
#include "vec.h"

/* NUL-terminated; the lengths matter only for text with NULs inside. */
struct sat_tag {
    char *key;
    char *value;
    size_t key_len;
    size_t value_len;
};

/* `{0}` is an empty list. The list owns its tags; read them with sat_tags_at(). */
struct sat_tags {
    struct sat_vec items;
};

void sat_tags_fini(struct sat_tags *tags);
size_t sat_tags_count(const struct sat_tags *tags);
/* Tag `i` in order of addition; i < count. Valid until the list changes. */
const struct sat_tag *sat_tags_at(const struct sat_tags *tags, size_t i);
/* NULL when absent. */
const struct sat_tag *sat_tags_find(const struct sat_tags *tags, satchel_span key);
/* Appends copies. INVALID when the key is empty or present already; NOMEM. */
int sat_tags_add(struct sat_tags *tags, satchel_span key, satchel_span value, satchel_error *err);
/* The same from strings. */
int sat_tags_add_str(struct sat_tags *tags, const char *key, const char *value, satchel_error *err);
/* *to, empty before, becomes a copy; on failure it stays empty. */
int sat_tags_copy(struct sat_tags *to, const struct sat_tags *from, satchel_error *err);

/* What a store accepts; a row of a backend's limits. Letters and digits of ASCII always pass. */
struct sat_tag_limits {
    size_t count;     /* tags per object; 0: the store keeps none */
    size_t key_chars; /* characters, not bytes */
    size_t value_chars;
    const char *symbols;  /* other ASCII characters that pass; '=' must be one of them */
    const char *reserved; /* a prefix no key may have ("aws:", any case), or NULL */
    bool non_ascii;       /* UTF-8 beyond ASCII passes as it is */
};

/* The tag that says "there is more in the record". */
#define SAT_TAG_MORE "_more"

/*
 * Appends `text` with every byte outside the alphabet, and every '=', as =XX (upper-case hex).
 * Bytes that are not UTF-8 are escaped whatever `non_ascii` says.
 */
int sat_tag_escape(struct sat_buf *buf, const struct sat_tag_limits *limits, satchel_span text);
/*
 * The inverse. A '=' without two upper-case hex digits behind it was not written by
 * sat_tag_escape() (a foreign tag) and is kept as it is.
 */
int sat_tag_unescape(struct sat_buf *buf, satchel_span text);

/*
 * *out, empty before, becomes the escaped tags of `wanted` that fit, in order. If any does not
 * fit (too long, or too many) the last tag of *out is _more=1; with `strict` it is LIMIT naming
 * the tag instead, and *out stays empty. A wanted key that would read as reserved or as _more
 * gets its first character escaped.
 */
int sat_tags_fit(const struct sat_tags *wanted, const struct sat_tag_limits *limits, bool strict,
                 struct sat_tags *out, satchel_error *err);
/* The inverse of fitting: *out, empty before, becomes the un-escaped tags without _more. */
int sat_tags_unfit(const struct sat_tags *fitted, struct sat_tags *out, satchel_error *err);

/*
 * INVALID or LIMIT when a store with these limits would refuse `tags` as they are (the user's own
 * tags, which are never escaped): names the tag and what is wrong.
 */
int sat_tags_check(const struct sat_tags *tags, const struct sat_tag_limits *limits,
                   satchel_error *err);

/* Appends "k=v&k2=v2", keys and values percent-encoded: the x-amz-tagging header. */
int sat_tags_encode(struct sat_buf *buf, const struct sat_tags *tags);
/* Parses that form into *tags, empty before. INVALID on a bad escape, empty or repeated key. */
int sat_tags_parse(satchel_span text, struct sat_tags *tags, satchel_error *err);

#endif
