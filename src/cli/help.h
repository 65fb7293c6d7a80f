/* What `satchel help` prints. */
#ifndef SAT_CLI_HELP_H
#define SAT_CLI_HELP_H

#include "cli.h"

/* Of a command; of a group of them ("rec"); NULL and NULL: of everything. Returns CLI_OK. */
int cli_help(const struct cli_command *command, const char *group);

#endif
