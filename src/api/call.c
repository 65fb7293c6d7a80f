/* What the blocking and the submitting functions on one object have in common. */
#include "api/call.h"

#include <string.h>

#include "api/api.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/str.h"

int sat_call_begin(struct sat_call *call, const satchel_store *store, enum sat_op_kind kind,
                   const char *key, satchel_error *err)
{
    memset(call, 0, sizeof *call);
    call->key = sat_store_key(store, key);
    call->op.kind = kind;
    call->op.conn = store->conn;
    call->op.key = call->key;
    return call->key == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

int sat_call_get(struct sat_call *call, const satchel_store *store, const char *key,
                 uint64_t offset, uint64_t length, satchel_error *err)
{
    int code = sat_call_begin(call, store, SAT_OP_GET, key, err);
    sat_buf_init(&call->memory, store->max_memory);
    call->op.sink = sat_sink_memory(&call->memory);
    call->op.range_offset = offset;
    call->op.range_length = length;
    return code;
}

/* A copy of a text of the caller's that may be NULL, for the call and for its op. */
static int keep(const char *text, char **kept, const char **used, satchel_error *err)
{
    *kept = text == NULL ? NULL : sat_strdup(text);
    *used = *kept;
    return text != NULL && *kept == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

static int keep_pairs(const char *what, const satchel_pair *pairs, size_t count,
                      struct sat_tags *kept, const struct sat_tags **used, satchel_error *err)
{
    int code = sat_api_tags(what, pairs, count, kept, err);
    *used = sat_tags_count(kept) > 0 ? kept : NULL;
    return code;
}

int sat_call_put(struct sat_call *call, const satchel_store *store, const char *key,
                 satchel_span data, const satchel_put_options *options, satchel_error *err)
{
    satchel_put_options used;
    struct sat_op *op = &call->op;
    int code = sat_call_begin(call, store, SAT_OP_PUT, key, err);
    if (code == SATCHEL_OK && data.data == NULL && data.len > 0)
        code = sat_error_set(err, SATCHEL_INVALID, "data is NULL, and its length %zu", data.len);
    if (code == SATCHEL_OK)
        code = sat_api_struct(SAT_STRUCT(satchel_put_options), options, &used, err);
    if (code != SATCHEL_OK)
        return code;
    if (used.if_absent && used.if_match != NULL)
        return sat_error_set(err, SATCHEL_INVALID, "if_absent and if_match exclude each other");
    op->source = sat_source_span(data);
    op->if_absent = used.if_absent != 0;
    code = keep(used.if_match, &call->if_match, &op->if_match, err);
    if (code == SATCHEL_OK)
        code = keep(used.content_type, &call->content_type, &op->content_type, err);
    if (code == SATCHEL_OK)
        code = keep(used.storage_class, &call->storage_class, &op->storage_class, err);
    if (code == SATCHEL_OK)
        code = keep_pairs("metadata", used.metadata, used.metadata_count, &call->metadata,
                          &op->metadata, err);
    if (code == SATCHEL_OK)
        code = keep_pairs("tags", used.tags, used.tag_count, &call->tags, &op->tags, err);
    return code;
}

int sat_call_delete(struct sat_call *call, const satchel_store *store, const char *key,
                    const char *if_match, satchel_error *err)
{
    int code = sat_call_begin(call, store, SAT_OP_DELETE, key, err);
    return code == SATCHEL_OK ? keep(if_match, &call->if_match, &call->op.if_match, err) : code;
}

int sat_call_tags_set(struct sat_call *call, const satchel_store *store, const char *key,
                      const satchel_pair *tags, size_t count, satchel_error *err)
{
    int code = sat_call_begin(call, store, SAT_OP_TAGS_SET, key, err);
    call->op.tags = &call->tags; /* an empty list takes all tags away */
    return code == SATCHEL_OK ? sat_api_tags("tags", tags, count, &call->tags, err) : code;
}

/* ---- results */

int sat_call_bytes(struct sat_call *call, int code, satchel_buf *out, satchel_error *err)
{
    struct sat_buf *memory = &call->memory;
    if (code == SATCHEL_LIMIT && memory->failed == SATCHEL_LIMIT)
        return sat_error_set(err, code,
                             "'%s' is over max_memory (%zu bytes): get it to a file, or in ranges",
                             call->key, memory->max);
    if (code != SATCHEL_OK || memory->len == 0)
        return code;
    out->data = sat_buf_take(memory, &out->len);
    return out->data == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

int sat_call_info(struct sat_call *call, int code, satchel_info *out, satchel_error *err)
{
    struct sat_info *from = &call->op.info;
    satchel_info made = {.size = from->size, .mtime_ns = from->mtime_ns};
    if (code != SATCHEL_OK)
        return code;
    made.etag = from->etag == NULL ? sat_strdup("") : from->etag;
    made.content_type = from->content_type;
    from->etag = NULL;
    from->content_type = NULL;
    code = made.etag == NULL ? sat_error_nomem(err) : SATCHEL_OK;
    if (code == SATCHEL_OK)
        code = sat_api_pairs(&from->metadata, &made.metadata, err);
    if (code == SATCHEL_OK)
        *out = made;
    else
        satchel_info_free(&made);
    return code;
}

int sat_call_tags(struct sat_call *call, int code, satchel_pairs *out, satchel_error *err)
{
    return code == SATCHEL_OK ? sat_api_pairs(&call->op.found_tags, out, err) : code;
}

int sat_call_end(struct sat_call *call, int code, satchel_error *err)
{
    sat_op_fini(&call->op);
    sat_buf_fini(&call->memory);
    sat_tags_fini(&call->metadata);
    sat_tags_fini(&call->tags);
    sat_free(call->content_type);
    sat_free(call->storage_class);
    sat_free(call->if_match);
    sat_free(call->key);
    return sat_api_done(code, err);
}
