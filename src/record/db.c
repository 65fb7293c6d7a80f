/* Opening a database; ids, keys and version tokens. */
#include "record/db.h"

#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/error.h"
#include "core/str.h"

/* The URI's path as the prefix of all keys: "" or with one '/' at its end. */
static char *normal_prefix(const char *root)
{
    size_t len = strlen(root);
    while (len > 0 && root[len - 1] == '/')
        len--;
    return len == 0 ? sat_strdup("") : sat_strf("%.*s/", (int)len, root);
}

static int take_tags_option(struct satchel_db *db, const struct sat_config *config,
                            satchel_error *err)
{
    const char *text = sat_config_str(config, "tags");
    db->strict_tags = sat_config_bool(config, "strict_tags");
    if (sat_str_eq(text, "all")) {
        db->tags = SAT_DB_TAGS_ALL;
    } else if (sat_str_eq(text, "none") || *text == '\0') {
        db->tags = SAT_DB_TAGS_NONE;
    } else {
        db->tags = SAT_DB_TAGS_NAMED;
        db->tag_names = sat_strdup(text);
        if (db->tag_names == NULL)
            return sat_error_nomem(err);
    }
    return SATCHEL_OK;
}

static int take_options(struct satchel_db *db, const struct sat_config *config, satchel_error *err)
{
    db->cache_ttl_s = sat_config_int(config, "cache_ttl");
    db->max_workers = (unsigned)sat_config_int(config, "max_workers");
    db->allow_unsafe = sat_config_bool(config, "allow_unsafe");
    db->op_timeout_ms = db->conn->request_timeout_ms;
    int code = sat_doc_form_parse(sat_config_str(config, "record_format"), &db->form, err);
    return code == SATCHEL_OK ? take_tags_option(db, config, err) : code;
}

/* Endpoint, bucket, prefix and who asks: two of these never share an index. */
static char *identity_text(const struct satchel_db *db, const struct sat_config *config)
{
    const char *who = sat_config_str(config, "cache_identity");
    if (*who == '\0')
        who = sat_config_str(config, "access_key_id");
    if (*who == '\0')
        who = sat_config_str(config, "profile");
    if (*who == '\0')
        who = "anonymous";
    return sat_strf("%s\n%s\n%s\n%s\n%s", db->conn->backend->name, db->conn->endpoint.url,
                    db->conn->bucket, db->prefix, who);
}

static int declare_fields(struct satchel_db *db, const struct sat_config *config,
                          satchel_error *err)
{
    const char *cursor = sat_config_str(config, "index_fields");
    satchel_span item;
    SAT_AUTO_VEC struct sat_vec paths;
    sat_vec_init(&paths, sizeof(char *));
    int code = SATCHEL_OK;
    while (code == SATCHEL_OK && sat_list_next(&cursor, &item)) {
        char *path = sat_strndup(item.data, item.len);
        if (path == NULL || sat_vec_push(&paths, &path) == NULL) {
            sat_free(path);
            code = sat_error_nomem(err);
        }
    }
    if (code == SATCHEL_OK)
        code = sat_index_set_fields(db->index, paths.data, paths.len, err);
    for (size_t i = 0; i < paths.len; i++)
        sat_free(*(char **)sat_vec_at(&paths, i));
    return code;
}

static int open_index(struct satchel_db *db, const struct sat_config *config, satchel_error *err)
{
    const char *folder = sat_config_str(config, "cache_dir");
    SAT_AUTO_FREE char *identity = identity_text(db, config);
    if (identity == NULL)
        return sat_error_nomem(err);
    /* A store that ends with its process has no use for an index that does not. */
    if (*folder == '\0' && !db->conn->backend->lasting)
        folder = ":memory:";
    const struct sat_index_options options = {
        .cache_dir = *folder == '\0' ? NULL : folder,
        .identity = identity,
    };
    int code = sat_index_open(&options, &db->index, err);
    return code == SATCHEL_OK ? declare_fields(db, config, err) : code;
}

static int create_bucket(struct satchel_db *db, satchel_error *err)
{
    struct sat_op op = {.kind = SAT_OP_BUCKET_CREATE, .conn = db->conn};
    int code = sat_op_run(&op, err);
    sat_op_fini(&op);
    return code == SATCHEL_EXISTS ? SATCHEL_OK : code;
}

int sat_db_open(const char *uri, const struct sat_config *config, sat_backend_find_fn find,
                struct satchel_db **db, satchel_error *err)
{
    struct satchel_db *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    sat_mutex_init(&made->probe_lock);
    int code = sat_conn_open(uri, config, find, &made->conn, err);
    if (code == SATCHEL_OK) {
        made->prefix = normal_prefix(made->conn->root);
        code = made->prefix == NULL ? sat_error_nomem(err) : take_options(made, config, err);
    }
    if (code == SATCHEL_OK)
        code = open_index(made, config, err);
    if (code == SATCHEL_OK && sat_config_bool(config, "create_bucket"))
        code = create_bucket(made, err);
    if (code == SATCHEL_OK)
        *db = made;
    else
        sat_db_close(made);
    return code;
}

void sat_db_close(struct satchel_db *db)
{
    if (db == NULL)
        return;
    sat_index_close(db->index);
    sat_conn_close(db->conn);
    sat_mutex_fini(&db->probe_lock);
    sat_free(db->prefix);
    sat_free(db->tag_names);
    sat_free(db);
}

void satchel_record_free(satchel_record *record)
{
    if (record == NULL)
        return;
    sat_free(record->id);
    sat_free(record->json);
    sat_free(record->token);
    *record = (satchel_record){0};
}

void satchel_items_free(satchel_item *items, size_t count)
{
    for (size_t i = 0; items != NULL && i < count; i++)
        satchel_record_free(&items[i].record);
    sat_free(items);
}

int sat_db_key(const struct satchel_db *db, const char *id, char **key, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, SAT_DOC_KEY_MAX + 1);
    if (id == NULL)
        return sat_error_set(err, SATCHEL_INVALID, "id is NULL");
    int code = sat_doc_key(db->prefix, sat_span_of(id), &text, err);
    if (code != SATCHEL_OK)
        return code;
    *key = sat_buf_take(&text, NULL);
    return *key == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

const char *sat_db_index_key(const struct satchel_db *db, const char *key)
{
    return key + strlen(db->prefix);
}

int sat_db_token_parse(const char *text, struct sat_db_token *token, satchel_error *err)
{
    const char *colon = strchr(text, ':');
    size_t digits = colon == NULL ? strlen(text) : (size_t)(colon - text);
    SAT_AUTO_FREE char *number = sat_strndup(text, digits);
    if (number == NULL)
        return sat_error_nomem(err);
    bool bad = !sat_parse_i64(number, &token->version) || token->version < 0 ||
               (colon != NULL && colon[1] == '\0');
    if (bad)
        return sat_error_set(err, SATCHEL_INVALID,
                             "expected '%.80s' is no version token (pass the one a read returned)",
                             text);
    token->etag = colon == NULL ? NULL : colon + 1;
    return SATCHEL_OK;
}

char *sat_db_token_make(int64_t version, const char *etag)
{
    return sat_strf("%lld:%s", (long long)version, etag == NULL ? "" : etag);
}

int64_t sat_db_deadline(const struct satchel_db *db)
{
    return sat_clock_now_ns() + (int64_t)db->op_timeout_ms * SAT_NS_PER_MS;
}
