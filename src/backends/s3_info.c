/* What the headers of an object's reply say about it. */
#include <string.h>

#include "backends/s3.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/crc.h"
#include "core/digest.h"
#include "core/error.h"
#include "core/str.h"

#define META_PREFIX   "x-amz-meta-"
#define META_CRC64    "satchelcrc64nvme"
#define SSE           "x-amz-server-side-encryption"
#define SSE_CUSTOMER  "x-amz-server-side-encryption-customer-algorithm"
#define CHECKSUM      "x-amz-checksum-crc64nvme"
#define CHECKSUM_TYPE "x-amz-checksum-type"

enum { META_NAME_MAX = 4096 };

bool sat_s3_number(const struct sat_reply *reply, const char *name, uint64_t *out)
{
    const char *text = sat_reply_header(reply, name);
    return text != NULL && sat_parse_u64(text, out);
}

/* Some stores send them without quotes: taken as they are. */
satchel_span sat_s3_etag(const char *text)
{
    size_t len = strlen(text);
    bool quoted = len >= 2 && text[0] == '"' && text[len - 1] == '"';
    return quoted ? (satchel_span){text + 1, len - 2} : (satchel_span){text, len};
}

/* Lower case only: an ETag in capitals is no MD5 of S3. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A single-part ETag of an object that no key of its own encrypts is its MD5. */
static bool read_md5(const struct sat_reply *reply, const char *etag,
                     unsigned char md5[SAT_MD5_SIZE])
{
    const char *sse = sat_reply_header(reply, SSE);
    if (sat_reply_header(reply, SSE_CUSTOMER) != NULL ||
        (sse != NULL && sat_str_starts(sse, "aws:kms")) || strlen(etag) != (size_t)2 * SAT_MD5_SIZE)
        return false;
    for (size_t i = 0; i < SAT_MD5_SIZE; i++) {
        int high = hex_digit(etag[2 * i]);
        int low = hex_digit(etag[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        md5[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

/* The service's own checksum where it is the whole object's, else the one its writer noted. */
static void read_crc64(const struct sat_reply *reply, bool partial, struct sat_info *info)
{
    const char *type = sat_reply_header(reply, CHECKSUM_TYPE);
    const char *checksum = sat_reply_header(reply, CHECKSUM);
    bool whole = !partial && (type == NULL || sat_str_eq(type, "FULL_OBJECT"));
    if (checksum != NULL && whole)
        info->has_crc64 = sat_crc64_from_base64(sat_span_of(checksum), &info->crc64);
    if (info->has_crc64)
        return;
    const struct sat_tag *noted = sat_tags_find(&info->metadata, sat_span_of(META_CRC64));
    if (noted != NULL)
        info->has_crc64 = sat_crc64_from_hex(sat_span_of(noted->value), &info->crc64);
}

/* Adds the line's metadata, if it is any. A name that comes twice keeps its first value. */
static int read_metadata_line(const char *line, struct sat_tags *metadata, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf name;
    sat_buf_init(&name, META_NAME_MAX);
    size_t len = strcspn(line, ":");
    if (line[len] == '\0' || len <= strlen(META_PREFIX))
        return SATCHEL_OK;
    for (size_t i = 0; i < len; i++) {
        bool upper = line[i] >= 'A' && line[i] <= 'Z';
        char lower = upper ? (char)(line[i] + ('a' - 'A')) : line[i];
        if (i >= strlen(META_PREFIX))
            (void)sat_buf_add_char(&name, lower);
        else if (lower != META_PREFIX[i])
            return SATCHEL_OK;
    }
    const char *value = line + len + 1;
    while (*value == ' ' || *value == '\t')
        value++;
    if (sat_buf_check(&name, "name of metadata", err) != SATCHEL_OK)
        return name.failed;
    if (sat_tags_find(metadata, sat_buf_span(&name)) != NULL)
        return SATCHEL_OK;
    return sat_tags_add(metadata, sat_buf_span(&name), sat_span_of(value), err);
}

/* All of it, in the order of the headers. */
static int read_metadata(const struct sat_reply *reply, struct sat_tags *metadata,
                         satchel_error *err)
{
    int code = SATCHEL_OK;
    for (size_t i = 0; code == SATCHEL_OK && i < reply->lines.len; i++) {
        size_t offset = *(const size_t *)sat_vec_at(&reply->lines, i);
        code = read_metadata_line(reply->headers.data + offset, metadata, err);
    }
    return code;
}

int sat_s3_info(const struct sat_reply *reply, bool partial, struct sat_info *info,
                satchel_error *err)
{
    sat_info_fini(info);
    const char *etag = sat_reply_header(reply, "ETag");
    const char *type = sat_reply_header(reply, "Content-Type");
    const char *modified = sat_reply_header(reply, "Last-Modified");
    if (etag == NULL || sat_s3_etag(etag).len == 0)
        return sat_error_set(err, SATCHEL_INTEGRITY, "the reply has no ETag");
    info->etag = sat_strndup(sat_s3_etag(etag).data, sat_s3_etag(etag).len);
    info->content_type = type == NULL ? NULL : sat_strdup(type);
    if (info->etag == NULL || (type != NULL && info->content_type == NULL))
        return sat_error_nomem(err);
    if (modified != NULL)
        (void)sat_clock_parse_http_date(modified, &info->mtime_ns);
    info->has_md5 = read_md5(reply, info->etag, info->md5);
    int code = read_metadata(reply, &info->metadata, err);
    if (code == SATCHEL_OK)
        read_crc64(reply, partial, info);
    return code;
}
