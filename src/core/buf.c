/* A growing byte buffer with a hard maximum and a sticky failure. */
#include "buf.h"

#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "error.h"

void sat_buf_init(struct sat_buf *buf, size_t max)
{
    *buf = (struct sat_buf){.max = max};
}

void sat_buf_fini(struct sat_buf *buf)
{
    sat_free(buf->data);
    *buf = (struct sat_buf){.max = buf->max};
}

void sat_buf_reset(struct sat_buf *buf)
{
    buf->len = 0;
    buf->failed = SATCHEL_OK;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

static int fail(struct sat_buf *buf, int code)
{
    buf->failed = code;
    return code;
}

/* Makes room for `extra` bytes and the NUL. */
static int grow(struct sat_buf *buf, size_t extra)
{
    if (buf->failed != SATCHEL_OK)
        return buf->failed;
    if (buf->len > buf->max || extra > buf->max - buf->len)
        return fail(buf, SATCHEL_LIMIT);
    size_t need = buf->len + extra + 1;
    if (need <= buf->capacity)
        return SATCHEL_OK;
    size_t capacity = buf->capacity < 64 ? 64 : buf->capacity;
    while (capacity < need)
        capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
    if (capacity > buf->max + 1)
        capacity = buf->max + 1;
    char *data = sat_realloc(buf->data, capacity);
    if (data == NULL)
        return fail(buf, SATCHEL_NOMEM);
    buf->data = data;
    buf->capacity = capacity;
    return SATCHEL_OK;
}

char *sat_buf_reserve(struct sat_buf *buf, size_t len)
{
    return grow(buf, len) == SATCHEL_OK ? buf->data + buf->len : NULL;
}

int sat_buf_add(struct sat_buf *buf, const void *data, size_t len)
{
    int code = grow(buf, len);
    if (code != SATCHEL_OK)
        return code;
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return SATCHEL_OK;
}

int sat_buf_add_str(struct sat_buf *buf, const char *text)
{
    return sat_buf_add(buf, text, strlen(text));
}

int sat_buf_add_char(struct sat_buf *buf, char c)
{
    return sat_buf_add(buf, &c, 1);
}

int sat_buf_vaddf(struct sat_buf *buf, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    size_t room = buf->capacity - buf->len;
    int need = vsnprintf(room == 0 ? NULL : buf->data + buf->len, room, format, args);
    int code = need < 0 ? fail(buf, SATCHEL_LIMIT) : grow(buf, (size_t)need);
    if (code == SATCHEL_OK && (size_t)need >= room)
        (void)vsnprintf(buf->data + buf->len, (size_t)need + 1, format, again);
    if (code == SATCHEL_OK)
        buf->len += (size_t)need;
    else if (room > 0)
        buf->data[buf->len] = '\0';
    va_end(again);
    return code;
}

int sat_buf_addf(struct sat_buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int code = sat_buf_vaddf(buf, format, args);
    va_end(args);
    return code;
}

const char *sat_buf_str(const struct sat_buf *buf)
{
    return buf->data == NULL ? "" : buf->data;
}

satchel_span sat_buf_span(const struct sat_buf *buf)
{
    return (satchel_span){.data = buf->data, .len = buf->len};
}

int sat_buf_check(const struct sat_buf *buf, const char *what, satchel_error *err)
{
    if (buf->failed == SATCHEL_OK)
        return SATCHEL_OK;
    if (buf->failed == SATCHEL_NOMEM)
        return sat_error_nomem(err);
    return sat_error_set(err, SATCHEL_LIMIT, "%s is over %zu bytes", what, buf->max);
}

char *sat_buf_take(struct sat_buf *buf, size_t *len)
{
    if (buf->data == NULL && grow(buf, 0) == SATCHEL_OK)
        buf->data[0] = '\0';
    if (buf->failed != SATCHEL_OK)
        return NULL;
    char *data = buf->data;
    if (len != NULL)
        *len = buf->len;
    *buf = (struct sat_buf){.max = buf->max};
    return data;
}
