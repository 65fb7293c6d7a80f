/* Records gathered for one batch write: what migrate and import share. */
#ifndef SAT_RECORD_OUTBOX_H
#define SAT_RECORD_OUTBOX_H

#include <stdbool.h>

#include "core/job.h"
#include "core/vec.h"
#include "record/db.h"

enum { SAT_OUTBOX_ITEMS = 500, SAT_OUTBOX_BYTES = 8 * 1024 * 1024 };

struct sat_outbox_entry {
    char *label; /* where it came from: an id, "line 12" */
    char *id;    /* NULL = the record's own choice */
    char *json;
    size_t json_len;
    char *token; /* of the source record, or NULL */
};

struct sat_outbox {
    struct satchel_db *db; /* destination */
    int on_conflict;       /* enum satchel_on_conflict */
    bool keep_stamps;
    struct sat_vec entries; /* struct sat_outbox_entry, owned */
    size_t bytes;
    satchel_item *items; /* the outcome of the last write, one for each entry */
};

void sat_outbox_init(struct sat_outbox *outbox, struct satchel_db *db, int on_conflict);
void sat_outbox_fini(struct sat_outbox *outbox);
/* Copies everything. `id` and `token` may be NULL. */
int sat_outbox_add(struct sat_outbox *outbox, const struct sat_outbox_entry *entry,
                   satchel_error *err);
bool sat_outbox_is_full(const struct sat_outbox *outbox);
size_t sat_outbox_count(const struct sat_outbox *outbox);
const struct sat_outbox_entry *sat_outbox_at(const struct sat_outbox *outbox, size_t i);
/* Writes all entries; outbox->items then tells of each. Fails as a whole only before any write. */
int sat_outbox_write(struct sat_outbox *outbox, satchel_error *err);
/* Whether item `i` was left alone because its id is taken and on_conflict says so. */
bool sat_outbox_skipped(const struct sat_outbox *outbox, size_t i);
/* Reports item `i` as the job's event `op`. */
void sat_outbox_report(const struct sat_outbox *outbox, size_t i, struct satchel_job *job,
                       const char *op);
void sat_outbox_clear(struct sat_outbox *outbox);

#endif
