/* Light copies: two steps around an op, and the ones that turn out to be more. */
#include "transfer/copy.h"

#include <errno.h>
#include <stdio.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/fake_backend.h"
#include "core/str.h"
#include "transfer/fixture.h"

static struct http_server *server;
static struct sat_conn *conn;
static struct sat_target target;
static struct sat_copy_rules rules;
static struct sat_lights lights;

static int light_begin(void **state)
{
    lights = (struct sat_lights){0};
    int code = case_begin(state);
    return code == 0 ? sat_queue_new(&lights.queue, NULL) : code;
}

static int light_end(void **state)
{
    sat_alloc_fail_nth(0);
    sat_lights_close(&lights);
    sat_queue_free(lights.queue);
    sat_conn_close(conn);
    conn = NULL;
    if (server != NULL)
        http_server_stop(server);
    server = NULL;
    sat_free(target.base);
    target = (struct sat_target){0};
    return case_end(state);
}

#define LIGHT_CASE(f) cmocka_unit_test_setup_teardown(f, light_begin, light_end)

/* A store that answers so, and a target there or in the folder "out". */
static void start(const struct http_step *step, bool up)
{
    server = http_server_start(step, 1);
    conn = fake_open(http_server_url(server), NULL);
    target = (struct sat_target){.conn = up ? conn : NULL, .folder = true};
    target.base = sat_strdup(up ? "fake://bucket/" : at("out/"));
    rules = (struct sat_copy_rules){
        .target = &target, .ranges_from = 1 << 20, .durability = SAT_LANDING_NONE};
}

static void start_up(void)
{
    start(&(struct http_step){.bytes = fake_reply("200 OK", "ETag: e\r\n", "")}, true);
}

static void start_down(const char *headers, const char *body)
{
    start(&(struct http_step){.bytes = fake_reply("200 OK", headers, body)}, false);
}

/* The file "in/a" to the store, or the object "k" of `size` bytes into "out/x". */
static struct sat_copy *copy_of(uint64_t size)
{
    struct sat_copy *copy = NULL;
    struct sat_item item = {.name = sat_strdup("x"), .own_len = 1, .size = size};
    if (target.conn != NULL) {
        item.source = sat_strdup(at("in/a"));
        item.root_len = strlen(at("in/"));
    } else {
        item.source = sat_strdup("fake://bucket/k");
        item.conn = conn;
        item.key = sat_strdup("k");
    }
    assert_int_equal(sat_copy_new(&rules, &item, sat_strdup("x"), &copy, NULL), SATCHEL_OK);
    return copy;
}

static enum sat_copy_step finish(struct sat_copy *copy)
{
    const struct sat_op *op = sat_queue_listen(lights.queue, 1, -1);
    assert_ptr_equal(op->user, copy);
    return sat_copy_end(copy, &lights);
}

/* Begins and ends it; the caller frees it. */
static struct sat_copy *run(uint64_t size)
{
    struct sat_copy *copy = copy_of(size);
    assert_true(sat_copy_is_light(copy));
    assert_int_equal(sat_copy_begin(copy, &lights), SAT_COPY_UNDER_WAY);
    assert_int_equal(finish(copy), SAT_COPY_ENDED);
    return copy;
}

static void assert_outcome(struct sat_copy *copy, const char *status, int code)
{
    if (!sat_str_eq(copy->status, status) || copy->err.code != code)
        fail_msg("%s: %s %s", copy->status, satchel_code_name(copy->err.code), copy->err.text);
    sat_copy_free(copy);
}

static void a_file_goes_up(void **state)
{
    (void)state;
    put("in/a", "bytes");
    start_up();
    struct sat_copy *copy = run(5);
    assert_int_equal(copy->bytes, 5);
    assert_true(copy->elapsed_ns > 0);
    assert_outcome(copy, "ok", SATCHEL_OK);
    const char *request = http_server_request(server, 0);
    assert_true(sat_str_starts(request, "PUT /bucket/x HTTP/1.1\r\n"));
    assert_true(sat_str_ends(request, "\r\n\r\nbytes"));
}

static void an_object_comes_down(void **state)
{
    (void)state;
    start_down("ETag: e\r\n", "bytes");
    for (int i = 0; i < 2; i++) { /* the second replaces the first, in a folder that is open */
        struct sat_copy *copy = run(5);
        assert_int_equal(copy->bytes, 5);
        assert_outcome(copy, "ok", SATCHEL_OK);
        assert_file("out/x", "bytes");
    }
    assert_no_temps();
}

static void nothing_is_too_little(void **state)
{
    (void)state;
    start_down("ETag: e\r\n", "");
    assert_outcome(run(0), "ok", SATCHEL_OK);
    assert_file("out/x", "");
}

static void what_needs_more_is_not_light(void **state)
{
    (void)state;
    start_up();
    struct sat_copy *copy = copy_of(SAT_OBJECT_SMALL);
    assert_true(sat_copy_is_light(copy));
    copy->item.size++;
    assert_false(sat_copy_is_light(copy));
    copy->item.size = 5;
    conn->multipart_threshold = 4;
    assert_false(sat_copy_is_light(copy));
    conn->multipart_threshold = 5;
    rules.verify = true;
    assert_false(sat_copy_is_light(copy));
    rules.verify = false;
    rules.if_exists = SATCHEL_IF_EXISTS_SKIP;
    assert_false(sat_copy_is_light(copy));
    rules.if_exists = SATCHEL_IF_EXISTS_OVERWRITE;
    target.conn = NULL; /* a file to a file */
    assert_false(sat_copy_is_light(copy));
    copy->item.conn = conn; /* an object to a file */
    assert_true(sat_copy_is_light(copy));
    target.conn = conn; /* an object to an object */
    assert_false(sat_copy_is_light(copy));
    sat_copy_free(copy);
}

static void a_local_store_is_not_light(void **state)
{
    const char *key;
    (void)state;
    start_up();
    put_object("mem://light/a", "bytes", NULL);
    target.conn = reach_object("mem://light/a", &key);
    struct sat_copy *copy = copy_of(5);
    assert_false(sat_copy_is_light(copy));
    sat_copy_free(copy);
    target.conn = NULL;
}

static void a_file_that_grew_before_is_heavy(void **state)
{
    (void)state;
    put("in/a", "more than was listed");
    start_up();
    struct sat_copy *copy = copy_of(5);
    assert_int_equal(sat_copy_begin(copy, &lights), SAT_COPY_HEAVY);
    assert_int_equal(http_server_requests(server), 0);
    sat_copy_run(copy);
    assert_int_equal(copy->bytes, 20);
    assert_outcome(copy, "ok", SATCHEL_OK);
}

static void an_object_that_grew_is_heavy(void **state)
{
    enum { SIZE = SAT_OBJECT_SMALL + 1 };
    static char object[SIZE];
    (void)state;
    start(&(struct http_step){.object = object, .len = SIZE, .headers = "ETag: e\r\n"}, false);
    struct sat_copy *copy = copy_of(5);
    assert_int_equal(sat_copy_begin(copy, &lights), SAT_COPY_UNDER_WAY);
    assert_int_equal(finish(copy), SAT_COPY_HEAVY);
    assert_missing("out/x");
    assert_int_equal(atomic_load(&copy->moved), 0);
    sat_copy_run(copy);
    assert_int_equal(copy->bytes, SIZE);
    assert_outcome(copy, "ok", SATCHEL_OK);
}

static void a_file_that_changes_meanwhile_is_modified(void **state)
{
    (void)state;
    put("in/a", "bytes");
    start_up();
    struct sat_copy *copy = copy_of(5);
    assert_int_equal(sat_copy_begin(copy, &lights), SAT_COPY_UNDER_WAY);
    put("in/a", "other bytes");
    assert_int_equal(finish(copy), SAT_COPY_ENDED);
    assert_int_equal(copy->bytes, 0);
    assert_outcome(copy, "failed", SATCHEL_MODIFIED);
}

static void what_is_gone_is_not_asked_for(void **state)
{
    (void)state;
    make_folder("in");
    start_up();
    struct sat_copy *copy = copy_of(5);
    assert_int_equal(sat_copy_begin(copy, &lights), SAT_COPY_ENDED);
    assert_outcome(copy, "failed", SATCHEL_NOT_FOUND);
    assert_int_equal(http_server_requests(server), 0);
}

static void a_link_below_the_root_is_not_followed(void **state)
{
    (void)state;
    put("secret", "bytes");
    make_folder("in");
    make_link("in/a", at("secret"));
    start_up();
    struct sat_copy *copy = copy_of(5);
    assert_int_equal(sat_copy_begin(copy, &lights), SAT_COPY_ENDED);
    assert_string_equal(copy->status, "failed");
    sat_copy_free(copy);
    assert_int_equal(http_server_requests(server), 0);
}

static void a_failure_of_the_store_is_the_copy_s(void **state)
{
    (void)state;
    put("in/a", "bytes");
    start(&(struct http_step){.bytes = fake_reply("400 No", "", "")}, true);
    assert_outcome(run(5), "failed", SATCHEL_INVALID);
}

static void other_bytes_than_the_store_has_do_not_land(void **state)
{
    (void)state;
    start_down("ETag: e\r\nx-crc64: 0000000000000001\r\n", "bytes");
    assert_outcome(run(5), "failed", SATCHEL_INTEGRITY);
    assert_missing("out/x");
    assert_no_temps();
}

static void what_exists_is_kept_and_not_fetched(void **state)
{
    (void)state;
    put("out/x", "old");
    start_down("ETag: e\r\n", "bytes");
    for (int i = 0; i < 2; i++) {
        struct sat_copy *copy = copy_of(5);
        rules.if_exists = i == 0 ? SATCHEL_IF_EXISTS_SKIP : SATCHEL_IF_EXISTS_ERROR;
        assert_int_equal(sat_copy_begin(copy, &lights), SAT_COPY_ENDED);
        assert_outcome(copy, i == 0 ? "skipped" : "failed", SATCHEL_EXISTS);
    }
    assert_file("out/x", "old");
    assert_int_equal(http_server_requests(server), 0);
}

static void a_cancelled_one_does_not_begin(void **state)
{
    (void)state;
    put("in/a", "bytes");
    start_up();
    struct sat_copy *copy = copy_of(5);
    sat_copy_cancel(copy);
    assert_int_equal(sat_copy_begin(copy, &lights), SAT_COPY_ENDED);
    assert_outcome(copy, "failed", SATCHEL_CANCELLED);
}

static void a_cancel_ends_the_op_under_way(void **state)
{
    (void)state;
    start(&(struct http_step){.then = HTTP_STALL}, false);
    struct sat_copy *copy = copy_of(5);
    assert_int_equal(sat_copy_begin(copy, &lights), SAT_COPY_UNDER_WAY);
    http_server_wait(server, 1);
    sat_copy_cancel(copy);
    assert_int_equal(finish(copy), SAT_COPY_ENDED);
    assert_outcome(copy, "failed", SATCHEL_CANCELLED);
    assert_missing("out/x");
}

/* Whichever allocation fails: an outcome, no leak, and what is "ok" is there. */
static void any_failed_allocation_is_an_outcome(void **state)
{
    (void)state;
    bool ok = false;
    start_down("ETag: e\r\n", "bytes");
    for (long nth = 1; !ok; nth++) {
        struct sat_copy *copy = copy_of(5);
        sat_alloc_fail_nth(nth);
        enum sat_copy_step step = sat_copy_begin(copy, &lights);
        if (step == SAT_COPY_UNDER_WAY)
            step = finish(copy);
        sat_alloc_fail_nth(0);
        assert_int_equal(step, SAT_COPY_ENDED);
        ok = sat_str_eq(copy->status, "ok");
        if (!ok)
            assert_int_equal(copy->err.code, SATCHEL_NOMEM);
        sat_copy_free(copy);
        assert_true(nth < 200);
    }
    assert_file("out/x", "bytes");
    assert_no_temps();
}

static unsigned count_taken(const struct sat_copy *copy, unsigned of)
{
    unsigned taken = 0;
    for (unsigned i = 0; i < of; i++)
        taken += sat_lights_take(&lights, copy);
    return taken;
}

static void where_files_are_slow_few_go_light(void **state)
{
    (void)state;
    start_up();
    struct sat_copy *copy = copy_of(5);
    assert_int_equal(count_taken(copy, 128), 128);
    for (int i = 0; i < 100; i++) { /* now and then a slow step is the machine's */
        sat_lights_score(&lights, i % 3 == 0 ? 2 * SAT_NS_PER_MS : 1000);
        assert_true(sat_lights_take(&lights, copy));
    }
    for (int i = 0; i < 100; i++)
        sat_lights_score(&lights, 2 * SAT_NS_PER_MS);
    assert_int_equal(count_taken(copy, 128), 2);
    for (int i = 0; i < 17; i++)
        sat_lights_score(&lights, 1000);
    assert_int_equal(count_taken(copy, 128), 128);
    copy->item.size = SAT_OBJECT_SMALL + 1;
    assert_int_equal(count_taken(copy, 128), 0);
    sat_copy_free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIGHT_CASE(a_file_goes_up),
        LIGHT_CASE(an_object_comes_down),
        LIGHT_CASE(nothing_is_too_little),
        LIGHT_CASE(what_needs_more_is_not_light),
        LIGHT_CASE(a_local_store_is_not_light),
        LIGHT_CASE(a_file_that_grew_before_is_heavy),
        LIGHT_CASE(an_object_that_grew_is_heavy),
        LIGHT_CASE(a_file_that_changes_meanwhile_is_modified),
        LIGHT_CASE(what_is_gone_is_not_asked_for),
        LIGHT_CASE(a_link_below_the_root_is_not_followed),
        LIGHT_CASE(a_failure_of_the_store_is_the_copy_s),
        LIGHT_CASE(other_bytes_than_the_store_has_do_not_land),
        LIGHT_CASE(what_exists_is_kept_and_not_fetched),
        LIGHT_CASE(a_cancelled_one_does_not_begin),
        LIGHT_CASE(a_cancel_ends_the_op_under_way),
        LIGHT_CASE(any_failed_allocation_is_an_outcome),
        LIGHT_CASE(where_files_are_slow_few_go_light),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
