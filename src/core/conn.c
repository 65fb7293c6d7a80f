/* Connections: one URI, one backend's state, the common options, the request counters. */
#include "core/backend.h"

#include <string.h>

#include "core/alloc.h"
#include "core/config.h"
#include "core/cred.h"
#include "core/engine.h"
#include "core/error.h"
#include "core/log.h"
#include "core/retry.h"
#include "core/str.h"

/* "/a/b" or "/a/b//" as "a/b/"; the root folder itself is "". */
static char *folder_root(const char *path)
{
    while (*path == '/')
        path++;
    size_t len = strlen(path);
    while (len > 0 && path[len - 1] == '/')
        len--;
    return len == 0 ? sat_strdup("") : sat_strf("%.*s/", (int)len, path);
}

static int take_uri(struct sat_conn *conn, const struct sat_uri *uri, const char *text,
                    satchel_error *err)
{
    bool buckets = conn->backend->has_buckets;
    /* "s3://" names the account: the door lets it list its buckets and nothing else. */
    bool account = buckets && *uri->bucket == '\0' && *uri->path == '\0' &&
                   sat_conn_supports(conn, SAT_OP_BUCKET_LIST);
    int code =
        account ? SATCHEL_OK : sat_uri_want(uri, buckets ? SAT_URI_BUCKET : SAT_URI_PATH, err);
    if (code != SATCHEL_OK)
        return code;
    conn->uri = sat_strdup(text);
    conn->bucket = sat_strdup(uri->bucket);
    conn->root = buckets ? sat_strdup(uri->path) : folder_root(uri->path);
    bool complete = conn->uri != NULL && conn->bucket != NULL && conn->root != NULL;
    return complete ? SATCHEL_OK : sat_error_nomem(err);
}

static uint32_t ms_option(const struct sat_config *config, const char *key)
{
    int64_t ms = sat_config_ms(config, key);
    return ms > INT32_MAX ? INT32_MAX : (uint32_t)ms;
}

static int take_options(struct sat_conn *conn, const struct sat_config *config, satchel_error *err)
{
    const char *ca_file = sat_config_str(config, "ca_file");
    const char *mode = sat_config_str(config, "retry_mode");
    bool off = sat_str_eq(mode, "off");
    conn->max_retries = off ? 1 : (unsigned)sat_config_int(config, "max_retries");
    conn->adaptive = sat_str_eq(mode, "adaptive");
    conn->retry_base_ms = ms_option(config, "retry_base_ms");
    conn->request_timeout_ms = ms_option(config, "request_timeout");
    if (conn->request_timeout_ms == 0) /* none: as long as can be written down */
        conn->request_timeout_ms = INT32_MAX;
    conn->connect_timeout_ms = ms_option(config, "connect_timeout");
    conn->response_timeout_ms = ms_option(config, "response_timeout");
    conn->stall_timeout_ms = ms_option(config, "stall_timeout");
    conn->multipart_threshold = sat_config_size(config, "multipart_threshold");
    conn->part_size = sat_config_size(config, "part_size");
    conn->range_size = sat_config_size(config, "range_size");
    conn->part_concurrency = (unsigned)sat_config_int(config, "part_concurrency");
    conn->insecure = sat_config_bool(config, "insecure");
    if (conn->insecure)
        SAT_WARN("%s: certificates are not verified (insecure=true)", conn->uri);
    if (*ca_file != '\0') {
        conn->ca_file = sat_strdup(ca_file);
        if (conn->ca_file == NULL)
            return sat_error_nomem(err);
    }
    struct sat_engine_options options = {
        .lanes = (unsigned)sat_config_int(config, "lanes"),
        .workers = (unsigned)sat_config_int(config, "workers"),
        .in_flight = (unsigned)sat_config_int(config, "max_connections"),
    };
    return sat_engine_acquire(&options, &conn->engine, err);
}

static int open_backend(struct sat_conn *conn, const struct sat_uri *uri,
                        const struct sat_config *config, satchel_error *err)
{
    void *state = sat_calloc(1, conn->backend->state_size == 0 ? 1 : conn->backend->state_size);
    if (state == NULL)
        return sat_error_nomem(err);
    int code = conn->backend->open(state, uri, config, &conn->endpoint, err);
    if (code != SATCHEL_OK) {
        sat_free(state);
        return code;
    }
    conn->state = state;
    atomic_store(&conn->current, &conn->endpoint);
    if (conn->endpoint.url[0] == '\0')
        return SATCHEL_OK;
    conn->retry_bucket = sat_retry_bucket_acquire(conn->endpoint.url);
    return conn->retry_bucket == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

/* The caller's configuration with what the provider's own files say. */
static int add_profile(const struct sat_backend *backend, const struct sat_config *config,
                       struct sat_config **own, satchel_error *err)
{
    int code = sat_config_copy(config, own, err);
    return code == SATCHEL_OK ? backend->configure(*own, err) : code;
}

int sat_conn_open(const char *uri, const struct sat_config *config, sat_backend_find_fn find,
                  struct sat_conn **conn, satchel_error *err)
{
    struct sat_uri parsed = {0};
    struct sat_conn *made = NULL;
    int code = sat_uri_parse(uri, &parsed, err);
    if (code != SATCHEL_OK)
        return code;
    const struct sat_backend *backend = NULL;
    SAT_AUTO_CONFIG struct sat_config *own = NULL;
    code = find(parsed.scheme, &backend, err);
    if (code != SATCHEL_OK)
        goto out;
    made = sat_calloc(1, sizeof *made);
    if (made == NULL) {
        code = sat_error_nomem(err);
        goto out;
    }
    made->backend = backend;
    sat_mutex_init(&made->move_lock);
    code = take_uri(made, &parsed, uri, err);
    if (code == SATCHEL_OK && backend->configure != NULL) {
        code = add_profile(backend, config, &own, err);
        config = own;
    }
    if (code == SATCHEL_OK)
        code = take_options(made, config, err);
    if (code == SATCHEL_OK)
        code = open_backend(made, &parsed, config, err);
    if (code == SATCHEL_OK)
        code = sat_cred_new(made, &made->cred, err);
out:
    sat_uri_fini(&parsed);
    if (code == SATCHEL_OK)
        *conn = made;
    else
        sat_conn_close(made);
    return code;
}

void sat_conn_close(struct sat_conn *conn)
{
    if (conn == NULL)
        return;
    sat_engine_release(conn->engine);
    sat_retry_bucket_release(conn->retry_bucket);
    sat_cred_free(conn->cred);
    if (conn->state != NULL && conn->backend->close != NULL)
        conn->backend->close(conn->state);
    sat_free(conn->state);
    for (unsigned i = 0; i < conn->locked.count; i++)
        sat_free(conn->locked.moves[i]);
    sat_mutex_fini(&conn->move_lock);
    sat_free(conn->uri);
    sat_free(conn->root);
    sat_free(conn->bucket);
    sat_free(conn->ca_file);
    sat_free(conn);
}

bool sat_conn_move(struct sat_conn *conn, const struct sat_endpoint *from, const char *region)
{
    SAT_LOCKED(&conn->move_lock);
    if (atomic_load(&conn->current) != from) /* another op was told before */
        return true;
    if (conn->locked.count == SAT_MOVES_MAX || conn->backend->move == NULL)
        return false;
    struct sat_endpoint *to = sat_malloc(sizeof *to);
    if (to == NULL)
        return false;
    *to = *from;
    if (!conn->backend->move(conn->state, region, to)) {
        sat_free(to);
        return false;
    }
    SAT_INFO("%s: requests go to %s, region %s", conn->uri, to->url, to->region);
    conn->locked.moves[conn->locked.count++] = to;
    atomic_store(&conn->current, to);
    return true;
}

uint64_t sat_conn_requests(const struct sat_conn *conn)
{
    uint64_t sum = 0;
    for (int kind = 0; kind < SAT_OP_KINDS; kind++)
        sum += atomic_load(&conn->requests[kind]);
    return sum;
}

bool sat_conn_supports(const struct sat_conn *conn, enum sat_op_kind kind)
{
    const struct sat_slot *slot = &conn->backend->slots[kind];
    return slot->run != NULL || slot->build != NULL;
}
