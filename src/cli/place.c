/* Operands to stores, keys, databases and configurations. */
#include "place.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "out.h"
#include "text.h"

/* ---- names */

/* Length of "scheme://" at the front, or 0. */
static size_t scheme_length(const char *text)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
    return len > 0 && strncmp(text + len, "://", 3) == 0 ? len + 3 : 0;
}

/* The absolute form of a path that need not exist, without `..` where its folder exists. */
static void add_absolute(struct cli_text *out, const char *path)
{
    char *real = realpath(path, NULL);
    size_t len = strlen(path);
    if (real == NULL && path[0] != '/') {
        char *here = realpath(".", NULL);
        while (path[0] == '.' && path[1] == '/')
            path += strspn(path + 1, "/") + 1;
        cli_text_addf(out, "%s/%s", here != NULL && here[1] != '\0' ? here : "", path);
        free(here);
        return;
    }
    cli_text_str(out, real != NULL ? real : path);
    if (real != NULL && real[1] != '\0' && len > 0 && path[len - 1] == '/')
        cli_text_str(out, "/");
    free(real);
}

char *cli_uri(const char *operand)
{
    struct cli_text uri = {0};
    if (scheme_length(operand) > 0 || operand[0] == '\0') {
        cli_text_str(&uri, operand);
    } else {
        cli_text_str(&uri, "file://");
        add_absolute(&uri, operand);
    }
    return uri.data;
}

void cli_place_init(struct cli_place *place, const char *operand)
{
    *place = (struct cli_place){.uri = cli_uri(operand)};
    const char *uri = place->uri;
    size_t scheme = scheme_length(uri);
    place->local = strncmp(uri, "file://", 7) == 0 || strncmp(uri, "direct://", 9) == 0;
    const char *slash = place->local ? strrchr(uri + scheme, '/') : strchr(uri + scheme, '/');
    struct cli_text root = {0};
    if (slash != NULL || uri[scheme] == '\0') {
        size_t len = slash != NULL ? (size_t)(slash - uri) + 1 : scheme;
        cli_text_add(&root, uri, len);
        place->key = cli_copy(uri + len, strlen(uri + len));
    } else {
        cli_text_addf(&root, "%s/", uri);
        place->key = cli_copy("", 0);
    }
    place->root = root.data;
}

void cli_place_fini(struct cli_place *place)
{
    free(place->uri);
    free(place->root);
    free(place->key);
    *place = (struct cli_place){0};
}

/* ---- files */

int cli_read_file(const char *path, struct cli_text *out, satchel_error *err)
{
    char block[16384];
    size_t got;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rbe");
    if (file == NULL)
        return cli_error_set(err,
                             errno == ENOENT   ? SATCHEL_NOT_FOUND
                             : errno == EACCES ? SATCHEL_DENIED
                                               : SATCHEL_IO,
                             "cannot open '%s': %s", path, strerrordesc_np(errno));
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        cli_text_add(out, block, got);
    int failed = ferror(file) != 0 ? errno : 0;
    if (file != stdin)
        (void)fclose(file);
    if (failed != 0)
        return cli_error_set(err, SATCHEL_IO, "cannot read '%s': %s", path,
                             strerrordesc_np(failed));
    return SATCHEL_OK;
}

/* ---- configuration */

static bool is_secret(const char *key)
{
    size_t cursor = 0;
    satchel_option option = {.struct_size = sizeof option};
    while (satchel_option_next(&cursor, &option) == 1) {
        if (strcmp(option.key, key) == 0)
            return option.secret != 0;
    }
    return false;
}

static int refuse_secret(const char *key, satchel_error *err)
{
    char name[64];
    (void)snprintf(name, sizeof name, "%s", key);
    for (char *c = name; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
    return cli_error_set(err, SATCHEL_INVALID,
                         "'%s' is secret, and others can read command lines: set SATCHEL_%s in the "
                         "environment, write it into a --config file, or --set %s=@FILE",
                         key, name, key);
}

/* The content of the file without its last line end. */
static int value_from_file(const char *path, struct cli_text *value, satchel_error *err)
{
    int code = cli_read_file(path, value, err);
    while (value->len > 0 && strchr("\r\n", value->data[value->len - 1]) != NULL)
        value->data[--value->len] = '\0';
    return code;
}

static int set_pair(satchel_config *config, const char *pair, satchel_error *err)
{
    const char *equals = strchr(pair, '=');
    if (equals == NULL || equals == pair)
        return cli_error_set(err, SATCHEL_INVALID, "--set '%s': want KEY=VALUE", pair);
    char *key = cli_copy(pair, (size_t)(equals - pair));
    struct cli_text value = {0};
    int code = SATCHEL_OK;
    if (equals[1] == '@')
        code = value_from_file(equals + 2, &value, err);
    else if (is_secret(key))
        code = refuse_secret(key, err);
    else
        cli_text_str(&value, equals + 1);
    if (code == SATCHEL_OK)
        code = satchel_config_set(config, key, cli_text_get(&value), err);
    cli_text_free(&value);
    free(key);
    return code;
}

static int set_options(const struct cli_options *options, satchel_config *config,
                       satchel_error *err)
{
    const struct {
        const char *key;
        const char *value;
    } named[] = {
        {"profile", options->profile},
        {"region", options->region},
        {"endpoint_url", options->endpoint_url},
        {"ca_file", options->ca_file},
        {"max_memory", options->max_memory},
        {"no_sign_request", options->no_sign_request ? "true" : NULL},
    };
    int code = SATCHEL_OK;
    for (size_t i = 0; code == SATCHEL_OK && i < options->set_count; i++)
        code = set_pair(config, options->set[i], err);
    for (size_t i = 0; code == SATCHEL_OK && i < sizeof named / sizeof named[0]; i++) {
        if (named[i].value != NULL)
            code = satchel_config_set(config, named[i].key, named[i].value, err);
    }
    return code;
}

/* The file of --config, else of the environment. */
static int load_config(const struct cli_options *options, satchel_config *config,
                       satchel_error *err)
{
    const char *file = options->config != NULL ? options->config : getenv("SATCHEL_CONFIG");
    if (file != NULL && *file != '\0')
        return satchel_config_load_file(config, file, options->database, err);
    if (options->database != NULL)
        return cli_error_set(err, SATCHEL_INVALID,
                             "--database '%s' is of no file: give --config FILE",
                             options->database);
    return SATCHEL_OK;
}

int cli_config(const struct cli_call *call, satchel_config **config, satchel_error *err)
{
    satchel_config *made = NULL;
    int code = satchel_config_new(&made, err);
    if (code == SATCHEL_OK)
        code = load_config(&call->options, made, err);
    if (code == SATCHEL_OK)
        code = set_options(&call->options, made, err);
    if (code == SATCHEL_OK)
        *config = made;
    else
        satchel_config_free(made);
    return code;
}

/* ---- stores and databases */

int cli_open(const struct cli_call *call, const char *uri, satchel_store **store,
             satchel_error *err)
{
    satchel_config *config = NULL;
    int code = cli_config(call, &config, err);
    if (code == SATCHEL_OK)
        code = satchel_store_open(uri, config, store, err);
    satchel_config_free(config);
    return code;
}

int cli_open_db(const struct cli_call *call, const char *operand, satchel_db **db,
                satchel_error *err)
{
    satchel_config *config = NULL;
    char *uri = cli_uri(operand);
    int code = cli_config(call, &config, err);
    if (code == SATCHEL_OK && call->options.create_bucket)
        code = satchel_config_set(config, "create_bucket", "true", err);
    if (code == SATCHEL_OK)
        code = satchel_db_open(uri, config, db, err);
    satchel_config_free(config);
    free(uri);
    return code;
}

static void print_stats(const struct cli_call *call, const char *name, const satchel_db *db)
{
    satchel_count counts[64] = {{0}};
    struct cli_text line = {0};
    uint64_t total = satchel_db_stats(db, counts, 63);
    for (const satchel_count *count = counts; count->kind != NULL; count++) {
        if (count->requests > 0)
            cli_text_addf(&line, " %s=%" PRIu64, count->kind, count->requests);
    }
    cli_text_addf(&line, " total=%" PRIu64, total);
    cli_note(call, "requests to %s:%s", name, cli_text_get(&line));
    cli_text_free(&line);
}

void cli_close_db(const struct cli_call *call, const char *name, satchel_db *db)
{
    if (db != NULL && call->options.stats)
        print_stats(call, name, db);
    satchel_db_close(db);
}
