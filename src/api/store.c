/* The public functions on the objects of a store: argument checks, one op, the result handed out.
 */
#include <satchel/store.h>

#include <string.h>

#include "api/api.h"
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

/* An op on one object; the caller frees *full after the op's end. */
static int begin(const satchel_store *store, enum sat_op_kind kind, const char *key,
                 struct sat_op *op, char **full, satchel_error *err)
{
    *full = sat_store_key(store, key);
    if (*full == NULL)
        return sat_error_nomem(err);
    *op = (struct sat_op){.kind = kind, .conn = store->conn, .key = *full};
    return SATCHEL_OK;
}

static int end(struct sat_op *op, int code, satchel_error *err)
{
    sat_op_fini(op);
    return sat_api_done(code, err);
}

/* ---- reading */

static int get_bytes(satchel_store *store, struct sat_op *op, satchel_buf *out, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf memory;
    sat_buf_init(&memory, store->max_memory);
    op->sink = sat_sink_memory(&memory);
    int code = sat_op_run(op, err);
    if (code == SATCHEL_LIMIT && memory.failed == SATCHEL_LIMIT)
        return sat_error_set(err, code,
                             "'%s' is over max_memory (%llu bytes): get it to a file, or in ranges",
                             op->key, (unsigned long long)store->max_memory);
    if (code != SATCHEL_OK || memory.len == 0)
        return code;
    out->data = sat_buf_take(&memory, &out->len);
    return out->data == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

int satchel_get_range(satchel_store *store, const char *key, uint64_t offset, uint64_t length,
                      satchel_buf *out, satchel_error *err)
{
    SAT_AUTO_FREE char *full = NULL;
    struct sat_op op;
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key), SAT_ARG(out));
    if (code == SATCHEL_OK)
        code = begin(store, SAT_OP_GET, key, &op, &full, err);
    if (code != SATCHEL_OK)
        return code;
    memset(out, 0, sizeof *out);
    op.range_offset = offset;
    op.range_length = length;
    code = get_bytes(store, &op, out, err);
    return end(&op, code, err);
}

int satchel_get(satchel_store *store, const char *key, satchel_buf *out, satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key), SAT_ARG(out));
    return code == SATCHEL_OK ? satchel_get_range(store, key, 0, 0, out, err) : code;
}

int satchel_get_to_file(satchel_store *store, const char *key, const char *path, satchel_error *err)
{
    SAT_AUTO_FREE char *full = NULL;
    struct sat_op op;
    struct sat_landing landing;
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key), SAT_ARG(path));
    if (code == SATCHEL_OK)
        code = begin(store, SAT_OP_GET, key, &op, &full, err);
    if (code == SATCHEL_OK)
        code = sat_landing_begin(path, 0, (enum sat_landing_durability)store->durability, &landing,
                                 err);
    if (code != SATCHEL_OK)
        return sat_api_done(code, err);
    code = sat_object_get_file(&op, &landing, err);
    if (code == SATCHEL_OK)
        code = sat_landing_commit(&landing, op.sink.received, false, err);
    else
        sat_landing_abort(&landing);
    return end(&op, code, err);
}

/* ---- storing */

/* What the caller's options are to an op. */
struct put {
    satchel_put_options options;
    struct sat_tags metadata;
    struct sat_tags tags;
};

static int read_options(const satchel_put_options *given, struct put *put, satchel_error *err)
{
    memset(put, 0, sizeof *put);
    const satchel_put_options *options = &put->options;
    int code = sat_api_struct(SAT_STRUCT(satchel_put_options), given, &put->options, err);
    if (code == SATCHEL_OK && options->if_absent && options->if_match != NULL)
        code = sat_error_set(err, SATCHEL_INVALID, "if_absent and if_match exclude each other");
    if (code == SATCHEL_OK)
        code = sat_api_tags("metadata", options->metadata, options->metadata_count, &put->metadata,
                            err);
    if (code == SATCHEL_OK)
        code = sat_api_tags("tags", options->tags, options->tag_count, &put->tags, err);
    return code;
}

static void put_fini(struct put *put)
{
    sat_tags_fini(&put->metadata);
    sat_tags_fini(&put->tags);
}

/* A PUT with everything but its source. */
static int begin_put(const satchel_store *store, const char *key, const struct put *put,
                     struct sat_op *op, char **full, satchel_error *err)
{
    int code = begin(store, SAT_OP_PUT, key, op, full, err);
    if (code != SATCHEL_OK)
        return code;
    op->if_absent = put->options.if_absent != 0;
    op->if_match = put->options.if_match;
    op->content_type = put->options.content_type;
    op->metadata = sat_tags_count(&put->metadata) > 0 ? &put->metadata : NULL;
    op->tags = sat_tags_count(&put->tags) > 0 ? &put->tags : NULL;
    return SATCHEL_OK;
}

int satchel_put(satchel_store *store, const char *key, satchel_span data,
                const satchel_put_options *options, satchel_error *err)
{
    SAT_AUTO_FREE char *full = NULL;
    struct sat_op op;
    struct put put;
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key));
    if (code == SATCHEL_OK && data.data == NULL && data.len > 0)
        code = sat_error_set(err, SATCHEL_INVALID, "satchel_put: data is NULL");
    if (code != SATCHEL_OK)
        return code;
    code = read_options(options, &put, err);
    if (code == SATCHEL_OK)
        code = begin_put(store, key, &put, &op, &full, err);
    if (code == SATCHEL_OK) {
        op.source = sat_source_span(data);
        code = sat_op_run(&op, err);
        sat_op_fini(&op);
    }
    put_fini(&put);
    return sat_api_done(code, err);
}

int satchel_put_file(satchel_store *store, const char *key, const char *path,
                     const satchel_put_options *options, satchel_error *err)
{
    SAT_AUTO_FREE char *full = NULL;
    struct sat_local_file file = {.fd = -1};
    struct sat_op op;
    struct put put;
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key), SAT_ARG(path));
    if (code != SATCHEL_OK)
        return code;
    code = read_options(options, &put, err);
    if (code == SATCHEL_OK)
        code = sat_local_file_open(path, &file, err);
    if (code == SATCHEL_OK)
        code = begin_put(store, key, &put, &op, &full, err);
    if (code == SATCHEL_OK) {
        code = sat_object_put_file(&op, &file, err);
        sat_op_fini(&op);
    }
    sat_local_file_close(&file);
    put_fini(&put);
    return sat_api_done(code, err);
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

static int hand_out_info(struct sat_info *from, satchel_info *to, satchel_error *err)
{
    satchel_info made = {.size = from->size, .mtime_ns = from->mtime_ns};
    made.etag = from->etag == NULL ? sat_strdup("") : from->etag;
    made.content_type = from->content_type;
    from->etag = NULL;
    from->content_type = NULL;
    int code = made.etag == NULL ? sat_error_nomem(err) : SATCHEL_OK;
    if (code == SATCHEL_OK)
        code = sat_api_pairs(&from->metadata, &made.metadata, err);
    if (code == SATCHEL_OK)
        *to = made;
    else
        satchel_info_free(&made);
    return code;
}

int satchel_stat(satchel_store *store, const char *key, satchel_info *info, satchel_error *err)
{
    SAT_AUTO_FREE char *full = NULL;
    struct sat_op op;
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key), SAT_ARG(info));
    if (code == SATCHEL_OK)
        code = begin(store, SAT_OP_STAT, key, &op, &full, err);
    if (code != SATCHEL_OK)
        return code;
    memset(info, 0, sizeof *info);
    code = sat_op_run(&op, err);
    if (code == SATCHEL_OK)
        code = hand_out_info(&op.info, info, err);
    return end(&op, code, err);
}

int satchel_delete(satchel_store *store, const char *key, const char *if_match, satchel_error *err)
{
    SAT_AUTO_FREE char *full = NULL;
    struct sat_op op;
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key));
    if (code == SATCHEL_OK)
        code = begin(store, SAT_OP_DELETE, key, &op, &full, err);
    if (code != SATCHEL_OK)
        return code;
    op.if_match = if_match;
    code = sat_op_run(&op, err);
    return end(&op, code, err);
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
    SAT_AUTO_FREE char *full = NULL;
    struct sat_op op;
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key), SAT_ARG(tags));
    if (code == SATCHEL_OK)
        code = begin(store, SAT_OP_TAGS_GET, key, &op, &full, err);
    if (code != SATCHEL_OK)
        return code;
    memset(tags, 0, sizeof *tags);
    code = sat_op_run(&op, err);
    if (code == SATCHEL_OK)
        code = sat_api_pairs(&op.found_tags, tags, err);
    return end(&op, code, err);
}

int satchel_tags_set(satchel_store *store, const char *key, const satchel_pair *tags, size_t count,
                     satchel_error *err)
{
    SAT_AUTO_FREE char *full = NULL;
    struct sat_tags wanted = {0};
    struct sat_op op;
    int code = SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key));
    if (code == SATCHEL_OK)
        code = sat_api_tags("tags", tags, count, &wanted, err);
    if (code == SATCHEL_OK)
        code = begin(store, SAT_OP_TAGS_SET, key, &op, &full, err);
    if (code == SATCHEL_OK) {
        op.tags = &wanted;
        code = sat_op_run(&op, err);
        sat_op_fini(&op);
    }
    sat_tags_fini(&wanted);
    return sat_api_done(code, err);
}
