/* One handle in many threads, and a second handle beside it; meant to run under TSan. */
#include "fixture.h"

#include <pthread.h>
#include <stdlib.h>

#include "core/str.h"
#include "query/parse.h"
#include "query/query.h"

enum { THREADS = 6, ROUNDS = 40, KEYS = 10 };

/* A store of one counter per key, so that a refresh lists something. */
struct shared {
    struct sat_index *index;
    struct sat_index *other;
    bool drops; /* freshness is dropped now and then: writes in flight are then read again */
    pthread_mutex_t lock;
    int n[THREADS][KEYS];
};

struct worker {
    struct shared *shared;
    int number;
    int failures;
};

static void key_of(int thread, int key, char out[32])
{
    (void)snprintf(out, 32, "t%d-k%d.json", thread, key);
}

/* cmocka's asserts are for the main thread: count instead. */
static void check(struct worker *worker, bool ok)
{
    worker->failures += ok ? 0 : 1;
}

static struct sat_index_row counted(const char *key, int n, char etag[16], char text[256])
{
    (void)snprintf(etag, 16, "\"%d\"", n);
    struct object object = {.key = key, .etag = etag, .n = n};
    return row_of(&object, text, 256);
}

static void write_one(struct worker *worker, struct sat_index *index, int at)
{
    char key[32];
    char etag[16];
    char text[256];
    key_of(worker->number, at, key);
    struct sat_index_settlement item = {.write = {.key = key}, .outcome = SAT_WRITE_STORED};
    check(worker, sat_index_begin(index, &item.write, 1, NULL) == SATCHEL_OK);
    (void)pthread_mutex_lock(&worker->shared->lock);
    int n = ++worker->shared->n[worker->number][at];
    (void)pthread_mutex_unlock(&worker->shared->lock);
    item.row = counted(key, n, etag, text);
    check(worker, sat_index_settle(index, &item, 1, NULL) == SATCHEL_OK);
}

/* A thread's own keys show what it wrote last, whatever refreshes and others do. */
static void read_own(struct worker *worker, struct sat_index *index, int at)
{
    char key[32];
    const char *keys[1] = {key};
    struct sat_index_rows *rows = NULL;
    key_of(worker->number, at, key);
    if (sat_index_lookup(index, keys, 1, true, &rows, NULL) != SATCHEL_OK) {
        check(worker, false);
        return;
    }
    (void)pthread_mutex_lock(&worker->shared->lock);
    int n = worker->shared->n[worker->number][at];
    (void)pthread_mutex_unlock(&worker->shared->lock);
    check(worker, sat_index_rows_at(rows, 0)->version == n);
    check(worker, worker->shared->drops || !sat_index_rows_at(rows, 0)->dirty);
    sat_index_rows_free(rows);
}

static void search_all(struct worker *worker, struct sat_index *index)
{
    struct sat_query *query = NULL;
    struct sat_index_search *search = NULL;
    const struct sat_index_row *row = NULL;
    size_t rows = 0;
    check(worker, sat_query_parse_where(sat_span_of("n > 0"), &query, NULL) == SATCHEL_OK);
    if (sat_index_search(index, query, &search, NULL) == SATCHEL_OK) {
        while (sat_index_search_next(search, &row, NULL) == SATCHEL_OK && row != NULL)
            rows++;
        check(worker, rows == sat_index_search_total(search));
        sat_index_search_close(search);
    } else {
        check(worker, false);
    }
    sat_query_free(query);
}

static int list_all(struct worker *worker, struct sat_index_refresh *refresh)
{
    int code = SATCHEL_OK;
    for (int thread = 0; thread < THREADS; thread++) {
        for (int at = 0; at < KEYS && code == SATCHEL_OK; at++) {
            char key[32];
            char etag[16];
            (void)pthread_mutex_lock(&worker->shared->lock);
            int n = worker->shared->n[thread][at];
            (void)pthread_mutex_unlock(&worker->shared->lock);
            key_of(thread, at, key);
            (void)snprintf(etag, sizeof etag, "\"%d\"", n);
            struct sat_index_listed item = {.key = key, .etag = etag, .size = 100};
            if (n > 0)
                code = sat_index_refresh_feed(refresh, &item, 1, NULL);
        }
    }
    return code;
}

static void refresh_once(struct worker *worker, struct sat_index *index)
{
    struct sat_index_refresh_options options = {.force = true, .wait_ms = 20000};
    struct sat_index_refresh *refresh = NULL;
    check(worker, sat_index_refresh_begin(index, &options, &refresh, NULL) == SATCHEL_OK);
    if (refresh == NULL)
        return;
    check(worker, list_all(worker, refresh) == SATCHEL_OK);
    check(worker, sat_index_refresh_listed(refresh, NULL) == SATCHEL_OK);
    for (size_t i = 0; i < sat_index_refresh_changes(refresh); i++) {
        const struct sat_index_listed *change = sat_index_refresh_change(refresh, i);
        char etag[16];
        char text[256];
        struct sat_index_row row = counted(change->key, number_of(change->etag), etag, text);
        check(worker, sat_index_refresh_put(refresh, &row, 1, NULL) == SATCHEL_OK);
    }
    check(worker, sat_index_refresh_commit(refresh, NULL) == SATCHEL_OK);
    sat_index_refresh_end(refresh);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct sat_index *index =
        worker->number % 2 == 0 ? worker->shared->index : worker->shared->other;
    for (int round = 0; round < ROUNDS; round++) {
        int at = round % KEYS;
        write_one(worker, index, at);
        read_own(worker, index, at);
        (void)sat_index_is_fresh(index, 60);
        if (round % 8 == 0)
            search_all(worker, index);
        if (round % 20 == worker->number)
            refresh_once(worker, index);
        if (worker->shared->drops && round % 10 == worker->number)
            sat_index_drop_freshness(index);
    }
    return NULL;
}

static void run_threads(void **state, bool drops)
{
    struct shared *shared = calloc(1, sizeof *shared);
    struct worker workers[THREADS];
    pthread_t threads[THREADS];
    assert_non_null(shared);
    shared->drops = drops;
    bool memory = ((const struct folder *)*state)->path[0] == ':';
    shared->index = open_index(state);
    shared->other = memory ? shared->index : open_index(state);
    assert_int_equal(pthread_mutex_init(&shared->lock, NULL), 0);
    /* A file that was never listed refuses to be searched. */
    struct worker first = {.shared = shared};
    refresh_once(&first, shared->index);
    assert_int_equal(first.failures, 0);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.shared = shared, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].failures, 0);
    }
    assert_int_equal(count_of(shared->index), THREADS * KEYS);
    if (!drops)
        assert_int_equal(orphans_of(shared->other), 0);
    if (!memory)
        sat_index_close(shared->other);
    sat_index_close(shared->index);
    (void)pthread_mutex_destroy(&shared->lock);
    free(shared);
}

static void threads_share_handles(void **state)
{
    run_threads(state, false);
}

static void freshness_is_dropped_by_any_thread(void **state)
{
    run_threads(state, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(freshness_is_dropped_by_any_thread, folder_setup,
                                        folder_teardown),
        cmocka_unit_test_setup_teardown(threads_share_handles, folder_setup, folder_teardown),
        {"in memory: threads_share_handles", threads_share_handles, memory_setup, folder_teardown,
         NULL},
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
