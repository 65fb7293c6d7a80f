/* The help: made from the tables of commands and options, so that it cannot lag behind them. */
#include "help.h"

#include <string.h>

#include "args.h"
#include "out.h"

enum { COLUMN = 28 };

static void command_name(struct cli_text *out, const struct cli_command *command)
{
    cli_text_addf(out, "%s%s%s", command->group != NULL ? command->group : "",
                  command->group != NULL ? " " : "", command->name);
}

/* "  left             right" */
static void add_row(struct cli_text *out, const struct cli_text *left, const char *right)
{
    cli_text_addf(out, "  %-*s  %s\n", COLUMN, cli_text_get(left), right);
}

static void add_commands(struct cli_text *out, const char *group)
{
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++) {
        if (group != NULL && (command->group == NULL || strcmp(command->group, group) != 0))
            continue;
        struct cli_text left = {0};
        command_name(&left, command);
        cli_text_addf(&left, " %s", command->operands);
        add_row(out, &left, command->summary);
        cli_text_free(&left);
    }
}

static void add_options(struct cli_text *out, const struct cli_command *command)
{
    unsigned groups = command->options | CLI_G_ALWAYS;
    cli_text_str(out, "\noptions:\n");
    for (const struct cli_option *option = cli_options_table; option->name != NULL; option++) {
        if ((option->groups & groups) == 0)
            continue;
        struct cli_text left = {0};
        if (option->letter != 0)
            cli_text_addf(&left, "-%c, ", option->letter);
        cli_text_addf(&left, "--%s", option->name);
        if (option->value != NULL)
            cli_text_addf(&left, " %s", option->value);
        add_row(out, &left, option->help);
        cli_text_free(&left);
    }
}

static void help_of_command(struct cli_text *out, const struct cli_command *command)
{
    cli_text_str(out, "usage: satchel ");
    command_name(out, command);
    cli_text_addf(out, " [options] %s\n\nIt %s.\n", command->operands, command->summary);
    cli_text_addf(out, "\n  satchel %s\n", command->example);
    add_options(out, command);
}

static void help_of_all(struct cli_text *out, const char *group)
{
    cli_text_addf(out,
                  "usage: satchel %sCOMMAND [options] OPERAND...\n\n"
                  "A place is s3://bucket/key, file:///path or a local path; a database (DB) is a "
                  "folder or a prefix.\n\ncommands:\n",
                  group != NULL ? "rec " : "");
    add_commands(out, group);
    cli_text_str(out, "\n'satchel help COMMAND' tells its options, 'satchel help options' those of "
                      "--set and the environment.\n"
                      "exit status: 0 ok, 1 some objects failed, 2 usage, 3 not found, 4 denied, "
                      "5 network,\n  6 integrity, 7 conflict or exists, 8 a limit, 130/143 "
                      "interrupted\n");
}

int cli_help(const struct cli_command *command, const char *group)
{
    struct cli_text out = {0};
    if (command != NULL)
        help_of_command(&out, command);
    else
        help_of_all(&out, group);
    (void)cli_out_text(&out);
    cli_text_free(&out);
    return CLI_OK;
}

/* ---- the options of --set */

static void add_setting(struct cli_text *out, const satchel_option *option)
{
    struct cli_text left = {0};
    cli_text_addf(&left, "%s=%s", option->key,
                  option->choices[0] != '\0' ? option->choices : option->type);
    cli_text_addf(out, "  %-*s  %s", COLUMN, cli_text_get(&left), option->help);
    if (option->default_value[0] != '\0')
        cli_text_addf(out, " (%s)", option->default_value);
    if (option->env[0] != '\0')
        cli_text_addf(out, " [%s]", option->env);
    if (option->secret != 0)
        cli_text_str(out, " - secret: environment, --config or =@FILE only");
    cli_text_str(out, "\n");
    cli_text_free(&left);
}

static int help_of_settings(void)
{
    size_t cursor = 0;
    satchel_option option = {.struct_size = sizeof option};
    struct cli_text out = {0};
    cli_text_str(&out, "--set KEY=VALUE, KEY: VALUE in a --config file, or SATCHEL_<KEY> in the "
                       "environment; (default), [other variables]:\n");
    while (satchel_option_next(&cursor, &option) == 1)
        add_setting(&out, &option);
    (void)cli_out_text(&out);
    cli_text_free(&out);
    return CLI_OK;
}

int cli_cmd_help(struct cli_call *call)
{
    const char *first = call->count > 0 ? call->operands[0] : NULL;
    const char *second = call->count > 1 ? call->operands[1] : NULL;
    if (first == NULL || (strcmp(first, "rec") == 0 && second == NULL))
        return cli_help(NULL, first);
    if (strcmp(first, "options") == 0 && second == NULL)
        return help_of_settings();
    const struct cli_command *command =
        second != NULL ? cli_find_command(first, second) : cli_find_command(NULL, first);
    if (command != NULL)
        return cli_help(command, NULL);
    satchel_error err;
    (void)cli_error_set(&err, SATCHEL_INVALID, "no help on '%s%s%s'; 'satchel help' lists all",
                        first, second != NULL ? " " : "", second != NULL ? second : "");
    return cli_report(call, NULL, &err);
}
