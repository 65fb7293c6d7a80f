/* A growing text, with JSON strings, for everything the command composes. */
#include "text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void no_memory(void)
{
    (void)fputs("satchel: out of memory\n", stderr);
    exit(1);
}

void *cli_alloc(size_t size)
{
    void *memory = calloc(1, size > 0 ? size : 1);
    if (memory == NULL)
        no_memory();
    return memory;
}

char *cli_copy(const char *text, size_t len)
{
    char *copy = cli_alloc(len + 1);
    memcpy(copy, text, len);
    return copy;
}

static void reserve(struct cli_text *text, size_t more)
{
    if (text->capacity - text->len > more)
        return;
    size_t capacity = text->capacity > 0 ? text->capacity : 64;
    while (capacity - text->len <= more)
        capacity *= 2;
    char *data = realloc(text->data, capacity);
    if (data == NULL)
        no_memory();
    text->data = data;
    text->capacity = capacity;
}

void cli_text_add(struct cli_text *text, const char *bytes, size_t len)
{
    reserve(text, len);
    if (len > 0)
        memcpy(text->data + text->len, bytes, len);
    text->len += len;
    text->data[text->len] = '\0';
}

void cli_text_str(struct cli_text *text, const char *string)
{
    cli_text_add(text, string, strlen(string));
}

void cli_text_addf(struct cli_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (need < 0)
        return;
    reserve(text, (size_t)need);
    va_start(args, format);
    (void)vsnprintf(text->data + text->len, (size_t)need + 1, format, args);
    va_end(args);
    text->len += (size_t)need;
}

/* Whether a byte that follows `at` - 1 others continues a sequence begun by `lead`. */
static bool continues(unsigned char lead, size_t at, unsigned char c)
{
    if (at > 1)
        return (c & 0xC0U) == 0x80U;
    unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    return c >= low && c <= high;
}

/* Bytes of the UTF-8 sequence at `p`, or 0 when there is none. */
static size_t sequence(const unsigned char *p)
{
    size_t len = p[0] < 0x80                   ? 1
                 : p[0] >= 0xC2 && p[0] < 0xE0 ? 2
                 : p[0] >= 0xE0 && p[0] < 0xF0 ? 3
                 : p[0] >= 0xF0 && p[0] < 0xF5 ? 4
                                               : 0;
    for (size_t i = 1; i < len; i++) {
        if (!continues(p[0], i, p[i]))
            return 0;
    }
    return len;
}

bool cli_text_is_control(const char *at)
{
    const unsigned char *p = (const unsigned char *)at;
    return *p < 0x20 || *p == 0x7F || (p[0] == 0xC2 && p[1] >= 0x80 && p[1] < 0xA0);
}

static void json_char(struct cli_text *text, const unsigned char *p, size_t len)
{
    if (len == 0)
        cli_text_str(text, "\xEF\xBF\xBD");
    else if (*p == '"' || *p == '\\')
        cli_text_addf(text, "\\%c", *p);
    else if (*p == '\n')
        cli_text_str(text, "\\n");
    else if (cli_text_is_control((const char *)p))
        cli_text_addf(text, "\\u%04x", len == 1 ? p[0] : p[1]);
    else
        cli_text_add(text, (const char *)p, len);
}

void cli_text_json(struct cli_text *text, const char *string)
{
    if (string == NULL) {
        cli_text_str(text, "null");
        return;
    }
    cli_text_str(text, "\"");
    for (const unsigned char *p = (const unsigned char *)string; *p != '\0';) {
        size_t len = sequence(p);
        json_char(text, p, len);
        p += len > 0 ? len : 1;
    }
    cli_text_str(text, "\"");
}

const char *cli_text_get(const struct cli_text *text)
{
    return text->data != NULL ? text->data : "";
}

void cli_text_reset(struct cli_text *text)
{
    text->len = 0;
    if (text->data != NULL)
        text->data[0] = '\0';
}

void cli_text_free(struct cli_text *text)
{
    free(text->data);
    *text = (struct cli_text){0};
}
