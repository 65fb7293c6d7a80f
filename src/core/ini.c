/*
 * INI files over libinih, which splits names from values. What it does unlike configparser, with
 * the settings it is packaged with, is put right before it sees a line:
 *
 * (1) It cuts lines at 200 bytes, and session tokens have a thousand: a long line is handed over in
 *     pieces, all but the first as continuations. A guard byte at a piece's cut ends keeps the
 *     blanks there; no file has it, since control characters are refused.
 * (2) It takes " ;" behind a value for a comment: such a line is cut in front of the ';'.
 * (3) It cuts section names at 50 bytes, and takes every indented line for a continuation: both
 *     are decided here.
 */
#include "core/ini.h"

#include <stdbool.h>
#include <string.h>

#include <ini.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/error.h"

enum {
    GUARD = '\x01',
    PIECE_EXTRA = 5, /* blank, two guards, line end, NUL */
    TEXT_MAX = 1024 * 1024,
};

struct parse {
    satchel_span text; /* not yet read */
    satchel_span rest; /* of the line at hand */
    unsigned line;
    size_t indent;  /* of the line that began the entry */
    bool in_entry;  /* a line indented deeper continues it */
    bool continues; /* the line at hand does */
    bool first;     /* the piece at hand is the line's first */
    bool awaited;   /* libinih has not told of the piece at hand */
    bool in_section;
    struct sat_buf section;
    struct sat_buf name;
    struct sat_buf value;
    unsigned entry_line;
    const char *what;
    sat_ini_fn fn;
    void *user;
    int code;
    satchel_error *err;
};

static void fail(struct parse *parse, const char *why)
{
    if (parse->code == SATCHEL_OK)
        parse->code = sat_error_set(parse->err, SATCHEL_INVALID, "%s line %u: %s", parse->what,
                                    parse->line, why);
}

static void tell(struct parse *parse, const char *name, unsigned line)
{
    const struct sat_ini_entry entry = {
        .section = sat_buf_str(&parse->section),
        .name = name,
        .value = sat_buf_str(&parse->value),
        .line = line,
    };
    struct sat_buf *const bufs[] = {&parse->section, &parse->name, &parse->value};
    for (size_t i = 0; i < 3 && parse->code == SATCHEL_OK; i++)
        parse->code = sat_buf_check(bufs[i], parse->what, parse->err);
    if (parse->code == SATCHEL_OK)
        parse->code = parse->fn(parse->user, &entry, parse->err);
}

static void end_entry(struct parse *parse)
{
    if (parse->in_entry)
        tell(parse, sat_buf_str(&parse->name), parse->entry_line);
    parse->in_entry = false;
    sat_buf_reset(&parse->name);
    if (parse->value.data != NULL)
        sat_cleanse(parse->value.data, parse->value.len);
    sat_buf_reset(&parse->value);
}

/* ---- lines */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static satchel_span from(satchel_span span, size_t at)
{
    return (satchel_span){.data = (const char *)span.data + at, .len = span.len - at};
}

/* Cuts the next line off the text, with its indent but without its end. */
static satchel_span cut_line(struct parse *parse)
{
    const char *data = parse->text.data;
    const char *end = memchr(data, '\n', parse->text.len);
    size_t len = end == NULL ? parse->text.len : (size_t)(end - data);
    parse->text = from(parse->text, end == NULL ? len : len + 1);
    parse->line++;
    if (len > 0 && data[len - 1] == '\r')
        len--;
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)data[i] < 0x20 && data[i] != '\t')
            fail(parse, "a control character");
    }
    while (len > 0 && is_blank(data[len - 1]))
        len--;
    return (satchel_span){.data = data, .len = len};
}

/* (3): true when the line is a section's head. */
static bool take_section(struct parse *parse, satchel_span line)
{
    const char *data = line.data;
    const char *close = memrchr(data, ']', line.len);
    if (*data != '[' || close == NULL || close == data + 1)
        return false;
    end_entry(parse);
    sat_buf_reset(&parse->section);
    (void)sat_buf_add(&parse->section, data + 1, (size_t)(close - data) - 1);
    parse->in_section = true;
    tell(parse, NULL, parse->line);
    return true;
}

/* Finds the next line with an entry or a part of one; false at the end or after a failure. */
static bool next_line(struct parse *parse)
{
    while (parse->text.len > 0 && parse->code == SATCHEL_OK) {
        satchel_span line = cut_line(parse);
        const char *data = line.data;
        size_t indent = 0;
        while (indent < line.len && is_blank(data[indent]))
            indent++;
        parse->rest = from(line, indent);
        if (indent == line.len || data[indent] == '#' || data[indent] == ';')
            continue;
        parse->continues = parse->in_entry && indent > parse->indent;
        if (!parse->continues && take_section(parse, parse->rest))
            continue;
        if (!parse->continues)
            end_entry(parse);
        if (!parse->in_section)
            fail(parse, "an entry before the first [section]");
        if (!parse->continues)
            parse->indent = indent;
        return parse->code == SATCHEL_OK;
    }
    return false;
}

/* ---- pieces */

/* (1) and (2) */
static size_t piece_len(satchel_span rest, size_t room)
{
    const char *data = rest.data;
    size_t len = rest.len < room ? rest.len : room;
    for (size_t i = 1; i < len; i++) {
        if (is_blank(data[i - 1]) && strchr(";#", data[i]) != NULL)
            return i;
    }
    return len;
}

/* The reader of libinih: a line of at most `size` bytes with its NUL, or NULL. */
static char *next_piece(char *out, int size, void *user)
{
    struct parse *parse = user;
    size_t n = 0;
    parse->first = parse->rest.len == 0;
    if (parse->awaited)
        fail(parse, "want [section] or name = value");
    if (parse->code != SATCHEL_OK || (parse->first && !next_line(parse))) {
        sat_cleanse(out, (size_t)size); /* its buffer had the last line */
        return NULL;
    }
    if (!parse->first || parse->continues)
        out[n++] = ' ';
    if (!parse->first)
        out[n++] = GUARD;
    size_t len = piece_len(parse->rest, (size_t)size - PIECE_EXTRA);
    memcpy(out + n, parse->rest.data, len);
    n += len;
    parse->rest = from(parse->rest, len);
    if (parse->rest.len > 0)
        out[n++] = GUARD;
    out[n++] = '\n';
    out[n] = '\0';
    parse->awaited = true;
    return out;
}

/* The handler of libinih. */
static int on_value(void *user, const char *section, const char *name, const char *value)
{
    struct parse *parse = user;
    (void)section;
    parse->awaited = false;
    if (parse->first && !parse->continues) {
        (void)sat_buf_add_str(&parse->name, name);
        parse->in_entry = true;
        parse->entry_line = parse->line;
    } else if (parse->first) {
        (void)sat_buf_add_char(&parse->value, '\n');
    }
    if (*value == GUARD)
        value++;
    size_t len = strlen(value);
    if (len > 0 && value[len - 1] == GUARD)
        len--;
    (void)sat_buf_add(&parse->value, value, len);
    return 1;
}

int sat_ini_parse(satchel_span text, const char *what, sat_ini_fn fn, void *user,
                  satchel_error *err)
{
    static const char bom[] = "\xef\xbb\xbf";
    struct parse parse = {.text = text, .what = what, .fn = fn, .user = user, .err = err};
    if (text.len >= 3 && memcmp(text.data, bom, 3) == 0)
        parse.text = from(text, 3);
    sat_buf_init(&parse.section, TEXT_MAX);
    sat_buf_init(&parse.name, TEXT_MAX);
    sat_buf_init(&parse.value, TEXT_MAX);
    (void)sat_buf_reserve(&parse.value, text.len + 1); /* never moved: no copy is left behind */
    if (ini_parse_stream(next_piece, &parse, on_value, &parse) == -2)
        parse.code = sat_error_nomem(err);
    end_entry(&parse);
    sat_buf_fini(&parse.section);
    sat_buf_fini(&parse.name);
    sat_buf_fini(&parse.value);
    return parse.code;
}
