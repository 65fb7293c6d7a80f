/* ListObjectsV2: the request, and which pages are believed. */
#include "backends/s3_fixture.h"

#define PAGE(content) "<?xml version=\"1.0\"?>\n<ListBucketResult>" content "</ListBucketResult>"
#define NAME          "<Name>bucket</Name>"
#define LAST          "<IsTruncated>false</IsTruncated>"
#define ROW(key)                                                                                   \
    "<Contents><Key>" key "</Key><LastModified>2009-10-12T17:50:30.000Z</LastModified>"            \
    "<ETag>&quot;e-" key "&quot;</ETag><Size>7</Size><Owner><ID>o</ID></Owner></Contents>"
#define FOLDER(key) "<CommonPrefixes><Prefix>" key "</Prefix></CommonPrefixes>"

/* ---- request */

static void the_query_is_sorted_and_encoded(void **state)
{
    struct s3_fixture *f = *state;
    f->op.list.prefix = "a b/é";
    f->op.list.delimiter = "/";
    f->op.list.after = "a b/é+";
    assert_int_equal(s3_build(f, SAT_OP_LIST), SATCHEL_OK);
    assert_string_equal(f->request.method, "GET");
    assert_string_equal(sat_buf_str(&f->request.path), "/bucket");
    assert_string_equal(sat_buf_str(&f->request.query),
                        "delimiter=%2F&encoding-type=url&list-type=2&max-keys=1000"
                        "&prefix=a%20b%2F%C3%A9&start-after=a%20b%2F%C3%A9%2B");
}

static void a_token_goes_on_where_the_last_page_ended(void **state)
{
    struct s3_fixture *f = *state;
    f->op.list.token = "t/=";
    f->op.list.after = "ignored";
    f->op.list.max_keys = 5;
    assert_int_equal(s3_build(f, SAT_OP_LIST), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&f->request.query),
                        "continuation-token=t%2F%3D&encoding-type=url&list-type=2&max-keys=5"
                        "&prefix=");
    f->op.list.max_keys = 100000;
    assert_int_equal(s3_build(f, SAT_OP_LIST), SATCHEL_OK);
    assert_non_null(strstr(sat_buf_str(&f->request.query), "max-keys=1000&"));
}

/* ---- pages */

static int accept_page(struct s3_fixture *f, const char *body)
{
    s3_reply(f, 200, "", body);
    return s3_accept(f, SAT_OP_LIST);
}

static void a_page_becomes_rows(void **state)
{
    struct s3_fixture *f = *state;
    assert_int_equal(accept_page(f, PAGE(NAME "<Prefix></Prefix>" ROW("a") ROW("b") LAST)),
                     SATCHEL_OK);
    assert_int_equal(f->op.page.entries.len, 2);
    assert_string_equal(sat_page_key(&f->op.page, 1), "b");
    assert_string_equal(sat_page_etag(&f->op.page, 1), "e-b");
    assert_int_equal(sat_page_at(&f->op.page, 1)->size, 7);
    assert_int_equal(sat_page_at(&f->op.page, 0)->mtime_ns, INT64_C(1255369830) * 1000000000);
    assert_false(sat_page_at(&f->op.page, 0)->is_prefix);
    assert_null(f->op.page.next);
}

static void objects_and_folders_are_one_ordered_list(void **state)
{
    struct s3_fixture *f = *state;
    assert_int_equal(accept_page(f, PAGE(ROW("a") ROW("c") FOLDER("b/") FOLDER("d/") LAST)),
                     SATCHEL_OK);
    static const char *const want[] = {"a", "b/", "c", "d/"};
    assert_int_equal(f->op.page.entries.len, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(sat_page_key(&f->op.page, i), want[i]);
        assert_int_equal(sat_page_at(&f->op.page, i)->is_prefix, i % 2);
    }
    assert_int_equal(sat_page_at(&f->op.page, 1)->size, 0);
    assert_string_equal(sat_page_etag(&f->op.page, 1), "");
}

static void names_are_decoded_when_the_page_says_so(void **state)
{
    struct s3_fixture *f = *state;
    f->op.list.prefix = "a b+";
    assert_int_equal(accept_page(f, PAGE("<Prefix>a+b%2B</Prefix>" ROW("a+b%2Bc%0A%C3%A9") FOLDER(
                                        "a+b%2Bd/") LAST "<EncodingType>url</EncodingType>")),
                     SATCHEL_OK);
    assert_string_equal(sat_page_key(&f->op.page, 0), "a b+c\né");
    assert_string_equal(sat_page_key(&f->op.page, 1), "a b+d/");
}

static void names_stay_as_they_are_when_it_does_not(void **state)
{
    struct s3_fixture *f = *state;
    f->op.list.prefix = "a+b%2B";
    assert_int_equal(accept_page(f, PAGE("<Prefix>a+b%2B</Prefix>" ROW("a+b%2Bc") LAST)),
                     SATCHEL_OK);
    assert_string_equal(sat_page_key(&f->op.page, 0), "a+b%2Bc");
}

static void a_truncated_page_has_a_token(void **state)
{
    struct s3_fixture *f = *state;
    assert_int_equal(accept_page(f, PAGE("<IsTruncated>true</IsTruncated>" ROW(
                                        "a") "<NextContinuationToken>t1</NextContinuationToken>")),
                     SATCHEL_OK);
    assert_string_equal(f->op.page.next, "t1");
    assert_int_equal(accept_page(f, PAGE("<IsTruncated>true</IsTruncated>" ROW("a"))),
                     SATCHEL_INTEGRITY);
    assert_int_equal(f->op.page.entries.len, 0);
    /* a token on the last page is none */
    assert_int_equal(accept_page(f, PAGE(LAST "<NextContinuationToken>t</NextContinuationToken>")),
                     SATCHEL_OK);
    assert_null(f->op.page.next);
}

static void a_page_of_something_else_is_not_believed(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const pages[] = {
        PAGE("<Prefix>other/</Prefix>" LAST),
        PAGE(LAST), /* no echo where a prefix was asked for */
        PAGE("<Prefix>p/</Prefix><Name>another</Name>" LAST),
        PAGE("<Prefix>p/</Prefix>" ROW("q/a") LAST),
        PAGE("<Prefix>p/</Prefix>"),
        PAGE("<Prefix>p/</Prefix><IsTruncated>maybe</IsTruncated>"),
        PAGE("<Prefix>p/</Prefix><Contents><Key>p/a</Key></Contents>" LAST),
        PAGE("<Prefix>p/</Prefix><Contents><Key>p/a</Key><Size>-1</Size></Contents>" LAST),
        PAGE("<Prefix>p/</Prefix><Contents><Size>1</Size></Contents>" LAST),
        PAGE("<Prefix>p/%zz</Prefix><EncodingType>url</EncodingType>" LAST),
        PAGE("<Prefix>p/</Prefix><EncodingType>url</EncodingType>" ROW("p/%00") LAST),
        PAGE("<Prefix>p/</Prefix><EncodingType>url</EncodingType>" ROW("p/%ff") LAST),
    };
    f->op.list.prefix = "p/";
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        assert_int_equal(accept_page(f, pages[i]), SATCHEL_INTEGRITY);
        assert_int_equal(f->verdict.retry, SAT_RETRY_NEVER);
        assert_int_equal(f->op.page.entries.len, 0);
    }
}

static void a_reply_that_is_no_page_is_asked_for_again(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const bodies[] = {
        "",
        "   ",
        "<!DOCTYPE html><html><body>Sign in</body></html>",
        "<html><body>Sign in</body></html>",
        "<ListBucketResult>" ROW("a"),
        "<ListBucketResult>" ROW("a") "<Contents><Key>b</K",
        "<ListAllMyBucketsResult/>",
        ("<!DOCTYPE l [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;\">]>"
         "<ListBucketResult>&b;&b;&b;</ListBucketResult>"),
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        assert_int_equal(accept_page(f, bodies[i]), SATCHEL_NETWORK);
        assert_int_equal(f->verdict.retry, SAT_RETRY_TRANSIENT);
        assert_int_equal(f->op.page.entries.len, 0);
    }
}

static void an_error_in_a_200_is_that_error(void **state)
{
    struct s3_fixture *f = *state;
    assert_int_equal(accept_page(f, "\n <Error><Code>AccessDenied</Code></Error>"), SATCHEL_DENIED);
}

static void a_missing_bucket_is_told_from_a_missing_key(void **state)
{
    struct s3_fixture *f = *state;
    s3_reply(f, 404, "", "<Error><Code>NoSuchBucket</Code><Message>gone</Message></Error>");
    assert_int_equal(s3_accept(f, SAT_OP_LIST), SATCHEL_NOT_FOUND);
    assert_non_null(strstr(f->err.text, "bucket 'bucket' not found"));
    assert_non_null(strstr(f->err.text, "create_bucket=true"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        S3_TEST(the_query_is_sorted_and_encoded),
        S3_TEST(a_token_goes_on_where_the_last_page_ended),
        S3_TEST(a_page_becomes_rows),
        S3_TEST(objects_and_folders_are_one_ordered_list),
        S3_TEST(names_are_decoded_when_the_page_says_so),
        S3_TEST(names_stay_as_they_are_when_it_does_not),
        S3_TEST(a_truncated_page_has_a_token),
        S3_TEST(a_page_of_something_else_is_not_believed),
        S3_TEST(a_reply_that_is_no_page_is_asked_for_again),
        S3_TEST(an_error_in_a_200_is_that_error),
        S3_TEST(a_missing_bucket_is_told_from_a_missing_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
