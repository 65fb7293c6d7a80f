/* Jobs through the public headers: copy, import, export, migrate. */
#include <stdio.h>
#include <sys/stat.h>

#include "api/fixture.h"

static int progress_calls;
static int events_seen;

static int on_progress(void *user, const satchel_progress *progress)
{
    (void)user;
    assert_true(progress->objects_done <= progress->objects_total);
    progress_calls++;
    return 0;
}

static void on_event(void *user, const satchel_event *event)
{
    (void)user;
    assert_non_null(event->source);
    assert_non_null(event->destination);
    events_seen++;
}

static int run(satchel_job *job, satchel_progress *progress)
{
    const satchel_job_callbacks callbacks = {
        .struct_size = sizeof callbacks, .progress = on_progress, .event = on_event};
    progress_calls = 0;
    events_seen = 0;
    int code = satchel_job_run(job, &callbacks, &err);
    satchel_job_stats(job, progress);
    satchel_job_free(job);
    return code;
}

static void a_folder_is_copied(void **state)
{
    satchel_copy_options options = {.struct_size = sizeof options, .verify = 1, .config = config};
    satchel_progress progress;
    satchel_job *job = NULL;
    char source[256];
    (void)state;
    assert_int_equal(mkdir(at("src"), 0755), 0);
    put("src/a", "one");
    put("src/b", "three");
    snprintf(source, sizeof source, "%s/", at("src"));
    const char *const sources[] = {source};
    ok(satchel_job_copy(sources, 1, uri_of("out/"), &options, &job, &err));
    ok(run(job, &progress));
    assert_file("out/a", "one");
    assert_file("out/b", "three");
    assert_int_equal(progress.objects_done, 2);
    assert_int_equal(progress.bytes_done, 8);
    assert_int_equal(progress.bytes_total, 8);
    assert_int_equal(progress.total_is_final, 1);
    assert_int_equal(events_seen, 2);
    assert_true(progress_calls >= 1);
}

static void a_copy_without_options_works(void **state)
{
    satchel_progress progress;
    satchel_job *job = NULL;
    (void)state;
    put("a", "one");
    char source[256];
    snprintf(source, sizeof source, "%s", at("a"));
    const char *const sources[] = {source};
    ok(satchel_job_copy(sources, 1, at("b"), NULL, &job, &err));
    ok(run(job, &progress));
    assert_file("b", "one");
}

static void what_is_missing_is_named(void **state)
{
    static const char *const sources[] = {"no-such-file"};
    satchel_job *job = NULL;
    (void)state;
    ok(satchel_job_copy(sources, 1, at("out"), NULL, &job, &err));
    assert_int_equal(satchel_job_run(job, NULL, &err), SATCHEL_NOT_FOUND);
    assert_non_null(strstr(err.text, "no-such-file"));
    const satchel_failure *failure = satchel_job_failure(job, 0);
    assert_string_equal(failure->source, "no-such-file");
    assert_int_equal(failure->err.code, SATCHEL_NOT_FOUND);
    assert_int_equal(satchel_job_run(job, NULL, &err), SATCHEL_INVALID);
    satchel_job_free(job);
}

static void records_go_in_over_and_out(void **state)
{
    satchel_text_options text = {.struct_size = sizeof text, .id_field = "code"};
    satchel_migrate_options how = {.struct_size = sizeof how, .delete_source = 1};
    satchel_db *first = NULL;
    satchel_db *second = NULL;
    satchel_progress progress;
    satchel_job *job = NULL;
    uint64_t count = 1;
    (void)state;
    put("in.ndjson",
        "{\"code\":\"no\",\"name\":\"Norge\"}\n{\"code\":\"se\",\"name\":\"Sverige\"}\n");
    ok(satchel_db_open(uri_of("one/"), config, &first, &err));
    ok(satchel_db_open("mem://two/", config, &second, &err));
    ok(satchel_job_import(first, at("in.ndjson"), &text, &job, &err));
    ok(run(job, &progress));
    assert_int_equal(progress.objects_done, 2);
    ok(satchel_job_migrate(first, second, &how, &job, &err));
    ok(run(job, &progress));
    ok(satchel_db_count(first, NULL, &count, &err));
    assert_int_equal(count, 0);
    ok(satchel_job_export(second, at("out.ndjson"), NULL, &job, &err));
    ok(run(job, &progress));
    assert_file("out.ndjson",
                "{\"code\":\"no\",\"name\":\"Norge\"}\n{\"code\":\"se\",\"name\":\"Sverige\"}\n");
    satchel_db_close(first);
    satchel_db_close(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_folder_is_copied),
        CASE(a_copy_without_options_works),
        CASE(what_is_missing_is_named),
        CASE(records_go_in_over_and_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
