/* Sources give any part again; sinks write aligned blocks, count, sum and stop at their maximum. */
#include "core/os_folder.h"

#include <errno.h>

#include "core/alloc.h"
#include "core/body.h"
#include "core/crc.h"

enum { BODY = 700 * 1024 };

static char *pattern(size_t len)
{
    char *data = sat_malloc(len);
    assert_non_null(data);
    for (size_t i = 0; i < len; i++)
        data[i] = (char)(i * 31 + i / 251);
    return data;
}

static int open_file(const char *name)
{
    int fd = sat_os_open(root, name, O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    return fd;
}

/* ---- sources */

static void a_span_is_read_again_from_any_byte(void **state)
{
    (void)state;
    char out[8];
    size_t got = 0;
    struct sat_source source = sat_source_span((satchel_span){.data = "0123456789", .len = 10});
    assert_int_equal(sat_source_read(&source, 7, out, sizeof out, &got, NULL), SATCHEL_OK);
    assert_int_equal(got, 3);
    assert_memory_equal(out, "789", 3);
    assert_int_equal(sat_source_read(&source, 0, out, 2, &got, NULL), SATCHEL_OK);
    assert_memory_equal(out, "01", 2);
    assert_int_equal(sat_source_read(&source, 10, out, 2, &got, NULL), SATCHEL_OK);
    assert_int_equal(got, 0);
}

static void a_part_of_a_file_is_read(void **state)
{
    (void)state;
    char out[8];
    size_t got = 0;
    write_file("part", "0123456789");
    SAT_AUTO_FD int fd = sat_os_open(root, "part", O_RDONLY, 0);
    struct sat_source source = sat_source_file(fd, 2, 5);
    assert_int_equal(sat_source_read(&source, 1, out, sizeof out, &got, NULL), SATCHEL_OK);
    assert_int_equal(got, 4);
    assert_memory_equal(out, "3456", 4);
}

static void a_file_that_became_shorter_is_modified(void **state)
{
    (void)state;
    char out[16];
    size_t got = 0;
    satchel_error err = {0};
    write_file("short", "0123");
    SAT_AUTO_FD int fd = sat_os_open(root, "short", O_RDONLY, 0);
    struct sat_source source = sat_source_file(fd, 0, 10);
    assert_int_equal(sat_source_read(&source, 0, out, sizeof out, &got, &err), SATCHEL_MODIFIED);
    assert_int_equal(err.code, SATCHEL_MODIFIED);
}

/* ---- sinks */

static void a_memory_sink_stops_at_its_maximum(void **state)
{
    (void)state;
    SAT_AUTO_BUF struct sat_buf memory;
    satchel_error err = {0};
    sat_buf_init(&memory, 4);
    struct sat_sink sink = sat_sink_memory(&memory);
    assert_int_equal(sat_sink_write(&sink, "0123", 4, &err), SATCHEL_OK);
    assert_int_equal(sat_sink_write(&sink, "4", 1, &err), SATCHEL_LIMIT);
    assert_int_equal(err.code, SATCHEL_LIMIT);
    sat_sink_fini(&sink);
}

struct writes {
    unsigned count;
    unsigned odd; /* neither aligned and whole, nor the first, nor the last */
    int64_t end;
};

static void watch_write(void *user, const struct sat_os_call *call)
{
    struct writes *writes = user;
    if (strcmp(call->op, "pwrite") != 0)
        return;
    bool first = writes->count++ == 0;
    bool last = call->offset + call->size == writes->end;
    bool aligned = call->offset % (int64_t)SAT_SINK_BLOCK == 0;
    bool ends_aligned = (call->offset + call->size) % (int64_t)SAT_SINK_BLOCK == 0;
    if ((!first && !aligned) || (!last && !ends_aligned))
        writes->odd++;
}

static void a_file_sink_writes_whole_aligned_blocks(void **state)
{
    (void)state;
    enum { OFFSET = 1000, PIECE = 16 * 1024 - 7 };
    SAT_AUTO_FREE char *data = pattern(BODY);
    SAT_AUTO_FREE char *back = sat_malloc(BODY);
    SAT_AUTO_FD int fd = open_file("sink");
    struct sat_sink sink = sat_sink_file(fd, OFFSET);
    struct writes writes = {.end = OFFSET + BODY};
    sat_os_record(watch_write, &writes);
    for (size_t at = 0; at < BODY; at += PIECE) {
        size_t n = BODY - at < PIECE ? BODY - at : PIECE;
        assert_int_equal(sat_sink_write(&sink, data + at, n, NULL), SATCHEL_OK);
    }
    assert_int_equal(sat_sink_finish(&sink, NULL), SATCHEL_OK);
    sat_os_record(NULL, NULL);
    assert_int_equal(writes.odd, 0);
    assert_int_equal(writes.count, 3);
    assert_int_equal(sat_os_pread(fd, back, BODY, OFFSET), BODY);
    assert_memory_equal(back, data, BODY);
    assert_int_equal(sink.received, BODY);
    assert_true(sink.crc64 == sat_crc64(0, data, BODY));
    sat_sink_fini(&sink);
}

static void a_failed_write_is_told(void **state)
{
    (void)state;
    satchel_error err = {0};
    SAT_AUTO_FD int fd = open_file("full");
    struct sat_sink sink = sat_sink_file(fd, 0);
    assert_int_equal(sat_sink_write(&sink, "x", 1, &err), SATCHEL_OK);
    sat_os_fail_nth(1, ENOSPC);
    assert_int_equal(sat_sink_finish(&sink, &err), SATCHEL_IO);
    assert_int_equal(err.os_errno, ENOSPC);
    sat_sink_fini(&sink);
}

static void a_rewound_sink_knows_nothing_of_the_first_try(void **state)
{
    (void)state;
    static const unsigned char md5_of_abc[16] = {0x90, 0x01, 0x50, 0x98, 0x3c, 0xd2, 0x4f, 0xb0,
                                                 0xd6, 0x96, 0x3f, 0x7d, 0x28, 0xe1, 0x7f, 0x72};
    SAT_AUTO_BUF struct sat_buf memory;
    unsigned char md5[16];
    sat_buf_init(&memory, 100);
    struct sat_sink sink = sat_sink_memory(&memory);
    atomic_uint_least64_t moved = 1;
    sink.want_md5 = true;
    sink.moved = &moved;
    assert_int_equal(sat_sink_write(&sink, "wrong", 5, NULL), SATCHEL_OK);
    assert_int_equal(atomic_load(&moved), 6);
    sat_sink_rewind(&sink);
    assert_int_equal(atomic_load(&moved), 1);
    assert_false(sat_sink_md5(&sink, md5));
    sink.want_md5 = true;
    assert_int_equal(sat_sink_write(&sink, "ab", 2, NULL), SATCHEL_OK);
    assert_int_equal(sat_sink_write(&sink, "c", 1, NULL), SATCHEL_OK);
    assert_true(sat_sink_md5(&sink, md5));
    assert_memory_equal(md5, md5_of_abc, sizeof md5);
    assert_true(sink.crc64 == sat_crc64(0, "abc", 3));
    assert_string_equal(sat_buf_str(&memory), "abc");
    sat_sink_fini(&sink);
}

static void the_md5_of_no_bytes_is_known(void **state)
{
    (void)state;
    static const unsigned char md5_of_none[2] = {0xd4, 0x1d};
    unsigned char md5[16];
    struct sat_sink sink = {.kind = SAT_SINK_NONE, .want_md5 = true};
    assert_true(sat_sink_md5(&sink, md5));
    assert_memory_equal(md5, md5_of_none, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_span_is_read_again_from_any_byte),
        TEST(a_part_of_a_file_is_read),
        TEST(a_file_that_became_shorter_is_modified),
        TEST(a_memory_sink_stops_at_its_maximum),
        TEST(a_file_sink_writes_whole_aligned_blocks),
        TEST(a_failed_write_is_told),
        TEST(a_rewound_sink_knows_nothing_of_the_first_try),
        TEST(the_md5_of_no_bytes_is_known),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
