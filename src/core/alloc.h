/* The one door to the heap: every allocation of the library goes through here. */
#ifndef SAT_CORE_ALLOC_H
#define SAT_CORE_ALLOC_H

#include <stddef.h>

/* Like malloc; sat_malloc(0) returns a unique pointer. NULL when out of memory. */
void *sat_malloc(size_t size);
/* count * size zeroed bytes; NULL on overflow or when out of memory. */
void *sat_calloc(size_t count, size_t size);
/* Like realloc with a non-zero size; on NULL the old block is untouched. */
void *sat_realloc(void *block, size_t size);
void sat_free(void *block);
/* Overwrites `size` bytes so that the compiler cannot drop it, for secrets. */
void sat_cleanse(void *block, size_t size);

/*
 * Torture hook: the n-th allocation from now (1 = the next) fails, once; 0 switches it off.
 * Counts over all threads. sat_alloc_count() is the number of allocations since the last call of
 * sat_alloc_fail_nth().
 */
void sat_alloc_fail_nth(long nth);
long sat_alloc_count(void);

/* Scope clean-up for locals: SAT_AUTO(sat_free) char *name = ...; the variable's type is T *. */
#define SAT_AUTO_FREE __attribute__((cleanup(sat_auto_free_)))
void sat_auto_free_(void *slot);

#endif
