/* Views of records: paths as users write them, chosen fields, tags. */
#include "support/test.h"

#include "core/alloc.h"
#include "core/jscan.h"
#include "core/str.h"
#include "query/docview.h"

static const char record[] =
    "{\"id\":\"r1\",\"version\":3,\"fields\":{\"name\":\"Alice\",\"id\":7,\"metadata\":{\"x\":"
    "\"f\"},"
    "\"address\":{\"city\":\"Oslo\",\"zip\":\"0150\"},\"items\":[{\"a\":1,\"b\":2},[5,6],null]},"
    "\"metadata\":{\"x\":\"m\"}}";

static void assert_path_value(const char *field, const char *want)
{
    struct sat_path path;
    satchel_span value;
    assert_int_equal(sat_doc_path(field, &path, NULL), SATCHEL_OK);
    bool found = sat_jscan_find(sat_span_of(record), &path, &value);
    sat_path_fini(&path);
    assert_int_equal(found, want != NULL);
    if (want != NULL)
        assert_true(sat_span_eq(value, want));
}

static void names_lead_into_fields_id_and_metadata(void **state)
{
    (void)state;
    assert_path_value("name", "\"Alice\"");
    assert_path_value("address.city", "\"Oslo\"");
    assert_path_value("items[1][0]", "5");
    assert_path_value("id", "\"r1\"");
    assert_path_value("metadata.x", "\"m\"");
    assert_path_value("version", NULL);
    assert_path_value("id.x", NULL);
    assert_path_value("fields.name", NULL);
}

static void pointers_always_lead_into_fields(void **state)
{
    (void)state;
    assert_path_value("/id", "7");
    assert_path_value("/metadata/x", "\"f\"");
    assert_path_value("/items/0/b", "2");
}

static void bad_names_are_invalid(void **state)
{
    (void)state;
    static const char *const names[] = {"", "a..b", "metadata.", "/~x"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct sat_path path;
        assert_int_equal(sat_doc_path(names[i], &path, NULL), SATCHEL_INVALID);
        assert_null(path.steps);
    }
}

/* Projects to up to four fields and compares the `fields` that remain. */
static void assert_fields(const char *const names[4], const char *want)
{
    struct sat_path paths[4];
    struct sat_buf out;
    satchel_span fields;
    satchel_span metadata;
    size_t count = 0;
    sat_buf_init(&out, 10000);
    for (; count < 4 && names[count] != NULL; count++)
        assert_int_equal(sat_doc_path(names[count], &paths[count], NULL), SATCHEL_OK);
    assert_int_equal(sat_doc_project(sat_span_of(record), paths, count, &out), SATCHEL_OK);
    assert_int_equal(sat_jscan_validate(sat_buf_span(&out), NULL, NULL), SATCHEL_OK);
    assert_true(sat_str_starts(sat_buf_str(&out), "{\"id\":\"r1\",\"version\":3,\"fields\":"));
    assert_true(sat_jscan_get(sat_buf_span(&out), "metadata", &metadata));
    assert_true(sat_span_eq(metadata, "{\"x\":\"m\"}"));
    assert_true(sat_jscan_get(sat_buf_span(&out), "fields", &fields));
    if (!sat_span_eq(fields, want))
        fail_msg("want %s in %s", want, sat_buf_str(&out));
    for (size_t i = 0; i < count; i++)
        sat_path_fini(&paths[i]);
    sat_buf_fini(&out);
}

static void only_named_fields_stay(void **state)
{
    (void)state;
    assert_fields((const char *const[4]){"name"}, "{\"name\":\"Alice\"}");
    assert_fields((const char *const[4]){"address.zip", "name", "/id"},
                  "{\"name\":\"Alice\",\"id\":7,\"address\":{\"zip\":\"0150\"}}");
    assert_fields((const char *const[4]){"items[0].b", "items[1][1]"},
                  "{\"items\":[{\"b\":2},[6]]}");
    assert_fields((const char *const[4]){"/items/2"}, "{\"items\":[null]}");
    assert_fields((const char *const[4]){"address.zip", "address", "address.city"},
                  "{\"address\":{\"city\":\"Oslo\",\"zip\":\"0150\"}}");
}

static void what_is_missing_leaves_no_shell(void **state)
{
    (void)state;
    assert_fields((const char *const[4]){"nothing", "address.street", "items[7]", "name.x"}, "{}");
    assert_fields((const char *const[4]){"id", "metadata.name"}, "{}");
    assert_fields((const char *const[4]){NULL}, "{}");
}

static void assert_tag(const struct sat_tags *tags, size_t i, const char *key, const char *value)
{
    assert_true(sat_tags_count(tags) > i);
    assert_string_equal(sat_tags_at(tags, i)->key, key);
    assert_string_equal(sat_tags_at(tags, i)->value, value);
}

static void tags_lead_with_the_librarys_own(void **state)
{
    (void)state;
    struct sat_tags tags = {0};
    satchel_span metadata = sat_span_of(
        "{\"b\":\"x\\n\\u00e9\",\"updated_at\":\"u\",\"n\":1.50,\"id\":\"other\",\"\":\"no key\","
        "\"o\":{\"k\": [1, true]},\"created_at\":\"c\",\"z\":null,\"k\\t\":\"\"}");
    assert_int_equal(sat_doc_tags(metadata, sat_span_of("r1"), &tags, NULL), SATCHEL_OK);
    assert_int_equal(sat_tags_count(&tags), 8);
    assert_tag(&tags, 0, "id", "r1");
    assert_tag(&tags, 1, "created_at", "c");
    assert_tag(&tags, 2, "updated_at", "u");
    assert_tag(&tags, 3, "b", "x\n\xC3\xA9");
    assert_tag(&tags, 4, "n", "1.50");
    assert_tag(&tags, 5, "o", "{\"k\":[1,true]}");
    assert_tag(&tags, 6, "z", "null");
    assert_tag(&tags, 7, "k\t", "");
    sat_tags_fini(&tags);
}

static int project_and_tag(void)
{
    struct sat_path path = {0};
    struct sat_tags tags = {0};
    struct sat_buf out;
    sat_buf_init(&out, 1000);
    int code = sat_doc_path("items[0].b", &path, NULL);
    if (code == SATCHEL_OK)
        code = sat_doc_project(sat_span_of(record), &path, 1, &out);
    if (code == SATCHEL_OK)
        code = sat_doc_tags(sat_span_of("{\"a\":\"b\",\"created_at\":1}"), sat_span_of("r"), &tags,
                            NULL);
    sat_tags_fini(&tags);
    sat_path_fini(&path);
    sat_buf_fini(&out);
    return code;
}

static void each_failed_allocation_is_reported(void **state)
{
    (void)state;
    for (long n = 1;; n++) {
        sat_alloc_fail_nth(n);
        int code = project_and_tag();
        bool failed = sat_alloc_count() >= n;
        sat_alloc_fail_nth(0);
        assert_int_equal(code, failed ? SATCHEL_NOMEM : SATCHEL_OK);
        if (!failed) {
            assert_true(n > 6);
            return;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_lead_into_fields_id_and_metadata),
        cmocka_unit_test(pointers_always_lead_into_fields),
        cmocka_unit_test(bad_names_are_invalid),
        cmocka_unit_test(only_named_fields_stay),
        cmocka_unit_test(what_is_missing_leaves_no_shell),
        cmocka_unit_test(tags_lead_with_the_librarys_own),
        cmocka_unit_test(each_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
