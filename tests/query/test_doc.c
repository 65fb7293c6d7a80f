/* The record format: three forms read, two written, ids chosen, exact round trips. */
#include "support/test.h"

#include "core/alloc.h"
#include "core/str.h"
#include "query/doc.h"

static const struct sat_doc_stamp stamp = {
    .form = SAT_DOC_PLAIN,
    .id = "r\"1",
    .version = 4,
    .created_at = "2026-01-02T03:04:05.000006Z",
    .updated_at = "2026-02-03T04:05:06.000007Z",
};

#define STAMPS                                                                                     \
    "\"created_at\":\"2026-01-02T03:04:05.000006Z\",\"updated_at\":\"2026-02-03T04:05:06."         \
    "000007Z\""

static int read_body(const char *body, const char *metadata, struct sat_doc *doc,
                     satchel_error *err)
{
    struct sat_doc_source source = {
        .key = "records/k.json", .id = sat_span_of("k"), .metadata = sat_span_of(metadata)};
    return sat_doc_read(sat_span_of(body), &source, doc, err);
}

static void assert_reads(const char *body, const char *metadata, enum sat_doc_form form,
                         const char *want)
{
    struct sat_doc doc;
    satchel_error err = {0};
    if (read_body(body, metadata, &doc, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    assert_int_equal(doc.form, form);
    assert_string_equal(sat_buf_str(&doc.text), want);
    sat_doc_fini(&doc);
}

static void plain_is_read_compact_and_in_order(void **state)
{
    (void)state;
    assert_reads(
        "{ \"id\":\"k\", \"version\": 3,\n \"fields\": {\"z\": 1.50, \"a\": [1, {\"q\": 2E5}]},"
        " \"metadata\": {\"version\": \"1.0\"} }\n",
        "", SAT_DOC_PLAIN,
        "{\"id\":\"k\",\"version\":3,\"fields\":{\"z\":1.50,\"a\":[1,{\"q\":2E5}]},"
        "\"metadata\":{\"version\":\"1.0\"}}");
}

static void the_id_of_the_key_wins(void **state)
{
    (void)state;
    assert_reads("{\"fields\":{\"a\":1},\"id\":\"renamed\",\"version\":1}", "", SAT_DOC_PLAIN,
                 "{\"id\":\"k\",\"version\":1,\"fields\":{\"a\":1},\"metadata\":{}}");
}

static void envelopes_of_other_programs_have_no_version(void **state)
{
    (void)state;
    assert_reads("{\"fields\":{\"a\":1}}", "", SAT_DOC_PLAIN,
                 "{\"id\":\"k\",\"version\":null,\"fields\":{\"a\":1},\"metadata\":{}}");
    assert_reads("{\"version\":null,\"fields\":{\"a\":1},\"metadata\":null}", "", SAT_DOC_PLAIN,
                 "{\"id\":\"k\",\"version\":null,\"fields\":{\"a\":1},\"metadata\":{}}");
}

static void dataknobs_fields_become_values(void **state)
{
    (void)state;
    assert_reads(
        "{\"fields\": {\"name\": {\"name\": \"name\", \"value\": \"Al\", \"type\": \"string\","
        " \"metadata\": {}}, \"v\": {\"name\": \"v\", \"value\": [0.1, 2], \"type\": \"vector\","
        " \"metadata\": {}, \"dimensions\": 2}}, \"id\": \"k\", \"metadata\": {\"by\": \"x\","
        " \"id\": \"k\", \"_satchel_version\": 9, \"created_at\": \"2026-01-01T00:00:00\"}}",
        "", SAT_DOC_DATAKNOBS,
        "{\"id\":\"k\",\"version\":9,\"fields\":{\"name\":\"Al\",\"v\":[0.1,2]},\"metadata\":"
        "{\"by\":\"x\",\"id\":\"k\",\"created_at\":\"2026-01-01T00:00:00\"}}");
    assert_reads("{\"fields\": {}, \"metadata\": {\"_satchel_version\": 1}}", "", SAT_DOC_DATAKNOBS,
                 "{\"id\":\"k\",\"version\":1,\"fields\":{},\"metadata\":{}}");
    assert_reads("{\"fields\": {}, \"metadata\": {}}", "", SAT_DOC_DATAKNOBS,
                 "{\"id\":\"k\",\"version\":null,\"fields\":{},\"metadata\":{}}");
}

static void fields_that_only_look_like_dataknobs_stay(void **state)
{
    (void)state;
    assert_reads("{\"version\":1,\"fields\":{\"f\":{\"name\":\"f\",\"value\":1,\"type\":null,"
                 "\"metadata\":{}}}}",
                 "", SAT_DOC_PLAIN,
                 "{\"id\":\"k\",\"version\":1,\"fields\":{\"f\":{\"name\":\"f\",\"value\":1,"
                 "\"type\":null,\"metadata\":{}}},\"metadata\":{}}");
    assert_reads("{\"fields\":{\"f\":{\"value\":1,\"type\":null}}}", "", SAT_DOC_PLAIN,
                 "{\"id\":\"k\",\"version\":null,\"fields\":{\"f\":{\"value\":1,\"type\":null}},"
                 "\"metadata\":{}}");
}

static void every_other_object_is_bare(void **state)
{
    (void)state;
    assert_reads("{\"name\": \"x\", \"id\": 7}", "{\"by\":\"\\u00e9\"}", SAT_DOC_BARE,
                 "{\"id\":\"k\",\"version\":null,\"fields\":{\"name\":\"x\",\"id\":7},"
                 "\"metadata\":{\"by\":\"\\u00e9\"}}");
    assert_reads(
        "{\"fields\":{},\"title\":1}", "", SAT_DOC_BARE,
        "{\"id\":\"k\",\"version\":null,\"fields\":{\"fields\":{},\"title\":1},\"metadata\":{}}");
    assert_reads("{}", "", SAT_DOC_BARE,
                 "{\"id\":\"k\",\"version\":null,\"fields\":{},\"metadata\":{}}");
}

static void fields_and_metadata_lie_in_the_text(void **state)
{
    (void)state;
    struct sat_doc doc;
    assert_int_equal(
        read_body("{\"version\":2,\"fields\":{\"a\":1},\"metadata\":{\"m\":0}}", "", &doc, NULL),
        SATCHEL_OK);
    assert_true(sat_span_eq(doc.fields, "{\"a\":1}"));
    assert_true(sat_span_eq(doc.metadata, "{\"m\":0}"));
    assert_int_equal(doc.version, 2);
    sat_doc_fini(&doc);
}

static void what_is_no_record_is_corrupt_by_key(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *why;
    } rows[] = {
        {"", "end of text"},
        {"{\"a\":1", "end of text"},
        {"[1]", "no JSON object"},
        {"{\"a\":1,\"a\":2}", "duplicate key"},
        {"{\"n\":9223372036854775808}", "does not fit"},
        {"{\"fields\":[]}", "'fields'"},
        {"{\"fields\":{},\"metadata\":[]}", "'metadata'"},
        {"{\"fields\":{},\"id\":7}", "'id'"},
        {"{\"fields\":{},\"version\":0}", "'version'"},
        {"{\"fields\":{},\"version\":\"1\"}", "'version'"},
        {"{\"fields\":{},\"metadata\":{\"_satchel_version\":\"x\"}}", "_satchel_version"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sat_doc doc;
        satchel_error err = {0};
        assert_int_equal(read_body(rows[i].body, "", &doc, &err), SATCHEL_CORRUPT);
        assert_non_null(strstr(err.text, "'records/k.json' is not a record"));
        if (strstr(err.text, rows[i].why) == NULL)
            fail_msg("want '%s' in '%s'", rows[i].why, err.text);
    }
}

static void bad_object_metadata_is_corrupt(void **state)
{
    (void)state;
    struct sat_doc doc;
    assert_int_equal(read_body("{\"a\":1}", "[1]", &doc, NULL), SATCHEL_CORRUPT);
    assert_int_equal(read_body("{\"a\":1}", "{", &doc, NULL), SATCHEL_CORRUPT);
}

/* ---- writing ---- */

static int write_record(const char *record, enum sat_doc_form form, struct sat_doc_body *out,
                        satchel_error *err)
{
    struct sat_doc_input input;
    struct sat_doc_stamp with_form = stamp;
    with_form.form = form;
    int code = sat_doc_parse(sat_span_of(record), &input, err);
    return code == SATCHEL_OK ? sat_doc_write(&input, &with_form, out, err) : code;
}

static void assert_writes(const char *record, const char *want)
{
    struct sat_doc_body out;
    satchel_error err = {0};
    if (write_record(record, SAT_DOC_PLAIN, &out, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    assert_string_equal(sat_buf_str(&out.body), want);
    assert_int_equal(out.header.len, 0);
    sat_doc_body_fini(&out);
}

static void plain_is_written_with_exact_values(void **state)
{
    (void)state;
    assert_writes(
        "{\"metadata\": {\"version\": \"1.0\"}, \"fields\": {\"z\": 1.50, \"big\":"
        " 9223372036854775807, \"s\": \"\\u00e9 \xC3\xA9\", \"a\": -0.0}}",
        "{\"id\":\"r\\\"1\",\"version\":4,\"fields\":{\"z\":1.50,\"big\":9223372036854775807,"
        "\"s\":\"\\u00e9 \xC3\xA9\",\"a\":-0.0},\"metadata\":{\"version\":\"1.0\"," STAMPS "}}\n");
}

static void stamps_take_the_place_of_old_ones(void **state)
{
    (void)state;
    assert_writes("{\"id\":\"x\",\"version\":77,\"fields\":{},\"metadata\":{\"created_at\":1,"
                  "\"updated_\\u0061t\":2,\"by\":3}}",
                  "{\"id\":\"r\\\"1\",\"version\":4,\"fields\":{},\"metadata\":{" STAMPS
                  ",\"by\":3}}\n");
    assert_writes("{\"fields\":{},\"metadata\":null}",
                  "{\"id\":\"r\\\"1\",\"version\":4,\"fields\":{},\"metadata\":{" STAMPS "}}\n");
}

static void written_records_read_back_the_same(void **state)
{
    (void)state;
    struct sat_doc_body out;
    struct sat_doc doc;
    assert_int_equal(
        write_record("{\"fields\":{\"a\":[1,{\"b\":null}]}}", SAT_DOC_PLAIN, &out, NULL),
        SATCHEL_OK);
    struct sat_doc_source source = {.key = "k", .id = sat_span_of(stamp.id)};
    assert_int_equal(sat_doc_read(sat_buf_span(&out.body), &source, &doc, NULL), SATCHEL_OK);
    assert_int_equal(doc.form, SAT_DOC_PLAIN);
    assert_int_equal(doc.text.len + 1, out.body.len);
    assert_memory_equal(doc.text.data, out.body.data, doc.text.len);
    sat_doc_fini(&doc);
    sat_doc_body_fini(&out);
}

static void bare_keeps_metadata_in_an_ascii_header(void **state)
{
    (void)state;
    struct sat_doc_body out;
    assert_int_equal(write_record("{\"fields\":{\"a\": 1},\"metadata\":{\"by\":\"\xC3\xA9\"}}",
                                  SAT_DOC_BARE, &out, NULL),
                     SATCHEL_OK);
    assert_string_equal(sat_buf_str(&out.body), "{\"a\":1}\n");
    assert_string_equal(sat_buf_str(&out.metadata), "{\"by\":\"\xC3\xA9\"," STAMPS "}");
    assert_string_equal(sat_buf_str(&out.header), "{\"by\":\"\\u00e9\"," STAMPS "}");
    assert_reads(sat_buf_str(&out.body), sat_buf_str(&out.header), SAT_DOC_BARE,
                 "{\"id\":\"k\",\"version\":null,\"fields\":{\"a\":1},\"metadata\":{\"by\":"
                 "\"\\u00e9\"," STAMPS "}}");
    sat_doc_body_fini(&out);
}

static void bare_refuses_what_it_cannot_hold(void **state)
{
    (void)state;
    struct sat_doc_body out;
    struct sat_buf record;
    sat_buf_init(&record, 10000);
    sat_buf_addf(&record, "{\"fields\":{},\"metadata\":{\"m\":\"%01600d\"}}", 1);
    assert_int_equal(write_record(sat_buf_str(&record), SAT_DOC_BARE, &out, NULL), SATCHEL_LIMIT);
    assert_int_equal(write_record("{\"fields\":{\"fields\":1,\"id\":2}}", SAT_DOC_BARE, &out, NULL),
                     SATCHEL_UNSUPPORTED);
    assert_int_equal(write_record("{\"fields\":{\"fields\":1,\"x\":2}}", SAT_DOC_BARE, &out, NULL),
                     SATCHEL_OK);
    sat_doc_body_fini(&out);
    sat_buf_fini(&record);
}

static void dataknobs_is_not_written(void **state)
{
    (void)state;
    struct sat_doc_body out;
    assert_int_equal(write_record("{\"fields\":{}}", SAT_DOC_DATAKNOBS, &out, NULL),
                     SATCHEL_UNSUPPORTED);
}

static void records_of_other_shapes_are_invalid(void **state)
{
    (void)state;
    static const struct {
        const char *record;
        const char *why;
    } rows[] = {
        {"{\"name\":\"x\",\"fields\":{}}", "unknown member 'name'"},
        {"{}", "needs 'fields'"},
        {"{\"fields\":[1]}", "needs 'fields'"},
        {"[{}]", "a JSON object with 'fields'"},
        {"{\"fields\":{},\"metadata\":\"x\"}", "'metadata'"},
        {"{\"fields\":{\"a\":1,\"a\":1}}", "duplicate key"},
        {"{\"fields\":{\"a\":18446744073709551615}}", "does not fit"},
        {"{\"fields\":{\"a\":\"\\u0000\"}}", "NUL"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sat_doc_input input;
        satchel_error err = {0};
        assert_int_equal(sat_doc_parse(sat_span_of(rows[i].record), &input, &err), SATCHEL_INVALID);
        if (strstr(err.text, rows[i].why) == NULL)
            fail_msg("want '%s' in '%s'", rows[i].why, err.text);
    }
}

/* ---- ids ---- */

static int choose(const char *record, const char *given, struct sat_buf *id, satchel_error *err)
{
    struct sat_doc_input input;
    assert_int_equal(sat_doc_parse(sat_span_of(record), &input, NULL), SATCHEL_OK);
    sat_buf_init(id, 2000);
    return sat_doc_choose_id(&input, given, id, err);
}

static void ids_are_chosen_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *record;
        const char *given;
        const char *id;
    } rows[] = {
        {"{\"id\":\"r\",\"fields\":{\"id\":\"f\",\"record_id\":\"x\"},\"metadata\":{\"id\":\"m\"}}",
         "g", "g"},
        {"{\"id\":\"r\",\"fields\":{\"id\":\"f\",\"record_id\":\"x\"},\"metadata\":{\"id\":\"m\"}}",
         NULL, "r"},
        {"{\"id\":null,\"fields\":{\"id\":\"f\",\"record_id\":\"x\"},\"metadata\":{\"id\":\"m\"}}",
         NULL, "f"},
        {"{\"fields\":{\"record_id\":\"x\"},\"metadata\":{\"id\":\"m\"}}", NULL, "m"},
        {"{\"fields\":{\"id\":null,\"record_id\":\"x\\/y\"}}", NULL, "x/y"},
        {"{\"fields\":{\"id\":42}}", NULL, "42"},
        {"{\"fields\":{\"a\":1}}", NULL, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sat_buf id;
        assert_int_equal(choose(rows[i].record, rows[i].given, &id, NULL), SATCHEL_OK);
        assert_string_equal(sat_buf_str(&id), rows[i].id);
        sat_buf_fini(&id);
    }
}

static void ids_that_cannot_be_are_invalid(void **state)
{
    (void)state;
    static const struct {
        const char *record;
        const char *given;
        const char *why;
    } rows[] = {
        {"{\"fields\":{\"id\":1.5}}", NULL, "field 'id'"},
        {"{\"fields\":{\"id\":true}}", NULL, "field 'id'"},
        {"{\"fields\":{},\"metadata\":{\"id\":{}}}", NULL, "metadata 'id'"},
        {"{\"fields\":{\"id\":\"\"}}", NULL, "empty"},
        {"{\"fields\":{\"record_id\":\"../x\"}}", NULL, "'..'"},
        {"{\"fields\":{}}", "", "empty"},
        {"{\"fields\":{}}", "/a", "segment"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sat_buf id;
        satchel_error err = {0};
        assert_int_equal(choose(rows[i].record, rows[i].given, &id, &err), SATCHEL_INVALID);
        if (strstr(err.text, rows[i].why) == NULL)
            fail_msg("want '%s' in '%s'", rows[i].why, err.text);
        sat_buf_fini(&id);
    }
}

static void forms_have_names(void **state)
{
    (void)state;
    enum sat_doc_form form;
    satchel_error err = {0};
    assert_int_equal(sat_doc_form_parse("bare", &form, NULL), SATCHEL_OK);
    assert_int_equal(form, SAT_DOC_BARE);
    assert_int_equal(sat_doc_form_parse("fancy", &form, &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "'fancy' (known: plain, dataknobs, bare)"));
}

/* ---- no memory ---- */

static int write_and_read(enum sat_doc_form form)
{
    struct sat_doc_body out;
    struct sat_doc doc;
    int code =
        write_record("{\"fields\":{\"a\":\"\\n\"},\"metadata\":{\"m\":1}}", form, &out, NULL);
    if (code != SATCHEL_OK)
        return code;
    code = read_body(sat_buf_str(&out.body), sat_buf_str(&out.header), &doc, NULL);
    if (code == SATCHEL_OK)
        sat_doc_fini(&doc);
    sat_doc_body_fini(&out);
    return code;
}

static void each_failed_allocation_is_reported(void **state)
{
    (void)state;
    static const enum sat_doc_form forms[] = {SAT_DOC_PLAIN, SAT_DOC_BARE};
    for (size_t i = 0; i < 2; i++) {
        bool failed = true;
        for (long n = 1; failed; n++) {
            sat_alloc_fail_nth(n);
            int code = write_and_read(forms[i]);
            failed = sat_alloc_count() >= n;
            sat_alloc_fail_nth(0);
            assert_int_equal(code, failed ? SATCHEL_NOMEM : SATCHEL_OK);
            assert_true(failed || n > 4);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_is_read_compact_and_in_order),
        cmocka_unit_test(the_id_of_the_key_wins),
        cmocka_unit_test(envelopes_of_other_programs_have_no_version),
        cmocka_unit_test(dataknobs_fields_become_values),
        cmocka_unit_test(fields_that_only_look_like_dataknobs_stay),
        cmocka_unit_test(every_other_object_is_bare),
        cmocka_unit_test(fields_and_metadata_lie_in_the_text),
        cmocka_unit_test(what_is_no_record_is_corrupt_by_key),
        cmocka_unit_test(bad_object_metadata_is_corrupt),
        cmocka_unit_test(plain_is_written_with_exact_values),
        cmocka_unit_test(stamps_take_the_place_of_old_ones),
        cmocka_unit_test(written_records_read_back_the_same),
        cmocka_unit_test(bare_keeps_metadata_in_an_ascii_header),
        cmocka_unit_test(bare_refuses_what_it_cannot_hold),
        cmocka_unit_test(dataknobs_is_not_written),
        cmocka_unit_test(records_of_other_shapes_are_invalid),
        cmocka_unit_test(ids_are_chosen_in_order),
        cmocka_unit_test(ids_that_cannot_be_are_invalid),
        cmocka_unit_test(forms_have_names),
        cmocka_unit_test(each_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
