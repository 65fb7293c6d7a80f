/*
 * One attempt of an HTTP op: hashing its body, building, signing and starting the request, judging
 * what came back, and whether another attempt is due. Called by the engine and its lanes only.
 */
#ifndef SAT_CORE_ATTEMPT_H
#define SAT_CORE_ATTEMPT_H

#include <stdbool.h>

#include "core/backend.h"
#include "core/cred.h"
#include "core/http.h"
#include "core/lock.h"
#include "core/op.h"
#include "core/resume.h"
#include "core/worker.h"

struct sat_engine;

/* What an op carries while the engine owns it. */
struct sat_attempt {
    struct sat_task task; /* first: hashing, or the local slot */
    struct sat_op *op;
    struct sat_engine *engine;
    struct sat_request request;
    struct sat_exchange exchange;
    struct sat_cred_set *keys; /* of the attempt at hand; NULL: none yet, or none needed */
    unsigned awaits;           /* the number of a look-up of keys; 0 = none */
    struct sat_op *settles;    /* this op is the STAT that settles that one */
    struct sat_resume resume;
    unsigned let_off;   /* attempts that do not count, see SAT_RETRY_PROGRESS */
    unsigned tokens;    /* what the op's repetitions took */
    unsigned corrected; /* bits of enum sat_retry_class: repeated for that */
};

/* Attempts that are over, kept for others with the memory they grew: an engine's. */
struct sat_attempts {
    struct sat_mutex lock;
    struct {
        struct sat_task *spare;
        unsigned count;
    } locked;
};

void sat_attempts_init(struct sat_attempts *attempts);
void sat_attempts_fini(struct sat_attempts *attempts);

/* Sets op->attempt. NOMEM is in op->err. */
int sat_attempt_new(struct sat_engine *engine, struct sat_op *op);
/* NULL is fine. */
void sat_attempt_free(struct sat_attempt *attempt);
/* True when the op, or the one it settles, is to end early. */
bool sat_attempt_cancelled(const struct sat_op *op);
/* Sets op->err to CANCELLED. */
void sat_attempt_set_cancelled(struct sat_op *op);

/* Takes the digests of op->source that the backend needs; blocking, CANCELLED when told so. */
int sat_attempt_hash(struct sat_op *op, satchel_error *err);
/* True when that is too much for the submitting thread. */
bool sat_attempt_hash_is_long(const struct sat_op *op);

/* Builds and signs the next attempt and starts it; not OK = the op is over with that error. */
int sat_attempt_begin(struct sat_op *op, struct sat_http *http, satchel_error *err);
/*
 * The exchange is over: fills op->err and the results. True when the op is to be started again at
 * op->not_before_ns.
 */
bool sat_attempt_end(struct sat_op *op);

/* The last step of a GET that came in whole: writes what the sink holds, checks length and sums. */
int sat_attempt_complete_get(struct sat_op *op, satchel_error *err);

#endif
