/* Stores through the public headers: objects, listings, buckets, on file:// and mem://. */
#include <stdio.h>
#include <unistd.h>

#include "api/fixture.h"

static satchel_store *store;

static void open_store(const char *uri)
{
    ok(satchel_store_open(uri, config, &store, &err));
}

static void close_store(void)
{
    satchel_store_close(store);
    store = NULL;
}

static void put_text(const char *key, const char *text)
{
    ok(satchel_put(store, key, span(text), NULL, &err));
}

static void assert_text(const char *key, const char *text)
{
    satchel_buf buf = {0};
    ok(satchel_get(store, key, &buf, &err));
    assert_int_equal(buf.len, strlen(text));
    assert_memory_equal(buf.data == NULL ? "" : buf.data, text, buf.len);
    satchel_buf_free(&buf);
}

/* Every case below runs on a folder and in memory, with a part of the key in the URI. */
static void on_both(void (*check)(void))
{
    open_store(uri_of("store/"));
    check();
    close_store();
    open_store("mem://api/store/");
    check();
    close_store();
}

static void check_objects(void)
{
    satchel_info info = {0};
    put_text("a/b", "text");
    put_text("empty", "");
    assert_text("a/b", "text");
    assert_text("empty", "");
    ok(satchel_stat(store, "a/b", &info, &err));
    assert_int_equal(info.size, 4);
    assert_true(info.mtime_ns > 0);
    assert_true(strlen(info.etag) > 0);
    satchel_info_free(&info);
    ok(satchel_delete(store, "a/b", NULL, &err));
    ok(satchel_delete(store, "a/b", NULL, &err));
    assert_int_equal(satchel_stat(store, "a/b", &info, &err), SATCHEL_NOT_FOUND);
    assert_non_null(strstr(err.text, "a/b"));
    assert_int_equal(err.code, SATCHEL_NOT_FOUND);
}

static void objects_come_and_go(void **state)
{
    (void)state;
    on_both(check_objects);
}

static void check_ranges(void)
{
    satchel_buf buf = {0};
    put_text("r", "0123456789");
    ok(satchel_get_range(store, "r", 2, 3, &buf, &err));
    assert_string_equal(buf.data, "234");
    satchel_buf_free(&buf);
    ok(satchel_get_range(store, "r", 8, 0, &buf, &err));
    assert_string_equal(buf.data, "89");
    satchel_buf_free(&buf);
    ok(satchel_get_range(store, "r", 8, 100, &buf, &err));
    assert_string_equal(buf.data, "89");
    satchel_buf_free(&buf);
    assert_int_equal(satchel_get_range(store, "r", 11, 1, &buf, &err), SATCHEL_INVALID);
    assert_null(buf.data);
}

static void ranges_are_exact(void **state)
{
    (void)state;
    on_both(check_ranges);
}

static void check_conditions(void)
{
    satchel_put_options options = {.struct_size = sizeof options, .if_absent = 1};
    satchel_info info = {0};
    ok(satchel_put(store, "c", span("1"), &options, &err));
    assert_int_equal(satchel_put(store, "c", span("2"), &options, &err), SATCHEL_EXISTS);
    ok(satchel_stat(store, "c", &info, &err));
    options.if_absent = 0;
    options.if_match = info.etag;
    ok(satchel_put(store, "c", span("3"), &options, &err));
    assert_int_equal(satchel_put(store, "c", span("4"), &options, &err), SATCHEL_CONFLICT);
    assert_int_equal(satchel_delete(store, "c", info.etag, &err), SATCHEL_CONFLICT);
    assert_text("c", "3");
    satchel_info_free(&info);
}

static void conditions_hold(void **state)
{
    (void)state;
    on_both(check_conditions);
}

static void check_metadata(void)
{
    const satchel_pair metadata[] = {{"colour", "red"}, {"size", "xl"}};
    const satchel_pair tags[] = {{"team", "a b"}};
    satchel_put_options options = {.struct_size = sizeof options,
                                   .content_type = "text/plain",
                                   .metadata = metadata,
                                   .metadata_count = 2,
                                   .tags = tags,
                                   .tag_count = 1};
    satchel_info info = {0};
    satchel_pairs found = {0};
    ok(satchel_put(store, "m", span("1"), &options, &err));
    ok(satchel_stat(store, "m", &info, &err));
    assert_string_equal(info.content_type, "text/plain");
    assert_int_equal(info.metadata.count, 2);
    assert_string_equal(info.metadata.items[0].key, "colour");
    assert_string_equal(info.metadata.items[0].value, "red");
    satchel_info_free(&info);
    ok(satchel_tags_get(store, "m", &found, &err));
    assert_int_equal(found.count, 1);
    assert_string_equal(found.items[0].value, "a b");
    satchel_pairs_free(&found);
    ok(satchel_tags_set(store, "m", NULL, 0, &err));
    ok(satchel_tags_get(store, "m", &found, &err));
    assert_int_equal(found.count, 0);
}

static void metadata_and_tags_are_kept(void **state)
{
    (void)state;
    on_both(check_metadata);
}

/* The rows of a listing: "key " each. */
static const char *list(const char *prefix, int recursive)
{
    static char text[512];
    satchel_cursor *cursor = NULL;
    const satchel_entry *entry = NULL;
    size_t len = 0;
    text[0] = '\0';
    ok(satchel_list(store, prefix, recursive, &cursor, &err));
    for (;;) {
        ok(satchel_cursor_next(cursor, &entry, &err));
        if (entry == NULL)
            break;
        assert_int_equal(entry->is_prefix, entry->key[strlen(entry->key) - 1] == '/');
        len += (size_t)snprintf(text + len, sizeof text - len, "%s ", entry->key);
    }
    satchel_cursor_close(cursor);
    return text;
}

static void check_listings(void)
{
    put_text("d/a", "1");
    put_text("d/sub/b", "1");
    put_text("e", "1");
    assert_string_equal(list("", 1), "d/a d/sub/b e ");
    assert_string_equal(list("", 0), "d/ e ");
    assert_string_equal(list("d/", 0), "d/a d/sub/ ");
    assert_string_equal(list("d/s", 1), "d/sub/b ");
    assert_string_equal(list("none", 1), "");
}

static void keys_are_relative(void **state)
{
    (void)state;
    on_both(check_listings);
}

static void check_delete_many(void)
{
    enum { COUNT = 1100 };
    static char names[COUNT][16];
    static const char *keys[COUNT];
    static satchel_error results[COUNT];
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "k/%d", i);
        keys[i] = names[i];
        if (i % 100 == 0)
            put_text(names[i], "x");
    }
    put_text("kept", "x");
    ok(satchel_delete_many(store, keys, COUNT, results, &err));
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(results[i].code, SATCHEL_OK);
    assert_string_equal(list("", 1), "kept ");
    ok(satchel_delete_many(store, NULL, 0, NULL, &err));
}

static void more_keys_than_one_request_takes(void **state)
{
    (void)state;
    satchel_config_set(config, "durability", "none", NULL);
    on_both(check_delete_many);
}

static void files_go_up_and_down(void **state)
{
    (void)state;
    put("up", "content");
    open_store(uri_of("store"));
    ok(satchel_put_file(store, "k", at("up"), NULL, &err));
    assert_file("store/k", "content");
    ok(satchel_get_to_file(store, "k", at("down"), &err));
    assert_file("down", "content");
    put_text("k", "newer");
    ok(satchel_get_to_file(store, "k", at("down"), &err));
    assert_file("down", "newer");
    assert_int_equal(satchel_put_file(store, "k", at("none"), NULL, &err), SATCHEL_NOT_FOUND);
    assert_non_null(strstr(err.text, "none"));
    assert_int_equal(satchel_get_to_file(store, "none", at("x"), &err), SATCHEL_NOT_FOUND);
    assert_missing("x");
    assert_int_equal(satchel_get_to_file(store, "k", at("no/x"), &err), SATCHEL_NOT_FOUND);
    close_store();
}

static void max_memory_bounds_get(void **state)
{
    static char large[17 * 1024 * 1024];
    satchel_buf buf = {0};
    (void)state;
    ok(satchel_config_set(config, "max_memory", "16MiB", &err));
    open_store("mem://bounded/");
    ok(satchel_put(store, "large", (satchel_span){large, sizeof large}, NULL, &err));
    assert_int_equal(satchel_get(store, "large", &buf, &err), SATCHEL_LIMIT);
    assert_non_null(strstr(err.text, "max_memory"));
    assert_null(buf.data);
    ok(satchel_get_range(store, "large", 0, 10, &buf, &err));
    assert_int_equal(buf.len, 10);
    satchel_buf_free(&buf);
    close_store();
}

static void a_folder_is_made_and_removed(void **state)
{
    (void)state;
    open_store(uri_of("bucket"));
    assert_int_equal(satchel_bucket_stat(store, &err), SATCHEL_NOT_FOUND);
    ok(satchel_bucket_create(store, &err));
    assert_int_equal(satchel_bucket_create(store, &err), SATCHEL_EXISTS);
    ok(satchel_bucket_stat(store, &err));
    put_text("k", "x");
    assert_int_equal(satchel_bucket_delete(store, &err), SATCHEL_CONFLICT);
    ok(satchel_delete(store, "k", NULL, &err));
    ok(satchel_bucket_delete(store, &err));
    assert_missing("bucket");
    close_store();
}

/* "mem://" and "s3://" name an account: its buckets can be listed, nothing else. */
static void an_account_lists_its_buckets(void **state)
{
    satchel_store *bucket = NULL;
    satchel_cursor *cursor = NULL;
    const satchel_entry *entry = NULL;
    satchel_buf buf = {0};
    (void)state;
    ok(satchel_store_open("mem://listed/", config, &bucket, &err));
    open_store("mem://");
    ok(satchel_bucket_list(store, &cursor, &err));
    ok(satchel_cursor_next(cursor, &entry, &err));
    assert_string_equal(entry->key, "listed");
    ok(satchel_cursor_next(cursor, &entry, &err));
    assert_null(entry);
    satchel_cursor_close(cursor);
    assert_int_equal(satchel_get(store, "x", &buf, &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "no bucket"));
    assert_int_equal(satchel_bucket_create(store, &err), SATCHEL_INVALID);
    close_store();
    satchel_store_close(bucket);
    assert_int_equal(satchel_store_open("mem:///key", config, &store, &err), SATCHEL_INVALID);
    ok(satchel_config_set(config, "no_sign_request", "true", &err));
    open_store("s3://");
    assert_int_equal(satchel_put(store, "k", span("x"), NULL, &err), SATCHEL_INVALID);
    close_store();
}

static void requests_are_counted(void **state)
{
    satchel_count counts[64];
    (void)state;
    open_store("mem://counted/");
    put_text("a", "1");
    put_text("b", "1");
    assert_text("a", "1");
    assert_int_equal(satchel_store_stats(store, counts, 64), 3);
    for (size_t i = 0; counts[i].kind != NULL; i++) {
        uint64_t want = strcmp(counts[i].kind, "put") == 0   ? 2
                        : strcmp(counts[i].kind, "get") == 0 ? 1
                                                             : 0;
        assert_int_equal(counts[i].requests, want);
    }
    assert_int_equal(satchel_store_stats(store, NULL, 0), 3);
    close_store();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(objects_come_and_go),
        CASE(ranges_are_exact),
        CASE(conditions_hold),
        CASE(metadata_and_tags_are_kept),
        CASE(keys_are_relative),
        CASE(more_keys_than_one_request_takes),
        CASE(files_go_up_and_down),
        CASE(max_memory_bounds_get),
        CASE(a_folder_is_made_and_removed),
        CASE(an_account_lists_its_buckets),
        CASE(requests_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
