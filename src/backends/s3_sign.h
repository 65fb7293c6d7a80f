/* AWS Signature Version 4 in request headers: pure, its time and its keys are handed in. */
#ifndef SAT_BACKENDS_S3_SIGN_H
#define SAT_BACKENDS_S3_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include <satchel/types.h>

#include "core/backend.h"
#include "core/buf.h"

#define SAT_SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"

/* Who signs, and for what. */
struct sat_sigv4_keys {
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token; /* "" = none */
    const char *service;       /* "s3" */
};

/* A signer keeps the derived key of one day and region, not the secret. Any number of threads may
 * use it. */
struct sat_sigv4;

/* Copies the keys. NULL when out of memory. */
struct sat_sigv4 *sat_sigv4_new(const struct sat_sigv4_keys *keys);
/* Cleanses it. NULL is fine. */
void sat_sigv4_free(struct sat_sigv4 *signer);

/* One header to be signed; both borrowed. The value as it is sent. */
struct sat_sigv4_header {
    const char *name; /* of any case */
    size_t name_len;
    const char *value;
};

/* What is signed. Path and query are canonical already: encoded, and the query sorted. */
struct sat_sigv4_input {
    const char *region;
    const char *method;
    const char *path;
    const char *query;
    const char *payload;              /* hex SHA-256, or SAT_SIGV4_UNSIGNED */
    struct sat_sigv4_header *headers; /* sorted in place; Host and x-amz-date among them */
    size_t count;
    int64_t wall_s; /* Unix time, the one of x-amz-date */
};

/*
 * Appends the canonical request to `canonical` and the signed names ("host;x-amz-date") to
 * `names`. The buffers' sticky failure says whether it fitted.
 */
void sat_sigv4_canonical(const struct sat_sigv4_input *input, struct sat_buf *canonical,
                         struct sat_buf *names);
/* Appends the string to sign of a canonical request. */
void sat_sigv4_string_to_sign(const struct sat_sigv4 *signer, const struct sat_sigv4_input *input,
                              satchel_span canonical, struct sat_buf *out);
/* Appends the value of the Authorization header. LIMIT or NOMEM. */
int sat_sigv4_authorize(struct sat_sigv4 *signer, const struct sat_sigv4_input *input,
                        struct sat_buf *authorization, satchel_error *err);

/* Where a request goes. */
struct sat_sigv4_place {
    const char *authority; /* host, or host:port */
    const char *region;
};

/*
 * Adds x-amz-date, x-amz-content-sha256, x-amz-security-token and Authorization to a request.
 * Signed are Host (the authority), x-amz-*, content-type, content-md5, range and if-*: what a proxy
 * may add or change stays out. `payload` as in sat_sigv4_input.
 */
int sat_sigv4_sign(struct sat_sigv4 *signer, const struct sat_sigv4_place *place,
                   const char *payload, int64_t wall_s, struct sat_request *request,
                   satchel_error *err);

#endif
