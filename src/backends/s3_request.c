/* Building blocks of s3 requests: paths, queries, headers and what S3 would refuse in them. */
#include <stdio.h>
#include <string.h>

#include "backends/s3.h"
#include "core/digest.h"
#include "core/error.h"
#include "core/str.h"

enum {
    BUCKET_NAME_MIN = 3,
    BUCKET_NAME_MAX = 63,
    HEADER_NAME_MAX = 2048 + 16, /* x-amz-meta- and all the metadata there may be */
};

/* ---- buckets and paths */

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Digits and dots only: S3 refuses what could be an IPv4 address. */
static bool looks_like_address(const char *name)
{
    return name[strspn(name, "0123456789.")] == '\0' && strchr(name, '.') != NULL;
}

int sat_s3_bucket_check(const char *name, satchel_error *err)
{
    size_t len = strlen(name);
    const char *wrong = NULL;
    if (len < BUCKET_NAME_MIN || len > BUCKET_NAME_MAX)
        wrong = "must have 3 to 63 characters";
    else if (!is_lower_or_digit(name[0]) || !is_lower_or_digit(name[len - 1]))
        wrong = "must begin and end with a lower-case letter or a digit";
    else if (strstr(name, "..") != NULL || looks_like_address(name))
        wrong = "must not look like an address or have '..' in it";
    for (size_t i = 0; wrong == NULL && i < len; i++) {
        if (!is_lower_or_digit(name[i]) && name[i] != '-' && name[i] != '.')
            wrong = "may have lower-case letters, digits, '-' and '.' only";
    }
    if (wrong == NULL)
        return SATCHEL_OK;
    return sat_error_set(err, SATCHEL_INVALID, "bucket name '%.80s' %s", name, wrong);
}

const char *sat_s3_bucket_of(const struct sat_s3 *s3, const struct sat_op *op)
{
    return op->bucket != NULL ? op->bucket : s3->bucket;
}

/* A wildcard certificate covers one label: over TLS a name with dots stays in the path. */
static bool is_subhost(const struct sat_s3 *s3, const char *bucket)
{
    return s3->subhosts && !(s3->tls && strchr(bucket, '.') != NULL);
}

int sat_s3_target(const struct sat_s3 *s3, struct sat_request *request, const char *method,
                  const char *bucket, const char *key, satchel_error *err)
{
    struct sat_buf *path = &request->path;
    bool subhost = bucket != NULL && is_subhost(s3, bucket);
    request->method = method;
    (void)sat_buf_add_str(path, s3->prefix);
    (void)sat_buf_add_char(path, '/');
    if (subhost)
        (void)snprintf(request->subhost, sizeof request->subhost, "%s.", bucket);
    else if (bucket != NULL)
        (void)sat_uri_encode(path, sat_span_of(bucket), false);
    if (key != NULL && !subhost)
        (void)sat_buf_add_char(path, '/');
    if (key != NULL)
        (void)sat_uri_encode(path, sat_span_of(key), true);
    int code = sat_buf_check(&request->query, "query of the request", err);
    return code == SATCHEL_OK ? sat_buf_check(path, "path of the request", err) : code;
}

void sat_s3_query(struct sat_request *request, const char *name, const char *value)
{
    if (value == NULL)
        return;
    if (request->query.len > 0)
        (void)sat_buf_add_char(&request->query, '&');
    (void)sat_uri_encode(&request->query, sat_span_of(name), false);
    (void)sat_buf_add_char(&request->query, '=');
    (void)sat_uri_encode(&request->query, sat_span_of(value), false);
}

/* ---- headers */

/* Control characters never get this far into a connection: header injection ends here. */
int sat_s3_header(struct sat_request *request, const char *name, const char *value,
                  satchel_error *err)
{
    int code = sat_request_header(request, name, value);
    switch (code) {
    case SATCHEL_OK:
        return code;
    case SATCHEL_NOMEM:
        return sat_error_nomem(err);
    case SATCHEL_LIMIT:
        return sat_error_set(err, code, "the headers of the request are too long at %.100s", name);
    default:
        return sat_error_set(err, code, "the value of %.100s has a control character", name);
    }
}

int sat_s3_etag_header(struct sat_request *request, const char *name, const char *etag,
                       satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf value;
    sat_buf_init(&value, SAT_BUF_MAX_TEXT);
    const char *quote = sat_str_starts(etag, "W/\"") ? "" : "\"";
    (void)sat_buf_addf(&value, "%s%s%s", quote, etag, quote);
    if (value.failed != SATCHEL_OK)
        return sat_buf_check(&value, name, err);
    return sat_s3_header(request, name, sat_buf_str(&value), err);
}

/* A token of RFC 9110: what a header's name may have. */
static bool is_header_name(const char *name)
{
    static const char others[] = "!#$%&'*+-.^_`|~";
    if (*name == '\0')
        return false;
    for (; *name != '\0'; name++) {
        char c = *name;
        bool plain = is_lower_or_digit(c) || (c >= 'A' && c <= 'Z');
        if (!plain && strchr(others, c) == NULL)
            return false;
    }
    return true;
}

/*
 * S3 gives other bytes back as RFC 2047 words, blanks at the ends not at all, and a header without
 * a value is one that curl leaves out.
 */
static bool is_header_value(const char *value)
{
    size_t len = strlen(value);
    for (size_t i = 0; i < len; i++) {
        if (value[i] < 0x20 || value[i] > 0x7e)
            return false;
    }
    return len > 0 && value[0] != ' ' && value[len - 1] != ' ';
}

/* One x-amz-meta- header; its name in lower case, as S3 keeps it anyway. */
static int add_metadata(struct sat_request *request, const struct sat_tag *tag, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf name;
    sat_buf_init(&name, HEADER_NAME_MAX);
    if (!is_header_name(tag->key))
        return sat_error_set(err, SATCHEL_INVALID,
                             "metadata name '%.100s': S3 takes the characters of header names only",
                             tag->key);
    if (!is_header_value(tag->value))
        return sat_error_set(err, SATCHEL_INVALID,
                             "metadata '%.100s': its value must be ASCII text, not empty and "
                             "without blanks at its ends, to be kept by S3",
                             tag->key);
    (void)sat_buf_add_str(&name, "x-amz-meta-");
    (void)sat_buf_add_str(&name, tag->key);
    for (size_t i = 0; i < name.len; i++) {
        if (name.data[i] >= 'A' && name.data[i] <= 'Z')
            name.data[i] = (char)(name.data[i] + ('a' - 'A'));
    }
    if (sat_buf_check(&name, "metadata name", err) != SATCHEL_OK)
        return name.failed;
    if (sat_request_find(request, sat_buf_str(&name)) != NULL)
        return sat_error_set(err, SATCHEL_INVALID,
                             "metadata '%.100s' is there twice: S3 names have no upper case",
                             tag->key);
    return sat_s3_header(request, sat_buf_str(&name), tag->value, err);
}

int sat_s3_metadata(struct sat_request *request, const struct sat_tags *metadata,
                    satchel_error *err)
{
    int code = SATCHEL_OK;
    size_t count = metadata == NULL ? 0 : sat_tags_count(metadata);
    for (size_t i = 0; code == SATCHEL_OK && i < count; i++)
        code = add_metadata(request, sat_tags_at(metadata, i), err);
    return code;
}

/* ---- bodies */

/*
 * Content-MD5 and not a newer checksum: S3 demands one of them for these requests, and MD5 is the
 * one that every compatible store knows.
 */
int sat_s3_xml_body(struct sat_request *request, satchel_error *err)
{
    struct sat_md5 md5;
    unsigned char digest[SAT_MD5_SIZE];
    char text[SAT_BASE64_SIZE(SAT_MD5_SIZE)];
    int code = sat_buf_check(&request->body, "body of the request", err);
    if (code != SATCHEL_OK)
        return code;
    sat_md5_init(&md5);
    sat_md5_update(&md5, request->body.data, request->body.len);
    sat_md5_final(&md5, digest);
    sat_base64(digest, sizeof digest, text);
    code = sat_s3_header(request, "Content-Type", "application/xml", err);
    return code == SATCHEL_OK ? sat_s3_header(request, "Content-MD5", text, err) : code;
}
