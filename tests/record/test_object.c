/* src/record/object.c: what a PUT of a record carries. */
#include "fixture.h"

#include "core/alloc.h"
#include "core/crc.h"
#include "core/settle.h"
#include "core/str.h"
#include "record/object.h"

static const char with_metadata[] = "{\"fields\":{\"n\":1},\"metadata\":{\"dept\":\"R&D\"}}";

static int make(const char *record, enum sat_doc_form form, struct sat_object *object,
                satchel_error *err)
{
    struct sat_doc_input input;
    assert_int_equal(sat_doc_parse(sat_span_of(record), &input, NULL), SATCHEL_OK);
    const struct sat_doc_stamp stamp = {
        .form = form,
        .id = "a",
        .version = 7,
        .created_at = "2026-01-02T03:04:05.000006Z",
        .updated_at = "2026-01-03T03:04:05.000006Z",
    };
    return sat_object_make(db, &input, &stamp, object, err);
}

static const char *meta(const struct sat_object *object, const char *name)
{
    const struct sat_tag *tag = sat_tags_find(&object->metadata, sat_span_of(name));
    return tag == NULL ? NULL : tag->value;
}

static void a_head_tells_counter_checksum_and_creation(void **state)
{
    struct sat_object object = {0};
    char crc[SAT_CRC64_HEX_SIZE];
    (void)state;
    assert_int_equal(make(with_metadata, SAT_DOC_PLAIN, &object, NULL), SATCHEL_OK);
    sat_crc64_hex(sat_crc64(0, object.body.body.data, object.body.body.len), crc);
    assert_int_equal(sat_tags_count(&object.metadata), 4);
    assert_string_equal(meta(&object, "satchelversion"), "7");
    assert_string_equal(meta(&object, "satchelcrc64nvme"), crc);
    assert_string_equal(meta(&object, "satchelcreated"), "2026-01-02T03:04:05.000006Z");
    assert_int_equal(strlen(meta(&object, "satchelwriter")), 32);
    assert_string_equal(sat_tags_find(&object.tags, sat_span_of("id"))->value, "a");
    sat_object_fini(&object);
}

static void each_object_has_a_write_id_of_its_own(void **state)
{
    struct sat_object object = {0};
    (void)state;
    assert_int_equal(make(with_metadata, SAT_DOC_PLAIN, &object, NULL), SATCHEL_OK);
    char *first = sat_strdup(meta(&object, SAT_META_WRITER));
    assert_int_equal(make(with_metadata, SAT_DOC_PLAIN, &object, NULL), SATCHEL_OK);
    assert_string_not_equal(meta(&object, SAT_META_WRITER), first);
    assert_int_equal(sat_tags_count(&object.metadata), 4);
    sat_free(first);
    sat_object_fini(&object);
}

static void a_bare_body_keeps_its_metadata_beside_it(void **state)
{
    struct sat_object object = {0};
    (void)state;
    assert_int_equal(make(with_metadata, SAT_DOC_BARE, &object, NULL), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&object.body.body), "{\"n\":1}\n");
    assert_null(meta(&object, "satchelversion"));
    assert_non_null(strstr(meta(&object, SAT_META_BARE), "\"dept\":\"R&D\""));
    sat_object_fini(&object);
}

static void what_cannot_be_made_leaves_nothing(void **state)
{
    static const struct setting strict[] = {{"strict_tags", "true"}, {NULL, NULL}};
    static const char many[] = "{\"fields\":{},\"metadata\":{\"a\":1,\"b\":1,\"c\":1,\"d\":1,"
                               "\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1}}";
    struct sat_object object = {0};
    satchel_error err = {0};
    (void)state;
    reopen_db(strict);
    assert_int_equal(make(many, SAT_DOC_PLAIN, &object, &err), SATCHEL_LIMIT);
    assert_non_null(strstr(err.text, "tags"));
    assert_null(object.body.body.data);
    assert_int_equal(sat_tags_count(&object.tags) + sat_tags_count(&object.metadata), 0);
    assert_int_equal(make(many, SAT_DOC_DATAKNOBS, &object, &err), SATCHEL_UNSUPPORTED);
    assert_null(object.body.body.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_head_tells_counter_checksum_and_creation, open_db,
                                        close_db),
        cmocka_unit_test_setup_teardown(each_object_has_a_write_id_of_its_own, open_db, close_db),
        cmocka_unit_test_setup_teardown(a_bare_body_keeps_its_metadata_beside_it, open_db,
                                        close_db),
        cmocka_unit_test_setup_teardown(what_cannot_be_made_leaves_nothing, open_db, close_db),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
