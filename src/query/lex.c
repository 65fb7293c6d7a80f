/* Tokens of the WHERE language: one at a time, with their place for messages. */
#include "lex.h"

#include <string.h>

#include "core/error.h"
#include "core/jnum.h"
#include "query/query.h"
#include "query/shown.h"

void sat_lex_init(struct sat_lex *lex, satchel_span text)
{
    *lex = (struct sat_lex){.text = text};
    sat_buf_init(&lex->unquoted, SAT_QUERY_TEXT_MAX);
}

void sat_lex_fini(struct sat_lex *lex)
{
    sat_buf_fini(&lex->unquoted);
}

/* The byte at `at`, NUL after the end. */
static char peek(const struct sat_lex *lex, size_t at)
{
    return at < lex->text.len ? ((const char *)lex->text.data)[at] : '\0';
}

static satchel_span slice(const struct sat_lex *lex, size_t from, size_t to)
{
    return (satchel_span){(const char *)lex->text.data + from, to - from};
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_word_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '/' || c == '[' ||
           (unsigned char)c >= 0x80;
}

/* '/' and '~' only go on a JSON Pointer: elsewhere `a~'x'` is an operator. */
static bool is_word_part(char c, bool pointer)
{
    return (is_word_start(c) && c != '/') || is_digit(c) || (c != '\0' && strchr("-.]$@", c)) ||
           (pointer && (c == '/' || c == '~'));
}

/*
 * Reads a quoted piece that starts at `*at` into `unquoted`; a doubled quote is one. `*at` is then
 * behind the closing quote.
 */
static int read_quoted(struct sat_lex *lex, size_t *at, satchel_error *err)
{
    size_t start = *at;
    char quote = peek(lex, start);
    size_t i = start + 1;
    for (; i < lex->text.len; i++) {
        char c = peek(lex, i);
        if (c == quote && peek(lex, i + 1) != quote)
            break;
        if (c == quote)
            i++;
        (void)sat_buf_add_char(&lex->unquoted, c);
    }
    if (i >= lex->text.len)
        return sat_error_set(err, SATCHEL_INVALID, "quote %c at byte %zu is never closed", quote,
                             start);
    *at = i + 1;
    return sat_buf_check(&lex->unquoted, "query", err);
}

static int read_string(struct sat_lex *lex, size_t *at, satchel_error *err)
{
    int rc = read_quoted(lex, at, err);
    lex->token.kind = SAT_TOKEN_STRING;
    lex->token.text = sat_buf_span(&lex->unquoted);
    return rc;
}

/* Bare and quoted pieces that touch are one field. */
static int read_word(struct sat_lex *lex, size_t *at, satchel_error *err)
{
    bool pointer = peek(lex, *at) == '/';
    lex->token.kind = SAT_TOKEN_WORD;
    for (;;) {
        char c = peek(lex, *at);
        if (c == '"') {
            lex->token.kind = SAT_TOKEN_FIELD;
            int rc = read_quoted(lex, at, err);
            if (rc != SATCHEL_OK)
                return rc;
        } else if (is_word_part(c, pointer)) {
            (void)sat_buf_add_char(&lex->unquoted, c);
            (*at)++;
        } else {
            break;
        }
        /* A pointer may open inside quotes. */
        pointer = pointer || sat_buf_str(&lex->unquoted)[0] == '/';
    }
    lex->token.text = sat_buf_span(&lex->unquoted);
    return sat_buf_check(&lex->unquoted, "query", err);
}

static int read_number(struct sat_lex *lex, size_t *at, satchel_error *err)
{
    const char *start = (const char *)lex->text.data + *at;
    size_t len = sat_jnum_length(start, lex->text.len - *at);
    int64_t integer;
    double real;
    satchel_span text = {start, len};
    enum sat_jnum_kind kind = len > 0 ? sat_jnum_parse(text, &integer, &real) : SAT_JNUM_BAD;
    char after = peek(lex, *at + len);
    if (kind == SAT_JNUM_TOO_LARGE)
        return sat_error_set(err, SATCHEL_INVALID, "number at byte %zu is too large", *at);
    if (kind == SAT_JNUM_BAD || is_word_part(after, true) || after == '"')
        return sat_error_set(err, SATCHEL_INVALID, "bad number at byte %zu", *at);
    lex->token.kind = SAT_TOKEN_NUMBER;
    lex->token.text = text;
    *at += len;
    return SATCHEL_OK;
}

static int read_symbol(struct sat_lex *lex, size_t *at, satchel_error *err)
{
    static const char *const symbols[] = {"==", "!=", "<>", "<=", ">=", "=", "<",
                                          ">",  "~",  "(",  ")",  ",",  NULL};
    for (size_t i = 0; symbols[i] != NULL; i++) {
        size_t len = strlen(symbols[i]);
        if (lex->text.len - *at < len ||
            memcmp((const char *)lex->text.data + *at, symbols[i], len) != 0)
            continue;
        lex->token.kind = SAT_TOKEN_SYMBOL;
        lex->token.text = slice(lex, *at, *at + len);
        *at += len;
        return SATCHEL_OK;
    }
    return sat_error_set(err, SATCHEL_INVALID, "unexpected character '%c' at byte %zu",
                         peek(lex, *at), *at);
}

int sat_lex_next(struct sat_lex *lex, satchel_error *err)
{
    size_t at = lex->next;
    while (is_space(peek(lex, at)))
        at++;
    sat_buf_reset(&lex->unquoted);
    lex->token = (struct sat_token){.kind = SAT_TOKEN_END, .at = at};
    lex->next = at;
    if (at >= lex->text.len)
        return SATCHEL_OK;
    char c = peek(lex, at);
    int rc;
    if (c == '\'')
        rc = read_string(lex, &lex->next, err);
    else if (is_word_start(c) || c == '"')
        rc = read_word(lex, &lex->next, err);
    else if (is_digit(c) || c == '-')
        rc = read_number(lex, &lex->next, err);
    else
        rc = read_symbol(lex, &lex->next, err);
    lex->token.raw = slice(lex, at, lex->next);
    return rc;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool sat_lex_is(const struct sat_lex *lex, const char *text)
{
    const struct sat_token *token = &lex->token;
    const char *have = token->text.data;
    if ((token->kind != SAT_TOKEN_WORD && token->kind != SAT_TOKEN_SYMBOL) ||
        token->text.len != strlen(text))
        return false;
    for (size_t i = 0; i < token->text.len; i++) {
        if (lower(have[i]) != lower(text[i]))
            return false;
    }
    return true;
}

int sat_lex_expected(const struct sat_lex *lex, const char *what, satchel_error *err)
{
    const struct sat_token *token = &lex->token;
    if (token->kind == SAT_TOKEN_END)
        return sat_error_set(err, SATCHEL_INVALID, "expected %s at byte %zu, got the end", what,
                             token->at);
    return sat_error_set(err, SATCHEL_INVALID, "expected %s at byte %zu, got '%.*s'", what,
                         token->at, sat_shown(token->raw), sat_shown_text(token->raw));
}
