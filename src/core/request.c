/* One HTTP request as a backend builds it, one reply as core received it: plain bytes, no I/O. */
#include <string.h>

#include "core/backend.h"
#include "core/error.h"
#include "core/str.h"

enum { REPLY_HEADERS_MAX = 256 * 1024 }; /* what curl itself allows is 300 KiB */

void sat_request_init(struct sat_request *request)
{
    *request = (struct sat_request){.method = "GET"};
    sat_buf_init(&request->path, SAT_REQUEST_TEXT_MAX);
    sat_buf_init(&request->query, SAT_REQUEST_TEXT_MAX);
    sat_buf_init(&request->text, SAT_REQUEST_TEXT_MAX);
    sat_buf_init(&request->body, SAT_BUF_MAX_TEXT);
    sat_vec_init(&request->lines, sizeof(size_t));
}

void sat_request_fini(struct sat_request *request)
{
    sat_buf_fini(&request->path);
    sat_buf_fini(&request->query);
    sat_buf_fini(&request->text);
    sat_buf_fini(&request->body);
    sat_vec_fini(&request->lines);
}

void sat_request_reset(struct sat_request *request)
{
    request->method = "GET";
    request->subhost[0] = '\0';
    request->body_is_source = false;
    request->lines.len = 0;
    sat_buf_reset(&request->path);
    sat_buf_reset(&request->query);
    sat_buf_reset(&request->text);
    sat_buf_reset(&request->body);
}

/* Appends one NUL-terminated line and its offset; all or nothing. */
static int add_line(struct sat_buf *text, struct sat_vec *lines, const char *name,
                    satchel_span value)
{
    size_t start = text->len;
    if (name != NULL) {
        (void)sat_buf_add_str(text, name);
        (void)sat_buf_add_str(text, ": ");
    }
    (void)sat_buf_add(text, value.data, value.len);
    (void)sat_buf_add_char(text, '\0');
    if (text->failed == SATCHEL_OK && sat_vec_push(lines, &start) != NULL)
        return SATCHEL_OK;
    text->len = start;
    return text->failed == SATCHEL_OK ? SATCHEL_NOMEM : text->failed;
}

static bool header_safe(const char *value)
{
    for (; *value != '\0'; value++) {
        unsigned char c = (unsigned char)*value;
        if (c < 0x20 || c == 0x7f)
            return false;
    }
    return true;
}

int sat_request_header(struct sat_request *request, const char *name, const char *value)
{
    if (!header_safe(name) || !header_safe(value))
        return SATCHEL_INVALID;
    return add_line(&request->text, &request->lines, name, sat_span_of(value));
}

/* The value in "Name: value" when the name is `name`, else NULL. */
static const char *line_value(const char *line, const char *name)
{
    for (; *name != '\0'; line++, name++) {
        int a = *line >= 'A' && *line <= 'Z' ? *line + 32 : *line;
        int b = *name >= 'A' && *name <= 'Z' ? *name + 32 : *name;
        if (a != b)
            return NULL;
    }
    if (*line != ':')
        return NULL;
    line++;
    while (*line == ' ' || *line == '\t')
        line++;
    return line;
}

/* The last line of that name wins. */
static const char *find(const struct sat_buf *text, const struct sat_vec *lines, const char *name)
{
    for (size_t i = lines->len; i-- > 0;) {
        size_t offset = *(const size_t *)sat_vec_at(lines, i);
        const char *value = line_value(text->data + offset, name);
        if (value != NULL)
            return value;
    }
    return NULL;
}

const char *sat_request_find(const struct sat_request *request, const char *name)
{
    return find(&request->text, &request->lines, name);
}

void sat_reply_init(struct sat_reply *reply)
{
    *reply = (struct sat_reply){0};
    sat_buf_init(&reply->headers, REPLY_HEADERS_MAX);
    sat_buf_init(&reply->body, SAT_BUF_MAX_TEXT);
    sat_vec_init(&reply->lines, sizeof(size_t));
}

void sat_reply_fini(struct sat_reply *reply)
{
    sat_buf_fini(&reply->headers);
    sat_buf_fini(&reply->body);
    sat_vec_fini(&reply->lines);
}

void sat_reply_reset(struct sat_reply *reply)
{
    reply->status = 0;
    reply->received = 0;
    reply->lines.len = 0;
    sat_buf_reset(&reply->headers);
    sat_buf_reset(&reply->body);
}

int sat_reply_add_header(struct sat_reply *reply, const char *line, size_t len)
{
    while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == '\n' || line[len - 1] == ' '))
        len--;
    return add_line(&reply->headers, &reply->lines, NULL, (satchel_span){.data = line, .len = len});
}

const char *sat_reply_header(const struct sat_reply *reply, const char *name)
{
    return find(&reply->headers, &reply->lines, name);
}
