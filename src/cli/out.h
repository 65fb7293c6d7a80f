/* What the command says: data and events to stdout, messages to stderr; and its exit status. */
#ifndef SAT_CLI_OUT_H
#define SAT_CLI_OUT_H

#include "cli.h"
#include "text.h"

/* ---- stdout */

/* Writes data. False once stdout has failed: stop, cli_out_finish() tells the user. */
bool cli_out(const void *data, size_t len);
bool cli_out_text(const struct cli_text *text);
/* Writes one line and sends it on at once, for those who wait for events. */
bool cli_out_line(const struct cli_text *text);
bool cli_out_ok(void);
/* Sends everything on; a message when that failed. A reader who went away gives 141, silently. */
int cli_out_finish(int status);

/* ---- errors */

/* Fills *err; for errors of the command's own. Returns `code`. */
__attribute__((format(printf, 3, 4))) int cli_error_set(satchel_error *err, int code,
                                                        const char *format, ...);
/* The exit status for a code. */
int cli_exit_of(int code);
/*
 * Prints "satchel: ..." with what to do about it, keeps the first one for the summary and returns
 * the exit status. `subject` (may be NULL) is put in front unless the text names it already.
 */
int cli_report(struct cli_call *call, const char *subject, const satchel_error *err);
/* One line to stderr, unless --quiet; control characters in it are replaced. */
__attribute__((format(printf, 2, 3))) void cli_note(const struct cli_call *call, const char *format,
                                                    ...);
/* The library's log lines to stderr, as much as -v asks for. */
void cli_log_start(const struct cli_call *call);

/* ---- events */

/* One event of --json; members that are NULL or 0 stay so. */
struct cli_event {
    const char *op;
    const char *source;
    const char *destination;
    const char *status; /* NULL = by `err` */
    uint64_t bytes;
    uint64_t elapsed_ns;
    const satchel_error *err;    /* NULL = none */
    const struct cli_text *more; /* further members: `,"name":value...`; may be NULL */
};

/* Prints an event as a line. */
void cli_event_print(const struct cli_event *event);
/* Prints the last line of --json. */
void cli_summary_print(const struct cli_call *call, int status);

#endif
