/* Request parts: names of buckets, paths, queries, metadata. */
#include "backends/s3_fixture.h"

#include <stdio.h>

static void bucket_names_follow_the_rules_of_s3(void **state)
{
    (void)state;
    static const char *const good[] = {"abc", "a-b.c", "1a2", "my-bucket-01", "192.168.0.a"};
    static const char *const bad[] = {"",    "ab",  "Abc",         "a_b",   "-ab", "ab-",  "a..b",
                                      "a/b", ".ab", "192.168.0.1", "a b c", "aé3", "abc\n"};
    char longest[65];
    memset(longest, 'a', sizeof longest);
    longest[64] = '\0';
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_int_equal(sat_s3_bucket_check(good[i], NULL), SATCHEL_OK);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(sat_s3_bucket_check(bad[i], NULL), SATCHEL_INVALID);
    assert_int_equal(sat_s3_bucket_check(longest, NULL), SATCHEL_INVALID);
    longest[63] = '\0';
    assert_int_equal(sat_s3_bucket_check(longest, NULL), SATCHEL_OK);
}

static const char *path_of(struct s3_fixture *f, const char *key)
{
    sat_request_reset(&f->request);
    assert_int_equal(sat_s3_target(&f->s3, &f->request, "GET", "bucket", key, NULL), SATCHEL_OK);
    return sat_buf_str(&f->request.path);
}

static void paths_are_encoded_once_and_never_normalised(void **state)
{
    struct s3_fixture *f = *state;
    assert_string_equal(path_of(f, "a//b/../c/./d"), "/bucket/a//b/../c/./d");
    assert_string_equal(path_of(f, "/lead"), "/bucket//lead");
    assert_string_equal(path_of(f, "%41 +?#&=~*é"), "/bucket/%2541%20%2B%3F%23%26%3D~%2A%C3%A9");
    assert_string_equal(path_of(f, NULL), "/bucket");
    sat_request_reset(&f->request);
    assert_int_equal(sat_s3_target(&f->s3, &f->request, "GET", NULL, NULL, NULL), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&f->request.path), "/");
}

static void assert_target(struct s3_fixture *f, const char *bucket, const char *key,
                          const char *subhost, const char *path)
{
    sat_request_reset(&f->request);
    assert_int_equal(sat_s3_target(&f->s3, &f->request, "GET", bucket, key, NULL), SATCHEL_OK);
    assert_string_equal(f->request.subhost, subhost);
    assert_string_equal(sat_buf_str(&f->request.path), path);
}

static void a_bucket_goes_in_front_of_the_host_where_it_can(void **state)
{
    struct s3_fixture *f = *state;
    static const struct {
        const char *style;
        const char *endpoint; /* "" = the provider's own */
        const char *bucket;
        bool subhost;
    } cases[] = {
        {"auto", "", "bucket", true},
        {"auto", "", "dotted.bucket", false},
        {"auto", "https://h.example", "bucket", false},
        {"path", "", "bucket", false},
        {"virtual", "https://h.example", "bucket", true},
        {"virtual", "https://h.example", "dotted.bucket", false},
        {"virtual", "http://h.example", "dotted.bucket", true},
        {"virtual", "http://10.0.0.1:9000", "bucket", false},
        {"virtual", "http://[::1]", "bucket", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char host[64];
        char path[64];
        const char *const options[] = {"endpoint_url",      cases[i].endpoint, "addressing_style",
                                       cases[i].style,      "access_key_id",   "id",
                                       "secret_access_key", "secret",          NULL};
        assert_int_equal(s3_open_with(f, "connections-own", options), SATCHEL_OK);
        (void)snprintf(host, sizeof host, "%s%s", cases[i].subhost ? cases[i].bucket : "",
                       cases[i].subhost ? "." : "");
        (void)snprintf(path, sizeof path, cases[i].subhost ? "/%%25x" : "/%s/%%25x",
                       cases[i].bucket);
        assert_target(f, cases[i].bucket, "%x", host, path);
    }
}

static void a_subhost_leaves_the_path_to_the_key(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const options[] = {"endpoint_url", "http://h/pre", "addressing_style",
                                          "virtual", NULL};
    assert_int_equal(s3_open_with(f, "bucket", options), SATCHEL_OK);
    assert_target(f, "bucket", "/a//b", "bucket.", "/pre//a//b");
    assert_target(f, "bucket", NULL, "bucket.", "/pre/");
    assert_target(f, NULL, NULL, "", "/pre/");
    f->op.bucket = "another";
    assert_int_equal(s3_build(f, SAT_OP_BUCKET_DELETE), SATCHEL_OK);
    assert_string_equal(f->request.subhost, "another.");
}

static int add_metadata(struct s3_fixture *f, const char *name, const char *value)
{
    struct sat_tags metadata = {0};
    sat_request_reset(&f->request);
    assert_int_equal(sat_tags_add_str(&metadata, name, value, NULL), SATCHEL_OK);
    int code = sat_s3_metadata(&f->request, &metadata, &f->err);
    sat_tags_fini(&metadata);
    return code;
}

static void metadata_that_would_not_come_back_is_refused(void **state)
{
    struct s3_fixture *f = *state;
    assert_int_equal(add_metadata(f, "Name_1", "a value, with \"quotes\""), SATCHEL_OK);
    assert_string_equal(s3_header(f, "x-amz-meta-name_1"), "a value, with \"quotes\"");
    assert_int_equal(add_metadata(f, "n", "é"), SATCHEL_INVALID);
    assert_non_null(strstr(f->err.text, "'n'"));
    assert_int_equal(add_metadata(f, "n", ""), SATCHEL_INVALID);
    assert_int_equal(add_metadata(f, "n", " a"), SATCHEL_INVALID);
    assert_int_equal(add_metadata(f, "n", "a "), SATCHEL_INVALID);
    assert_int_equal(add_metadata(f, "n", "a\r\nx: y"), SATCHEL_INVALID);
    assert_int_equal(add_metadata(f, "n", "a\x7f"), SATCHEL_INVALID);
    assert_int_equal(add_metadata(f, "a b", "c"), SATCHEL_INVALID);
    assert_int_equal(add_metadata(f, "a:b", "c"), SATCHEL_INVALID);
    assert_int_equal(add_metadata(f, "é", "c"), SATCHEL_INVALID);
}

static void metadata_names_that_differ_in_case_only_are_refused(void **state)
{
    struct s3_fixture *f = *state;
    struct sat_tags metadata = {0};
    sat_tags_add_str(&metadata, "a", "1", NULL);
    sat_tags_add_str(&metadata, "A", "2", NULL);
    assert_int_equal(sat_s3_metadata(&f->request, &metadata, &f->err), SATCHEL_INVALID);
    sat_tags_fini(&metadata);
}

static void queries_skip_what_is_not_there(void **state)
{
    struct s3_fixture *f = *state;
    sat_s3_query(&f->request, "a", NULL);
    sat_s3_query(&f->request, "b", "");
    sat_s3_query(&f->request, "c", "x&y z");
    assert_string_equal(sat_buf_str(&f->request.query), "b=&c=x%26y%20z");
}

static void headers_that_do_not_fit_are_an_error(void **state)
{
    struct s3_fixture *f = *state;
    char value[30000];
    char name[16];
    int code = SATCHEL_OK;
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < 10 && code == SATCHEL_OK; i++) {
        snprintf(name, sizeof name, "x-%d", i);
        code = sat_s3_header(&f->request, name, value, &f->err);
    }
    assert_int_equal(code, SATCHEL_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bucket_names_follow_the_rules_of_s3),
        S3_TEST(paths_are_encoded_once_and_never_normalised),
        S3_TEST(a_bucket_goes_in_front_of_the_host_where_it_can),
        S3_TEST(a_subhost_leaves_the_path_to_the_key),
        S3_TEST(metadata_that_would_not_come_back_is_refused),
        S3_TEST(metadata_names_that_differ_in_case_only_are_refused),
        S3_TEST(queries_skip_what_is_not_there),
        S3_TEST(headers_that_do_not_fit_are_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
