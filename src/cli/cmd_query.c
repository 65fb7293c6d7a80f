/* rec query, rec count: finding records. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "out.h"
#include "place.h"
#include "record.h"

/* ---- building the query */

static int from_file(const char *path, satchel_query **query, satchel_error *err)
{
    struct cli_text text = {0};
    int code = cli_read_file(path, &text, err);
    if (code == SATCHEL_OK && strlen(cli_text_get(&text)) != text.len)
        code = cli_error_set(err, SATCHEL_INVALID, "'%s' holds a NUL byte", path);
    if (code == SATCHEL_OK)
        code = satchel_query_parse_json(cli_text_get(&text), query, err);
    cli_text_free(&text);
    return code;
}

static void add_json_part(struct cli_text *json, const char *part, size_t len)
{
    char *copy = cli_copy(part, len);
    cli_text_json(json, copy);
    free(copy);
}

/* "a,b" as ["a","b"]. */
static void add_fields(struct cli_text *json, const char *fields)
{
    cli_text_str(json, "[");
    for (;;) {
        size_t len = strcspn(fields, ",");
        add_json_part(json, fields, len);
        if (fields[len] == '\0')
            break;
        cli_text_str(json, ",");
        fields += len + 1;
    }
    cli_text_str(json, "]");
}

/* "a,b:desc" as [{"field":"a","order":"asc"},{"field":"b","order":"desc"}]. */
static void add_sort(struct cli_text *json, const char *sort)
{
    cli_text_str(json, "[");
    for (;;) {
        size_t len = strcspn(sort, ",");
        size_t name = strcspn(sort, ":,");
        cli_text_str(json, "{\"field\":");
        add_json_part(json, sort, name);
        cli_text_str(json, ",\"order\":");
        if (name < len)
            add_json_part(json, sort + name + 1, len - name - 1);
        else
            cli_text_json(json, "asc");
        cli_text_str(json, "}");
        if (sort[len] == '\0')
            break;
        cli_text_str(json, ",");
        sort += len + 1;
    }
    cli_text_str(json, "]");
}

/* Only the JSON form has a projection. */
static int from_json(const struct cli_options *options, satchel_query **query, satchel_error *err)
{
    struct cli_text json = {0};
    cli_text_str(&json, "{\"fields\":");
    add_fields(&json, options->fields);
    if (options->sort != NULL) {
        cli_text_str(&json, ",\"sort\":");
        add_sort(&json, options->sort);
    }
    if (options->limit >= 0)
        cli_text_addf(&json, ",\"limit\":%" PRId64, options->limit);
    if (options->offset >= 0)
        cli_text_addf(&json, ",\"offset\":%" PRId64, options->offset);
    cli_text_str(&json, "}");
    int code = satchel_query_parse_json(json.data, query, err);
    cli_text_free(&json);
    return code;
}

/* "a,b:desc" as ORDER BY "a", "b" desc; what stands behind ':' is for the parser to judge. */
static void add_order(struct cli_text *where, const char *sort)
{
    cli_text_str(where, " ORDER BY ");
    for (;;) {
        size_t len = strcspn(sort, ",");
        size_t name = strcspn(sort, ":,");
        cli_text_str(where, "\"");
        for (size_t i = 0; i < name; i++)
            cli_text_add(where, sort[i] == '"' ? "\"\"" : sort + i, sort[i] == '"' ? 2 : 1);
        cli_text_str(where, "\"");
        if (name < len)
            cli_text_addf(where, " %.*s", (int)(len - name - 1), sort + name + 1);
        if (sort[len] == '\0')
            break;
        cli_text_str(where, ", ");
        sort += len + 1;
    }
}

/* The text with ORDER BY, LIMIT and OFFSET behind it, where they are given as options. */
static int from_text(const struct cli_options *options, const char *where, satchel_query **query,
                     satchel_error *err)
{
    struct cli_text text = {0};
    cli_text_str(&text, where != NULL ? where : "");
    if (options->sort != NULL)
        add_order(&text, options->sort);
    if (options->limit >= 0)
        cli_text_addf(&text, " LIMIT %" PRId64, options->limit);
    if (options->offset >= 0)
        cli_text_addf(&text, " OFFSET %" PRId64, options->offset);
    int code = satchel_query_parse_where(cli_text_get(&text), query, err);
    cli_text_free(&text);
    return code;
}

int cli_query(const struct cli_call *call, const char *where, satchel_query **query,
              satchel_error *err)
{
    const struct cli_options *options = &call->options;
    bool more = options->sort != NULL || options->fields != NULL || options->limit >= 0 ||
                options->offset >= 0;
    if (options->json_query != NULL && (more || where != NULL))
        return cli_error_set(err, SATCHEL_INVALID,
                             "--json-query holds the whole query: no WHERE, --sort, --limit, "
                             "--offset or --fields beside it");
    if (options->json_query != NULL)
        return from_file(options->json_query, query, err);
    if (options->fields != NULL && where != NULL)
        return cli_error_set(err, SATCHEL_INVALID,
                             "--fields does not go with a WHERE text: give both in --json-query "
                             "{\"condition\": ..., \"fields\": [...]}");
    if (options->fields != NULL)
        return from_json(options, query, err);
    return more || where != NULL ? from_text(options, where, query, err) : SATCHEL_OK;
}

/* ---- commands */

static int print_results(struct cli_call *call, satchel_results *results, satchel_error *err)
{
    const satchel_record *record = NULL;
    int code = satchel_results_next(results, &record, err);
    while (code == SATCHEL_OK && record != NULL && cli_out_ok()) {
        cli_record_print(call, "query", record);
        call->summary.objects_done++;
        call->summary.bytes_done += record->json_len;
        code = satchel_results_next(results, &record, err);
    }
    return code;
}

int cli_cmd_rec_query(struct cli_call *call)
{
    satchel_error err = {0};
    satchel_db *db = NULL;
    satchel_query *query = NULL;
    satchel_results *results = NULL;
    int code = cli_query(call, call->count > 1 ? call->operands[1] : NULL, &query, &err);
    if (code == SATCHEL_OK)
        code = cli_open_db(call, call->operands[0], &db, &err);
    if (code == SATCHEL_OK)
        code = satchel_db_search(db, query, &results, &err);
    if (code == SATCHEL_OK)
        code = print_results(call, results, &err);
    int status = code == SATCHEL_OK ? CLI_OK : cli_report(call, NULL, &err);
    satchel_results_close(results);
    satchel_query_free(query);
    cli_close_db(call, call->operands[0], db);
    return status;
}

static void print_count(const struct cli_call *call, uint64_t count)
{
    struct cli_text line = {0};
    if (call->options.json) {
        cli_text_addf(&line, ",\"count\":%" PRIu64, count);
        const struct cli_event event = {.op = "count", .source = call->operands[0], .more = &line};
        cli_event_print(&event);
    } else {
        cli_text_addf(&line, "%" PRIu64, count);
        (void)cli_out_line(&line);
    }
    cli_text_free(&line);
}

int cli_cmd_rec_count(struct cli_call *call)
{
    satchel_error err = {0};
    satchel_db *db = NULL;
    satchel_query *query = NULL;
    uint64_t count = 0;
    int code = cli_query(call, call->count > 1 ? call->operands[1] : NULL, &query, &err);
    if (code == SATCHEL_OK)
        code = cli_open_db(call, call->operands[0], &db, &err);
    if (code == SATCHEL_OK)
        code = satchel_db_count(db, query, &count, &err);
    if (code == SATCHEL_OK) {
        print_count(call, count);
        call->summary.objects_done = count;
    }
    int status = code == SATCHEL_OK ? CLI_OK : cli_report(call, NULL, &err);
    satchel_query_free(query);
    cli_close_db(call, call->operands[0], db);
    return status;
}
