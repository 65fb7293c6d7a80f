/*
 * The record format: the public form and the three stored forms.
 *
 * The public form of a record is the JSON text
 *     {"id":"...","version":3,"fields":{...},"metadata":{...}}
 * compact, in this order, without a newline; it goes into the index and crosses the public API.
 *
 * Stored forms, told apart by the body alone. A body whose top-level members are all of `id`,
 * `version`, `fields`, `metadata`, with `fields` among them, is an envelope:
 *   plain      any envelope that is not dataknobs; `version` a positive integer or null (absent =
 *              null: written by another program)
 *   dataknobs  an envelope without `version` whose fields are all objects with `name`, `value`,
 *              `type` and `metadata` and nothing else but `dimensions`
 * Every other object is bare: it is the fields. An envelope whose members have other types than in
 * the public form, a body that is no object, and text that is not valid JSON are CORRUPT.
 */
#ifndef SAT_QUERY_DOC_H
#define SAT_QUERY_DOC_H

#include <stddef.h>
#include <stdint.h>

#include <satchel/types.h>

#include "core/buf.h"
#include "docid.h"
#include "docview.h"

enum sat_doc_form { SAT_DOC_PLAIN, SAT_DOC_DATAKNOBS, SAT_DOC_BARE };

/* All metadata of a bare record, as ASCII JSON: S3 allows 2 KiB for all names and values. */
enum { SAT_DOC_BARE_METADATA_MAX = 1600 };

/* "plain", "dataknobs", "bare" (option record_format); INVALID with the known names. */
int sat_doc_form_parse(const char *name, enum sat_doc_form *form, satchel_error *err);

/* ---- reading ---- */

struct sat_doc_source {
    const char *key;       /* for errors */
    satchel_span id;       /* of the key: it wins over the body's (objects are renamed by others) */
    satchel_span metadata; /* object metadata `satchelmetadata` (bare records), or empty */
};

struct sat_doc {
    struct sat_buf text; /* public form */
    satchel_span fields; /* inside text */
    satchel_span metadata;
    enum sat_doc_form form; /* as stored */
    int64_t version;        /* 0: none known */
};

/*
 * Validates and normalises a stored body. Of dataknobs fields the values are kept (their types and
 * own metadata are no part of a record) and metadata `_satchel_version` becomes the version.
 * CORRUPT names the key; NOMEM. *doc needs sat_doc_fini() on success only.
 */
int sat_doc_read(satchel_span body, const struct sat_doc_source *source, struct sat_doc *doc,
                 satchel_error *err);
void sat_doc_fini(struct sat_doc *doc);

/* ---- writing ---- */

/* The parts of a caller's record, inside its text; empty where absent. */
struct sat_doc_input {
    satchel_span id;
    satchel_span version;
    satchel_span fields;
    satchel_span metadata;
};

/*
 * Validates and splits a record that a caller gives: `{"fields":{...}}` with optional `id`,
 * `metadata` (object or null) and `version` (ignored: the counter is the library's), so that what
 * was read can be written. INVALID for any other member, a missing `fields`, and text that
 * sat_jscan_validate() refuses; NOMEM.
 */
int sat_doc_parse(satchel_span record, struct sat_doc_input *input, satchel_error *err);

/*
 * Appends the id that a record asks for: `given` (may be NULL), else its `id`, else field `id`,
 * else metadata `id`, else field `record_id`; each a string or an integer (42 is "42"), null counts
 * as absent. Appends nothing when there is none: the caller then makes a UUID v7. INVALID when the
 * first one present is of another type or fails sat_doc_id_check(); NOMEM.
 */
int sat_doc_choose_id(const struct sat_doc_input *input, const char *given, struct sat_buf *out,
                      satchel_error *err);

struct sat_doc_stamp {
    enum sat_doc_form form;
    const char *id;         /* checked */
    int64_t version;        /* >= 1; bare does not store it */
    const char *created_at; /* RFC 3339, UTC, microseconds */
    const char *updated_at;
};

struct sat_doc_body {
    struct sat_buf body;     /* what is stored, ending in one newline */
    struct sat_buf metadata; /* the complete metadata object, compact: for tags */
    struct sat_buf header;   /* bare only: ASCII value of object metadata `satchelmetadata` */
};

/*
 * Makes the stored body. Keys keep their order, numbers and strings their exact text, white space
 * goes. metadata.created_at and updated_at are set: in place where present, else at the end.
 * LIMIT (bare: metadata over SAT_DOC_BARE_METADATA_MAX), UNSUPPORTED (form dataknobs; bare fields
 * that would read back as an envelope), NOMEM. *out is initialised here and needs
 * sat_doc_body_fini() on success only.
 */
int sat_doc_write(const struct sat_doc_input *input, const struct sat_doc_stamp *stamp,
                  struct sat_doc_body *out, satchel_error *err);
void sat_doc_body_fini(struct sat_doc_body *body);

#endif
