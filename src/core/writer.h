/*
 * Writing an object of unknown length, piece by piece: a stream is cut into part buffers, so that a
 * part can be sent again. Small streams become one PUT, large ones a multipart upload; local stores
 * get a PUT that is fed while it runs (core/pipe.h). One thread at a time.
 */
#ifndef SAT_CORE_WRITER_H
#define SAT_CORE_WRITER_H

#include <stddef.h>
#include <stdint.h>

#include "core/op.h"

struct sat_writer;

/*
 * Begins without a request. `put` is a PUT but for its source; what it points to is borrowed until
 * the writer is freed. At most `memory` bytes are buffered, but never less than two parts.
 */
int sat_writer_new(const struct sat_op *put, uint64_t memory, struct sat_writer **writer,
                   satchel_error *err);
/*
 * Takes the next bytes. Waits while all buffers are on their way. After an error nothing but
 * sat_writer_free() is of use: every later call returns that error.
 */
int sat_writer_write(struct sat_writer *writer, const void *data, size_t len, satchel_error *err);
/* Makes the object appear, complete and verified, or not at all; *info is moved out, may be NULL.
 */
int sat_writer_finish(struct sat_writer *writer, struct sat_info *info, satchel_error *err);
/* Without a finish before, nothing is left in the store. NULL is fine. */
void sat_writer_free(struct sat_writer *writer);

#endif
