/*
 * LIST of the file backend: keys in byte order, one folder's names in memory for each level.
 *
 * (1) The names of a folder are sorted with a '/' behind those of its folders, which is the order
 *     of the keys below them. (2) The cursor stays with the listing from page to page, so a large
 *     folder is read once; a page asked for without it begins anew behind its token. (3) A folder
 *     that cannot be read is an error, never a gap: somebody may delete what a listing lacks.
 * (4) Symbolic links and special files are skipped; what vanishes during the listing may be listed
 *     or not. (5) A common prefix is listed only when there is a key below it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/file.h"
#include "backends/local.h"
#include "core/alloc.h"
#include "core/backend.h"
#include "core/error.h"
#include "core/str.h"

enum { KEY_MAX = 16 * 1024 };
static const size_t names_max = (size_t)1 << 31;

/* One folder on the way down. */
struct level {
    int fd;
    bool sweep;           /* what killed writers left here is removed */
    struct sat_buf names; /* NUL-terminated, folders with a '/' at the end */
    struct sat_vec order; /* uint32_t: offsets in names, in order */
    size_t at;            /* the next one */
    size_t key_len;       /* of the folder's own key, with its '/' */
};

struct cursor {
    struct sat_file_state *state;
    struct sat_vec levels; /* struct level */
    struct sat_buf key;    /* what next() found, or the key of the folder it is in */
    char *prefix;
    char *from;  /* only keys greater than this; NULL = all */
    bool rolled; /* from is a common prefix: no keys below it either */
    char *token; /* that the next page must come with */
};

/* What next() found. */
struct found {
    struct stat info;
    char etag[SAT_FILE_ETAG_SIZE];
};

/* ---- levels */

static struct level *top(const struct cursor *cursor)
{
    size_t depth = cursor->levels.len;
    return depth == 0 ? NULL : sat_vec_at(&cursor->levels, depth - 1);
}

static void level_fini(struct level *level)
{
    (void)sat_os_close(level->fd);
    sat_buf_fini(&level->names);
    sat_vec_fini(&level->order);
}

static void pop(struct cursor *cursor)
{
    level_fini(top(cursor));
    cursor->levels.len--;
}

/* Cuts the cursor's key to the folder's own. */
static void cut_key(struct cursor *cursor, size_t len)
{
    cursor->key.len = len;
    if (cursor->key.data != NULL)
        cursor->key.data[len] = '\0';
}

/* Whether the listing has anything to do with `name` ('/' behind a folder's) of the folder `key`.
 */
static bool wanted(const struct cursor *cursor, const char *key, const char *name)
{
    size_t len = strlen(key);
    if (strlen(cursor->prefix) > len && !sat_str_starts(name, cursor->prefix + len))
        return false;
    if (cursor->from == NULL)
        return true;
    if (!sat_str_starts(cursor->from, key))
        return strcmp(key, cursor->from) > 0;
    const char *from = cursor->from + len;
    if (strcmp(name, from) > 0)
        return true;
    /* Keys below the folder may still be greater than it. */
    bool above = sat_str_ends(name, "/") && sat_str_starts(from, name);
    return above && !(cursor->rolled && sat_str_eq(from, name));
}

/* The type of an entry: DT_REG, DT_DIR, or DT_UNKNOWN for what is not listed. */
static unsigned char type_of(int dirfd, const char *name, unsigned char type)
{
    struct stat info;
    if (type == DT_UNKNOWN && sat_os_stat(dirfd, name, AT_SYMLINK_NOFOLLOW, &info) == 0)
        type = S_ISDIR(info.st_mode) ? DT_DIR : S_ISREG(info.st_mode) ? DT_REG : DT_UNKNOWN;
    return type == DT_REG || type == DT_DIR ? type : DT_UNKNOWN;
}

/* Adds the name if the listing wants it: OK, NOMEM or LIMIT. */
static int add_name(const struct cursor *cursor, struct level *level, const char *name,
                    unsigned char type)
{
    if (sat_os_is_own_name(name)) {
        if (level->sweep)
            sat_file_sweep_name(level->fd, name);
        return SATCHEL_OK;
    }
    type = type_of(level->fd, name, type);
    if (type == DT_UNKNOWN)
        return SATCHEL_OK;
    uint32_t offset = (uint32_t)level->names.len;
    (void)sat_buf_add_str(&level->names, name);
    if (type == DT_DIR)
        (void)sat_buf_add_char(&level->names, '/');
    (void)sat_buf_add_char(&level->names, '\0');
    if (level->names.failed != SATCHEL_OK)
        return level->names.failed;
    if (!wanted(cursor, sat_buf_str(&cursor->key), level->names.data + offset)) {
        level->names.len = offset;
        return SATCHEL_OK;
    }
    return sat_vec_push(&level->order, &offset) == NULL ? SATCHEL_NOMEM : SATCHEL_OK;
}

static int by_name(const void *a, const void *b, void *names)
{
    return strcmp((const char *)names + *(const uint32_t *)a,
                  (const char *)names + *(const uint32_t *)b);
}

static int read_names(const struct cursor *cursor, struct level *level, satchel_error *err)
{
    struct sat_os_dir *dir = NULL;
    const char *name;
    unsigned char type;
    int code = SATCHEL_OK;
    int result = sat_os_dup(level->fd);
    if (result >= 0)
        result = sat_os_dir_from_fd(result, &dir);
    while (result >= 0 && code == SATCHEL_OK) {
        result = sat_os_dir_next(dir, &name, &type);
        if (result <= 0)
            break;
        code = add_name(cursor, level, name, type);
    }
    sat_os_dir_close(dir);
    if (result < 0)
        return sat_file_fail(err, result, "listing", sat_buf_str(&cursor->key));
    if (code == SATCHEL_LIMIT)
        return sat_error_set(err, code, "listing file:///%s: too many names",
                             sat_buf_str(&cursor->key));
    if (code != SATCHEL_OK)
        return sat_error_nomem(err);
    if (level->order.len > 1)
        qsort_r(level->order.data, level->order.len, sizeof(uint32_t), by_name, level->names.data);
    return SATCHEL_OK;
}

/* Goes down into the open folder, whose key is the cursor's key; takes `fd` over. */
static int push(struct cursor *cursor, int fd, satchel_error *err)
{
    struct level level = {
        .fd = fd, .sweep = sat_file_sweep_listed(cursor->state, fd), .key_len = cursor->key.len};
    sat_buf_init(&level.names, names_max);
    sat_vec_init(&level.order, sizeof(uint32_t));
    int code = read_names(cursor, &level, err);
    if (code == SATCHEL_OK && sat_vec_push(&cursor->levels, &level) == NULL)
        code = sat_error_nomem(err);
    if (code != SATCHEL_OK)
        level_fini(&level);
    return code;
}

/* ---- the walk */

/* Gone, or swapped for something that is not listed: true = skip it. */
static bool vanished(int result)
{
    return result == -ENOENT || result == -ELOOP || result == -ENOTDIR;
}

static int enter(struct cursor *cursor, const char *name, satchel_error *err)
{
    SAT_AUTO_FREE char *plain = sat_strndup(name, strlen(name) - 1);
    if (plain == NULL)
        return sat_error_nomem(err);
    int fd = sat_os_open(top(cursor)->fd, plain, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0);
    if (vanished(fd))
        return SATCHEL_OK;
    if (fd < 0)
        return sat_file_fail(err, fd, "listing", sat_buf_str(&cursor->key));
    return push(cursor, fd, err);
}

/* Describes the file; *there is false when it vanished. MODIFIED when it was replaced just now. */
static int describe_once(const struct cursor *cursor, const char *name, struct found *found,
                         bool *there, satchel_error *err)
{
    int dirfd = top(cursor)->fd;
    const struct sat_file_place place = {.dirfd = dirfd, .name = name};
    SAT_AUTO_FD int fd = sat_os_open(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
    int result = fd == -EACCES ? sat_os_stat(dirfd, name, AT_SYMLINK_NOFOLLOW, &found->info)
                 : fd < 0      ? fd
                               : sat_os_fstat(fd, &found->info);
    *there = result == 0 && S_ISREG(found->info.st_mode);
    if (result < 0 && !vanished(result))
        return sat_file_fail(err, result, "listing", sat_buf_str(&cursor->key));
    if (!*there)
        return SATCHEL_OK;
    if (fd >= 0)
        return sat_file_attr_etag(&place, fd, &found->info, found->etag, err);
    sat_file_etag_weak(&found->info, found->etag);
    return SATCHEL_OK;
}

static int describe(const struct cursor *cursor, const char *name, struct found *found, bool *there,
                    satchel_error *err)
{
    int code;
    int tries = 0;
    do
        code = describe_once(cursor, name, found, there, err);
    while (sat_file_again(code, &tries, err));
    return code;
}

/* The next file in cursor->key and *found; *more is false at the end. */
static int next(struct cursor *cursor, struct found *found, bool *more, satchel_error *err)
{
    for (*more = false; !*more && top(cursor) != NULL;) {
        struct level *level = top(cursor);
        cut_key(cursor, level->key_len);
        if (level->at == level->order.len) {
            pop(cursor);
            continue;
        }
        const char *name =
            level->names.data + *(const uint32_t *)sat_vec_at(&level->order, level->at++);
        (void)sat_buf_add_str(&cursor->key, name);
        int code = sat_buf_check(&cursor->key, "key", err);
        if (code == SATCHEL_OK && sat_str_ends(name, "/"))
            code = enter(cursor, name, err);
        else if (code == SATCHEL_OK)
            code = describe(cursor, name, found, more, err);
        if (code != SATCHEL_OK)
            return code;
    }
    return SATCHEL_OK;
}

/* What next() found is for the next page. */
static void put_back(const struct cursor *cursor)
{
    top(cursor)->at--;
}

/* ---- cursors */

void sat_file_list_close(void *cursor)
{
    struct cursor *old = cursor;
    if (old == NULL)
        return;
    while (top(old) != NULL)
        pop(old);
    sat_vec_fini(&old->levels);
    sat_buf_fini(&old->key);
    sat_free(old->prefix);
    sat_free(old->from);
    sat_free(old->token);
    sat_free(old);
}

/* Opens the deepest folder that the prefix names; nothing to list when it is not there. */
static int begin(struct cursor *cursor, const struct sat_op *op, satchel_error *err)
{
    const char *root = op->conn->root;
    const char *slash = strrchr(op->list.prefix, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash + 1 - op->list.prefix);
    (void)sat_buf_add(&cursor->key, op->list.prefix, len);
    int code = sat_buf_check(&cursor->key, "prefix", err);
    if (code != SATCHEL_OK)
        return code;
    SAT_AUTO_FD int base = sat_file_open_folder(root, "", O_PATH);
    if (base < 0)
        return sat_file_fail(err, base, "listing", root);
    const char *sub = sat_buf_str(&cursor->key) + strlen(root);
    int fd = sat_file_open_folder(root, sub, O_RDONLY);
    if (fd == -ENOENT || fd == -ENOTDIR)
        return SATCHEL_OK;
    return fd < 0 ? sat_file_fail(err, fd, "listing", op->list.prefix) : push(cursor, fd, err);
}

static int cursor_new(struct sat_file_state *state, const struct sat_op *op, struct cursor **out,
                      satchel_error *err)
{
    const char *from = sat_local_list_from(op);
    struct cursor *cursor = sat_calloc(1, sizeof *cursor);
    if (cursor == NULL)
        return sat_error_nomem(err);
    cursor->state = state;
    sat_vec_init(&cursor->levels, sizeof(struct level));
    sat_buf_init(&cursor->key, KEY_MAX);
    cursor->rolled = sat_local_token_rolled(op);
    cursor->prefix = sat_strdup(op->list.prefix);
    cursor->from = from == NULL ? NULL : sat_strdup(from);
    int code = SATCHEL_OK;
    if (cursor->prefix == NULL || (from != NULL && cursor->from == NULL))
        code = sat_error_nomem(err);
    if (code == SATCHEL_OK)
        code = begin(cursor, op, err);
    if (code == SATCHEL_OK)
        *out = cursor;
    else
        sat_file_list_close(cursor);
    return code;
}

/* The cursor that came with the op if it stands where the token says, else a new one. */
static int cursor_for(struct sat_file_state *state, struct sat_op *op, struct cursor **out,
                      satchel_error *err)
{
    struct cursor *kept = op->list_cursor;
    op->list_cursor = NULL;
    if (kept != NULL && op->list.token != NULL && sat_str_eq(op->list.token, kept->token) &&
        sat_str_eq(op->list.prefix, kept->prefix)) {
        *out = kept;
        return SATCHEL_OK;
    }
    sat_file_list_close(kept);
    return cursor_new(state, op, out, err);
}

/* ---- pages */

/* The folder of a common prefix is done with once it is listed. */
static void leave(struct cursor *cursor, size_t key_len)
{
    while (top(cursor) != NULL && top(cursor)->key_len >= key_len)
        pop(cursor);
}

static int add_entry(struct sat_op *op, struct cursor *cursor, const struct found *found,
                     satchel_error *err)
{
    const struct sat_entry rolled = {.is_prefix = true};
    const struct sat_entry whole = {
        .size = (uint64_t)found->info.st_size,
        .mtime_ns = sat_file_mtime_ns(&found->info),
    };
    satchel_span key = sat_buf_span(&cursor->key);
    size_t cut = sat_local_common_prefix(op, sat_buf_str(&cursor->key));
    int code = SATCHEL_OK;
    if (cut == 0) {
        code = sat_page_add(&op->page, key, found->etag, &whole);
    } else {
        code = sat_page_add(&op->page, (satchel_span){key.data, cut}, NULL, &rolled);
        leave(cursor, cut);
    }
    return code == SATCHEL_OK ? code : sat_error_nomem(err);
}

/* Ends the page that is full; the cursor stays for the next one. */
static int keep(struct sat_op *op, struct cursor *cursor, satchel_error *err)
{
    put_back(cursor);
    int code = sat_local_page_full(op, err);
    if (code != SATCHEL_OK)
        return code;
    sat_free(cursor->token);
    cursor->token = sat_strdup(op->page.next);
    if (cursor->token == NULL)
        return sat_error_nomem(err);
    op->list_cursor = cursor;
    return SATCHEL_OK;
}

static int fill_page(struct sat_op *op, struct cursor *cursor, satchel_error *err)
{
    unsigned room = sat_local_page_size(op, SAT_FILE_LIST_PAGE);
    for (;;) {
        struct found found;
        bool more;
        int code = next(cursor, &found, &more, err);
        if (code != SATCHEL_OK || !more)
            return code;
        if (op->page.entries.len == room)
            return keep(op, cursor, err);
        code = add_entry(op, cursor, &found, err);
        if (code == SATCHEL_OK)
            code = sat_local_alive(op, err);
        if (code != SATCHEL_OK)
            return code;
    }
}

int sat_file_list(void *state, struct sat_op *op, satchel_error *err)
{
    struct cursor *cursor = NULL;
    sat_page_reset(&op->page);
    if (!sat_str_starts(op->list.prefix, op->conn->root))
        return sat_error_set(err, SATCHEL_INVALID, "prefix '%s' is not below the folder /%s",
                             op->list.prefix, op->conn->root);
    int code = cursor_for(state, op, &cursor, err);
    if (code != SATCHEL_OK)
        return code;
    code = fill_page(op, cursor, err);
    if (op->list_cursor == NULL)
        sat_file_list_close(cursor);
    return code;
}
