/* Sources and destinations taken apart. */
#include "transfer/place.h"

#include <unistd.h>

#include "backends/registry.h"
#include "core/alloc.h"
#include "transfer/fixture.h"

static struct sat_place place;

static int parse(const char *text, satchel_error *err)
{
    return sat_place_parse(text, sat_backend_find, &place, err);
}

static void a_path_is_local(void **state)
{
    (void)state;
    assert_int_equal(parse("a/b", NULL), SATCHEL_OK);
    assert_null(place.backend);
    assert_string_equal(place.uri.path, "a/b");
    sat_place_fini(&place);
}

static void a_uri_finds_its_backend(void **state)
{
    (void)state;
    assert_int_equal(parse("mem://b/k/x", NULL), SATCHEL_OK);
    assert_ptr_equal(place.backend, &sat_backend_mem);
    assert_string_equal(place.uri.path, "k/x");
    sat_place_fini(&place);
}

static void bad_places_are_refused(void **state)
{
    satchel_error err = {0};
    (void)state;
    assert_int_equal(parse("ftp://h/x", &err), SATCHEL_UNSUPPORTED);
    assert_non_null(strstr(err.text, "unsupported URI scheme 'ftp' (known: "));
    assert_int_equal(parse("s3:///x", &err), SATCHEL_INVALID);
    assert_int_equal(parse("file://host/x", &err), SATCHEL_INVALID);
    assert_int_equal(parse("", &err), SATCHEL_INVALID);
}

static void folders_end_at_the_last_slash(void **state)
{
    (void)state;
    assert_int_equal(sat_path_folder("a/b/c", 5), 4);
    assert_int_equal(sat_path_folder("a/b/c", 4), 4);
    assert_int_equal(sat_path_folder("a/b/c", 3), 2);
    assert_int_equal(sat_path_folder("abc", 3), 0);
    assert_int_equal(sat_path_folder("/", 1), 1);
}

static void assert_canonical(const char *text, const char *want)
{
    assert_int_equal(parse(text, NULL), SATCHEL_OK);
    char *found = sat_place_canonical(&place);
    assert_string_equal(found, want);
    sat_free(found);
    sat_place_fini(&place);
}

static void canonical_paths_are_resolved(void **state)
{
    char here[4096];
    (void)state;
    make_folder("real");
    make_link("link", at("real"));
    assert_canonical(at("link/new/x"), at("real/new/x"));
    assert_canonical(text_of("file://%s", at("link")), at("real"));
    assert_canonical("/", "/");
    assert_canonical("s3://b/k", "s3://b/k");
    assert_non_null(getcwd(here, sizeof here));
    assert_canonical("no-such-name", text_of("%s/no-such-name", here));
}

static void containing_goes_by_whole_names(void **state)
{
    (void)state;
    assert_true(sat_place_contains("/a/b", "/a/b"));
    assert_true(sat_place_contains("/a/b/", "/a/b/c"));
    assert_true(sat_place_contains("/", "/a"));
    assert_false(sat_place_contains("/a/b", "/a/bc"));
    assert_false(sat_place_contains("/a/b", "/a"));
    assert_true(sat_place_contains("s3://b/", "s3://b/x"));
    assert_false(sat_place_contains("s3://b/x/", "s3://c/x/y"));
}

static void connections_are_shared(void **state)
{
    struct sat_reach one;
    struct sat_reach two;
    (void)state;
    assert_int_equal(parse("mem://b/k/x", NULL), SATCHEL_OK);
    assert_int_equal(sat_conns_reach(&conns, &place, "k/x", 2, &one, NULL), SATCHEL_OK);
    assert_int_equal(sat_conns_reach(&conns, &place, "other", 0, &two, NULL), SATCHEL_OK);
    assert_ptr_equal(one.conn, two.conn);
    assert_int_equal(one.base_len, 0);
    assert_string_equal(one.conn->uri, "mem://b/");
    sat_place_fini(&place);
}

/* A folder store is opened at the folder, so that links above it are followed. */
static void folder_stores_open_at_the_folder(void **state)
{
    struct sat_reach reach;
    (void)state;
    assert_int_equal(parse("file:///tmp/d/x", NULL), SATCHEL_OK);
    assert_int_equal(sat_conns_reach(&conns, &place, "/tmp/d/x", 7, &reach, NULL), SATCHEL_OK);
    assert_string_equal(reach.conn->root, "tmp/d/");
    assert_string_equal(reach.conn->uri, "file:///tmp/d/");
    assert_int_equal(reach.base_len, 7);
    sat_place_fini(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_path_is_local),
        CASE(a_uri_finds_its_backend),
        CASE(bad_places_are_refused),
        CASE(folders_end_at_the_last_slash),
        CASE(canonical_paths_are_resolved),
        CASE(containing_goes_by_whole_names),
        CASE(connections_are_shared),
        CASE(folder_stores_open_at_the_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
