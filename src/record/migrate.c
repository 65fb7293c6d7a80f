/*
 * Migration: copy a batch, read it back, compare, and only then delete it from the source. So a
 * crash at any point leaves every record in at least one of the two places.
 */
#include "core/alloc.h"
#include "core/error.h"
#include "core/job.h"
#include "core/jscan.h"
#include "core/str.h"
#include "query/key.h"
#include "record/jobs.h"
#include "record/outbox.h"

struct migrate_job {
    struct satchel_job base; /* first */
    struct satchel_db *source;
    struct satchel_db *destination;
    satchel_migrate_options options;
    const struct sat_query *where;
};

/* ---- comparing */

/* Appends the key of the object without its members created_at and updated_at. */
static int key_of_metadata(satchel_span metadata, struct sat_buf *out)
{
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, SAT_DB_RECORD_MAX);
    size_t cursor = 0;
    satchel_span key;
    satchel_span value;
    char separator = '{';
    while (sat_jscan_member(metadata, &cursor, &key, &value)) {
        if (sat_jscan_key_is(key, sat_span_of("created_at")) ||
            sat_jscan_key_is(key, sat_span_of("updated_at")))
            continue;
        (void)sat_buf_add_char(&text, separator);
        (void)sat_buf_add_char(&text, '"');
        (void)sat_buf_add(&text, key.data, key.len);
        (void)sat_buf_add_str(&text, "\":");
        (void)sat_buf_add(&text, value.data, value.len);
        separator = ',';
    }
    (void)sat_buf_add_str(&text, separator == '{' ? "{}" : "}");
    return text.failed == SATCHEL_OK ? sat_key(sat_buf_span(&text), out) : text.failed;
}

/* What makes two records the same: fields and the user's metadata, as values. */
static int key_of_record(satchel_span record, struct sat_buf *out)
{
    satchel_span fields = {0};
    satchel_span metadata = {0};
    (void)sat_jscan_get(record, "fields", &fields);
    (void)sat_jscan_get(record, "metadata", &metadata);
    int code = sat_key(fields, out);
    return code == SATCHEL_OK ? key_of_metadata(metadata, out) : code;
}

static int compare(satchel_span sent, satchel_span stored, const char *id, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf a;
    SAT_AUTO_BUF struct sat_buf b;
    sat_buf_init(&a, SAT_DB_RECORD_MAX);
    sat_buf_init(&b, SAT_DB_RECORD_MAX);
    int code = key_of_record(sent, &a);
    if (code == SATCHEL_OK)
        code = key_of_record(stored, &b);
    if (code != SATCHEL_OK)
        return sat_error_set(err, code, "comparing record '%s': %s", id, satchel_code_text(code));
    if (sat_key_compare(sat_buf_span(&a), sat_buf_span(&b)) != 0)
        return sat_error_set(err, SATCHEL_INTEGRITY,
                             "record '%s' reads back different from what was written", id);
    return SATCHEL_OK;
}

/* ---- one batch */

/* Reads back what was written or skipped; a difference becomes the item's error. */
static int verify_batch(struct migrate_job *job, struct sat_outbox *outbox, satchel_error *err)
{
    size_t count = sat_outbox_count(outbox);
    SAT_AUTO_FREE const char **ids = sat_calloc(count, sizeof *ids);
    satchel_item *stored = sat_calloc(count, sizeof *stored);
    if (ids == NULL || stored == NULL) {
        sat_free(stored);
        return sat_error_nomem(err);
    }
    for (size_t i = 0; i < count; i++)
        ids[i] = sat_outbox_at(outbox, i)->id;
    int code = sat_db_read(job->destination, ids, count, stored, err);
    for (size_t i = 0; code == SATCHEL_OK && i < count; i++) {
        const struct sat_outbox_entry *entry = sat_outbox_at(outbox, i);
        satchel_item *item = &outbox->items[i];
        if (item->err.code != SATCHEL_OK)
            continue;
        if (stored[i].err.code != SATCHEL_OK)
            (void)sat_error_copy(&item->err, &stored[i].err);
        else
            (void)compare((satchel_span){entry->json, entry->json_len},
                          (satchel_span){stored[i].record.json, stored[i].record.json_len},
                          entry->id, &item->err);
    }
    satchel_items_free(stored, count);
    return code;
}

/* Only what arrived is deleted, and only the version that was copied. */
static void delete_sources(struct migrate_job *job, struct sat_outbox *outbox)
{
    for (size_t i = 0; i < sat_outbox_count(outbox); i++) {
        const struct sat_outbox_entry *entry = sat_outbox_at(outbox, i);
        satchel_item *item = &outbox->items[i];
        const satchel_delete_options options = {.struct_size = sizeof options,
                                                .expected = entry->token};
        bool existed = false;
        if (item->err.code != SATCHEL_OK)
            continue;
        if (sat_db_delete(job->source, entry->id, &options, &existed, &item->err) != SATCHEL_OK)
            sat_error_prefix(&item->err, "copied, but still in the source: ");
    }
}

static int flush(struct migrate_job *job, struct sat_outbox *outbox, satchel_error *err)
{
    if (sat_outbox_count(outbox) == 0)
        return SATCHEL_OK;
    int code = sat_outbox_write(outbox, err);
    if (code == SATCHEL_OK && !job->options.no_verify)
        code = verify_batch(job, outbox, err);
    if (code == SATCHEL_OK && job->options.delete_source)
        delete_sources(job, outbox);
    for (size_t i = 0; code == SATCHEL_OK && i < sat_outbox_count(outbox); i++)
        sat_outbox_report(outbox, i, &job->base, "migrate");
    sat_outbox_clear(outbox);
    return code == SATCHEL_OK ? sat_job_tick(&job->base, err) : code;
}

static int copy_all(struct migrate_job *job, struct satchel_results *results,
                    struct sat_outbox *outbox, satchel_error *err)
{
    const satchel_record *record = NULL;
    int code = sat_db_results_next(results, &record, err);
    while (code == SATCHEL_OK && record != NULL) {
        const struct sat_outbox_entry entry = {
            .label = record->id,
            .id = record->id,
            .json = record->json,
            .json_len = record->json_len,
            .token = record->token,
        };
        atomic_fetch_add(&job->base.objects_total, 1);
        atomic_fetch_add(&job->base.bytes_total, record->json_len);
        code = sat_outbox_add(outbox, &entry, err);
        if (code == SATCHEL_OK && sat_outbox_is_full(outbox))
            code = flush(job, outbox, err);
        if (code == SATCHEL_OK)
            code = sat_db_results_next(results, &record, err);
    }
    atomic_store(&job->base.total_is_final, true);
    return code == SATCHEL_OK ? flush(job, outbox, err) : code;
}

static int run(struct satchel_job *base, satchel_error *err)
{
    struct migrate_job *job = (struct migrate_job *)base;
    struct satchel_results *results = NULL;
    struct sat_outbox outbox;
    int code = sat_db_search(job->source, job->where, &results, err);
    if (code != SATCHEL_OK)
        return code;
    sat_outbox_init(&outbox, job->destination, job->options.on_conflict);
    outbox.keep_stamps = true;
    code = copy_all(job, results, &outbox, err);
    sat_outbox_fini(&outbox);
    sat_db_results_close(results);
    return code == SATCHEL_OK ? sat_job_result(base, err) : code;
}

static void fini(struct satchel_job *base)
{
    (void)base;
}

static const struct sat_job_kind migrate_kind = {.run = run, .fini = fini};

int sat_db_migrate_job(struct satchel_db *source, struct satchel_db *destination,
                       const satchel_migrate_options *options, struct satchel_job **job,
                       satchel_error *err)
{
    struct migrate_job *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    sat_job_init(&made->base, &migrate_kind);
    made->source = source;
    made->destination = destination;
    made->options = *options;
    made->where = (const struct sat_query *)options->where;
    *job = &made->base;
    return SATCHEL_OK;
}
