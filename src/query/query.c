/* The query tree: building, checking and freeing it. */
#include "query.h"

#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/jscan.h"
#include "core/str.h"
#include "query/doc.h"
#include "query/key.h"

/* The longest key a value of a query can have: each byte of its text may grow to a few. */
#define KEY_MAX ((size_t)16 * SAT_QUERY_TEXT_MAX)

/* ---- fields ---- */

/* Whether a step of a JSON Pointer can be written as a name between dots. */
static bool is_plain_name(const struct sat_path_step *step, bool first)
{
    if (!step->is_key || step->is_index || step->key.len == 0)
        return false;
    const char *key = step->key.data;
    for (size_t i = 0; i < step->key.len; i++) {
        if (key[i] == '.' || key[i] == '[' || key[i] == ']')
            return false;
    }
    return !first ||
           (key[0] != '/' && !sat_span_eq(step->key, "id") && !sat_span_eq(step->key, "metadata"));
}

/*
 * A JSON Pointer that has a dotted spelling gets it, so that `/address/city` finds the index on
 * `address.city`. Step 0 is the `fields` that sat_doc_path() put in front.
 */
static int canonical_name(const char *name, const struct sat_path *path, char **out)
{
    bool dotted = name[0] == '/';
    for (size_t i = 1; dotted && i < path->count; i++)
        dotted = is_plain_name(&path->steps[i], i == 1);
    struct sat_buf text;
    sat_buf_init(&text, SAT_QUERY_TEXT_MAX);
    if (!dotted)
        (void)sat_buf_add_str(&text, name);
    for (size_t i = 1; dotted && i < path->count; i++) {
        if (i > 1)
            (void)sat_buf_add_char(&text, '.');
        (void)sat_buf_add(&text, path->steps[i].key.data, path->steps[i].key.len);
    }
    int code = text.failed;
    *out = code == SATCHEL_OK ? sat_buf_take(&text, NULL) : NULL;
    sat_buf_fini(&text);
    return *out != NULL ? SATCHEL_OK : SATCHEL_NOMEM;
}

int sat_field_init(satchel_span name, struct sat_field *field, satchel_error *err)
{
    SAT_AUTO_FREE char *text = sat_strndup(name.len > 0 ? name.data : "", name.len);
    if (text == NULL)
        return sat_error_nomem(err);
    *field = (struct sat_field){0};
    int rc = sat_doc_path(text, &field->path, err);
    if (rc != SATCHEL_OK)
        return rc;
    if (canonical_name(text, &field->path, &field->name) == SATCHEL_OK)
        return SATCHEL_OK;
    sat_path_fini(&field->path);
    return sat_error_nomem(err);
}

void sat_field_fini(struct sat_field *field)
{
    sat_free(field->name);
    sat_path_fini(&field->path);
    *field = (struct sat_field){0};
}

/* ---- leaves ---- */

static const char *kind_name(satchel_span value)
{
    static const char *const names[] = {
        [SAT_JKIND_NONE] = "nothing",    [SAT_JKIND_NULL] = "null",
        [SAT_JKIND_FALSE] = "false",     [SAT_JKIND_TRUE] = "true",
        [SAT_JKIND_NUMBER] = "a number", [SAT_JKIND_STRING] = "a string",
        [SAT_JKIND_ARRAY] = "an array",  [SAT_JKIND_OBJECT] = "an object",
    };
    return names[sat_jscan_kind(value)];
}

static int wants(const struct sat_leaf *leaf, const char *what, satchel_span value,
                 satchel_error *err)
{
    return sat_error_set(err, SATCHEL_INVALID, "operator '%s' on field '%s' needs %s, not %s",
                         sat_operator_name(leaf->op), leaf->field.name, what, kind_name(value));
}

static int buf_to_owned(struct sat_buf *from, satchel_buf *to, satchel_error *err)
{
    int rc = sat_buf_check(from, "value", err);
    if (rc != SATCHEL_OK)
        return rc;
    to->data = sat_buf_take(from, &to->len);
    return to->data != NULL ? SATCHEL_OK : sat_error_nomem(err);
}

static int compare_keys(const void *a, const void *b)
{
    const satchel_buf *x = a;
    const satchel_buf *y = b;
    return sat_key_compare((satchel_span){x->data, x->len}, (satchel_span){y->data, y->len});
}

static int add_key(struct sat_leaf *leaf, satchel_span value, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf key;
    sat_buf_init(&key, KEY_MAX);
    (void)sat_key(value, &key);
    int rc = buf_to_owned(&key, &leaf->keys[leaf->key_count], err);
    if (rc == SATCHEL_OK)
        leaf->key_count++;
    return rc;
}

static size_t count_elements(satchel_span array)
{
    size_t count = 0;
    size_t cursor = 0;
    satchel_span element;
    while (sat_jscan_element(array, &cursor, &element))
        count++;
    return count;
}

static int add_keys(struct sat_leaf *leaf, satchel_span array, satchel_error *err)
{
    leaf->keys = sat_calloc(count_elements(array), sizeof leaf->keys[0]);
    if (leaf->keys == NULL)
        return sat_error_nomem(err);
    size_t cursor = 0;
    satchel_span element;
    while (sat_jscan_element(array, &cursor, &element)) {
        int rc = add_key(leaf, element, err);
        if (rc != SATCHEL_OK)
            return rc;
    }
    return SATCHEL_OK;
}

/* Sorted and without repeats, for the binary search of `in`. */
static void sort_keys(struct sat_leaf *leaf)
{
    if (leaf->key_count == 0)
        return;
    qsort(leaf->keys, leaf->key_count, sizeof leaf->keys[0], compare_keys);
    size_t kept = 1;
    for (size_t i = 1; i < leaf->key_count; i++) {
        if (compare_keys(&leaf->keys[kept - 1], &leaf->keys[i]) == 0)
            sat_free(leaf->keys[i].data);
        else
            leaf->keys[kept++] = leaf->keys[i];
    }
    leaf->key_count = kept;
}

static int set_list(struct sat_leaf *leaf, satchel_span value, satchel_error *err)
{
    if (sat_jscan_kind(value) != SAT_JKIND_ARRAY)
        return wants(leaf, "an array", value, err);
    int rc = add_keys(leaf, value, err);
    if (rc == SATCHEL_OK)
        sort_keys(leaf);
    return rc;
}

static int set_pair(struct sat_leaf *leaf, satchel_span value, satchel_error *err)
{
    if (sat_jscan_kind(value) != SAT_JKIND_ARRAY)
        return wants(leaf, "an array of two values", value, err);
    size_t count = count_elements(value);
    if (count != 2)
        return sat_error_set(err, SATCHEL_INVALID,
                             "operator '%s' on field '%s' needs an array of two values, not %zu",
                             sat_operator_name(leaf->op), leaf->field.name, count);
    return add_keys(leaf, value, err);
}

static int set_text(struct sat_leaf *leaf, satchel_span value, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, SAT_QUERY_TEXT_MAX);
    (void)sat_jscan_string(value, &text);
    return buf_to_owned(&text, &leaf->text, err);
}

static int set_one(struct sat_leaf *leaf, satchel_span value, satchel_error *err)
{
    if (value.len == 0)
        return wants(leaf, "a value", value, err);
    leaf->keys = sat_calloc(1, sizeof leaf->keys[0]);
    if (leaf->keys == NULL)
        return sat_error_nomem(err);
    int rc = add_key(leaf, value, err);
    if (rc == SATCHEL_OK && sat_jscan_kind(value) == SAT_JKIND_STRING)
        rc = set_text(leaf, value, err);
    return rc;
}

static int set_pattern(struct sat_leaf *leaf, satchel_span value, satchel_error *err)
{
    if (sat_jscan_kind(value) != SAT_JKIND_STRING)
        return wants(leaf, "a string", value, err);
    int rc = set_text(leaf, value, err);
    if (rc != SATCHEL_OK)
        return rc;
    satchel_span text = {leaf->text.data, leaf->text.len};
    if (leaf->op == SAT_OPERATOR_LIKE || leaf->op == SAT_OPERATOR_NOT_LIKE)
        rc = sat_like_new(text, &leaf->like, err);
    else if (leaf->op == SAT_OPERATOR_REGEX)
        rc = sat_regex_new(text, &leaf->regex, err);
    if (rc != SATCHEL_OK)
        sat_error_prefix(err, "field '%s': ", leaf->field.name);
    return rc;
}

/* null and true stand for "nothing": programs that always write a value write one of them. */
static int set_nothing(struct sat_leaf *leaf, satchel_span value, satchel_error *err)
{
    enum sat_jkind kind = sat_jscan_kind(value);
    if (kind == SAT_JKIND_NONE || kind == SAT_JKIND_NULL || kind == SAT_JKIND_TRUE)
        return SATCHEL_OK;
    return wants(leaf, "no value", value, err);
}

static int set_value(struct sat_leaf *leaf, satchel_span value, satchel_error *err)
{
    switch (sat_operator_takes(leaf->op)) {
    case SAT_TAKES_NONE:
        return set_nothing(leaf, value, err);
    case SAT_TAKES_LIST:
        return set_list(leaf, value, err);
    case SAT_TAKES_PAIR:
        return set_pair(leaf, value, err);
    case SAT_TAKES_TEXT:
        return set_pattern(leaf, value, err);
    default:
        return set_one(leaf, value, err);
    }
}

static void leaf_free(struct sat_leaf *leaf)
{
    if (leaf == NULL)
        return;
    sat_field_fini(&leaf->field);
    for (size_t i = 0; i < leaf->key_count; i++)
        sat_free(leaf->keys[i].data);
    sat_free(leaf->keys);
    sat_free(leaf->text.data);
    sat_like_free(leaf->like);
    sat_regex_free(leaf->regex);
    sat_free(leaf);
}

struct sat_node *sat_leaf_new(satchel_span field, enum sat_operator op, satchel_span value,
                              satchel_error *err)
{
    struct sat_node *node = sat_logic_new(SAT_NODE_LEAF, err);
    if (node == NULL)
        return NULL;
    node->leaf = sat_calloc(1, sizeof *node->leaf);
    int rc =
        node->leaf != NULL ? sat_field_init(field, &node->leaf->field, err) : sat_error_nomem(err);
    if (rc == SATCHEL_OK) {
        node->leaf->op = op;
        rc = set_value(node->leaf, sat_jscan_trim(value), err);
    }
    if (rc == SATCHEL_OK)
        return node;
    sat_node_free(node);
    return NULL;
}

/* ---- logic ---- */

struct sat_node *sat_logic_new(enum sat_node_kind kind, satchel_error *err)
{
    struct sat_node *node = sat_calloc(1, sizeof *node);
    if (node == NULL) {
        (void)sat_error_nomem(err);
        return NULL;
    }
    node->kind = kind;
    sat_vec_init(&node->children, sizeof(struct sat_node *));
    return node;
}

int sat_logic_add(struct sat_node *parent, struct sat_node *child, satchel_error *err)
{
    if (sat_vec_push(&parent->children, &child) != NULL)
        return SATCHEL_OK;
    sat_node_free(child);
    return sat_error_nomem(err);
}

struct sat_node *sat_not_new(struct sat_node *child, satchel_error *err)
{
    struct sat_node *node = sat_logic_new(SAT_NODE_NOT, err);
    if (node == NULL) {
        sat_node_free(child);
        return NULL;
    }
    if (sat_logic_add(node, child, err) == SATCHEL_OK)
        return node;
    sat_node_free(node);
    return NULL;
}

struct sat_node *sat_node_child(const struct sat_node *node, size_t i)
{
    struct sat_node *const *slot = sat_vec_at(&node->children, i);
    return *slot;
}

void sat_node_free(struct sat_node *node)
{
    if (node == NULL)
        return;
    for (size_t i = 0; i < node->children.len; i++)
        sat_node_free(sat_node_child(node, i));
    sat_vec_fini(&node->children);
    leaf_free(node->leaf);
    sat_free(node);
}

/* ---- queries ---- */

struct sat_query *sat_query_new(void)
{
    struct sat_query *query = sat_calloc(1, sizeof *query);
    if (query == NULL)
        return NULL;
    sat_vec_init(&query->sorts, sizeof(struct sat_sort));
    sat_vec_init(&query->fields, sizeof(struct sat_field));
    query->limit = -1;
    return query;
}

void sat_query_free(struct sat_query *query)
{
    if (query == NULL)
        return;
    sat_node_free(query->filter);
    for (size_t i = 0; i < query->sorts.len; i++) {
        struct sat_sort *sort = sat_vec_at(&query->sorts, i);
        sat_field_fini(&sort->field);
    }
    for (size_t i = 0; i < query->fields.len; i++)
        sat_field_fini(sat_vec_at(&query->fields, i));
    sat_vec_fini(&query->sorts);
    sat_vec_fini(&query->fields);
    sat_free(query);
}

void sat_query_free_slot(struct sat_query **query)
{
    sat_query_free(*query);
}

int sat_query_add_sort(struct sat_query *query, satchel_span field, bool descending,
                       satchel_error *err)
{
    if (query->sorts.len == SAT_QUERY_SORTS_MAX)
        return sat_error_set(err, SATCHEL_LIMIT, "more than %d sort fields", SAT_QUERY_SORTS_MAX);
    struct sat_sort sort = {.descending = descending};
    int rc = sat_field_init(field, &sort.field, err);
    if (rc != SATCHEL_OK)
        return rc;
    if (sat_vec_push(&query->sorts, &sort) != NULL)
        return SATCHEL_OK;
    sat_field_fini(&sort.field);
    return sat_error_nomem(err);
}

int sat_query_add_field(struct sat_query *query, satchel_span field, satchel_error *err)
{
    if (query->fields.len == SAT_QUERY_FIELDS_MAX)
        return sat_error_set(err, SATCHEL_LIMIT, "more than %d fields", SAT_QUERY_FIELDS_MAX);
    struct sat_field added;
    int rc = sat_field_init(field, &added, err);
    if (rc != SATCHEL_OK)
        return rc;
    if (sat_vec_push(&query->fields, &added) != NULL)
        return SATCHEL_OK;
    sat_field_fini(&added);
    return sat_error_nomem(err);
}

struct totals {
    size_t leaves;
    size_t values;
    size_t depth; /* of the deepest AND, OR or NOT */
};

static void measure(const struct sat_node *node, size_t depth, struct totals *totals)
{
    if (node->kind == SAT_NODE_LEAF) {
        totals->leaves++;
        totals->values += node->leaf->key_count;
        return;
    }
    if (depth + 1 > totals->depth)
        totals->depth = depth + 1;
    for (size_t i = 0; i < node->children.len; i++)
        measure(sat_node_child(node, i), depth + 1, totals);
}

int sat_query_check(const struct sat_query *query, satchel_error *err)
{
    struct totals totals = {0};
    if (query->filter != NULL)
        measure(query->filter, 0, &totals);
    if (totals.depth > SAT_QUERY_DEPTH_MAX)
        return sat_error_set(err, SATCHEL_LIMIT, "query is nested %zu deep (at most %d)",
                             totals.depth, SAT_QUERY_DEPTH_MAX);
    if (totals.leaves > SAT_QUERY_LEAVES_MAX)
        return sat_error_set(err, SATCHEL_LIMIT, "query has %zu conditions (at most %d)",
                             totals.leaves, SAT_QUERY_LEAVES_MAX);
    if (totals.values > SAT_QUERY_VALUES_MAX)
        return sat_error_set(err, SATCHEL_LIMIT, "query has %zu values (at most %d)", totals.values,
                             SAT_QUERY_VALUES_MAX);
    return SATCHEL_OK;
}

static bool names_id(const struct sat_node *node, satchel_span *id)
{
    if (node->kind != SAT_NODE_LEAF || node->leaf->op != SAT_OPERATOR_EQ ||
        !sat_str_eq(node->leaf->field.name, "id") || node->leaf->text.data == NULL)
        return false;
    *id = (satchel_span){node->leaf->text.data, node->leaf->text.len};
    return true;
}

bool sat_query_single_id(const struct sat_query *query, satchel_span *id)
{
    if (query->filter == NULL)
        return false;
    if (names_id(query->filter, id))
        return true;
    if (query->filter->kind != SAT_NODE_AND)
        return false;
    for (size_t i = 0; i < query->filter->children.len; i++) {
        if (names_id(sat_node_child(query->filter, i), id))
            return true;
    }
    return false;
}

struct sat_path *sat_query_paths(const struct sat_query *query)
{
    struct sat_path *paths = sat_calloc(query->fields.len, sizeof *paths);
    for (size_t i = 0; paths != NULL && i < query->fields.len; i++) {
        const struct sat_field *field = sat_vec_at(&query->fields, i);
        paths[i] = field->path;
    }
    return paths;
}
