/* What the record commands share. */
#ifndef SAT_CLI_RECORD_H
#define SAT_CLI_RECORD_H

#include "cli.h"

/* A record to stdout: its own text, or with --json an event around it. */
void cli_record_print(const struct cli_call *call, const char *op, const satchel_record *record);

/* The query of WHERE (may be NULL) and the options; *query stays NULL for "all". */
int cli_query(const struct cli_call *call, const char *where, satchel_query **query,
              satchel_error *err);

#endif
