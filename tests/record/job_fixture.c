/* Running a record job in a test: its events counted, a folder for its files. */
#include "record/job_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/buf.h"
#include "core/error.h"
#include "core/os.h"
#include "core/str.h"

struct job_events events;
static char folder[64];

static void on_event(void *user, const satchel_event *event)
{
    (void)user;
    if (sat_str_eq(event->status, "ok")) {
        if (events.ok++ == 0)
            events.puts_at_first_ok = requests(SAT_OP_PUT);
    } else if (sat_str_eq(event->status, "skipped")) {
        events.skipped++;
    } else {
        events.failed++;
        (void)snprintf(events.last_failure, sizeof events.last_failure, "%s", event->err->text);
    }
}

int run_job(struct satchel_job *job, satchel_error *err)
{
    const satchel_job_callbacks callbacks = {.struct_size = sizeof callbacks, .event = on_event};
    events = (struct job_events){0};
    int code = satchel_job_run(job, &callbacks, err);
    satchel_job_free(job);
    return code;
}

int open_with_folder(void **state)
{
    (void)snprintf(folder, sizeof folder, "/tmp/satchel-record-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : open_db(state);
}

int close_with_folder(void **state)
{
    struct dirent *entry;
    DIR *dir = opendir(folder);
    while (dir != NULL && (entry = readdir(dir)) != NULL)
        (void)unlink(path_of(entry->d_name));
    if (dir != NULL)
        (void)closedir(dir);
    (void)rmdir(folder);
    return close_db(state);
}

const char *path_of(const char *name)
{
    static char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

void write_file(const char *name, const char *text)
{
    int fd = sat_os_open(AT_FDCWD, path_of(name), O_CREAT | O_TRUNC | O_WRONLY, 0600);
    assert_true(fd >= 0);
    assert_int_equal(sat_os_write_all(fd, text, strlen(text)), 0);
    (void)sat_os_close(fd);
}

char *read_file(const char *name)
{
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, 10000000);
    assert_int_equal(sat_os_read_file(AT_FDCWD, path_of(name), 10000000, &text), 0);
    return sat_buf_take(&text, NULL);
}

unsigned files_in_folder(void)
{
    unsigned count = 0;
    struct dirent *entry;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL)
        count += entry->d_name[0] != '.' || strlen(entry->d_name) > 2;
    (void)closedir(dir);
    return count;
}
