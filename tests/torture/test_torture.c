/*
 * The n-th allocation and the n-th kernel call on files fail, for n = 1 until nothing fails any
 * more, in a day's work on file://: open, create, read, update, search, copy. Every failure must be
 * a clean error; what was there before must still be there, whole; no temporary may be left.
 * Leaks are the sanitizer's to find.
 */
#include "support/test.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <satchel/satchel.h>

#include "core/alloc.h"
#include "core/os.h"

#define NEW     "{\"fields\":{\"state\":\"new\"}}"
#define CONTENT "the bytes of the file that is copied\n"

enum { RUNS_MAX = 20000 };

static char folder[64];

/* "<folder>/<name>"; one of four rotating buffers. */
static const char *at(const char *name)
{
    static char paths[4][160];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* ---- what is looked at with plain stdio, not with satchel */

static void read_whole(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "rb");
    out[0] = '\0';
    if (file == NULL)
        return;
    size_t n = fread(out, 1, size - 1, file);
    out[n] = '\0';
    (void)fclose(file);
}

static void write_whole(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void empty_folder(const char *path)
{
    char inner[600];
    struct dirent *entry;
    DIR *dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        (void)snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            (void)unlink(inner);
    }
    if (dir != NULL)
        (void)closedir(dir);
}

static void assert_no_temporaries(const char *path)
{
    struct dirent *entry;
    DIR *dir = opendir(path);
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        assert_false(sat_os_is_temp_name(entry->d_name));
    if (dir != NULL)
        (void)closedir(dir);
}

/* ---- the day's work */

struct outcome {
    int code;     /* of the first step that failed */
    bool updated; /* the update was acknowledged */
    bool created;
    bool copied;
    bool found_wrong; /* a search succeeded with a wrong answer */
};

static int search(satchel_db *db, struct outcome *outcome, satchel_error *err)
{
    satchel_query *query = NULL;
    satchel_results *results = NULL;
    const satchel_record *record = NULL;
    unsigned found = 0;
    int code = satchel_query_parse_where("state = 'new' OR state = 'fresh'", &query, err);
    if (code == SATCHEL_OK)
        code = satchel_db_search(db, query, &results, err);
    while (code == SATCHEL_OK) {
        code = satchel_results_next(results, &record, err);
        if (code != SATCHEL_OK || record == NULL)
            break;
        found++;
    }
    if (code == SATCHEL_OK)
        outcome->found_wrong = found != 2;
    satchel_results_close(results);
    satchel_query_free(query);
    return code;
}

static int copy(satchel_error *err)
{
    satchel_job *job = NULL;
    const char *source = at("source.bin");
    const satchel_copy_options options = {.struct_size = sizeof options};
    int code = satchel_job_copy(&source, 1, at("copies/"), &options, &job, err);
    if (code == SATCHEL_OK)
        code = satchel_job_run(job, NULL, err);
    satchel_job_free(job);
    return code;
}

static int work_on(satchel_db *db, struct outcome *outcome, satchel_error *err)
{
    const satchel_span fresh = {"{\"fields\":{\"state\":\"fresh\"}}", 28};
    const satchel_span new = {NEW, strlen(NEW)};
    satchel_record record = {0};
    int code = satchel_db_create(db, "fresh", fresh, NULL, err);
    outcome->created = code == SATCHEL_OK;
    if (code == SATCHEL_OK)
        code = satchel_db_read(db, "kept", &record, err);
    if (code == SATCHEL_OK)
        code = satchel_db_update(db, "kept", new, record.token, NULL, err);
    outcome->updated = code == SATCHEL_OK;
    satchel_record_free(&record);
    if (code == SATCHEL_OK)
        code = search(db, outcome, err);
    if (code == SATCHEL_OK)
        code = copy(err);
    outcome->copied = code == SATCHEL_OK;
    return code;
}

static struct outcome day(satchel_error *err)
{
    struct outcome outcome = {0};
    satchel_config *config = NULL;
    satchel_db *db = NULL;
    outcome.code = satchel_config_new(&config, err);
    if (outcome.code == SATCHEL_OK)
        outcome.code = satchel_config_load_file(config, at("config.yaml"), "records", err);
    if (outcome.code == SATCHEL_OK)
        outcome.code = satchel_db_open(satchel_config_uri(config), config, &db, err);
    if (outcome.code == SATCHEL_OK)
        outcome.code = work_on(db, &outcome, err);
    satchel_db_close(db);
    satchel_config_free(config);
    return outcome;
}

/* ---- the rounds */

static void write_config(void)
{
    char text[400];
    (void)snprintf(text, sizeof text,
                   "cache_dir: %s\n"
                   "databases:\n"
                   "  - {name: other, bucket: b}\n"
                   "  - name: records\n"
                   "    class: satchel.backends.file.FileDatabase\n"
                   "    path: ${NOT_SET_HERE:%s}\n"
                   "    index_fields: [state, name]\n",
                   at("cache"), at("records"));
    write_whole(at("config.yaml"), text);
}

static void reset_world(void)
{
    empty_folder(at("cache"));
    empty_folder(at("records"));
    empty_folder(at("copies"));
    write_whole(at("records/kept.json"), "{\"id\":\"kept\",\"version\":1,\"fields\":{\"state\":"
                                         "\"old\"},\"metadata\":{}}\n");
}

static void check_world(const struct outcome *outcome, long n)
{
    char text[600];
    read_whole(at("records/kept.json"), text, sizeof text);
    bool is_old = strstr(text, "\"old\"") != NULL;
    bool is_new = strstr(text, "\"new\"") != NULL && text[strlen(text) - 1] == '\n';
    if (!is_old && !is_new)
        fail_msg("n = %ld: the record is neither old nor new: '%s'", n, text);
    if (outcome->updated && !is_new)
        fail_msg("n = %ld: an acknowledged update is lost", n);
    read_whole(at("records/fresh.json"), text, sizeof text);
    if (outcome->created && strstr(text, "\"fresh\"") == NULL)
        fail_msg("n = %ld: an acknowledged record is lost", n);
    if (text[0] != '\0' && text[strlen(text) - 1] != '\n')
        fail_msg("n = %ld: a torn record: '%s'", n, text);
    read_whole(at("copies/source.bin"), text, sizeof text);
    if (text[0] != '\0' && strcmp(text, CONTENT) != 0)
        fail_msg("n = %ld: a torn copy: '%s'", n, text);
    if (outcome->copied && strcmp(text, CONTENT) != 0)
        fail_msg("n = %ld: an acknowledged copy is lost", n);
    if (outcome->found_wrong)
        fail_msg("n = %ld: a search gave a wrong answer", n);
    assert_no_temporaries(at("records"));
    assert_no_temporaries(at("copies"));
}

static void check_error(const struct outcome *outcome, const satchel_error *err, long n)
{
    if (outcome->code == SATCHEL_OK)
        return;
    if (err->code != outcome->code || err->text[0] == '\0')
        fail_msg("n = %ld: code %d came with error %d '%s'", n, outcome->code, err->code,
                 err->text);
}

static void arm_allocation(long nth)
{
    sat_alloc_fail_nth(nth);
}

static void arm_kernel_call(long nth)
{
    sat_os_fail_nth(nth, EIO);
}

static void arm_no_space(long nth)
{
    sat_os_fail_nth(nth, ENOSPC);
}

/* Runs the day with the n-th call failing until n is past its last call. */
static void torture(void (*arm)(long nth), long (*count)(void), const char *what)
{
    long failures = 0;
    long n = 1;
    for (; n < RUNS_MAX; n++) {
        satchel_error err = {0};
        reset_world();
        arm(n);
        struct outcome outcome = day(&err);
        bool reached = count() >= n;
        arm(0);
        check_error(&outcome, &err, n);
        check_world(&outcome, n);
        failures += outcome.code != SATCHEL_OK;
        if (!reached) {
            assert_int_equal(outcome.code, SATCHEL_OK);
            break;
        }
    }
    assert_true(n < RUNS_MAX);
    assert_true(failures > 0);
    print_message("%s: %ld rounds, %ld of them failed cleanly\n", what, n, failures);
}

static void the_nth_allocation(void **state)
{
    (void)state;
    torture(arm_allocation, sat_alloc_count, "allocations");
}

static void the_nth_kernel_call(void **state)
{
    (void)state;
    torture(arm_kernel_call, sat_os_call_count, "kernel calls, EIO");
}

static void the_nth_kernel_call_without_space(void **state)
{
    (void)state;
    torture(arm_no_space, sat_os_call_count, "kernel calls, ENOSPC");
}

static int make_world(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/satchel-torture-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    const char *const names[] = {"records", "cache", "copies"};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(sat_os_mkdir(AT_FDCWD, at(names[i]), 0700), 0);
    write_whole(at("source.bin"), CONTENT);
    write_config();
    /* Read once per process: a fault there would stay. */
    (void)sat_os_boot_id();
    return 0;
}

static int end_world(void **state)
{
    (void)state;
    const char *const names[] = {"records", "cache", "copies"};
    for (size_t i = 0; i < 3; i++) {
        empty_folder(at(names[i]));
        (void)rmdir(at(names[i]));
    }
    (void)unlink(at("source.bin"));
    (void)unlink(at("config.yaml"));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_nth_allocation, make_world, end_world),
        cmocka_unit_test_setup_teardown(the_nth_kernel_call, make_world, end_world),
        cmocka_unit_test_setup_teardown(the_nth_kernel_call_without_space, make_world, end_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
