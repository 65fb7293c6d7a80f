/*
 * Multipart uploads: CreateMultipartUpload, CompleteMultipartUpload, AbortMultipartUpload. The
 * checksum is of the whole object (x-amz-checksum-type FULL_OBJECT), combined from the parts'.
 */
#include <stdio.h>
#include <string.h>

#include "backends/s3.h"
#include "core/alloc.h"
#include "core/crc.h"
#include "core/error.h"
#include "core/str.h"

void sat_s3_part_query(const struct sat_op *op, struct sat_request *request)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%u", op->part.number);
    sat_s3_query(request, "partNumber", number);
    sat_s3_query(request, "uploadId", op->part.upload_id);
}

/* ---- begin */

int sat_s3_part_begin_build(const void *state, const struct sat_op *op, struct sat_request *request,
                            satchel_error *err)
{
    const struct sat_s3 *s3 = state;
    bool checksums = s3->checksums && op->part.has_crc64;
    sat_s3_query(request, "uploads", "");
    int code = sat_s3_target(s3, request, "POST", s3->bucket, op->key, err);
    if (code == SATCHEL_OK)
        code = sat_s3_object_headers(s3, op, request, err);
    if (code == SATCHEL_OK && checksums)
        code = sat_s3_header(request, "x-amz-checksum-algorithm", "CRC64NVME", err);
    if (code == SATCHEL_OK && checksums)
        code = sat_s3_header(request, "x-amz-checksum-type", "FULL_OBJECT", err);
    return code;
}

static int on_begin_element(void *user, const struct sat_xml_node *node, satchel_error *err)
{
    struct sat_op *op = user;
    if (!sat_str_eq(node->path, "InitiateMultipartUploadResult/UploadId") || node->len == 0)
        return SATCHEL_OK;
    sat_free(op->upload_id);
    op->upload_id = sat_strndup(node->text, node->len);
    return op->upload_id == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

void sat_s3_part_begin_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                              struct sat_verdict *verdict, satchel_error *err)
{
    const struct sat_s3_document document = {"InitiateMultipartUploadResult", on_begin_element, op};
    sat_s3_accept_xml(state, op, reply, &document, verdict, err);
    if (verdict->code == SATCHEL_OK && op->upload_id == NULL)
        sat_s3_not_s3(state, op, reply, "no UploadId", verdict, err);
}

/* ---- finish */

static int add_part(struct sat_buf *body, const struct sat_part *part, satchel_error *err)
{
    char crc64[SAT_CRC64_BASE64_SIZE];
    (void)sat_buf_addf(body, "<Part><PartNumber>%u</PartNumber><ETag>\"", part->number);
    int code = sat_xml_escape(body, sat_span_of(part->etag), err);
    (void)sat_buf_add_str(body, "\"</ETag>");
    if (part->has_crc64) {
        sat_crc64_base64(part->crc64, crc64);
        (void)sat_buf_addf(body, "<ChecksumCRC64NVME>%s</ChecksumCRC64NVME>", crc64);
    }
    (void)sat_buf_add_str(body, "</Part>");
    return code;
}

int sat_s3_part_finish_build(const void *state, const struct sat_op *op,
                             struct sat_request *request, satchel_error *err)
{
    const struct sat_s3 *s3 = state;
    struct sat_buf *body = &request->body;
    sat_s3_query(request, "uploadId", op->part.upload_id);
    int code = sat_s3_target(s3, request, "POST", s3->bucket, op->key, err);
    if (code == SATCHEL_OK)
        code = sat_s3_condition_headers(op, request, err);
    if (code == SATCHEL_OK && op->part.has_crc64)
        code = sat_s3_crc64_header(request, op->part.crc64, err);
    if (code == SATCHEL_OK && op->part.has_crc64)
        code = sat_s3_header(request, "x-amz-checksum-type", "FULL_OBJECT", err);
    if (code == SATCHEL_OK)
        code = sat_s3_header(request, "Content-Type", "application/xml", err);
    (void)sat_buf_add_str(
        body, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (size_t i = 0; code == SATCHEL_OK && i < op->part.count; i++)
        code = add_part(body, &op->part.list[i], err);
    (void)sat_buf_add_str(body, "</CompleteMultipartUpload>");
    return code == SATCHEL_OK ? sat_buf_check(body, "body of the request", err) : code;
}

static int on_finish_element(void *user, const struct sat_xml_node *node, satchel_error *err)
{
    return node->depth == 2 ? sat_s3_take_result(user, node, err) : SATCHEL_OK;
}

/* A 200 may carry an <Error>, or nothing: only the document with the new ETag is a success. */
void sat_s3_part_finish_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                               struct sat_verdict *verdict, satchel_error *err)
{
    const struct sat_s3_document document = {"CompleteMultipartUploadResult", on_finish_element,
                                             &op->info};
    sat_info_fini(&op->info);
    sat_s3_accept_xml(state, op, reply, &document, verdict, err);
    if (verdict->code == SATCHEL_OK && op->info.etag == NULL)
        sat_s3_not_s3(state, op, reply, "no ETag", verdict, err);
}

/* ---- abort */

int sat_s3_part_abort_build(const void *state, const struct sat_op *op, struct sat_request *request,
                            satchel_error *err)
{
    const struct sat_s3 *s3 = state;
    sat_s3_query(request, "uploadId", op->part.upload_id);
    return sat_s3_target(s3, request, "DELETE", s3->bucket, op->key, err);
}

/* An upload that is gone already, by an attempt whose reply was lost, is aborted. */
void sat_s3_part_abort_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                              struct sat_verdict *verdict, satchel_error *err)
{
    char code[64];
    bool gone = reply->status == 404 && sat_s3_error_code(reply, code, sizeof code) &&
                sat_str_eq(code, "NoSuchUpload");
    if (gone)
        *verdict = (struct sat_verdict){.code = SATCHEL_OK};
    else
        sat_s3_accept_empty(state, op, reply, verdict, err);
}
