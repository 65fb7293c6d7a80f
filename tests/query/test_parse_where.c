/* The WHERE front end: what it accepts, what it builds, and errors that name place and token. */
#include "queries.h"

static void assert_where_error(const char *text, const char *message)
{
    satchel_error err = {0};
    assert_int_equal(where_error(text, &err), SATCHEL_INVALID);
    assert_string_equal(err.text, message);
}

static void empty_text_matches_everything(void **state)
{
    (void)state;
    struct sat_query *query = query_of_where("  ");
    assert_null(query->filter);
    assert_int_equal(query->limit, -1);
    assert_int_equal(query->offset, 0);
    sat_query_free(query);
}

static void not_binds_before_and_before_or(void **state)
{
    (void)state;
    assert_true(passes("\"a\":1,\"b\":2", "a = 1 OR a = 9 AND b = 9"));
    assert_false(passes("\"a\":1,\"b\":2", "(a = 1 OR a = 9) AND b = 9"));
    assert_false(passes("\"a\":1,\"b\":2", "NOT a = 1 AND b = 2"));
    assert_true(passes("\"a\":1,\"b\":2", "NOT (a = 1 AND b = 9)"));
    assert_true(passes("\"a\":1", "NOT NOT a = 1"));
}

static void every_condition_parses(void **state)
{
    (void)state;
    const char *fields = "\"a\":\"x\",\"n\":5,\"t\":\"Anna\",\"l\":[1,\"two\"],\"z\":null";
    static const char *const yes[] = {
        "a = 'x'",
        "a == 'x'",
        "a <> 'y'",
        "a != 'y'",
        "n > 4",
        "n >= 5",
        "n < 6",
        "n <= 5",
        "a IN ('x','y')",
        "a in('x')",
        "a NOT IN ('y')",
        "a not_in ('y')",
        "t LIKE 'a%'",
        "t NOT LIKE 'b%'",
        "n BETWEEN 1 AND 5",
        "n NOT BETWEEN 6 AND 9",
        "t REGEX '^An+a$'",
        "t ~ 'nn'",
        "t~'nn'",
        "t STARTS WITH 'An'",
        "t starts_with 'An'",
        "t CONTAINS 'nn'",
        "l CONTAINS 'two'",
        "l CONTAINS 1",
        "z IS NULL",
        "a IS NOT NULL",
        "a EXISTS",
        "EXISTS a",
        "NOT EXISTS z",
        "z NOT EXISTS",
        "z is_null",
        "q NOT_EXISTS",
        "n BETWEEN 1 AND 9 AND a = 'x'",
        "n = 5.0",
        "l[1] = 'two'",
        "/l/1 = 'two'",
        "\"n\" = 5",
        "WHERE n = 5",
        "id = 'r1'",
        "NOT a IN ()",
    };
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        if (!passes(fields, yes[i]))
            fail_msg("should match: %s", yes[i]);
    }
}

static void literals_keep_their_kind(void **state)
{
    (void)state;
    assert_true(passes("\"a\":true", "a = TRUE"));
    assert_false(passes("\"a\":\"true\"", "a = true"));
    assert_false(passes("\"a\":5", "a = '5'"));
    assert_true(passes("\"a\":\"it's \\\"\\\\ \\n\"", "a = 'it''s \"\\ \n'"));
    assert_false(passes("\"a\":null", "a = NULL"));
    assert_true(passes("\"a\":-1e2", "a=-100"));
}

static void sort_limit_and_offset_follow(void **state)
{
    (void)state;
    struct sat_query *query =
        query_of_where("a = 1 order by b, /c/d DESC, \"order\" asc limit 10 OFFSET 20");
    assert_int_equal(query->sorts.len, 3);
    const struct sat_sort *sort = sat_vec_at(&query->sorts, 1);
    assert_string_equal(sort->field.name, "c.d");
    assert_true(sort->descending);
    sort = sat_vec_at(&query->sorts, 2);
    assert_string_equal(sort->field.name, "order");
    assert_false(sort->descending);
    assert_int_equal(query->limit, 10);
    assert_int_equal(query->offset, 20);
    sat_query_free(query);
    query = query_of_where("LIMIT 0");
    assert_null(query->filter);
    assert_int_equal(query->limit, 0);
    sat_query_free(query);
}

static void errors_name_place_and_token(void **state)
{
    (void)state;
    assert_where_error("a = 1 AND",
                       "expected a field (in double quotes if it is a keyword) at byte "
                       "9, got the end");
    assert_where_error("a = 1 b = 2",
                       "expected AND, OR, ORDER BY, LIMIT, OFFSET or the end at byte 6, got 'b'");
    assert_where_error("(a = 1", "expected ) at byte 6, got the end");
    assert_where_error("a =", "expected a value (text in single quotes, a number, TRUE, FALSE or "
                              "NULL) at byte 3, got the end");
    assert_where_error("a = \"x\"",
                       "expected a value (text in single quotes, a number, TRUE, FALSE "
                       "or NULL) at byte 4, got '\"x\"'");
    assert_where_error("a LIEK 'x'", "byte 2: unknown operator 'LIEK' (did you mean 'like'?)");
    assert_where_error("a LIKE 5",
                       "byte 2: operator 'like' on field 'a' needs a string, not a number");
    assert_where_error("a IN 5", "expected ( at byte 5, got '5'");
    assert_where_error("a IN (5", "expected ',' or ')' at byte 7, got the end");
    assert_where_error("a IN (5,)", "expected a value at byte 8, got ')'");
    assert_where_error("a BETWEEN 1 OR 2", "expected AND at byte 12, got 'OR'");
    assert_where_error("a NOT REGEX 'x'",
                       "expected IN, LIKE, BETWEEN or EXISTS after NOT (or write "
                       "NOT before the field) at byte 6, got 'REGEX'");
    assert_where_error("a IS 5", "expected NULL at byte 5, got '5'");
    assert_where_error("a STARTS 'x'", "expected WITH at byte 9, got ''x''");
    assert_where_error("a)", "expected an operator at byte 1, got ')'");
    assert_where_error("a = 1 LIMIT -1", "expected an integer of at least 0 at byte 12, got '-1'");
    assert_where_error("a = 1 LIMIT 1.5",
                       "expected an integer of at least 0 at byte 12, got '1.5'");
    assert_where_error("a = 1 ORDER b", "expected BY at byte 12, got 'b'");
    assert_where_error("= 1", "expected a field (in double quotes if it is a keyword) at byte 0, "
                              "got '='");
    assert_where_error("and = 1",
                       "expected a field (in double quotes if it is a keyword) at byte 0, "
                       "got 'and'");
}

static void a_bad_pattern_names_the_operator_s_place(void **state)
{
    (void)state;
    satchel_error err = {0};
    assert_int_equal(where_error("abc REGEX 'a('", &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "field 'abc': bad regex"));
}

static void text_that_is_not_utf8_is_invalid(void **state)
{
    (void)state;
    assert_where_error("a = '\xFF'", "query is not UTF-8");
}

/* `count` times `part`, then `rest`. */
static char *repeated(const char *part, int count, const char *rest)
{
    struct sat_buf text;
    sat_buf_init(&text, SAT_QUERY_TEXT_MAX * (size_t)2);
    for (int i = 0; i < count; i++)
        sat_buf_add_str(&text, part);
    sat_buf_add_str(&text, rest);
    char *taken = sat_buf_take(&text, NULL);
    assert_non_null(taken);
    return taken;
}

static void nesting_over_64_is_limit(void **state)
{
    (void)state;
    char *deep = repeated("NOT ", SAT_QUERY_DEPTH_MAX, "a = 1");
    sat_query_free(query_of_where(deep));
    sat_free(deep);
    deep = repeated("NOT ", SAT_QUERY_DEPTH_MAX + 1, "a = 1");
    assert_int_equal(where_error(deep, NULL), SATCHEL_LIMIT);
    sat_free(deep);
    deep = repeated("(", 100000, "a = 1");
    assert_int_equal(where_error(deep, NULL), SATCHEL_LIMIT);
    sat_free(deep);
}

static void a_text_over_1_mib_is_limit(void **state)
{
    (void)state;
    char *longest = repeated(" ", SAT_QUERY_TEXT_MAX - 1, "a = 1");
    assert_int_equal(where_error(longest, NULL), SATCHEL_LIMIT);
    sat_free(longest);
}

static void every_allocation_failure_is_nomem(void **state)
{
    (void)state;
    const char *text =
        "a.b = 'x' AND (NOT c IN (1, 2) OR \"d e\" LIKE 'f%' OR g ~ 'h+') ORDER BY i";
    for (long nth = 1;; nth++) {
        struct sat_query *query = NULL;
        sat_alloc_fail_nth(nth);
        int rc = sat_query_parse_where(sat_span_of(text), &query, NULL);
        long used = sat_alloc_count();
        sat_alloc_fail_nth(0);
        sat_query_free(query);
        if (used < nth) {
            assert_int_equal(rc, SATCHEL_OK);
            assert_true(nth > 20);
            break;
        }
        assert_int_equal(rc, SATCHEL_NOMEM);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_text_matches_everything),
        cmocka_unit_test(not_binds_before_and_before_or),
        cmocka_unit_test(every_condition_parses),
        cmocka_unit_test(literals_keep_their_kind),
        cmocka_unit_test(sort_limit_and_offset_follow),
        cmocka_unit_test(errors_name_place_and_token),
        cmocka_unit_test(a_bad_pattern_names_the_operator_s_place),
        cmocka_unit_test(text_that_is_not_utf8_is_invalid),
        cmocka_unit_test(nesting_over_64_is_limit),
        cmocka_unit_test(a_text_over_1_mib_is_limit),
        cmocka_unit_test(every_allocation_failure_is_nomem),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
