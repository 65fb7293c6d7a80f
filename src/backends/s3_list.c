/*
 * ListObjectsV2. A page is believed only when it is the page that was asked for: a listing that is
 * wrong without looking wrong makes a sync delete what it should keep.
 *
 * (1) Names come encoded when the page says so, which may be after the first of them: they are kept
 *     as they came and decoded at the end.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/s3.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/str.h"

/* ---- private struct */

/* The page under construction. */
struct list_parse {
    struct sat_page *page;
    const char *bucket;    /* what Name must say, if it is there */
    struct sat_buf prefix; /* echoed, as it came */
    struct sat_buf key;    /* of the row at hand, as it came */
    struct sat_buf etag;
    struct sat_entry row;
    bool has_size;
    bool encoded; /* EncodingType is url */
    bool truncated;
    bool has_truncated;
    char *next;
};

enum { FIELD_MAX = SAT_XML_TEXT_MAX };

/* ---- helpers */

/* Never asked for again: a store that answers so once would do it again. */
static int refuse_page(satchel_error *err, const char *what)
{
    return sat_error_set(err, SATCHEL_INTEGRITY, "the page of the listing is not to be trusted: %s",
                         what);
}

static int keep(struct sat_buf *buf, const struct sat_xml_node *node, satchel_error *err)
{
    sat_buf_reset(buf);
    (void)sat_buf_add(buf, node->text, node->len);
    return sat_buf_check(buf, "element of a listing", err);
}

/* A child of the root. */
static int take_page_field(struct list_parse *parse, const struct sat_xml_node *node,
                           satchel_error *err)
{
    if (sat_str_eq(node->name, "Name") && !sat_str_eq(node->text, parse->bucket))
        return refuse_page(err, "it is of another bucket");
    if (sat_str_eq(node->name, "Prefix"))
        return keep(&parse->prefix, node, err);
    if (sat_str_eq(node->name, "EncodingType"))
        parse->encoded = sat_str_eq_nocase(node->text, "url");
    if (sat_str_eq(node->name, "IsTruncated")) {
        parse->truncated = sat_str_eq(node->text, "true");
        parse->has_truncated = parse->truncated || sat_str_eq(node->text, "false");
    }
    if (sat_str_eq(node->name, "NextContinuationToken")) {
        sat_free(parse->next);
        parse->next = sat_strdup(node->text);
        return parse->next == NULL ? sat_error_nomem(err) : SATCHEL_OK;
    }
    return SATCHEL_OK;
}

/* A child of Contents. */
static int take_row_field(struct list_parse *parse, const struct sat_xml_node *node,
                          satchel_error *err)
{
    if (sat_str_eq(node->name, "Key"))
        return keep(&parse->key, node, err);
    if (sat_str_eq(node->name, "ETag")) {
        satchel_span etag = sat_s3_etag(node->text);
        sat_buf_reset(&parse->etag);
        (void)sat_buf_add(&parse->etag, etag.data, etag.len);
        return sat_buf_check(&parse->etag, "ETag of a listing", err);
    }
    if (sat_str_eq(node->name, "Size"))
        parse->has_size = sat_parse_u64(node->text, &parse->row.size);
    if (sat_str_eq(node->name, "LastModified"))
        (void)sat_clock_parse_rfc3339(node->text, &parse->row.mtime_ns);
    return SATCHEL_OK;
}

static void begin_row(struct list_parse *parse)
{
    parse->row = (struct sat_entry){0};
    parse->has_size = false;
    sat_buf_reset(&parse->key);
    sat_buf_reset(&parse->etag);
}

/* A finished Contents or CommonPrefixes; the next one starts from nothing. */
static int add_row(struct list_parse *parse, bool is_prefix, satchel_error *err)
{
    if (parse->key.len == 0 || (!is_prefix && !parse->has_size))
        return refuse_page(err, "a row has no key or no size");
    parse->row.is_prefix = is_prefix;
    int code = sat_page_add(parse->page, sat_buf_span(&parse->key), sat_buf_str(&parse->etag),
                            &parse->row);
    begin_row(parse);
    if (code == SATCHEL_LIMIT)
        return sat_error_set(err, code, "the page of the listing is too large");
    return code == SATCHEL_OK ? code : sat_error_nomem(err);
}

/* Deeper elements (Owner, RestoreStatus) are nobody's business here. */
static int on_list_element(void *user, const struct sat_xml_node *node, satchel_error *err)
{
    struct list_parse *parse = user;
    if (node->depth == 3 && sat_str_starts(node->path, "ListBucketResult/Contents/"))
        return take_row_field(parse, node, err);
    if (sat_str_eq(node->path, "ListBucketResult/CommonPrefixes/Prefix"))
        return keep(&parse->key, node, err);
    if (node->depth != 2)
        return SATCHEL_OK;
    if (sat_str_eq(node->name, "Contents"))
        return add_row(parse, false, err);
    if (sat_str_eq(node->name, "CommonPrefixes"))
        return add_row(parse, true, err);
    return take_page_field(parse, node, err);
}

/* ---- decoding and order */

/* Decodes `text` (NUL-terminated, `len` bytes) where it stands: it only becomes shorter. */
static int decode_in_place(char *text, size_t len, struct sat_buf *scratch, satchel_error *err)
{
    sat_buf_reset(scratch);
    int code = sat_uri_decode(scratch, (satchel_span){text, len}, SAT_URI_PLUS_SPACE, err);
    if (code == SATCHEL_INVALID)
        return refuse_page(err, "a name has a bad escape");
    if (code != SATCHEL_OK)
        return code;
    if (memchr(sat_buf_str(scratch), '\0', scratch->len) != NULL)
        return refuse_page(err, "a name has a NUL");
    memcpy(text, sat_buf_str(scratch), scratch->len + 1);
    return SATCHEL_OK;
}

/* (1) */
static int decode_names(struct list_parse *parse, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf scratch;
    sat_buf_init(&scratch, FIELD_MAX);
    if (!parse->encoded)
        return SATCHEL_OK;
    int code = SATCHEL_OK;
    if (parse->prefix.len > 0) {
        code = decode_in_place(parse->prefix.data, parse->prefix.len, &scratch, err);
        parse->prefix.len = strlen(parse->prefix.data);
    }
    for (size_t i = 0; code == SATCHEL_OK && i < parse->page->entries.len; i++) {
        char *key = parse->page->text.data + sat_page_at(parse->page, i)->key;
        code = decode_in_place(key, strlen(key), &scratch, err);
    }
    return code;
}

static int compare_rows(const void *a, const void *b, void *text)
{
    const char *base = text;
    return strcmp(base + ((const struct sat_entry *)a)->key,
                  base + ((const struct sat_entry *)b)->key);
}

/* Objects and common prefixes come as two lists; a page is one. */
static void merge_rows(struct sat_page *page)
{
    for (size_t i = 1; i < page->entries.len; i++) {
        if (strcmp(sat_page_key(page, i - 1), sat_page_key(page, i)) <= 0)
            continue;
        qsort_r(page->entries.data, page->entries.len, page->entries.item_size, compare_rows,
                page->text.data);
        return;
    }
}

/* Whether this is the page that was asked for, whole and telling how the list goes on. */
static int check_page(const struct list_parse *parse, const struct sat_op *op, satchel_error *err)
{
    bool has_token = parse->next != NULL && *parse->next != '\0';
    if (!sat_str_eq(sat_buf_str(&parse->prefix), op->list.prefix))
        return refuse_page(err, "it is of another prefix");
    if (!parse->has_truncated)
        return refuse_page(err, "it does not say whether more follows");
    if (parse->truncated && !has_token)
        return refuse_page(err, "more follows, but there is no token for it");
    for (size_t i = 0; i < parse->page->entries.len; i++) {
        const char *key = sat_page_key(parse->page, i);
        if (!sat_str_starts(key, op->list.prefix))
            return refuse_page(err, "a key does not start with the prefix");
        if (!sat_utf8_valid(key, strlen(key)))
            return refuse_page(err, "a key is not UTF-8");
    }
    return SATCHEL_OK;
}

/* ---- list */

int sat_s3_list_build(const void *state, const struct sat_op *op, struct sat_request *request,
                      satchel_error *err)
{
    const struct sat_s3 *s3 = state;
    char max_keys[16] = "1000";
    if (op->list.max_keys > 0 && op->list.max_keys < 1000)
        (void)snprintf(max_keys, sizeof max_keys, "%u", op->list.max_keys);
    sat_s3_query(request, "continuation-token", op->list.token);
    sat_s3_query(request, "delimiter", op->list.delimiter);
    sat_s3_query(request, "encoding-type", "url");
    sat_s3_query(request, "list-type", "2");
    sat_s3_query(request, "max-keys", max_keys);
    sat_s3_query(request, "prefix", op->list.prefix);
    sat_s3_query(request, "start-after", op->list.token == NULL ? op->list.after : NULL);
    return sat_s3_target(s3, request, "GET", s3->bucket, NULL, err);
}

/* What only the whole document can tell. A token on the last page is none. */
static int finish_page(struct list_parse *parse, struct sat_op *op, satchel_error *err)
{
    int code = decode_names(parse, err);
    if (code == SATCHEL_OK)
        code = check_page(parse, op, err);
    if (code != SATCHEL_OK)
        return code;
    merge_rows(parse->page);
    if (parse->truncated) {
        op->page.next = parse->next;
        parse->next = NULL;
    }
    return SATCHEL_OK;
}

void sat_s3_list_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                        struct sat_verdict *verdict, satchel_error *err)
{
    const struct sat_s3 *s3 = state;
    struct list_parse parse = {.page = &op->page, .bucket = s3->bucket};
    const struct sat_s3_document page = {"ListBucketResult", on_list_element, &parse};
    sat_page_reset(&op->page);
    sat_buf_init(&parse.prefix, FIELD_MAX);
    sat_buf_init(&parse.key, FIELD_MAX);
    sat_buf_init(&parse.etag, FIELD_MAX);
    sat_s3_accept_xml(s3, op, reply, &page, verdict, err);
    if (verdict->code == SATCHEL_OK) {
        int code = finish_page(&parse, op, err);
        if (code != SATCHEL_OK)
            sat_s3_fail(verdict, code);
    }
    if (verdict->code != SATCHEL_OK)
        sat_page_reset(&op->page);
    sat_buf_fini(&parse.prefix);
    sat_buf_fini(&parse.key);
    sat_buf_fini(&parse.etag);
    sat_free(parse.next);
}
