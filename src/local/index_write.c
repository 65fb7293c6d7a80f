/*
 * Own writes: marked before the request, settled after it; and single objects learned by a GET.
 *
 * Two writers of one key may overlap, and which of them the store took last cannot be told from
 * here. A writer whose mark was replaced knows it by the generation, and then leaves the row as
 * "unknown", to be read again; so does the other one, because its own mark is gone as well.
 */
#include <string.h>

#include "core/error.h"
#include "core/str.h"
#include "index_private.h"

/* ---- marks ---- */

static int mark_one(struct sat_row_writer *writer, struct sat_index_write *write,
                    struct sat_index_txn *txn, satchel_error *err)
{
    struct sat_row_stamp stamp = {.generation = txn->generation,
                                  .owner = sat_mark_owner(txn->index->mark)};
    struct sat_row_found found;
    int code = sat_row_find(writer, write->key, &found, err);
    if (code != SATCHEL_OK)
        return code;
    write->generation = txn->generation;
    write->listed = txn->listed;
    write->prior_generation = found.oid == 0 ? 0 : found.generation;
    write->prior_owner = found.owner;
    if (found.oid != 0)
        return sat_row_mark(writer, found.oid, stamp, err);
    struct sat_index_row row = {.key = write->key, .state = SAT_ROW_ABSENT};
    return sat_row_write(writer, &found, &row, stamp, err);
}

int sat_index_begin(struct sat_index *index, struct sat_index_write *writes, size_t count,
                    satchel_error *err)
{
    struct sat_index_txn txn;
    int code = sat_index_txn_begin(index, 0, &txn, err);
    if (code == SATCHEL_OK) {
        {
            SAT_AUTO_WRITER struct sat_row_writer writer = {.db = txn.conn->db};
            for (size_t i = 0; i < count && code == SATCHEL_OK; i++)
                code = mark_one(&writer, &writes[i], &txn, err);
        }
        code = sat_index_txn_end(&txn, code, err);
    }
    for (size_t i = 0; i < count && code != SATCHEL_OK; i++)
        writes[i].generation = 0;
    return code;
}

/* ---- outcomes ---- */

/* Nothing was written: the row becomes what it was before the mark. */
static int undo_mark(struct sat_row_writer *writer, const struct sat_index_settlement *item,
                     const struct sat_row_found *found, const struct sat_index_txn *txn,
                     satchel_error *err)
{
    const struct sat_index_write *write = &item->write;
    struct sat_row_stamp stamp = {.generation = write->prior_generation,
                                  .owner = SAT_OWNER_UNKNOWN};
    if (txn->listed != write->listed) {
        /* A refresh passed this row over because of the mark: what it saw must be read again. */
        stamp.generation = txn->generation;
    } else if (write->prior_owner == SAT_OWNER_NONE && txn->begun <= txn->listed) {
        if (write->prior_generation == 0)
            return sat_row_remove(writer, found->oid, err);
        stamp.owner = SAT_OWNER_NONE;
    }
    /* Else a mark below ours, whose write may have ended meanwhile without finding it, or a refresh
     * under way that may have passed the row over already: readers look, or the refresh does. */
    return sat_row_mark(writer, found->oid, stamp, err);
}

/* The outcome is unknown, or its place in the order of writes is. */
static int mark_unknown(struct sat_row_writer *writer, const struct sat_index_settlement *item,
                        const struct sat_row_found *found, int64_t generation, satchel_error *err)
{
    struct sat_row_stamp stamp = {.generation = generation, .owner = SAT_OWNER_UNKNOWN};
    if (found->oid != 0)
        return sat_row_mark(writer, found->oid, stamp, err);
    struct sat_index_row row = {.key = item->write.key, .state = SAT_ROW_ABSENT};
    return sat_row_write(writer, found, &row, stamp, err);
}

static int settle_one(struct sat_row_writer *writer, const struct sat_index_settlement *item,
                      const struct sat_index_txn *txn, satchel_error *err)
{
    struct sat_row_found found;
    int code = sat_row_find(writer, item->write.key, &found, err);
    if (code != SATCHEL_OK)
        return code;
    /* A generation is given once: the row has ours as long as nobody marked or wrote it since. */
    bool mine = found.oid != 0 && found.owner != SAT_OWNER_NONE && item->write.generation != 0 &&
                found.generation == item->write.generation;
    /* One batch may delete a key twice: in whatever order, it is gone. */
    bool again = item->outcome == SAT_WRITE_DELETED && found.state == SAT_ROW_ABSENT &&
                 found.generation == txn->generation && found.owner == SAT_OWNER_NONE;
    if (again)
        return SATCHEL_OK;
    if (item->outcome == SAT_WRITE_UNCHANGED)
        return mine ? undo_mark(writer, item, &found, txn, err) : SATCHEL_OK;
    if (item->outcome == SAT_WRITE_UNKNOWN)
        return mark_unknown(writer, item, &found, txn->generation, err);
    struct sat_index_row row = {.state = SAT_ROW_ABSENT};
    if (item->outcome == SAT_WRITE_STORED)
        row = item->row;
    row.key = item->write.key;
    struct sat_row_stamp stamp = {.generation = txn->generation,
                                  .owner = mine ? SAT_OWNER_NONE : SAT_OWNER_UNKNOWN};
    return sat_row_write(writer, &found, &row, stamp, err);
}

static int settle_all(struct sat_index *index, const struct sat_index_settlement *items,
                      size_t count, satchel_error *err)
{
    struct sat_index_txn txn;
    int code = sat_index_txn_begin(index, 0, &txn, err);
    if (code != SATCHEL_OK)
        return code;
    {
        SAT_AUTO_WRITER struct sat_row_writer writer = {.db = txn.conn->db};
        for (size_t i = 0; i < count && code == SATCHEL_OK; i++)
            code = settle_one(&writer, &items[i], &txn, err);
    }
    return sat_index_txn_end(&txn, code, err);
}

int sat_index_settle(struct sat_index *index, const struct sat_index_settlement *items,
                     size_t count, satchel_error *err)
{
    int code = settle_all(index, items, count, err);
    /* The marks stay behind: nobody must take them for writes in flight. */
    if (code != SATCHEL_OK)
        sat_mark_renew_owner(index->mark);
    return code;
}

/* ---- single objects ---- */

static int put_one(struct sat_row_writer *writer, const struct sat_index_row *row,
                   int64_t generation, struct sat_mark *mark, satchel_error *err)
{
    struct sat_row_found found;
    int code = sat_row_find(writer, row->key, &found, err);
    if (code != SATCHEL_OK)
        return code;
    bool known_later = found.oid != 0 && found.generation >= generation;
    bool in_flight = found.owner > SAT_OWNER_NONE && sat_mark_alive(mark, found.owner);
    bool nothing_new = found.oid == 0 && row->state == SAT_ROW_ABSENT;
    if (known_later || in_flight || nothing_new)
        return SATCHEL_OK;
    struct sat_row_stamp stamp = {.generation = generation, .owner = SAT_OWNER_NONE};
    return sat_row_write(writer, &found, row, stamp, err);
}

int sat_index_put(struct sat_index *index, int64_t generation, const struct sat_index_row *rows,
                  size_t count, satchel_error *err)
{
    struct sat_index_txn txn;
    int code = sat_index_txn_try(index, &txn, err);
    if (code != SATCHEL_OK)
        return code;
    {
        SAT_AUTO_WRITER struct sat_row_writer writer = {.db = txn.conn->db};
        for (size_t i = 0; i < count && code == SATCHEL_OK; i++)
            code = put_one(&writer, &rows[i], generation, index->mark, err);
    }
    return sat_index_txn_end(&txn, code, err);
}

static int repair_one(struct sat_row_writer *writer, const struct sat_index_row *row,
                      int64_t generation, satchel_error *err)
{
    struct sat_row_found found;
    int code = sat_row_find(writer, row->key, &found, err);
    if (code != SATCHEL_OK)
        return code;
    if (found.oid == 0 || found.generation != row->generation || found.owner != row->owner)
        return SATCHEL_OK;
    struct sat_row_stamp stamp = {.generation = generation, .owner = SAT_OWNER_NONE};
    return sat_row_write(writer, &found, row, stamp, err);
}

int sat_index_repair(struct sat_index *index, const struct sat_index_row *rows, size_t count,
                     satchel_error *err)
{
    struct sat_index_txn txn;
    int code = sat_index_txn_begin(index, 0, &txn, err);
    if (code != SATCHEL_OK)
        return code;
    {
        SAT_AUTO_WRITER struct sat_row_writer writer = {.db = txn.conn->db};
        for (size_t i = 0; i < count && code == SATCHEL_OK; i++)
            code = repair_one(&writer, &rows[i], txn.generation, err);
    }
    return sat_index_txn_end(&txn, code, err);
}

int sat_index_find_owners(struct sat_index *index, struct sat_sqlite *db, bool alive,
                          struct sat_vec *owners, satchel_error *err)
{
    SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
    bool row = true;
    int code =
        sat_sqlite_prepare(db, "SELECT DISTINCT dirty FROM obj WHERE dirty <> 0", &stmt, err);
    while (code == SATCHEL_OK && row) {
        code = sat_sqlite_step(db, stmt, &row, err);
        if (code != SATCHEL_OK || !row)
            break;
        int64_t owner = sqlite3_column_int64(stmt, 0);
        if (sat_mark_alive(index->mark, owner) == alive && sat_vec_push(owners, &owner) == NULL)
            code = sat_error_nomem(err);
    }
    return code;
}

static int load_rows_of(struct sat_sqlite *db, int64_t owner, struct sat_index_rows *rows,
                        satchel_error *err)
{
    SAT_AUTO_STMT sqlite3_stmt *stmt = NULL;
    bool row = true;
    int code = sat_sqlite_prepare(db,
                                  "SELECT " SAT_ROW_COLUMNS " FROM obj WHERE dirty <> 0"
                                  " AND dirty = ?1 ORDER BY key",
                                  &stmt, err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_bind(db, stmt, err, "i", owner);
    while (code == SATCHEL_OK && row) {
        code = sat_sqlite_step(db, stmt, &row, err);
        if (code == SATCHEL_OK && row)
            code = sat_rows_load(rows, db, stmt, false, err);
    }
    return code;
}

/*
 * Rows are read after their owner was found dead, in a later snapshot: one that settled and then
 * closed in good order has nothing left in it.
 */
static int load_orphans(struct sat_index *index, struct sat_sqlite *db, struct sat_index_rows *rows,
                        satchel_error *err)
{
    SAT_AUTO_VEC struct sat_vec dead;
    sat_vec_init(&dead, sizeof(int64_t));
    int code = sat_index_find_owners(index, db, false, &dead, err);
    for (size_t i = 0; i < dead.len && code == SATCHEL_OK; i++)
        code = load_rows_of(db, *(const int64_t *)sat_vec_at(&dead, i), rows, err);
    return code;
}

int sat_index_orphans(struct sat_index *index, struct sat_index_rows **out, satchel_error *err)
{
    struct sat_index_conn *conn;
    struct sat_index_rows *rows = sat_rows_new();
    if (rows == NULL)
        return sat_error_nomem(err);
    int code = sat_index_acquire(index, &conn, err);
    if (code == SATCHEL_OK) {
        code = load_orphans(index, conn->db, rows, err);
        sat_index_release(index, conn);
    }
    if (code != SATCHEL_OK) {
        sat_index_rows_free(rows);
        return code;
    }
    *out = rows;
    return SATCHEL_OK;
}
