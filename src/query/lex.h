/* Tokens of the WHERE language (parse.h). */
#ifndef SAT_QUERY_LEX_H
#define SAT_QUERY_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include <satchel/types.h>

#include "core/buf.h"

enum sat_token_kind {
    SAT_TOKEN_END,
    SAT_TOKEN_WORD,   /* bare: a keyword or a field */
    SAT_TOKEN_FIELD,  /* a field with quoted parts: never a keyword */
    SAT_TOKEN_STRING, /* 'text' */
    SAT_TOKEN_NUMBER,
    SAT_TOKEN_SYMBOL /* an operator, a parenthesis or a comma */
};

/* `text` borrows from the query's text or, where quotes were removed, from the lexer. */
struct sat_token {
    enum sat_token_kind kind;
    size_t at;         /* byte of the query's text */
    satchel_span text; /* without quotes, "" made one */
    satchel_span raw;  /* as written, for messages */
};

struct sat_lex {
    satchel_span text;
    size_t next;
    struct sat_token token; /* the present one; good until the next sat_lex_next() */
    struct sat_buf unquoted;
};

/* Starts before the first token. `text` is valid UTF-8. */
void sat_lex_init(struct sat_lex *lex, satchel_span text);
void sat_lex_fini(struct sat_lex *lex);

/* Moves to the next token; INVALID naming the byte for an open quote, a bad number or character. */
int sat_lex_next(struct sat_lex *lex, satchel_error *err);

/* Whether the present token is this keyword (any case) or this symbol. */
bool sat_lex_is(const struct sat_lex *lex, const char *text);

/* INVALID: "expected WHAT at byte N, got 'TOKEN'". */
int sat_lex_expected(const struct sat_lex *lex, const char *what, satchel_error *err);

#endif
