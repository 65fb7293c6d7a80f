/* Error codes to text, and filling the caller-owned satchel_error. */
#include "error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
    int code;
    const char *name;
    const char *text;
} codes[] = {
#define ROW(name, value, text) {value, #name, text},
    SATCHEL_ERROR_MAP(ROW)
#undef ROW
};

static const size_t code_count = sizeof codes / sizeof codes[0];

const char *satchel_code_name(int code)
{
    return code >= 0 && (size_t)code < code_count ? codes[code].name : "?";
}

const char *satchel_code_text(int code)
{
    return code >= 0 && (size_t)code < code_count ? codes[code].text : "unknown error code";
}

/* A cut in the middle of a UTF-8 sequence would make the text invalid: drop the torn tail. */
static void trim_torn_utf8(char *text, size_t capacity)
{
    size_t len = strlen(text);
    if (len + 1 < capacity)
        return;
    size_t start = len;
    while (start > 0 && len - start < 4 && ((unsigned char)text[start - 1] & 0xC0U) == 0x80U)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (len - (start - 1) < want)
        text[start - 1] = '\0';
}

void sat_error_printable(char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c == 0x7f)
            *text = '?';
    }
}

int sat_error_vset(satchel_error *err, int code, const char *format, va_list args)
{
    if (err == NULL)
        return code;
    char text[sizeof err->text];
    (void)vsnprintf(text, sizeof text, format, args);
    memset(err, 0, sizeof *err);
    err->code = code;
    memcpy(err->text, text, sizeof text);
    trim_torn_utf8(err->text, sizeof err->text);
    sat_error_printable(err->text);
    return code;
}

int sat_error_set(satchel_error *err, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int result = sat_error_vset(err, code, format, args);
    va_end(args);
    return result;
}

static int code_of_errno(int os_errno)
{
    switch (os_errno) {
    case ENOENT:
    case ENOTDIR:
        return SATCHEL_NOT_FOUND;
    case EEXIST:
        return SATCHEL_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS:
        return SATCHEL_DENIED;
    case ENOMEM:
        return SATCHEL_NOMEM;
    case ENAMETOOLONG:
    case EFBIG:
        return SATCHEL_LIMIT;
    case ECANCELED:
        return SATCHEL_CANCELLED;
    default:
        return SATCHEL_IO;
    }
}

int sat_error_os(satchel_error *err, int os_errno, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int code = sat_error_vset(err, code_of_errno(os_errno), format, args);
    va_end(args);
    if (err != NULL) {
        char reason[96];
        size_t used = strlen(err->text);
        /* The GNU form returns the message, which may or may not be in `reason`. */
        const char *message = strerror_r(os_errno, reason, sizeof reason);
        (void)snprintf(err->text + used, sizeof err->text - used, ": %s", message);
        err->os_errno = os_errno;
    }
    return code;
}

int sat_error_nomem(satchel_error *err)
{
    return sat_error_set(err, SATCHEL_NOMEM, "out of memory");
}

void sat_error_prefix(satchel_error *err, const char *format, ...)
{
    if (err == NULL)
        return;
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    int used = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (used < 0 || (size_t)used >= sizeof text)
        return;
    (void)snprintf(text + used, sizeof text - (size_t)used, "%s", err->text);
    memcpy(err->text, text, sizeof text);
    trim_torn_utf8(err->text, sizeof err->text);
    sat_error_printable(err->text);
}

int sat_error_copy(satchel_error *to, const satchel_error *from)
{
    if (from == NULL)
        return SATCHEL_OK;
    if (to != NULL && to != from)
        *to = *from;
    return from->code;
}
