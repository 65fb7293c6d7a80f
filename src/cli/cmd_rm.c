/* rm: deleting objects by name, and with -r all below a prefix. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "jobrun.h"
#include "out.h"
#include "place.h"

enum { BATCH = 1000 }; /* what one request of S3 deletes */

struct removal {
    struct cli_call *call;
    satchel_store *store;
    const char *base; /* URI in front of each key */
    int status;       /* of the failures so far */
};

static void tell(const struct removal *removal, const char *key, const satchel_error *err)
{
    struct cli_text uri = {0};
    const bool dry = removal->call->options.dry_run;
    cli_text_addf(&uri, "%s%s", removal->base, key);
    const struct cli_event event = {.op = "rm",
                                    .source = uri.data,
                                    .status = dry ? "planned" : NULL,
                                    .err = err->code != SATCHEL_OK ? err : NULL};
    if (removal->call->options.json)
        cli_event_print(&event);
    else if (dry)
        (void)cli_out_line(&uri);
    cli_text_free(&uri);
}

static void count(struct removal *removal, const char *key, const satchel_error *err)
{
    satchel_progress *sum = &removal->call->summary;
    tell(removal, key, err);
    if (err->code == SATCHEL_OK) {
        sum->objects_done++;
        return;
    }
    sum->objects_failed++;
    int status = cli_report(removal->call, key, err);
    removal->status = removal->status == CLI_OK || removal->status == status ? status : CLI_PARTIAL;
}

static int delete_batch(struct removal *removal, char **keys, size_t count_of_keys,
                        satchel_error *err)
{
    satchel_error *results = cli_alloc(count_of_keys * sizeof *results);
    int code = SATCHEL_OK;
    if (!removal->call->options.dry_run && count_of_keys > 0)
        code = satchel_delete_many(removal->store, (const char *const *)keys, count_of_keys,
                                   results, err);
    /* A request that failed as a whole has no results of its own. */
    for (size_t i = 0; i < count_of_keys; i++) {
        count(removal, keys[i], &results[i]);
        if (results[i].code != SATCHEL_OK)
            code = SATCHEL_OK;
    }
    free(results);
    return code;
}

/* Fills `keys` from the listing; *got is fewer than BATCH at its end. */
static int take_batch(satchel_cursor *cursor, char **keys, size_t *got, satchel_error *err)
{
    const satchel_entry *entry = NULL;
    int code = SATCHEL_OK;
    *got = 0;
    while (*got < BATCH) {
        code = satchel_cursor_next(cursor, &entry, err);
        if (code != SATCHEL_OK || entry == NULL)
            break;
        keys[(*got)++] = cli_copy(entry->key, strlen(entry->key));
    }
    return code;
}

static int remove_below(struct removal *removal, const char *prefix, satchel_error *err)
{
    satchel_cursor *cursor = NULL;
    char **keys = cli_alloc(BATCH * sizeof *keys);
    size_t got = BATCH;
    int code = satchel_list(removal->store, prefix, 1, &cursor, err);
    while (code == SATCHEL_OK && got == BATCH && cli_signal_caught() == 0) {
        code = take_batch(cursor, keys, &got, err);
        /* After an error of the listing nothing more is deleted. */
        if (code == SATCHEL_OK)
            code = delete_batch(removal, keys, got, err);
        for (size_t i = 0; i < got; i++)
            free(keys[i]);
    }
    satchel_cursor_close(cursor);
    free(keys);
    return code;
}

/* A single object, which has to be there. */
static int remove_object(struct removal *removal, const char *key, satchel_error *err)
{
    satchel_info info = {0};
    int code = satchel_stat(removal->store, key, &info, err);
    satchel_info_free(&info);
    if (code == SATCHEL_OK && !removal->call->options.dry_run)
        code = satchel_delete(removal->store, key, NULL, err);
    if (code == SATCHEL_OK)
        count(removal, key, &(satchel_error){0});
    return code;
}

/* With -r: all below KEY/, and an object KEY. `KEYx` is no part of it. */
static int remove_tree(struct removal *removal, const struct cli_place *place, satchel_error *err)
{
    uint64_t before = removal->call->summary.objects_done + removal->call->summary.objects_failed;
    size_t len = strlen(place->key);
    bool named = len > 0 && place->key[len - 1] != '/';
    struct cli_text prefix = {0};
    cli_text_addf(&prefix, "%s%s", place->key, named ? "/" : "");
    int code = remove_below(removal, prefix.data, err);
    cli_text_free(&prefix);
    if (code == SATCHEL_OK && named) {
        code = remove_object(removal, place->key, err);
        uint64_t now = removal->call->summary.objects_done + removal->call->summary.objects_failed;
        if (code == SATCHEL_NOT_FOUND && now > before)
            code = SATCHEL_OK;
    }
    return code;
}

/* A local folder without its final '/' is not there as an object: say what it is. */
static int explain_folder(struct cli_call *call, const struct cli_place *place, satchel_error *err)
{
    satchel_store *store = NULL;
    satchel_error ignored;
    int code = cli_open(call, place->uri, &store, &ignored);
    if (code == SATCHEL_OK && satchel_bucket_stat(store, &ignored) == SATCHEL_OK)
        (void)cli_error_set(err, SATCHEL_INVALID, "'%s' is a folder: -r deletes all below it",
                            place->uri);
    satchel_store_close(store);
    return err->code;
}

static int remove_operand(struct cli_call *call, const char *operand)
{
    satchel_error err = {0};
    struct cli_place place;
    cli_place_init(&place, operand);
    struct removal removal = {.call = call, .base = place.root};
    size_t len = strlen(place.key);
    bool prefix = len == 0 || place.key[len - 1] == '/';
    int code = cli_open(call, place.root, &removal.store, &err);
    if (code == SATCHEL_OK && prefix && !call->options.recursive)
        code = cli_error_set(&err, SATCHEL_INVALID, "'%s' is a prefix: -r deletes all below it",
                             place.uri);
    if (code == SATCHEL_OK)
        code = call->options.recursive ? remove_tree(&removal, &place, &err)
                                       : remove_object(&removal, place.key, &err);
    if (code == SATCHEL_NOT_FOUND && place.local && !call->options.recursive)
        code = explain_folder(call, &place, &err);
    int status = code == SATCHEL_OK ? removal.status : cli_report(call, place.uri, &err);
    if (code != SATCHEL_OK)
        call->summary.objects_failed++;
    satchel_store_close(removal.store);
    cli_place_fini(&place);
    return status;
}

int cli_cmd_rm(struct cli_call *call)
{
    int status = CLI_OK;
    cli_signal_catch();
    for (size_t i = 0; i < call->count && cli_signal_caught() == 0; i++) {
        int one = remove_operand(call, call->operands[i]);
        if (one != CLI_OK)
            status = status == CLI_OK || status == one ? one : CLI_PARTIAL;
    }
    uint64_t done = call->summary.objects_done;
    cli_note(call, "%s %" PRIu64 " object%s", call->options.dry_run ? "would delete" : "deleted",
             done, done == 1 ? "" : "s");
    if (cli_signal_caught() != 0)
        return 128 + cli_signal_caught();
    return status != CLI_OK && done > 0 ? CLI_PARTIAL : status;
}
