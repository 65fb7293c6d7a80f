/* Record ids and the object keys made of them. */
#include "docid.h"

#include <string.h>

#include "core/error.h"
#include "core/str.h"

static const char suffix[] = ".json";

enum { SUFFIX_LEN = sizeof suffix - 1 };

/* C0, DEL, and C1, which UTF-8 writes as C2 80 - C2 9F. */
static bool has_control(const unsigned char *id, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (id[i] < 0x20 || id[i] == 0x7F)
            return true;
        if (id[i] == 0xC2 && i + 1 < len && id[i + 1] < 0xA0)
            return true;
    }
    return false;
}

static const char *segment_fault(const char *segment, size_t len)
{
    if (len == 0)
        return "it has an empty segment, or a '/' at an end";
    if (segment[0] == '.' && (len == 1 || (len == 2 && segment[1] == '.')))
        return "it has a '.' or '..' segment";
    return NULL;
}

static const char *segments_fault(const char *id, size_t len)
{
    size_t start = 0;
    while (start <= len) {
        const char *slash = start == len ? NULL : memchr(id + start, '/', len - start);
        size_t end = slash == NULL ? len : (size_t)(slash - id);
        const char *fault = segment_fault(id + start, end - start);
        if (fault != NULL)
            return fault;
        start = end + 1;
    }
    return NULL;
}

/* Why `id` cannot be used, or NULL. */
static const char *id_fault(satchel_span id)
{
    if (id.len == 0)
        return "it is empty";
    if (id.len > SAT_DOC_ID_MAX)
        return "it is over 900 bytes";
    if (!sat_utf8_valid(id.data, id.len))
        return "it is not UTF-8";
    if (has_control(id.data, id.len))
        return "it has a control character";
    return segments_fault(id.data, id.len);
}

int sat_doc_id_check(satchel_span id, satchel_error *err)
{
    enum { SHOWN = 120 };
    const char *fault = id_fault(id);
    if (fault == NULL)
        return SATCHEL_OK;
    int shown = (int)(id.len > SHOWN ? SHOWN : id.len);
    return sat_error_set(err, SATCHEL_INVALID, "bad record id '%.*s': %s", shown,
                         id.len == 0 ? "" : (const char *)id.data, fault);
}

int sat_doc_key(const char *prefix, satchel_span id, struct sat_buf *out, satchel_error *err)
{
    int code = sat_doc_id_check(id, err);
    if (code != SATCHEL_OK)
        return code;
    size_t len = strlen(prefix) + id.len + SUFFIX_LEN;
    if (len > SAT_DOC_KEY_MAX)
        return sat_error_set(err, SATCHEL_INVALID,
                             "bad record id: prefix, id and '.json' are %zu bytes, over %d", len,
                             SAT_DOC_KEY_MAX);
    sat_buf_add_str(out, prefix);
    sat_buf_add(out, id.data, id.len);
    sat_buf_add_str(out, suffix);
    return sat_buf_check(out, "key", err);
}

bool sat_doc_id_of_key(const char *prefix, satchel_span key, satchel_span *id)
{
    const char *data = key.data;
    size_t start = strlen(prefix);
    if (key.len < start + SUFFIX_LEN || memcmp(data, prefix, start) != 0 ||
        memcmp(data + key.len - SUFFIX_LEN, suffix, SUFFIX_LEN) != 0)
        return false;
    *id = (satchel_span){.data = data + start, .len = key.len - start - SUFFIX_LEN};
    return id_fault(*id) == NULL;
}
