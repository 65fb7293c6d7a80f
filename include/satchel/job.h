/*
 * Jobs: copying files and objects, migrating, importing and exporting records.
 *
 * A job is made, run once in the calling thread (its work goes on in the library's own threads;
 * callbacks come in the calling thread only), asked for its outcome, and freed.
 */
#ifndef SATCHEL_JOB_H
#define SATCHEL_JOB_H

#include <stddef.h>
#include <stdint.h>

#include <satchel/config.h>
#include <satchel/db.h>
#include <satchel/query.h>
#include <satchel/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A job. Single-owner, but satchel_job_cancel() may come from any thread. */
typedef struct satchel_job satchel_job;

/** How a copy takes its sources. */
enum satchel_pattern {
    SATCHEL_PATTERN_AUTO = 0,    /**< an existing name is literal, else what it looks like */
    SATCHEL_PATTERN_GLOB = 1,    /**< * ? [..] {a,b} ** */
    SATCHEL_PATTERN_LITERAL = 2, /**< every character stands for itself */
    SATCHEL_PATTERN_REGEX = 3    /**< behind a literal folder; matches the whole name below it */
};

/** What to do when the destination has an object of that name. */
enum satchel_if_exists {
    SATCHEL_IF_EXISTS_OVERWRITE = 0,
    SATCHEL_IF_EXISTS_SKIP = 1, /**< counted as skipped */
    SATCHEL_IF_EXISTS_ERROR = 2 /**< a failure of that object, code EXISTS */
};

/** How to copy. Zero it and set struct_size. */
typedef struct satchel_copy_options {
    uint32_t struct_size;         /**< sizeof(satchel_copy_options) */
    int recursive;                /**< 1: folders and prefixes with all below them */
    int create_bucket;            /**< 1: make a missing destination bucket or folder */
    int pattern;                  /**< enum satchel_pattern */
    int if_exists;                /**< enum satchel_if_exists */
    int verify;                   /**< 1: read back what was written and compare */
    int to_folder;                /**< 1: the destination is a folder even without a final '/' */
    int dry_run;                  /**< 1: report what would be copied, move nothing */
    unsigned max_in_flight;       /**< objects at once; 0 = 32 */
    const satchel_config *config; /**< for both sides; copied; NULL = defaults and environment */
} satchel_copy_options;

/**
 * Copies each of @p sources (local paths, or URIs of any scheme; patterns are expanded here) to
 * @p destination (a local path or a URI). A destination that ends with '/' is a folder, as is one
 * of several sources. A source that ends with '/' stands for all below it and keeps its inner
 * structure. Two sources that land on one name are an error before any byte moves. An object
 * appears at its destination only complete and verified; one that fails does not stop the rest.
 * Errors: INVALID, UNSUPPORTED, NOMEM; what the sources hold is looked at by the run.
 */
SATCHEL_API int satchel_job_copy(const char *const *sources, size_t count, const char *destination,
                                 const satchel_copy_options *options, satchel_job **job,
                                 satchel_error *err);

/** How to migrate. Zero it and set struct_size. */
typedef struct satchel_migrate_options {
    uint32_t struct_size;       /**< sizeof(satchel_migrate_options) */
    const satchel_query *where; /**< NULL = all records; borrowed until the job is freed */
    int delete_source;          /**< 1: delete each record from the source once verified */
    int no_verify;              /**< 1: trust the acknowledgement, do not read back */
    int on_conflict;            /**< enum satchel_on_conflict: the id is taken at the destination */
} satchel_migrate_options;

/** What to do with a record whose id is taken. */
enum satchel_on_conflict {
    SATCHEL_ON_CONFLICT_ERROR = 0, /**< a failure of that record, code EXISTS */
    SATCHEL_ON_CONFLICT_SKIP = 1,  /**< keep what is there; counted as skipped */
    SATCHEL_ON_CONFLICT_UPSERT = 2 /**< replace it */
};

/**
 * Copies records from one database to another, reads each back and compares fields and metadata,
 * and only then deletes from the source if asked to. Both databases must outlive the job.
 */
SATCHEL_API int satchel_job_migrate(satchel_db *source, satchel_db *destination,
                                    const satchel_migrate_options *options, satchel_job **job,
                                    satchel_error *err);

/** Text forms of many records. */
enum satchel_format {
    SATCHEL_FORMAT_NDJSON = 0, /**< one object per line */
    SATCHEL_FORMAT_JSON = 1,   /**< one array of objects */
    SATCHEL_FORMAT_CSV = 2     /**< RFC 4180 with a header line; every value is a string */
};

/** How to import and export. Zero it and set struct_size. */
typedef struct satchel_text_options {
    uint32_t struct_size;       /**< sizeof(satchel_text_options) */
    int format;                 /**< enum satchel_format */
    int on_conflict;            /**< import: enum satchel_on_conflict */
    int whole_records;          /**< 1: items are {"id","fields","metadata"}, else bare fields */
    const char *id_field;       /**< import: the member that holds the id; NULL = the usual order */
    const char *at;             /**< import of JSON: JSON Pointer to the array; NULL = the root */
    const satchel_query *where; /**< export: NULL = all; borrowed until the job is freed */
} satchel_text_options;

/** Creates a record of each item of the local file @p path ("-" = standard input). Streams. */
SATCHEL_API int satchel_job_import(satchel_db *db, const char *path,
                                   const satchel_text_options *options, satchel_job **job,
                                   satchel_error *err);

/**
 * Writes records to the local file @p path ("-" = standard output). The file appears only complete.
 */
SATCHEL_API int satchel_job_export(satchel_db *db, const char *path,
                                   const satchel_text_options *options, satchel_job **job,
                                   satchel_error *err);

/** Where a job stands. */
typedef struct satchel_progress {
    uint64_t objects_done; /**< finished well */
    uint64_t objects_failed;
    uint64_t objects_skipped;
    uint64_t objects_total; /**< known so far */
    uint64_t bytes_done;    /**< of the objects done and under way; a retry takes its back */
    uint64_t bytes_total;   /**< known so far */
    uint64_t elapsed_ns;
    int total_is_final; /**< 0 while sources are still being listed */
} satchel_progress;

/** One object or record that was dealt with; strings are borrowed during the callback. */
typedef struct satchel_event {
    const char *op;          /**< "copy", "migrate", "import", "export" */
    const char *source;      /**< URI, path or id */
    const char *destination; /**< URI, path or id */
    const char *status;      /**< "ok", "failed", "skipped", "planned" */
    uint64_t bytes;
    uint64_t elapsed_ns;
    const satchel_error *err; /**< NULL unless failed */
} satchel_event;

/** Callbacks of a run; each may be NULL. Called in the thread of satchel_job_run() only. */
typedef struct satchel_job_callbacks {
    uint32_t struct_size; /**< sizeof(satchel_job_callbacks) */
    void *user;
    /** About 5 times a second and at the end. Not 0 cancels the job. */
    int (*progress)(void *user, const satchel_progress *progress);
    /** Once for each object. */
    void (*event)(void *user, const satchel_event *event);
} satchel_job_callbacks;

/**
 * Runs the job to its end. Returns SATCHEL_OK when every object succeeded (or was skipped as
 * asked); NOT_FOUND when a source matched nothing; CANCELLED; else the code of the first failure,
 * with satchel_job_failure() telling all. @p callbacks may be NULL.
 */
SATCHEL_API int satchel_job_run(satchel_job *job, const satchel_job_callbacks *callbacks,
                                satchel_error *err);

/** Asks a running job to end soon; what is under way is undone or completed. Any thread. */
SATCHEL_API void satchel_job_cancel(satchel_job *job);

/** Fills @p progress with where the job stands, or stood at its end. */
SATCHEL_API void satchel_job_stats(const satchel_job *job, satchel_progress *progress);

/** A failed object. */
typedef struct satchel_failure {
    const char *source;
    const char *destination;
    satchel_error err;
} satchel_failure;

/** Failure number @p i of the run, borrowed from the job; NULL past the last one (1,000 are kept).
 */
SATCHEL_API const satchel_failure *satchel_job_failure(const satchel_job *job, size_t i);

/** Releases a job that is not running. NULL is fine. */
SATCHEL_API void satchel_job_free(satchel_job *job);

#ifdef __cplusplus
}
#endif

#endif /* SATCHEL_JOB_H */
