/* Conformance: the way through door and engine - many ops at once, cancellation, faults, counting.
 */
#include "backends/fixture.h"

#include <stdio.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/str.h"

enum { MANY = 200 };

static void two_hundred_ops_share_a_queue(void **state)
{
    struct sat_queue *queue;
    (void)state;
    struct sat_op *ops = sat_calloc(MANY, sizeof *ops);
    assert_non_null(ops);
    assert_int_equal(sat_queue_new(&queue, NULL), SATCHEL_OK);
    for (unsigned i = 0; i < MANY; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "q%03u", i);
        ops[i] = op_of(SAT_OP_PUT, name);
        ops[i].source = sat_source_span(sat_span_of(ops[i].key));
        ops[i].user = &ops[i];
        sat_op_submit(&ops[i], queue);
    }
    unsigned back = 0;
    for (struct sat_op *op; (op = sat_queue_wait(queue)) != NULL; back++) {
        assert_int_equal(op->err.code, SATCHEL_OK);
        assert_ptr_equal(op->user, op);
        assert_non_null(op->info.etag);
        sat_op_fini(op);
    }
    assert_int_equal(back, MANY);
    struct sat_op list = op_of(SAT_OP_LIST, NULL);
    assert_runs(&list);
    assert_int_equal(list.page.entries.len, MANY);
    sat_op_fini(&list);
    sat_queue_free(queue);
    sat_free(ops);
}

/* Cancelled before it is submitted, so that no race decides the outcome. */
static void a_cancelled_op_comes_back_cancelled(void **state)
{
    struct sat_queue *queue;
    (void)state;
    assert_int_equal(sat_queue_new(&queue, NULL), SATCHEL_OK);
    struct sat_op op = op_of(SAT_OP_PUT, "cancelled");
    op.source = sat_source_span(sat_span_of("never"));
    sat_op_cancel(&op);
    sat_op_submit(&op, queue);
    assert_ptr_equal(sat_queue_wait(queue), &op);
    assert_int_equal(op.err.code, SATCHEL_CANCELLED);
    assert_null(sat_queue_wait(queue));
    sat_op_fini(&op);
    sat_queue_free(queue);
    assert_missing("cancelled");
}

static int refuse(void *user, const struct sat_op *op, satchel_error *err)
{
    (void)user;
    return sat_error_set(err, SATCHEL_DENIED, "no %s today", sat_op_kind_text(op->kind));
}

static void the_fault_hook_ends_an_op_before_it_does_anything(void **state)
{
    (void)state;
    fx.conn->fault = refuse;
    struct sat_op op = op_of(SAT_OP_PUT, "fault");
    int code = sat_op_run(&op, NULL);
    fx.conn->fault = NULL;
    assert_int_equal(code, SATCHEL_DENIED);
    assert_string_equal(op.err.text, "no put today");
    sat_op_fini(&op);
    assert_missing("fault");
}

static void the_door_counts_one_request_for_each_op(void **state)
{
    (void)state;
    uint64_t puts = atomic_load(&fx.conn->requests[SAT_OP_PUT]);
    uint64_t all = sat_conn_requests(fx.conn);
    put_text("one", "1");
    put_text("two", "2");
    assert_missing("three");
    assert_int_equal(atomic_load(&fx.conn->requests[SAT_OP_PUT]), puts + 2);
    assert_int_equal(sat_conn_requests(fx.conn), all + 3);
}

static void a_sink_that_is_full_is_a_limit(void **state)
{
    SAT_AUTO_BUF struct sat_buf body;
    (void)state;
    sat_buf_init(&body, 4);
    put_text("five", "12345");
    struct sat_op op = op_of(SAT_OP_GET, "five");
    op.sink = sat_sink_memory(&body);
    assert_fails(&op, SATCHEL_LIMIT);
    sat_op_fini(&op);
}

const struct CMUnitTest engine_cases[] = {
    CASE(two_hundred_ops_share_a_queue),
    CASE(a_cancelled_op_comes_back_cancelled),
    CASE(the_fault_hook_ends_an_op_before_it_does_anything),
    CASE(the_door_counts_one_request_for_each_op),
    CASE(a_sink_that_is_full_is_a_limit),
};
const size_t engine_case_count = sizeof engine_cases / sizeof *engine_cases;
