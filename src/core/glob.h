/* Glob patterns over keys and paths. */
#ifndef SAT_CORE_GLOB_H
#define SAT_CORE_GLOB_H

#include <stdbool.h>

#include <satchel/types.h>

#include "buf.h"

/*
 *   *        any run of characters but '/'
 *   ?        one character but '/'
 *   [a-z_]   one of these, never '/';  [!a-z] one but these, never '/'; ']' first is literal
 *   {a,b*}   one of these patterns; nests SAT_GLOB_NESTING_MAX deep
 *   **       any run of characters, '/' too; "**" + "/" at the start of a segment also matches
 *            nothing, so that a/ ** /b (written without spaces) matches a/b
 *   \c       the character c itself
 * Characters are UTF-8 code points; a byte that is not UTF-8 counts as one character. Leading dots
 * and case get no special treatment.
 */
enum {
    SAT_GLOB_NESTING_MAX = 8,
    SAT_GLOB_PATTERN_MAX = 2048, /* bytes; a longer pattern is LIMIT */
};

struct sat_glob;

/*
 * INVALID naming the position (from 1): unclosed '[' or '{', reversed range, nesting too deep,
 * '\' at the end.
 */
int sat_glob_new(const char *pattern, struct sat_glob **glob, satchel_error *err);
void sat_glob_free(struct sat_glob *glob);
/* Whole-text match; time at most proportional to pattern length * text length. Thread-safe. */
bool sat_glob_match(const struct sat_glob *glob, satchel_span text);
/* The literal text every match begins with, for a LIST prefix; "" when there is none. */
const char *sat_glob_prefix(const struct sat_glob *glob);

/* True when the text has one of * ? [ { and so is worth compiling. */
bool sat_glob_has_magic(const char *text);

#endif
