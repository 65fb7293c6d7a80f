/* Configuration files: options, the list of databases, and from class and bucket to a URI. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <satchel/config.h>

#include "api/api.h"
#include "core/alloc.h"
#include "core/error.h"
#include "core/os.h"
#include "core/setting.h"
#include "core/str.h"
#include "core/yaml.h"

/* The keys of a file that are no options. */
enum place { DATABASES, NAME, CLASS, BACKEND, TYPE, BUCKET, PATH, PREFIX, URI, PLACE_COUNT };

const struct sat_option sat_options_place[] = {
    [DATABASES] = {.key = "databases"}, [NAME] = {.key = "name"},     [CLASS] = {.key = "class"},
    [BACKEND] = {.key = "backend"},     [TYPE] = {.key = "type"},     [BUCKET] = {.key = "bucket"},
    [PATH] = {.key = "path"},           [PREFIX] = {.key = "prefix"}, [URI] = {.key = "uri"},
    [PLACE_COUNT] = {.key = NULL},
};

/* A kind of database: what `backend` and the last part of `class` call it. */
static const struct kind {
    const char *backend;
    const char *class;
    const char *scheme;
    const char *prefix; /* the default */
    enum place where;   /* what it needs */
} kinds[] = {
    {"s3", "S3Database", "s3://", "records/", BUCKET},
    {"file", "FileDatabase", "file://", "", PATH},
    {"memory", "MemoryDatabase", "mem://", "", NAME},
};
enum { KIND_COUNT = sizeof kinds / sizeof kinds[0] };

struct loading {
    const char *file; /* its path; NULL: a text */
    const char *name; /* of the database; NULL: none */
    struct sat_config *config;
    const struct sat_setting *places[PLACE_COUNT]; /* the entry's over those at the top */
    struct sat_buf text;                           /* the value at hand */
    satchel_error *err;
};

static int at_node(const struct loading *loading, const struct sat_setting *node, int code)
{
    if (code != SATCHEL_OK && node->line > 0)
        sat_error_prefix(loading->err, "line %zu, column %zu: ", node->line, node->column);
    return code;
}

/* ---- options */

/* The value into loading->text; a null is none. */
static int take_scalar(struct loading *loading, const struct sat_setting *node, const char *key,
                       enum sat_jkind *kind)
{
    if (node->kind != SAT_SETTING_SCALAR)
        return sat_error_set(loading->err, SATCHEL_INVALID, "'%s' takes one value, not a %s", key,
                             node->kind == SAT_SETTING_LIST ? "list" : "map");
    int code = sat_setting_value(node, &loading->text, kind, loading->err);
    if (code == SATCHEL_OK && *kind == SAT_JKIND_NULL)
        return sat_error_set(loading->err, SATCHEL_INVALID,
                             "'%s' has no value (\"\" is the empty one)", key);
    return code;
}

/* The elements joined as the option type LIST wants them. */
static int take_list(struct loading *loading, const struct sat_setting *list, const char *key,
                     struct sat_buf *out)
{
    for (const struct sat_setting *item = list->first; item != NULL; item = item->next) {
        enum sat_jkind kind = SAT_JKIND_NULL;
        int code = take_scalar(loading, item, key, &kind);
        if (code != SATCHEL_OK)
            return code;
        const char *text = sat_buf_str(&loading->text);
        if (kind != SAT_JKIND_STRING || strchr(text, ',') != NULL)
            return sat_error_set(loading->err, SATCHEL_INVALID, "'%s' takes strings without commas",
                                 key);
        (void)sat_buf_addf(out, "%s%s", item == list->first ? "" : ",", text);
    }
    return sat_buf_check(out, key, loading->err);
}

static int take_option(struct loading *loading, const struct sat_option *row,
                       const struct sat_setting *node)
{
    char where[PATH_MAX + 32];
    const struct sat_config_source source = {.origin = SAT_ORIGIN_FILE, .where = where};
    SAT_AUTO_BUF struct sat_buf joined;
    enum sat_jkind kind = SAT_JKIND_NULL;
    bool list = row->type == SAT_OPTION_LIST && node->kind == SAT_SETTING_LIST;
    sat_buf_init(&joined, SAT_SETTING_BYTES_MAX);
    int code = list ? take_list(loading, node, row->key, &joined)
                    : take_scalar(loading, node, row->key, &kind);
    if (code != SATCHEL_OK)
        return code;
    const char *file = loading->file;
    (void)snprintf(where, sizeof where, "%s%s%zu", file != NULL ? file : "line",
                   file != NULL ? ":" : " ", node->line);
    return sat_config_set_from(loading->config, row->key,
                               sat_buf_str(list ? &joined : &loading->text), &source, loading->err);
}

static int take_member(struct loading *loading, const struct sat_setting *node)
{
    const struct sat_option *row = sat_option_find(sat_api_file_tables(), node->key);
    if (row == NULL)
        return sat_option_unknown(sat_api_file_tables(), node->key, loading->err);
    if (row < sat_options_place || row >= sat_options_place + PLACE_COUNT)
        return take_option(loading, row, node);
    loading->places[row - sat_options_place] = node;
    return SATCHEL_OK;
}

static int take_map(struct loading *loading, const struct sat_setting *map)
{
    int code = SATCHEL_OK;
    for (const struct sat_setting *node = map->first; node != NULL && code == SATCHEL_OK;
         node = node->next)
        code = at_node(loading, node, take_member(loading, node));
    return code;
}

/* ---- the list of databases */

/* The entry of the name that is wanted, NULL when it is another's. */
static int judge_entry(struct loading *loading, const struct sat_setting *entry,
                       const struct sat_setting **found)
{
    enum sat_jkind kind = SAT_JKIND_NULL;
    const struct sat_setting *name = sat_setting_get(entry, "name");
    if (name == NULL)
        return sat_error_set(loading->err, SATCHEL_INVALID,
                             "an entry of 'databases' is a map with a 'name'");
    int code = take_scalar(loading, name, "name", &kind);
    if (code != SATCHEL_OK || !sat_str_eq(sat_buf_str(&loading->text), loading->name))
        return code;
    if (*found != NULL)
        return sat_error_set(loading->err, SATCHEL_INVALID, "a second database '%s'",
                             loading->name);
    *found = entry;
    return SATCHEL_OK;
}

/* "no database 'archve' in it (did you mean 'archive'?)": among the first names. */
static int no_database(const struct loading *loading)
{
    const char *names[64];
    size_t count = 0;
    const struct sat_setting *list = loading->places[DATABASES];
    for (const struct sat_setting *entry = list == NULL ? NULL : list->first;
         entry != NULL && count < sizeof names / sizeof names[0]; entry = entry->next)
        names[count++] = sat_setting_get(entry, "name")->text;
    const char *near = sat_nearest(loading->name, names, count);
    return sat_error_set(loading->err, SATCHEL_INVALID, "no database '%s' in it%s%s%s",
                         loading->name, near != NULL ? " (did you mean '" : "",
                         near != NULL ? near : "", near != NULL ? "'?)" : "");
}

static int take_database(struct loading *loading)
{
    const struct sat_setting *list = loading->places[DATABASES];
    const struct sat_setting *found = NULL;
    int code = SATCHEL_OK;
    if (list != NULL && list->kind != SAT_SETTING_LIST)
        return at_node(loading, list,
                       sat_error_set(loading->err, SATCHEL_INVALID, "'databases' is a list"));
    for (const struct sat_setting *entry = list == NULL ? NULL : list->first;
         entry != NULL && code == SATCHEL_OK; entry = entry->next)
        code = at_node(loading, entry, judge_entry(loading, entry, &found));
    if (code != SATCHEL_OK)
        return code;
    if (found == NULL)
        return no_database(loading);
    code = take_map(loading, found);
    if (code == SATCHEL_OK && loading->places[DATABASES] != list)
        return at_node(loading, loading->places[DATABASES],
                       sat_error_set(loading->err, SATCHEL_INVALID,
                                     "'databases' stands at the top of a file"));
    return code;
}

/* ---- where it is */

/* The text of a place, in loading->text; "" when it is not there. */
static int take_place(struct loading *loading, enum place place)
{
    const struct sat_setting *node = loading->places[place];
    enum sat_jkind kind = SAT_JKIND_NULL;
    struct sat_option_value parsed;
    sat_buf_reset(&loading->text);
    if (node == NULL)
        return SATCHEL_OK;
    int code = take_scalar(loading, node, node->key, &kind);
    if (code == SATCHEL_OK)
        code = sat_option_parse(&sat_options_place[place], sat_buf_str(&loading->text), &parsed,
                                loading->err);
    return at_node(loading, node, code);
}

/* "dataknobs_data.backends.s3.SyncS3Database" -> "S3Database"; NULL when the module is another's.
 */
static const char *bare_class(const char *class)
{
    const char *dot = strrchr(class, '.');
    if (dot != NULL && !sat_str_starts(class, "satchel.") &&
        !sat_str_starts(class, "dataknobs_data."))
        return NULL;
    const char *bare = dot == NULL ? class : dot + 1;
    if (sat_str_starts(bare, "Async"))
        return bare + 5;
    return sat_str_starts(bare, "Sync") ? bare + 4 : bare;
}

/* Narrows *kind by what one key says, when it is there. */
static int judge_kind(struct loading *loading, enum place place, const struct kind **kind)
{
    int code = take_place(loading, place);
    const char *text = sat_buf_str(&loading->text);
    if (code != SATCHEL_OK || loading->places[place] == NULL)
        return code;
    const char *wanted = place == CLASS ? bare_class(text) : text;
    const struct kind *found = kinds;
    while (found < kinds + KIND_COUNT &&
           (wanted == NULL || !sat_str_eq(place == CLASS ? found->class : found->backend, wanted)))
        found++;
    if (found == kinds + KIND_COUNT)
        return at_node(loading, loading->places[place],
                       sat_error_set(loading->err, SATCHEL_INVALID,
                                     place == CLASS ? "unknown class '%s' (known: S3Database, "
                                                      "FileDatabase, MemoryDatabase)"
                                                    : "unknown backend '%s' (known: s3, file, "
                                                      "memory)",
                                     text));
    if (*kind != NULL && *kind != found)
        return at_node(loading, loading->places[place],
                       sat_error_set(loading->err, SATCHEL_INVALID,
                                     "it is a database of '%s' and of '%s'", (*kind)->backend,
                                     found->backend));
    *kind = found;
    return SATCHEL_OK;
}

/* Of which kind: as it says, else by the key that says where; NULL when nothing does. */
static int find_kind(struct loading *loading, const struct kind **kind)
{
    int code = judge_kind(loading, CLASS, kind);
    if (code == SATCHEL_OK)
        code = judge_kind(loading, BACKEND, kind);
    if (code == SATCHEL_OK)
        code = judge_kind(loading, TYPE, kind);
    for (size_t i = 0; *kind == NULL && i < KIND_COUNT; i++) {
        if (kinds[i].where != NAME && loading->places[kinds[i].where] != NULL)
            *kind = &kinds[i];
    }
    return code;
}

/* A place that the kind does not have. */
static int check_places(const struct loading *loading, const struct kind *kind)
{
    for (enum place place = BUCKET; place <= URI; place++) {
        bool fits = kind == NULL ? place == URI : place == kind->where || place == PREFIX;
        if (loading->places[place] != NULL && !fits)
            return at_node(loading, loading->places[place],
                           sat_error_set(loading->err, SATCHEL_INVALID, "'%s' does not go with %s",
                                         sat_options_place[place].key,
                                         kind == NULL ? "'uri'" : kind->class));
    }
    return SATCHEL_OK;
}

/* Appends the bucket, path or name. */
static int put_where(struct loading *loading, const struct kind *kind, struct sat_buf *uri)
{
    int code = take_place(loading, kind->where);
    const char *text = sat_buf_str(&loading->text);
    size_t len = strlen(text);
    if (code != SATCHEL_OK)
        return code;
    if (len == 0)
        return sat_error_set(loading->err, SATCHEL_INVALID, "%s needs '%s'", kind->class,
                             sat_options_place[kind->where].key);
    if (kind->where != PATH && strchr(text, '/') != NULL)
        return at_node(loading, loading->places[kind->where],
                       sat_error_set(loading->err, SATCHEL_INVALID, "'%s' has a '/' in it", text));
    if (kind->where == PATH && *text != '/') {
        char here[PATH_MAX];
        int result = sat_os_realpath(".", here, sizeof here);
        if (result < 0)
            return sat_error_os(loading->err, -result, "cannot tell the working directory");
        (void)sat_buf_addf(uri, "%s/", sat_str_eq(here, "/") ? "" : here);
    }
    while (len > 0 && text[len - 1] == '/')
        len--;
    (void)sat_buf_add(uri, text, len);
    (void)sat_buf_add_char(uri, '/');
    return SATCHEL_OK;
}

/* Appends the prefix with one '/' at its end. */
static int put_prefix(struct loading *loading, const struct kind *kind, struct sat_buf *uri)
{
    int code = take_place(loading, PREFIX);
    const char *text = loading->places[PREFIX] == NULL ? kind->prefix : sat_buf_str(&loading->text);
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '/')
        len--;
    (void)sat_buf_add(uri, text, len);
    if (len > 0)
        (void)sat_buf_add_char(uri, '/');
    return code;
}

static int put_uri(struct loading *loading, struct sat_buf *uri)
{
    const struct kind *kind = NULL;
    int code = find_kind(loading, &kind);
    if (code != SATCHEL_OK)
        return code;
    if (kind == NULL && loading->places[URI] == NULL)
        return loading->name == NULL
                   ? SATCHEL_OK
                   : sat_error_set(loading->err, SATCHEL_INVALID,
                                   "database '%s' has no 'bucket', 'path' or 'uri'", loading->name);
    code = check_places(loading, kind);
    if (code == SATCHEL_OK && kind == NULL) {
        code = take_place(loading, URI);
        (void)sat_buf_add_str(uri, sat_buf_str(&loading->text));
        return code;
    }
    if (code != SATCHEL_OK)
        return code;
    (void)sat_buf_add_str(uri, kind->scheme);
    code = put_where(loading, kind, uri);
    return code == SATCHEL_OK ? put_prefix(loading, kind, uri) : code;
}

/* ---- loading */

static int take_document(struct loading *loading, const struct sat_setting *root)
{
    SAT_AUTO_BUF struct sat_buf uri;
    bool empty = root->kind == SAT_SETTING_SCALAR && !root->quoted && *root->text == '\0';
    sat_buf_init(&uri, SAT_SETTING_BYTES_MAX);
    if (root->kind != SAT_SETTING_MAP && !empty)
        return sat_error_set(loading->err, SATCHEL_INVALID, "a configuration is a map of options");
    int code = take_map(loading, root);
    if (code == SATCHEL_OK && loading->name != NULL)
        code = take_database(loading);
    if (code == SATCHEL_OK)
        code = put_uri(loading, &uri);
    if (code == SATCHEL_OK)
        code = sat_buf_check(&uri, "a URI", loading->err);
    return code == SATCHEL_OK ? sat_config_set_uri(loading->config, sat_buf_str(&uri), loading->err)
                              : code;
}

/* How a text is read: sat_setting_read_json or sat_yaml_read. */
typedef int parse_fn(satchel_span text, struct sat_setting **root, satchel_error *err);

/* All is taken into a copy first: after an error nothing has changed. */
static int load(satchel_config *config, parse_fn *parse, satchel_span text, struct loading *loading)
{
    SAT_AUTO_SETTING struct sat_setting *root = NULL;
    SAT_AUTO_CONFIG struct sat_config *trial = NULL;
    int code = parse(text, &root, loading->err);
    if (code == SATCHEL_OK)
        code = sat_config_copy(config, &trial, loading->err);
    if (code != SATCHEL_OK)
        return code;
    loading->config = trial;
    sat_buf_init(&loading->text, SAT_SETTING_BYTES_MAX);
    code = take_document(loading, root);
    sat_buf_fini(&loading->text);
    if (code == SATCHEL_OK)
        sat_config_swap(config, trial);
    return code;
}

static int load_file(satchel_config *config, struct loading *loading)
{
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, SAT_SETTING_BYTES_MAX);
    int result = sat_os_read_file(AT_FDCWD, loading->file, SAT_SETTING_BYTES_MAX, &text);
    if (result < 0)
        return sat_error_os(loading->err, -result, "cannot read '%s'", loading->file);
    bool json = sat_str_ends(loading->file, ".json");
    int code =
        load(config, json ? sat_setting_read_json : sat_yaml_read, sat_buf_span(&text), loading);
    if (code != SATCHEL_OK)
        sat_error_prefix(loading->err, "%s: ", loading->file);
    sat_cleanse(text.data, text.len);
    return code;
}

int satchel_config_load_file(satchel_config *config, const char *path, const char *name,
                             satchel_error *err)
{
    struct loading loading = {.file = path, .name = name, .err = err};
    int code = SAT_CHECK(err, SAT_ARG(config), SAT_ARG(path));
    if (code == SATCHEL_OK)
        code = load_file(config, &loading);
    return sat_api_done(code, err);
}

int satchel_config_load_yaml(satchel_config *config, const char *yaml, satchel_error *err)
{
    struct loading loading = {.err = err};
    int code = SAT_CHECK(err, SAT_ARG(config), SAT_ARG(yaml));
    if (code == SATCHEL_OK)
        code = load(config, sat_yaml_read, sat_span_of(yaml), &loading);
    return sat_api_done(code, err);
}

int satchel_config_load_json(satchel_config *config, const char *json, satchel_error *err)
{
    struct loading loading = {.err = err};
    int code = SAT_CHECK(err, SAT_ARG(config), SAT_ARG(json));
    if (code == SATCHEL_OK)
        code = load(config, sat_setting_read_json, sat_span_of(json), &loading);
    return sat_api_done(code, err);
}
