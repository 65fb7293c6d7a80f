/* Data, events and messages: every byte the command writes passes here or through progress.c. */
#include "out.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "progress.h"

/* errno of the first write to stdout that failed. */
static int out_errno;

/* ---- stdout */

bool cli_out_ok(void)
{
    return out_errno == 0;
}

bool cli_out(const void *data, size_t len)
{
    if (out_errno == 0 && len > 0 && fwrite(data, 1, len, stdout) != len)
        out_errno = errno != 0 ? errno : EIO;
    return out_errno == 0;
}

bool cli_out_text(const struct cli_text *text)
{
    return cli_out(cli_text_get(text), text->len);
}

bool cli_out_line(const struct cli_text *text)
{
    (void)cli_out_text(text);
    (void)cli_out("\n", 1);
    if (out_errno == 0 && fflush(stdout) != 0)
        out_errno = errno;
    return out_errno == 0;
}

int cli_out_finish(int status)
{
    if (out_errno == 0 && fflush(stdout) != 0)
        out_errno = errno;
    if (out_errno == 0)
        return status;
    if (out_errno == EPIPE)
        return 128 + SIGPIPE;
    (void)fprintf(stderr, "satchel: cannot write to standard output: %s\n",
                  strerrordesc_np(out_errno));
    return status != CLI_OK ? status : CLI_PARTIAL;
}

/* ---- errors */

int cli_error_set(satchel_error *err, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    *err = (satchel_error){.code = code};
    (void)vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return code;
}

int cli_exit_of(int code)
{
    static const int by_code[] = {
        [SATCHEL_OK] = CLI_OK,
        [SATCHEL_INVALID] = CLI_USAGE,
        [SATCHEL_UNSUPPORTED] = CLI_USAGE,
        [SATCHEL_NOT_FOUND] = CLI_NOT_FOUND,
        [SATCHEL_EXISTS] = CLI_CONFLICT,
        [SATCHEL_CONFLICT] = CLI_CONFLICT,
        [SATCHEL_DENIED] = CLI_DENIED,
        [SATCHEL_THROTTLED] = CLI_NETWORK,
        [SATCHEL_TIMEOUT] = CLI_NETWORK,
        [SATCHEL_NETWORK] = CLI_NETWORK,
        [SATCHEL_INTEGRITY] = CLI_INTEGRITY,
        [SATCHEL_LIMIT] = CLI_LIMIT,
        [SATCHEL_MODIFIED] = CLI_CONFLICT,
        [SATCHEL_ARCHIVED] = CLI_PARTIAL,
        [SATCHEL_BUSY] = CLI_PARTIAL,
        [SATCHEL_UNKNOWN_OUTCOME] = CLI_CONFLICT,
        [SATCHEL_CORRUPT] = CLI_INTEGRITY,
        [SATCHEL_NOMEM] = CLI_PARTIAL,
        [SATCHEL_IO] = CLI_PARTIAL,
        [SATCHEL_CANCELLED] = CLI_PARTIAL,
        [SATCHEL_BUDGET] = CLI_LIMIT,
    };
    return code >= 0 && code <= SATCHEL_CODE_LAST ? by_code[code] : CLI_PARTIAL;
}

/* What to do, where the library's text cannot know the command's options. */
static const char *hint(const struct cli_call *call, const satchel_error *err)
{
    unsigned options = call->command != NULL ? call->command->options : 0;
    switch (err->code) {
    case SATCHEL_NOT_FOUND:
        if (strstr(err->text, "NoSuchBucket") == NULL)
            return NULL;
        return (options & (CLI_G_COPY | CLI_G_REC)) != 0 ? "-c makes a missing bucket"
                                                         : "'satchel mb' makes a bucket";
    case SATCHEL_DENIED:
        if (err->http_status == 0 || strstr(err->text, "check ") != NULL)
            return NULL;
        return "check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY and what they may do";
    case SATCHEL_TIMEOUT:
        return "--set request_timeout=SECONDS gives it more time";
    case SATCHEL_NETWORK:
        return err->endpoint[0] != '\0' ? "check --endpoint-url and the way to it" : NULL;
    case SATCHEL_EXISTS:
        return (options & (CLI_G_IMPORT | CLI_G_MIGRATE)) != 0
                   ? "--on-conflict skip keeps what is there, upsert replaces it"
                   : NULL;
    case SATCHEL_UNKNOWN_OUTCOME:
        return "look before you repeat it: the write may have happened";
    default:
        return NULL;
    }
}

/* Names come from anywhere: what a terminal would obey is not printed. */
static void printable(char *text)
{
    for (; *text != '\0'; text++) {
        if (!cli_text_is_control(text))
            continue;
        if (*text == '\xC2')
            *text++ = '?';
        *text = '?';
    }
}

static void say(struct cli_text *line)
{
    printable(line->data);
    cli_progress_lock();
    (void)fprintf(stderr, "satchel: %s\n", line->data);
    cli_progress_unlock();
}

int cli_report(struct cli_call *call, const char *subject, const satchel_error *err)
{
    struct cli_text line = {0};
    const char *advice = hint(call, err);
    if (subject != NULL && strstr(err->text, subject) == NULL)
        cli_text_addf(&line, "%s: ", subject);
    cli_text_str(&line, err->text[0] != '\0' ? err->text : satchel_code_text(err->code));
    if (err->http_status != 0 && strstr(err->text, "HTTP ") == NULL)
        cli_text_addf(&line, " (HTTP %d%s%s)", err->http_status,
                      err->request_id[0] != '\0' ? ", request " : "", err->request_id);
    if (advice != NULL)
        cli_text_addf(&line, " - %s", advice);
    say(&line);
    cli_text_free(&line);
    if (call->err.code == SATCHEL_OK)
        call->err = *err;
    return cli_exit_of(err->code);
}

void cli_note(const struct cli_call *call, const char *format, ...)
{
    if (call->options.quiet)
        return;
    char text[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct cli_text line = {0};
    cli_text_str(&line, text);
    say(&line);
    cli_text_free(&line);
}

/* Runs on any thread of the library. */
static void on_log(void *user, int level, const char *text)
{
    static const char *const names[] = {"", "error", "warning", "info", "debug", "trace"};
    (void)user;
    struct cli_text line = {0};
    cli_text_addf(&line, "[%s] %s", names[level], text);
    say(&line);
    cli_text_free(&line);
}

void cli_log_start(const struct cli_call *call)
{
    static const int levels[] = {SATCHEL_LOG_WARN, SATCHEL_LOG_INFO, SATCHEL_LOG_DEBUG,
                                 SATCHEL_LOG_TRACE};
    int verbose = call->options.verbose < 3 ? call->options.verbose : 3;
    satchel_log_set(call->options.quiet ? SATCHEL_LOG_ERROR : levels[verbose], on_log, NULL);
}

/* ---- events */

static void add_error(struct cli_text *line, const satchel_error *err)
{
    if (err == NULL || err->code == SATCHEL_OK) {
        cli_text_str(line, ",\"error\":null");
        return;
    }
    cli_text_addf(line, ",\"error\":{\"code\":\"%s\",\"http\":", satchel_code_name(err->code));
    if (err->http_status != 0)
        cli_text_addf(line, "%d", err->http_status);
    else
        cli_text_str(line, "null");
    cli_text_str(line, ",\"request_id\":");
    cli_text_json(line, err->request_id[0] != '\0' ? err->request_id : NULL);
    cli_text_str(line, ",\"text\":");
    cli_text_json(line, err->text);
    cli_text_str(line, "}");
}

void cli_event_print(const struct cli_event *event)
{
    struct cli_text line = {0};
    const char *status = event->status != NULL ? event->status
                         : event->err != NULL  ? "failed"
                                               : "ok";
    cli_text_str(&line, "{\"op\":");
    cli_text_json(&line, event->op);
    cli_text_str(&line, ",\"src\":");
    cli_text_json(&line, event->source);
    cli_text_str(&line, ",\"dst\":");
    cli_text_json(&line, event->destination);
    cli_text_addf(&line, ",\"bytes\":%" PRIu64 ",\"ms\":%.3f,\"status\":", event->bytes,
                  (double)event->elapsed_ns / 1e6);
    cli_text_json(&line, status);
    if (event->more != NULL)
        cli_text_add(&line, cli_text_get(event->more), event->more->len);
    add_error(&line, event->err);
    cli_text_str(&line, "}");
    (void)cli_out_line(&line);
    cli_text_free(&line);
}

void cli_summary_print(const struct cli_call *call, int status)
{
    const satchel_progress *sum = &call->summary;
    const struct cli_command *command = call->command;
    const char *word = status == CLI_OK ? "ok" : status > 128 ? "interrupted" : "failed";
    if (status == CLI_PARTIAL && sum->objects_done + sum->objects_skipped > 0)
        word = "partial";
    struct cli_text name = {0};
    if (command != NULL)
        cli_text_addf(&name, "%s%s%s", command->group != NULL ? command->group : "",
                      command->group != NULL ? " " : "", command->name);
    struct cli_text line = {0};
    cli_text_str(&line, "{\"op\":\"summary\",\"command\":");
    cli_text_json(&line, command != NULL ? cli_text_get(&name) : NULL);
    cli_text_addf(&line, ",\"status\":\"%s\",\"exit\":%d,\"done\":%" PRIu64 ",\"failed\":%" PRIu64,
                  word, status, sum->objects_done, sum->objects_failed);
    cli_text_addf(&line, ",\"skipped\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"ms\":%.3f",
                  sum->objects_skipped, sum->bytes_done, (double)sum->elapsed_ns / 1e6);
    add_error(&line, &call->err);
    cli_text_str(&line, "}");
    (void)cli_out_line(&line);
    cli_text_free(&line);
    cli_text_free(&name);
}
