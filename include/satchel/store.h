/*
 * Stores: objects under one URI.
 *
 * A store is opened on a URI and reaches the keys below it: on `s3://bucket/path` the object of key
 * K is `path` + K (nothing is put between them), on `file:///folder` it is the file `folder/K`.
 * Keys are UTF-8, literal, never percent-decoded. Handles are thread-safe; cursors belong to one
 * thread at a time. Every function returns SATCHEL_OK or a code of types.h and fills @p err.
 */
#ifndef SATCHEL_STORE_H
#define SATCHEL_STORE_H

#include <stddef.h>
#include <stdint.h>

#include <satchel/config.h>
#include <satchel/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** An open store. */
typedef struct satchel_store satchel_store;

/** A name and a value, both NUL-terminated; borrowed where passed in. */
typedef struct satchel_pair {
    const char *key;
    const char *value;
} satchel_pair;

/** Owned pairs, in order. Initialise to `{0}`; release with satchel_pairs_free(). */
typedef struct satchel_pairs {
    satchel_pair *items; /**< NULL when count is 0 */
    size_t count;
} satchel_pairs;

/** What is known of an object. Initialise to `{0}`; release with satchel_info_free(). */
typedef struct satchel_info {
    uint64_t size;          /**< bytes */
    int64_t mtime_ns;       /**< last change, nanoseconds since 1970 UTC; 0 where not known */
    char *etag;             /**< opaque, without quotes; changes with the content; never NULL */
    char *content_type;     /**< NULL where not known */
    satchel_pairs metadata; /**< user metadata, names in lower case */
} satchel_info;

/** Releases what @p info owns and zeroes it. NULL is fine. */
SATCHEL_API void satchel_info_free(satchel_info *info);
/** Releases what @p pairs owns and zeroes it. NULL is fine. */
SATCHEL_API void satchel_pairs_free(satchel_pairs *pairs);

/**
 * Opens a store. No request is made. @p config is copied; NULL = defaults and environment.
 * Errors: INVALID (the URI or an option), UNSUPPORTED (unknown scheme; the text lists the known).
 */
SATCHEL_API int satchel_store_open(const char *uri, const satchel_config *config,
                                   satchel_store **store, satchel_error *err);

/** Closes a store. Its calls must have returned, its cursors must be closed. NULL is fine. */
SATCHEL_API void satchel_store_close(satchel_store *store);

/**
 * Reads a whole object into @p out, verified against its checksum. The caller releases @p out with
 * satchel_buf_free(). Errors: NOT_FOUND, DENIED, INTEGRITY, LIMIT (over max_memory), NETWORK,
 * TIMEOUT, THROTTLED.
 */
SATCHEL_API int satchel_get(satchel_store *store, const char *key, satchel_buf *out,
                            satchel_error *err);

/**
 * Reads @p length bytes from @p offset; @p length 0 = to the end. Fewer bytes come only when the
 * object ends before. Errors: as satchel_get(); INVALID when @p offset is past the end.
 */
SATCHEL_API int satchel_get_range(satchel_store *store, const char *key, uint64_t offset,
                                  uint64_t length, satchel_buf *out, satchel_error *err);

/**
 * Reads a whole object into the local file @p path, which appears (or is replaced) only complete
 * and verified. Errors: as satchel_get(); IO.
 */
SATCHEL_API int satchel_get_to_file(satchel_store *store, const char *key, const char *path,
                                    satchel_error *err);

/** How to store an object. Zero it and set struct_size. */
typedef struct satchel_put_options {
    uint32_t struct_size;         /**< sizeof(satchel_put_options) */
    int if_absent;                /**< 1: only when no object is there; else EXISTS */
    const char *if_match;         /**< only over the object of this ETag; else CONFLICT */
    const char *content_type;     /**< NULL = the store's default */
    const satchel_pair *metadata; /**< user metadata */
    size_t metadata_count;
    const satchel_pair *tags; /**< object tags */
    size_t tag_count;
    const char *storage_class; /**< as the service names it; NULL = option storage_class */
} satchel_put_options;

/**
 * Stores @p data as one object: either all of it is there afterwards or nothing changed.
 * @p options may be NULL. Errors: EXISTS, CONFLICT, NOT_FOUND (no such bucket), DENIED, LIMIT,
 * UNKNOWN_OUTCOME, NETWORK, TIMEOUT, THROTTLED, IO.
 */
SATCHEL_API int satchel_put(satchel_store *store, const char *key, satchel_span data,
                            const satchel_put_options *options, satchel_error *err);

/** Stores a local file. Errors: as satchel_put(); MODIFIED when the file changed meanwhile. */
SATCHEL_API int satchel_put_file(satchel_store *store, const char *key, const char *path,
                                 const satchel_put_options *options, satchel_error *err);

/** An object being written piece by piece. One thread at a time. */
typedef struct satchel_writer satchel_writer;

/**
 * Begins an object whose size is not known yet. At most max_memory bytes are buffered: a small one
 * becomes one request, a large one a multipart upload. @p options may be NULL and is copied. The
 * writer ends with satchel_writer_finish() or satchel_writer_abort(), before the store is closed.
 * Errors: INVALID, NOMEM.
 */
SATCHEL_API int satchel_writer_open(satchel_store *store, const char *key,
                                    const satchel_put_options *options, satchel_writer **writer,
                                    satchel_error *err);

/**
 * Takes the next bytes; @p data is the caller's again on return. Waits while the buffers are full.
 * After an error every later call returns that error. Errors: as satchel_put().
 */
SATCHEL_API int satchel_writer_write(satchel_writer *writer, satchel_span data, satchel_error *err);

/**
 * Makes the object appear, complete and verified, or not at all, and releases the writer in any
 * case. @p info (zeroed) may be NULL. Errors: as satchel_put().
 */
SATCHEL_API int satchel_writer_finish(satchel_writer *writer, satchel_info *info,
                                      satchel_error *err);

/** Drops the object: nothing of it is left in the store. Releases the writer. NULL is fine. */
SATCHEL_API void satchel_writer_abort(satchel_writer *writer);

/** Fills @p info (zeroed) for one object. Errors: NOT_FOUND, DENIED, NETWORK, TIMEOUT. */
SATCHEL_API int satchel_stat(satchel_store *store, const char *key, satchel_info *info,
                             satchel_error *err);

/**
 * Deletes an object; one that is not there is no error. @p if_match: only the object of this ETag,
 * else CONFLICT; NULL = whatever is there. Errors: CONFLICT, DENIED, NETWORK, TIMEOUT.
 */
SATCHEL_API int satchel_delete(satchel_store *store, const char *key, const char *if_match,
                               satchel_error *err);

/**
 * Deletes many objects in few requests. results[i] says what became of keys[i]; the return value
 * is SATCHEL_OK when all of them are gone, else the code of the first that is not.
 */
SATCHEL_API int satchel_delete_many(satchel_store *store, const char *const *keys, size_t count,
                                    satchel_error *results, satchel_error *err);

/** One row of a listing; borrowed from the cursor until its next call. */
typedef struct satchel_entry {
    const char *key;  /**< relative to the store's URI */
    const char *etag; /**< "" where the listing has none */
    uint64_t size;    /**< bytes */
    int64_t mtime_ns; /**< nanoseconds since 1970 UTC */
    int is_prefix;    /**< 1: a common prefix, ending with '/', not an object */
} satchel_entry;

/** A listing under way. */
typedef struct satchel_cursor satchel_cursor;

/**
 * Lists the keys that begin with @p prefix ("" = all) in ascending byte order, page by page in
 * constant memory. @p recursive 0 = one level: keys with a further '/' are folded into prefixes.
 * The caller closes @p cursor. Errors come from satchel_cursor_next().
 */
SATCHEL_API int satchel_list(satchel_store *store, const char *prefix, int recursive,
                             satchel_cursor **cursor, satchel_error *err);

/** The next row, or *entry NULL at the end. After an error the listing is not complete. */
SATCHEL_API int satchel_cursor_next(satchel_cursor *cursor, const satchel_entry **entry,
                                    satchel_error *err);

/** Ends a listing. NULL is fine. */
SATCHEL_API void satchel_cursor_close(satchel_cursor *cursor);

/** Reads an object's tags into @p tags (zeroed). Errors: NOT_FOUND, DENIED, NETWORK, TIMEOUT. */
SATCHEL_API int satchel_tags_get(satchel_store *store, const char *key, satchel_pairs *tags,
                                 satchel_error *err);

/** Replaces an object's tags; @p count 0 removes all. Errors: as satchel_tags_get(); LIMIT. */
SATCHEL_API int satchel_tags_set(satchel_store *store, const char *key, const satchel_pair *tags,
                                 size_t count, satchel_error *err);

/**
 * Makes the bucket (file://: the folder) the store's URI names. Errors: EXISTS (it is there
 * already, yours or another's), DENIED, INVALID.
 */
SATCHEL_API int satchel_bucket_create(satchel_store *store, satchel_error *err);

/** Deletes the bucket (file://: the folder) if it is empty; else CONFLICT. */
SATCHEL_API int satchel_bucket_delete(satchel_store *store, satchel_error *err);

/** SATCHEL_OK when the bucket (file://: the folder) is there. Errors: NOT_FOUND, DENIED. */
SATCHEL_API int satchel_bucket_stat(satchel_store *store, satchel_error *err);

/** Lists the buckets of the account of a store opened on "s3://"; keys are bucket names. */
SATCHEL_API int satchel_bucket_list(satchel_store *store, satchel_cursor **cursor,
                                    satchel_error *err);

/** Requests made so far by one kind of operation. */
typedef struct satchel_count {
    const char *kind;  /**< "get", "put", "list", ...; static; NULL ends the array */
    uint64_t requests; /**< HTTP: requests sent, retries included; local: operations */
} satchel_count;

/**
 * Fills @p counts with at most @p capacity rows, a kind each, and returns the total of all kinds.
 */
SATCHEL_API uint64_t satchel_store_stats(const satchel_store *store, satchel_count *counts,
                                         size_t capacity);

#ifdef __cplusplus
}
#endif

#endif /* SATCHEL_STORE_H */
