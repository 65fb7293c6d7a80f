/* Validation of JSON text: what passes may be scanned by jscan.h without further checks. */
#ifndef SAT_CORE_JVALID_H
#define SAT_CORE_JVALID_H

#include <stdbool.h>

#include <satchel/types.h>

enum { SAT_JSON_DEPTH = 64, SAT_JSON_DEPTH_MAX = 512 };

struct sat_jvalid_limits {
    int max_depth;  /* nested arrays and objects; 0 = SAT_JSON_DEPTH, at most SAT_JSON_DEPTH_MAX */
    bool allow_nul; /* accept \u0000 in strings and keys; refused by default, as C strings end there
                     */
};

/*
 * INVALID unless `text` is one JSON value (RFC 8259, any value at the top, white space around it):
 * strict UTF-8 without byte order mark, no lone surrogate, no duplicate key in an object (compared
 * decoded), integers within int64, reals finite, depth within limits. The error names line, column
 * and byte. `limits` may be NULL. Allocates (NOMEM) only for objects with many keys: at most 24
 * bytes for each key of the objects that are open at one time.
 */
int sat_jscan_validate(satchel_span text, const struct sat_jvalid_limits *limits,
                       satchel_error *err);

#endif
