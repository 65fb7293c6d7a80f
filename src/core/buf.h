/* A growing byte buffer with a hard maximum. */
#ifndef SAT_CORE_BUF_H
#define SAT_CORE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <satchel/types.h>

/*
 * `data` is NUL-terminated whenever it is not NULL; the NUL is not counted in `len`.
 * A failed append leaves the content as it was and sets `failed` (sticky) to SATCHEL_NOMEM or
 * SATCHEL_LIMIT, so that a run of appends can be checked once, at its end.
 */
struct sat_buf {
    char *data;
    size_t len;
    size_t capacity;
    size_t max;
    int failed;
};

#define SAT_BUF_MAX_TEXT ((size_t)16 * 1024 * 1024) /* XML, error bodies, documents */

void sat_buf_init(struct sat_buf *buf, size_t max);
void sat_buf_fini(struct sat_buf *buf);
/* Forgets content and failure, keeps the memory. */
void sat_buf_reset(struct sat_buf *buf);

int sat_buf_add(struct sat_buf *buf, const void *data, size_t len);
int sat_buf_add_str(struct sat_buf *buf, const char *text);
int sat_buf_add_char(struct sat_buf *buf, char c);
int sat_buf_addf(struct sat_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int sat_buf_vaddf(struct sat_buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/* Room for `len` more bytes at data + buf->len; the caller then raises buf->len. NULL on failure.
 */
char *sat_buf_reserve(struct sat_buf *buf, size_t len);

/* The content as a string: "" when empty. */
const char *sat_buf_str(const struct sat_buf *buf);
satchel_span sat_buf_span(const struct sat_buf *buf);
/* Fills *err when an append failed ("out of memory", or "<what> is over N bytes"). */
int sat_buf_check(const struct sat_buf *buf, const char *what, satchel_error *err);
/* Moves the content out; the caller frees it with sat_free(). NULL only on failure. */
char *sat_buf_take(struct sat_buf *buf, size_t *len);

#define SAT_AUTO_BUF __attribute__((cleanup(sat_buf_fini)))

#endif
