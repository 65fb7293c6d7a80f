/* sat_buf: content, hard maximum, sticky failure, allocation failure. */
#include "support/test.h"

#include "core/alloc.h"
#include "core/buf.h"
#include "core/error.h"

static void appends_and_terminates(void **state)
{
    (void)state;
    struct sat_buf buf;
    sat_buf_init(&buf, 1000);
    assert_string_equal(sat_buf_str(&buf), "");
    assert_int_equal(sat_buf_add_str(&buf, "ab"), SATCHEL_OK);
    assert_int_equal(sat_buf_addf(&buf, "%d-%s", 7, "x"), SATCHEL_OK);
    assert_int_equal(sat_buf_add_char(&buf, '!'), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&buf), "ab7-x!");
    assert_int_equal(buf.len, 6);
    sat_buf_fini(&buf);
}

static void refuses_more_than_max_and_keeps_content(void **state)
{
    (void)state;
    struct sat_buf buf;
    satchel_error err;
    sat_buf_init(&buf, 4);
    assert_int_equal(sat_buf_add_str(&buf, "1234"), SATCHEL_OK);
    assert_int_equal(sat_buf_add_char(&buf, '5'), SATCHEL_LIMIT);
    assert_string_equal(sat_buf_str(&buf), "1234");
    assert_int_equal(sat_buf_check(&buf, "reply", &err), SATCHEL_LIMIT);
    assert_string_equal(err.text, "reply is over 4 bytes");
    sat_buf_reset(&buf);
    assert_int_equal(sat_buf_add_char(&buf, 'z'), SATCHEL_OK);
    sat_buf_fini(&buf);
}

static void allocation_failure_is_reported_once_and_sticks(void **state)
{
    (void)state;
    struct sat_buf buf;
    satchel_error err;
    sat_buf_init(&buf, 1000);
    sat_alloc_fail_nth(1);
    assert_int_equal(sat_buf_add_str(&buf, "x"), SATCHEL_NOMEM);
    sat_alloc_fail_nth(0);
    assert_int_equal(sat_buf_add_str(&buf, "y"), SATCHEL_NOMEM);
    assert_int_equal(sat_buf_check(&buf, "text", &err), SATCHEL_NOMEM);
    assert_null(sat_buf_take(&buf, NULL));
    sat_buf_fini(&buf);
}

static void take_moves_the_content_out(void **state)
{
    (void)state;
    struct sat_buf buf;
    size_t len = 9;
    sat_buf_init(&buf, 100);
    char *empty = sat_buf_take(&buf, &len);
    assert_string_equal(empty, "");
    assert_int_equal(len, 0);
    sat_free(empty);
    sat_buf_add_str(&buf, "abc");
    char *text = sat_buf_take(&buf, &len);
    assert_string_equal(text, "abc");
    assert_int_equal(len, 3);
    assert_int_equal(buf.len, 0);
    sat_free(text);
    sat_buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends_and_terminates),
        cmocka_unit_test(refuses_more_than_max_and_keeps_content),
        cmocka_unit_test(allocation_failure_is_reported_once_and_sticks),
        cmocka_unit_test(take_moves_the_content_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
