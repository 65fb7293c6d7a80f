/*
 * Many ops in place of one: the steps of a whole, at most `width` of them under way at once.
 *
 * Each slot works on one index after the other, from 0 to count - 1; an index may take several ops
 * in turn. The rules are called in engine threads, never two at once for one slot, and must not
 * block. With the first failure, or when the whole is cancelled, no further op is started; what is
 * under way ends early. The last slot to come to rest calls `ended`, once.
 */
#ifndef SAT_CORE_FAN_H
#define SAT_CORE_FAN_H

#include <stdbool.h>
#include <stddef.h>

#include <satchel/types.h>

#include "core/buf.h"
#include "core/lock.h"
#include "core/op.h"

struct sat_fan;

struct sat_fan_slot {
    struct sat_op op; /* first */
    struct sat_fan *fan;
    size_t index;
    unsigned step;         /* of this index, from 0 */
    struct sat_buf buffer; /* the user's, freed with the fan */
};

struct sat_fan_rules {
    /* Fills slot->op (zeroed but for its conn) for step 0 of slot->index. */
    int (*prepare)(void *user, struct sat_fan_slot *slot, satchel_error *err);
    /*
     * slot->op came out well: takes what it brought. To go on with the same index it fills
     * slot->op anew, after sat_op_fini(), and sets *again.
     */
    int (*take)(void *user, struct sat_fan_slot *slot, bool *again, satchel_error *err);
    /* Nothing is under way any more; fan->err tells how it went. May free the fan. */
    void (*ended)(void *user);
};

struct sat_fan {
    const struct sat_fan_rules *rules;
    void *user;
    struct sat_op *whole;
    size_t count;
    satchel_error err;   /* the first failure; CANCELLED when the whole was; read it in `ended` */
    struct sat_op group; /* the parent of all ops: cancelled with the first failure */
    unsigned width;
    struct sat_fan_slot *slots;
    struct sat_mutex lock;
    struct {
        size_t next;
        unsigned active;
        bool stopped;
    } locked;
};

/* Sets up a fan for `whole`; its members rules, user and count are set by the caller. NOMEM. */
int sat_fan_init(struct sat_fan *fan, struct sat_op *whole, unsigned width, satchel_error *err);
/* Starts all slots. The fan must not be touched afterwards but by its rules. */
void sat_fan_start(struct sat_fan *fan);
/* No op may be under way. A zeroed fan is fine. */
void sat_fan_fini(struct sat_fan *fan);

#endif
