/*
 * How fast CRC64-NVME is by each way that this machine has, against the table.
 *
 * In every round each way hashes as many bytes, one way after the other, so that what else the
 * machine does falls on all of them. The figure is the CPU time of the thread.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/crc.h"

enum { ROUNDS = 9 };

static const char *const names[] = {
    [SAT_CRC64_TABLE] = "table",
    [SAT_CRC64_PCLMUL] = "pclmul",
    [SAT_CRC64_VPCLMUL_256] = "vpclmul-256",
    [SAT_CRC64_VPCLMUL_512] = "vpclmul-512",
};

enum { WAYS = sizeof names / sizeof names[0] };

/* An odd small object, what a response brings at a time, a part that no cache holds. */
static const size_t sizes[] = {4099, 256 << 10, 64 << 20};

enum { SIZES = sizeof sizes / sizeof sizes[0] };

static const size_t bytes_a_run = 256U << 20;

struct result {
    double gib_s[ROUNDS]; /* in the order of the rounds */
    double sorted[ROUNDS];
};

static double cpu_seconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* GiB/s of one way over a text of `size` bytes; `*crc` carries on through all calls. */
static double run(enum sat_crc64_way way, const unsigned char *text, size_t size, uint64_t *crc)
{
    size_t calls = bytes_a_run / size;
    double start = cpu_seconds();
    for (size_t i = 0; i < calls; i++)
        *crc = sat_crc64_by(way, *crc, text, size);
    return (double)(calls * size) / (1 << 30) / (cpu_seconds() - start);
}

static int ascending(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* All rounds of one size. False when two ways differ on the CRC. */
static bool measure(const unsigned char *text, size_t size, struct result results[WAYS])
{
    uint64_t crcs[WAYS] = {0};
    for (int round = 0; round < ROUNDS; round++) {
        for (unsigned way = 0; way <= sat_crc64_best(); way++)
            results[way].gib_s[round] = run((enum sat_crc64_way)way, text, size, &crcs[way]);
    }
    for (unsigned way = 0; way <= sat_crc64_best(); way++) {
        if (crcs[way] != crcs[SAT_CRC64_TABLE])
            return false;
        memcpy(results[way].sorted, results[way].gib_s, sizeof results[way].sorted);
        qsort(results[way].sorted, ROUNDS, sizeof(double), ascending);
    }
    return true;
}

static void print(size_t size, const struct result results[WAYS])
{
    for (unsigned way = 0; way <= sat_crc64_best(); way++) {
        const double *sorted = results[way].sorted;
        (void)printf("%10zu  %-12s %7.2f GiB/s [%.2f-%.2f]  %6.2f x table\n", size, names[way],
                     sorted[ROUNDS / 2], sorted[0], sorted[ROUNDS - 1],
                     sorted[ROUNDS / 2] / results[SAT_CRC64_TABLE].sorted[ROUNDS / 2]);
    }
}

static int write_json(const char *path, double load, struct result results[SIZES][WAYS])
{
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return 1;
    (void)fprintf(file, "{\"load\": %.2f, \"unit\": \"GiB per CPU second\", \"runs\": [", load);
    const char *comma = "";
    for (size_t i = 0; i < SIZES; i++) {
        for (unsigned way = 0; way <= sat_crc64_best(); way++) {
            (void)fprintf(file, "%s\n  {\"bytes\": %zu, \"way\": \"%s\", \"values\": [", comma,
                          sizes[i], names[way]);
            for (int round = 0; round < ROUNDS; round++)
                (void)fprintf(file, "%s%.3f", round > 0 ? ", " : "", results[i][way].gib_s[round]);
            (void)fputs("]}", file);
            comma = ",";
        }
    }
    (void)fputs("\n]}\n", file);
    return fclose(file) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct result results[SIZES][WAYS];
    double load = 0;
    size_t most = sizes[SIZES - 1];
    unsigned char *text = aligned_alloc(4096, most);
    if (text == NULL)
        return 1;
    for (size_t i = 0; i < most; i++)
        text[i] = (unsigned char)(i * 2654435761U >> 13);
    (void)getloadavg(&load, 1);
    (void)printf("load average %.2f, %d rounds, CPU time, median [min-max]\n", load, ROUNDS);
    for (size_t i = 0; i < SIZES; i++) {
        if (!measure(text, sizes[i], results[i])) {
            (void)fprintf(stderr, "the ways differ over %zu bytes\n", sizes[i]);
            return 1;
        }
        print(sizes[i], results[i]);
    }
    free(text);
    return argc > 1 ? write_json(argv[1], load, results) : 0;
}
