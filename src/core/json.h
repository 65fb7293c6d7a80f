/*
 * A JSON tree for building and editing small documents and reading configuration. Eleven
 * microseconds a KiB: records and searches use jscan.h. core/json.c is the only home of jansson.
 *
 * A node is borrowed from its tree unless a comment says owned; only roots are freed.
 */
#ifndef SAT_CORE_JSON_H
#define SAT_CORE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <satchel/types.h>

#include "buf.h"

struct sat_json; /* opaque */

enum sat_json_type {
    SAT_JSON_NULL,
    SAT_JSON_BOOL,
    SAT_JSON_INT,
    SAT_JSON_REAL,
    SAT_JSON_STRING,
    SAT_JSON_ARRAY,
    SAT_JSON_OBJECT
};

/*
 * Parses one value under the rules of sat_jscan_validate() (duplicate keys, NUL, depth and size of
 * numbers refused; the error names line and column). Owned *root, or INVALID, NOMEM.
 */
int sat_json_parse(satchel_span text, struct sat_json **root, satchel_error *err);
/* Frees an owned root, its strings cleansed; NULL is fine. */
void sat_json_free(struct sat_json *root);
void sat_json_free_slot(struct sat_json **slot);
#define SAT_AUTO_JSON __attribute__((cleanup(sat_json_free_slot)))

/* Appends compact text: members in insertion order, UTF-8 unescaped, shortest exact reals. */
int sat_json_dump(const struct sat_json *node, struct sat_buf *out);

enum sat_json_type sat_json_type(const struct sat_json *node);
/* The value of a node of that type; of another type "", 0, 0.0, false. An INT reads as a real too.
 */
const char *sat_json_str(const struct sat_json *node);
int64_t sat_json_int(const struct sat_json *node);
double sat_json_real(const struct sat_json *node);
bool sat_json_bool(const struct sat_json *node);

/* Elements of an array, members of an object, else 0. */
size_t sat_json_len(const struct sat_json *node);
/* Element `index`, or NULL. */
struct sat_json *sat_json_at(const struct sat_json *array, size_t index);
/* Member `key`, or NULL when it is missing or `object` is NULL or none. */
struct sat_json *sat_json_get(const struct sat_json *object, const char *key);
/*
 * Walks members in insertion order: start with *iter = NULL; false at the end. The object must not
 * change meanwhile.
 */
bool sat_json_next(struct sat_json *object, void **iter, const char **key, struct sat_json **value);

#endif
