/*
 * One writer at a time for a name: compare-and-swap on files.
 *
 * The lock is an open-file-description lock on one byte of `.satchel.lock` in the object's folder;
 * which byte, the name's hash says. (1) It cannot be on the object itself: the rename that replaces
 * the object would take the lock away with the old file. (2) Threads of this process wait for each
 * other on a stripe first, asleep instead of polling. (3) Whoever replaces, deletes or tags an
 * object that exists holds the lock, with or without a condition: an unconditional write between
 * another's check and its rename would be lost. Creating a name needs none: link decides.
 * (4) BUCKET_DELETE removes the lock file; a lock on a removed one locks nobody out, so it is
 * looked at again once the lock is held. (5) The lock lives as long as any copy of its descriptor:
 * a forked child closes its copies, and what its parent's threads held counts as free.
 */
#include <errno.h>

#include "backends/file.h"
#include "backends/local.h"
#include "core/clock.h"
#include "core/crc.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/ownfd.h"

#include <string.h>

enum {
    STRIPES = 64,
    SLICE_MS = 100, /* how long a wait may go on without a look at the op */
};

static struct stripe {
    struct sat_mutex lock;
    struct sat_cond free;
    bool held;
    unsigned generation; /* of the holder */
} stripes[STRIPES];
static struct sat_once stripes_once = SAT_ONCE_INIT;

static void init_stripes(void)
{
    for (size_t i = 0; i < STRIPES; i++) {
        sat_mutex_init(&stripes[i].lock);
        sat_cond_init(&stripes[i].free);
    }
}

/* What a wait has come to: OK = go on. */
static int still_waiting(const struct sat_op *op, const char *name, satchel_error *err)
{
    int code = sat_local_alive(op, err);
    if (code == SATCHEL_TIMEOUT)
        return sat_error_set(err, SATCHEL_TIMEOUT,
                             "deadline passed while another writer held the lock on '%s'", name);
    return code;
}

static int stripe_take(const struct sat_op *op, struct stripe *stripe, const char *name,
                       satchel_error *err)
{
    SAT_LOCKED(&stripe->lock);
    while (stripe->held && stripe->generation == sat_fork_generation()) {
        int code = still_waiting(op, name, err);
        if (code != SATCHEL_OK)
            return code;
        int64_t slice_ns = sat_clock_now_ns() + SLICE_MS * SAT_NS_PER_MS;
        (void)sat_cond_wait_until(&stripe->free, &stripe->lock, slice_ns);
    }
    stripe->held = true;
    stripe->generation = sat_fork_generation();
    return SATCHEL_OK;
}

static void stripe_drop(struct stripe *stripe)
{
    SAT_LOCKED(&stripe->lock);
    stripe->held = false;
    sat_cond_signal(&stripe->free);
}

/* How long the kernel's lock may be waited for before the op is looked at again. */
static int64_t slice_ms(const struct sat_op *op)
{
    if (op->deadline_ns <= 0)
        return SLICE_MS;
    int64_t left = (op->deadline_ns - sat_clock_now_ns()) / SAT_NS_PER_MS;
    return left < 0 ? 0 : left < SLICE_MS ? left : SLICE_MS;
}

/* The open lock file with byte `at` locked, -errno, or -ESTALE when it was removed meanwhile (4).
 */
static int lock_byte(const struct sat_op *op, int dirfd, int64_t at)
{
    struct stat info;
    sat_fork_enter();
    int fd = sat_os_open(dirfd, SAT_FILE_LOCK_NAME, O_RDWR | O_CREAT | O_NOFOLLOW, 0666);
    sat_ownfd_add(fd);
    sat_fork_leave();
    if (fd < 0)
        return fd;
    int result = sat_os_lock(fd, at, 1, true, slice_ms(op));
    if (result == 0)
        result = sat_os_fstat(fd, &info);
    if (result == 0 && info.st_nlink == 0)
        result = -ESTALE;
    if (result == 0)
        return fd;
    sat_ownfd_close(fd);
    return result;
}

int sat_file_lock_take(const struct sat_op *op, const struct sat_file_place *place,
                       struct sat_file_lock *lock, satchel_error *err)
{
    uint64_t hash = sat_crc64(0, place->name, strlen(place->name));
    sat_once(&stripes_once, init_stripes);
    lock->stripe = hash % STRIPES;
    lock->fd = -1;
    int code = stripe_take(op, &stripes[lock->stripe], place->name, err);
    if (code != SATCHEL_OK)
        return code;
    do {
        lock->fd = lock_byte(op, place->dirfd, (int64_t)(hash >> 2));
        if (lock->fd == -EAGAIN || lock->fd == -ESTALE)
            code = still_waiting(op, place->name, err);
        else if (lock->fd < 0)
            code = sat_error_os(err, -lock->fd, "locking '%s' for writing", place->name);
    } while (code == SATCHEL_OK && lock->fd < 0);
    if (code != SATCHEL_OK)
        stripe_drop(&stripes[lock->stripe]);
    return code;
}

void sat_file_lock_drop(struct sat_file_lock *lock)
{
    /* Closing the only descriptor of the description releases its lock. */
    sat_ownfd_close(lock->fd);
    lock->fd = -1;
    stripe_drop(&stripes[lock->stripe]);
}
