/*
 * What kill.py kills, and the readers it asks afterwards:
 *     kill_worker write KIND URI SEED   eight threads create batches of records until they are
 *                                       killed; on standard output "+ID LENGTH" before a record is
 *                                       written and "=ID" once it is acknowledged
 *     kill_worker list URI              the keys of the folder, one a line
 *     kill_worker count URI             the number of records that a search finds
 * Record t3-17 has the fields thread 3, n 17 and pad: LENGTH letters, the alphabet again and again
 * from its (17 modulo 26)th letter on. With KIND sidecar it has more metadata than an extended
 * attribute holds.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <satchel/satchel.h>

enum {
    THREADS = 8,
    BATCH = 4,
    LENGTH_BITS = 18, /* pads of 1 B to 256 KiB, every magnitude as likely as another */
    ID_SIZE = 32,
    LINE_SIZE = 64,
    LETTERS = 26,
    LABELS = 10, /* metadata that becomes tags, as long as a tag may be */
    LABEL_LENGTH = 250,
    TAIL_SIZE = LABELS * (LABEL_LENGTH + 20),
};

struct writer {
    satchel_db *db;
    const char *tail; /* how the text of a record ends */
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
    size_t room = length + TAIL_SIZE + 200;
    char *text = malloc(room);
    if (text == NULL)
        exit(1);
    int head =
        snprintf(text, room, "{\"fields\":{\"thread\":%u,\"n\":%u,\"pad\":\"", writer->thread, n);
    for (size_t at = 0; at < length; at++)
        text[(size_t)head + at] = (char)('a' + (n + at) % LETTERS);
    int tail = snprintf(text + head + length, room - (size_t)head - length, "%s", writer->tail);
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

/* "}} or "},"metadata":{"k0":"///...", ...}} */
static void write_tail(bool labels, char out[TAIL_SIZE])
{
    int used = snprintf(out, TAIL_SIZE, "\"}%s", labels ? ",\"metadata\":{" : "");
    for (int i = 0; labels && i < LABELS; i++) {
        used += snprintf(out + used, TAIL_SIZE - (size_t)used, "%s\"k%d\":\"", i > 0 ? "," : "", i);
        memset(out + used, '/', LABEL_LENGTH);
        used += LABEL_LENGTH;
        used += snprintf(out + used, TAIL_SIZE - (size_t)used, "\"");
    }
    (void)snprintf(out + used, TAIL_SIZE - (size_t)used, "%s", labels ? "}}" : "}");
}

static void write_until_killed(bool labels, const char *uri, uint64_t seed)
{
    char tail[TAIL_SIZE];
    satchel_error err = {0};
    satchel_db *db = NULL;
    struct writer writers[THREADS];
    pthread_t threads[THREADS];
    write_tail(labels, tail);
    if (satchel_db_open(uri, NULL, &db, &err) != SATCHEL_OK)
        fail("open", &err);
    for (unsigned i = 0; i < THREADS; i++) {
        writers[i] =
            (struct writer){.db = db, .tail = tail, .thread = i, .random = seed * THREADS + i};
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
    if (argc == 5 && strcmp(argv[1], "write") == 0) {
        write_until_killed(strcmp(argv[2], "sidecar") == 0, argv[3], strtoull(argv[4], NULL, 10));
    } else if (argc == 3 && strcmp(argv[1], "list") == 0) {
        list(argv[2]);
    } else if (argc == 3 && strcmp(argv[1], "count") == 0) {
        count(argv[2]);
    } else {
        (void)fprintf(stderr, "usage: kill_worker write KIND URI SEED | list URI | count URI\n");
        return 2;
    }
    return 0;
}
