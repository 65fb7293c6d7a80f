/*
 * Forks ROUNDS times while four threads read and write:
 *     fork_worker DB_URI STORE_URI ROUNDS [SERVER_PORT]
 * Each child does 200 reads, a create and a search; the parent goes on. A child or a wait that
 * hangs is ended by an alarm. Prints one JSON object: what was acknowledged, and the local ports of
 * the connections to SERVER_PORT before the first fork and after the last. Then waits for a line,
 * with those connections open. Settings come from the environment.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <satchel/satchel.h>

enum { THREADS = 4, SHARED = 20, READS = 200, CHILD_S = 60, ALL_S = 600, FDS = 1024 };

static satchel_db *db;
static satchel_store *store;
static atomic_bool stop;
static atomic_int failures;
static atomic_long created[THREADS]; /* acknowledged: t<thread>-0 ... */
static atomic_long worked[THREADS];

static void check(int code, const char *what, const satchel_error *err)
{
    if (code == SATCHEL_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, satchel_code_name(code), err->text);
    atomic_fetch_add(&failures, 1);
}

static void create(const char *id)
{
    static const char text[] = "{\"fields\":{\"kind\":\"made\"}}";
    satchel_error err = {0};
    check(satchel_db_create(db, id, (satchel_span){text, sizeof text - 1}, NULL, &err), id, &err);
}

static void read_record(const char *id)
{
    satchel_error err = {0};
    satchel_record record = {0};
    check(satchel_db_read(db, id, &record, &err), id, &err);
    satchel_record_free(&record);
}

static void put_object(const char *key)
{
    satchel_error err = {0};
    check(satchel_put(store, key, (satchel_span){key, strlen(key)}, NULL, &err), key, &err);
}

static void get_object(const char *key)
{
    satchel_error err = {0};
    satchel_buf data = {0};
    int code = satchel_get(store, key, &data, &err);
    check(code, key, &err);
    if (code == SATCHEL_OK && (data.len != strlen(key) || memcmp(data.data, key, data.len) != 0)) {
        fprintf(stderr, "%s: other bytes\n", key);
        atomic_fetch_add(&failures, 1);
    }
    satchel_buf_free(&data);
}

/* The records a search finds, which must be at least `least`. */
static void search(long least)
{
    satchel_error err = {0};
    satchel_results *results = NULL;
    const satchel_record *record = NULL;
    long found = 0;
    int code = satchel_db_search(db, NULL, &results, &err);
    check(code, "search", &err);
    while (code == SATCHEL_OK) {
        code = satchel_results_next(results, &record, &err);
        check(code, "next", &err);
        if (record == NULL)
            break;
        found++;
    }
    satchel_results_close(results);
    if (found < least) {
        fprintf(stderr, "a search found %ld of %ld\n", found, least);
        atomic_fetch_add(&failures, 1);
    }
}

static long acknowledged(void)
{
    long sum = SHARED;
    for (int i = 0; i < THREADS; i++)
        sum += atomic_load(&created[i]);
    return sum;
}

static void *work(void *arg)
{
    int self = (int)(intptr_t)arg;
    char name[32];
    while (!atomic_load(&stop)) {
        long n = atomic_load(&created[self]);
        long least = acknowledged();
        (void)snprintf(name, sizeof name, "t%d-%ld", self, n);
        create(name);
        atomic_fetch_add(&created[self], 1);
        put_object(name);
        for (int i = 0; i < SHARED; i++) {
            (void)snprintf(name, sizeof name, "s%d", i);
            read_record(name);
            get_object(name);
        }
        if (n % 4 == 0)
            search(least);
        atomic_fetch_add(&worked[self], 1);
    }
    return NULL;
}

static void child(long round, long least)
{
    char name[32];
    (void)alarm(CHILD_S);
    atomic_store(&failures, 0);
    for (int i = 0; i < READS / 2; i++) {
        (void)snprintf(name, sizeof name, "s%d", i % SHARED);
        read_record(name);
        get_object(name);
    }
    (void)snprintf(name, sizeof name, "c%ld", round);
    create(name);
    search(least + 1);
    if (round % 2 == 0) {
        satchel_db_close(db);
        satchel_store_close(store);
    }
    _exit(atomic_load(&failures) == 0 ? 0 : 1);
}

/* Every thread has got through a whole turn since. */
static void wait_for_turns(void)
{
    for (int i = 0; i < THREADS; i++) {
        long seen = atomic_load(&worked[i]);
        while (atomic_load(&worked[i]) < seen + 2)
            (void)usleep(1000);
    }
}

static void fork_once(long round)
{
    int status = -1;
    long least = acknowledged();
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0)
        child(round, least);
    wait_for_turns();
    (void)waitpid(pid, &status, 0);
    if (status != 0) {
        fprintf(stderr, "child %ld: status %d\n", round, status);
        atomic_fetch_add(&failures, 1);
    }
}

static void print_ports(const char *name, int server_port)
{
    const char *comma = "";
    printf("\"%s\":[", name);
    for (int fd = 0; fd < FDS; fd++) {
        struct sockaddr_in peer = {0};
        struct sockaddr_in here = {0};
        socklen_t peer_len = sizeof peer;
        socklen_t here_len = sizeof here;
        if (getpeername(fd, (struct sockaddr *)&peer, &peer_len) != 0 ||
            getsockname(fd, (struct sockaddr *)&here, &here_len) != 0 ||
            peer.sin_family != AF_INET || ntohs(peer.sin_port) != server_port)
            continue;
        printf("%s%d", comma, ntohs(here.sin_port));
        comma = ",";
    }
    printf("]");
}

static void open_all(char **argv)
{
    satchel_error err = {0};
    char name[32];
    check(satchel_db_open(argv[1], NULL, &db, &err), "open", &err);
    check(satchel_store_open(argv[2], NULL, &store, &err), "open", &err);
    for (int i = 0; i < SHARED && atomic_load(&failures) == 0; i++) {
        (void)snprintf(name, sizeof name, "s%d", i);
        create(name);
        put_object(name);
    }
    if (atomic_load(&failures) != 0)
        exit(1);
}

int main(int argc, char **argv)
{
    pthread_t threads[THREADS];
    char line[16];
    if (argc < 4)
        return 2;
    int port = argc > 4 ? (int)strtol(argv[4], NULL, 10) : 0;
    long rounds = strtol(argv[3], NULL, 10);
    (void)alarm(ALL_S);
    open_all(argv);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_create(&threads[i], NULL, work, (void *)(intptr_t)i);
    wait_for_turns();
    printf("{");
    print_ports("before", port);
    for (long round = 0; round < rounds; round++)
        fork_once(round);
    wait_for_turns();
    printf(",");
    print_ports("after", port);
    atomic_store(&stop, true);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    search(acknowledged() + rounds);
    printf(",\"created\":[%ld,%ld,%ld,%ld],\"failures\":%d}\n", atomic_load(&created[0]),
           atomic_load(&created[1]), atomic_load(&created[2]), atomic_load(&created[3]),
           atomic_load(&failures));
    (void)fflush(stdout);
    (void)fgets(line, sizeof line, stdin);
    satchel_db_close(db);
    satchel_store_close(store);
    return atomic_load(&failures) == 0 ? 0 : 1;
}
