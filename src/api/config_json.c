/* Configuration from a JSON document: all of its options are taken, or none. */
#include <satchel/config.h>

#include "api/api.h"
#include "core/error.h"
#include "core/json.h"
#include "core/str.h"

/* Appends an array's strings, joined by commas, as the option type LIST wants them. */
static int put_list(struct sat_json *array, const char *key, struct sat_buf *out,
                    satchel_error *err)
{
    for (size_t i = 0; i < sat_json_len(array); i++) {
        const struct sat_json *item = sat_json_at(array, i);
        if (sat_json_type(item) != SAT_JSON_STRING)
            return sat_error_set(err, SATCHEL_INVALID, "option '%s': element %zu is no string", key,
                                 i);
        if (i > 0)
            (void)sat_buf_add_char(out, ',');
        (void)sat_buf_add_str(out, sat_json_str(item));
    }
    return SATCHEL_OK;
}

/* The option's text form. */
static int put_value(struct sat_json *value, const char *key, struct sat_buf *out,
                     satchel_error *err)
{
    switch (sat_json_type(value)) {
    case SAT_JSON_STRING:
        (void)sat_buf_add_str(out, sat_json_str(value));
        return SATCHEL_OK;
    case SAT_JSON_ARRAY:
        return put_list(value, key, out, err);
    case SAT_JSON_OBJECT:
    case SAT_JSON_NULL:
        return sat_error_set(err, SATCHEL_INVALID,
                             "option '%s' takes a string, a number, a boolean or an array", key);
    default:
        (void)sat_json_dump(value, out);
        return SATCHEL_OK;
    }
}

static int take_all(struct sat_json *root, struct sat_config *config, satchel_error *err)
{
    void *iter = NULL;
    const char *key = NULL;
    struct sat_json *value = NULL;
    int code = SATCHEL_OK;
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, SAT_BUF_MAX_TEXT);
    while (code == SATCHEL_OK && sat_json_next(root, &iter, &key, &value)) {
        sat_buf_reset(&text);
        code = put_value(value, key, &text, err);
        if (code == SATCHEL_OK)
            code = sat_buf_check(&text, "option", err);
        if (code == SATCHEL_OK)
            code = sat_config_set(config, key, sat_buf_str(&text), SAT_ORIGIN_FILE, err);
    }
    return code;
}

static int load(satchel_config *config, const char *json, satchel_error *err)
{
    SAT_AUTO_JSON struct sat_json *root = NULL;
    SAT_AUTO_CONFIG struct sat_config *trial = NULL;
    int code = sat_json_parse(sat_span_of(json), &root, err);
    if (code != SATCHEL_OK)
        return code;
    if (sat_json_type(root) != SAT_JSON_OBJECT)
        return sat_error_set(err, SATCHEL_INVALID, "a configuration is a JSON object");
    code = sat_config_copy(config, &trial, err);
    if (code == SATCHEL_OK)
        code = take_all(root, trial, err);
    return code == SATCHEL_OK ? take_all(root, config, err) : code;
}

int satchel_config_load_json(satchel_config *config, const char *json, satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(config), SAT_ARG(json));
    if (code == SATCHEL_OK)
        code = load(config, json, err);
    return sat_api_done(code, err);
}
