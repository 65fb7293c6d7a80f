/* One object of the file backend, open: what it is, whether it is the version asked for, its bytes.
 */
#include <errno.h>
#include <string.h>

#include "backends/file.h"
#include "backends/local.h"
#include "core/alloc.h"
#include "core/backend.h"
#include "core/crc.h"
#include "core/error.h"
#include "core/str.h"

enum { BLOCK = 256 * 1024 };

/* A FIFO would make open() wait; the flag means nothing to a file. */
enum { OPEN_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK };

/* ---- opening */

static int read_attributes(const struct sat_file_place *place, struct sat_file_object *object,
                           const char *key, satchel_error *err)
{
    int code = sat_file_attr_read(place, object->fd, &object->info, &object->attr, err);
    if (code != SATCHEL_OK)
        sat_error_prefix(err, "file:///%s: ", key);
    return code;
}

bool sat_file_again(int code, int *tries, satchel_error *err)
{
    bool again = code == SATCHEL_MODIFIED && ++*tries < SAT_FILE_TRIES;
    if (again)
        (void)sat_local_forgive(err);
    return again;
}

/* MODIFIED when it was replaced before its attributes were read. */
static int open_once(const struct sat_file_place *place, const char *key,
                     struct sat_file_object *object, satchel_error *err)
{
    int code;
    *object = (struct sat_file_object){
        .fd = sat_os_open_beneath(place->dirfd, place->name, OPEN_FLAGS, 0)};
    if (object->fd < 0)
        return sat_file_fail(err, object->fd, "opening", key);
    int result = sat_os_fstat(object->fd, &object->info);
    if (result < 0)
        code = sat_file_fail(err, result, "looking at", key);
    else if (!S_ISREG(object->info.st_mode))
        code = sat_file_fail(err, -ENOENT, "opening", key);
    else
        code = read_attributes(place, object, key, err);
    object->exists = code == SATCHEL_OK;
    if (code != SATCHEL_OK)
        sat_file_object_fini(object);
    return code;
}

int sat_file_object_open(const char *root, const char *key, struct sat_file_object *object,
                         satchel_error *err)
{
    *object = (struct sat_file_object){.fd = -1};
    int code = sat_file_check_key(root, key, err);
    if (code != SATCHEL_OK)
        return code;
    SAT_AUTO_FD int base = sat_file_open_folder(root, "", O_PATH);
    if (base < 0)
        return sat_file_fail(err, base, "opening", key);
    const struct sat_file_place place = {.dirfd = base, .name = key + strlen(root)};
    int tries = 0;
    do
        code = open_once(&place, key, object, err);
    while (sat_file_again(code, &tries, err));
    return code;
}

/* A file we may not read can still be replaced: its folder decides about that. */
static int look_unreadable(const struct sat_file_place *place, const char *key,
                           struct sat_file_object *object, satchel_error *err)
{
    int result = sat_os_stat(place->dirfd, place->name, AT_SYMLINK_NOFOLLOW, &object->info);
    if (result < 0)
        return sat_file_fail(err, result, "looking at", key);
    sat_file_etag_weak(&object->info, object->attr.etag);
    return SATCHEL_OK;
}

static int look_readable(const struct sat_file_place *place, const char *key,
                         struct sat_file_object *object, satchel_error *err)
{
    int result = sat_os_fstat(object->fd, &object->info);
    if (result < 0)
        return sat_file_fail(err, result, "looking at", key);
    return S_ISREG(object->info.st_mode) ? read_attributes(place, object, key, err) : SATCHEL_OK;
}

static int look_once(const struct sat_file_place *place, const char *key,
                     struct sat_file_object *object, satchel_error *err)
{
    *object = (struct sat_file_object){.fd = -1};
    object->fd = sat_os_open(place->dirfd, place->name, OPEN_FLAGS, 0);
    if (object->fd == -ENOENT)
        return SATCHEL_OK;
    if (object->fd < 0 && object->fd != -EACCES)
        return sat_file_fail(err, object->fd, "writing", key);
    int code = object->fd < 0 ? look_unreadable(place, key, object, err)
                              : look_readable(place, key, object, err);
    object->exists = true;
    if (code == SATCHEL_OK && S_ISDIR(object->info.st_mode))
        code = sat_error_set(err, SATCHEL_INVALID, "file:///%s is a folder", key);
    else if (code == SATCHEL_OK && !S_ISREG(object->info.st_mode))
        code = sat_error_set(err, SATCHEL_UNSUPPORTED, "file:///%s is not a regular file", key);
    if (code != SATCHEL_OK)
        sat_file_object_fini(object);
    return code;
}

int sat_file_object_look(const struct sat_file_place *place, const char *key,
                         struct sat_file_object *object, satchel_error *err)
{
    int code;
    int tries = 0;
    do
        code = look_once(place, key, object, err);
    while (sat_file_again(code, &tries, err));
    return code;
}

void sat_file_object_fini(struct sat_file_object *object)
{
    (void)sat_os_close(object->fd);
    sat_file_attr_fini(&object->attr);
    *object = (struct sat_file_object){.fd = -1};
}

/* ---- conditions */

static bool same_version(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           sat_file_mtime_ns(a) == sat_file_mtime_ns(b);
}

/*
 * Reads `length` bytes from `offset` on, into the op's sink or (NULL) only through the checksum.
 * MODIFIED when the file is shorter, or not the same as before once all was read.
 */
static int read_bytes(const struct sat_file_object *object, const struct sat_op *op,
                      struct sat_sink *sink, uint64_t offset, uint64_t length, satchel_error *err)
{
    struct stat after;
    size_t room = length < BLOCK ? (size_t)length : BLOCK;
    SAT_AUTO_FREE char *block = sat_malloc(room);
    if (block == NULL)
        return sat_error_nomem(err);
    for (uint64_t done = 0; done < length;) {
        size_t want = length - done < room ? (size_t)(length - done) : room;
        int64_t got = sat_os_pread(object->fd, block, want, (int64_t)(offset + done));
        if (got < 0)
            return sat_file_fail(err, (int)got, "reading", op->key);
        if ((size_t)got < want)
            break;
        int code = sat_sink_write(sink, block, want, err);
        if (code == SATCHEL_OK)
            code = sat_local_alive(op, err);
        if (code != SATCHEL_OK)
            return code;
        done += want;
    }
    int result = sat_os_fstat(object->fd, &after);
    if (result < 0)
        return sat_file_fail(err, result, "looking at", op->key);
    if (!same_version(&object->info, &after))
        return sat_error_set(err, SATCHEL_MODIFIED, "file:///%s changed while it was read",
                             op->key);
    return SATCHEL_OK;
}

/* The file has no stamp that holds: its content must be what the wanted ETag stands for. */
static int match_content(const struct sat_file_object *object, const struct sat_op *op,
                         satchel_error *err)
{
    struct sat_sink sink = {.kind = SAT_SINK_NONE};
    if (object->fd < 0)
        return sat_file_fail(err, -EACCES, "reading", op->key);
    int code = read_bytes(object, op, &sink, 0, (uint64_t)object->info.st_size, err);
    bool weak = sat_str_eq(op->if_match, object->attr.etag);
    if (code == SATCHEL_MODIFIED ||
        (code == SATCHEL_OK && !weak && sink.crc64 != object->attr.crc64))
        return sat_local_mismatch(err, SATCHEL_CONFLICT, op, object->attr.etag);
    return code;
}

int sat_file_object_match(const struct sat_file_object *object, const struct sat_op *op, bool deep,
                          satchel_error *err)
{
    const struct sat_file_attr *attr = &object->attr;
    if (op->if_match == NULL)
        return SATCHEL_OK;
    if (!object->exists)
        return sat_local_not_found(err, "file://", "", op->key);
    bool vouched = attr->valid && attr->recorded[0] != '\0';
    bool same = sat_str_eq(op->if_match, attr->etag) ||
                (attr->recorded[0] != '\0' && sat_str_eq(op->if_match, attr->recorded));
    if (!same)
        return sat_local_mismatch(err, SATCHEL_CONFLICT, op, attr->etag);
    return vouched || !deep ? SATCHEL_OK : match_content(object, op, err);
}

/* ---- stat, get */

static int fill_info(const struct sat_file_object *object, struct sat_info *info,
                     satchel_error *err)
{
    const struct sat_file_attr *attr = &object->attr;
    sat_info_fini(info);
    info->size = (uint64_t)object->info.st_size;
    info->mtime_ns = sat_file_mtime_ns(&object->info);
    info->has_crc64 = attr->valid && attr->recorded[0] != '\0';
    info->crc64 = attr->crc64;
    info->etag = sat_strdup(attr->etag);
    info->content_type = attr->content_type == NULL ? NULL : sat_strdup(attr->content_type);
    if (info->etag == NULL || (attr->content_type != NULL && info->content_type == NULL))
        return sat_error_nomem(err);
    return sat_tags_copy(&info->metadata, &attr->metadata, err);
}

/* Opens the op's object and describes it in op->info. */
static int open_described(struct sat_op *op, struct sat_file_object *object, satchel_error *err)
{
    int code = sat_file_object_open(op->conn->root, op->key, object, err);
    if (code != SATCHEL_OK)
        return code;
    if (op->if_match != NULL && !sat_str_eq(op->if_match, object->attr.etag))
        code = sat_local_mismatch(err, SATCHEL_MODIFIED, op, object->attr.etag);
    if (code == SATCHEL_OK)
        code = fill_info(object, &op->info, err);
    if (code != SATCHEL_OK)
        sat_file_object_fini(object);
    return code;
}

int sat_file_stat(void *state, struct sat_op *op, satchel_error *err)
{
    struct sat_file_object object;
    (void)state;
    int code = open_described(op, &object, err);
    if (code == SATCHEL_OK)
        sat_file_object_fini(&object);
    return code;
}

int sat_file_get(void *state, struct sat_op *op, satchel_error *err)
{
    struct sat_file_object object;
    uint64_t offset;
    uint64_t length;
    (void)state;
    int code = open_described(op, &object, err);
    if (code != SATCHEL_OK)
        return code;
    code = sat_local_range(op, op->info.size, &offset, &length, err);
    if (code == SATCHEL_OK)
        sat_op_allow_bytes(op, length);
    if (code == SATCHEL_OK)
        code = read_bytes(&object, op, &op->sink, offset, length, err);
    sat_file_object_fini(&object);
    return code;
}

/* ---- tags */

int sat_file_tags_get(void *state, struct sat_op *op, satchel_error *err)
{
    struct sat_file_object object;
    (void)state;
    sat_tags_fini(&op->found_tags);
    int code = sat_file_object_open(op->conn->root, op->key, &object, err);
    if (code != SATCHEL_OK)
        return code;
    op->found_tags = object.attr.tags;
    object.attr.tags = (struct sat_tags){0};
    sat_file_object_fini(&object);
    return SATCHEL_OK;
}

/* Writes the attributes of an object that has them in an attribute, in a side-car, or not yet. */
static int rewrite_attributes(const struct sat_file_state *state,
                              const struct sat_file_place *place,
                              const struct sat_file_object *object, const char *key,
                              satchel_error *err)
{
    bool kept = false;
    int code = object->attr.beside
                   ? SATCHEL_OK
                   : sat_file_attr_write(object->fd, &object->info, &object->attr, key, &kept, err);
    if (code != SATCHEL_OK || kept)
        return code;
    code =
        sat_file_attr_write_beside(state, place, &object->info, &object->info, &object->attr, err);
    if (code != SATCHEL_OK || object->attr.beside)
        return code;
    return sat_file_attr_remove(object->fd, key, err);
}

/* With the lock held: the attributes are replaced in one step, the ETag stays. */
static int replace_tags(const struct sat_file_state *state, const struct sat_op *op,
                        const struct sat_file_place *place, satchel_error *err)
{
    struct sat_file_object object;
    int code = sat_file_object_look(place, op->key, &object, err);
    if (code != SATCHEL_OK)
        return code;
    if (!object.exists)
        code = sat_local_not_found(err, "file://", "", op->key);
    else if (object.fd < 0)
        code = sat_file_fail(err, -EACCES, "tagging", op->key);
    if (code == SATCHEL_OK)
        code = sat_file_object_match(&object, op, true, err);
    sat_tags_fini(&object.attr.tags);
    if (code == SATCHEL_OK && op->tags != NULL)
        code = sat_tags_copy(&object.attr.tags, op->tags, err);
    if (!object.attr.valid)
        object.attr.recorded[0] = '\0'; /* a stale ETag must not come to life again */
    if (code == SATCHEL_OK)
        code = rewrite_attributes(state, place, &object, op->key, err);
    int result = 0;
    if (code == SATCHEL_OK && state->durability != SAT_DURABLE_NONE)
        result = sat_os_sync(object.fd);
    if (result < 0)
        code = sat_file_fail(err, result, "syncing", op->key);
    sat_file_object_fini(&object);
    return code;
}

int sat_file_tags_set(void *state, struct sat_op *op, satchel_error *err)
{
    struct sat_file_place place;
    struct sat_file_lock lock;
    int code = sat_file_place_open(state, op->conn->root, op->key, SAT_FILE_WRITE, &place, err);
    if (code != SATCHEL_OK)
        return code;
    code = sat_file_lock_take(op, &place, &lock, err);
    if (code == SATCHEL_OK) {
        code = replace_tags(state, op, &place, err);
        sat_file_lock_drop(&lock);
    }
    (void)sat_os_close(place.dirfd);
    return code;
}
