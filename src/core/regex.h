/*
 * Regular expressions (PCRE2) with hard limits, so that no pattern can hold a thread or the heap.
 *
 * A pattern is at most 4 KiB; a search may take 100,000 steps from each start and 16 MiB of heap. A
 * limit is an error, never "no match". Steps are counted anew at each start, so that the worst time
 * still grows with the square of the text's length.
 */
#ifndef SAT_CORE_REGEX_H
#define SAT_CORE_REGEX_H

#include <stdbool.h>

#include <satchel/types.h>

#define SAT_REGEX_PATTERN_MAX ((size_t)4096)
#define SAT_REGEX_MATCH_LIMIT 100000U
#define SAT_REGEX_HEAP_MAX    ((size_t)16 * 1024 * 1024)

struct sat_regex;

/*
 * Compiles UTF-8 `pattern` with Unicode classes (\w, \d, \b); \C is refused. LIMIT when it is over
 * SAT_REGEX_PATTERN_MAX, INVALID naming the pattern, the position and the reason when it is bad.
 */
int sat_regex_new(satchel_span pattern, struct sat_regex **out, satchel_error *err);
/* The same for names: the whole text has to match, and "." is any character, line ends too. */
int sat_regex_new_whole(satchel_span pattern, struct sat_regex **out, satchel_error *err);
void sat_regex_free(struct sat_regex *regex);

/*
 * Whether the pattern matches anywhere in `text`. Any number of threads may search with one regex.
 * LIMIT naming the pattern when a limit stopped the search, CORRUPT when the text is not UTF-8.
 */
int sat_regex_search(struct sat_regex *regex, satchel_span text, bool *found, satchel_error *err);

#endif
