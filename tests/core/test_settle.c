/* What a STAT says about a write whose reply was lost. */
#include "support/test.h"

#include "core/error.h"
#include "core/fake_backend.h"
#include "core/settle.h"
#include "core/str.h"

struct lost {
    struct sat_conn conn;
    struct sat_tags metadata;
    struct sat_op op;
    struct sat_op probe;
};

static void begin(struct lost *lost, enum sat_op_kind kind, const char *writer)
{
    *lost = (struct lost){.conn = {.backend = &fake_backend}};
    if (writer != NULL)
        assert_int_equal(sat_tags_add_str(&lost->metadata, SAT_META_WRITER, writer, NULL),
                         SATCHEL_OK);
    lost->op.kind = kind;
    lost->op.conn = &lost->conn;
    lost->op.key = "k";
    lost->op.metadata = writer == NULL ? NULL : &lost->metadata;
    lost->op.unsettled = true;
    sat_error_set(&lost->op.err, SATCHEL_NETWORK, "gone");
    sat_settle_probe(&lost->op, &lost->probe);
}

static void found(struct lost *lost, const char *writer)
{
    lost->probe.info.etag = sat_strdup("e2");
    if (writer != NULL)
        assert_int_equal(
            sat_tags_add_str(&lost->probe.info.metadata, SAT_META_WRITER, writer, NULL),
            SATCHEL_OK);
}

static void end(struct lost *lost)
{
    sat_tags_fini(&lost->metadata);
    sat_op_fini(&lost->op);
    sat_op_fini(&lost->probe);
}

static void only_a_failed_doubtful_write_is_looked_at(void **state)
{
    (void)state;
    struct lost lost;
    begin(&lost, SAT_OP_PUT, "w1");
    assert_int_equal(sat_settle_how(&lost.op), SAT_SETTLE_BY_STAT);
    lost.op.err.code = SATCHEL_CANCELLED;
    assert_int_equal(sat_settle_how(&lost.op), SAT_SETTLE_NOT);
    lost.op.err.code = SATCHEL_UNKNOWN_OUTCOME;
    assert_int_equal(sat_settle_how(&lost.op), SAT_SETTLE_NOT);
    lost.op.err.code = SATCHEL_OK;
    assert_int_equal(sat_settle_how(&lost.op), SAT_SETTLE_NOT);
    lost.op.err.code = SATCHEL_EXISTS;
    assert_int_equal(sat_settle_how(&lost.op), SAT_SETTLE_BY_STAT);
    lost.op.unsettled = false;
    assert_int_equal(sat_settle_how(&lost.op), SAT_SETTLE_NOT);
    end(&lost);
}

static void a_local_write_has_no_lost_reply(void **state)
{
    (void)state;
    struct lost lost;
    begin(&lost, SAT_OP_PUT, "w1");
    lost.conn.backend = &fake_local_backend;
    assert_int_equal(sat_settle_how(&lost.op), SAT_SETTLE_NOT);
    end(&lost);
}

static void without_a_write_id_only_a_condition_makes_doubt(void **state)
{
    (void)state;
    struct lost lost;
    begin(&lost, SAT_OP_PUT, NULL);
    assert_int_equal(sat_settle_how(&lost.op), SAT_SETTLE_NOT);
    lost.op.if_absent = true;
    assert_int_equal(sat_settle_how(&lost.op), SAT_SETTLE_IMPOSSIBLE);
    lost.op.if_absent = false;
    lost.op.if_match = "e1";
    assert_int_equal(sat_settle_how(&lost.op), SAT_SETTLE_IMPOSSIBLE);
    end(&lost);
}

static void our_write_id_is_success(void **state)
{
    (void)state;
    struct lost lost;
    begin(&lost, SAT_OP_PUT, "w1");
    found(&lost, "w1");
    sat_settle_apply(&lost.op, &lost.probe);
    assert_int_equal(lost.op.err.code, SATCHEL_OK);
    assert_string_equal(lost.op.info.etag, "e2");
    assert_false(lost.op.unsettled);
    end(&lost);
}

/* Metadata that is copied from object to object brings the id of another write along. */
static void our_write_id_on_another_object_is_unknown(void **state)
{
    (void)state;
    struct lost lost;
    begin(&lost, SAT_OP_PUT, "w1");
    lost.op.source.length = 5;
    found(&lost, "w1");
    lost.probe.info.size = 4;
    sat_settle_apply(&lost.op, &lost.probe);
    assert_int_equal(lost.op.err.code, SATCHEL_UNKNOWN_OUTCOME);
    end(&lost);
}

/* It has no id of its own: what finishes it looks at what is there. */
static void a_finish_of_parts_is_not_settled_here(void **state)
{
    (void)state;
    struct lost lost;
    begin(&lost, SAT_OP_PART_FINISH, "w1");
    assert_int_equal(sat_settle_how(&lost.op), SAT_SETTLE_NOT);
    end(&lost);
}

static void another_write_id_is_unknown(void **state)
{
    (void)state;
    static const char *const others[] = {"w2", NULL};
    for (size_t i = 0; i < 2; i++) {
        struct lost lost;
        begin(&lost, SAT_OP_PUT, "w1");
        found(&lost, others[i]);
        sat_settle_apply(&lost.op, &lost.probe);
        assert_int_equal(lost.op.err.code, SATCHEL_UNKNOWN_OUTCOME);
        assert_true(lost.op.unsettled);
        assert_non_null(strstr(lost.op.err.text, "gone"));
        end(&lost);
    }
}

static void a_put_that_cannot_be_looked_at_is_unknown(void **state)
{
    (void)state;
    static const int codes[] = {SATCHEL_NOT_FOUND, SATCHEL_NETWORK, SATCHEL_TIMEOUT};
    for (size_t i = 0; i < 3; i++) {
        struct lost lost;
        begin(&lost, SAT_OP_PUT, "w1");
        lost.probe.err.code = codes[i];
        sat_settle_apply(&lost.op, &lost.probe);
        assert_int_equal(lost.op.err.code, SATCHEL_UNKNOWN_OUTCOME);
        end(&lost);
    }
}

static void a_delete_is_settled_by_what_is_gone(void **state)
{
    (void)state;
    struct lost lost;
    begin(&lost, SAT_OP_DELETE, NULL);
    assert_int_equal(sat_settle_how(&lost.op), SAT_SETTLE_BY_STAT);
    lost.probe.err.code = SATCHEL_NOT_FOUND;
    sat_settle_apply(&lost.op, &lost.probe);
    assert_int_equal(lost.op.err.code, SATCHEL_OK);
    end(&lost);
    begin(&lost, SAT_OP_DELETE, NULL);
    found(&lost, NULL);
    sat_settle_apply(&lost.op, &lost.probe);
    assert_int_equal(lost.op.err.code, SATCHEL_UNKNOWN_OUTCOME);
    end(&lost);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_failed_doubtful_write_is_looked_at),
        cmocka_unit_test(a_local_write_has_no_lost_reply),
        cmocka_unit_test(without_a_write_id_only_a_condition_makes_doubt),
        cmocka_unit_test(our_write_id_is_success),
        cmocka_unit_test(another_write_id_is_unknown),
        cmocka_unit_test(our_write_id_on_another_object_is_unknown),
        cmocka_unit_test(a_finish_of_parts_is_not_settled_here),
        cmocka_unit_test(a_put_that_cannot_be_looked_at_is_unknown),
        cmocka_unit_test(a_delete_is_settled_by_what_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
