/*
 * Operations submitted to a queue: their results, the descriptor, the order, ending early, limits.
 * Every kind of store takes part; s3:// where SATCHEL_TEST_S3_URL and its like name a server.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "api/fixture.h"
#include "api/s3_fixture.h"
#include "support/forked.h"

static satchel_store *store;
static satchel_queue *queue;
static satchel_completion done; /* what take() took */

static int begin(void **state)
{
    done.struct_size = sizeof done;
    if (case_begin(state) != 0)
        return -1;
    return satchel_queue_new(NULL, &queue, &err);
}

static int end(void **state)
{
    satchel_queue_free(queue);
    satchel_store_close(store);
    queue = NULL;
    store = NULL;
    return case_end(state);
}

static void open_store(const char *uri)
{
    ok(satchel_config_set(config, "durability", "none", &err));
    ok(satchel_store_open(uri, config, &store, &err));
}

/* ---- a store that never answers */

static int deaf_socket = -1;

/* Opens `store` on a server that takes connections and requests, and says nothing. */
static void open_deaf_store(void)
{
    char url[64];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    deaf_socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(deaf_socket, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(deaf_socket, 64), 0);
    assert_int_equal(getsockname(deaf_socket, (struct sockaddr *)&address, &len), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%u", ntohs(address.sin_port));
    ok(satchel_config_set(config, "endpoint_url", url, &err));
    ok(satchel_config_set(config, "access_key_id", "id", &err));
    ok(satchel_config_set(config, "secret_access_key", "secret", &err));
    ok(satchel_store_open("s3://deaf/", config, &store, &err));
}

static int end_deaf(void **state)
{
    int code = end(state);
    close(deaf_socket);
    return code;
}

/* ---- submitting and taking */

static const satchel_submission *with(void *user)
{
    static satchel_submission to;
    to = (satchel_submission){
        .struct_size = sizeof to, .queue = queue, .store = store, .user = user};
    return &to;
}

/* The next completion, which must carry `user` and `code`. */
#define take(user, code) take_((user), (code), __LINE__)
static void take_(const void *user, int code, int line)
{
    satchel_completion_free(&done);
    if (satchel_queue_next(queue, -1, &done) != 1)
        fail_msg("line %d: nothing came out", line);
    if (done.err.code != code)
        fail_msg("line %d: %s: %s", line, satchel_code_name(done.err.code), done.err.text);
    if (done.user != user)
        fail_msg("line %d: another's completion", line);
}

static void assert_data(const char *text)
{
    assert_int_equal(done.data.len, strlen(text));
    assert_memory_equal(done.data.data == NULL ? "" : done.data.data, text, done.data.len);
}

static bool is_readable(void)
{
    struct pollfd fd = {.fd = satchel_queue_fd(queue), .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

/* ---- every operation */

static void check_put_and_get(void)
{
    int put = 0;
    int get = 0;
    char etag[128];
    const satchel_pair metadata[] = {{"colour", "red"}};
    const satchel_put_options options = {
        .struct_size = sizeof options, .metadata = metadata, .metadata_count = 1};
    ok(satchel_submit_put(with(&put), "k", span("0123456789"), &options, &err));
    take(&put, SATCHEL_OK);
    assert_null(done.data.data);
    snprintf(etag, sizeof etag, "%s", done.info.etag);
    ok(satchel_submit_get(with(&get), "k", &err));
    take(&get, SATCHEL_OK);
    assert_data("0123456789");
    assert_string_equal(done.info.etag, etag);
    ok(satchel_submit_get_range(with(&get), "k", 3, 4, &err));
    take(&get, SATCHEL_OK);
    assert_data("3456");
    ok(satchel_submit_stat(with(NULL), "k", &err));
    take(NULL, SATCHEL_OK);
    assert_int_equal(done.info.size, 10);
    assert_string_equal(done.info.etag, etag);
    assert_string_equal(done.info.metadata.items[0].value, "red");
    ok(satchel_submit_delete(with(&put), "k", "another", &err));
    take(&put, SATCHEL_CONFLICT);
    ok(satchel_submit_delete(with(&put), "k", etag, &err));
    take(&put, SATCHEL_OK);
    assert_int_equal(satchel_stat(store, "k", &done.info, &err), SATCHEL_NOT_FOUND);
}

static void check_tags(void)
{
    const satchel_pair tags[] = {{"team", "a"}, {"stage", "b"}};
    ok(satchel_submit_put(with(NULL), "t", span(""), NULL, &err));
    take(NULL, SATCHEL_OK);
    ok(satchel_submit_tags_set(with(NULL), "t", tags, 2, &err));
    take(NULL, SATCHEL_OK);
    ok(satchel_submit_tags_get(with(NULL), "t", &err));
    take(NULL, SATCHEL_OK);
    assert_int_equal(done.tags.count, 2);
    ok(satchel_submit_tags_set(with(NULL), "t", NULL, 0, &err));
    take(NULL, SATCHEL_OK);
    ok(satchel_submit_tags_get(with(NULL), "t", &err));
    take(NULL, SATCHEL_OK);
    assert_int_equal(done.tags.count, 0);
    ok(satchel_submit_get(with(NULL), "t", &err));
    take(NULL, SATCHEL_OK);
    assert_data("");
}

static void check_errors(void)
{
    const satchel_put_options absent = {.struct_size = sizeof absent, .if_absent = 1};
    ok(satchel_submit_get(with(&store), "none", &err));
    take(&store, SATCHEL_NOT_FOUND);
    assert_non_null(strstr(done.err.text, "none"));
    assert_null(done.data.data);
    ok(satchel_submit_stat(with(NULL), "none", &err));
    take(NULL, SATCHEL_NOT_FOUND);
    assert_null(done.info.etag);
    ok(satchel_submit_stat(with(NULL), "\xff", &err));
    take(NULL, SATCHEL_INVALID);
    ok(satchel_submit_put(with(NULL), "e", span("1"), &absent, &err));
    take(NULL, SATCHEL_OK);
    ok(satchel_submit_put(with(NULL), "e", span("2"), &absent, &err));
    take(NULL, SATCHEL_EXISTS);
    assert_null(done.info.etag);
    ok(satchel_submit_get_range(with(NULL), "e", 5, 1, &err));
    take(NULL, SATCHEL_INVALID);
}

static void check_all(void)
{
    check_put_and_get();
    check_tags();
    check_errors();
    satchel_completion_free(&done);
    assert_int_equal(done.struct_size, sizeof done);
    assert_false(is_readable());
}

static void all_operations_in_memory(void **state)
{
    (void)state;
    open_store("mem://queue/all/");
    check_all();
}

static void all_operations_on_files(void **state)
{
    (void)state;
    open_store(uri_of("store/"));
    check_all();
}

/* ---- an event loop */

enum { OPS = 1000, LIMIT = 64 };

struct request {
    char key[16];
    char text[16];
    unsigned came;
};
static struct request requests[OPS];

static int put_request(struct request *request)
{
    return satchel_submit_put(with(request), request->key, span(request->text), NULL, &err);
}

static int get_request(struct request *request)
{
    return satchel_submit_get(with(request), request->key, &err);
}

/* Submits until the queue is full; `from` is the first request that is not submitted yet. */
static void fill_queue(int (*submit)(struct request *), size_t *from)
{
    int code = SATCHEL_OK;
    while (*from < OPS && code == SATCHEL_OK) {
        code = submit(&requests[*from]);
        *from += code == SATCHEL_OK;
    }
    if (code != SATCHEL_OK)
        assert_int_equal(code, SATCHEL_BUSY);
}

/* Runs all requests as a program with a poll loop would; returns how many came out. */
static size_t loop(int (*submit)(struct request *), bool has_data)
{
    struct pollfd fd = {.fd = satchel_queue_fd(queue), .events = POLLIN};
    size_t submitted = 0;
    size_t came = 0;
    while (came < OPS) {
        fill_queue(submit, &submitted);
        assert_int_equal(poll(&fd, 1, 60000), 1);
        assert_int_equal(fd.revents, POLLIN);
        while (satchel_queue_next(queue, 0, &done) == 1) {
            struct request *request = done.user;
            if (done.err.code != SATCHEL_OK)
                fail_msg("%s: %s", request->key, done.err.text);
            if (has_data)
                assert_data(request->text);
            request->came++;
            came++;
            satchel_completion_free(&done);
        }
        assert_true(submitted - came <= LIMIT);
    }
    return came;
}

static void check_loop(void)
{
    const satchel_queue_options options = {.struct_size = sizeof options, .limit = LIMIT};
    satchel_queue_free(queue);
    ok(satchel_queue_new(&options, &queue, &err));
    for (size_t i = 0; i < OPS; i++) {
        struct request *request = &requests[i];
        snprintf(request->key, sizeof request->key, "k%zu", i);
        snprintf(request->text, sizeof request->text, "content %zu", i);
        request->came = 0;
    }
    assert_int_equal(loop(put_request, false), OPS);
    assert_int_equal(loop(get_request, true), OPS);
    for (size_t i = 0; i < OPS; i++)
        assert_int_equal(requests[i].came, 2);
    assert_false(is_readable());
    assert_int_equal(satchel_queue_next(queue, 0, &done), 0);
}

static void a_thousand_operations_in_memory(void **state)
{
    (void)state;
    open_store("mem://queue/loop/");
    check_loop();
}

static void a_thousand_operations_on_files(void **state)
{
    (void)state;
    open_store(uri_of("loop"));
    check_loop();
}

static void on_a_server(void (*check)(void))
{
    if (!s3_is_there()) {
        print_message("skipped: SATCHEL_TEST_S3_URL, _KEY or _SECRET is not set\n");
        skip();
    }
    open_store(s3("queue/"));
    ok(satchel_bucket_create(store, &err));
    check();
}

static int begin_server(void **state)
{
    done.struct_size = sizeof done;
    if ((s3_is_there() ? s3_begin(state) : case_begin(state)) != 0)
        return -1;
    return satchel_queue_new(NULL, &queue, &err);
}

static int end_server(void **state)
{
    satchel_queue_free(queue);
    satchel_store_close(store);
    queue = NULL;
    store = NULL;
    return s3_is_there() ? s3_end(state) : case_end(state);
}

static void all_operations_on_s3(void **state)
{
    (void)state;
    on_a_server(check_all);
}

static void a_thousand_operations_on_s3(void **state)
{
    (void)state;
    on_a_server(check_loop);
}

static void check_large(void)
{
    static char large[17 * 1024 * 1024];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * i >> 7);
    ok(satchel_submit_put(with(NULL), "large", (satchel_span){large, sizeof large}, NULL, &err));
    take(NULL, SATCHEL_OK);
    assert_non_null(strchr(done.info.etag, '-'));
    ok(satchel_submit_get(with(NULL), "large", &err));
    take(NULL, SATCHEL_OK);
    assert_int_equal(done.data.len, sizeof large);
    assert_memory_equal(done.data.data, large, sizeof large);
}

/* The ETag of a multipart upload has a '-'. */
static void a_large_object_goes_up_in_parts(void **state)
{
    (void)state;
    on_a_server(check_large);
}

/* Watched edge-triggered, the descriptor reports each time the queue fills from empty. */
static void epoll_works_on_edges_too(void **state)
{
    (void)state;
    struct epoll_event event = {.events = EPOLLIN | EPOLLET};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    open_store("mem://queue/edges/");
    assert_int_equal(epoll_ctl(epoll, EPOLL_CTL_ADD, satchel_queue_fd(queue), &event), 0);
    for (int round = 0; round < 50; round++) {
        ok(satchel_submit_put(with(NULL), "k", span("1"), NULL, &err));
        assert_int_equal(epoll_wait(epoll, &event, 1, 60000), 1);
        take(NULL, SATCHEL_OK);
        assert_int_equal(satchel_queue_next(queue, 0, &done), 0);
        assert_int_equal(epoll_wait(epoll, &event, 1, 0), 0);
    }
    close(epoll);
}

/* ---- order, waiting */

static void what_ends_first_comes_first(void **state)
{
    (void)state;
    int slow = 0;
    int quick = 0;
    satchel_store *deaf = NULL;
    open_deaf_store();
    ok(satchel_submit_get(with(&slow), "k", &err));
    deaf = store;
    open_store("mem://queue/order/");
    ok(satchel_submit_put(with(&quick), "k", span("1"), NULL, &err));
    take(&quick, SATCHEL_OK);
    assert_false(is_readable());
    assert_int_equal(satchel_queue_cancel(queue, &slow), 1);
    take(&slow, SATCHEL_CANCELLED);
    satchel_store_close(deaf);
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void waiting_ends_in_time(void **state)
{
    (void)state;
    assert_int_equal(satchel_queue_next(queue, -1, &done), 0);
    open_deaf_store();
    ok(satchel_submit_get(with(NULL), "k", &err));
    assert_int_equal(satchel_queue_next(queue, 0, &done), 0);
    int64_t start = now_ms();
    assert_int_equal(satchel_queue_next(queue, 20, &done), 0);
    assert_true(now_ms() - start >= 19);
    assert_false(is_readable());
}

/* ---- ending early */

static void only_its_own_user_is_cancelled(void **state)
{
    (void)state;
    int mine = 0;
    int other = 0;
    open_deaf_store();
    ok(satchel_submit_get(with(&mine), "a", &err));
    ok(satchel_submit_put(with(&mine), "b", span("x"), NULL, &err));
    ok(satchel_submit_get(with(&other), "c", &err));
    ok(satchel_submit_get(with(NULL), "d", &err));
    assert_int_equal(satchel_queue_cancel(queue, &queue), 0);
    assert_int_equal(satchel_queue_cancel(queue, &mine), 2);
    take(&mine, SATCHEL_CANCELLED);
    take(&mine, SATCHEL_CANCELLED);
    assert_int_equal(satchel_queue_cancel(queue, &mine), 0);
    assert_int_equal(satchel_queue_next(queue, 0, &done), 0);
    assert_int_equal(satchel_queue_cancel(queue, NULL), 1);
    take(NULL, SATCHEL_CANCELLED);
    assert_int_equal(satchel_queue_cancel(queue, &other), 1);
    take(&other, SATCHEL_CANCELLED);
}

static void what_ended_before_it_was_cancelled_is_kept(void **state)
{
    (void)state;
    struct pollfd fd = {.fd = satchel_queue_fd(queue), .events = POLLIN};
    open_store("mem://queue/late/");
    ok(satchel_submit_put(with(NULL), "k", span("1"), NULL, &err));
    assert_int_equal(poll(&fd, 1, 60000), 1);
    assert_int_equal(satchel_queue_cancel(queue, NULL), 1);
    take(NULL, SATCHEL_OK);
}

static void freeing_a_queue_ends_what_is_under_way(void **state)
{
    (void)state;
    open_deaf_store();
    for (int i = 0; i < 100; i++) {
        ok(satchel_submit_get(with(NULL), "k", &err));
        ok(satchel_submit_put(with(&queue), "k", span("1"), NULL, &err));
    }
    int64_t start = now_ms();
    satchel_queue_free(queue);
    assert_true(now_ms() - start < 5000);
    queue = NULL;
}

static void freeing_a_queue_drops_what_was_not_taken(void **state)
{
    (void)state;
    struct pollfd fd = {.fd = satchel_queue_fd(queue), .events = POLLIN};
    open_store("mem://queue/dropped/");
    ok(satchel_put(store, "k", span("content"), NULL, &err));
    ok(satchel_submit_get(with(NULL), "k", &err));
    ok(satchel_submit_stat(with(NULL), "k", &err));
    assert_int_equal(poll(&fd, 1, 60000), 1);
    satchel_queue_free(queue);
    queue = NULL;
}

/* ---- limits, memory */

static void a_full_queue_is_busy(void **state)
{
    (void)state;
    const satchel_queue_options options = {.struct_size = sizeof options, .limit = 2};
    satchel_queue_free(queue);
    ok(satchel_queue_new(&options, &queue, &err));
    open_deaf_store();
    ok(satchel_submit_get(with(NULL), "a", &err));
    ok(satchel_submit_get(with(&queue), "b", &err));
    assert_int_equal(satchel_submit_get(with(NULL), "c", &err), SATCHEL_BUSY);
    assert_non_null(strstr(err.text, "2 operations"));
    assert_int_equal(satchel_queue_cancel(queue, &queue), 1);
    take(&queue, SATCHEL_CANCELLED);
    ok(satchel_submit_get(with(NULL), "c", &err));
    assert_int_equal(satchel_submit_get(with(NULL), "d", &err), SATCHEL_BUSY);
}

static void a_thousand_and_twenty_four_is_the_limit(void **state)
{
    (void)state;
    open_deaf_store();
    for (int i = 0; i < 1024; i++)
        ok(satchel_submit_stat(with(NULL), "k", &err));
    assert_int_equal(satchel_submit_stat(with(NULL), "k", &err), SATCHEL_BUSY);
}

static void max_memory_bounds_a_result(void **state)
{
    static char large[17 * 1024 * 1024];
    (void)state;
    ok(satchel_config_set(config, "max_memory", "16MiB", &err));
    open_store("mem://queue/bounded/");
    ok(satchel_submit_put(with(NULL), "k", (satchel_span){large, sizeof large}, NULL, &err));
    take(NULL, SATCHEL_OK);
    ok(satchel_submit_get(with(NULL), "k", &err));
    take(NULL, SATCHEL_LIMIT);
    assert_non_null(strstr(done.err.text, "max_memory"));
    assert_null(done.data.data);
}

/* What was handed in is gone while another operation still holds the only worker. */
static void arguments_may_go_at_once(void **state)
{
    (void)state;
    static char large[8 * 1024 * 1024];
    ok(satchel_config_set(config, "workers", "1", &err));
    open_store("mem://queue/copied/");
    ok(satchel_submit_put(with(&large), "large", (satchel_span){large, sizeof large}, NULL, &err));
    char *key = strdup("key");
    char *type = strdup("text/x-own");
    char *value = strdup("red");
    char *etag = strdup("another");
    satchel_pair *pair = calloc(1, sizeof *pair);
    *pair = (satchel_pair){"colour", value};
    satchel_put_options options = {
        .struct_size = sizeof options,
        .content_type = type,
        .metadata = pair,
        .metadata_count = 1,
        .tags = pair,
        .tag_count = 1,
    };
    ok(satchel_submit_put(with(&options), key, span("x"), &options, &err));
    ok(satchel_submit_delete(with(&store), key, etag, &err));
    free(key);
    free(type);
    free(value);
    free(etag);
    free(pair);
    take(&large, SATCHEL_OK);
    take(&options, SATCHEL_OK);
    take(&store, SATCHEL_CONFLICT);
    ok(satchel_submit_stat(with(NULL), "key", &err));
    take(NULL, SATCHEL_OK);
    assert_string_equal(done.info.content_type, "text/x-own");
    assert_string_equal(done.info.metadata.items[0].value, "red");
}

/* ---- threads */

enum { THREADS = 4, EACH = 500 };

static void *submit_and_take(void *arg)
{
    size_t *taken = arg;
    satchel_completion own = {.struct_size = sizeof own};
    const satchel_submission to = {sizeof to, queue, store, arg};
    for (int i = 0; i < EACH; i++) {
        if (satchel_submit_put(&to, "k", span("1"), NULL, NULL) != SATCHEL_OK)
            return NULL;
        if (i % 10 == 0)
            satchel_queue_cancel(queue, arg);
        if (satchel_queue_next(queue, i % 2 == 0 ? 0 : -1, &own) == 1)
            ++*taken;
        satchel_completion_free(&own);
    }
    while (satchel_queue_next(queue, -1, &own) == 1) {
        ++*taken;
        satchel_completion_free(&own);
    }
    return NULL;
}

static void threads_share_a_queue(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    size_t taken[THREADS] = {0};
    size_t sum = 0;
    const satchel_queue_options options = {.struct_size = sizeof options, .limit = THREADS * EACH};
    satchel_queue_free(queue);
    ok(satchel_queue_new(&options, &queue, &err));
    open_store("mem://queue/threads/");
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, submit_and_take, &taken[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        sum += taken[i];
    }
    assert_int_equal(sum, THREADS * EACH);
    assert_false(is_readable());
}

static int use_in_child(void *unused)
{
    satchel_completion completion = {.struct_size = sizeof completion};
    int came = 0;
    (void)unused;
    while (satchel_queue_next(queue, -1, &completion) == 1 &&
           completion.err.code == SATCHEL_CANCELLED)
        came++;
    bool refused = satchel_submit_stat(with(NULL), "k", NULL) == SATCHEL_CANCELLED;
    satchel_queue_free(queue);
    return came == 2 && refused ? 0 : 1;
}

static void a_queue_is_not_a_forked_childs(void **state)
{
    satchel_completion completion = {.struct_size = sizeof completion};
    (void)state;
    open_store("mem://queue/fork/");
    for (int i = 0; i < 2; i++)
        assert_int_equal(satchel_submit_stat(with(NULL), "k", NULL), SATCHEL_OK);
    assert_int_equal(run_forked(use_in_child, NULL), 0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(satchel_queue_next(queue, -1, &completion), 1);
        assert_int_equal(completion.err.code, SATCHEL_NOT_FOUND);
    }
    assert_false(is_readable());
}

#define TEST(f)   cmocka_unit_test_setup_teardown(f, begin, end)
#define DEAF(f)   cmocka_unit_test_setup_teardown(f, begin, end_deaf)
#define SERVER(f) cmocka_unit_test_setup_teardown(f, begin_server, end_server)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_operations_in_memory),
        TEST(all_operations_on_files),
        SERVER(all_operations_on_s3),
        TEST(a_thousand_operations_in_memory),
        TEST(a_thousand_operations_on_files),
        SERVER(a_thousand_operations_on_s3),
        SERVER(a_large_object_goes_up_in_parts),
        TEST(epoll_works_on_edges_too),
        DEAF(what_ends_first_comes_first),
        DEAF(waiting_ends_in_time),
        DEAF(only_its_own_user_is_cancelled),
        TEST(what_ended_before_it_was_cancelled_is_kept),
        DEAF(freeing_a_queue_ends_what_is_under_way),
        TEST(freeing_a_queue_drops_what_was_not_taken),
        DEAF(a_full_queue_is_busy),
        DEAF(a_thousand_and_twenty_four_is_the_limit),
        TEST(max_memory_bounds_a_result),
        TEST(arguments_may_go_at_once),
        TEST(threads_share_a_queue),
        TEST(a_queue_is_not_a_forked_childs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
