/*
 * From a query to SQL.
 *
 * (1) Only what an index can serve becomes a comparison: a leaf of few operators on an indexed
 *     field, an AND with such a child, an OR of nothing else. All other subtrees, every NOT among
 *     them, go to sat_match() whole: one call for each row, and no rule is written twice.
 * (2) A comparison with a missing field is NULL in SQL. No NOT stands above it, so NULL and false
 *     end the same way.
 * (3) SQLite's parser takes about 30 nested parentheses and chains of 1,000 terms: TAKEN_DEPTH and
 *     TAKEN_CHILDREN keep far below; what is larger goes to sat_match().
 */
#include "compile.h"

#include <string.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/str.h"
#include "query/key.h"

enum { TAKEN_DEPTH = 8, TAKEN_CHILDREN = 100, SQL_TEXT_MAX = 16 * 1024 * 1024 };

struct compiler {
    struct sat_sql *sql;
    const struct sat_compile_options *options;
    int failed; /* sticky, like sat_buf.failed */
};

/* ---- pieces of text ---- */

static void put(struct compiler *to, const char *text)
{
    (void)sat_buf_add_str(&to->sql->text, text);
}

int sat_compile_index_expr(const char *field, struct sat_buf *out)
{
    (void)sat_buf_add_str(out, "sat_key(body,'");
    for (; *field != '\0'; field++) {
        if (*field == '\'')
            (void)sat_buf_add_char(out, '\'');
        (void)sat_buf_add_char(out, *field);
    }
    return sat_buf_add_str(out, "')");
}

static void put_key(struct compiler *to, const char *field)
{
    (void)sat_compile_index_expr(field, &to->sql->text);
}

/* Adds a bind and returns its number, counted from 1. */
static size_t add_bind(struct compiler *to, struct sat_bind bind)
{
    if (sat_vec_push(&to->sql->binds, &bind) == NULL)
        to->failed = SATCHEL_NOMEM;
    return to->sql->binds.len;
}

static void put_bind(struct compiler *to, struct sat_bind bind)
{
    size_t number = add_bind(to, bind);
    (void)sat_buf_addf(&to->sql->text, "?%zu", number);
}

static void put_blob(struct compiler *to, satchel_span blob)
{
    put_bind(to, (struct sat_bind){.kind = SAT_BIND_BLOB, .blob = blob});
}

static void put_int(struct compiler *to, int64_t value)
{
    put_bind(to, (struct sat_bind){.kind = SAT_BIND_INT, .integer = value});
}

/* `lead` and `text` as one blob that the sat_sql owns; `add` raises its last byte. */
static void put_made_blob(struct compiler *to, unsigned char lead, satchel_span text,
                          unsigned char add)
{
    satchel_buf *made = sat_vec_add(&to->sql->blobs);
    unsigned char *bytes = made != NULL ? sat_malloc(text.len + 1) : NULL;
    if (bytes == NULL) {
        to->failed = SATCHEL_NOMEM;
        return;
    }
    bytes[0] = lead;
    memcpy(bytes + 1, text.data, text.len);
    bytes[text.len] = (unsigned char)(bytes[text.len] + add);
    *made = (satchel_buf){.data = bytes, .len = text.len + 1};
    put_blob(to, (satchel_span){bytes, text.len + 1});
}

static void put_match(struct compiler *to, const struct sat_node *node)
{
    put(to, "sat_match(body,");
    put_bind(to, (struct sat_bind){.kind = SAT_BIND_NODE, .node = node});
    put(to, ")");
}

/* ---- leaves ---- */

static satchel_span key_at(const struct sat_leaf *leaf, size_t i)
{
    return (satchel_span){leaf->keys[i].data, leaf->keys[i].len};
}

static bool is_indexed(const struct compiler *to, const char *field)
{
    for (size_t i = 0; i < to->options->indexed_count; i++) {
        if (sat_str_eq(to->options->indexed[i], field))
            return true;
    }
    return false;
}

/*
 * A prefix is a range of string keys. Timestamps are strings under another kind, and start with a
 * digit: such a prefix could reach both kinds.
 */
static bool is_string_prefix(const struct sat_leaf *leaf)
{
    const unsigned char *text = leaf->text.data;
    return leaf->text.len > 0 && (text[0] < '0' || text[0] > '9');
}

static bool leaf_is_taken(const struct compiler *to, const struct sat_leaf *leaf)
{
    switch (leaf->op) {
    case SAT_OPERATOR_EQ:
    case SAT_OPERATOR_GT:
    case SAT_OPERATOR_GE:
    case SAT_OPERATOR_LT:
    case SAT_OPERATOR_LE:
    case SAT_OPERATOR_IN:
    case SAT_OPERATOR_BETWEEN:
        return is_indexed(to, leaf->field.name);
    case SAT_OPERATOR_STARTS_WITH:
        return is_string_prefix(leaf) && is_indexed(to, leaf->field.name);
    default:
        return false;
    }
}

static void put_equal(struct compiler *to, const struct sat_leaf *leaf)
{
    put_key(to, leaf->field.name);
    put(to, " = ");
    put_blob(to, key_at(leaf, 0));
}

/* Lists are sorted, so a null is first; it equals nothing and is left out. */
static void put_in(struct compiler *to, const struct sat_leaf *leaf)
{
    size_t first = leaf->key_count > 0 && sat_key_kind(key_at(leaf, 0)) == SAT_KIND_NULL ? 1 : 0;
    put_key(to, leaf->field.name);
    put(to, " IN (");
    for (size_t i = first; i < leaf->key_count; i++) {
        if (i > first)
            put(to, ",");
        put_blob(to, key_at(leaf, i));
    }
    put(to, ")");
}

/* `key > value`, closed by the end of the value's kind, or the mirror of it. */
static void put_ordered(struct compiler *to, const struct sat_leaf *leaf)
{
    bool above = leaf->op == SAT_OPERATOR_GT || leaf->op == SAT_OPERATOR_GE;
    enum sat_kind kind = sat_key_kind(key_at(leaf, 0));
    put_key(to, leaf->field.name);
    (void)sat_buf_addf(&to->sql->text, " %s ", sat_operator_name(leaf->op));
    put_blob(to, key_at(leaf, 0));
    put(to, " AND ");
    put_key(to, leaf->field.name);
    (void)sat_buf_addf(&to->sql->text, above ? " < x'%02X'" : " >= x'%02X'",
                       above ? sat_key_kind_end(kind) : sat_key_kind_first(kind));
}

static void put_between(struct compiler *to, const struct sat_leaf *leaf)
{
    if (sat_key_kind(key_at(leaf, 0)) != sat_key_kind(key_at(leaf, 1))) {
        put(to, "0");
        return;
    }
    put_key(to, leaf->field.name);
    put(to, " BETWEEN ");
    put_blob(to, key_at(leaf, 0));
    put(to, " AND ");
    put_blob(to, key_at(leaf, 1));
}

static void put_prefix(struct compiler *to, const struct sat_leaf *leaf)
{
    satchel_span text = {leaf->text.data, leaf->text.len};
    put_key(to, leaf->field.name);
    put(to, " >= ");
    put_made_blob(to, SAT_KIND_STRING, text, 0);
    put(to, " AND ");
    put_key(to, leaf->field.name);
    put(to, " < ");
    put_made_blob(to, SAT_KIND_STRING, text, 1); /* no byte of UTF-8 is 0xFF: it cannot overflow */
}

static void put_leaf(struct compiler *to, const struct sat_leaf *leaf)
{
    if (leaf->key_count == 1 && sat_operator_takes(leaf->op) == SAT_TAKES_ONE &&
        sat_key_kind(key_at(leaf, 0)) == SAT_KIND_NULL) {
        put(to, "0"); /* null equals nothing and is not ordered */
        return;
    }
    switch (leaf->op) {
    case SAT_OPERATOR_EQ:
        put_equal(to, leaf);
        break;
    case SAT_OPERATOR_IN:
        put_in(to, leaf);
        break;
    case SAT_OPERATOR_BETWEEN:
        put_between(to, leaf);
        break;
    case SAT_OPERATOR_STARTS_WITH:
        put_prefix(to, leaf);
        break;
    default:
        put_ordered(to, leaf);
        break;
    }
}

/* ---- the tree ---- */

/* Whether an index can serve the subtree: (1), within the bounds of (3). */
static bool is_taken(const struct compiler *to, const struct sat_node *node, int depth)
{
    if (node->kind == SAT_NODE_LEAF)
        return leaf_is_taken(to, node->leaf);
    if (node->kind == SAT_NODE_NOT || depth > TAKEN_DEPTH || node->children.len == 0 ||
        node->children.len > TAKEN_CHILDREN)
        return false;
    bool wants_all = node->kind == SAT_NODE_OR;
    for (size_t i = 0; i < node->children.len; i++) {
        if (is_taken(to, sat_node_child(node, i), depth + 1) != wants_all)
            return !wants_all;
    }
    return wants_all;
}

static void put_node(struct compiler *to, const struct sat_node *node, int depth)
{
    if (!is_taken(to, node, depth)) {
        put_match(to, node);
        return;
    }
    put(to, "(");
    if (node->kind == SAT_NODE_LEAF)
        put_leaf(to, node->leaf);
    for (size_t i = 0; i < node->children.len; i++) {
        if (i > 0)
            put(to, node->kind == SAT_NODE_AND ? " AND " : " OR ");
        put_node(to, sat_node_child(node, i), depth + 1);
    }
    put(to, ")");
}

/* ---- order, place and page ---- */

static const struct sat_sort *sort_at(const struct sat_query *query, size_t i)
{
    return sat_vec_at(&query->sorts, i);
}

static void put_place_columns(struct compiler *to, const struct sat_query *query)
{
    for (size_t i = 0; i < query->sorts.len; i++) {
        put(to, ", ");
        put_key(to, sort_at(query, i)->field.name);
    }
    put(to, ", ");
    put_key(to, "id");
}

static void put_order(struct compiler *to, const struct sat_query *query)
{
    put(to, " ORDER BY ");
    for (size_t i = 0; i < query->sorts.len; i++) {
        const struct sat_sort *sort = sort_at(query, i);
        put_key(to, sort->field.name);
        /* SQLite takes NULL for the least value, so that it is last in DESC by itself. */
        put(to, sort->descending ? " DESC, " : " ASC NULLS LAST, ");
    }
    put_key(to, "id");
}

/* The row stands behind place `i` in sort `i`. Nothing stands behind a missing value. */
static void put_behind(struct compiler *to, const struct sat_sort *sort, size_t number,
                       bool missing)
{
    if (missing) {
        put(to, "0");
        return;
    }
    put(to, "(");
    put_key(to, sort->field.name);
    (void)sat_buf_addf(&to->sql->text, " %s ?%zu OR ", sort->descending ? "<" : ">", number);
    put_key(to, sort->field.name);
    put(to, " IS NULL)");
}

static void put_same(struct compiler *to, const struct sat_query *query, size_t first_bind,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put_key(to, sort_at(query, i)->field.name);
        (void)sat_buf_addf(&to->sql->text, " IS ?%zu AND ", first_bind + i);
    }
}

/* Behind in the first sort, or the same there and behind in the second, ... or in the id. */
static void put_after(struct compiler *to, const struct sat_query *query)
{
    const satchel_span *after = to->options->after;
    size_t count = query->sorts.len;
    size_t first = to->sql->binds.len + 1;
    for (size_t i = 0; i <= count; i++)
        (void)add_bind(to, (struct sat_bind){.kind = SAT_BIND_BLOB, .blob = after[i]});
    put(to, "(");
    for (size_t i = 0; i < count; i++) {
        put_same(to, query, first, i);
        put_behind(to, sort_at(query, i), first + i, after[i].data == NULL);
        put(to, " OR ");
    }
    put_same(to, query, first, count);
    put_key(to, "id");
    (void)sat_buf_addf(&to->sql->text, " > ?%zu)", first + count);
}

static void put_where(struct compiler *to, const struct sat_query *query)
{
    bool after = to->options->after_count > 0;
    if (query->filter == NULL && !after)
        return;
    put(to, " WHERE ");
    if (query->filter != NULL)
        put_node(to, query->filter, 0);
    if (query->filter != NULL && after)
        put(to, " AND ");
    if (after)
        put_after(to, query);
}

static void put_page(struct compiler *to, const struct sat_query *query)
{
    int64_t rows = to->options->rows > 0 ? to->options->rows : query->limit;
    int64_t offset = to->options->after_count > 0 ? 0 : query->offset;
    if (rows < 0 && offset == 0)
        return;
    put(to, " LIMIT ");
    put_int(to, rows);
    if (offset > 0) {
        put(to, " OFFSET ");
        put_int(to, offset);
    }
}

/* ---- statements ---- */

static struct compiler start(struct sat_sql *sql, const struct sat_compile_options *options)
{
    sat_buf_init(&sql->text, SQL_TEXT_MAX);
    sat_vec_init(&sql->binds, sizeof(struct sat_bind));
    sat_vec_init(&sql->blobs, sizeof(satchel_buf));
    return (struct compiler){.sql = sql, .options = options};
}

static int finish(struct compiler *to, satchel_error *err)
{
    int rc = to->failed != SATCHEL_OK ? sat_error_nomem(err)
                                      : sat_buf_check(&to->sql->text, "SQL of the query", err);
    if (rc != SATCHEL_OK)
        sat_sql_fini(to->sql);
    return rc;
}

int sat_compile_search(const struct sat_query *query, const struct sat_compile_options *options,
                       struct sat_sql *sql, satchel_error *err)
{
    if (options->after_count > 0 && options->after_count != query->sorts.len + 1)
        return sat_error_set(err, SATCHEL_INVALID, "a place of %zu values, the query has %zu",
                             options->after_count, query->sorts.len + 1);
    struct compiler to = start(sql, options);
    put(&to, "SELECT ");
    put(&to, options->columns);
    if (options->with_place)
        put_place_columns(&to, query);
    /* CROSS keeps SQLite from putting obj outside, where no index on body could serve. */
    put(&to, " FROM body CROSS JOIN obj ON obj.oid = body.oid");
    put_where(&to, query);
    put_order(&to, query);
    put_page(&to, query);
    return finish(&to, err);
}

int sat_compile_count(const struct sat_query *query, const struct sat_compile_options *options,
                      struct sat_sql *sql, satchel_error *err)
{
    struct compiler to = start(sql, options);
    put(&to, "SELECT count(*) FROM body");
    if (query->filter != NULL) {
        put(&to, " WHERE ");
        put_node(&to, query->filter, 0);
    }
    return finish(&to, err);
}

void sat_sql_fini(struct sat_sql *sql)
{
    for (size_t i = 0; i < sql->blobs.len; i++) {
        satchel_buf *made = sat_vec_at(&sql->blobs, i);
        sat_free(made->data);
    }
    sat_vec_fini(&sql->blobs);
    sat_vec_fini(&sql->binds);
    sat_buf_fini(&sql->text);
}
