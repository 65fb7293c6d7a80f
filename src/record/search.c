/* Searching and counting: on the refreshed index, or by one GET where only one id can match. */
#include <string.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/jscan.h"
#include "core/str.h"
#include "query/compile.h"
#include "query/filter.h"
#include "record/db.h"

enum { INDEX_TRIES = 3 };

struct satchel_results {
    struct satchel_db *db;
    unsigned generation;             /* of the process that searched */
    struct sat_index_search *search; /* NULL: the answer of a search by id */
    struct sat_path *paths;          /* the projection; NULL = whole records */
    size_t path_count;
    satchel_item single;
    bool single_due;
    struct sat_buf text;    /* the current record, when projected */
    satchel_record current; /* members are borrowed or in the two below */
    char *id;
    char *token;
};

static struct satchel_results *results_new(struct satchel_db *db, const struct sat_query *query)
{
    struct satchel_results *results = sat_calloc(1, sizeof *results);
    if (results == NULL)
        return NULL;
    results->db = db;
    results->generation = sat_fork_generation();
    sat_buf_init(&results->text, SAT_DB_RECORD_MAX);
    if (query == NULL || !query->projects)
        return results;
    results->paths = sat_query_paths(query);
    results->path_count = query->fields.len;
    if (results->paths != NULL)
        return results;
    sat_free(results);
    return NULL;
}

void sat_db_results_close(struct satchel_results *results)
{
    if (results == NULL)
        return;
    sat_index_search_close(results->search);
    satchel_record_free(&results->single.record);
    sat_buf_fini(&results->text);
    sat_free(results->paths);
    sat_free(results->id);
    sat_free(results->token);
    sat_free(results);
}

/* ---- by id */

static int search_single(struct satchel_results *results, const struct sat_query *query,
                         satchel_span id, satchel_error *err)
{
    satchel_item *item = &results->single;
    SAT_AUTO_FREE char *text = sat_strndup(id.data, id.len);
    if (text == NULL)
        return sat_error_nomem(err);
    const char *const ids[] = {text};
    int code = sat_db_read(results->db, ids, 1, item, err);
    if (code != SATCHEL_OK)
        return code;
    /* No record has a bad id, and nothing is there: both are simply no match. */
    bool absent = item->err.code == SATCHEL_NOT_FOUND && item->existed == 0;
    if (absent || item->err.code == SATCHEL_INVALID)
        return SATCHEL_OK;
    if (item->err.code != SATCHEL_OK)
        return sat_error_copy(err, &item->err);
    SAT_AUTO_BUF struct sat_buf scratch;
    sat_buf_init(&scratch, SAT_DB_RECORD_MAX);
    bool matched = false;
    satchel_span record = {item->record.json, item->record.json_len};
    code = sat_filter_match(query->filter, record, &scratch, &matched, err);
    results->single_due = matched && query->limit != 0 && query->offset == 0;
    return code;
}

/* ---- by the index */

static int search_index(struct satchel_results *results, const struct sat_query *query,
                        satchel_error *err)
{
    struct satchel_db *db = results->db;
    int code = SATCHEL_OK;
    for (int i = 0; i < INDEX_TRIES; i++) {
        code = sat_db_refresh(db, false, err);
        if (code != SATCHEL_OK)
            return code;
        code = sat_index_search(db->index, query, &results->search, err);
        if (code != SATCHEL_MODIFIED)
            break;
    }
    return code;
}

/* A query that was not given finds everything. */
static const struct sat_query everything = {.limit = -1};

int sat_db_search(struct satchel_db *db, const struct sat_query *query,
                  struct satchel_results **results, satchel_error *err)
{
    satchel_span id;
    if (query == NULL)
        query = &everything;
    struct satchel_results *made = results_new(db, query);
    if (made == NULL)
        return sat_error_nomem(err);
    int code = sat_query_single_id(query, &id) ? search_single(made, query, id, err)
                                               : search_index(made, query, err);
    if (code == SATCHEL_OK)
        *results = made;
    else
        sat_db_results_close(made);
    return code;
}

/* ---- rows as records */

static int project(struct satchel_results *results, satchel_span body, satchel_error *err)
{
    satchel_record *current = &results->current;
    current->json = (char *)(uintptr_t)body.data;
    current->json_len = body.len;
    if (results->paths == NULL)
        return SATCHEL_OK;
    sat_buf_reset(&results->text);
    int code = sat_doc_project(body, results->paths, results->path_count, &results->text);
    if (code != SATCHEL_OK)
        return sat_error_set(err, code, "projecting record '%s': %s", current->id,
                             satchel_code_text(code));
    current->json = results->text.data;
    current->json_len = results->text.len;
    return sat_buf_check(&results->text, "projected record", err);
}

static int next_single(struct satchel_results *results, const satchel_record **record,
                       satchel_error *err)
{
    *record = NULL;
    if (!results->single_due)
        return SATCHEL_OK;
    results->single_due = false;
    results->current = results->single.record;
    *record = &results->current;
    return project(results, (satchel_span){results->current.json, results->current.json_len}, err);
}

/* "<id>.json" without its end. */
static char *id_of_index_key(const char *key)
{
    return sat_strndup(key, strlen(key) - strlen(".json"));
}

int sat_db_results_next(struct satchel_results *results, const satchel_record **record,
                        satchel_error *err)
{
    const struct sat_index_row *row = NULL;
    *record = NULL;
    int code = sat_fork_check(results->generation, err);
    if (code != SATCHEL_OK)
        return code;
    if (results->search == NULL)
        return next_single(results, record, err);
    code = sat_index_search_next(results->search, &row, err);
    if (code != SATCHEL_OK || row == NULL)
        return code;
    sat_free(results->id);
    sat_free(results->token);
    results->id = id_of_index_key(row->key);
    results->token = sat_db_token_make(row->version, row->etag);
    if (results->id == NULL || results->token == NULL)
        return sat_error_nomem(err);
    results->current =
        (satchel_record){.id = results->id, .version = row->version, .token = results->token};
    code = project(results, row->body, err);
    *record = code == SATCHEL_OK ? &results->current : NULL;
    return code;
}

/* ---- counting */

static int count_rows(struct satchel_db *db, const struct sat_query *query, uint64_t *count,
                      satchel_error *err)
{
    if (query->filter == NULL)
        return sat_index_count(db->index, count, err);
    return sat_index_count_matches(db->index, query, count, err);
}

/* Rows that are left of `count` after offset and limit. */
static uint64_t windowed(const struct sat_query *query, uint64_t count)
{
    uint64_t offset = (uint64_t)query->offset;
    uint64_t left = count > offset ? count - offset : 0;
    return query->limit >= 0 && left > (uint64_t)query->limit ? (uint64_t)query->limit : left;
}

int sat_db_count(struct satchel_db *db, const struct sat_query *query, uint64_t *count,
                 satchel_error *err)
{
    int code = SATCHEL_OK;
    if (query == NULL)
        query = &everything;
    for (int i = 0; i < INDEX_TRIES; i++) {
        code = sat_db_refresh(db, false, err);
        if (code != SATCHEL_OK)
            return code;
        code = count_rows(db, query, count, err);
        if (code != SATCHEL_MODIFIED)
            break;
    }
    if (code == SATCHEL_OK)
        *count = windowed(query, *count);
    return code;
}

/* ---- explaining */

int sat_db_explain(struct satchel_db *db, const struct sat_query *query, char **json,
                   satchel_error *err)
{
    satchel_span id;
    uint64_t rows = 0;
    SAT_AUTO_SQL struct sat_sql sql = {0};
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, SAT_BUF_MAX_TEXT);
    if (query == NULL)
        query = &everything;
    const struct sat_compile_options options = {.columns = "obj.key"};
    int code = sat_compile_search(query, &options, &sql, err);
    if (code == SATCHEL_OK)
        code = sat_index_count(db->index, &rows, err);
    /* An index that was never listed knows of no rows yet. */
    if (code != SATCHEL_OK && code != SATCHEL_MODIFIED)
        return code;
    bool single = sat_query_single_id(query, &id);
    bool fresh = sat_index_is_fresh(db->index, db->cache_ttl_s);
    (void)sat_buf_addf(
        &text, "{\"plan\":\"%s\",\"sql\":", single ? "one GET by id" : "SQL on the local index");
    (void)sat_jscan_put_string(&text, sat_buf_span(&sql.text));
    (void)sat_buf_addf(&text,
                       ",\"rows\":%llu,\"fresh\":%s,\"requests\":{\"list\":%llu,\"get\":%s}}",
                       (unsigned long long)rows, fresh ? "true" : "false",
                       (unsigned long long)(single || fresh ? 0 : rows / 1000 + 1),
                       single  ? "1"
                       : fresh ? "0"
                               : "null");
    code = sat_buf_check(&text, "explanation", err);
    if (code == SATCHEL_OK)
        *json = sat_buf_take(&text, NULL);
    return code;
}
