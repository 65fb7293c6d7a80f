/*
 * Does this store enforce conditional writes? Local backends do, and so do the hosts of AWS.
 * Elsewhere a header that is ignored would lose updates silently, so each kind is tried once on an
 * object of our own before the first call that depends on it.
 */
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/digest.h"
#include "core/error.h"
#include "core/log.h"
#include "core/str.h"
#include "record/db.h"

#define ALL_CONDITIONS (SAT_DB_IF_ABSENT | SAT_DB_PUT_IF_MATCH | SAT_DB_DELETE_IF_MATCH)

/* An ETag that no object has. */
#define STALE_ETAG "00000000000000000000000000000000"

static bool is_known_good(const struct sat_conn *conn)
{
    if (conn->endpoint.host[0] == '\0')
        return true;
    return sat_str_ends(conn->endpoint.host, ".amazonaws.com") ||
           sat_str_ends(conn->endpoint.host, ".amazonaws.com.cn");
}

static int put_probe(struct satchel_db *db, const char *key, bool if_absent, const char *if_match,
                     satchel_error *err)
{
    struct sat_op op = {
        .kind = SAT_OP_PUT,
        .conn = db->conn,
        .key = key,
        .if_absent = if_absent,
        .if_match = if_match,
        .source = sat_source_span(sat_span_of("probe\n")),
    };
    int code = sat_op_run(&op, err);
    sat_op_fini(&op);
    return code;
}

static int delete_probe(struct satchel_db *db, const char *key, const char *if_match,
                        satchel_error *err)
{
    struct sat_op op = {.kind = SAT_OP_DELETE, .conn = db->conn, .key = key, .if_match = if_match};
    int code = sat_op_run(&op, err);
    sat_op_fini(&op);
    return code;
}

/*
 * A refused condition is the proof; success means it was ignored, and so does "not implemented".
 * Any other failure settles nothing.
 */
static int judge(int code, enum sat_db_condition condition, unsigned *enforced)
{
    switch (code) {
    case SATCHEL_EXISTS:
    case SATCHEL_CONFLICT:
        *enforced |= condition;
        return SATCHEL_OK;
    case SATCHEL_OK:
    case SATCHEL_UNSUPPORTED:
    case SATCHEL_INVALID:
        return SATCHEL_OK;
    default:
        return code;
    }
}

static int run_probes(struct satchel_db *db, const char *key, unsigned *enforced,
                      satchel_error *err)
{
    int code = put_probe(db, key, false, NULL, err);
    if (code != SATCHEL_OK)
        return code;
    code = judge(put_probe(db, key, true, NULL, err), SAT_DB_IF_ABSENT, enforced);
    if (code == SATCHEL_OK)
        code = judge(put_probe(db, key, false, STALE_ETAG, err), SAT_DB_PUT_IF_MATCH, enforced);
    if (code == SATCHEL_OK)
        code = judge(delete_probe(db, key, STALE_ETAG, err), SAT_DB_DELETE_IF_MATCH, enforced);
    int swept = delete_probe(db, key, NULL, NULL);
    if (swept != SATCHEL_OK)
        SAT_WARN("the probe object '%s' could not be deleted", key);
    return code;
}

/* One op of an upload of one small part over the probe object; its code. */
static int part_probe(struct satchel_db *db, struct sat_op *op, const char *key)
{
    op->conn = db->conn;
    op->key = key;
    return sat_op_run(op, NULL);
}

/* Over the object that is there: a part, then PART_FINISH under each condition that must fail. */
static int run_parts_probe(struct satchel_db *db, const char *key, unsigned *enforced)
{
    struct sat_op begin = {.kind = SAT_OP_PART_BEGIN, .part = {.has_crc64 = true}};
    struct sat_op part = {.kind = SAT_OP_PART_PUT,
                          .part = {.number = 1},
                          .source = sat_source_span(sat_span_of("parts\n"))};
    struct sat_op finish = {.kind = SAT_OP_PART_FINISH, .if_match = STALE_ETAG};
    struct sat_op abort = {.kind = SAT_OP_PART_ABORT};
    int code = part_probe(db, &begin, key);
    if (code == SATCHEL_OK) {
        part.part.upload_id = begin.upload_id;
        code = part_probe(db, &part, key);
        struct sat_part list = {.number = 1, .size = part.source.length, .etag = part.info.etag};
        list.crc64 = part.sent_crc64;
        list.has_crc64 = part.has_sent_crc64;
        finish.part.upload_id = abort.part.upload_id = begin.upload_id;
        finish.part.list = &list;
        finish.part.count = 1;
        if (code == SATCHEL_OK)
            code = judge(part_probe(db, &finish, key), SAT_DB_PUT_IF_MATCH, enforced);
        if (code == SATCHEL_OK && *enforced != 0) {
            sat_op_fini(&finish);
            finish.if_match = NULL;
            finish.if_absent = true;
            finish.deadline_ns = 0;
            code = judge(part_probe(db, &finish, key), SAT_DB_IF_ABSENT, enforced);
        }
        if (code != SATCHEL_OK || finish.err.code != SATCHEL_OK)
            (void)part_probe(db, &abort, key);
    }
    sat_op_fini(&begin);
    sat_op_fini(&part);
    sat_op_fini(&finish);
    sat_op_fini(&abort);
    return code;
}

static int run_with_object(struct satchel_db *db, const char *key, unsigned *enforced)
{
    int code = put_probe(db, key, false, NULL, NULL);
    if (code == SATCHEL_OK)
        code = run_parts_probe(db, key, enforced);
    if (delete_probe(db, key, NULL, NULL) != SATCHEL_OK)
        SAT_WARN("the probe object '%s' could not be deleted", key);
    return code;
}

static char *probe_key(const struct satchel_db *db, satchel_error *err)
{
    unsigned char random[8];
    char name[2 * sizeof random + 1];
    if (sat_random_bytes(random, sizeof random, err) != SATCHEL_OK)
        return NULL;
    sat_hex(random, sizeof random, name);
    char *key = sat_strf("%s.satchel/probe-%s", db->prefix, name);
    if (key == NULL)
        (void)sat_error_nomem(err);
    return key;
}

static int probe(struct satchel_db *db, unsigned *enforced, satchel_error *err)
{
    satchel_error why = {0};
    SAT_AUTO_FREE char *key = probe_key(db, &why);
    return key == NULL ? sat_error_copy(err, &why) : run_probes(db, key, enforced, err);
}

/* The probe's answer is kept with the index: it is a fact about endpoint and bucket. */
#define PROBE_NOTE    "conditional-writes"
#define PARTS_NOTE    "conditional-finish"
#define PROBE_VALID_S (INT64_C(30) * 24 * 3600)

static int probe_or_recall(struct satchel_db *db, unsigned *enforced, satchel_error *err)
{
    int64_t noted = 0;
    if (sat_index_note_get(db->index, PROBE_NOTE, &noted)) {
        *enforced = (unsigned)noted & ALL_CONDITIONS;
        return SATCHEL_OK;
    }
    int code = probe(db, enforced, err);
    /* A note that cannot be written costs the next handle a probe, nothing more. */
    if (code == SATCHEL_OK)
        (void)sat_index_note_put(db->index, PROBE_NOTE, *enforced, PROBE_VALID_S, NULL);
    return code;
}

/* "What is not enforced" in words, for the error. */
static const char *condition_text(enum sat_db_condition condition)
{
    switch (condition) {
    case SAT_DB_IF_ABSENT:
        return "PUT If-None-Match (create)";
    case SAT_DB_PUT_IF_MATCH:
        return "PUT If-Match (update)";
    default:
        return "DELETE If-Match (delete of a given version)";
    }
}

static int learn(struct satchel_db *db, unsigned *enforced, satchel_error *err)
{
    SAT_LOCKED(&db->probe_lock);
    if (!db->probe_locked.done) {
        unsigned found = ALL_CONDITIONS;
        if (!is_known_good(db->conn)) {
            found = 0;
            int code = probe_or_recall(db, &found, err);
            if (code != SATCHEL_OK)
                return code;
        }
        db->probe_locked.enforced = found;
        db->probe_locked.done = true;
    }
    *enforced = db->probe_locked.enforced;
    return SATCHEL_OK;
}

int sat_db_condition(struct satchel_db *db, enum sat_db_condition condition, bool *enforced,
                     satchel_error *err)
{
    unsigned found = 0;
    int code = learn(db, &found, err);
    if (code != SATCHEL_OK)
        return code;
    *enforced = (found & condition) != 0;
    if (*enforced || db->allow_unsafe)
        return SATCHEL_OK;
    return sat_error_set(err, SATCHEL_UNSUPPORTED,
                         "%s does not enforce %s, so concurrent writes could be lost "
                         "(allow_unsafe=true accepts that)",
                         db->conn->endpoint.url, condition_text(condition));
}

/* True when the answer is final. */
static bool learn_parts(struct satchel_db *db, bool *enforced)
{
    int64_t noted = 0;
    unsigned found = 0;
    *enforced = true;
    if (is_known_good(db->conn))
        return true;
    if (sat_index_note_get(db->index, PARTS_NOTE, &noted)) {
        *enforced = noted != 0;
        return true;
    }
    SAT_AUTO_FREE char *key = probe_key(db, NULL);
    bool settled = key != NULL && run_with_object(db, key, &found) == SATCHEL_OK;
    *enforced = settled && found == (SAT_DB_IF_ABSENT | SAT_DB_PUT_IF_MATCH);
    if (settled)
        (void)sat_index_note_put(db->index, PARTS_NOTE, *enforced, PROBE_VALID_S, NULL);
    return settled;
}

bool sat_db_parts_keep_conditions(struct satchel_db *db)
{
    SAT_LOCKED(&db->probe_lock);
    if (!db->probe_locked.parts_done)
        db->probe_locked.parts_done = learn_parts(db, &db->probe_locked.parts_enforced);
    return db->probe_locked.parts_enforced;
}
