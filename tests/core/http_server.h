/*
 * A scripted HTTP/1.1 server on a loopback port, in a thread of its own: request number i, over all
 * connections, is answered by step i; the last step answers all further ones.
 */
#ifndef SAT_TESTS_CORE_HTTP_SERVER_H
#define SAT_TESTS_CORE_HTTP_SERVER_H

#include <stdbool.h>
#include <stddef.h>

/* What happens to the connection after the step's bytes were sent. */
enum http_then {
    HTTP_KEEP,  /* waits for the next request */
    HTTP_CLOSE, /* closes it in good order */
    HTTP_RESET, /* resets it */
    HTTP_STALL, /* keeps it open, but neither says nor reads anything more */
};

struct http_step {
    const char *bytes; /* NULL = none */
    size_t len;        /* 0 = strlen(bytes) */
    enum http_then then;
    bool at_head; /* answers as soon as the head is in, without reading the body */
    /* Instead of bytes: this object of `len` bytes, or "Range: bytes=A-" or "A-B" of it. */
    const char *object;
    const char *headers; /* of that answer: "ETag: e\r\n" */
    size_t cut;          /* the answer ends after so many bytes of its body; 0 = it does not */
    const char *rest;    /* more bytes, when http_server_release() is called */
};

struct http_server;

/* Aborts the program when it cannot be started. The bytes of the steps are borrowed. */
struct http_server *http_server_start(const struct http_step *steps, size_t count);
/* Ends the thread and closes everything. */
void http_server_stop(struct http_server *server);
/* "http://127.0.0.1:port" */
const char *http_server_url(const struct http_server *server);

/* Requests read so far (of a step with at_head: their heads), and connections taken. */
unsigned http_server_requests(struct http_server *server);
unsigned http_server_connections(struct http_server *server);
/* Waits until so many requests came in. */
void http_server_wait(struct http_server *server, unsigned requests);
/* Sends what is held back now, if that was reached; back when it was sent. */
void http_server_release(struct http_server *server);
/* Request `i` of the first 64 as it came: head and body, NUL-terminated; "" when there is none. */
const char *http_server_request(struct http_server *server, unsigned i);

#endif
