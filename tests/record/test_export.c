/* Exporting: the three text forms, whole files or none. */
#include "record/job_fixture.h"

#include <stdio.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/jscan.h"
#include "core/str.h"
#include "query/parse.h"

static int export(const char *name, satchel_text_options options, satchel_error *err)
{
    struct satchel_job *job = NULL;
    options.struct_size = sizeof options;
    assert_int_equal(sat_db_export_job(db, path_of(name), &options, &job, NULL), SATCHEL_OK);
    return run_job(job, err);
}

static void fill(void)
{
    create_ok("a", "{\"fields\":{\"n\":1,\"t\":\"x, \\\"y\\\"\"},\"metadata\":{\"by\":\"me\"}}");
    create_ok("b", "{\"fields\":{\"n\":2.5,\"u\":[1,2],\"z\":null}}");
}

static void ndjson_has_one_object_a_line(void **state)
{
    (void)state;
    fill();
    assert_int_equal(export("out", (satchel_text_options){0}, NULL), SATCHEL_OK);
    SAT_AUTO_FREE char *text = read_file("out");
    assert_string_equal(text,
                        "{\"n\":1,\"t\":\"x, \\\"y\\\"\"}\n{\"n\":2.5,\"u\":[1,2],\"z\":null}\n");
    assert_int_equal(files_in_folder(), 1);
}

static void json_is_one_valid_array(void **state)
{
    (void)state;
    const satchel_text_options options = {.format = SATCHEL_FORMAT_JSON, .whole_records = 1};
    assert_int_equal(export("empty", options, NULL), SATCHEL_OK);
    SAT_AUTO_FREE char *empty = read_file("empty");
    assert_string_equal(empty, "[]\n");
    fill();
    assert_int_equal(export("out", options, NULL), SATCHEL_OK);
    SAT_AUTO_FREE char *text = read_file("out");
    assert_int_equal(sat_jscan_validate(sat_span_of(text), NULL, NULL), SATCHEL_OK);
    assert_non_null(strstr(text, "{\"id\":\"b\",\"version\":1,"));
}

static void csv_has_a_column_for_every_field(void **state)
{
    (void)state;
    fill();
    const satchel_text_options options = {.format = SATCHEL_FORMAT_CSV};
    assert_int_equal(export("out", options, NULL), SATCHEL_OK);
    SAT_AUTO_FREE char *text = read_file("out");
    assert_string_equal(text, "n,t,u,z\r\n1,\"x, \"\"y\"\"\",,\r\n2.5,,\"[1,2]\",\r\n");
    const satchel_text_options whole = {.format = SATCHEL_FORMAT_CSV, .whole_records = 1};
    assert_int_equal(export("whole", whole, NULL), SATCHEL_OK);
    SAT_AUTO_FREE char *all = read_file("whole");
    assert_true(sat_str_starts(all, "id,n,t,metadata.by,metadata.created_at,"));
}

static void where_chooses(void **state)
{
    (void)state;
    struct sat_query *query = NULL;
    fill();
    assert_int_equal(sat_query_parse_where(sat_span_of("n > 2"), &query, NULL), SATCHEL_OK);
    const satchel_text_options options = {.where = (const satchel_query *)query};
    assert_int_equal(export("out", options, NULL), SATCHEL_OK);
    assert_int_equal(events.ok, 1);
    sat_query_free(query);
}

static int fail_lists(void *user, const struct sat_op *op, satchel_error *err)
{
    (void)user;
    return op->kind == SAT_OP_LIST ? sat_error_set(err, SATCHEL_NETWORK, "cut") : SATCHEL_OK;
}

static void a_failed_export_leaves_the_old_file(void **state)
{
    (void)state;
    write_file("out", "old");
    db->conn->fault = fail_lists;
    assert_int_equal(export("out", (satchel_text_options){0}, NULL), SATCHEL_NETWORK);
    SAT_AUTO_FREE char *text = read_file("out");
    assert_string_equal(text, "old");
    assert_int_equal(files_in_folder(), 1);
}

static void a_missing_folder_is_named(void **state)
{
    (void)state;
    satchel_error err = {0};
    assert_int_equal(export("no/such", (satchel_text_options){0}, &err), SATCHEL_NOT_FOUND);
    assert_non_null(strstr(err.text, "/no'"));
}

static void large_csv_exports_spool(void **state)
{
    (void)state;
    char json[1200];
    char id[16];
    for (int i = 0; i < 600; i++) {
        (void)snprintf(json, sizeof json, "{\"fields\":{\"i\":%d,\"pad\":\"%0*d\"}}", i, 900, i);
        (void)snprintf(id, sizeof id, "r%03d", i);
        create_ok(id, json);
    }
    const satchel_text_options options = {.format = SATCHEL_FORMAT_CSV};
    assert_int_equal(export("out", options, NULL), SATCHEL_OK);
    SAT_AUTO_FREE char *text = read_file("out");
    unsigned lines = 0;
    for (const char *at = text; *at != '\0'; at++)
        lines += *at == '\n';
    assert_int_equal(lines, 601);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ndjson_has_one_object_a_line, open_with_folder,
                                        close_with_folder),
        cmocka_unit_test_setup_teardown(json_is_one_valid_array, open_with_folder,
                                        close_with_folder),
        cmocka_unit_test_setup_teardown(csv_has_a_column_for_every_field, open_with_folder,
                                        close_with_folder),
        cmocka_unit_test_setup_teardown(where_chooses, open_with_folder, close_with_folder),
        cmocka_unit_test_setup_teardown(a_failed_export_leaves_the_old_file, open_with_folder,
                                        close_with_folder),
        cmocka_unit_test_setup_teardown(a_missing_folder_is_named, open_with_folder,
                                        close_with_folder),
        cmocka_unit_test_setup_teardown(large_csv_exports_spool, open_with_folder,
                                        close_with_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
