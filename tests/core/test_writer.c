/* An object of unknown length: every byte in order, bounded buffers, nothing left behind. */
#include "core/parts_store.h"

#include "core/crc.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/str.h"
#include "core/writer.h"
#include "support/forked.h"

#define TEXT "abcdefghijklmnopqrstuvwxyz" /* parts of 5 bytes */

static struct sat_writer *writer;

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

static void open_writer(struct parts_store *store, uint64_t memory)
{
    struct sat_op put = {.kind = SAT_OP_PUT, .conn = store->conn, .key = "k"};
    assert_int_equal(sat_writer_new(&put, memory, &writer, NULL), SATCHEL_OK);
}

/* Writes the first `size` bytes of TEXT in pieces. */
static int write_pieces(size_t size, size_t piece, satchel_error *err)
{
    int code = SATCHEL_OK;
    for (size_t at = 0; at < size && code == SATCHEL_OK; at += piece)
        code = sat_writer_write(writer, &TEXT[at], size - at < piece ? size - at : piece, err);
    return code;
}

static void pieces_of_any_size_become_the_object(void **state)
{
    static const size_t sizes[] = {6, 10, 11, 25, 26};
    struct parts_store *store = *state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (size_t piece = 1; piece <= 26; piece += 5) {
            struct sat_info info = {0};
            open_writer(store, 1000);
            assert_int_equal(write_pieces(sizes[i], piece, NULL), SATCHEL_OK);
            assert_int_equal(sat_writer_finish(writer, &info, NULL), SATCHEL_OK);
            sat_writer_free(writer);
            assert_int_equal(store->size, sizes[i]);
            assert_memory_equal(store->bytes, TEXT, sizes[i]);
            assert_true(info.crc64 == sat_crc64(0, TEXT, sizes[i]));
            sat_info_fini(&info);
        }
    }
    assert_int_equal(store->count[SAT_OP_PART_ABORT], 0);
}

static void a_small_stream_is_one_put(void **state)
{
    struct parts_store *store = *state;
    for (size_t size = 0; size <= 5; size++) {
        open_writer(store, 1000);
        assert_int_equal(write_pieces(size, 2, NULL), SATCHEL_OK);
        assert_int_equal(sat_writer_finish(writer, NULL, NULL), SATCHEL_OK);
        sat_writer_free(writer);
        assert_int_equal(store->size, size);
        assert_memory_equal(store->bytes, TEXT, size);
    }
    assert_int_equal(store->count[SAT_OP_PUT], 6);
    assert_int_equal(store->count[SAT_OP_PART_BEGIN], 0);
}

static void what_is_not_finished_is_aborted(void **state)
{
    struct parts_store *store = *state;
    open_writer(store, 1000);
    assert_int_equal(write_pieces(26, 26, NULL), SATCHEL_OK);
    assert_true(store->open);
    sat_writer_free(writer);
    assert_false(store->open);
    assert_false(store->present);
}

static int fail_second(struct parts_store *store, struct sat_op *op, satchel_error *err)
{
    (void)store;
    if (op->kind == SAT_OP_PART_PUT && op->part.number == 2)
        return sat_error_set(err, SATCHEL_DENIED, "not part 2");
    return SATCHEL_OK;
}

static void a_failed_part_fails_every_later_call(void **state)
{
    struct parts_store *store = *state;
    satchel_error err = {0};
    store->hook = fail_second;
    open_writer(store, 10);
    /* The failure may be noticed at any of these, and stays. */
    (void)write_pieces(26, 3, NULL);
    assert_int_equal(sat_writer_finish(writer, NULL, &err), SATCHEL_DENIED);
    assert_int_equal(sat_writer_write(writer, "x", 1, &err), SATCHEL_DENIED);
    assert_string_equal(err.text, "not part 2");
    sat_writer_free(writer);
    assert_false(store->open);
    assert_false(store->present);
}

static void two_buffers_suffice(void **state)
{
    struct parts_store *store = *state;
    open_writer(store, 1);
    assert_int_equal(write_pieces(26, 26, NULL), SATCHEL_OK);
    assert_true(store->count[SAT_OP_PART_PUT] >= 3); /* waited for, as there is no third */
    assert_int_equal(sat_writer_finish(writer, NULL, NULL), SATCHEL_OK);
    sat_writer_free(writer);
    assert_memory_equal(store->bytes, TEXT, 26);
}

static void a_lost_finish_is_settled(void **state)
{
    struct parts_store *store = *state;
    struct sat_info info = {0};
    store->loses_finish = true;
    open_writer(store, 1000);
    assert_int_equal(write_pieces(26, 26, NULL), SATCHEL_OK);
    assert_int_equal(sat_writer_finish(writer, &info, NULL), SATCHEL_OK);
    sat_writer_free(writer);
    assert_string_equal(info.etag, "v1");
    assert_int_equal(store->count[SAT_OP_PART_ABORT], 0);
    sat_info_fini(&info);
}

static void a_store_without_parts_gets_one_put(void **state)
{
    struct parts_store *store = *state;
    struct sat_backend plain = *store->conn->backend;
    for (int kind = SAT_OP_PART_BEGIN; kind <= SAT_OP_PART_ABORT; kind++)
        plain.slots[kind].run = NULL;
    store->conn->backend = &plain;
    open_writer(store, 10);
    assert_int_equal(write_pieces(26, 4, NULL), SATCHEL_OK);
    assert_int_equal(sat_writer_finish(writer, NULL, NULL), SATCHEL_OK);
    sat_writer_free(writer);
    assert_int_equal(store->size, 26);
    assert_memory_equal(store->bytes, TEXT, 26);
}

static int use_in_child(void *arg)
{
    struct parts_store *store = arg;
    bool refused = sat_writer_write(writer, "x", 1, NULL) == SATCHEL_CANCELLED &&
                   sat_writer_finish(writer, NULL, NULL) == SATCHEL_CANCELLED;
    sat_writer_free(writer);
    return refused && store->count[SAT_OP_PART_ABORT] == 0 ? 0 : 1;
}

/* Whose clean-up would end the upload under its parent. */
static void an_upload_is_not_a_forked_childs(void **state)
{
    struct parts_store *store = *state;
    assert_int_equal(sat_fork_start(NULL), SATCHEL_OK);
    open_writer(store, 1000);
    assert_int_equal(write_pieces(26, 26, NULL), SATCHEL_OK);
    assert_int_equal(run_forked(use_in_child, store), 0);
    assert_int_equal(sat_writer_finish(writer, NULL, NULL), SATCHEL_OK);
    sat_writer_free(writer);
    assert_int_equal(store->size, 26);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pieces_of_any_size_become_the_object, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_small_stream_is_one_put, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_finished_is_aborted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_failed_part_fails_every_later_call, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_buffers_suffice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lost_finish_is_settled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_without_parts_gets_one_put, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_upload_is_not_a_forked_childs, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
