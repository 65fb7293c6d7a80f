/* Where an operand points: paths and URIs, a store and the key in it, a configuration. */
#ifndef SAT_CLI_PLACE_H
#define SAT_CLI_PLACE_H

#include "cli.h"

/* A URI as it is; a local path as file:// and its absolute path. Owned by the caller. */
char *cli_uri(const char *operand);

/* An operand cut into what a store is opened on and the key below it. */
struct cli_place {
    char *uri;  /* of the whole, owned */
    char *root; /* with its final '/', owned */
    char *key;  /* "" = the bucket or folder itself; owned */
    bool local; /* file:// */
};

/*
 * s3://b/a/k -> "s3://b/" "a/k"; file:///a/b -> "file:///a/" "b"; file:///a/b/ -> "file:///a/b/"
 * ""; s3:// stays whole.
 */
void cli_place_init(struct cli_place *place, const char *operand);
void cli_place_fini(struct cli_place *place);

/* The configuration that the environment, a file and the call's options make. */
int cli_config(const struct cli_call *call, satchel_config **config, satchel_error *err);
/* Opens a store with it. */
int cli_open(const struct cli_call *call, const char *uri, satchel_store **store,
             satchel_error *err);
/* Opens the database of an operand with it. */
int cli_open_db(const struct cli_call *call, const char *operand, satchel_db **db,
                satchel_error *err);
/* Prints the requests by kind to stderr when --stats is given; closes. NULL is fine. */
void cli_close_db(const struct cli_call *call, const char *name, satchel_db *db);

/* Reads the whole of a local file, "-" = standard input, as text. */
struct cli_text;
int cli_read_file(const char *path, struct cli_text *out, satchel_error *err);

#endif
