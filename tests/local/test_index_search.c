/* Search and count on the index: filter, order, pages, snapshot, corrupt objects. */
#include "fixture.h"

#include <stdlib.h>

#include "core/str.h"
#include "query/parse.h"
#include "query/query.h"

enum { BIG_ROWS = 40, BIG_BODY = 300000 };

static void fill(struct sat_index *index, int count)
{
    struct object *objects = calloc((size_t)count, sizeof *objects);
    char(*keys)[32] = calloc((size_t)count, sizeof *keys);
    assert_non_null(objects);
    assert_non_null(keys);
    for (int i = 0; i < count; i++) {
        (void)snprintf(keys[i], sizeof keys[i], "k%04d.json", i);
        objects[i] = (struct object){.key = keys[i], .etag = "\"e\"", .n = i};
    }
    refresh_with(index, objects, (size_t)count);
    free(keys);
    free(objects);
}

static struct sat_query *query_of(const char *where)
{
    struct sat_query *query = NULL;
    satchel_error err = {.text = ""};
    if (sat_query_parse_where(sat_span_of(where), &query, &err) != SATCHEL_OK)
        fail_msg("%s: %s", where, err.text);
    return query;
}

static struct sat_index_search *search_for(struct sat_index *index, const char *where)
{
    struct sat_query *query = query_of(where);
    struct sat_index_search *search = NULL;
    satchel_error err = {.text = ""};
    if (sat_index_search(index, query, &search, &err) != SATCHEL_OK)
        fail_msg("%s: %s", where, err.text);
    sat_query_free(query);
    return search;
}

/* The versions (= n) of the answer, joined by spaces. */
static const char *answer(struct sat_index *index, const char *where)
{
    static char text[4096];
    const struct sat_index_row *row = NULL;
    struct sat_index_search *search = search_for(index, where);
    size_t rows = 0;
    text[0] = '\0';
    OK(sat_index_search_next(search, &row, NULL));
    while (row != NULL) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof text - used, "%s%lld", rows++ > 0 ? " " : "",
                       (long long)row->version);
        OK(sat_index_search_next(search, &row, NULL));
    }
    assert_int_equal(rows, sat_index_search_total(search));
    sat_index_search_close(search);
    return text;
}

static uint64_t matches(struct sat_index *index, const char *where)
{
    uint64_t count = 0;
    struct sat_query *query = query_of(where);
    OK(sat_index_count_matches(index, query, &count, NULL));
    sat_query_free(query);
    return count;
}

static void filters_sorts_and_cuts(void **state)
{
    struct sat_index *index = open_index(state);
    fill(index, 20);
    assert_string_equal(answer(index, "n >= 17"), "17 18 19");
    assert_string_equal(answer(index, "n < 10 ORDER BY n DESC LIMIT 3"), "9 8 7");
    assert_string_equal(answer(index, "n < 10 ORDER BY n DESC LIMIT 3 OFFSET 2"), "7 6 5");
    assert_string_equal(answer(index, "n = 3 OR NOT n < 18"), "3 18 19");
    assert_string_equal(answer(index, "n > 100"), "");
    assert_int_equal(matches(index, "n >= 5 LIMIT 2"), 15);
    sat_index_close(index);
}

static void rows_carry_key_etag_and_body(void **state)
{
    const struct sat_index_row *row = NULL;
    struct sat_index *index = open_index(state);
    fill(index, 3);
    struct sat_index_search *search = search_for(index, "n = 1");
    OK(sat_index_search_next(search, &row, NULL));
    assert_string_equal(row->key, "k0001.json");
    assert_string_equal(row->etag, "\"e\"");
    assert_non_null(strstr(row->body.data, "\"n\":1"));
    assert_false(row->dirty);
    sat_index_search_close(search);
    sat_index_search_close(NULL);
    sat_index_close(index);
}

static void declared_fields_answer_alike(void **state)
{
    const char *fields[] = {"n"};
    struct sat_index *index = open_index(state);
    fill(index, 50);
    char scan[4096];
    (void)snprintf(scan, sizeof scan, "%s", answer(index, "n > 10 AND n <= 20 ORDER BY n DESC"));
    OK(sat_index_set_fields(index, fields, 1, NULL));
    assert_string_equal(answer(index, "n > 10 AND n <= 20 ORDER BY n DESC"), scan);
    store(index, "k0015.json", "\"new\"", 1500);
    assert_int_equal(matches(index, "n > 10 AND n <= 20"), 9);
    assert_string_equal(answer(index, "n > 1000"), "1500");
    sat_index_close(index);
}

static void deleted_and_unsettled_rows_are_no_records(void **state)
{
    struct sat_index *index = open_index(state);
    fill(index, 3);
    erase(index, "k0001.json");
    struct sat_index_write write = begin_write(index, "new.json");
    assert_string_equal(answer(index, "n >= 0"), "0 2");
    assert_int_equal(matches(index, "n >= 0"), 2);
    OK(settle_as(index, write, SAT_WRITE_UNCHANGED, NULL));
    sat_index_close(index);
}

static void a_corrupt_object_is_named(void **state)
{
    satchel_error err;
    uint64_t count = 0;
    struct sat_index_search *search = NULL;
    struct sat_index *index = open_index(state);
    fill(index, 3);
    struct sat_index_settlement item = {
        .write = begin_write(index, "bad.json"),
        .outcome = SAT_WRITE_STORED,
        .row = {.state = SAT_ROW_CORRUPT, .etag = "\"x\"", .size = 3},
    };
    OK(sat_index_settle(index, &item, 1, NULL));
    struct sat_query *query = query_of("n = 1");
    assert_int_equal(sat_index_search(index, query, &search, &err), SATCHEL_CORRUPT);
    assert_non_null(strstr(err.text, "bad.json"));
    assert_null(search);
    assert_int_equal(sat_index_count_matches(index, query, &count, &err), SATCHEL_CORRUPT);
    sat_query_free(query);
    erase(index, "bad.json");
    assert_string_equal(answer(index, "n = 1"), "1");
    sat_index_close(index);
}

/* Rows of 300 kB: the answer is longer than what is kept in memory. */
static void fill_big(struct sat_index *index)
{
    char *text = malloc(BIG_BODY + 64);
    refresh_with(index, NULL, 0);
    assert_non_null(text);
    for (int i = 0; i < BIG_ROWS; i++) {
        char key[32];
        (void)snprintf(key, sizeof key, "big%02d.json", i);
        int head = snprintf(text, 64, "{\"id\":\"%s\",\"fields\":{\"t\":\"", key);
        memset(text + head, 'x', BIG_BODY);
        memcpy(text + head + BIG_BODY, "\"},\"metadata\":{}}", 17);
        struct sat_index_settlement item = {
            .write = begin_write(index, key),
            .outcome = SAT_WRITE_STORED,
            .row = {.state = SAT_ROW_LIVE,
                    .etag = "\"e\"",
                    .version = i,
                    .size = 1,
                    .body = {.data = text, .len = (size_t)head + BIG_BODY + 17}},
        };
        OK(sat_index_settle(index, &item, 1, NULL));
    }
    free(text);
}

static void a_long_answer_is_one_snapshot(void **state)
{
    const struct sat_index_row *row = NULL;
    struct sat_index *index = open_index(state);
    fill_big(index);
    struct sat_index_search *search = search_for(index, "LIMIT 1000");
    assert_int_equal(sat_index_search_total(search), BIG_ROWS);
    /* Writers go on, and the answer stays what it was. */
    erase(index, "big39.json");
    store(index, "big38.json", "\"other\"", 999);
    for (int i = 0; i < BIG_ROWS; i++) {
        OK(sat_index_search_next(search, &row, NULL));
        assert_non_null(row);
        assert_int_equal(row->version, i);
        assert_true(row->body.len > BIG_BODY);
    }
    OK(sat_index_search_next(search, &row, NULL));
    assert_null(row);
    sat_index_search_close(search);
    assert_int_equal(count_of(index), BIG_ROWS - 1);
    sat_index_close(index);
}

static void a_search_may_be_left_early(void **state)
{
    struct sat_index *index = open_index(state);
    fill_big(index);
    sat_index_search_close(search_for(index, "LIMIT 1000"));
    store(index, "after.json", "\"a\"", 1);
    sat_index_close(index);
}

static void a_failing_filter_is_an_error(void **state)
{
    satchel_error err;
    struct sat_index_search *search = NULL;
    struct sat_index *index = open_index(state);
    refresh_with(index, NULL, 0);
    struct sat_index_settlement item = {
        .write = begin_write(index, "a.json"),
        .outcome = SAT_WRITE_STORED,
        .row = {.state = SAT_ROW_LIVE,
                .etag = "\"x\"",
                .body = sat_span_of("{\"id\":\"a\",\"fields\":{\"t\":"
                                    "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\"}}")},
    };
    OK(sat_index_settle(index, &item, 1, NULL));
    struct sat_query *query = query_of("t REGEX '^(a+)+$'");
    assert_int_equal(sat_index_search(index, query, &search, &err), SATCHEL_LIMIT);
    sat_query_free(query);
    /* The connection is none the worse for it. */
    assert_int_equal(matches(index, "t STARTS WITH 'aa'"), 1);
    sat_index_close(index);
}

static void what_was_never_listed_has_no_answer(void **state)
{
    uint64_t count = 0;
    struct sat_index_search *search = NULL;
    struct sat_index *index = open_index(state);
    fill(index, 3);
    OK(sat_index_clear(index, NULL));
    struct sat_query *query = query_of("n = 1");
    assert_int_equal(sat_index_search(index, query, &search, NULL), SATCHEL_MODIFIED);
    assert_null(search);
    assert_int_equal(sat_index_count_matches(index, query, &count, NULL), SATCHEL_MODIFIED);
    assert_int_equal(sat_index_count(index, &count, NULL), SATCHEL_MODIFIED);
    sat_query_free(query);
    sat_index_close(index);
}

#define ON_DISK(test)   cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)
#define IN_MEMORY(test) {"in memory: " #test, test, memory_setup, folder_teardown, NULL}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(filters_sorts_and_cuts),
        ON_DISK(rows_carry_key_etag_and_body),
        ON_DISK(declared_fields_answer_alike),
        ON_DISK(deleted_and_unsettled_rows_are_no_records),
        ON_DISK(a_corrupt_object_is_named),
        ON_DISK(a_long_answer_is_one_snapshot),
        ON_DISK(a_search_may_be_left_early),
        ON_DISK(a_failing_filter_is_an_error),
        ON_DISK(what_was_never_listed_has_no_answer),
        IN_MEMORY(filters_sorts_and_cuts),
        IN_MEMORY(declared_fields_answer_alike),
        IN_MEMORY(a_long_answer_is_one_snapshot),
        IN_MEMORY(a_corrupt_object_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
