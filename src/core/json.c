/* A JSON tree for small documents: the only home of jansson. */
#include "json.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "jscan.h"

static json_t *tree(const struct sat_json *node)
{
    /* jansson counts references inside the node, so its own API wants it writable. */
    return (json_t *)(uintptr_t)node;
}

static struct sat_json *node_of(json_t *json)
{
    return (struct sat_json *)json;
}

int sat_json_parse(satchel_span text, struct sat_json **root, satchel_error *err)
{
    *root = NULL;
    int code = sat_jscan_validate(text, NULL, err);
    if (code != SATCHEL_OK)
        return code;
    json_error_t why;
    json_t *json = json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &why);
    if (json == NULL && json_error_code(&why) == json_error_out_of_memory)
        return sat_error_nomem(err);
    if (json == NULL)
        return sat_error_set(err, SATCHEL_INVALID, "invalid JSON at line %d, column %d: %s",
                             why.line, why.column, why.text);
    *root = node_of(json);
    return SATCHEL_OK;
}

/* Strings may be secrets. The depth is what the scanner allows. */
static void cleanse(json_t *json)
{
    const char *key;
    json_t *value;
    size_t index;
    if (json_is_string(json))
        sat_cleanse((char *)(uintptr_t)json_string_value(json), json_string_length(json));
    json_array_foreach(json, index, value) cleanse(value);
    json_object_foreach(json, key, value) cleanse(value);
}

void sat_json_free(struct sat_json *root)
{
    cleanse(tree(root));
    json_decref(tree(root));
}

void sat_json_free_slot(struct sat_json **slot)
{
    sat_json_free(*slot);
    *slot = NULL;
}

static void put_text(struct sat_buf *out, const char *text, size_t len)
{
    (void)sat_jscan_put_string(out, (satchel_span){.data = text, .len = len});
}

static void dump(json_t *json, struct sat_buf *out);

static void dump_object(json_t *object, struct sat_buf *out)
{
    const char *key;
    json_t *value;
    const char *separator = "{";
    json_object_foreach(object, key, value)
    {
        sat_buf_add_str(out, separator);
        put_text(out, key, strlen(key));
        sat_buf_add_char(out, ':');
        dump(value, out);
        separator = ",";
    }
    sat_buf_add_str(out, json_object_size(object) == 0 ? "{}" : "}");
}

static void dump_array(json_t *array, struct sat_buf *out)
{
    for (size_t i = 0; i < json_array_size(array); i++) {
        sat_buf_add_char(out, i == 0 ? '[' : ',');
        dump(json_array_get(array, i), out);
    }
    sat_buf_add_str(out, json_array_size(array) == 0 ? "[]" : "]");
}

static void dump(json_t *json, struct sat_buf *out)
{
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        dump_object(json, out);
        break;
    case JSON_ARRAY:
        dump_array(json, out);
        break;
    case JSON_STRING:
        put_text(out, json_string_value(json), json_string_length(json));
        break;
    case JSON_INTEGER:
        sat_buf_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(json));
        break;
    case JSON_REAL:
        sat_jnum_put_real(out, json_real_value(json));
        break;
    case JSON_TRUE:
        sat_buf_add_str(out, "true");
        break;
    case JSON_FALSE:
        sat_buf_add_str(out, "false");
        break;
    case JSON_NULL:
        sat_buf_add_str(out, "null");
        break;
    }
}

int sat_json_dump(const struct sat_json *node, struct sat_buf *out)
{
    dump(tree(node), out);
    return out->failed;
}

enum sat_json_type sat_json_type(const struct sat_json *node)
{
    switch (json_typeof(tree(node))) {
    case JSON_OBJECT:
        return SAT_JSON_OBJECT;
    case JSON_ARRAY:
        return SAT_JSON_ARRAY;
    case JSON_STRING:
        return SAT_JSON_STRING;
    case JSON_INTEGER:
        return SAT_JSON_INT;
    case JSON_REAL:
        return SAT_JSON_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return SAT_JSON_BOOL;
    default:
        return SAT_JSON_NULL;
    }
}

const char *sat_json_str(const struct sat_json *node)
{
    const char *text = json_string_value(tree(node));
    return text == NULL ? "" : text;
}

int64_t sat_json_int(const struct sat_json *node)
{
    return json_integer_value(tree(node));
}

double sat_json_real(const struct sat_json *node)
{
    return json_number_value(tree(node));
}

bool sat_json_bool(const struct sat_json *node)
{
    return json_is_true(tree(node));
}

size_t sat_json_len(const struct sat_json *node)
{
    const json_t *json = tree(node);
    return json_is_object(json) ? json_object_size(json) : json_array_size(json);
}

struct sat_json *sat_json_at(const struct sat_json *array, size_t index)
{
    return node_of(json_array_get(tree(array), index));
}

struct sat_json *sat_json_get(const struct sat_json *object, const char *key)
{
    return node_of(json_object_get(tree(object), key));
}

bool sat_json_next(struct sat_json *object, void **iter, const char **key, struct sat_json **value)
{
    json_t *json = tree(object);
    *iter = *iter == NULL ? json_object_iter(json) : json_object_iter_next(json, *iter);
    if (*iter == NULL)
        return false;
    *key = json_object_iter_key(*iter);
    *value = node_of(json_object_iter_value(*iter));
    return true;
}
