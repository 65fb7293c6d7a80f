/* The WHERE front end of a query: recursive descent over the tokens of lex.h. */
#include "parse.h"

#include "core/buf.h"
#include "core/error.h"
#include "core/jscan.h"
#include "core/str.h"
#include "query/lex.h"

struct parser {
    struct sat_lex lex;
    struct sat_query *query;
    int depth; /* open parentheses and NOTs: bounds the recursion */
    satchel_error *err;
};

/* ---- helpers ---- */

static int next(struct parser *parser)
{
    return sat_lex_next(&parser->lex, parser->err);
}

static bool is(const struct parser *parser, const char *text)
{
    return sat_lex_is(&parser->lex, text);
}

static int expected(const struct parser *parser, const char *what)
{
    return sat_lex_expected(&parser->lex, what, parser->err);
}

/* Moves past `text`, which has to stand here. */
static int skip(struct parser *parser, const char *text)
{
    return is(parser, text) ? next(parser) : expected(parser, text);
}

/* Words that cannot be a bare field, so that a forgotten one is noticed. */
static bool is_reserved(const struct parser *parser)
{
    static const char *const words[] = {"and", "or",   "not",     "in",    "like",
                                        "is",  "null", "between", "true",  "false",
                                        "by",  "asc",  "order",   "limit", "offset"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (is(parser, words[i]))
            return true;
    }
    return false;
}

/* Copies the field that stands here and moves past it. */
static int take_field(struct parser *parser, struct sat_buf *name)
{
    const struct sat_token *token = &parser->lex.token;
    bool bare = token->kind == SAT_TOKEN_WORD && !is_reserved(parser);
    if (!bare && token->kind != SAT_TOKEN_FIELD)
        return expected(parser, "a field (in double quotes if it is a keyword)");
    sat_buf_init(name, SAT_QUERY_TEXT_MAX);
    (void)sat_buf_add(name, token->text.data, token->text.len);
    int rc = sat_buf_check(name, "field", parser->err);
    if (rc == SATCHEL_OK)
        rc = next(parser);
    if (rc != SATCHEL_OK)
        sat_buf_fini(name);
    return rc;
}

/* ---- values ---- */

/* Appends the value that stands here, as JSON, and moves past it. */
static int take_value(struct parser *parser, struct sat_buf *json)
{
    static const char *const constants[] = {"true", "false", "null"};
    const struct sat_token *token = &parser->lex.token;
    if (token->kind == SAT_TOKEN_STRING) {
        (void)sat_jscan_put_string(json, token->text);
        return next(parser);
    }
    if (token->kind == SAT_TOKEN_NUMBER) {
        (void)sat_buf_add(json, token->text.data, token->text.len);
        return next(parser);
    }
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        if (is(parser, constants[i])) {
            (void)sat_buf_add_str(json, constants[i]);
            return next(parser);
        }
    }
    return expected(parser, "a value (text in single quotes, a number, TRUE, FALSE or NULL)");
}

static int take_list(struct parser *parser, struct sat_buf *json)
{
    int rc = skip(parser, "(");
    if (rc != SATCHEL_OK)
        return rc;
    (void)sat_buf_add_char(json, '[');
    while (!is(parser, ")")) {
        rc = take_value(parser, json);
        if (rc != SATCHEL_OK)
            return rc;
        if (is(parser, ")"))
            break;
        (void)sat_buf_add_char(json, ',');
        if (!is(parser, ","))
            return expected(parser, "',' or ')'");
        rc = next(parser);
        if (rc != SATCHEL_OK)
            return rc;
        if (is(parser, ")"))
            return expected(parser, "a value");
    }
    (void)sat_buf_add_char(json, ']');
    return next(parser);
}

static int take_pair(struct parser *parser, struct sat_buf *json)
{
    (void)sat_buf_add_char(json, '[');
    int rc = take_value(parser, json);
    if (rc == SATCHEL_OK)
        rc = skip(parser, "AND");
    (void)sat_buf_add_char(json, ',');
    if (rc == SATCHEL_OK)
        rc = take_value(parser, json);
    (void)sat_buf_add_char(json, ']');
    return rc;
}

static int take_operand(struct parser *parser, enum sat_operator op, struct sat_buf *json)
{
    int rc;
    switch (sat_operator_takes(op)) {
    case SAT_TAKES_NONE:
        return SATCHEL_OK;
    case SAT_TAKES_LIST:
        rc = take_list(parser, json);
        break;
    case SAT_TAKES_PAIR:
        rc = take_pair(parser, json);
        break;
    default:
        rc = take_value(parser, json);
        break;
    }
    return rc == SATCHEL_OK ? sat_buf_check(json, "value", parser->err) : rc;
}

/* ---- operators ---- */

/* IS NULL, IS NOT NULL */
static int take_is(struct parser *parser, enum sat_operator *op)
{
    int rc = next(parser);
    *op = SAT_OPERATOR_IS_NULL;
    if (rc == SATCHEL_OK && is(parser, "NOT")) {
        *op = SAT_OPERATOR_EXISTS;
        rc = next(parser);
    }
    return rc == SATCHEL_OK ? skip(parser, "NULL") : rc;
}

/* NOT IN, NOT LIKE, NOT BETWEEN, NOT EXISTS */
static int take_negated(struct parser *parser, enum sat_operator *op)
{
    static const struct {
        const char *word;
        enum sat_operator op;
    } negated[] = {
        {"IN", SAT_OPERATOR_NOT_IN},
        {"LIKE", SAT_OPERATOR_NOT_LIKE},
        {"BETWEEN", SAT_OPERATOR_NOT_BETWEEN},
        {"EXISTS", SAT_OPERATOR_NOT_EXISTS},
    };
    int rc = next(parser);
    if (rc != SATCHEL_OK)
        return rc;
    for (size_t i = 0; i < sizeof negated / sizeof negated[0]; i++) {
        if (is(parser, negated[i].word)) {
            *op = negated[i].op;
            return next(parser);
        }
    }
    return expected(parser,
                    "IN, LIKE, BETWEEN or EXISTS after NOT (or write NOT before the field)");
}

/* The operator that stands here, of one word or several. */
static int take_operator(struct parser *parser, enum sat_operator *op)
{
    const struct sat_token *token = &parser->lex.token;
    if (token->kind != SAT_TOKEN_WORD &&
        (token->kind != SAT_TOKEN_SYMBOL || is(parser, "(") || is(parser, ")") || is(parser, ",")))
        return expected(parser, "an operator");
    if (is(parser, "IS"))
        return take_is(parser, op);
    if (is(parser, "NOT"))
        return take_negated(parser, op);
    if (is(parser, "STARTS")) {
        *op = SAT_OPERATOR_STARTS_WITH;
        int rc = next(parser);
        return rc == SATCHEL_OK ? skip(parser, "WITH") : rc;
    }
    int rc = sat_operator_parse(token->text, op, parser->err);
    if (rc == SATCHEL_OK)
        return next(parser);
    sat_error_prefix(parser->err, "byte %zu: ", token->at);
    return rc;
}

/* ---- expressions ---- */

static struct sat_node *parse_or(struct parser *parser);

static struct sat_node *parse_condition(struct parser *parser)
{
    struct sat_buf field;
    if (take_field(parser, &field) != SATCHEL_OK)
        return NULL;
    SAT_AUTO_BUF struct sat_buf value;
    sat_buf_init(&value, SAT_QUERY_TEXT_MAX * (size_t)6);
    size_t at = parser->lex.token.at;
    struct sat_node *node = NULL;
    enum sat_operator op;
    if (take_operator(parser, &op) == SATCHEL_OK &&
        take_operand(parser, op, &value) == SATCHEL_OK) {
        node = sat_leaf_new(sat_buf_span(&field), op, sat_buf_span(&value), parser->err);
        if (node == NULL)
            sat_error_prefix(parser->err, "byte %zu: ", at);
    }
    sat_buf_fini(&field);
    return node;
}

/* EXISTS field */
static struct sat_node *parse_exists(struct parser *parser)
{
    struct sat_buf field;
    if (next(parser) != SATCHEL_OK || take_field(parser, &field) != SATCHEL_OK)
        return NULL;
    struct sat_node *node =
        sat_leaf_new(sat_buf_span(&field), SAT_OPERATOR_EXISTS, (satchel_span){0}, parser->err);
    sat_buf_fini(&field);
    return node;
}

static struct sat_node *parse_group(struct parser *parser)
{
    if (next(parser) != SATCHEL_OK)
        return NULL;
    struct sat_node *node = parse_or(parser);
    if (node == NULL || skip(parser, ")") == SATCHEL_OK)
        return node;
    sat_node_free(node);
    return NULL;
}

static struct sat_node *parse_not(struct parser *parser);

/* What NOT and parentheses share: one level deeper, and back. */
static struct sat_node *parse_deeper(struct parser *parser,
                                     struct sat_node *(*parse)(struct parser *))
{
    if (parser->depth == SAT_QUERY_DEPTH_MAX) {
        (void)sat_error_set(parser->err, SATCHEL_LIMIT,
                            "query is nested more than %d deep at byte %zu", SAT_QUERY_DEPTH_MAX,
                            parser->lex.token.at);
        return NULL;
    }
    parser->depth++;
    struct sat_node *node = parse(parser);
    parser->depth--;
    return node;
}

static struct sat_node *parse_primary(struct parser *parser)
{
    if (is(parser, "NOT"))
        return parse_deeper(parser, parse_not);
    if (is(parser, "("))
        return parse_deeper(parser, parse_group);
    return is(parser, "EXISTS") ? parse_exists(parser) : parse_condition(parser);
}

static struct sat_node *parse_not(struct parser *parser)
{
    if (next(parser) != SATCHEL_OK)
        return NULL;
    struct sat_node *node = parse_primary(parser);
    return node != NULL ? sat_not_new(node, parser->err) : NULL;
}

/* `first` and what follows it after each `word`, under one node; takes `first`. */
static struct sat_node *parse_chain(struct parser *parser, const char *word,
                                    enum sat_node_kind kind,
                                    struct sat_node *(*parse_part)(struct parser *))
{
    struct sat_node *first = parse_part(parser);
    if (first == NULL || !is(parser, word))
        return first;
    struct sat_node *all = sat_logic_new(kind, parser->err);
    if (all == NULL) {
        sat_node_free(first);
        return NULL;
    }
    struct sat_node *part = first;
    while (part != NULL) {
        if (sat_logic_add(all, part, parser->err) != SATCHEL_OK)
            break;
        if (!is(parser, word))
            return all;
        part = next(parser) == SATCHEL_OK ? parse_part(parser) : NULL;
    }
    sat_node_free(all);
    return NULL;
}

static struct sat_node *parse_and(struct parser *parser)
{
    return parse_chain(parser, "AND", SAT_NODE_AND, parse_primary);
}

static struct sat_node *parse_or(struct parser *parser)
{
    return parse_chain(parser, "OR", SAT_NODE_OR, parse_and);
}

/* ---- ORDER BY, LIMIT, OFFSET ---- */

static int parse_sort(struct parser *parser)
{
    struct sat_buf field;
    int rc = take_field(parser, &field);
    if (rc != SATCHEL_OK)
        return rc;
    bool descending = is(parser, "DESC");
    rc = sat_query_add_sort(parser->query, sat_buf_span(&field), descending, parser->err);
    sat_buf_fini(&field);
    if (rc != SATCHEL_OK)
        return rc;
    return descending || is(parser, "ASC") ? next(parser) : SATCHEL_OK;
}

static int parse_order(struct parser *parser)
{
    if (!is(parser, "ORDER"))
        return SATCHEL_OK;
    int rc = next(parser);
    if (rc == SATCHEL_OK)
        rc = skip(parser, "BY");
    if (rc == SATCHEL_OK)
        rc = parse_sort(parser);
    while (rc == SATCHEL_OK && is(parser, ",")) {
        rc = next(parser);
        if (rc == SATCHEL_OK)
            rc = parse_sort(parser);
    }
    return rc;
}

/* `word` and an integer, both or neither. */
static int parse_number(struct parser *parser, const char *word, int64_t *out)
{
    if (!is(parser, word))
        return SATCHEL_OK;
    int rc = next(parser);
    if (rc != SATCHEL_OK)
        return rc;
    const struct sat_token *token = &parser->lex.token;
    if (token->kind != SAT_TOKEN_NUMBER || !sat_jscan_int(token->text, out) || *out < 0)
        return expected(parser, "an integer of at least 0");
    return next(parser);
}

/* ---- the query ---- */

static bool at_tail(const struct parser *parser)
{
    return parser->lex.token.kind == SAT_TOKEN_END || is(parser, "ORDER") || is(parser, "LIMIT") ||
           is(parser, "OFFSET");
}

static int parse_filter(struct parser *parser)
{
    int rc = next(parser);
    if (rc == SATCHEL_OK && is(parser, "WHERE"))
        rc = next(parser);
    if (rc != SATCHEL_OK || at_tail(parser))
        return rc;
    parser->query->filter = parse_or(parser);
    return parser->query->filter != NULL ? SATCHEL_OK : parser->err->code;
}

static int parse_all(struct parser *parser)
{
    int rc = parse_filter(parser);
    if (rc == SATCHEL_OK)
        rc = parse_order(parser);
    if (rc == SATCHEL_OK)
        rc = parse_number(parser, "LIMIT", &parser->query->limit);
    if (rc == SATCHEL_OK)
        rc = parse_number(parser, "OFFSET", &parser->query->offset);
    if (rc == SATCHEL_OK && parser->lex.token.kind != SAT_TOKEN_END)
        rc = expected(parser, "AND, OR, ORDER BY, LIMIT, OFFSET or the end");
    return rc == SATCHEL_OK ? sat_query_check(parser->query, parser->err) : rc;
}

int sat_query_parse_where(satchel_span text, struct sat_query **query, satchel_error *err)
{
    satchel_error own;
    if (text.len > SAT_QUERY_TEXT_MAX)
        return sat_error_set(err, SATCHEL_LIMIT, "query is over %d bytes", SAT_QUERY_TEXT_MAX);
    if (!sat_utf8_valid(text.data, text.len))
        return sat_error_set(err, SATCHEL_INVALID, "query is not UTF-8");
    struct parser parser = {.err = err != NULL ? err : &own};
    parser.query = sat_query_new();
    if (parser.query == NULL)
        return sat_error_nomem(err);
    sat_lex_init(&parser.lex, text);
    int rc = parse_all(&parser);
    sat_lex_fini(&parser.lex);
    if (rc == SATCHEL_OK)
        *query = parser.query;
    else
        sat_query_free(parser.query);
    return rc;
}
