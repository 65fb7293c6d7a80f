/*
 * A PUT that is fed while it runs: for stores whose slot takes its source as it comes, and once. It
 * has a thread of its own, for whoever feeds it may take any time.
 */
#ifndef SAT_CORE_PIPE_H
#define SAT_CORE_PIPE_H

#include <stddef.h>

#include "core/op.h"

struct sat_pipe;

/* `put` is a PUT but for its source, copied; what it points to is borrowed. `room` bytes are held.
 */
int sat_pipe_new(const struct sat_op *put, size_t room, struct sat_pipe **pipe, satchel_error *err);
/* Waits while `room` is full. The PUT's failure, as soon as it failed. */
int sat_pipe_write(struct sat_pipe *pipe, const void *data, size_t len, satchel_error *err);
/* The stream is whole: waits for the PUT's outcome; *info is moved out. Once. */
int sat_pipe_finish(struct sat_pipe *pipe, struct sat_info *info, satchel_error *err);
/* Without a finish before, the PUT ends as cancelled. NULL is fine; not in a forked child. */
void sat_pipe_free(struct sat_pipe *pipe);

#endif
