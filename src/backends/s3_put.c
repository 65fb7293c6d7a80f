/* Writing objects: PUT and PART_PUT, and what the other writes have in common with them. */
#include <stdio.h>
#include <string.h>

#include "backends/s3.h"
#include "core/alloc.h"
#include "core/crc.h"
#include "core/error.h"
#include "core/str.h"

/* Tags in the write itself: a second request could fail and leave the object without. */
static int add_tags(const struct sat_op *op, struct sat_request *request, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, SAT_BUF_MAX_TEXT);
    if (op->tags == NULL || sat_tags_count(op->tags) == 0)
        return SATCHEL_OK;
    (void)sat_tags_encode(&text, op->tags);
    int code = sat_buf_check(&text, "x-amz-tagging", err);
    return code == SATCHEL_OK ? sat_s3_header(request, "x-amz-tagging", sat_buf_str(&text), err)
                              : code;
}

int sat_s3_class_header(const struct sat_s3 *s3, const struct sat_op *op,
                        struct sat_request *request, satchel_error *err)
{
    const char *name = op->storage_class != NULL ? op->storage_class : s3->storage_class;
    return *name == '\0' ? SATCHEL_OK : sat_s3_header(request, "x-amz-storage-class", name, err);
}

int sat_s3_object_headers(const struct sat_s3 *s3, const struct sat_op *op,
                          struct sat_request *request, satchel_error *err)
{
    int code = sat_s3_class_header(s3, op, request, err);
    if (code == SATCHEL_OK && op->content_type != NULL)
        code = sat_s3_header(request, "Content-Type", op->content_type, err);
    if (code == SATCHEL_OK)
        code = add_tags(op, request, err);
    return code == SATCHEL_OK ? sat_s3_metadata(request, op->metadata, err) : code;
}

int sat_s3_condition_headers(const struct sat_op *op, struct sat_request *request,
                             satchel_error *err)
{
    int code = SATCHEL_OK;
    if (op->if_match != NULL)
        code = sat_s3_etag_header(request, "If-Match", op->if_match, err);
    if (code == SATCHEL_OK && op->if_absent)
        code = sat_s3_header(request, "If-None-Match", "*", err);
    return code;
}

int sat_s3_crc64_header(struct sat_request *request, uint64_t crc64, satchel_error *err)
{
    char text[SAT_CRC64_BASE64_SIZE];
    sat_crc64_base64(crc64, text);
    return sat_s3_header(request, "x-amz-checksum-crc64nvme", text, err);
}

/* The checksum is a header, computed before: compatible stores often refuse it as a trailer. */
int sat_s3_put_build(const void *state, const struct sat_op *op, struct sat_request *request,
                     satchel_error *err)
{
    const struct sat_s3 *s3 = state;
    int code = sat_s3_target(s3, request, "PUT", s3->bucket, op->key, err);
    request->body_is_source = true;
    if (code == SATCHEL_OK)
        code = sat_s3_condition_headers(op, request, err);
    if (code == SATCHEL_OK)
        code = sat_s3_object_headers(s3, op, request, err);
    if (code == SATCHEL_OK && request->has_crc64)
        code = sat_s3_crc64_header(request, request->crc64, err);
    return code;
}

int sat_s3_part_put_build(const void *state, const struct sat_op *op, struct sat_request *request,
                          satchel_error *err)
{
    const struct sat_s3 *s3 = state;
    sat_s3_part_query(op, request);
    int code = sat_s3_target(s3, request, "PUT", s3->bucket, op->key, err);
    request->body_is_source = true;
    if (code == SATCHEL_OK && request->has_crc64)
        code = sat_s3_crc64_header(request, request->crc64, err);
    return code;
}

/* What the service says it stored is in op->info: core compares it with what was sent. */
void sat_s3_put_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                       struct sat_verdict *verdict, satchel_error *err)
{
    if (reply->status == 200)
        sat_s3_accept_info(state, op, reply, verdict, err);
    else
        sat_s3_refuse(state, op, reply, verdict, err);
    op->info.size = op->source.length;
}

int sat_s3_take_result(struct sat_info *info, const struct sat_xml_node *node, satchel_error *err)
{
    if (sat_str_eq(node->name, "ETag")) {
        satchel_span etag = sat_s3_etag(node->text);
        sat_free(info->etag);
        info->etag = sat_strndup(etag.data, etag.len);
        if (info->etag == NULL)
            return sat_error_nomem(err);
    } else if (sat_str_eq(node->name, "ChecksumCRC64NVME")) {
        info->has_crc64 =
            sat_crc64_from_base64((satchel_span){node->text, node->len}, &info->crc64);
    }
    return SATCHEL_OK;
}
