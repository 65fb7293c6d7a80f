/* What sources stand for: names, folders, patterns, on local paths and stores alike. */
#include "transfer/plan.h"

#include <stdio.h>

#include "transfer/fixture.h"

enum { RECURSIVE = 1, GLOB = 2, LITERAL = 4, REGEX = 8 };

static struct sat_plan_options options_of(const char *const *sources, size_t count, int flags)
{
    return (struct sat_plan_options){
        .sources = sources,
        .count = count,
        .recursive = (flags & RECURSIVE) != 0,
        .pattern = (flags & GLOB)      ? SATCHEL_PATTERN_GLOB
                   : (flags & LITERAL) ? SATCHEL_PATTERN_LITERAL
                   : (flags & REGEX)   ? SATCHEL_PATTERN_REGEX
                                       : SATCHEL_PATTERN_AUTO,
        .conns = &conns,
    };
}

/* One line an item: its name, "name (skipped)", or the code and text of the failure. */
static const char *plan_with(const struct sat_plan_options *options)
{
    struct sat_plan *plan = NULL;
    const char *text = "";
    assert_int_equal(sat_plan_new(options, &plan, NULL), SATCHEL_OK);
    for (;;) {
        struct sat_item item;
        bool more = false;
        assert_int_equal(sat_plan_next(plan, &item, &more, NULL), SATCHEL_OK);
        if (!more)
            break;
        if (item.state == SAT_ITEM_FAILED)
            text = text_of("%s%s %s\n", text, satchel_code_name(item.err->code), item.err->text);
        else
            text = text_of("%s%s%s\n", text, item.name,
                           item.state == SAT_ITEM_SKIPPED ? " (skipped)" : "");
        sat_item_fini(&item);
    }
    sat_plan_free(plan);
    return text;
}

static const char *plan_of(const char *source, int flags)
{
    const struct sat_plan_options options = options_of(&source, 1, flags);
    return plan_with(&options);
}

/* The same tree as local files, as file:// and as mem://: bases end with '/'. */
static const char *bases[3];

static void make_tree(void)
{
    static const char *const names[] = {"d/a.log",     "d/b.log",          "d/c.txt",
                                        "d/sub/e.log", "d/sub/deep/f.log", "report (1).pdf"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        put(text_of("t/%s", names[i]), names[i]);
        put_object(text_of("mem://plan/t/%s", names[i]), names[i], NULL);
    }
    bases[0] = at("t/");
    bases[1] = text_of("file://%s", at("t/"));
    bases[2] = "mem://plan/t/";
}

static void assert_plan(const char *source, int flags, const char *want)
{
    for (size_t i = 0; i < 3; i++) {
        const char *found = plan_of(text_of("%s%s", bases[i], source), flags);
        if (strcmp(found, want) != 0)
            fail_msg("%s%s: found\n%s", bases[i], source, found);
    }
}

static void a_name_is_itself(void **state)
{
    (void)state;
    make_tree();
    assert_plan("d/a.log", 0, "a.log\n");
    assert_plan("report (1).pdf", 0, "report (1).pdf\n");
    assert_plan("d/a.log", RECURSIVE, "a.log\n");
}

static void a_folder_with_slash_gives_its_contents(void **state)
{
    (void)state;
    make_tree();
    assert_plan("d/", 0, "a.log\nb.log\nc.txt\nsub/deep/f.log\nsub/e.log\n");
    assert_plan("d/sub/", RECURSIVE, "deep/f.log\ne.log\n");
}

static void a_folder_without_slash_keeps_its_name(void **state)
{
    (void)state;
    make_tree();
    assert_plan("d/sub", RECURSIVE, "sub/deep/f.log\nsub/e.log\n");
}

static void a_folder_without_slash_needs_recursive(void **state)
{
    (void)state;
    make_tree();
    for (size_t i = 0; i < 3; i++) {
        const char *found = plan_of(text_of("%sd", bases[i]), 0);
        assert_non_null(strstr(found, "INVALID"));
        assert_non_null(strstr(found, "-r"));
        assert_non_null(strstr(found, text_of("%sd", bases[i])));
    }
}

static void patterns_match_within_a_folder(void **state)
{
    (void)state;
    make_tree();
    assert_plan("d/?.log", 0, "a.log\nb.log\n");
    assert_plan("d/{a,c}.*", 0, "a.log\nc.txt\n");
    assert_plan("d/[!a].log", 0, "b.log\n");
    assert_plan("*/*/e.log", 0, "d/sub/e.log\n");
}

static void two_stars_match_across_folders(void **state)
{
    (void)state;
    make_tree();
    assert_plan("d/**/f.log", 0, "sub/deep/f.log\n");
    assert_plan("d/**.log", 0, "a.log\nb.log\nsub/deep/f.log\nsub/e.log\n");
}

static void patterns_take_folders_when_recursive(void **state)
{
    (void)state;
    make_tree();
    assert_plan("d/s*", RECURSIVE, "sub/deep/f.log\nsub/e.log\n");
    assert_plan("d/s*/", 0, "sub/deep/f.log\nsub/e.log\n");
    assert_string_equal(plan_of(at("t/d/*"), 0), "a.log\nb.log\nc.txt\nsub (skipped)\n");
}

static void an_existing_name_is_no_pattern(void **state)
{
    (void)state;
    put("t/a[1].txt", "");
    put("t/a1.txt", "");
    put_object("mem://plan/t/a[1].txt", "x", NULL);
    put_object("mem://plan/t/a1.txt", "x", NULL);
    bases[0] = at("t/");
    bases[1] = text_of("file://%s", at("t/"));
    bases[2] = "mem://plan/t/";
    assert_plan("a[1].txt", 0, "a[1].txt\n");
    assert_plan("a[1].txt", GLOB, "a1.txt\n");
    assert_plan("a[1].txt", LITERAL, "a[1].txt\n");
}

static void an_existing_folder_is_no_pattern(void **state)
{
    (void)state;
    put("t/x[1]/f", "");
    put_object("mem://plan/t/x[1]/f", "x", NULL);
    bases[0] = at("t/");
    bases[1] = text_of("file://%s", at("t/"));
    bases[2] = "mem://plan/t/";
    assert_plan("x[1]/", 0, "f\n");
    assert_plan("x[1]", RECURSIVE, "x[1]/f\n");
}

static void literal_means_no_patterns(void **state)
{
    (void)state;
    make_tree();
    assert_non_null(strstr(plan_of(at("t/d/*.log"), LITERAL), "NOT_FOUND"));
}

static void what_is_not_there_is_named(void **state)
{
    (void)state;
    make_tree();
    static const char *const missing[] = {"none", "d/none*", "none/", "none/x"};
    for (size_t i = 0; i < 3 * 4; i++) {
        const char *source = text_of("%s%s", bases[i / 4], missing[i % 4]);
        const char *found = plan_of(source, 0);
        if (strncmp(found, "NOT_FOUND", 9) != 0 || strstr(found, "none") == NULL)
            fail_msg("%s: %s", source, found);
    }
}

static void a_bad_pattern_is_told(void **state)
{
    (void)state;
    const char *found = plan_of(at("a[b"), 0);
    assert_non_null(strstr(found, "INVALID"));
    assert_non_null(strstr(found, "a[b"));
}

static void the_plan_goes_on_behind_a_failure(void **state)
{
    (void)state;
    make_tree();
    const char *const sources[] = {at("none"), at("t/d/a.log")};
    const struct sat_plan_options options = options_of(sources, 2, 0);
    const char *found = plan_with(&options);
    assert_non_null(strstr(found, "NOT_FOUND"));
    assert_non_null(strstr(found, "\na.log\n"));
}

static void links_are_skipped_unless_named(void **state)
{
    (void)state;
    put("t/file", "");
    make_link("t/link", at("t/file"));
    assert_string_equal(plan_of(at("t/"), 0), "file\nlink (skipped)\n");
    assert_string_equal(plan_of(at("t/l*"), 0), "link (skipped)\n");
    assert_string_equal(plan_of(at("t/link"), 0), "link\n");
}

static void a_whole_bucket_is_a_folder(void **state)
{
    (void)state;
    put_object("mem://whole/x", "1", NULL);
    put_object("mem://whole/y/z", "2", NULL);
    assert_string_equal(plan_of("mem://whole/", 0), "x\ny/z\n");
    assert_string_equal(plan_of("mem://whole", RECURSIVE), "x\ny/z\n");
    assert_non_null(strstr(plan_of("mem://whole", 0), "-r"));
}

static void markers_of_folders_are_skipped(void **state)
{
    (void)state;
    put_object("mem://marker/d/", "", NULL);
    put_object("mem://marker/d/sub/", "", NULL);
    put_object("mem://marker/d/x", "1", NULL);
    assert_string_equal(plan_of("mem://marker/d/", 0), " (skipped)\nsub/ (skipped)\nx\n");
}

static void a_destination_in_the_source_is_refused(void **state)
{
    (void)state;
    make_tree();
    const char *const sources[] = {at("t/d/")};
    struct sat_plan_options options = options_of(sources, 1, 0);
    options.destination = at("t/d/sub");
    assert_non_null(strstr(plan_with(&options), "the destination lies in the source"));
    options.destination = at("t/dd");
    assert_null(strstr(plan_with(&options), "INVALID"));
}

static void regular_expressions_match_whole_names(void **state)
{
    (void)state;
    make_tree();
    assert_plan("d/.*\\.log$", 0, "a.log\nb.log\n");
    assert_plan("d/[ab]\\.log", 0, "a.log\nb.log\n");
    assert_plan("d/..lo.", REGEX, "a.log\nb.log\n");
    assert_plan("\\w/sub/.\\.log", 0, "d/sub/e.log\n");
    assert_plan("report \\(\\d\\).*", 0, "report (1).pdf\n");
}

static void regular_expressions_look_as_deep_as_they_are(void **state)
{
    (void)state;
    make_tree();
    assert_plan("d/.*/.*\\.log$", 0, "sub/e.log\n");
    assert_plan("d/.*\\.log$", RECURSIVE, "a.log\nb.log\nsub/deep/f.log\nsub/e.log\n");
    assert_plan("d/s\\w+", RECURSIVE, "sub/deep/f.log\nsub/e.log\n");
    assert_plan("d/s\\w+/", 0, "sub/deep/f.log\nsub/e.log\n");
}

static void names_that_are_not_utf8_match_no_regular_expression(void **state)
{
    (void)state;
    put("l/a\xE9.log", "");
    put("l/b.log", "");
    assert_string_equal(plan_of(at("l/.*\\.log"), 0), "b.log\n");
    assert_non_null(strstr(plan_of(at("l/*\xE9.log"), 0), "a\xE9.log"));
}

static void a_folder_among_several_sources_is_skipped(void **state)
{
    (void)state;
    make_tree();
    for (size_t i = 0; i < 3; i++) {
        const char *const sources[] = {text_of("%sd/sub", bases[i]), text_of("%sd/a.log", bases[i]),
                                       text_of("%sd/sub/deep", bases[i])};
        const struct sat_plan_options options = options_of(sources, 3, 0);
        assert_string_equal(plan_with(&options), "sub (skipped)\na.log\ndeep (skipped)\n");
    }
}

static void nothing_but_folders_is_a_failure(void **state)
{
    (void)state;
    make_tree();
    const char *const sources[] = {at("t/d/sub"), at("t/d")};
    const struct sat_plan_options options = options_of(sources, 2, 0);
    const char *found = plan_with(&options);
    assert_ptr_equal(strstr(found, "sub (skipped)\nd (skipped)\nINVALID "), found);
    assert_non_null(strstr(found, "-r"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_name_is_itself),
        CASE(a_folder_with_slash_gives_its_contents),
        CASE(a_folder_without_slash_keeps_its_name),
        CASE(a_folder_without_slash_needs_recursive),
        CASE(patterns_match_within_a_folder),
        CASE(two_stars_match_across_folders),
        CASE(patterns_take_folders_when_recursive),
        CASE(an_existing_name_is_no_pattern),
        CASE(an_existing_folder_is_no_pattern),
        CASE(literal_means_no_patterns),
        CASE(what_is_not_there_is_named),
        CASE(a_bad_pattern_is_told),
        CASE(the_plan_goes_on_behind_a_failure),
        CASE(links_are_skipped_unless_named),
        CASE(a_whole_bucket_is_a_folder),
        CASE(markers_of_folders_are_skipped),
        CASE(a_destination_in_the_source_is_refused),
        CASE(regular_expressions_match_whole_names),
        CASE(regular_expressions_look_as_deep_as_they_are),
        CASE(names_that_are_not_utf8_match_no_regular_expression),
        CASE(a_folder_among_several_sources_is_skipped),
        CASE(nothing_but_folders_is_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
