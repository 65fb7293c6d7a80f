/*
 * Splits the command lines of standard input, a NUL behind each, for test_process.py: a line of
 * JSON for each, its words or null where it is refused.
 */
#include <stdio.h>
#include <string.h>

#include "core/jscan.h"
#include "core/os.h"
#include "core/process.h"
#include "core/str.h"

static void dump(const char *command, struct sat_buf *line)
{
    SAT_AUTO_BUF struct sat_buf text;
    SAT_AUTO_VEC struct sat_vec words;
    sat_buf_init(&text, SAT_BUF_MAX_TEXT);
    sat_vec_init(&words, sizeof(size_t));
    if (sat_process_words(command, &text, &words, NULL) != SATCHEL_OK) {
        (void)sat_buf_add_str(line, "null");
        return;
    }
    for (size_t i = 0; i < words.len; i++) {
        const char *word = text.data + *(const size_t *)sat_vec_at(&words, i);
        (void)sat_buf_add_char(line, i == 0 ? '[' : ',');
        (void)sat_jscan_put_string(line, sat_span_of(word));
    }
    (void)sat_buf_add_char(line, ']');
}

int main(void)
{
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, SAT_BUF_MAX_TEXT);
    if (sat_os_read_file(AT_FDCWD, "/dev/stdin", SAT_BUF_MAX_TEXT, &text) < 0)
        return 99;
    for (size_t at = 0; at < text.len; at += strlen(text.data + at) + 1) {
        SAT_AUTO_BUF struct sat_buf line;
        sat_buf_init(&line, SAT_BUF_MAX_TEXT);
        dump(text.data + at, &line);
        (void)puts(sat_buf_str(&line));
    }
    return 0;
}
