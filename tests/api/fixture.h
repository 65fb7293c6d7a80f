/* A temporary folder and a small configuration, for tests that see the public headers only. */
#ifndef SAT_TESTS_API_FIXTURE_H
#define SAT_TESTS_API_FIXTURE_H

#include "support/test.h"

#include <satchel/satchel.h>

/* cmocka set-up and tear-down of a case: a new empty folder, a configuration. */
int case_begin(void **state);
int case_end(void **state);
#define CASE(f) cmocka_unit_test_setup_teardown(f, case_begin, case_end)

/* Index in memory, nothing of the environment that matters. */
extern satchel_config *config;
/* Path and file:// URI of a name in the folder; good for eight calls. */
const char *at(const char *name);
const char *uri_of(const char *name);
satchel_span span(const char *text);

void put(const char *name, const char *content);
void assert_file(const char *name, const char *content);
void assert_missing(const char *name);

/* Fails the case with the error's text unless the call succeeds. */
#define ok(call) ok_((call), __LINE__)
void ok_(int code, int line);
extern satchel_error err;

#endif
