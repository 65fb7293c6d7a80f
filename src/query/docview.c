/* Views of a record in public form: paths into it, chosen fields, tags. */
#include "docview.h"

#include <stdbool.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/jscan.h"
#include "core/str.h"

/* ---- paths ---- */

static bool first_key_is(const struct sat_path *path, const char *name)
{
    return path->steps[0].is_key && sat_span_eq(path->steps[0].key, name);
}

int sat_doc_path(const char *field, struct sat_path *path, satchel_error *err)
{
    *path = (struct sat_path){0};
    if (field[0] == '\0')
        return sat_error_set(err, SATCHEL_INVALID, "empty field name");
    satchel_span text = sat_span_of(field);
    if (field[0] == '/')
        return sat_path_parse_under("fields", text, path, err);
    int code = sat_path_parse(text, path, err);
    if (code != SATCHEL_OK || first_key_is(path, "metadata") ||
        (path->count == 1 && first_key_is(path, "id")))
        return code;
    sat_path_fini(path);
    return sat_path_parse_under("fields", text, path, err);
}

/* ---- chosen fields ---- */

/*
 * order[0..n) are the numbers of the paths that lead through the value at hand: each level moves
 * those that go on into one child to the front, so no level needs memory of its own.
 */
struct projector {
    const struct sat_path *paths;
    size_t *order;
    struct sat_buf *out;
};

/* One child of a container: a member's raw key, or an element's index. */
struct child {
    satchel_span key;
    size_t index;
    bool is_member;
    satchel_span value;
};

/* The path's step `step` leads to the child, and its rest to something inside. */
static bool leads_into(const struct sat_path *path, size_t step, const struct child *child)
{
    const struct sat_path_step *at = &path->steps[step];
    bool hit = child->is_member ? at->is_key && sat_jscan_key_is(child->key, at->key)
                                : at->is_index && at->index == child->index;
    struct sat_path rest = {.steps = path->steps + step + 1, .count = path->count - step - 1};
    satchel_span found;
    return hit && sat_jscan_find(child->value, &rest, &found);
}

/* Moves the paths that lead into the child to the front; *whole when one of them ends there. */
static size_t choose(struct projector *projector, size_t step, size_t n, const struct child *child,
                     bool *whole)
{
    size_t *order = projector->order;
    size_t chosen = 0;
    *whole = false;
    for (size_t i = 0; i < n; i++) {
        size_t number = order[i];
        const struct sat_path *path = &projector->paths[number];
        if (!leads_into(path, step, child))
            continue;
        *whole = *whole || path->count == step + 1;
        order[i] = order[chosen];
        order[chosen++] = number;
    }
    return chosen;
}

static void put_key(struct sat_buf *out, satchel_span raw)
{
    sat_buf_add_char(out, '"');
    sat_buf_add(out, raw.data, raw.len);
    sat_buf_add_str(out, "\":");
}

static bool next_child(satchel_span container, size_t *cursor, struct child *child)
{
    if (child->is_member)
        return sat_jscan_member(container, cursor, &child->key, &child->value);
    return sat_jscan_element(container, cursor, &child->value);
}

/* What `n` paths, each with a step left, keep of a container. */
static void put_chosen(struct projector *projector, satchel_span container, size_t step, size_t n)
{
    struct sat_buf *out = projector->out;
    struct child child = {.is_member = sat_jscan_kind(container) == SAT_JKIND_OBJECT};
    size_t cursor = 0;
    bool first = true;
    sat_buf_add_char(out, child.is_member ? '{' : '[');
    for (; next_child(container, &cursor, &child); child.index++) {
        bool whole;
        size_t chosen = choose(projector, step, n, &child, &whole);
        if (chosen == 0)
            continue;
        if (!first)
            sat_buf_add_char(out, ',');
        first = false;
        if (child.is_member)
            put_key(out, child.key);
        if (whole)
            sat_jscan_put_compact(out, child.value);
        else
            put_chosen(projector, child.value, step + 1, chosen);
    }
    sat_buf_add_char(out, child.is_member ? '}' : ']');
}

/* Numbers of the paths under `fields` into order; how many. */
static size_t paths_of_fields(const struct sat_path *paths, size_t count, size_t *order)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (paths[i].count > 1 && first_key_is(&paths[i], "fields"))
            order[n++] = i;
    }
    return n;
}

static void put_record(struct projector *projector, satchel_span text, size_t n)
{
    struct sat_buf *out = projector->out;
    satchel_span key;
    satchel_span value;
    size_t cursor = 0;
    sat_buf_add_char(out, '{');
    while (sat_jscan_member(text, &cursor, &key, &value)) {
        put_key(out, key);
        if (sat_span_eq(key, "fields"))
            put_chosen(projector, value, 1, n);
        else
            sat_jscan_put_compact(out, value);
        sat_buf_add_char(out, ',');
    }
    /* The comma after the last member. */
    if (out->failed == SATCHEL_OK)
        out->len--;
    sat_buf_add_char(out, '}');
}

int sat_doc_project(satchel_span text, const struct sat_path *paths, size_t count,
                    struct sat_buf *out)
{
    size_t *order = sat_calloc(count + 1, sizeof *order);
    if (order == NULL)
        return SATCHEL_NOMEM;
    struct projector projector = {.paths = paths, .order = order, .out = out};
    put_record(&projector, text, paths_of_fields(paths, count, order));
    sat_free(order);
    return out->failed;
}

/* ---- tags ---- */

static const char *const leading[] = {"id", "created_at", "updated_at"};

enum { LEADING = sizeof leading / sizeof leading[0] };

/* Kinds of fields that JSON has no form for, noted by a binding: of no use to a console. */
static const char TYPES_KEY[] = "_types";

static bool is_leading(satchel_span key)
{
    for (size_t i = 0; i < LEADING; i++) {
        if (sat_jscan_key_is(key, sat_span_of(leading[i])))
            return true;
    }
    return false;
}

static bool is_tag(satchel_span key)
{
    return key.len > 0 && !is_leading(key) && !sat_jscan_key_is(key, sat_span_of(TYPES_KEY));
}

/* `raw` is a key as sat_jscan_member() gives it. */
static int add_tag(struct sat_tags *tags, satchel_span raw, satchel_span value, satchel_error *err)
{
    struct sat_buf text;
    struct sat_buf key;
    sat_buf_init(&key, raw.len);
    sat_buf_init(&text, value.len);
    sat_jscan_decode(raw, &key);
    if (sat_jscan_kind(value) == SAT_JKIND_STRING)
        sat_jscan_string(value, &text);
    else
        sat_jscan_put_compact(&text, value);
    int code = sat_buf_check(&key, "tag", err);
    if (code == SATCHEL_OK)
        code = sat_buf_check(&text, "tag", err);
    if (code == SATCHEL_OK)
        code = sat_tags_add(tags, sat_buf_span(&key), sat_buf_span(&text), err);
    sat_buf_fini(&key);
    sat_buf_fini(&text);
    return code;
}

int sat_doc_tags(satchel_span metadata, satchel_span id, struct sat_tags *tags, satchel_error *err)
{
    satchel_span key;
    satchel_span value;
    size_t cursor = 0;
    int code = sat_tags_add(tags, sat_span_of(leading[0]), id, err);
    for (size_t i = 1; i < LEADING && code == SATCHEL_OK; i++) {
        if (sat_jscan_get(metadata, leading[i], &value))
            code = add_tag(tags, sat_span_of(leading[i]), value, err);
    }
    while (code == SATCHEL_OK && sat_jscan_member(metadata, &cursor, &key, &value)) {
        if (is_tag(key))
            code = add_tag(tags, key, value, err);
    }
    return code;
}
