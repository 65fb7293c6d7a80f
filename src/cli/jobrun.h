/* Running a job: progress, events, failures, signals, and the exit status of it all. */
#ifndef SAT_CLI_JOBRUN_H
#define SAT_CLI_JOBRUN_H

#include "cli.h"

/* How a job is shown. */
struct cli_job_view {
    const char *label; /* in front of the progress: "UPLOAD" */
    const char *noun;  /* what it counts: "files" */
    const char *file;  /* what its items are lines of, for messages; or NULL */
};

/* Runs the job, frees it and returns the exit status; everything is reported. */
int cli_job_run(struct cli_call *call, satchel_job *job, const struct cli_job_view *view);

/*
 * From now on SIGINT and SIGTERM are noted, for loops and jobs to end cleanly; a second one of the
 * same kind ends the process at once.
 */
void cli_signal_catch(void);
/* The signal that was noted, or 0. */
int cli_signal_caught(void);

#endif
