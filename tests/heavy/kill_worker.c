/*
 * What kill.py kills, and the readers it asks afterwards:
 *     kill_worker write KIND URI SEED   eight threads create batches of records until they are
 *                                       killed; on standard output "+ID LENGTH" before a record is
 *                                       written and "=ID" once it is acknowledged
 *     kill_worker list KIND URI         the keys of the folder, one a line
 *     kill_worker sweep KIND URI        the same, an hour later by this process's clock
 *     kill_worker count KIND URI        the number of records that a search finds
 * KIND is file, or sidecar for a file system that seems to keep no extended attributes. Record
 * t3-17 has the fields thread 3, n 17 and pad: LENGTH letters, the alphabet again and again from
 * its (17 modulo 26)th letter on.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <satchel/satchel.h>

#include "core/clock.h"
#include "core/os.h"

enum {
    THREADS = 8,
    BATCH = 4,
    LENGTH_BITS = 18, /* pads of 1 B to 256 KiB, every magnitude as likely as another */
    ID_SIZE = 32,
    LINE_SIZE = 64,
    LETTERS = 26,
};

struct writer {
    satchel_db *db;
    unsigned thread;
    unsigned next; /* number of the next record */
    uint64_t random;
};

/* The records of one batch. */
struct sheet {
    char ids[BATCH][ID_SIZE];
    const char *id_list[BATCH];
    char *texts[BATCH];
    satchel_span records[BATCH];
};

static _Noreturn void fail(const char *what, const satchel_error *err)
{
    (void)fprintf(stderr, "%s: %s: %s\n", what, satchel_code_name(err->code), err->text);
    exit(1);
}

/* ---- writing */

static uint64_t next_random(struct writer *writer)
{
    writer->random = writer->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return writer->random >> 33;
}

static size_t next_length(struct writer *writer)
{
    uint64_t bound = UINT64_C(2) << next_random(writer) % LENGTH_BITS;
    return 1 + (size_t)(next_random(writer) % bound);
}

static void fill(struct writer *writer, struct sheet *sheet, size_t i, char lines[])
{
    unsigned n = writer->next++;
    size_t length = next_length(writer);
    size_t room = length + 100;
    char *text = malloc(room);
    if (text == NULL)
        exit(1);
    int head = snprintf(text, room, "{\"fields\":{\"thread\":%u,\"n\":%u,\"pad\":\"",
                        writer->thread, n);
    for (size_t at = 0; at < length; at++)
        text[(size_t)head + at] = (char)('a' + (n + at) % LETTERS);
    int tail = snprintf(text + head + length, room - (size_t)head - length, "\"}}");
    (void)snprintf(sheet->ids[i], ID_SIZE, "t%u-%u", writer->thread, n);
    sheet->id_list[i] = sheet->ids[i];
    sheet->texts[i] = text;
    sheet->records[i] = (satchel_span){text, (size_t)head + length + (size_t)tail};
    size_t used = strlen(lines);
    (void)snprintf(lines + used, BATCH * LINE_SIZE - used, "+%s %zu\n", sheet->ids[i], length);
}

/* One write of a few lines: a pipe takes it whole or not at all. */
static void tell(const char *lines)
{
    size_t len = strlen(lines);
    if (write(STDOUT_FILENO, lines, len) != (ssize_t)len)
        exit(1);
}

static void write_batch(struct writer *writer)
{
    struct sheet sheet;
    char lines[BATCH * LINE_SIZE] = "";
    satchel_error err = {0};
    satchel_item *items = NULL;
    for (size_t i = 0; i < BATCH; i++)
        fill(writer, &sheet, i, lines);
    tell(lines);
    const satchel_batch batch = {
        .struct_size = sizeof batch,
        .count = BATCH,
        .ids = sheet.id_list,
        .records = sheet.records,
    };
    if (satchel_db_create_batch(writer->db, &batch, &items, &err) != SATCHEL_OK)
        fail("create_batch", &err);
    lines[0] = '\0';
    for (size_t i = 0; i < BATCH; i++) {
        size_t used = strlen(lines);
        (void)snprintf(lines + used, sizeof lines - used, "=%s\n", sheet.ids[i]);
        free(sheet.texts[i]);
    }
    satchel_items_free(items, BATCH);
    tell(lines);
}

static void *write_on(void *user)
{
    for (;;)
        write_batch(user);
    return NULL;
}

static void write_until_killed(const char *uri, uint64_t seed)
{
    satchel_error err = {0};
    satchel_db *db = NULL;
    struct writer writers[THREADS];
    pthread_t threads[THREADS];
    if (satchel_db_open(uri, NULL, &db, &err) != SATCHEL_OK)
        fail("open", &err);
    for (unsigned i = 0; i < THREADS; i++) {
        writers[i] = (struct writer){.db = db, .thread = i, .random = seed * THREADS + i};
        if (pthread_create(&threads[i], NULL, write_on, &writers[i]) != 0)
            exit(1);
    }
    (void)pthread_join(threads[0], NULL);
}

/* ---- reading */

static void list(const char *uri)
{
    satchel_error err = {0};
    satchel_store *store = NULL;
    satchel_cursor *cursor = NULL;
    const satchel_entry *entry = NULL;
    if (satchel_store_open(uri, NULL, &store, &err) != SATCHEL_OK ||
        satchel_list(store, "", 1, &cursor, &err) != SATCHEL_OK)
        fail("list", &err);
    while (satchel_cursor_next(cursor, &entry, &err) == SATCHEL_OK && entry != NULL)
        (void)puts(entry->key);
    if (err.code != SATCHEL_OK)
        fail("list", &err);
    satchel_cursor_close(cursor);
    satchel_store_close(store);
}

static void count(const char *uri)
{
    satchel_error err = {0};
    satchel_db *db = NULL;
    uint64_t found = 0;
    if (satchel_db_open(uri, NULL, &db, &err) != SATCHEL_OK ||
        satchel_db_refresh(db, &err) != SATCHEL_OK ||
        satchel_db_count(db, NULL, &found, &err) != SATCHEL_OK)
        fail("count", &err);
    (void)printf("%" PRIu64 "\n", found);
    satchel_db_close(db);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        (void)fprintf(stderr, "usage: kill_worker write|list|sweep|count KIND URI [SEED]\n");
        return 2;
    }
    if (strcmp(argv[2], "sidecar") == 0)
        sat_os_fail_kind("xattr", EOPNOTSUPP);
    if (strcmp(argv[1], "write") == 0 && argc == 5)
        write_until_killed(argv[3], strtoull(argv[4], NULL, 10));
    if (strcmp(argv[1], "sweep") == 0)
        sat_clock_fake_wall(sat_clock_wall_ns() + 3600 * SAT_NS_PER_S);
    if (strcmp(argv[1], "count") == 0)
        count(argv[3]);
    else
        list(argv[3]);
    return 0;
}
