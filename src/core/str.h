/* Strings and spans: copies, strict number parsing, UTF-8, name suggestions. */
#ifndef SAT_CORE_STR_H
#define SAT_CORE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <satchel/types.h>

char *sat_strdup(const char *text);
char *sat_strndup(const char *text, size_t len);
/* A formatted string on the heap, or NULL. */
char *sat_strf(const char *format, ...) __attribute__((format(printf, 1, 2)));

bool sat_str_eq(const char *a, const char *b);
bool sat_str_eq_nocase(const char *a, const char *b); /* ASCII */
bool sat_str_starts(const char *text, const char *prefix);
bool sat_str_ends(const char *text, const char *suffix);
bool sat_span_eq(satchel_span span, const char *text);
satchel_span sat_span_of(const char *text);

/* Whole text is one decimal number: no space, no sign for u64, no overflow. */
bool sat_parse_u64(const char *text, uint64_t *out);
bool sat_parse_i64(const char *text, int64_t *out);

/* Strict UTF-8 (no overlong forms, no surrogates, <= U+10FFFF). */
bool sat_utf8_valid(const void *data, size_t len);
/* Decodes one code point at text[*at], *at < len, of valid UTF-8, and advances *at. */
uint32_t sat_utf8_next(const char *text, size_t len, size_t *at);
/* Number of code points of valid UTF-8. */
size_t sat_utf8_count(const char *text, size_t len);

/*
 * Moves a place, line and column from 1 on and columns in code points, over `len` bytes of text,
 * which need not be valid.
 */
void sat_text_place(const char *text, size_t len, size_t *line, size_t *column);

/* Lower-case hex of `len` bytes into out[2 * len + 1]. */
void sat_hex(const void *data, size_t len, char *out);

/*
 * The candidate nearest to `word` (Levenshtein, at most max(2, len/3) edits), or NULL.
 * For "unknown option 'regoin' (did you mean 'region'?)".
 */
const char *sat_nearest(const char *word, const char *const *candidates, size_t count);

#endif
