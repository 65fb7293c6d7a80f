/*
 * The progress bar.
 *
 * 1. The bar is drawn over itself with '\r' and spaces, never with escape sequences, and never
 *    reaches the terminal's last column: so it cannot wrap, and NO_COLOR has nothing to forbid.
 * 2. `bar` is read and changed with stderr's own lock held (flockfile): log lines come from other
 *    threads.
 */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "units.h"

enum {
    BAR_MOST = 40,
    BAR_LEAST = 5,
    WIDTH_DEFAULT = 80,
    DRAW_EVERY_MS = 180, /* the library calls at 5 Hz; a little less lets no call fall through */
};

static struct {
    enum cli_progress_mode mode;
    bool utf8;
    const char *label;
    const char *noun;
    unsigned drawn; /* columns of the line that is on the terminal, 0 = none */
    uint64_t drawn_ns;
    uint64_t every_ns; /* plain: between lines */
    uint64_t line_ns;  /* plain: the last line */
    uint64_t rate_ns;  /* what `rate` was last computed at */
    uint64_t rate_bytes;
    double rate;
} bar = {.mode = CLI_PROGRESS_NONE};

/* ---- rendering */

/* 0..1; by bytes, where there are none by objects. */
static double fraction(const satchel_progress *progress)
{
    double done = (double)progress->bytes_done;
    double total = (double)progress->bytes_total;
    if (progress->bytes_total == 0) {
        done = (double)(progress->objects_done + progress->objects_skipped);
        total = (double)progress->objects_total;
    }
    if (total <= 0)
        return progress->total_is_final ? 1 : 0;
    return done < total ? done / total : 1;
}

static void add_cells(struct cli_text *out, unsigned cells, double done, bool utf8)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    unsigned full = (unsigned)(done * cells * 8);
    unsigned drawn = full / 8;
    for (unsigned i = 0; i < drawn; i++)
        cli_text_str(out, utf8 ? "█" : "#");
    if (utf8 && full % 8 != 0) {
        cli_text_str(out, eighths[full % 8]);
        drawn++;
    }
    for (; drawn < cells; drawn++)
        cli_text_str(out, " ");
}

/* Details, the first to go last. */
enum detail {
    DETAIL_SIZES = 1,
    DETAIL_FAILED = 2,
    DETAIL_COUNT = 4,
    DETAIL_RATE = 8,
    DETAIL_ETA = 16
};

/* Seconds to the end, or -1 when they cannot be told. */
static double eta_of(const struct cli_bar *shown)
{
    const satchel_progress *progress = shown->progress;
    double left = (double)progress->bytes_total - (double)progress->bytes_done;
    if (progress->total_is_final && fraction(progress) >= 1)
        return 0;
    return left > 0 && shown->rate > 0 ? left / shown->rate : -1;
}

static void add_rate(struct cli_text *out, const struct cli_bar *shown, bool eta)
{
    cli_text_str(out, " (");
    cli_units_rate(out, shown->rate);
    if (eta) {
        cli_text_str(out, ", ETA: ");
        cli_units_time(out, eta_of(shown));
    }
    cli_text_str(out, ")");
}

/* "1.8 GB/2.4 GB (95.7 MiB/s, ETA: 6s) 1204/3000 files, 2 failed", as much as `details` says. */
static void add_details(struct cli_text *out, const struct cli_bar *shown, unsigned details)
{
    const satchel_progress *progress = shown->progress;
    const char *more = progress->total_is_final ? "" : "+";
    if ((details & DETAIL_SIZES) != 0) {
        cli_units_size(out, progress->bytes_done);
        if (progress->bytes_total >= progress->bytes_done) { /* an import does not know it */
            cli_text_str(out, "/");
            cli_units_size(out, progress->bytes_total);
            cli_text_str(out, more);
        }
    }
    if ((details & DETAIL_RATE) != 0)
        add_rate(out, shown, (details & DETAIL_ETA) != 0);
    if ((details & DETAIL_COUNT) != 0)
        cli_text_addf(out, " %" PRIu64 "/%" PRIu64 "%s %s",
                      progress->objects_done + progress->objects_skipped, progress->objects_total,
                      more, shown->noun);
    if ((details & DETAIL_FAILED) != 0 && progress->objects_failed > 0)
        cli_text_addf(out, ", %" PRIu64 " failed", progress->objects_failed);
}

/* The bar with some details; false when that leaves too few cells. */
static bool render_bar(struct cli_text *out, const struct cli_bar *shown, unsigned details,
                       unsigned columns, bool utf8)
{
    struct cli_text tail = {0};
    add_details(&tail, shown, details);
    size_t used = strlen(shown->label) + strlen(": [] ") + tail.len;
    bool fits = used + BAR_LEAST <= columns;
    if (fits) {
        unsigned cells = columns - (unsigned)used;
        cli_text_addf(out, "%s: [", shown->label);
        add_cells(out, cells < BAR_MOST ? cells : BAR_MOST, fraction(shown->progress), utf8);
        cli_text_addf(out, "] %s", cli_text_get(&tail));
    }
    cli_text_free(&tail);
    return fits;
}

void cli_bar_render(struct cli_text *out, const struct cli_bar *shown, unsigned columns, bool utf8)
{
    static const unsigned levels[] = {
        DETAIL_SIZES | DETAIL_FAILED | DETAIL_COUNT | DETAIL_RATE | DETAIL_ETA,
        DETAIL_SIZES | DETAIL_FAILED | DETAIL_COUNT | DETAIL_RATE,
        DETAIL_SIZES | DETAIL_FAILED | DETAIL_COUNT,
        DETAIL_SIZES | DETAIL_FAILED,
    };
    for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++) {
        if (render_bar(out, shown, levels[i], columns, utf8))
            return;
    }
    char text[64];
    int percent = (int)(fraction(shown->progress) * 100);
    int len = snprintf(text, sizeof text, "%s: %d%%", shown->label, percent);
    if (len > 0 && (unsigned)len > columns)
        len = snprintf(text, sizeof text, "%d%%", percent);
    if (len > 0 && (unsigned)len <= columns)
        cli_text_str(out, text);
}

/* ---- the terminal */

static bool is_utf8_locale(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        if (value != NULL && *value != '\0')
            return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
    }
    return false;
}

static bool is_smart_terminal(void)
{
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) == 1 && term != NULL && *term != '\0' && strcmp(term, "dumb") != 0;
}

/* Asked at each drawing: terminals change their size. */
static unsigned terminal_width(void)
{
    struct winsize size = {0};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    const char *columns = getenv("COLUMNS");
    unsigned long width = columns != NULL ? strtoul(columns, NULL, 10) : 0;
    return width > 0 && width < 10000 ? (unsigned)width : WIDTH_DEFAULT;
}

/* Columns of a rendered line: its characters, all of width 1. */
static unsigned columns_of(const char *line)
{
    unsigned columns = 0;
    for (; *line != '\0'; line++)
        columns += ((unsigned char)*line & 0xC0U) != 0x80U;
    return columns;
}

static void erase(void)
{
    if (bar.drawn > 0)
        (void)fprintf(stderr, "\r%*s\r", (int)bar.drawn, "");
    bar.drawn = 0;
}

static void draw(const satchel_progress *progress)
{
    const struct cli_bar shown = {bar.label, bar.noun, progress, bar.rate};
    unsigned width = terminal_width();
    struct cli_text line = {0};
    cli_bar_render(&line, &shown, width - 1, bar.utf8);
    unsigned columns = columns_of(cli_text_get(&line));
    unsigned rest = bar.drawn > columns && bar.drawn < width ? bar.drawn - columns : 0;
    (void)fprintf(stderr, "\r%s%*s", cli_text_get(&line), (int)rest, "");
    (void)fflush(stderr);
    bar.drawn = columns + rest;
    cli_text_free(&line);
}

static void print_plain(const satchel_progress *progress)
{
    const struct cli_bar shown = {bar.label, bar.noun, progress, bar.rate};
    struct cli_text line = {0};
    add_details(&line, &shown,
                DETAIL_SIZES | DETAIL_FAILED | DETAIL_COUNT | DETAIL_RATE | DETAIL_ETA);
    (void)fprintf(stderr, "%s: %s\n", bar.label, cli_text_get(&line));
    cli_text_free(&line);
}

/* ---- a job's life */

/* A moving average over a few seconds; bytes that a retry takes back count as none. */
static void update_rate(const satchel_progress *progress)
{
    double seconds = (double)(progress->elapsed_ns - bar.rate_ns) / 1e9;
    if (seconds < 0.1)
        return;
    uint64_t moved =
        progress->bytes_done > bar.rate_bytes ? progress->bytes_done - bar.rate_bytes : 0;
    double now = (double)moved / seconds;
    double weight = seconds < 3 ? seconds / 3 : 1;
    bar.rate = bar.rate_ns == 0 ? now : bar.rate + weight * (now - bar.rate);
    bar.rate_ns = progress->elapsed_ns;
    bar.rate_bytes = progress->bytes_done;
}

void cli_progress_begin(const struct cli_call *call, const char *label, const char *noun)
{
    enum cli_progress_mode mode = (enum cli_progress_mode)call->options.progress;
    if (mode == CLI_PROGRESS_AUTO && (call->options.quiet || call->options.json))
        mode = CLI_PROGRESS_NONE;
    else if (mode == CLI_PROGRESS_AUTO)
        mode = is_smart_terminal() ? CLI_PROGRESS_BAR : CLI_PROGRESS_PLAIN;
    flockfile(stderr);
    memset(&bar, 0, sizeof bar);
    bar.mode = mode;
    bar.utf8 = is_utf8_locale();
    bar.label = label;
    bar.noun = noun;
    bar.every_ns = (uint64_t)call->options.progress_every * 1000000000;
    funlockfile(stderr);
}

void cli_progress_update(const satchel_progress *progress)
{
    flockfile(stderr);
    update_rate(progress);
    uint64_t now = progress->elapsed_ns;
    if (bar.mode == CLI_PROGRESS_BAR &&
        (bar.drawn == 0 || now - bar.drawn_ns >= (uint64_t)DRAW_EVERY_MS * 1000000)) {
        draw(progress);
        bar.drawn_ns = now;
    } else if (bar.mode == CLI_PROGRESS_PLAIN && now - bar.line_ns >= bar.every_ns) {
        print_plain(progress);
        bar.line_ns = now;
    }
    funlockfile(stderr);
}

void cli_progress_end(const satchel_progress *progress)
{
    flockfile(stderr);
    double seconds = (double)progress->elapsed_ns / 1e9;
    bar.rate = seconds > 0 ? (double)progress->bytes_done / seconds : 0; /* of the whole job */
    if (bar.mode == CLI_PROGRESS_BAR) {
        draw(progress);
        (void)fputs("\n", stderr);
    } else if (bar.mode == CLI_PROGRESS_PLAIN) {
        print_plain(progress);
    }
    bar.drawn = 0;
    bar.mode = CLI_PROGRESS_NONE;
    funlockfile(stderr);
}

void cli_progress_lock(void)
{
    flockfile(stderr);
    erase();
}

void cli_progress_unlock(void)
{
    (void)fflush(stderr);
    funlockfile(stderr);
}
