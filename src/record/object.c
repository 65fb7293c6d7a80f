/*
 * What a PUT of a record carries. The body is the truth; tags are a projection of its metadata
 * member for consoles and lifecycle rules, cut to what the store takes; the object metadata is what
 * a HEAD must tell: the counter, a checksum of the body, who wrote it and when it was created.
 */
#include "record/object.h"

#include <stdio.h>

#include "core/crc.h"
#include "core/digest.h"
#include "core/error.h"
#include "core/settle.h"
#include "core/str.h"

void sat_object_fini(struct sat_object *object)
{
    sat_doc_body_fini(&object->body);
    sat_tags_fini(&object->tags);
    sat_tags_fini(&object->metadata);
    *object = (struct sat_object){0};
}

static bool tag_is_named(const char *names, const char *key)
{
    satchel_span name;
    while (sat_list_next(&names, &name)) {
        if (sat_span_eq(name, key))
            return true;
    }
    return false;
}

static int make_tags(const struct satchel_db *db, const char *id, struct sat_object *object,
                     satchel_error *err)
{
    const struct sat_tag_limits *limits = &db->conn->backend->limits.tags;
    struct sat_tags all = {0};
    struct sat_tags wanted = {0};
    if (db->tags == SAT_DB_TAGS_NONE || limits->count == 0)
        return SATCHEL_OK;
    int code = sat_doc_tags(sat_buf_span(&object->body.metadata), sat_span_of(id), &all, err);
    for (size_t i = 0; code == SATCHEL_OK && i < sat_tags_count(&all); i++) {
        const struct sat_tag *tag = sat_tags_at(&all, i);
        if (db->tags == SAT_DB_TAGS_ALL || tag_is_named(db->tag_names, tag->key))
            code = sat_tags_add(&wanted, (satchel_span){tag->key, tag->key_len},
                                (satchel_span){tag->value, tag->value_len}, err);
    }
    if (code == SATCHEL_OK)
        code = sat_tags_fit(&wanted, limits, db->strict_tags, &object->tags, err);
    sat_tags_fini(&all);
    sat_tags_fini(&wanted);
    return code;
}

static int make_metadata(const struct sat_doc_stamp *stamp, struct sat_object *object,
                         satchel_error *err)
{
    unsigned char writer[16];
    char writer_hex[2 * sizeof writer + 1];
    char crc_hex[SAT_CRC64_HEX_SIZE];
    char number[24];
    const struct sat_buf *body = &object->body.body;
    const struct sat_buf *header = &object->body.header;
    struct sat_tags *metadata = &object->metadata;
    int code = sat_random_bytes(writer, sizeof writer, err);
    if (code != SATCHEL_OK)
        return code;
    sat_hex(writer, sizeof writer, writer_hex);
    sat_crc64_hex(sat_crc64(0, body->data, body->len), crc_hex);
    (void)snprintf(number, sizeof number, "%lld", (long long)stamp->version);
    /* A bare body has no counter, and one beside it would not survive a foreign edit. */
    if (stamp->form != SAT_DOC_BARE)
        code = sat_tags_add_str(metadata, SAT_META_VERSION, number, err);
    if (code == SATCHEL_OK)
        code = sat_tags_add_str(metadata, SAT_META_CRC, crc_hex, err);
    if (code == SATCHEL_OK)
        code = sat_tags_add_str(metadata, SAT_META_WRITER, writer_hex, err);
    if (code == SATCHEL_OK)
        code = sat_tags_add_str(metadata, SAT_META_CREATED, stamp->created_at, err);
    if (code == SATCHEL_OK && header->len > 0)
        code = sat_tags_add(metadata, sat_span_of(SAT_META_BARE), sat_buf_span(header), err);
    return code;
}

int sat_object_make(const struct satchel_db *db, const struct sat_doc_input *input,
                    const struct sat_doc_stamp *stamp, struct sat_object *object,
                    satchel_error *err)
{
    sat_object_fini(object);
    int code = sat_doc_write(input, stamp, &object->body, err);
    if (code != SATCHEL_OK)
        return code;
    code = make_metadata(stamp, object, err);
    if (code == SATCHEL_OK)
        code = make_tags(db, stamp->id, object, err);
    if (code != SATCHEL_OK)
        sat_object_fini(object);
    return code;
}
