/* CSV rows: quoting, line ends, pieces, and what is refused. */
#include "support/test.h"

#include "core/str.h"
#include "record/csv.h"

static void expect_row(const char *text, bool at_end, size_t want_used, size_t want_fields,
                       const char *last)
{
    struct sat_csv_row row;
    size_t used = 99;
    sat_csv_row_init(&row);
    assert_int_equal(sat_csv_read(sat_span_of(text), at_end, &row, &used, NULL), SATCHEL_OK);
    assert_int_equal(used, want_used);
    if (used > 0) {
        assert_int_equal(row.starts.len, want_fields);
        assert_string_equal(sat_csv_field(&row, want_fields - 1), last);
    }
    sat_csv_row_fini(&row);
}

static void rows_end_at_a_line_end_outside_quotes(void **state)
{
    (void)state;
    expect_row("a,b\nc", false, 4, 2, "b");
    expect_row("a,b\r\nc", false, 5, 2, "b");
    expect_row("a,\"x\ny\"\nz", false, 8, 2, "x\ny");
    expect_row("a,\"say \"\"hi\"\"\"\n", false, 15, 2, "say \"hi\"");
    expect_row("a,\n", false, 3, 2, "");
}

static void an_incomplete_row_waits_for_more(void **state)
{
    (void)state;
    expect_row("a,b", false, 0, 0, "");
    expect_row("a,\"b", false, 0, 0, "");
    expect_row("a,b", true, 3, 2, "b");
    expect_row("a,b\r", true, 4, 2, "b");
}

static void bad_quotes_are_refused(void **state)
{
    (void)state;
    struct sat_csv_row row;
    size_t used;
    satchel_error err = {0};
    sat_csv_row_init(&row);
    assert_int_equal(sat_csv_read(sat_span_of("\"a\"b\n"), true, &row, &used, &err),
                     SATCHEL_INVALID);
    assert_int_equal(sat_csv_read(sat_span_of("\"a"), true, &row, &used, &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "never closed"));
    sat_csv_row_fini(&row);
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    const char *values[] = {"plain", "", "a,b", "\"q\"", "two\nlines", "\r"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct sat_buf out;
        struct sat_csv_row row;
        size_t used;
        sat_buf_init(&out, 1000);
        sat_csv_row_init(&row);
        assert_int_equal(sat_csv_write(&out, sat_span_of(values[i])), SATCHEL_OK);
        (void)sat_buf_add_str(&out, ",end\r\n");
        assert_int_equal(sat_csv_read(sat_buf_span(&out), true, &row, &used, NULL), SATCHEL_OK);
        assert_int_equal(row.starts.len, 2);
        assert_string_equal(sat_csv_field(&row, 0), values[i]);
        sat_csv_row_fini(&row);
        sat_buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_end_at_a_line_end_outside_quotes),
        cmocka_unit_test(an_incomplete_row_waits_for_more),
        cmocka_unit_test(bad_quotes_are_refused),
        cmocka_unit_test(what_is_written_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
