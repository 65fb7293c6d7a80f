/*
 * Going on with a GET whose body was cut: the sink keeps what came, and the next attempt asks for
 * the rest of the same version. Used by core/attempt.c only.
 */
#ifndef SAT_CORE_RESUME_H
#define SAT_CORE_RESUME_H

#include <stdbool.h>
#include <stdint.h>

#include "core/backend.h"
#include "core/op.h"

/* Zeroed before the op's first attempt. */
struct sat_resume {
    bool on;       /* the next attempt, or the one under way, goes on from what the sink holds */
    uint64_t kept; /* bytes that the sink held when the attempt began */
    /* The op's own, while an attempt under way asks for less. */
    uint64_t range_offset;
    uint64_t range_length;
    const char *if_match;
};

/*
 * Before `build`: forgets what came, or, to go on, narrows the op to the rest of its body under
 * If-Match. sat_resume_widen() gives the op its own inputs back.
 */
void sat_resume_begin(struct sat_resume *resume, struct sat_op *op);
/*
 * The head of a reply that is to go on: asks the backend's, then holds it against the first head,
 * whose info the op keeps. MODIFIED when it is another version, INTEGRITY for another range.
 */
int sat_resume_head(struct sat_op *op, const struct sat_reply *reply, satchel_error *err);
/* After the attempt. */
void sat_resume_widen(const struct sat_resume *resume, struct sat_op *op);
/* The attempt failed with `code`: decides how the next one begins. */
void sat_resume_plan(struct sat_resume *resume, const struct sat_op *op, int code);
/* Bytes that the failed attempt added to what the next one goes on from. */
uint64_t sat_resume_gained(const struct sat_resume *resume, const struct sat_op *op);
/* Bytes that the body of this GET has in all, by op->info.size. */
uint64_t sat_resume_due(const struct sat_op *op);

#endif
