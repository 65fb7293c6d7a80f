/*
 * One operation on one object, from the caller's arguments to the caller's result. The blocking
 * functions run it (store.c), the others submit it (queue.c).
 */
#ifndef SAT_API_CALL_H
#define SAT_API_CALL_H

#include <stdint.h>

#include <satchel/store.h>
#include <satchel/types.h>

#include "core/buf.h"
#include "core/op.h"
#include "core/tags.h"

/*
 * What the op's inputs point to is in here, so that a call may outlive its arguments; of a PUT the
 * bytes alone stay the caller's. It must not move once it was begun.
 */
struct sat_call {
    struct sat_op op;
    char *key; /* full */
    char *if_match;
    char *content_type;
    char *storage_class;
    struct sat_tags metadata;
    struct sat_tags tags;
    struct sat_buf memory; /* what a GET brings */
};

/* Each begins a call; sat_call_end() is due whatever it returns. */
int sat_call_begin(struct sat_call *call, const satchel_store *store, enum sat_op_kind kind,
                   const char *key, satchel_error *err);
/* A GET into memory, at most max_memory of the store. */
int sat_call_get(struct sat_call *call, const satchel_store *store, const char *key,
                 uint64_t offset, uint64_t length, satchel_error *err);
/* `options` may be NULL. */
int sat_call_put(struct sat_call *call, const satchel_store *store, const char *key,
                 satchel_span data, const satchel_put_options *options, satchel_error *err);
int sat_call_delete(struct sat_call *call, const satchel_store *store, const char *key,
                    const char *if_match, satchel_error *err);
int sat_call_tags_set(struct sat_call *call, const satchel_store *store, const char *key,
                      const satchel_pair *tags, size_t count, satchel_error *err);

/*
 * Each hands out what an op that ended with `code` brought, or makes the error say more; `*err`
 * holds the op's own. Returns the code of the whole.
 */
int sat_call_bytes(struct sat_call *call, int code, satchel_buf *out, satchel_error *err);
int sat_call_info(struct sat_call *call, int code, satchel_info *out, satchel_error *err);
int sat_call_tags(struct sat_call *call, int code, satchel_pairs *out, satchel_error *err);

/* Releases everything and lets no secret out in the error's text. Returns `code`. */
int sat_call_end(struct sat_call *call, int code, satchel_error *err);

#endif
