/* An s3 connection without a network: build a request, hand it a reply, look at the verdict. */
#ifndef SAT_TESTS_BACKENDS_S3_FIXTURE_H
#define SAT_TESTS_BACKENDS_S3_FIXTURE_H

#include "support/test.h"

#include "backends/s3.h"
#include "core/op.h"

/* "http://127.0.0.1:9000", bucket "bucket", region us-east-1, with keys. */
struct s3_fixture {
    const struct sat_backend *backend;
    struct sat_s3 s3;
    struct sat_endpoint endpoint;
    struct sat_op op; /* zeroed but for kind, key "a/key" and list.prefix "" */
    struct sat_request request;
    struct sat_reply reply;
    struct sat_verdict verdict;
    satchel_error err;
};

int s3_setup(void **state);
int s3_teardown(void **state);
#define S3_TEST(function) cmocka_unit_test_setup_teardown(function, s3_setup, s3_teardown)

/* Opens another connection in its place; pairs of key and value, ended by NULL. */
int s3_open_with(struct s3_fixture *f, const char *bucket, const char *const *options);

/* Builds the op's request into f->request. */
int s3_build(struct s3_fixture *f, enum sat_op_kind kind);
/* Sets f->reply; headers are lines "Name: value" with '\n' behind each. */
void s3_reply(struct s3_fixture *f, int status, const char *headers, const char *body);
/* Judges f->reply for the kind, through `head` where it has one. Returns the code. */
int s3_accept(struct s3_fixture *f, enum sat_op_kind kind);
/* A header of the request, or "". */
const char *s3_header(const struct s3_fixture *f, const char *name);

#endif
