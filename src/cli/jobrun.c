/*
 * Running a job of the library from the command.
 *
 * A failed object is told when it fails, and again in a list at the end. The exit status is that of
 * the cause when nothing succeeded and all failed alike, and "some failed" otherwise.
 */
#include "jobrun.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>

#include "out.h"
#include "progress.h"
#include "units.h"

enum { LISTED_MAX = 20 };

/* The only thing the handler may touch. */
static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

void cli_signal_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    action.sa_flags |= (int)SA_RESETHAND;
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

int cli_signal_caught(void)
{
    return caught;
}

struct run {
    struct cli_call *call;
    const struct cli_job_view *view;
    int failed_exit; /* of the failures so far, 0 = none; CLI_PARTIAL when they differ */
    satchel_error first_failure;
};

/* Also where the job learns that it shall end. */
static int on_progress(void *user, const satchel_progress *progress)
{
    (void)user;
    cli_progress_update(progress);
    return caught != 0 || !cli_out_ok();
}

static void note_failure(struct run *run, const satchel_event *event)
{
    int exit_code = cli_exit_of(event->err->code);
    if (run->failed_exit == 0) {
        run->failed_exit = exit_code;
        run->first_failure = *event->err;
    } else if (run->failed_exit != exit_code) {
        run->failed_exit = CLI_PARTIAL;
    }
    const char *file = run->view->file;
    (void)cli_report(run->call, file != NULL ? file : event->source, event->err);
}

static void print_planned(const satchel_event *event)
{
    struct cli_text line = {0};
    cli_text_addf(&line, "%s -> %s (", event->source, event->destination);
    cli_units_size(&line, event->bytes);
    cli_text_str(&line, ")");
    (void)cli_out_line(&line);
    cli_text_free(&line);
}

static void on_event(void *user, const satchel_event *event)
{
    struct run *run = user;
    const struct cli_options *options = &run->call->options;
    if (options->json) {
        const struct cli_event line = {.op = event->op,
                                       .source = event->source,
                                       .destination = event->destination,
                                       .status = event->status,
                                       .bytes = event->bytes,
                                       .elapsed_ns = event->elapsed_ns,
                                       .err = event->err};
        cli_event_print(&line);
    } else if (strcmp(event->status, "planned") == 0) {
        print_planned(event);
    } else if (options->verbose > 0) {
        cli_note(run->call, "%s: %s -> %s", event->status, event->source, event->destination);
    }
    if (event->err != NULL)
        note_failure(run, event);
}

/* The list at the end; one failure of one object was told already. */
static void list_failures(const struct run *run, const satchel_job *job,
                          const satchel_progress *sum)
{
    uint64_t others = sum->objects_done + sum->objects_skipped;
    if (sum->objects_failed == 0 || sum->objects_failed + others <= 1)
        return;
    cli_note(run->call, "%" PRIu64 " of %" PRIu64 " %s failed:", sum->objects_failed,
             sum->objects_failed + others, run->view->noun);
    size_t i = 0;
    for (; i < LISTED_MAX; i++) {
        const satchel_failure *failure = satchel_job_failure(job, i);
        if (failure == NULL)
            break;
        cli_note(run->call, "  %s: %s", failure->source, satchel_code_name(failure->err.code));
    }
    if (sum->objects_failed > i)
        cli_note(run->call, "  and %" PRIu64 " more (--json tells all)", sum->objects_failed - i);
}

static int status_of(struct run *run, int code, const satchel_error *err)
{
    const satchel_progress *sum = &run->call->summary;
    if (caught != 0) {
        cli_note(run->call, "interrupted: %" PRIu64 " %s were done, none is half-written",
                 sum->objects_done, run->view->noun);
        if (run->call->err.code == SATCHEL_OK)
            run->call->err = *err;
        return 128 + caught;
    }
    if (code == SATCHEL_OK)
        return CLI_OK;
    /* An error of the whole, not of one object: it was not told yet. */
    bool told = run->failed_exit != 0 && strcmp(err->text, run->first_failure.text) == 0;
    if (!told && cli_out_ok())
        (void)cli_report(run->call, NULL, err);
    if (sum->objects_done + sum->objects_skipped > 0)
        return CLI_PARTIAL;
    int whole = cli_exit_of(code);
    return run->failed_exit != 0 && run->failed_exit != whole ? CLI_PARTIAL : whole;
}

int cli_job_run(struct cli_call *call, satchel_job *job, const struct cli_job_view *view)
{
    struct run run = {.call = call, .view = view};
    const satchel_job_callbacks callbacks = {
        .struct_size = sizeof callbacks, .user = &run, .progress = on_progress, .event = on_event};
    satchel_error err = {0};
    cli_signal_catch();
    cli_progress_begin(call, view->label, view->noun);
    int code = satchel_job_run(job, &callbacks, &err);
    satchel_job_stats(job, &call->summary);
    cli_progress_end(&call->summary);
    int status = status_of(&run, code, &err);
    list_failures(&run, job, &call->summary);
    satchel_job_free(job);
    return status;
}
