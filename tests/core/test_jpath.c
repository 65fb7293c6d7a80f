/* sat_path: dotted names, indexes, JSON Pointers, and what is refused. */
#include "support/test.h"

#include "core/alloc.h"
#include "core/jpath.h"
#include "core/str.h"

static void parse_ok(const char *text, struct sat_path *path)
{
    satchel_error err = {0};
    assert_int_equal(sat_path_parse(sat_span_of(text), path, &err), SATCHEL_OK);
}

static void assert_key(const struct sat_path *path, size_t i, const char *key)
{
    assert_true(path->count > i);
    assert_true(path->steps[i].is_key);
    assert_true(sat_span_eq(path->steps[i].key, key));
}

static void assert_index(const struct sat_path *path, size_t i, size_t index)
{
    assert_true(path->count > i);
    assert_true(path->steps[i].is_index);
    assert_int_equal(path->steps[i].index, index);
}

static void dotted_names_and_indexes(void **state)
{
    (void)state;
    struct sat_path path;
    parse_ok("a.b[0][12].\xC3\xA9 x", &path);
    assert_int_equal(path.count, 5);
    assert_key(&path, 0, "a");
    assert_false(path.steps[0].is_index);
    assert_key(&path, 1, "b");
    assert_index(&path, 2, 0);
    assert_false(path.steps[2].is_key);
    assert_index(&path, 3, 12);
    assert_key(&path, 4, "\xC3\xA9 x");
    sat_path_fini(&path);
}

static void a_path_may_start_at_an_array_or_be_empty(void **state)
{
    (void)state;
    struct sat_path path;
    parse_ok("[3].a", &path);
    assert_index(&path, 0, 3);
    assert_key(&path, 1, "a");
    sat_path_fini(&path);
    parse_ok("", &path);
    assert_int_equal(path.count, 0);
    sat_path_fini(&path);
}

static void pointers_unescape_and_may_be_index_or_key(void **state)
{
    (void)state;
    struct sat_path path;
    parse_ok("/a~1b/m~0n/7/07//x.y~0", &path);
    assert_int_equal(path.count, 6);
    assert_key(&path, 0, "a/b");
    assert_key(&path, 1, "m~n");
    assert_key(&path, 2, "7");
    assert_index(&path, 2, 7);
    assert_key(&path, 3, "07");
    assert_false(path.steps[3].is_index);
    assert_key(&path, 4, "");
    assert_key(&path, 5, "x.y~");
    sat_path_fini(&path);
}

static void bad_paths_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const rows[] = {"a..b",  ".a",   "a.",    "a[",   "a[]",
                                       "a[-1]", "a[x]", "a[01]", "a]",   "a[0]b",
                                       "a.[0]", "/~2",  "/a~",   "\xFF", "a[99999999999999999999]"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sat_path path;
        satchel_error err = {0};
        assert_int_equal(sat_path_parse(sat_span_of(rows[i]), &path, &err), SATCHEL_INVALID);
        assert_non_null(strstr(err.text, "bad path"));
        assert_null(path.steps);
    }
}

/* An allocation of exactly the text's size, so that one byte too far is seen. */
static void texts_are_read_to_their_end_only(void **state)
{
    (void)state;
    static const char *const texts[] = {"a", "a[0]", "/a~", "a[", "a[1"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t len = strlen(texts[i]);
        struct sat_path path;
        char *text = sat_malloc(len);
        memcpy(text, texts[i], len);
        int code = sat_path_parse((satchel_span){text, len}, &path, NULL);
        assert_int_equal(code, i < 2 ? SATCHEL_OK : SATCHEL_INVALID);
        sat_path_fini(&path);
        sat_free(text);
    }
}

static void steps_are_limited(void **state)
{
    (void)state;
    char text[2 * (SAT_PATH_STEPS_MAX + 1) + 1];
    struct sat_path path;
    for (size_t i = 0; i < sizeof text - 1; i += 2)
        memcpy(text + i, "/a", 2);
    text[sizeof text - 1] = '\0';
    assert_int_equal(sat_path_parse(sat_span_of(text), &path, NULL), SATCHEL_INVALID);
    text[sizeof text - 3] = '\0';
    parse_ok(text, &path);
    assert_int_equal(path.count, SAT_PATH_STEPS_MAX);
    sat_path_fini(&path);
}

static void a_root_goes_in_front(void **state)
{
    (void)state;
    struct sat_path path;
    assert_int_equal(sat_path_parse_under("fields", sat_span_of("a[1]"), &path, NULL), SATCHEL_OK);
    assert_int_equal(path.count, 3);
    assert_key(&path, 0, "fields");
    assert_key(&path, 1, "a");
    sat_path_fini(&path);
}

static void no_memory_is_reported(void **state)
{
    (void)state;
    struct sat_path path;
    sat_alloc_fail_nth(1);
    int code = sat_path_parse(sat_span_of("a"), &path, NULL);
    sat_alloc_fail_nth(0);
    assert_int_equal(code, SATCHEL_NOMEM);
    assert_null(path.steps);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dotted_names_and_indexes),
        cmocka_unit_test(a_path_may_start_at_an_array_or_be_empty),
        cmocka_unit_test(pointers_unescape_and_may_be_index_or_key),
        cmocka_unit_test(bad_paths_are_refused_by_name),
        cmocka_unit_test(texts_are_read_to_their_end_only),
        cmocka_unit_test(steps_are_limited),
        cmocka_unit_test(a_root_goes_in_front),
        cmocka_unit_test(no_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
