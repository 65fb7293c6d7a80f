/* The command line: options as a table, parsed in any order. */
#ifndef SAT_CLI_ARGS_H
#define SAT_CLI_ARGS_H

#include "cli.h"

enum cli_option_kind {
    CLI_FLAG,
    CLI_TIMES, /* counts how often it is given */
    CLI_TEXT,
    CLI_NUMBER, /* >= 0 */
    CLI_CHOICE, /* one of the words of `value`, as its place in them */
    CLI_TEXTS   /* may be given again */
};

struct cli_option {
    const char *name; /* NULL ends the table */
    char letter;      /* or 0 */
    enum cli_option_kind kind;
    unsigned groups;   /* which commands take it: bits of enum cli_group */
    size_t offset;     /* in struct cli_options */
    const char *value; /* what the help calls it; the choices, separated by '|' */
    const char *help;
};

/* All options; the last has no name. */
extern const struct cli_option cli_options_table[];

/*
 * Fills *call from argv; release it with cli_call_fini() whatever is returned. INVALID naming the
 * word and, where one is near, the right one.
 */
int cli_parse(int argc, char **argv, struct cli_call *call, satchel_error *err);
void cli_call_fini(struct cli_call *call);

/* The word of `words` (NULL ends them) nearest to `word`, or NULL when none is like it. */
const char *cli_nearest(const char *word, const char *const *words);

#endif
