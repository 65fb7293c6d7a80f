/* Reading records: GETs in parallel, each judged by the record format. */
#include <string.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/jscan.h"
#include "core/str.h"
#include "record/db.h"

void sat_db_fetched_fini(struct sat_db_fetched *fetched)
{
    if (fetched->state == SAT_ROW_LIVE)
        sat_doc_fini(&fetched->doc);
    sat_free(fetched->etag);
    sat_free(fetched->updated_at);
    *fetched = (struct sat_db_fetched){.state = SAT_ROW_ABSENT};
}

static satchel_span meta_span(const struct sat_op *op, const char *name)
{
    const struct sat_tag *tag = sat_tags_find(&op->info.metadata, sat_span_of(name));
    return tag == NULL ? (satchel_span){0} : sat_span_of(tag->value);
}

/* The text of a string member of the record's metadata, owned; NULL where there is none. */
static char *metadata_text(satchel_span metadata, const char *name)
{
    satchel_span value;
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, 256);
    if (!sat_jscan_get(metadata, name, &value) || sat_jscan_kind(value) != SAT_JKIND_STRING)
        return NULL;
    return sat_jscan_string(value, &text) == SATCHEL_OK ? sat_buf_take(&text, NULL) : NULL;
}

int sat_db_take_fetched(const struct satchel_db *db, const char *key, struct sat_op *op,
                        struct sat_db_fetched *fetched, satchel_error *err)
{
    *fetched = (struct sat_db_fetched){.state = SAT_ROW_ABSENT};
    if (op->err.code == SATCHEL_NOT_FOUND && !op->bucket_missing)
        return SATCHEL_OK;
    if (op->err.code != SATCHEL_OK)
        return sat_error_copy(err, &op->err);
    fetched->etag = op->info.etag;
    op->info.etag = NULL;
    fetched->size = (int64_t)op->info.size;
    struct sat_doc_source source = {.key = key, .metadata = meta_span(op, SAT_META_BARE)};
    if (!sat_doc_id_of_key(db->prefix, sat_span_of(key), &source.id))
        return sat_error_set(err, SATCHEL_INVALID, "'%s' is no key of a record", key);
    satchel_error why = {0};
    int code = sat_doc_read(sat_buf_span(op->sink.memory), &source, &fetched->doc, &why);
    if (code == SATCHEL_OK) {
        fetched->state = SAT_ROW_LIVE;
        fetched->updated_at = metadata_text(fetched->doc.metadata, "updated_at");
        return SATCHEL_OK;
    }
    if (code == SATCHEL_CORRUPT)
        fetched->state = SAT_ROW_CORRUPT;
    (void)sat_error_copy(err, &why);
    return code == SATCHEL_CORRUPT ? SATCHEL_OK : code;
}

struct sat_index_row sat_db_fetched_row(const struct sat_db_fetched *fetched, const char *index_key)
{
    struct sat_index_row row = {
        .key = index_key,
        .state = fetched->state,
        .etag = fetched->etag,
        .size = fetched->size,
        .updated_at = fetched->updated_at,
    };
    if (fetched->state == SAT_ROW_LIVE) {
        row.version = fetched->doc.version;
        row.body = sat_buf_span(&fetched->doc.text);
    }
    return row;
}

/* ---- many GETs at once */

struct get_slot {
    struct sat_op op;
    struct sat_buf body;
    size_t item;
};

static void start_get(struct satchel_db *db, struct get_slot *slot, const char *key,
                      struct sat_queue *queue)
{
    sat_buf_reset(&slot->body);
    slot->op = (struct sat_op){
        .kind = SAT_OP_GET,
        .conn = db->conn,
        .key = key,
        .sink = sat_sink_memory(&slot->body),
        .user = slot,
    };
    sat_op_submit(&slot->op, queue);
}

static int take_get(struct satchel_db *db, struct get_slot *slot, sat_db_fetched_fn each,
                    void *user, satchel_error *err)
{
    struct sat_db_fetched fetched;
    satchel_error item_err = {0};
    (void)sat_db_take_fetched(db, slot->op.key, &slot->op, &fetched, &item_err);
    int code = each(user, slot->item, &fetched, &item_err, err);
    sat_db_fetched_fini(&fetched);
    sat_op_fini(&slot->op);
    return code;
}

static struct get_slot *slots_new(size_t count)
{
    struct get_slot *slots = sat_calloc(count, sizeof *slots);
    for (size_t i = 0; slots != NULL && i < count; i++)
        sat_buf_init(&slots[i].body, SAT_DB_RECORD_MAX);
    return slots;
}

static void slots_free(struct get_slot *slots, size_t count)
{
    for (size_t i = 0; slots != NULL && i < count; i++)
        sat_buf_fini(&slots[i].body);
    sat_free(slots);
}

int sat_db_fetch(struct satchel_db *db, const char *const *keys, size_t count,
                 sat_db_fetched_fn each, void *user, satchel_error *err)
{
    size_t width = count < db->max_workers ? count : db->max_workers;
    size_t next = 0;
    struct sat_queue *queue = NULL;
    if (count == 0)
        return SATCHEL_OK;
    int code = sat_queue_new(&queue, err);
    if (code != SATCHEL_OK)
        return code;
    struct get_slot *slots = slots_new(width);
    if (slots == NULL)
        code = sat_error_nomem(err);
    for (; code == SATCHEL_OK && next < width; next++) {
        slots[next].item = next;
        start_get(db, &slots[next], keys[next], queue);
    }
    struct sat_op *op = sat_queue_wait(queue);
    while (op != NULL) {
        struct get_slot *slot = op->user;
        if (code == SATCHEL_OK)
            code = take_get(db, slot, each, user, err);
        else
            sat_op_fini(op);
        if (code == SATCHEL_OK && next < count) {
            slot->item = next;
            start_get(db, slot, keys[next++], queue);
        }
        op = sat_queue_wait(queue);
    }
    slots_free(slots, width);
    sat_queue_free(queue);
    return code;
}

/* ---- the public reads */

enum { LEARN_ITEMS = 64, LEARN_BYTES = 4 * 1024 * 1024 };

struct read_call {
    struct satchel_db *db;
    const char *const *ids;
    char **keys;
    satchel_item *items;
    const size_t *places; /* item of each fetched key */
    int64_t generation;   /* 0: the index is not told */
    /* What was read and the index is not told yet. */
    struct sat_db_fetched kept[LEARN_ITEMS];
    struct sat_index_row rows[LEARN_ITEMS];
    size_t kept_count;
    size_t kept_bytes;
};

/* Tells the index, which may be too busy to listen: it is a cache. */
static void learn(struct read_call *call)
{
    if (call->kept_count > 0)
        (void)sat_index_put(call->db->index, call->generation, call->rows, call->kept_count, NULL);
    for (size_t i = 0; i < call->kept_count; i++)
        sat_db_fetched_fini(&call->kept[i]);
    call->kept_count = 0;
    call->kept_bytes = 0;
}

/* Takes over what *fetched holds. */
static void keep(struct read_call *call, const char *key, struct sat_db_fetched *fetched)
{
    struct sat_db_fetched *kept = &call->kept[call->kept_count];
    *kept = *fetched;
    *fetched = (struct sat_db_fetched){.state = SAT_ROW_ABSENT};
    call->rows[call->kept_count++] = sat_db_fetched_row(kept, sat_db_index_key(call->db, key));
    call->kept_bytes += kept->state == SAT_ROW_LIVE ? kept->doc.text.len : 0;
    if (call->kept_count == LEARN_ITEMS || call->kept_bytes >= LEARN_BYTES)
        learn(call);
}

static int fill_record(const char *id, struct sat_db_fetched *fetched, satchel_record *record)
{
    record->id = sat_strdup(id);
    record->version = fetched->doc.version;
    record->token = sat_db_token_make(record->version, fetched->etag);
    record->json = sat_strndup(sat_buf_str(&fetched->doc.text), fetched->doc.text.len);
    record->json_len = fetched->doc.text.len;
    bool whole = record->id != NULL && record->token != NULL && record->json != NULL;
    return whole ? SATCHEL_OK : SATCHEL_NOMEM;
}

static int on_read(void *user, size_t i, struct sat_db_fetched *fetched, satchel_error *item_err,
                   satchel_error *err)
{
    struct read_call *call = user;
    size_t place = call->places[i];
    satchel_item *item = &call->items[place];
    const char *key = call->keys[place];
    (void)err;
    item->err = *item_err;
    item->existed = fetched->state != SAT_ROW_ABSENT;
    if (item_err->code != SATCHEL_OK)
        item->existed = -1;
    else if (fetched->state == SAT_ROW_ABSENT)
        sat_error_set(&item->err, SATCHEL_NOT_FOUND, "no record '%s' (%s)", call->ids[place], key);
    if (fetched->state == SAT_ROW_LIVE &&
        fill_record(call->ids[place], fetched, &item->record) != SATCHEL_OK)
        sat_error_nomem(&item->err);
    bool judged = item_err->code == SATCHEL_OK || fetched->state == SAT_ROW_CORRUPT;
    if (call->generation != 0 && judged)
        keep(call, key, fetched);
    return SATCHEL_OK;
}

/* Makes the keys; an item with a bad id fails by itself. Returns how many keys there are. */
static size_t make_keys(struct read_call *call, size_t count, const char **keys, size_t *places)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (sat_db_key(call->db, call->ids[i], &call->keys[i], &call->items[i].err) != SATCHEL_OK)
            continue;
        places[n] = i;
        keys[n++] = call->keys[i];
    }
    return n;
}

int sat_db_read(struct satchel_db *db, const char *const *ids, size_t count, satchel_item *items,
                satchel_error *err)
{
    char **owned = sat_calloc(count, sizeof(void *));
    SAT_AUTO_FREE const char **keys = sat_calloc(count, sizeof(void *));
    SAT_AUTO_FREE size_t *places = sat_calloc(count, sizeof *places);
    SAT_AUTO_FREE struct read_call *call = sat_calloc(1, sizeof *call);
    int code = SATCHEL_OK;
    if (owned == NULL || keys == NULL || places == NULL || call == NULL) {
        code = sat_error_nomem(err);
    } else {
        call->db = db;
        call->ids = ids;
        call->keys = owned;
        call->items = items;
        call->places = places;
        if (sat_index_next_generation(db->index, &call->generation, NULL) != SATCHEL_OK)
            call->generation = 0;
        size_t wanted = make_keys(call, count, keys, places);
        code = sat_db_fetch(db, keys, wanted, on_read, call, err);
        learn(call);
    }
    for (size_t i = 0; owned != NULL && i < count; i++)
        sat_free(owned[i]);
    sat_free(owned);
    return code;
}

int sat_db_exists(struct satchel_db *db, const char *id, bool *exists, satchel_error *err)
{
    SAT_AUTO_FREE char *key = NULL;
    int code = sat_db_key(db, id, &key, err);
    if (code != SATCHEL_OK)
        return code;
    struct sat_op op = {.kind = SAT_OP_STAT, .conn = db->conn, .key = key};
    satchel_error why = {0};
    code = sat_op_run(&op, &why);
    sat_op_fini(&op);
    if (code != SATCHEL_OK && code != SATCHEL_NOT_FOUND)
        return sat_error_copy(err, &why);
    *exists = code == SATCHEL_OK;
    return SATCHEL_OK;
}
