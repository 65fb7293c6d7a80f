/*
 * What a user writes as a source or destination, taken apart; and the connections to the stores
 * that they name.
 *
 * A place is a plain local path, or the URI of a store. Its `path` is what patterns, folders and
 * names are about: the local path; the key in a bucket; the absolute path of a store of folders.
 */
#ifndef SAT_TRANSFER_PLACE_H
#define SAT_TRANSFER_PLACE_H

#include <stdbool.h>

#include <satchel/types.h>

#include "core/backend.h"
#include "core/uri.h"
#include "core/vec.h"

struct sat_place {
    struct sat_uri uri;                /* a local path is uri.path, with uri.scheme "file" */
    const struct sat_backend *backend; /* NULL: a plain local path */
};

/* INVALID for an empty text or a URI without a bucket, UNSUPPORTED for an unknown scheme. */
int sat_place_parse(const char *text, sat_backend_find_fn find, struct sat_place *place,
                    satchel_error *err);
void sat_place_fini(struct sat_place *place);
/*
 * The place in a form that can be compared: symbolic links, "." and ".." of what exists of a local
 * path are resolved. Owned; NULL when out of memory.
 */
char *sat_place_canonical(const struct sat_place *place);
/* True when `inner` is `outer` or below it; both canonical. */
bool sat_place_contains(const char *outer, const char *inner);

/* The length of `path` up to and with its last '/', looking at the first `len` bytes. */
size_t sat_path_folder(const char *path, size_t len);

/* ---- connections */

/* Connections of one job: one for each URI, all closed at the end. For one thread at a time. */
struct sat_conns {
    const struct sat_config *config;
    sat_backend_find_fn find;
    struct sat_vec items; /* struct sat_conn * */
};

void sat_conns_init(struct sat_conns *conns, const struct sat_config *config,
                    sat_backend_find_fn find);
/* No op may be under way. */
void sat_conns_fini(struct sat_conns *conns);

/*
 * A store reached from a folder: conn->uri ends with '/', and what lies at `path` of the place has
 * the key conn->root + (path + base_len).
 */
struct sat_reach {
    struct sat_conn *conn;
    size_t base_len;
};

/*
 * Opens the store of `place` so that everything below `path`'s first `folder_len` bytes (ending
 * with '/' or 0) can be reached.
 */
int sat_conns_reach(struct sat_conns *conns, const struct sat_place *place, const char *path,
                    size_t folder_len, struct sat_reach *reach, satchel_error *err);

#endif
