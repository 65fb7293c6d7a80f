/* The copy job as a whole: trees, several sources, failures, cancellation, bounds. */
#include "transfer/job.h"

#include <stdio.h>
#include <stdlib.h>

#include "backends/registry.h"
#include "core/alloc.h"
#include "core/job.h"
#include "core/str.h"
#include "transfer/fixture.h"

static satchel_copy_options options;
static satchel_progress progress;
static satchel_error run_err;
static const char *events; /* "status destination" lines */

static void take_event(void *user, const satchel_event *event)
{
    (void)user;
    assert_string_equal(event->op, "copy");
    assert_int_equal(event->err != NULL, sat_str_eq(event->status, "failed"));
    if (strlen(events) < 3000)
        events = text_of("%s%s %s\n", events, event->status, event->destination);
}

static struct satchel_job *make_job(const char *const *sources, size_t count,
                                    const char *destination)
{
    struct satchel_job *job = NULL;
    satchel_error err = {0};
    const struct sat_copy_request request = {
        .sources = sources,
        .count = count,
        .destination = destination,
        .options = &options,
        .config = config,
        .find = sat_backend_find,
    };
    if (sat_copy_job(&request, &job, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    return job;
}

static int run(struct satchel_job *job)
{
    const satchel_job_callbacks callbacks = {.struct_size = sizeof callbacks, .event = take_event};
    events = "";
    run_err = (satchel_error){0};
    int code = satchel_job_run(job, &callbacks, &run_err);
    satchel_job_stats(job, &progress);
    return code;
}

static int copy_all(const char *const *sources, size_t count, const char *destination)
{
    struct satchel_job *job = make_job(sources, count, destination);
    int code = run(job);
    satchel_job_free(job);
    return code;
}

static int copy(const char *source, const char *destination)
{
    return copy_all(&source, 1, destination);
}

static int begin(void **state)
{
    options = (satchel_copy_options){.struct_size = sizeof options};
    return case_begin(state);
}
#define JOB(f) cmocka_unit_test_setup_teardown(f, begin, case_end)

static void a_tree_goes_round(void **state)
{
    (void)state;
    keep_store("mem://job/");
    put("src/a.txt", "A");
    put("src/sub/b.txt", "B");
    put("src/sub/deep/empty", "");
    assert_int_equal(copy(at("src/"), "mem://job/data/"), SATCHEL_OK);
    assert_object("mem://job/data/sub/b.txt", "B");
    assert_int_equal(copy("mem://job/data/", text_of("file://%s/", at("store"))), SATCHEL_OK);
    assert_int_equal(copy(text_of("file://%s/", at("store")), at("back/")), SATCHEL_OK);
    assert_file("back/a.txt", "A");
    assert_file("back/sub/b.txt", "B");
    assert_file("back/sub/deep/empty", "");
    assert_int_equal(progress.objects_done, 3);
    assert_int_equal(progress.objects_total, 3);
    assert_int_equal(progress.bytes_done, 2);
    assert_int_equal(progress.bytes_total, 2);
    assert_int_equal(progress.total_is_final, 1);
    assert_no_temps();
}

static void many_objects_arrive(void **state)
{
    enum { COUNT = 1500 };
    (void)state;
    keep_store("mem://many/");
    for (int i = 0; i < COUNT; i++)
        put(text_of("src/%d/%d", i % 10, i), "x");
    options.max_in_flight = 4;
    assert_int_equal(copy(at("src/"), "mem://many/"), SATCHEL_OK);
    assert_int_equal(progress.objects_done, COUNT);
    assert_object(text_of("mem://many/%d/%d", (COUNT - 1) % 10, COUNT - 1), "x");
}

static void one_failure_does_not_stop_the_rest(void **state)
{
    struct satchel_job *job = NULL;
    (void)state;
    put_object("mem://job1/d/good", "1", NULL);
    put_object("mem://job1/d/a/../../../escape", "2", NULL);
    put_object("mem://job1/d/nul/", "not empty", NULL);
    const char *const sources[] = {"mem://job1/d/"};
    job = make_job(sources, 1, at("out/"));
    assert_int_equal(run(job), SATCHEL_INVALID);
    assert_file("out/good", "1");
    assert_missing("escape");
    assert_int_equal(progress.objects_done, 1);
    assert_int_equal(progress.objects_failed, 2);
    const satchel_failure *failure = satchel_job_failure(job, 0);
    assert_string_equal(failure->source, "mem://job1/d/a/../../../escape");
    assert_non_null(strstr(failure->err.text, ".."));
    assert_null(satchel_job_failure(job, 2));
    satchel_job_free(job);
}

static void nothing_found_is_not_found(void **state)
{
    (void)state;
    put("here", "1");
    const char *const sources[] = {at("none*"), at("here")};
    assert_int_equal(copy_all(sources, 2, at("out/")), SATCHEL_NOT_FOUND);
    assert_non_null(strstr(run_err.text, at("none*")));
    assert_file("out/here", "1");
}

static void sources_that_collide_move_nothing(void **state)
{
    (void)state;
    put("a/x", "1");
    put("b/x", "2");
    put("b/other", "3");
    const char *const sources[] = {at("a/x"), at("b/")};
    assert_int_equal(copy_all(sources, 2, at("out")), SATCHEL_INVALID);
    assert_non_null(strstr(run_err.text, at("a/x")));
    assert_non_null(strstr(run_err.text, at("b/x")));
    assert_missing("out");
    const char *const same[] = {at("a/x"), at("a/x")};
    assert_int_equal(copy_all(same, 2, "mem://collide/"), SATCHEL_INVALID);
    assert_no_object("mem://collide/x");
}

static void several_sources_make_a_folder(void **state)
{
    (void)state;
    keep_store("mem://several/");
    put("a/x", "1");
    put("b/y", "2");
    put("c/d/z", "3");
    options.recursive = 1;
    const char *const sources[] = {at("a/x"), at("b/"), at("c/d")};
    assert_int_equal(copy_all(sources, 3, "mem://several/out"), SATCHEL_OK);
    assert_object("mem://several/out/x", "1");
    assert_object("mem://several/out/y", "2");
    assert_object("mem://several/out/d/z", "3");
}

static void a_name_can_be_given(void **state)
{
    (void)state;
    keep_store("mem://named/");
    put("a", "1");
    assert_int_equal(copy(at("a"), "mem://named/other.txt"), SATCHEL_OK);
    assert_object("mem://named/other.txt", "1");
    options.to_folder = 1;
    assert_int_equal(copy("mem://named/other.txt", at("new")), SATCHEL_OK);
    assert_file("new/other.txt", "1");
}

static void links_are_skipped_and_told(void **state)
{
    (void)state;
    put("src/a", "1");
    make_link("src/link", at("src/a"));
    assert_int_equal(copy(at("src/"), "mem://links/"), SATCHEL_OK);
    assert_int_equal(progress.objects_skipped, 1);
    assert_non_null(strstr(events, "skipped "));
    assert_no_object("mem://links/link");
}

/* A folder of the destination is a link that leads out of it. */
static void a_link_in_the_destination_leads_nowhere(void **state)
{
    (void)state;
    put("src/sub/a", "1");
    make_folder("outside");
    make_folder("out");
    make_link("out/sub", at("outside"));
    assert_int_not_equal(copy(at("src/"), at("out/")), SATCHEL_OK);
    assert_int_not_equal(copy(at("src/"), text_of("file://%s/", at("out"))), SATCHEL_OK);
    assert_missing("outside/a");
    assert_no_temps();
}

static void a_dry_run_moves_nothing(void **state)
{
    (void)state;
    put("src/a", "1");
    options.dry_run = 1;
    options.create_bucket = 1;
    assert_int_equal(copy(at("src/"), at("out/")), SATCHEL_OK);
    assert_string_equal(events, text_of("planned %s\n", at("out/a")));
    assert_missing("out");
}

static void a_missing_bucket_is_made_when_asked(void **state)
{
    (void)state;
    put("a", "1");
    options.create_bucket = 1;
    for (int i = 0; i < 2; i++) /* the second time it is there */
        assert_int_equal(copy(at("a"), text_of("file://%s/", at("new/store"))), SATCHEL_OK);
    assert_file("new/store/a", "1");
}

static void a_copy_into_its_source_is_refused(void **state)
{
    (void)state;
    put("src/a", "1");
    assert_int_equal(copy(at("src/"), at("src/backup/")), SATCHEL_INVALID);
    assert_missing("src/backup");
    assert_int_equal(copy(at("src/"), text_of("file://%s", at("src/b"))), SATCHEL_INVALID);
}

static void if_exists_skips(void **state)
{
    (void)state;
    put("src/a", "new");
    put("src/b", "new");
    put("out/a", "old");
    options.if_exists = SATCHEL_IF_EXISTS_SKIP;
    assert_int_equal(copy(at("src/"), at("out/")), SATCHEL_OK);
    assert_file("out/a", "old");
    assert_file("out/b", "new");
    assert_int_equal(progress.objects_skipped, 1);
    assert_int_equal(progress.bytes_done, 3);
}

static void little_memory_is_enough(void **state)
{
    static char large[3 * 1024 * 1024];
    (void)state;
    memset(large, 'x', sizeof large - 1);
    assert_int_equal(sat_config_set(config, "max_memory", "16MiB", SAT_ORIGIN_SET, NULL),
                     SATCHEL_OK);
    for (int i = 0; i < 12; i++)
        put_object(text_of("mem://large/%d", i), large, NULL);
    assert_int_equal(copy("mem://large/", "mem://larger/"), SATCHEL_OK);
    assert_int_equal(progress.bytes_done, 12 * (sizeof large - 1));
}

static int cancel_at_once(void *user, const satchel_progress *now)
{
    (void)user;
    (void)now;
    return 1;
}

static void a_cancelled_job_ends(void **state)
{
    const satchel_job_callbacks callbacks = {.struct_size = sizeof callbacks,
                                             .progress = cancel_at_once};
    (void)state;
    for (int i = 0; i < 200; i++)
        put(text_of("src/%d", i), "x");
    const char *const sources[] = {at("src/")};
    struct satchel_job *job = make_job(sources, 1, at("out/"));
    assert_int_equal(satchel_job_run(job, &callbacks, NULL), SATCHEL_CANCELLED);
    satchel_job_stats(job, &progress);
    assert_int_equal(progress.objects_failed, 0);
    satchel_job_free(job);
    assert_no_temps();
}

/* Whatever allocation fails: NOMEM or a failure that is told, never a half file or a crash. */
static void any_failed_allocation_is_clean(void **state)
{
    (void)state;
    put("src/a", "one");
    put("src/sub/b", "two");
    keep_store("mem://torture/");
    put_object("mem://torture/c", "three", NULL);
    for (long nth = 1;; nth++) {
        struct satchel_job *job = NULL;
        const char *const sources[] = {at("src/"), "mem://torture/c"};
        const struct sat_copy_request request = {.sources = sources,
                                                 .count = 2,
                                                 .destination = at("out/"),
                                                 .options = &options,
                                                 .config = config,
                                                 .find = sat_backend_find};
        sat_alloc_fail_nth(nth);
        int code = sat_copy_job(&request, &job, NULL);
        if (code == SATCHEL_OK)
            code = satchel_job_run(job, NULL, NULL);
        satchel_job_free(job);
        long calls = sat_alloc_count();
        sat_alloc_fail_nth(0);
        assert_no_temps();
        if (calls < nth) {
            assert_int_equal(code, SATCHEL_OK);
            break;
        }
        assert_true(code == SATCHEL_OK || code == SATCHEL_NOMEM);
    }
    assert_file("out/sub/b", "two");
    assert_file("out/c", "three");
}

static void bad_requests_are_refused_before_the_run(void **state)
{
    static const char *const sources[] = {"ftp://h/x"};
    static const char *const good[] = {"x"};
    struct satchel_job *job = NULL;
    satchel_error err = {0};
    struct sat_copy_request request = {.sources = sources,
                                       .count = 1,
                                       .destination = "d",
                                       .options = &options,
                                       .config = config,
                                       .find = sat_backend_find};
    (void)state;
    assert_int_equal(sat_copy_job(&request, &job, &err), SATCHEL_UNSUPPORTED);
    request.sources = good;
    request.destination = "gopher://x/";
    assert_int_equal(sat_copy_job(&request, &job, &err), SATCHEL_UNSUPPORTED);
    request.destination = "d";
    options.if_exists = 7;
    assert_int_equal(sat_copy_job(&request, &job, &err), SATCHEL_INVALID);
    options.if_exists = 0;
    options.pattern = -1;
    assert_int_equal(sat_copy_job(&request, &job, &err), SATCHEL_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOB(a_tree_goes_round),
        JOB(many_objects_arrive),
        JOB(one_failure_does_not_stop_the_rest),
        JOB(nothing_found_is_not_found),
        JOB(sources_that_collide_move_nothing),
        JOB(several_sources_make_a_folder),
        JOB(a_name_can_be_given),
        JOB(links_are_skipped_and_told),
        JOB(a_link_in_the_destination_leads_nowhere),
        JOB(a_dry_run_moves_nothing),
        JOB(a_missing_bucket_is_made_when_asked),
        JOB(a_copy_into_its_source_is_refused),
        JOB(if_exists_skips),
        JOB(little_memory_is_enough),
        JOB(a_cancelled_job_ends),
        JOB(any_failed_allocation_is_clean),
        JOB(bad_requests_are_refused_before_the_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
