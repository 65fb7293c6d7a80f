/* Sources and destinations taken apart, and the connections to the stores that they name. */
#include "transfer/place.h"

#include <limits.h>
#include <string.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/os.h"
#include "core/str.h"

int sat_place_parse(const char *text, sat_backend_find_fn find, struct sat_place *place,
                    satchel_error *err)
{
    *place = (struct sat_place){.backend = NULL};
    if (!sat_uri_is(text))
        return sat_uri_local(text, &place->uri, err);
    int code = sat_uri_parse(text, &place->uri, err);
    if (code == SATCHEL_OK)
        code = find(place->uri.scheme, &place->backend, err);
    if (code == SATCHEL_OK)
        code = sat_uri_want(&place->uri,
                            place->backend->has_buckets ? SAT_URI_BUCKET : SAT_URI_PATH, err);
    if (code != SATCHEL_OK)
        sat_place_fini(place);
    return code;
}

void sat_place_fini(struct sat_place *place)
{
    sat_uri_fini(&place->uri);
    place->backend = NULL;
}

size_t sat_path_folder(const char *path, size_t len)
{
    while (len > 0 && path[len - 1] != '/')
        len--;
    return len;
}

/* ---- comparing */

/* The longest part of the path that exists, resolved, and the rest as it stands. */
static char *resolve(const char *path)
{
    char real[PATH_MAX];
    size_t len = strlen(path);
    for (;;) {
        SAT_AUTO_FREE char *head = len == 0 ? sat_strdup(".") : sat_strndup(path, len);
        if (head == NULL)
            return NULL;
        if (sat_os_realpath(head, real, sizeof real) == 0) {
            bool glue = path[len] != '\0' && !sat_str_ends(real, "/");
            return sat_strf("%s%s%s", real, glue ? "/" : "", path + len);
        }
        if (len == 0)
            return sat_strdup(path);
        len = sat_path_folder(path, len - 1);
    }
}

char *sat_place_canonical(const struct sat_place *place)
{
    if (place->backend == NULL || !place->backend->has_buckets)
        return resolve(place->uri.path);
    return sat_strf("%s://%s/%s", place->uri.scheme, place->uri.bucket, place->uri.path);
}

static size_t length_without_slashes(const char *text)
{
    size_t len = strlen(text);
    while (len > 0 && text[len - 1] == '/')
        len--;
    return len;
}

bool sat_place_contains(const char *outer, const char *inner)
{
    size_t outer_len = length_without_slashes(outer);
    size_t inner_len = length_without_slashes(inner);
    if (inner_len < outer_len || memcmp(outer, inner, outer_len) != 0)
        return false;
    return inner_len == outer_len || inner[outer_len] == '/';
}

/* ---- connections */

void sat_conns_init(struct sat_conns *conns, const struct sat_config *config,
                    sat_backend_find_fn find)
{
    *conns = (struct sat_conns){.config = config, .find = find};
    sat_vec_init(&conns->items, sizeof(struct sat_conn *));
}

void sat_conns_fini(struct sat_conns *conns)
{
    for (size_t i = 0; i < conns->items.len; i++)
        sat_conn_close(*(struct sat_conn **)sat_vec_at(&conns->items, i));
    sat_vec_fini(&conns->items);
}

/* The newest first: neighbours among the sources mostly share their folder. */
static struct sat_conn *find_conn(const struct sat_conns *conns, const char *uri)
{
    for (size_t i = conns->items.len; i > 0; i--) {
        struct sat_conn *conn = *(struct sat_conn **)sat_vec_at(&conns->items, i - 1);
        if (sat_str_eq(conn->uri, uri))
            return conn;
    }
    return NULL;
}

int sat_conns_reach(struct sat_conns *conns, const struct sat_place *place, const char *path,
                    size_t folder_len, struct sat_reach *reach, satchel_error *err)
{
    bool buckets = place->backend->has_buckets;
    size_t base_len = buckets ? 0 : folder_len;
    SAT_AUTO_FREE char *uri = sat_strf("%s://%s%s%.*s", place->uri.scheme, place->uri.bucket,
                                       buckets ? "/" : "", (int)base_len, path);
    if (uri == NULL)
        return sat_error_nomem(err);
    struct sat_conn *conn = find_conn(conns, uri);
    if (conn == NULL) {
        int code = sat_conn_open(uri, conns->config, conns->find, &conn, err);
        if (code != SATCHEL_OK)
            return code;
        if (sat_vec_push(&conns->items, &conn) == NULL) {
            sat_conn_close(conn);
            return sat_error_nomem(err);
        }
    }
    *reach = (struct sat_reach){.conn = conn, .base_len = base_len};
    return SATCHEL_OK;
}
