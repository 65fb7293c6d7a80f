/* sat_jscan_validate: the public test suite, positions, duplicates, limits, mutated text. */
#include "support/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/jscan.h"
#include "core/str.h"

static int check(const char *text, satchel_error *err)
{
    return sat_jscan_validate(sat_span_of(text), NULL, err);
}

static void refuses(const char *text, const char *why)
{
    satchel_error err = {0};
    assert_int_equal(check(text, &err), SATCHEL_INVALID);
    if (strstr(err.text, why) == NULL)
        fail_msg("'%s': want '%s' in '%s'", text, why, err.text);
}

static void errors_name_line_column_and_byte(void **state)
{
    (void)state;
    refuses("{\"a\": 1,\n \"\xC3\xA9\": x}", "line 2, column 7 (byte 16): want a value");
    refuses("{\"a\":1", "line 1, column 7 (byte 6): unexpected end of text");
    refuses("[1] 2", "text after the value");
    refuses("", "unexpected end of text");
    refuses("\xEF\xBB\xBF{}", "byte order mark");
}

static void each_fault_has_its_reason(void **state)
{
    (void)state;
    refuses("[\"\\ud800x\"]", "lone surrogate");
    refuses("[\"\\udc00\"]", "lone surrogate");
    refuses("[\"\\ud800\\ud800\"]", "lone surrogate");
    refuses("[\"\\u12G4\"]", "four hex digits");
    refuses("[\"\\x\"]", "bad escape");
    refuses("[\"a\tb\"]", "control character");
    refuses("[\"12345678\xFF\"]", "not UTF-8");
    refuses("[01]", "want ',' or ']'");
    refuses("[-]", "bad number");
    refuses("[tru]", "unknown literal");
    refuses("{1:2}", "want a key");
    refuses("{\"a\" 2}", "want ':'");
    refuses("{\"a\":1,}", "want a key");
}

static void numbers_that_do_not_fit_are_refused(void **state)
{
    (void)state;
    refuses("[9223372036854775808]", "does not fit");
    refuses("[-9223372036854775809]", "does not fit");
    refuses("[1e400]", "does not fit");
    assert_int_equal(check("[9223372036854775807,-9223372036854775808,1e308,1e-400]", NULL),
                     SATCHEL_OK);
}

static void nul_is_refused_unless_allowed(void **state)
{
    (void)state;
    struct sat_jvalid_limits allow = {.allow_nul = true};
    const char *text = "{\"a\":\"x\\u0000\"}";
    refuses(text, "byte 7): the character NUL");
    refuses("{\"a\\u0000\":1}", "the character NUL");
    assert_int_equal(sat_jscan_validate(sat_span_of(text), &allow, NULL), SATCHEL_OK);
}

static void duplicate_keys_are_compared_decoded(void **state)
{
    (void)state;
    refuses("{\"a\":1,\"b\":2,\"a\":3}", "column 15 (byte 14): duplicate key \"a\"");
    refuses("{\"a\":1,\"\\u0061\":2}", "duplicate key");
    refuses("{\"\\/\":1,\"/\":2}", "duplicate key");
    refuses("{\"x\":{\"k\":1,\"k\":2}}", "duplicate key");
    assert_int_equal(check("{\"a\":{\"a\":1,\"b\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}]}", NULL),
                     SATCHEL_OK);
}

/* `count` members k0, k1, ...; then, unless NULL, one more key. */
static void put_wide_object(struct sat_buf *buf, int count, const char *extra)
{
    for (int i = 0; i < count; i++)
        sat_buf_addf(buf, "%s\"k%d\":{\"in\":%d}", i == 0 ? "{" : ",", i, i);
    if (extra != NULL)
        sat_buf_addf(buf, ",\"%s\":0", extra);
    sat_buf_add_char(buf, '}');
}

static void duplicates_are_found_in_wide_objects(void **state)
{
    (void)state;
    struct sat_buf buf;
    satchel_error err = {0};
    sat_buf_init(&buf, 1000000);
    put_wide_object(&buf, 5000, NULL);
    assert_int_equal(sat_jscan_validate(sat_buf_span(&buf), NULL, &err), SATCHEL_OK);
    sat_buf_reset(&buf);
    put_wide_object(&buf, 5000, "k\\u0037");
    assert_int_equal(sat_jscan_validate(sat_buf_span(&buf), NULL, &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "duplicate key"));
    sat_buf_fini(&buf);
}

static void usual_records_need_no_memory_and_wide_ones_fail_cleanly(void **state)
{
    (void)state;
    struct sat_buf buf;
    sat_buf_init(&buf, 100000);
    sat_alloc_fail_nth(0);
    assert_int_equal(check("{\"a\":[1,{\"b\":\"c\"}]}", NULL), SATCHEL_OK);
    assert_int_equal(sat_alloc_count(), 0);
    put_wide_object(&buf, 500, NULL);
    for (long n = 1;; n++) {
        sat_alloc_fail_nth(n);
        int code = sat_jscan_validate(sat_buf_span(&buf), NULL, NULL);
        bool failed = sat_alloc_count() >= n;
        sat_alloc_fail_nth(0);
        assert_int_equal(code, failed ? SATCHEL_NOMEM : SATCHEL_OK);
        if (!failed)
            break;
    }
    sat_buf_fini(&buf);
}

static int check_nested(int depth, int max_depth)
{
    struct sat_jvalid_limits limits = {.max_depth = max_depth};
    struct sat_buf buf;
    sat_buf_init(&buf, 10000);
    for (int i = 0; i < depth; i++)
        sat_buf_add_str(&buf, i % 2 == 0 ? "[" : "{\"a\":");
    sat_buf_add_char(&buf, '1');
    for (int i = depth - 1; i >= 0; i--)
        sat_buf_add_char(&buf, i % 2 == 0 ? ']' : '}');
    int code = sat_jscan_validate(sat_buf_span(&buf), &limits, NULL);
    sat_buf_fini(&buf);
    return code;
}

static void depth_is_limited(void **state)
{
    (void)state;
    assert_int_equal(check_nested(SAT_JSON_DEPTH, 0), SATCHEL_OK);
    assert_int_equal(check_nested(SAT_JSON_DEPTH + 1, 0), SATCHEL_INVALID);
    assert_int_equal(check_nested(3, 2), SATCHEL_INVALID);
    assert_int_equal(check_nested(SAT_JSON_DEPTH_MAX, 100000), SATCHEL_OK);
    assert_int_equal(check_nested(SAT_JSON_DEPTH_MAX + 1, 100000), SATCHEL_INVALID);
}

/* Walks everything the scanner offers; sanitizers watch for reads past the end. */
static void walk(satchel_span value, struct sat_buf *scratch, int depth)
{
    size_t cursor = 0;
    satchel_span key;
    satchel_span item;
    while (depth > 0 && sat_jscan_member(value, &cursor, &key, &item)) {
        sat_jscan_decode(key, scratch);
        walk(item, scratch, depth - 1);
    }
    cursor = 0;
    while (depth > 0 && sat_jscan_element(value, &cursor, &item))
        walk(item, scratch, depth - 1);
    sat_jscan_string(value, scratch);
    sat_jscan_put_compact(scratch, value);
    sat_jscan_put_ascii(scratch, value);
    sat_buf_reset(scratch);
}

/* An allocation of exactly the text's size, so that one byte too far is seen. */
static int check_and_walk(const char *text, size_t len, struct sat_buf *scratch)
{
    struct sat_jvalid_limits allow = {.allow_nul = true};
    char *copy = sat_malloc(len);
    memcpy(copy, text, len);
    satchel_span span = {.data = copy, .len = len};
    int code = sat_jscan_validate(span, &allow, NULL);
    walk(span, scratch, 8);
    sat_free(copy);
    return code;
}

static void mutated_text_never_reads_past_the_end(void **state)
{
    (void)state;
    static const char seed_text[] =
        "{\"id\":\"a\\u00e9\\ud83d\\ude00\\n\",\"n\":[1,-2.5e-7,true,false,null,{}],"
        "\"deep\":{\"x\":[[],[\"\\\"\",\"\xC3\xA9\"]],\"t\":\"2026-01-01T00:00:00Z\"} }";
    static const char alphabet[] = "\"\\{}[],:u0d8e-+. tn\xFF";
    struct sat_buf scratch;
    uint32_t seed = 7;
    sat_buf_init(&scratch, 100000);
    assert_int_equal(check_and_walk(seed_text, sizeof seed_text - 1, &scratch), SATCHEL_OK);
    for (int round = 0; round < 20000; round++) {
        char text[sizeof seed_text];
        memcpy(text, seed_text, sizeof text);
        for (int i = 0; i < 3; i++) {
            seed = seed * 1664525U + 1013904223U;
            text[(seed >> 8) % (sizeof text - 1)] = alphabet[(seed >> 3) % (sizeof alphabet - 1)];
        }
        seed = seed * 1664525U + 1013904223U;
        (void)check_and_walk(text, (seed >> 8) % sizeof text, &scratch);
    }
    sat_buf_fini(&scratch);
}

/* ---- JSONTestSuite ---- */

static void read_file(const char *folder, const char *name, struct sat_buf *buf)
{
    char path[1200];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
        assert_int_equal(sat_buf_add(buf, chunk, n), SATCHEL_OK);
    (void)fclose(file);
}

/* Declared quirk: duplicate keys are refused, though RFC 8259 only advises against them. */
static bool has_duplicate_keys(const char *name)
{
    return strcmp(name, "y_object_duplicated_key.json") == 0 ||
           strcmp(name, "y_object_duplicated_key_and_value.json") == 0;
}

static void suite_is_judged_as_it_asks(void **state)
{
    (void)state;
    const char *shared = getenv("SATCHEL_SHARED");
    if (shared == NULL) {
        print_message("SATCHEL_SHARED is not set: the JSON vectors are not at hand\n");
        skip();
    }
    char folder[900];
    (void)snprintf(folder, sizeof folder, "%s/vectors/json", shared);
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    struct sat_buf buf;
    struct sat_buf scratch;
    sat_buf_init(&buf, 1000000);
    sat_buf_init(&scratch, 1000000);
    int seen = 0;
    for (const struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        const char *name = entry->d_name;
        if (!sat_str_ends(name, ".json"))
            continue;
        sat_buf_reset(&buf);
        read_file(folder, name, &buf);
        int code = check_and_walk(sat_buf_str(&buf), buf.len, &scratch);
        bool accept = name[0] == 'y' && !has_duplicate_keys(name);
        if (name[0] != 'i' && code != (accept ? SATCHEL_OK : SATCHEL_INVALID))
            fail_msg("%s: %s", name, satchel_code_name(code));
        seen++;
    }
    (void)closedir(dir);
    sat_buf_fini(&buf);
    sat_buf_fini(&scratch);
    assert_int_equal(seen, 318);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_name_line_column_and_byte),
        cmocka_unit_test(each_fault_has_its_reason),
        cmocka_unit_test(numbers_that_do_not_fit_are_refused),
        cmocka_unit_test(nul_is_refused_unless_allowed),
        cmocka_unit_test(duplicate_keys_are_compared_decoded),
        cmocka_unit_test(duplicates_are_found_in_wide_objects),
        cmocka_unit_test(usual_records_need_no_memory_and_wide_ones_fail_cleanly),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(mutated_text_never_reads_past_the_end),
        cmocka_unit_test(suite_is_judged_as_it_asks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
