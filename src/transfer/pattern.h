/*
 * What a source that names nothing asks for: a glob or a regular expression over paths.
 *
 * A regular expression (core/regex.h) has a literal folder in front: all parts up to the first with
 * one of \ * + ? [ ] ( ) { } | ^ $ in it. The rest has to match all of the path below that folder;
 * its "." is any character, '/' too.
 *
 * AUTO takes for a regular expression what is unlikely to be meant as a glob:
 *   \. \d \w \s \b (or with D W S B ( ) ^ $ + |)      .* .+ ^ where a part begins
 *   {4}   {2,4} or + behind ] or )                    (?   (a|b)   $ at the end
 * unless it begins with * or ?. Else it is a glob if it has one of * ? [ {, else literal. So
 * "data.*" and "photo (1)*" are globs.
 */
#ifndef SAT_TRANSFER_PATTERN_H
#define SAT_TRANSFER_PATTERN_H

#include <stdbool.h>

#include <satchel/job.h>

struct sat_pattern;

/* How `path`, or a URI, is read when it names nothing: GLOB, REGEX, or LITERAL. */
enum satchel_pattern sat_pattern_kind(const char *path, enum satchel_pattern wish);
/* "glob", "regular expression"; "literal" for the others. */
const char *sat_pattern_word(enum satchel_pattern kind);

/* `kind` is GLOB or REGEX. INVALID and LIMIT as sat_glob_new() and sat_regex_new_whole(). */
int sat_pattern_new(const char *path, enum satchel_pattern kind, struct sat_pattern **pattern,
                    satchel_error *err);
/* NULL is fine. */
void sat_pattern_free(struct sat_pattern *pattern);
/* The literal text that all matches begin with. */
const char *sat_pattern_fixed(const struct sat_pattern *pattern);
/* Whether the whole path matches. Of a regular expression: LIMIT; CORRUPT when it is not UTF-8. */
int sat_pattern_match(const struct sat_pattern *pattern, satchel_span path, bool *matches,
                      satchel_error *err);

#endif
