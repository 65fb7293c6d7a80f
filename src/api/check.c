/* Argument checks, option structs of other ages, the last look at error texts. */
#include <stdarg.h>
#include <string.h>

#include "api/api.h"
#include "core/error.h"
#include "core/log.h"

int sat_api_check(satchel_error *err, const char *function, ...)
{
    int code = SATCHEL_OK;
    va_list args;
    va_start(args, function);
    const char *name = va_arg(args, const char *);
    while (name != NULL && code == SATCHEL_OK) {
        if (va_arg(args, const void *) == NULL)
            code = sat_error_set(err, SATCHEL_INVALID, "%s: %s is NULL", function, name);
        name = va_arg(args, const char *);
    }
    va_end(args);
    return code;
}

int sat_api_done(int code, satchel_error *err)
{
    if (code != SATCHEL_OK && err != NULL)
        sat_redact(err->text);
    return code;
}

static bool all_zero(const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

int sat_api_struct(const struct sat_struct *what, const void *from, void *to, satchel_error *err)
{
    uint32_t given = 0;
    memset(to, 0, what->size);
    if (from == NULL)
        return SATCHEL_OK;
    memcpy(&given, from, sizeof given);
    if (given < sizeof given)
        return sat_error_set(err, SATCHEL_INVALID, "struct_size is %u: set it to sizeof(%s)", given,
                             what->name);
    if (given > what->size &&
        !all_zero((const unsigned char *)from + what->size, given - what->size))
        return sat_error_set(err, SATCHEL_UNSUPPORTED,
                             "%s has a member that this version of the library does not know",
                             what->name);
    memcpy(to, from, given < what->size ? given : what->size);
    return SATCHEL_OK;
}
