/*
 * The record format: what callers give, what is stored, what is read.
 *
 * Records are handled as text throughout: values are copied byte for byte (white space outside
 * strings goes), so 64-bit integers, doubles and key order survive any number of round trips.
 */
#include "doc.h"

#include <inttypes.h>
#include <string.h>

#include "core/error.h"
#include "core/jscan.h"
#include "core/str.h"
#include "docid.h"

static const char *const form_names[] = {
    [SAT_DOC_PLAIN] = "plain",
    [SAT_DOC_DATAKNOBS] = "dataknobs",
    [SAT_DOC_BARE] = "bare",
};

static const char dataknobs_version[] = "_satchel_version";

int sat_doc_form_parse(const char *name, enum sat_doc_form *form, satchel_error *err)
{
    for (size_t i = 0; i < sizeof form_names / sizeof form_names[0]; i++) {
        if (sat_str_eq(name, form_names[i])) {
            *form = (enum sat_doc_form)i;
            return SATCHEL_OK;
        }
    }
    return sat_error_set(err, SATCHEL_INVALID,
                         "unknown record_format '%s' (known: plain, dataknobs, bare)", name);
}

/* ---- envelopes ---- */

/* Finds the four members; *foreign is the first key that is none of them, or empty data. */
static void split(satchel_span object, struct sat_doc_input *parts, satchel_span *foreign)
{
    satchel_span key;
    satchel_span value;
    size_t cursor = 0;
    *parts = (struct sat_doc_input){0};
    *foreign = (satchel_span){0};
    while (sat_jscan_member(object, &cursor, &key, &value)) {
        if (sat_jscan_key_is(key, sat_span_of("id")))
            parts->id = value;
        else if (sat_jscan_key_is(key, sat_span_of("version")))
            parts->version = value;
        else if (sat_jscan_key_is(key, sat_span_of("fields")))
            parts->fields = value;
        else if (sat_jscan_key_is(key, sat_span_of("metadata")))
            parts->metadata = value;
        else if (foreign->data == NULL)
            *foreign = key;
    }
}

static bool is_envelope(satchel_span object)
{
    struct sat_doc_input parts;
    satchel_span foreign;
    split(object, &parts, &foreign);
    return parts.fields.len > 0 && foreign.data == NULL;
}

static bool is_object(satchel_span value)
{
    return sat_jscan_kind(value) == SAT_JKIND_OBJECT;
}

/* Absent and null are the same. */
static bool is_absent(satchel_span value)
{
    enum sat_jkind kind = sat_jscan_kind(value);
    return kind == SAT_JKIND_NONE || kind == SAT_JKIND_NULL;
}

static void put_int(struct sat_buf *out, int64_t value)
{
    sat_buf_addf(out, "%" PRId64, value);
}

static void put_object(struct sat_buf *out, satchel_span object)
{
    if (is_absent(object))
        sat_buf_add_str(out, "{}");
    else
        sat_jscan_put_compact(out, object);
}

/* The opening of the public form, up to the value of `fields`; version 0 is null. */
static void put_head(struct sat_buf *out, satchel_span id, int64_t version)
{
    sat_buf_add_str(out, "{\"id\":");
    sat_jscan_put_string(out, id);
    sat_buf_add_str(out, ",\"version\":");
    if (version > 0)
        put_int(out, version);
    else
        sat_buf_add_str(out, "null");
    sat_buf_add_str(out, ",\"fields\":");
}

/* ---- reading ---- */

static int corrupt(const struct sat_doc_source *source, satchel_error *err, const char *why)
{
    return sat_error_set(err, SATCHEL_CORRUPT, "'%s' is not a record: %s", source->key, why);
}

static int validate(satchel_span text, const struct sat_doc_source *source, const char *what,
                    satchel_error *err)
{
    satchel_error why = {0};
    int code = sat_jscan_validate(text, NULL, &why);
    if (code == SATCHEL_NOMEM)
        return sat_error_copy(err, &why);
    if (code == SATCHEL_OK && is_object(text))
        return SATCHEL_OK;
    return sat_error_set(err, SATCHEL_CORRUPT, "'%s' is not a record: %s: %s", source->key, what,
                         code == SATCHEL_OK ? "no JSON object" : why.text);
}

static bool is_dataknobs_field(satchel_span field)
{
    static const char *const names[] = {"name", "value", "type", "metadata"};
    satchel_span key;
    satchel_span value;
    size_t cursor = 0;
    size_t known = 0;
    while (sat_jscan_member(field, &cursor, &key, &value)) {
        size_t i = 0;
        while (i < 4 && !sat_jscan_key_is(key, sat_span_of(names[i])))
            i++;
        if (i < 4)
            known++;
        else if (!sat_jscan_key_is(key, sat_span_of("dimensions")))
            return false;
    }
    return known == 4;
}

static bool is_dataknobs(const struct sat_doc_input *parts)
{
    satchel_span key;
    satchel_span field;
    size_t cursor = 0;
    if (parts->version.len > 0)
        return false;
    while (sat_jscan_member(parts->fields, &cursor, &key, &field)) {
        if (!is_dataknobs_field(field))
            return false;
    }
    return true;
}

/* Why the members of an envelope are of the wrong type, or NULL; fills *version. */
static const char *envelope_fault(const struct sat_doc_input *parts, int64_t *version)
{
    *version = 0;
    if (!is_object(parts->fields))
        return "'fields' is no object";
    if (!is_absent(parts->metadata) && !is_object(parts->metadata))
        return "'metadata' is no object";
    if (!is_absent(parts->id) && sat_jscan_kind(parts->id) != SAT_JKIND_STRING)
        return "'id' is no string";
    if (!is_absent(parts->version) && (!sat_jscan_int(parts->version, version) || *version < 1))
        return "'version' is no positive integer";
    return NULL;
}

static void put_key(struct sat_buf *out, satchel_span raw, bool first)
{
    sat_buf_add_str(out, first ? "\"" : ",\"");
    sat_buf_add(out, raw.data, raw.len);
    sat_buf_add_str(out, "\":");
}

static void put_dataknobs_fields(struct sat_buf *out, satchel_span fields)
{
    satchel_span key;
    satchel_span field;
    satchel_span value;
    size_t cursor = 0;
    bool first = true;
    sat_buf_add_char(out, '{');
    while (sat_jscan_member(fields, &cursor, &key, &field)) {
        put_key(out, key, first);
        if (sat_jscan_get(field, "value", &value))
            sat_jscan_put_compact(out, value);
        first = false;
    }
    sat_buf_add_char(out, '}');
}

static void put_dataknobs_metadata(struct sat_buf *out, satchel_span metadata)
{
    satchel_span key;
    satchel_span value;
    size_t cursor = 0;
    bool first = true;
    sat_buf_add_char(out, '{');
    while (sat_jscan_member(metadata, &cursor, &key, &value)) {
        if (sat_jscan_key_is(key, sat_span_of(dataknobs_version)))
            continue;
        put_key(out, key, first);
        sat_jscan_put_compact(out, value);
        first = false;
    }
    sat_buf_add_char(out, '}');
}

/* Chooses the form; `parts` become the fields and metadata to show. */
static int detect(satchel_span body, const struct sat_doc_source *source,
                  struct sat_doc_input *parts, struct sat_doc *doc, satchel_error *err)
{
    satchel_span foreign;
    satchel_span counter;
    split(body, parts, &foreign);
    if (parts->fields.len == 0 || foreign.data != NULL) {
        *parts = (struct sat_doc_input){.fields = body, .metadata = source->metadata};
        doc->form = SAT_DOC_BARE;
        return source->metadata.len == 0
                   ? SATCHEL_OK
                   : validate(source->metadata, source, "object metadata satchelmetadata", err);
    }
    const char *fault = envelope_fault(parts, &doc->version);
    if (fault != NULL)
        return corrupt(source, err, fault);
    doc->form = is_dataknobs(parts) ? SAT_DOC_DATAKNOBS : SAT_DOC_PLAIN;
    if (doc->form == SAT_DOC_DATAKNOBS &&
        sat_jscan_get(parts->metadata, dataknobs_version, &counter) &&
        (!sat_jscan_int(counter, &doc->version) || doc->version < 1))
        return corrupt(source, err, "metadata '_satchel_version' is no positive integer");
    return SATCHEL_OK;
}

static int put_public_form(const struct sat_doc_source *source, const struct sat_doc_input *parts,
                           struct sat_doc *doc, satchel_error *err)
{
    struct sat_buf *out = &doc->text;
    bool dataknobs = doc->form == SAT_DOC_DATAKNOBS;
    put_head(out, source->id, doc->version);
    size_t fields = out->len;
    if (dataknobs)
        put_dataknobs_fields(out, parts->fields);
    else
        put_object(out, parts->fields);
    size_t fields_end = out->len;
    sat_buf_add_str(out, ",\"metadata\":");
    size_t metadata = out->len;
    if (dataknobs)
        put_dataknobs_metadata(out, parts->metadata);
    else
        put_object(out, parts->metadata);
    size_t metadata_end = out->len;
    sat_buf_add_char(out, '}');
    int code = sat_buf_check(out, "record", err);
    if (code != SATCHEL_OK)
        return code;
    doc->fields = (satchel_span){.data = out->data + fields, .len = fields_end - fields};
    doc->metadata = (satchel_span){.data = out->data + metadata, .len = metadata_end - metadata};
    return SATCHEL_OK;
}

/* More than head, separators, stamps and an escaped id can add to a record's own text. */
static size_t room_for(size_t text, size_t id)
{
    return text + 6 * id + 512;
}

int sat_doc_read(satchel_span body, const struct sat_doc_source *source, struct sat_doc *doc,
                 satchel_error *err)
{
    struct sat_doc_input parts;
    *doc = (struct sat_doc){0};
    sat_buf_init(&doc->text, room_for(body.len + source->metadata.len, source->id.len));
    int code = validate(body, source, "body", err);
    if (code == SATCHEL_OK)
        code = detect(body, source, &parts, doc, err);
    if (code == SATCHEL_OK)
        code = put_public_form(source, &parts, doc, err);
    if (code != SATCHEL_OK)
        sat_doc_fini(doc);
    return code;
}

void sat_doc_fini(struct sat_doc *doc)
{
    sat_buf_fini(&doc->text);
}

/* ---- what callers give ---- */

int sat_doc_parse(satchel_span record, struct sat_doc_input *input, satchel_error *err)
{
    satchel_span foreign;
    int code = sat_jscan_validate(record, NULL, err);
    if (code != SATCHEL_OK)
        return code;
    if (!is_object(record))
        return sat_error_set(err, SATCHEL_INVALID, "a record is a JSON object with 'fields'");
    split(record, input, &foreign);
    if (foreign.data != NULL)
        return sat_error_set(err, SATCHEL_INVALID,
                             "unknown member '%.*s' of a record (known: id, version, fields, "
                             "metadata; values belong into 'fields')",
                             (int)(foreign.len > 100 ? 100 : foreign.len),
                             (const char *)foreign.data);
    if (!is_object(input->fields))
        return sat_error_set(err, SATCHEL_INVALID, "a record needs 'fields', a JSON object");
    if (!is_absent(input->metadata) && !is_object(input->metadata))
        return sat_error_set(err, SATCHEL_INVALID, "'metadata' of a record is no JSON object");
    return SATCHEL_OK;
}

/* Appends a string or integer; INVALID for others. */
static int put_id(satchel_span value, const char *where, struct sat_buf *out, satchel_error *err)
{
    int64_t number;
    if (sat_jscan_kind(value) == SAT_JKIND_STRING)
        sat_jscan_string(value, out);
    else if (sat_jscan_int(value, &number))
        put_int(out, number);
    else
        return sat_error_set(err, SATCHEL_INVALID,
                             "%s is neither a string nor an integer: no record id", where);
    return SATCHEL_OK;
}

/* The first of the places an id may stand; *where names it in errors. */
static bool find_id(const struct sat_doc_input *input, satchel_span *id, const char **where)
{
    const struct {
        satchel_span object;
        const char *name;
        const char *where;
    } places[] = {
        {input->fields, "id", "field 'id'"},
        {input->metadata, "id", "metadata 'id'"},
        {input->fields, "record_id", "field 'record_id'"},
    };
    *id = input->id;
    *where = "'id'";
    for (size_t i = 0; is_absent(*id) && i < sizeof places / sizeof places[0]; i++) {
        (void)sat_jscan_get(places[i].object, places[i].name, id);
        *where = places[i].where;
    }
    return !is_absent(*id);
}

int sat_doc_choose_id(const struct sat_doc_input *input, const char *given, struct sat_buf *out,
                      satchel_error *err)
{
    size_t start = out->len;
    satchel_span value;
    const char *where;
    int code = SATCHEL_OK;
    if (given != NULL)
        sat_buf_add_str(out, given);
    else if (find_id(input, &value, &where))
        code = put_id(value, where, out, err);
    else
        return SATCHEL_OK;
    if (code == SATCHEL_OK)
        code = sat_buf_check(out, "record id", err);
    if (code != SATCHEL_OK)
        return code;
    satchel_span id = {.data = sat_buf_str(out) + start, .len = out->len - start};
    return sat_doc_id_check(id, err);
}

/* ---- writing ---- */

static void put_stamp(struct sat_buf *out, const char *name, const char *value, bool first)
{
    put_key(out, sat_span_of(name), first);
    sat_jscan_put_string(out, sat_span_of(value));
}

/* The caller's metadata with created_at and updated_at set. */
static void put_metadata(struct sat_buf *out, satchel_span metadata,
                         const struct sat_doc_stamp *stamp)
{
    const char *const names[] = {"created_at", "updated_at"};
    const char *const values[] = {stamp->created_at, stamp->updated_at};
    bool done[] = {false, false};
    satchel_span key;
    satchel_span value;
    size_t cursor = 0;
    bool first = true;
    sat_buf_add_char(out, '{');
    while (sat_jscan_member(metadata, &cursor, &key, &value)) {
        size_t i = 0;
        while (i < 2 && !sat_jscan_key_is(key, sat_span_of(names[i])))
            i++;
        if (i < 2) {
            put_stamp(out, names[i], values[i], first);
            done[i] = true;
        } else {
            put_key(out, key, first);
            sat_jscan_put_compact(out, value);
        }
        first = false;
    }
    for (size_t i = 0; i < 2; i++) {
        if (!done[i])
            put_stamp(out, names[i], values[i], first);
        first = false;
    }
    sat_buf_add_char(out, '}');
}

static int write_bare(const struct sat_doc_input *input, struct sat_doc_body *out,
                      satchel_error *err)
{
    if (is_envelope(input->fields))
        return sat_error_set(
            err, SATCHEL_UNSUPPORTED,
            "record_format bare cannot hold a record whose only fields are of "
            "'fields', 'id', 'version', 'metadata': it would read as another form");
    put_object(&out->body, input->fields);
    sat_jscan_put_ascii(&out->header, sat_buf_span(&out->metadata));
    if (out->header.len > SAT_DOC_BARE_METADATA_MAX)
        return sat_error_set(err, SATCHEL_LIMIT,
                             "metadata takes %zu bytes; record_format bare has room for %d",
                             out->header.len, SAT_DOC_BARE_METADATA_MAX);
    return SATCHEL_OK;
}

static void write_plain(const struct sat_doc_input *input, const struct sat_doc_stamp *stamp,
                        struct sat_doc_body *out)
{
    put_head(&out->body, sat_span_of(stamp->id), stamp->version);
    put_object(&out->body, input->fields);
    sat_buf_add_str(&out->body, ",\"metadata\":");
    sat_buf_add(&out->body, out->metadata.data, out->metadata.len);
    sat_buf_add_char(&out->body, '}');
}

static int write_body(const struct sat_doc_input *input, const struct sat_doc_stamp *stamp,
                      struct sat_doc_body *out, satchel_error *err)
{
    int code = SATCHEL_OK;
    put_metadata(&out->metadata, input->metadata, stamp);
    if (stamp->form == SAT_DOC_BARE)
        code = write_bare(input, out, err);
    else
        write_plain(input, stamp, out);
    sat_buf_add_char(&out->body, '\n');
    if (code == SATCHEL_OK)
        code = sat_buf_check(&out->metadata, "metadata", err);
    if (code == SATCHEL_OK)
        code = sat_buf_check(&out->header, "metadata", err);
    return code == SATCHEL_OK ? sat_buf_check(&out->body, "record", err) : code;
}

int sat_doc_write(const struct sat_doc_input *input, const struct sat_doc_stamp *stamp,
                  struct sat_doc_body *out, satchel_error *err)
{
    size_t text = input->fields.len + input->metadata.len;
    size_t room = room_for(text, strlen(stamp->id));
    *out = (struct sat_doc_body){0};
    if (stamp->form == SAT_DOC_DATAKNOBS)
        return sat_error_set(err, SATCHEL_UNSUPPORTED,
                             "record_format dataknobs can be read, not yet written");
    sat_buf_init(&out->body, room);
    sat_buf_init(&out->metadata, room);
    sat_buf_init(&out->header, 6 * room);
    int code = write_body(input, stamp, out, err);
    if (code != SATCHEL_OK)
        sat_doc_body_fini(out);
    return code;
}

void sat_doc_body_fini(struct sat_doc_body *body)
{
    sat_buf_fini(&body->body);
    sat_buf_fini(&body->metadata);
    sat_buf_fini(&body->header);
}
