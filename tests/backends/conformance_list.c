/* Conformance: listings - order, prefixes, delimiters, pages, what a listing says of an object. */
#include "backends/fixture.h"

#include <stdio.h>

#include "core/alloc.h"
#include "core/str.h"

/* Lists all pages of `list` and joins the names with ' '; pages are moved on with their cursor. */
static void listed(struct sat_op *list, struct sat_buf *names, unsigned *pages)
{
    char *token = NULL;
    void *cursor = NULL;
    *pages = 0;
    do {
        struct sat_op op = *list;
        op.list.token = token;
        op.list_cursor = cursor;
        assert_runs(&op);
        for (size_t i = 0; i < op.page.entries.len; i++) {
            if (names->len > 0)
                (void)sat_buf_add_char(names, ' ');
            (void)sat_buf_add_str(names, name_of(sat_page_key(&op.page, i)));
            assert_int_equal(sat_page_at(&op.page, i)->is_prefix,
                             list->list.delimiter != NULL &&
                                 sat_str_ends(sat_page_key(&op.page, i), "/"));
        }
        sat_free(token);
        token = op.page.next == NULL ? NULL : sat_strdup(op.page.next);
        cursor = op.list_cursor;
        op.list_cursor = NULL;
        sat_op_fini(&op);
        ++*pages;
    } while (token != NULL);
}

static void assert_listed(struct sat_op list, const char *want, unsigned want_pages)
{
    unsigned pages;
    SAT_AUTO_BUF struct sat_buf names;
    sat_buf_init(&names, 1 << 20);
    listed(&list, &names, &pages);
    assert_string_equal(sat_buf_str(&names), want);
    if (want_pages > 0)
        assert_int_equal(pages, want_pages);
}

static struct sat_op list_of(const char *prefix)
{
    struct sat_op op = op_of(SAT_OP_LIST, NULL);
    op.list.prefix = key_of(prefix);
    return op;
}

static void put_all(const char *const *names)
{
    for (; *names != NULL; names++)
        put_text(*names, *names);
}

static void keys_come_in_byte_order(void **state)
{
    /* '-' and '.' sort before '/', '0' behind it: a folder is not simply its name. */
    static const char *const names[] = {"b",  "a/2", "a.1",      "a/1/z", "a-1",
                                        "a0", "A",   "\xc3\xa9", "a/1.x", NULL};
    (void)state;
    put_all(names);
    assert_listed(list_of(""), "A a-1 a.1 a/1.x a/1/z a/2 a0 b \xc3\xa9", 1);
}

static void prefixes_may_end_in_a_name(void **state)
{
    static const char *const names[] = {"ab", "abc/d", "abd/e", "ac", NULL};
    (void)state;
    put_all(names);
    assert_listed(list_of("ab"), "ab abc/d abd/e", 1);
    assert_listed(list_of("abc"), "abc/d", 1);
    assert_listed(list_of("abc/"), "abc/d", 1);
    assert_listed(list_of("abc/dx"), "", 1);
    assert_listed(list_of("nothing/here"), "", 1);
}

static void a_delimiter_rolls_folders_up(void **state)
{
    static const char *const names[] = {"a", "b/1", "b/2/3", "b.txt", "c/d/e", NULL};
    (void)state;
    put_all(names);
    struct sat_op top = list_of("");
    top.list.delimiter = "/";
    assert_listed(top, "a b.txt b/ c/", 1);
    struct sat_op below = list_of("b/");
    below.list.delimiter = "/";
    assert_listed(below, "b/1 b/2/", 1);
}

static void pages_join_without_gap_or_double(void **state)
{
    char name[16];
    char want[600] = "";
    (void)state;
    for (int i = 0; i < 25; i++) {
        (void)snprintf(name, sizeof name, "%s%02d", i % 3 == 0 ? "d/" : "d", i);
        put_text(name, "");
    }
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 25; i++) {
            if ((i % 3 == 0) != (round == 0))
                continue;
            (void)snprintf(name, sizeof name, "%s%s%02d", want[0] == '\0' ? "" : " ",
                           i % 3 == 0 ? "d/" : "d", i);
            (void)memcpy(want + strlen(want), name, strlen(name) + 1);
        }
    }
    struct sat_op small = list_of("");
    small.list.max_keys = 4;
    assert_listed(small, want, 7);
    struct sat_op exact = list_of("");
    exact.list.max_keys = 25;
    assert_listed(exact, want, 1);
}

static void pages_of_common_prefixes_join_too(void **state)
{
    static const char *const names[] = {"a/1", "a/2", "b", "c/1", "c/2/3", "d/1", "e", NULL};
    (void)state;
    put_all(names);
    for (unsigned size = 1; size <= 3; size++) {
        struct sat_op list = list_of("");
        list.list.delimiter = "/";
        list.list.max_keys = size;
        assert_listed(list, "a/ b c/ d/ e", 0);
    }
}

static void a_listing_may_begin_after_a_key(void **state)
{
    static const char *const names[] = {"a", "b/1", "b/2", "b0", "c", NULL};
    (void)state;
    put_all(names);
    struct sat_op list = list_of("");
    list.list.after = key_of("b/1");
    assert_listed(list, "b/2 b0 c", 1);
    list.list.after = key_of("b");
    assert_listed(list, "b/1 b/2 b0 c", 1);
    list.list.after = key_of("zzz");
    assert_listed(list, "", 1);
}

static void a_listing_may_be_taken_up_from_its_token_alone(void **state)
{
    static const char *const names[] = {"a/1", "a/2", "b/1", "c", NULL};
    (void)state;
    put_all(names);
    struct sat_op first = list_of("");
    first.list.max_keys = 2;
    assert_runs(&first);
    SAT_AUTO_FREE char *token = sat_strdup(first.page.next);
    sat_op_fini(&first);
    struct sat_op second = list_of("");
    second.list.token = token;
    assert_runs(&second);
    assert_int_equal(second.page.entries.len, 2);
    assert_string_equal(name_of(sat_page_key(&second.page, 0)), "b/1");
    sat_op_fini(&second);
}

static void a_token_that_is_a_common_prefix_stands_for_all_below_it(void **state)
{
    static const char *const names[] = {"a/1", "a/2", "b/1", "c", NULL};
    (void)state;
    put_all(names);
    struct sat_op first = list_of("");
    first.list.delimiter = "/";
    first.list.max_keys = 1;
    assert_runs(&first);
    SAT_AUTO_FREE char *token = sat_strdup(first.page.next);
    sat_op_fini(&first);
    struct sat_op second = list_of("");
    second.list.delimiter = "/";
    second.list.token = token;
    assert_runs(&second);
    assert_int_equal(second.page.entries.len, 2);
    assert_string_equal(name_of(sat_page_key(&second.page, 0)), "b/");
    assert_string_equal(name_of(sat_page_key(&second.page, 1)), "c");
    sat_op_fini(&second);
}

static void a_listing_may_begin_outside_its_prefix(void **state)
{
    static const char *const names[] = {"a", "b/1", "b/2", "c", NULL};
    (void)state;
    put_all(names);
    struct sat_op list = list_of("b/");
    list.list.after = key_of("a");
    assert_listed(list, "b/1 b/2", 1);
    list.list.after = key_of("bb");
    assert_listed(list, "", 1);
}

static void odd_names_are_listed_literally(void **state)
{
    static const char *const names[] = {"a b", "a%20b", "a&b", "a+b", "a=b", "caf\xc3\xa9", NULL};
    (void)state;
    put_all(names);
    struct sat_op list = list_of("");
    assert_runs(&list);
    assert_int_equal(list.page.entries.len, 6);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(name_of(sat_page_key(&list.page, i)), names[i]);
    sat_op_fini(&list);
    assert_listed(list_of("a+"), "a+b", 1);
    assert_listed(list_of("a%"), "a%20b", 1);
}

static void an_entry_says_what_stat_says(void **state)
{
    (void)state;
    put_text("e", "12345");
    struct sat_op stat = op_of(SAT_OP_STAT, "e");
    struct sat_op list = list_of("");
    assert_runs(&stat);
    assert_runs(&list);
    assert_int_equal(list.page.entries.len, 1);
    const struct sat_entry *entry = sat_page_at(&list.page, 0);
    assert_int_equal(entry->size, 5);
    assert_false(entry->is_prefix);
    assert_string_equal(sat_page_etag(&list.page, 0), stat.info.etag);
    assert_int_equal(entry->mtime_ns / 1000000000, stat.info.mtime_ns / 1000000000);
    sat_op_fini(&list);
    sat_op_fini(&stat);
}

static void deleted_keys_are_not_listed(void **state)
{
    (void)state;
    put_text("gone/1", "");
    put_text("here", "");
    struct sat_op drop = op_of(SAT_OP_DELETE, "gone/1");
    assert_runs(&drop);
    sat_op_fini(&drop);
    struct sat_op list = list_of("");
    list.list.delimiter = "/";
    assert_listed(list, "here", 1);
}

const struct CMUnitTest list_cases[] = {
    CASE(keys_come_in_byte_order),
    CASE(prefixes_may_end_in_a_name),
    CASE(a_delimiter_rolls_folders_up),
    CASE(pages_join_without_gap_or_double),
    CASE(pages_of_common_prefixes_join_too),
    CASE(a_listing_may_begin_after_a_key),
    CASE(a_listing_may_be_taken_up_from_its_token_alone),
    CASE(a_token_that_is_a_common_prefix_stands_for_all_below_it),
    CASE(a_listing_may_begin_outside_its_prefix),
    CASE(odd_names_are_listed_literally),
    CASE(an_entry_says_what_stat_says),
    CASE(deleted_keys_are_not_listed),
};
const size_t list_case_count = sizeof list_cases / sizeof *list_cases;
