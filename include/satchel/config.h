/*
 * Configuration and logging.
 *
 * A configuration holds one value per option. Where a value comes from, strongest first: set by the
 * program, a configuration file the program loaded, the environment (AWS_* variables and
 * SATCHEL_<KEY>, read once by satchel_config_new), the profile of AWS's shared files (read when a
 * store is opened), the option's default. Unknown keys are errors.
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
 * Takes a configuration file: JSON when its name ends with ".json", else YAML. At the top stand
 * options and, where the file is of one database, what says where it is; or `databases`, a list of
 * databases that each have a `name`, options of their own and their place:
 *
 *     region: eu-west-1
 *     databases:
 *       - name: archive
 *         class: dataknobs_data.backends.s3.S3Database
 *         bucket: ${S3_BUCKET}
 *         prefix: ${S3_PREFIX:data/}
 *
 * @p name picks one of them: its options go over those at the top. NULL picks none and leaves the
 * list unread. What the program set before is stronger and stays. The place, which
 * satchel_config_uri() then tells, is one of
 *  - `bucket` and `prefix` ("records/"), with the class S3Database or the backend s3;
 *  - `path`, a folder, and `prefix`, with FileDatabase or file; a relative path is taken from here;
 *  - the entry's `name` and `prefix`, with MemoryDatabase or memory;
 *  - `uri`.
 * A class may be written with its module (satchel... or dataknobs_data...) and with Sync or Async
 * in front; `type` is the same as `backend`.
 *
 * In a value `${NAME}` stands for the environment variable, `${NAME:default}` and
 * `${NAME:-default}` for it or, when it is not set or empty, the default; `${NAME:?message}` is an
 * error with the message then, as `${NAME}` is one; `$${` are the characters `${`. The result has
 * the type it looks like, 8080 or true, in JSON too; only what stands in quotes in YAML is text.
 *
 * Of YAML: maps, lists, scalars; numbers, true, false and null as JSON has them, `~` and nothing
 * being null, all else text. Anchors, aliases, tags, merge keys, repeated keys and further
 * documents are refused, and files over 1 MiB, 4096 values or 64 levels.
 *
 * Errors: NOT_FOUND, DENIED, IO (reading the file); INVALID (syntax, an unknown key with the
 * nearest known one, a bad value, a variable that is not set, no such database), all but the last
 * with line and column; LIMIT, NOMEM. After an error nothing has changed.
 */
SATCHEL_API int satchel_config_load_file(satchel_config *config, const char *path, const char *name,
                                         satchel_error *err);

/** The same for a YAML text, without a database: satchel_config_load_file() with a NULL name. */
SATCHEL_API int satchel_config_load_yaml(satchel_config *config, const char *yaml,
                                         satchel_error *err);

/** The same for a JSON text, {"region": "eu-west-1", "index_fields": ["name", "address.city"]}. */
SATCHEL_API int satchel_config_load_json(satchel_config *config, const char *json,
                                         satchel_error *err);

/**
 * The URI of the database that the last file or text described, for satchel_db_open(); "" when it
 * described none. Borrowed until the next load or the configuration is released.
 */
SATCHEL_API const char *satchel_config_uri(const satchel_config *config);

/**
 * The effective value as text: "" when there is none, "***" for a secret that has one, NULL for an
 * unknown key. Borrowed until the configuration is changed or released.
 */
SATCHEL_API const char *satchel_config_get(const satchel_config *config, const char *key);

/** Where the value comes from: "set", "file", "env" or "default"; NULL for an unknown key. Static.
 */
SATCHEL_API const char *satchel_config_origin(const satchel_config *config, const char *key);

/**
 * More of that: the variable ("AWS_REGION"), the line of the file ("config.yaml:7") or of the text
 * ("line 7"); "" when it was set or is the default; NULL for an unknown key. Borrowed as the value.
 */
SATCHEL_API const char *satchel_config_where(const satchel_config *config, const char *key);

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
