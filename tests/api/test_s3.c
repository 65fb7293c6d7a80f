/*
 * Copies and stores on a real S3 server, through the public headers. Skips, exit status 77, unless
 * SATCHEL_TEST_S3_URL, SATCHEL_TEST_S3_KEY and SATCHEL_TEST_S3_SECRET name one (tools/servers.sh).
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/fixture.h"
#include "api/s3_fixture.h"

static satchel_progress progress;

static int copy(const char *source, const char *destination, satchel_copy_options *options)
{
    satchel_job *job = NULL;
    options->struct_size = sizeof *options;
    options->config = config;
    ok(satchel_job_copy(&source, 1, destination, options, &job, &err));
    int code = satchel_job_run(job, NULL, &err);
    satchel_job_stats(job, &progress);
    satchel_job_free(job);
    return code;
}

static void a_tree_goes_up_over_and_down(void **state)
{
    satchel_copy_options make = {.create_bucket = 1, .verify = 1};
    satchel_copy_options verify = {.verify = 1};
    char source[256];
    (void)state;
    assert_int_equal(mkdir(at("src"), 0755), 0);
    assert_int_equal(mkdir(at("src/sub dir"), 0755), 0);
    put("src/a.txt", "one");
    put("src/empty", "");
    put("src/sub dir/b+c&d=é.txt", "two");
    snprintf(source, sizeof source, "%s/", at("src"));
    ok(copy(source, s3("up/"), &make));
    assert_int_equal(progress.objects_done, 3);
    assert_int_equal(progress.bytes_done, 6);
    ok(copy(s3("up/"), s3("over/"), &verify));
    ok(copy(s3("over/"), at("down/"), &verify));
    assert_file("down/a.txt", "one");
    assert_file("down/empty", "");
    assert_file("down/sub dir/b+c&d=é.txt", "two");
}

static void patterns_and_names_are_told_apart(void **state)
{
    satchel_copy_options make = {.create_bucket = 1};
    satchel_copy_options plain = {.struct_size = 0};
    (void)state;
    put("a1", "1");
    ok(copy(at("a1"), s3("a1.log"), &make));
    ok(copy(at("a1"), s3("a[1].log"), &make));
    ok(copy(s3("a[1].log"), at("literal/"), &plain));
    assert_file("literal/a[1].log", "1");
    ok(copy(s3("a?.log"), at("glob/"), &plain));
    assert_file("glob/a1.log", "1");
    assert_int_equal(progress.objects_done, 1);
    assert_int_equal(copy(s3("none*"), at("x/"), &plain), SATCHEL_NOT_FOUND);
    assert_int_equal(copy(s3("none"), at("x/"), &plain), SATCHEL_NOT_FOUND);
}

static void a_missing_bucket_is_named(void **state)
{
    satchel_copy_options plain = {.struct_size = 0};
    (void)state;
    put("a", "1");
    assert_int_equal(copy(at("a"), s3("a"), &plain), SATCHEL_NOT_FOUND);
    assert_non_null(strstr(err.text, s3_bucket));
    assert_int_equal(err.http_status, 404);
}

static void an_existing_object_is_kept(void **state)
{
    satchel_copy_options make = {.create_bucket = 1};
    satchel_copy_options careful = {.if_exists = SATCHEL_IF_EXISTS_ERROR};
    satchel_copy_options skip = {.if_exists = SATCHEL_IF_EXISTS_SKIP};
    (void)state;
    put("old", "old");
    put("new", "new");
    ok(copy(at("old"), s3("k"), &make));
    assert_int_equal(copy(at("new"), s3("k"), &careful), SATCHEL_EXISTS);
    ok(copy(at("new"), s3("k"), &skip));
    assert_int_equal(progress.objects_skipped, 1);
    ok(copy(s3("k"), at("k"), &make));
    assert_file("k", "old");
}

static void the_account_lists_its_buckets(void **state)
{
    satchel_store *account = NULL;
    satchel_store *store = NULL;
    satchel_cursor *cursor = NULL;
    const satchel_entry *entry = NULL;
    bool found = false;
    (void)state;
    ok(satchel_store_open(s3(""), config, &store, &err));
    ok(satchel_bucket_create(store, &err));
    ok(satchel_store_open("s3://", config, &account, &err));
    ok(satchel_bucket_list(account, &cursor, &err));
    for (;;) {
        ok(satchel_cursor_next(cursor, &entry, &err));
        if (entry == NULL)
            break;
        found = found || strcmp(entry->key, s3_bucket) == 0;
    }
    assert_true(found);
    satchel_cursor_close(cursor);
    assert_int_equal(satchel_bucket_create(account, &err), SATCHEL_INVALID);
    satchel_store_close(account);
    satchel_store_close(store);
}

static void files_go_up_and_down(void **state)
{
    satchel_store *store = NULL;
    (void)state;
    put("up", "content");
    ok(satchel_store_open(s3("part-of-key-"), config, &store, &err));
    ok(satchel_bucket_create(store, &err));
    ok(satchel_put_file(store, "k", at("up"), NULL, &err));
    ok(satchel_get_to_file(store, "k", at("down"), &err));
    assert_file("down", "content");
    assert_int_equal(satchel_get_to_file(store, "none", at("x"), &err), SATCHEL_NOT_FOUND);
    assert_missing("x");
    assert_int_equal(satchel_store_stats(store, NULL, 0), 4);
    satchel_store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        S3_CASE(a_tree_goes_up_over_and_down),  S3_CASE(patterns_and_names_are_told_apart),
        S3_CASE(a_missing_bucket_is_named),     S3_CASE(an_existing_object_is_kept),
        S3_CASE(the_account_lists_its_buckets), S3_CASE(files_go_up_and_down),
    };
    if (!s3_is_there()) {
        printf("skipped: SATCHEL_TEST_S3_URL, _KEY or _SECRET is not set\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
