/*
 * PUT of the file backend: a final name appears only with everything behind it.
 *
 * (1) The bytes go to a file without a name (O_TMPFILE), or where that cannot be had to one with a
 *     temporary name. Content, attributes, owner and mode are complete and synced before it gets
 *     its own name; then the folder is synced.
 * (2) A new name is given by link, which fails when the name is taken: create-if-absent needs no
 *     lock. (3) An existing object is replaced by rename, with the lock on its name held from the
 *     check of the condition to the rename; so is a new one made that needs a side-car.
 * (4) Whatever fails before the name is given leaves nothing behind. If the sync of the folder
 *     fails the object is there, but might not survive a power loss: an error, never tried again.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "backends/file.h"
#include "backends/local.h"
#include "core/alloc.h"
#include "core/backend.h"
#include "core/clock.h"
#include "core/crc.h"
#include "core/error.h"
#include "core/str.h"

enum {
    RESERVE_FROM = 128 * 1024, /* smaller files are not worth a call to reserve their blocks */
};

struct put {
    struct sat_file_state *state;
    struct sat_op *op;
    struct sat_file_place place;
    int fd;                           /* the file in the making */
    char temp[SAT_OS_TEMP_NAME_SIZE]; /* its temporary name; "" = it has none */
    uint64_t random[2];               /* write id; nanoseconds of the mtime */
    struct stat info;                 /* of the new file */
    struct sat_file_attr attr;        /* of the new file; borrows tags and metadata of the op */
    bool beside;                      /* the file cannot hold its attributes */
    bool prepared;                    /* ready to be named, for an old object with... */
    uint64_t counter;                 /* ...this counter, */
    struct stat old;                  /* ...this mode and owner; st_mode 0 = none */
    unsigned mode;                    /* what the umask gave the new file */
};

static int fail(const struct put *put, int result, const char *doing, satchel_error *err)
{
    return sat_file_fail(err, result, doing, put->op->key);
}

/* ---- the file in the making */

static int open_temp(struct put *put, satchel_error *err)
{
    put->fd = sat_os_open_tmp(put->place.dirfd, ".", 0666);
    if (put->fd == -EOPNOTSUPP)
        put->fd = sat_os_temp_file(put->place.dirfd, 0666, put->temp);
    int result = put->fd;
    if (result >= 0)
        result = sat_os_random(put->random, sizeof put->random);
    return result < 0 ? fail(put, result, "making", err) : SATCHEL_OK;
}

static void drop_temp(struct put *put)
{
    if (put->temp[0] != '\0')
        (void)sat_os_unlink(put->place.dirfd, put->temp, 0);
    (void)sat_os_close(put->fd);
}

/* ---- content */

static int write_block(struct put *put, const char *data, size_t len, uint64_t at,
                       satchel_error *err)
{
    int result = sat_os_pwrite_all(put->fd, data, len, (int64_t)at);
    if (result < 0)
        return fail(put, result, "writing", err);
    put->attr.crc64 = sat_crc64(put->attr.crc64, data, len);
    return sat_local_alive(put->op, err);
}

static int write_content(struct put *put, satchel_error *err)
{
    const struct sat_source *source = &put->op->source;
    uint64_t length = source->kind == SAT_SOURCE_NONE ? 0 : source->length;
    size_t block_size = sat_source_block(source);
    size_t room = length < block_size ? (size_t)length : block_size;
    bool reserved = length >= RESERVE_FROM && length != SAT_SOURCE_UNKNOWN;
    int result = reserved ? sat_os_allocate(put->fd, (int64_t)length) : 0;
    if (result < 0)
        return fail(put, result, "writing", err);
    SAT_AUTO_FREE char *block = sat_malloc(room);
    if (block == NULL)
        return sat_error_nomem(err);
    size_t got = 1;
    int code = SATCHEL_OK;
    for (uint64_t done = 0; done < length && got > 0 && code == SATCHEL_OK; done += got) {
        code = sat_source_read(source, done, block, room, &got, err);
        if (code == SATCHEL_OK)
            code = write_block(put, block, got, done, err);
    }
    return code;
}

/* ---- attributes, owner, mode */

/* Now, less a random part of a second: unlike any other write's, and never in the future. */
static int set_mtime(struct put *put)
{
    int64_t at = put->op->mtime_ns;
    if (at == 0)
        at = sat_clock_wall_ns() - (int64_t)(put->random[1] % (uint64_t)SAT_NS_PER_S);
    int64_t seconds = at / SAT_NS_PER_S - (at % SAT_NS_PER_S < 0 ? 1 : 0);
    const struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = (time_t)seconds, .tv_nsec = (long)(at - seconds * SAT_NS_PER_S)},
    };
    int result = sat_os_set_times(put->fd, times);
    return result < 0 ? result : sat_os_fstat(put->fd, &put->info);
}

/* A replaced object keeps its mode, and its owner where that is allowed. */
static int keep_mode(const struct put *put)
{
    struct stat like = put->old.st_mode != 0 ? put->old : put->info;
    if (put->old.st_mode == 0)
        like.st_mode = put->mode;
    return sat_file_adopt(put->fd, &like);
}

static int write_attributes(struct put *put, bool locked, satchel_error *err)
{
    bool kept = false;
    int code = SATCHEL_OK;
    sat_file_etag_strong(put->attr.crc64, put->counter + 1, put->random[0], put->attr.recorded);
    if (!put->beside)
        code = sat_file_attr_write(put->fd, &put->info, &put->attr, put->op->key, &kept, err);
    put->beside = code == SATCHEL_OK && !kept;
    if (put->beside && locked)
        code =
            sat_file_attr_write_beside(put->state, &put->place, &put->info,
                                       put->old.st_mode == 0 ? NULL : &put->old, &put->attr, err);
    return code;
}

static bool is_prepared_for(const struct put *put, const struct sat_file_object *old)
{
    return old->attr.counter == put->counter && old->info.st_mode == put->old.st_mode &&
           old->info.st_uid == put->old.st_uid && old->info.st_gid == put->old.st_gid;
}

/* Makes the file ready to take the place of `old`, which may not exist; but for its attributes when
 * they need a side-car, which is written with the lock held. */
static int prepare(struct put *put, const struct sat_file_object *old, bool locked,
                   satchel_error *err)
{
    if (put->prepared && is_prepared_for(put, old))
        return SATCHEL_OK;
    /* A mode kept before may forbid us to write the attribute. */
    int result = put->prepared ? sat_os_chmod(put->fd, 0600) : 0;
    put->counter = old->attr.counter;
    put->old = old->info;
    if (result == 0)
        result = set_mtime(put);
    if (result < 0)
        return fail(put, result, "writing", err);
    if (!put->prepared)
        put->mode = put->info.st_mode;
    int code = write_attributes(put, locked, err);
    if (code != SATCHEL_OK || (put->beside && !locked))
        return code;
    result = keep_mode(put);
    if (result == 0 && put->state->durability != SAT_DURABLE_NONE)
        result = sat_os_sync(put->fd);
    put->prepared = true;
    return result < 0 ? fail(put, result, "syncing", err) : SATCHEL_OK;
}

/* ---- the name */

/* Gives a free name; -EEXIST when it is taken (2). */
static int link_new(struct put *put)
{
    if (put->temp[0] == '\0')
        return sat_os_link_tmp(put->fd, put->place.dirfd, put->place.name);
    int result = sat_os_link(put->place.dirfd, put->temp, put->place.dirfd, put->place.name);
    if (result == 0 && sat_os_unlink(put->place.dirfd, put->temp, 0) == 0)
        put->temp[0] = '\0';
    return result;
}

/* Takes the name of an existing object (3). */
static int rename_over(struct put *put)
{
    int result = 0;
    if (put->temp[0] == '\0')
        result = sat_os_link_temp(put->fd, put->place.dirfd, put->temp);
    if (result == 0)
        result = sat_os_rename(put->place.dirfd, put->temp, put->place.dirfd, put->place.name, 0);
    if (result == 0)
        put->temp[0] = '\0';
    return result;
}

/* Looks at what is there and checks the conditions; `deep` as in sat_file_object_match(). */
static int look(const struct put *put, bool deep, struct sat_file_object *old, satchel_error *err)
{
    int code = sat_file_object_look(&put->place, put->op->key, old, err);
    if (code != SATCHEL_OK)
        return code;
    if (put->op->if_absent && old->exists)
        code = sat_local_exists(err, "file://", "", put->op->key);
    else
        code = sat_file_object_match(old, put->op, deep, err);
    if (code != SATCHEL_OK)
        sat_file_object_fini(old);
    return code;
}

static int forget(const struct put *put, ino_t inode, satchel_error *err)
{
    return sat_file_side_forget(put->state, &put->place, inode, put->op->key, err);
}

/* With the lock held: checks again, and puts the file in its place. *result is -EEXIST when a new
 * object came up under our hands. */
static int replace_locked(struct put *put, int *result, satchel_error *err)
{
    struct sat_file_object old;
    int code = look(put, true, &old, err);
    if (code != SATCHEL_OK)
        return code;
    code = prepare(put, &old, true, err);
    if (code == SATCHEL_OK)
        *result = old.exists ? rename_over(put) : link_new(put);
    if (code == SATCHEL_OK && *result == 0 && old.exists) {
        code = forget(put, old.info.st_ino, err);
        put->op->unsettled = code != SATCHEL_OK;
    }
    sat_file_object_fini(&old);
    return code;
}

static int replace(struct put *put, satchel_error *err)
{
    struct sat_file_lock lock;
    int result = -EEXIST;
    int code = sat_file_lock_take(put->op, &put->place, &lock, err);
    if (code != SATCHEL_OK)
        return code;
    for (int i = 0; i < SAT_FILE_TRIES && code == SATCHEL_OK && result == -EEXIST; i++)
        code = replace_locked(put, &result, err);
    if (put->beside && (code != SATCHEL_OK || result < 0))
        (void)forget(put, put->info.st_ino, NULL); /* (4) */
    sat_file_lock_drop(&lock);
    return code == SATCHEL_OK && result < 0 ? fail(put, result, "naming", err) : code;
}

static int publish(struct put *put, satchel_error *err)
{
    struct sat_file_object old;
    int code = look(put, false, &old, err);
    if (code != SATCHEL_OK)
        return code;
    bool exists = old.exists;
    code = prepare(put, &old, false, err);
    sat_file_object_fini(&old);
    if (code != SATCHEL_OK)
        return code;
    int result = exists || put->beside ? -EEXIST : link_new(put);
    if (result == 0)
        return SATCHEL_OK;
    if (result != -EEXIST)
        return fail(put, result, "naming", err);
    if (put->op->if_absent && !put->beside)
        return sat_local_exists(err, "file://", "", put->op->key);
    return replace(put, err);
}

/* ---- the slot */

static int fill_info(const struct put *put, satchel_error *err)
{
    struct sat_info *info = &put->op->info;
    sat_info_fini(info);
    info->size = (uint64_t)put->info.st_size;
    info->mtime_ns = sat_file_mtime_ns(&put->info);
    info->crc64 = put->attr.crc64;
    info->has_crc64 = true;
    info->etag = sat_strdup(put->attr.recorded);
    return info->etag == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

static int put_in_place(struct put *put, satchel_error *err)
{
    int code = open_temp(put, err);
    if (code == SATCHEL_OK)
        code = write_content(put, err);
    if (code == SATCHEL_OK)
        code = sat_source_fits(&put->op->source, put->attr.crc64, err);
    if (code == SATCHEL_OK)
        code = publish(put, err);
    drop_temp(put);
    if (code != SATCHEL_OK)
        return code;
    code = sat_file_sync_folder(put->state, put->place.dirfd, put->op->key, err);
    if (code == SATCHEL_OK)
        code = fill_info(put, err);
    put->op->unsettled = code != SATCHEL_OK; /* (4) */
    return code;
}

int sat_file_put(void *state, struct sat_op *op, satchel_error *err)
{
    struct sat_file_object old;
    struct put put = {.state = state, .op = op, .fd = -1};
    /* Borrowed, so never finished here. */
    if (op->metadata != NULL)
        put.attr.metadata = *op->metadata;
    if (op->tags != NULL)
        put.attr.tags = *op->tags;
    SAT_AUTO_FREE char *type = op->content_type == NULL ? NULL : sat_strdup(op->content_type);
    if (op->content_type != NULL && type == NULL)
        return sat_error_nomem(err);
    put.attr.content_type = type;
    int code =
        sat_file_place_open(state, op->conn->root, op->key, SAT_FILE_CREATE, &put.place, err);
    if (code != SATCHEL_OK)
        return code;
    sat_file_sweep_folder(state, put.place.dirfd);
    /* A condition that fails already need not cost the transfer. */
    code = look(&put, false, &old, err);
    if (code == SATCHEL_OK) {
        sat_file_object_fini(&old);
        code = put_in_place(&put, err);
    }
    (void)sat_os_close(put.place.dirfd);
    return code;
}
