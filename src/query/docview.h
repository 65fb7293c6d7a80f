/* Views of a record in public form (doc.h): paths into it, chosen fields, tags. */
#ifndef SAT_QUERY_DOCVIEW_H
#define SAT_QUERY_DOCVIEW_H

#include <stddef.h>

#include <satchel/types.h>

#include "core/buf.h"
#include "core/jpath.h"
#include "core/tags.h"

/*
 * The path of a field name as users write it, from the root of the public form: `id` and
 * `metadata...` are the record's own; everything else lies under `fields`. A JSON Pointer always
 * lies under `fields`, and so reaches fields that are called `id` or `metadata`. "" is INVALID.
 */
int sat_doc_path(const char *field, struct sat_path *path, satchel_error *err);

/*
 * Appends the record `text` with only those fields that a path of sat_doc_path() names, in their
 * nesting and order; of an array only the elements named. `id`, `version` and `metadata` stay
 * whole. Returns NOMEM or the buffer's code.
 */
int sat_doc_project(satchel_span text, const struct sat_path *paths, size_t count,
                    struct sat_buf *out);

/*
 * Appends to *tags, empty before, what metadata (a JSON object) projects to: `id`, `created_at`,
 * `updated_at` (where present), then the other keys in order; an empty key and `_types` have none.
 * Values: strings decoded, all else as compact JSON text. Neither fitted nor escaped: see
 * core/tags.h. NOMEM; *tags then needs sat_tags_fini() all the same.
 */
int sat_doc_tags(satchel_span metadata, satchel_span id, struct sat_tags *tags, satchel_error *err);

#endif
