/* The operators of a query leaf: names and what value each takes. */
#include "operator.h"

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "core/str.h"
#include "query/shown.h"

static const struct {
    const char *name;
    enum sat_takes takes;
} operators[] = {
#define ROW(op, name, takes) [SAT_OPERATOR_##op] = {name, SAT_TAKES_##takes},
    SAT_OPERATOR_MAP(ROW)
#undef ROW
};

enum { OPERATOR_COUNT = sizeof operators / sizeof operators[0], NAME_MAX_LEN = 32 };

static const struct {
    const char *name;
    enum sat_operator op;
} aliases[] = {
    {"==", SAT_OPERATOR_EQ},
    {"<>", SAT_OPERATOR_NE},
    {"~", SAT_OPERATOR_REGEX},
};

/* Lower case without spaces, '_' and '-'; false when it does not fit. */
static bool squeeze(satchel_span name, char out[NAME_MAX_LEN + 1])
{
    const char *text = name.data;
    size_t len = 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = text[i];
        if (c == ' ' || c == '\t' || c == '_' || c == '-')
            continue;
        if (len == NAME_MAX_LEN)
            return false;
        out[len++] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    out[len] = '\0';
    return true;
}

static bool find_operator(const char *squeezed, enum sat_operator *op)
{
    for (size_t i = 0; i < OPERATOR_COUNT; i++) {
        char known[NAME_MAX_LEN + 1];
        if (squeeze(sat_span_of(operators[i].name), known) && sat_str_eq(known, squeezed)) {
            *op = (enum sat_operator)i;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++) {
        if (sat_str_eq(aliases[i].name, squeezed)) {
            *op = aliases[i].op;
            return true;
        }
    }
    return false;
}

static int unknown(satchel_span name, const char *squeezed, satchel_error *err)
{
    const char *names[OPERATOR_COUNT];
    for (size_t i = 0; i < OPERATOR_COUNT; i++)
        names[i] = operators[i].name;
    const char *nearest = sat_nearest(squeezed, names, OPERATOR_COUNT);
    int shown = sat_shown(name);
    const char *text = sat_shown_text(name);
    if (nearest != NULL)
        return sat_error_set(err, SATCHEL_INVALID, "unknown operator '%.*s' (did you mean '%s'?)",
                             shown, text, nearest);
    return sat_error_set(
        err, SATCHEL_INVALID,
        "unknown operator '%.*s' (known: = != > >= < <= in not_in like not_like "
        "regex starts_with exists not_exists between not_between contains is_null)",
        shown, text);
}

int sat_operator_parse(satchel_span name, enum sat_operator *op, satchel_error *err)
{
    char squeezed[NAME_MAX_LEN + 1] = "";
    if (squeeze(name, squeezed) && find_operator(squeezed, op))
        return SATCHEL_OK;
    return unknown(name, squeezed, err);
}

const char *sat_operator_name(enum sat_operator op)
{
    return operators[op].name;
}

enum sat_takes sat_operator_takes(enum sat_operator op)
{
    return operators[op].takes;
}
