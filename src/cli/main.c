/* The command `satchel`: its commands as a table, and the way from argv to an exit status. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "args.h"
#include "help.h"
#include "out.h"

#define STORE (CLI_G_STORE | CLI_G_JSON)
#define COPY  (STORE | CLI_G_JOB | CLI_G_COPY)
#define REC   (STORE | CLI_G_REC)

enum { MANY = 1 << 30 };

const struct cli_command cli_commands[] = {
    {NULL, "cp", "SRC... DEST", "copies files and objects between any two stores",
     "cp -r ./photos s3://bucket/photos/", 2, MANY, COPY, cli_cmd_copy},
    {NULL, "upload", "SRC... DEST", "copies to a store", "upload '/data/*.log' s3://bucket/logs/",
     2, MANY, COPY, cli_cmd_copy},
    {NULL, "download", "SRC... DIR", "copies into a local folder",
     "download s3://bucket/data/ ./data/", 2, MANY, COPY, cli_cmd_copy},
    {NULL, "ls", "URI", "lists what is below; s3:// lists buckets", "ls -l s3://bucket/logs/", 1, 1,
     STORE | CLI_G_LS, cli_cmd_ls},
    {NULL, "stat", "URI", "tells what is known of an object", "stat s3://bucket/logs/app.log", 1, 1,
     STORE, cli_cmd_stat},
    {NULL, "cat", "URI", "writes an object to standard output", "cat s3://bucket/logs/app.log", 1,
     1, CLI_G_STORE, cli_cmd_cat},
    {NULL, "put", "FILE|- URI", "stores a file or standard input as one object",
     "put - s3://bucket/logs/app.log", 2, 2, STORE, cli_cmd_put},
    {NULL, "rm", "URI...", "deletes objects, with -r all below a prefix",
     "rm -r s3://bucket/logs/2024/", 1, MANY, STORE | CLI_G_RM, cli_cmd_rm},
    {NULL, "mb", "URI", "makes a bucket or folder", "mb s3://bucket", 1, 1, STORE, cli_cmd_mb},
    {"rec", "get", "DB ID", "prints a record", "rec get s3://bucket/records/ user-123", 2, 2, REC,
     cli_cmd_rec_get},
    {"rec", "put", "DB [ID] FILE|-",
     "creates or replaces a record {\"fields\": {...}, \"metadata\": {...}}",
     "rec put ./db user-123 record.json", 2, 3, REC | CLI_G_PUT, cli_cmd_rec_put},
    {"rec", "rm", "DB ID...", "deletes records", "rec rm ./db user-123 user-124", 2, MANY,
     REC | CLI_G_DELETE, cli_cmd_rec_rm},
    {"rec", "query", "DB [WHERE]", "prints the records a query finds, one a line",
     "rec query ./db \"age >= 30 AND city = 'Oslo' ORDER BY name LIMIT 10\"", 1, 2,
     REC | CLI_G_QUERY, cli_cmd_rec_query},
    {"rec", "count", "DB [WHERE]", "counts the records a query finds",
     "rec count ./db \"city IN ('Oslo', 'Rome')\"", 1, 2, REC | CLI_G_COUNT, cli_cmd_rec_count},
    {"rec", "import", "DB FILE|-", "makes a record of each item of a file",
     "rec import ./db people.json --at /people --id-field email", 2, 2,
     REC | CLI_G_JOB | CLI_G_IMPORT, cli_cmd_rec_import},
    {"rec", "export", "DB FILE|-", "writes the records to a file",
     "rec export ./db people.csv --where \"city = 'Oslo'\"", 2, 2, REC | CLI_G_JOB | CLI_G_EXPORT,
     cli_cmd_rec_export},
    {"rec", "migrate", "SRC DST", "copies the records of a database to another and verifies them",
     "rec migrate ./db s3://bucket/records/ --delete-source", 2, 2, REC | CLI_G_JOB | CLI_G_MIGRATE,
     cli_cmd_rec_migrate},
    {NULL, "config", "", "tells the settings in force and where each comes from",
     "config --config config.yaml --database archive", 0, 0, STORE, cli_cmd_config},
    {NULL, "help", "[COMMAND|options]", "explains a command, or the options of --set",
     "help rec query", 0, 2, 0, cli_cmd_help},
    {0},
};

const struct cli_command *cli_find_command(const char *group, const char *name)
{
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++) {
        bool same_group = command->group == NULL || group == NULL
                              ? command->group == group
                              : strcmp(command->group, group) == 0;
        if (same_group && strcmp(command->name, name) == 0)
            return command;
    }
    return NULL;
}

static int print_version(void)
{
    struct cli_text line = {0};
    cli_text_addf(&line, "satchel %s\n", satchel_version());
    (void)cli_out_text(&line);
    cli_text_free(&line);
    return CLI_OK;
}

static int run(struct cli_call *call)
{
    if (call->options.version)
        return print_version();
    if (call->options.help || call->command == NULL) {
        (void)cli_help(call->command, call->count > 0 ? call->operands[0] : NULL);
        return call->options.help ? CLI_OK : CLI_USAGE;
    }
    cli_log_start(call);
    return call->command->run(call);
}

static uint64_t now_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int main(int argc, char **argv)
{
    struct cli_call call;
    uint64_t start_ns = now_ns();
    satchel_error err = {0};
    /* A reader who went away is an error of write(), here and on sockets. */
    (void)signal(SIGPIPE, SIG_IGN);
    int code = cli_parse(argc, argv, &call, &err);
    int status = code == SATCHEL_OK ? run(&call) : cli_report(&call, NULL, &err);
    call.summary.elapsed_ns = now_ns() - start_ns;
    if (call.options.json)
        cli_summary_print(&call, status);
    cli_call_fini(&call);
    satchel_log_set(SATCHEL_LOG_OFF, NULL, NULL);
    return cli_out_finish(status);
}
