/* The probe of conditional writes: asked once, each kind by itself, refused where not enforced. */
#include "record/fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/str.h"

#define ALICE "{\"fields\":{\"name\":\"Alice\"}}"

/* The files of an index folder, and the folder. */
static void remove_folder(const char *folder)
{
    char path[600];
    struct dirent *entry;
    DIR *dir = opendir(folder);
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        (void)unlink(path);
    }
    if (dir != NULL)
        (void)closedir(dir);
    (void)rmdir(folder);
}

static const struct sat_backend *real;
static struct sat_backend lax; /* mem with conditions that it ignores */
static unsigned ignored;       /* bits of enum sat_db_condition */

static bool in_one_piece; /* the last PUT said so */

static int lax_part(void *state, struct sat_op *op, satchel_error *err)
{
    (void)state;
    if (op->kind == SAT_OP_PART_BEGIN)
        op->upload_id = sat_strdup("u");
    else
        op->info.etag = sat_strdup("e");
    if (op->kind != SAT_OP_PART_FINISH)
        return SATCHEL_OK;
    if (op->if_absent && !(ignored & SAT_DB_IF_ABSENT))
        return sat_error_set(err, SATCHEL_EXISTS, "taken");
    if (op->if_match != NULL && !(ignored & SAT_DB_PUT_IF_MATCH))
        return sat_error_set(err, SATCHEL_CONFLICT, "another");
    return SATCHEL_OK;
}

static int lax_put(void *state, struct sat_op *op, satchel_error *err)
{
    in_one_piece = op->in_one_piece;
    if (ignored & SAT_DB_IF_ABSENT)
        op->if_absent = false;
    if (ignored & SAT_DB_PUT_IF_MATCH)
        op->if_match = NULL;
    return real->slots[SAT_OP_PUT].run(state, op, err);
}

static int lax_delete(void *state, struct sat_op *op, satchel_error *err)
{
    if (ignored & SAT_DB_DELETE_IF_MATCH)
        op->if_match = NULL;
    return real->slots[SAT_OP_DELETE].run(state, op, err);
}

/* Makes the store look like an unknown server on the network. */
static void make_unknown(unsigned ignores)
{
    real = db->conn->backend;
    lax = *real;
    lax.slots[SAT_OP_PUT].run = lax_put;
    lax.slots[SAT_OP_DELETE].run = lax_delete;
    for (int kind = SAT_OP_PART_BEGIN; kind <= SAT_OP_PART_ABORT; kind++)
        lax.slots[kind].run = lax_part;
    ignored = ignores;
    db->conn->backend = &lax;
    (void)strncpy(db->conn->endpoint.host, "store.test", sizeof db->conn->endpoint.host - 1);
    (void)strncpy(db->conn->endpoint.url, "http://store.test", sizeof db->conn->endpoint.url - 1);
}

static int condition(enum sat_db_condition kind, bool *enforced, satchel_error *err)
{
    return sat_db_condition(db, kind, enforced, err);
}

static void local_stores_are_not_asked(void **state)
{
    (void)state;
    bool enforced = false;
    assert_int_equal(condition(SAT_DB_IF_ABSENT, &enforced, NULL), SATCHEL_OK);
    assert_true(enforced);
    assert_int_equal(all_requests(), 0);
}

static void a_good_store_is_asked_once_and_left_clean(void **state)
{
    (void)state;
    make_unknown(0);
    create_ok("a", ALICE);
    uint64_t after_first = all_requests();
    assert_int_equal(after_first, 6);
    create_ok("b", ALICE);
    assert_int_equal(all_requests() - after_first, 1);
    struct sat_op op = {.kind = SAT_OP_LIST, .conn = foreign, .list = {.prefix = "recs/.satchel/"}};
    assert_int_equal(sat_op_run(&op, NULL), SATCHEL_OK);
    assert_int_equal(op.page.entries.len, 0);
    sat_op_fini(&op);
}

static void the_answer_is_kept_for_the_next_handle(void **state)
{
    (void)state;
    char folder[] = "/tmp/satchel-probe-XXXXXX";
    assert_non_null(mkdtemp(folder));
    const struct setting settings[] = {{"cache_dir", folder}, {NULL, NULL}};
    reopen_db(settings);
    make_unknown(SAT_DB_DELETE_IF_MATCH);
    create_ok("a", ALICE);
    db->conn->backend = real;
    reopen_db(settings);
    make_unknown(0);
    create_ok("b", ALICE);
    assert_int_equal(all_requests(), 1);
    bool enforced = true;
    assert_int_equal(condition(SAT_DB_DELETE_IF_MATCH, &enforced, NULL), SATCHEL_UNSUPPORTED);
    remove_folder(folder);
}

static void only_the_kind_that_is_ignored_is_refused(void **state)
{
    (void)state;
    make_unknown(SAT_DB_PUT_IF_MATCH);
    create_ok("a", ALICE);
    satchel_item item = write_one(SAT_WRITE_UPDATE, "a", ALICE, NULL);
    assert_int_equal(item.err.code, SATCHEL_UNSUPPORTED);
    assert_non_null(strstr(item.err.text, "allow_unsafe"));
    assert_non_null(strstr(item.err.text, "http://store.test"));
    item_fini(&item);
}

/* A record in parts is written by PART_FINISH, whose conditions are another matter. */
static void a_large_record_goes_in_parts_where_they_keep_conditions(void **state)
{
    static const unsigned each[] = {0, SAT_DB_IF_ABSENT, SAT_DB_PUT_IF_MATCH};
    for (int i = 0; i < 3; i++) {
        bool ignores = i > 0;
        const struct setting settings[] = {{"allow_unsafe", "true"}, {NULL, NULL}};
        reopen_db(settings);
        make_unknown(each[i]);
        create_ok("small", ALICE);
        assert_false(in_one_piece);
        assert_int_equal(requests(SAT_OP_PART_BEGIN), 0);
        db->conn->multipart_threshold = 10;
        create_ok("large", ALICE);
        assert_int_equal(in_one_piece, ignores);
        uint64_t finishes = each[i] == SAT_DB_PUT_IF_MATCH ? 1 : 2;
        assert_int_equal(requests(SAT_OP_PART_FINISH), finishes);
        assert_int_equal(requests(SAT_OP_PART_ABORT), !ignores);
        create_ok("large too", ALICE);
        assert_int_equal(requests(SAT_OP_PART_FINISH), finishes);
        db->conn->backend = real;
        (void)close_db(state);
        (void)open_db(state);
    }
}

static void allow_unsafe_writes_without_the_condition(void **state)
{
    (void)state;
    bool enforced = true;
    reopen_db((const struct setting[]){{"allow_unsafe", "true"}, {NULL, NULL}});
    make_unknown(SAT_DB_IF_ABSENT | SAT_DB_PUT_IF_MATCH | SAT_DB_DELETE_IF_MATCH);
    assert_int_equal(condition(SAT_DB_DELETE_IF_MATCH, &enforced, NULL), SATCHEL_OK);
    assert_false(enforced);
    create_ok("a", ALICE);
    satchel_item item = write_one(SAT_WRITE_UPDATE, "a", ALICE, NULL);
    assert_int_equal(item.err.code, SATCHEL_OK);
    item_fini(&item);
}

static int down(void *user, const struct sat_op *op, satchel_error *err)
{
    (void)user;
    (void)op;
    *err = (satchel_error){.code = SATCHEL_NETWORK};
    return SATCHEL_NETWORK;
}

static void a_failed_probe_settles_nothing(void **state)
{
    (void)state;
    bool enforced = false;
    make_unknown(0);
    db->conn->fault = down;
    assert_int_equal(condition(SAT_DB_IF_ABSENT, &enforced, NULL), SATCHEL_NETWORK);
    db->conn->fault = NULL;
    assert_int_equal(condition(SAT_DB_IF_ABSENT, &enforced, NULL), SATCHEL_OK);
    assert_true(enforced);
}

static int close_lax(void **state)
{
    if (real != NULL)
        db->conn->backend = real;
    real = NULL;
    return close_db(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(local_stores_are_not_asked, open_db, close_lax),
        cmocka_unit_test_setup_teardown(a_good_store_is_asked_once_and_left_clean, open_db,
                                        close_lax),
        cmocka_unit_test_setup_teardown(the_answer_is_kept_for_the_next_handle, open_db, close_lax),
        cmocka_unit_test_setup_teardown(only_the_kind_that_is_ignored_is_refused, open_db,
                                        close_lax),
        cmocka_unit_test_setup_teardown(a_large_record_goes_in_parts_where_they_keep_conditions,
                                        open_db, close_db),
        cmocka_unit_test_setup_teardown(allow_unsafe_writes_without_the_condition, open_db,
                                        close_lax),
        cmocka_unit_test_setup_teardown(a_failed_probe_settles_nothing, open_db, close_lax),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
