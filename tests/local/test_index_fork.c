/* Fork with an index open: nothing acknowledged is lost, parent and child go on. */
#include "fixture.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "local/index_private.h"
#include "query/query.h"
#include "support/forked.h"

enum { WRITES = 250, LARGE = 40, LARGE_BODY = 256 * 1024 };

/* Exit status of a child: which step failed. */
enum { FINE, NO_WRITE };

static int write_one(struct sat_index *index, const char *who, int n)
{
    char key[32];
    char text[256];
    (void)snprintf(key, sizeof key, "%s-%d.json", who, n);
    struct object object = {.key = key, .etag = "\"1\"", .n = n};
    struct sat_index_settlement item = {.write = {.key = key}, .outcome = SAT_WRITE_STORED};
    int code = sat_index_begin(index, &item.write, 1, NULL);
    item.row = row_of(&object, text, sizeof text);
    return code == SATCHEL_OK ? sat_index_settle(index, &item, 1, NULL) : code;
}

static int write_all(struct sat_index *index, const char *who)
{
    for (int n = 0; n < WRITES; n++) {
        if (write_one(index, who, n) != SATCHEL_OK)
            return NO_WRITE;
    }
    return FINE;
}

static int count_rows(struct sat_index *index, const char *who)
{
    int found = 0;
    for (int n = 0; n < WRITES; n++) {
        char key[32];
        struct sat_index_rows *rows = NULL;
        (void)snprintf(key, sizeof key, "%s-%d.json", who, n);
        const char *keys[1] = {key};
        if (sat_index_lookup(index, keys, 1, true, &rows, NULL) != SATCHEL_OK)
            return -1;
        const struct sat_index_row *row = sat_index_rows_at(rows, 0);
        found += row->state == SAT_ROW_LIVE && !row->dirty;
        sat_index_rows_free(rows);
    }
    return found;
}

static int write_as_child(void *index)
{
    return write_all(index, "child");
}

/* Rows acknowledged in either process are there, in this handle and in a new one. */
static void no_acknowledged_write_is_lost(void **state)
{
    struct sat_index *index = open_index(state);
    assert_int_equal(write_one(index, "before", 0), SATCHEL_OK);
    pid_t pid = fork_to(write_as_child, index);
    assert_int_equal(write_all(index, "parent"), FINE);
    assert_int_equal(wait_for(pid), FINE);
    assert_int_equal(count_rows(index, "parent"), WRITES);
    assert_int_equal(count_rows(index, "child"), WRITES);
    sat_index_close(index);
    index = open_index(state);
    assert_int_equal(count_rows(index, "parent"), WRITES);
    assert_int_equal(count_rows(index, "child"), WRITES);
    assert_int_equal(outside_int(index, "SELECT count(*) FROM obj"), 2 * WRITES + 1);
    sat_index_close(index);
}

static sem_t begun;

/* The first write is past before anybody forks: a sanitizer's allocator, which takes memory from
 * the kernel then, does not survive a fork in the middle of that. */
static void *write_in_thread(void *index)
{
    (void)write_one(index, "first", 0);
    (void)sem_post(&begun);
    return (void *)(intptr_t)write_all(index, "thread");
}

/* The child of a process that writes all the time. */
static void forks_amid_writes_lose_nothing(void **state)
{
    pthread_t thread;
    void *result = NULL;
    struct sat_index *index = open_index(state);
    assert_int_equal(sem_init(&begun, 0, 0), 0);
    assert_int_equal(pthread_create(&thread, NULL, write_in_thread, index), 0);
    assert_int_equal(sem_wait(&begun), 0);
    assert_int_equal(run_forked(write_as_child, index), FINE);
    (void)pthread_join(thread, &result);
    assert_null(result);
    assert_int_equal(count_rows(index, "thread"), WRITES);
    assert_int_equal(count_rows(index, "child"), WRITES);
    sat_index_close(index);
}

/* ---- connections and marks */

static int close_index(void *index)
{
    sat_index_close(index);
    return FINE;
}

static int write_and_close(void *index)
{
    return write_one(index, "child", 0) == SATCHEL_OK ? close_index(index) : NO_WRITE;
}

static void a_child_may_close_the_handle(void **state)
{
    const struct object objects[] = {{.key = "a.json", .etag = "\"1\"", .n = 1}};
    struct sat_index *index = open_index(state);
    refresh_with(index, objects, 1);
    assert_int_equal(run_forked(close_index, index), FINE);
    assert_int_equal(run_forked(write_and_close, index), FINE);
    assert_string_equal(etag_of(index, "a.json"), "\"1\"");
    assert_string_equal(etag_of(index, "child-0.json"), "\"1\"");
    assert_true(sat_index_is_fresh(index, 60));
    sat_index_close(index);
}

/* As a write does that could not be marked. */
static int drop_freshness(void *index)
{
    sat_index_drop_freshness(index);
    return sat_index_is_fresh(index, 60) ? 1 : FINE;
}

static void a_child_can_drop_the_freshness_first_of_all(void **state)
{
    struct sat_index *index = open_index(state);
    refresh_with(index, NULL, 0);
    assert_int_equal(run_forked(drop_freshness, index), FINE);
    assert_false(sat_index_is_fresh(index, 60));
    sat_index_close(index);
}

static int leave_a_mark(void *index)
{
    struct sat_index_write write = {.key = "b.json"};
    return sat_index_begin(index, &write, 1, NULL) == SATCHEL_OK ? FINE : NO_WRITE;
}

/* Its marks are those of another writer, who dies with it. */
static void a_child_has_an_owner_of_its_own(void **state)
{
    struct sat_index *index = open_index(state);
    struct sat_index_write ours = begin_write(index, "a.json");
    assert_int_equal(run_forked(leave_a_mark, index), FINE);
    assert_int_equal(orphans_of(index), 1);
    assert_true(is_dirty(index, "b.json"));
    OK(settle_as(index, ours, SAT_WRITE_UNCHANGED, NULL));
    sat_index_close(index);
}

static int pipe_fds[2];

static int wait_for_the_end(void *unused)
{
    char byte;
    (void)unused;
    (void)close(pipe_fds[1]);
    return read(pipe_fds[0], &byte, 1) == 0 ? FINE : 1;
}

/* The refresher's lock ends with the refresh, whatever copies of it a living child was given. */
static void a_child_holds_no_lock_of_its_parent(void **state)
{
    struct sat_index *index = open_index(state);
    assert_int_equal(pipe(pipe_fds), 0);
    struct sat_index_refresh *refresh = begin_refresh(index);
    pid_t pid = fork_to(wait_for_the_end, NULL);
    sat_index_refresh_end(refresh);
    /* The child closes its copies before it does anything, but perhaps not before we are here. */
    const struct sat_index_refresh_options options = {.force = true, .wait_ms = 10000};
    OK(sat_index_refresh_begin(index, &options, &refresh, NULL));
    sat_index_refresh_end(refresh);
    (void)close(pipe_fds[1]);
    assert_int_equal(wait_for(pid), FINE);
    (void)close(pipe_fds[0]);
    sat_index_close(index);
}

/* A connection that is in use whatever the fork waits for. */
static void a_child_does_not_open_a_file_that_was_in_use(void **state)
{
    struct sat_index_conn *used = NULL;
    char before[PATH_SIZE];
    char after[PATH_SIZE];
    struct sat_index *index = open_index(state);
    assert_int_equal(write_one(index, "parent", 0), SATCHEL_OK);
    sat_index_path(index, before, sizeof before);
    OK(sat_index_acquire(index, &used, NULL));
    assert_int_equal(run_forked(write_and_close, index), FINE);
    sat_index_release(index, used);
    assert_string_equal(etag_of(index, "child-0.json"), "\"1\"");
    sat_index_path(index, after, sizeof after);
    assert_string_not_equal(before, after);
    assert_int_equal(write_one(index, "parent", 1), SATCHEL_OK);
    sat_index_close(index);
}

static void a_copy_in_memory_is_the_childs_own(void **state)
{
    struct sat_index *index = open_index(state);
    assert_int_equal(write_one(index, "child", 1), SATCHEL_OK);
    assert_int_equal(run_forked(write_and_close, index), FINE);
    assert_string_equal(etag_of(index, "child-0.json"), "");
    assert_string_equal(etag_of(index, "child-1.json"), "\"1\"");
    sat_index_close(index);
}

/* ---- large answers */

static void store_large(struct sat_index *index)
{
    char *text = malloc(LARGE_BODY);
    assert_non_null(text);
    memset(text, ' ', LARGE_BODY);
    memcpy(text, "{}", 2);
    refresh_with(index, NULL, 0);
    for (int n = 0; n < LARGE; n++) {
        char key[32];
        (void)snprintf(key, sizeof key, "%03d.json", n);
        struct sat_index_settlement item = {.write = begin_write(index, key),
                                            .outcome = SAT_WRITE_STORED};
        item.row.etag = "\"1\"";
        item.row.body = (satchel_span){.data = text, .len = LARGE_BODY};
        OK(sat_index_settle(index, &item, 1, NULL));
    }
    free(text);
}

static struct sat_index_search *search_first(struct sat_index *index)
{
    static const struct sat_query everything = {.limit = -1};
    struct sat_index_search *search = NULL;
    const struct sat_index_row *row = NULL;
    OK(sat_index_search(index, &everything, &search, NULL));
    OK(sat_index_search_next(search, &row, NULL));
    assert_string_equal(row->key, "000.json");
    return search;
}

/* Rows up to the end, or the code that ended them. */
static int read_on(struct sat_index_search *search, int *rows)
{
    const struct sat_index_row *row = NULL;
    int code = sat_index_search_next(search, &row, NULL);
    for (*rows = 0; code == SATCHEL_OK && row != NULL; (*rows)++)
        code = sat_index_search_next(search, &row, NULL);
    return code;
}

static void a_large_answer_goes_on_in_the_parent(void **state)
{
    int rows = 0;
    struct sat_index *index = open_index(state);
    store_large(index);
    struct sat_index_search *search = search_first(index);
    assert_int_equal(run_forked(close_index, index), FINE);
    OK(read_on(search, &rows));
    assert_int_equal(rows, LARGE - 1);
    sat_index_search_close(search);
    sat_index_close(index);
}

static void a_large_answer_never_mixes_two_states(void **state)
{
    int rows = 0;
    struct sat_index *index = open_index(state);
    store_large(index);
    struct sat_index_search *search = search_first(index);
    assert_int_equal(run_forked(write_and_close, index), FINE);
    assert_int_equal(read_on(search, &rows), SATCHEL_MODIFIED);
    assert_int_equal(read_on(search, &rows), SATCHEL_MODIFIED);
    assert_int_equal(rows, 0);
    sat_index_search_close(search);
    search = search_first(index);
    sat_index_search_close(search);
    sat_index_close(index);
}

#define FILE_TEST(name)   cmocka_unit_test_setup_teardown(name, folder_setup, folder_teardown)
#define MEMORY_TEST(name) {"memory: " #name, name, memory_setup, folder_teardown, NULL}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(no_acknowledged_write_is_lost),
        FILE_TEST(forks_amid_writes_lose_nothing),
        FILE_TEST(a_child_may_close_the_handle),
        FILE_TEST(a_child_can_drop_the_freshness_first_of_all),
        FILE_TEST(a_child_has_an_owner_of_its_own),
        FILE_TEST(a_child_holds_no_lock_of_its_parent),
        FILE_TEST(a_child_does_not_open_a_file_that_was_in_use),
        MEMORY_TEST(a_copy_in_memory_is_the_childs_own),
        FILE_TEST(a_large_answer_goes_on_in_the_parent),
        FILE_TEST(a_large_answer_never_mixes_two_states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
