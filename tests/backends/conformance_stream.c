/*
 * Conformance: objects of unknown length, in parts where the store takes parts, in one PUT that is
 * fed where it does not: whole or not there, under the same conditions as any write.
 */
#include "backends/fixture.h"

#include <stdlib.h>

#include "core/crc.h"
#include "core/str.h"
#include "core/writer.h"

/* More than two parts of the smallest size that S3 takes. */
enum { LENGTH = 11 * 1024 * 1024 + 12345, PIECE = 100 * 1000 };

static char *content;

static int stream_begin(void **state)
{
    uint32_t random = 1;
    content = malloc(LENGTH);
    assert_non_null(content);
    for (size_t i = 0; i < LENGTH; i++) {
        random = random * 1664525 + 1013904223;
        content[i] = (char)(random >> 24);
    }
    return case_begin(state);
}

static int stream_end(void **state)
{
    free(content);
    return case_end(state);
}

#define STREAM_CASE(f) cmocka_unit_test_setup_teardown(f, stream_begin, stream_end)

static struct sat_writer *open_stream(const struct sat_op *put)
{
    struct sat_writer *writer = NULL;
    assert_int_equal(sat_writer_new(put, 16 * 1024 * 1024, &writer, NULL), SATCHEL_OK);
    return writer;
}

static void write_content(struct sat_writer *writer)
{
    satchel_error err = {0};
    for (size_t at = 0; at < LENGTH; at += PIECE) {
        size_t n = LENGTH - at < PIECE ? LENGTH - at : PIECE;
        if (sat_writer_write(writer, content + at, n, &err) != SATCHEL_OK)
            fail_msg("%s", err.text);
    }
}

/* Streams the content; the code of the finish. */
static int stream(const struct sat_op *put, struct sat_info *info)
{
    satchel_error err = {0};
    struct sat_writer *writer = open_stream(put);
    write_content(writer);
    int code = sat_writer_finish(writer, info, &err);
    assert_int_equal(err.code, code);
    sat_writer_free(writer);
    return code;
}

static void assert_content(const char *name)
{
    SAT_AUTO_BUF struct sat_buf body;
    sat_buf_init(&body, LENGTH);
    struct sat_op get = op_of(SAT_OP_GET, name);
    get.sink = sat_sink_memory(&body);
    assert_runs(&get);
    assert_int_equal(body.len, LENGTH);
    assert_memory_equal(body.data, content, LENGTH);
    sat_op_fini(&get);
}

static void a_stream_becomes_an_object(void **state)
{
    struct sat_info info = {0};
    (void)state;
    const struct sat_op put = op_of(SAT_OP_PUT, "s");
    assert_int_equal(stream(&put, &info), SATCHEL_OK);
    assert_int_equal(info.size, LENGTH);
    assert_non_null(info.etag);
    if (info.has_crc64)
        assert_true(info.crc64 == sat_crc64(0, content, LENGTH));
    assert_content("s");
    struct sat_op stat = op_of(SAT_OP_STAT, "s");
    assert_runs(&stat);
    assert_string_equal(stat.info.etag, info.etag);
    sat_op_fini(&stat);
    sat_info_fini(&info);
}

static void what_goes_with_a_stream_is_kept(void **state)
{
    struct sat_tags metadata = {0};
    struct sat_tags tags = {0};
    (void)state;
    assert_int_equal(sat_tags_add_str(&metadata, "note", "m", NULL), SATCHEL_OK);
    assert_int_equal(sat_tags_add_str(&tags, "kind", "t", NULL), SATCHEL_OK);
    struct sat_op put = op_of(SAT_OP_PUT, "s");
    put.metadata = &metadata;
    put.tags = &tags;
    put.content_type = "text/x-stream";
    assert_int_equal(stream(&put, NULL), SATCHEL_OK);
    struct sat_op stat = op_of(SAT_OP_STAT, "s");
    assert_runs(&stat);
    assert_string_equal(stat.info.content_type, "text/x-stream");
    assert_string_equal(sat_tags_find(&stat.info.metadata, sat_span_of("note"))->value, "m");
    struct sat_op get = op_of(SAT_OP_TAGS_GET, "s");
    assert_runs(&get);
    assert_string_equal(sat_tags_find(&get.found_tags, sat_span_of("kind"))->value, "t");
    sat_op_fini(&get);
    sat_op_fini(&stat);
    sat_tags_fini(&metadata);
    sat_tags_fini(&tags);
}

/* Nothing is seen of it before its end, and nothing after it was given up. */
static void an_abandoned_stream_leaves_what_was_there(void **state)
{
    (void)state;
    put_text("s", "old");
    for (int i = 0; i < 2; i++) {
        const struct sat_op put = op_of(SAT_OP_PUT, i == 0 ? "s" : "new");
        struct sat_writer *writer = open_stream(&put);
        write_content(writer);
        assert_text("s", "old");
        sat_writer_free(writer);
    }
    assert_text("s", "old");
    assert_missing("new");
    struct sat_op list = op_of(SAT_OP_LIST, NULL);
    list.list.prefix = key_of("");
    assert_runs(&list);
    assert_int_equal(list.page.entries.len, 1);
    sat_op_fini(&list);
}

static void a_stream_takes_no_taken_name(void **state)
{
    (void)state;
    struct sat_op put = op_of(SAT_OP_PUT, "s");
    put.if_absent = true;
    assert_int_equal(stream(&put, NULL), SATCHEL_OK);
    put_text("s", "mine");
    assert_int_equal(stream(&put, NULL), SATCHEL_EXISTS);
    assert_text("s", "mine");
}

static void a_stream_replaces_only_the_version_named(void **state)
{
    (void)state;
    struct sat_op put = op_of(SAT_OP_PUT, "s");
    put.if_match = put_text("s", "one");
    assert_int_equal(stream(&put, NULL), SATCHEL_OK);
    assert_content("s");
    put_text("s", "two");
    assert_int_equal(stream(&put, NULL), SATCHEL_CONFLICT);
    assert_text("s", "two");
}

const struct CMUnitTest stream_cases[] = {
    STREAM_CASE(a_stream_becomes_an_object),
    STREAM_CASE(what_goes_with_a_stream_is_kept),
    STREAM_CASE(an_abandoned_stream_leaves_what_was_there),
    STREAM_CASE(a_stream_takes_no_taken_name),
    STREAM_CASE(a_stream_replaces_only_the_version_named),
};
const size_t stream_case_count = sizeof stream_cases / sizeof stream_cases[0];
