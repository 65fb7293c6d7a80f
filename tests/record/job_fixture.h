/* Running a record job in a test: its events counted, a folder for its files. */
#ifndef SAT_TESTS_RECORD_JOB_FIXTURE_H
#define SAT_TESTS_RECORD_JOB_FIXTURE_H

#include "record/fixture.h"

#include "record/jobs.h"

struct job_events {
    unsigned ok;
    unsigned failed;
    unsigned skipped;
    char last_failure[512];
    uint64_t puts_at_first_ok; /* PUT requests made when the first item was reported */
};

extern struct job_events events;

/* Runs and frees the job; its code. Fills `events`. */
int run_job(struct satchel_job *job, satchel_error *err);
/* Tear-down and set-up that add a folder of the test's own. */
int open_with_folder(void **state);
int close_with_folder(void **state);
/* "<folder>/<name>", valid until the next call. */
const char *path_of(const char *name);
void write_file(const char *name, const char *text);
/* The whole file, owned. */
char *read_file(const char *name);
/* How many files the folder holds. */
unsigned files_in_folder(void);

#endif
