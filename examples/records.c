/*
 * Records: create, read, update under a condition, a batch, a search, delete.
 *
 *     records file:///tmp/people/      or      records s3://bucket/people/
 */
#include <satchel/satchel.h>
#include <stdio.h>
#include <string.h>

static satchel_span span(const char *text)
{
    satchel_span result;
    result.data = text;
    result.len = strlen(text);
    return result;
}

/* Optimistic locking: the update holds only for the version that was read. */
static int birthday(satchel_db *db, satchel_error *err)
{
    satchel_record record = {0};
    int code = satchel_db_read(db, "grace", &record, err);
    if (code == SATCHEL_OK) {
        printf("read    %s\n", record.json);
        code =
            satchel_db_update(db, "grace", span("{\"fields\": {\"name\": \"Grace\", \"age\": 86}}"),
                              record.token, NULL, err);
    }
    /* The same token again: somebody (we) has changed the record since. */
    if (code == SATCHEL_OK && satchel_db_update(db, "grace", span("{\"fields\": {}}"), record.token,
                                                NULL, err) == SATCHEL_CONFLICT)
        printf("refused %s\n", err->text);
    else if (code == SATCHEL_OK)
        code = SATCHEL_CONFLICT;
    satchel_record_free(&record);
    return code;
}

/* A batch reports item by item, in the order of its input. */
static int add_friends(satchel_db *db, satchel_error *err)
{
    const char *const ids[] = {"alan", "edsger", "grace"};
    const satchel_span records[] = {
        span("{\"fields\": {\"name\": \"Alan\", \"age\": 41}, \"metadata\": {\"team\": \"a\"}}"),
        span("{\"fields\": {\"name\": \"Edsger\", \"age\": 72}, \"metadata\": {\"team\": \"b\"}}"),
        span("{\"fields\": {\"name\": \"Grace\"}}"),
    };
    satchel_batch batch = {0};
    satchel_item *items = NULL;
    size_t i;
    batch.struct_size = sizeof batch;
    batch.count = 3;
    batch.ids = ids;
    batch.records = records;
    int code = satchel_db_create_batch(db, &batch, &items, err);
    for (i = 0; items != NULL && i < batch.count; i++)
        printf("create  %s: %s\n", ids[i], satchel_code_name(items[i].err.code));
    satchel_items_free(items, batch.count);
    return code == SATCHEL_EXISTS ? SATCHEL_OK : code; /* grace is there already */
}

static int search(satchel_db *db, const char *where, satchel_error *err)
{
    satchel_query *query = NULL;
    satchel_results *results = NULL;
    const satchel_record *record = NULL;
    int code = satchel_query_parse_where(where, &query, err);
    if (code == SATCHEL_OK)
        code = satchel_db_search(db, query, &results, err);
    while (code == SATCHEL_OK) {
        code = satchel_results_next(results, &record, err);
        if (code != SATCHEL_OK || record == NULL)
            break;
        printf("found   %s, version %ld\n", record->id, (long)record->version);
    }
    satchel_results_close(results);
    satchel_query_free(query);
    return code;
}

int main(int argc, char **argv)
{
    satchel_db *db = NULL;
    satchel_error err = {0};
    if (argc != 2) {
        fprintf(stderr, "usage: records URI\n");
        return 2;
    }
    int code = satchel_db_open(argv[1], NULL, &db, &err);
    if (code == SATCHEL_OK)
        code = satchel_db_upsert(
            db, "grace", span("{\"fields\": {\"name\": \"Grace\", \"age\": 85}}"), NULL, &err);
    if (code == SATCHEL_OK)
        code = birthday(db, &err);
    if (code == SATCHEL_OK)
        code = add_friends(db, &err);
    if (code == SATCHEL_OK)
        code = search(db, "age > 40 AND NOT metadata.team = 'b' ORDER BY name", &err);
    if (code == SATCHEL_OK)
        code = satchel_db_clear(db, NULL, &err);
    if (code != SATCHEL_OK)
        fprintf(stderr, "%s: %s\n", satchel_code_name(code), err.text);
    satchel_db_close(db);
    return code == SATCHEL_OK ? 0 : 1;
}
