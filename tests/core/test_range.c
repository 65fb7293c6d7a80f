/* A GET in parallel ranges: every byte in its place, of one version, checked. */
#include "core/parts_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/crc.h"
#include "core/error.h"
#include "core/part.h"

#define TEXT "abcdefghijklmnopqrstuvwxyz" /* 26 bytes: ranges of 7, 7, 7 and 5 */

static int fd;

static int set_up(void **state)
{
    char path[] = "/tmp/satchel-range-XXXXXX";
    fd = mkstemp(path);
    (void)unlink(path);
    *state = parts_open();
    return fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    parts_close(*state);
    return close(fd);
}

static int download(struct parts_store *store, struct sat_op *op)
{
    op->kind = SAT_OP_GET;
    op->sink = sat_sink_file(fd, 3);
    return parts_run(store, op, sat_range_start);
}

static void ranges_land_in_their_places(void **state)
{
    struct parts_store *store = *state;
    struct sat_op op = {0};
    char got[40] = "";
    parts_set_object(store, TEXT);
    assert_int_equal(download(store, &op), SATCHEL_OK);
    assert_int_equal(pread(fd, got, sizeof got, 0), 29);
    assert_memory_equal(got + 3, TEXT, 26);
    assert_int_equal(store->count[SAT_OP_STAT], 1);
    assert_int_equal(store->count[SAT_OP_GET], 4);
    assert_int_equal(op.sink.received, 26);
    assert_true(op.sink.crc64 == sat_crc64(0, TEXT, 26));
    assert_string_equal(op.info.etag, "v1");
    sat_op_fini(&op);
}

static void an_empty_object_needs_no_range(void **state)
{
    struct parts_store *store = *state;
    struct sat_op op = {0};
    parts_set_object(store, "");
    assert_int_equal(download(store, &op), SATCHEL_OK);
    assert_int_equal(store->count[SAT_OP_GET], 0);
    assert_string_equal(op.info.etag, "v1");
    sat_op_fini(&op);
}

static unsigned overwrite_at;

static int overwrite(struct parts_store *store, struct sat_op *op, satchel_error *err)
{
    (void)err;
    if (op->kind == SAT_OP_GET && store->count[SAT_OP_GET] == overwrite_at)
        parts_set_object(store, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
    return SATCHEL_OK;
}

static void an_overwritten_object_is_modified_at_every_range(void **state)
{
    struct parts_store *store = *state;
    store->hook = overwrite;
    for (overwrite_at = 1; overwrite_at <= 4; overwrite_at++) {
        struct sat_op op = {0};
        store->count[SAT_OP_GET] = 0;
        parts_set_object(store, TEXT);
        assert_int_equal(download(store, &op), SATCHEL_MODIFIED);
        sat_op_fini(&op);
    }
}

static void a_missing_object_is_not_found(void **state)
{
    struct sat_op op = {0};
    assert_int_equal(download(*state, &op), SATCHEL_NOT_FOUND);
    sat_op_fini(&op);
}

static void a_wrong_checksum_is_found(void **state)
{
    struct parts_store *store = *state;
    parts_set_object(store, TEXT);
    store->lies = true;
    for (int md5 = 0; md5 < 2; md5++) {
        struct sat_op op = {0};
        store->tells_crc64 = !md5;
        store->tells_md5 = md5;
        assert_int_equal(download(store, &op), SATCHEL_INTEGRITY);
        assert_non_null(strstr(op.err.text, md5 ? "MD5" : "CRC64"));
        sat_op_fini(&op);
    }
}

static void an_md5_is_checked_where_there_is_no_better_sum(void **state)
{
    struct parts_store *store = *state;
    struct sat_op op = {0};
    parts_set_object(store, TEXT);
    store->tells_crc64 = false;
    store->tells_md5 = true;
    assert_int_equal(download(store, &op), SATCHEL_OK);
    assert_string_equal(op.info.etag, "v1");
    sat_op_fini(&op);
}

static struct sat_op *to_cancel;

static int cancel_at_second(struct parts_store *store, struct sat_op *op, satchel_error *err)
{
    (void)err;
    if (op->kind == SAT_OP_GET && store->count[SAT_OP_GET] == 2)
        sat_op_cancel(to_cancel);
    return SATCHEL_OK;
}

static void a_cancelled_download_ends(void **state)
{
    struct parts_store *store = *state;
    struct sat_op op = {0};
    to_cancel = &op;
    store->hook = cancel_at_second;
    parts_set_object(store, TEXT);
    assert_int_equal(download(store, &op), SATCHEL_CANCELLED);
    sat_op_fini(&op);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ranges_land_in_their_places, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_empty_object_needs_no_range, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_overwritten_object_is_modified_at_every_range, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_missing_object_is_not_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_checksum_is_found, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_md5_is_checked_where_there_is_no_better_sum, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_cancelled_download_ends, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
