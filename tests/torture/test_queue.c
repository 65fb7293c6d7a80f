/*
 * The n-th allocation fails, for n = 1 until nothing fails any more, while operations go through a
 * queue: each submission fails cleanly or comes out exactly once, and a stored object stays.
 */
#include "support/test.h"

#include <satchel/satchel.h>

#include "core/alloc.h"

enum { RUNS_MAX = 2000 };

struct outcome {
    int code; /* of the first failure */
    unsigned submitted;
    unsigned came;
};

static void note(struct outcome *outcome, int code)
{
    if (outcome->code == SATCHEL_OK)
        outcome->code = code;
    if (code != SATCHEL_OK && code != SATCHEL_NOMEM)
        fail_msg("%s", satchel_code_name(code));
}

static void submitted(struct outcome *outcome, int code)
{
    note(outcome, code);
    outcome->submitted += code == SATCHEL_OK;
}

static void take_all(satchel_queue *queue, struct outcome *outcome)
{
    satchel_completion done = {.struct_size = sizeof done};
    while (satchel_queue_next(queue, -1, &done) > 0) {
        note(outcome, done.err.code);
        if (done.err.code != SATCHEL_OK && done.err.text[0] == '\0')
            fail_msg("a failure without a text");
        outcome->came++;
        satchel_completion_free(&done);
    }
}

static struct outcome run(satchel_store *store)
{
    static const satchel_pair pairs[] = {{"a", "b"}};
    const satchel_put_options options = {.struct_size = sizeof options,
                                         .content_type = "text/plain",
                                         .metadata = pairs,
                                         .metadata_count = 1,
                                         .tags = pairs,
                                         .tag_count = 1};
    struct outcome outcome = {0};
    satchel_submission to = {.struct_size = sizeof to, .store = store};
    note(&outcome, satchel_queue_new(NULL, &to.queue, NULL));
    if (to.queue == NULL)
        return outcome;
    submitted(&outcome, satchel_submit_put(&to, "k", (satchel_span){"x", 1}, &options, NULL));
    submitted(&outcome, satchel_submit_stat(&to, "kept", NULL));
    submitted(&outcome, satchel_submit_get(&to, "kept", NULL));
    submitted(&outcome, satchel_submit_tags_get(&to, "kept", NULL));
    submitted(&outcome, satchel_submit_tags_set(&to, "kept", pairs, 1, NULL));
    take_all(to.queue, &outcome);
    satchel_queue_free(to.queue);
    return outcome;
}

static void out_of_memory_is_told_once_for_each(void **state)
{
    satchel_store *store = NULL;
    satchel_buf buf = {0};
    unsigned failures = 0;
    long n = 0;
    (void)state;
    assert_int_equal(satchel_store_open("mem://torture/queue/", NULL, &store, NULL), SATCHEL_OK);
    assert_int_equal(satchel_put(store, "kept", (satchel_span){"kept", 4}, NULL, NULL), SATCHEL_OK);
    for (n = 1; n < RUNS_MAX; n++) {
        sat_alloc_fail_nth(n);
        struct outcome outcome = run(store);
        bool reached = sat_alloc_count() >= n;
        sat_alloc_fail_nth(0);
        assert_int_equal(outcome.submitted, outcome.came);
        failures += outcome.code != SATCHEL_OK;
        if (!reached)
            break;
    }
    assert_true(n < RUNS_MAX);
    assert_true(failures > 20);
    assert_int_equal(satchel_get(store, "kept", &buf, NULL), SATCHEL_OK);
    assert_string_equal(buf.data, "kept");
    satchel_buf_free(&buf);
    satchel_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(out_of_memory_is_told_once_for_each)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
