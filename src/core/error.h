/* Filling the caller-owned satchel_error. Every function here accepts a NULL error. */
#ifndef SAT_CORE_ERROR_H
#define SAT_CORE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>

#include <satchel/types.h>

/* Clears *err, sets code and text (truncated to fit at a UTF-8 boundary); returns `code`. */
int sat_error_set(satchel_error *err, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int sat_error_vset(satchel_error *err, int code, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/*
 * Like sat_error_set() for a failed system call: chooses the code from `os_errno` (ENOENT and
 * ENOTDIR NOT_FOUND, EEXIST EXISTS, EACCES EPERM EROFS DENIED, ENOMEM NOMEM, ENAMETOOLONG and
 * EFBIG LIMIT, ECANCELED CANCELLED, the rest IO), keeps os_errno and appends ": <errno text>".
 */
int sat_error_os(satchel_error *err, int os_errno, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "out of memory" with code NOMEM. */
int sat_error_nomem(satchel_error *err);

/* Puts text in front of the present text ("reading config: ..."), keeping the other members. */
void sat_error_prefix(satchel_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Copies *from to *to; either may be NULL. Returns from's code. */
int sat_error_copy(satchel_error *to, const satchel_error *from);

/* Overwrites bytes below 0x20 and 0x7f by '?', so that a hostile name cannot forge a log line. */
void sat_error_printable(char *text);

#endif
