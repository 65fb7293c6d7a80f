/*
 * A store of one object and one upload for tests of multipart and ranged transfers: local slots on
 * an engine's workers, with a hook that may fail an op or change the object before it is run.
 */
#ifndef SAT_TESTS_CORE_PARTS_STORE_H
#define SAT_TESTS_CORE_PARTS_STORE_H

#include "support/test.h"

#include <stdatomic.h>

#include "core/backend.h"
#include "core/lock.h"

enum { PARTS_MAX = 64, PARTS_ROOM = 4096 };

struct parts_store {
    struct sat_mutex lock;
    struct sat_cond done;
    bool ended;
    /* the object */
    char bytes[PARTS_ROOM];
    size_t size;
    unsigned version; /* its ETag is "v<version>" */
    bool present;
    bool tells_crc64;
    bool tells_md5;
    unsigned appears_at; /* for hooks: the STAT that finds the object */
    bool loses_finish;   /* a PART_FINISH is done, its reply lost */
    bool lies;           /* the checksum it tells is another's */
    /* the upload */
    char parts[PARTS_MAX][PARTS_ROOM];
    size_t part_sizes[PARTS_MAX];
    bool open; /* begun, neither finished nor aborted */
    char upload_type[64];
    bool upload_has_crc64; /* as it was begun or finished with */
    /* what was seen */
    unsigned count[SAT_OP_KINDS];
    /* Called first, under the lock; not OK = the op's failure. */
    int (*hook)(struct parts_store *store, struct sat_op *op, satchel_error *err);
    struct sat_conn *conn;
};

/* A store whose connection has parts of 5 and ranges of 7 bytes, and a width of 3. */
struct parts_store *parts_open(void);
void parts_close(struct parts_store *store);
void parts_set_object(struct parts_store *store, const char *text);
/* Runs op by `start` (sat_upload_start, sat_range_start) and waits for its end. Its code. */
int parts_run(struct parts_store *store, struct sat_op *op, void (*start)(struct sat_op *op));

#endif
