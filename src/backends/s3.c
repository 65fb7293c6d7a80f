/*
 * s3:// - Amazon S3 and what speaks like it. Pure: requests are built and replies judged here, core
 * moves the bytes. Requests in s3_request.c, failures in s3_reply.c, object headers in s3_info.c,
 * signing in s3_sign.c, profiles in s3_cred.c; writes, parts, copies, listing, batches, tags and
 * buckets in files of theirs.
 */
#include "backends/s3.h"

#include <stdio.h>
#include <string.h>

#include "backends/registry.h"
#include "core/alloc.h"
#include "core/config.h"
#include "core/digest.h"
#include "core/error.h"
#include "core/str.h"

#define MIB ((uint64_t)1024 * 1024)
#define GIB (1024 * MIB)

/* ---- helpers */

static int copy_text(char *out, size_t size, const char *text, const char *what, satchel_error *err)
{
    size_t len = strlen(text);
    if (len >= size)
        return sat_error_set(err, SATCHEL_INVALID, "%s is longer than %zu bytes", what, size - 1);
    memcpy(out, text, len + 1);
    return SATCHEL_OK;
}

/* A region's name goes into host names and signatures. */
static int check_region(const char *region, satchel_error *err)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-_";
    if (*region != '\0' && region[strspn(region, allowed)] == '\0')
        return SATCHEL_OK;
    return sat_error_set(err, SATCHEL_INVALID, "region '%.60s' is not a region's name", region);
}

/* Splits an address into where requests go and what their paths begin with. */
static int set_endpoint(struct sat_s3 *s3, const char *address, struct sat_endpoint *endpoint,
                        satchel_error *err)
{
    struct sat_endpoint_url url = {0};
    SAT_AUTO_FREE char *origin = NULL;
    int code = sat_endpoint_url_parse(address, &url, err);
    if (code != SATCHEL_OK)
        return code;
    s3->tls = url.tls;
    s3->subhosts = s3->subhosts && !sat_endpoint_url_is_address(&url);
    s3->prefix = url.prefix;
    url.prefix = NULL;
    endpoint->tls = url.tls;
    endpoint->port = url.port;
    origin = sat_strf("%s://%s", url.tls ? "https" : "http", url.authority);
    if (origin == NULL)
        code = sat_error_nomem(err);
    if (code == SATCHEL_OK)
        code = copy_text(endpoint->host, sizeof endpoint->host, url.host, "endpoint_url", err);
    if (code == SATCHEL_OK)
        code = copy_text(endpoint->authority, sizeof endpoint->authority, url.authority,
                         "endpoint_url", err);
    if (code == SATCHEL_OK)
        code = copy_text(endpoint->url, sizeof endpoint->url, origin, "endpoint_url", err);
    sat_endpoint_url_fini(&url);
    return code;
}

/* AWS's partitions, "" for all other names: keys of one are worth nothing in another. */
static const struct partition {
    const char *prefix; /* of its regions' names */
    const char *domain;
} partitions[] = {
    {"cn-", "amazonaws.com.cn"},   {"us-gov-", "amazonaws.com"},   {"us-iso-", "c2s.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov"}, {"us-isof-", "csp.hci.ic.gov"}, {"eu-isoe-", "cloud.adc-e.uk"},
    {"eusc-", "amazonaws.eu"},     {"", "amazonaws.com"},
};

static const struct partition *partition_of(const char *region)
{
    const struct partition *partition = partitions;
    while (!sat_str_starts(region, partition->prefix))
        partition++;
    return partition;
}

static void set_own_address(const char *region, struct sat_endpoint *endpoint)
{
    endpoint->tls = true;
    endpoint->port = 443;
    (void)snprintf(endpoint->host, sizeof endpoint->host, "s3.%s.%s", region,
                   partition_of(region)->domain);
    (void)snprintf(endpoint->authority, sizeof endpoint->authority, "%s", endpoint->host);
    (void)snprintf(endpoint->url, sizeof endpoint->url, "https://%s", endpoint->host);
}

/* What the user named, else the region's own address. */
static int choose_endpoint(struct sat_s3 *s3, const struct sat_config *config,
                           struct sat_endpoint *endpoint, satchel_error *err)
{
    const char *given = sat_config_str(config, "endpoint_url");
    int style = sat_config_enum(config, "addressing_style");
    int code = copy_text(endpoint->region, sizeof endpoint->region, s3->region, "region", err);
    s3->own_address = *given == '\0';
    s3->subhosts = style == SAT_S3_STYLE_VIRTUAL || (style == SAT_S3_STYLE_AUTO && s3->own_address);
    if (code != SATCHEL_OK || !s3->own_address)
        return code == SATCHEL_OK ? set_endpoint(s3, given, endpoint, err) : code;
    s3->tls = true;
    s3->prefix = sat_strdup("");
    set_own_address(s3->region, endpoint);
    return s3->prefix == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

/* At an address that the user named only what is signed changes. */
static bool s3_move(const void *state, const char *region, struct sat_endpoint *endpoint)
{
    const struct sat_s3 *s3 = state;
    if (check_region(region, NULL) != SATCHEL_OK || strlen(region) >= sizeof endpoint->region ||
        partition_of(region) != partition_of(endpoint->region))
        return false;
    memcpy(endpoint->region, region, strlen(region) + 1);
    if (s3->own_address)
        set_own_address(region, endpoint);
    return true;
}

/* Half a pair of keys is a mistake to be told at once. Without any, steps look for others. */
static int take_keys(struct sat_s3 *s3, const struct sat_config *config, satchel_error *err)
{
    const struct sat_sigv4_keys keys = {
        .access_key_id = sat_config_str(config, "access_key_id"),
        .secret_access_key = sat_config_str(config, "secret_access_key"),
        .session_token = sat_config_str(config, "session_token"),
        .service = "s3",
    };
    bool has_id = *keys.access_key_id != '\0';
    bool has_secret = *keys.secret_access_key != '\0';
    s3->anonymous = sat_config_bool(config, "no_sign_request");
    if (s3->anonymous || (!has_id && !has_secret))
        return SATCHEL_OK;
    if (!has_id || !has_secret)
        return sat_error_set(err, SATCHEL_INVALID, "%s is set, but %s is not",
                             has_id ? "access_key_id" : "secret_access_key",
                             has_id ? "secret_access_key (AWS_SECRET_ACCESS_KEY)"
                                    : "access_key_id (AWS_ACCESS_KEY_ID)");
    s3->signer = sat_sigv4_new(&keys);
    return s3->signer == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

/* ---- open, close, sign */

static void s3_close(void *state)
{
    struct sat_s3 *s3 = state;
    sat_sigv4_free(s3->signer);
    sat_s3_cred_close(s3);
    sat_free(s3->bucket);
    sat_free(s3->region);
    sat_free(s3->storage_class);
    sat_free(s3->prefix);
    *s3 = (struct sat_s3){0};
}

static int s3_open(void *state, const struct sat_uri *uri, const struct sat_config *config,
                   struct sat_endpoint *endpoint, satchel_error *err)
{
    struct sat_s3 *s3 = state;
    /* No bucket: the account, whose buckets can be listed. */
    int code = *uri->bucket == '\0' ? SATCHEL_OK : sat_s3_bucket_check(uri->bucket, err);
    if (code == SATCHEL_OK)
        code = check_region(sat_config_str(config, "region"), err);
    if (code != SATCHEL_OK)
        return code;
    s3->bucket = sat_strdup(uri->bucket);
    s3->region = sat_strdup(sat_config_str(config, "region"));
    s3->payload = (enum sat_s3_payload)sat_config_enum(config, "payload_signing");
    s3->checksums =
        sat_str_eq(sat_config_str(config, "request_checksum_calculation"), "when_supported");
    s3->storage_class = sat_strdup(sat_config_str(config, "storage_class"));
    if (s3->bucket == NULL || s3->region == NULL || s3->storage_class == NULL)
        code = sat_error_nomem(err);
    if (code == SATCHEL_OK)
        code = choose_endpoint(s3, config, endpoint, err);
    if (code == SATCHEL_OK)
        code = take_keys(s3, config, err);
    if (code == SATCHEL_OK)
        code = sat_s3_cred_open(s3, config, err);
    if (code != SATCHEL_OK)
        s3_close(s3);
    return code;
}

/* Over https the checksum header does what the SHA-256 would, for a tenth of its time. */
static unsigned s3_needs(const void *state, const struct sat_op *op)
{
    const struct sat_s3 *s3 = state;
    if (op->kind != SAT_OP_PUT && op->kind != SAT_OP_PART_PUT)
        return 0;
    unsigned needs = s3->checksums ? SAT_NEED_CRC64 : 0;
    bool bare = !s3->tls || !s3->checksums;
    if (!s3->anonymous &&
        (s3->payload == SAT_S3_PAYLOAD_ALWAYS || (s3->payload == SAT_S3_PAYLOAD_AUTO && bare)))
        needs |= SAT_NEED_SHA256;
    return needs;
}

/* Bodies that were built here are small: their SHA-256 is always signed. */
static int s3_sign(const void *state, void *keys, const struct sat_endpoint *endpoint,
                   struct sat_request *request, int64_t wall_s, satchel_error *err)
{
    const struct sat_s3 *s3 = state;
    char host[SAT_SUBHOST_SIZE + sizeof endpoint->authority];
    char payload[SAT_SHA256_HEX_SIZE] = SAT_SIGV4_UNSIGNED;
    if (s3->anonymous)
        return SATCHEL_OK;
    if (!request->body_is_source)
        sat_sha256_hex(sat_buf_span(&request->body), payload);
    else if (request->has_sha256)
        sat_hex(request->sha256, sizeof request->sha256, payload);
    (void)snprintf(host, sizeof host, "%s%s", request->subhost, endpoint->authority);
    const struct sat_sigv4_place place = {.authority = host, .region = endpoint->region};
    return sat_sigv4_sign(keys != NULL ? keys : s3->signer, &place, payload, wall_s, request, err);
}

/* ---- stat, get */

/* What HEAD and GET have in common. */
static int read_build(const struct sat_s3 *s3, const struct sat_op *op, const char *method,
                      struct sat_request *request, satchel_error *err)
{
    int code = sat_s3_target(s3, request, method, s3->bucket, op->key, err);
    if (code == SATCHEL_OK)
        code = sat_s3_header(request, "x-amz-checksum-mode", "ENABLED", err);
    if (code == SATCHEL_OK && op->if_match != NULL)
        code = sat_s3_etag_header(request, "If-Match", op->if_match, err);
    return code;
}

static int s3_stat_build(const void *state, const struct sat_op *op, struct sat_request *request,
                         satchel_error *err)
{
    return read_build(state, op, "HEAD", request, err);
}

static void s3_stat_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                           struct sat_verdict *verdict, satchel_error *err)
{
    if (reply->status == 200)
        sat_s3_accept_info(state, op, reply, verdict, err);
    else
        sat_s3_refuse(state, op, reply, verdict, err);
}

static bool is_ranged(const struct sat_op *op)
{
    return op->range_offset > 0 || op->range_length > 0;
}

static int s3_get_build(const void *state, const struct sat_op *op, struct sat_request *request,
                        satchel_error *err)
{
    char range[64];
    int code = read_build(state, op, "GET", request, err);
    if (code != SATCHEL_OK || !is_ranged(op))
        return code;
    unsigned long long first = op->range_offset;
    uint64_t end;
    if (op->range_length == 0 || __builtin_add_overflow(op->range_offset, op->range_length, &end))
        (void)snprintf(range, sizeof range, "bytes=%llu-", first);
    else
        (void)snprintf(range, sizeof range, "bytes=%llu-%llu", first,
                       (unsigned long long)(end - 1));
    return sat_s3_header(request, "Range", range, err);
}

/* "bytes 5-9/100" into its numbers. */
static bool read_content_range(const struct sat_reply *reply, uint64_t *first, uint64_t *last,
                               uint64_t *size)
{
    const char *text = sat_reply_header(reply, "Content-Range");
    uint64_t *const numbers[] = {first, last, size};
    static const char ends[] = {'-', '/', '\0'};
    if (text == NULL || !sat_str_starts(text, "bytes "))
        return false;
    text += strlen("bytes ");
    for (size_t i = 0; i < sizeof ends; i++) {
        char digits[24];
        size_t len = strspn(text, "0123456789");
        if (len >= sizeof digits || text[len] != ends[i])
            return false;
        memcpy(digits, text, len);
        digits[len] = '\0';
        if (!sat_parse_u64(digits, numbers[i]))
            return false;
        text += len + 1;
    }
    return true;
}

/* A range that was asked for: the reply must be it, to the byte. */
static int check_range(const struct sat_op *op, const struct sat_reply *reply, uint64_t *size,
                       satchel_error *err)
{
    uint64_t first;
    uint64_t last;
    uint64_t length;
    if (reply->status != 206)
        return sat_error_set(err, SATCHEL_INTEGRITY, "'%.200s': the range was ignored (HTTP %d)",
                             op->key, reply->status);
    if (!read_content_range(reply, &first, &last, size) || last < first || last >= *size)
        return sat_error_set(err, SATCHEL_INTEGRITY, "'%.200s': a range without Content-Range",
                             op->key);
    uint64_t rest = *size - first;
    uint64_t due = op->range_length == 0 || op->range_length > rest ? rest : op->range_length;
    if (first != op->range_offset || last - first + 1 != due)
        return sat_error_set(err, SATCHEL_INTEGRITY,
                             "'%.200s': another range than the one asked for", op->key);
    if (sat_s3_number(reply, "Content-Length", &length) && length != due)
        return sat_error_set(err, SATCHEL_INTEGRITY,
                             "'%.200s': Content-Length and Content-Range differ", op->key);
    return SATCHEL_OK;
}

/* Without a length nobody could tell a body that was cut from a complete one. */
static int check_whole(const struct sat_op *op, const struct sat_reply *reply, uint64_t *size,
                       satchel_error *err)
{
    if (reply->status != 200)
        return sat_error_set(err, SATCHEL_INTEGRITY,
                             "'%.200s': not the whole object, as asked (HTTP %d)", op->key,
                             reply->status);
    if (!sat_s3_number(reply, "Content-Length", size))
        return sat_error_set(err, SATCHEL_INTEGRITY, "'%.200s': a reply without Content-Length",
                             op->key);
    return SATCHEL_OK;
}

/* A store that ignores If-Match is found out by its ETag. */
static int s3_get_head(const void *state, struct sat_op *op, const struct sat_reply *reply,
                       satchel_error *err)
{
    uint64_t size;
    (void)state;
    int code =
        is_ranged(op) ? check_range(op, reply, &size, err) : check_whole(op, reply, &size, err);
    if (code == SATCHEL_OK)
        code = sat_s3_info(reply, is_ranged(op), &op->info, err);
    if (code != SATCHEL_OK)
        return code;
    op->info.size = size;
    if (op->if_match != NULL && !sat_str_eq(op->if_match, op->info.etag))
        return sat_error_set(err, SATCHEL_MODIFIED,
                             "'%.200s' was changed by another writer: its ETag is %.64s, not %.64s",
                             op->key, op->info.etag, op->if_match);
    return SATCHEL_OK;
}

/* Only an object without bytes has none from 0 on: an answer then, not a failure. */
static bool is_empty_object(const struct sat_op *op, const struct sat_reply *reply)
{
    return reply->status == 416 && is_ranged(op) && op->range_offset == 0;
}

/* A 2xx came through `head`, which judged it; core checks the bytes. */
static void s3_get_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                          struct sat_verdict *verdict, satchel_error *err)
{
    if ((reply->status < 200 || reply->status >= 300) && !is_empty_object(op, reply)) {
        sat_s3_refuse(state, op, reply, verdict, err);
        return;
    }
    if (is_empty_object(op, reply))
        sat_info_fini(&op->info);
    *verdict = (struct sat_verdict){.code = SATCHEL_OK};
}

/* ---- delete */

static int s3_delete_build(const void *state, const struct sat_op *op, struct sat_request *request,
                           satchel_error *err)
{
    const struct sat_s3 *s3 = state;
    int code = sat_s3_target(s3, request, "DELETE", s3->bucket, op->key, err);
    if (code == SATCHEL_OK && op->if_match != NULL)
        code = sat_s3_etag_header(request, "If-Match", op->if_match, err);
    return code;
}

static void s3_delete_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                             struct sat_verdict *verdict, satchel_error *err)
{
    char code[64];
    bool gone = reply->status == 404 && op->if_match == NULL &&
                sat_s3_error_code(reply, code, sizeof code) && sat_str_eq(code, "NoSuchKey");
    if (gone) /* S3 itself says 204 here */
        *verdict = (struct sat_verdict){.code = SATCHEL_OK};
    else
        sat_s3_accept_empty(state, op, reply, verdict, err);
}

/* ---- table */

static const char *const schemes[] = {"s3", NULL};

const struct sat_backend sat_backend_s3 = {
    .name = "s3",
    .schemes = schemes,
    .state_size = sizeof(struct sat_s3),
    .has_buckets = true,
    .lasting = true,
    .limits = {.key_max = 1024,
               .tags = {.count = 10,
                        .key_chars = 128,
                        .value_chars = 256,
                        .symbols = " +-=._:/@",
                        .reserved = "aws:",
                        .non_ascii = true},
               .metadata_max = 2048,
               .put_max = 5 * GIB,
               .copy_max = 5 * GIB,
               .part_min = 5 * MIB,
               .part_max = 5 * GIB,
               .parts_max = 10000,
               .list_page = 1000,
               .delete_many_max = 1000},
    .configure = sat_s3_configure,
    .open = s3_open,
    .close = s3_close,
    .needs = s3_needs,
    .cred_step = sat_s3_cred_step,
    .cred_free = sat_s3_cred_free,
    .sign = s3_sign,
    .move = s3_move,
    .slots =
        {
            [SAT_OP_STAT] = {.build = s3_stat_build, .accept = s3_stat_accept},
            [SAT_OP_GET] = {.build = s3_get_build, .head = s3_get_head, .accept = s3_get_accept},
            [SAT_OP_PUT] = {.build = sat_s3_put_build, .accept = sat_s3_put_accept},
            [SAT_OP_DELETE] = {.build = s3_delete_build, .accept = s3_delete_accept},
            [SAT_OP_DELETE_MANY] = {.build = sat_s3_many_build, .accept = sat_s3_many_accept},
            [SAT_OP_LIST] = {.build = sat_s3_list_build, .accept = sat_s3_list_accept},
            [SAT_OP_TAGS_GET] = {.build = sat_s3_tags_get_build, .accept = sat_s3_tags_get_accept},
            [SAT_OP_TAGS_SET] = {.build = sat_s3_tags_set_build, .accept = sat_s3_quiet_accept},
            [SAT_OP_COPY] = {.build = sat_s3_copy_build, .accept = sat_s3_copy_accept},
            [SAT_OP_PART_BEGIN] = {.build = sat_s3_part_begin_build,
                                   .accept = sat_s3_part_begin_accept},
            [SAT_OP_PART_PUT] = {.build = sat_s3_part_put_build, .accept = sat_s3_put_accept},
            [SAT_OP_PART_COPY] = {.build = sat_s3_part_copy_build, .accept = sat_s3_copy_accept},
            [SAT_OP_PART_FINISH] = {.build = sat_s3_part_finish_build,
                                    .accept = sat_s3_part_finish_accept},
            [SAT_OP_PART_ABORT] = {.build = sat_s3_part_abort_build,
                                   .accept = sat_s3_part_abort_accept},
            [SAT_OP_BUCKET_CREATE] = {.build = sat_s3_bucket_create_build,
                                      .accept = sat_s3_quiet_accept},
            [SAT_OP_BUCKET_DELETE] = {.build = sat_s3_bucket_delete_build,
                                      .accept = sat_s3_quiet_accept},
            [SAT_OP_BUCKET_STAT] = {.build = sat_s3_bucket_stat_build,
                                    .accept = sat_s3_quiet_accept},
            [SAT_OP_BUCKET_LIST] = {.build = sat_s3_bucket_list_build,
                                    .accept = sat_s3_bucket_list_accept},
        },
};
