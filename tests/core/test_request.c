/* Requests and replies as plain bytes: headers found, kept whole, never injected. */
#include "support/test.h"

#include "core/backend.h"

static void a_header_is_found_in_any_case(void **state)
{
    (void)state;
    struct sat_request request;
    sat_request_init(&request);
    assert_int_equal(sat_request_header(&request, "Content-Type", "text/plain"), SATCHEL_OK);
    assert_string_equal(sat_request_find(&request, "content-TYPE"), "text/plain");
    assert_null(sat_request_find(&request, "content"));
    assert_null(sat_request_find(&request, "content-type2"));
    sat_request_fini(&request);
}

static void a_control_character_cannot_add_a_header(void **state)
{
    (void)state;
    static const char *const values[] = {"a\r\nX-Evil: 1", "a\nb", "a\tb", "a\x7f", "\x01"};
    struct sat_request request;
    sat_request_init(&request);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        assert_int_equal(sat_request_header(&request, "X-A", values[i]), SATCHEL_INVALID);
    assert_int_equal(sat_request_header(&request, "X-A\r\nX-Evil", "1"), SATCHEL_INVALID);
    assert_int_equal(request.lines.len, 0);
    assert_int_equal(sat_request_header(&request, "X-A", "\xc3\xa9"), SATCHEL_OK);
    sat_request_fini(&request);
}

static void a_header_too_many_leaves_the_others(void **state)
{
    (void)state;
    struct sat_request request;
    char value[8192];
    int code = SATCHEL_OK;
    size_t fitted = 0;
    sat_request_init(&request);
    memset(value, 'v', sizeof value);
    value[sizeof value - 1] = '\0';
    for (; code == SATCHEL_OK && fitted < 100; fitted++)
        code = sat_request_header(&request, "X-A", value);
    assert_int_equal(code, SATCHEL_LIMIT);
    assert_int_equal(request.lines.len, fitted - 1);
    assert_string_equal(sat_request_find(&request, "x-a"), value);
    sat_request_fini(&request);
}

static void a_reset_keeps_the_digests_only(void **state)
{
    (void)state;
    struct sat_request request;
    sat_request_init(&request);
    request.has_crc64 = true;
    request.crc64 = 7;
    request.body_is_source = true;
    request.method = "PUT";
    (void)sat_request_header(&request, "X-A", "1");
    (void)sat_buf_add_str(&request.path, "/p");
    (void)sat_buf_add_str(&request.query, "q");
    (void)sat_buf_add_str(&request.body, "b");
    sat_request_reset(&request);
    assert_true(request.has_crc64);
    assert_int_equal(request.crc64, 7);
    assert_false(request.body_is_source);
    assert_string_equal(request.method, "GET");
    assert_null(sat_request_find(&request, "X-A"));
    assert_int_equal(request.path.len + request.query.len + request.body.len, 0);
    sat_request_fini(&request);
}

static void add(struct sat_reply *reply, const char *line)
{
    assert_int_equal(sat_reply_add_header(reply, line, strlen(line)), SATCHEL_OK);
}

static void the_last_header_of_a_reply_wins_without_its_line_end(void **state)
{
    (void)state;
    struct sat_reply reply;
    sat_reply_init(&reply);
    add(&reply, "ETag: \"one\"\r\n");
    add(&reply, "etag:\t\"two\" \r\n");
    add(&reply, "Empty:\r\n");
    assert_string_equal(sat_reply_header(&reply, "ETag"), "\"two\"");
    assert_string_equal(sat_reply_header(&reply, "empty"), "");
    assert_null(sat_reply_header(&reply, "x"));
    sat_reply_reset(&reply);
    assert_null(sat_reply_header(&reply, "ETag"));
    sat_reply_fini(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_header_is_found_in_any_case),
        cmocka_unit_test(a_control_character_cannot_add_a_header),
        cmocka_unit_test(a_header_too_many_leaves_the_others),
        cmocka_unit_test(a_reset_keeps_the_digests_only),
        cmocka_unit_test(the_last_header_of_a_reply_wins_without_its_line_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
