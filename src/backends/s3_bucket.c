/* Buckets: create, delete, look for, list. */
#include <string.h>

#include "backends/s3.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/str.h"

/* The region that has no name in a LocationConstraint. */
#define NAMELESS_REGION "us-east-1"

/* The bucket of the op may be any: its name is checked here, the connection's was at open. */
static int target(const void *state, const struct sat_op *op, struct sat_request *request,
                  const char *method, satchel_error *err)
{
    const char *bucket = sat_s3_bucket_of(state, op);
    int code = sat_s3_bucket_check(bucket, err);
    return code == SATCHEL_OK ? sat_s3_target(state, request, method, bucket, NULL, err) : code;
}

/* ---- create, delete, stat */

int sat_s3_bucket_create_build(const void *state, const struct sat_op *op,
                               struct sat_request *request, satchel_error *err)
{
    const struct sat_s3 *s3 = state;
    int code = target(state, op, request, "PUT", err);
    if (code != SATCHEL_OK || sat_str_eq(s3->region, NAMELESS_REGION))
        return code;
    (void)sat_buf_add_str(&request->body, "<CreateBucketConfiguration "
                                          "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                                          "<LocationConstraint>");
    code = sat_xml_escape(&request->body, sat_span_of(s3->region), err);
    (void)sat_buf_add_str(&request->body, "</LocationConstraint></CreateBucketConfiguration>");
    return code == SATCHEL_OK ? sat_s3_xml_body(request, err) : code;
}

int sat_s3_bucket_delete_build(const void *state, const struct sat_op *op,
                               struct sat_request *request, satchel_error *err)
{
    return target(state, op, request, "DELETE", err);
}

int sat_s3_bucket_stat_build(const void *state, const struct sat_op *op,
                             struct sat_request *request, satchel_error *err)
{
    return target(state, op, request, "HEAD", err);
}

/* ---- bucket_list */

/* The reply while it is read. */
struct buckets_parse {
    struct sat_page *page;
    struct sat_buf name;
    struct sat_entry row;
};

int sat_s3_bucket_list_build(const void *state, const struct sat_op *op,
                             struct sat_request *request, satchel_error *err)
{
    sat_s3_query(request, "continuation-token", op->list.token);
    return sat_s3_target(state, request, "GET", NULL, NULL, err);
}

static int add_bucket(struct buckets_parse *parse, satchel_error *err)
{
    if (parse->name.len == 0)
        return sat_error_set(err, SATCHEL_CORRUPT, "a bucket has no name");
    int code = sat_page_add(parse->page, sat_buf_span(&parse->name), NULL, &parse->row);
    parse->row = (struct sat_entry){0};
    sat_buf_reset(&parse->name);
    if (code == SATCHEL_LIMIT)
        return sat_error_set(err, code, "the list of buckets is too long");
    return code == SATCHEL_OK ? code : sat_error_nomem(err);
}

static int on_bucket_element(void *user, const struct sat_xml_node *node, satchel_error *err)
{
    struct buckets_parse *parse = user;
    if (sat_str_eq(node->path, "ListAllMyBucketsResult/Buckets/Bucket/Name")) {
        (void)sat_buf_add(&parse->name, node->text, node->len);
        return sat_buf_check(&parse->name, "name of a bucket", err);
    }
    if (sat_str_eq(node->path, "ListAllMyBucketsResult/Buckets/Bucket/CreationDate"))
        (void)sat_clock_parse_rfc3339(node->text, &parse->row.mtime_ns);
    if (sat_str_eq(node->path, "ListAllMyBucketsResult/Buckets/Bucket"))
        return add_bucket(parse, err);
    if (sat_str_eq(node->path, "ListAllMyBucketsResult/ContinuationToken") && node->len > 0) {
        sat_free(parse->page->next);
        parse->page->next = sat_strdup(node->text);
        return parse->page->next == NULL ? sat_error_nomem(err) : SATCHEL_OK;
    }
    return SATCHEL_OK;
}

void sat_s3_bucket_list_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                               struct sat_verdict *verdict, satchel_error *err)
{
    struct buckets_parse parse = {.page = &op->page};
    const struct sat_s3_document list = {"ListAllMyBucketsResult", on_bucket_element, &parse};
    sat_page_reset(&op->page);
    sat_buf_init(&parse.name, SAT_XML_TEXT_MAX);
    sat_s3_accept_xml(state, op, reply, &list, verdict, err);
    if (verdict->code != SATCHEL_OK)
        sat_page_reset(&op->page);
    sat_buf_fini(&parse.name);
}
