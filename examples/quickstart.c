/* The README's first lines of C: store a record, find it again. */
#include <satchel/satchel.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    const char text[] = "{\"fields\": {\"name\": \"Ada\", \"born\": 1815}}";
    const satchel_span record = {text, sizeof text - 1};
    const satchel_record *found = NULL;
    satchel_db *db = NULL;
    satchel_query *query = NULL;
    satchel_results *results = NULL;
    satchel_error err = {0};
    if (satchel_db_open(argc > 1 ? argv[1] : "file:///tmp/people/", NULL, &db, &err) ||
        satchel_db_upsert(db, "ada", record, NULL, &err) ||
        satchel_query_parse_where("born < 1900", &query, &err) ||
        satchel_db_search(db, query, &results, &err) ||
        satchel_results_next(results, &found, &err) || found == NULL)
        fprintf(stderr, "%s\n", err.text);
    else
        printf("%s: %.*s\n", found->id, (int)found->json_len, found->json);
    satchel_results_close(results);
    satchel_query_free(query);
    satchel_db_close(db);
    return err.code == SATCHEL_OK ? 0 : 1;
}
