/* rec get, put, rm: single records. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "out.h"
#include "place.h"
#include "record.h"

void cli_record_print(const struct cli_call *call, const char *op, const satchel_record *record)
{
    if (!call->options.json) {
        (void)cli_out(record->json, record->json_len);
        if (record->json_len == 0 || record->json[record->json_len - 1] != '\n')
            (void)cli_out("\n", 1);
        return;
    }
    struct cli_text more = {0};
    cli_text_addf(&more, ",\"version\":%" PRId64 ",\"token\":", record->version);
    cli_text_json(&more, record->token);
    size_t len = record->json != NULL ? record->json_len : 0;
    while (len > 0 && record->json[len - 1] == '\n')
        len--;
    if (len > 0) {
        cli_text_str(&more, ",\"record\":");
        cli_text_add(&more, record->json, len);
    }
    const struct cli_event event = {
        .op = op, .source = record->id, .bytes = record->json_len, .more = &more};
    cli_event_print(&event);
    cli_text_free(&more);
}

/* ---- get */

int cli_cmd_rec_get(struct cli_call *call)
{
    satchel_error err = {0};
    satchel_db *db = NULL;
    satchel_record record = {0};
    int code = cli_open_db(call, call->operands[0], &db, &err);
    if (code == SATCHEL_OK)
        code = satchel_db_read(db, call->operands[1], &record, &err);
    if (code == SATCHEL_OK) {
        cli_record_print(call, "get", &record);
        call->summary.objects_done = 1;
        call->summary.bytes_done = record.json_len;
    }
    int status = code == SATCHEL_OK ? CLI_OK : cli_report(call, call->operands[1], &err);
    satchel_record_free(&record);
    cli_close_db(call, call->operands[0], db);
    return status;
}

/* ---- put */

static int check_put(const struct cli_call *call, satchel_error *err)
{
    const struct cli_options *options = &call->options;
    if (options->create && options->expected != NULL)
        return cli_error_set(err, SATCHEL_INVALID, "--create and --expected exclude each other");
    if (options->expected != NULL && call->count < 3)
        return cli_error_set(err, SATCHEL_INVALID, "--expected needs the ID of the record");
    return SATCHEL_OK;
}

static int put(const struct cli_call *call, satchel_db *db, satchel_span text, satchel_record *out,
               satchel_error *err)
{
    const char *id = call->count == 3 ? call->operands[1] : NULL;
    if (call->options.create)
        return satchel_db_create(db, id, text, out, err);
    if (call->options.expected != NULL)
        return satchel_db_update(db, id, text, call->options.expected, out, err);
    return satchel_db_upsert(db, id, text, out, err);
}

static void print_written(const struct cli_call *call, const satchel_record *record)
{
    struct cli_text line = {0};
    if (call->options.json) {
        cli_record_print(call, "put", record);
        return;
    }
    cli_text_str(&line, record->id);
    (void)cli_out_line(&line);
    cli_text_free(&line);
}

int cli_cmd_rec_put(struct cli_call *call)
{
    satchel_error err = {0};
    satchel_db *db = NULL;
    satchel_record record = {0};
    struct cli_text text = {0};
    int code = check_put(call, &err);
    if (code == SATCHEL_OK)
        code = cli_read_file(call->operands[call->count - 1], &text, &err);
    if (code == SATCHEL_OK)
        code = cli_open_db(call, call->operands[0], &db, &err);
    if (code == SATCHEL_OK)
        code = put(call, db, (satchel_span){text.data, text.len}, &record, &err);
    if (code == SATCHEL_OK) {
        print_written(call, &record);
        call->summary.objects_done = 1;
        call->summary.bytes_done = text.len;
    }
    const char *subject = call->count == 3 ? call->operands[1] : NULL;
    int status = code == SATCHEL_OK ? CLI_OK : cli_report(call, subject, &err);
    satchel_record_free(&record);
    cli_text_free(&text);
    cli_close_db(call, call->operands[0], db);
    return status;
}

/* ---- rm */

/* Status of one deletion, told. */
static int told(struct cli_call *call, const char *id, const satchel_error *err)
{
    const struct cli_event event = {
        .op = "rm", .source = id, .err = err->code != SATCHEL_OK ? err : NULL};
    if (call->options.json)
        cli_event_print(&event);
    if (err->code == SATCHEL_OK) {
        call->summary.objects_done++;
        return CLI_OK;
    }
    call->summary.objects_failed++;
    return cli_report(call, id, err);
}

static int merge(int status, int one)
{
    if (one == CLI_OK)
        return status;
    return status == CLI_OK || status == one ? one : CLI_PARTIAL;
}

/* One by one: each deletion has a condition. */
static int remove_each(struct cli_call *call, satchel_db *db)
{
    const satchel_delete_options options = {.struct_size = sizeof options,
                                            .exact = call->options.exact,
                                            .expected = call->options.expected};
    int status = CLI_OK;
    for (size_t i = 1; i < call->count; i++) {
        satchel_error err = {0};
        int existed = 1;
        int code = satchel_db_delete(db, call->operands[i], &options, &existed, &err);
        if (code == SATCHEL_OK && call->options.exact && existed == 0)
            (void)cli_error_set(&err, SATCHEL_NOT_FOUND, "no record '%s'", call->operands[i]);
        status = merge(status, told(call, call->operands[i], &err));
    }
    return status;
}

static int remove_batch(struct cli_call *call, satchel_db *db)
{
    const satchel_batch batch = {.struct_size = sizeof batch,
                                 .count = call->count - 1,
                                 .ids = (const char *const *)call->operands + 1};
    satchel_error err = {0};
    satchel_item *items = NULL;
    int code = satchel_db_delete_batch(db, &batch, &items, &err);
    if (items == NULL)
        return code == SATCHEL_OK ? CLI_OK : cli_report(call, NULL, &err);
    int status = CLI_OK;
    for (size_t i = 0; i < batch.count; i++)
        status = merge(status, told(call, batch.ids[i], &items[i].err));
    satchel_items_free(items, batch.count);
    return status;
}

int cli_cmd_rec_rm(struct cli_call *call)
{
    satchel_error err = {0};
    satchel_db *db = NULL;
    bool single = call->options.exact || call->options.expected != NULL;
    int status = CLI_OK;
    int code = SATCHEL_OK;
    if (call->options.expected != NULL && call->count != 2)
        code = cli_error_set(&err, SATCHEL_INVALID, "--expected is for a single ID");
    if (code == SATCHEL_OK)
        code = cli_open_db(call, call->operands[0], &db, &err);
    if (code == SATCHEL_OK)
        status = single ? remove_each(call, db) : remove_batch(call, db);
    else
        status = cli_report(call, call->operands[0], &err);
    if (code == SATCHEL_OK)
        cli_note(call, "deleted %" PRIu64 " record%s", call->summary.objects_done,
                 call->summary.objects_done == 1 ? "" : "s");
    cli_close_db(call, call->operands[0], db);
    return status != CLI_OK && call->summary.objects_done > 0 ? CLI_PARTIAL : status;
}
