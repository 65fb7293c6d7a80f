/*
 * The query: one tree that every front end builds and every evaluator reads.
 *
 * A leaf is true or false, never unknown: on a field that is missing or null every operator is
 * false but not_exists and is_null, which are then true. `!=`, `not_in`, `not_like` and
 * `not_between` are true on a present, non-null field for which the positive form is false. NOT
 * inverts. An AND without children is true, an OR without children false.
 *
 * A query that is built is never changed: threads may share it.
 */
#ifndef SAT_QUERY_QUERY_H
#define SAT_QUERY_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <satchel/types.h>

#include "core/jpath.h"
#include "core/regex.h"
#include "core/vec.h"
#include "query/like.h"
#include "query/operator.h"

enum {
    SAT_QUERY_DEPTH_MAX = 64,     /* AND, OR and NOT inside each other */
    SAT_QUERY_LEAVES_MAX = 4096,  /* leaves of one query */
    SAT_QUERY_VALUES_MAX = 10000, /* values of all leaves together */
    SAT_QUERY_SORTS_MAX = 32,
    SAT_QUERY_FIELDS_MAX = 1000,
    SAT_QUERY_TEXT_MAX = 1024 * 1024 /* bytes of a query's text, in any front end */
};

/* A field as the user named it, and where that is in a record (sat_doc_path()). */
struct sat_field {
    char *name; /* canonical: one spelling for each place, so that texts compare */
    struct sat_path path;
};

/* INVALID for a bad path. *field needs sat_field_fini() on success only. */
int sat_field_init(satchel_span name, struct sat_field *field, satchel_error *err);
void sat_field_fini(struct sat_field *field);

struct sat_leaf {
    enum sat_operator op;
    struct sat_field field;
    satchel_buf *keys; /* sat_key() of the value, of the pair, or of the list: sorted, distinct */
    size_t key_count;
    satchel_buf text;        /* a value that is a string, decoded */
    struct sat_like *like;   /* like, not_like */
    struct sat_regex *regex; /* regex */
};

enum sat_node_kind { SAT_NODE_LEAF, SAT_NODE_AND, SAT_NODE_OR, SAT_NODE_NOT };

struct sat_node {
    enum sat_node_kind kind;
    struct sat_vec children; /* struct sat_node *: NOT has exactly one, a leaf none */
    struct sat_leaf *leaf;   /* of a leaf, else NULL */
};

struct sat_sort {
    struct sat_field field;
    bool descending;
};

struct sat_query {
    struct sat_node *filter; /* NULL: every record */
    struct sat_vec sorts;    /* struct sat_sort; the id follows as the last key */
    struct sat_vec fields;   /* struct sat_field: the projection; none: whole records */
    bool projects;           /* `fields` was given: an empty list leaves no field */
    int64_t limit;           /* -1: none */
    int64_t offset;          /* >= 0 */
};

/* An empty query: every record, in the order of ids. NULL when out of memory. */
struct sat_query *sat_query_new(void);
void sat_query_free(struct sat_query *query);
void sat_query_free_slot(struct sat_query **query);
#define SAT_AUTO_QUERY __attribute__((cleanup(sat_query_free_slot)))

/*
 * A leaf. `value` is one JSON value that has passed sat_jscan_validate(), or empty for none; what
 * it must be depends on the operator: else INVALID naming field and operator. NULL on failure.
 */
struct sat_node *sat_leaf_new(satchel_span field, enum sat_operator op, satchel_span value,
                              satchel_error *err);
/* AND, OR or NOT without children yet. NULL when out of memory. */
struct sat_node *sat_logic_new(enum sat_node_kind kind, satchel_error *err);
/* Takes `child`, also when it fails (NOMEM). */
int sat_logic_add(struct sat_node *parent, struct sat_node *child, satchel_error *err);
/* NOT over `child`, which is taken, also when it fails (NULL). */
struct sat_node *sat_not_new(struct sat_node *child, satchel_error *err);
/* Child `i` of a node; i < children.len. */
struct sat_node *sat_node_child(const struct sat_node *node, size_t i);
/* NULL is fine. The tree is at most as deep as its makers let it grow. */
void sat_node_free(struct sat_node *node);

/*
 * Each adds one; INVALID for a bad field, LIMIT over SAT_QUERY_SORTS_MAX or SAT_QUERY_FIELDS_MAX.
 */
int sat_query_add_sort(struct sat_query *query, satchel_span field, bool descending,
                       satchel_error *err);
int sat_query_add_field(struct sat_query *query, satchel_span field, satchel_error *err);

/* LIMIT when the tree is deeper, or has more leaves or values, than the constants above allow. */
int sat_query_check(const struct sat_query *query, satchel_error *err);

/*
 * Whether only one record can match: the filter is `id = 'text'`, or an AND with such a child. *id
 * is inside the query. The whole filter still has to be matched against that record.
 */
bool sat_query_single_id(const struct sat_query *query, satchel_span *id);

/*
 * The projection as sat_doc_project() wants it: a NULL pointer when out of memory; free with
 * sat_free(). The paths inside are borrowed from the query.
 */
struct sat_path *sat_query_paths(const struct sat_query *query);

#endif
