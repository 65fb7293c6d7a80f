/*
 * Export: the records of a search as text. A file appears under its name only complete. CSV needs
 * the names of all fields before its first row, so its records wait in a nameless file.
 */
#include <fcntl.h>
#include <string.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/job.h"
#include "core/jscan.h"
#include "core/os.h"
#include "core/str.h"
#include "record/csv.h"
#include "record/db.h"
#include "record/jobs.h"

enum {
    WRITE_BLOCK = 256 * 1024,
    STDOUT_FD = 1,
};

struct export_job {
    struct satchel_job base; /* first */
    struct satchel_db *db;
    char *path;
    int format;
    bool whole_records;
    const struct sat_query *where;
};

struct export_run {
    struct export_job *job;
    int fd; /* what is written to */
    bool to_stdout;
    char temp[SAT_OS_TEMP_NAME_SIZE];
    char *folder;       /* of the file, owned */
    struct sat_buf out; /* not yet written */
    uint64_t count;
    int spool; /* CSV: records as NDJSON */
    uint64_t spooled;
    struct sat_vec names; /* CSV: char *, owned, in order of appearance */
};

/* ---- writing */

static int drain(struct export_run *run, int fd, satchel_error *err)
{
    int rc = sat_os_write_all(fd, run->out.data, run->out.len);
    if (rc < 0)
        return sat_error_os(err, -rc, "writing '%s'", run->job->path);
    sat_buf_reset(&run->out);
    return SATCHEL_OK;
}

static int drain_if_full(struct export_run *run, int fd, satchel_error *err)
{
    int code = sat_buf_check(&run->out, "exported record", err);
    return code == SATCHEL_OK && run->out.len >= WRITE_BLOCK ? drain(run, fd, err) : code;
}

static satchel_span part_of(const struct export_run *run, satchel_span record)
{
    satchel_span fields = record;
    if (!run->job->whole_records)
        (void)sat_jscan_get(record, "fields", &fields);
    return fields;
}

static int put_json(struct export_run *run, satchel_span record, satchel_error *err)
{
    bool array = run->job->format == SATCHEL_FORMAT_JSON;
    satchel_span part = part_of(run, record);
    if (array)
        (void)sat_buf_add_str(&run->out, run->count == 0 ? "[\n" : ",\n");
    (void)sat_buf_add(&run->out, part.data, part.len);
    if (!array)
        (void)sat_buf_add_char(&run->out, '\n');
    return drain_if_full(run, run->fd, err);
}

/* ---- CSV */

static int add_name(struct export_run *run, const char *prefix, satchel_span raw,
                    satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf name;
    sat_buf_init(&name, SAT_BUF_MAX_TEXT);
    (void)sat_buf_add_str(&name, prefix);
    (void)sat_jscan_decode(raw, &name);
    for (size_t i = 0; i < run->names.len; i++) {
        if (sat_str_eq(*(char *const *)sat_vec_at(&run->names, i), sat_buf_str(&name)))
            return SATCHEL_OK;
    }
    char *copy = sat_buf_take(&name, NULL);
    if (copy == NULL || sat_vec_push(&run->names, &copy) == NULL) {
        sat_free(copy);
        return sat_error_nomem(err);
    }
    return SATCHEL_OK;
}

static int add_names(struct export_run *run, const char *prefix, satchel_span object,
                     satchel_error *err)
{
    size_t cursor = 0;
    satchel_span key;
    satchel_span value;
    int code = SATCHEL_OK;
    while (code == SATCHEL_OK && sat_jscan_member(object, &cursor, &key, &value))
        code = add_name(run, prefix, key, err);
    return code;
}

static int spool_record(struct export_run *run, satchel_span record, satchel_error *err)
{
    satchel_span fields = {0};
    satchel_span metadata = {0};
    (void)sat_jscan_get(record, "fields", &fields);
    (void)sat_jscan_get(record, "metadata", &metadata);
    int code = add_names(run, "", fields, err);
    if (code == SATCHEL_OK && run->job->whole_records)
        code = add_names(run, "metadata.", metadata, err);
    if (code != SATCHEL_OK)
        return code;
    (void)sat_buf_add(&run->out, record.data, record.len);
    (void)sat_buf_add_char(&run->out, '\n');
    run->spooled += record.len + 1;
    return drain_if_full(run, run->spool, err);
}

static int put_cell(struct export_run *run, satchel_span value, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, SAT_DB_RECORD_MAX);
    if (sat_jscan_kind(value) == SAT_JKIND_STRING)
        (void)sat_jscan_string(value, &text);
    else if (sat_jscan_kind(value) != SAT_JKIND_NULL && value.len > 0)
        (void)sat_jscan_put_compact(&text, value);
    (void)sat_csv_write(&run->out, sat_buf_span(&text));
    return sat_buf_check(&text, "CSV cell", err);
}

static satchel_span cell_of(const struct export_run *run, satchel_span record, const char *name)
{
    satchel_span part = {0};
    satchel_span value = {0};
    bool meta = run->job->whole_records && sat_str_starts(name, "metadata.");
    (void)sat_jscan_get(record, meta ? "metadata" : "fields", &part);
    (void)sat_jscan_get(part, meta ? name + strlen("metadata.") : name, &value);
    return value;
}

static int put_row(struct export_run *run, satchel_span record, satchel_error *err)
{
    satchel_span id = {0};
    int code = SATCHEL_OK;
    if (run->job->whole_records) {
        (void)sat_jscan_get(record, "id", &id);
        code = put_cell(run, id, err);
    }
    for (size_t i = 0; code == SATCHEL_OK && i < run->names.len; i++) {
        const char *name = *(char *const *)sat_vec_at(&run->names, i);
        if (i > 0 || run->job->whole_records)
            (void)sat_buf_add_char(&run->out, ',');
        code = put_cell(run, cell_of(run, record, name), err);
    }
    (void)sat_buf_add_str(&run->out, "\r\n");
    return code == SATCHEL_OK ? drain_if_full(run, run->fd, err) : code;
}

static int put_header(struct export_run *run, satchel_error *err)
{
    if (run->job->whole_records)
        (void)sat_buf_add_str(&run->out, "id");
    for (size_t i = 0; i < run->names.len; i++) {
        if (i > 0 || run->job->whole_records)
            (void)sat_buf_add_char(&run->out, ',');
        (void)sat_csv_write(&run->out, sat_span_of(*(char *const *)sat_vec_at(&run->names, i)));
    }
    (void)sat_buf_add_str(&run->out, "\r\n");
    return sat_buf_check(&run->out, "CSV header", err);
}

/* Reads the spooled lines back, one after the other, and writes their rows. */
static int unspool(struct export_run *run, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf buf;
    sat_buf_init(&buf, SAT_DB_RECORD_MAX);
    uint64_t at = 0;
    int code = run->out.len > 0 ? drain(run, run->spool, err) : SATCHEL_OK;
    if (code == SATCHEL_OK)
        code = put_header(run, err);
    while (code == SATCHEL_OK && (at < run->spooled || buf.len > 0)) {
        char *room = sat_buf_reserve(&buf, WRITE_BLOCK);
        if (room == NULL)
            return sat_buf_check(&buf, "one record", err);
        int64_t got = sat_os_pread(run->spool, room, WRITE_BLOCK, (int64_t)at);
        if (got < 0)
            return sat_error_os(err, (int)-got, "reading the spooled records");
        at += (uint64_t)got;
        buf.len += (size_t)got;
        size_t used = 0;
        char *end = memchr(buf.data, '\n', buf.len);
        while (code == SATCHEL_OK && end != NULL) {
            size_t len = (size_t)(end - (buf.data + used));
            code = put_row(run, (satchel_span){buf.data + used, len}, err);
            used += len + 1;
            end = memchr(buf.data + used, '\n', buf.len - used);
        }
        buf.len -= used;
        memmove(buf.data, buf.data + used, buf.len);
        if (got == 0 && used == 0)
            return sat_error_set(err, SATCHEL_IO, "the spooled records are cut short");
    }
    return code;
}

/* ---- files */

/* The folder of a path: "a" is in ".", "/a" in "/". */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL)
        return sat_strdup(".");
    return slash == path ? sat_strdup("/") : sat_strndup(path, (size_t)(slash - path));
}

static int open_temp(struct export_run *run, satchel_error *err)
{
    run->folder = folder_of(run->job->path);
    if (run->folder == NULL)
        return sat_error_nomem(err);
    int rc = sat_os_temp_name(run->temp);
    SAT_AUTO_FREE char *path = sat_strf("%s/%s", run->folder, run->temp);
    if (path == NULL)
        return sat_error_nomem(err);
    if (rc == 0)
        rc = sat_os_open(AT_FDCWD, path, O_CREAT | O_EXCL | O_WRONLY, 0666);
    if (rc < 0) {
        run->temp[0] = '\0';
        return sat_error_os(err, -rc, "creating a file in '%s'", run->folder);
    }
    run->fd = rc;
    /* The lock tells a sweep that the file is in use. */
    rc = sat_os_lock(run->fd, 0, 0, true, 0);
    return rc < 0 ? sat_error_os(err, -rc, "locking '%s'", path) : SATCHEL_OK;
}

static int open_output(struct export_run *run, satchel_error *err)
{
    run->to_stdout = sat_str_eq(run->job->path, "-");
    if (run->job->format == SATCHEL_FORMAT_CSV) {
        run->spool = sat_os_open_tmp(AT_FDCWD, "/tmp", 0600);
        if (run->spool < 0)
            return sat_error_os(err, -run->spool, "making a spool file in /tmp");
    }
    if (!run->to_stdout)
        return open_temp(run, err);
    run->fd = sat_os_dup(STDOUT_FD);
    return run->fd < 0 ? sat_error_os(err, -run->fd, "opening standard output") : SATCHEL_OK;
}

/* Gives the finished file its name. */
static int publish(struct export_run *run, satchel_error *err)
{
    int code = drain(run, run->fd, err);
    if (code != SATCHEL_OK || run->to_stdout)
        return code;
    SAT_AUTO_FREE char *path = sat_strf("%s/%s", run->folder, run->temp);
    if (path == NULL)
        return sat_error_nomem(err);
    int rc = sat_os_sync(run->fd);
    if (rc == 0)
        rc = sat_os_rename(AT_FDCWD, path, AT_FDCWD, run->job->path, 0);
    if (rc < 0)
        return sat_error_os(err, -rc, "writing '%s'", run->job->path);
    run->temp[0] = '\0';
    rc = sat_os_sync_dir(AT_FDCWD, run->folder);
    return rc < 0 ? sat_error_os(err, -rc, "syncing '%s'", run->folder) : SATCHEL_OK;
}

static void run_fini(struct export_run *run)
{
    if (run->temp[0] != '\0') {
        char *path = sat_strf("%s/%s", run->folder, run->temp);
        if (path != NULL)
            (void)sat_os_unlink(AT_FDCWD, path, 0);
        sat_free(path);
    }
    for (size_t i = 0; i < run->names.len; i++)
        sat_free(*(char **)sat_vec_at(&run->names, i));
    sat_vec_fini(&run->names);
    sat_buf_fini(&run->out);
    sat_free(run->folder);
    sat_auto_fd_(&run->fd);
    sat_auto_fd_(&run->spool);
}

/* ---- the job */

static int put_record(struct export_run *run, const satchel_record *record, satchel_error *err)
{
    struct satchel_job *base = &run->job->base;
    satchel_span text = {record->json, record->json_len};
    bool csv = run->job->format == SATCHEL_FORMAT_CSV;
    int code = csv ? spool_record(run, text, err) : put_json(run, text, err);
    if (code != SATCHEL_OK)
        return code;
    const satchel_event event = {.op = "export",
                                 .source = record->id,
                                 .destination = run->job->path,
                                 .status = "ok",
                                 .bytes = record->json_len};
    run->count++;
    atomic_fetch_add(&base->objects_total, 1);
    atomic_fetch_add(&base->bytes_done, record->json_len);
    atomic_fetch_add(&base->bytes_total, record->json_len);
    sat_job_event(base, &event);
    return sat_job_tick(base, err);
}

static int put_all(struct export_run *run, struct satchel_results *results, satchel_error *err)
{
    const satchel_record *record = NULL;
    int code = sat_db_results_next(results, &record, err);
    while (code == SATCHEL_OK && record != NULL) {
        code = put_record(run, record, err);
        if (code == SATCHEL_OK)
            code = sat_db_results_next(results, &record, err);
    }
    if (code != SATCHEL_OK)
        return code;
    if (run->job->format == SATCHEL_FORMAT_CSV)
        code = unspool(run, err);
    else if (run->job->format == SATCHEL_FORMAT_JSON)
        (void)sat_buf_add_str(&run->out, run->count == 0 ? "[]\n" : "\n]\n");
    atomic_store(&run->job->base.total_is_final, true);
    return code == SATCHEL_OK ? publish(run, err) : code;
}

static int run_export(struct satchel_job *base, satchel_error *err)
{
    struct export_job *job = (struct export_job *)base;
    struct export_run run = {.job = job, .fd = -1, .spool = -1};
    struct satchel_results *results = NULL;
    sat_buf_init(&run.out, SAT_DB_RECORD_MAX);
    sat_vec_init(&run.names, sizeof(char *));
    int code = sat_db_search(job->db, job->where, &results, err);
    if (code == SATCHEL_OK)
        code = open_output(&run, err);
    if (code == SATCHEL_OK)
        code = put_all(&run, results, err);
    sat_db_results_close(results);
    run_fini(&run);
    return code;
}

static void fini(struct satchel_job *base)
{
    sat_free(((struct export_job *)base)->path);
}

static const struct sat_job_kind export_kind = {.run = run_export, .fini = fini};

int sat_db_export_job(struct satchel_db *db, const char *path, const satchel_text_options *options,
                      struct satchel_job **job, satchel_error *err)
{
    struct export_job *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    sat_job_init(&made->base, &export_kind);
    made->db = db;
    made->format = options->format;
    made->whole_records = options->whole_records != 0;
    made->where = (const struct sat_query *)options->where;
    made->path = sat_strdup(path);
    if (made->path == NULL) {
        satchel_job_free(&made->base);
        return sat_error_nomem(err);
    }
    *job = &made->base;
    return SATCHEL_OK;
}
