/*
 * Settling a write whose reply was lost. Every record PUT carries a random write id in its
 * metadata; one STAT tells whether the object there is the one this write made.
 */
#ifndef SAT_CORE_SETTLE_H
#define SAT_CORE_SETTLE_H

#include <stdbool.h>

#include "core/op.h"

/* The metadata name of the write id. */
#define SAT_META_WRITER "satchelwriter"

/* True when `op` failed, may have been applied all the same, and a STAT can tell. */
bool sat_settle_needed(const struct sat_op *op);
/* Fills *probe, zeroed, as the STAT that settles `op`. */
void sat_settle_probe(const struct sat_op *op, struct sat_op *probe);
/* Sets the true outcome of `op` from the finished probe: success, or UNKNOWN_OUTCOME. */
void sat_settle_apply(struct sat_op *op, const struct sat_op *probe);

#endif
