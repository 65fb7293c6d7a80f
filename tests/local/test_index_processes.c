/* Many processes on one index: 8 readers, 2 writers, a refresher, killed writers; no BUSY, no torn
 * row, no lost row. */
#include "fixture.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READERS = 8, WRITERS = 2, WRITES = 150, REFRESHES = 12, STABLE = 50, KEYS = 10 };

/* Exit status of a child: which step failed. */
enum { FINE, NO_OPEN, BUSY_OR_WORSE, TORN, LOST };

static struct sat_index *open_in_child(const struct folder *folder)
{
    struct sat_index_options options = {.cache_dir = folder->path, .identity = "test"};
    struct sat_index *index = NULL;
    if (sat_index_open(&options, &index, NULL) != SATCHEL_OK)
        _exit(NO_OPEN);
    return index;
}

static void need(int code)
{
    if (code != SATCHEL_OK)
        _exit(BUSY_OR_WORSE);
}

/* The store: what the last PUT of each writer's key was, in memory that all processes share. */
struct store {
    _Atomic int n[WRITERS][KEYS];
};
static struct store *objects;

static void run_writer(const struct folder *folder, int writer)
{
    struct sat_index *index = open_in_child(folder);
    for (int n = 1; n <= WRITES; n++) {
        char key[32];
        char etag[16];
        char text[256];
        (void)snprintf(key, sizeof key, "w%d-%d.json", writer, n % KEYS);
        (void)snprintf(etag, sizeof etag, "\"%d\"", n);
        struct object object = {.key = key, .etag = etag, .n = n};
        struct sat_index_settlement item = {.write = {.key = key}, .outcome = SAT_WRITE_STORED};
        need(sat_index_begin(index, &item.write, 1, NULL));
        atomic_store(&objects->n[writer][n % KEYS], n);
        item.row = row_of(&object, text, sizeof text);
        need(sat_index_settle(index, &item, 1, NULL));
        const char *keys[1] = {key};
        struct sat_index_rows *rows = NULL;
        need(sat_index_lookup(index, keys, 1, true, &rows, NULL));
        if (sat_index_rows_at(rows, 0)->version != n || sat_index_rows_at(rows, 0)->dirty)
            _exit(LOST);
        sat_index_rows_free(rows);
    }
    sat_index_close(index);
    _exit(FINE);
}

/* Row and body tell the same number, or a transaction was seen by half. */
static void read_once(struct sat_index *index, int n)
{
    char key[32];
    (void)snprintf(key, sizeof key, "w%d-%d.json", n % WRITERS, n % KEYS);
    const char *keys[1] = {key};
    struct sat_index_rows *rows = NULL;
    need(sat_index_lookup(index, keys, 1, true, &rows, NULL));
    const struct sat_index_row *row = sat_index_rows_at(rows, 0);
    if (row->state == SAT_ROW_LIVE) {
        char want[64];
        (void)snprintf(want, sizeof want, "\"n\":%lld}", (long long)row->version);
        if (strstr(row->body.data, want) == NULL || number_of(row->etag) != row->version)
            _exit(TORN);
    }
    sat_index_rows_free(rows);
}

static void run_reader(const struct folder *folder)
{
    struct sat_index *index = open_in_child(folder);
    for (int n = 0; n < 2 * WRITES; n++) {
        uint64_t count = 0;
        struct sat_index_rows *orphans = NULL;
        read_once(index, n);
        need(sat_index_count(index, &count, NULL));
        need(sat_index_orphans(index, &orphans, NULL));
        if (sat_index_rows_count(orphans) > 0)
            _exit(LOST);
        sat_index_rows_free(orphans);
        (void)sat_index_is_fresh(index, 60);
    }
    sat_index_close(index);
    _exit(FINE);
}

static void feed(struct sat_index_refresh *refresh, const char *key, int n)
{
    char etag[16];
    (void)snprintf(etag, sizeof etag, "\"%d\"", n);
    struct sat_index_listed item = {.key = key, .etag = etag, .size = 100};
    if (n > 0)
        need(sat_index_refresh_feed(refresh, &item, 1, NULL));
}

/* Stable objects, of which each round drops one and adds one, then those of the writers. */
static void feed_all(struct sat_index_refresh *refresh, int shift)
{
    char key[32];
    for (int n = shift; n < shift + STABLE; n++) {
        (void)snprintf(key, sizeof key, "s%03d.json", n);
        feed(refresh, key, n + 1);
    }
    for (int writer = 0; writer < WRITERS; writer++) {
        for (int at = 0; at < KEYS; at++) {
            (void)snprintf(key, sizeof key, "w%d-%d.json", writer, at);
            feed(refresh, key, atomic_load(&objects->n[writer][at]));
        }
    }
}

static void refresh_once(struct sat_index *index, int shift)
{
    struct sat_index_refresh_options options = {.force = true, .wait_ms = 10000};
    struct sat_index_refresh *refresh = NULL;
    need(sat_index_refresh_begin(index, &options, &refresh, NULL));
    feed_all(refresh, shift);
    need(sat_index_refresh_listed(refresh, NULL));
    for (size_t i = 0; i < sat_index_refresh_changes(refresh); i++) {
        const struct sat_index_listed *change = sat_index_refresh_change(refresh, i);
        char text[256];
        struct object object = {change->key, change->etag, number_of(change->etag)};
        struct sat_index_row row = row_of(&object, text, sizeof text);
        need(sat_index_refresh_put(refresh, &row, 1, NULL));
    }
    need(sat_index_refresh_commit(refresh, NULL));
    sat_index_refresh_end(refresh);
}

static void run_refresher(const struct folder *folder)
{
    struct sat_index *index = open_in_child(folder);
    for (int round = 0; round < REFRESHES; round++)
        refresh_once(index, round);
    sat_index_close(index);
    _exit(FINE);
}

/* A file that was never listed refuses to be counted. In a child: no fork with open handles. */
static void list_first(const struct folder *folder)
{
    int status = -1;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sat_index *index = open_in_child(folder);
        refresh_once(index, 0);
        sat_index_close(index);
        _exit(FINE);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), FINE);
}

static pid_t start(const struct folder *folder, int number)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child != 0)
        return child;
    if (number < WRITERS)
        run_writer(folder, number);
    if (number == WRITERS)
        run_refresher(folder);
    run_reader(folder);
    return child;
}

static void no_process_is_in_anothers_way(void **state)
{
    enum { CHILDREN = WRITERS + 1 + READERS };
    pid_t children[CHILDREN];
    objects =
        mmap(NULL, sizeof *objects, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(objects != MAP_FAILED);
    list_first(*state);
    for (int i = 0; i < CHILDREN; i++)
        children[i] = start(*state, i);
    for (int i = 0; i < CHILDREN; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), FINE);
    }
    struct sat_index *index = open_index(state);
    assert_int_equal(orphans_of(index), 0);
    assert_string_equal(etag_of(index, "s011.json"), "\"12\"");
    assert_string_equal(etag_of(index, "s010.json"), "");
    assert_int_equal(count_of(index), STABLE + WRITERS * KEYS);
    sat_index_close(index);
    (void)munmap(objects, sizeof *objects);
}

/* ---- killed writers ---- */

enum { KILLS = 25 };

/* Writes versions 1, 2, ... of one key and tells each number once it is settled. */
static void write_until_killed(const struct folder *folder, int acks, int first)
{
    struct sat_index *index = open_in_child(folder);
    for (int n = first;; n++) {
        char text[256];
        struct object object = {.key = "k.json", .etag = "\"k\"", .n = n};
        struct sat_index_settlement item = {.write = {.key = "k.json"},
                                            .outcome = SAT_WRITE_STORED};
        need(sat_index_begin(index, &item.write, 1, NULL));
        item.row = row_of(&object, text, sizeof text);
        need(sat_index_settle(index, &item, 1, NULL));
        if (write(acks, &n, sizeof n) != (ssize_t)sizeof n)
            _exit(LOST);
    }
}

/* The last number that was told before the kill, which comes after about `count` of them. */
static int kill_after(const struct folder *folder, int first, int count)
{
    int acks[2];
    int last = 0;
    int n = 0;
    assert_int_equal(pipe(acks), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        write_until_killed(folder, acks[1], first);
    (void)close(acks[1]);
    for (int i = 0; i < count && read(acks[0], &n, sizeof n) == (ssize_t)sizeof n; i++)
        last = n;
    assert_int_equal(kill(child, SIGKILL), 0);
    while (read(acks[0], &n, sizeof n) == (ssize_t)sizeof n)
        last = n;
    (void)close(acks[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(last >= first);
    return last;
}

static void what_was_settled_survives_a_kill(void **state)
{
    const char *keys[1] = {"k.json"};
    int last = 0;
    for (int round = 0; round < KILLS; round++) {
        last = kill_after(*state, last + 1, 1 + round * 7 % 40);
        struct sat_index *index = open_index(state);
        struct sat_index_rows *rows = NULL;
        OK(sat_index_lookup(index, keys, 1, true, &rows, NULL));
        const struct sat_index_row *row = sat_index_rows_at(rows, 0);
        /* One more may have been settled and not told; one more may be in flight. */
        assert_true(row->version == last || row->version == last + 1);
        assert_int_equal(orphans_of(index), row->dirty ? 1 : 0);
        last = (int)row->version;
        sat_index_rows_free(rows);
        sat_index_close(index);
    }
}

#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, folder_setup, folder_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_DISK(what_was_settled_survives_a_kill),
        ON_DISK(no_process_is_in_anothers_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
