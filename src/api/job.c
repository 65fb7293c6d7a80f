/* The public functions that make jobs; running and asking them is core's. */
#include <satchel/job.h>

#include "api/api.h"
#include "backends/registry.h"
#include "core/error.h"
#include "record/jobs.h"
#include "transfer/job.h"

static int check_sources(const char *const *sources, size_t count, satchel_error *err)
{
    if (count == 0)
        return sat_error_set(err, SATCHEL_INVALID, "satchel_job_copy: no sources");
    for (size_t i = 0; i < count; i++) {
        if (sources[i] == NULL || *sources[i] == '\0')
            return sat_error_set(err, SATCHEL_INVALID, "satchel_job_copy: sources[%zu] is %s", i,
                                 sources[i] == NULL ? "NULL" : "empty");
    }
    return SATCHEL_OK;
}

int satchel_job_copy(const char *const *sources, size_t count, const char *destination,
                     const satchel_copy_options *options, satchel_job **job, satchel_error *err)
{
    SAT_AUTO_CONFIG struct sat_config *owned = NULL;
    satchel_copy_options used;
    struct sat_copy_request request = {
        .sources = sources,
        .count = count,
        .destination = destination,
        .options = &used,
        .find = sat_backend_find,
    };
    int code = SAT_CHECK(err, SAT_ARG(sources), SAT_ARG(destination), SAT_ARG(job));
    if (code == SATCHEL_OK)
        code = check_sources(sources, count, err);
    if (code == SATCHEL_OK)
        code = sat_api_struct(SAT_STRUCT(satchel_copy_options), options, &used, err);
    if (code == SATCHEL_OK)
        code = sat_api_config(used.config, &owned, &request.config, err);
    if (code == SATCHEL_OK)
        code = sat_copy_job(&request, job, err);
    return sat_api_done(code, err);
}

int satchel_job_migrate(satchel_db *source, satchel_db *destination,
                        const satchel_migrate_options *options, satchel_job **job,
                        satchel_error *err)
{
    satchel_migrate_options used;
    int code = SAT_CHECK(err, SAT_ARG(source), SAT_ARG(destination), SAT_ARG(job));
    if (code == SATCHEL_OK)
        code = sat_api_struct(SAT_STRUCT(satchel_migrate_options), options, &used, err);
    if (code == SATCHEL_OK)
        code = sat_db_migrate_job(source, destination, &used, job, err);
    return sat_api_done(code, err);
}

int satchel_job_import(satchel_db *db, const char *path, const satchel_text_options *options,
                       satchel_job **job, satchel_error *err)
{
    satchel_text_options used;
    int code = SAT_CHECK(err, SAT_ARG(db), SAT_ARG(path), SAT_ARG(job));
    if (code == SATCHEL_OK)
        code = sat_api_struct(SAT_STRUCT(satchel_text_options), options, &used, err);
    if (code == SATCHEL_OK)
        code = sat_db_import_job(db, path, &used, job, err);
    return sat_api_done(code, err);
}

int satchel_job_export(satchel_db *db, const char *path, const satchel_text_options *options,
                       satchel_job **job, satchel_error *err)
{
    satchel_text_options used;
    int code = SAT_CHECK(err, SAT_ARG(db), SAT_ARG(path), SAT_ARG(job));
    if (code == SATCHEL_OK)
        code = sat_api_struct(SAT_STRUCT(satchel_text_options), options, &used, err);
    if (code == SATCHEL_OK)
        code = sat_db_export_job(db, path, &used, job, err);
    return sat_api_done(code, err);
}
