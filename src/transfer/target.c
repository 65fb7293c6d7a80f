/* Where items land: the destination rule, and the check of every name below it. */
#include "transfer/target.h"

#include <string.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/op.h"
#include "core/os.h"
#include "core/str.h"
#include "transfer/landing.h"

void sat_target_fini(struct sat_target *target)
{
    sat_free(target->base);
    sat_free(target->head);
    *target = (struct sat_target){0};
}

static bool is_local_folder(const char *path)
{
    struct stat info;
    return sat_os_stat(AT_FDCWD, path, 0, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Splits the path into base and head: at its end for a folder, else at its last '/'. */
static int split(struct sat_target *target, const char *path, size_t base_len, satchel_error *err)
{
    size_t len = strlen(path);
    bool glue = target->folder && len > 0 && path[len - 1] != '/';
    const char *slash = glue ? "/" : "";
    if (target->folder && target->conn == NULL) {
        target->base = sat_strf("%s%s", path, slash);
        target->head = sat_strdup("");
    } else {
        target->base =
            target->conn == NULL ? sat_strndup(path, base_len) : sat_strdup(target->conn->uri);
        target->head = sat_strf("%s%s", path + base_len, slash);
    }
    return target->base != NULL && target->head != NULL ? SATCHEL_OK : sat_error_nomem(err);
}

static int open_local(const char *path, struct sat_target *target, satchel_error *err)
{
    target->folder = target->folder || sat_str_ends(path, "/") || is_local_folder(path);
    return split(target, path, sat_path_folder(path, strlen(path)), err);
}

/* A store of folders: the folder itself is the connection's root. */
static int open_folders(const struct sat_place *place, struct sat_conns *conns,
                        struct sat_target *target, satchel_error *err)
{
    struct sat_reach reach;
    const char *slash = sat_str_ends(place->uri.path, "/") ? "" : "/";
    SAT_AUTO_FREE char *folder = sat_strf("%s%s", place->uri.path, slash);
    if (folder == NULL)
        return sat_error_nomem(err);
    int code = sat_conns_reach(conns, place, folder, strlen(folder), &reach, err);
    if (code != SATCHEL_OK)
        return code;
    struct sat_op op = {.kind = SAT_OP_BUCKET_STAT, .conn = reach.conn};
    bool exists = sat_op_run(&op, NULL) == SATCHEL_OK;
    sat_op_fini(&op);
    target->folder = target->folder || *slash == '\0' || exists;
    const char *path = target->folder ? folder : place->uri.path;
    size_t base_len = sat_path_folder(path, strlen(path));
    code = sat_conns_reach(conns, place, path, base_len, &reach, err);
    if (code != SATCHEL_OK)
        return code;
    target->conn = reach.conn;
    return split(target, path, base_len, err);
}

static int open_bucket(const struct sat_place *place, struct sat_conns *conns,
                       struct sat_target *target, satchel_error *err)
{
    struct sat_reach reach;
    const char *path = place->uri.path;
    int code = sat_conns_reach(conns, place, path, 0, &reach, err);
    if (code != SATCHEL_OK)
        return code;
    target->conn = reach.conn;
    target->folder = target->folder || *path == '\0' || sat_str_ends(path, "/");
    return split(target, path, 0, err);
}

int sat_target_open(const struct sat_place *place, bool folder, struct sat_conns *conns,
                    struct sat_target *target, satchel_error *err)
{
    *target = (struct sat_target){.folder = folder};
    int code = place->backend == NULL        ? open_local(place->uri.path, target, err)
               : place->backend->has_buckets ? open_bucket(place, conns, target, err)
                                             : open_folders(place, conns, target, err);
    if (code != SATCHEL_OK)
        sat_target_fini(target);
    return code;
}

int sat_target_land(const struct sat_target *target, const struct sat_item *item, char **landing,
                    satchel_error *err)
{
    const char *glue = "";
    const char *tail = item->name;
    if (!target->folder && item->own_len > 0)
        tail += item->own_len;
    else if (!target->folder)
        glue = "/";
    *landing = sat_strf("%s%s%s", target->head, glue, tail);
    if (*landing == NULL)
        return sat_error_nomem(err);
    if (target->conn != NULL && target->conn->backend->has_buckets)
        return SATCHEL_OK;
    int code = sat_landing_check_name(*landing, err);
    if (code != SATCHEL_OK) {
        sat_free(*landing);
        *landing = NULL;
    }
    return code;
}
