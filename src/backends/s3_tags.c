/* Object tagging: GetObjectTagging and PutObjectTagging. */
#include <string.h>

#include "backends/s3.h"
#include "core/error.h"
#include "core/str.h"

/* The reply while it is read. */
struct tags_parse {
    struct sat_tags *tags;
    struct sat_buf key;
    struct sat_buf value;
};

/* Tags are not part of what an ETag stands for: S3 has no conditions on them. */
static int target(const void *state, const struct sat_op *op, struct sat_request *request,
                  const char *method, satchel_error *err)
{
    const struct sat_s3 *s3 = state;
    if (op->if_match != NULL)
        return sat_error_set(err, SATCHEL_UNSUPPORTED, "s3:// has no conditional %s",
                             sat_op_kind_text(op->kind));
    sat_s3_query(request, "tagging", "");
    return sat_s3_target(s3, request, method, s3->bucket, op->key, err);
}

/* ---- tags_get */

int sat_s3_tags_get_build(const void *state, const struct sat_op *op, struct sat_request *request,
                          satchel_error *err)
{
    return target(state, op, request, "GET", err);
}

static int keep(struct sat_buf *buf, const struct sat_xml_node *node, satchel_error *err)
{
    sat_buf_reset(buf);
    (void)sat_buf_add(buf, node->text, node->len);
    return sat_buf_check(buf, "tag", err);
}

/* An empty or repeated key is no Tagging that S3 would send: CORRUPT, not the caller's INVALID. */
static int on_tag_element(void *user, const struct sat_xml_node *node, satchel_error *err)
{
    struct tags_parse *parse = user;
    if (sat_str_eq(node->path, "Tagging/TagSet/Tag/Key"))
        return keep(&parse->key, node, err);
    if (sat_str_eq(node->path, "Tagging/TagSet/Tag/Value"))
        return keep(&parse->value, node, err);
    if (!sat_str_eq(node->path, "Tagging/TagSet/Tag"))
        return SATCHEL_OK;
    int code =
        sat_tags_add(parse->tags, sat_buf_span(&parse->key), sat_buf_span(&parse->value), err);
    sat_buf_reset(&parse->key);
    sat_buf_reset(&parse->value);
    return code == SATCHEL_INVALID ? SATCHEL_CORRUPT : code;
}

void sat_s3_tags_get_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                            struct sat_verdict *verdict, satchel_error *err)
{
    struct tags_parse parse = {.tags = &op->found_tags};
    const struct sat_s3_document tagging = {"Tagging", on_tag_element, &parse};
    sat_tags_fini(&op->found_tags);
    sat_buf_init(&parse.key, SAT_XML_TEXT_MAX);
    sat_buf_init(&parse.value, SAT_XML_TEXT_MAX);
    sat_s3_accept_xml(state, op, reply, &tagging, verdict, err);
    if (verdict->code != SATCHEL_OK)
        sat_tags_fini(&op->found_tags);
    sat_buf_fini(&parse.key);
    sat_buf_fini(&parse.value);
}

/* ---- tags_set */

static int add_tag(struct sat_buf *body, const struct sat_tag *tag, satchel_error *err)
{
    (void)sat_buf_add_str(body, "<Tag><Key>");
    int code = sat_xml_escape(body, sat_span_of(tag->key), err);
    (void)sat_buf_add_str(body, "</Key><Value>");
    if (code == SATCHEL_OK)
        code = sat_xml_escape(body, sat_span_of(tag->value), err);
    (void)sat_buf_add_str(body, "</Value></Tag>");
    return code;
}

int sat_s3_tags_set_build(const void *state, const struct sat_op *op, struct sat_request *request,
                          satchel_error *err)
{
    struct sat_buf *body = &request->body;
    size_t count = op->tags == NULL ? 0 : sat_tags_count(op->tags);
    int code = target(state, op, request, "PUT", err);
    (void)sat_buf_add_str(body, "<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                                "<TagSet>");
    for (size_t i = 0; code == SATCHEL_OK && i < count; i++)
        code = add_tag(body, sat_tags_at(op->tags, i), err);
    (void)sat_buf_add_str(body, "</TagSet></Tagging>");
    return code == SATCHEL_OK ? sat_s3_xml_body(request, err) : code;
}
