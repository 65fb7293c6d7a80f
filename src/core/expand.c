/* Environment variables in the values of configuration files. */
#include "expand.h"

#include <stdlib.h>
#include <string.h>

#include "error.h"

enum { NAME_MAX_LEN = 255 };

static const char name_characters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                      "0123456789_";

static int not_set(const char *name, const char *rest, int rest_len, satchel_error *err)
{
    if (rest_len >= 2 && rest[1] == '?')
        return sat_error_set(err, SATCHEL_INVALID, "environment variable %s: %.*s", name,
                             rest_len - 2, rest + 2);
    return sat_error_set(err, SATCHEL_INVALID,
                         "environment variable %s is not set (${%s:default} does without)", name,
                         name);
}

/* What stands between "${" and "}": a name, then nothing or ':' and the rest. */
static int replace(const char *inside, size_t len, struct sat_buf *out, satchel_error *err)
{
    char name[NAME_MAX_LEN + 1];
    size_t name_len = strspn(inside, name_characters);
    const char *rest = inside + name_len;
    size_t rest_len = len - name_len;
    if (name_len == 0 || name_len > NAME_MAX_LEN || (rest_len > 0 && *rest != ':'))
        return sat_error_set(err, SATCHEL_INVALID,
                             "'${%.*s}' is no substitution (want ${NAME} or ${NAME:default}; "
                             "$${ for the characters)",
                             (int)len, inside);
    memcpy(name, inside, name_len);
    name[name_len] = '\0';
    const char *value = getenv(name);
    if (value != NULL && *value != '\0') {
        (void)sat_buf_add_str(out, value);
        return SATCHEL_OK;
    }
    if (rest_len == 0 || rest[1] == '?')
        return not_set(name, rest, (int)rest_len, err);
    size_t skipped = rest[1] == '-' ? 2 : 1;
    (void)sat_buf_add(out, rest + skipped, rest_len - skipped);
    return SATCHEL_OK;
}

int sat_expand(const char *text, struct sat_buf *out, satchel_error *err)
{
    const char *at = text;
    for (const char *mark; (mark = strstr(at, "${")) != NULL;) {
        if (mark > at && mark[-1] == '$') {
            (void)sat_buf_add(out, at, (size_t)(mark - 1 - at));
            (void)sat_buf_add_str(out, "${");
            at = mark + 2;
            continue;
        }
        (void)sat_buf_add(out, at, (size_t)(mark - at));
        size_t len = strcspn(mark + 2, "}");
        if (mark[2 + len] == '\0')
            return sat_error_set(err, SATCHEL_INVALID, "'${' without its '}'");
        int code = replace(mark + 2, len, out, err);
        if (code != SATCHEL_OK)
            return code;
        at = mark + 2 + len + 1;
    }
    (void)sat_buf_add_str(out, at);
    return sat_buf_check(out, "a value", err);
}
