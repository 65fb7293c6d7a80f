/* A ring of bytes between the one who writes and the thread that runs the PUT. */
#include "core/pipe.h"

#include <string.h>

#include "core/alloc.h"
#include "core/backend.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/lock.h"
#include "core/worker.h"

enum state { OPEN, WHOLE, DROPPED };

struct sat_pipe {
    struct sat_op op; /* the thread's, until it is joined */
    unsigned long thread;
    bool joined;
    char *ring;
    size_t room;
    struct sat_mutex lock;
    struct sat_cond moved;
    struct {
        size_t at; /* the first byte */
        size_t len;
        enum state state;
        bool ended; /* the PUT has */
    } locked;
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- the thread */

static size_t take_locked(struct sat_pipe *pipe, void *out, size_t len)
{
    size_t n = least(least(len, pipe->locked.len), pipe->room - pipe->locked.at);
    memcpy(out, pipe->ring + pipe->locked.at, n);
    pipe->locked.at = (pipe->locked.at + n) % pipe->room;
    pipe->locked.len -= n;
    return n;
}

/* The time of the feeding is not the PUT's: it has its own from the end of the stream on. */
static int pull(void *user, void *out, size_t len, size_t *got, satchel_error *err)
{
    struct sat_pipe *pipe = user;
    SAT_LOCKED(&pipe->lock);
    while (pipe->locked.len == 0 && pipe->locked.state == OPEN)
        sat_cond_wait(&pipe->moved, &pipe->lock);
    if (pipe->locked.state == DROPPED)
        return sat_error_set(err, SATCHEL_CANCELLED, "cancelled");
    *got = take_locked(pipe, out, len);
    if (*got == 0)
        pipe->op.deadline_ns =
            sat_clock_now_ns() + (int64_t)pipe->op.conn->request_timeout_ms * SAT_NS_PER_MS;
    sat_cond_signal(&pipe->moved);
    return SATCHEL_OK;
}

static void *pipe_main(void *arg)
{
    struct sat_pipe *pipe = arg;
    int code = sat_op_run(&pipe->op, NULL);
    SAT_LOCKED(&pipe->lock);
    if (code == SATCHEL_OK && (pipe->locked.state != WHOLE || pipe->locked.len > 0))
        sat_error_set(&pipe->op.err, SATCHEL_INTEGRITY, "'%.200s' ended before its stream",
                      pipe->op.key);
    pipe->locked.ended = true;
    sat_cond_signal(&pipe->moved);
    return NULL;
}

/* ---- the writer */

static void release(struct sat_pipe *pipe)
{
    sat_op_fini(&pipe->op);
    sat_cond_fini(&pipe->moved);
    sat_mutex_fini(&pipe->lock);
    sat_free(pipe->ring);
    sat_free(pipe);
}

int sat_pipe_new(const struct sat_op *put, size_t room, struct sat_pipe **pipe, satchel_error *err)
{
    struct sat_pipe *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    sat_mutex_init(&made->lock);
    sat_cond_init(&made->moved);
    made->op = *put;
    made->op.kind = SAT_OP_PUT;
    made->op.source = sat_source_pull(pull, made);
    made->room = room;
    made->ring = sat_malloc(room);
    int code = made->ring == NULL ? sat_error_nomem(err)
                                  : sat_thread_start(pipe_main, made, &made->thread, err);
    if (code == SATCHEL_OK)
        *pipe = made;
    else
        release(made);
    return code;
}

/* Puts in what fits; false when the PUT ended. */
static bool put_some(struct sat_pipe *pipe, const char *data, size_t len, size_t *put)
{
    SAT_LOCKED(&pipe->lock);
    while (pipe->locked.len == pipe->room && !pipe->locked.ended)
        sat_cond_wait(&pipe->moved, &pipe->lock);
    size_t end = (pipe->locked.at + pipe->locked.len) % pipe->room;
    *put = least(least(len, pipe->room - pipe->locked.len), pipe->room - end);
    memcpy(pipe->ring + end, data, *put);
    pipe->locked.len += *put;
    sat_cond_signal(&pipe->moved);
    return !pipe->locked.ended;
}

/* Ends the stream, and waits for the thread. */
static void end(struct sat_pipe *pipe, enum state state)
{
    sat_mutex_lock(&pipe->lock);
    pipe->locked.state = state;
    sat_cond_signal(&pipe->moved);
    sat_mutex_unlock(&pipe->lock);
    if (!pipe->joined)
        sat_thread_join(pipe->thread);
    pipe->joined = true;
}

int sat_pipe_write(struct sat_pipe *pipe, const void *data, size_t len, satchel_error *err)
{
    const char *at = data;
    while (len > 0) {
        size_t put = 0;
        if (!put_some(pipe, at, len, &put)) {
            end(pipe, DROPPED);
            return sat_error_copy(err, &pipe->op.err);
        }
        at += put;
        len -= put;
    }
    return SATCHEL_OK;
}

int sat_pipe_finish(struct sat_pipe *pipe, struct sat_info *info, satchel_error *err)
{
    end(pipe, WHOLE);
    if (pipe->op.err.code != SATCHEL_OK)
        return sat_error_copy(err, &pipe->op.err);
    *info = pipe->op.info;
    pipe->op.info = (struct sat_info){0};
    return SATCHEL_OK;
}

void sat_pipe_free(struct sat_pipe *pipe)
{
    if (pipe == NULL)
        return;
    end(pipe, DROPPED);
    release(pipe);
}
