/*
 * Configuration and logging.
 *
 * A configuration holds one value per option. Where a value comes from, strongest first: set by the
 * program, a configuration file the program loaded, the environment (AWS_* variables and
 * SATCHEL_<KEY>, read once by satchel_config_new), the option's default. Unknown keys are errors.
 */
#ifndef SATCHEL_CONFIG_H
#define SATCHEL_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include <satchel/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * One option, as satchel_option_next() describes it. All strings are static; none is NULL.
 * Set struct_size to sizeof(satchel_option) before the call.
 */
typedef struct satchel_option {
    uint32_t struct_size;      /**< sizeof(satchel_option), set by the caller */
    int secret;                /**< 1 when its value must not be shown or typed on a command line */
    const char *key;           /**< "request_timeout" */
    const char *type;          /**< string, int, size, duration, bool, enum, list or double */
    const char *default_value; /**< "" where there is none */
    const char *choices;       /**< enum: "full|data|none"; else "" */
    const char *env;           /**< variables besides SATCHEL_<KEY>, separated by commas, or "" */
    const char *help;          /**< one line */
} satchel_option;

/**
 * Describes every option of this build, one per call. Start with `*cursor == 0` and pass the same
 * cursor again. Returns 1 and fills @p option, or 0 at the end.
 */
SATCHEL_API int satchel_option_next(size_t *cursor, satchel_option *option);

/** Values of options. Reading it in several threads is safe, changing it at the same time is not.
 */
typedef struct sat_config satchel_config;

/**
 * A new configuration, with the environment already read. The caller releases @p config with
 * satchel_config_free(). Stores and databases copy what they are opened with.
 * Errors: INVALID (an environment variable holds a bad value; the text names it), NOMEM.
 */
SATCHEL_API int satchel_config_new(satchel_config **config, satchel_error *err);

/** Cleanses secrets and releases the configuration. NULL is fine. */
SATCHEL_API void satchel_config_free(satchel_config *config);

/**
 * Sets one option. The value is text in the form of its type: "16", "8MiB", "1.5s", "true",
 * "a,b"; it is copied. NULL takes a value away: the default is back (not the environment's value).
 * Errors: INVALID (unknown key, with the nearest known one; or a bad value), NOMEM. After an error
 * the old value stands.
 */
SATCHEL_API int satchel_config_set(satchel_config *config, const char *key, const char *value,
                                   satchel_error *err);

/**
 * Sets options from a JSON object: {"region": "eu-west-1", "max_workers": 16, "create_bucket":
 * true, "index_fields": ["name", "address.city"]}. What the program set before is stronger and
 * stays. Errors: INVALID (bad JSON, with line and column; unknown key; bad value), NOMEM. After an
 * error nothing was set.
 */
SATCHEL_API int satchel_config_load_json(satchel_config *config, const char *json,
                                         satchel_error *err);

/**
 * The effective value as text: "" when there is none, "***" for a secret that has one, NULL for an
 * unknown key. Borrowed until the option is changed or the configuration released.
 */
SATCHEL_API const char *satchel_config_get(const satchel_config *config, const char *key);

/** Where the value comes from: "set", "file", "env" or "default"; NULL for an unknown key. Static.
 */
SATCHEL_API const char *satchel_config_origin(const satchel_config *config, const char *key);

/** Levels of log lines; each includes those above it. */
enum satchel_log_level {
    SATCHEL_LOG_OFF = 0,   /**< nothing */
    SATCHEL_LOG_ERROR = 1, /**< something failed that no function reports */
    SATCHEL_LOG_WARN = 2,  /**< it works, but look at it */
    SATCHEL_LOG_INFO = 3,  /**< what a user may want to know once */
    SATCHEL_LOG_DEBUG = 4, /**< one line per request */
    SATCHEL_LOG_TRACE = 5  /**< headers and decisions */
};

/**
 * Receives one line, without a newline and with secrets replaced by "***"; @p line is valid during
 * the call only. It is UTF-8 as far as the names in it are, and cut at 4095 bytes. It may run on
 * any thread of the library, one call at a time, and must not call the library: what it logs from
 * within is dropped.
 */
typedef void (*satchel_log_fn)(void *user, int level, const char *line);

/**
 * Sends the log lines of @p level and above to @p callback; NULL or SATCHEL_LOG_OFF (the state at
 * the start) switches logging off. When it returns, the former callback is not running any more.
 */
SATCHEL_API void satchel_log_set(int level, satchel_log_fn callback, void *user);

#ifdef __cplusplus
}
#endif

#endif /* SATCHEL_CONFIG_H */
