/*
 * Create, update and upsert, one or many at once: the same little state machine for each item.
 *
 *     [HEAD or GET] -> PUT -> done         HEAD, GET: what is there is not known well enough
 *        ^              |                  PUT: always conditional
 *        +- lost race --+
 *
 * (1) A PUT carries the condition of exactly the state it was computed from: If-None-Match for
 *     "nothing there", If-Match for that ETag. So no update is ever lost.
 * (2) The index row is marked before the first request and settled after the last, whatever
 *     happened between.
 * (3) With `expected` a lost race is CONFLICT, but only once the store itself said so: a stale
 *     index never causes one. Without it the race is run again until the deadline.
 * (4) Where others are writing, or the bare version is what counts, the object is read by GET
 *     instead of HEAD: some servers answer a HEAD amid an overwrite with the new ETag and the old
 *     metadata, and a version computed from that would count one write for two. The body cannot
 *     differ from its own version.
 */
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/digest.h"
#include "core/error.h"
#include "core/jscan.h"
#include "core/settle.h"
#include "core/str.h"
#include "record/db.h"
#include "record/object.h"

enum phase { PHASE_HEAD, PHASE_GET, PHASE_PUT, PHASE_DONE };

/* The state of the object that a PUT is computed from. */
struct base {
    bool known;
    bool present;
    char *etag;
    int64_t version;
    char *created_at;
};

struct write_call {
    struct satchel_db *db;
    enum sat_write_kind kind;
    struct sat_queue *queue;
    struct sat_index_write *marks; /* of the chunk */
    bool keep_stamps;              /* created_at and updated_at of the given records stand */
    bool conditions_known;
    bool if_absent_enforced;
    bool if_match_enforced;
};

struct write_item {
    struct write_call *call;
    satchel_item *out;
    struct sat_doc_input input;
    struct sat_db_token expected;
    bool has_expected;
    char *id;
    char *key;
    enum phase phase;
    struct base base;
    unsigned races_lost;
    bool contended; /* (4) */
    bool marked;    /* (2) */
    int64_t deadline_ns;
    int64_t new_version;
    char now[SAT_RFC3339_SIZE];
    char *given_created; /* keep_stamps; NULL where the record has none */
    char *given_updated;
    struct sat_object object;
    struct sat_buf fetched; /* PHASE_GET */
    struct sat_op op;
    struct sat_doc stored; /* what the index is told */
    bool has_stored;
    char *etag; /* of the PUT */
    enum sat_index_outcome outcome;
};

/* ---- small parts */

static void base_fini(struct base *base)
{
    sat_free(base->etag);
    sat_free(base->created_at);
    *base = (struct base){0};
}

static void item_fini(struct write_item *item)
{
    sat_object_fini(&item->object);
    base_fini(&item->base);
    if (item->has_stored)
        sat_doc_fini(&item->stored);
    sat_buf_fini(&item->fetched);
    sat_free(item->etag);
    sat_free(item->id);
    sat_free(item->key);
    sat_free(item->given_created);
    sat_free(item->given_updated);
}

/*
 * Ends the item with a failure; the outcome says whether the object may have changed. Only a PUT
 * changes anything, and one that lost its race was refused.
 */
static void fail_item(struct write_item *item, const satchel_error *why)
{
    bool sent = item->phase == PHASE_PUT;
    item->phase = PHASE_DONE;
    item->out->err = *why;
    item->outcome = SAT_WRITE_UNCHANGED;
    if (!sent)
        return;
    switch (why->code) {
    case SATCHEL_EXISTS:
    case SATCHEL_CONFLICT:
    case SATCHEL_NOT_FOUND:
    case SATCHEL_DENIED:
    case SATCHEL_INVALID:
    case SATCHEL_LIMIT:
    case SATCHEL_UNSUPPORTED:
    case SATCHEL_CORRUPT:
        break;
    default:
        item->outcome = SAT_WRITE_UNKNOWN;
        break;
    }
}

/*
 * Sets *stamp, NULL before, to the text of a string member that is a timestamp, owned; it stays
 * NULL where there is none. False when out of memory.
 */
static bool stamp_of(satchel_span metadata, const char *name, char **stamp)
{
    satchel_span value;
    int64_t unix_ns;
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, 64);
    if (!sat_jscan_get(metadata, name, &value))
        return true;
    if (sat_jscan_string(value, &text) == SATCHEL_NOMEM)
        return false;
    /* Longer text is no timestamp either. */
    if (text.failed != SATCHEL_OK || !sat_clock_parse_rfc3339(sat_buf_str(&text), &unix_ns))
        return true;
    *stamp = sat_buf_take(&text, NULL);
    return *stamp != NULL;
}

static int take_stamps(struct write_item *item, satchel_error *err)
{
    bool taken = stamp_of(item->input.metadata, "created_at", &item->given_created) &&
                 stamp_of(item->input.metadata, "updated_at", &item->given_updated);
    return taken ? SATCHEL_OK : sat_error_nomem(err);
}

/* ---- where an item starts */

static int choose_id(struct write_item *item, const char *given, satchel_error *err)
{
    char uuid[SAT_UUID_SIZE];
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, SAT_DOC_ID_MAX + 1);
    int code = SATCHEL_OK;
    if (item->call->kind == SAT_WRITE_UPDATE)
        (void)sat_buf_add_str(&text, given == NULL ? "" : given);
    else
        code = sat_doc_choose_id(&item->input, given, &text, err);
    if (code == SATCHEL_OK && text.len == 0 && item->call->kind != SAT_WRITE_UPDATE) {
        code = sat_uuid_v7((uint64_t)(sat_clock_wall_ns() / SAT_NS_PER_MS), uuid, err);
        (void)sat_buf_add_str(&text, uuid);
    }
    if (code == SATCHEL_OK)
        code = sat_buf_check(&text, "id", err);
    if (code != SATCHEL_OK)
        return code;
    item->id = sat_buf_take(&text, NULL);
    if (item->id == NULL)
        return sat_error_nomem(err);
    return sat_db_key(item->call->db, item->id, &item->key, err);
}

static void prepare_item(struct write_item *item, const satchel_batch *batch, size_t i)
{
    satchel_error why = {0};
    const char *given = batch->ids == NULL ? NULL : batch->ids[i];
    const char *expected = batch->expected == NULL ? NULL : batch->expected[i];
    item->outcome = SAT_WRITE_UNCHANGED;
    sat_buf_init(&item->fetched, SAT_DB_RECORD_MAX);
    int code = sat_doc_parse(batch->records[i], &item->input, &why);
    if (code == SATCHEL_OK && item->call->keep_stamps)
        code = take_stamps(item, &why);
    if (code == SATCHEL_OK)
        code = choose_id(item, given, &why);
    if (code == SATCHEL_OK && expected != NULL) {
        code = sat_db_token_parse(expected, &item->expected, &why);
        item->has_expected = true;
    }
    if (code != SATCHEL_OK)
        fail_item(item, &why);
}

/* What the index knows decides whether the store has to be asked first. */
static void take_index_row(struct write_item *item, const struct sat_index_row *row)
{
    satchel_span metadata;
    item->contended = row->dirty;
    if (row->state != SAT_ROW_LIVE || row->dirty || row->etag == NULL || row->etag[0] == '\0')
        return;
    if (item->has_expected &&
        (item->expected.etag == NULL || !sat_str_eq(item->expected.etag, row->etag)))
        return;
    if (!sat_jscan_get(row->body, "metadata", &metadata))
        return;
    item->base.etag = sat_strdup(row->etag);
    item->base.version = row->version;
    item->base.present = true;
    item->base.known =
        item->base.etag != NULL && stamp_of(metadata, "created_at", &item->base.created_at);
}

/* ---- one PUT */

static const char *created_at(const struct write_item *item)
{
    if (item->base.created_at != NULL)
        return item->base.created_at;
    return item->given_created != NULL ? item->given_created : item->now;
}

static const char *updated_at(const struct write_item *item)
{
    return item->given_updated != NULL ? item->given_updated : item->now;
}

/* The object of the version that follows item->base. */
static int make_object(struct write_item *item, satchel_error *err)
{
    const struct satchel_db *db = item->call->db;
    sat_clock_rfc3339(sat_clock_wall_ns(), item->now);
    const struct sat_doc_stamp stamp = {
        .form = db->form,
        .id = item->id,
        .version = item->base.present ? item->base.version + 1 : 1,
        .created_at = created_at(item),
        .updated_at = updated_at(item),
    };
    item->new_version = db->form == SAT_DOC_BARE ? 0 : stamp.version;
    return sat_object_make(db, &item->input, &stamp, &item->object, err);
}

static void submit(struct write_item *item, enum phase phase)
{
    item->phase = phase;
    item->op.conn = item->call->db->conn;
    item->op.key = item->key;
    item->op.deadline_ns = item->deadline_ns;
    item->op.user = item;
    sat_op_submit(&item->op, item->call->queue);
}

static void start_get(struct write_item *item)
{
    sat_buf_reset(&item->fetched);
    item->op = (struct sat_op){.kind = SAT_OP_GET, .sink = sat_sink_memory(&item->fetched)};
    submit(item, PHASE_GET);
}

/* Asks the store what is there. */
static void start_look(struct write_item *item)
{
    base_fini(&item->base);
    bool bare_version = item->has_expected && item->expected.etag == NULL;
    if (item->contended || bare_version) {
        start_get(item);
        return;
    }
    item->op = (struct sat_op){.kind = SAT_OP_STAT};
    submit(item, PHASE_HEAD);
}

static void start_put(struct write_item *item)
{
    satchel_error why = {0};
    if (make_object(item, &why) != SATCHEL_OK) {
        fail_item(item, &why);
        return;
    }
    const satchel_span body = sat_buf_span(&item->object.body.body);
    item->op = (struct sat_op){
        .kind = SAT_OP_PUT,
        .source = sat_source_span(body),
        .tags = sat_tags_count(&item->object.tags) > 0 ? &item->object.tags : NULL,
        .metadata = &item->object.metadata,
        .content_type = "application/json",
        .in_one_piece = body.len > item->call->db->conn->multipart_threshold &&
                        !sat_db_parts_keep_conditions(item->call->db),
        .if_absent = !item->base.present && item->call->if_absent_enforced,
        .if_match = item->base.present && item->call->if_match_enforced ? item->base.etag : NULL,
    };
    submit(item, PHASE_PUT);
}

static void start_item(struct write_item *item)
{
    item->deadline_ns = sat_db_deadline(item->call->db);
    if (item->call->kind == SAT_WRITE_CREATE || item->base.known)
        start_put(item);
    else
        start_look(item);
}

/* ---- what came back */

static void conflict(struct write_item *item, const char *what)
{
    satchel_error why;
    sat_error_set(&why, SATCHEL_CONFLICT, "record '%s' %s (read it again and retry)", item->id,
                  what);
    fail_item(item, &why);
}

/* The object is not there. */
static void take_absent(struct write_item *item)
{
    satchel_error why;
    item->base = (struct base){.known = true};
    if (item->call->kind == SAT_WRITE_UPSERT && !item->has_expected) {
        start_put(item);
    } else if (item->has_expected) {
        conflict(item, "was deleted by another writer");
    } else {
        sat_error_set(&why, SATCHEL_NOT_FOUND, "no record '%s' (%s)", item->id, item->key);
        fail_item(item, &why);
    }
    if (item->phase == PHASE_DONE)
        item->outcome = SAT_WRITE_DELETED;
}

/* item->base is what the store holds now; not `taken`: memory ran out while noting it. */
static void take_present(struct write_item *item, bool taken)
{
    satchel_error why = {0};
    bool bare_version = item->has_expected && item->expected.etag == NULL;
    if (!taken || item->base.etag == NULL)
        sat_error_nomem(&why);
    else if (bare_version && item->base.version == 0)
        sat_error_set(&why, SATCHEL_INVALID,
                      "record '%s' has no counter to compare (pass the token a read returned)",
                      item->id);
    if (why.code != SATCHEL_OK) {
        fail_item(item, &why);
        return;
    }
    item->base.known = true;
    item->base.present = true;
    bool other = item->has_expected &&
                 (item->expected.etag != NULL ? !sat_str_eq(item->expected.etag, item->base.etag)
                                              : item->expected.version != item->base.version);
    if (other)
        conflict(item, "was changed by another writer");
    else
        start_put(item);
}

static const char *meta_value(const struct sat_op *op, const char *name)
{
    const struct sat_tag *tag = sat_tags_find(&op->info.metadata, sat_span_of(name));
    return tag == NULL ? NULL : tag->value;
}

static void take_head(struct write_item *item)
{
    struct sat_op *op = &item->op;
    const char *created = meta_value(op, SAT_META_CREATED);
    const char *version = meta_value(op, SAT_META_VERSION);
    if (created == NULL) {
        /* Written by another program: only its body tells version and creation. */
        sat_op_fini(op);
        start_get(item);
        return;
    }
    if (version == NULL || !sat_parse_i64(version, &item->base.version))
        item->base.version = 0;
    item->base.created_at = sat_strdup(created);
    bool taken = item->base.created_at != NULL;
    item->base.etag = op->info.etag;
    op->info.etag = NULL;
    sat_op_fini(op);
    take_present(item, taken);
}

static void take_get(struct write_item *item)
{
    struct sat_db_fetched fetched;
    satchel_error why = {0};
    int code = sat_db_take_fetched(item->call->db, item->key, &item->op, &fetched, &why);
    sat_op_fini(&item->op);
    if (code != SATCHEL_OK) {
        fail_item(item, &why);
    } else if (fetched.state == SAT_ROW_ABSENT) {
        take_absent(item);
    } else {
        bool taken = true;
        if (fetched.state == SAT_ROW_LIVE) {
            item->base.version = fetched.doc.version;
            taken = stamp_of(fetched.doc.metadata, "created_at", &item->base.created_at);
        }
        item->base.etag = fetched.etag;
        fetched.etag = NULL;
        take_present(item, taken);
    }
    sat_db_fetched_fini(&fetched);
}

/* What the index and the caller learn of a stored record. */
static void take_stored(struct write_item *item)
{
    const struct sat_doc_source source = {
        .key = item->key,
        .id = sat_span_of(item->id),
        .metadata = sat_buf_span(&item->object.body.header),
    };
    satchel_record *record = &item->out->record;
    item->phase = PHASE_DONE;
    item->outcome = SAT_WRITE_STORED;
    item->etag = item->op.info.etag;
    item->op.info.etag = NULL;
    item->has_stored = sat_doc_read(sat_buf_span(&item->object.body.body), &source, &item->stored,
                                    NULL) == SATCHEL_OK;
    if (!item->has_stored)
        item->outcome = SAT_WRITE_UNKNOWN;
    record->id = sat_strdup(item->id);
    record->version = item->new_version;
    record->token = sat_db_token_make(item->new_version, item->etag);
    /* The record is stored, but its answer cannot be given: not a success the caller can use. */
    if (record->id == NULL || record->token == NULL)
        sat_error_nomem(&item->out->err);
}

static void take_lost_race(struct write_item *item, const satchel_error *why)
{
    item->races_lost++;
    if (item->has_expected) {
        conflict(item, "was changed by another writer");
    } else if (sat_clock_now_ns() >= item->deadline_ns) {
        satchel_error late;
        sat_error_set(&late, SATCHEL_CONFLICT,
                      "record '%s': %u races lost to other writers within request_timeout (%s)",
                      item->id, item->races_lost, why->text);
        fail_item(item, &late);
    } else {
        item->contended = true;
        start_look(item);
    }
}

static void take_put(struct write_item *item)
{
    satchel_error why = item->op.err;
    if (why.code == SATCHEL_OK) {
        take_stored(item);
        sat_op_fini(&item->op);
        sat_object_fini(&item->object);
        return;
    }
    sat_op_fini(&item->op);
    bool raced = why.code == SATCHEL_CONFLICT || why.code == SATCHEL_EXISTS ||
                 (why.code == SATCHEL_NOT_FOUND && item->base.present);
    if (raced && item->call->kind != SAT_WRITE_CREATE) {
        take_lost_race(item, &why);
        return;
    }
    if (why.code == SATCHEL_EXISTS)
        sat_error_set(&why, SATCHEL_EXISTS, "record '%s' exists already (%s)", item->id, item->key);
    fail_item(item, &why);
}

static void step(struct write_item *item)
{
    satchel_error why = item->op.err;
    if (item->phase == PHASE_PUT) {
        take_put(item);
    } else if (item->phase == PHASE_GET) {
        take_get(item);
    } else if (why.code == SATCHEL_OK) {
        take_head(item);
    } else {
        sat_op_fini(&item->op);
        if (why.code == SATCHEL_NOT_FOUND)
            take_absent(item);
        else
            fail_item(item, &why);
    }
}

/* ---- a chunk of items */

static int learn_bases(struct write_call *call, struct write_item *items, size_t count,
                       satchel_error *err)
{
    struct sat_index_rows *rows = NULL;
    if (call->kind == SAT_WRITE_CREATE)
        return SATCHEL_OK;
    SAT_AUTO_FREE const char **keys = sat_calloc(count, sizeof *keys);
    SAT_AUTO_FREE struct write_item **known = sat_calloc(count, sizeof(void *));
    if (keys == NULL || known == NULL)
        return sat_error_nomem(err);
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        if (items[i].phase == PHASE_DONE)
            continue;
        known[n] = &items[i];
        keys[n++] = sat_db_index_key(call->db, items[i].key);
    }
    /* An index that cannot answer costs a HEAD an item, nothing more. */
    if (sat_index_lookup(call->db->index, keys, n, true, &rows, NULL) != SATCHEL_OK)
        return SATCHEL_OK;
    for (size_t i = 0; i < n; i++)
        take_index_row(known[i], sat_index_rows_at(rows, i));
    sat_index_rows_free(rows);
    return SATCHEL_OK;
}

/*
 * Learns which conditions the store enforces, once a call and only when something is to be sent.
 * Where one is missing, every item that waits fails with that.
 */
static void learn_conditions(struct write_call *call, struct write_item *items, size_t count)
{
    satchel_error why = {0};
    int code = SATCHEL_OK;
    bool waits = false;
    for (size_t i = 0; i < count && !waits; i++)
        waits = items[i].phase != PHASE_DONE;
    if (!waits || call->conditions_known)
        return;
    if (call->kind != SAT_WRITE_UPDATE)
        code = sat_db_condition(call->db, SAT_DB_IF_ABSENT, &call->if_absent_enforced, &why);
    if (code == SATCHEL_OK && call->kind != SAT_WRITE_CREATE)
        code = sat_db_condition(call->db, SAT_DB_PUT_IF_MATCH, &call->if_match_enforced, &why);
    call->conditions_known = code == SATCHEL_OK;
    for (size_t i = 0; code != SATCHEL_OK && i < count; i++) {
        if (items[i].phase != PHASE_DONE)
            fail_item(&items[i], &why);
    }
}

/* (2), first half. Returns how many marks there are; a failure is not the caller's. */
static size_t mark(struct write_call *call, struct write_item *items, size_t count)
{
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        items[i].marked = items[i].phase != PHASE_DONE;
        if (items[i].marked)
            call->marks[n++] =
                (struct sat_index_write){.key = sat_db_index_key(call->db, items[i].key)};
    }
    if (n > 0 && sat_index_begin(call->db->index, call->marks, n, NULL) != SATCHEL_OK)
        sat_index_drop_freshness(call->db->index);
    return n;
}

static struct sat_index_settlement settlement(const struct write_item *item)
{
    struct sat_index_settlement done = {.outcome = item->outcome};
    if (item->outcome == SAT_WRITE_STORED)
        done.row = (struct sat_index_row){
            .state = SAT_ROW_LIVE,
            .etag = item->etag,
            .version = item->new_version,
            .updated_at = updated_at(item),
            .size = (int64_t)item->op.source.length,
            .body = sat_buf_span(&item->stored.text),
        };
    return done;
}

/* (2), second half. marks[] are of the marked items, in order. */
static void settle(struct write_call *call, struct write_item *items, size_t count, size_t marked)
{
    if (marked == 0)
        return;
    SAT_AUTO_FREE struct sat_index_settlement *done = sat_calloc(marked, sizeof *done);
    size_t n = 0;
    for (size_t i = 0; done != NULL && i < count; i++) {
        if (!items[i].marked)
            continue;
        done[n] = settlement(&items[i]);
        done[n].write = call->marks[n];
        n++;
    }
    if (done == NULL || sat_index_settle(call->db->index, done, n, NULL) != SATCHEL_OK)
        sat_index_drop_freshness(call->db->index);
}

static void run_chunk(struct write_call *call, struct write_item *items, size_t count)
{
    size_t width = call->db->max_workers;
    size_t next = 0;
    size_t under_way = 0;
    for (;;) {
        while (next < count && under_way < width) {
            struct write_item *item = &items[next++];
            if (item->phase != PHASE_DONE)
                start_item(item);
            under_way += item->phase != PHASE_DONE;
        }
        struct sat_op *op = sat_queue_wait(call->queue);
        if (op == NULL)
            return;
        struct write_item *item = op->user;
        step(item);
        under_way -= item->phase == PHASE_DONE;
    }
}

static int write_chunk(struct write_call *call, const satchel_batch *batch, size_t first,
                       size_t count, satchel_item *out, satchel_error *err)
{
    struct write_item *items = sat_calloc(count, sizeof *items);
    if (items == NULL)
        return sat_error_nomem(err);
    for (size_t i = 0; i < count; i++) {
        items[i].call = call;
        items[i].out = &out[i];
        prepare_item(&items[i], batch, first + i);
    }
    learn_conditions(call, items, count);
    int code = learn_bases(call, items, count, err);
    if (code == SATCHEL_OK) {
        size_t marked = mark(call, items, count);
        run_chunk(call, items, count);
        settle(call, items, count, marked);
    }
    for (size_t i = 0; i < count; i++)
        item_fini(&items[i]);
    sat_free(items);
    return code;
}

/* As many items as fit SAT_DB_CHUNK_ITEMS and SAT_DB_CHUNK_BYTES, at least one. */
static size_t chunk_size(const satchel_batch *batch, size_t first)
{
    size_t bytes = batch->records[first].len;
    size_t n = 1;
    while (first + n < batch->count && n < SAT_DB_CHUNK_ITEMS) {
        bytes += batch->records[first + n].len;
        if (bytes > SAT_DB_CHUNK_BYTES)
            break;
        n++;
    }
    return n;
}

int sat_db_write(struct satchel_db *db, const struct sat_db_write_options *options,
                 const satchel_batch *batch, satchel_item *items, satchel_error *err)
{
    enum sat_write_kind kind = options->kind;
    struct write_call call = {.db = db, .kind = kind, .keep_stamps = options->keep_stamps};
    call.marks = sat_calloc(SAT_DB_CHUNK_ITEMS, sizeof *call.marks);
    int code = call.marks == NULL ? sat_error_nomem(err) : sat_queue_new(&call.queue, err);
    for (size_t first = 0; code == SATCHEL_OK && first < batch->count;) {
        size_t count = chunk_size(batch, first);
        satchel_error why = {0};
        /* What earlier chunks wrote stays reported: only this chunk's items fail. */
        if (write_chunk(&call, batch, first, count, &items[first], &why) != SATCHEL_OK) {
            for (size_t i = first; i < first + count; i++)
                items[i].err = why;
        }
        first += count;
    }
    sat_queue_free(call.queue);
    sat_free(call.marks);
    return code;
}
