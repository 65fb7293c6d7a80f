/* Copies within the service: CopyObject and UploadPartCopy. The bytes never leave it. */
#include <inttypes.h>
#include <stdio.h>

#include "backends/s3.h"
#include "core/error.h"
#include "core/str.h"

/* "/bucket/key", encoded as a path is. */
static int add_source(const struct sat_s3 *s3, const struct sat_op *op, struct sat_request *request,
                      satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, SAT_REQUEST_TEXT_MAX);
    (void)sat_buf_add_char(&text, '/');
    const char *bucket = op->from.bucket != NULL ? op->from.bucket : s3->bucket;
    (void)sat_uri_encode(&text, sat_span_of(bucket), false);
    (void)sat_buf_add_char(&text, '/');
    (void)sat_uri_encode(&text, sat_span_of(op->from.key), true);
    int code = sat_buf_check(&text, "x-amz-copy-source", err);
    if (code == SATCHEL_OK)
        code = sat_s3_header(request, "x-amz-copy-source", sat_buf_str(&text), err);
    if (code == SATCHEL_OK && op->from.if_match != NULL)
        code = sat_s3_etag_header(request, "x-amz-copy-source-if-match", op->from.if_match, err);
    return code;
}

/* Type, metadata and tags come along: COPY is the service's own default for both directives. */
int sat_s3_copy_build(const void *state, const struct sat_op *op, struct sat_request *request,
                      satchel_error *err)
{
    const struct sat_s3 *s3 = state;
    int code = sat_s3_target(s3, request, "PUT", s3->bucket, op->key, err);
    if (code == SATCHEL_OK)
        code = add_source(s3, op, request, err);
    if (code == SATCHEL_OK)
        code = sat_s3_condition_headers(op, request, err);
    if (code == SATCHEL_OK)
        code = sat_s3_class_header(s3, op, request, err);
    if (code == SATCHEL_OK && s3->checksums)
        code = sat_s3_header(request, "x-amz-checksum-algorithm", "CRC64NVME", err);
    return code;
}

int sat_s3_part_copy_build(const void *state, const struct sat_op *op, struct sat_request *request,
                           satchel_error *err)
{
    const struct sat_s3 *s3 = state;
    char range[64];
    sat_s3_part_query(op, request);
    int code = sat_s3_target(s3, request, "PUT", s3->bucket, op->key, err);
    if (code == SATCHEL_OK)
        code = add_source(s3, op, request, err);
    if (code != SATCHEL_OK)
        return code;
    (void)snprintf(range, sizeof range, "bytes=%" PRIu64 "-%" PRIu64, op->range_offset,
                   op->range_offset + op->range_length - 1);
    return sat_s3_header(request, "x-amz-copy-source-range", range, err);
}

static int on_copy_element(void *user, const struct sat_xml_node *node, satchel_error *err)
{
    return node->depth == 2 ? sat_s3_take_result(user, node, err) : SATCHEL_OK;
}

/*
 * A 200 is sent before the work is done: an <Error> may follow in its body. A source that was
 * overwritten meanwhile is MODIFIED, not a condition of the destination that failed.
 */
void sat_s3_copy_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                        struct sat_verdict *verdict, satchel_error *err)
{
    bool part = op->kind == SAT_OP_PART_COPY;
    const struct sat_s3_document document = {part ? "CopyPartResult" : "CopyObjectResult",
                                             on_copy_element, &op->info};
    sat_info_fini(&op->info);
    sat_s3_accept_xml(state, op, reply, &document, verdict, err);
    if (verdict->code == SATCHEL_OK && op->info.etag == NULL)
        sat_s3_not_s3(state, op, reply, "no ETag", verdict, err);
    bool unconditional = op->if_match == NULL && !op->if_absent;
    if (verdict->code == SATCHEL_CONFLICT && op->from.if_match != NULL && unconditional)
        verdict->code = sat_error_set(
            err, SATCHEL_MODIFIED, "'%.200s' changed while it was copied: try again", op->from.key);
}
