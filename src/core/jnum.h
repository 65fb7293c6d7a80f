/* JSON numbers: exact text <-> int64 and double, independent of the process's locale. */
#ifndef SAT_CORE_JNUM_H
#define SAT_CORE_JNUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <satchel/types.h>

#include "buf.h"

enum sat_jnum_kind {
    SAT_JNUM_BAD,      /* not a number of RFC 8259 */
    SAT_JNUM_INTEGER,  /* no fraction, no exponent, and it fits int64 */
    SAT_JNUM_REAL,     /* has a fraction or an exponent, finite as a double */
    SAT_JNUM_TOO_LARGE /* integer outside int64, or a real that would be infinite */
};

/* Length of the JSON number that [text, text + len) starts with; 0 when none does. */
size_t sat_jnum_length(const char *text, size_t len);

/*
 * Converts a whole JSON number. INTEGER fills *integer; REAL and TOO_LARGE fill *real (correctly
 * rounded, too small becomes 0, too large infinite). `1.0` and `1e2` are REAL. Never allocates.
 */
enum sat_jnum_kind sat_jnum_parse(satchel_span text, int64_t *integer, double *real);

/*
 * Appends decimal text that reads back as exactly `value`, with the fewest of 15 to 17 digits that
 * do; it always shows a '.' or an exponent and so stays a real ("1.0", "0.1", "1e+300"). `value` is
 * finite.
 */
int sat_jnum_put_real(struct sat_buf *out, double value);

#endif
