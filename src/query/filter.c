/* Matching one record against a filter: the rules of every operator are here and only here. */
#include "filter.h"

#include <string.h>

#include "core/error.h"
#include "core/jscan.h"
#include "query/key.h"
#include "query/shown.h"

/* What the evaluation of one record shares. */
struct match {
    satchel_span record;
    struct sat_buf *scratch;
    satchel_error *err;
};

/* ---- values ---- */

static int scratch_failed(const struct match *match)
{
    return sat_buf_check(match->scratch, "value", match->err);
}

/* The key of `value`, in the scratch buffer: good until the next call. */
static int key_of(const struct match *match, satchel_span value, satchel_span *key)
{
    sat_buf_reset(match->scratch);
    if (sat_key(value, match->scratch) != SATCHEL_OK)
        return scratch_failed(match);
    *key = sat_buf_span(match->scratch);
    return SATCHEL_OK;
}

/* The decoded text of a string value, in the record or in the scratch buffer. */
static int text_of(const struct match *match, satchel_span value, satchel_span *text)
{
    if (sat_jscan_plain_string(value, text))
        return SATCHEL_OK;
    sat_buf_reset(match->scratch);
    if (sat_jscan_string(value, match->scratch) != SATCHEL_OK)
        return scratch_failed(match);
    *text = sat_buf_span(match->scratch);
    return SATCHEL_OK;
}

static satchel_span leaf_key(const struct sat_leaf *leaf, size_t i)
{
    return (satchel_span){leaf->keys[i].data, leaf->keys[i].len};
}

static satchel_span leaf_text(const struct sat_leaf *leaf)
{
    return (satchel_span){leaf->text.data, leaf->text.len};
}

/* ---- operators on keys ---- */

static bool same_kind(satchel_span a, satchel_span b)
{
    return sat_key_kind(a) == sat_key_kind(b);
}

static bool is_ordered(enum sat_operator op, satchel_span key, satchel_span bound)
{
    if (!same_kind(key, bound))
        return false;
    int order = sat_key_compare(key, bound);
    switch (op) {
    case SAT_OPERATOR_GT:
        return order > 0;
    case SAT_OPERATOR_GE:
        return order >= 0;
    case SAT_OPERATOR_LT:
        return order < 0;
    default:
        return order <= 0;
    }
}

static bool is_between(const struct sat_leaf *leaf, satchel_span key)
{
    return is_ordered(SAT_OPERATOR_GE, key, leaf_key(leaf, 0)) &&
           is_ordered(SAT_OPERATOR_LE, key, leaf_key(leaf, 1));
}

/* Binary search: the keys of a list are sorted. */
static bool is_in(const struct sat_leaf *leaf, satchel_span key)
{
    size_t low = 0;
    size_t high = leaf->key_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = sat_key_compare(leaf_key(leaf, middle), key);
        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static bool key_matches(const struct sat_leaf *leaf, satchel_span key)
{
    switch (leaf->op) {
    case SAT_OPERATOR_EQ:
        return sat_key_compare(key, leaf_key(leaf, 0)) == 0;
    case SAT_OPERATOR_NE:
        return sat_key_compare(key, leaf_key(leaf, 0)) != 0;
    case SAT_OPERATOR_IN:
        return is_in(leaf, key);
    case SAT_OPERATOR_NOT_IN:
        return !is_in(leaf, key);
    case SAT_OPERATOR_BETWEEN:
        return is_between(leaf, key);
    case SAT_OPERATOR_NOT_BETWEEN:
        return !is_between(leaf, key);
    default:
        return is_ordered(leaf->op, key, leaf_key(leaf, 0));
    }
}

static int match_key(const struct match *match, const struct sat_leaf *leaf, satchel_span value,
                     bool *matched)
{
    satchel_span key;
    int rc = key_of(match, value, &key);
    if (rc == SATCHEL_OK)
        *matched = key_matches(leaf, key);
    return rc;
}

/* ---- operators on text ---- */

static bool starts_with(satchel_span text, satchel_span prefix)
{
    return text.len >= prefix.len &&
           (prefix.len == 0 || memcmp(text.data, prefix.data, prefix.len) == 0);
}

static bool has_substring(satchel_span text, satchel_span part)
{
    return part.len == 0 || memmem(text.data, text.len, part.data, part.len) != NULL;
}

/* A value that is no string matches no pattern; not_like is then true. */
static int match_text(const struct match *match, const struct sat_leaf *leaf, satchel_span value,
                      bool *matched)
{
    *matched = leaf->op == SAT_OPERATOR_NOT_LIKE;
    if (sat_jscan_kind(value) != SAT_JKIND_STRING)
        return SATCHEL_OK;
    satchel_span text;
    int rc = text_of(match, value, &text);
    if (rc != SATCHEL_OK)
        return rc;
    switch (leaf->op) {
    case SAT_OPERATOR_LIKE:
        *matched = sat_like_match(leaf->like, text);
        return SATCHEL_OK;
    case SAT_OPERATOR_NOT_LIKE:
        *matched = !sat_like_match(leaf->like, text);
        return SATCHEL_OK;
    case SAT_OPERATOR_STARTS_WITH:
        *matched = starts_with(text, leaf_text(leaf));
        return SATCHEL_OK;
    default:
        return sat_regex_search(leaf->regex, text, matched, match->err);
    }
}

static int array_contains(const struct match *match, const struct sat_leaf *leaf,
                          satchel_span array, bool *matched)
{
    size_t cursor = 0;
    satchel_span element;
    *matched = false;
    while (!*matched && sat_jscan_element(array, &cursor, &element)) {
        satchel_span key;
        int rc = key_of(match, element, &key);
        if (rc != SATCHEL_OK)
            return rc;
        *matched = sat_key_compare(key, leaf_key(leaf, 0)) == 0;
    }
    return SATCHEL_OK;
}

static int match_contains(const struct match *match, const struct sat_leaf *leaf,
                          satchel_span value, bool *matched)
{
    enum sat_jkind kind = sat_jscan_kind(value);
    if (kind == SAT_JKIND_ARRAY)
        return array_contains(match, leaf, value, matched);
    *matched = false;
    if (kind != SAT_JKIND_STRING || leaf->text.data == NULL)
        return SATCHEL_OK;
    satchel_span text;
    int rc = text_of(match, value, &text);
    if (rc == SATCHEL_OK)
        *matched = has_substring(text, leaf_text(leaf));
    return rc;
}

/* ---- the tree ---- */

static int match_leaf(const struct match *match, const struct sat_leaf *leaf, bool *matched)
{
    satchel_span value;
    bool present = sat_jscan_find(match->record, &leaf->field.path, &value) &&
                   sat_jscan_kind(value) != SAT_JKIND_NULL;
    if (leaf->op == SAT_OPERATOR_NOT_EXISTS || leaf->op == SAT_OPERATOR_IS_NULL) {
        *matched = !present;
        return SATCHEL_OK;
    }
    *matched = present;
    if (!present || leaf->op == SAT_OPERATOR_EXISTS)
        return SATCHEL_OK;
    if (leaf->op == SAT_OPERATOR_CONTAINS)
        return match_contains(match, leaf, value, matched);
    if (sat_operator_takes(leaf->op) == SAT_TAKES_TEXT)
        return match_text(match, leaf, value, matched);
    return match_key(match, leaf, value, matched);
}

/* The depth is bounded by sat_query_check(). */
static int match_node(const struct match *match, const struct sat_node *node, bool *matched)
{
    if (node->kind == SAT_NODE_LEAF)
        return match_leaf(match, node->leaf, matched);
    if (node->kind == SAT_NODE_NOT) {
        int rc = match_node(match, sat_node_child(node, 0), matched);
        *matched = !*matched;
        return rc;
    }
    bool stop_at = node->kind == SAT_NODE_OR;
    *matched = !stop_at;
    for (size_t i = 0; i < node->children.len && *matched != stop_at; i++) {
        int rc = match_node(match, sat_node_child(node, i), matched);
        if (rc != SATCHEL_OK)
            return rc;
    }
    return SATCHEL_OK;
}

/* Puts "record 'ID': " in front of what went wrong. */
static void name_record(const struct match *match)
{
    satchel_span id;
    if (match->err == NULL || !sat_jscan_get(match->record, "id", &id))
        return;
    sat_buf_reset(match->scratch);
    if (sat_jscan_string(id, match->scratch) == SATCHEL_OK)
        sat_error_prefix(match->err, "record '%.*s': ", sat_shown(sat_buf_span(match->scratch)),
                         sat_buf_str(match->scratch));
}

int sat_filter_match(const struct sat_node *node, satchel_span record, struct sat_buf *scratch,
                     bool *matched, satchel_error *err)
{
    struct match match = {.record = record, .scratch = scratch, .err = err};
    bool result = true;
    int rc = node != NULL ? match_node(&match, node, &result) : SATCHEL_OK;
    if (rc == SATCHEL_OK)
        *matched = result;
    else
        name_record(&match);
    return rc;
}

int sat_filter_key(satchel_span record, const struct sat_path *path, struct sat_buf *out,
                   satchel_error *err)
{
    satchel_span value;
    sat_buf_reset(out);
    if (!sat_jscan_find(record, path, &value))
        return SATCHEL_OK;
    return sat_key(value, out) == SATCHEL_OK ? SATCHEL_OK : sat_buf_check(out, "value", err);
}
