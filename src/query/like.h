/* LIKE patterns: `%` any text, `_` one character, `\` makes the next one literal; case is folded.
 */
#ifndef SAT_QUERY_LIKE_H
#define SAT_QUERY_LIKE_H

#include <stdbool.h>

#include <satchel/types.h>

#define SAT_LIKE_PATTERN_MAX ((size_t)4096)

struct sat_like;

/*
 * Reads a pattern of valid UTF-8. INVALID when it ends in a lone `\`, LIMIT when it is over
 * SAT_LIKE_PATTERN_MAX bytes, NOMEM.
 */
int sat_like_new(satchel_span pattern, struct sat_like **out, satchel_error *err);
void sat_like_free(struct sat_like *like);

/*
 * Whether the whole of `text` (valid UTF-8) matches, both folded by Unicode simple case folding
 * (fold.h). Takes at most pattern length times text length steps; threads may share a pattern.
 */
bool sat_like_match(const struct sat_like *like, satchel_span text);

#endif
