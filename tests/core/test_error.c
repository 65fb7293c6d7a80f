/* sat_error: codes and names, filling, truncation at code points, hostile text, system errors. */
#include "support/test.h"

#include <errno.h>

#include "core/error.h"
#include "core/str.h"

static void codes_have_names_and_texts(void **state)
{
    (void)state;
    assert_string_equal(satchel_code_name(SATCHEL_OK), "OK");
    assert_string_equal(satchel_code_name(SATCHEL_BUDGET), "BUDGET");
    assert_string_equal(satchel_code_text(SATCHEL_NOMEM), "out of memory");
    assert_string_equal(satchel_code_name(-1), "?");
    assert_string_equal(satchel_code_name(21), "?");
    assert_string_equal(satchel_code_text(21), "unknown error code");
}

static void every_code_names_itself(void **state)
{
    (void)state;
#define SAME(name, value, text)                                                                    \
    assert_string_equal(satchel_code_name(value), #name);                                          \
    assert_string_equal(satchel_code_text(value), text);
    SATCHEL_ERROR_MAP(SAME)
#undef SAME
}

static void setting_clears_what_was_there(void **state)
{
    (void)state;
    satchel_error err = {.http_status = 500, .attempts = 3, .os_errno = 5};
    assert_int_equal(sat_error_set(&err, SATCHEL_LIMIT, "%d over", 7), SATCHEL_LIMIT);
    assert_int_equal(err.code, SATCHEL_LIMIT);
    assert_int_equal(err.http_status, 0);
    assert_int_equal(err.os_errno, 0);
    assert_string_equal(err.text, "7 over");
}

static void null_errors_are_fine(void **state)
{
    (void)state;
    assert_int_equal(sat_error_set(NULL, SATCHEL_IO, "x"), SATCHEL_IO);
    assert_int_equal(sat_error_os(NULL, ENOENT, "x"), SATCHEL_NOT_FOUND);
    assert_int_equal(sat_error_nomem(NULL), SATCHEL_NOMEM);
    sat_error_prefix(NULL, "x");
    assert_int_equal(sat_error_copy(NULL, NULL), SATCHEL_OK);
}

static void long_text_is_cut_between_code_points(void **state)
{
    (void)state;
    satchel_error err;
    char long_text[1200];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(long_text, 'a', shift);
        for (size_t i = shift; i + 4 < sizeof long_text; i += 4)
            memcpy(long_text + i, "\xF0\x9F\x98\x80", 5);
        (void)sat_error_set(&err, SATCHEL_INVALID, "%s", long_text);
        assert_true(strlen(err.text) >= sizeof err.text - 4);
        assert_true(sat_utf8_valid(err.text, strlen(err.text)));
    }
}

static void control_characters_cannot_forge_a_line(void **state)
{
    (void)state;
    satchel_error err;
    (void)sat_error_set(&err, SATCHEL_INVALID, "key '%s'", "a\n\x1b[31mb\x7f");
    assert_string_equal(err.text, "key 'a??[31mb?'");
}

static void system_errors_choose_the_code(void **state)
{
    (void)state;
    static const struct {
        int os_errno;
        int code;
    } rows[] = {
        {ENOENT, SATCHEL_NOT_FOUND}, {ENOTDIR, SATCHEL_NOT_FOUND},   {EEXIST, SATCHEL_EXISTS},
        {EACCES, SATCHEL_DENIED},    {EPERM, SATCHEL_DENIED},        {EROFS, SATCHEL_DENIED},
        {ENOMEM, SATCHEL_NOMEM},     {EFBIG, SATCHEL_LIMIT},         {ENAMETOOLONG, SATCHEL_LIMIT},
        {EIO, SATCHEL_IO},           {ECANCELED, SATCHEL_CANCELLED}, {ENOSPC, SATCHEL_IO},
    };
    satchel_error err;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(sat_error_os(&err, rows[i].os_errno, "open %s", "/x"), rows[i].code);
        assert_int_equal(err.os_errno, rows[i].os_errno);
    }
    (void)sat_error_os(&err, ENOENT, "open %s", "/x");
    assert_string_equal(err.text, "open /x: No such file or directory");
}

static void prefix_keeps_the_other_members(void **state)
{
    (void)state;
    satchel_error err;
    (void)sat_error_os(&err, EACCES, "open");
    err.http_status = 403;
    sat_error_prefix(&err, "reading %s: ", "config");
    assert_true(sat_str_starts(err.text, "reading config: open: "));
    assert_int_equal(err.code, SATCHEL_DENIED);
    assert_int_equal(err.os_errno, EACCES);
    assert_int_equal(err.http_status, 403);
}

static void copies_answer_the_code(void **state)
{
    (void)state;
    satchel_error from;
    satchel_error to = {0};
    (void)sat_error_set(&from, SATCHEL_BUSY, "held");
    assert_int_equal(sat_error_copy(&to, &from), SATCHEL_BUSY);
    assert_string_equal(to.text, "held");
    assert_int_equal(sat_error_copy(NULL, &from), SATCHEL_BUSY);
    assert_int_equal(sat_error_copy(&from, &from), SATCHEL_BUSY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_have_names_and_texts),
        cmocka_unit_test(every_code_names_itself),
        cmocka_unit_test(setting_clears_what_was_there),
        cmocka_unit_test(null_errors_are_fine),
        cmocka_unit_test(long_text_is_cut_between_code_points),
        cmocka_unit_test(control_characters_cannot_forge_a_line),
        cmocka_unit_test(system_errors_choose_the_code),
        cmocka_unit_test(prefix_keeps_the_other_members),
        cmocka_unit_test(copies_answer_the_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
