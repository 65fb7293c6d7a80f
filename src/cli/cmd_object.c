/* stat, cat, put, mb: one object or bucket. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out.h"
#include "place.h"
#include "units.h"

enum { PIECE = 8 * 1024 * 1024, PUT_PIECE = 256 * 1024 };

/* Opens the store of an operand; *place is to be released whatever is returned. */
static int open_place(struct cli_call *call, struct cli_place *place, satchel_store **store,
                      satchel_error *err)
{
    cli_place_init(place, call->operands[0]);
    return cli_open(call, place->root, store, err);
}

static int close_place(struct cli_call *call, struct cli_place *place, satchel_store *store,
                       int code, const satchel_error *err)
{
    int status = code == SATCHEL_OK ? CLI_OK : cli_report(call, place->uri, err);
    satchel_store_close(store);
    cli_place_fini(place);
    return status;
}

/* ---- stat */

static void print_info(const struct cli_place *place, const satchel_info *info)
{
    struct cli_text out = {0};
    cli_text_addf(&out, "uri: %s\nsize: %" PRIu64 "\nmodified: ", place->uri, info->size);
    cli_units_date(&out, info->mtime_ns);
    cli_text_addf(&out, "\netag: %s\n", info->etag);
    if (info->content_type != NULL)
        cli_text_addf(&out, "type: %s\n", info->content_type);
    for (size_t i = 0; i < info->metadata.count; i++)
        cli_text_addf(&out, "metadata: %s=%s\n", info->metadata.items[i].key,
                      info->metadata.items[i].value);
    (void)cli_out_text(&out);
    cli_text_free(&out);
}

static void print_info_json(const struct cli_place *place, const satchel_info *info)
{
    struct cli_text more = {0};
    cli_text_str(&more, ",\"mtime\":\"");
    cli_units_date(&more, info->mtime_ns);
    cli_text_str(&more, "\",\"etag\":");
    cli_text_json(&more, info->etag);
    cli_text_str(&more, ",\"content_type\":");
    cli_text_json(&more, info->content_type);
    cli_text_str(&more, ",\"metadata\":{");
    for (size_t i = 0; i < info->metadata.count; i++) {
        cli_text_str(&more, i > 0 ? "," : "");
        cli_text_json(&more, info->metadata.items[i].key);
        cli_text_str(&more, ":");
        cli_text_json(&more, info->metadata.items[i].value);
    }
    cli_text_str(&more, "}");
    const struct cli_event event = {
        .op = "stat", .source = place->uri, .bytes = info->size, .more = &more};
    cli_event_print(&event);
    cli_text_free(&more);
}

static int stat_object(struct cli_call *call, const struct cli_place *place, satchel_store *store,
                       satchel_error *err)
{
    satchel_info info = {0};
    int code = satchel_stat(store, place->key, &info, err);
    if (code == SATCHEL_OK) {
        if (call->options.json)
            print_info_json(place, &info);
        else
            print_info(place, &info);
        call->summary.objects_done = 1;
        call->summary.bytes_done = info.size;
    }
    satchel_info_free(&info);
    return code;
}

static int stat_bucket(struct cli_call *call, const struct cli_place *place, satchel_store *store,
                       satchel_error *err)
{
    const char *what = place->local ? "folder" : "bucket";
    const struct cli_event event = {.op = "stat", .source = place->uri};
    struct cli_text out = {0};
    int code = satchel_bucket_stat(store, err);
    if (code != SATCHEL_OK)
        return code;
    cli_text_addf(&out, "uri: %s\ntype: %s\n", place->uri, what);
    if (call->options.json)
        cli_event_print(&event);
    else
        (void)cli_out_text(&out);
    cli_text_free(&out);
    call->summary.objects_done = 1;
    return SATCHEL_OK;
}

int cli_cmd_stat(struct cli_call *call)
{
    satchel_error err = {0};
    struct cli_place place;
    satchel_store *store = NULL;
    int code = open_place(call, &place, &store, &err);
    if (code == SATCHEL_OK)
        code = place.key[0] == '\0' ? stat_bucket(call, &place, store, &err)
                                    : stat_object(call, &place, store, &err);
    return close_place(call, &place, store, code, &err);
}

/* ---- cat */

static int check_same(satchel_store *store, const struct cli_place *place,
                      const satchel_info *first, satchel_error *err)
{
    satchel_info now = {0};
    int code = satchel_stat(store, place->key, &now, err);
    if (code == SATCHEL_OK &&
        (strcmp(now.etag, first->etag) != 0 || now.mtime_ns != first->mtime_ns))
        code =
            cli_error_set(err, SATCHEL_MODIFIED, "'%s' was changed while it was read", place->uri);
    satchel_info_free(&now);
    return code;
}

/*
 * Piece by piece. A piece is written only when the object is still the one of the beginning, so
 * what came out is one version from the first byte to the last.
 */
static int cat_pieces(satchel_store *store, const struct cli_place *place, const satchel_info *info,
                      satchel_error *err)
{
    int code = SATCHEL_OK;
    uint64_t offset = 0;
    while (code == SATCHEL_OK && offset < info->size && cli_out_ok()) {
        satchel_buf piece = {0};
        code = satchel_get_range(store, place->key, offset, PIECE, &piece, err);
        if (code == SATCHEL_OK)
            code = check_same(store, place, info, err);
        if (code == SATCHEL_OK)
            (void)cli_out(piece.data, piece.len);
        offset += piece.len;
        satchel_buf_free(&piece);
    }
    return code;
}

static int cat_whole(satchel_store *store, const struct cli_place *place, satchel_error *err)
{
    satchel_buf content = {0};
    int code = satchel_get(store, place->key, &content, err);
    if (code == SATCHEL_OK)
        (void)cli_out(content.data, content.len);
    satchel_buf_free(&content);
    return code;
}

static int cat_object(satchel_store *store, const struct cli_place *place, satchel_error *err)
{
    satchel_info info = {0};
    int code = satchel_stat(store, place->key, &info, err);
    if (code == SATCHEL_OK)
        code = info.size <= PIECE ? cat_whole(store, place, err)
                                  : cat_pieces(store, place, &info, err);
    satchel_info_free(&info);
    return code;
}

int cli_cmd_cat(struct cli_call *call)
{
    satchel_error err = {0};
    struct cli_place place;
    satchel_store *store = NULL;
    int code = open_place(call, &place, &store, &err);
    if (code == SATCHEL_OK && place.key[0] == '\0')
        code = cli_error_set(&err, SATCHEL_INVALID, "'%s' names no object", place.uri);
    if (code == SATCHEL_OK)
        code = cat_object(store, &place, &err);
    return close_place(call, &place, store, code, &err);
}

/* ---- put */

/* From the stream into the object, in pieces; what cannot be read is never stored as if it were
 * all. */
static int put_stream(FILE *input, const char *name, satchel_writer *writer, satchel_error *err)
{
    int code = SATCHEL_OK;
    char *piece = malloc(PUT_PIECE);
    if (piece == NULL)
        return cli_error_set(err, SATCHEL_NOMEM, "out of memory");
    while (code == SATCHEL_OK && !feof(input)) {
        size_t got = fread(piece, 1, PUT_PIECE, input);
        if (ferror(input))
            code = cli_error_set(err, SATCHEL_IO, "reading '%s' failed", name);
        else
            code = satchel_writer_write(writer, (satchel_span){piece, got}, err);
    }
    free(piece);
    return code;
}

static int put_object(struct cli_call *call, const struct cli_place *place, satchel_store *store,
                      satchel_error *err)
{
    const char *name = call->operands[0];
    bool standard = strcmp(name, "-") == 0;
    satchel_writer *writer = NULL;
    satchel_info info = {0};
    FILE *input = standard ? stdin : fopen(name, "rb");
    if (input == NULL)
        return cli_error_set(err, SATCHEL_NOT_FOUND, "no such file: '%s'", name);
    int code = satchel_writer_open(store, place->key, NULL, &writer, err);
    if (code == SATCHEL_OK)
        code = put_stream(input, name, writer, err);
    if (!standard)
        (void)fclose(input);
    if (code != SATCHEL_OK) {
        satchel_writer_abort(writer);
        return code;
    }
    code = satchel_writer_finish(writer, &info, err);
    call->summary.objects_done = code == SATCHEL_OK;
    call->summary.bytes_done = info.size;
    satchel_info_free(&info);
    return code;
}

int cli_cmd_put(struct cli_call *call)
{
    satchel_error err = {0};
    struct cli_place place;
    satchel_store *store = NULL;
    cli_place_init(&place, call->operands[1]);
    int code = cli_open(call, place.root, &store, &err);
    if (code == SATCHEL_OK && place.key[0] == '\0')
        code = cli_error_set(&err, SATCHEL_INVALID, "'%s' names no object", place.uri);
    if (code == SATCHEL_OK)
        code = put_object(call, &place, store, &err);
    if (code == SATCHEL_OK && call->options.json) {
        const struct cli_event event = {
            .op = "put", .source = place.uri, .bytes = call->summary.bytes_done};
        cli_event_print(&event);
    }
    return close_place(call, &place, store, code, &err);
}

/* ---- mb */

int cli_cmd_mb(struct cli_call *call)
{
    satchel_error err = {0};
    struct cli_place place;
    satchel_store *store = NULL;
    cli_place_init(&place, call->operands[0]);
    int code = cli_open(call, place.uri, &store, &err);
    if (code == SATCHEL_OK && !place.local && place.key[0] != '\0')
        code = cli_error_set(&err, SATCHEL_INVALID, "'%s' is more than a bucket", place.uri);
    if (code == SATCHEL_OK)
        code = satchel_bucket_create(store, &err);
    if (code == SATCHEL_OK) {
        call->summary.objects_done = 1;
        cli_note(call, "made %s", place.uri);
    }
    return close_place(call, &place, store, code, &err);
}
