/*
 * The plan of a copy: sources expanded one after the other, one listing or walk open at a time.
 *
 * A source is first looked at (begin_*), which gives a single item, or opens a walk or a listing;
 * from_walk() and from_listing() then turn what it brings into items until it ends.
 */
#include "transfer/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/listing.h"
#include "core/log.h"
#include "core/op.h"
#include "core/os.h"
#include "core/str.h"
#include "transfer/object.h"
#include "transfer/pattern.h"
#include "transfer/walk.h"

struct sat_plan {
    struct sat_plan_options options;
    size_t next_source;
    /* ---- the source under way */
    const char *text; /* as given; NULL = none */
    struct sat_place place;
    char *path;                  /* place's path, for a FOLDER with a '/' at its end */
    size_t folder_len;           /* of `path`: the folder that is walked or listed */
    size_t name_from;            /* names of items begin at this byte of their path */
    size_t own_len;              /* of each name: the folder's own name */
    struct sat_reach reach;      /* store */
    enum satchel_pattern kind;   /* PATTERN: GLOB or REGEX */
    struct sat_pattern *pattern; /* PATTERN */
    bool any_depth;
    unsigned depth;  /* of what a PATTERN matches below its folder, at most */
    bool has_single; /* NAME: `single` is the one item */
    struct sat_item single;
    struct sat_walk *walk;
    struct sat_listing *listing;
    uint64_t found;
    /* ---- all sources */
    const char *folder; /* one that was skipped for want of `recursive` */
    bool brought;       /* anything but skipped items */
};

/* ---- items */

void sat_item_fini(struct sat_item *item)
{
    sat_free(item->source);
    sat_free(item->key);
    sat_free(item->name);
    sat_free(item->err);
    *item = (struct sat_item){0};
}

/* An item that tells of a failure; `source` is borrowed. */
static int failed_item(const char *source, const satchel_error *why, struct sat_item *item,
                       satchel_error *err)
{
    *item = (struct sat_item){.state = SAT_ITEM_FAILED, .source = sat_strdup(source)};
    item->err = sat_malloc(sizeof *item->err);
    if (item->source == NULL || item->err == NULL) {
        sat_item_fini(item);
        return sat_error_nomem(err);
    }
    *item->err = *why;
    return SATCHEL_OK;
}

/* The name of an item at `path`, which goes on with the source's own name. */
static char *name_of(const struct sat_plan *plan, const char *path)
{
    return sat_strdup(path + plan->name_from);
}

static int local_item(const struct sat_plan *plan, const char *path, uint64_t size,
                      struct sat_item *item, satchel_error *err)
{
    *item = (struct sat_item){
        .source = sat_strdup(path),
        .name = name_of(plan, path),
        .root_len = plan->folder_len,
        .own_len = plan->own_len,
        .size = size,
    };
    if (item->source != NULL && item->name != NULL)
        return SATCHEL_OK;
    sat_item_fini(item);
    return sat_error_nomem(err);
}

static int store_item(const struct sat_plan *plan, const char *path, uint64_t size,
                      struct sat_item *item, satchel_error *err)
{
    struct sat_conn *conn = plan->reach.conn;
    const char *rest = path + plan->reach.base_len;
    *item = (struct sat_item){
        .conn = conn,
        .source = sat_strf("%s%s", conn->uri, rest),
        .key = sat_strf("%s%s", conn->root, rest),
        .name = name_of(plan, path),
        .own_len = plan->own_len,
        .size = size,
    };
    if (item->source != NULL && item->key != NULL && item->name != NULL)
        return SATCHEL_OK;
    sat_item_fini(item);
    return sat_error_nomem(err);
}

/* ---- a source begins */

static void end_source(struct sat_plan *plan)
{
    sat_walk_close(plan->walk);
    sat_listing_close(plan->listing);
    sat_pattern_free(plan->pattern);
    sat_place_fini(&plan->place);
    sat_free(plan->path);
    sat_item_fini(&plan->single);
    plan->walk = NULL;
    plan->listing = NULL;
    plan->pattern = NULL;
    plan->path = NULL;
    plan->text = NULL;
    plan->has_single = false;
}

static bool is_local(const struct sat_plan *plan)
{
    return plan->place.backend == NULL;
}

static int nothing_found(const struct sat_plan *plan, satchel_error *err)
{
    if (plan->pattern != NULL)
        return sat_error_set(err, SATCHEL_NOT_FOUND, "nothing matches '%s', taken as a %s",
                             plan->text, sat_pattern_word(plan->kind));
    return sat_error_set(err, SATCHEL_NOT_FOUND, "no such file, object or folder: '%s'",
                         plan->text);
}

static int needs_recursive(const struct sat_plan *plan, satchel_error *err)
{
    return sat_error_set(err, SATCHEL_INVALID,
                         "'%s' is a folder: copy all below it with -r (recursive) or a '/' behind "
                         "its name",
                         plan->text);
}

static void set_own_name(struct sat_plan *plan)
{
    plan->folder_len = 0;
    plan->name_from = sat_path_folder(plan->path, strlen(plan->path));
    plan->own_len = strlen(plan->path) - plan->name_from;
}

static const char *const kind_notes[] = {
    [SAT_WALKED_FOLDER] = "a folder (copy it with -r)",
    [SAT_WALKED_LINK] = "a symbolic link",
    [SAT_WALKED_SPECIAL] = "no regular file",
};

/* Among several sources, as a shell makes them of "*", a folder is skipped; alone it is an error.
 */
static int begin_unwanted_folder(struct sat_plan *plan, satchel_error *err)
{
    if (plan->options.count == 1 || *plan->path == '\0')
        return needs_recursive(plan, err);
    SAT_WARN("skipped '%s': %s", plan->text, kind_notes[SAT_WALKED_FOLDER]);
    set_own_name(plan);
    int code = is_local(plan) ? local_item(plan, plan->path, 0, &plan->single, err)
                              : store_item(plan, plan->path, 0, &plan->single, err);
    plan->single.state = SAT_ITEM_SKIPPED;
    plan->has_single = true;
    plan->folder = plan->text;
    return code;
}

/* A copy into a folder that is being copied would never end. */
static int refuse_cycle(const struct sat_plan *plan, satchel_error *err)
{
    if (plan->options.destination == NULL || !plan->any_depth)
        return SATCHEL_OK;
    SAT_AUTO_FREE char *folder = sat_strndup(plan->path, plan->folder_len);
    struct sat_place place = plan->place;
    place.uri.path = folder;
    SAT_AUTO_FREE char *canonical = folder == NULL ? NULL : sat_place_canonical(&place);
    if (canonical == NULL)
        return sat_error_nomem(err);
    if (!sat_place_contains(canonical, plan->options.destination))
        return SATCHEL_OK;
    return sat_error_set(err, SATCHEL_INVALID, "the destination lies in the source '%s'",
                         plan->text);
}

/* Opens the walk or listing of the folder `path`[0, folder_len). `prefix_len` narrows a listing. */
static int open_folder(struct sat_plan *plan, size_t prefix_len, satchel_error *err)
{
    int code = refuse_cycle(plan, err);
    if (code != SATCHEL_OK)
        return code;
    SAT_AUTO_FREE char *head = sat_strndup(plan->path, plan->folder_len);
    if (head == NULL)
        return sat_error_nomem(err);
    if (is_local(plan))
        return sat_walk_open(head, plan->any_depth ? SAT_WALK_ANY_DEPTH : plan->depth, &plan->walk,
                             err);
    code = sat_conns_reach(plan->options.conns, &plan->place, plan->path, plan->folder_len,
                           &plan->reach, err);
    if (code != SATCHEL_OK)
        return code;
    const struct sat_reach *reach = &plan->reach;
    SAT_AUTO_FREE char *prefix =
        sat_strf("%s%.*s", reach->conn->root, (int)(prefix_len - reach->base_len),
                 plan->path + reach->base_len);
    if (prefix == NULL)
        return sat_error_nomem(err);
    bool one_level = !plan->any_depth && plan->depth == 0;
    return sat_listing_open(reach->conn, SAT_OP_LIST, prefix, one_level ? "/" : NULL,
                            &plan->listing, err);
}

/* `path` names a folder. */
static int begin_folder(struct sat_plan *plan, satchel_error *err)
{
    size_t len = strlen(plan->path);
    bool contents = len == 0 || plan->path[len - 1] == '/';
    size_t own_from = sat_path_folder(plan->path, len);
    const char *own = plan->path + own_from;
    if (sat_str_eq(own, ".") || sat_str_eq(own, ".."))
        contents = true;
    if (len > 0 && plan->path[len - 1] != '/') {
        char *longer = sat_strf("%s/", plan->path);
        if (longer == NULL)
            return sat_error_nomem(err);
        sat_free(plan->path);
        plan->path = longer;
        plan->own_len = contents ? 0 : len - own_from;
        len++;
    }
    plan->folder_len = len;
    plan->name_from = contents ? len : own_from;
    plan->any_depth = true;
    return open_folder(plan, len, err);
}

static unsigned count_slashes(const char *text, size_t len)
{
    unsigned count = 0;
    for (size_t i = 0; i < len; i++)
        count += text[i] == '/' ? 1 : 0;
    return count;
}

/* From here on `path` is the fixed text that all matches begin with. */
static int begin_pattern(struct sat_plan *plan, satchel_error *err)
{
    size_t len = strlen(plan->path);
    SAT_INFO("'%s' is taken as a %s", plan->text, sat_pattern_word(plan->kind));
    bool whole_folders = sat_str_ends(plan->path, "/");
    if (whole_folders)
        plan->path[--len] = '\0';
    int code = sat_pattern_new(plan->path, plan->kind, &plan->pattern, err);
    if (code != SATCHEL_OK) {
        sat_error_prefix(err, "pattern '%s': ", plan->text);
        return code;
    }
    char *fixed = sat_strdup(sat_pattern_fixed(plan->pattern));
    if (fixed == NULL)
        return sat_error_nomem(err);
    size_t fixed_len = strlen(fixed);
    plan->own_len = 0;
    plan->folder_len = sat_path_folder(fixed, fixed_len);
    plan->name_from = plan->folder_len;
    bool crosses = plan->kind == SATCHEL_PATTERN_GLOB && strstr(plan->path, "**") != NULL;
    plan->any_depth = plan->options.recursive || whole_folders || crosses;
    plan->depth = count_slashes(plan->path, len) - count_slashes(fixed, plan->folder_len);
    sat_free(plan->path);
    plan->path = fixed;
    return open_folder(plan, fixed_len, err);
}

static bool may_be_pattern(const struct sat_plan *plan)
{
    return plan->kind != SATCHEL_PATTERN_LITERAL;
}

/* Nothing of exactly that name is there. */
static int begin_other(struct sat_plan *plan, satchel_error *err)
{
    return may_be_pattern(plan) ? begin_pattern(plan, err) : nothing_found(plan, err);
}

static int begin_local(struct sat_plan *plan, satchel_error *err)
{
    struct stat info;
    int result = sat_os_stat(AT_FDCWD, plan->path, 0, &info);
    if (result == -ENOENT || result == -ENOTDIR)
        return begin_other(plan, err);
    if (result < 0)
        return sat_error_os(err, -result, "looking at '%s'", plan->text);
    if (S_ISDIR(info.st_mode)) {
        if (plan->options.recursive || sat_str_ends(plan->path, "/"))
            return begin_folder(plan, err);
        return begin_unwanted_folder(plan, err);
    }
    if (!S_ISREG(info.st_mode))
        return sat_error_set(err, SATCHEL_INVALID, "'%s' is no regular file", plan->text);
    set_own_name(plan);
    plan->has_single = true;
    int code = local_item(plan, plan->path, (uint64_t)info.st_size, &plan->single, err);
    plan->single.named = true;
    return code;
}

/* Whether anything lies below the folder `path` + "/" of a store. */
static int probe_folder(struct sat_plan *plan, bool *there, satchel_error *err)
{
    const struct sat_listed *row = NULL;
    struct sat_listing *listing = NULL;
    const struct sat_reach *reach = &plan->reach;
    const char *slash = sat_str_ends(plan->path, "/") ? "" : "/";
    SAT_AUTO_FREE char *prefix =
        sat_strf("%s%s%s", reach->conn->root, plan->path + reach->base_len, slash);
    if (prefix == NULL)
        return sat_error_nomem(err);
    int code = sat_listing_open(reach->conn, SAT_OP_LIST, prefix, "/", &listing, err);
    if (code == SATCHEL_OK)
        code = sat_listing_next(listing, &row, err);
    sat_listing_close(listing);
    *there = row != NULL;
    /* The bucket or the root folder itself is missing. */
    return code == SATCHEL_NOT_FOUND ? SATCHEL_OK : code;
}

static int begin_maybe_folder(struct sat_plan *plan, bool ends_with_slash, satchel_error *err)
{
    bool there = false;
    int code = probe_folder(plan, &there, err);
    if (code != SATCHEL_OK)
        return code;
    if (!there)
        return begin_other(plan, err);
    if (plan->options.recursive || ends_with_slash)
        return begin_folder(plan, err);
    return begin_unwanted_folder(plan, err);
}

static int begin_store(struct sat_plan *plan, satchel_error *err)
{
    size_t len = strlen(plan->path);
    bool ends_with_slash = sat_str_ends(plan->text, "/");
    if (len == 0 && !ends_with_slash && !plan->options.recursive)
        return needs_recursive(plan, err);
    if (len == 0 || (ends_with_slash && !may_be_pattern(plan)))
        return begin_folder(plan, err);
    set_own_name(plan);
    int code = sat_conns_reach(plan->options.conns, &plan->place, plan->path, plan->name_from,
                               &plan->reach, err);
    if (code != SATCHEL_OK || ends_with_slash)
        return code != SATCHEL_OK ? code : begin_maybe_folder(plan, true, err);
    const struct sat_reach *reach = &plan->reach;
    SAT_AUTO_FREE char *key = sat_strf("%s%s", reach->conn->root, plan->path + reach->base_len);
    if (key == NULL)
        return sat_error_nomem(err);
    struct sat_op op = {.kind = SAT_OP_STAT, .conn = reach->conn, .key = key};
    code = sat_op_run(&op, err);
    uint64_t size = op.info.size;
    sat_op_fini(&op);
    /* INVALID: a folder store says so of a folder. */
    if (code == SATCHEL_NOT_FOUND || code == SATCHEL_INVALID)
        return begin_maybe_folder(plan, false, err);
    if (code != SATCHEL_OK)
        return code;
    plan->has_single = true;
    return store_item(plan, plan->path, size, &plan->single, err);
}

static int begin_source(struct sat_plan *plan, satchel_error *err)
{
    const struct sat_plan_options *options = &plan->options;
    plan->text = options->sources[plan->next_source++];
    plan->found = 0;
    plan->own_len = 0;
    plan->any_depth = false;
    int code = sat_place_parse(plan->text, options->conns->find, &plan->place, err);
    if (code != SATCHEL_OK)
        return code;
    plan->path = sat_strdup(plan->place.uri.path);
    if (plan->path == NULL)
        return sat_error_nomem(err);
    plan->kind = sat_pattern_kind(plan->path, options->pattern);
    if (options->pattern != SATCHEL_PATTERN_AUTO && may_be_pattern(plan))
        return begin_pattern(plan, err);
    code = is_local(plan) ? begin_local(plan, err) : begin_store(plan, err);
    if (may_be_pattern(plan) && plan->pattern == NULL)
        SAT_INFO("'%s' is taken literally", plan->text);
    return code;
}

/* ---- a source goes on */

/* Whether the pattern wants `path`: itself, or with any_depth a folder that it lies in. */
static int is_wanted(const struct sat_plan *plan, const char *path, bool *wanted,
                     satchel_error *err)
{
    const char *below = path + plan->folder_len;
    *wanted = plan->pattern == NULL;
    if (*wanted || (!plan->any_depth && count_slashes(below, strlen(below)) > plan->depth))
        return SATCHEL_OK;
    int code = sat_pattern_match(plan->pattern, sat_span_of(path), wanted, err);
    const char *slash = plan->any_depth ? strchr(below, '/') : NULL;
    for (; code == SATCHEL_OK && !*wanted && slash != NULL; slash = strchr(slash + 1, '/'))
        code = sat_pattern_match(plan->pattern, (satchel_span){path, (size_t)(slash - path)},
                                 wanted, err);
    if (code != SATCHEL_CORRUPT)
        return code;
    SAT_WARN("'%s' is not UTF-8: no regular expression matches it", path);
    return SATCHEL_OK;
}

static int walked_item(const struct sat_plan *plan, const struct sat_walked *found,
                       const char *path, struct sat_item *item, satchel_error *err)
{
    if (found->kind == SAT_WALKED_FAILED)
        return failed_item(path, &found->err, item, err);
    uint64_t size = found->kind == SAT_WALKED_FILE ? (uint64_t)found->info.st_size : 0;
    int code = local_item(plan, path, size, item, err);
    if (code == SATCHEL_OK && found->kind != SAT_WALKED_FILE) {
        item->state = SAT_ITEM_SKIPPED;
        SAT_WARN("skipped '%s': %s", path, kind_notes[found->kind]);
    }
    return code;
}

/* One step of a walk; *have is false when it found nothing that is wanted. */
static int from_walk(struct sat_plan *plan, struct sat_item *item, bool *have, bool *ended,
                     satchel_error *err)
{
    const struct sat_walked *found = NULL;
    int code = sat_walk_next(plan->walk, &found, err);
    *ended = code == SATCHEL_OK && found == NULL;
    if (code != SATCHEL_OK || found == NULL)
        return code;
    SAT_AUTO_FREE char *path = sat_strf("%.*s%s", (int)plan->folder_len, plan->path, found->path);
    if (path == NULL)
        return sat_error_nomem(err);
    *have = found->kind == SAT_WALKED_FAILED;
    if (!*have)
        code = is_wanted(plan, path, have, err);
    return *have ? walked_item(plan, found, path, item, err) : code;
}

/* An object that stands for its folder, as consoles make them: nothing to copy. */
static bool is_marker(const char *path, uint64_t size)
{
    return size == 0 && (*path == '\0' || sat_str_ends(path, "/"));
}

static int from_listing(struct sat_plan *plan, struct sat_item *item, bool *have, bool *ended,
                        satchel_error *err)
{
    const struct sat_listed *row = NULL;
    int code = sat_listing_next(plan->listing, &row, err);
    *ended = code == SATCHEL_OK && row == NULL;
    if (code != SATCHEL_OK || row == NULL)
        return code;
    SAT_AUTO_FREE char *path = sat_strf("%.*s%s", (int)plan->reach.base_len, plan->path,
                                        row->key + strlen(plan->reach.conn->root));
    if (path == NULL)
        return sat_error_nomem(err);
    *have = false;
    if (!row->is_prefix)
        code = is_wanted(plan, path, have, err);
    if (!*have)
        return code;
    code = store_item(plan, path, row->size, item, err);
    if (code == SATCHEL_OK && is_marker(path + plan->folder_len, row->size)) {
        item->state = SAT_ITEM_SKIPPED;
        SAT_INFO("skipped '%s': an empty object that marks a folder", item->source);
    }
    return code;
}

/* ---- the stream */

int sat_plan_new(const struct sat_plan_options *options, struct sat_plan **plan, satchel_error *err)
{
    struct sat_plan *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    made->options = *options;
    *plan = made;
    return SATCHEL_OK;
}

void sat_plan_free(struct sat_plan *plan)
{
    if (plan == NULL)
        return;
    end_source(plan);
    sat_free(plan);
}

/* One step of the source under way. */
static int step(struct sat_plan *plan, struct sat_item *item, bool *have, bool *ended,
                satchel_error *err)
{
    *have = false;
    if (plan->walk != NULL)
        return from_walk(plan, item, have, ended, err);
    if (plan->listing != NULL)
        return from_listing(plan, item, have, ended, err);
    *have = plan->has_single;
    *ended = !plan->has_single;
    if (plan->has_single) {
        *item = plan->single;
        plan->single = (struct sat_item){0};
        plan->has_single = false;
    }
    return SATCHEL_OK;
}

/* The source came to its end, or to grief: the failure is its last item. */
static int fail_source(struct sat_plan *plan, const satchel_error *why, struct sat_item *item,
                       satchel_error *err)
{
    int code = why->code == SATCHEL_NOMEM ? sat_error_copy(err, why)
                                          : failed_item(plan->text, why, item, err);
    end_source(plan);
    return code;
}

/* Nothing but folders that were skipped is a failure after all, the last item. */
static int end_plan(struct sat_plan *plan, struct sat_item *item, bool *more, satchel_error *err)
{
    satchel_error why = {0};
    *more = plan->folder != NULL && !plan->brought;
    if (!*more)
        return SATCHEL_OK;
    plan->text = plan->folder;
    plan->folder = NULL;
    (void)needs_recursive(plan, &why);
    return fail_source(plan, &why, item, err);
}

int sat_plan_next(struct sat_plan *plan, struct sat_item *item, bool *more, satchel_error *err)
{
    satchel_error why = {0};
    *item = (struct sat_item){0};
    *more = true;
    for (;;) {
        bool have = false;
        bool ended = false;
        if (plan->text == NULL && plan->next_source == plan->options.count)
            return end_plan(plan, item, more, err);
        int code = plan->text == NULL ? begin_source(plan, &why) : SATCHEL_OK;
        if (code == SATCHEL_OK)
            code = step(plan, item, &have, &ended, &why);
        if (code == SATCHEL_OK && ended && plan->found == 0)
            code = nothing_found(plan, &why);
        if (code != SATCHEL_OK)
            return fail_source(plan, &why, item, err);
        plan->found += have ? 1 : 0;
        plan->brought = plan->brought || (have && item->state != SAT_ITEM_SKIPPED);
        if (ended)
            end_source(plan);
        if (have)
            return SATCHEL_OK;
    }
}
