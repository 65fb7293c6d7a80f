/* A bucket of a case's own on a real S3 server, for tests that see the public headers only. */
#ifndef SAT_TESTS_API_S3_FIXTURE_H
#define SAT_TESTS_API_S3_FIXTURE_H

#include "api/fixture.h"

/* Whether SATCHEL_TEST_S3_URL, _KEY and _SECRET name a server (tools/servers.sh). */
bool s3_is_there(void);

/* cmocka set-up and tear-down: as of CASE; `config` reaches the server; the bucket is not made. */
int s3_begin(void **state);
int s3_end(void **state);
#define S3_CASE(f) cmocka_unit_test_setup_teardown(f, s3_begin, s3_end)

extern char s3_bucket[64];
/* "s3://<bucket>/<key>"; good for eight calls. */
const char *s3(const char *key);

#endif
