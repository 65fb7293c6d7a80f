/* Progress of a job on stderr: a bar on a terminal, else a line now and then. */
#ifndef SAT_CLI_PROGRESS_H
#define SAT_CLI_PROGRESS_H

#include "cli.h"
#include "text.h"

/* What a bar shows. */
struct cli_bar {
    const char *label; /* "UPLOAD" */
    const char *noun;  /* "files" */
    const satchel_progress *progress;
    double rate; /* bytes a second; 0 = not known */
};

/*
 * Appends the bar in at most `columns` columns, leaving out details where it is narrow:
 * UPLOAD: [####      ] 1.8 GB/2.4 GB (95.7 MiB/s, ETA: 6s) 1204/3000 files, 2 failed
 */
void cli_bar_render(struct cli_text *out, const struct cli_bar *bar, unsigned columns, bool utf8);

/* Begins to show progress; one job at a time. */
void cli_progress_begin(const struct cli_call *call, const char *label, const char *noun);
/* Shows where the job stands; as often as the caller likes. */
void cli_progress_update(const satchel_progress *progress);
/* Shows the end and leaves the line. */
void cli_progress_end(const satchel_progress *progress);

/*
 * Around any other output to stderr, on any thread: takes the bar off the line; it comes back with
 * the next update.
 */
void cli_progress_lock(void);
void cli_progress_unlock(void);

#endif
