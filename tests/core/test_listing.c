/* The loop over pages of a listing, on a backend whose pages are scripted here. */
#include "core/listing.h"

#include <stdio.h>

#include "support/test.h"

#include "core/backend.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/str.h"
#include "support/forked.h"

/* Page i has the keys a[i] and the token next[i] (NULL = last). */
struct script {
    const char *const *keys; /* one a page; "" = an empty page */
    const char *const *next;
    size_t pages;
    size_t asked;
    int fail_at; /* page that fails; -1 = none */
};

static int list(void *state, struct sat_op *op, satchel_error *err)
{
    static const struct sat_entry entry = {.size = 7};
    struct script *script = state;
    size_t page = script->asked++ % script->pages;
    if ((int)page == script->fail_at)
        return sat_error_set(err, SATCHEL_DENIED, "no");
    if (*script->keys[page] != '\0')
        assert_int_equal(sat_page_add(&op->page, sat_span_of(script->keys[page]), "etag", &entry),
                         SATCHEL_OK);
    op->page.next = script->next[page] == NULL ? NULL : sat_strdup(script->next[page]);
    return SATCHEL_OK;
}

static const struct sat_backend backend = {.name = "script",
                                           .slots = {[SAT_OP_LIST] = {.run = list}}};

static struct sat_listing *listing_of(struct script *script, struct sat_conn *conn)
{
    struct sat_listing *listing = NULL;
    *conn = (struct sat_conn){
        .backend = &backend, .state = script, .bucket = (char[]){""}, .request_timeout_ms = 60000};
    assert_int_equal(sat_listing_open(conn, SAT_OP_LIST, "", NULL, &listing, NULL), SATCHEL_OK);
    return listing;
}

static void rows_of_all_pages_come(void **state)
{
    static const char *const keys[] = {"a", "", "b"};
    static const char *const next[] = {"t1", "t2", NULL};
    struct script script = {.keys = keys, .next = next, .pages = 3, .fail_at = -1};
    const struct sat_listed *row;
    struct sat_conn conn;
    (void)state;
    struct sat_listing *listing = listing_of(&script, &conn);
    assert_int_equal(script.asked, 0);
    assert_int_equal(sat_listing_next(listing, &row, NULL), SATCHEL_OK);
    assert_string_equal(row->key, "a");
    assert_string_equal(row->etag, "etag");
    assert_int_equal(row->size, 7);
    assert_int_equal(sat_listing_next(listing, &row, NULL), SATCHEL_OK);
    assert_string_equal(row->key, "b");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(sat_listing_next(listing, &row, NULL), SATCHEL_OK);
        assert_null(row);
    }
    assert_int_equal(script.asked, 3);
    sat_listing_close(listing);
}

/* Runs to the error; the pages that were asked for. */
static size_t pages_until(struct script *script, int want)
{
    const struct sat_listed *row;
    struct sat_conn conn;
    satchel_error err = {0};
    struct sat_listing *listing = listing_of(script, &conn);
    int code;
    do {
        code = sat_listing_next(listing, &row, &err);
    } while (code == SATCHEL_OK && script->asked < 1000);
    assert_int_equal(code, want);
    assert_null(row);
    /* The error stays: a listing cut short is never mistaken for a whole one. */
    assert_int_equal(sat_listing_next(listing, &row, NULL), want);
    sat_listing_close(listing);
    return script->asked;
}

static void a_repeated_token_ends_it_at_once(void **state)
{
    static const char *const keys[] = {"a"};
    static const char *const next[] = {"same"};
    struct script script = {.keys = keys, .next = next, .pages = 1, .fail_at = -1};
    (void)state;
    assert_int_equal(pages_until(&script, SATCHEL_CORRUPT), 2);
}

static void a_circle_of_tokens_ends(void **state)
{
    static const char *const keys[] = {"a", "b", "c", "d", "e"};
    static const char *const next[] = {"1", "2", "3", "4", "5"};
    struct script script = {.keys = keys, .next = next, .pages = 5, .fail_at = -1};
    (void)state;
    assert_in_range(pages_until(&script, SATCHEL_CORRUPT), 6, 25);
}

static void a_failed_page_ends_it(void **state)
{
    static const char *const keys[] = {"a", "b"};
    static const char *const next[] = {"1", NULL};
    struct script script = {.keys = keys, .next = next, .pages = 2, .fail_at = 1};
    (void)state;
    assert_int_equal(pages_until(&script, SATCHEL_DENIED), 2);
}

static int next_in_child(void *listing)
{
    const struct sat_listed *row = NULL;
    bool refused = sat_listing_next(listing, &row, NULL) == SATCHEL_CANCELLED &&
                   sat_listing_next(listing, &row, NULL) == SATCHEL_CANCELLED;
    sat_listing_close(listing);
    return refused ? 0 : 1;
}

static void a_listing_is_not_a_forked_childs(void **state)
{
    static const char *const keys[] = {"a", "b"};
    static const char *const next[] = {"1", NULL};
    struct script script = {.keys = keys, .next = next, .pages = 2, .fail_at = -1};
    struct sat_conn conn;
    const struct sat_listed *row = NULL;
    (void)state;
    assert_int_equal(sat_fork_start(NULL), SATCHEL_OK);
    struct sat_listing *listing = listing_of(&script, &conn);
    assert_int_equal(sat_listing_next(listing, &row, NULL), SATCHEL_OK);
    assert_int_equal(run_forked(next_in_child, listing), 0);
    assert_int_equal(sat_listing_next(listing, &row, NULL), SATCHEL_OK);
    assert_string_equal(row->key, "b");
    sat_listing_close(listing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_all_pages_come),
        cmocka_unit_test(a_repeated_token_ends_it_at_once),
        cmocka_unit_test(a_circle_of_tokens_ends),
        cmocka_unit_test(a_failed_page_ends_it),
        cmocka_unit_test(a_listing_is_not_a_forked_childs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
