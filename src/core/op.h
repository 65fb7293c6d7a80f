/*
 * One operation on a store: its inputs, its result, its place in the engine.
 *
 * An op is made by the caller (zeroed, then filled), handed to sat_op_submit() or sat_op_run(),
 * and belongs to the engine until it comes out of its queue. Everything an input points to is
 * borrowed and must stay valid and unchanged until then. sat_op_fini() frees the result.
 */
#ifndef SAT_CORE_OP_H
#define SAT_CORE_OP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <satchel/types.h>

#include "core/body.h"
#include "core/buf.h"
#include "core/tags.h"
#include "core/vec.h"

struct sat_conn;
struct sat_endpoint;
struct sat_queue;

/* Every op kind: name, text. A kind no backend fills does not exist. */
#define SAT_OP_MAP(X)                                                                              \
    X(STAT, "stat")                                                                                \
    X(GET, "get")                                                                                  \
    X(PUT, "put")                                                                                  \
    X(DELETE, "delete")                                                                            \
    X(DELETE_MANY, "delete_many")                                                                  \
    X(LIST, "list")                                                                                \
    X(COPY, "copy")                                                                                \
    X(PART_BEGIN, "part_begin")                                                                    \
    X(PART_PUT, "part_put")                                                                        \
    X(PART_COPY, "part_copy")                                                                      \
    X(PART_FINISH, "part_finish")                                                                  \
    X(PART_ABORT, "part_abort")                                                                    \
    X(TAGS_GET, "tags_get")                                                                        \
    X(TAGS_SET, "tags_set")                                                                        \
    X(BUCKET_CREATE, "bucket_create")                                                              \
    X(BUCKET_DELETE, "bucket_delete")                                                              \
    X(BUCKET_STAT, "bucket_stat")                                                                  \
    X(BUCKET_LIST, "bucket_list")

enum sat_op_kind {
#define SAT_OP_ENUM(name, text) SAT_OP_##name,
    SAT_OP_MAP(SAT_OP_ENUM)
#undef SAT_OP_ENUM
        SAT_OP_KINDS
};

/* What is known of an object. Strings are owned by the struct; NULL = not known. */
struct sat_info {
    uint64_t size;
    char *etag;       /* opaque, without quotes */
    int64_t mtime_ns; /* Unix time; 0 = not known */
    char *content_type;
    struct sat_tags metadata; /* user metadata, names in lower case */
    uint64_t crc64;           /* CRC64-NVME of the whole object */
    bool has_crc64;
    unsigned char md5[16]; /* MD5 of the whole object, from a single-part ETag */
    bool has_md5;
};

void sat_info_fini(struct sat_info *info);

/* One row of a listing; offsets into the page's text. */
struct sat_entry {
    size_t key;  /* offset of the NUL-terminated key */
    size_t etag; /* offset of the ETag ("" = not known), without quotes */
    uint64_t size;
    int64_t mtime_ns;
    bool is_prefix; /* a common prefix (ends with the delimiter), not an object */
};

/* One page of a listing, keys in ascending byte order. */
struct sat_page {
    struct sat_vec entries; /* struct sat_entry */
    struct sat_buf text;
    char *next; /* token of the next page; NULL on the last one */
};

void sat_page_init(struct sat_page *page);
void sat_page_fini(struct sat_page *page);
/* Empties the page, keeping its memory. */
void sat_page_reset(struct sat_page *page);
/* Appends an entry; etag may be NULL. Returns NOMEM when it cannot. */
int sat_page_add(struct sat_page *page, satchel_span key, const char *etag,
                 const struct sat_entry *values);
const struct sat_entry *sat_page_at(const struct sat_page *page, size_t i);
const char *sat_page_key(const struct sat_page *page, size_t i);
const char *sat_page_etag(const struct sat_page *page, size_t i);

/* The outcome for one key of DELETE_MANY. */
struct sat_many_result {
    int code;       /* SATCHEL_OK when the key is gone */
    char text[160]; /* service code and message when not OK */
};

/* One uploaded part, as PART_FINISH names it. */
struct sat_part {
    unsigned number; /* from 1, ascending */
    uint64_t size;
    char *etag;
    uint64_t crc64; /* CRC64-NVME of the part */
    bool has_crc64;
};

struct sat_op {
    /* ---- inputs */
    enum sat_op_kind kind;
    struct sat_conn *conn;
    const char *key;                 /* full key; object kinds */
    const char *bucket;              /* BUCKET_*: NULL = the connection's */
    uint64_t range_offset;           /* GET, PART_COPY */
    uint64_t range_length;           /* GET: 0 = to the end; with range_offset 0 the whole object */
    uint64_t expected_size;          /* GET: what is known of the object's size; 0 = nothing */
    const char *if_match;            /* ETag; GET, DELETE, TAGS_SET, PUT, COPY, PART_FINISH */
    bool if_absent;                  /* PUT, COPY, PART_FINISH: If-None-Match: * */
    struct sat_source source;        /* PUT, PART_PUT */
    struct sat_sink sink;            /* GET */
    const struct sat_tags *tags;     /* PUT, PART_BEGIN, TAGS_SET; NULL = none */
    const struct sat_tags *metadata; /* PUT, PART_BEGIN; NULL = none */
    const char *content_type;        /* PUT, PART_BEGIN; NULL = the store's default */
    unsigned width;                  /* PUT, in parts: how many at once; 0 = part_concurrency */
    bool in_one_piece;               /* PUT: never in parts */
    const char *storage_class;       /* PUT, PART_BEGIN, COPY; NULL = the store's default */
    struct {
        const char *bucket;   /* NULL = the connection's */
        const char *key;      /* full key */
        const char *if_match; /* ETag that the source must have; NULL = any */
        uint64_t crc64;       /* COPY in parts: what the source, and so the copy, has */
        bool has_crc64;
    } from; /* COPY, PART_COPY: an object of the same service */
    struct {
        const char *upload_id;
        unsigned number; /* PART_PUT, PART_COPY: from 1 */
        /* PART_FINISH: all parts, ascending. PUT: these are there already, as parts of upload_id,
         * in place of a source: it is finished, or aborted. */
        const struct sat_part *list;
        size_t count;
        uint64_t crc64; /* PART_FINISH: of the whole object */
        bool has_crc64; /* also PART_BEGIN: the parts will be sent, with their checksums */
    } part;
    int64_t mtime_ns; /* PUT on local stores: 0 = now */
    struct {
        const char *prefix;    /* "" = everything */
        const char *delimiter; /* NULL = recursive; else "/" */
        const char *after;     /* first page: only keys greater than this; NULL = from the start */
        const char *token;     /* later pages: page.next of the one before */
        unsigned max_keys;     /* 0 = the backend's page size */
    } list;
    struct {
        const char *const *keys;
        size_t count;
    } many;
    /* CLOCK_MONOTONIC; 0 = request_timeout from submission, which the engine then writes here. */
    int64_t deadline_ns;
    /* Counts the bytes of bodies as they move, over all attempts: a repeated one takes its bytes
     * back. NULL = not wanted. */
    atomic_uint_least64_t *moved;
    uint32_t delay_ms; /* HTTP: it is not sent before so much time has passed */
    void *user;        /* the submitter's, never touched */

    /* ---- result, valid once the op came back */
    satchel_error err;    /* err.code SATCHEL_OK on success */
    struct sat_info info; /* STAT, GET; PUT, COPY, PART_* (etag, checksum) */
    char *upload_id;      /* PART_BEGIN */
    uint64_t sent_crc64;  /* PUT, PART_PUT: of the source, where it was taken */
    bool has_sent_crc64;
    struct sat_page page;                /* LIST, BUCKET_LIST */
    struct sat_tags found_tags;          /* TAGS_GET */
    struct sat_many_result *many_result; /* DELETE_MANY: one for each key, in order */
    bool bucket_missing;                 /* NOT_FOUND is about the bucket, not about the key */
    bool unsettled; /* a write may have been applied by an attempt whose reply was lost */

    /* ---- kept between LIST pages by local backends: moved from page to page by the iterator */
    void *list_cursor;

    /* ---- the engine's */
    struct sat_op *next;
    struct sat_op *parent; /* the op this one is a part of: it ends early with it; NULL = none */
    struct sat_queue *queue;
    /* In place of a queue: called in an engine's thread when the op is done; must not block. */
    void (*done)(struct sat_op *op);
    struct sat_attempt *attempt;         /* private to engine.c */
    const struct sat_endpoint *endpoint; /* HTTP: where the latest attempt went */
    int64_t base_deadline_ns;            /* deadline_ns as asked for, without the body's own time */
    unsigned attempts;
    int64_t not_before_ns;
    atomic_bool cancelled;
};

/* Frees the result and what the engine left; the inputs are the caller's. */
void sat_op_fini(struct sat_op *op);
/* The text of a kind ("get"). */
const char *sat_op_kind_text(enum sat_op_kind kind);

/* Services answer COPY, PART_COPY and PART_FINISH late: timeouts are so many times as long. */
uint32_t sat_op_patience(enum sat_op_kind kind);

/*
 * A transfer that moves at all is not cut off for its size (one that does not is ended by
 * stall_timeout): the deadline becomes the op's base deadline and the time `bytes` take at
 * SAT_OP_SLOWEST bytes a second.
 */
#define SAT_OP_SLOWEST ((uint64_t)256 * 1024)
void sat_op_allow_bytes(struct sat_op *op, uint64_t bytes);

/* ---- completion queues: ops come out in order of completion. */
struct sat_queue;
int sat_queue_new(struct sat_queue **queue, satchel_error *err);
/* A queue with a descriptor for poll(2), readable exactly while a finished op is in the queue. */
int sat_queue_new_polled(struct sat_queue **queue, satchel_error *err);
/* The descriptor of such a queue, owned by it; -1 for any other. */
int sat_queue_fd(const struct sat_queue *queue);
/* Every submitted op must have come out. NULL is fine. */
void sat_queue_free(struct sat_queue *queue);
/* The next finished op, waiting for it; NULL when nothing is under way, and in a forked child: ops
 * under way are the parent's. */
struct sat_op *sat_queue_wait(struct sat_queue *queue);
/* The same, but NULL at the deadline (CLOCK_MONOTONIC; 0 = do not wait, negative = none), too. */
struct sat_op *sat_queue_wait_until(struct sat_queue *queue, int64_t deadline_ns);

/*
 * The next finished op, waiting for it, for the deadline or for a poke: NULL then. Where a wait was
 * needed and ops come one after the other, it goes on for a millisecond at most until there are
 * `enough` of them: to wake a thread costs more than to take an op out. One thread listens to a
 * queue that others may poke.
 */
struct sat_op *sat_queue_listen(struct sat_queue *queue, size_t enough, int64_t deadline_ns);
/* Ends the listening under way, or the next. Any thread. */
void sat_queue_poke(struct sat_queue *queue);

/*
 * Hands the op to the engine through the door (core/backend.c). Never fails itself: whatever goes
 * wrong is in op->err when the op comes out of `queue`.
 */
void sat_op_submit(struct sat_op *op, struct sat_queue *queue);
/* The op is done: into its queue, or to its `done`. For the engine and what stands in for it. */
void sat_op_complete(struct sat_op *op);
/* Submit and wait. Returns op->err.code; copies op->err to *err when it failed. */
int sat_op_run(struct sat_op *op, satchel_error *err);
/*
 * Ends the op early with CANCELLED if it is still under way. It still comes out of its queue. A
 * write whose request had left may have been applied all the same: op->unsettled tells. Call it
 * before the op is taken out of its queue, from any thread.
 */
void sat_op_cancel(struct sat_op *op);

#endif
