/* What the local backends (mem, file) share: range arithmetic, early ends, texts of refusals. */
#ifndef SAT_BACKENDS_LOCAL_H
#define SAT_BACKENDS_LOCAL_H

#include <stdbool.h>
#include <stdint.h>

#include <satchel/types.h>

#include "core/op.h"

/* S3's rules for tags, so that what a local store takes can be moved to a remote one. */
#define SAT_LOCAL_TAG_LIMITS                                                                       \
    {.count = 10, .key_chars = 128, .value_chars = 256, .symbols = "+-=._:/@ ", .non_ascii = true}

/*
 * The part of a GET's range that an object of `size` bytes has. INVALID when the range begins at or
 * behind its end (offset 0 of an empty object is fine).
 */
int sat_local_range(const struct sat_op *op, uint64_t size, uint64_t *offset, uint64_t *length,
                    satchel_error *err);

/* CANCELLED when the op was cancelled, TIMEOUT when its deadline has passed; call it in loops. */
int sat_local_alive(const struct sat_op *op, satchel_error *err);

/* NOT_FOUND "not found: mem://name/key"; `scheme` is "mem://", `store` may be "". */
int sat_local_not_found(satchel_error *err, const char *scheme, const char *store, const char *key);
/* EXISTS "already exists: ...". */
int sat_local_exists(satchel_error *err, const char *scheme, const char *store, const char *key);
/* if_match does not hold: `code` is CONFLICT for writes, MODIFIED for a GET. */
int sat_local_mismatch(satchel_error *err, int code, const struct sat_op *op, const char *found);

/* Takes a failure back that turned out to be none: OK, and *err empty. */
int sat_local_forgive(satchel_error *err);

/* Makes op->many_result, one zeroed entry for each key. */
int sat_local_many_begin(struct sat_op *op, satchel_error *err);
/* Records the outcome of key `i`. */
void sat_local_many_set(struct sat_op *op, size_t i, int code, const satchel_error *err);

/* Entries of a page: the op's wish, at most the backend's page. */
unsigned sat_local_page_size(const struct sat_op *op, unsigned backend_page);
/* Where a page starts: the key it must be greater than; NULL = at the beginning. */
const char *sat_local_list_from(const struct sat_op *op);
/* The token is a common prefix: it stands for every key below it. */
bool sat_local_token_rolled(const struct sat_op *op);
/* Ends a page that has no room for the next entry: its last key becomes the token. */
int sat_local_page_full(struct sat_op *op, satchel_error *err);
/*
 * Length of the common prefix that `key` (which starts with the op's prefix) is rolled up into:
 * up to and with the first delimiter behind the prefix; 0 when it is listed as itself.
 */
size_t sat_local_common_prefix(const struct sat_op *op, const char *key);

#endif
