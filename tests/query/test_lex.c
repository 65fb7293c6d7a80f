/* WHERE tokens: kinds, quotes, places. */
#include "support/test.h"

#include "core/str.h"
#include "query/lex.h"

static void assert_token(struct sat_lex *lex, enum sat_token_kind kind, const char *text)
{
    satchel_error err = {0};
    if (sat_lex_next(lex, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    assert_int_equal(lex->token.kind, kind);
    assert_int_equal(lex->token.text.len, strlen(text));
    if (lex->token.text.len > 0)
        assert_memory_equal(lex->token.text.data, text, strlen(text));
}

/* The first error in `text`. */
static void assert_error(const char *text, const char *message)
{
    struct sat_lex lex;
    satchel_error err = {0};
    int rc = SATCHEL_OK;
    sat_lex_init(&lex, sat_span_of(text));
    do
        rc = sat_lex_next(&lex, &err);
    while (rc == SATCHEL_OK && lex.token.kind != SAT_TOKEN_END);
    sat_lex_fini(&lex);
    assert_int_equal(rc, SATCHEL_INVALID);
    assert_string_equal(err.text, message);
}

static void words_symbols_and_values(void **state)
{
    (void)state;
    struct sat_lex lex;
    sat_lex_init(&lex, sat_span_of(" a.b[0]>=-1.5e3\tAND(x-y<>'it''s',/p/q~1r)"));
    assert_token(&lex, SAT_TOKEN_WORD, "a.b[0]");
    assert_int_equal(lex.token.at, 1);
    assert_token(&lex, SAT_TOKEN_SYMBOL, ">=");
    assert_token(&lex, SAT_TOKEN_NUMBER, "-1.5e3");
    assert_token(&lex, SAT_TOKEN_WORD, "AND");
    assert_true(sat_lex_is(&lex, "and"));
    assert_token(&lex, SAT_TOKEN_SYMBOL, "(");
    assert_token(&lex, SAT_TOKEN_WORD, "x-y");
    assert_token(&lex, SAT_TOKEN_SYMBOL, "<>");
    assert_token(&lex, SAT_TOKEN_STRING, "it's");
    assert_int_equal(lex.token.raw.len, strlen("'it''s'"));
    assert_token(&lex, SAT_TOKEN_SYMBOL, ",");
    assert_token(&lex, SAT_TOKEN_WORD, "/p/q~1r");
    assert_token(&lex, SAT_TOKEN_SYMBOL, ")");
    assert_token(&lex, SAT_TOKEN_END, "");
    assert_token(&lex, SAT_TOKEN_END, "");
    sat_lex_fini(&lex);
}

static void quoted_parts_make_a_field_that_is_no_keyword(void **state)
{
    (void)state;
    struct sat_lex lex;
    sat_lex_init(&lex, sat_span_of("\"and\" address.\"post code\"[1] \"a\"\"b\" \"/x y\"/z \"\""));
    assert_token(&lex, SAT_TOKEN_FIELD, "and");
    assert_false(sat_lex_is(&lex, "and"));
    assert_token(&lex, SAT_TOKEN_FIELD, "address.post code[1]");
    assert_token(&lex, SAT_TOKEN_FIELD, "a\"b");
    assert_token(&lex, SAT_TOKEN_FIELD, "/x y/z");
    assert_token(&lex, SAT_TOKEN_FIELD, "");
    sat_lex_fini(&lex);
}

static void a_tilde_is_an_operator_outside_pointers(void **state)
{
    (void)state;
    struct sat_lex lex;
    sat_lex_init(&lex, sat_span_of("name~'^A'"));
    assert_token(&lex, SAT_TOKEN_WORD, "name");
    assert_token(&lex, SAT_TOKEN_SYMBOL, "~");
    assert_token(&lex, SAT_TOKEN_STRING, "^A");
    sat_lex_fini(&lex);
}

static void errors_name_the_byte(void **state)
{
    (void)state;
    assert_error("a = 'x", "quote ' at byte 4 is never closed");
    assert_error("a = 'x''", "quote ' at byte 4 is never closed");
    assert_error("\"a", "quote \" at byte 0 is never closed");
    assert_error("a = 12x", "bad number at byte 4");
    assert_error("a = -", "bad number at byte 4");
    assert_error("a = 99999999999999999999", "number at byte 4 is too large");
    assert_error("a ; b", "unexpected character ';' at byte 2");
}

static void expected_shows_what_is_there(void **state)
{
    (void)state;
    struct sat_lex lex;
    satchel_error err = {0};
    sat_lex_init(&lex, sat_span_of("  'it''s'"));
    assert_int_equal(sat_lex_next(&lex, NULL), SATCHEL_OK);
    assert_int_equal(sat_lex_expected(&lex, "a field", &err), SATCHEL_INVALID);
    assert_string_equal(err.text, "expected a field at byte 2, got ''it''s''");
    assert_int_equal(sat_lex_next(&lex, NULL), SATCHEL_OK);
    assert_int_equal(sat_lex_expected(&lex, "a field", &err), SATCHEL_INVALID);
    assert_string_equal(err.text, "expected a field at byte 9, got the end");
    sat_lex_fini(&lex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_symbols_and_values),
        cmocka_unit_test(quoted_parts_make_a_field_that_is_no_keyword),
        cmocka_unit_test(a_tilde_is_an_operator_outside_pointers),
        cmocka_unit_test(errors_name_the_byte),
        cmocka_unit_test(expected_shows_what_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
