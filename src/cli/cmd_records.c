/* rec import, export, migrate: jobs over many records. */
#include <string.h>

#include "jobrun.h"
#include "out.h"
#include "place.h"
#include "record.h"

/* ---- formats */

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);
    return len > end_len && strcmp(text + len - end_len, end) == 0;
}

/* enum satchel_format: as said, else by the file's name. */
static int format_of(const struct cli_call *call, const char *path)
{
    if (call->options.format != CLI_FORMAT_AUTO)
        return call->options.format - 1;
    if (ends_with(path, ".csv"))
        return SATCHEL_FORMAT_CSV;
    /* --at says that there is a document around the array. */
    return ends_with(path, ".json") || call->options.at != NULL ? SATCHEL_FORMAT_JSON
                                                                : SATCHEL_FORMAT_NDJSON;
}

static satchel_text_options text_options(const struct cli_call *call, const satchel_query *where)
{
    return (satchel_text_options){
        .struct_size = sizeof(satchel_text_options),
        .format = format_of(call, call->operands[1]),
        .on_conflict = call->options.on_conflict,
        .whole_records = call->options.whole,
        .id_field = call->options.id_field,
        .at = call->options.at,
        .where = where,
    };
}

/* ---- commands */

int cli_cmd_rec_import(struct cli_call *call)
{
    const char *path = call->operands[1];
    const struct cli_job_view view = {"IMPORT", "records", strcmp(path, "-") != 0 ? path : NULL};
    const satchel_text_options options = text_options(call, NULL);
    satchel_error err = {0};
    satchel_db *db = NULL;
    satchel_job *job = NULL;
    int code = cli_open_db(call, call->operands[0], &db, &err);
    if (code == SATCHEL_OK)
        code = satchel_job_import(db, path, &options, &job, &err);
    int status = code == SATCHEL_OK ? cli_job_run(call, job, &view) : cli_report(call, NULL, &err);
    cli_close_db(call, call->operands[0], db);
    return status;
}

static int parse_where(const struct cli_call *call, satchel_query **where, satchel_error *err)
{
    return call->options.where != NULL ? satchel_query_parse_where(call->options.where, where, err)
                                       : SATCHEL_OK;
}

int cli_cmd_rec_export(struct cli_call *call)
{
    static const struct cli_job_view view = {"EXPORT", "records", NULL};
    satchel_error err = {0};
    satchel_db *db = NULL;
    satchel_job *job = NULL;
    satchel_query *where = NULL;
    int code = SATCHEL_OK;
    if (call->options.json && strcmp(call->operands[1], "-") == 0)
        code = cli_error_set(&err, SATCHEL_INVALID,
                             "--json and an export to '-' would both write to standard output");
    if (code == SATCHEL_OK)
        code = parse_where(call, &where, &err);
    if (code == SATCHEL_OK)
        code = cli_open_db(call, call->operands[0], &db, &err);
    const satchel_text_options options = text_options(call, where);
    if (code == SATCHEL_OK)
        code = satchel_job_export(db, call->operands[1], &options, &job, &err);
    int status = code == SATCHEL_OK ? cli_job_run(call, job, &view) : cli_report(call, NULL, &err);
    satchel_query_free(where);
    cli_close_db(call, call->operands[0], db);
    return status;
}

static int new_migration(const struct cli_call *call, satchel_db *const *sides,
                         const satchel_query *where, satchel_job **job, satchel_error *err)
{
    const satchel_migrate_options options = {
        .struct_size = sizeof options,
        .where = where,
        .delete_source = call->options.delete_source,
        .no_verify = call->options.no_verify,
        .on_conflict = call->options.on_conflict,
    };
    if (options.delete_source && options.no_verify)
        return cli_error_set(err, SATCHEL_INVALID,
                             "--delete-source deletes only what was verified: no --no-verify");
    return satchel_job_migrate(sides[0], sides[1], &options, job, err);
}

int cli_cmd_rec_migrate(struct cli_call *call)
{
    static const struct cli_job_view view = {"MIGRATE", "records", NULL};
    satchel_error err = {0};
    satchel_db *sides[2] = {NULL, NULL};
    satchel_job *job = NULL;
    satchel_query *where = NULL;
    int code = parse_where(call, &where, &err);
    for (size_t i = 0; code == SATCHEL_OK && i < 2; i++)
        code = cli_open_db(call, call->operands[i], &sides[i], &err);
    if (code == SATCHEL_OK)
        code = new_migration(call, sides, where, &job, &err);
    int status = code == SATCHEL_OK ? cli_job_run(call, job, &view) : cli_report(call, NULL, &err);
    satchel_query_free(where);
    for (size_t i = 0; i < 2; i++)
        cli_close_db(call, call->operands[i], sides[i]);
    return status;
}
