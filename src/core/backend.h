/*
 * THE contract between core and a backend, and the one door through which its slots are called.
 *
 * A backend is one `const struct sat_backend` in one .c file. It is either local (its slots have
 * `run`) or spoken to over HTTP (its slots have `build` and `accept`); both may mix. A backend
 * never retries, logs, caches, starts threads or opens sockets: core does, once, for all.
 *
 * Only core/backend.c and core/engine.c call slots. What may be called from several threads at
 * once: everything. `state` is written by open and close only, or under the backend's own locks.
 */
#ifndef SAT_CORE_BACKEND_H
#define SAT_CORE_BACKEND_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <satchel/types.h>

#include "core/buf.h"
#include "core/lock.h"
#include "core/op.h"
#include "core/option.h"
#include "core/uri.h"

struct sat_config;
struct sat_cred;
struct sat_cred_reply;
struct sat_cred_want;
struct sat_engine;
struct sat_retry_bucket;

/* What core works out before `build`; bits of sat_backend.needs(). */
enum sat_need {
    SAT_NEED_SHA256 = 1, /* SHA-256 of op->source, in request.sha256 */
    SAT_NEED_CRC64 = 2,  /* CRC64-NVME of op->source, in request.crc64 */
};

/* Bytes of what goes in front of an endpoint's host. */
#define SAT_SUBHOST_SIZE 65

/* Bytes of the name of a place of a service. */
#define SAT_REGION_SIZE 64

/* One HTTP request, filled by `build`, completed by `sign`. Freed by core. */
struct sat_request {
    const char *method;             /* static */
    char subhost[SAT_SUBHOST_SIZE]; /* goes in front of the endpoint's host: "bucket." or "" */
    struct sat_buf path;            /* percent-encoded once, starts with '/' */
    struct sat_buf query;           /* encoded, sorted by name then value; "" = none; without '?' */
    struct sat_buf text;            /* header lines "Name: value", each NUL-terminated */
    struct sat_vec lines;           /* size_t: offsets of the lines in text */
    struct sat_buf body;            /* the body when it is not the op's source */
    bool body_is_source;            /* send op->source */
    bool has_sha256;
    unsigned char sha256[32];
    bool has_crc64;
    uint64_t crc64;
};

/* Most bytes of path, query and headers, each. */
#define SAT_REQUEST_TEXT_MAX ((size_t)64 * 1024)

void sat_request_init(struct sat_request *request);
void sat_request_fini(struct sat_request *request);
/* Forgets everything but the digests, for the next attempt. */
void sat_request_reset(struct sat_request *request);
/* Adds "name: value". A value with a byte < 0x20 or 0x7f is INVALID (header injection). */
int sat_request_header(struct sat_request *request, const char *name, const char *value);
/* The value of a header added before (case-insensitive), or NULL. */
const char *sat_request_find(const struct sat_request *request, const char *name);

/* One HTTP reply as core received it. Borrowed by head and accept. */
struct sat_reply {
    int status;
    struct sat_buf headers; /* "name: value" lines as received, each NUL-terminated */
    struct sat_vec lines;   /* size_t: offsets of the lines in headers */
    struct sat_buf body;    /* error bodies and every body that does not go to a sink */
    uint64_t received;      /* bytes of the body, sink or buffer */
};

void sat_reply_init(struct sat_reply *reply);
void sat_reply_fini(struct sat_reply *reply);
void sat_reply_reset(struct sat_reply *reply);
int sat_reply_add_header(struct sat_reply *reply, const char *line, size_t len);
/* The value of the last header of that name (case-insensitive), or NULL. */
const char *sat_reply_header(const struct sat_reply *reply, const char *name);

/* How a failed attempt may be repeated; the retry policy (core/retry.c) decides whether it is. */
enum sat_retry_class {
    SAT_RETRY_NEVER,
    SAT_RETRY_TRANSIENT, /* server error, connection, stall, bytes that do not fit their checksum */
    SAT_RETRY_THROTTLE,  /* asked to slow down */
    SAT_RETRY_SKEW,      /* our clock is off: verdict.skew_s corrects it, once */
    SAT_RETRY_ONCE,      /* what was sent was garbled or signed with what is no longer valid */
    SAT_RETRY_MOVED,     /* requests of this connection belong to verdict.region, once */
};

/* What `accept` made of a reply. */
struct sat_verdict {
    int code;                   /* SATCHEL_OK = done */
    enum sat_retry_class retry; /* when code is not OK */
    int64_t skew_s;             /* SAT_RETRY_SKEW: server time minus our time, seconds */
    bool bucket_missing;        /* NOT_FOUND is about the bucket, not about the key */
    bool cred_expired;          /* other credentials may do; without others it is no retry */
    uint32_t retry_after_ms;    /* 0 = the policy's own delay */
    /* SAT_RETRY_MOVED: as the service calls it. */
    char region[SAT_REGION_SIZE];
};

/* Where requests of a connection go. */
struct sat_endpoint {
    bool tls;
    char host[256]; /* without brackets */
    uint16_t port;
    char authority[272]; /* Host header: without the port when it is the scheme's default */
    char url[300];       /* scheme://authority */
    char region[SAT_REGION_SIZE]; /* what requests are signed for; "" = nothing of the kind */
};

/*
 * A slot is `run` (local) or `build` + `accept` (HTTP), with `head` optional. All NULL = the
 * backend does not support the kind: the door answers UNSUPPORTED before anything happens.
 */
struct sat_slot {
    /*
     * Does the whole op, blocking, on a worker thread; re-entrant. Reads inputs from `op`, fills
     * the result part of `op`. Returns the code and fills *err. A GET writes to op->sink and sets
     * op->info before its first byte; core verifies length and checksum. An op with if_match or
     * if_absent is atomic against every other writer of the same store, in this and in other
     * processes. On failure nothing half-done is visible and no temporary is left.
     */
    int (*run)(void *state, struct sat_op *op, satchel_error *err);

    /*
     * Pure: fills `request` from `op`: method, path, query, headers (not Host, not
     * Content-Length), body. Same op, same request. Returns INVALID or LIMIT before anything is
     * sent when the op cannot be expressed. Digests asked for by `needs` are in `request` already.
     */
    int (*build)(const void *state, const struct sat_op *op, struct sat_request *request,
                 satchel_error *err);

    /*
     * Pure, GET only, may be NULL: called when the head of a successful (2xx) reply is complete,
     * before its body: sets op->info (size, etag, checksums, metadata) and refuses a reply that is
     * not what was asked (a range that was ignored or shifted). Not OK ends the attempt. A body
     * that was cut is asked for again by its rest: a range of the op under if_match like others.
     */
    int (*head)(const void *state, struct sat_op *op, const struct sat_reply *reply,
                satchel_error *err);

    /*
     * Pure: judges the complete reply. Success is status + required headers + well-formed body
     * of the expected root: then fills the result part of `op` and sets verdict->code OK. Else
     * sets verdict->code and verdict->retry and fills *err (code, text with the service's own
     * code and message, request_id). Never called when the connection failed.
     */
    void (*accept)(const void *state, struct sat_op *op, const struct sat_reply *reply,
                   struct sat_verdict *verdict, satchel_error *err);
};

/* What a store can hold, checked by the door before anything is sent; the error names the limit. */
struct sat_limits {
    size_t key_max; /* bytes */
    struct sat_tag_limits tags;
    size_t metadata_max;      /* bytes of names + values; 0 = no limit */
    uint64_t put_max;         /* bytes of one PUT; 0 = no limit */
    uint64_t copy_max;        /* bytes of one COPY; 0 = no limit */
    uint64_t part_min;        /* bytes of a part, the last one excepted */
    uint64_t part_max;        /* bytes of a part */
    unsigned parts_max;       /* parts of one upload */
    unsigned list_page;       /* entries of a page */
    unsigned delete_many_max; /* keys of one DELETE_MANY; 0 = no limit */
};

struct sat_backend {
    const char *name;                 /* "s3" */
    const char *const *schemes;       /* NULL-terminated, without "://" */
    const struct sat_option *options; /* keys of its own, beside the common ones; NULL = none */
    size_t state_size;                /* bytes of `state`, zeroed before open */
    bool has_buckets;                 /* the URI's first part names a bucket; else a folder */
    bool lasting;                     /* what is stored outlives the process */
    struct sat_limits limits;

    /*
     * Adds to `config`, a copy of the caller's, what files of the provider's own say (origin
     * PROFILE). Called before open, by the thread that opens. May be NULL.
     */
    int (*configure)(struct sat_config *config, satchel_error *err);
    /*
     * Reads the URI and the configuration into `state`. No request is made. An HTTP backend fills
     * *endpoint; a local one leaves it. On failure `state` needs no close.
     */
    int (*open)(void *state, const struct sat_uri *uri, const struct sat_config *config,
                struct sat_endpoint *endpoint, satchel_error *err);
    /* Releases what `state` holds. No op is under way. May be NULL. */
    void (*close)(void *state);
    /* Bits of enum sat_need for this op. NULL = none. */
    unsigned (*needs)(const void *state, const struct sat_op *op);
    /*
     * Pure: one step towards credentials (core/cred.h), from what came of the `count` steps before:
     * fills *want, or fails with what to do about it. The first is made at open and may say
     * NOT_HERE; then there are no others. May be NULL.
     */
    int (*cred_step)(const void *state, int64_t now_s, const struct sat_cred_reply *replies,
                     size_t count, struct sat_cred_want *want, satchel_error *err);
    /* Cleanses and frees what a step found. NULL with cred_step only. */
    void (*cred_free)(void *keys);
    /*
     * Pure: adds what authenticates the request, at every attempt. `keys` are what the steps found,
     * NULL without; `wall_s` is Unix time with the learned skew added. NULL for local backends.
     */
    int (*sign)(const void *state, void *keys, const struct sat_endpoint *endpoint,
                struct sat_request *request, int64_t wall_s, satchel_error *err);
    /*
     * Pure: where requests go that belong to `region`, a name that came in a reply: changes
     * *endpoint. False when that is not to be followed. NULL = never.
     */
    bool (*move)(const void *state, const char *region, struct sat_endpoint *endpoint);
    /* Frees op->list_cursor of an abandoned listing. NULL where cursors are not used. */
    void (*list_close)(void *cursor);
    struct sat_slot slots[SAT_OP_KINDS];
};

/* ---- connections */

/* How often a connection follows such a reply. */
#define SAT_MOVES_MAX 3

/* Called at the door before each attempt's slot; not OK = the op fails with it. For tests. */
typedef int (*sat_fault_fn)(void *user, const struct sat_op *op, satchel_error *err);

struct sat_conn {
    const struct sat_backend *backend;
    void *state;
    struct sat_engine *engine;
    struct sat_retry_bucket *retry_bucket; /* of the endpoint; NULL without one */
    struct sat_cred *cred;                 /* NULL when the backend needs none */
    struct sat_endpoint endpoint;          /* as configured */
    /* Where requests go now, and where replies said that they belong; these live as long. */
    _Atomic(const struct sat_endpoint *) current;
    struct sat_mutex move_lock;
    struct {
        struct sat_endpoint *moves[SAT_MOVES_MAX];
        unsigned count;
    } locked;
    char *uri; /* as given */
    /*
     * What every key of this connection starts with: the URI's path as it stands; for backends
     * without buckets the absolute folder without its leading '/' and with one trailing '/'.
     */
    char *root;
    char *bucket; /* "" for backends without buckets */
    char *ca_file;
    bool insecure;
    unsigned max_retries;
    bool adaptive; /* requests wait for the endpoint's rate (core/rate.h) */
    uint32_t retry_base_ms;
    uint32_t request_timeout_ms;
    uint32_t connect_timeout_ms;
    uint32_t response_timeout_ms;
    uint32_t stall_timeout_ms;
    uint64_t multipart_threshold; /* bytes; a larger object goes in parts or ranges */
    uint64_t part_size;           /* bytes, as wished */
    uint64_t range_size;          /* bytes */
    unsigned part_concurrency;    /* parts or ranges of one object at once */
    atomic_int_least64_t skew_s;
    atomic_uint_least64_t requests[SAT_OP_KINDS]; /* HTTP: attempts sent; local: slots run */
    sat_fault_fn fault;
    void *fault_user;
};

/* Finds the backend of a scheme, or says which schemes are known; api hands core the registry's. */
typedef int (*sat_backend_find_fn)(const char *scheme, const struct sat_backend **backend,
                                   satchel_error *err);

/*
 * Opens a connection: parses the URI, finds the backend, reads the common options, opens the
 * backend. The caller closes it with sat_conn_close() after its last op came back.
 */
int sat_conn_open(const char *uri, const struct sat_config *config, sat_backend_find_fn find,
                  struct sat_conn **conn, satchel_error *err);
void sat_conn_close(struct sat_conn *conn);
/*
 * A request that went to `from` belongs to `region`: later ones go there. False when it is not to
 * be followed.
 */
bool sat_conn_move(struct sat_conn *conn, const struct sat_endpoint *from, const char *region);
/* Sum over all kinds. */
uint64_t sat_conn_requests(const struct sat_conn *conn);
bool sat_conn_supports(const struct sat_conn *conn, enum sat_op_kind kind);

/* ---- the door: what core/engine.c calls instead of a slot */

/* Argument and limit checks, capability, before an op is queued. */
int sat_door_check(const struct sat_op *op, satchel_error *err);
/* Counts, traces, injects the fault, then runs a local slot. */
int sat_door_run(struct sat_op *op, satchel_error *err);
/* Builds one attempt, counts it, injects the fault. */
int sat_door_build(struct sat_op *op, struct sat_request *request, satchel_error *err);
/* Signs it; `wall_s` is this machine's Unix time, the learned skew is added here. */
int sat_door_sign(const struct sat_op *op, void *keys, struct sat_request *request, int64_t wall_s,
                  satchel_error *err);
int sat_door_head(struct sat_op *op, const struct sat_reply *reply, satchel_error *err);
void sat_door_accept(struct sat_op *op, const struct sat_reply *reply, struct sat_verdict *verdict,
                     satchel_error *err);

#endif
