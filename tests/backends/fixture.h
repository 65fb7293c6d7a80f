/* What the conformance cases share: the backend under test, and short ways to run one op on it. */
#ifndef SAT_TESTS_BACKENDS_FIXTURE_H
#define SAT_TESTS_BACKENDS_FIXTURE_H

#include "support/test.h"

#include "core/backend.h"
#include "core/config.h"
#include "core/op.h"

/* Where a backend, or the server behind it, does not do what the others do. Bits of row.quirks. */
enum quirk {
    QUIRK_FILE_OR_FOLDER = 1,     /* `x` and `x/y` cannot coexist */
    QUIRK_NO_EMPTY_PART = 2,      /* a key like `a//b` is refused, or not listed */
    QUIRK_PUT_MAKES_STORE = 4,    /* a PUT into a missing bucket makes it */
    QUIRK_TAGS_UNCONDITIONAL = 8, /* TAGS_SET has no if_match */
    QUIRK_NO_FOLDER_KEY = 16,     /* a key may not end with '/' */
    QUIRK_ONE_STORE = 32,         /* no names of buckets: only the connection's own */
};

struct row {
    const char *name;
    const char *scheme;
    unsigned quirks;
    const char *why; /* the reasons of the quirks */
    bool subhosts;   /* buckets in front of the host */
    const char *env; /* environment variable with the endpoint; NULL = needs none */
    bool no_xattrs;  /* as on a file system that keeps no extended attributes */
};

struct fixture {
    const struct row *row;
    struct sat_config *config;
    struct sat_conn *conn;
    char store[256]; /* URI of the store, without a '/' at its end */
    char bucket[64];
    unsigned cases;
    char prefix[512];    /* what the keys of the running case begin with */
    struct sat_vec keys; /* char *: made by key_of(), freed after the case */
};

/* The one fixture of this process. */
extern struct fixture fx;

/* Opens the row's store, empty. Returns NULL, or the reason to skip the row. */
const char *fixture_open(const struct row *row);
void fixture_close(void);
/* cmocka set-up and tear-down of a case: a prefix of its own. */
int case_begin(void **state);
int case_end(void **state);
bool quirk(enum quirk bit);

/* The full key of a name; lives until the end of the case. */
const char *key_of(const char *name);
/* The name a full key has within the case. */
const char *name_of(const char *key);
/* An op of that kind on that name (NULL = no key). */
struct sat_op op_of(enum sat_op_kind kind, const char *name);
/* Runs the op and finishes it; its code. */
int run_once(struct sat_op *op);

#define assert_runs(op)        assert_runs_(op, SATCHEL_OK, __FILE__, __LINE__)
#define assert_fails(op, want) assert_runs_(op, want, __FILE__, __LINE__)
/* Runs the op and fails the case, showing the error, when the code is another. */
void assert_runs_(struct sat_op *op, int want, const char *file, int line);

/* Stores the text; returns the new ETag, which lives until the end of the case. */
const char *put_text(const char *name, const char *text);
/* The object is there and has exactly this text. */
void assert_text(const char *name, const char *text);
void assert_missing(const char *name);

/* The case tables, one for each file of cases. */
extern const struct CMUnitTest object_cases[];
extern const size_t object_case_count;
extern const struct CMUnitTest list_cases[];
extern const size_t list_case_count;
extern const struct CMUnitTest condition_cases[];
extern const size_t condition_case_count;
extern const struct CMUnitTest engine_cases[];
extern const size_t engine_case_count;
extern const struct CMUnitTest stream_cases[];
extern const size_t stream_case_count;

#define CASE(f) cmocka_unit_test_setup_teardown(f, case_begin, case_end)

#endif
