/* The n-th allocation and the n-th kernel call fail, for every n: a clean error, then a sound
 * index. */
#include "fixture.h"

#include <errno.h>

#include "core/alloc.h"
#include "core/os.h"
#include "core/str.h"
#include "local/sql.h"
#include "query/parse.h"
#include "query/query.h"

static const struct object three[] = {
    {"a.json", "\"1\"", 1}, {"b.json", "\"2\"", 2}, {"c.json", "\"3\"", 3}};

static int try_refresh(struct sat_index *index, satchel_error *err)
{
    struct sat_index_refresh_options options = {.force = true, .wait_ms = 1000};
    struct sat_index_refresh *refresh = NULL;
    int code = sat_index_refresh_begin(index, &options, &refresh, err);
    if (code != SATCHEL_OK)
        return code;
    for (size_t i = 0; i < 3 && code == SATCHEL_OK; i++) {
        struct sat_index_listed item = {three[i].key, three[i].etag, 100};
        code = sat_index_refresh_feed(refresh, &item, 1, err);
    }
    if (code == SATCHEL_OK)
        code = sat_index_refresh_listed(refresh, err);
    for (size_t i = 0; i < sat_index_refresh_changes(refresh) && code == SATCHEL_OK; i++) {
        char text[256];
        size_t at = (size_t)(sat_index_refresh_change(refresh, i)->key[0] - 'a');
        struct sat_index_row row = row_of(&three[at], text, sizeof text);
        code = sat_index_refresh_put(refresh, &row, 1, err);
    }
    if (code == SATCHEL_OK)
        code = sat_index_refresh_commit(refresh, err);
    sat_index_refresh_end(refresh);
    return code;
}

static int try_search(struct sat_index *index, satchel_error *err)
{
    struct sat_query *query = NULL;
    struct sat_index_search *search = NULL;
    const struct sat_index_row *row = NULL;
    int code = sat_query_parse_where(sat_span_of("n >= 2 ORDER BY n"), &query, err);
    if (code == SATCHEL_OK)
        code = sat_index_search(index, query, &search, err);
    if (code == SATCHEL_OK)
        code = sat_index_search_next(search, &row, err);
    sat_index_search_close(search);
    sat_query_free(query);
    return code;
}

static int try_write(struct sat_index *index, satchel_error *err)
{
    char text[256];
    struct object object = {"b.json", "\"2\"", 2};
    struct sat_index_settlement item = {.write = {.key = "b.json"}, .outcome = SAT_WRITE_STORED};
    int begun = sat_index_begin(index, &item.write, 1, err);
    item.row = row_of(&object, text, sizeof text);
    int code = sat_index_settle(index, &item, 1, begun == SATCHEL_OK ? err : NULL);
    if (begun != SATCHEL_OK || code != SATCHEL_OK)
        sat_index_drop_freshness(index);
    return begun != SATCHEL_OK ? begun : code;
}

static int scenario(const struct folder *folder, satchel_error *err)
{
    static const char *const fields[] = {"n"};
    static const char *const keys[] = {"a.json"};
    struct sat_index_options options = {.cache_dir = folder->path, .identity = "test"};
    struct sat_index *index = NULL;
    struct sat_index_rows *rows = NULL;
    uint64_t count = 0;
    int code = sat_index_open(&options, &index, err);
    if (code != SATCHEL_OK)
        return code;
    code = sat_index_set_fields(index, fields, 1, err);
    if (code == SATCHEL_OK)
        code = try_refresh(index, err);
    if (code == SATCHEL_OK)
        code = try_write(index, err);
    if (code == SATCHEL_OK)
        code = sat_index_lookup(index, keys, 1, true, &rows, err);
    if (code == SATCHEL_OK)
        code = sat_index_count(index, &count, err);
    sat_index_rows_free(rows);
    if (code == SATCHEL_OK)
        code = try_search(index, err);
    sat_index_close(index);
    return code;
}

/* After any failure: what is fresh is right, and the rest can be refreshed. */
static void must_be_sound(void **state)
{
    struct sat_index *index = open_index(state);
    if (sat_index_is_fresh(index, -1) && orphans_of(index) == 0)
        assert_int_equal(count_of(index), 3);
    (void)refresh_with(index, three, 3);
    assert_int_equal(orphans_of(index), 0);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(etag_of(index, three[i].key), three[i].etag);
    sat_index_close(index);
    assert_int_equal(sat_sqlite_open_count(), 0);
}

static void torture(void **state, bool kernel)
{
    bool failed_at_all = false;
    for (long n = 1;; n++) {
        satchel_error err = {.code = SATCHEL_OK};
        if (kernel)
            sat_os_fail_nth(n, EIO);
        else
            sat_alloc_fail_nth(n);
        int code = scenario(*state, &err);
        long calls = kernel ? sat_os_call_count() : sat_alloc_count();
        sat_os_fail_nth(0, 0);
        sat_alloc_fail_nth(0);
        assert_int_equal(sat_sqlite_open_count(), 0);
        if (code != SATCHEL_OK) {
            failed_at_all = true;
            assert_int_equal(err.code, code);
            assert_true(err.text[0] != '\0');
        }
        must_be_sound(state);
        if (calls < n)
            break;
    }
    assert_true(failed_at_all);
}

static void every_allocation_may_fail(void **state)
{
    torture(state, false);
}

static void every_kernel_call_may_fail(void **state)
{
    torture(state, true);
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(every_allocation_may_fail),
        ON_DISK(every_kernel_call_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
