/*
 * Reading JSON text in place: no tree, no copies. Every function here but sat_jscan_validate()
 * wants text that has passed it (or a value span that another function here returned); on other
 * text the answer is meaningless, but no byte outside the span is ever read.
 */
#ifndef SAT_CORE_JSCAN_H
#define SAT_CORE_JSCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <satchel/types.h>

#include "buf.h"
#include "jnum.h"
#include "jpath.h"
#include "jvalid.h"

enum sat_jkind {
    SAT_JKIND_NONE, /* empty span: no value */
    SAT_JKIND_NULL,
    SAT_JKIND_FALSE,
    SAT_JKIND_TRUE,
    SAT_JKIND_NUMBER,
    SAT_JKIND_STRING,
    SAT_JKIND_ARRAY,
    SAT_JKIND_OBJECT
};

/* Looks at the first byte; leading white space is skipped. */
enum sat_jkind sat_jscan_kind(satchel_span value);

/* The value without white space around it. */
satchel_span sat_jscan_trim(satchel_span text);

/*
 * The value at `path` inside `text`: true and *value (the exact text of the value: strings with
 * their quotes), or false and an empty *value when it is missing. Never allocates.
 */
bool sat_jscan_find(satchel_span text, const struct sat_path *path, satchel_span *value);

/* The member `name` (decoded) of an object; false when it is missing or `object` is none. */
bool sat_jscan_get(satchel_span object, const char *name, satchel_span *value);

/*
 * Walks the members of an object in order: start with *cursor = 0; false at the end, or when
 * `object` is no object. *key is the raw text between the quotes: decode it with
 * sat_jscan_decode(), compare it with sat_jscan_key_is() or sat_jscan_key_compare().
 */
bool sat_jscan_member(satchel_span object, size_t *cursor, satchel_span *key, satchel_span *value);

/* The same for the elements of an array. */
bool sat_jscan_element(satchel_span array, size_t *cursor, satchel_span *value);

/* Raw key (escapes and all) against decoded UTF-8. */
bool sat_jscan_key_is(satchel_span raw, satchel_span name);
/* Order of two raw keys by code point of their decoded text: < 0, 0, > 0. */
int sat_jscan_key_compare(satchel_span a, satchel_span b);

/*
 * Appends the decoded bytes of a string value (with its quotes), as UTF-8. `value` of another kind
 * appends nothing. Returns the buffer's code.
 */
int sat_jscan_string(satchel_span value, struct sat_buf *out);
/* The same for raw text between quotes (a key of sat_jscan_member()). */
int sat_jscan_decode(satchel_span raw, struct sat_buf *out);
/* The text between the quotes when a string value has no escapes: then *out needs no decoding. */
bool sat_jscan_plain_string(satchel_span value, satchel_span *out);

/* Whole value is an integer in int64 (without fraction and exponent). */
bool sat_jscan_int(satchel_span value, int64_t *out);

/*
 * Appends "..." with the least escaping: '"', '\\' and bytes below 0x20; other UTF-8 stays as it
 * is. `text` is valid UTF-8.
 */
int sat_jscan_put_string(struct sat_buf *out, satchel_span text);
/* Appends a copy of `value` without white space outside strings; strings and numbers stay exact. */
int sat_jscan_put_compact(struct sat_buf *out, satchel_span value);
/* Like sat_jscan_put_compact(), with everything above U+007F written as \uXXXX (for headers). */
int sat_jscan_put_ascii(struct sat_buf *out, satchel_span value);

#endif
