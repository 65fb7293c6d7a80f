/*
 * A small document, YAML or JSON, as a tree whose values know where they stand. For configuration:
 * bounded in bytes, values and depth; what a program writes itself is read by json.h and jscan.h.
 */
#ifndef SAT_CORE_SETTING_H
#define SAT_CORE_SETTING_H

#include <stdbool.h>
#include <stddef.h>

#include <satchel/types.h>

#include "buf.h"
#include "jscan.h"

#define SAT_SETTING_BYTES_MAX ((size_t)1024 * 1024)
enum { SAT_SETTING_COUNT_MAX = 4096, SAT_SETTING_DEPTH = SAT_JSON_DEPTH };

enum sat_setting_kind { SAT_SETTING_SCALAR, SAT_SETTING_LIST, SAT_SETTING_MAP };

struct sat_setting {
    enum sat_setting_kind kind;
    bool quoted;   /* SCALAR: it is a string, whatever it looks like */
    size_t line;   /* where it begins (a member: where its key does), from 1 */
    size_t column; /* in code points, from 1 */
    char *key;     /* a member's; else NULL */
    char *text;    /* SCALAR: without quotes and escapes, before substitution; else NULL */
    struct sat_setting *first; /* LIST, MAP: elements or members in their order */
    struct sat_setting *next;
};

/*
 * Reads one JSON document. An owned *root; INVALID naming line and column (what
 * sat_jscan_validate() refuses), LIMIT, NOMEM.
 */
int sat_setting_read_json(satchel_span text, struct sat_setting **root, satchel_error *err);

/* Cleanses the texts, which may be secrets. NULL is fine. */
void sat_setting_free(struct sat_setting *root);
#define SAT_AUTO_SETTING __attribute__((cleanup(sat_auto_node_)))
void sat_auto_node_(struct sat_setting **slot);

/* A map's member of that key, or NULL. */
const struct sat_setting *sat_setting_get(const struct sat_setting *map, const char *key);

/*
 * The value of a SCALAR: `out` is reset and gets the text with substitutions made (expand.h), *kind
 * what it then is: what JSON would read without quotes is that, `~` and nothing at all are null,
 * and all else is a string - also every quoted scalar, and the nothing that a substitution left.
 */
int sat_setting_value(const struct sat_setting *node, struct sat_buf *out, enum sat_jkind *kind,
                      satchel_error *err);

/* ---- for readers: a tree from a stream of events */

struct sat_setting_builder {
    size_t line; /* of the event at hand; the reader sets both before each call */
    size_t column;
    struct sat_setting *root; /* owned by the builder until the reader takes it */
    size_t count;
    size_t depth;
    struct sat_setting *open[SAT_SETTING_DEPTH]; /* the containers that have begun and not ended */
    struct sat_setting *last[SAT_SETTING_DEPTH]; /* their last child */
    struct sat_setting *member;                  /* has its key and waits for its value */
};

/* Frees what was built. */
void sat_setting_builder_fini(struct sat_setting_builder *builder);
/* True when a key comes next: a map is open and no member waits for its value. */
bool sat_setting_wants_key(const struct sat_setting_builder *builder);
/* All of these: OK; INVALID (NUL, a key that is there already), LIMIT, with the place; NOMEM. */
int sat_setting_key(struct sat_setting_builder *builder, satchel_span key, satchel_error *err);
int sat_setting_scalar(struct sat_setting_builder *builder, satchel_span text, bool quoted,
                       satchel_error *err);
int sat_setting_begin(struct sat_setting_builder *builder, enum sat_setting_kind kind,
                      satchel_error *err);
/* Ends the innermost container. */
void sat_setting_end(struct sat_setting_builder *builder);

#endif
