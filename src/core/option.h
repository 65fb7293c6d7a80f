/* Options as data: one row drives config, environment, command line, help, documentation, Python.
 */
#ifndef SAT_CORE_OPTION_H
#define SAT_CORE_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <satchel/config.h>
#include <satchel/types.h>

enum sat_option_type {
    SAT_OPTION_STRING,     /* UTF-8 without control characters */
    SAT_OPTION_INT,        /* "-3" */
    SAT_OPTION_SIZE,       /* bytes: "1048576", "8MiB", "5MB", "1.5GiB"; suffixes of any case */
    SAT_OPTION_DURATION_S, /* milliseconds; a bare number is seconds: "60", "1.5s", "500ms", "2m" */
    SAT_OPTION_DURATION_MS, /* milliseconds; a bare number is milliseconds: "50", "1s" */
    SAT_OPTION_BOOL,        /* true false yes no on off 1 0, of any case */
    SAT_OPTION_ENUM,        /* one of `choices` */
    SAT_OPTION_LIST,        /* items separated by commas; read it with sat_list_next() */
    SAT_OPTION_DOUBLE,      /* "0.25" */
};

/* A table is a const array of rows that ends with a row whose key is NULL. */
struct sat_option {
    const char *key;
    enum sat_option_type type;
    const char *fallback; /* default as text; NULL = none (reads as "" or 0) */
    int64_t min;          /* INT, SIZE (bytes), DURATION_* (milliseconds), DOUBLE; */
    int64_t max;          /* 0 = no upper limit */
    const char *choices;  /* ENUM: "auto|always|never" */
    const char *env;      /* variables asked after SATCHEL_<KEY>, in this order: "A,B"; or NULL */
    const char *follows;  /* key: our value is ignored when its origin is weaker than that key's */
    const char *help;     /* one line; what it does and its unit */
    bool secret;          /* its value appears in no error, log or listing */
};

struct sat_option_value {
    int64_t number; /* INT, bytes, milliseconds, BOOL 0 or 1, index of the ENUM choice */
    double real;    /* DOUBLE; else number */
};

/*
 * Parses and checks `text` (may be "": valid for STRING and LIST only). INVALID with
 * "option 'lanes' must be a whole number from 0 to 64, not 'x'"; without the value when secret.
 */
int sat_option_parse(const struct sat_option *row, const char *text, struct sat_option_value *out,
                     satchel_error *err);

/*
 * `tables` is an array of tables that ends with NULL. A key that stands in several tables is the
 * first one's. NULL when no table has it.
 */
const struct sat_option *sat_option_find(const struct sat_option *const *tables, const char *key);

/* INVALID: "unknown option 'regoin' (did you mean 'region'?)". */
int sat_option_unknown(const struct sat_option *const *tables, const char *key, satchel_error *err);

/*
 * Row by row over all tables, a key once: start with *cursor = 0; NULL at the end. The second form
 * is the whole of the public satchel_option_next(): 1 and *out filled, or 0.
 */
const struct sat_option *sat_option_each(const struct sat_option *const *tables, size_t *cursor);
int sat_option_next(const struct sat_option *const *tables, size_t *cursor, satchel_option *out);

/* The next item of "a, b,c" without surrounding blanks; empty items are skipped. false at the end.
 * Start with *cursor = text; items borrow from it. */
bool sat_list_next(const char **cursor, satchel_span *item);

/* What every store and database understands; the rows of backends and databases come on top. */
extern const struct sat_option sat_options_common[];

#endif
