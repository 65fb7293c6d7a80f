/* The blocking functions on the objects of a store: argument checks, one call, run. */
#include <satchel/store.h>

#include <string.h>

#include "api/api.h"
#include "api/call.h"
#include "backends/registry.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/op.h"
#include "core/str.h"
#include "transfer/object.h"

/* ---- handles */

int satchel_store_open(const char *uri, const satchel_config *config, satchel_store **store,
                       satchel_error *err)
{
    SAT_AUTO_CONFIG struct sat_config *owned = NULL;
    const struct sat_config *used = NULL;
    int code = SAT_CHECK(err, SAT_ARG(uri), SAT_ARG(store));
    if (code == SATCHEL_OK)
        code = sat_api_config(config, &owned, &used, err);
    if (code != SATCHEL_OK)
        return sat_api_done(code, err);
    struct satchel_store *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    made->max_memory = sat_config_size(used, "max_memory");
    made->durability = sat_config_enum(used, "durability");
    code = sat_conn_open(uri, used, sat_backend_find, &made->conn, err);
    if (code == SATCHEL_OK)
        *store = made;
    else
        sat_free(made);
    return sat_api_done(code, err);
}

void satchel_store_close(satchel_store *store)
{
    if (store == NULL)
        return;
    sat_conn_close(store->conn);
    sat_free(store);
}

char *sat_store_key(const satchel_store *store, const char *key)
{
    return sat_strf("%s%s", store->conn->root, key);
}

/* ---- reading */

static int get(satchel_store *store, const char *key, uint64_t offset, uint64_t length,
               satchel_buf *out, satchel_error *err)
{
    struct sat_call call;
    memset(out, 0, sizeof *out);
    int code = sat_call_get(&call, store, key, offset, length, err);
    if (code == SATCHEL_OK)
        code = sat_call_bytes(&call, sat_op_run(&call.op, err), out, err);
    return sat_call_end(&call, code, err);
}

int satchel_get(satchel_store *store, const char *key, satchel_buf *out, satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key), SAT_ARG(out));
    return code == SATCHEL_OK ? get(store, key, 0, 0, out, err) : code;
}

int satchel_get_range(satchel_store *store, const char *key, uint64_t offset, uint64_t length,
                      satchel_buf *out, satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key), SAT_ARG(out));
    return code == SATCHEL_OK ? get(store, key, offset, length, out, err) : code;
}

int satchel_get_to_file(satchel_store *store, const char *key, const char *path, satchel_error *err)
{
    struct sat_call call;
    struct sat_landing landing;
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key), SAT_ARG(path));
    if (code != SATCHEL_OK)
        return code;
    code = sat_call_begin(&call, store, SAT_OP_GET, key, err);
    if (code == SATCHEL_OK)
        code = sat_landing_begin(path, 0, (enum sat_landing_durability)store->durability, &landing,
                                 err);
    if (code != SATCHEL_OK)
        return sat_call_end(&call, code, err);
    code = sat_object_get_file(&call.op, &landing, err);
    if (code == SATCHEL_OK)
        code = sat_landing_commit(&landing, call.op.sink.received, false, err);
    else
        sat_landing_abort(&landing);
    return sat_call_end(&call, code, err);
}

/* ---- storing */

int satchel_put(satchel_store *store, const char *key, satchel_span data,
                const satchel_put_options *options, satchel_error *err)
{
    struct sat_call call;
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key));
    if (code != SATCHEL_OK)
        return code;
    code = sat_call_put(&call, store, key, data, options, err);
    if (code == SATCHEL_OK)
        code = sat_op_run(&call.op, err);
    return sat_call_end(&call, code, err);
}

int satchel_put_file(satchel_store *store, const char *key, const char *path,
                     const satchel_put_options *options, satchel_error *err)
{
    struct sat_local_file file = {.fd = -1};
    struct sat_call call;
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key), SAT_ARG(path));
    if (code != SATCHEL_OK)
        return code;
    code = sat_call_put(&call, store, key, (satchel_span){NULL, 0}, options, err);
    if (code == SATCHEL_OK)
        code = sat_local_file_open(path, &file, err);
    if (code == SATCHEL_OK)
        code = sat_object_put_file(&call.op, &file, err);
    sat_local_file_close(&file);
    return sat_call_end(&call, code, err);
}

/* ---- looking and deleting */

void satchel_info_free(satchel_info *info)
{
    if (info == NULL)
        return;
    sat_free(info->etag);
    sat_free(info->content_type);
    satchel_pairs_free(&info->metadata);
    memset(info, 0, sizeof *info);
}

int satchel_stat(satchel_store *store, const char *key, satchel_info *info, satchel_error *err)
{
    struct sat_call call;
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key), SAT_ARG(info));
    if (code != SATCHEL_OK)
        return code;
    memset(info, 0, sizeof *info);
    code = sat_call_begin(&call, store, SAT_OP_STAT, key, err);
    if (code == SATCHEL_OK)
        code = sat_call_info(&call, sat_op_run(&call.op, err), info, err);
    return sat_call_end(&call, code, err);
}

int satchel_delete(satchel_store *store, const char *key, const char *if_match, satchel_error *err)
{
    struct sat_call call;
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key));
    if (code != SATCHEL_OK)
        return code;
    code = sat_call_delete(&call, store, key, if_match, err);
    if (code == SATCHEL_OK)
        code = sat_op_run(&call.op, err);
    return sat_call_end(&call, code, err);
}

/* One DELETE_MANY of full keys; every result is filled. */
static void delete_chunk(satchel_store *store, char *const *keys, size_t count,
                         satchel_error *results)
{
    struct sat_op op = {
        .kind = SAT_OP_DELETE_MANY,
        .conn = store->conn,
        .many = {.keys = (const char *const *)keys, .count = count},
    };
    satchel_error why = {0};
    int code = sat_op_run(&op, &why);
    for (size_t i = 0; i < count; i++) {
        results[i] = why;
        if (code == SATCHEL_OK && op.many_result[i].code != SATCHEL_OK)
            sat_error_set(&results[i], op.many_result[i].code, "deleting '%s': %s", keys[i],
                          op.many_result[i].text);
        (void)sat_api_done(results[i].code, &results[i]);
    }
    sat_op_fini(&op);
}

static int delete_keys(satchel_store *store, const char *const *keys, size_t count,
                       satchel_error *results, satchel_error *err)
{
    int code = SATCHEL_OK;
    char **full = sat_calloc(count, sizeof *full);
    if (full == NULL)
        return sat_error_nomem(err);
    for (size_t i = 0; i < count && code == SATCHEL_OK; i++) {
        full[i] = sat_store_key(store, keys[i]);
        code = full[i] == NULL ? sat_error_nomem(err) : SATCHEL_OK;
    }
    if (code == SATCHEL_OK)
        delete_chunk(store, full, count, results);
    for (size_t i = 0; i < count; i++)
        sat_free(full[i]);
    sat_free(full);
    return code;
}

/* A NULL among many keys is found before anything is deleted. */
static int check_keys(const char *const *keys, size_t count, satchel_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (keys[i] == NULL || *keys[i] == '\0')
            return sat_error_set(err, SATCHEL_INVALID, "satchel_delete_many: keys[%zu] is %s", i,
                                 keys[i] == NULL ? "NULL" : "empty");
    }
    return SATCHEL_OK;
}

int satchel_delete_many(satchel_store *store, const char *const *keys, size_t count,
                        satchel_error *results, satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(store));
    if (code != SATCHEL_OK || count == 0)
        return code;
    code = SAT_CHECK(err, SAT_ARG(keys), SAT_ARG(results));
    if (code == SATCHEL_OK)
        code = check_keys(keys, count, err);
    if (code != SATCHEL_OK)
        return code;
    size_t max = store->conn->backend->limits.delete_many_max;
    if (max == 0)
        max = count;
    for (size_t at = 0; at < count && code == SATCHEL_OK; at += max) {
        size_t left = count - at;
        code = delete_keys(store, keys + at, left < max ? left : max, results + at, err);
    }
    for (size_t i = 0; i < count && code == SATCHEL_OK; i++)
        code = sat_error_copy(err, &results[i]);
    return sat_api_done(code, err);
}

/* ---- tags */

int satchel_tags_get(satchel_store *store, const char *key, satchel_pairs *tags, satchel_error *err)
{
    struct sat_call call;
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key), SAT_ARG(tags));
    if (code != SATCHEL_OK)
        return code;
    memset(tags, 0, sizeof *tags);
    code = sat_call_begin(&call, store, SAT_OP_TAGS_GET, key, err);
    if (code == SATCHEL_OK)
        code = sat_call_tags(&call, sat_op_run(&call.op, err), tags, err);
    return sat_call_end(&call, code, err);
}

int satchel_tags_set(satchel_store *store, const char *key, const satchel_pair *tags, size_t count,
                     satchel_error *err)
{
    struct sat_call call;
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key));
    if (code != SATCHEL_OK)
        return code;
    code = sat_call_tags_set(&call, store, key, tags, count, err);
    if (code == SATCHEL_OK)
        code = sat_op_run(&call.op, err);
    return sat_call_end(&call, code, err);
}
