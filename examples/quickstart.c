/* The README's lines of C: one record stored. */
#include <satchel/satchel.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    const char *uri = argc > 1 ? argv[1] : "file:///tmp/people/";
    satchel_db *db = NULL;
    satchel_error err = {0};
    satchel_span record = {"{\"fields\":{\"name\":\"Alice\"}}", 27};
    if (satchel_db_open(uri, NULL, &db, &err) != SATCHEL_OK ||
        satchel_db_upsert(db, "alice", record, NULL, &err) != SATCHEL_OK)
        fprintf(stderr, "%s: %s\n", satchel_code_name(err.code), err.text);
    satchel_db_close(db);
    return err.code;
}
