/* The JSON front end of a query: reads the text in place and builds the tree. */
#include "parse.h"

#include <string.h>

#include "core/buf.h"
#include "core/error.h"
#include "core/jscan.h"
#include "core/str.h"
#include "query/shown.h"

/*
 * Each AND, OR or NOT of the tree is at most two levels of JSON, and a value may be nested too; the
 * tree's own depth is bounded by MAX_CONDITIONS while it is read.
 */
enum { JSON_DEPTH = 256, MAX_CONDITIONS = SAT_QUERY_DEPTH_MAX + 1, NAME_MAX_LEN = 64 };

/* ---- helpers ---- */

static bool is_absent(satchel_span value)
{
    enum sat_jkind kind = sat_jscan_kind(value);
    return kind == SAT_JKIND_NONE || kind == SAT_JKIND_NULL;
}

/* A short string value in `out`, or false. */
static bool short_text(satchel_span value, char out[NAME_MAX_LEN + 1])
{
    satchel_span text;
    if (!sat_jscan_plain_string(value, &text) || text.len > NAME_MAX_LEN)
        return false;
    if (text.len > 0)
        memcpy(out, text.data, text.len);
    out[text.len] = '\0';
    return true;
}

static int unknown_key(const char *what, satchel_span key, const char *const *known, size_t count,
                       satchel_error *err)
{
    char name[SAT_SHOWN_MAX + 1];
    size_t len = (size_t)sat_shown(key);
    memcpy(name, sat_shown_text(key), len);
    name[len] = '\0';
    const char *nearest = sat_nearest(name, known, count);
    if (nearest != NULL)
        return sat_error_set(err, SATCHEL_INVALID, "unknown key '%s' in %s (did you mean '%s'?)",
                             name, what, nearest);
    SAT_AUTO_BUF struct sat_buf list;
    sat_buf_init(&list, 1000);
    for (size_t i = 0; i < count; i++)
        (void)sat_buf_addf(&list, "%s%s", i > 0 ? ", " : "", known[i]);
    return sat_error_set(err, SATCHEL_INVALID, "unknown key '%s' in %s (known: %s)", name, what,
                         sat_buf_str(&list));
}

/* The members of `object` whose names are `names`, in `values`; any other is INVALID. */
static int take_members(const char *what, satchel_span object, const char *const *names,
                        size_t count, satchel_span *values, satchel_error *err)
{
    size_t cursor = 0;
    satchel_span key;
    satchel_span value;
    while (sat_jscan_member(object, &cursor, &key, &value)) {
        size_t i = 0;
        while (i < count && !sat_jscan_key_is(key, sat_span_of(names[i])))
            i++;
        if (i == count)
            return unknown_key(what, key, names, count, err);
        values[i] = value;
    }
    return SATCHEL_OK;
}

/* ---- conditions ---- */

static struct sat_node *parse_condition(satchel_span value, int depth, satchel_error *err);

static struct sat_node *parse_leaf(satchel_span object, satchel_error *err)
{
    static const char *const names[] = {"field", "operator", "value"};
    satchel_span values[3] = {{0}};
    if (take_members("a filter", object, names, 3, values, err) != SATCHEL_OK)
        return NULL;
    if (sat_jscan_kind(values[0]) != SAT_JKIND_STRING ||
        sat_jscan_kind(values[1]) != SAT_JKIND_STRING) {
        (void)sat_error_set(err, SATCHEL_INVALID, "a filter needs \"%s\", a string",
                            sat_jscan_kind(values[0]) != SAT_JKIND_STRING ? names[0] : names[1]);
        return NULL;
    }
    SAT_AUTO_BUF struct sat_buf field;
    SAT_AUTO_BUF struct sat_buf name;
    sat_buf_init(&field, SAT_QUERY_TEXT_MAX);
    sat_buf_init(&name, SAT_QUERY_TEXT_MAX);
    (void)sat_jscan_string(values[0], &field);
    (void)sat_jscan_string(values[1], &name);
    enum sat_operator op;
    if (sat_buf_check(&field, "field", err) != SATCHEL_OK ||
        sat_buf_check(&name, "operator", err) != SATCHEL_OK)
        return NULL;
    if (sat_operator_parse(sat_buf_span(&name), &op, err) != SATCHEL_OK) {
        sat_error_prefix(err, "field '%.*s': ", sat_shown(sat_buf_span(&field)),
                         sat_buf_str(&field));
        return NULL;
    }
    return sat_leaf_new(sat_buf_span(&field), op, values[2], err);
}

/* Adds every element of `array` to `parent`, which stays the caller's. */
static int add_conditions(struct sat_node *parent, satchel_span array, const char *what, int depth,
                          satchel_error *err)
{
    if (sat_jscan_kind(array) != SAT_JKIND_ARRAY)
        return sat_error_set(err, SATCHEL_INVALID, "\"%s\" needs an array of conditions", what);
    size_t cursor = 0;
    satchel_span element;
    while (sat_jscan_element(array, &cursor, &element)) {
        struct sat_node *child = parse_condition(element, depth, err);
        if (child == NULL)
            return SATCHEL_INVALID; /* *err has the code that counts */
        int rc = sat_logic_add(parent, child, err);
        if (rc != SATCHEL_OK)
            return rc;
    }
    return SATCHEL_OK;
}

static struct sat_node *parse_list(enum sat_node_kind kind, satchel_span array, const char *what,
                                   int depth, satchel_error *err)
{
    struct sat_node *node = sat_logic_new(kind, err);
    if (node == NULL || add_conditions(node, array, what, depth, err) == SATCHEL_OK)
        return node;
    sat_node_free(node);
    return NULL;
}

/* NOT of one condition; of several (dataknobs), NOT over their OR. */
static struct sat_node *parse_none_of(satchel_span array, int depth, satchel_error *err)
{
    struct sat_node *any = parse_list(SAT_NODE_OR, array, "conditions", depth, err);
    return any != NULL ? sat_not_new(any, err) : NULL;
}

static struct sat_node *parse_logic(satchel_span name, satchel_span conditions, int depth,
                                    satchel_error *err)
{
    char text[NAME_MAX_LEN + 1] = "";
    (void)short_text(name, text);
    if (sat_str_eq_nocase(text, "and"))
        return parse_list(SAT_NODE_AND, conditions, "conditions", depth, err);
    if (sat_str_eq_nocase(text, "or"))
        return parse_list(SAT_NODE_OR, conditions, "conditions", depth, err);
    if (sat_str_eq_nocase(text, "not"))
        return parse_none_of(conditions, depth, err);
    (void)sat_error_set(err, SATCHEL_INVALID, "unknown logic operator '%s' (known: and, or, not)",
                        text);
    return NULL;
}

/* The forms with a "type". */
static struct sat_node *parse_typed(satchel_span object, int depth, satchel_error *err)
{
    static const char *const names[] = {"type", "filter", "operator", "conditions"};
    satchel_span values[4] = {{0}};
    char type[NAME_MAX_LEN + 1] = "";
    if (take_members("a condition with \"type\"", object, names, 4, values, err) != SATCHEL_OK)
        return NULL;
    (void)short_text(values[0], type);
    if (sat_str_eq(type, "filter") && sat_jscan_kind(values[1]) == SAT_JKIND_OBJECT)
        return parse_leaf(values[1], err);
    if (sat_str_eq(type, "logic"))
        return parse_logic(values[2], values[3], depth, err);
    (void)sat_error_set(err, SATCHEL_INVALID,
                        "a condition with \"type\" is {\"type\":\"filter\",\"filter\":{...}} or "
                        "{\"type\":\"logic\",\"operator\":...,\"conditions\":[...]}");
    return NULL;
}

static struct sat_node *parse_not(satchel_span value, int depth, satchel_error *err)
{
    struct sat_node *child = parse_condition(value, depth, err);
    return child != NULL ? sat_not_new(child, err) : NULL;
}

/* `{"and": ...}` and its like: one member alone. */
static struct sat_node *parse_keyed(satchel_span object, int depth, satchel_error *err)
{
    static const char *const names[] = {"and", "or", "not"};
    satchel_span values[3] = {{0}};
    if (take_members("a condition", object, names, 3, values, err) != SATCHEL_OK)
        return NULL;
    int given = (values[0].len > 0) + (values[1].len > 0) + (values[2].len > 0);
    if (given != 1) {
        (void)sat_error_set(err, SATCHEL_INVALID,
                            "a condition has \"field\" and \"operator\", or one of \"and\", "
                            "\"or\", \"not\" alone");
        return NULL;
    }
    if (values[0].len > 0)
        return parse_list(SAT_NODE_AND, values[0], "and", depth, err);
    if (values[1].len > 0)
        return parse_list(SAT_NODE_OR, values[1], "or", depth, err);
    return parse_not(values[2], depth, err);
}

/* NULL with *err filled. `depth` counts the conditions around this one. */
static struct sat_node *parse_condition(satchel_span value, int depth, satchel_error *err)
{
    if (depth >= MAX_CONDITIONS) {
        (void)sat_error_set(err, SATCHEL_LIMIT, "query is nested more than %d deep",
                            SAT_QUERY_DEPTH_MAX);
        return NULL;
    }
    if (sat_jscan_kind(value) != SAT_JKIND_OBJECT) {
        (void)sat_error_set(err, SATCHEL_INVALID, "a condition is an object, not '%.*s'",
                            sat_shown(value), sat_shown_text(value));
        return NULL;
    }
    satchel_span unused;
    if (sat_jscan_get(value, "type", &unused))
        return parse_typed(value, depth + 1, err);
    if (sat_jscan_get(value, "and", &unused) || sat_jscan_get(value, "or", &unused) ||
        sat_jscan_get(value, "not", &unused))
        return parse_keyed(value, depth + 1, err);
    return parse_leaf(value, err);
}

/* ---- the query ---- */

/* The filters and the condition, under one AND unless there is only one of them. */
static int parse_filter(struct sat_query *query, satchel_span filters, satchel_span condition,
                        satchel_error *err)
{
    if (is_absent(filters)) {
        if (is_absent(condition))
            return SATCHEL_OK;
        query->filter = parse_condition(condition, 0, err);
        return query->filter != NULL ? SATCHEL_OK : SATCHEL_INVALID;
    }
    query->filter = parse_list(SAT_NODE_AND, filters, "filters", 0, err);
    if (query->filter == NULL)
        return SATCHEL_INVALID;
    if (is_absent(condition))
        return SATCHEL_OK;
    struct sat_node *extra = parse_condition(condition, 0, err);
    return extra != NULL ? sat_logic_add(query->filter, extra, err) : SATCHEL_INVALID;
}

/* Calls `add` with the decoded string `value`. */
static int with_field(struct sat_query *query, satchel_span value, bool descending,
                      int (*add)(struct sat_query *, satchel_span, bool, satchel_error *),
                      satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf name;
    sat_buf_init(&name, SAT_QUERY_TEXT_MAX);
    (void)sat_jscan_string(value, &name);
    int rc = sat_buf_check(&name, "field", err);
    return rc == SATCHEL_OK ? add(query, sat_buf_span(&name), descending, err) : rc;
}

static int parse_sort_item(struct sat_query *query, satchel_span item, satchel_error *err)
{
    static const char *const names[] = {"field", "order"};
    satchel_span values[2] = {{0}};
    if (sat_jscan_kind(item) != SAT_JKIND_OBJECT)
        return sat_error_set(err, SATCHEL_INVALID, "\"sort\" needs objects {\"field\",\"order\"}");
    int rc = take_members("a sort", item, names, 2, values, err);
    if (rc != SATCHEL_OK)
        return rc;
    if (sat_jscan_kind(values[0]) != SAT_JKIND_STRING)
        return sat_error_set(err, SATCHEL_INVALID, "a sort needs \"field\", a string");
    char order[NAME_MAX_LEN + 1] = "asc";
    bool known = is_absent(values[1]) || short_text(values[1], order);
    bool descending = sat_str_eq_nocase(order, "desc");
    if (!known || (!descending && !sat_str_eq_nocase(order, "asc")))
        return sat_error_set(err, SATCHEL_INVALID, "unknown sort order '%.*s' (known: asc, desc)",
                             sat_shown(values[1]), sat_shown_text(values[1]));
    return with_field(query, values[0], descending, sat_query_add_sort, err);
}

static int parse_sort(struct sat_query *query, satchel_span sort, satchel_error *err)
{
    if (is_absent(sort))
        return SATCHEL_OK;
    if (sat_jscan_kind(sort) != SAT_JKIND_ARRAY)
        return sat_error_set(err, SATCHEL_INVALID, "\"sort\" needs an array");
    size_t cursor = 0;
    satchel_span item;
    while (sat_jscan_element(sort, &cursor, &item)) {
        int rc = parse_sort_item(query, item, err);
        if (rc != SATCHEL_OK)
            return rc;
    }
    return SATCHEL_OK;
}

static int add_projected(struct sat_query *query, satchel_span field, bool unused,
                         satchel_error *err)
{
    (void)unused;
    return sat_query_add_field(query, field, err);
}

static int parse_fields(struct sat_query *query, satchel_span fields, satchel_error *err)
{
    if (is_absent(fields))
        return SATCHEL_OK;
    if (sat_jscan_kind(fields) != SAT_JKIND_ARRAY)
        return sat_error_set(err, SATCHEL_INVALID, "\"fields\" needs an array of strings");
    query->projects = true;
    size_t cursor = 0;
    satchel_span item;
    while (sat_jscan_element(fields, &cursor, &item)) {
        if (sat_jscan_kind(item) != SAT_JKIND_STRING)
            return sat_error_set(err, SATCHEL_INVALID, "\"fields\" needs an array of strings");
        int rc = with_field(query, item, false, add_projected, err);
        if (rc != SATCHEL_OK)
            return rc;
    }
    return SATCHEL_OK;
}

static int parse_number(const char *name, satchel_span value, int64_t *out, satchel_error *err)
{
    if (is_absent(value))
        return SATCHEL_OK;
    if (sat_jscan_int(value, out) && *out >= 0)
        return SATCHEL_OK;
    return sat_error_set(err, SATCHEL_INVALID, "\"%s\" needs an integer of at least 0, not '%.*s'",
                         name, sat_shown(value), sat_shown_text(value));
}

enum { FILTERS, CONDITION, SORT, LIMIT, OFFSET, FIELDS, KEY_COUNT };

static int parse_query(struct sat_query *query, satchel_span text, satchel_error *err)
{
    static const char *const names[KEY_COUNT] = {"filters", "condition", "sort",
                                                 "limit",   "offset",    "fields"};
    satchel_span values[KEY_COUNT] = {{0}};
    int rc = take_members("the query", text, names, KEY_COUNT, values, err);
    if (rc == SATCHEL_OK)
        rc = parse_filter(query, values[FILTERS], values[CONDITION], err);
    if (rc == SATCHEL_OK)
        rc = parse_sort(query, values[SORT], err);
    if (rc == SATCHEL_OK)
        rc = parse_number("limit", values[LIMIT], &query->limit, err);
    if (rc == SATCHEL_OK)
        rc = parse_number("offset", values[OFFSET], &query->offset, err);
    if (rc == SATCHEL_OK)
        rc = parse_fields(query, values[FIELDS], err);
    return rc == SATCHEL_OK ? sat_query_check(query, err) : rc;
}

int sat_query_parse_json(satchel_span text, struct sat_query **query, satchel_error *err)
{
    satchel_error own;
    if (err == NULL)
        err = &own; /* the code is read back from it */
    if (text.len > SAT_QUERY_TEXT_MAX)
        return sat_error_set(err, SATCHEL_LIMIT, "query is over %d bytes", SAT_QUERY_TEXT_MAX);
    struct sat_jvalid_limits limits = {.max_depth = JSON_DEPTH};
    int rc = sat_jscan_validate(text, &limits, err);
    if (rc != SATCHEL_OK) {
        sat_error_prefix(err, "query: ");
        return rc;
    }
    if (sat_jscan_kind(text) != SAT_JKIND_OBJECT)
        return sat_error_set(err, SATCHEL_INVALID, "a query is a JSON object");
    SAT_AUTO_QUERY struct sat_query *made = sat_query_new();
    if (made == NULL)
        return sat_error_nomem(err);
    if (parse_query(made, text, err) != SATCHEL_OK)
        return err->code;
    *query = made;
    made = NULL;
    return SATCHEL_OK;
}
