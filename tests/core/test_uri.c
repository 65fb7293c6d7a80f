/* sat_uri: literal store URIs, percent-encoding, endpoint URLs. */
#include "support/test.h"

#include "core/alloc.h"
#include "core/str.h"
#include "core/uri.h"

static void splits_uris_literally(void **state)
{
    (void)state;
    static const char *const rows[][4] = {
        {"s3://b/a/b c", "s3", "b", "a/b c"},
        {"s3://b/100%25?x=1#y", "s3", "b", "100%25?x=1#y"},
        {"s3://b//x/../y//", "s3", "b", "/x/../y//"},
        {"s3://b", "s3", "b", ""},
        {"s3://b/", "s3", "b", ""},
        {"s3://", "s3", "", ""},
        {"s3:///k", "s3", "", "/k"},
        {"AZ://C/K", "az", "C", "K"},
        {"file:///tmp/x y", "file", "", "/tmp/x y"},
        {"file:///", "file", "", "/"},
        {"file://host/y", "file", "host", "y"},
        {"mem://name/key", "mem", "name", "key"},
        {"s3://b/\xC3\xA9", "s3", "b", "\xC3\xA9"},
        {"x+y-z.1://b/k", "x+y-z.1", "b", "k"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sat_uri uri;
        assert_true(sat_uri_is(rows[i][0]));
        assert_int_equal(sat_uri_parse(rows[i][0], &uri, NULL), SATCHEL_OK);
        assert_string_equal(uri.scheme, rows[i][1]);
        assert_string_equal(uri.bucket, rows[i][2]);
        assert_string_equal(uri.path, rows[i][3]);
        sat_uri_fini(&uri);
    }
}

static void what_has_no_scheme_is_no_uri(void **state)
{
    (void)state;
    static const char *const bad[] = {"",      "a",        "/tmp/x",    "://x",     "s3:/b/k",
                                      "s3:b",  "1s://b",   "s 3://b",   "./s3://b", "a/b://c",
                                      "C:\\x", "s3_x://b", "s3://b\xFF"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct sat_uri uri;
        satchel_error err;
        assert_int_equal(sat_uri_parse(bad[i], &uri, &err), SATCHEL_INVALID);
        assert_true(sat_str_starts(err.text, "not a URI"));
        assert_null(uri.scheme);
    }
    assert_false(sat_uri_is("/tmp/a://b"));
}

static void local_paths_stay_as_they_are(void **state)
{
    (void)state;
    struct sat_uri uri;
    assert_int_equal(sat_uri_local("report (1).pdf", &uri, NULL), SATCHEL_OK);
    assert_string_equal(uri.scheme, "file");
    assert_string_equal(uri.bucket, "");
    assert_string_equal(uri.path, "report (1).pdf");
    assert_int_equal(sat_uri_want(&uri, SAT_URI_PATH, NULL), SATCHEL_OK);
    sat_uri_fini(&uri);
    assert_int_equal(sat_uri_local("", &uri, NULL), SATCHEL_INVALID);
}

static void assert_want(const char *text, enum sat_uri_form form, const char *message)
{
    struct sat_uri uri;
    satchel_error err = {0};
    assert_int_equal(sat_uri_parse(text, &uri, NULL), SATCHEL_OK);
    int code = sat_uri_want(&uri, form, &err);
    assert_int_equal(code, *message == '\0' ? SATCHEL_OK : SATCHEL_INVALID);
    assert_string_equal(err.text, message);
    sat_uri_fini(&uri);
}

static void says_which_form_is_wanted(void **state)
{
    (void)state;
    assert_want("s3://b/k", SAT_URI_BUCKET, "");
    assert_want("s3://b", SAT_URI_BUCKET, "");
    assert_want("s3:///k", SAT_URI_BUCKET, "no bucket in 's3:///k' (want s3://BUCKET/KEY)");
    assert_want("file:///x", SAT_URI_PATH, "");
    assert_want("file://x/y", SAT_URI_PATH, "no absolute path in 'file://x/y' (want file:///PATH)");
    assert_want("file://", SAT_URI_PATH, "no absolute path in 'file://' (want file:///PATH)");
}

static void formats_what_it_parsed(void **state)
{
    (void)state;
    static const char *const texts[] = {"s3://b/a//b", "file:///tmp/x", "s3://b/"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        SAT_AUTO_BUF struct sat_buf buf;
        struct sat_uri uri;
        sat_buf_init(&buf, 100);
        assert_int_equal(sat_uri_parse(texts[i], &uri, NULL), SATCHEL_OK);
        assert_int_equal(sat_uri_format(&buf, &uri), SATCHEL_OK);
        assert_string_equal(sat_buf_str(&buf), texts[i]);
        sat_uri_fini(&uri);
    }
}

static void assert_encoded(const char *text, bool keep_slash, const char *want)
{
    SAT_AUTO_BUF struct sat_buf buf;
    sat_buf_init(&buf, 1000);
    assert_int_equal(sat_uri_encode(&buf, sat_span_of(text), keep_slash), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&buf), want);
}

static void encodes_as_rfc_3986(void **state)
{
    (void)state;
    assert_encoded("AZaz09-._~", false, "AZaz09-._~");
    assert_encoded("a/b c", false, "a%2Fb%20c");
    assert_encoded("a/b c", true, "a/b%20c");
    assert_encoded("\xC3\xA9+=&%", false, "%C3%A9%2B%3D%26%25");
    assert_encoded("!*'()@:,;$\x7f", true, "%21%2A%27%28%29%40%3A%2C%3B%24%7F");
    assert_encoded("", false, "");
}

static void every_byte_comes_back_decoded(void **state)
{
    (void)state;
    unsigned char all[256];
    SAT_AUTO_BUF struct sat_buf encoded;
    SAT_AUTO_BUF struct sat_buf decoded;
    sat_buf_init(&encoded, 1000);
    sat_buf_init(&decoded, 1000);
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (unsigned char)i;
    assert_int_equal(sat_uri_encode(&encoded, (satchel_span){all, sizeof all}, false), SATCHEL_OK);
    assert_int_equal(sat_uri_decode(&decoded, sat_buf_span(&encoded), SAT_URI_PLUS_SPACE, NULL),
                     SATCHEL_OK);
    assert_int_equal(decoded.len, sizeof all);
    assert_memory_equal(decoded.data, all, sizeof all);
}

static void plus_is_a_space_only_in_forms(void **state)
{
    (void)state;
    SAT_AUTO_BUF struct sat_buf buf;
    sat_buf_init(&buf, 100);
    assert_int_equal(sat_uri_decode(&buf, sat_span_of("a+b%2b"), SAT_URI_PLUS_LITERAL, NULL), 0);
    assert_int_equal(sat_uri_decode(&buf, sat_span_of("|a+b%2B"), SAT_URI_PLUS_SPACE, NULL), 0);
    assert_string_equal(sat_buf_str(&buf), "a+b+|a b+");
}

static void bad_escapes_are_invalid(void **state)
{
    (void)state;
    static const char *const bad[] = {"%", "a%4", "%zz", "%4g", "%%41"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        SAT_AUTO_BUF struct sat_buf buf;
        sat_buf_init(&buf, 100);
        assert_int_equal(sat_uri_decode(&buf, sat_span_of(bad[i]), SAT_URI_PLUS_LITERAL, NULL),
                         SATCHEL_INVALID);
    }
}

static void assert_endpoint(const char *text, bool tls, uint16_t port, const char *const want[3])
{
    struct sat_endpoint_url url;
    satchel_error err = {0};
    (void)sat_endpoint_url_parse(text, &url, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(url.tls, tls);
    assert_int_equal(url.port, port);
    assert_string_equal(url.host, want[0]);
    assert_string_equal(url.authority, want[1]);
    assert_string_equal(url.prefix, want[2]);
    sat_endpoint_url_fini(&url);
}

static void parses_endpoints(void **state)
{
    (void)state;
    assert_endpoint("http://localhost:9000", false, 9000,
                    (const char *[]){"localhost", "localhost:9000", ""});
    assert_endpoint("https://S3.Amazonaws.com", true, 443,
                    (const char *[]){"s3.amazonaws.com", "s3.amazonaws.com", ""});
    assert_endpoint("HTTPS://a:443/", true, 443, (const char *[]){"a", "a", ""});
    assert_endpoint("https://a:80/x/y//", true, 80, (const char *[]){"a", "a:80", "/x/y"});
    assert_endpoint("http://[::1]:7070/dev", false, 7070,
                    (const char *[]){"::1", "[::1]:7070", "/dev"});
    assert_endpoint("http://[FE80::1]", false, 80, (const char *[]){"fe80::1", "[fe80::1]", ""});
    assert_endpoint("http://my_minio.local", false, 80,
                    (const char *[]){"my_minio.local", "my_minio.local", ""});
}

static void refuses_bad_endpoints_saying_why(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", "want http"},
        {"localhost:9000", "want http"},
        {"ftp://h", "want http"},
        {"httpss://h", "want http"},
        {"http://", "no host"},
        {"http://:80", "no host"},
        {"http:///x", "no host"},
        {"http://h:", "port"},
        {"http://h:0", "port"},
        {"http://h:65536", "port"},
        {"http://h:99999999999999999999", "port"},
        {"http://h:8a", "port"},
        {"http://h:80:81", "port"},
        {"http://h?x=1", "query"},
        {"http://h/#f", "fragment"},
        {"http://a b", "space"},
        {"http://h\n", "control"},
        {"http://h\xC3\xA9", "non-ASCII"},
        {"http://[::1", "not closed"},
        {"http://[::1]x", "after ']'"},
        {"http://[nope]", "IPv6"},
        {"http://[]", "no host"},
        {"http://a..b", "host name"},
        {"http://-a", "host name"},
        {"http://a%20b", "host name"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sat_endpoint_url url;
        satchel_error err = {0};
        assert_int_equal(sat_endpoint_url_parse(rows[i][0], &url, &err), SATCHEL_INVALID);
        if (strstr(err.text, rows[i][1]) == NULL)
            fail_msg("'%s' lacks '%s'", err.text, rows[i][1]);
        assert_null(url.host);
    }
}

static void a_password_in_an_endpoint_is_never_shown(void **state)
{
    (void)state;
    struct sat_endpoint_url url;
    satchel_error err;
    assert_int_equal(sat_endpoint_url_parse("https://user:hunter2@h/x", &url, &err),
                     SATCHEL_INVALID);
    assert_null(strstr(err.text, "hunter2"));
    assert_non_null(strstr(err.text, "user or password"));
}

static void knows_addresses_from_names(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        bool address;
    } rows[] = {{"http://127.0.0.1:1", true},
                {"http://[::1]", true},
                {"http://localhost", false},
                {"http://1.2.3.4.example", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sat_endpoint_url url;
        assert_int_equal(sat_endpoint_url_parse(rows[i].url, &url, NULL), SATCHEL_OK);
        assert_int_equal(sat_endpoint_url_is_address(&url), rows[i].address);
        sat_endpoint_url_fini(&url);
    }
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    for (long nth = 1; nth <= 3; nth++) {
        struct sat_uri uri;
        struct sat_endpoint_url url;
        sat_alloc_fail_nth(nth);
        assert_int_equal(sat_uri_parse("s3://b/k", &uri, NULL), SATCHEL_NOMEM);
        sat_alloc_fail_nth(nth);
        assert_int_equal(sat_uri_local("x", &uri, NULL), SATCHEL_NOMEM);
        sat_alloc_fail_nth(nth);
        assert_int_equal(sat_endpoint_url_parse("http://h:1/p", &url, NULL), SATCHEL_NOMEM);
        sat_alloc_fail_nth(0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_uris_literally),
        cmocka_unit_test(what_has_no_scheme_is_no_uri),
        cmocka_unit_test(local_paths_stay_as_they_are),
        cmocka_unit_test(says_which_form_is_wanted),
        cmocka_unit_test(formats_what_it_parsed),
        cmocka_unit_test(encodes_as_rfc_3986),
        cmocka_unit_test(every_byte_comes_back_decoded),
        cmocka_unit_test(plus_is_a_space_only_in_forms),
        cmocka_unit_test(bad_escapes_are_invalid),
        cmocka_unit_test(parses_endpoints),
        cmocka_unit_test(refuses_bad_endpoints_saying_why),
        cmocka_unit_test(a_password_in_an_endpoint_is_never_shown),
        cmocka_unit_test(knows_addresses_from_names),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
