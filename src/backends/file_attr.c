/*
 * What the file backend keeps beside the bytes, in the one extended attribute `user.satchel`, or in
 * a side-car where that cannot hold it (file_side.c).
 *
 * Three lines, each in the form of sat_tags_encode(): properties (v, stamp, etag, type, and in a
 * side-car name, the file's own), metadata, tags. (1) All of it is valid only while `stamp` (inode,
 * size, mtime in ns) equals fstat: a file that somebody else wrote, or put in the place of ours,
 * has none of it. (2) Our writes set the mtime to a random nanosecond before the file gets its
 * name, so that a foreign write cannot leave the same stamp by chance. (3) Where there is an
 * attribute, that is it: a side-car is looked for only where there is none. So writing the
 * attribute, or removing it when the side-car is complete, is one step for every reader.
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
    ATTR_MAX = 2048, /* fits beside the inode's other attributes on every file system */
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
        const char *end = len == 0 ? NULL : memchr(text, '\n', len);
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

/* Parses all lines, or with `only_etag` the first. What is not of our form, or with `name` another
 * file's, counts as absent. */
static int parse(satchel_span text, const struct stat *info, const char *name, bool only_etag,
                 struct sat_file_attr *attr, satchel_error *err)
{
    satchel_span lines[ATTR_LINES];
    struct sat_tags properties = {0};
    if (!cut_lines(text.data, text.len, lines))
        return SATCHEL_OK;
    int code = sat_tags_parse(lines[0], &properties, err);
    if (code == SATCHEL_OK && (name == NULL || sat_str_eq(property(&properties, "name"), name)))
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

static int read_attr(const struct sat_file_place *place, int fd, const struct stat *info,
                     bool only_etag, struct sat_file_attr *attr, satchel_error *err)
{
    char usual[ATTR_MAX];
    SAT_AUTO_BUF struct sat_buf beside;
    const char *name = NULL;
    sat_file_etag_weak(info, attr->etag);
    sat_buf_init(&beside, SAT_FILE_SIDE_MAX);
    int64_t len = sat_os_get_xattr(fd, attribute, usual, sizeof usual);
    satchel_span text = {usual, len < 0 ? 0 : (size_t)len};
    if (len == -ENODATA || len == -EOPNOTSUPP) {
        const char *slash = strrchr(place->name, '/');
        name = slash == NULL ? place->name : slash + 1;
        len = sat_file_side_read(place, info, &beside);
        attr->beside = len == 0;
        text = sat_buf_span(&beside);
    }
    if (len == -ESTALE)
        return sat_error_set(err, SATCHEL_MODIFIED, "'%s' changed while it was read", place->name);
    if (len < 0 && len != -ENODATA && len != -ERANGE) /* ours are not that long */
        return sat_error_os(err, (int)-len, "reading the attributes of '%s'", place->name);
    return parse(text, info, name, only_etag, attr, err);
}

int sat_file_attr_read(const struct sat_file_place *place, int fd, const struct stat *info,
                       struct sat_file_attr *attr, satchel_error *err)
{
    *attr = (struct sat_file_attr){0};
    int code = read_attr(place, fd, info, false, attr, err);
    if (code != SATCHEL_OK)
        sat_file_attr_fini(attr);
    return code;
}

int sat_file_attr_etag(const struct sat_file_place *place, int fd, const struct stat *info,
                       char etag[SAT_FILE_ETAG_SIZE], satchel_error *err)
{
    struct sat_file_attr attr = {0};
    int code = read_attr(place, fd, info, true, &attr, err);
    memcpy(etag, attr.etag, sizeof attr.etag);
    return code;
}

bool sat_file_attr_owner(satchel_span text, char name[NAME_MAX + 1], ino_t *inode)
{
    satchel_span lines[ATTR_LINES];
    struct sat_tags properties = {0};
    uint64_t number = 0;
    if (!cut_lines(text.data, text.len, lines) ||
        sat_tags_parse(lines[0], &properties, NULL) != SATCHEL_OK)
        return false;
    const char *owner = property(&properties, "name");
    const char *stamp = property(&properties, "stamp");
    SAT_AUTO_FREE char *digits = sat_strndup(stamp, strcspn(stamp, "-"));
    size_t len = strlen(owner);
    bool good = len > 0 && len <= NAME_MAX && strchr(owner, '/') == NULL && digits != NULL &&
                sat_parse_u64(digits, &number);
    if (good)
        memcpy(name, owner, len + 1);
    *inode = number;
    sat_tags_fini(&properties);
    return good;
}

void sat_file_attr_fini(struct sat_file_attr *attr)
{
    sat_free(attr->content_type);
    sat_tags_fini(&attr->metadata);
    sat_tags_fini(&attr->tags);
    *attr = (struct sat_file_attr){0};
}

/* ---- writing */

static int format(const struct stat *info, const struct sat_file_attr *attr, const char *name,
                  struct sat_buf *buf, satchel_error *err)
{
    char stamp[SAT_FILE_ETAG_SIZE];
    struct sat_tags properties = {0};
    format_stamp(info, "", stamp);
    const struct {
        const char *name;
        const char *value; /* NULL: left out */
    } rows[] = {{"v", "1"},
                {"stamp", stamp},
                {"etag", attr->recorded},
                {"type", attr->content_type},
                {"name", name}};
    int code = SATCHEL_OK;
    for (size_t i = 0; code == SATCHEL_OK && i < sizeof rows / sizeof *rows; i++) {
        if (rows[i].value != NULL)
            code = sat_tags_add_str(&properties, rows[i].name, rows[i].value, err);
    }
    const struct sat_tags *lines[ATTR_LINES] = {&properties, &attr->metadata, &attr->tags};
    for (int i = 0; code == SATCHEL_OK && i < ATTR_LINES; i++) {
        (void)sat_tags_encode(buf, lines[i]);
        (void)sat_buf_add_char(buf, '\n');
        code = sat_buf_check(buf, "the attributes of a file", err);
    }
    sat_tags_fini(&properties);
    return code;
}

int sat_file_attr_write(int fd, const struct stat *info, const struct sat_file_attr *attr,
                        const char *key, bool *kept, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf buf;
    sat_buf_init(&buf, SAT_FILE_SIDE_MAX);
    *kept = false;
    int code = format(info, attr, NULL, &buf, err);
    if (code != SATCHEL_OK || buf.len > ATTR_MAX)
        return code;
    int result = sat_os_set_xattr(fd, attribute, buf.data, buf.len, 0);
    *kept = result == 0;
    /* No attributes on this file system, or no room for them beside this inode. */
    if (result == -EOPNOTSUPP || result == -ENOSPC || result == -E2BIG || result == -ERANGE)
        return SATCHEL_OK;
    return result < 0 ? sat_file_fail(err, result, "writing the attributes of", key) : SATCHEL_OK;
}

int sat_file_attr_remove(int fd, const char *key, satchel_error *err)
{
    int result = sat_os_remove_xattr(fd, attribute);
    if (result == 0 || result == -ENODATA || result == -EOPNOTSUPP)
        return SATCHEL_OK;
    return sat_file_fail(err, result, "writing the attributes of", key);
}

int sat_file_attr_write_beside(const struct sat_file_state *state,
                               const struct sat_file_place *place, const struct stat *info,
                               const struct stat *like, const struct sat_file_attr *attr,
                               satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf buf;
    sat_buf_init(&buf, SAT_FILE_SIDE_MAX);
    int code = format(info, attr, place->name, &buf, err);
    if (code != SATCHEL_OK)
        return code;
    int result = sat_file_side_write(state, place, info->st_ino, like, sat_buf_span(&buf));
    return result < 0 ? sat_error_os(err, -result, "writing the side-car of '%s'", place->name)
                      : SATCHEL_OK;
}
