/* Copying one item, each way; what happens when bytes are lost, changed, or not to be overwritten.
 */
#include "transfer/copy.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "backends/registry.h"
#include "core/alloc.h"
#include "core/op.h"
#include "core/str.h"
#include "transfer/fixture.h"

static struct sat_target target;
static struct sat_copy_rules rules;

static void open_target(const char *text)
{
    struct sat_place place;
    assert_int_equal(sat_place_parse(text, sat_backend_find, &place, NULL), SATCHEL_OK);
    assert_int_equal(sat_target_open(&place, true, &conns, &target, NULL), SATCHEL_OK);
    sat_place_fini(&place);
    rules = (struct sat_copy_rules){.target = &target, .ranges_from = 1 << 20};
}

static struct sat_item item_of(const char *source, uint64_t size)
{
    struct sat_item item = {
        .source = sat_strdup(source), .name = sat_strdup("x"), .own_len = 1, .size = size};
    const char *key = NULL;
    if (!sat_uri_is(source)) {
        item.named = true;
        return item;
    }
    item.conn = reach_object(source, &key);
    item.key = sat_strdup(key);
    return item;
}

/* Copies to "x" of the target; the caller frees the outcome. */
static struct sat_copy *copy_from(const char *source, uint64_t size)
{
    struct sat_copy *copy = NULL;
    struct sat_item item = item_of(source, size);
    assert_int_equal(sat_copy_new(&rules, &item, sat_strdup("x"), &copy, NULL), SATCHEL_OK);
    sat_copy_run(copy);
    return copy;
}

static void assert_copy(const char *source, uint64_t size, const char *status, int code)
{
    struct sat_copy *copy = copy_from(source, size);
    if (!sat_str_eq(copy->status, status) || copy->err.code != code)
        fail_msg("%s: %s %s", copy->status, satchel_code_name(copy->err.code), copy->err.text);
    sat_copy_free(copy);
}

static void assert_ok(const char *source, uint64_t size)
{
    assert_copy(source, size, "ok", SATCHEL_OK);
}

static void every_way_brings_the_bytes(void **state)
{
    (void)state;
    put("a", "bytes");
    put_object("mem://copy/a", "bytes", NULL);
    for (int verify = 0; verify < 2; verify++) {
        open_target(at(verify ? "out1/" : "out0/"));
        rules.verify = verify;
        assert_ok(at("a"), 5);
        assert_file(verify ? "out1/x" : "out0/x", "bytes");
        assert_ok("mem://copy/a", 5);
        assert_file(verify ? "out1/x" : "out0/x", "bytes");
        sat_target_fini(&target);
        open_target("mem://copied/");
        rules.verify = verify;
        assert_ok(at("a"), 5);
        assert_object("mem://copied/x", "bytes");
        assert_ok("mem://copy/a", 5);
        assert_object("mem://copied/x", "bytes");
        sat_target_fini(&target);
    }
    assert_no_temps();
}

static void empty_objects_are_copied(void **state)
{
    (void)state;
    put("a", "");
    put_object("mem://copy/empty", "", NULL);
    open_target(at("out/"));
    assert_ok("mem://copy/empty", 0);
    assert_file("out/x", "");
    sat_target_fini(&target);
    open_target("mem://copied/");
    assert_ok(at("a"), 0);
    assert_object("mem://copied/x", "");
    sat_target_fini(&target);
}

static void large_objects_go_range_by_range(void **state)
{
    (void)state;
    put_object("mem://copy/large", "0123456789", NULL);
    open_target("mem://copied/");
    rules.ranges_from = 4;
    rules.max_memory = 16 << 20;
    assert_ok("mem://copy/large", 10);
    assert_object("mem://copied/x", "0123456789");
    sat_target_fini(&target);
}

static const struct sat_backend *real;

/* The bytes that come are not those whose checksum the store keeps. */
static int stat_of_another(void *state, struct sat_op *op, satchel_error *err)
{
    int code = real->slots[SAT_OP_STAT].run(state, op, err);
    op->info.crc64 ^= 1;
    return code;
}

static void ranges_are_held_against_the_checksum_of_the_source(void **state)
{
    const char *key = NULL;
    (void)state;
    put_object("mem://flipped/large", "0123456789", NULL);
    struct sat_conn *source = reach_object("mem://flipped/large", &key);
    real = source->backend;
    struct sat_backend lying = *real;
    lying.slots[SAT_OP_STAT].run = stat_of_another;
    static const char *const targets[] = {"mem://kept/", NULL};
    for (int i = 0; i < 2; i++) {
        SAT_AUTO_FREE char *folder = sat_strf("file://%s", at("kept/"));
        open_target(targets[i] != NULL ? targets[i] : folder);
        rules.ranges_from = 4;
        source->backend = &lying;
        assert_copy("mem://flipped/large", 10, "failed", SATCHEL_INTEGRITY);
        source->backend = real;
        sat_target_fini(&target);
    }
    assert_no_temps();
}

static void store_to_store_keeps_type_and_metadata(void **state)
{
    struct sat_op op = {.kind = SAT_OP_STAT};
    struct sat_op put_op = {.kind = SAT_OP_PUT, .content_type = "text/x-note"};
    struct sat_tags metadata = {0};
    (void)state;
    assert_int_equal(sat_tags_add_str(&metadata, "colour", "red", NULL), SATCHEL_OK);
    put_op.metadata = &metadata;
    put_op.conn = reach_object("mem://copy/typed", &put_op.key);
    assert_int_equal(sat_op_run(&put_op, NULL), SATCHEL_OK);
    sat_op_fini(&put_op);
    sat_tags_fini(&metadata);
    open_target(text_of("file://%s/", at("typed")));
    assert_ok("mem://copy/typed", 0);
    op.conn = reach_object(text_of("file://%s", at("typed/x")), &op.key);
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_string_equal(op.info.content_type, "text/x-note");
    assert_string_equal(sat_tags_find(&op.info.metadata, sat_span_of("colour"))->value, "red");
    sat_op_fini(&op);
    sat_target_fini(&target);
}

static void what_exists_is_skipped_or_refused(void **state)
{
    (void)state;
    put("a", "new");
    put("out/x", "old");
    put_object("mem://copied/x", "old", NULL);
    for (int i = 0; i < 2; i++) {
        open_target(i == 0 ? at("out/") : "mem://copied/");
        rules.if_exists = SATCHEL_IF_EXISTS_SKIP;
        assert_copy(at("a"), 3, "skipped", SATCHEL_EXISTS);
        rules.if_exists = SATCHEL_IF_EXISTS_ERROR;
        assert_copy(at("a"), 3, "failed", SATCHEL_EXISTS);
        sat_target_fini(&target);
    }
    assert_file("out/x", "old");
    assert_object("mem://copied/x", "old");
}

/* Another writer takes the name between our look and our write. */
static int take_name_before_put(void *user, const struct sat_op *op, satchel_error *err)
{
    bool *armed = user;
    (void)err;
    if (op->kind != SAT_OP_PUT || !*armed)
        return SATCHEL_OK;
    *armed = false;
    put_object("mem://raced/x", "first", NULL);
    return SATCHEL_OK;
}

static void the_write_itself_decides(void **state)
{
    (void)state;
    put("a", "late");
    put_object("mem://copy/late", "late", NULL);
    for (int i = 0; i < 2; i++) {
        bool armed = true;
        open_target("mem://raced/");
        rules.if_exists = SATCHEL_IF_EXISTS_ERROR;
        target.conn->fault = take_name_before_put;
        target.conn->fault_user = &armed;
        assert_copy(i == 0 ? at("a") : "mem://copy/late", 4, "failed", SATCHEL_EXISTS);
        target.conn->fault = NULL;
        assert_object("mem://raced/x", "first");
        struct sat_op drop = {.kind = SAT_OP_DELETE};
        drop.conn = reach_object("mem://raced/x", &drop.key);
        assert_int_equal(sat_op_run(&drop, NULL), SATCHEL_OK);
        sat_op_fini(&drop);
        sat_target_fini(&target);
    }
}

static void free_names_are_taken_whatever_if_exists(void **state)
{
    (void)state;
    put("a", "new");
    open_target(at("out/"));
    rules.if_exists = SATCHEL_IF_EXISTS_ERROR;
    assert_ok(at("a"), 3);
    assert_file("out/x", "new");
    sat_target_fini(&target);
}

static void nothing_is_copied_onto_itself(void **state)
{
    (void)state;
    put("x", "1");
    put_object("mem://copied/x", "1", NULL);
    open_target(folder());
    assert_copy(at("x"), 1, "failed", SATCHEL_INVALID);
    assert_file("x", "1");
    sat_target_fini(&target);
    open_target("mem://copied/");
    assert_copy("mem://copied/x", 1, "failed", SATCHEL_INVALID);
    sat_target_fini(&target);
}

static void what_is_gone_is_not_found(void **state)
{
    (void)state;
    open_target(at("out/"));
    assert_copy(at("gone"), 1, "failed", SATCHEL_NOT_FOUND);
    assert_copy("mem://copy/gone", 1, "failed", SATCHEL_NOT_FOUND);
    assert_missing("out/x");
    assert_no_temps();
    sat_target_fini(&target);
}

static void an_object_that_grew_is_modified(void **state)
{
    (void)state;
    put_object("mem://copy/grew", "twelve bytes", NULL);
    open_target("mem://copied/");
    assert_copy("mem://copy/grew", 3, "failed", SATCHEL_MODIFIED);
    sat_target_fini(&target);
}

static void a_cancelled_copy_leaves_nothing(void **state)
{
    struct sat_copy *copy = NULL;
    (void)state;
    put("a", "bytes");
    open_target(at("out/"));
    struct sat_item item = item_of(at("a"), 5);
    assert_int_equal(sat_copy_new(&rules, &item, sat_strdup("x"), &copy, NULL), SATCHEL_OK);
    sat_copy_cancel(copy);
    sat_copy_run(copy);
    assert_int_equal(copy->err.code, SATCHEL_CANCELLED);
    sat_copy_free(copy);
    assert_missing("out/x");
    sat_target_fini(&target);
}

/* The store replaces the object right after it took it. */
static int swap_after_put(void *user, const struct sat_op *op, satchel_error *err)
{
    bool *armed = user;
    (void)err;
    if (op->kind != SAT_OP_GET || !*armed)
        return SATCHEL_OK;
    *armed = false;
    put_object("mem://verified/x", "other", NULL);
    return SATCHEL_OK;
}

static void verify_notices_other_bytes(void **state)
{
    bool armed = true;
    (void)state;
    put("a", "bytes");
    open_target("mem://verified/");
    rules.verify = true;
    target.conn->fault = swap_after_put;
    target.conn->fault_user = &armed;
    assert_copy(at("a"), 5, "failed", SATCHEL_CONFLICT);
    assert_false(armed);
    target.conn->fault = NULL;
    assert_object("mem://verified/x", "other");
    sat_target_fini(&target);
}

/* Whatever kernel call fails: an error or the whole file, never a half one, nothing left over. */
static void any_failed_call_is_clean(void **state)
{
    (void)state;
    put("a", "bytes");
    for (long nth = 1;; nth++) {
        open_target(at("out/"));
        (void)unlink(at("out/x"));
        sat_os_fail_nth(nth, EIO);
        struct sat_copy *copy = copy_from(at("a"), 5);
        long calls = sat_os_call_count();
        sat_os_fail_nth(0, 0);
        bool ok = sat_str_eq(copy->status, "ok");
        sat_copy_free(copy);
        sat_target_fini(&target);
        if (access(at("out/x"), F_OK) == 0)
            assert_file("out/x", "bytes");
        else
            assert_false(ok);
        assert_no_temps();
        if (calls < nth)
            break;
    }
    assert_file("out/x", "bytes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(every_way_brings_the_bytes),
        CASE(empty_objects_are_copied),
        CASE(large_objects_go_range_by_range),
        CASE(ranges_are_held_against_the_checksum_of_the_source),
        CASE(store_to_store_keeps_type_and_metadata),
        CASE(what_exists_is_skipped_or_refused),
        CASE(the_write_itself_decides),
        CASE(free_names_are_taken_whatever_if_exists),
        CASE(nothing_is_copied_onto_itself),
        CASE(what_is_gone_is_not_found),
        CASE(an_object_that_grew_is_modified),
        CASE(a_cancelled_copy_leaves_nothing),
        CASE(verify_notices_other_bytes),
        CASE(any_failed_call_is_clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
