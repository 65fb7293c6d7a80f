/* ls: what is below a URI, one level or all of it. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "out.h"
#include "place.h"
#include "units.h"

struct listing {
    struct cli_call *call;
    const char *base; /* URI in front of each key */
    size_t shown;     /* bytes of a key that are not shown: the prefix that was asked for */
    bool terminal;
};

static void add_json(const struct listing *listing, const satchel_entry *entry)
{
    struct cli_text uri = {0};
    struct cli_text more = {0};
    cli_text_addf(&uri, "%s%s", listing->base, entry->key);
    cli_text_str(&more, ",\"name\":");
    cli_text_json(&more, entry->key + listing->shown);
    if (!entry->is_prefix) {
        cli_text_str(&more, ",\"mtime\":\"");
        cli_units_date(&more, entry->mtime_ns);
        cli_text_str(&more, "\",\"etag\":");
        cli_text_json(&more, entry->etag);
    }
    const struct cli_event event = {.op = entry->is_prefix ? "ls-prefix" : "ls",
                                    .source = uri.data,
                                    .bytes = entry->size,
                                    .more = &more};
    cli_event_print(&event);
    cli_text_free(&uri);
    cli_text_free(&more);
}

static void add_plain(const struct listing *listing, const satchel_entry *entry)
{
    struct cli_text line = {0};
    if (listing->call->options.long_form && entry->is_prefix)
        cli_text_addf(&line, "%14s  %20s  ", "-", "-");
    else if (listing->call->options.long_form) {
        cli_text_addf(&line, "%14" PRIu64 "  ", entry->size);
        cli_units_date(&line, entry->mtime_ns);
        cli_text_str(&line, "  ");
    }
    size_t name = line.len;
    cli_text_str(&line, entry->key + listing->shown);
    /* A terminal would obey what stands in a name. */
    for (size_t i = name; listing->terminal && i < line.len; i++) {
        if ((unsigned char)line.data[i] < 0x20 || line.data[i] == 0x7F)
            line.data[i] = '?';
    }
    cli_text_str(&line, "\n");
    (void)cli_out_text(&line);
    cli_text_free(&line);
}

/* Prints all entries and closes the cursor. */
static int print_all(const struct listing *listing, satchel_cursor *cursor, satchel_error *err)
{
    const satchel_entry *entry = NULL;
    int code = satchel_cursor_next(cursor, &entry, err);
    while (code == SATCHEL_OK && entry != NULL && cli_out_ok()) {
        if (listing->call->options.json)
            add_json(listing, entry);
        else
            add_plain(listing, entry);
        listing->call->summary.objects_done++;
        listing->call->summary.bytes_done += entry->size;
        code = satchel_cursor_next(cursor, &entry, err);
    }
    satchel_cursor_close(cursor);
    return code;
}

static int list_buckets(struct cli_call *call, const char *uri, satchel_error *err)
{
    const struct listing listing = {call, uri, 0, isatty(STDOUT_FILENO) == 1};
    satchel_store *store = NULL;
    satchel_cursor *cursor = NULL;
    int code = cli_open(call, uri, &store, err);
    if (code == SATCHEL_OK)
        code = satchel_bucket_list(store, &cursor, err);
    if (code == SATCHEL_OK)
        code = print_all(&listing, cursor, err);
    satchel_store_close(store);
    return code;
}

/* Everything below `prefix` of the store at `base`. */
static int list_below(struct cli_call *call, const char *base, const char *prefix,
                      satchel_error *err)
{
    const struct listing listing = {call, base, strlen(prefix), isatty(STDOUT_FILENO) == 1};
    satchel_store *store = NULL;
    satchel_cursor *cursor = NULL;
    int code = cli_open(call, base, &store, err);
    if (code == SATCHEL_OK && strncmp(base, "file://", 7) == 0)
        code = satchel_bucket_stat(store, err); /* an empty folder is not a missing one */
    if (code == SATCHEL_OK)
        code = satchel_list(store, prefix, call->options.recursive, &cursor, err);
    if (code == SATCHEL_OK)
        code = print_all(&listing, cursor, err);
    satchel_store_close(store);
    return code;
}

/* One object, by its own name. */
static int list_object(struct cli_call *call, const struct cli_place *place, satchel_error *err)
{
    const char *slash = strrchr(place->key, '/');
    const struct listing listing = {call, place->root,
                                    slash != NULL ? (size_t)(slash - place->key) + 1 : 0,
                                    isatty(STDOUT_FILENO) == 1};
    satchel_store *store = NULL;
    satchel_info info = {0};
    int code = cli_open(call, place->root, &store, err);
    if (code == SATCHEL_OK)
        code = satchel_stat(store, place->key, &info, err);
    if (code == SATCHEL_OK) {
        const satchel_entry entry = {place->key, info.etag, info.size, info.mtime_ns, 0};
        call->summary.objects_done++;
        call->summary.bytes_done += info.size;
        if (call->options.json)
            add_json(&listing, &entry);
        else
            add_plain(&listing, &entry);
    }
    satchel_info_free(&info);
    satchel_store_close(store);
    return code;
}

/* A folder or prefix of that name, else the object of that name. */
static int list_place(struct cli_call *call, const struct cli_place *place, satchel_error *err)
{
    size_t len = strlen(place->key);
    bool named = len > 0 && place->key[len - 1] != '/';
    struct cli_text folder = {0};
    cli_text_addf(&folder, "%s%s", place->local ? place->root : "", place->key);
    if (named)
        cli_text_str(&folder, "/");
    int code = place->local ? list_below(call, folder.data, "", err)
                            : list_below(call, place->root, folder.data, err);
    cli_text_free(&folder);
    bool nothing = code == SATCHEL_NOT_FOUND ||
                   (code == SATCHEL_OK && !place->local && call->summary.objects_done == 0);
    if (nothing && named)
        return list_object(call, place, err);
    if (nothing && code == SATCHEL_OK && len > 0)
        return cli_error_set(err, SATCHEL_NOT_FOUND, "nothing is below '%s'", place->uri);
    return code;
}

int cli_cmd_ls(struct cli_call *call)
{
    satchel_error err = {0};
    struct cli_place place;
    cli_place_init(&place, call->operands[0]);
    size_t len = strlen(place.uri);
    bool buckets = !place.local && len >= 3 && strcmp(place.uri + len - 3, "://") == 0;
    int code = buckets ? list_buckets(call, place.uri, &err) : list_place(call, &place, &err);
    int status = code == SATCHEL_OK ? CLI_OK : cli_report(call, place.uri, &err);
    cli_place_fini(&place);
    return status;
}
