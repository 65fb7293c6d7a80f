/*
 * One of many processes that fight over one record:
 *     cas_worker increment URI ID ROUNDS    compare-and-swap until ROUNDS increments are
 * acknowledged cas_worker create URI ID NAME         tries to be the one that creates the record
 * Prints one JSON object with what was acknowledged and what was refused. Settings come from the
 * environment. The line read from standard input is the start signal.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <satchel/satchel.h>

static int fail(const char *what, const satchel_error *err)
{
    fprintf(stderr, "%s: %s: %s\n", what, satchel_code_name(err->code), err->text);
    return 1;
}

/* The counter in {"fields":{"n":N}}; a record without one stands at 0. */
static long counter_of(const satchel_record *record)
{
    const char *at = strstr(record->json, "\"n\":");
    return at == NULL ? 0 : strtol(at + strlen("\"n\":"), NULL, 10);
}

/* One read and one conditional write; CONFLICT when another was faster. */
static int try_increment(satchel_db *db, const char *id, satchel_error *err)
{
    satchel_record seen = {0};
    char text[64];
    int code = satchel_db_read(db, id, &seen, err);
    if (code != SATCHEL_OK)
        return code;
    (void)snprintf(text, sizeof text, "{\"fields\":{\"n\":%ld}}", counter_of(&seen) + 1);
    const satchel_span record = {text, strlen(text)};
    code = satchel_db_update(db, id, record, seen.token, NULL, err);
    satchel_record_free(&seen);
    return code;
}

static int increment(satchel_db *db, const char *id, long rounds)
{
    satchel_error err = {0};
    long acks = 0;
    long conflicts = 0;
    while (acks < rounds) {
        int code = try_increment(db, id, &err);
        if (code != SATCHEL_OK && code != SATCHEL_CONFLICT)
            return fail("increment", &err);
        acks += code == SATCHEL_OK;
        conflicts += code == SATCHEL_CONFLICT;
    }
    printf("{\"acks\":%ld,\"conflicts\":%ld}\n", acks, conflicts);
    return 0;
}

static int create(satchel_db *db, const char *id, const char *name)
{
    satchel_error err = {0};
    char text[128];
    (void)snprintf(text, sizeof text, "{\"fields\":{\"by\":\"%s\"}}", name);
    const satchel_span record = {text, strlen(text)};
    int code = satchel_db_create(db, id, record, NULL, &err);
    if (code != SATCHEL_OK && code != SATCHEL_EXISTS)
        return fail("create", &err);
    printf("{\"won\":%s,\"name\":\"%s\"}\n", code == SATCHEL_OK ? "true" : "false", name);
    return 0;
}

int main(int argc, char **argv)
{
    satchel_error err = {0};
    satchel_db *db = NULL;
    char line[16];
    if (argc != 5) {
        fprintf(stderr, "usage: cas_worker increment|create URI ID ROUNDS|NAME\n");
        return 2;
    }
    if (satchel_db_open(argv[2], NULL, &db, &err) != SATCHEL_OK)
        return fail("open", &err);
    puts("ready");
    (void)fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL) {
        satchel_db_close(db);
        return 2;
    }
    int rc = strcmp(argv[1], "create") == 0 ? create(db, argv[3], argv[4])
                                            : increment(db, argv[3], strtol(argv[4], NULL, 10));
    satchel_db_close(db);
    return rc;
}
