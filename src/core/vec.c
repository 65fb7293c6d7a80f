/* A growing array of equal-sized elements. */
#include "vec.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "alloc.h"

void sat_vec_init(struct sat_vec *vec, size_t item_size)
{
    assert(item_size > 0);
    *vec = (struct sat_vec){.item_size = item_size};
}

void sat_vec_fini(struct sat_vec *vec)
{
    sat_free(vec->data);
    *vec = (struct sat_vec){.item_size = vec->item_size};
}

void *sat_vec_add(struct sat_vec *vec)
{
    if (vec->len == vec->capacity) {
        size_t capacity = vec->capacity == 0 ? 8 : vec->capacity * 2;
        if (capacity > SIZE_MAX / vec->item_size)
            return NULL;
        void *data = sat_realloc(vec->data, capacity * vec->item_size);
        if (data == NULL)
            return NULL;
        vec->data = data;
        vec->capacity = capacity;
    }
    void *item = (char *)vec->data + vec->len++ * vec->item_size;
    memset(item, 0, vec->item_size);
    return item;
}

void *sat_vec_push(struct sat_vec *vec, const void *item)
{
    void *slot = sat_vec_add(vec);
    if (slot != NULL)
        memcpy(slot, item, vec->item_size);
    return slot;
}

void *sat_vec_at(const struct sat_vec *vec, size_t i)
{
    assert(i < vec->len);
    return (char *)vec->data + i * vec->item_size;
}
