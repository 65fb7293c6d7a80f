/* The options of a record database. */
#include <stddef.h>

#include "record/db.h"

const struct sat_option sat_options_record[] = {
    {
        .key = "cache_ttl",
        .type = SAT_OPTION_INT,
        .fallback = "60",
        .min = -1,
        .help = "seconds the index counts as fresh; 0 = list for each search, -1 = list once",
    },
    {
        .key = "cache_dir",
        .type = SAT_OPTION_STRING,
        .help = "folder of the index, or :memory:; default: the user's cache folder",
    },
    {
        .key = "cache_identity",
        .type = SAT_OPTION_STRING,
        .help = "whose view of the bucket the index holds; default: the access key id",
    },
    {
        .key = "max_workers",
        .type = SAT_OPTION_INT,
        .fallback = "10",
        .min = 1,
        .max = 1000,
        .help = "requests of one batch, search or refresh at once",
    },
    {
        .key = "record_format",
        .type = SAT_OPTION_ENUM,
        .fallback = "plain",
        .choices = "plain|bare",
        .help = "stored form of a record; every form is read whatever this says",
    },
    {
        .key = "tags",
        .type = SAT_OPTION_LIST,
        .fallback = "all",
        .help = "metadata keys that become object tags: all, none, or names",
    },
    {
        .key = "strict_tags",
        .type = SAT_OPTION_BOOL,
        .fallback = "false",
        .help = "refuse a record whose metadata does not fit into tags",
    },
    {
        .key = "index_fields",
        .type = SAT_OPTION_LIST,
        .help = "field paths that get an index of their own",
    },
    {
        .key = "create_bucket",
        .type = SAT_OPTION_BOOL,
        .fallback = "false",
        .help = "make a missing bucket or folder when the database is opened",
    },
    {
        .key = "allow_unsafe",
        .type = SAT_OPTION_BOOL,
        .fallback = "false",
        .help = "write to a store that does not enforce conditions: updates can be lost",
    },
    {.key = NULL},
};
