/* A parsed path into a JSON value: `a.b[0].c` or a JSON Pointer. */
#ifndef SAT_CORE_JPATH_H
#define SAT_CORE_JPATH_H

#include <stdbool.h>
#include <stddef.h>

#include <satchel/types.h>

/*
 * One step down. A dotted name is a key only, `[0]` an index only; a token of a JSON Pointer is a
 * key in an object and, when it is a canonical number, an index in an array.
 */
struct sat_path_step {
    satchel_span key; /* decoded UTF-8 */
    size_t index;
    bool is_key;
    bool is_index;
};

enum { SAT_PATH_STEPS_MAX = 64 };

struct sat_path {
    struct sat_path_step *steps; /* owned, with the bytes of the keys in the same block */
    size_t count;
};

/*
 * Parses `text` (UTF-8):
 *  - starting with '/': JSON Pointer (RFC 6901), `~0` is '~' and `~1` is '/';
 *  - else dotted: names separated by '.', each followed by any number of `[N]`; a name is any text
 *    without '.', '[', ']' and not empty (write other keys as a pointer). `[0].a` starts at an
 * array.
 * "" is the whole value (count 0). INVALID for a bad path, more than SAT_PATH_STEPS_MAX steps, or
 * text that is not UTF-8; NOMEM. Release with sat_path_fini(); a failed *path needs none.
 */
int sat_path_parse(satchel_span text, struct sat_path *path, satchel_error *err);

/* Like sat_path_parse(), with the key `root` in front of the steps. */
int sat_path_parse_under(const char *root, satchel_span text, struct sat_path *path,
                         satchel_error *err);

void sat_path_fini(struct sat_path *path);

#define SAT_AUTO_PATH __attribute__((cleanup(sat_path_fini)))

#endif
