/* The values of a set of option tables, each with its origin. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "log.h"
#include "str.h"
#include "vec.h"

/*
 * (1) Every text in `values` has passed sat_option_parse(): getters need not check again.
 * (2) A secret's text is registered with the redactor exactly as long as it is in `values`.
 */
struct value {
    const struct sat_option *row;
    char *text;
    char *where; /* variable or place in a file; NULL where there is none */
    enum sat_origin origin;
};

struct sat_config {
    const struct sat_option *const *tables;
    struct sat_vec values; /* struct value; only what differs from the defaults */
    char *uri;             /* NULL: none */
};

static struct value *find_value(const struct sat_config *config, const struct sat_option *row)
{
    for (size_t i = 0; i < config->values.len; i++) {
        struct value *value = sat_vec_at(&config->values, i);
        if (value->row == row)
            return value;
    }
    return NULL;
}

static void drop_text(const struct sat_option *row, char *text)
{
    if (text == NULL)
        return;
    if (row->secret) {
        sat_secret_remove(text);
        sat_cleanse(text, strlen(text));
    }
    sat_free(text);
}

/* A copy of the text, known to the redactor when secret; NULL when out of memory. */
static char *keep_text(const struct sat_option *row, const char *text)
{
    char *copy = sat_strdup(text);
    if (copy != NULL && row->secret && !sat_secret_add(copy)) {
        sat_cleanse(copy, strlen(copy));
        sat_free(copy);
        return NULL;
    }
    return copy;
}

static void drop_value(struct value *value)
{
    drop_text(value->row, value->text);
    sat_free(value->where);
}

static void remove_value(struct sat_config *config, struct value *value)
{
    struct value *last = sat_vec_at(&config->values, config->values.len - 1);
    drop_value(value);
    *value = *last;
    config->values.len--;
}

/* Takes what `made` owns, or frees it. */
static int replace(struct sat_config *config, struct value *made, satchel_error *err)
{
    struct value *value = find_value(config, made->row);
    if (value == NULL)
        value = sat_vec_add(&config->values);
    if (value == NULL) {
        drop_value(made);
        return sat_error_nomem(err);
    }
    drop_value(value);
    *value = *made;
    return SATCHEL_OK;
}

static int store(struct sat_config *config, const struct sat_option *row, const char *text,
                 const struct sat_config_source *source, satchel_error *err)
{
    const struct value *old = find_value(config, row);
    if (old != NULL && old->origin > source->origin)
        return SATCHEL_OK;
    struct value made = {.row = row, .origin = source->origin};
    made.where = source->where == NULL ? NULL : sat_strdup(source->where);
    made.text = keep_text(row, text);
    if (made.text == NULL || (source->where != NULL && made.where == NULL)) {
        drop_value(&made);
        return sat_error_nomem(err);
    }
    return replace(config, &made, err);
}

int sat_config_set_from(struct sat_config *config, const char *key, const char *value,
                        const struct sat_config_source *source, satchel_error *err)
{
    const struct sat_option *row = sat_option_find(config->tables, key);
    if (row == NULL)
        return sat_option_unknown(config->tables, key, err);
    if (value == NULL) {
        struct value *old = find_value(config, row);
        if (old != NULL && old->origin <= source->origin)
            remove_value(config, old);
        return SATCHEL_OK;
    }
    struct sat_option_value parsed;
    int code = sat_option_parse(row, value, &parsed, err);
    return code == SATCHEL_OK ? store(config, row, value, source, err) : code;
}

int sat_config_set(struct sat_config *config, const char *key, const char *value,
                   enum sat_origin origin, satchel_error *err)
{
    return sat_config_set_from(config, key, value, &(struct sat_config_source){.origin = origin},
                               err);
}

int sat_config_set_uri(struct sat_config *config, const char *uri, satchel_error *err)
{
    char *copy = sat_strdup(uri);
    if (copy == NULL)
        return sat_error_nomem(err);
    sat_free(config->uri);
    config->uri = copy;
    return SATCHEL_OK;
}

void sat_config_swap(struct sat_config *a, struct sat_config *b)
{
    struct sat_config other = *a;
    *a = *b;
    *b = other;
}

/* A variable set to nothing counts as not set, as other tools of the services have it. */
static int take_variable(struct sat_config *config, const struct sat_option *row, const char *name,
                         bool *taken, satchel_error *err)
{
    const char *text = getenv(name);
    if (text == NULL || *text == '\0')
        return SATCHEL_OK;
    *taken = true;
    const struct sat_config_source source = {.origin = SAT_ORIGIN_ENV, .where = name};
    int code = sat_config_set_from(config, row->key, text, &source, err);
    if (code != SATCHEL_OK)
        sat_error_prefix(err, "environment variable %s: ", name);
    return code;
}

enum { VARIABLE_MAX = 96 };

/* "SATCHEL_" and the key in upper case. */
static void own_variable(const char *key, char out[VARIABLE_MAX])
{
    static const char prefix[] = "SATCHEL_";
    size_t len = sizeof prefix - 1;
    memcpy(out, prefix, len);
    for (; *key != '\0' && len + 1 < VARIABLE_MAX; key++)
        out[len++] = *key >= 'a' && *key <= 'z' ? (char)(*key - 'a' + 'A') : *key;
    out[len] = '\0';
}

/* Ours first: it is the more particular one. Then those of the row, in their order. */
static int take_environment(struct sat_config *config, const struct sat_option *row,
                            satchel_error *err)
{
    char name[VARIABLE_MAX];
    bool taken = false;
    own_variable(row->key, name);
    int code = take_variable(config, row, name, &taken, err);
    const char *cursor = row->env == NULL ? "" : row->env;
    satchel_span item;
    while (code == SATCHEL_OK && !taken && sat_list_next(&cursor, &item)) {
        size_t len = item.len < VARIABLE_MAX ? item.len : VARIABLE_MAX - 1;
        memcpy(name, item.data, len);
        name[len] = '\0';
        code = take_variable(config, row, name, &taken, err);
    }
    return code;
}

static struct sat_config *new_empty(const struct sat_option *const *tables)
{
    struct sat_config *config = sat_calloc(1, sizeof *config);
    if (config == NULL)
        return NULL;
    config->tables = tables;
    sat_vec_init(&config->values, sizeof(struct value));
    return config;
}

int sat_config_new(const struct sat_option *const *tables, struct sat_config **out,
                   satchel_error *err)
{
    SAT_AUTO_CONFIG struct sat_config *config = new_empty(tables);
    if (config == NULL)
        return sat_error_nomem(err);
    size_t cursor = 0;
    const struct sat_option *row;
    while ((row = sat_option_each(tables, &cursor)) != NULL) {
        int code = take_environment(config, row, err);
        if (code != SATCHEL_OK)
            return code;
    }
    *out = config;
    config = NULL;
    return SATCHEL_OK;
}

int sat_config_copy(const struct sat_config *config, struct sat_config **out, satchel_error *err)
{
    SAT_AUTO_CONFIG struct sat_config *copy = new_empty(config->tables);
    if (copy == NULL)
        return sat_error_nomem(err);
    for (size_t i = 0; i < config->values.len; i++) {
        const struct value *value = sat_vec_at(&config->values, i);
        const struct sat_config_source source = {.origin = value->origin, .where = value->where};
        int code = store(copy, value->row, value->text, &source, err);
        if (code != SATCHEL_OK)
            return code;
    }
    if (config->uri != NULL && sat_config_set_uri(copy, config->uri, err) != SATCHEL_OK)
        return SATCHEL_NOMEM;
    *out = copy;
    copy = NULL;
    return SATCHEL_OK;
}

void sat_config_free(struct sat_config *config)
{
    if (config == NULL)
        return;
    for (size_t i = 0; i < config->values.len; i++)
        drop_value(sat_vec_at(&config->values, i));
    sat_vec_fini(&config->values);
    sat_free(config->uri);
    sat_free(config);
}

void sat_auto_config_(struct sat_config **config)
{
    sat_config_free(*config);
}

const struct sat_option *const *sat_config_tables(const struct sat_config *config)
{
    return config->tables;
}

/* The value in force, or NULL where the default is. */
static const struct value *effective(const struct sat_config *config, const struct sat_option *row)
{
    const struct value *value = find_value(config, row);
    if (value == NULL || row->follows == NULL)
        return value;
    /* A session token of the environment must not join keys that the program has set, and keys of
     * the environment must not stand before a profile that it has named. */
    return value->origin < sat_config_origin(config, row->follows) ? NULL : value;
}

enum sat_origin sat_config_origin(const struct sat_config *config, const char *key)
{
    const struct sat_option *row = sat_option_find(config->tables, key);
    const struct value *value = row == NULL ? NULL : find_value(config, row);
    return value == NULL ? SAT_ORIGIN_DEFAULT : value->origin;
}

const char *sat_origin_name(enum sat_origin origin)
{
    static const char *const names[] = {
        [SAT_ORIGIN_DEFAULT] = "default", [SAT_ORIGIN_PROFILE] = "profile",
        [SAT_ORIGIN_ENV] = "env",         [SAT_ORIGIN_FILE] = "file",
        [SAT_ORIGIN_SET] = "set",
    };
    return names[origin];
}

static const char *effective_text(const struct sat_config *config, const struct sat_option *row)
{
    const struct value *value = row == NULL ? NULL : effective(config, row);
    if (value != NULL)
        return value->text;
    return row == NULL || row->fallback == NULL ? "" : row->fallback;
}

const char *sat_config_str(const struct sat_config *config, const char *key)
{
    return effective_text(config, sat_option_find(config->tables, key));
}

static struct sat_option_value parsed_value(const struct sat_config *config, const char *key)
{
    struct sat_option_value value = {0};
    const struct sat_option *row = sat_option_find(config->tables, key);
    const char *text = effective_text(config, row);
    if (*text != '\0')
        (void)sat_option_parse(row, text, &value, NULL);
    return value;
}

int64_t sat_config_int(const struct sat_config *config, const char *key)
{
    return parsed_value(config, key).number;
}

uint64_t sat_config_size(const struct sat_config *config, const char *key)
{
    return (uint64_t)parsed_value(config, key).number;
}

int64_t sat_config_ms(const struct sat_config *config, const char *key)
{
    return parsed_value(config, key).number;
}

bool sat_config_bool(const struct sat_config *config, const char *key)
{
    return parsed_value(config, key).number != 0;
}

int sat_config_enum(const struct sat_config *config, const char *key)
{
    return (int)parsed_value(config, key).number;
}

double sat_config_double(const struct sat_config *config, const char *key)
{
    return parsed_value(config, key).real;
}

void satchel_config_free(satchel_config *config)
{
    sat_config_free(config);
}

int satchel_config_set(satchel_config *config, const char *key, const char *value,
                       satchel_error *err)
{
    if (config == NULL)
        return sat_error_set(err, SATCHEL_INVALID, "satchel_config_set: config is NULL");
    if (key == NULL)
        return sat_error_set(err, SATCHEL_INVALID, "satchel_config_set: key is NULL");
    return sat_config_set(config, key, value, SAT_ORIGIN_SET, err);
}

const char *satchel_config_get(const satchel_config *config, const char *key)
{
    if (config == NULL || key == NULL)
        return NULL;
    const struct sat_option *row = sat_option_find(config->tables, key);
    if (row == NULL)
        return NULL;
    const char *text = effective_text(config, row);
    return row->secret && *text != '\0' ? "***" : text;
}

/* The value that has replaced a known key's default; NULL where none has. */
static const struct value *given(const satchel_config *config, const char *key, bool *known)
{
    const struct sat_option *row =
        config == NULL || key == NULL ? NULL : sat_option_find(config->tables, key);
    *known = row != NULL;
    return row == NULL ? NULL : effective(config, row);
}

const char *satchel_config_origin(const satchel_config *config, const char *key)
{
    bool known;
    const struct value *value = given(config, key, &known);
    if (!known)
        return NULL;
    return sat_origin_name(value == NULL ? SAT_ORIGIN_DEFAULT : value->origin);
}

const char *satchel_config_where(const satchel_config *config, const char *key)
{
    bool known;
    const struct value *value = given(config, key, &known);
    if (!known)
        return NULL;
    return value == NULL || value->where == NULL ? "" : value->where;
}

const char *satchel_config_uri(const satchel_config *config)
{
    return config == NULL || config->uri == NULL ? "" : config->uri;
}
