/* Documents as trees with places: the builder that readers share, and the reader of JSON. */
#include "setting.h"

#include <string.h>

#include "alloc.h"
#include "error.h"
#include "expand.h"
#include "jnum.h"
#include "str.h"

/* ---- the tree */

static void free_text(char *text)
{
    if (text != NULL)
        sat_cleanse(text, strlen(text));
    sat_free(text);
}

/* Recursion ends at SAT_SETTING_DEPTH. */
void sat_setting_free(struct sat_setting *root)
{
    if (root == NULL)
        return;
    for (struct sat_setting *child = root->first; child != NULL;) {
        struct sat_setting *next = child->next;
        sat_setting_free(child);
        child = next;
    }
    sat_free(root->key);
    free_text(root->text);
    sat_free(root);
}

void sat_auto_node_(struct sat_setting **slot)
{
    sat_setting_free(*slot);
}

const struct sat_setting *sat_setting_get(const struct sat_setting *map, const char *key)
{
    const struct sat_setting *member = map->kind == SAT_SETTING_MAP ? map->first : NULL;
    while (member != NULL && !sat_str_eq(member->key, key))
        member = member->next;
    return member;
}

static enum sat_jkind kind_of(const char *text)
{
    int64_t integer;
    double real;
    if (sat_str_eq(text, "null") || sat_str_eq(text, "~") || *text == '\0')
        return SAT_JKIND_NULL;
    if (sat_str_eq(text, "true"))
        return SAT_JKIND_TRUE;
    if (sat_str_eq(text, "false"))
        return SAT_JKIND_FALSE;
    enum sat_jnum_kind number = sat_jnum_parse(sat_span_of(text), &integer, &real);
    return number == SAT_JNUM_INTEGER || number == SAT_JNUM_REAL ? SAT_JKIND_NUMBER
                                                                 : SAT_JKIND_STRING;
}

int sat_setting_value(const struct sat_setting *node, struct sat_buf *out, enum sat_jkind *kind,
                      satchel_error *err)
{
    sat_buf_reset(out);
    int code = sat_expand(node->text, out, err);
    if (code != SATCHEL_OK)
        return code;
    bool emptied = out->len == 0 && *node->text != '\0';
    *kind = node->quoted || emptied ? SAT_JKIND_STRING : kind_of(sat_buf_str(out));
    return SATCHEL_OK;
}

/* ---- building */

void sat_setting_builder_fini(struct sat_setting_builder *builder)
{
    sat_setting_free(builder->member);
    sat_setting_free(builder->root);
}

/* Puts the place in front of an error; returns its code. */
static int at_place(const struct sat_setting_builder *builder, int code, satchel_error *err)
{
    sat_error_prefix(err, "line %zu, column %zu: ", builder->line, builder->column);
    return code;
}

static int limit(const struct sat_setting_builder *builder, const char *what, int most,
                 satchel_error *err)
{
    return at_place(builder, sat_error_set(err, SATCHEL_LIMIT, "more than %d %s", most, what), err);
}

static int copy_text(const struct sat_setting_builder *builder, satchel_span text, char **out,
                     satchel_error *err)
{
    if (text.len > 0 && memchr(text.data, '\0', text.len) != NULL)
        return at_place(
            builder, sat_error_set(err, SATCHEL_INVALID, "the character NUL is not allowed"), err);
    *out = sat_strndup(text.len > 0 ? text.data : "", text.len);
    return *out != NULL ? SATCHEL_OK : sat_error_nomem(err);
}

/* The member that waits for its value, or a new node. */
static int take_node(struct sat_setting_builder *builder, struct sat_setting **out,
                     satchel_error *err)
{
    *out = builder->member;
    builder->member = NULL;
    if (*out != NULL)
        return SATCHEL_OK;
    if (builder->count == SAT_SETTING_COUNT_MAX)
        return limit(builder, "values", SAT_SETTING_COUNT_MAX, err);
    struct sat_setting *node = sat_calloc(1, sizeof *node);
    if (node == NULL)
        return sat_error_nomem(err);
    builder->count++;
    node->line = builder->line;
    node->column = builder->column;
    *out = node;
    return SATCHEL_OK;
}

/* Hands the node over to the innermost container. */
static void attach(struct sat_setting_builder *builder, struct sat_setting *node)
{
    if (builder->depth == 0) {
        builder->root = node;
        return;
    }
    size_t at = builder->depth - 1;
    if (builder->last[at] == NULL)
        builder->open[at]->first = node;
    else
        builder->last[at]->next = node;
    builder->last[at] = node;
}

bool sat_setting_wants_key(const struct sat_setting_builder *builder)
{
    return builder->depth > 0 && builder->open[builder->depth - 1]->kind == SAT_SETTING_MAP &&
           builder->member == NULL;
}

int sat_setting_key(struct sat_setting_builder *builder, satchel_span key, satchel_error *err)
{
    char *copy = NULL;
    struct sat_setting *member = NULL;
    int code = copy_text(builder, key, &copy, err);
    if (code == SATCHEL_OK && sat_setting_get(builder->open[builder->depth - 1], copy) != NULL)
        code = at_place(builder,
                        sat_error_set(err, SATCHEL_INVALID, "the key '%s' is there already", copy),
                        err);
    if (code == SATCHEL_OK)
        code = take_node(builder, &member, err);
    if (code != SATCHEL_OK) {
        sat_free(copy);
        return code;
    }
    member->key = copy;
    builder->member = member;
    return SATCHEL_OK;
}

int sat_setting_scalar(struct sat_setting_builder *builder, satchel_span text, bool quoted,
                       satchel_error *err)
{
    char *copy = NULL;
    struct sat_setting *node = NULL;
    int code = copy_text(builder, text, &copy, err);
    if (code == SATCHEL_OK)
        code = take_node(builder, &node, err);
    if (code != SATCHEL_OK) {
        free_text(copy);
        return code;
    }
    node->text = copy;
    node->quoted = quoted;
    attach(builder, node);
    return SATCHEL_OK;
}

int sat_setting_begin(struct sat_setting_builder *builder, enum sat_setting_kind kind,
                      satchel_error *err)
{
    struct sat_setting *node = NULL;
    if (builder->depth == SAT_SETTING_DEPTH)
        return limit(builder, "levels of nesting", SAT_SETTING_DEPTH, err);
    int code = take_node(builder, &node, err);
    if (code != SATCHEL_OK)
        return code;
    node->kind = kind;
    attach(builder, node);
    builder->open[builder->depth] = node;
    builder->last[builder->depth++] = NULL;
    return SATCHEL_OK;
}

void sat_setting_end(struct sat_setting_builder *builder)
{
    builder->depth--;
}

/* ---- JSON */

struct json_reader {
    struct sat_setting_builder builder;
    const char *here; /* the byte whose place the builder has */
    struct sat_buf decoded;
    satchel_error *err;
};

static int read_value(struct json_reader *reader, satchel_span value);

/* Goes on to the place of a later byte of the document. */
static void go_to(struct json_reader *reader, const char *at)
{
    sat_text_place(reader->here, (size_t)(at - reader->here), &reader->builder.line,
                   &reader->builder.column);
    reader->here = at;
}

static int read_members(struct json_reader *reader, satchel_span object)
{
    size_t cursor = 0;
    satchel_span key;
    satchel_span value;
    int code = SATCHEL_OK;
    while (code == SATCHEL_OK && sat_jscan_member(object, &cursor, &key, &value)) {
        sat_buf_reset(&reader->decoded);
        (void)sat_jscan_decode(key, &reader->decoded);
        go_to(reader, (const char *)key.data - 1); /* its quote */
        code = sat_buf_check(&reader->decoded, "a key", reader->err);
        if (code == SATCHEL_OK)
            code = sat_setting_key(&reader->builder, sat_buf_span(&reader->decoded), reader->err);
        if (code == SATCHEL_OK)
            code = read_value(reader, value);
    }
    return code;
}

static int read_elements(struct json_reader *reader, satchel_span array)
{
    size_t cursor = 0;
    satchel_span value;
    int code = SATCHEL_OK;
    while (code == SATCHEL_OK && sat_jscan_element(array, &cursor, &value))
        code = read_value(reader, value);
    return code;
}

/* JSON writes a substitution in quotes, having no other way: such a string is typed after it. */
static int read_string(struct json_reader *reader, satchel_span value)
{
    sat_buf_reset(&reader->decoded);
    (void)sat_jscan_string(value, &reader->decoded);
    int code = sat_buf_check(&reader->decoded, "a string", reader->err);
    bool substituted = strstr(sat_buf_str(&reader->decoded), "${") != NULL;
    return code == SATCHEL_OK ? sat_setting_scalar(&reader->builder, sat_buf_span(&reader->decoded),
                                                   !substituted, reader->err)
                              : code;
}

/* Recursion ends at SAT_SETTING_DEPTH: the text has been validated. */
static int read_value(struct json_reader *reader, satchel_span value)
{
    enum sat_jkind kind = sat_jscan_kind(value);
    go_to(reader, value.data);
    if (kind == SAT_JKIND_STRING)
        return read_string(reader, value);
    if (kind != SAT_JKIND_OBJECT && kind != SAT_JKIND_ARRAY)
        return sat_setting_scalar(&reader->builder, value, false, reader->err);
    bool map = kind == SAT_JKIND_OBJECT;
    int code =
        sat_setting_begin(&reader->builder, map ? SAT_SETTING_MAP : SAT_SETTING_LIST, reader->err);
    if (code == SATCHEL_OK)
        code = map ? read_members(reader, value) : read_elements(reader, value);
    if (code == SATCHEL_OK)
        sat_setting_end(&reader->builder);
    return code;
}

int sat_setting_read_json(satchel_span text, struct sat_setting **root, satchel_error *err)
{
    struct json_reader reader = {
        .builder = {.line = 1, .column = 1}, .here = text.data, .err = err};
    if (text.len > SAT_SETTING_BYTES_MAX)
        return sat_error_set(err, SATCHEL_LIMIT, "it is over %zu bytes", SAT_SETTING_BYTES_MAX);
    int code = sat_jscan_validate(text, NULL, err);
    if (code != SATCHEL_OK)
        return code;
    sat_buf_init(&reader.decoded, SAT_SETTING_BYTES_MAX);
    code = read_value(&reader, sat_jscan_trim(text));
    if (code == SATCHEL_OK) {
        *root = reader.builder.root;
        reader.builder.root = NULL;
    }
    sat_setting_builder_fini(&reader.builder);
    sat_buf_fini(&reader.decoded);
    return code;
}
