/* Record ids and the object keys made of them. */
#ifndef SAT_QUERY_DOCID_H
#define SAT_QUERY_DOCID_H

#include <stdbool.h>

#include <satchel/types.h>

#include "core/buf.h"

enum { SAT_DOC_ID_MAX = 900, SAT_DOC_KEY_MAX = 1024 };

/*
 * INVALID with the reason unless `id` is 1-900 bytes of UTF-8 without NUL and control characters
 * (C0, DEL, C1), without leading or trailing '/', empty segment, `.` or `..` segment.
 */
int sat_doc_id_check(satchel_span id, satchel_error *err);

/*
 * Checks the id and appends `prefix` + id + ".json". INVALID also when that is over
 * SAT_DOC_KEY_MAX bytes; else the buffer's code.
 */
int sat_doc_key(const char *prefix, satchel_span id, struct sat_buf *out, satchel_error *err);

/* The id inside a key; false when `key` is no record's key (other prefix, suffix, or a bad id). */
bool sat_doc_id_of_key(const char *prefix, satchel_span key, satchel_span *id);

#endif
