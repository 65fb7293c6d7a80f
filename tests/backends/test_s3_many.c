/* DeleteObjects: the body, and one outcome for each key. */
#include "backends/s3_fixture.h"

static const char *const keys[] = {"b", "a<&>\"é\n", "c", "b"};

static void ask_for(struct s3_fixture *f, size_t count)
{
    f->op.many.keys = keys;
    f->op.many.count = count;
}

static int answer(struct s3_fixture *f, const char *body)
{
    s3_reply(f, 200, "", body);
    return s3_accept(f, SAT_OP_DELETE_MANY);
}

static void the_body_has_every_key_and_its_md5(void **state)
{
    struct s3_fixture *f = *state;
    ask_for(f, 2);
    assert_int_equal(s3_build(f, SAT_OP_DELETE_MANY), SATCHEL_OK);
    assert_string_equal(f->request.method, "POST");
    assert_string_equal(sat_buf_str(&f->request.path), "/bucket");
    assert_string_equal(sat_buf_str(&f->request.query), "delete=");
    assert_string_equal(sat_buf_str(&f->request.body),
                        "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
                        "<Object><Key>b</Key></Object>"
                        "<Object><Key>a&lt;&amp;&gt;&quot;é&#10;</Key></Object>"
                        "<Quiet>false</Quiet></Delete>");
    assert_false(f->request.body_is_source);
    assert_string_equal(s3_header(f, "Content-MD5"), "M6mAryCQBcPknAUbIFAh6w==");
    assert_string_equal(s3_header(f, "Content-Type"), "application/xml");
}

static void a_key_that_xml_cannot_carry_is_refused(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const bad[] = {"a\x01"};
    f->op.many.keys = bad;
    f->op.many.count = 1;
    assert_int_equal(s3_build(f, SAT_OP_DELETE_MANY), SATCHEL_INVALID);
}

static void every_key_gets_its_own_outcome(void **state)
{
    struct s3_fixture *f = *state;
    ask_for(f, 4);
    assert_int_equal(answer(f, "<DeleteResult><Error><Key>a&lt;&amp;&gt;&quot;é&#10;</Key>"
                               "<Code>AccessDenied</Code><Message>no</Message></Error>"
                               "<Deleted><Key>c</Key></Deleted><Deleted><Key>b</Key></Deleted>"
                               "</DeleteResult>"),
                     SATCHEL_OK);
    assert_int_equal(f->op.many_result[0].code, SATCHEL_OK);
    assert_int_equal(f->op.many_result[1].code, SATCHEL_DENIED);
    assert_string_equal(f->op.many_result[1].text, "AccessDenied: no");
    assert_int_equal(f->op.many_result[2].code, SATCHEL_OK);
    assert_int_equal(f->op.many_result[3].code, SATCHEL_OK);
}

static void silence_about_a_key_is_a_failure(void **state)
{
    struct s3_fixture *f = *state;
    ask_for(f, 3);
    assert_int_equal(answer(f, "<DeleteResult><Deleted><Key>b</Key></Deleted>"
                               "<Deleted><Key>unasked</Key></Deleted><Error><Code>X</Code></Error>"
                               "</DeleteResult>"),
                     SATCHEL_OK);
    assert_int_equal(f->op.many_result[0].code, SATCHEL_OK);
    assert_int_equal(f->op.many_result[1].code, SATCHEL_NETWORK);
    assert_int_equal(f->op.many_result[2].code, SATCHEL_NETWORK);
    assert_non_null(strstr(f->op.many_result[2].text, "nothing about this key"));
    assert_int_equal(answer(f, "<DeleteResult/>"), SATCHEL_OK);
    assert_int_equal(f->op.many_result[0].code, SATCHEL_NETWORK);
}

static void an_error_beats_deleted_and_a_missing_key_is_gone(void **state)
{
    struct s3_fixture *f = *state;
    ask_for(f, 3);
    assert_int_equal(answer(f, "<DeleteResult><Error><Key>b</Key><Code>InternalError</Code></Error>"
                               "<Deleted><Key>b</Key></Deleted>"
                               "<Error><Key>c</Key><Code>NoSuchKey</Code></Error></DeleteResult>"),
                     SATCHEL_OK);
    assert_int_equal(f->op.many_result[0].code, SATCHEL_NETWORK);
    assert_int_equal(f->op.many_result[2].code, SATCHEL_OK);
}

static void a_bad_reply_is_no_outcome_at_all(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const bodies[] = {
        "",
        "<html/>",
        "<DeleteResult><Deleted><Key>b</Key></Deleted>",
        "<Error><Code>InternalError</Code></Error>",
    };
    ask_for(f, 3);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(answer(f, bodies[i]), SATCHEL_NETWORK);
        assert_int_equal(f->verdict.retry, SAT_RETRY_TRANSIENT);
        assert_null(f->op.many_result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        S3_TEST(the_body_has_every_key_and_its_md5),
        S3_TEST(a_key_that_xml_cannot_carry_is_refused),
        S3_TEST(every_key_gets_its_own_outcome),
        S3_TEST(silence_about_a_key_is_a_failure),
        S3_TEST(an_error_beats_deleted_and_a_missing_key_is_gone),
        S3_TEST(a_bad_reply_is_no_outcome_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
