/*
 * One lane's HTTP client: a curl multi that moves requests and replies, and nothing else. It
 * does not sign, judge or retry. Used by one thread, which has SIGPIPE blocked (TLS writes may
 * raise it; sat_thread_start() sees to that); only sat_http_wakeup() may be called by others.
 */
#ifndef SAT_CORE_HTTP_H
#define SAT_CORE_HTTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <satchel/types.h>

#include "core/backend.h"

struct sat_http;
struct sat_transfer;

/* One attempt: a request, and what came back. */
struct sat_exchange {
    /* in */
    const struct sat_endpoint *endpoint;
    const char *ca_file; /* NULL = the system's */
    bool insecure;
    uint32_t connect_timeout_ms;
    uint32_t response_timeout_ms; /* from the last byte sent to the reply's head */
    uint32_t stall_timeout_ms;    /* without a byte moved, in either body */
    int64_t deadline_ns;          /* CLOCK_MONOTONIC */
    const struct sat_request *request;
    const struct sat_source *source; /* the body when request->body_is_source */
    struct sat_sink *sink;           /* bodies of 2xx replies; NULL = reply.body */
    atomic_uint_least64_t *moved;    /* counts bytes of `source` as they leave; NULL = not wanted */
    /* The head of a 2xx reply is complete; not OK ends the exchange with that error. */
    int (*on_head)(struct sat_exchange *exchange, satchel_error *err);
    void *user;

    /* out */
    struct sat_reply reply;
    satchel_error err; /* err.code OK = the reply is complete */
    bool retryable;    /* err is a fault of the connection, not of the request */
    bool sent;         /* the whole request left: the server may act on it */

    struct sat_transfer *transfer; /* http.c's */
    uint64_t counted;              /* in *moved, of the latest attempt; http.c's */
    struct sat_exchange *next;
};

void sat_exchange_init(struct sat_exchange *exchange);
void sat_exchange_fini(struct sat_exchange *exchange);

int sat_http_new(unsigned max_connections, struct sat_http **http, satchel_error *err);
/* Every exchange must have come out. */
void sat_http_free(struct sat_http *http);
/* Starts an exchange; on failure it is not started. */
int sat_http_start(struct sat_http *http, struct sat_exchange *exchange, satchel_error *err);
/* Moves bytes until something finishes, wakeup is called or `timeout_ms` passed. */
void sat_http_poll(struct sat_http *http, int timeout_ms);
/* A finished exchange, or NULL. */
struct sat_exchange *sat_http_next(struct sat_http *http);
/* Ends an exchange that is under way; it comes out of sat_http_next() with that error. */
void sat_http_abort(struct sat_http *http, struct sat_exchange *exchange, int code,
                    const char *text);
/* Makes a poll in another thread return. */
void sat_http_wakeup(struct sat_http *http);

#endif
