/* The bar as a text: every width, both alphabets, every state of a job. */
#include "cli/progress.h"

#include "support/test.h"

#include <string.h>

enum { WIDTH_MAX = 200 };

static const satchel_progress states[] = {
    {.total_is_final = 0},
    {.total_is_final = 1},
    {.objects_total = 3, .total_is_final = 1},
    {.objects_done = 1, .objects_total = 2, .bytes_done = 1, .bytes_total = 2},
    {.objects_done = 1204,
     .objects_failed = 2,
     .objects_total = 3000,
     .bytes_done = 1800000000,
     .bytes_total = 2400000000,
     .total_is_final = 1},
    {.objects_done = 7, .objects_total = 7, .bytes_done = 9, .bytes_total = 9, .total_is_final = 1},
    {.objects_done = 5, .objects_skipped = 2, .objects_total = 9, .bytes_done = 3},
    {.objects_done = UINT64_MAX / 4,
     .objects_failed = UINT64_MAX / 4,
     .objects_total = UINT64_MAX / 2,
     .bytes_done = UINT64_MAX / 3,
     .bytes_total = UINT64_MAX},
};
enum { STATES = sizeof states / sizeof states[0] };

static size_t columns_of(const char *text)
{
    size_t columns = 0;
    for (; *text != '\0'; text++)
        columns += ((unsigned char)*text & 0xC0U) != 0x80U;
    return columns;
}

static void render(struct cli_text *out, const satchel_progress *progress, double rate,
                   unsigned width, bool utf8)
{
    const struct cli_bar bar = {"UPLOAD", "files", progress, rate};
    cli_text_reset(out);
    cli_bar_render(out, &bar, width, utf8);
}

static const char *bar_of(const char *line, size_t *cells)
{
    const char *open = strchr(line, '[');
    const char *end = strchr(line, ']');
    *cells = 0;
    if (open == NULL || end == NULL)
        return NULL;
    for (const char *at = open + 1; at < end; at++)
        *cells += ((unsigned char)*at & 0xC0U) != 0x80U;
    return open + 1;
}

static void check_line(const char *line, unsigned width, bool utf8)
{
    size_t cells;
    size_t columns = columns_of(line);
    if (columns > width)
        fail_msg("%zu columns of %u: %s", columns, width, line);
    if (width >= 20 && strncmp(line, "UPLOAD: ", 8) != 0)
        fail_msg("no label in %u columns: '%s'", width, line);
    if (bar_of(line, &cells) != NULL && (cells < 5 || cells > 40))
        fail_msg("a bar of %zu cells: %s", cells, line);
    if (cells > 0 && cells < 40 && columns != width)
        fail_msg("%zu columns of %u used: %s", columns, width, line);
    for (const char *at = line; !utf8 && *at != '\0'; at++)
        assert_true((unsigned char)*at < 0x80);
}

static void every_width_is_kept(void **state)
{
    (void)state;
    struct cli_text line = {0};
    for (size_t i = 0; i < STATES; i++) {
        for (unsigned width = 0; width <= WIDTH_MAX; width++) {
            for (int utf8 = 0; utf8 <= 1; utf8++) {
                render(&line, &states[i], (double)i * 1e7, width, utf8 != 0);
                check_line(cli_text_get(&line), width, utf8 != 0);
            }
        }
    }
    cli_text_free(&line);
}

/* Bits of what a line tells. */
static unsigned told(const char *line)
{
    return (strchr(line, '%') != NULL ? 1U : 0U) | (strstr(line, " GB") != NULL ? 3U : 0U) |
           (strstr(line, "2 failed") != NULL ? 4U : 0U) |
           (strstr(line, "files") != NULL ? 8U : 0U) | (strstr(line, "B/s") != NULL ? 16U : 0U) |
           (strstr(line, "ETA: 6s") != NULL ? 32U : 0U);
}

static void wider_lines_tell_no_less(void **state)
{
    (void)state;
    struct cli_text line = {0};
    unsigned before = 0;
    for (unsigned width = 0; width <= WIDTH_MAX; width++) {
        render(&line, &states[4], 100e6, width, true);
        unsigned now = told(cli_text_get(&line));
        if ((before & ~now) != 0)
            fail_msg("%u columns tell less than %u: %s", width, width - 1, cli_text_get(&line));
        before = now;
    }
    assert_int_equal(before, 63);
    cli_text_free(&line);
}

static void assert_line(const satchel_progress *progress, unsigned width, bool utf8,
                        const char *want)
{
    struct cli_text line = {0};
    render(&line, progress, 100352409.6, width, utf8);
    assert_string_equal(cli_text_get(&line), want);
    cli_text_free(&line);
}

static void lines_are_those_of_the_specification(void **state)
{
    (void)state;
    const satchel_progress *busy = &states[4];
    assert_line(busy, 200, true,
                "UPLOAD: [██████████████████████████████          ] 1.8 GB/2.4 GB (95.7 MiB/s, "
                "ETA: 6s) 1204/3000 files, 2 failed");
    assert_line(
        busy, 88, false,
        "UPLOAD: [############    ] 1.8 GB/2.4 GB (95.7 MiB/s, ETA: 6s) 1204/3000 files, 2 failed");
    assert_line(busy, 70, false,
                "UPLOAD: [#####  ] 1.8 GB/2.4 GB (95.7 MiB/s) 1204/3000 files, 2 failed");
    assert_line(busy, 60, false, "UPLOAD: [#######   ] 1.8 GB/2.4 GB 1204/3000 files, 2 failed");
    assert_line(busy, 40, false, "UPLOAD: [####  ] 1.8 GB/2.4 GB, 2 failed");
    assert_line(busy, 20, false, "UPLOAD: 75%");
    assert_line(busy, 5, false, "75%");
    assert_line(busy, 2, false, "");
    assert_line(&states[3], 54, false, "UPLOAD: [#####      ] 1 B/2 B+ (95.7 MiB/s) 1/2+ files");
}

/* Eighths of all cells, counted from the text. */
static unsigned eighths_of(const char *line)
{
    static const char *const partial[] = {"▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
    size_t cells;
    unsigned sum = 0;
    for (const char *at = bar_of(line, &cells); *at != ']'; at++) {
        for (unsigned i = 0; i < 8; i++)
            sum += strncmp(at, partial[i], strlen(partial[i])) == 0 ? i + 1 : 0;
    }
    return sum;
}

static void the_bar_grows_by_eighths(void **state)
{
    (void)state;
    struct cli_text line = {0};
    satchel_progress progress = {.objects_total = 1, .bytes_total = 1000, .total_is_final = 1};
    for (progress.bytes_done = 0; progress.bytes_done <= 1000; progress.bytes_done++) {
        render(&line, &progress, 0, 120, true);
        assert_int_equal(eighths_of(cli_text_get(&line)), progress.bytes_done * 320 / 1000);
    }
    cli_text_free(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_width_is_kept),
        cmocka_unit_test(wider_lines_tell_no_less),
        cmocka_unit_test(lines_are_those_of_the_specification),
        cmocka_unit_test(the_bar_grows_by_eighths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
