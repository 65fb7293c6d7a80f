/* Record ids: what is accepted, what is refused, and the keys made of them. */
#include "support/test.h"

#include "core/alloc.h"
#include "core/str.h"
#include "query/docid.h"

static void ids_of_all_scripts_and_folders_are_fine(void **state)
{
    (void)state;
    static const char *const ids[] = {"a",         "user-123", "a/b/c",  "\xC3\xA9\xE2\x82\xAC",
                                      "a b+c=d&e", "...",      "..a",    "a..",
                                      ".hidden",   "a/.b",     "x.json", "\xC2\xA0"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        assert_int_equal(sat_doc_id_check(sat_span_of(ids[i]), NULL), SATCHEL_OK);
}

static void bad_ids_are_refused_with_the_reason(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        const char *why;
    } rows[] = {
        {"", "empty"},
        {"/a", "empty segment"},
        {"a/", "empty segment"},
        {"a//b", "empty segment"},
        {".", "'.' or '..'"},
        {"..", "'.' or '..'"},
        {"a/../b", "'.' or '..'"},
        {"a/.", "'.' or '..'"},
        {"a\nb", "control"},
        {"a\x7F", "control"},
        {"a\xC2\x85", "control"},
        {"\xFF", "UTF-8"},
        {"\xED\xA0\x80", "UTF-8"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        satchel_error err = {0};
        assert_int_equal(sat_doc_id_check(sat_span_of(rows[i].id), &err), SATCHEL_INVALID);
        assert_non_null(strstr(err.text, rows[i].why));
    }
    assert_int_equal(sat_doc_id_check((satchel_span){"a\0b", 3}, NULL), SATCHEL_INVALID);
}

static void ids_end_at_900_bytes(void **state)
{
    (void)state;
    char id[SAT_DOC_ID_MAX + 2];
    memset(id, 'x', sizeof id);
    assert_int_equal(sat_doc_id_check((satchel_span){id, 900}, NULL), SATCHEL_OK);
    assert_int_equal(sat_doc_id_check((satchel_span){id, 901}, NULL), SATCHEL_INVALID);
}

static void keys_are_prefix_id_and_suffix(void **state)
{
    (void)state;
    struct sat_buf key;
    satchel_span id;
    sat_buf_init(&key, SAT_DOC_KEY_MAX);
    assert_int_equal(sat_doc_key("records/", sat_span_of("a/b"), &key, NULL), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&key), "records/a/b.json");
    assert_true(sat_doc_id_of_key("records/", sat_buf_span(&key), &id));
    assert_true(sat_span_eq(id, "a/b"));
    assert_true(sat_doc_id_of_key("", sat_span_of("x.json"), &id));
    assert_true(sat_span_eq(id, "x"));
    sat_buf_fini(&key);
}

static void keys_end_at_1024_bytes(void **state)
{
    (void)state;
    char prefix[128];
    char id[SAT_DOC_ID_MAX];
    struct sat_buf key;
    satchel_error err = {0};
    sat_buf_init(&key, 2000);
    memset(prefix, 'p', sizeof prefix);
    memset(id, 'x', sizeof id);
    prefix[1024 - 900 - 5] = '\0';
    assert_int_equal(sat_doc_key(prefix, (satchel_span){id, 900}, &key, NULL), SATCHEL_OK);
    assert_int_equal(key.len, 1024);
    prefix[1024 - 900 - 5] = 'p';
    prefix[1024 - 900 - 4] = '\0';
    assert_int_equal(sat_doc_key(prefix, (satchel_span){id, 900}, &key, &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "1025 bytes"));
    sat_buf_fini(&key);
}

static void other_keys_are_no_records(void **state)
{
    (void)state;
    static const char *const keys[] = {"records/.json",
                                       "records/a.txt",
                                       "other/a.json",
                                       "records/",
                                       "r",
                                       "records//a.json",
                                       "records/../a.json",
                                       "records/a/.json",
                                       "records/.satchel/probe-1"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        satchel_span id;
        assert_false(sat_doc_id_of_key("records/", sat_span_of(keys[i]), &id));
    }
}

static void no_memory_is_reported(void **state)
{
    (void)state;
    struct sat_buf key;
    sat_buf_init(&key, 100);
    sat_alloc_fail_nth(1);
    int code = sat_doc_key("p/", sat_span_of("a"), &key, NULL);
    sat_alloc_fail_nth(0);
    assert_int_equal(code, SATCHEL_NOMEM);
    sat_buf_fini(&key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_of_all_scripts_and_folders_are_fine),
        cmocka_unit_test(bad_ids_are_refused_with_the_reason),
        cmocka_unit_test(ids_end_at_900_bytes),
        cmocka_unit_test(keys_are_prefix_id_and_suffix),
        cmocka_unit_test(keys_end_at_1024_bytes),
        cmocka_unit_test(other_keys_are_no_records),
        cmocka_unit_test(no_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
