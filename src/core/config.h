/* The values of a set of option tables, each with its origin. */
#ifndef SAT_CORE_CONFIG_H
#define SAT_CORE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include <satchel/config.h>
#include <satchel/types.h>

#include "option.h"

/* Weakest first: a value replaces one of the same or a weaker origin, whatever the call order. */
enum sat_origin {
    SAT_ORIGIN_DEFAULT,
    SAT_ORIGIN_PROFILE, /* a profile in files that the provider's tools share */
    SAT_ORIGIN_ENV,
    SAT_ORIGIN_FILE, /* a config file or JSON document the caller named */
    SAT_ORIGIN_SET,
};

/* The type behind the public satchel_config. Reading is thread-safe, changing it is not. */
struct sat_config;

/*
 * A config of these tables (sat_option_find() says how; they must outlive it), with what the
 * environment gives already read. INVALID naming the variable when one has a bad value, NOMEM.
 */
int sat_config_new(const struct sat_option *const *tables, struct sat_config **out,
                   satchel_error *err);
/* An independent copy, for a handle that keeps its configuration. */
int sat_config_copy(const struct sat_config *config, struct sat_config **out, satchel_error *err);
/* Cleanses secret values. NULL is fine. */
void sat_config_free(struct sat_config *config);
#define SAT_AUTO_CONFIG __attribute__((cleanup(sat_auto_config_)))
void sat_auto_config_(struct sat_config **config);

/*
 * Checks key and value and copies the value; NULL takes the key's value away, down to the default.
 * INVALID for an unknown key (with a suggestion) or a bad value, NOMEM; the old value then stays.
 */
int sat_config_set(struct sat_config *config, const char *key, const char *value,
                   enum sat_origin origin, satchel_error *err);

/* The same with the place the value comes from, "config.yaml:7"; it is copied. NULL: not known. */
struct sat_config_source {
    enum sat_origin origin;
    const char *where;
};
int sat_config_set_from(struct sat_config *config, const char *key, const char *value,
                        const struct sat_config_source *source, satchel_error *err);

/* The URI that a configuration file names, copied; see satchel_config_uri(). */
int sat_config_set_uri(struct sat_config *config, const char *uri, satchel_error *err);

/* Exchanges two configs: how a change of many values is made as one. */
void sat_config_swap(struct sat_config *a, struct sat_config *b);

/* The rows this config knows. */
const struct sat_option *const *sat_config_tables(const struct sat_config *config);
enum sat_origin sat_config_origin(const struct sat_config *config, const char *key);
/* "default", "profile", "env", "file", "set". */
const char *sat_origin_name(enum sat_origin origin);

/*
 * Typed getters: the value given, else the row's default, else "" or 0 - also for a key that no
 * table knows, so that code shared by several backends may ask for a key that only some have.
 * Strings are borrowed until the key is changed or the config freed; secrets come in clear.
 */
const char *sat_config_str(const struct sat_config *config, const char *key);
int64_t sat_config_int(const struct sat_config *config, const char *key);
uint64_t sat_config_size(const struct sat_config *config, const char *key);
int64_t sat_config_ms(const struct sat_config *config, const char *key);
bool sat_config_bool(const struct sat_config *config, const char *key);
/* Index of the chosen word in the row's `choices`. */
int sat_config_enum(const struct sat_config *config, const char *key);
double sat_config_double(const struct sat_config *config, const char *key);

#endif
