/* Queries through the public headers: parsing, matching, what is refused. */
#include "api/fixture.h"

#define RECORD                                                                                     \
    "{\"id\":\"a\",\"version\":1,\"fields\":{\"n\":5,\"t\":\"x\"},\"metadata\":{\"by\":\"me\"}}"

static int matches(satchel_query *query)
{
    int matched = -1;
    ok(satchel_query_match(query, span(RECORD), &matched, &err));
    return matched;
}

static void both_forms_match_alike(void **state)
{
    satchel_query *where = NULL;
    satchel_query *json = NULL;
    (void)state;
    ok(satchel_query_parse_where("n > 4 AND metadata.by = 'me'", &where, &err));
    ok(satchel_query_parse_json("{\"filters\":[{\"field\":\"n\",\"operator\":\">\",\"value\":4},"
                                "{\"field\":\"metadata.by\",\"operator\":\"=\",\"value\":\"me\"}]}",
                                &json, &err));
    assert_int_equal(matches(where), 1);
    assert_int_equal(matches(json), 1);
    satchel_query_free(where);
    satchel_query_free(json);
    ok(satchel_query_parse_where("NOT n > 4", &where, &err));
    assert_int_equal(matches(where), 0);
    satchel_query_free(where);
    satchel_query_free(NULL);
}

static void bad_queries_name_what_is_wrong(void **state)
{
    satchel_query *query = NULL;
    (void)state;
    assert_int_equal(satchel_query_parse_where("n >", &query, &err), SATCHEL_INVALID);
    assert_int_equal(satchel_query_parse_json(
                         "{\"filters\":[{\"field\":\"n\",\"operator\":\"~~\"}]}", &query, &err),
                     SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "~~"));
    assert_int_equal(satchel_query_parse_where(NULL, &query, &err), SATCHEL_INVALID);
    assert_int_equal(satchel_query_parse_where("n = 1", NULL, &err), SATCHEL_INVALID);
    assert_null(query);
}

static void only_records_are_matched(void **state)
{
    satchel_query *query = NULL;
    int matched = -1;
    (void)state;
    ok(satchel_query_parse_where("n = 5", &query, &err));
    assert_int_equal(satchel_query_match(query, span("[1,2"), &matched, &err), SATCHEL_INVALID);
    assert_int_equal(satchel_query_match(query, span("[1,2]"), &matched, &err), SATCHEL_INVALID);
    assert_int_equal(satchel_query_match(NULL, span(RECORD), &matched, &err), SATCHEL_INVALID);
    assert_int_equal(satchel_query_match(query, span(RECORD), NULL, &err), SATCHEL_INVALID);
    assert_int_equal(matched, -1);
    satchel_query_free(query);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(both_forms_match_alike),
        CASE(bad_queries_name_what_is_wrong),
        CASE(only_records_are_matched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
