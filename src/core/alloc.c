/* The one door to the heap, with the n-th-allocation fault that the torture tests drive. */
#include "alloc.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static atomic_long fail_at;
static atomic_long counted;

static bool fault_due(void)
{
    long n = atomic_fetch_add_explicit(&counted, 1, memory_order_relaxed) + 1;
    return n == atomic_load_explicit(&fail_at, memory_order_relaxed);
}

void sat_alloc_fail_nth(long nth)
{
    atomic_store(&counted, 0);
    atomic_store(&fail_at, nth);
}

long sat_alloc_count(void)
{
    return atomic_load(&counted);
}

void *sat_malloc(size_t size)
{
    return fault_due() ? NULL : malloc(size == 0 ? 1 : size);
}

void *sat_calloc(size_t count, size_t size)
{
    if (count == 0 || size == 0)
        return sat_malloc(1);
    /* Checked here as well: sanitizers abort where calloc would answer NULL. */
    if (fault_due() || count > SIZE_MAX / size)
        return NULL;
    return calloc(count, size);
}

void *sat_realloc(void *block, size_t size)
{
    return fault_due() ? NULL : realloc(block, size == 0 ? 1 : size);
}

void sat_free(void *block)
{
    free(block);
}

void sat_cleanse(void *block, size_t size)
{
    if (block != NULL && size > 0)
        explicit_bzero(block, size);
}

void sat_auto_free_(void *slot)
{
    void *block;
    memcpy(&block, slot, sizeof block);
    free(block);
}
