/*
 * What the file backend keeps beside the bytes, in the one extended attribute `user.satchel`.
 *
 * Three lines, each in the form of sat_tags_encode(): properties (v, stamp, etag, type), metadata,
 * tags. (1) All of it is valid only while `stamp` (inode, size, mtime in ns) equals fstat: a file
 * that somebody else wrote, or put in the place of ours, has none of it. (2) Our writes set the
 * mtime to a random nanosecond before the file gets its name, so that a foreign write cannot leave
 * the same stamp by chance.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "backends/file.h"
#include "backends/local.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/crc.h"
#include "core/error.h"
#include "core/str.h"

static const char attribute[] = "user.satchel";

enum {
    ATTR_USUAL = 2048,    /* fits beside the inode's other attributes on every file system */
    ATTR_MAX = 64 * 1024, /* the kernel's limit */
    ATTR_LINES = 3,
};

int64_t sat_file_mtime_ns(const struct stat *info)
{
    return (int64_t)info->st_mtim.tv_sec * SAT_NS_PER_S + info->st_mtim.tv_nsec;
}

/* Inode, size and mtime as text: the stamp, and the body of the weak ETag. */
static void format_stamp(const struct stat *info, const char *head, char out[SAT_FILE_ETAG_SIZE])
{
    (void)snprintf(out, SAT_FILE_ETAG_SIZE, "%s%" PRIu64 "-%" PRIu64 "-%" PRId64, head,
                   (uint64_t)info->st_ino, (uint64_t)info->st_size, sat_file_mtime_ns(info));
}

void sat_file_etag_weak(const struct stat *info, char etag[SAT_FILE_ETAG_SIZE])
{
    format_stamp(info, "W/", etag);
}

void sat_file_etag_strong(uint64_t crc64, uint64_t counter, uint64_t writer,
                          char etag[SAT_FILE_ETAG_SIZE])
{
    (void)snprintf(etag, SAT_FILE_ETAG_SIZE, "%016" PRIx64 "-%" PRIu64 "-%016" PRIx64, crc64,
                   counter, writer);
}

/* ---- reading */

/* "crc64-counter-writer" into its parts; false when it is not one. */
static bool parse_etag(const char *etag, uint64_t *crc64, uint64_t *counter)
{
    enum { HEX = SAT_CRC64_HEX_SIZE - 1 };
    char digits[24];
    if (strlen(etag) < HEX + 1 || etag[HEX] != '-' ||
        !sat_crc64_from_hex((satchel_span){etag, HEX}, crc64))
        return false;
    const char *begin = etag + HEX + 1;
    size_t len = strcspn(begin, "-");
    if (len >= sizeof digits || begin[len] == '\0')
        return false;
    memcpy(digits, begin, len);
    digits[len] = '\0';
    return sat_parse_u64(digits, counter);
}

static const char *property(const struct sat_tags *properties, const char *name)
{
    const struct sat_tag *tag = sat_tags_find(properties, sat_span_of(name));
    return tag == NULL ? "" : tag->value;
}

/* Cuts the text into its lines; false when it is not of our form. */
static bool cut_lines(const char *text, size_t len, satchel_span lines[ATTR_LINES])
{
    for (int i = 0; i < ATTR_LINES; i++) {
        const char *end = memchr(text, '\n', len);
        if (end == NULL)
            return false;
        lines[i] = (satchel_span){text, (size_t)(end - text)};
        len -= lines[i].len + 1;
        text = end + 1;
    }
    return len == 0;
}

static void take_properties(const struct sat_tags *properties, const struct stat *info,
                            struct sat_file_attr *attr)
{
    char stamp[SAT_FILE_ETAG_SIZE];
    const char *etag = property(properties, "etag");
    if (!sat_str_eq(property(properties, "v"), "1"))
        return;
    format_stamp(info, "", stamp);
    attr->valid = sat_str_eq(property(properties, "stamp"), stamp);
    if (strlen(etag) < sizeof attr->recorded && parse_etag(etag, &attr->crc64, &attr->counter)) {
        memcpy(attr->recorded, etag, strlen(etag) + 1);
        if (attr->valid)
            memcpy(attr->etag, etag, strlen(etag) + 1);
    }
}

/* Parses all lines, or with `only_etag` the first. What is not of our form counts as absent. */
static int parse(satchel_span text, const struct stat *info, bool only_etag,
                 struct sat_file_attr *attr, satchel_error *err)
{
    satchel_span lines[ATTR_LINES];
    struct sat_tags properties = {0};
    if (!cut_lines(text.data, text.len, lines))
        return SATCHEL_OK;
    int code = sat_tags_parse(lines[0], &properties, err);
    if (code == SATCHEL_OK)
        take_properties(&properties, info, attr);
    if (code == SATCHEL_OK && attr->valid && !only_etag) {
        const char *type = property(&properties, "type");
        attr->content_type = *type == '\0' ? NULL : sat_strdup(type);
        if (*type != '\0' && attr->content_type == NULL)
            code = sat_error_nomem(err);
        if (code == SATCHEL_OK)
            code = sat_tags_parse(lines[1], &attr->metadata, err);
        if (code == SATCHEL_OK)
            code = sat_tags_parse(lines[2], &attr->tags, err);
    }
    sat_tags_fini(&properties);
    return code == SATCHEL_INVALID ? sat_local_forgive(err) : code;
}

static int read_attr(int fd, const struct stat *info, bool only_etag, struct sat_file_attr *attr,
                     satchel_error *err)
{
    char usual[ATTR_USUAL];
    SAT_AUTO_FREE char *large = NULL;
    char *text = usual;
    sat_file_etag_weak(info, attr->etag);
    int64_t len = sat_os_get_xattr(fd, attribute, usual, sizeof usual);
    if (len == -ERANGE) {
        text = large = sat_malloc(ATTR_MAX);
        if (large == NULL)
            return sat_error_nomem(err);
        len = sat_os_get_xattr(fd, attribute, large, ATTR_MAX);
    }
    if (len == -ENODATA || len == -EOPNOTSUPP)
        return SATCHEL_OK;
    if (len < 0)
        return sat_error_os(err, (int)-len, "reading the attribute %s", attribute);
    return parse((satchel_span){text, (size_t)len}, info, only_etag, attr, err);
}

int sat_file_attr_read(int fd, const struct stat *info, struct sat_file_attr *attr,
                       satchel_error *err)
{
    *attr = (struct sat_file_attr){0};
    int code = read_attr(fd, info, false, attr, err);
    if (code != SATCHEL_OK)
        sat_file_attr_fini(attr);
    return code;
}

int sat_file_attr_etag(int fd, const struct stat *info, char etag[SAT_FILE_ETAG_SIZE],
                       satchel_error *err)
{
    struct sat_file_attr attr = {0};
    int code = read_attr(fd, info, true, &attr, err);
    memcpy(etag, attr.etag, sizeof attr.etag);
    return code;
}

void sat_file_attr_fini(struct sat_file_attr *attr)
{
    sat_free(attr->content_type);
    sat_tags_fini(&attr->metadata);
    sat_tags_fini(&attr->tags);
    *attr = (struct sat_file_attr){0};
}

/* ---- writing */

static int format(const struct stat *info, const struct sat_file_attr *attr, struct sat_buf *buf,
                  satchel_error *err)
{
    char stamp[SAT_FILE_ETAG_SIZE];
    struct sat_tags properties = {0};
    format_stamp(info, "", stamp);
    int code = sat_tags_add_str(&properties, "v", "1", err);
    if (code == SATCHEL_OK)
        code = sat_tags_add_str(&properties, "stamp", stamp, err);
    if (code == SATCHEL_OK)
        code = sat_tags_add_str(&properties, "etag", attr->recorded, err);
    if (code == SATCHEL_OK && attr->content_type != NULL)
        code = sat_tags_add_str(&properties, "type", attr->content_type, err);
    const struct sat_tags *lines[ATTR_LINES] = {&properties, &attr->metadata, &attr->tags};
    for (int i = 0; code == SATCHEL_OK && i < ATTR_LINES; i++) {
        (void)sat_tags_encode(buf, lines[i]);
        (void)sat_buf_add_char(buf, '\n');
        code = sat_buf_check(buf, "attributes", err);
    }
    sat_tags_fini(&properties);
    return code;
}

static int refuse(int result, const struct sat_file_attr *attr, size_t len, const char *key,
                  bool *kept, satchel_error *err)
{
    bool wanted = sat_tags_count(&attr->metadata) > 0 || sat_tags_count(&attr->tags) > 0;
    if (result == -EOPNOTSUPP && !wanted) {
        *kept = false;
        return SATCHEL_OK;
    }
    if (result == -EOPNOTSUPP)
        return sat_error_set(err, SATCHEL_UNSUPPORTED,
                             "the file system of file:///%s keeps no extended attributes: metadata "
                             "and tags cannot be stored there",
                             key);
    /* ENOSPC may also be a full disk: believe that of an attribute that fits everywhere. */
    if (result == -E2BIG || result == -ERANGE || (result == -ENOSPC && len > ATTR_USUAL))
        return sat_error_set(err, SATCHEL_LIMIT,
                             "metadata and tags of file:///%s take %zu bytes, more than its file "
                             "system keeps with a file",
                             key, len);
    return sat_file_fail(err, result, "writing the attributes of", key);
}

int sat_file_attr_write(int fd, const struct stat *info, const struct sat_file_attr *attr,
                        const char *key, bool *kept, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf buf;
    sat_buf_init(&buf, ATTR_MAX);
    *kept = true;
    int code = format(info, attr, &buf, err);
    if (code != SATCHEL_OK)
        return code;
    int result = sat_os_set_xattr(fd, attribute, buf.data, buf.len, 0);
    return result < 0 ? refuse(result, attr, buf.len, key, kept, err) : SATCHEL_OK;
}
