/* A multipart upload as one op: what it makes of the parts, and that none is left open. */
#include "core/parts_store.h"

#include "core/alloc.h"
#include "core/crc.h"
#include "core/error.h"
#include "core/part.h"
#include "core/str.h"

#define TEXT "abcdefghijklmnopqrstuvwxyz" /* 26 bytes: parts of 5, 5, 5, 5, 5 and 1 */

static int set_up(void **state)
{
    *state = parts_open();
    return 0;
}

static int tear_down(void **state)
{
    parts_close(*state);
    return 0;
}

static int upload(struct parts_store *store, struct sat_op *op)
{
    op->kind = SAT_OP_PUT;
    if (op->source.kind == SAT_SOURCE_NONE)
        op->source = sat_source_span(sat_span_of(TEXT));
    return parts_run(store, op, sat_upload_start);
}

static void parts_become_one_object(void **state)
{
    struct parts_store *store = *state;
    struct sat_op op = {.content_type = "text/x"};
    assert_int_equal(upload(store, &op), SATCHEL_OK);
    assert_int_equal(store->size, 26);
    assert_memory_equal(store->bytes, TEXT, 26);
    assert_int_equal(store->count[SAT_OP_PART_PUT], 6);
    assert_int_equal(store->count[SAT_OP_PART_ABORT], 0);
    assert_string_equal(store->upload_type, "text/x");
    assert_string_equal(op.info.etag, "v1");
    assert_int_equal(op.info.size, 26);
    assert_true(op.has_sent_crc64 && op.sent_crc64 == sat_crc64(0, TEXT, 26));
    sat_op_fini(&op);
}

static void a_size_at_the_edges_is_exact(void **state)
{
    static const size_t sizes[] = {0, 1, 4, 5, 6, 9, 10, 11, 15, 26};
    struct parts_store *store = *state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct sat_op op = {.source = sat_source_span((satchel_span){TEXT, sizes[i]})};
        assert_int_equal(upload(store, &op), SATCHEL_OK);
        assert_int_equal(store->size, sizes[i]);
        assert_memory_equal(store->bytes, TEXT, sizes[i]);
        sat_op_fini(&op);
    }
}

static unsigned last_part;

static int one_after_the_other(struct parts_store *store, struct sat_op *op, satchel_error *err)
{
    (void)store;
    (void)err;
    if (op->kind == SAT_OP_PART_PUT)
        assert_int_equal(op->part.number, ++last_part);
    return SATCHEL_OK;
}

static void a_width_of_one_sends_the_parts_in_turn(void **state)
{
    struct parts_store *store = *state;
    struct sat_op op = {.width = 1};
    last_part = 0;
    store->hook = one_after_the_other;
    assert_int_equal(upload(store, &op), SATCHEL_OK);
    assert_int_equal(last_part, 6);
    sat_op_fini(&op);
}

/* ---- failures */

static int fail_part_3(struct parts_store *store, struct sat_op *op, satchel_error *err)
{
    (void)store;
    if (op->kind == SAT_OP_PART_PUT && op->part.number == 3)
        return sat_error_set(err, SATCHEL_DENIED, "not part 3");
    return SATCHEL_OK;
}

static void a_failed_part_aborts_the_upload(void **state)
{
    struct parts_store *store = *state;
    struct sat_op op = {0};
    store->hook = fail_part_3;
    assert_int_equal(upload(store, &op), SATCHEL_DENIED);
    assert_string_equal(op.err.text, "not part 3");
    assert_false(store->open);
    assert_false(store->present);
    assert_int_equal(store->count[SAT_OP_PART_ABORT], 1);
    assert_int_equal(store->count[SAT_OP_PART_FINISH], 0);
    sat_op_fini(&op);
}

static int fail_begin(struct parts_store *store, struct sat_op *op, satchel_error *err)
{
    (void)store;
    return op->kind == SAT_OP_PART_BEGIN ? sat_error_set(err, SATCHEL_DENIED, "no") : SATCHEL_OK;
}

static void what_never_began_is_not_aborted(void **state)
{
    struct parts_store *store = *state;
    struct sat_op op = {0};
    store->hook = fail_begin;
    assert_int_equal(upload(store, &op), SATCHEL_DENIED);
    assert_int_equal(store->count[SAT_OP_PART_ABORT] + store->count[SAT_OP_PART_PUT], 0);
    sat_op_fini(&op);
}

static int fail_part_and_abort(struct parts_store *store, struct sat_op *op, satchel_error *err)
{
    (void)store;
    if (op->kind == SAT_OP_PART_PUT || op->kind == SAT_OP_PART_ABORT)
        return sat_error_set(err, SATCHEL_NETWORK, "gone");
    return SATCHEL_OK;
}

static void an_upload_that_stays_open_is_named(void **state)
{
    struct parts_store *store = *state;
    struct sat_op op = {0};
    store->hook = fail_part_and_abort;
    assert_int_equal(upload(store, &op), SATCHEL_NETWORK);
    assert_non_null(strstr(op.err.text, "gone; its parts are still stored"));
    assert_non_null(strstr(op.err.text, "upload u failed"));
    sat_op_fini(&op);
}

static void a_taken_name_aborts_the_upload(void **state)
{
    struct parts_store *store = *state;
    struct sat_op op = {.if_absent = true};
    parts_set_object(store, "old");
    assert_int_equal(upload(store, &op), SATCHEL_EXISTS);
    assert_false(store->open);
    assert_memory_equal(store->bytes, "old", 3);
    sat_op_fini(&op);
}

static struct sat_op *to_cancel;

static int cancel_at_part_2(struct parts_store *store, struct sat_op *op, satchel_error *err)
{
    (void)store;
    (void)err;
    if (op->kind == SAT_OP_PART_PUT && op->part.number == 2)
        sat_op_cancel(to_cancel);
    return SATCHEL_OK;
}

static int cancel_at_begin(struct parts_store *store, struct sat_op *op, satchel_error *err)
{
    (void)store;
    (void)err;
    if (op->kind == SAT_OP_PART_BEGIN)
        sat_op_cancel(to_cancel);
    return SATCHEL_OK;
}

static void a_cancelled_upload_is_aborted(void **state)
{
    int (*const hooks[])(struct parts_store *, struct sat_op *,
                         satchel_error *) = {cancel_at_begin, cancel_at_part_2};
    struct parts_store *store = *state;
    for (size_t i = 0; i < 2; i++) {
        struct sat_op op = {0};
        to_cancel = &op;
        store->hook = hooks[i];
        assert_int_equal(upload(store, &op), SATCHEL_CANCELLED);
        assert_false(store->open);
        assert_false(store->present);
        assert_int_equal(store->count[SAT_OP_PART_ABORT], i + 1);
        sat_op_fini(&op);
    }
}

/* ---- the source is asked */

static int asked(void *user, const uint64_t *crc64, satchel_error *err)
{
    int *code = user;
    assert_true(crc64 != NULL && *crc64 == sat_crc64(0, TEXT, 26));
    return *code == SATCHEL_OK ? SATCHEL_OK : sat_error_set(err, *code, "changed");
}

static void a_changed_source_never_becomes_an_object(void **state)
{
    struct parts_store *store = *state;
    for (int changed = 1; changed >= 0; changed--) {
        int code = changed ? SATCHEL_MODIFIED : SATCHEL_OK;
        struct sat_op op = {.source = sat_source_span(sat_span_of(TEXT))};
        op.source.unchanged = asked;
        op.source.user = &code;
        assert_int_equal(upload(store, &op), code);
        assert_false(store->open);
        assert_int_equal(store->present, !changed);
        sat_op_fini(&op);
    }
}

/* ---- a lost reply */

static int fail_finish_unsettled(struct parts_store *store, struct sat_op *op, satchel_error *err)
{
    (void)store;
    if (op->kind != SAT_OP_PART_FINISH)
        return SATCHEL_OK;
    op->unsettled = true;
    return sat_error_set(err, SATCHEL_NETWORK, "reply lost");
}

static void a_lost_reply_is_settled_by_the_checksum(void **state)
{
    struct parts_store *store = *state;
    struct sat_op op = {0};
    store->loses_finish = true;
    assert_int_equal(upload(store, &op), SATCHEL_OK);
    assert_int_equal(store->count[SAT_OP_STAT], 1);
    assert_int_equal(store->count[SAT_OP_PART_ABORT], 0);
    assert_string_equal(op.info.etag, "v1");
    assert_false(op.unsettled);
    sat_op_fini(&op);
}

static void an_unknown_outcome_is_said(void **state)
{
    struct parts_store *store = *state;
    struct sat_op op = {0};
    parts_set_object(store, "another object of 26 bytes");
    store->hook = fail_finish_unsettled;
    assert_int_equal(upload(store, &op), SATCHEL_UNKNOWN_OUTCOME);
    assert_true(op.unsettled);
    assert_int_equal(store->count[SAT_OP_STAT], 7);
    assert_false(store->open);
    sat_op_fini(&op);
}

/* Some servers answer a repeated PART_FINISH with success while the first is still at work. */
static int repeat_finish(struct parts_store *store, struct sat_op *op, satchel_error *err)
{
    if (op->kind == SAT_OP_PART_FINISH)
        op->attempts = 2;
    if (op->kind == SAT_OP_STAT && store->count[SAT_OP_STAT] < store->appears_at)
        return sat_error_set(err, SATCHEL_NOT_FOUND, "not yet");
    return SATCHEL_OK;
}

static void the_success_of_a_repeated_finish_is_looked_into(void **state)
{
    struct parts_store *store = *state;
    struct sat_op op = {0};
    store->hook = repeat_finish;
    store->appears_at = 4;
    assert_int_equal(upload(store, &op), SATCHEL_OK);
    assert_int_equal(store->count[SAT_OP_STAT], 4);
    assert_false(op.unsettled);
    sat_op_fini(&op);
    op = (struct sat_op){0};
    store->appears_at = 1000;
    assert_int_equal(upload(store, &op), SATCHEL_UNKNOWN_OUTCOME);
    assert_non_null(strstr(op.err.text, "is not there"));
    assert_true(op.unsettled);
    sat_op_fini(&op);
}

/* ---- another store's object */

static void an_object_of_another_store_is_relayed(void **state)
{
    struct parts_store *store = *state;
    struct parts_store *source = parts_open();
    struct sat_op op = {.source = {.kind = SAT_SOURCE_OBJECT,
                                   .conn = source->conn,
                                   .key = "from",
                                   .etag = "v1",
                                   .length = 26}};
    parts_set_object(source, TEXT);
    assert_int_equal(upload(store, &op), SATCHEL_OK);
    assert_memory_equal(store->bytes, TEXT, 26);
    assert_int_equal(source->count[SAT_OP_GET], 6);
    sat_op_fini(&op);
    parts_close(source);
}

static int overwrite_at_third_get(struct parts_store *store, struct sat_op *op, satchel_error *err)
{
    (void)err;
    if (op->kind == SAT_OP_GET && store->count[SAT_OP_GET] == 3)
        parts_set_object(store, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return SATCHEL_OK;
}

static void a_relayed_object_is_one_version(void **state)
{
    struct parts_store *store = *state;
    struct parts_store *source = parts_open();
    struct sat_op op = {.source = {.kind = SAT_SOURCE_OBJECT,
                                   .conn = source->conn,
                                   .key = "from",
                                   .etag = "v1",
                                   .length = 26}};
    parts_set_object(source, TEXT);
    source->hook = overwrite_at_third_get;
    assert_int_equal(upload(store, &op), SATCHEL_MODIFIED);
    assert_false(store->open);
    assert_false(store->present);
    sat_op_fini(&op);
    parts_close(source);
}

/* ---- copies within the service */

static void a_large_copy_goes_in_parts(void **state)
{
    struct parts_store *store = *state;
    struct sat_op op = {
        .kind = SAT_OP_COPY, .from = {.key = "from", .if_match = "v1"}, .expected_size = 26};
    parts_set_object(store, TEXT);
    assert_int_equal(parts_run(store, &op, sat_upload_start), SATCHEL_OK);
    assert_int_equal(store->count[SAT_OP_PART_COPY], 1);
    assert_memory_equal(store->bytes, TEXT, 26);
    assert_string_equal(op.info.etag, "v2");
    sat_op_fini(&op);
}

/* (5) of upload.c: the store's own checksum decides, and none is told beforehand. */
static void a_copy_in_parts_has_the_checksum_of_its_source(void **state)
{
    struct parts_store *store = *state;
    parts_set_object(store, TEXT);
    for (int wrong = 0; wrong < 2; wrong++) {
        struct sat_op op = {.kind = SAT_OP_COPY, .from = {.key = "from"}, .expected_size = 26};
        atomic_uint_least64_t moved = 0;
        op.moved = &moved;
        op.from.has_crc64 = true;
        op.from.crc64 = sat_crc64(0, TEXT, 26) + (uint64_t)wrong;
        int code = parts_run(store, &op, sat_upload_start);
        assert_int_equal(code, wrong ? SATCHEL_INTEGRITY : SATCHEL_OK);
        assert_false(store->upload_has_crc64);
        assert_int_equal(atomic_load(&moved), 26);
        sat_op_fini(&op);
    }
}

static void more_parts_than_the_store_takes_are_refused(void **state)
{
    struct parts_store *store = *state;
    struct sat_op op = {.source = {.kind = SAT_SOURCE_FILE, .length = 64001}};
    assert_int_equal(upload(store, &op), SATCHEL_LIMIT);
    assert_non_null(strstr(op.err.text, "64 parts of 1000 bytes"));
    assert_int_equal(store->count[SAT_OP_PART_BEGIN], 0);
    sat_op_fini(&op);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(parts_become_one_object, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_size_at_the_edges_is_exact, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_width_of_one_sends_the_parts_in_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_part_aborts_the_upload, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_never_began_is_not_aborted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_upload_that_stays_open_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_taken_name_aborts_the_upload, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_upload_is_aborted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_changed_source_never_becomes_an_object, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_lost_reply_is_settled_by_the_checksum, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_outcome_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_success_of_a_repeated_finish_is_looked_into, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_object_of_another_store_is_relayed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_relayed_object_is_one_version, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_large_copy_goes_in_parts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copy_in_parts_has_the_checksum_of_its_source, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(more_parts_than_the_store_takes_are_refused, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
