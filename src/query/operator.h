/* The operators of a query leaf: names and what value each takes. */
#ifndef SAT_QUERY_OPERATOR_H
#define SAT_QUERY_OPERATOR_H

#include <satchel/types.h>

/*
 * What an operator wants as its value:
 *   NONE nothing, ONE any JSON value, LIST an array, PAIR an array of two, TEXT a string
 */
#define SAT_OPERATOR_MAP(X)                                                                        \
    X(EQ, "=", ONE)                                                                                \
    X(NE, "!=", ONE)                                                                               \
    X(GT, ">", ONE)                                                                                \
    X(GE, ">=", ONE)                                                                               \
    X(LT, "<", ONE)                                                                                \
    X(LE, "<=", ONE)                                                                               \
    X(IN, "in", LIST)                                                                              \
    X(NOT_IN, "not_in", LIST)                                                                      \
    X(LIKE, "like", TEXT)                                                                          \
    X(NOT_LIKE, "not_like", TEXT)                                                                  \
    X(REGEX, "regex", TEXT)                                                                        \
    X(STARTS_WITH, "starts_with", TEXT)                                                            \
    X(EXISTS, "exists", NONE)                                                                      \
    X(NOT_EXISTS, "not_exists", NONE)                                                              \
    X(BETWEEN, "between", PAIR)                                                                    \
    X(NOT_BETWEEN, "not_between", PAIR)                                                            \
    X(CONTAINS, "contains", ONE)                                                                   \
    X(IS_NULL, "is_null", NONE)

enum sat_operator {
#define SAT_OPERATOR_ENUM(name, text, takes) SAT_OPERATOR_##name,
    SAT_OPERATOR_MAP(SAT_OPERATOR_ENUM)
#undef SAT_OPERATOR_ENUM
};

enum sat_takes { SAT_TAKES_NONE, SAT_TAKES_ONE, SAT_TAKES_LIST, SAT_TAKES_PAIR, SAT_TAKES_TEXT };

/*
 * Reads an operator's name. ASCII case, spaces, '_' and '-' do not count: "NOT IN", "not_in" and
 * "notin" are one. `==` is `=`, `<>` is `!=`, `~` is regex. INVALID names it and the nearest.
 */
int sat_operator_parse(satchel_span name, enum sat_operator *op, satchel_error *err);

/* The name as in the table: "not_in". */
const char *sat_operator_name(enum sat_operator op);
enum sat_takes sat_operator_takes(enum sat_operator op);

#endif
