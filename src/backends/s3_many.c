/*
 * DeleteObjects: up to 1,000 keys in one request, one outcome for each. A key is gone only when
 * the reply says so by name; silence about it is a failure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/s3.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/str.h"

/* ---- private struct */

enum { NAME_MAX_BYTES = SAT_XML_TEXT_MAX };

/* The reply while it is read. */
struct many_parse {
    struct sat_op *op;
    size_t *order;      /* indexes of the requested keys, by key */
    bool *answered;     /* by index of the requested key */
    struct sat_buf key; /* of the element at hand */
    struct sat_buf code;
    struct sat_buf message;
};

/* ---- helpers */

static int compare_keys(const void *a, const void *b, void *keys)
{
    const char *const *names = keys;
    return strcmp(names[*(const size_t *)a], names[*(const size_t *)b]);
}

/* A hostile reply may repeat names without end: they are looked up by bisection. */
static int parse_begin(struct many_parse *parse, struct sat_op *op, satchel_error *err)
{
    size_t count = op->many.count;
    parse->op = op;
    sat_buf_init(&parse->key, NAME_MAX_BYTES);
    sat_buf_init(&parse->code, NAME_MAX_BYTES);
    sat_buf_init(&parse->message, NAME_MAX_BYTES);
    sat_free(op->many_result);
    op->many_result = sat_calloc(count, sizeof *op->many_result);
    parse->order = sat_calloc(count, sizeof *parse->order);
    parse->answered = sat_calloc(count, sizeof *parse->answered);
    if (op->many_result == NULL || parse->order == NULL || parse->answered == NULL)
        return sat_error_nomem(err);
    for (size_t i = 0; i < count; i++)
        parse->order[i] = i;
    /* The names are only read: qsort_r's context has no const. */
    qsort_r(parse->order, count, sizeof *parse->order, compare_keys,
            (void *)(uintptr_t)op->many.keys);
    return SATCHEL_OK;
}

static void parse_end(struct many_parse *parse)
{
    sat_buf_fini(&parse->key);
    sat_buf_fini(&parse->code);
    sat_buf_fini(&parse->message);
    sat_free(parse->order);
    sat_free(parse->answered);
}

/* The first place in `order` whose key is not less than `key`. */
static size_t first_place(const struct many_parse *parse, const char *key)
{
    size_t low = 0;
    size_t high = parse->op->many.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(parse->op->many.keys[parse->order[middle]], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void set_failure(struct sat_many_result *result, int code, const char *text)
{
    result->code = code;
    (void)snprintf(result->text, sizeof result->text, "%s", text);
    sat_error_printable(result->text);
}

/* The outcome that an Error element tells of. */
static void set_service_failure(const struct many_parse *parse, struct sat_many_result *result)
{
    SAT_AUTO_BUF struct sat_buf text;
    enum sat_retry_class retry;
    const char *service_code = sat_buf_str(&parse->code);
    sat_buf_init(&text, SAT_BUF_MAX_TEXT);
    if (sat_str_eq(service_code, "NoSuchKey")) {
        *result = (struct sat_many_result){.code = SATCHEL_OK}; /* what is gone is deleted */
        return;
    }
    (void)sat_buf_addf(&text, "%s: %s", service_code, sat_buf_str(&parse->message));
    /* A code that nobody knows is a failure of the service, not of the caller. */
    int code = sat_s3_classify(service_code, 500, &retry);
    set_failure(result, code, sat_buf_str(&text));
}

/* The outcome of the element at hand, for every request of its key. An error beats "deleted". */
static void settle(struct many_parse *parse, bool deleted)
{
    const struct sat_op *op = parse->op;
    const char *key = sat_buf_str(&parse->key);
    for (size_t i = first_place(parse, key); i < op->many.count; i++) {
        size_t index = parse->order[i];
        if (!sat_str_eq(op->many.keys[index], key))
            return;
        if (!deleted)
            set_service_failure(parse, &op->many_result[index]);
        parse->answered[index] = true;
    }
}

static int keep(struct sat_buf *buf, const struct sat_xml_node *node, satchel_error *err)
{
    sat_buf_reset(buf);
    (void)sat_buf_add(buf, node->text, node->len);
    return sat_buf_check(buf, "element of the reply", err);
}

static int on_many_element(void *user, const struct sat_xml_node *node, satchel_error *err)
{
    struct many_parse *parse = user;
    if (node->depth == 3 && sat_str_eq(node->name, "Key"))
        return keep(&parse->key, node, err);
    if (sat_str_eq(node->path, "DeleteResult/Error/Code"))
        return keep(&parse->code, node, err);
    if (sat_str_eq(node->path, "DeleteResult/Error/Message"))
        return keep(&parse->message, node, err);
    if (node->depth != 2)
        return SATCHEL_OK;
    bool deleted = sat_str_eq(node->name, "Deleted");
    if (deleted || sat_str_eq(node->name, "Error"))
        settle(parse, deleted);
    sat_buf_reset(&parse->key);
    sat_buf_reset(&parse->code);
    sat_buf_reset(&parse->message);
    return SATCHEL_OK;
}

/* ---- delete_many */

int sat_s3_many_build(const void *state, const struct sat_op *op, struct sat_request *request,
                      satchel_error *err)
{
    const struct sat_s3 *s3 = state;
    struct sat_buf *body = &request->body;
    sat_s3_query(request, "delete", "");
    int code = sat_s3_target(s3, request, "POST", s3->bucket, NULL, err);
    if (code != SATCHEL_OK)
        return code;
    (void)sat_buf_add_str(body, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (size_t i = 0; i < op->many.count; i++) {
        (void)sat_buf_add_str(body, "<Object><Key>");
        code = sat_xml_escape(body, sat_span_of(op->many.keys[i]), err);
        if (code != SATCHEL_OK)
            return code;
        (void)sat_buf_add_str(body, "</Key></Object>");
    }
    (void)sat_buf_add_str(body, "<Quiet>false</Quiet></Delete>");
    return sat_s3_xml_body(request, err);
}

void sat_s3_many_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                        struct sat_verdict *verdict, satchel_error *err)
{
    const struct sat_s3 *s3 = state;
    struct many_parse parse = {0};
    const struct sat_s3_document result = {"DeleteResult", on_many_element, &parse};
    int code = parse_begin(&parse, op, err);
    if (code == SATCHEL_OK)
        sat_s3_accept_xml(s3, op, reply, &result, verdict, err);
    else
        sat_s3_fail(verdict, code);
    if (verdict->code == SATCHEL_OK) {
        for (size_t i = 0; i < op->many.count; i++) {
            if (!parse.answered[i])
                set_failure(&op->many_result[i], SATCHEL_NETWORK,
                            "the reply says nothing about this key");
        }
    } else {
        sat_free(op->many_result);
        op->many_result = NULL;
    }
    parse_end(&parse);
}
