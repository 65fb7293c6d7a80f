/*
 * Settling a write whose reply was lost. Every record PUT carries a random write id in its
 * metadata; one STAT tells whether the object there is the one this write made.
 */
#ifndef SAT_CORE_SETTLE_H
#define SAT_CORE_SETTLE_H

#include "core/op.h"

/* The metadata name of the write id. */
#define SAT_META_WRITER "satchelwriter"

enum sat_settle {
    SAT_SETTLE_NOT,        /* the outcome is known, or repeating the op does no harm */
    SAT_SETTLE_BY_STAT,    /* the op failed, may have been applied, and a STAT can tell */
    SAT_SETTLE_IMPOSSIBLE, /* the same, and nothing can tell */
};

/* What a finished op needs. A cancelled one is left alone: who cancels does not wait. */
enum sat_settle sat_settle_how(const struct sat_op *op);
/* Fills *probe, zeroed, as the STAT that settles `op`. */
void sat_settle_probe(const struct sat_op *op, struct sat_op *probe);
/*
 * Sets the true outcome of `op` from the finished probe: success, with the probe's info taken
 * over, or UNKNOWN_OUTCOME.
 */
void sat_settle_apply(struct sat_op *op, struct sat_op *probe);
/* UNKNOWN_OUTCOME; op->unsettled stays set. */
void sat_settle_unknown(struct sat_op *op);

#endif
