/*
 * Rows of the index in and out of SQLite, each with a checksum over all that it says, so that a
 * flipped bit in the file is found when the row is read.
 */
#include <string.h>

#include "core/alloc.h"
#include "core/crc.h"
#include "core/error.h"
#include "core/str.h"
#include "index_private.h"

enum { CRC_COLUMN = 8, BODY_COLUMN = 9 };

struct sat_index_rows {
    struct sat_vec rows;   /* struct sat_index_row; bodies and texts point into `blocks` */
    struct sat_vec blocks; /* char * */
    size_t bytes;
};

/* ---- checksum ---- */

/* The NUL at the end keeps "ab","c" and "a","bc" apart; one byte 1 is "not known". */
static uint64_t crc_text(uint64_t crc, const char *text)
{
    return text == NULL ? sat_crc64(crc, "\1", 1) : sat_crc64(crc, text, strlen(text) + 1);
}

int64_t sat_row_crc(const struct sat_index_row *row)
{
    int64_t numbers[3] = {row->version, row->size, (int64_t)row->state};
    uint64_t crc = sat_crc64(0, row->body.data, row->body.len);
    crc = crc_text(crc, row->key);
    crc = crc_text(crc, row->etag);
    crc = crc_text(crc, row->updated_at);
    return (int64_t)sat_crc64(crc, numbers, sizeof numbers);
}

/* ---- owned rows ---- */

struct sat_index_rows *sat_rows_new(void)
{
    struct sat_index_rows *rows = sat_calloc(1, sizeof *rows);
    if (rows == NULL)
        return NULL;
    sat_vec_init(&rows->rows, sizeof(struct sat_index_row));
    sat_vec_init(&rows->blocks, sizeof(char *));
    return rows;
}

void sat_rows_reset(struct sat_index_rows *rows)
{
    for (size_t i = 0; i < rows->blocks.len; i++)
        sat_free(*(char **)sat_vec_at(&rows->blocks, i));
    rows->blocks.len = 0;
    rows->rows.len = 0;
    rows->bytes = 0;
}

void sat_index_rows_free(struct sat_index_rows *rows)
{
    if (rows == NULL)
        return;
    sat_rows_reset(rows);
    sat_vec_fini(&rows->blocks);
    sat_vec_fini(&rows->rows);
    sat_free(rows);
}

size_t sat_index_rows_count(const struct sat_index_rows *rows)
{
    return rows->rows.len;
}

const struct sat_index_row *sat_index_rows_at(const struct sat_index_rows *rows, size_t i)
{
    return sat_vec_at(&rows->rows, i);
}

size_t sat_rows_bytes(const struct sat_index_rows *rows)
{
    return rows->bytes;
}

static char *place_text(char **at, const char *text)
{
    if (text == NULL)
        return NULL;
    size_t len = strlen(text) + 1;
    char *copy = *at;
    memcpy(copy, text, len);
    *at += len;
    return copy;
}

static size_t text_size(const char *text)
{
    return text == NULL ? 0 : strlen(text) + 1;
}

/* Appends a deep copy: one block for all of its bytes. */
static int add_copy(struct sat_index_rows *rows, const struct sat_index_row *row,
                    satchel_error *err)
{
    size_t size =
        text_size(row->key) + text_size(row->etag) + text_size(row->updated_at) + row->body.len + 1;
    char *block = sat_malloc(size);
    if (block == NULL)
        return sat_error_nomem(err);
    if (sat_vec_push(&rows->blocks, &block) == NULL) {
        sat_free(block);
        return sat_error_nomem(err);
    }
    struct sat_index_row copy = *row;
    char *at = block;
    copy.key = place_text(&at, row->key);
    copy.etag = place_text(&at, row->etag);
    copy.updated_at = place_text(&at, row->updated_at);
    if (row->body.len > 0)
        memcpy(at, row->body.data, row->body.len);
    at[row->body.len] = '\0';
    copy.body = (satchel_span){.data = row->body.data == NULL ? NULL : at, .len = row->body.len};
    rows->bytes += size + sizeof copy;
    return sat_vec_push(&rows->rows, &copy) == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

int sat_rows_add_absent(struct sat_index_rows *rows, const char *key, satchel_error *err)
{
    struct sat_index_row row = {.key = key, .state = SAT_ROW_ABSENT};
    return add_copy(rows, &row, err);
}

int sat_rows_load(struct sat_index_rows *rows, struct sat_sqlite *db, sqlite3_stmt *stmt,
                  bool with_body, satchel_error *err)
{
    struct sat_index_row row = {
        .key = sat_sqlite_text(stmt, 0),
        .state = (enum sat_index_state)sqlite3_column_int(stmt, 1),
        .etag = sat_sqlite_text(stmt, 2),
        .updated_at = sat_sqlite_text(stmt, 3),
        .version = sqlite3_column_int64(stmt, 4),
        .size = sqlite3_column_int64(stmt, 5),
        .owner = sqlite3_column_int64(stmt, 6),
        .generation = sqlite3_column_int64(stmt, 7),
    };
    row.dirty = row.owner != SAT_OWNER_NONE;
    if (with_body)
        row.body = sat_sqlite_span(stmt, BODY_COLUMN);
    if (row.key == NULL)
        return sat_error_nomem(err);
    if (with_body && sat_row_crc(&row) != sqlite3_column_int64(stmt, CRC_COLUMN)) {
        db->damaged = true;
        return sat_error_set(err, SATCHEL_MODIFIED,
                             "record index was damaged (checksum of %s): refresh and try again",
                             row.key);
    }
    return add_copy(rows, &row, err);
}

/* ---- writing ---- */

void sat_row_writer_fini(struct sat_row_writer *writer)
{
    sat_sqlite_finalize_(&writer->find);
    sat_sqlite_finalize_(&writer->insert);
    sat_sqlite_finalize_(&writer->update);
    sat_sqlite_finalize_(&writer->mark);
    sat_sqlite_finalize_(&writer->remove);
    sat_sqlite_finalize_(&writer->put_body);
    sat_sqlite_finalize_(&writer->remove_body);
}

static int ready(struct sat_row_writer *writer, sqlite3_stmt **stmt, const char *sql,
                 satchel_error *err)
{
    return *stmt != NULL ? SATCHEL_OK : sat_sqlite_prepare(writer->db, sql, stmt, err);
}

int sat_row_find(struct sat_row_writer *writer, const char *key, struct sat_row_found *found,
                 satchel_error *err)
{
    static const char sql[] = "SELECT oid, generation, dirty, state FROM obj WHERE key = ?1";
    *found = (struct sat_row_found){.oid = 0};
    int code = ready(writer, &writer->find, sql, err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_bind(writer->db, writer->find, err, "t", key);
    bool row = false;
    if (code == SATCHEL_OK)
        code = sat_sqlite_step(writer->db, writer->find, &row, err);
    if (row) {
        found->oid = sqlite3_column_int64(writer->find, 0);
        found->generation = sqlite3_column_int64(writer->find, 1);
        found->owner = sqlite3_column_int64(writer->find, 2);
        found->state = (enum sat_index_state)sqlite3_column_int(writer->find, 3);
    }
    (void)sqlite3_reset(writer->find);
    return code;
}

static int write_body(struct sat_row_writer *writer, int64_t oid, const struct sat_index_row *row,
                      satchel_error *err)
{
    static const char put[] = "INSERT INTO body(oid, body) VALUES (?1, ?2)"
                              " ON CONFLICT(oid) DO UPDATE SET body = excluded.body";
    static const char drop[] = "DELETE FROM body WHERE oid = ?1";
    bool live = row->state == SAT_ROW_LIVE;
    sqlite3_stmt **stmt = live ? &writer->put_body : &writer->remove_body;
    int code = ready(writer, stmt, live ? put : drop, err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_bind(writer->db, *stmt, err, live ? "ix" : "i", oid, row->body);
    return code == SATCHEL_OK ? sat_sqlite_run(writer->db, *stmt, err) : code;
}

static int insert(struct sat_row_writer *writer, const struct sat_index_row *row,
                  struct sat_row_stamp stamp, int64_t *oid, satchel_error *err)
{
    static const char sql[] =
        "INSERT INTO obj(state, etag, updated_at, version, size, generation, dirty, crc, key)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    int code = ready(writer, &writer->insert, sql, err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_bind(writer->db, writer->insert, err, "ittiiiiit", (int64_t)row->state,
                               row->etag, row->updated_at, row->version, row->size,
                               stamp.generation, stamp.owner, sat_row_crc(row), row->key);
    if (code == SATCHEL_OK)
        code = sat_sqlite_run(writer->db, writer->insert, err);
    *oid = sqlite3_last_insert_rowid(writer->db->raw);
    return code;
}

static int update(struct sat_row_writer *writer, const struct sat_index_row *row,
                  struct sat_row_stamp stamp, int64_t oid, satchel_error *err)
{
    static const char sql[] =
        "UPDATE obj SET state = ?1, etag = ?2, updated_at = ?3, version = ?4, size = ?5,"
        " generation = ?6, dirty = ?7, crc = ?8 WHERE oid = ?9";
    int code = ready(writer, &writer->update, sql, err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_bind(writer->db, writer->update, err, "ittiiiiii", (int64_t)row->state,
                               row->etag, row->updated_at, row->version, row->size,
                               stamp.generation, stamp.owner, sat_row_crc(row), oid);
    return code == SATCHEL_OK ? sat_sqlite_run(writer->db, writer->update, err) : code;
}

int sat_row_write(struct sat_row_writer *writer, const struct sat_row_found *found,
                  const struct sat_index_row *row, struct sat_row_stamp stamp, satchel_error *err)
{
    bool live = row->state == SAT_ROW_LIVE;
    if (live && row->body.data == NULL)
        return sat_error_set(err, SATCHEL_INVALID, "record index: %s has no body", row->key);
    struct sat_index_row whole = *row;
    if (!live)
        whole.body = (satchel_span){.data = NULL};
    int64_t oid = found->oid;
    int code = oid == 0 ? insert(writer, &whole, stamp, &oid, err)
                        : update(writer, &whole, stamp, oid, err);
    if (code != SATCHEL_OK || (found->oid == 0 && !live))
        return code;
    return write_body(writer, oid, &whole, err);
}

int sat_row_mark(struct sat_row_writer *writer, int64_t oid, struct sat_row_stamp stamp,
                 satchel_error *err)
{
    static const char sql[] = "UPDATE obj SET generation = ?1, dirty = ?2 WHERE oid = ?3";
    int code = ready(writer, &writer->mark, sql, err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_bind(writer->db, writer->mark, err, "iii", stamp.generation, stamp.owner,
                               oid);
    return code == SATCHEL_OK ? sat_sqlite_run(writer->db, writer->mark, err) : code;
}

int sat_row_remove(struct sat_row_writer *writer, int64_t oid, satchel_error *err)
{
    static const struct sat_index_row nothing = {.state = SAT_ROW_ABSENT};
    int code = write_body(writer, oid, &nothing, err);
    if (code == SATCHEL_OK)
        code = ready(writer, &writer->remove, "DELETE FROM obj WHERE oid = ?1", err);
    if (code == SATCHEL_OK)
        code = sat_sqlite_bind(writer->db, writer->remove, err, "i", oid);
    return code == SATCHEL_OK ? sat_sqlite_run(writer->db, writer->remove, err) : code;
}
