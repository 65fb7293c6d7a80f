/* Conformance: conditions - create-if-absent, compare-and-swap, their codes, and their atomicity.
 */
#include "backends/fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "core/str.h"

enum { THREADS = 8, INCREMENTS = 25 };

static int put_if(const char *name, const char *text, const char *if_match, bool if_absent)
{
    struct sat_op op = op_of(SAT_OP_PUT, name);
    op.source = sat_source_span(sat_span_of(text));
    op.if_match = if_match;
    op.if_absent = if_absent;
    return run_once(&op);
}

static void create_if_absent_wins_once(void **state)
{
    (void)state;
    assert_int_equal(put_if("c", "first", NULL, true), SATCHEL_OK);
    assert_int_equal(put_if("c", "second", NULL, true), SATCHEL_EXISTS);
    assert_text("c", "first");
}

static void a_deleted_key_may_be_created_again(void **state)
{
    (void)state;
    assert_int_equal(put_if("c", "first", NULL, true), SATCHEL_OK);
    struct sat_op drop = op_of(SAT_OP_DELETE, "c");
    assert_runs(&drop);
    sat_op_fini(&drop);
    assert_int_equal(put_if("c", "again", NULL, true), SATCHEL_OK);
    assert_text("c", "again");
}

static void put_replaces_only_the_version_named(void **state)
{
    (void)state;
    const char *old = put_text("v", "one");
    const char *new = put_text("v", "two");
    assert_int_equal(put_if("v", "lost", old, false), SATCHEL_CONFLICT);
    assert_text("v", "two");
    assert_int_equal(put_if("v", "three", new, false), SATCHEL_OK);
    assert_text("v", "three");
}

static void the_same_text_again_is_another_version_only_if_it_says_so(void **state)
{
    (void)state;
    const char *first = put_text("same", "text");
    const char *second = put_text("same", "text");
    int want = sat_str_eq(first, second) ? SATCHEL_OK : SATCHEL_CONFLICT;
    assert_int_equal(put_if("same", "new", first, false), want);
}

static void put_with_a_version_of_nothing_is_not_found(void **state)
{
    (void)state;
    const char *etag = put_text("other", "x");
    assert_int_equal(put_if("nothing", "y", etag, false), SATCHEL_NOT_FOUND);
    assert_missing("nothing");
}

static void delete_removes_only_the_version_named(void **state)
{
    (void)state;
    const char *old = put_text("d", "one");
    const char *new = put_text("d", "two");
    struct sat_op stale = op_of(SAT_OP_DELETE, "d");
    stale.if_match = old;
    assert_fails(&stale, SATCHEL_CONFLICT);
    assert_text("d", "two");
    struct sat_op right = op_of(SAT_OP_DELETE, "d");
    right.if_match = new;
    assert_runs(&right);
    assert_missing("d");
    sat_op_fini(&stale);
    sat_op_fini(&right);
}

static void get_reads_only_the_version_named(void **state)
{
    SAT_AUTO_BUF struct sat_buf body;
    (void)state;
    sat_buf_init(&body, 100);
    const char *old = put_text("g", "one");
    const char *new = put_text("g", "two");
    struct sat_op stale = op_of(SAT_OP_GET, "g");
    stale.if_match = old;
    stale.sink = sat_sink_memory(&body);
    assert_fails(&stale, SATCHEL_MODIFIED);
    assert_int_equal(body.len, 0);
    struct sat_op right = op_of(SAT_OP_GET, "g");
    right.if_match = new;
    right.sink = sat_sink_memory(&body);
    assert_runs(&right);
    assert_string_equal(sat_buf_str(&body), "two");
    sat_op_fini(&stale);
    sat_op_fini(&right);
}

static void tags_of_another_version_are_not_set(void **state)
{
    (void)state;
    const char *old = put_text("t", "one");
    const char *new = put_text("t", "two");
    struct sat_tags tags = {0};
    assert_int_equal(sat_tags_add_str(&tags, "k", "v", NULL), SATCHEL_OK);
    struct sat_op stale = op_of(SAT_OP_TAGS_SET, "t");
    stale.tags = &tags;
    stale.if_match = old;
    int code = run_once(&stale);
    if (quirk(QUIRK_TAGS_UNCONDITIONAL))
        assert_int_not_equal(code, SATCHEL_CONFLICT);
    else
        assert_int_equal(code, SATCHEL_CONFLICT);
    struct sat_op right = op_of(SAT_OP_TAGS_SET, "t");
    right.tags = &tags;
    right.if_match = quirk(QUIRK_TAGS_UNCONDITIONAL) ? NULL : new;
    assert_runs(&right);
    sat_op_fini(&right);
    sat_tags_fini(&tags);
}

/* ---- races: threads use keys made beforehand, for the fixture is the main thread's */

struct race {
    const char *key;
    atomic_uint wins;
    atomic_uint losses;
    atomic_uint others;
};

static void count(struct race *race, int code)
{
    atomic_uint *which = code == SATCHEL_OK                                   ? &race->wins
                         : code == SATCHEL_CONFLICT || code == SATCHEL_EXISTS ? &race->losses
                                                                              : &race->others;
    atomic_fetch_add(which, 1);
}

static void run_threads(struct race *race, void *(*body)(void *))
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, body, race), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

static void *create_once(void *user)
{
    struct race *race = user;
    struct sat_op op = {.kind = SAT_OP_PUT, .conn = fx.conn, .key = race->key, .if_absent = true};
    op.source = sat_source_span(sat_span_of("winner"));
    count(race, run_once(&op));
    return NULL;
}

static void of_many_creators_one_wins(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        char name[16];
        (void)snprintf(name, sizeof name, "race%d", round);
        struct race race = {.key = key_of(name)};
        run_threads(&race, create_once);
        assert_int_equal(race.wins, 1);
        assert_int_equal(race.losses, THREADS - 1);
        assert_text(name, "winner");
    }
}

/* Reads the number and its version; false when the object was being replaced. */
static bool read_number(const struct race *race, unsigned *number, char etag[128])
{
    SAT_AUTO_BUF struct sat_buf body;
    uint64_t value = 0;
    sat_buf_init(&body, 32);
    struct sat_op op = {.kind = SAT_OP_GET, .conn = fx.conn, .key = race->key};
    op.sink = sat_sink_memory(&body);
    bool fine = sat_op_run(&op, NULL) == SATCHEL_OK && sat_parse_u64(sat_buf_str(&body), &value);
    if (fine)
        (void)snprintf(etag, 128, "%s", op.info.etag);
    sat_op_fini(&op);
    *number = (unsigned)value;
    return fine;
}

static int write_number(const struct race *race, unsigned number, const char *etag)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%u", number);
    struct sat_op op = {.kind = SAT_OP_PUT, .conn = fx.conn, .key = race->key, .if_match = etag};
    op.source = sat_source_span(sat_span_of(text));
    return run_once(&op);
}

static void *increment(void *user)
{
    struct race *race = user;
    for (int done = 0; done < INCREMENTS;) {
        char etag[128];
        unsigned number;
        if (!read_number(race, &number, etag))
            continue;
        int code = write_number(race, number + 1, etag);
        count(race, code);
        done += code == SATCHEL_OK ? 1 : 0;
        if (code != SATCHEL_OK && code != SATCHEL_CONFLICT)
            break;
    }
    return NULL;
}

static void increments_of_many_threads_count_exactly(void **state)
{
    char want[16];
    (void)state;
    put_text("counter", "0");
    struct race race = {.key = key_of("counter")};
    run_threads(&race, increment);
    assert_int_equal(race.others, 0);
    assert_int_equal(race.wins, THREADS * INCREMENTS);
    (void)snprintf(want, sizeof want, "%d", THREADS * INCREMENTS);
    assert_text("counter", want);
}

const struct CMUnitTest condition_cases[] = {
    CASE(create_if_absent_wins_once),
    CASE(a_deleted_key_may_be_created_again),
    CASE(put_replaces_only_the_version_named),
    CASE(the_same_text_again_is_another_version_only_if_it_says_so),
    CASE(put_with_a_version_of_nothing_is_not_found),
    CASE(delete_removes_only_the_version_named),
    CASE(get_reads_only_the_version_named),
    CASE(tags_of_another_version_are_not_set),
    CASE(of_many_creators_one_wins),
    CASE(increments_of_many_threads_count_exactly),
};
const size_t condition_case_count = sizeof condition_cases / sizeof *condition_cases;
