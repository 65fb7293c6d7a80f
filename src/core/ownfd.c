/* Descriptors that a forked child closes at once, as a set of bits: nothing to allocate or lock. */
#include "core/ownfd.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/fork.h"
#include "core/os.h"

enum {
    FDS_MAX = 64 * 1024, /* higher ones are not kept track of: a child has them open */
    WORD_BITS = 64,
};

static atomic_uint_least64_t added[FDS_MAX / WORD_BITS];

/* Whether it was in the set. */
static bool drop(int fd)
{
    uint64_t bit = UINT64_C(1) << fd % WORD_BITS;
    return (atomic_fetch_and(&added[fd / WORD_BITS], ~bit) & bit) != 0;
}

static void close_all(void)
{
    for (int fd = 0; fd < FDS_MAX; fd++) {
        if (atomic_load(&added[fd / WORD_BITS]) == 0)
            fd += WORD_BITS - 1;
        else if (drop(fd))
            (void)sat_os_close(fd);
    }
}

void sat_ownfd_add(int fd)
{
    sat_fork_in_child(close_all);
    if (fd >= 0 && fd < FDS_MAX)
        (void)atomic_fetch_or(&added[fd / WORD_BITS], UINT64_C(1) << fd % WORD_BITS);
}

void sat_ownfd_close(int fd)
{
    /* No fork between the two: a child would keep what it no longer knows of. */
    sat_fork_enter();
    if (fd >= FDS_MAX || (fd >= 0 && drop(fd)))
        (void)sat_os_close(fd);
    sat_fork_leave();
}
