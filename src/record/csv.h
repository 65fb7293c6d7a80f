/* CSV (RFC 4180): reading fields from a stream of bytes, writing them. */
#ifndef SAT_RECORD_CSV_H
#define SAT_RECORD_CSV_H

#include <stdbool.h>

#include <satchel/types.h>

#include "core/buf.h"
#include "core/vec.h"

/* One row: `text` holds the fields, each NUL-terminated; `starts` their offsets. */
struct sat_csv_row {
    struct sat_buf text;
    struct sat_vec starts; /* size_t */
};

void sat_csv_row_init(struct sat_csv_row *row);
void sat_csv_row_fini(struct sat_csv_row *row);
const char *sat_csv_field(const struct sat_csv_row *row, size_t i);

/*
 * Takes one row off the front of `input` and says in *used how many bytes it was; *used 0 when the
 * row is not complete yet and `at_end` is false. INVALID for text behind a closing quote, an open
 * quote at the end, a NUL.
 */
int sat_csv_read(satchel_span input, bool at_end, struct sat_csv_row *row, size_t *used,
                 satchel_error *err);

/* Appends one field, quoted where it must be; the caller adds commas and line ends. */
int sat_csv_write(struct sat_buf *out, satchel_span value);

#endif
