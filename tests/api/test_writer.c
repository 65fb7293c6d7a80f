/* Writers through the public headers: every store, sizes around a part, what is dropped. */
#include <stdlib.h>

#include "api/fixture.h"
#include "api/s3_fixture.h"

enum { MIB = 1024 * 1024 };

static satchel_store *store;
static char *bytes; /* 12 MiB that differ everywhere */

static void make_bytes(void)
{
    uint32_t at = 1;
    bytes = malloc(12 * MIB);
    assert_non_null(bytes);
    for (size_t i = 0; i < 12 * MIB; i++) {
        at = at * 1664525 + 1013904223;
        bytes[i] = (char)(at >> 24);
    }
}

static void assert_object(const char *key, size_t size)
{
    satchel_buf buf = {0};
    ok(satchel_get(store, key, &buf, &err));
    assert_int_equal(buf.len, size);
    assert_true(size == 0 || memcmp(buf.data, bytes, size) == 0);
    satchel_buf_free(&buf);
}

static void write_object(const char *key, size_t size, size_t piece,
                         const satchel_put_options *options)
{
    satchel_writer *writer = NULL;
    satchel_info info = {0};
    ok(satchel_writer_open(store, key, options, &writer, &err));
    for (size_t at = 0; at < size; at += piece) {
        size_t len = size - at < piece ? size - at : piece;
        ok(satchel_writer_write(writer, (satchel_span){bytes + at, len}, &err));
    }
    ok(satchel_writer_finish(writer, &info, &err));
    assert_int_equal(info.size, size);
    satchel_info_free(&info);
}

static void check_store(void)
{
    static const size_t sizes[] = {0, 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 12 * MIB};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        write_object("w/stream", sizes[i], 700001, NULL);
        assert_object("w/stream", sizes[i]);
    }
    const satchel_pair note = {"note", "kept"};
    const satchel_put_options options = {.struct_size = sizeof options,
                                         .content_type = "text/x",
                                         .metadata = &note,
                                         .metadata_count = 1};
    satchel_info info = {0};
    write_object("w/typed", 9 * MIB, MIB, &options);
    ok(satchel_stat(store, "w/typed", &info, &err));
    assert_string_equal(info.content_type, "text/x");
    assert_int_equal(info.metadata.count, 1);
    satchel_info_free(&info);
}

static void check_dropped(void)
{
    satchel_writer *writer = NULL;
    satchel_info info = {0};
    ok(satchel_writer_open(store, "w/dropped", NULL, &writer, &err));
    ok(satchel_writer_write(writer, (satchel_span){bytes, 12 * MIB}, &err));
    satchel_writer_abort(writer);
    assert_int_equal(satchel_stat(store, "w/dropped", &info, &err), SATCHEL_NOT_FOUND);
    satchel_writer_abort(NULL);
}

static void check_taken(void)
{
    const satchel_put_options absent = {.struct_size = sizeof absent, .if_absent = 1};
    satchel_writer *writer = NULL;
    write_object("w/taken", 3, 3, NULL);
    ok(satchel_writer_open(store, "w/taken", &absent, &writer, &err));
    int code = satchel_writer_write(writer, (satchel_span){bytes, 12 * MIB}, &err);
    assert_true(code == SATCHEL_OK || code == SATCHEL_EXISTS); /* the first parts may tell */
    assert_int_equal(satchel_writer_finish(writer, NULL, &err), SATCHEL_EXISTS);
    assert_object("w/taken", 3);
}

static void check_all(const char *uri, const satchel_config *with)
{
    make_bytes();
    ok(satchel_store_open(uri, with, &store, &err));
    check_store();
    check_dropped();
    check_taken();
    satchel_store_close(store);
    free(bytes);
}

static void streams_on_local_stores(void **state)
{
    (void)state;
    check_all(uri_of("store/"), config);
    check_all("mem://api/writer/", config);
}

static void streams_on_s3(void **state)
{
    satchel_store *bucket = NULL;
    (void)state;
    ok(satchel_store_open(s3(""), config, &bucket, &err));
    ok(satchel_bucket_create(bucket, &err));
    satchel_store_close(bucket);
    check_all(s3(""), config);
}

int main(void)
{
    const struct CMUnitTest local[] = {CASE(streams_on_local_stores)};
    const struct CMUnitTest remote[] = {S3_CASE(streams_on_s3)};
    int failed = cmocka_run_group_tests_name("local", local, NULL, NULL);
    if (!s3_is_there()) {
        print_message("s3: SATCHEL_TEST_S3_URL names no server (tools/servers.sh)\n");
        return failed;
    }
    return failed + cmocka_run_group_tests_name("s3", remote, NULL, NULL);
}
