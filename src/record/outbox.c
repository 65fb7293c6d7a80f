/* Records gathered for one batch write: what migrate and import share. */
#include "record/outbox.h"

#include "core/alloc.h"
#include "core/error.h"
#include "core/str.h"

void sat_outbox_init(struct sat_outbox *outbox, struct satchel_db *db, int on_conflict)
{
    *outbox = (struct sat_outbox){.db = db, .on_conflict = on_conflict};
    sat_vec_init(&outbox->entries, sizeof(struct sat_outbox_entry));
}

static void entry_fini(struct sat_outbox_entry *entry)
{
    sat_free(entry->label);
    sat_free(entry->id);
    sat_free(entry->json);
    sat_free(entry->token);
}

void sat_outbox_clear(struct sat_outbox *outbox)
{
    satchel_items_free(outbox->items, outbox->entries.len);
    outbox->items = NULL;
    for (size_t i = 0; i < outbox->entries.len; i++)
        entry_fini(sat_vec_at(&outbox->entries, i));
    outbox->entries.len = 0;
    outbox->bytes = 0;
}

void sat_outbox_fini(struct sat_outbox *outbox)
{
    sat_outbox_clear(outbox);
    sat_vec_fini(&outbox->entries);
}

int sat_outbox_add(struct sat_outbox *outbox, const struct sat_outbox_entry *entry,
                   satchel_error *err)
{
    struct sat_outbox_entry copy = {
        .label = sat_strdup(entry->label),
        .id = entry->id == NULL ? NULL : sat_strdup(entry->id),
        .json = sat_strndup(entry->json, entry->json_len),
        .json_len = entry->json_len,
        .token = entry->token == NULL ? NULL : sat_strdup(entry->token),
    };
    bool whole = copy.label != NULL && copy.json != NULL &&
                 (entry->id == NULL || copy.id != NULL) &&
                 (entry->token == NULL || copy.token != NULL);
    if (!whole || sat_vec_push(&outbox->entries, &copy) == NULL) {
        entry_fini(&copy);
        return sat_error_nomem(err);
    }
    outbox->bytes += entry->json_len;
    return SATCHEL_OK;
}

bool sat_outbox_is_full(const struct sat_outbox *outbox)
{
    return outbox->entries.len >= SAT_OUTBOX_ITEMS || outbox->bytes >= SAT_OUTBOX_BYTES;
}

size_t sat_outbox_count(const struct sat_outbox *outbox)
{
    return outbox->entries.len;
}

const struct sat_outbox_entry *sat_outbox_at(const struct sat_outbox *outbox, size_t i)
{
    return sat_vec_at(&outbox->entries, i);
}

int sat_outbox_write(struct sat_outbox *outbox, satchel_error *err)
{
    size_t count = outbox->entries.len;
    SAT_AUTO_FREE const char **ids = sat_calloc(count, sizeof *ids);
    SAT_AUTO_FREE satchel_span *records = sat_calloc(count, sizeof *records);
    outbox->items = sat_calloc(count, sizeof *outbox->items);
    if (ids == NULL || records == NULL || outbox->items == NULL)
        return sat_error_nomem(err);
    for (size_t i = 0; i < count; i++) {
        const struct sat_outbox_entry *entry = sat_outbox_at(outbox, i);
        ids[i] = entry->id;
        records[i] = (satchel_span){entry->json, entry->json_len};
    }
    const satchel_batch batch = {.count = count, .ids = ids, .records = records};
    const struct sat_db_write_options options = {
        .kind =
            outbox->on_conflict == SATCHEL_ON_CONFLICT_UPSERT ? SAT_WRITE_UPSERT : SAT_WRITE_CREATE,
        .keep_stamps = outbox->keep_stamps,
    };
    return sat_db_write(outbox->db, &options, &batch, outbox->items, err);
}

bool sat_outbox_skipped(const struct sat_outbox *outbox, size_t i)
{
    return outbox->items[i].err.code == SATCHEL_EXISTS &&
           outbox->on_conflict == SATCHEL_ON_CONFLICT_SKIP;
}

void sat_outbox_report(const struct sat_outbox *outbox, size_t i, struct satchel_job *job,
                       const char *op)
{
    const struct sat_outbox_entry *entry = sat_outbox_at(outbox, i);
    const satchel_item *item = &outbox->items[i];
    const char *id = item->record.id != NULL ? item->record.id : entry->id;
    bool failed = item->err.code != SATCHEL_OK && !sat_outbox_skipped(outbox, i);
    satchel_error err = item->err;
    if (failed && (entry->id == NULL || !sat_str_eq(entry->label, entry->id)))
        sat_error_prefix(&err, "%s: ", entry->label);
    const satchel_event event = {
        .op = op,
        .source = entry->label,
        .destination = id == NULL ? "" : id,
        .status = failed                          ? "failed"
                  : sat_outbox_skipped(outbox, i) ? "skipped"
                                                  : "ok",
        .bytes = entry->json_len,
        .err = failed ? &err : NULL,
    };
    if (!failed)
        atomic_fetch_add(&job->bytes_done, entry->json_len);
    sat_job_event(job, &event);
}
