/*
 * Walking a local folder.
 *
 * Each level keeps its folder open and enters the next one from there without following links, so
 * a folder that is swapped for a link during the walk leads nowhere.
 */
#include "transfer/walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/os.h"
#include "core/str.h"
#include "core/vec.h"
#include "transfer/landing.h"

static const size_t names_max = (size_t)1 << 31;

struct level {
    int fd;
    struct sat_buf names; /* NUL-terminated, one after the other */
    struct sat_vec order; /* uint32_t: offsets in names, in byte order */
    size_t at;
    size_t path_len; /* of the folder's own path, with its '/' */
};

struct sat_walk {
    char *root; /* for messages */
    unsigned max_depth;
    struct sat_vec levels; /* struct level */
    struct sat_buf path;   /* of what was found */
    struct sat_walked found;
};

static struct level *top(const struct sat_walk *walk)
{
    size_t depth = walk->levels.len;
    return depth == 0 ? NULL : sat_vec_at(&walk->levels, depth - 1);
}

static void level_fini(struct level *level)
{
    (void)sat_os_close(level->fd);
    sat_buf_fini(&level->names);
    sat_vec_fini(&level->order);
}

void sat_walk_close(struct sat_walk *walk)
{
    if (walk == NULL)
        return;
    for (size_t i = 0; i < walk->levels.len; i++)
        level_fini(sat_vec_at(&walk->levels, i));
    sat_vec_fini(&walk->levels);
    sat_buf_fini(&walk->path);
    sat_free(walk->root);
    sat_free(walk);
}

/* ---- reading one folder */

static int add_name(struct level *level, const char *name)
{
    if (sat_landing_is_ours(name))
        return SATCHEL_OK;
    uint32_t offset = (uint32_t)level->names.len;
    if (sat_buf_add(&level->names, name, strlen(name) + 1) != SATCHEL_OK)
        return level->names.failed;
    return sat_vec_push(&level->order, &offset) == NULL ? SATCHEL_NOMEM : SATCHEL_OK;
}

static int by_name(const void *a, const void *b, void *names)
{
    return strcmp((const char *)names + *(const uint32_t *)a,
                  (const char *)names + *(const uint32_t *)b);
}

/* 0 or -errno: NOMEM is -ENOMEM, too many names -EFBIG. */
static int read_names(struct level *level)
{
    struct sat_os_dir *dir = NULL;
    const char *name;
    int code = SATCHEL_OK;
    int result = sat_os_dup(level->fd);
    if (result >= 0)
        result = sat_os_dir_from_fd(result, &dir);
    while (result >= 0 && code == SATCHEL_OK) {
        result = sat_os_dir_next(dir, &name, NULL);
        if (result <= 0)
            break;
        code = add_name(level, name);
    }
    sat_os_dir_close(dir);
    if (code != SATCHEL_OK)
        return code == SATCHEL_LIMIT ? -EFBIG : -ENOMEM;
    if (level->order.len > 1)
        qsort_r(level->order.data, level->order.len, sizeof(uint32_t), by_name, level->names.data);
    return result;
}

/* Goes down into the open folder whose path is walk->path; takes `fd` over. 0 or -errno. */
static int push(struct sat_walk *walk, int fd)
{
    struct level level = {.fd = fd, .path_len = walk->path.len};
    sat_buf_init(&level.names, names_max);
    sat_vec_init(&level.order, sizeof(uint32_t));
    int result = read_names(&level);
    if (result >= 0 && sat_vec_push(&walk->levels, &level) == NULL)
        result = -ENOMEM;
    if (result < 0)
        level_fini(&level);
    return result;
}

static int cannot_list(const struct sat_walk *walk, int result, satchel_error *err)
{
    const char *below = sat_buf_str(&walk->path);
    const char *root = *walk->root == '\0' && *below == '\0' ? "." : walk->root;
    if (result == -ENOENT || result == -ENOTDIR)
        return sat_error_set(err, SATCHEL_NOT_FOUND, "no such folder: '%s%s'", root, below);
    return sat_error_os(err, -result, "listing '%s%s'", root, below);
}

int sat_walk_open(const char *root, unsigned max_depth, struct sat_walk **walk, satchel_error *err)
{
    struct sat_walk *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    made->max_depth = max_depth;
    sat_vec_init(&made->levels, sizeof(struct level));
    sat_buf_init(&made->path, SAT_BUF_MAX_TEXT);
    made->root = sat_strdup(root);
    int result = made->root == NULL ? -ENOMEM : 0;
    if (result == 0)
        result = sat_os_open(AT_FDCWD, *root == '\0' ? "." : root, O_RDONLY | O_DIRECTORY, 0);
    if (result >= 0)
        result = push(made, result);
    if (result >= 0) {
        *walk = made;
        return SATCHEL_OK;
    }
    int code = made->root == NULL ? sat_error_nomem(err) : cannot_list(made, result, err);
    sat_walk_close(made);
    return code;
}

/* ---- the walk */

static bool vanished(int result)
{
    return result == -ENOENT || result == -ELOOP || result == -ENOTDIR;
}

/* Enters the folder `name` of the top level. *report: it could not be read, tell so. */
static int enter(struct sat_walk *walk, const char *name, bool *report, satchel_error *err)
{
    int fd = sat_os_open(top(walk)->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (vanished(fd))
        return SATCHEL_OK;
    (void)sat_buf_add_char(&walk->path, '/');
    int code = sat_buf_check(&walk->path, "path", err);
    int result = fd < 0 ? fd : code == SATCHEL_OK ? push(walk, fd) : sat_os_close(fd);
    if (code != SATCHEL_OK || result >= 0)
        return code;
    if (result == -ENOMEM)
        return sat_error_nomem(err);
    walk->found.kind = SAT_WALKED_FAILED;
    (void)cannot_list(walk, result, &walk->found.err);
    *report = true;
    return SATCHEL_OK;
}

/* Judges the entry `name`; *report is set when there is something to tell. */
static int judge(struct sat_walk *walk, const char *name, bool *report, satchel_error *err)
{
    struct stat *info = &walk->found.info;
    int result = sat_os_stat(top(walk)->fd, name, AT_SYMLINK_NOFOLLOW, info);
    if (vanished(result))
        return SATCHEL_OK;
    *report = true;
    if (result < 0) {
        walk->found.kind = SAT_WALKED_FAILED;
        (void)cannot_list(walk, result, &walk->found.err);
    } else if (S_ISREG(info->st_mode)) {
        walk->found.kind = SAT_WALKED_FILE;
    } else if (S_ISLNK(info->st_mode)) {
        walk->found.kind = SAT_WALKED_LINK;
    } else if (!S_ISDIR(info->st_mode)) {
        walk->found.kind = SAT_WALKED_SPECIAL;
    } else if (walk->levels.len > walk->max_depth) {
        walk->found.kind = SAT_WALKED_FOLDER;
    } else {
        *report = false;
        return enter(walk, name, report, err);
    }
    return SATCHEL_OK;
}

static void pop(struct sat_walk *walk)
{
    level_fini(top(walk));
    walk->levels.len--;
}

/* walk->path becomes that of the top level's folder and `name`. */
static int set_path(struct sat_walk *walk, const char *name, satchel_error *err)
{
    walk->path.len = top(walk)->path_len;
    (void)sat_buf_add_str(&walk->path, name);
    return sat_buf_check(&walk->path, "path", err);
}

int sat_walk_next(struct sat_walk *walk, const struct sat_walked **found, satchel_error *err)
{
    bool report = false;
    *found = NULL;
    while (!report && top(walk) != NULL) {
        struct level *level = top(walk);
        if (level->at == level->order.len) {
            pop(walk);
            continue;
        }
        const char *name =
            level->names.data + *(const uint32_t *)sat_vec_at(&level->order, level->at++);
        int code = set_path(walk, name, err);
        if (code == SATCHEL_OK)
            code = judge(walk, name, &report, err);
        if (code != SATCHEL_OK)
            return code;
    }
    if (report) {
        walk->found.path = sat_buf_str(&walk->path);
        *found = &walk->found;
    }
    return SATCHEL_OK;
}
