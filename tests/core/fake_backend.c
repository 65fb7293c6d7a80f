/* fake:// and fakelocal://. */
#include "core/fake_backend.h"

#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/config.h"
#include "core/crc.h"
#include "core/error.h"
#include "core/settle.h"
#include "core/str.h"
#include "core/uri.h"

struct fake {
    char bucket[64];
};

unsigned fake_needs;
int (*fake_cred_step)(const struct sat_cred_reply *replies, size_t count,
                      struct sat_cred_want *want, satchel_error *err);
int (*fake_run)(struct sat_op *op, satchel_error *err);

/* ---- requests */

static int open_fake(void *state, const struct sat_uri *uri, const struct sat_config *config,
                     struct sat_endpoint *endpoint, satchel_error *err)
{
    struct fake *fake = state;
    const char *url = sat_config_str(config, "endpoint_url");
    struct sat_endpoint_url parsed;
    int code = sat_endpoint_url_parse(url, &parsed, err);
    if (code != SATCHEL_OK)
        return code;
    (void)snprintf(fake->bucket, sizeof fake->bucket, "%s", uri->bucket);
    endpoint->tls = parsed.tls;
    endpoint->port = parsed.port;
    (void)snprintf(endpoint->host, sizeof endpoint->host, "%s", parsed.host);
    (void)snprintf(endpoint->authority, sizeof endpoint->authority, "%s", parsed.authority);
    (void)snprintf(endpoint->url, sizeof endpoint->url, "%s://%s", parsed.tls ? "https" : "http",
                   parsed.authority);
    sat_endpoint_url_fini(&parsed);
    return SATCHEL_OK;
}

static unsigned needs(const void *state, const struct sat_op *op)
{
    (void)state;
    return op->kind == SAT_OP_PUT ? fake_needs : 0;
}

static int sign(const void *state, void *keys, const struct sat_endpoint *endpoint,
                struct sat_request *request, int64_t wall_s, satchel_error *err)
{
    char text[32];
    (void)state;
    (void)snprintf(text, sizeof text, "%lld", (long long)wall_s);
    int code = sat_request_header(request, "X-Time", text);
    if (endpoint->region[0] != '\0' && code == SATCHEL_OK)
        code = sat_request_header(request, "X-Region", endpoint->region);
    if (keys != NULL && code == SATCHEL_OK)
        code = sat_request_header(request, "X-Keys", keys);
    return code == SATCHEL_OK ? code : sat_error_set(err, code, "keys that are no header");
}

static bool move(const void *state, const char *region, struct sat_endpoint *endpoint)
{
    unsigned short port;
    (void)state;
    if (sat_str_eq(region, "no"))
        return false;
    (void)snprintf(endpoint->region, sizeof endpoint->region, "%s", region);
    if (sscanf(region, "port-%hu", &port) == 1) {
        endpoint->port = port;
        (void)snprintf(endpoint->authority, sizeof endpoint->authority, "127.0.0.1:%hu", port);
        (void)snprintf(endpoint->url, sizeof endpoint->url, "http://127.0.0.1:%hu", port);
    }
    return true;
}

static int cred_step(const void *state, int64_t now_s, const struct sat_cred_reply *replies,
                     size_t count, struct sat_cred_want *want, satchel_error *err)
{
    (void)state;
    (void)now_s;
    return fake_cred_step == NULL ? SATCHEL_OK : fake_cred_step(replies, count, want, err);
}

static int target(const void *state, const struct sat_op *op, const char *method,
                  struct sat_request *request)
{
    const struct fake *fake = state;
    request->method = method;
    (void)sat_buf_addf(&request->path, "/%s/", fake->bucket);
    (void)sat_uri_encode(&request->path, sat_span_of(op->key), true);
    if (op->if_match != NULL)
        return sat_request_header(request, "If-Match", op->if_match);
    return op->if_absent ? sat_request_header(request, "If-None-Match", "*") : SATCHEL_OK;
}

static int build_stat(const void *state, const struct sat_op *op, struct sat_request *request,
                      satchel_error *err)
{
    (void)err;
    return target(state, op, "HEAD", request);
}

static bool is_ranged(const struct sat_op *op)
{
    return op->range_offset > 0 || op->range_length > 0;
}

static int build_get(const void *state, const struct sat_op *op, struct sat_request *request,
                     satchel_error *err)
{
    char range[64];
    (void)err;
    int code = target(state, op, "GET", request);
    if (code != SATCHEL_OK || !is_ranged(op))
        return code;
    int n = snprintf(range, sizeof range, "bytes=%llu-", (unsigned long long)op->range_offset);
    if (op->range_length > 0)
        (void)snprintf(range + n, sizeof range - (size_t)n, "%llu",
                       (unsigned long long)(op->range_offset + op->range_length - 1));
    return sat_request_header(request, "Range", range);
}

static int build_put(const void *state, const struct sat_op *op, struct sat_request *request,
                     satchel_error *err)
{
    int code = target(state, op, "PUT", request);
    request->body_is_source = true;
    for (size_t i = 0; op->metadata != NULL && i < sat_tags_count(op->metadata); i++) {
        const struct sat_tag *tag = sat_tags_at(op->metadata, i);
        if (code == SATCHEL_OK)
            code = sat_request_header(request, tag->key, tag->value);
    }
    if (code == SATCHEL_INVALID)
        return sat_error_set(err, code, "a header has a control character");
    return code;
}

static int build_delete(const void *state, const struct sat_op *op, struct sat_request *request,
                        satchel_error *err)
{
    (void)err;
    return target(state, op, "DELETE", request);
}

/* ---- replies */

static bool read_md5(const char *hex, unsigned char out[16])
{
    for (size_t i = 0; i < 16; i++) {
        char pair[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        out[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
    return true;
}

static int read_info(struct sat_op *op, const struct sat_reply *reply, satchel_error *err)
{
    struct sat_info *info = &op->info;
    const char *etag = sat_reply_header(reply, "etag");
    const char *size = sat_reply_header(reply, "x-size");
    const char *crc64 = sat_reply_header(reply, "x-crc64");
    const char *md5 = sat_reply_header(reply, "x-md5");
    const char *writer = sat_reply_header(reply, "x-writer");
    if (etag == NULL)
        return sat_error_set(err, SATCHEL_INTEGRITY, "no ETag");
    info->etag = sat_strdup(etag);
    if (size == NULL)
        size = sat_reply_header(reply, "content-length");
    (void)(size != NULL && sat_parse_u64(size, &info->size));
    info->has_crc64 = crc64 != NULL && sat_crc64_from_hex(sat_span_of(crc64), &info->crc64);
    info->has_md5 = md5 != NULL && read_md5(md5, info->md5);
    if (writer == NULL)
        return SATCHEL_OK;
    return sat_tags_add(&info->metadata, sat_span_of(SAT_META_WRITER), sat_span_of(writer), err);
}

static int head(const void *state, struct sat_op *op, const struct sat_reply *reply,
                satchel_error *err)
{
    unsigned long long first;
    unsigned long long size;
    const char *range = sat_reply_header(reply, "content-range");
    (void)state;
    int code = read_info(op, reply, err);
    if (code != SATCHEL_OK || !is_ranged(op))
        return code;
    if (reply->status != 206 || range == NULL ||
        sscanf(range, "bytes %llu-%*u/%llu", &first, &size) != 2 || first != op->range_offset)
        return sat_error_set(err, SATCHEL_INTEGRITY, "another range than the one asked for");
    op->info.size = size;
    return SATCHEL_OK;
}

static void refuse(const struct sat_reply *reply, struct sat_verdict *verdict, satchel_error *err)
{
    const char *after = sat_reply_header(reply, "retry-after-ms");
    const char *skew = sat_reply_header(reply, "x-skew");
    const char *region = sat_reply_header(reply, "x-region");
    uint64_t ms = 0;
    switch (reply->status) {
    case 404:
        verdict->code = SATCHEL_NOT_FOUND;
        break;
    case 412:
        verdict->code = SATCHEL_CONFLICT;
        break;
    case 403:
        verdict->code = SATCHEL_DENIED;
        if (skew != NULL && sat_parse_i64(skew, &verdict->skew_s))
            verdict->retry = SAT_RETRY_SKEW;
        break;
    case 422:
        verdict->code = SATCHEL_INTEGRITY;
        verdict->retry = SAT_RETRY_ONCE;
        break;
    case 429:
        verdict->code = SATCHEL_THROTTLED;
        verdict->retry = SAT_RETRY_THROTTLE;
        break;
    case 500:
    case 502:
    case 503:
    case 504:
        verdict->code = SATCHEL_NETWORK;
        verdict->retry = SAT_RETRY_TRANSIENT;
        break;
    default:
        verdict->code = SATCHEL_INVALID;
        break;
    }
    if (region != NULL) {
        verdict->retry = SAT_RETRY_MOVED;
        (void)snprintf(verdict->region, sizeof verdict->region, "%s", region);
    }
    verdict->cred_expired = sat_reply_header(reply, "x-expired") != NULL;
    if (verdict->cred_expired)
        verdict->retry = SAT_RETRY_TRANSIENT;
    if (after != NULL && sat_parse_u64(after, &ms))
        verdict->retry_after_ms = (uint32_t)ms;
    sat_error_set(err, verdict->code, "HTTP %d: %.100s", reply->status, sat_buf_str(&reply->body));
}

static void accept_any(const void *state, struct sat_op *op, const struct sat_reply *reply,
                       struct sat_verdict *verdict, satchel_error *err)
{
    (void)state;
    *verdict = (struct sat_verdict){.code = SATCHEL_OK};
    if (reply->status < 200 || reply->status > 299)
        refuse(reply, verdict, err);
    else if (op->kind == SAT_OP_STAT || op->kind == SAT_OP_PUT)
        verdict->code = read_info(op, reply, err);
}

/* ---- tables */

static const char *const fake_schemes[] = {"fake", NULL};
static const char *const local_schemes[] = {"fakelocal", NULL};

const struct sat_backend fake_backend = {
    .name = "fake",
    .schemes = fake_schemes,
    .state_size = sizeof(struct fake),
    .has_buckets = true,
    .limits = {.key_max = 100,
               .put_max = 10 * 1024 * 1024,
               .metadata_max = 200,
               .tags = {.count = 2, .key_chars = 8, .value_chars = 8, .symbols = "="}},
    .open = open_fake,
    .needs = needs,
    .cred_step = cred_step,
    .cred_free = sat_free,
    .sign = sign,
    .move = move,
    .slots =
        {
            [SAT_OP_STAT] = {.build = build_stat, .accept = accept_any},
            [SAT_OP_GET] = {.build = build_get, .head = head, .accept = accept_any},
            [SAT_OP_PUT] = {.build = build_put, .accept = accept_any},
            [SAT_OP_DELETE] = {.build = build_delete, .accept = accept_any},
        },
};

static int open_local(void *state, const struct sat_uri *uri, const struct sat_config *config,
                      struct sat_endpoint *endpoint, satchel_error *err)
{
    (void)state;
    (void)uri;
    (void)config;
    (void)endpoint;
    (void)err;
    return SATCHEL_OK;
}

static int run_local(void *state, struct sat_op *op, satchel_error *err)
{
    (void)state;
    return fake_run(op, err);
}

const struct sat_backend fake_local_backend = {
    .name = "fakelocal",
    .schemes = local_schemes,
    .limits = {.delete_many_max = 2},
    .open = open_local,
    .slots =
        {
            [SAT_OP_STAT] = {.run = run_local},
            [SAT_OP_GET] = {.run = run_local},
            [SAT_OP_PUT] = {.run = run_local},
            [SAT_OP_DELETE_MANY] = {.run = run_local},
            [SAT_OP_LIST] = {.run = run_local},
        },
};

int fake_find(const char *scheme, const struct sat_backend **backend, satchel_error *err)
{
    if (strcmp(scheme, "fake") == 0)
        *backend = &fake_backend;
    else if (strcmp(scheme, "fakelocal") == 0)
        *backend = &fake_local_backend;
    else
        return sat_error_set(err, SATCHEL_UNSUPPORTED, "unsupported URI scheme '%s'", scheme);
    return SATCHEL_OK;
}

/* ---- short ways */

struct sat_conn *fake_open_uri(const char *uri, const char *endpoint, const char *const *options)
{
    static const struct sat_option *const tables[] = {sat_options_common, NULL};
    SAT_AUTO_CONFIG struct sat_config *config = NULL;
    struct sat_conn *conn = NULL;
    satchel_error err = {0};
    assert_int_equal(sat_config_new(tables, &config, &err), SATCHEL_OK);
    if (endpoint != NULL)
        assert_int_equal(sat_config_set(config, "endpoint_url", endpoint, SAT_ORIGIN_SET, &err),
                         SATCHEL_OK);
    for (; options != NULL && *options != NULL; options += 2) {
        int code = sat_config_set(config, options[0], options[1], SAT_ORIGIN_SET, &err);
        if (code != SATCHEL_OK)
            fail_msg("%s", err.text);
    }
    if (sat_conn_open(uri, config, fake_find, &conn, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    return conn;
}

struct sat_conn *fake_open(const char *endpoint, ...)
{
    enum { OPTIONS_MAX = 20 };
    const char *options[OPTIONS_MAX + 1] = {"lanes", "1", "retry_base_ms", "1"};
    size_t count = 4;
    va_list args;
    va_start(args, endpoint);
    const char *next = va_arg(args, const char *);
    while (next != NULL && count < OPTIONS_MAX) {
        options[count++] = next;
        next = va_arg(args, const char *);
    }
    va_end(args);
    return fake_open_uri("fake://bucket", endpoint, options);
}

const char *fake_reply(const char *status, const char *headers, const char *body)
{
    enum { TEXTS = 16 };
    static char texts[TEXTS][2048];
    static unsigned next;
    char *text = texts[next++ % TEXTS];
    (void)snprintf(text, sizeof texts[0], "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n%s", status,
                   strlen(body), headers, body);
    return text;
}
