/* The store of one object and one upload. */
#include "core/parts_store.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/crc.h"
#include "core/digest.h"
#include "core/engine.h"
#include "core/error.h"
#include "core/str.h"

static int fill_info(const struct parts_store *store, struct sat_op *op)
{
    char etag[16];
    (void)snprintf(etag, sizeof etag, "v%u", store->version);
    sat_info_fini(&op->info);
    op->info.size = store->size;
    op->info.etag = sat_strdup(etag);
    op->info.has_crc64 = store->tells_crc64;
    op->info.crc64 = sat_crc64(store->lies ? 1 : 0, store->bytes, store->size);
    op->info.has_md5 = store->tells_md5;
    struct sat_md5 md5;
    sat_md5_init(&md5);
    sat_md5_update(&md5, store->bytes, store->lies ? store->size / 2 : store->size);
    sat_md5_final(&md5, op->info.md5);
    return SATCHEL_OK;
}

static int check_version(const struct parts_store *store, const struct sat_op *op,
                         satchel_error *err)
{
    char etag[16];
    (void)snprintf(etag, sizeof etag, "v%u", store->version);
    if (!store->present)
        return sat_error_set(err, SATCHEL_NOT_FOUND, "nothing there");
    if (op->if_match != NULL && !sat_str_eq(op->if_match, etag))
        return sat_error_set(err, SATCHEL_MODIFIED, "it is %s now", etag);
    return SATCHEL_OK;
}

static int get(struct parts_store *store, struct sat_op *op, satchel_error *err)
{
    size_t at = (size_t)op->range_offset;
    size_t len = op->range_length == 0 ? store->size - at : (size_t)op->range_length;
    int code = check_version(store, op, err);
    if (code != SATCHEL_OK)
        return code;
    fill_info(store, op);
    return sat_sink_write(&op->sink, store->bytes + at, len, err);
}

static int part_put(struct parts_store *store, struct sat_op *op, satchel_error *err)
{
    size_t got = 0;
    unsigned i = op->part.number - 1;
    if (i >= PARTS_MAX || !store->open || !sat_str_eq(op->part.upload_id, "u"))
        return sat_error_set(err, SATCHEL_NOT_FOUND, "no upload");
    int code = sat_source_read(&op->source, 0, store->parts[i], PARTS_ROOM, &got, err);
    store->part_sizes[i] = got;
    op->info.etag = sat_strdup("p");
    op->info.crc64 = sat_crc64(0, store->parts[i], got);
    op->info.has_crc64 = true;
    return code;
}

static int part_copy(struct parts_store *store, struct sat_op *op)
{
    unsigned i = op->part.number - 1;
    store->part_sizes[i] = (size_t)op->range_length;
    memcpy(store->parts[i], store->bytes + op->range_offset, (size_t)op->range_length);
    op->info.etag = sat_strdup("p");
    op->info.crc64 = sat_crc64(0, store->bytes, store->size); /* of the whole, as some do */
    op->info.has_crc64 = true;
    return SATCHEL_OK;
}

static int put(struct parts_store *store, struct sat_op *op, satchel_error *err)
{
    size_t got = 1;
    size_t size = 0;
    int code = SATCHEL_OK;
    for (; code == SATCHEL_OK && got > 0; size += got)
        code =
            sat_source_read(&op->source, size, store->bytes + size, PARTS_ROOM - size, &got, err);
    if (code != SATCHEL_OK)
        return code;
    store->size = size;
    store->version++;
    store->present = true;
    return fill_info(store, op);
}

static int finish(struct parts_store *store, struct sat_op *op, satchel_error *err)
{
    if (!store->open)
        return sat_error_set(err, SATCHEL_NOT_FOUND, "no upload");
    if (op->if_absent && store->present)
        return sat_error_set(err, SATCHEL_EXISTS, "taken");
    store->size = 0;
    store->upload_has_crc64 = store->upload_has_crc64 || op->part.has_crc64;
    for (size_t i = 0; i < op->part.count; i++) {
        memcpy(store->bytes + store->size, store->parts[i], store->part_sizes[i]);
        store->size += store->part_sizes[i];
    }
    store->version++;
    store->present = true;
    store->open = false;
    if (!store->loses_finish)
        return fill_info(store, op);
    op->unsettled = true;
    return sat_error_set(err, SATCHEL_NETWORK, "reply lost");
}

static int dispatch(struct parts_store *store, struct sat_op *op, satchel_error *err)
{
    int code = SATCHEL_OK;
    switch (op->kind) {
    case SAT_OP_STAT:
        code = check_version(store, op, err);
        return code == SATCHEL_OK ? fill_info(store, op) : code;
    case SAT_OP_GET:
        return get(store, op, err);
    case SAT_OP_PUT:
        return put(store, op, err);
    case SAT_OP_PART_BEGIN:
        store->open = true;
        store->upload_has_crc64 = op->part.has_crc64;
        (void)snprintf(store->upload_type, sizeof store->upload_type, "%s",
                       op->content_type == NULL ? "" : op->content_type);
        op->upload_id = sat_strdup("u");
        return SATCHEL_OK;
    case SAT_OP_PART_PUT:
        return part_put(store, op, err);
    case SAT_OP_PART_COPY:
        return part_copy(store, op);
    case SAT_OP_PART_FINISH:
        return finish(store, op, err);
    case SAT_OP_PART_ABORT:
        store->open = false;
        return SATCHEL_OK;
    default:
        return sat_error_set(err, SATCHEL_UNSUPPORTED, "not here");
    }
}

static int run(void *state, struct sat_op *op, satchel_error *err)
{
    struct parts_store *store = *(struct parts_store **)state;
    SAT_LOCKED(&store->lock);
    store->count[op->kind]++;
    int code = store->hook == NULL ? SATCHEL_OK : store->hook(store, op, err);
    return code == SATCHEL_OK ? dispatch(store, op, err) : code;
}

static const struct sat_backend backend = {
    .name = "parts",
    .limits = {.part_min = 5, .part_max = 1000, .parts_max = PARTS_MAX, .copy_max = 20},
    .slots =
        {
            [SAT_OP_STAT] = {.run = run},
            [SAT_OP_GET] = {.run = run},
            [SAT_OP_PUT] = {.run = run},
            [SAT_OP_COPY] = {.run = run},
            [SAT_OP_PART_BEGIN] = {.run = run},
            [SAT_OP_PART_PUT] = {.run = run},
            [SAT_OP_PART_COPY] = {.run = run},
            [SAT_OP_PART_FINISH] = {.run = run},
            [SAT_OP_PART_ABORT] = {.run = run},
        },
};

struct parts_store *parts_open(void)
{
    struct parts_store *store = calloc(1, sizeof *store);
    struct sat_conn *conn = calloc(1, sizeof *conn);
    struct parts_store **state = calloc(1, sizeof *state);
    assert_true(store != NULL && conn != NULL && state != NULL);
    sat_mutex_init(&store->lock);
    sat_cond_init(&store->done);
    *state = store;
    store->conn = conn;
    store->tells_crc64 = true;
    conn->backend = &backend;
    conn->state = state;
    conn->bucket = (char[]){""};
    conn->request_timeout_ms = 60000;
    conn->part_size = 5;
    conn->range_size = 7;
    conn->part_concurrency = 3;
    const struct sat_engine_options options = {.lanes = 1, .workers = 4};
    assert_int_equal(sat_engine_acquire(&options, &conn->engine, NULL), SATCHEL_OK);
    return store;
}

void parts_close(struct parts_store *store)
{
    sat_engine_release(store->conn->engine);
    free(store->conn->state);
    free(store->conn);
    sat_cond_fini(&store->done);
    sat_mutex_fini(&store->lock);
    free(store);
}

void parts_set_object(struct parts_store *store, const char *text)
{
    store->size = strlen(text);
    memcpy(store->bytes, text, store->size);
    store->version++;
    store->present = true;
}

static void on_done(struct sat_op *op)
{
    struct parts_store *store = op->user;
    SAT_LOCKED(&store->lock);
    store->ended = true;
    sat_cond_signal(&store->done);
}

int parts_run(struct parts_store *store, struct sat_op *op, void (*start)(struct sat_op *op))
{
    op->conn = store->conn;
    op->key = "k";
    op->user = store;
    op->done = on_done;
    store->ended = false;
    start(op);
    SAT_LOCKED(&store->lock);
    while (!store->ended)
        sat_cond_wait(&store->done, &store->lock);
    return op->err.code;
}
