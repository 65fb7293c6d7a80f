/*
 * sat_key: the one order of values, shared by filters, sorting and expression indexes.
 *
 * A key is a byte string whose memcmp order (a shorter prefix is less) is the order of values:
 *     null < false < true < number < timestamp < string < array < object
 * and whose equality is equality of values. Layout, first byte = kind:
 *   0x10 null, 0x20 false, 0x21 true: nothing follows
 *   0x30 number: 2 bytes sign and exponent, 8 bytes mantissa; exact for every int64 and double, so
 *        1 = 1.0, 0 = -0.0 and 9007199254740993 > 9007199254740992.0
 *   0x40 timestamp: 5 bytes instant (half-second slots: a leap second takes the odd one), digits of
 *        the fraction without trailing zeros, 0x00, then the text
 *   0x50 string: its UTF-8 bytes (byte order of UTF-8 is code point order)
 *   0x60 array: the keys of its elements, strings and timestamps ended by 0x00 (a 0x00 inside is
 *        00 FF), and 0x00; so arrays order element by element, a shorter prefix first
 *   0x70 object: for each member, by code point of its key: 0x01, the key ended by 0x00, the key of
 *        the value; then 0x00. So members in another order are equal, and equality is deep
 *
 * Timestamp: a string that is `YYYY-MM-DDThh:mm:ss[.digits]` with `Z`, `+hh:mm`, `-hh:mm` or no
 * offset (then UTC). 'T' and 'Z' may be lower case, as in RFC 3339; a space instead of 'T' makes a
 * plain string, and so does a date that does not exist. Any number of fraction digits counts.
 * Second 60 is accepted when it is 23:59:60 in UTC, and lies between :59.999 and the next :00.
 * Two texts of one instant ("...Z" and "...+00:00") are ordered by their text and so not equal.
 */
#ifndef SAT_QUERY_KEY_H
#define SAT_QUERY_KEY_H

#include <stdbool.h>

#include <satchel/types.h>

#include "core/buf.h"

enum sat_kind {
    SAT_KIND_NONE = 0, /* empty key: no value */
    SAT_KIND_NULL = 0x10,
    SAT_KIND_BOOLEAN = 0x20,
    SAT_KIND_NUMBER = 0x30,
    SAT_KIND_TIMESTAMP = 0x40,
    SAT_KIND_STRING = 0x50,
    SAT_KIND_ARRAY = 0x60,
    SAT_KIND_OBJECT = 0x70
};

/*
 * Appends the key of one JSON value, text that has passed sat_jscan_validate(). An empty span
 * (missing) appends nothing. Returns the buffer's code (NOMEM, LIMIT).
 */
int sat_key(satchel_span value, struct sat_buf *out);

/* Appends the key of a string given as decoded UTF-8: timestamp or string. */
int sat_key_of_text(satchel_span text, struct sat_buf *out);

enum sat_kind sat_key_kind(satchel_span key);
/* memcmp order, a shorter prefix first: < 0, 0, > 0. */
int sat_key_compare(satchel_span a, satchel_span b);
/* The text of a key of kind string or timestamp, inside the key; false for other kinds. */
bool sat_key_text(satchel_span key, satchel_span *text);

/*
 * All keys of one kind lie in [first, end), each bound being one byte: so `x > v` within its kind
 * is `key > sat_key(v) AND key < end`, and `x < v` is `key >= first AND key < sat_key(v)`.
 */
unsigned char sat_key_kind_first(enum sat_kind kind);
unsigned char sat_key_kind_end(enum sat_kind kind);

#endif
