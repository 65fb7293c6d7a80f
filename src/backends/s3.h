/* What the files of the s3 backend share: its state, building requests, judging replies. */
#ifndef SAT_BACKENDS_S3_H
#define SAT_BACKENDS_S3_H

#include <stdbool.h>
#include <stddef.h>

#include <satchel/types.h>

#include "backends/s3_sign.h"
#include "core/backend.h"
#include "core/cred.h"
#include "core/xml.h"

/* Option payload_signing, in the order of its choices. */
enum sat_s3_payload { SAT_S3_PAYLOAD_AUTO, SAT_S3_PAYLOAD_ALWAYS, SAT_S3_PAYLOAD_NEVER };

/* Option addressing_style, in the order of its choices. */
enum sat_s3_style { SAT_S3_STYLE_AUTO, SAT_S3_STYLE_PATH, SAT_S3_STYLE_VIRTUAL };

/* The state of a connection: written by open only. */
struct sat_s3 {
    char *bucket;
    char *region;
    char *storage_class; /* of new objects; "" = the bucket's own */
    char *prefix;        /* of the endpoint's path: "" or "/a" */
    bool tls;
    bool anonymous;   /* no_sign_request */
    bool checksums;   /* a checksum header with each PUT */
    bool subhosts;    /* a bucket's name goes in front of the host, where it can */
    bool own_address; /* AWS's of the region, none that the user named */
    enum sat_s3_payload payload;
    struct sat_sigv4 *signer; /* of explicit keys; NULL: anonymous, or by sat_s3_cred_step() */
    char *profile;            /* "" = the default one */
    char *files[2];           /* credentials and config file: their paths, */
    char *shown_files[2];     /* and as messages call them */
};

/* ---- profiles (s3_cred.c): the slots, and their part of the state */

int sat_s3_configure(struct sat_config *config, satchel_error *err);
/* On failure the caller closes. */
int sat_s3_cred_open(struct sat_s3 *s3, const struct sat_config *config, satchel_error *err);
void sat_s3_cred_close(struct sat_s3 *s3);
/* The keys are a struct sat_sigv4. */
int sat_s3_cred_step(const void *state, int64_t now_s, const struct sat_cred_reply *replies,
                     size_t count, struct sat_cred_want *want, satchel_error *err);
void sat_s3_cred_free(void *keys);

/* ---- building (s3_request.c) */

/* INVALID when S3 would refuse `name` as the name of a bucket. */
int sat_s3_bucket_check(const char *name, satchel_error *err);
/* The bucket of a BUCKET_* op. */
const char *sat_s3_bucket_of(const struct sat_s3 *s3, const struct sat_op *op);
/*
 * Sets method, path and, where it names the bucket, subhost; a NULL bucket is the service, a NULL
 * key the bucket. The last step of a target: it also fails when the query before it did not fit.
 */
int sat_s3_target(const struct sat_s3 *s3, struct sat_request *request, const char *method,
                  const char *bucket, const char *key, satchel_error *err);
/* Appends name=value, encoded; nothing for a NULL value. Call in ascending order of names. */
void sat_s3_query(struct sat_request *request, const char *name, const char *value);
/* Adds a header; a bad value is INVALID naming the header. */
int sat_s3_header(struct sat_request *request, const char *name, const char *value,
                  satchel_error *err);
/* Adds a header whose value is an ETag, in quotes unless it is weak. */
int sat_s3_etag_header(struct sat_request *request, const char *name, const char *etag,
                       satchel_error *err);
/* Adds x-amz-meta-* headers. INVALID for what S3 would not give back as it is. */
int sat_s3_metadata(struct sat_request *request, const struct sat_tags *metadata,
                    satchel_error *err);
/* For a finished XML body: Content-Type and the Content-MD5 that these requests must have. */
int sat_s3_xml_body(struct sat_request *request, satchel_error *err);

/* ---- judging (s3_reply.c) */

/*
 * A reply that is no success: fills verdict and err from the status and the <Error> document, if
 * there is one.
 */
void sat_s3_refuse(const struct sat_s3 *s3, const struct sat_op *op, const struct sat_reply *reply,
                   struct sat_verdict *verdict, satchel_error *err);
/* A reply of a good status that S3 would not give ("no ETag"): a broken proxy, to be asked again.
 */
void sat_s3_not_s3(const struct sat_s3 *s3, const struct sat_op *op, const struct sat_reply *reply,
                   const char *what, struct sat_verdict *verdict, satchel_error *err);
/* The code and retry class of a service error code ("SlowDown") under a status. */
int sat_s3_classify(const char *service_code, int status, enum sat_retry_class *retry);
/* The service error code in the reply's <Error> document, into `code`; false when there is none. */
bool sat_s3_error_code(const struct sat_reply *reply, char *code, size_t size);

/* A document that a reply must be. */
struct sat_s3_document {
    const char *root;
    int (*end)(void *user, const struct sat_xml_node *node, satchel_error *err);
    void *user;
};

/*
 * Judges a reply that must be 200 with that document. `end` gets each element as it is complete;
 * OK, or the failure it raised, is in the verdict. CORRUPT from it counts as a broken document.
 */
void sat_s3_accept_xml(const struct sat_s3 *s3, const struct sat_op *op,
                       const struct sat_reply *reply, const struct sat_s3_document *document,
                       struct sat_verdict *verdict, satchel_error *err);
/* Judges a reply that needs no body: 200 or 204, and no page or error hidden in it. */
void sat_s3_accept_empty(const struct sat_s3 *s3, const struct sat_op *op,
                         const struct sat_reply *reply, struct sat_verdict *verdict,
                         satchel_error *err);
/*
 * Judges a reply that was 200 by its headers: fills op->info from them; what is missing there makes
 * it no reply of S3.
 */
void sat_s3_accept_info(const struct sat_s3 *s3, struct sat_op *op, const struct sat_reply *reply,
                        struct sat_verdict *verdict, satchel_error *err);
/* Sets a verdict's failure that no repetition cures, from *err's code. */
void sat_s3_fail(struct sat_verdict *verdict, int code);

/* ---- object headers (s3_info.c) */

/*
 * Fills *info, freeing what it held, from the headers of GET, HEAD or PUT; not its size. `partial`:
 * the body is a range, a checksum header is then not the object's. INTEGRITY without an ETag,
 * NOMEM.
 */
int sat_s3_info(const struct sat_reply *reply, bool partial, struct sat_info *info,
                satchel_error *err);
/* A decimal header; false when absent or malformed. */
bool sat_s3_number(const struct sat_reply *reply, const char *name, uint64_t *out);
/* Quotes of a strong ETag off; a weak one as it is. */
satchel_span sat_s3_etag(const char *text);

/* What a new object is told beside its bytes: type, storage class, tags, metadata (s3_put.c). */
int sat_s3_object_headers(const struct sat_s3 *s3, const struct sat_op *op,
                          struct sat_request *request, satchel_error *err);
/* x-amz-storage-class, where the op or the configuration names one (s3_put.c). */
int sat_s3_class_header(const struct sat_s3 *s3, const struct sat_op *op,
                        struct sat_request *request, satchel_error *err);
/* If-Match and If-None-Match of a write (s3_put.c). */
int sat_s3_condition_headers(const struct sat_op *op, struct sat_request *request,
                             satchel_error *err);
/* x-amz-checksum-crc64nvme (s3_put.c). */
int sat_s3_crc64_header(struct sat_request *request, uint64_t crc64, satchel_error *err);
/* partNumber and uploadId (s3_part.c). */
void sat_s3_part_query(const struct sat_op *op, struct sat_request *request);
/* Takes ETag, with its quotes or without, and checksum out of a document's text (s3_put.c). */
int sat_s3_take_result(struct sat_info *info, const struct sat_xml_node *node, satchel_error *err);

/* ---- slots of other files */

int sat_s3_put_build(const void *state, const struct sat_op *op, struct sat_request *request,
                     satchel_error *err);
int sat_s3_copy_build(const void *state, const struct sat_op *op, struct sat_request *request,
                      satchel_error *err);
int sat_s3_part_begin_build(const void *state, const struct sat_op *op, struct sat_request *request,
                            satchel_error *err);
int sat_s3_part_put_build(const void *state, const struct sat_op *op, struct sat_request *request,
                          satchel_error *err);
int sat_s3_part_copy_build(const void *state, const struct sat_op *op, struct sat_request *request,
                           satchel_error *err);
int sat_s3_part_finish_build(const void *state, const struct sat_op *op,
                             struct sat_request *request, satchel_error *err);
int sat_s3_part_abort_build(const void *state, const struct sat_op *op, struct sat_request *request,
                            satchel_error *err);
void sat_s3_put_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                       struct sat_verdict *verdict, satchel_error *err);
void sat_s3_copy_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                        struct sat_verdict *verdict, satchel_error *err);
void sat_s3_part_begin_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                              struct sat_verdict *verdict, satchel_error *err);
void sat_s3_part_finish_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                               struct sat_verdict *verdict, satchel_error *err);
void sat_s3_part_abort_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                              struct sat_verdict *verdict, satchel_error *err);
int sat_s3_list_build(const void *state, const struct sat_op *op, struct sat_request *request,
                      satchel_error *err);
void sat_s3_list_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                        struct sat_verdict *verdict, satchel_error *err);
int sat_s3_many_build(const void *state, const struct sat_op *op, struct sat_request *request,
                      satchel_error *err);
void sat_s3_many_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                        struct sat_verdict *verdict, satchel_error *err);
int sat_s3_tags_get_build(const void *state, const struct sat_op *op, struct sat_request *request,
                          satchel_error *err);
void sat_s3_tags_get_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                            struct sat_verdict *verdict, satchel_error *err);
int sat_s3_tags_set_build(const void *state, const struct sat_op *op, struct sat_request *request,
                          satchel_error *err);
int sat_s3_bucket_create_build(const void *state, const struct sat_op *op,
                               struct sat_request *request, satchel_error *err);
int sat_s3_bucket_delete_build(const void *state, const struct sat_op *op,
                               struct sat_request *request, satchel_error *err);
int sat_s3_bucket_stat_build(const void *state, const struct sat_op *op,
                             struct sat_request *request, satchel_error *err);
int sat_s3_bucket_list_build(const void *state, const struct sat_op *op,
                             struct sat_request *request, satchel_error *err);
void sat_s3_bucket_list_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                               struct sat_verdict *verdict, satchel_error *err);
/* The accept slot of kinds whose success has no body. */
void sat_s3_quiet_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                         struct sat_verdict *verdict, satchel_error *err);

#endif
