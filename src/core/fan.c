/*
 * The fan: slots that run ops one after the other until there is nothing left to do.
 *
 * (1) A slot belongs to the thread that its op came out in; only `next`, `active` and the failure
 *     are shared. (2) No lock is held while an op is submitted: it may come out at once.
 */
#include "core/fan.h"

#include "core/alloc.h"
#include "core/backend.h"
#include "core/error.h"

static void op_done(struct sat_op *op);

int sat_fan_init(struct sat_fan *fan, struct sat_op *whole, unsigned width, satchel_error *err)
{
    fan->whole = whole;
    fan->group = (struct sat_op){.conn = whole->conn, .parent = whole};
    fan->width = width < fan->count ? width : (unsigned)fan->count;
    fan->slots = sat_calloc(fan->width == 0 ? 1 : fan->width, sizeof *fan->slots);
    sat_mutex_init(&fan->lock);
    return fan->slots == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

void sat_fan_fini(struct sat_fan *fan)
{
    if (fan->slots == NULL)
        return;
    for (unsigned i = 0; i < fan->width; i++) {
        if (fan->slots[i].op.conn != NULL)
            sat_op_fini(&fan->slots[i].op);
        sat_buf_fini(&fan->slots[i].buffer);
    }
    sat_free(fan->slots);
    fan->slots = NULL;
    sat_mutex_fini(&fan->lock);
}

/* The next index, or false when this slot has nothing left to do. */
static bool take_index(struct sat_fan *fan, size_t *index)
{
    SAT_LOCKED(&fan->lock);
    if (atomic_load(&fan->whole->cancelled) && !fan->locked.stopped) {
        fan->locked.stopped = true;
        sat_error_set(&fan->err, SATCHEL_CANCELLED, "cancelled");
    }
    if (fan->locked.stopped || fan->locked.next >= fan->count)
        return false;
    *index = fan->locked.next++;
    return true;
}

/* What others were cut short by is not what went wrong. */
static void fail(struct sat_fan *fan, const satchel_error *why)
{
    sat_mutex_lock(&fan->lock);
    bool first = !fan->locked.stopped;
    if (first)
        fan->err = *why;
    fan->locked.stopped = true;
    sat_mutex_unlock(&fan->lock);
    if (first)
        sat_op_cancel(&fan->group);
}

static void rest(struct sat_fan *fan)
{
    sat_mutex_lock(&fan->lock);
    bool last = --fan->locked.active == 0;
    sat_mutex_unlock(&fan->lock);
    if (last)
        fan->rules->ended(fan->user);
}

static void submit(struct sat_fan_slot *slot)
{
    slot->op.done = op_done;
    slot->op.parent = &slot->fan->group;
    sat_op_submit(&slot->op, NULL);
}

static void advance(struct sat_fan_slot *slot)
{
    struct sat_fan *fan = slot->fan;
    satchel_error why = {0};
    if (!take_index(fan, &slot->index)) {
        rest(fan);
        return;
    }
    slot->step = 0;
    slot->op = (struct sat_op){.conn = fan->whole->conn};
    if (fan->rules->prepare(fan->user, slot, &why) == SATCHEL_OK) {
        submit(slot);
        return;
    }
    fail(fan, &why);
    rest(fan);
}

static void op_done(struct sat_op *op)
{
    struct sat_fan_slot *slot = (struct sat_fan_slot *)(void *)op;
    struct sat_fan *fan = slot->fan;
    satchel_error why = op->err;
    bool again = false;
    int code = why.code;
    if (code == SATCHEL_OK)
        code = fan->rules->take(fan->user, slot, &again, &why);
    if (code == SATCHEL_OK && again) {
        slot->step++;
        submit(slot);
        return;
    }
    sat_op_fini(&slot->op);
    if (code != SATCHEL_OK)
        fail(fan, &why);
    advance(slot);
}

void sat_fan_start(struct sat_fan *fan)
{
    unsigned width = fan->width;
    struct sat_fan_slot *slots = fan->slots;
    /* One more than there are slots: held by this function, so that none of them is the last. */
    fan->locked.active = width + 1;
    for (unsigned i = 0; i < width; i++)
        slots[i].fan = fan;
    for (unsigned i = 0; i < width; i++)
        advance(&slots[i]);
    rest(fan);
}
