/*
 * Ends with transfers under way:
 *     exit_worker STORE_URI return|exit|shutdown
 * A hundred threads read and write without end; once each has got an answer the program leaves by
 * the named way, closing nothing. Settings come from the environment.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <satchel/satchel.h>

enum { THREADS = 100 };

static satchel_store *store;
static atomic_int answered;

static void *work(void *arg)
{
    char key[32];
    satchel_buf data = {0};
    (void)snprintf(key, sizeof key, "x%d", (int)(intptr_t)arg);
    int code = satchel_put(store, key, (satchel_span){key, strlen(key)}, NULL, NULL);
    for (int i = 0; code == SATCHEL_OK; i++) {
        code = satchel_get(store, key, &data, NULL);
        satchel_buf_free(&data);
        if (i == 0)
            atomic_fetch_add(&answered, 1);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    satchel_error err = {0};
    if (argc != 3 || satchel_store_open(argv[1], NULL, &store, &err) != SATCHEL_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, work, (void *)(intptr_t)i) != 0)
            return 2;
    }
    while (atomic_load(&answered) < THREADS)
        (void)usleep(1000);
    (void)puts("leaving");
    if (strcmp(argv[2], "shutdown") == 0)
        satchel_shutdown();
    if (strcmp(argv[2], "exit") == 0)
        exit(0);
    return 0;
}
