/*
 * Copying: files, folders, patterns, from anywhere to anywhere, with progress.
 *
 *     copy data/ s3://bucket/data/      copy 's3://bucket/logs/2026-*.log' ./logs/
 */
#include <satchel/satchel.h>
#include <stdio.h>

static int show_progress(void *user, const satchel_progress *at)
{
    (void)user;
    fprintf(stderr, "%lu of %lu%s objects, %lu bytes\n", (unsigned long)at->objects_done,
            (unsigned long)at->objects_total, at->total_is_final ? "" : "+",
            (unsigned long)at->bytes_done);
    return 0; /* not 0 would cancel the job */
}

static void show_event(void *user, const satchel_event *event)
{
    (void)user;
    printf("%s %s -> %s%s%s\n", event->status, event->source, event->destination,
           event->err == NULL ? "" : ": ", event->err == NULL ? "" : event->err->text);
}

int main(int argc, char **argv)
{
    satchel_copy_options options = {0};
    satchel_job_callbacks callbacks = {0};
    satchel_job *job = NULL;
    satchel_error err = {0};
    if (argc < 3) {
        fprintf(stderr, "usage: copy SOURCE... DESTINATION\n");
        return 2;
    }
    options.struct_size = sizeof options;
    options.recursive = 1;
    options.create_bucket = 1;
    callbacks.struct_size = sizeof callbacks;
    callbacks.progress = show_progress;
    callbacks.event = show_event;
    int code = satchel_job_copy((const char *const *)&argv[1], (size_t)argc - 2, argv[argc - 1],
                                &options, &job, &err);
    if (code == SATCHEL_OK)
        code = satchel_job_run(job, &callbacks, &err);
    if (code != SATCHEL_OK)
        fprintf(stderr, "%s: %s\n", satchel_code_name(code), err.text);
    satchel_job_free(job);
    return code == SATCHEL_OK ? 0 : 1;
}
