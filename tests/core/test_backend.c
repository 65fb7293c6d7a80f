/* The door: checks before anything is sent, counts every attempt, asks the fault hook. */
#include "support/test.h"

#include "core/error.h"
#include "core/fake_backend.h"
#include "core/str.h"

static struct sat_conn *conn;

static int open_conn(void **state)
{
    (void)state;
    conn = fake_open("http://127.0.0.1:9", NULL);
    return 0;
}

static int close_conn(void **state)
{
    (void)state;
    sat_conn_close(conn);
    return 0;
}

static int check(struct sat_op op)
{
    satchel_error err = {0};
    op.conn = conn;
    int code = sat_door_check(&op, &err);
    assert_int_equal(err.code, code);
    return code;
}

static void a_kind_without_a_slot_is_unsupported(void **state)
{
    (void)state;
    satchel_error err = {0};
    const struct sat_op list = {.kind = SAT_OP_LIST, .conn = conn, .list = {.prefix = ""}};
    assert_int_equal(sat_door_check(&list, &err), SATCHEL_UNSUPPORTED);
    assert_string_equal(err.text, "fake:// does not support list");
    assert_int_equal(check((struct sat_op){.kind = SAT_OP_KINDS}), SATCHEL_UNSUPPORTED);
    assert_true(sat_conn_supports(conn, SAT_OP_GET));
    assert_false(sat_conn_supports(conn, SAT_OP_LIST));
}

static void a_key_is_checked(void **state)
{
    (void)state;
    char key[102];
    memset(key, 'k', sizeof key);
    key[101] = '\0';
    assert_int_equal(check((struct sat_op){.kind = SAT_OP_GET, .key = NULL}), SATCHEL_INVALID);
    assert_int_equal(check((struct sat_op){.kind = SAT_OP_GET, .key = ""}), SATCHEL_INVALID);
    assert_int_equal(check((struct sat_op){.kind = SAT_OP_GET, .key = "\xff"}), SATCHEL_INVALID);
    assert_int_equal(check((struct sat_op){.kind = SAT_OP_GET, .key = key}), SATCHEL_LIMIT);
    key[100] = '\0';
    assert_int_equal(check((struct sat_op){.kind = SAT_OP_GET, .key = key}), SATCHEL_OK);
}

static void a_put_is_checked_against_the_limits(void **state)
{
    (void)state;
    char value[201];
    struct sat_tags metadata = {0};
    struct sat_tags tags = {0};
    struct sat_op op = {.kind = SAT_OP_PUT, .key = "k"};
    op.source.length = conn->backend->limits.put_max;
    assert_int_equal(check(op), SATCHEL_OK);
    op.source.length++;
    assert_int_equal(check(op), SATCHEL_LIMIT);
    op.source.length = 0;
    memset(value, 'v', sizeof value);
    value[200] = '\0';
    assert_int_equal(sat_tags_add_str(&metadata, "m", value, NULL), SATCHEL_OK);
    op.metadata = &metadata;
    assert_int_equal(check(op), SATCHEL_LIMIT);
    op.metadata = NULL;
    assert_int_equal(sat_tags_add_str(&tags, "a_long_key", "v", NULL), SATCHEL_OK);
    op.tags = &tags;
    assert_int_not_equal(check(op), SATCHEL_OK);
    sat_tags_fini(&metadata);
    sat_tags_fini(&tags);
}

static void the_keys_of_a_batch_are_checked(void **state)
{
    (void)state;
    static const char *const keys[] = {"a", "b", "c"};
    static const char *const bad[] = {"a", ""};
    struct sat_conn *local = fake_open_uri("fakelocal:///x", NULL, NULL);
    struct sat_op op = {.kind = SAT_OP_DELETE_MANY, .conn = local};
    assert_int_equal(sat_door_check(&op, NULL), SATCHEL_INVALID);
    op.many.keys = keys;
    op.many.count = 3;
    assert_int_equal(sat_door_check(&op, NULL), SATCHEL_LIMIT);
    op.many.count = 2;
    assert_int_equal(sat_door_check(&op, NULL), SATCHEL_OK);
    op.many.keys = bad;
    assert_int_equal(sat_door_check(&op, NULL), SATCHEL_INVALID);
    const struct sat_op list = {.kind = SAT_OP_LIST, .conn = local};
    assert_int_equal(sat_door_check(&list, NULL), SATCHEL_INVALID);
    sat_conn_close(local);
}

static void every_attempt_is_built_anew_and_counted(void **state)
{
    (void)state;
    struct sat_request request;
    struct sat_op op = {.kind = SAT_OP_GET, .conn = conn, .key = "k"};
    sat_request_init(&request);
    for (unsigned i = 1; i <= 2; i++) {
        assert_int_equal(sat_door_build(&op, &request, NULL), SATCHEL_OK);
        assert_string_equal(sat_buf_str(&request.path), "/bucket/k");
        assert_int_equal(op.attempts, i);
        assert_int_equal(atomic_load(&conn->requests[SAT_OP_GET]), i);
    }
    assert_int_equal(sat_conn_requests(conn), 2);
    sat_request_fini(&request);
}

static void a_signature_uses_the_learned_skew(void **state)
{
    (void)state;
    struct sat_request request;
    const struct sat_op op = {
        .kind = SAT_OP_GET, .conn = conn, .key = "k", .endpoint = &conn->endpoint};
    sat_request_init(&request);
    atomic_store(&conn->skew_s, -100);
    assert_int_equal(sat_door_sign(&op, NULL, &request, 1000, NULL), SATCHEL_OK);
    assert_string_equal(sat_request_find(&request, "X-Time"), "900");
    sat_request_fini(&request);
}

static void a_header_cannot_be_injected(void **state)
{
    (void)state;
    struct sat_request request;
    struct sat_tags metadata = {0};
    satchel_error err = {0};
    struct sat_op op = {.kind = SAT_OP_PUT, .conn = conn, .key = "k", .metadata = &metadata};
    sat_request_init(&request);
    assert_int_equal(sat_tags_add_str(&metadata, "m", "1\r\nX-Evil: 2", NULL), SATCHEL_OK);
    assert_int_equal(sat_door_build(&op, &request, &err), SATCHEL_INVALID);
    assert_null(sat_request_find(&request, "X-Evil"));
    assert_int_equal(sat_conn_requests(conn), 0);
    sat_request_fini(&request);
    sat_tags_fini(&metadata);
}

static int refuse_puts(void *user, const struct sat_op *op, satchel_error *err)
{
    ++*(unsigned *)user;
    if (op->kind != SAT_OP_PUT)
        return SATCHEL_OK;
    return sat_error_set(err, SATCHEL_IO, "by the test");
}

static void the_fault_hook_fails_what_it_likes(void **state)
{
    (void)state;
    unsigned asked = 0;
    satchel_error err = {0};
    struct sat_request request;
    struct sat_op put = {.kind = SAT_OP_PUT, .conn = conn, .key = "k"};
    struct sat_op get = {.kind = SAT_OP_GET, .conn = conn, .key = "k"};
    sat_request_init(&request);
    conn->fault = refuse_puts;
    conn->fault_user = &asked;
    assert_int_equal(sat_door_build(&put, &request, &err), SATCHEL_IO);
    assert_string_equal(err.text, "by the test");
    assert_int_equal(sat_door_build(&get, &request, &err), SATCHEL_OK);
    assert_int_equal(asked, 2);
    assert_int_equal(sat_conn_requests(conn), 1);
    assert_int_equal(sat_op_run(&put, &err), SATCHEL_IO);
    sat_request_fini(&request);
}

static void an_md5_is_wanted_only_when_nothing_better_is_there(void **state)
{
    (void)state;
    static const char md5[] = "x-md5: 00000000000000000000000000000000";
    static const char crc64[] = "x-crc64: 0000000000000000";
    static const char range[] = "content-range: bytes 0-4/10";
    struct sat_reply reply;
    struct sat_op op = {.kind = SAT_OP_GET, .conn = conn, .key = "k"};
    sat_reply_init(&reply);
    (void)sat_reply_add_header(&reply, "etag: e", 7);
    (void)sat_reply_add_header(&reply, md5, strlen(md5));
    assert_int_equal(sat_door_head(&op, &reply, NULL), SATCHEL_OK);
    assert_true(op.sink.want_md5);
    sat_info_fini(&op.info);
    reply.status = 206;
    (void)sat_reply_add_header(&reply, range, strlen(range));
    op.range_length = 5;
    assert_int_equal(sat_door_head(&op, &reply, NULL), SATCHEL_OK);
    assert_false(op.sink.want_md5);
    sat_info_fini(&op.info);
    op.range_length = 0;
    (void)sat_reply_add_header(&reply, crc64, strlen(crc64));
    assert_int_equal(sat_door_head(&op, &reply, NULL), SATCHEL_OK);
    assert_false(op.sink.want_md5);
    sat_op_fini(&op);
    sat_reply_fini(&reply);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_conn, close_conn)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_kind_without_a_slot_is_unsupported),
        TEST(a_key_is_checked),
        TEST(a_put_is_checked_against_the_limits),
        TEST(the_keys_of_a_batch_are_checked),
        TEST(every_attempt_is_built_anew_and_counted),
        TEST(a_signature_uses_the_learned_skew),
        TEST(a_header_cannot_be_injected),
        TEST(the_fault_hook_fails_what_it_likes),
        TEST(an_md5_is_wanted_only_when_nothing_better_is_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
