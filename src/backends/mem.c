/*
 * mem:// - objects in this process's memory: for tests, and the backend to copy. Every slot of a
 * local backend is here in its simplest right form; docs/adding-a-backend.md walks through it.
 *
 * mem://name/prefix. A store is process-wide and found by its name: opening a handle makes it, all
 * handles of that name share it, closing the last one drops it. One made by BUCKET_CREATE lives
 * until BUCKET_DELETE instead.
 *
 * (1) One lock guards everything, for the whole of a slot: that is what makes conditions atomic.
 * (2) A PUT reads its source before it takes the lock; only the finished object is put in place.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backends/local.h"
#include "backends/mem_store.h"
#include "backends/registry.h"
#include "core/alloc.h"
#include "core/backend.h"
#include "core/clock.h"
#include "core/crc.h"
#include "core/error.h"
#include "core/lock.h"
#include "core/str.h"

/* ---- private struct */

enum { PAGE = 1000 };

struct mem_state {
    struct sat_mem_store *store;
};

static struct sat_mutex lock = SAT_MUTEX_INIT;
static struct sat_mem_store *registry;
static uint64_t writes; /* makes ETags of equal content differ */

/* ---- helpers */

static int no_store(satchel_error *err, const char *name)
{
    return sat_error_set(err, SATCHEL_NOT_FOUND, "not found: mem://%s", name);
}

/*
 * The place *at of the op's key, after the checks that every kind shares; on NOT_FOUND where it
 * would go. `mismatch` is the code for an if_match that does not hold.
 */
static int lookup(const struct sat_mem_store *store, const struct sat_op *op, int mismatch,
                  size_t *at, satchel_error *err)
{
    *at = sat_mem_bound(store, op->key, strlen(op->key) + 1, false);
    if (!store->exists)
        return no_store(err, store->name);
    if (*at == store->objects.len || !sat_str_eq(sat_mem_at(store, *at)->key, op->key))
        return sat_local_not_found(err, "mem://", store->name, op->key);
    const char *etag = sat_mem_at(store, *at)->info.etag;
    if (op->if_match != NULL && !sat_str_eq(op->if_match, etag))
        return sat_local_mismatch(err, mismatch, op, etag);
    return SATCHEL_OK;
}

static int copy_info(struct sat_info *to, const struct sat_info *from, satchel_error *err)
{
    sat_info_fini(to);
    *to = *from;
    to->metadata = (struct sat_tags){0};
    to->etag = sat_strdup(from->etag);
    to->content_type = from->content_type == NULL ? NULL : sat_strdup(from->content_type);
    if (to->etag == NULL || (from->content_type != NULL && to->content_type == NULL))
        return sat_error_nomem(err);
    return sat_tags_copy(&to->metadata, &from->metadata, err);
}

static struct sat_mem_store *store_of(const void *state)
{
    return ((const struct mem_state *)state)->store;
}

/* ---- open, close */

static int mem_open(void *state, const struct sat_uri *uri, const struct sat_config *config,
                    struct sat_endpoint *endpoint, satchel_error *err)
{
    (void)config;
    (void)endpoint;
    SAT_LOCKED(&lock);
    bool made = sat_mem_find(registry, uri->bucket) == NULL;
    struct sat_mem_store *store = sat_mem_need(&registry, uri->bucket);
    if (store == NULL)
        return sat_error_nomem(err);
    store->exists = store->exists || made;
    store->handles++;
    ((struct mem_state *)state)->store = store;
    return SATCHEL_OK;
}

static void mem_close(void *state)
{
    SAT_LOCKED(&lock);
    struct sat_mem_store *store = store_of(state);
    if (--store->handles == 0 && !store->kept)
        sat_mem_drop(&registry, store);
}

/* ---- stat, get */

static int mem_stat(void *state, struct sat_op *op, satchel_error *err)
{
    size_t at;
    SAT_LOCKED(&lock);
    int code = lookup(store_of(state), op, SATCHEL_MODIFIED, &at, err);
    if (code != SATCHEL_OK)
        return code;
    return copy_info(&op->info, &sat_mem_at(store_of(state), at)->info, err);
}

static int mem_get(void *state, struct sat_op *op, satchel_error *err)
{
    uint64_t offset;
    uint64_t length;
    size_t at;
    SAT_LOCKED(&lock);
    int code = lookup(store_of(state), op, SATCHEL_MODIFIED, &at, err);
    if (code != SATCHEL_OK)
        return code;
    const struct sat_mem_object *object = sat_mem_at(store_of(state), at);
    code = sat_local_range(op, object->info.size, &offset, &length, err);
    if (code == SATCHEL_OK)
        code = copy_info(&op->info, &object->info, err);
    if (code == SATCHEL_OK)
        code = sat_sink_write(&op->sink, object->data + offset, length, err);
    return code;
}

/* ---- put */

enum { STREAM_BLOCK = 256 * 1024 };

static int read_stream(struct sat_mem_object *object, const struct sat_op *op, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf bytes;
    size_t got = 1;
    int code = SATCHEL_OK;
    sat_buf_init(&bytes, SIZE_MAX / 2);
    for (uint64_t done = 0; code == SATCHEL_OK && got > 0; done += got) {
        char *room = sat_buf_reserve(&bytes, STREAM_BLOCK);
        if (room == NULL)
            return sat_error_nomem(err);
        code = sat_source_read(&op->source, done, room, STREAM_BLOCK, &got, err);
        bytes.len += code == SATCHEL_OK ? got : 0;
        if (code == SATCHEL_OK)
            code = sat_local_alive(op, err);
    }
    object->info.size = bytes.len;
    object->data = sat_buf_take(&bytes, NULL);
    return code == SATCHEL_OK && object->data == NULL ? sat_error_nomem(err) : code;
}

static int read_source(struct sat_mem_object *object, const struct sat_op *op, satchel_error *err)
{
    if (op->source.length == SAT_SOURCE_UNKNOWN)
        return read_stream(object, op, err);
    object->data = sat_malloc(op->source.length);
    if (object->data == NULL)
        return sat_error_nomem(err);
    for (uint64_t done = 0; done < object->info.size;) {
        size_t n = 0;
        int code = sat_source_read(&op->source, done, object->data + done, object->info.size - done,
                                   &n, err);
        if (code != SATCHEL_OK)
            return code;
        done += n;
    }
    return SATCHEL_OK;
}

static int object_fill(struct sat_mem_object *object, const struct sat_op *op, satchel_error *err)
{
    struct sat_info info = {.size = op->source.length, .etag = (char[]){""}, .has_crc64 = true};
    info.mtime_ns = op->mtime_ns != 0 ? op->mtime_ns : sat_clock_wall_ns();
    int code = copy_info(&object->info, &info, err);
    object->key = sat_strdup(op->key);
    if (object->key == NULL)
        return sat_error_nomem(err);
    if (op->content_type != NULL) {
        object->info.content_type = sat_strdup(op->content_type);
        code = object->info.content_type == NULL ? sat_error_nomem(err) : code;
    }
    if (code == SATCHEL_OK && op->metadata != NULL)
        code = sat_tags_copy(&object->info.metadata, op->metadata, err);
    if (code == SATCHEL_OK && op->tags != NULL)
        code = sat_tags_copy(&object->tags, op->tags, err);
    if (code == SATCHEL_OK)
        code = read_source(object, op, err);
    if (code == SATCHEL_OK)
        object->info.crc64 = sat_crc64(0, object->data, object->info.size);
    return code == SATCHEL_OK ? sat_source_fits(&op->source, object->info.crc64, err) : code;
}

/* Conditions, then the new object in the place of the old one, in one step. */
static int publish(struct sat_mem_store *store, struct sat_mem_object *object, struct sat_op *op,
                   satchel_error *err)
{
    size_t at;
    SAT_LOCKED(&lock);
    int code = lookup(store, op, SATCHEL_CONFLICT, &at, err);
    bool absent = code == SATCHEL_NOT_FOUND && store->exists && op->if_match == NULL;
    if (code != SATCHEL_OK && !absent)
        return code;
    if (!absent && op->if_absent)
        return sat_local_exists(err, "mem://", store->name, op->key);
    struct sat_info *info = &object->info;
    (void)sat_local_forgive(err);
    sat_free(info->etag);
    info->etag = sat_strf("%016" PRIx64 "-%" PRIu64, info->crc64, ++writes);
    if (info->etag == NULL || copy_info(&op->info, info, err) != SATCHEL_OK ||
        sat_mem_insert(store, object, at) != SATCHEL_OK)
        return sat_error_nomem(err);
    if (!absent)
        sat_mem_remove(store, at + 1);
    return SATCHEL_OK;
}

static int mem_put(void *state, struct sat_op *op, satchel_error *err)
{
    struct sat_mem_object *object = sat_calloc(1, sizeof *object);
    if (object == NULL)
        return sat_error_nomem(err);
    int code = object_fill(object, op, err);
    if (code == SATCHEL_OK)
        code = publish(store_of(state), object, op, err);
    if (code != SATCHEL_OK)
        sat_mem_object_free(object);
    return code;
}

/* ---- delete */

static int mem_delete(void *state, struct sat_op *op, satchel_error *err)
{
    struct sat_mem_store *store = store_of(state);
    size_t at;
    SAT_LOCKED(&lock);
    int code = lookup(store, op, SATCHEL_CONFLICT, &at, err);
    if (code == SATCHEL_NOT_FOUND && store->exists && op->if_match == NULL)
        return sat_local_forgive(err); /* what is gone already is deleted */
    if (code == SATCHEL_OK)
        sat_mem_remove(store, at);
    return code;
}

static int mem_delete_many(void *state, struct sat_op *op, satchel_error *err)
{
    int code = sat_local_many_begin(op, err);
    for (size_t i = 0; code == SATCHEL_OK && i < op->many.count; i++) {
        struct sat_op one = {.kind = SAT_OP_DELETE, .key = op->many.keys[i]};
        sat_local_many_set(op, i, mem_delete(state, &one, &one.err), &one.err);
    }
    return code;
}

/* ---- list */

/* The first object of the page. */
static size_t list_begin(const struct sat_mem_store *store, const struct sat_op *op)
{
    size_t begin = sat_mem_bound(store, op->list.prefix, strlen(op->list.prefix), false);
    const char *from = sat_local_list_from(op);
    if (from == NULL)
        return begin;
    size_t whole = sat_local_token_rolled(op) ? 0 : 1;
    size_t next = sat_mem_bound(store, from, strlen(from) + whole, true);
    return next > begin ? next : begin;
}

static int list_add(struct sat_op *op, const struct sat_mem_object *object, size_t cut)
{
    const struct sat_entry rolled = {.is_prefix = true};
    const struct sat_entry whole = {.size = object->info.size, .mtime_ns = object->info.mtime_ns};
    if (cut > 0)
        return sat_page_add(&op->page, (satchel_span){object->key, cut}, NULL, &rolled);
    return sat_page_add(&op->page, sat_span_of(object->key), object->info.etag, &whole);
}

static int mem_list(void *state, struct sat_op *op, satchel_error *err)
{
    const struct sat_mem_store *store = store_of(state);
    unsigned room = sat_local_page_size(op, PAGE);
    sat_page_reset(&op->page);
    SAT_LOCKED(&lock);
    if (!store->exists)
        return no_store(err, store->name);
    size_t i = list_begin(store, op);
    while (i < store->objects.len && sat_str_starts(sat_mem_at(store, i)->key, op->list.prefix)) {
        const struct sat_mem_object *object = sat_mem_at(store, i);
        size_t cut = sat_local_common_prefix(op, object->key);
        if (op->page.entries.len == room)
            return sat_local_page_full(op, err);
        if (list_add(op, object, cut) != SATCHEL_OK)
            return sat_error_nomem(err);
        i = cut == 0 ? i + 1 : sat_mem_bound(store, object->key, cut, true);
    }
    return SATCHEL_OK;
}

/* ---- tags */

static int mem_tags_get(void *state, struct sat_op *op, satchel_error *err)
{
    size_t at;
    SAT_LOCKED(&lock);
    int code = lookup(store_of(state), op, SATCHEL_MODIFIED, &at, err);
    sat_tags_fini(&op->found_tags);
    if (code != SATCHEL_OK)
        return code;
    return sat_tags_copy(&op->found_tags, &sat_mem_at(store_of(state), at)->tags, err);
}

static int mem_tags_set(void *state, struct sat_op *op, satchel_error *err)
{
    struct sat_tags tags = {0};
    size_t at;
    SAT_LOCKED(&lock);
    int code = lookup(store_of(state), op, SATCHEL_CONFLICT, &at, err);
    if (code == SATCHEL_OK && op->tags != NULL)
        code = sat_tags_copy(&tags, op->tags, err);
    if (code != SATCHEL_OK)
        return code;
    sat_tags_fini(&sat_mem_at(store_of(state), at)->tags);
    sat_mem_at(store_of(state), at)->tags = tags;
    return SATCHEL_OK;
}

/* ---- buckets */

static const char *bucket_of(const void *state, const struct sat_op *op)
{
    return op->bucket != NULL ? op->bucket : store_of(state)->name;
}

static int mem_bucket_create(void *state, struct sat_op *op, satchel_error *err)
{
    SAT_LOCKED(&lock);
    struct sat_mem_store *store = sat_mem_need(&registry, bucket_of(state, op));
    if (store == NULL)
        return sat_error_nomem(err);
    if (store->exists)
        return sat_error_set(err, SATCHEL_EXISTS, "already exists: mem://%s", store->name);
    store->exists = true;
    store->kept = true;
    return SATCHEL_OK;
}

static int mem_bucket_delete(void *state, struct sat_op *op, satchel_error *err)
{
    SAT_LOCKED(&lock);
    struct sat_mem_store *store = sat_mem_find(registry, bucket_of(state, op));
    if (store == NULL || !store->exists)
        return no_store(err, bucket_of(state, op));
    if (store->objects.len > 0)
        return sat_error_set(err, SATCHEL_CONFLICT, "not empty: mem://%s", store->name);
    store->exists = false;
    store->kept = false;
    if (store->handles == 0)
        sat_mem_drop(&registry, store);
    return SATCHEL_OK;
}

static int mem_bucket_stat(void *state, struct sat_op *op, satchel_error *err)
{
    SAT_LOCKED(&lock);
    const struct sat_mem_store *store = sat_mem_find(registry, bucket_of(state, op));
    bool exists = store != NULL && store->exists;
    return exists ? SATCHEL_OK : no_store(err, bucket_of(state, op));
}

static int mem_bucket_list(void *state, struct sat_op *op, satchel_error *err)
{
    const struct sat_entry entry = {0};
    (void)state;
    sat_page_reset(&op->page);
    SAT_LOCKED(&lock);
    for (const struct sat_mem_store *store = registry; store != NULL; store = store->next) {
        if (store->exists && *store->name != '\0' &&
            sat_page_add(&op->page, sat_span_of(store->name), NULL, &entry) != SATCHEL_OK)
            return sat_error_nomem(err);
    }
    return SATCHEL_OK;
}

/* ---- table */

static const char *const schemes[] = {"mem", NULL};

const struct sat_backend sat_backend_mem = {
    .name = "mem",
    .schemes = schemes,
    .state_size = sizeof(struct mem_state),
    .has_buckets = true,
    .limits = {.key_max = 1024,
               .tags = SAT_LOCAL_TAG_LIMITS,
               .list_page = PAGE,
               .delete_many_max = 1000},
    .open = mem_open,
    .close = mem_close,
    .slots = {[SAT_OP_STAT] = {.run = mem_stat},
              [SAT_OP_GET] = {.run = mem_get},
              [SAT_OP_PUT] = {.run = mem_put},
              [SAT_OP_DELETE] = {.run = mem_delete},
              [SAT_OP_DELETE_MANY] = {.run = mem_delete_many},
              [SAT_OP_LIST] = {.run = mem_list},
              [SAT_OP_TAGS_GET] = {.run = mem_tags_get},
              [SAT_OP_TAGS_SET] = {.run = mem_tags_set},
              [SAT_OP_BUCKET_CREATE] = {.run = mem_bucket_create},
              [SAT_OP_BUCKET_DELETE] = {.run = mem_bucket_delete},
              [SAT_OP_BUCKET_STAT] = {.run = mem_bucket_stat},
              [SAT_OP_BUCKET_LIST] = {.run = mem_bucket_list}},
};
