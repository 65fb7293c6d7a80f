/*
 * Two backends that exist in tests only: fake:// speaks a plain HTTP dialect to the scripted
 * server, fakelocal:// runs a function of the test.
 *
 * The dialect: HEAD, GET, PUT, DELETE /bucket/key. A range is answered by 206 and Content-Range;
 * If-Match is sent, but whether the reply's ETag fits is not looked at. A reply tells ETag, x-size,
 * x-crc64 and x-md5 (hex), x-writer (the write id), x-skew (with 403), retry-after-ms. 500 502 503
 * 504 may be repeated, 429 is throttling, 422 may be repeated once, 400 is final; with x-expired
 * the credentials are. With x-region the request belongs to that region, whose name is then sent as
 * X-Region; "port-8080" is at that port, "no" is not to be followed.
 */
#ifndef SAT_TESTS_CORE_FAKE_BACKEND_H
#define SAT_TESTS_CORE_FAKE_BACKEND_H

#include "core/backend.h"
#include "core/cred.h"
#include "core/http_server.h"

extern const struct sat_backend fake_backend;
extern const struct sat_backend fake_local_backend;

int fake_find(const char *scheme, const struct sat_backend **backend, satchel_error *err);

/* What fake:// asks core to compute (bits of enum sat_need). */
extern unsigned fake_needs;
/* The credential steps of fake://; NULL: it has no use for any. Keys are texts of sat_strdup(). */
extern int (*fake_cred_step)(const struct sat_cred_reply *replies, size_t count,
                             struct sat_cred_want *want, satchel_error *err);
/* What the slots of fakelocal:// do. */
extern int (*fake_run)(struct sat_op *op, satchel_error *err);

/* A connection to the server; options are "key", "value", ..., NULL. Fails the test when it fails.
 */
struct sat_conn *fake_open(const char *endpoint, ...) __attribute__((sentinel));
/* The same for any URI; endpoint NULL = none. */
struct sat_conn *fake_open_uri(const char *uri, const char *endpoint, const char *const *options);

/* "HTTP/1.1 200 OK" with these header lines ("A: b\r\n...") and body; a static ring of texts. */
const char *fake_reply(const char *status, const char *headers, const char *body);

#endif
