/* A growing array of equal-sized elements. */
#ifndef SAT_CORE_VEC_H
#define SAT_CORE_VEC_H

#include <stddef.h>

/* Elements are moved by memcpy: they must not point into themselves. */
struct sat_vec {
    void *data;
    size_t len;
    size_t capacity;
    size_t item_size;
};

void sat_vec_init(struct sat_vec *vec, size_t item_size);
/* Frees the array, not what its elements own. */
void sat_vec_fini(struct sat_vec *vec);
/* A new zeroed element at the end, or NULL (the array is then as it was). */
void *sat_vec_add(struct sat_vec *vec);
/* Appends a copy of *item; the element or NULL. */
void *sat_vec_push(struct sat_vec *vec, const void *item);
/* Element `i`; i < len. */
void *sat_vec_at(const struct sat_vec *vec, size_t i);

#define SAT_AUTO_VEC __attribute__((cleanup(sat_vec_fini)))

#endif
