/*
 * Import: text of many records into a database. NDJSON and CSV are read piece by piece; a JSON
 * document has to be whole, and valid to its end, before its first record is written.
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
#include "record/jobs.h"
#include "record/outbox.h"

enum {
    READ_BLOCK = 1024 * 1024,
    STDIN_FD = 0,
};
#define DOCUMENT_MAX ((size_t)2 * 1024 * 1024 * 1024)

struct import_job {
    struct satchel_job base; /* first */
    struct satchel_db *db;
    char *path;
    int format;
    int on_conflict;
    bool whole_records;
    char *id_field; /* or NULL */
    char *at;       /* or NULL */
};

/* What one run works with. */
struct import_run {
    struct import_job *job;
    struct sat_path id_path;
    struct sat_outbox outbox;
    struct sat_buf record; /* the item being built */
    struct sat_buf id;
    struct sat_buf label;
    int fd;
    uint64_t number;       /* of the line, row or element; from 1 */
    struct sat_vec header; /* CSV: char *, owned */
};

/* ---- one item */

static int flush(struct import_run *run, satchel_error *err)
{
    if (sat_outbox_count(&run->outbox) == 0)
        return SATCHEL_OK;
    int code = sat_outbox_write(&run->outbox, err);
    for (size_t i = 0; code == SATCHEL_OK && i < sat_outbox_count(&run->outbox); i++)
        sat_outbox_report(&run->outbox, i, &run->job->base, "import");
    sat_outbox_clear(&run->outbox);
    return code == SATCHEL_OK ? sat_job_tick(&run->job->base, err) : code;
}

/* An item that cannot become a record fails alone. */
static void fail_item(struct import_run *run, const satchel_error *why)
{
    satchel_error err = *why;
    const char *label = sat_buf_str(&run->label);
    sat_error_prefix(&err, "%s: ", label);
    const satchel_event event = {
        .op = "import", .source = label, .destination = "", .status = "failed", .err = &err};
    sat_job_event(&run->job->base, &event);
}

/* The text that --id-field names: a string, or an integer as written. */
static int take_id(struct import_run *run, satchel_span item, satchel_error *err)
{
    satchel_span value;
    int64_t number;
    sat_buf_reset(&run->id);
    if (run->job->id_field == NULL)
        return SATCHEL_OK;
    if (!sat_jscan_find(item, &run->id_path, &value))
        return sat_error_set(err, SATCHEL_INVALID, "it has no member '%s' for its id",
                             run->job->id_field);
    if (sat_jscan_kind(value) == SAT_JKIND_STRING)
        (void)sat_jscan_string(value, &run->id);
    else if (sat_jscan_int(value, &number))
        (void)sat_buf_add(&run->id, value.data, value.len);
    else
        return sat_error_set(err, SATCHEL_INVALID,
                             "its member '%s' is neither a string nor an integer",
                             run->job->id_field);
    return sat_buf_check(&run->id, "id", err);
}

static int build_record(struct import_run *run, satchel_span item, satchel_error *err)
{
    sat_buf_reset(&run->record);
    if (sat_jscan_kind(item) != SAT_JKIND_OBJECT)
        return sat_error_set(err, SATCHEL_INVALID, "it is no JSON object");
    int code = take_id(run, item, err);
    if (code != SATCHEL_OK)
        return code;
    if (!run->job->whole_records)
        (void)sat_buf_add_str(&run->record, "{\"fields\":");
    (void)sat_buf_add(&run->record, item.data, item.len);
    if (!run->job->whole_records)
        (void)sat_buf_add_char(&run->record, '}');
    return sat_buf_check(&run->record, "record", err);
}

/* `item` is one valid JSON value. */
static int add_item(struct import_run *run, satchel_span item, satchel_error *err)
{
    satchel_error why = {0};
    atomic_fetch_add(&run->job->base.objects_total, 1);
    if (build_record(run, item, &why) != SATCHEL_OK) {
        fail_item(run, &why);
        return SATCHEL_OK;
    }
    const struct sat_outbox_entry entry = {
        .label = run->label.data,
        .id = run->id.len > 0 ? run->id.data : NULL,
        .json = run->record.data,
        .json_len = run->record.len,
    };
    atomic_fetch_add(&run->job->base.bytes_total, run->record.len);
    int code = sat_outbox_add(&run->outbox, &entry, err);
    if (code == SATCHEL_OK && sat_outbox_is_full(&run->outbox))
        code = flush(run, err);
    return code;
}

static int next_label(struct import_run *run, const char *what, satchel_error *err)
{
    run->number++;
    sat_buf_reset(&run->label);
    (void)sat_buf_addf(&run->label, "%s %llu", what, (unsigned long long)run->number);
    return sat_buf_check(&run->label, "label", err);
}

/* ---- NDJSON */

static int add_line(struct import_run *run, satchel_span line, satchel_error *err)
{
    satchel_error why = {0};
    int code = next_label(run, "line", err);
    satchel_span item = sat_jscan_trim(line);
    if (code != SATCHEL_OK || item.len == 0)
        return code;
    if (sat_jscan_validate(item, NULL, &why) != SATCHEL_OK) {
        atomic_fetch_add(&run->job->base.objects_total, 1);
        fail_item(run, &why);
        return SATCHEL_OK;
    }
    return add_item(run, item, err);
}

/* Takes whole lines off the front of `input`; *used is what they were. */
static int take_lines(struct import_run *run, satchel_span input, bool at_end, size_t *used,
                      satchel_error *err)
{
    const char *text = input.data;
    int code = SATCHEL_OK;
    *used = 0;
    while (code == SATCHEL_OK && *used < input.len) {
        size_t left = input.len - *used;
        const char *end = memchr(text + *used, '\n', left);
        if (end == NULL && !at_end)
            break;
        size_t len = end == NULL ? left : (size_t)(end - (text + *used));
        code = add_line(run, (satchel_span){text + *used, len}, err);
        *used += end == NULL ? len : len + 1;
    }
    return code;
}

/* ---- CSV: the first row names the fields; every value is a string */

static int take_header(struct import_run *run, const struct sat_csv_row *row, satchel_error *err)
{
    for (size_t i = 0; i < row->starts.len; i++) {
        char *name = sat_strdup(sat_csv_field(row, i));
        if (name == NULL || sat_vec_push(&run->header, &name) == NULL) {
            sat_free(name);
            return sat_error_nomem(err);
        }
    }
    return SATCHEL_OK;
}

enum column { COLUMN_FIELD, COLUMN_METADATA, COLUMN_ID };

static enum column column_of(const struct import_run *run, const char *name)
{
    if (!run->job->whole_records)
        return COLUMN_FIELD;
    if (sat_str_eq(name, "id"))
        return COLUMN_ID;
    return sat_str_starts(name, "metadata.") ? COLUMN_METADATA : COLUMN_FIELD;
}

/* Appends the members of one kind of column. */
static void put_columns(const struct import_run *run, const struct sat_csv_row *row,
                        enum column kind, struct sat_buf *out)
{
    bool first = true;
    for (size_t i = 0; i < row->starts.len; i++) {
        const char *name = *(char *const *)sat_vec_at(&run->header, i);
        if (column_of(run, name) != kind)
            continue;
        if (!first)
            (void)sat_buf_add_char(out, ',');
        first = false;
        if (kind == COLUMN_METADATA)
            name += strlen("metadata.");
        (void)sat_jscan_put_string(out, sat_span_of(name));
        (void)sat_buf_add_char(out, ':');
        (void)sat_jscan_put_string(out, sat_span_of(sat_csv_field(row, i)));
    }
}

static int put_row(const struct import_run *run, const struct sat_csv_row *row, struct sat_buf *out,
                   satchel_error *err)
{
    (void)sat_buf_add_char(out, '{');
    if (run->job->whole_records) {
        size_t before = out->len;
        put_columns(run, row, COLUMN_ID, out);
        (void)sat_buf_add_str(out, out->len > before ? ",\"fields\":{" : "\"fields\":{");
    }
    put_columns(run, row, COLUMN_FIELD, out);
    if (run->job->whole_records) {
        (void)sat_buf_add_str(out, "},\"metadata\":{");
        put_columns(run, row, COLUMN_METADATA, out);
        (void)sat_buf_add_char(out, '}');
    }
    (void)sat_buf_add_char(out, '}');
    int code = sat_buf_check(out, "CSV row", err);
    return code == SATCHEL_OK ? sat_jscan_validate(sat_buf_span(out), NULL, err) : code;
}

static int add_row(struct import_run *run, const struct sat_csv_row *row, satchel_error *err)
{
    satchel_error why = {0};
    SAT_AUTO_BUF struct sat_buf item;
    sat_buf_init(&item, SAT_DB_RECORD_MAX);
    int code = next_label(run, "row", err);
    if (code != SATCHEL_OK)
        return code;
    if (run->header.len == 0)
        return take_header(run, row, err);
    if (row->starts.len == 1 && *sat_csv_field(row, 0) == '\0')
        return SATCHEL_OK;
    if (row->starts.len != run->header.len)
        code = sat_error_set(&why, SATCHEL_INVALID, "it has %zu fields, the header has %zu",
                             row->starts.len, run->header.len);
    else
        code = put_row(run, row, &item, &why);
    if (code == SATCHEL_OK)
        return add_item(run, sat_buf_span(&item), err);
    atomic_fetch_add(&run->job->base.objects_total, 1);
    fail_item(run, &why);
    return SATCHEL_OK;
}

static int take_rows(struct import_run *run, satchel_span input, bool at_end, size_t *used,
                     satchel_error *err)
{
    struct sat_csv_row row;
    sat_csv_row_init(&row);
    int code = SATCHEL_OK;
    size_t taken = 0;
    *used = 0;
    do {
        satchel_span rest = {(const char *)input.data + *used, input.len - *used};
        code = rest.len == 0 ? SATCHEL_OK : sat_csv_read(rest, at_end, &row, &taken, err);
        if (rest.len == 0 || taken == 0)
            break;
        if (code == SATCHEL_OK)
            code = add_row(run, &row, err);
        *used += taken;
    } while (code == SATCHEL_OK);
    sat_csv_row_fini(&row);
    return code;
}

/* ---- streams and documents */

typedef int (*take_fn)(struct import_run *run, satchel_span input, bool at_end, size_t *used,
                       satchel_error *err);

static int read_block(const struct import_run *run, struct sat_buf *buf, bool *at_end,
                      satchel_error *err)
{
    char *room = sat_buf_reserve(buf, READ_BLOCK);
    if (room == NULL)
        return sat_buf_check(buf, "one line or row", err);
    int64_t got = sat_os_read(run->fd, room, READ_BLOCK);
    if (got < 0)
        return sat_error_os(err, (int)-got, "reading '%s'", run->job->path);
    buf->len += (size_t)got;
    *at_end = got < READ_BLOCK;
    return SATCHEL_OK;
}

static int read_stream(struct import_run *run, take_fn take, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf buf;
    sat_buf_init(&buf, SAT_DB_RECORD_MAX);
    bool at_end = false;
    int code = SATCHEL_OK;
    while (code == SATCHEL_OK && !at_end) {
        size_t used = 0;
        code = read_block(run, &buf, &at_end, err);
        if (code == SATCHEL_OK)
            code = take(run, sat_buf_span(&buf), at_end, &used, err);
        buf.len -= used;
        if (buf.len > 0)
            memmove(buf.data, buf.data + used, buf.len);
    }
    return code;
}

static int find_array(const struct import_run *run, satchel_span document, satchel_span *array,
                      satchel_error *err)
{
    const char *at = run->job->at == NULL ? "" : run->job->at;
    SAT_AUTO_PATH struct sat_path path = {0};
    int code = sat_path_parse(sat_span_of(at), &path, err);
    if (code != SATCHEL_OK)
        return code;
    if (!sat_jscan_find(document, &path, array))
        return sat_error_set(err, SATCHEL_NOT_FOUND, "'%s' has nothing at '%s'", run->job->path,
                             at);
    if (sat_jscan_kind(*array) != SAT_JKIND_ARRAY)
        return sat_error_set(err, SATCHEL_INVALID, "'%s' has no array at '%s' (--at names it)",
                             run->job->path, at);
    return SATCHEL_OK;
}

static int read_document(struct import_run *run, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf buf;
    sat_buf_init(&buf, DOCUMENT_MAX);
    bool at_end = false;
    int code = SATCHEL_OK;
    while (code == SATCHEL_OK && !at_end)
        code = read_block(run, &buf, &at_end, err);
    satchel_span document = sat_buf_span(&buf);
    satchel_span array;
    satchel_span item;
    size_t cursor = 0;
    if (code == SATCHEL_OK)
        code = sat_jscan_validate(document, NULL, err);
    if (code == SATCHEL_OK)
        code = find_array(run, document, &array, err);
    while (code == SATCHEL_OK && sat_jscan_element(array, &cursor, &item)) {
        code = next_label(run, "element", err);
        if (code == SATCHEL_OK)
            code = add_item(run, item, err);
    }
    return code;
}

static int read_all(struct import_run *run, satchel_error *err)
{
    int code = SATCHEL_OK;
    if (run->job->format == SATCHEL_FORMAT_NDJSON)
        code = read_stream(run, take_lines, err);
    else if (run->job->format == SATCHEL_FORMAT_CSV)
        code = read_stream(run, take_rows, err);
    else
        code = read_document(run, err);
    atomic_store(&run->job->base.total_is_final, true);
    /* What came before a break in the input is imported, and reported, all the same. */
    int flushed = flush(run, code == SATCHEL_OK ? err : NULL);
    return code == SATCHEL_OK ? flushed : code;
}

/* ---- the job */

static int open_input(struct import_run *run, satchel_error *err)
{
    if (sat_str_eq(run->job->path, "-")) {
        run->fd = sat_os_dup(STDIN_FD);
        return run->fd < 0 ? sat_error_os(err, -run->fd, "opening standard input") : SATCHEL_OK;
    }
    run->fd = sat_os_open(AT_FDCWD, run->job->path, O_RDONLY, 0);
    return run->fd < 0 ? sat_error_os(err, -run->fd, "opening '%s'", run->job->path) : SATCHEL_OK;
}

static void run_fini(struct import_run *run)
{
    sat_outbox_fini(&run->outbox);
    sat_path_fini(&run->id_path);
    sat_buf_fini(&run->record);
    sat_buf_fini(&run->id);
    sat_buf_fini(&run->label);
    for (size_t i = 0; i < run->header.len; i++)
        sat_free(*(char **)sat_vec_at(&run->header, i));
    sat_vec_fini(&run->header);
    sat_auto_fd_(&run->fd);
}

static int run_import(struct satchel_job *base, satchel_error *err)
{
    struct import_job *job = (struct import_job *)base;
    struct import_run run = {.job = job, .fd = -1};
    sat_outbox_init(&run.outbox, job->db, job->on_conflict);
    sat_buf_init(&run.record, SAT_DB_RECORD_MAX);
    sat_buf_init(&run.id, SAT_DOC_KEY_MAX);
    sat_buf_init(&run.label, 64);
    sat_vec_init(&run.header, sizeof(char *));
    int code = SATCHEL_OK;
    if (job->id_field != NULL)
        code = sat_path_parse(sat_span_of(job->id_field), &run.id_path, err);
    if (code == SATCHEL_OK)
        code = open_input(&run, err);
    if (code == SATCHEL_OK)
        code = read_all(&run, err);
    run_fini(&run);
    return code == SATCHEL_OK ? sat_job_result(base, err) : code;
}

static void fini(struct satchel_job *base)
{
    struct import_job *job = (struct import_job *)base;
    sat_free(job->path);
    sat_free(job->id_field);
    sat_free(job->at);
}

static const struct sat_job_kind import_kind = {.run = run_import, .fini = fini};

int sat_db_import_job(struct satchel_db *db, const char *path, const satchel_text_options *options,
                      struct satchel_job **job, satchel_error *err)
{
    struct import_job *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    sat_job_init(&made->base, &import_kind);
    made->db = db;
    made->format = options->format;
    made->on_conflict = options->on_conflict;
    made->whole_records = options->whole_records != 0;
    made->path = sat_strdup(path);
    made->id_field = options->id_field == NULL ? NULL : sat_strdup(options->id_field);
    made->at = options->at == NULL ? NULL : sat_strdup(options->at);
    bool whole = made->path != NULL && (made->id_field != NULL || options->id_field == NULL) &&
                 (made->at != NULL || options->at == NULL);
    if (!whole) {
        satchel_job_free(&made->base);
        return sat_error_nomem(err);
    }
    *job = &made->base;
    return SATCHEL_OK;
}
