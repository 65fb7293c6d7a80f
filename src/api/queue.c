/*
 * Completion queues: the calls of store.c, submitted instead of run.
 *
 * (1) A call is in its queue's list from before it is submitted until it was taken out of core's
 *     queue; whoever looks at one that is not his own holds the lock meanwhile.
 * (2) In a forked child every call of the list is answered CANCELLED and otherwise left as it is:
 * its memory is where the parent's threads left it.
 */
#include <satchel/queue.h>

#include <string.h>

#include "api/api.h"
#include "api/call.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/lock.h"
#include "core/op.h"

enum { LIMIT_DEFAULT = 1024 };

struct submitted {
    struct sat_call call;
    satchel_submission to;
    struct submitted *next;
    struct submitted **link; /* what points to this one */
};

struct satchel_queue {
    struct sat_queue *ended;
    unsigned generation; /* (2) */
    uint32_t limit;
    struct sat_mutex lock;
    struct {
        uint32_t count;
        struct submitted *first; /* (1) */
    } locked;
};

int satchel_queue_new(const satchel_queue_options *options, satchel_queue **queue,
                      satchel_error *err)
{
    satchel_queue_options used;
    int code = SAT_CHECK(err, SAT_ARG(queue));
    if (code == SATCHEL_OK)
        code = sat_api_struct(SAT_STRUCT(satchel_queue_options), options, &used, err);
    if (code != SATCHEL_OK)
        return code;
    struct satchel_queue *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    made->generation = sat_fork_generation();
    made->limit = used.limit == 0 ? LIMIT_DEFAULT : used.limit;
    code = sat_queue_new_polled(&made->ended, err);
    if (code != SATCHEL_OK) {
        sat_free(made);
        return code;
    }
    sat_mutex_init(&made->lock);
    *queue = made;
    return SATCHEL_OK;
}

int satchel_queue_fd(const satchel_queue *queue)
{
    return queue == NULL ? -1 : sat_queue_fd(queue->ended);
}

/* ---- submitting */

static int enter(struct submitted *item, satchel_error *err)
{
    satchel_queue *queue = item->to.queue;
    int code = sat_fork_check(queue->generation, err);
    if (code != SATCHEL_OK)
        return code;
    SAT_LOCKED(&queue->lock);
    if (queue->locked.count >= queue->limit)
        return sat_error_set(err, SATCHEL_BUSY,
                             "the queue holds %u operations, its limit: take completions first",
                             queue->limit);
    queue->locked.count++;
    item->next = queue->locked.first;
    item->link = &queue->locked.first;
    if (item->next != NULL)
        item->next->link = &item->next;
    queue->locked.first = item;
    return SATCHEL_OK;
}

static void leave(struct submitted *item)
{
    satchel_queue *queue = item->to.queue;
    SAT_LOCKED(&queue->lock);
    queue->locked.count--;
    *item->link = item->next;
    if (item->next != NULL)
        item->next->link = item->link;
}

static int begin(const char *function, const satchel_submission *to, const char *key,
                 struct submitted **item, satchel_error *err)
{
    satchel_submission used;
    int code = sat_api_check(err, function, SAT_ARG(to), SAT_ARG(key), NULL);
    if (code == SATCHEL_OK)
        code = sat_api_struct(SAT_STRUCT(satchel_submission), to, &used, err);
    if (code != SATCHEL_OK)
        return code;
    code = sat_api_check(err, function, SAT_ARG_AS("to->queue", used.queue),
                         SAT_ARG_AS("to->store", used.store), NULL);
    if (code != SATCHEL_OK)
        return code;
    *item = sat_calloc(1, sizeof **item);
    if (*item == NULL)
        return sat_error_nomem(err);
    (*item)->to = used;
    return SATCHEL_OK;
}

/* The end of every submission: hands over the item, or drops it. `code` tells of what came before.
 */
static int submit(struct submitted *item, int code, satchel_error *err)
{
    if (item == NULL)
        return code;
    item->call.op.user = item;
    if (code == SATCHEL_OK)
        code = enter(item, err);
    if (code == SATCHEL_OK) {
        sat_op_submit(&item->call.op, item->to.queue->ended);
        return SATCHEL_OK;
    }
    code = sat_call_end(&item->call, code, err);
    sat_free(item);
    return code;
}

/* An operation that needs nothing but its key. */
static int submit_plain(const char *function, const satchel_submission *to, enum sat_op_kind kind,
                        const char *key, satchel_error *err)
{
    struct submitted *item = NULL;
    int code = begin(function, to, key, &item, err);
    if (code == SATCHEL_OK)
        code = sat_call_begin(&item->call, item->to.store, kind, key, err);
    return submit(item, code, err);
}

int satchel_submit_stat(const satchel_submission *to, const char *key, satchel_error *err)
{
    return submit_plain(__func__, to, SAT_OP_STAT, key, err);
}

int satchel_submit_tags_get(const satchel_submission *to, const char *key, satchel_error *err)
{
    return submit_plain(__func__, to, SAT_OP_TAGS_GET, key, err);
}

static int submit_get(const char *function, const satchel_submission *to, const char *key,
                      uint64_t offset, uint64_t length, satchel_error *err)
{
    struct submitted *item = NULL;
    int code = begin(function, to, key, &item, err);
    if (code == SATCHEL_OK)
        code = sat_call_get(&item->call, item->to.store, key, offset, length, err);
    return submit(item, code, err);
}

int satchel_submit_get(const satchel_submission *to, const char *key, satchel_error *err)
{
    return submit_get(__func__, to, key, 0, 0, err);
}

int satchel_submit_get_range(const satchel_submission *to, const char *key, uint64_t offset,
                             uint64_t length, satchel_error *err)
{
    return submit_get(__func__, to, key, offset, length, err);
}

int satchel_submit_put(const satchel_submission *to, const char *key, satchel_span data,
                       const satchel_put_options *options, satchel_error *err)
{
    struct submitted *item = NULL;
    int code = begin(__func__, to, key, &item, err);
    if (code == SATCHEL_OK)
        code = sat_call_put(&item->call, item->to.store, key, data, options, err);
    return submit(item, code, err);
}

int satchel_submit_delete(const satchel_submission *to, const char *key, const char *if_match,
                          satchel_error *err)
{
    struct submitted *item = NULL;
    int code = begin(__func__, to, key, &item, err);
    if (code == SATCHEL_OK)
        code = sat_call_delete(&item->call, item->to.store, key, if_match, err);
    return submit(item, code, err);
}

int satchel_submit_tags_set(const satchel_submission *to, const char *key, const satchel_pair *tags,
                            size_t count, satchel_error *err)
{
    struct submitted *item = NULL;
    int code = begin(__func__, to, key, &item, err);
    if (code == SATCHEL_OK)
        code = sat_call_tags_set(&item->call, item->to.store, key, tags, count, err);
    return submit(item, code, err);
}

/* ---- taking out */

static int hand_out(struct sat_call *call, int code, satchel_completion *to, satchel_error *err)
{
    struct sat_info *info = &call->op.info;
    switch (call->op.kind) {
    case SAT_OP_STAT:
        return sat_call_info(call, code, &to->info, err);
    case SAT_OP_TAGS_GET:
        return sat_call_tags(call, code, &to->tags, err);
    case SAT_OP_GET:
        code = sat_call_bytes(call, code, &to->data, err);
        break;
    default:
        break;
    }
    if (code == SATCHEL_OK) {
        to->info.etag = info->etag;
        info->etag = NULL;
    }
    return code;
}

/* (2) */
static int next_inherited(satchel_queue *queue, satchel_completion *completion)
{
    struct submitted *item = NULL;
    {
        SAT_LOCKED(&queue->lock);
        item = queue->locked.first;
    }
    if (item == NULL)
        return 0;
    leave(item);
    *completion =
        (satchel_completion){.struct_size = completion->struct_size, .user = item->to.user};
    (void)sat_fork_check(queue->generation, &completion->err);
    return 1;
}

int satchel_queue_next(satchel_queue *queue, int timeout_ms, satchel_completion *completion)
{
    int64_t deadline = timeout_ms; /* 0 and less mean the same to both */
    if (queue == NULL || completion == NULL || completion->struct_size < sizeof *completion)
        return -1;
    if (queue->generation != sat_fork_generation())
        return next_inherited(queue, completion);
    if (timeout_ms > 0)
        deadline = sat_clock_now_ns() + timeout_ms * SAT_NS_PER_MS;
    struct sat_op *op = sat_queue_wait_until(queue->ended, deadline);
    if (op == NULL)
        return 0;
    struct submitted *item = op->user;
    leave(item);
    *completion = (satchel_completion){
        .struct_size = completion->struct_size, .user = item->to.user, .err = op->err};
    int code = hand_out(&item->call, op->err.code, completion, &completion->err);
    (void)sat_call_end(&item->call, code, &completion->err);
    sat_free(item);
    return 1;
}

void satchel_completion_free(satchel_completion *completion)
{
    if (completion == NULL)
        return;
    satchel_buf_free(&completion->data);
    satchel_info_free(&completion->info);
    satchel_pairs_free(&completion->tags);
    *completion = (satchel_completion){.struct_size = completion->struct_size};
}

/* ---- ending early */

/* `user` NULL stands for itself when `all` is false. */
static size_t cancel(satchel_queue *queue, const void *user, bool all)
{
    size_t told = 0;
    SAT_LOCKED(&queue->lock);
    for (struct submitted *item = queue->locked.first; item != NULL; item = item->next) {
        if (all || item->to.user == user) {
            if (queue->generation == sat_fork_generation())
                sat_op_cancel(&item->call.op);
            told++;
        }
    }
    return told;
}

size_t satchel_queue_cancel(satchel_queue *queue, const void *user)
{
    return queue == NULL ? 0 : cancel(queue, user, false);
}

void satchel_queue_free(satchel_queue *queue)
{
    if (queue == NULL)
        return;
    (void)cancel(queue, NULL, true);
    struct sat_op *op = sat_queue_wait(queue->ended);
    while (op != NULL) {
        struct submitted *item = op->user;
        (void)sat_call_end(&item->call, SATCHEL_OK, NULL);
        sat_free(item);
        op = sat_queue_wait(queue->ended);
    }
    sat_queue_free(queue->ended);
    sat_mutex_fini(&queue->lock);
    sat_free(queue);
}
