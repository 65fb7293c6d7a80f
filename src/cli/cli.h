/* A call of the command: its options and operands, and what every command gives and takes. */
#ifndef SAT_CLI_CLI_H
#define SAT_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <satchel/satchel.h>

/* What the process ends with. A signal gives 128 and its number. */
enum cli_exit {
    CLI_OK = 0,
    CLI_PARTIAL = 1, /* some objects failed; also: a local error */
    CLI_USAGE = 2,   /* usage or configuration */
    CLI_NOT_FOUND = 3,
    CLI_DENIED = 4,    /* permission or credentials */
    CLI_NETWORK = 5,   /* network or throttling outlasted the retries */
    CLI_INTEGRITY = 6, /* mismatch or corrupt */
    CLI_CONFLICT = 7,  /* conflict, exists or unknown outcome */
    CLI_LIMIT = 8
};

/* Which commands take an option: a bit each. */
enum cli_group {
    CLI_G_ALWAYS = 1 << 0,
    CLI_G_STORE = 1 << 1, /* reaches a store */
    CLI_G_JSON = 1 << 2,
    CLI_G_JOB = 1 << 3, /* shows progress */
    CLI_G_COPY = 1 << 4,
    CLI_G_LS = 1 << 5,
    CLI_G_RM = 1 << 6,
    CLI_G_REC = 1 << 7, /* opens a database */
    CLI_G_PUT = 1 << 8,
    CLI_G_DELETE = 1 << 9,
    CLI_G_COUNT = 1 << 10,
    CLI_G_QUERY = 1 << 11,
    CLI_G_IMPORT = 1 << 12,
    CLI_G_EXPORT = 1 << 13,
    CLI_G_MIGRATE = 1 << 14
};

enum cli_progress_mode {
    CLI_PROGRESS_AUTO,
    CLI_PROGRESS_BAR,
    CLI_PROGRESS_PLAIN,
    CLI_PROGRESS_NONE
};

/* Values of `--format`: 0 = by the file's name, else enum satchel_format + 1. */
enum { CLI_FORMAT_AUTO = 0 };

/* The values of all options. Strings are borrowed from argv. */
struct cli_options {
    bool help;
    bool version;
    bool json;
    bool quiet;
    bool recursive;
    bool create_bucket;
    bool dry_run;
    bool verify;
    bool regex;
    bool long_form;
    bool no_sign_request;
    bool create;
    bool exact;
    bool stats;
    bool whole;
    bool delete_source;
    bool no_verify;
    int verbose;
    int if_exists;   /* enum satchel_if_exists */
    int pattern;     /* enum satchel_pattern */
    int progress;    /* enum cli_progress_mode */
    int format;      /* see CLI_FORMAT_AUTO */
    int on_conflict; /* enum satchel_on_conflict */
    int64_t jobs;
    int64_t progress_every; /* seconds between the lines of plain progress */
    int64_t limit;          /* -1 = not given */
    int64_t offset;         /* -1 = not given */
    const char *config;
    const char *database;
    const char *profile;
    const char *region;
    const char *endpoint_url;
    const char *ca_file;
    const char *max_memory;
    const char *expected;
    const char *json_query;
    const char *sort;
    const char *fields;
    const char *id_field;
    const char *at;
    const char *where;
    const char **set; /* key=value, as often as given; the array is owned */
    size_t set_count;
};

struct cli_call;

struct cli_command {
    const char *group; /* "rec", or NULL */
    const char *name;
    const char *operands; /* for the help: "SRC... DEST" */
    const char *summary;
    const char *example; /* without "satchel " in front */
    size_t least;        /* operands */
    size_t most;
    unsigned options; /* bits of enum cli_group, besides CLI_G_ALWAYS */
    int (*run)(struct cli_call *call);
};

struct cli_call {
    const struct cli_command *command; /* NULL until it is known */
    struct cli_options options;
    char **operands; /* borrowed texts, the array is owned */
    size_t count;
    satchel_error err;        /* the first error that was reported */
    satchel_progress summary; /* what the last line of --json tells */
};

/* All commands; the last has no name. */
extern const struct cli_command cli_commands[];
/* The command of that name, or NULL. */
const struct cli_command *cli_find_command(const char *group, const char *name);

/* The commands. Each returns the exit status, having reported what went wrong. */
int cli_cmd_copy(struct cli_call *call);
int cli_cmd_ls(struct cli_call *call);
int cli_cmd_stat(struct cli_call *call);
int cli_cmd_cat(struct cli_call *call);
int cli_cmd_put(struct cli_call *call);
int cli_cmd_rm(struct cli_call *call);
int cli_cmd_mb(struct cli_call *call);
int cli_cmd_rec_get(struct cli_call *call);
int cli_cmd_rec_put(struct cli_call *call);
int cli_cmd_rec_rm(struct cli_call *call);
int cli_cmd_rec_query(struct cli_call *call);
int cli_cmd_rec_count(struct cli_call *call);
int cli_cmd_rec_import(struct cli_call *call);
int cli_cmd_rec_export(struct cli_call *call);
int cli_cmd_rec_migrate(struct cli_call *call);
int cli_cmd_config(struct cli_call *call);
int cli_cmd_help(struct cli_call *call);

#endif
