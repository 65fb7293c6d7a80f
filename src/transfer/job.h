/* The copy job: plan, bounded queue, copies in parallel, events. */
#ifndef SAT_TRANSFER_JOB_H
#define SAT_TRANSFER_JOB_H

#include <stddef.h>

#include <satchel/job.h>

#include "core/backend.h"

struct sat_copy_request {
    const char *const *sources; /* copied */
    size_t count;
    const char *destination;             /* copied */
    const satchel_copy_options *options; /* of this build's size; config is not read */
    const struct sat_config *config;     /* copied */
    sat_backend_find_fn find;
};

/* Makes the job; satchel_job_run() does it. INVALID, UNSUPPORTED, NOMEM. */
int sat_copy_job(const struct sat_copy_request *request, struct satchel_job **job,
                 satchel_error *err);

#endif
