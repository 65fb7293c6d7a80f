/* Importing NDJSON, JSON and CSV: ids, per-item failures, conflicts, what is refused whole. */
#include "record/job_fixture.h"

#include <stdio.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/str.h"

static int import(const char *name, satchel_text_options options, satchel_error *err)
{
    struct satchel_job *job = NULL;
    options.struct_size = sizeof options;
    assert_int_equal(sat_db_import_job(db, path_of(name), &options, &job, NULL), SATCHEL_OK);
    return run_job(job, err);
}

static void ndjson_lines_become_records(void **state)
{
    (void)state;
    write_file("in", "{\"id\":\"a\",\"n\":1}\n\n{\"id\":\"b\",\"n\":2}");
    assert_int_equal(import("in", (satchel_text_options){0}, NULL), SATCHEL_OK);
    assert_int_equal(events.ok, 2);
    SAT_AUTO_FREE char *ids = search_ids("n >= 1");
    assert_string_equal(ids, "a,b");
}

static void a_bad_line_fails_alone_and_is_named(void **state)
{
    (void)state;
    satchel_error err = {0};
    write_file("in", "{\"id\":\"a\"}\n{oops\n[1]\n{\"id\":\"b\"}\n");
    assert_int_equal(import("in", (satchel_text_options){0}, &err), SATCHEL_INVALID);
    assert_true(sat_str_starts(err.text, "line 2: "));
    assert_true(sat_str_starts(events.last_failure, "line 3: "));
    assert_int_equal(events.ok, 2);
    assert_int_equal(events.failed, 2);
}

static void json_arrays_are_found_by_pointer(void **state)
{
    (void)state;
    write_file("in", "{\"639-3\":[{\"alpha_3\":\"deu\",\"name\":\"German\"},"
                     "{\"alpha_3\":\"fra\",\"name\":\"French\"}]}");
    const satchel_text_options options = {
        .format = SATCHEL_FORMAT_JSON, .at = "/639-3", .id_field = "alpha_3"};
    assert_int_equal(import("in", options, NULL), SATCHEL_OK);
    SAT_AUTO_FREE char *ids = search_ids("name = 'French'");
    assert_string_equal(ids, "fra");
    satchel_error err = {0};
    const satchel_text_options wrong = {.format = SATCHEL_FORMAT_JSON, .at = "/nowhere"};
    assert_int_equal(import("in", wrong, &err), SATCHEL_NOT_FOUND);
    assert_non_null(strstr(err.text, "/nowhere"));
}

static void a_broken_document_imports_nothing(void **state)
{
    (void)state;
    write_file("in", "[{\"id\":\"a\"},{\"id\":\"b\"}");
    const satchel_text_options options = {.format = SATCHEL_FORMAT_JSON};
    assert_int_equal(import("in", options, NULL), SATCHEL_INVALID);
    assert_int_equal(all_requests(), 0);
}

static void csv_rows_become_strings(void **state)
{
    (void)state;
    write_file("in", "id,name\r\n1,\"Smith, J\"\r\n2,\"say \"\"hi\"\"\"\r\n3\r\n");
    const satchel_text_options options = {.format = SATCHEL_FORMAT_CSV};
    satchel_error err = {0};
    assert_int_equal(import("in", options, &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "row 4"));
    assert_int_equal(events.ok, 2);
    SAT_AUTO_FREE char *ids = search_ids("name = 'Smith, J' OR name = 'say \"hi\"'");
    assert_string_equal(ids, "1,2");
}

static void whole_records_keep_their_metadata(void **state)
{
    (void)state;
    write_file("in", "{\"id\":\"w\",\"fields\":{\"x\":1},\"metadata\":{\"by\":\"me\"}}\n");
    const satchel_text_options options = {.whole_records = 1};
    assert_int_equal(import("in", options, NULL), SATCHEL_OK);
    SAT_AUTO_FREE char *ids = search_ids("metadata.by = 'me' AND x = 1");
    assert_string_equal(ids, "w");
}

static void taken_ids_fail_skip_or_replace(void **state)
{
    (void)state;
    create_ok("a", "{\"fields\":{\"n\":0}}");
    write_file("in", "{\"id\":\"a\",\"n\":1}\n{\"id\":\"b\",\"n\":1}\n");
    assert_int_equal(import("in", (satchel_text_options){0}, NULL), SATCHEL_EXISTS);
    assert_int_equal(events.failed, 1);
    const satchel_text_options skip = {.on_conflict = SATCHEL_ON_CONFLICT_SKIP};
    assert_int_equal(import("in", skip, NULL), SATCHEL_OK);
    assert_int_equal(events.skipped, 2);
    const satchel_text_options upsert = {.on_conflict = SATCHEL_ON_CONFLICT_UPSERT};
    assert_int_equal(import("in", upsert, NULL), SATCHEL_OK);
    SAT_AUTO_FREE char *ids = search_ids("n = 1");
    assert_string_equal(ids, "a,b");
}

static void a_missing_file_is_named(void **state)
{
    (void)state;
    satchel_error err = {0};
    assert_int_equal(import("none", (satchel_text_options){0}, &err), SATCHEL_NOT_FOUND);
    assert_non_null(strstr(err.text, "/none"));
}

static void many_lines_stream_in_batches(void **state)
{
    (void)state;
    struct sat_buf text;
    sat_buf_init(&text, 10000000);
    for (int i = 0; i < 1700; i++)
        (void)sat_buf_addf(&text, "{\"id\":\"r%d\",\"pad\":\"%0*d\"}\n", i, 900, i);
    write_file("in", text.data);
    sat_buf_fini(&text);
    assert_int_equal(import("in", (satchel_text_options){0}, NULL), SATCHEL_OK);
    assert_int_equal(events.ok, 1700);
}

/* Batches of 500 go while the input is read, and what is left goes when it breaks off. */
static void what_comes_before_a_broken_row_is_imported(void **state)
{
    (void)state;
    struct sat_buf text;
    sat_buf_init(&text, 1000000);
    (void)sat_buf_add_str(&text, "id\n");
    for (int i = 0; i < 1100; i++)
        (void)sat_buf_addf(&text, "r%d\n", i);
    (void)sat_buf_add_str(&text, "\"never closed\n");
    write_file("in", text.data);
    sat_buf_fini(&text);
    satchel_error err = {0};
    const satchel_text_options csv = {.format = SATCHEL_FORMAT_CSV};
    assert_int_equal(import("in", csv, &err), SATCHEL_INVALID);
    assert_int_equal(events.ok, 1100);
    assert_int_equal(requests(SAT_OP_PUT), 1100);
    assert_int_equal(events.puts_at_first_ok, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ndjson_lines_become_records, open_with_folder,
                                        close_with_folder),
        cmocka_unit_test_setup_teardown(a_bad_line_fails_alone_and_is_named, open_with_folder,
                                        close_with_folder),
        cmocka_unit_test_setup_teardown(json_arrays_are_found_by_pointer, open_with_folder,
                                        close_with_folder),
        cmocka_unit_test_setup_teardown(a_broken_document_imports_nothing, open_with_folder,
                                        close_with_folder),
        cmocka_unit_test_setup_teardown(csv_rows_become_strings, open_with_folder,
                                        close_with_folder),
        cmocka_unit_test_setup_teardown(whole_records_keep_their_metadata, open_with_folder,
                                        close_with_folder),
        cmocka_unit_test_setup_teardown(taken_ids_fail_skip_or_replace, open_with_folder,
                                        close_with_folder),
        cmocka_unit_test_setup_teardown(a_missing_file_is_named, open_with_folder,
                                        close_with_folder),
        cmocka_unit_test_setup_teardown(many_lines_stream_in_batches, open_with_folder,
                                        close_with_folder),
        cmocka_unit_test_setup_teardown(what_comes_before_a_broken_row_is_imported,
                                        open_with_folder, close_with_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
