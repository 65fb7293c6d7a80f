/* config: the settings in force, each with where it comes from. */
#include <string.h>

#include "out.h"
#include "place.h"

enum { KEY_COLUMN = 28, VALUE_COLUMN = 32 };

struct setting {
    const char *key;
    const char *value;
    const char *origin;
    const char *where; /* "" = the origin says all */
};

static void print_json(const struct setting *setting)
{
    const struct {
        const char *name;
        const char *value;
    } members[] = {
        {"key", setting->key},
        {"value", setting->value},
        {"origin", setting->origin},
        {"where", setting->where},
    };
    struct cli_text more = {0};
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        cli_text_addf(&more, ",\"%s\":", members[i].name);
        cli_text_json(&more, members[i].value);
    }
    cli_event_print(&(struct cli_event){.op = "config", .more = &more});
    cli_text_free(&more);
}

static void print_plain(const struct setting *setting)
{
    struct cli_text line = {0};
    const char *value = setting->value[0] != '\0' ? setting->value : "\"\"";
    cli_text_addf(&line, "%-*s  %-*s  %s\n", KEY_COLUMN, setting->key, VALUE_COLUMN, value,
                  setting->where[0] != '\0' ? setting->where : setting->origin);
    (void)cli_out_text(&line);
    cli_text_free(&line);
}

static void print(struct cli_call *call, const struct setting *setting)
{
    if (call->options.json)
        print_json(setting);
    else
        print_plain(setting);
    call->summary.objects_done++;
}

static void print_all(struct cli_call *call, const satchel_config *config)
{
    size_t cursor = 0;
    satchel_option option = {.struct_size = sizeof option};
    const char *uri = satchel_config_uri(config);
    if (uri[0] != '\0')
        print(call, &(struct setting){"uri", uri, "file", ""});
    while (satchel_option_next(&cursor, &option) == 1)
        print(call, &(struct setting){option.key, satchel_config_get(config, option.key),
                                      satchel_config_origin(config, option.key),
                                      satchel_config_where(config, option.key)});
}

int cli_cmd_config(struct cli_call *call)
{
    satchel_error err = {0};
    satchel_config *config = NULL;
    int code = cli_config(call, &config, &err);
    if (code == SATCHEL_OK)
        print_all(call, config);
    satchel_config_free(config);
    return code == SATCHEL_OK ? CLI_OK : cli_report(call, NULL, &err);
}
