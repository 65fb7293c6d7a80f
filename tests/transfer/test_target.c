/* Where items land. */
#include "transfer/target.h"

#include "backends/registry.h"
#include "core/alloc.h"
#include "transfer/fixture.h"

/* Items of a NAME ("x.txt"), of the FOLDER "dir", and of "dir/" or a PATTERN. */
static struct sat_item named = {.name = (char[]){"x.txt"}, .own_len = 5};
static struct sat_item inner = {.name = (char[]){"dir/a/b"}, .own_len = 3};
static struct sat_item content = {.name = (char[]){"a/b"}};

static struct sat_target target;

static void open_target(const char *text, bool folder)
{
    struct sat_place place;
    satchel_error err = {0};
    assert_int_equal(sat_place_parse(text, sat_backend_find, &place, NULL), SATCHEL_OK);
    if (sat_target_open(&place, folder, &conns, &target, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    sat_place_fini(&place);
}

/* base + landing, as the user sees it. */
static void assert_lands(const struct sat_item *item, const char *want)
{
    char *landing = NULL;
    assert_int_equal(sat_target_land(&target, item, &landing, NULL), SATCHEL_OK);
    assert_string_equal(text_of("%s%s", target.base, landing), want);
    sat_free(landing);
}

static void assert_landings(const char *text, bool folder, const char *const wants[3])
{
    open_target(text, folder);
    assert_lands(&named, wants[0]);
    assert_lands(&inner, wants[1]);
    assert_lands(&content, wants[2]);
    sat_target_fini(&target);
}

static void a_slash_makes_a_folder(void **state)
{
    (void)state;
    assert_landings("mem://b/d/", false,
                    (const char *const[]){"mem://b/d/x.txt", "mem://b/d/dir/a/b", "mem://b/d/a/b"});
    assert_landings("new/", false, (const char *const[]){"new/x.txt", "new/dir/a/b", "new/a/b"});
    assert_landings(
        "file:///new/", false,
        (const char *const[]){"file:///new/x.txt", "file:///new/dir/a/b", "file:///new/a/b"});
}

static void a_wish_makes_a_folder(void **state)
{
    (void)state;
    assert_landings("mem://b/d", true,
                    (const char *const[]){"mem://b/d/x.txt", "mem://b/d/dir/a/b", "mem://b/d/a/b"});
    assert_landings("new", true, (const char *const[]){"new/x.txt", "new/dir/a/b", "new/a/b"});
}

static void else_the_name_is_replaced(void **state)
{
    (void)state;
    assert_landings("mem://b/d", false,
                    (const char *const[]){"mem://b/d", "mem://b/d/a/b", "mem://b/d/a/b"});
    assert_landings("sub/new", false,
                    (const char *const[]){"sub/new", "sub/new/a/b", "sub/new/a/b"});
    assert_landings("new", false, (const char *const[]){"new", "new/a/b", "new/a/b"});
    assert_landings("file:///no-such/new", false,
                    (const char *const[]){"file:///no-such/new", "file:///no-such/new/a/b",
                                          "file:///no-such/new/a/b"});
}

static void an_existing_folder_is_one(void **state)
{
    (void)state;
    make_folder("here");
    const char *local = at("here");
    assert_landings(local, false,
                    (const char *const[]){text_of("%s/x.txt", local), text_of("%s/dir/a/b", local),
                                          text_of("%s/a/b", local)});
    const char *uri = text_of("file://%s", local);
    assert_landings(uri, false,
                    (const char *const[]){text_of("%s/x.txt", uri), text_of("%s/dir/a/b", uri),
                                          text_of("%s/a/b", uri)});
}

static void a_whole_bucket_is_a_folder(void **state)
{
    (void)state;
    assert_landings("mem://b", false,
                    (const char *const[]){"mem://b/x.txt", "mem://b/dir/a/b", "mem://b/a/b"});
}

static void names_stay_inside_folders(void **state)
{
    static const char *const names[] = {"../x", "a/../../x", "/etc/x", "a//b", "a/.", "x/"};
    static const char *const targets[] = {"new/", "file:///new/"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0] * 2; i++) {
        char copy[32] = {0};
        struct sat_item item = {.name = copy};
        satchel_error err = {0};
        char *landing = NULL;
        memcpy(copy, names[i / 2], strlen(names[i / 2]));
        open_target(targets[i % 2], false);
        assert_int_equal(sat_target_land(&target, &item, &landing, &err), SATCHEL_INVALID);
        assert_non_null(strstr(err.text, names[i / 2]));
        assert_null(landing);
        sat_target_fini(&target);
    }
}

/* In a bucket every byte of a key is literal. */
static void buckets_take_any_name(void **state)
{
    struct sat_item odd = {.name = (char[]){"a//../b"}};
    (void)state;
    open_target("mem://b/d/", false);
    assert_lands(&odd, "mem://b/d/a//../b");
    sat_target_fini(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_slash_makes_a_folder),     CASE(a_wish_makes_a_folder),
        CASE(else_the_name_is_replaced),  CASE(an_existing_folder_is_one),
        CASE(a_whole_bucket_is_a_folder), CASE(names_stay_inside_folders),
        CASE(buckets_take_any_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
