/* Walking a local folder. */
#include "transfer/walk.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transfer/fixture.h"

/* "kind path" for each finding, one a line. */
static const char *walk_all(const char *root, unsigned max_depth)
{
    static const char kinds[] = {[SAT_WALKED_FILE] = 'f',
                                 [SAT_WALKED_FOLDER] = 'd',
                                 [SAT_WALKED_LINK] = 'l',
                                 [SAT_WALKED_SPECIAL] = 's',
                                 [SAT_WALKED_FAILED] = '!'};
    struct sat_walk *walk = NULL;
    const struct sat_walked *found = NULL;
    const char *text = "";
    satchel_error err = {0};
    if (sat_walk_open(root, max_depth, &walk, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    for (;;) {
        assert_int_equal(sat_walk_next(walk, &found, NULL), SATCHEL_OK);
        if (found == NULL)
            break;
        text = text_of("%s%c %s\n", text, kinds[found->kind], found->path);
    }
    sat_walk_close(walk);
    return text;
}

static void files_come_in_order(void **state)
{
    (void)state;
    put("r/b", "");
    put("r/a/z", "");
    put("r/a/y/x", "");
    make_folder("r/empty");
    assert_string_equal(walk_all(at("r"), SAT_WALK_ANY_DEPTH), "f a/y/x\nf a/z\nf b\n");
}

static void depth_is_bounded(void **state)
{
    (void)state;
    put("r/a/z/q", "");
    put("r/b", "");
    assert_string_equal(walk_all(at("r"), 0), "d a\nf b\n");
    assert_string_equal(walk_all(at("r"), 1), "d a/z\nf b\n");
}

static void links_and_special_files_are_told(void **state)
{
    (void)state;
    put("r/file", "");
    make_link("r/link", at("r/file"));
    make_link("r/loop", at("r"));
    assert_int_equal(mkfifo(at("r/pipe"), 0600), 0);
    assert_string_equal(walk_all(at("r"), SAT_WALK_ANY_DEPTH), "f file\nl link\nl loop\ns pipe\n");
}

static void our_own_files_are_left_out(void **state)
{
    (void)state;
    put("r/.satchel.lock", "");
    put("r/.satchel-0123456789abcdef.part", "");
    put("r/.satchel-notes", "");
    assert_string_equal(walk_all(at("r"), 0), "f .satchel-notes\n");
}

static void the_root_may_be_a_link(void **state)
{
    (void)state;
    put("r/a", "");
    make_link("link", at("r"));
    assert_string_equal(walk_all(at("link"), 0), "f a\n");
}

static void a_missing_root_is_not_found(void **state)
{
    struct sat_walk *walk = NULL;
    satchel_error err = {0};
    (void)state;
    assert_int_equal(sat_walk_open(at("none"), 0, &walk, &err), SATCHEL_NOT_FOUND);
    assert_non_null(strstr(err.text, at("none")));
}

/* A folder that cannot be read is told, and the walk goes on behind it. */
static void an_unreadable_folder_is_told(void **state)
{
    (void)state;
    bool privileged = geteuid() == 0;
    put("r/a/x", "");
    put("r/b", "");
    assert_int_equal(chmod(folder(), 0755), 0);
    assert_int_equal(chmod(at("r/a"), 0), 0);
    if (privileged) /* root reads everything */
        assert_int_equal(seteuid(65534), 0);
    const char *found = walk_all(at("r"), SAT_WALK_ANY_DEPTH);
    if (privileged)
        assert_int_equal(seteuid(0), 0);
    assert_string_equal(found, "! a/\nf b\n");
    assert_int_equal(chmod(at("r/a"), 0755), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(files_come_in_order),
        CASE(depth_is_bounded),
        CASE(links_and_special_files_are_told),
        CASE(our_own_files_are_left_out),
        CASE(the_root_may_be_a_link),
        CASE(a_missing_root_is_not_found),
        CASE(an_unreadable_folder_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
