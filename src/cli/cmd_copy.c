/* cp, upload, download: copy jobs of the library. */
#include <string.h>

#include "jobrun.h"
#include "out.h"
#include "place.h"

static const char *label_of(const char *command)
{
    return strcmp(command, "upload") == 0     ? "UPLOAD"
           : strcmp(command, "download") == 0 ? "DOWNLOAD"
                                              : "COPY";
}

static int new_job(const struct cli_call *call, const satchel_config *config, satchel_job **job,
                   satchel_error *err)
{
    const struct cli_options *given = &call->options;
    const satchel_copy_options options = {
        .struct_size = sizeof options,
        .recursive = given->recursive,
        .create_bucket = given->create_bucket,
        .pattern = given->regex ? SATCHEL_PATTERN_REGEX : given->pattern,
        .if_exists = given->if_exists,
        .verify = given->verify,
        .to_folder = strcmp(call->command->name, "download") == 0,
        .dry_run = given->dry_run,
        .max_in_flight = given->jobs < 10000 ? (unsigned)given->jobs : 10000,
        .config = config,
    };
    size_t last = call->count - 1;
    return satchel_job_copy((const char *const *)call->operands, last, call->operands[last],
                            &options, job, err);
}

int cli_cmd_copy(struct cli_call *call)
{
    const struct cli_job_view view = {label_of(call->command->name), "files", NULL};
    satchel_config *config = NULL;
    satchel_job *job = NULL;
    satchel_error err = {0};
    int code = cli_config(call, &config, &err);
    if (code == SATCHEL_OK)
        code = new_job(call, config, &job, &err);
    satchel_config_free(config);
    return code == SATCHEL_OK ? cli_job_run(call, job, &view) : cli_report(call, NULL, &err);
}
