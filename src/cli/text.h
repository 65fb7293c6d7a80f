/* A growing, NUL-terminated text, and the memory of the command. */
#ifndef SAT_CLI_TEXT_H
#define SAT_CLI_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Initialise to {0}; release with cli_text_free(). `data` is NULL only before the first addition.
 */
struct cli_text {
    char *data;
    size_t len;
    size_t capacity;
};

/* Owned memory; the command ends with a message when there is none. */
void *cli_alloc(size_t size);
char *cli_copy(const char *text, size_t len);

void cli_text_add(struct cli_text *text, const char *bytes, size_t len);
void cli_text_str(struct cli_text *text, const char *string);
__attribute__((format(printf, 2, 3))) void cli_text_addf(struct cli_text *text, const char *format,
                                                         ...);
/* Whether a control character that terminals may obey begins at `at`: C0, DEL, C1 in UTF-8. */
bool cli_text_is_control(const char *at);
/* Appends a JSON string with its quotes; what is not UTF-8 becomes U+FFFD. NULL gives null. */
void cli_text_json(struct cli_text *text, const char *string);
/* The text so far, "" when empty; borrowed. */
const char *cli_text_get(const struct cli_text *text);
/* Forgets the content and keeps the memory. */
void cli_text_reset(struct cli_text *text);
void cli_text_free(struct cli_text *text);

#endif
