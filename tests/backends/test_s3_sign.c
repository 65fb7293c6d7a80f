/* SigV4: the examples of the S3 documentation, the public test vectors, requests as we send them.
 */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "backends/s3_sign.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/digest.h"
#include "core/json.h"
#include "core/log.h"
#include "core/str.h"
#include "core/uri.h"

#define EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* ---- examples of the S3 documentation: 20130524T000000Z, examplebucket */

enum { EXAMPLE_TIME = 1369353600 };

static const struct sat_sigv4_place example_place = {"examplebucket.s3.amazonaws.com", "us-east-1"};

static struct sat_sigv4 *example_signer(void)
{
    const struct sat_sigv4_keys keys = {
        .access_key_id = "AKIAIOSFODNN7EXAMPLE",
        .secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        .session_token = "",
        .service = "s3",
    };
    struct sat_sigv4 *signer = sat_sigv4_new(&keys);
    assert_non_null(signer);
    return signer;
}

struct example {
    const char *method;
    const char *path;
    const char *query;
    const char *headers[4]; /* besides Host, x-amz-date and x-amz-content-sha256 */
    const char *body;
    const char *signature;
};

static const struct example examples[] = {
    {"GET",
     "/test.txt",
     "",
     {"Range: bytes=0-9"},
     "",
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"GET",
     "/",
     "lifecycle=",
     {NULL},
     "",
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"GET",
     "/",
     "max-keys=2&prefix=J",
     {NULL},
     "",
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static void signs_the_examples_of_the_s3_documentation(void **state)
{
    (void)state;
    struct sat_sigv4 *signer = example_signer();
    for (size_t i = 0; i < sizeof examples / sizeof examples[0]; i++) {
        const struct example *example = &examples[i];
        char payload[SAT_SHA256_HEX_SIZE];
        struct sat_request request;
        sat_request_init(&request);
        request.method = example->method;
        sat_buf_add_str(&request.path, example->path);
        sat_buf_add_str(&request.query, example->query);
        for (size_t h = 0; example->headers[h] != NULL; h++) {
            const char *colon = strchr(example->headers[h], ':');
            char name[64];
            snprintf(name, sizeof name, "%.*s", (int)(colon - example->headers[h]),
                     example->headers[h]);
            sat_request_header(&request, name, colon + 2);
        }
        sat_sha256_hex(sat_span_of(example->body), payload);
        assert_int_equal(
            sat_sigv4_sign(signer, &example_place, payload, EXAMPLE_TIME, &request, NULL),
            SATCHEL_OK);
        const char *authorization = sat_request_find(&request, "Authorization");
        assert_non_null(authorization);
        assert_string_equal(strstr(authorization, "Signature=") + 10, example->signature);
        sat_request_fini(&request);
    }
    sat_sigv4_free(signer);
}

/* The PUT example also signs Date, which our requests do not have: by the canonical parts. */
static void signs_the_put_example_of_the_s3_documentation(void **state)
{
    (void)state;
    char payload[SAT_SHA256_HEX_SIZE];
    sat_sha256_hex(sat_span_of("Welcome to Amazon S3."), payload);
    struct sat_sigv4_header headers[] = {
        {"x-amz-date", 10, "20130524T000000Z"},
        {"x-amz-storage-class", 19, "REDUCED_REDUNDANCY"},
        {"Host", 4, "examplebucket.s3.amazonaws.com"},
        {"Date", 4, "Fri, 24 May 2013 00:00:00 GMT"},
        {"x-amz-content-sha256", 20, payload},
    };
    const struct sat_sigv4_input input = {
        .region = "us-east-1",
        .method = "PUT",
        .path = "/test%24file.text",
        .query = "",
        .payload = payload,
        .headers = headers,
        .count = sizeof headers / sizeof headers[0],
        .wall_s = EXAMPLE_TIME,
    };
    SAT_AUTO_BUF struct sat_buf out;
    struct sat_sigv4 *signer = example_signer();
    sat_buf_init(&out, 4096);
    assert_int_equal(sat_sigv4_authorize(signer, &input, &out, NULL), SATCHEL_OK);
    assert_string_equal(
        sat_buf_str(&out),
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, "
        "Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    sat_sigv4_free(signer);
}

/* ---- the token */

static void the_redactor_knows_the_token_of_a_signer(void **state)
{
    (void)state;
    const struct sat_sigv4_keys keys = {"id", "secret", "token-of-the-test", "s3"};
    char text[] = "said: token-of-the-test";
    char after[] = "said: token-of-the-test";
    struct sat_sigv4 *signer = sat_sigv4_new(&keys);
    sat_redact(text);
    assert_string_equal(text, "said: ***");
    sat_sigv4_free(signer);
    sat_redact(after);
    assert_string_equal(after, "said: token-of-the-test");
}

/* ---- the key of a day and a region */

static void sign_at(struct sat_sigv4 *signer, int64_t wall_s, const char *region, char out[65])
{
    struct sat_sigv4_header header = {"host", 4, "h"};
    const struct sat_sigv4_input input = {.region = region,
                                          .method = "GET",
                                          .path = "/",
                                          .query = "",
                                          .payload = EMPTY_SHA256,
                                          .headers = &header,
                                          .count = 1,
                                          .wall_s = wall_s};
    SAT_AUTO_BUF struct sat_buf buf;
    sat_buf_init(&buf, 4096);
    assert_int_equal(sat_sigv4_authorize(signer, &input, &buf, NULL), SATCHEL_OK);
    memcpy(out, strstr(sat_buf_str(&buf), "Signature=") + 10, 65);
}

/* What a signer without a past signs. */
static void sign_fresh(int64_t wall_s, const char *region, char out[65])
{
    struct sat_sigv4 *signer = example_signer();
    sign_at(signer, wall_s, region, out);
    sat_sigv4_free(signer);
}

static void a_kept_key_is_not_used_elsewhere(void **state)
{
    (void)state;
    char is[65];
    char fresh[65];
    const int64_t days[] = {EXAMPLE_TIME, EXAMPLE_TIME + 86400};
    /* The last is too long to be kept. */
    const char *const regions[] = {
        "us-east-1", "eu-west-1",
        "a-region-of-many-characters-a-region-of-many-characters-a-region-of-many-characters"};
    struct sat_sigv4 *signer = example_signer();
    for (size_t i = 0; i < 24; i++) {
        const char *region = regions[i % 3];
        int64_t day = days[i / 4 % 2];
        sign_at(signer, day, region, is);
        sign_fresh(day, region, fresh);
        assert_string_equal(is, fresh);
    }
    sign_fresh(EXAMPLE_TIME, "us-east-1", is);
    sign_fresh(EXAMPLE_TIME, "eu-west-1", fresh);
    assert_string_not_equal(is, fresh);
    sat_sigv4_free(signer);
}

/* ---- whole requests */

static void signs_what_a_proxy_leaves_alone(void **state)
{
    (void)state;
    const struct sat_sigv4_place place = {"h:9000", "us-east-1"};
    struct sat_request request;
    struct sat_sigv4 *signer = example_signer();
    sat_request_init(&request);
    sat_buf_add_str(&request.path, "/");
    sat_request_header(&request, "Content-Type", "text/plain");
    sat_request_header(&request, "Content-MD5", "x");
    sat_request_header(&request, "If-Match", "\"e\"");
    sat_request_header(&request, "Range", "bytes=0-");
    sat_request_header(&request, "X-Amz-Meta-A", "b");
    sat_request_header(&request, "X-Amzn-Trace-Id", "t");
    sat_request_header(&request, "User-Agent", "u");
    sat_request_header(&request, "Expect", "100-continue");
    sat_request_header(&request, "Connection", "close");
    assert_int_equal(
        sat_sigv4_sign(signer, &place, SAT_SIGV4_UNSIGNED, EXAMPLE_TIME, &request, NULL),
        SATCHEL_OK);
    assert_non_null(strstr(sat_request_find(&request, "authorization"),
                           "SignedHeaders=content-md5;content-type;host;if-match;range;"
                           "x-amz-content-sha256;x-amz-date;x-amz-meta-a,"));
    assert_string_equal(sat_request_find(&request, "x-amz-date"), "20130524T000000Z");
    assert_string_equal(sat_request_find(&request, "x-amz-content-sha256"), "UNSIGNED-PAYLOAD");
    assert_null(sat_request_find(&request, "x-amz-security-token"));
    sat_request_fini(&request);
    sat_sigv4_free(signer);
}

static void a_session_token_is_sent_and_signed(void **state)
{
    (void)state;
    const struct sat_sigv4_keys keys = {"id", "secret", "token", "s3"};
    struct sat_sigv4 *signer = sat_sigv4_new(&keys);
    struct sat_request request;
    sat_request_init(&request);
    assert_int_equal(
        sat_sigv4_sign(signer, &example_place, EMPTY_SHA256, EXAMPLE_TIME, &request, NULL),
        SATCHEL_OK);
    assert_string_equal(sat_request_find(&request, "x-amz-security-token"), "token");
    assert_non_null(strstr(sat_request_find(&request, "Authorization"), ";x-amz-security-token,"));
    sat_request_fini(&request);
    sat_sigv4_free(signer);
}

/* ---- vectors */

enum { FILE_MAX = 16 * 1024, HEADERS_MAX = 16 };

struct vector {
    char folder[512];
    struct sat_buf request;
    struct sat_json *context;
    struct sat_sigv4_header headers[HEADERS_MAX];
    size_t count;
    struct sat_buf path;
    struct sat_buf query;
    char method[8];
    char stamp[SAT_ISO_BASIC_SIZE];
    char payload[SAT_SHA256_HEX_SIZE];
};

static void read_text(const char *folder, const char *name, struct sat_buf *out)
{
    char path[1024];
    char block[1024];
    size_t n;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    sat_buf_reset(out);
    while ((n = fread(block, 1, sizeof block, file)) > 0)
        assert_int_equal(sat_buf_add(out, block, n), SATCHEL_OK);
    fclose(file);
}

static const char *context_str(const struct vector *v, const char *group, const char *key)
{
    const struct sat_json *from = group == NULL ? v->context : sat_json_get(v->context, group);
    const struct sat_json *node = sat_json_get(from, key);
    return node == NULL ? "" : sat_json_str(node);
}

static bool context_is(const struct vector *v, const char *key)
{
    const struct sat_json *node = sat_json_get(v->context, key);
    return node != NULL && sat_json_bool(node);
}

/* What S3 does not do: "/a/./b//../c" becomes "/a/c". */
static void normalise(char *path)
{
    char out[1024] = "";
    bool slash = path[strlen(path) - 1] == '/';
    char *rest = path;
    char *segment;
    while ((segment = strsep(&rest, "/")) != NULL) {
        if (strcmp(segment, "..") == 0) {
            char *cut = strrchr(out, '/');
            if (cut != NULL)
                *cut = '\0';
        } else if (*segment != '\0' && strcmp(segment, ".") != 0) {
            size_t len = strlen(out);
            snprintf(out + len, sizeof out - len, "/%s", segment);
        }
    }
    size_t len = strlen(out);
    if (slash || len == 0)
        snprintf(out + len, sizeof out - len, "/");
    memcpy(path, out, strlen(out) + 1); /* never longer than it was, or "/" */
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Decodes, encodes and sorts by name, then value. */
static void canonical_query(char *text, struct sat_buf *out)
{
    char *pairs[8];
    size_t count = 0;
    char *pair;
    while ((pair = strsep(&text, "&")) != NULL) {
        SAT_AUTO_BUF struct sat_buf plain;
        SAT_AUTO_BUF struct sat_buf encoded;
        sat_buf_init(&plain, FILE_MAX);
        sat_buf_init(&encoded, FILE_MAX);
        char *value = strchr(pair, '=');
        satchel_span name = {pair, value == NULL ? strlen(pair) : (size_t)(value - pair)};
        sat_uri_decode(&plain, name, SAT_URI_PLUS_LITERAL, NULL);
        sat_uri_encode(&encoded, sat_buf_span(&plain), false);
        sat_buf_add_char(&encoded, '\x01'); /* sorts names before values */
        sat_buf_reset(&plain);
        sat_uri_decode(&plain, sat_span_of(value == NULL ? "" : value + 1), SAT_URI_PLUS_LITERAL,
                       NULL);
        sat_uri_encode(&encoded, sat_buf_span(&plain), false);
        assert_true(count < 8);
        pairs[count++] = sat_strdup(sat_buf_str(&encoded));
    }
    qsort(pairs, count, sizeof pairs[0], compare_text);
    for (size_t i = 0; i < count; i++) {
        *strchr(pairs[i], '\x01') = '=';
        sat_buf_addf(out, "%s%s", i > 0 ? "&" : "", pairs[i]);
        sat_free(pairs[i]);
    }
}

static void parse_target(struct vector *v, char *line)
{
    char *protocol = strrchr(line, ' ');
    *protocol = '\0';
    char *target = strchr(line, ' ');
    *target++ = '\0';
    snprintf(v->method, sizeof v->method, "%s", line);
    char *query = strchr(target, '?');
    if (query != NULL)
        *query++ = '\0';
    if (context_is(v, "normalize"))
        normalise(target);
    sat_uri_encode(&v->path, sat_span_of(target), true);
    if (query != NULL)
        canonical_query(query, &v->query);
}

static void add_header(struct vector *v, const char *name, size_t name_len, const char *value)
{
    assert_true(v->count < HEADERS_MAX);
    v->headers[v->count++] = (struct sat_sigv4_header){name, name_len, value};
}

/* Headers point into the request's text; a folded line goes on with the value before it. */
static void parse_headers(struct vector *v, char *text)
{
    char *line;
    while (text != NULL && (line = strsep(&text, "\n")) != NULL && *line != '\0') {
        while (text != NULL && *text == ' ') {
            text[-1] = '\n';
            strsep(&text, "\n");
        }
        char *colon = strchr(line, ':');
        add_header(v, line, (size_t)(colon - line), colon + 1);
    }
    sat_sha256_hex(sat_span_of(text == NULL ? "" : text), v->payload);
}

static void load_vector(struct vector *v, const char *root, const char *name)
{
    SAT_AUTO_BUF struct sat_buf context;
    *v = (struct vector){0};
    snprintf(v->folder, sizeof v->folder, "%s/vectors/sigv4/%s", root, name);
    sat_buf_init(&context, FILE_MAX);
    sat_buf_init(&v->request, FILE_MAX);
    sat_buf_init(&v->path, FILE_MAX);
    sat_buf_init(&v->query, FILE_MAX);
    read_text(v->folder, "context.json", &context);
    read_text(v->folder, "request.txt", &v->request);
    assert_int_equal(sat_json_parse(sat_buf_span(&context), &v->context, NULL), SATCHEL_OK);
    char *text = v->request.data;
    parse_target(v, strsep(&text, "\n"));
    parse_headers(v, text);
}

static int64_t sign_headers_of(struct vector *v)
{
    int64_t unix_ns = 0;
    const char *token = context_str(v, "credentials", "token");
    assert_true(sat_clock_parse_rfc3339(context_str(v, NULL, "timestamp"), &unix_ns));
    sat_clock_iso_basic(unix_ns, v->stamp);
    add_header(v, "X-Amz-Date", 10, v->stamp);
    if (*token != '\0' && !context_is(v, "omit_session_token"))
        add_header(v, "X-Amz-Security-Token", 20, token);
    if (context_is(v, "sign_body"))
        add_header(v, "x-amz-content-sha256", 20, v->payload);
    return unix_ns / SAT_NS_PER_S;
}

static void assert_file(const struct vector *v, const char *name, const struct sat_buf *is)
{
    SAT_AUTO_BUF struct sat_buf want;
    sat_buf_init(&want, FILE_MAX);
    read_text(v->folder, name, &want);
    assert_string_equal(sat_buf_str(is), sat_buf_str(&want));
}

static void run_vector(const char *root, const char *name)
{
    struct vector v;
    SAT_AUTO_BUF struct sat_buf out;
    SAT_AUTO_BUF struct sat_buf names;
    sat_buf_init(&out, FILE_MAX);
    sat_buf_init(&names, FILE_MAX);
    load_vector(&v, root, name);
    const struct sat_sigv4_keys keys = {
        .access_key_id = context_str(&v, "credentials", "access_key_id"),
        .secret_access_key = context_str(&v, "credentials", "secret_access_key"),
        .session_token = "",
        .service = context_str(&v, NULL, "service"),
    };
    struct sat_sigv4 *signer = sat_sigv4_new(&keys);
    const int64_t wall_s = sign_headers_of(&v);
    const struct sat_sigv4_input input = {
        .region = context_str(&v, NULL, "region"),
        .wall_s = wall_s,
        .method = v.method,
        .path = sat_buf_str(&v.path),
        .query = sat_buf_str(&v.query),
        .payload = v.payload,
        .headers = v.headers,
        .count = v.count,
    };
    sat_sigv4_canonical(&input, &out, &names);
    assert_file(&v, "header-canonical-request.txt", &out);
    sat_buf_reset(&names);
    sat_sigv4_string_to_sign(signer, &input, sat_buf_span(&out), &names);
    assert_file(&v, "header-string-to-sign.txt", &names);
    sat_buf_reset(&out);
    assert_int_equal(sat_sigv4_authorize(signer, &input, &out, NULL), SATCHEL_OK);
    sat_buf_reset(&names);
    sat_buf_add_str(&names, strstr(sat_buf_str(&out), "Signature=") + 10);
    assert_file(&v, "header-signature.txt", &names);
    sat_sigv4_free(signer);
    sat_json_free(v.context);
    sat_buf_fini(&v.request);
    sat_buf_fini(&v.path);
    sat_buf_fini(&v.query);
}

static const char *const vectors[] = {
    "get-header-key-duplicate",
    "get-header-value-multiline",
    "get-header-value-order",
    "get-header-value-trim",
    "get-relative-normalized",
    "get-relative-relative-normalized",
    "get-relative-relative-unnormalized",
    "get-relative-unnormalized",
    "get-slash-dot-slash-normalized",
    "get-slash-dot-slash-unnormalized",
    "get-slash-normalized",
    "get-slash-pointless-dot-normalized",
    "get-slash-pointless-dot-unnormalized",
    "get-slash-unnormalized",
    "get-slashes-normalized",
    "get-slashes-unnormalized",
    "get-space-normalized",
    "get-space-unnormalized",
    "get-unreserved",
    "get-utf8",
    "get-vanilla",
    "get-vanilla-empty-query-key",
    "get-vanilla-query",
    "get-vanilla-query-order-encoded",
    "get-vanilla-query-order-key-case",
    "get-vanilla-query-unreserved",
    "get-vanilla-utf8-query",
    "get-vanilla-with-session-token",
    "post-header-key-case",
    "post-header-key-sort",
    "post-header-value-case",
    "post-sts-header-after",
    "post-sts-header-before",
    "post-vanilla",
    "post-vanilla-empty-query-value",
    "post-vanilla-query",
    "post-x-www-form-urlencoded",
    "post-x-www-form-urlencoded-parameters",
};

/* Their header form; the query form is presigning's. */
static void signs_the_public_vectors(void **state)
{
    (void)state;
    const char *root = getenv("SATCHEL_SHARED");
    if (root == NULL) {
        print_message("skipped: SATCHEL_SHARED (the folder of the vectors) is not set\n");
        skip();
    }
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        run_vector(root, vectors[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_redactor_knows_the_token_of_a_signer),
        cmocka_unit_test(signs_the_examples_of_the_s3_documentation),
        cmocka_unit_test(signs_the_put_example_of_the_s3_documentation),
        cmocka_unit_test(a_kept_key_is_not_used_elsewhere),
        cmocka_unit_test(signs_what_a_proxy_leaves_alone),
        cmocka_unit_test(a_session_token_is_sent_and_signed),
        cmocka_unit_test(signs_the_public_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
