/*
 * Small types shared by every public header: error codes, the error object, spans and buffers.
 *
 * All strings are NUL-terminated UTF-8 unless a length is given. All functions are thread-safe
 * unless their comment says otherwise.
 */
#ifndef SATCHEL_TYPES_H
#define SATCHEL_TYPES_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SATCHEL_API __attribute__((visibility("default")))
#else
#define SATCHEL_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Every error code: name, value, one-line meaning. A code says what a caller would do differently.
 */
#define SATCHEL_ERROR_MAP(X)                                                                       \
    X(OK, 0, "success")                                                                            \
    X(INVALID, 1, "invalid argument or configuration")                                             \
    X(UNSUPPORTED, 2, "not supported by this backend or build")                                    \
    X(NOT_FOUND, 3, "no such object, bucket or path")                                              \
    X(EXISTS, 4, "already exists")                                                                 \
    X(CONFLICT, 5, "changed by another writer (lost compare-and-swap)")                            \
    X(DENIED, 6, "permission or credentials refused")                                              \
    X(THROTTLED, 7, "throttled by the service beyond the retries")                                 \
    X(TIMEOUT, 8, "deadline passed")                                                               \
    X(NETWORK, 9, "connection failed or service unavailable beyond the retries")                   \
    X(INTEGRITY, 10, "bytes differ from their checksum or length")                                 \
    X(LIMIT, 11, "a limit of the store or of the configuration")                                   \
    X(MODIFIED, 12, "the source changed while it was being read")                                  \
    X(ARCHIVED, 13, "object is archived and must be restored first")                               \
    X(BUSY, 14, "a local resource is busy")                                                        \
    X(UNKNOWN_OUTCOME, 15, "a write was sent and its outcome could not be learned")                \
    X(CORRUPT, 16, "stored content is not in the expected form")                                   \
    X(NOMEM, 17, "out of memory")                                                                  \
    X(IO, 18, "local input/output error")                                                          \
    X(CANCELLED, 19, "cancelled")                                                                  \
    X(BUDGET, 20, "a budget set by the caller would be exceeded")

enum satchel_code {
#define SATCHEL_ERROR_ENUM(name, value, text) SATCHEL_##name = (value),
    SATCHEL_ERROR_MAP(SATCHEL_ERROR_ENUM)
#undef SATCHEL_ERROR_ENUM
        SATCHEL_CODE_LAST = SATCHEL_BUDGET /* C++98 allows no comma at the end */
};

/**
 * What went wrong. Owned by the caller, fixed size, never allocated; every function that takes a
 * `satchel_error *err` accepts NULL. Filled only when the function fails.
 */
typedef struct satchel_error {
    int code;            /**< enum satchel_code */
    int os_errno;        /**< errno of the failed system call, else 0 */
    int http_status;     /**< HTTP status of the last reply, else 0 */
    int attempts;        /**< requests made for this operation, 0 where none was made */
    char request_id[80]; /**< the service's request id, "" where none */
    char endpoint[128];  /**< scheme, host and port that was asked, "" for local stores */
    char text[512];      /**< what failed, why, and what to do; one line */
} satchel_error;

/** Borrowed bytes, passed by value. The callee keeps the pointer past the call only where it says
 * so.
 */
typedef struct satchel_span {
    const void *data; /**< first byte; may be NULL when len is 0 */
    size_t len;       /**< length in bytes */
} satchel_span;

/** Owned bytes. Initialise to `{0}`; release with satchel_buf_free(). */
typedef struct satchel_buf {
    void *data; /**< first byte, followed by one NUL that is not counted; NULL when empty */
    size_t len; /**< length in bytes */
} satchel_buf;

/** Releases the bytes of @p buf and zeroes it. NULL and empty are fine. */
SATCHEL_API void satchel_buf_free(satchel_buf *buf);

/** Releases a string that a satchel function returned as owned. NULL is fine. */
SATCHEL_API void satchel_string_free(char *text);

/** The name of a code without its prefix ("NOT_FOUND"); "?" for an unknown value. Static. */
SATCHEL_API const char *satchel_code_name(int code);

/** The one-line meaning of a code; "unknown error code" for an unknown value. Static. */
SATCHEL_API const char *satchel_code_text(int code);

#ifdef __cplusplus
}
#endif

#endif /* SATCHEL_TYPES_H */
