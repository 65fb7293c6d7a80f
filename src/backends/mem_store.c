/* The stores of mem://: a list of them by name, each a sorted array of objects. */
#include "backends/mem_store.h"

#include <string.h>

#include "core/alloc.h"
#include "core/str.h"

/* ---- objects of a store */

void sat_mem_object_free(struct sat_mem_object *object)
{
    sat_info_fini(&object->info);
    sat_tags_fini(&object->tags);
    sat_free(object->key);
    sat_free(object->data);
    sat_free(object);
}

struct sat_mem_object *sat_mem_at(const struct sat_mem_store *store, size_t i)
{
    return *(struct sat_mem_object **)sat_vec_at(&store->objects, i);
}

size_t sat_mem_bound(const struct sat_mem_store *store, const char *text, size_t len, bool past)
{
    size_t low = 0;
    size_t high = store->objects.len;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strncmp(sat_mem_at(store, middle)->key, text, len);
        if (order < 0 || (past && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void sat_mem_remove(struct sat_mem_store *store, size_t at)
{
    struct sat_mem_object **items = store->objects.data;
    sat_mem_object_free(items[at]);
    memmove(items + at, items + at + 1, (--store->objects.len - at) * sizeof(void *));
}

int sat_mem_insert(struct sat_mem_store *store, struct sat_mem_object *object, size_t at)
{
    if (sat_vec_add(&store->objects) == NULL)
        return SATCHEL_NOMEM;
    struct sat_mem_object **items = store->objects.data;
    memmove(items + at + 1, items + at, (store->objects.len - 1 - at) * sizeof(void *));
    items[at] = object;
    return SATCHEL_OK;
}

/* ---- stores */

/* Where the store of that name is linked in, or would be. */
static struct sat_mem_store **slot_of(struct sat_mem_store **registry, const char *name)
{
    struct sat_mem_store **slot = registry;
    while (*slot != NULL && strcmp((*slot)->name, name) < 0)
        slot = &(*slot)->next;
    return slot;
}

struct sat_mem_store *sat_mem_find(struct sat_mem_store *registry, const char *name)
{
    struct sat_mem_store *store = *slot_of(&registry, name);
    return store != NULL && sat_str_eq(store->name, name) ? store : NULL;
}

struct sat_mem_store *sat_mem_need(struct sat_mem_store **registry, const char *name)
{
    struct sat_mem_store *store = sat_mem_find(*registry, name);
    if (store != NULL)
        return store;
    store = sat_calloc(1, sizeof *store);
    if (store == NULL)
        return NULL;
    store->name = sat_strdup(name);
    if (store->name == NULL) {
        sat_free(store);
        return NULL;
    }
    sat_vec_init(&store->objects, sizeof(struct sat_mem_object *));
    struct sat_mem_store **slot = slot_of(registry, name);
    store->next = *slot;
    *slot = store;
    return store;
}

void sat_mem_drop(struct sat_mem_store **registry, struct sat_mem_store *store)
{
    *slot_of(registry, store->name) = store->next;
    while (store->objects.len > 0)
        sat_mem_remove(store, store->objects.len - 1);
    sat_vec_fini(&store->objects);
    sat_free(store->name);
    sat_free(store);
}
