/*
 * Conformance: every backend runs the same cases; `conformance ROW` runs one row of the table
 * below.
 *
 * A backend that deviates declares it as a quirk of its row, with the reason; a case then asserts
 * the deviation, and fails once it has ended. The rows of S3 need a server (tools/servers.sh start
 * versitygw DIR) and skip, exit status 77, without its environment variables.
 */
#include "backends/fixture.h"

#include <stdio.h>

#include "core/str.h"

enum { SKIPPED = 77, USAGE = 2 };

static const unsigned versitygw_quirks =
    QUIRK_FILE_OR_FOLDER | QUIRK_NO_EMPTY_PART | QUIRK_TAGS_UNCONDITIONAL;
#define VERSITYGW_WHY                                                                              \
    "versitygw keeps objects as files, so x and x/y cannot coexist and a//b is not listed; S3 "    \
    "has "                                                                                         \
    "no conditional tagging"

static const unsigned file_quirks = QUIRK_FILE_OR_FOLDER | QUIRK_NO_EMPTY_PART |
                                    QUIRK_PUT_MAKES_STORE | QUIRK_NO_FOLDER_KEY | QUIRK_ONE_STORE;
#define FILE_WHY                                                                                   \
    "keys are paths: parts are not empty, a file is no folder, missing folders are made"

static const struct row rows[] = {
    {.name = "mem", .scheme = "mem", .why = "no deviations"},
    {.name = "file", .scheme = "file", .quirks = file_quirks, .why = FILE_WHY},
    {.name = "sidecar",
     .scheme = "file",
     .quirks = file_quirks,
     .why = FILE_WHY,
     .no_xattrs = true},
    {.name = "s3",
     .scheme = "s3",
     .quirks = versitygw_quirks,
     .why = VERSITYGW_WHY,
     .env = "SATCHEL_TEST_S3_URL"},
    {.name = "s3v",
     .scheme = "s3",
     .quirks = versitygw_quirks,
     .why = VERSITYGW_WHY,
     .env = "SATCHEL_TEST_S3_URL",
     .subhosts = true},
    {.name = "s3s",
     .scheme = "s3",
     .quirks = versitygw_quirks,
     .why = VERSITYGW_WHY,
     .env = "SATCHEL_TEST_S3_TLS_URL"},
};

static const struct row *find_row(const char *name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (sat_str_eq(rows[i].name, name))
            return &rows[i];
    }
    return NULL;
}

static int run_row(const struct row *row)
{
    const char *missing = fixture_open(row);
    if (missing != NULL) {
        (void)printf("skipped: %s is not set (tools/servers.sh start versitygw DIR)\n", missing);
        return SKIPPED;
    }
    int failed = _cmocka_run_group_tests("objects", object_cases, object_case_count, NULL, NULL);
    failed += _cmocka_run_group_tests("lists", list_cases, list_case_count, NULL, NULL);
    failed +=
        _cmocka_run_group_tests("conditions", condition_cases, condition_case_count, NULL, NULL);
    failed += _cmocka_run_group_tests("engine", engine_cases, engine_case_count, NULL, NULL);
    failed += _cmocka_run_group_tests("streams", stream_cases, stream_case_count, NULL, NULL);
    fixture_close();
    return failed > 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    const struct row *row = argc == 2 ? find_row(argv[1]) : NULL;
    if (row == NULL) {
        (void)fprintf(stderr, "usage: conformance mem|file|sidecar|s3|s3v|s3s\n");
        return USAGE;
    }
    return run_row(row);
}
