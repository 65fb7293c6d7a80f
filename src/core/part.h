/*
 * Large objects in parts: a PUT or COPY that is too large for one request, or for one connection to
 * do well, becomes a multipart upload; a GET into a file becomes parallel ranges of one version.
 * The engine asks for every op it takes; nobody else calls this.
 */
#ifndef SAT_CORE_PART_H
#define SAT_CORE_PART_H

#include <stdbool.h>
#include <stdint.h>

#include "core/op.h"

struct sat_limits;

/* True for an op that is to go in parts. */
bool sat_part_wanted(const struct sat_op *op);
/* Takes the op over; it is completed as if the engine had done it in one piece. */
void sat_part_start(struct sat_op *op);

/*
 * The size of each part of `size` bytes but the last: `wish`, grown so that the store's number of
 * parts suffices, in whole MiB when grown, never under its smallest part.
 */
uint64_t sat_part_size(const struct sat_limits *limits, uint64_t size, uint64_t wish);

/* What a finished PART_PUT or PART_COPY tells of its part; takes the ETag over. */
void sat_part_take(struct sat_op *op, struct sat_part *part);

/* The two kinds: an upload (upload.c) and a download by ranges (range.c). */
void sat_upload_start(struct sat_op *whole);
void sat_range_start(struct sat_op *whole);

#endif
