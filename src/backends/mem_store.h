/* The stores of mem://: a list of them by name, each a sorted array of objects. Not thread-safe. */
#ifndef SAT_BACKENDS_MEM_STORE_H
#define SAT_BACKENDS_MEM_STORE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/op.h"
#include "core/tags.h"
#include "core/vec.h"

struct sat_mem_object {
    struct sat_info info;
    struct sat_tags tags;
    char *key;
    char *data;
};

struct sat_mem_store {
    struct sat_mem_store *next;
    char *name;
    unsigned handles;
    bool exists;            /* false from BUCKET_DELETE until BUCKET_CREATE */
    bool kept;              /* made by BUCKET_CREATE: outlives its handles */
    struct sat_vec objects; /* struct sat_mem_object *, by key in byte order */
};

/* Frees the object and all it owns. */
void sat_mem_object_free(struct sat_mem_object *object);

/* The store of that name, or NULL. */
struct sat_mem_store *sat_mem_find(struct sat_mem_store *registry, const char *name);
/* The same, linked in as a new one (that does not exist yet) when there is none; NULL = no memory.
 */
struct sat_mem_store *sat_mem_need(struct sat_mem_store **registry, const char *name);
/* Unlinks and frees the store with its objects. */
void sat_mem_drop(struct sat_mem_store **registry, struct sat_mem_store *store);

/* Object `i` in order of keys. */
struct sat_mem_object *sat_mem_at(const struct sat_mem_store *store, size_t i);
/*
 * The first object whose key, cut to `len` bytes, is >= text, or > text when `past`. With len =
 * strlen + 1 keys are compared whole.
 */
size_t sat_mem_bound(const struct sat_mem_store *store, const char *text, size_t len, bool past);
/* Puts the object, which the store then owns, before object `at`. NOMEM. */
int sat_mem_insert(struct sat_mem_store *store, struct sat_mem_object *object, size_t at);
void sat_mem_remove(struct sat_mem_store *store, size_t at);

#endif
