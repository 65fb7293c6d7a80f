/*
 * Operations that nobody waits for: submit them, go on, take their completions from a queue.
 *
 * A queue has a descriptor for poll(), select() or epoll, so that an event loop serves satchel
 * beside its sockets:
 *
 *     satchel_submission to = {sizeof to, queue, store, &my_request};
 *     satchel_submit_get(&to, "key", &err);
 *     ...                                            the descriptor becomes readable
 *     while (satchel_queue_next(queue, 0, &done) > 0) {
 *         use(done.user, done.err.code, done.data);
 *         satchel_completion_free(&done);
 *     }
 *
 * A submission that returned SATCHEL_OK comes out as exactly one completion, in the order in which
 * operations end; whatever fails later, a bad key too, is in the completion. One that returned a
 * code submitted nothing. Operations do not wait for each other: one that needs the outcome of
 * another is submitted when that has come out. A deadline (request_timeout) runs from the
 * submission. Everything an operation needs is copied, but for the bytes of a put.
 *
 * Threads: all functions on one queue may run in several threads at a time, and each completion
 * goes to one of them; only satchel_queue_free() has to be the last. No function here calls back.
 */
#ifndef SATCHEL_QUEUE_H
#define SATCHEL_QUEUE_H

#include <stddef.h>
#include <stdint.h>

#include <satchel/store.h>
#include <satchel/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Operations under way, of any number of stores, and the completions of those that ended. */
typedef struct satchel_queue satchel_queue;

/** How a queue is to be. Zero it and set struct_size. */
typedef struct satchel_queue_options {
    uint32_t struct_size; /**< sizeof(satchel_queue_options) */
    /**
     * Operations that may be submitted and not yet taken out; 0 = 1,024. One more is refused with
     * BUSY. What a queue holds in memory is bounded by it: at most max_memory of its store for the
     * result of each get, a few KiB for anything else.
     */
    uint32_t limit;
} satchel_queue_options;

/**
 * Makes a queue; the caller releases @p queue with satchel_queue_free(). @p options may be NULL.
 * Errors: INVALID, IO (no descriptor to be had), NOMEM.
 */
SATCHEL_API int satchel_queue_new(const satchel_queue_options *options, satchel_queue **queue,
                                  satchel_error *err);

/**
 * Ends what is under way as satchel_queue_cancel() does, waits for it (as long as a file takes, or
 * a store that is told to forget the parts it has: ten seconds at most), drops the completions that
 * were not taken, and releases the queue. NULL is fine.
 */
SATCHEL_API void satchel_queue_free(satchel_queue *queue);

/**
 * The queue's descriptor: readable (POLLIN, EPOLLIN) exactly while a completion is in the queue.
 * Watched edge-triggered, it reports again only after satchel_queue_next() has returned 0. It is
 * the queue's own: not to be read, written or closed. -1 for a NULL queue.
 */
SATCHEL_API int satchel_queue_fd(const satchel_queue *queue);

/**
 * How an operation ended. Zero it and set struct_size before the first use; release what came in
 * it with satchel_completion_free().
 */
typedef struct satchel_completion {
    uint32_t struct_size; /**< sizeof(satchel_completion), set by the caller */
    void *user;           /**< of the submission */
    satchel_error err;    /**< err.code is SATCHEL_OK on success; else nothing below is set */
    satchel_buf data;     /**< get, get_range: the bytes, verified */
    satchel_info info;    /**< stat; after get and put only `etag`, NULL where not known */
    satchel_pairs tags;   /**< tags_get */
} satchel_completion;

/**
 * Takes the next completion, waiting for it at most @p timeout_ms milliseconds; 0 = do not wait,
 * negative = as long as it takes. Returns 1 and fills @p completion, whose results the caller
 * owns; 0 when none came in time, and at once when nothing is under way; -1 when an argument is
 * NULL or struct_size is not set. In a forked child, everything its parent's queue held comes out
 * with CANCELLED, at once and whatever the descriptor says, and nothing can be submitted to it.
 */
SATCHEL_API int satchel_queue_next(satchel_queue *queue, int timeout_ms,
                                   satchel_completion *completion);

/** Releases what @p completion owns and zeroes all but struct_size. NULL is fine. */
SATCHEL_API void satchel_completion_free(satchel_completion *completion);

/**
 * Asks the operations of @p queue that were submitted with this @p user (NULL is one, too) to end
 * early, and returns how many have not been taken out. Each comes out all the same: with
 * CANCELLED, or with its outcome when it was faster. A file that is being read or written is
 * dealt with to its end. A cancelled write whose request was on its way may have been applied
 * (the error's text says so).
 */
SATCHEL_API size_t satchel_queue_cancel(satchel_queue *queue, const void *user);

/** Where an operation belongs. Zero it and set struct_size; it is copied. */
typedef struct satchel_submission {
    uint32_t struct_size; /**< sizeof(satchel_submission) */
    satchel_queue *queue; /**< where it comes out */
    satchel_store *store; /**< what it works on; open until it has come out or the queue is freed */
    void *user;           /**< the caller's own; handed back by the completion */
} satchel_submission;

/**
 * Submits what satchel_get() does. The errors of all satchel_submit functions: INVALID (an
 * argument), BUSY (the queue is at its limit: take completions, then submit again), NOMEM.
 */
SATCHEL_API int satchel_submit_get(const satchel_submission *to, const char *key,
                                   satchel_error *err);

/** Submits what satchel_get_range() does. Errors: see satchel_submit_get(). */
SATCHEL_API int satchel_submit_get_range(const satchel_submission *to, const char *key,
                                         uint64_t offset, uint64_t length, satchel_error *err);

/**
 * Submits what satchel_put() does. The bytes of @p data are not copied: they must stay as they are
 * until the operation has come out or the queue is freed. Errors: see satchel_submit_get().
 */
SATCHEL_API int satchel_submit_put(const satchel_submission *to, const char *key, satchel_span data,
                                   const satchel_put_options *options, satchel_error *err);

/** Submits what satchel_stat() does. Errors: see satchel_submit_get(). */
SATCHEL_API int satchel_submit_stat(const satchel_submission *to, const char *key,
                                    satchel_error *err);

/** Submits what satchel_delete() does. Errors: see satchel_submit_get(). */
SATCHEL_API int satchel_submit_delete(const satchel_submission *to, const char *key,
                                      const char *if_match, satchel_error *err);

/** Submits what satchel_tags_get() does. Errors: see satchel_submit_get(). */
SATCHEL_API int satchel_submit_tags_get(const satchel_submission *to, const char *key,
                                        satchel_error *err);

/** Submits what satchel_tags_set() does. Errors: see satchel_submit_get(). */
SATCHEL_API int satchel_submit_tags_set(const satchel_submission *to, const char *key,
                                        const satchel_pair *tags, size_t count, satchel_error *err);

#ifdef __cplusplus
}
#endif

#endif /* SATCHEL_QUEUE_H */
