/*
 * The file of bytes and locks beside the index database.
 *
 * Invariants: (1) `fd` is used under `lock` only, because a removed file is replaced in place;
 * (2) the owner's byte is locked as long as the handle lives, on every file that `fd` ever was the
 * current one of; (3) EPOCH and OPEN are never waited for while REFRESH is being waited for;
 * (4) every descriptor is one of core/ownfd.h: its locks live as long as any copy of it.
 */
#include "index_mark.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "core/alloc.h"
#include "core/digest.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/lock.h"
#include "core/os.h"
#include "core/ownfd.h"
#include "core/str.h"

#define MAGIC UINT64_C(0x314b52414d544153) /* "SATMARK1", little-endian */

struct sat_mark {
    struct sat_mutex lock;
    char *dir; /* NULL: in memory */
    char *path;
    int fd;
    bool shares_open;
    int64_t owner;
    struct sat_mark_head memory;
};

/* (4) A descriptor or -errno. */
static int open_recorded(const struct sat_mark *mark, int flags)
{
    sat_fork_enter();
    int fd = sat_os_open(AT_FDCWD, mark->path, O_RDWR | O_NOFOLLOW | flags, 0600);
    sat_ownfd_add(fd);
    sat_fork_leave();
    return fd;
}

static int open_file(struct sat_mark *mark, int *fd, satchel_error *err)
{
    int got = open_recorded(mark, O_CREAT);
    if (got == -ENOENT && sat_os_mkdirs(AT_FDCWD, mark->dir, 0700, 0) >= 0)
        got = open_recorded(mark, O_CREAT);
    if (got < 0)
        return sat_error_os(err, -got, "record index: %s", mark->path);
    *fd = got;
    int rc = sat_os_lock(got, mark->owner, 1, true, 0);
    if (rc == 0 && mark->shares_open)
        rc = sat_os_lock(got, SAT_MARK_OPEN, 1, false, SAT_MARK_WAIT_MS);
    if (rc == 0)
        return SATCHEL_OK;
    sat_ownfd_close(got);
    return sat_error_os(err, -rc, "record index: locking %s", mark->path);
}

/* 62 random bits above every fixed byte: a place nobody else has. */
static int choose_owner(int64_t *owner, satchel_error *err)
{
    uint64_t bits;
    int code = sat_random_bytes(&bits, sizeof bits, err);
    if (code == SATCHEL_OK)
        *owner = (int64_t)((bits >> 2) | (UINT64_C(1) << 40));
    return code;
}

int sat_mark_open(const char *dir, const char *name, struct sat_mark **out, satchel_error *err)
{
    struct sat_mark *mark = sat_calloc(1, sizeof *mark);
    if (mark == NULL)
        return sat_error_nomem(err);
    sat_mutex_init(&mark->lock);
    mark->fd = -1;
    int code = choose_owner(&mark->owner, err);
    if (code == SATCHEL_OK && dir != NULL) {
        mark->dir = sat_strdup(dir);
        mark->path = sat_strf("%s/%s", dir, name);
        if (mark->dir == NULL || mark->path == NULL)
            code = sat_error_nomem(err);
        else
            code = open_file(mark, &mark->fd, err);
    }
    if (code != SATCHEL_OK) {
        sat_mark_close(mark);
        return code;
    }
    *out = mark;
    return SATCHEL_OK;
}

int sat_mark_adopt(struct sat_mark *mark, satchel_error *err)
{
    SAT_LOCKED(&mark->lock);
    mark->shares_open = false;
    int code = choose_owner(&mark->owner, err);
    if (code != SATCHEL_OK || mark->dir == NULL)
        return code;
    sat_ownfd_close(mark->fd); /* of an attempt of ours that failed later */
    mark->fd = -1;
    return open_file(mark, &mark->fd, err);
}

void sat_mark_close(struct sat_mark *mark)
{
    if (mark == NULL)
        return;
    sat_ownfd_close(mark->fd);
    sat_mutex_fini(&mark->lock);
    sat_free(mark->path);
    sat_free(mark->dir);
    sat_free(mark);
}

/* (1) Someone emptied the cache folder under us: go on with a new, empty file. */
static int replace_if_removed(struct sat_mark *mark, satchel_error *err)
{
    struct stat info;
    int rc = sat_os_fstat(mark->fd, &info);
    if (rc < 0)
        return sat_error_os(err, -rc, "record index: %s", mark->path);
    if (info.st_nlink > 0)
        return SATCHEL_OK;
    int fd = -1;
    int code = open_file(mark, &fd, err);
    if (code == SATCHEL_OK) {
        sat_ownfd_close(mark->fd);
        mark->fd = fd;
    }
    return code;
}

int sat_mark_read(struct sat_mark *mark, struct sat_mark_head *head, satchel_error *err)
{
    SAT_LOCKED(&mark->lock);
    if (mark->dir == NULL) {
        *head = mark->memory;
        return SATCHEL_OK;
    }
    int code = replace_if_removed(mark, err);
    if (code != SATCHEL_OK)
        return code;
    int64_t got = sat_os_pread(mark->fd, head, sizeof *head, 0);
    if (got < 0)
        return sat_error_os(err, (int)-got, "record index: reading %s", mark->path);
    if (got != (int64_t)sizeof *head || head->magic != MAGIC)
        *head = (struct sat_mark_head){.magic = 0};
    head->boot[SAT_MARK_BOOT_SIZE - 1] = '\0';
    return SATCHEL_OK;
}

int sat_mark_write(struct sat_mark *mark, const struct sat_mark_head *head, satchel_error *err)
{
    SAT_LOCKED(&mark->lock);
    struct sat_mark_head whole = *head;
    whole.magic = MAGIC;
    if (mark->dir == NULL) {
        mark->memory = whole;
        return SATCHEL_OK;
    }
    int rc = sat_os_pwrite_all(mark->fd, &whole, sizeof whole, 0);
    return rc < 0 ? sat_error_os(err, -rc, "record index: writing %s", mark->path) : SATCHEL_OK;
}

static int set_word(struct sat_mark *mark, size_t offset, const void *word)
{
    SAT_LOCKED(&mark->lock);
    if (mark->dir == NULL) {
        memcpy((char *)&mark->memory + offset, word, sizeof(uint64_t));
        return SATCHEL_OK;
    }
    int rc = sat_os_pwrite_all(mark->fd, word, sizeof(uint64_t), (int64_t)offset);
    return rc < 0 ? SATCHEL_IO : SATCHEL_OK;
}

int sat_mark_set_intent(struct sat_mark *mark, int64_t generation)
{
    return set_word(mark, offsetof(struct sat_mark_head, intent), &generation);
}

int sat_mark_set_committed(struct sat_mark *mark, int64_t generation)
{
    return set_word(mark, offsetof(struct sat_mark_head, committed), &generation);
}

int sat_mark_set_drop(struct sat_mark *mark)
{
    uint64_t drop = sat_random_u64();
    return set_word(mark, offsetof(struct sat_mark_head, drop), &drop);
}

static int lock_failed(const struct sat_mark *mark, int rc, satchel_error *err)
{
    if (rc == -EAGAIN)
        return sat_error_set(err, SATCHEL_BUSY, "record index is busy in another process: %s",
                             mark->path);
    return sat_error_os(err, -rc, "record index: locking %s", mark->path);
}

int sat_mark_lock(struct sat_mark *mark, enum sat_mark_byte byte, bool exclusive, int64_t wait_ms,
                  satchel_error *err)
{
    SAT_LOCKED(&mark->lock);
    int rc = mark->dir == NULL ? 0 : sat_os_lock(mark->fd, byte, 1, exclusive, wait_ms);
    if (rc < 0)
        return lock_failed(mark, rc, err);
    if (byte == SAT_MARK_OPEN)
        mark->shares_open = true;
    return SATCHEL_OK;
}

void sat_mark_unlock(struct sat_mark *mark, enum sat_mark_byte byte)
{
    SAT_LOCKED(&mark->lock);
    if (mark->dir != NULL)
        (void)sat_os_unlock(mark->fd, byte, 1);
    if (byte == SAT_MARK_OPEN)
        mark->shares_open = false;
}

int sat_mark_lock_refresh(struct sat_mark *mark, int64_t wait_ms, int *fd, satchel_error *err)
{
    *fd = -1;
    if (mark->dir == NULL)
        return SATCHEL_OK;
    int got = open_recorded(mark, 0);
    if (got < 0)
        return sat_error_os(err, -got, "record index: %s", mark->path);
    int rc = sat_os_lock(got, SAT_MARK_REFRESH, 1, true, wait_ms);
    if (rc < 0) {
        sat_ownfd_close(got);
        return lock_failed(mark, rc, err);
    }
    *fd = got;
    return SATCHEL_OK;
}

int64_t sat_mark_owner(struct sat_mark *mark)
{
    SAT_LOCKED(&mark->lock);
    return mark->owner;
}

void sat_mark_renew_owner(struct sat_mark *mark)
{
    SAT_LOCKED(&mark->lock);
    int64_t former = mark->owner;
    mark->owner = (int64_t)((sat_random_u64() >> 2) | (UINT64_C(1) << 40));
    if (mark->dir == NULL)
        return;
    /* Without its lock the new token counts as dead: rows are read again, nothing is wrong. */
    (void)sat_os_lock(mark->fd, mark->owner, 1, true, 0);
    (void)sat_os_unlock(mark->fd, former, 1);
}

bool sat_mark_alive(struct sat_mark *mark, int64_t owner)
{
    SAT_LOCKED(&mark->lock);
    if (owner == mark->owner)
        return true;
    if (mark->dir == NULL || owner <= 0)
        return false;
    /* A shared lock meets the owner's exclusive one, and not that of another who asks. */
    int rc = sat_os_lock(mark->fd, owner, 1, false, 0);
    if (rc == 0)
        (void)sat_os_unlock(mark->fd, owner, 1);
    return rc == -EAGAIN;
}
