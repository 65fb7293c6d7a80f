/* Judging s3 replies: what a failure means, whether to ask again, and what to tell the user. */
#include <inttypes.h>
#include <string.h>

#include "backends/s3.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/str.h"

enum {
    RETRY_AFTER_MAX_S = 300,
    RETRY_AFTER_MAX_MS = 300 * 1000, /* a longer wish is cut: the deadline decides */
    TARGET_MAX = 200,
};

/* The <Error> document. */
struct service_error {
    char code[64];
    char message[256];
    char request_id[80];
    char region[64];
};

/* What a service code, or a status without a known code, means. */
struct rule {
    const char *service_code; /* a last '*' stands for anything */
    int status;               /* for rules without a code */
    int code;
    enum sat_retry_class retry;
    const char *hint; /* what to do, or NULL */
};

static const struct rule code_rules[] = {
    {"NoSuch*", 0, SATCHEL_NOT_FOUND, SAT_RETRY_NEVER, NULL},
    {"PreconditionFailed", 0, SATCHEL_CONFLICT, SAT_RETRY_NEVER, NULL},
    {"ConditionalRequestConflict", 0, SATCHEL_CONFLICT, SAT_RETRY_TRANSIENT, NULL},
    {"OperationAborted", 0, SATCHEL_CONFLICT, SAT_RETRY_TRANSIENT, NULL},
    {"BucketNotEmpty", 0, SATCHEL_CONFLICT, SAT_RETRY_NEVER, NULL},
    {"BucketAlreadyExists", 0, SATCHEL_EXISTS, SAT_RETRY_NEVER, NULL},
    {"BucketAlreadyOwnedByYou", 0, SATCHEL_EXISTS, SAT_RETRY_NEVER, NULL},
    {"AccessDenied", 0, SATCHEL_DENIED, SAT_RETRY_NEVER, NULL},
    {"SignatureDoesNotMatch", 0, SATCHEL_DENIED, SAT_RETRY_NEVER,
     "check secret_access_key (AWS_SECRET_ACCESS_KEY)"},
    {"InvalidAccessKeyId", 0, SATCHEL_DENIED, SAT_RETRY_NEVER,
     "check access_key_id (AWS_ACCESS_KEY_ID)"},
    {"XAdminUserNotFound", 0, SATCHEL_DENIED, SAT_RETRY_NEVER, /* versitygw's word for it */
     "check access_key_id (AWS_ACCESS_KEY_ID)"},
    {"ExpiredToken*", 0, SATCHEL_DENIED, SAT_RETRY_ONCE, "get new temporary credentials"},
    {"InvalidToken", 0, SATCHEL_DENIED, SAT_RETRY_NEVER, "check session_token"},
    {"AllAccessDisabled", 0, SATCHEL_DENIED, SAT_RETRY_NEVER, NULL},
    {"AccountProblem", 0, SATCHEL_DENIED, SAT_RETRY_NEVER, NULL},
    {"AuthorizationHeaderMalformed", 0, SATCHEL_INVALID, SAT_RETRY_NEVER, "check region"},
    {"RequestTimeTooSkewed", 0, SATCHEL_DENIED, SAT_RETRY_SKEW, "set this machine's clock"},
    {"RequestExpired", 0, SATCHEL_DENIED, SAT_RETRY_SKEW, "set this machine's clock"},
    {"RequestTimeout*", 0, SATCHEL_NETWORK, SAT_RETRY_TRANSIENT, NULL},
    {"OperationTimedOut", 0, SATCHEL_NETWORK, SAT_RETRY_TRANSIENT, NULL},
    {"InternalError", 0, SATCHEL_NETWORK, SAT_RETRY_TRANSIENT, NULL},
    {"ServiceUnavailable", 0, SATCHEL_NETWORK, SAT_RETRY_TRANSIENT, NULL},
    {"ServerBusy", 0, SATCHEL_THROTTLED, SAT_RETRY_THROTTLE, NULL},
    {"SlowDown*", 0, SATCHEL_THROTTLED, SAT_RETRY_THROTTLE, NULL},
    {"Throttl*", 0, SATCHEL_THROTTLED, SAT_RETRY_THROTTLE, NULL},
    {"RequestThrottled*", 0, SATCHEL_THROTTLED, SAT_RETRY_THROTTLE, NULL},
    {"TooManyRequestsException", 0, SATCHEL_THROTTLED, SAT_RETRY_THROTTLE, NULL},
    {"RequestLimitExceeded", 0, SATCHEL_THROTTLED, SAT_RETRY_THROTTLE, NULL},
    {"BandwidthLimitExceeded", 0, SATCHEL_THROTTLED, SAT_RETRY_THROTTLE, NULL},
    {"LimitExceededException", 0, SATCHEL_THROTTLED, SAT_RETRY_THROTTLE, NULL},
    {"PriorRequestNotComplete", 0, SATCHEL_THROTTLED, SAT_RETRY_THROTTLE, NULL},
    {"BadDigest", 0, SATCHEL_INTEGRITY, SAT_RETRY_ONCE, NULL},
    {"XAmzContentSHA256Mismatch", 0, SATCHEL_INTEGRITY, SAT_RETRY_ONCE, NULL},
    {"InvalidObjectState", 0, SATCHEL_ARCHIVED, SAT_RETRY_NEVER, "restore the object first"},
    {"EntityTooLarge", 0, SATCHEL_LIMIT, SAT_RETRY_NEVER, NULL},
    {"KeyTooLongError", 0, SATCHEL_LIMIT, SAT_RETRY_NEVER, NULL},
    {"MetadataTooLarge", 0, SATCHEL_LIMIT, SAT_RETRY_NEVER, NULL},
    {"TooManyBuckets", 0, SATCHEL_LIMIT, SAT_RETRY_NEVER, NULL},
    {"QuotaExceeded", 0, SATCHEL_LIMIT, SAT_RETRY_NEVER, NULL},
    {"NotImplemented", 0, SATCHEL_UNSUPPORTED, SAT_RETRY_NEVER, NULL},
    {"MethodNotAllowed", 0, SATCHEL_UNSUPPORTED, SAT_RETRY_NEVER, NULL},
    {"InvalidRange", 0, SATCHEL_INVALID, SAT_RETRY_NEVER, "the range begins behind the end"},
};

/* 505 and other statuses from 500 on are not repeated: asking again cannot help. */
static const struct rule status_rules[] = {
    {NULL, 400, SATCHEL_INVALID, SAT_RETRY_NEVER, NULL},
    {NULL, 401, SATCHEL_DENIED, SAT_RETRY_NEVER, NULL},
    {NULL, 403, SATCHEL_DENIED, SAT_RETRY_NEVER, NULL},
    {NULL, 404, SATCHEL_NOT_FOUND, SAT_RETRY_NEVER, NULL},
    {NULL, 405, SATCHEL_UNSUPPORTED, SAT_RETRY_NEVER, NULL},
    {NULL, 408, SATCHEL_NETWORK, SAT_RETRY_TRANSIENT, NULL},
    {NULL, 409, SATCHEL_CONFLICT, SAT_RETRY_NEVER, NULL},
    {NULL, 412, SATCHEL_CONFLICT, SAT_RETRY_NEVER, NULL},
    {NULL, 413, SATCHEL_LIMIT, SAT_RETRY_NEVER, NULL},
    {NULL, 414, SATCHEL_LIMIT, SAT_RETRY_NEVER, NULL},
    {NULL, 429, SATCHEL_THROTTLED, SAT_RETRY_THROTTLE, NULL},
    {NULL, 431, SATCHEL_LIMIT, SAT_RETRY_NEVER, NULL},
    {NULL, 500, SATCHEL_NETWORK, SAT_RETRY_TRANSIENT, NULL},
    {NULL, 501, SATCHEL_UNSUPPORTED, SAT_RETRY_NEVER, NULL},
    {NULL, 502, SATCHEL_NETWORK, SAT_RETRY_TRANSIENT, NULL},
    {NULL, 503, SATCHEL_NETWORK, SAT_RETRY_TRANSIENT, NULL},
    {NULL, 504, SATCHEL_NETWORK, SAT_RETRY_TRANSIENT, NULL},
    {NULL, 507, SATCHEL_LIMIT, SAT_RETRY_NEVER, "the store is full"},
};

static const struct rule other_client_error = {NULL, 0, SATCHEL_INVALID, SAT_RETRY_NEVER, NULL};
static const struct rule other_failure = {NULL, 0, SATCHEL_NETWORK, SAT_RETRY_NEVER, NULL};

/* ---- the <Error> document */

static void keep(char *out, size_t size, const struct sat_xml_node *node)
{
    size_t len = node->len < size ? node->len : size - 1;
    memcpy(out, node->text, len);
    out[len] = '\0';
    sat_error_printable(out);
}

static int on_error_element(void *user, const struct sat_xml_node *node, satchel_error *err)
{
    struct service_error *found = user;
    (void)err;
    if (sat_str_eq(node->path, "Error/Code"))
        keep(found->code, sizeof found->code, node);
    else if (sat_str_eq(node->path, "Error/Message"))
        keep(found->message, sizeof found->message, node);
    else if (sat_str_eq(node->path, "Error/RequestId"))
        keep(found->request_id, sizeof found->request_id, node);
    else if (sat_str_eq(node->path, "Error/Region"))
        keep(found->region, sizeof found->region, node);
    return SATCHEL_OK;
}

/* False, and nothing found, where the body is something else. */
static bool read_error(const struct sat_reply *reply, struct service_error *found)
{
    const struct sat_xml_handler handler = {.end = on_error_element};
    *found = (struct service_error){0};
    if (reply->body.len > 0 &&
        sat_xml_parse(sat_buf_span(&reply->body), "Error", &handler, found, NULL) == SATCHEL_OK)
        return found->code[0] != '\0';
    *found = (struct service_error){0};
    return false;
}

bool sat_s3_error_code(const struct sat_reply *reply, char *code, size_t size)
{
    struct service_error found;
    if (!read_error(reply, &found) || strlen(found.code) >= size)
        return false;
    memcpy(code, found.code, strlen(found.code) + 1);
    return true;
}

/* ---- rules */

static bool matches(const char *pattern, const char *service_code)
{
    size_t len = strlen(pattern);
    if (pattern[len - 1] == '*')
        return strncmp(pattern, service_code, len - 1) == 0;
    return sat_str_eq(pattern, service_code);
}

/* A service code that is known decides, else the status. */
static const struct rule *find_rule(const char *service_code, int status)
{
    for (size_t i = 0; i < sizeof code_rules / sizeof code_rules[0]; i++) {
        if (matches(code_rules[i].service_code, service_code))
            return &code_rules[i];
    }
    for (size_t i = 0; i < sizeof status_rules / sizeof status_rules[0]; i++) {
        if (status_rules[i].status == status)
            return &status_rules[i];
    }
    return status >= 400 && status < 500 ? &other_client_error : &other_failure;
}

int sat_s3_classify(const char *service_code, int status, enum sat_retry_class *retry)
{
    const struct rule *rule = find_rule(service_code, status);
    *retry = rule->retry;
    return rule->code;
}

/* ---- texts */

static bool is_bucket_kind(enum sat_op_kind kind)
{
    return kind == SAT_OP_BUCKET_CREATE || kind == SAT_OP_BUCKET_DELETE ||
           kind == SAT_OP_BUCKET_STAT || kind == SAT_OP_BUCKET_LIST;
}

/* "s3://bucket/key", of what the op is about. */
static void describe(const struct sat_s3 *s3, const struct sat_op *op, char out[TARGET_MAX])
{
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, SAT_BUF_MAX_TEXT);
    (void)sat_buf_add_str(&text, "s3://");
    if (op->kind != SAT_OP_BUCKET_LIST)
        (void)sat_buf_add_str(&text, sat_s3_bucket_of(s3, op));
    const char *rest = op->kind == SAT_OP_LIST ? op->list.prefix : op->key;
    if (rest != NULL && !is_bucket_kind(op->kind) && op->kind != SAT_OP_DELETE_MANY)
        (void)sat_buf_addf(&text, "/%s", rest);
    size_t len = text.len < TARGET_MAX ? text.len : TARGET_MAX - 1;
    while (len < text.len && len > 0 && ((unsigned char)text.data[len] & 0xc0) == 0x80)
        len--; /* not in the middle of a character */
    memcpy(out, sat_buf_str(&text), len);
    out[len] = '\0';
    sat_error_printable(out);
}

/* The summary has said what these say. */
static bool says_more(const struct service_error *found)
{
    return found->code[0] != '\0' && !sat_str_eq(found->code, "NoSuchKey") &&
           !sat_str_eq(found->code, "NoSuchBucket");
}

/* ": SlowDown: Please reduce ... (HTTP 503, request 4A1B)". */
static void add_service_text(struct sat_buf *text, const struct service_error *found,
                             const struct sat_reply *reply, const char *request_id)
{
    if (says_more(found))
        (void)sat_buf_addf(text, ": %s%s%s", found->code, found->message[0] != '\0' ? ": " : "",
                           found->message);
    (void)sat_buf_addf(text, " (HTTP %d", reply->status);
    if (request_id[0] != '\0')
        (void)sat_buf_addf(text, ", request %s", request_id);
    (void)sat_buf_add_char(text, ')');
}

/* The id that the service's support asks for: a header, or in the body. */
static void keep_request_id(const struct sat_reply *reply, const struct service_error *found,
                            char out[80])
{
    const char *id = sat_reply_header(reply, "x-amz-request-id");
    if (id == NULL)
        id = found->request_id;
    size_t len = strnlen(id, 79);
    memcpy(out, id, len);
    out[len] = '\0';
    sat_error_printable(out);
}

/* ---- special cases */

/* The region that the request was signed for. */
static const char *region_of(const struct sat_s3 *s3, const struct sat_op *op)
{
    return op->endpoint == NULL ? s3->region : op->endpoint->region;
}

/*
 * The bucket's region when the reply says that requests for it belong elsewhere, else NULL. HEAD
 * has no body that would say why its 400 is one.
 */
static const char *other_region(const struct sat_s3 *s3, const struct sat_op *op,
                                const struct sat_reply *reply, const struct service_error *found)
{
    bool malformed = found->code[0] == '\0' || sat_str_eq(found->code, "IncorrectEndpoint") ||
                     sat_str_eq(found->code, "AuthorizationHeaderMalformed");
    bool elsewhere =
        (reply->status >= 301 && reply->status <= 308) || (reply->status == 400 && malformed);
    const char *region = sat_reply_header(reply, "x-amz-bucket-region");
    if (region == NULL && found->region[0] != '\0')
        region = found->region;
    if (!elsewhere || region == NULL || sat_str_eq(region, region_of(s3, op)))
        return NULL;
    return region;
}

/* A 404 that is about the bucket. */
static bool is_no_bucket(const struct sat_op *op, const struct service_error *found)
{
    return sat_str_eq(found->code, "NoSuchBucket") || is_bucket_kind(op->kind) ||
           ((op->kind == SAT_OP_LIST || op->kind == SAT_OP_DELETE_MANY) && found->code[0] == '\0');
}

/* Our clock against the Date of the reply, in seconds; false when it has none. */
static bool learn_skew(const struct sat_reply *reply, int64_t *skew_s)
{
    const char *date = sat_reply_header(reply, "Date");
    int64_t server_ns;
    if (date == NULL || !sat_clock_parse_http_date(date, &server_ns))
        return false;
    *skew_s = (server_ns - sat_clock_wall_ns()) / SAT_NS_PER_S;
    return true;
}

/* The service's wish in any of its three forms; 0 = none. A date counts by the service's clock. */
static uint32_t retry_after_ms(const struct sat_reply *reply)
{
    const char *date = sat_reply_header(reply, "Date");
    const char *after = sat_reply_header(reply, "Retry-After");
    uint64_t ms = 0;
    int64_t now_ns = sat_clock_wall_ns();
    int64_t then_ns;
    if (date != NULL)
        (void)sat_clock_parse_http_date(date, &now_ns);
    if (sat_s3_number(reply, "x-amz-retry-after", &ms)) {
        /* milliseconds as they are */
    } else if (sat_s3_number(reply, "Retry-After", &ms)) {
        ms = ms > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_MS : ms * 1000U;
    } else if (after != NULL && sat_clock_parse_http_date(after, &then_ns) && then_ns > now_ns) {
        ms = (uint64_t)((then_ns - now_ns) / SAT_NS_PER_MS);
    }
    return ms > RETRY_AFTER_MAX_MS ? RETRY_AFTER_MAX_MS : (uint32_t)ms;
}

/* The code that the caller of this op understands by the rule's. */
static int code_for(const struct sat_op *op, const struct rule *rule, int status)
{
    if (rule->code != SATCHEL_CONFLICT || rule->retry != SAT_RETRY_NEVER || status != 412)
        return rule->code;
    if (op->if_absent)
        return SATCHEL_EXISTS;
    return op->kind == SAT_OP_GET || op->kind == SAT_OP_STAT ? SATCHEL_MODIFIED : SATCHEL_CONFLICT;
}

/*
 * The sentence before the service's own words. HEAD has no body: a 404 of it may mean the bucket or
 * the key, and is told as the key unless the op is about buckets.
 */
static void add_summary(const struct sat_s3 *s3, const struct sat_op *op, int code,
                        const struct service_error *found, struct sat_buf *text)
{
    char target[TARGET_MAX];
    describe(s3, op, target);
    if (code == SATCHEL_NOT_FOUND && is_no_bucket(op, found)) {
        bool hint = !is_bucket_kind(op->kind);
        (void)sat_buf_addf(text, "bucket '%s' not found%s", sat_s3_bucket_of(s3, op),
                           hint ? " (-c or create_bucket=true creates it)" : "");
    } else if (code == SATCHEL_NOT_FOUND) {
        (void)sat_buf_addf(text, "not found: %s", target);
    } else if (code == SATCHEL_EXISTS) {
        (void)sat_buf_addf(text, "already exists: %s", target);
    } else if (op->if_match != NULL && (code == SATCHEL_CONFLICT || code == SATCHEL_MODIFIED)) {
        (void)sat_buf_addf(text, "%s was changed by another writer, its ETag is not %.64s", target,
                           op->if_match);
    } else if (code == SATCHEL_DENIED) {
        (void)sat_buf_addf(text, "%s of %s denied", sat_op_kind_text(op->kind), target);
    } else {
        (void)sat_buf_addf(text, "%s of %s failed", sat_op_kind_text(op->kind), target);
    }
}

/* Puts the text into *err with its code and request id. */
static void report(satchel_error *err, int code, const struct sat_buf *text,
                   const struct sat_reply *reply, const char *request_id)
{
    if (err == NULL)
        return;
    (void)sat_error_set(err, code, "%s", sat_buf_str(text));
    err->http_status = reply->status;
    memcpy(err->request_id, request_id, strlen(request_id) + 1);
}

void sat_s3_fail(struct sat_verdict *verdict, int code)
{
    *verdict = (struct sat_verdict){.code = code, .retry = SAT_RETRY_NEVER};
}

/* ---- verdicts */

/* What is said of the connection's own bucket may be followed; it is an error where it is not. */
static void refuse_region(const struct sat_s3 *s3, const struct sat_op *op, const char *region,
                          struct sat_verdict *verdict, struct sat_buf *text)
{
    size_t len = strlen(region);
    bool own = op->kind != SAT_OP_BUCKET_CREATE && op->kind != SAT_OP_BUCKET_LIST &&
               sat_str_eq(sat_s3_bucket_of(s3, op), s3->bucket);
    sat_s3_fail(verdict, SATCHEL_INVALID);
    if (own && len < sizeof verdict->region) {
        verdict->retry = SAT_RETRY_MOVED;
        memcpy(verdict->region, region, len + 1);
    }
    (void)sat_buf_addf(text,
                       "bucket '%s' is in region '%.60s', not in '%s': set region=%.60s "
                       "(AWS_REGION)",
                       sat_s3_bucket_of(s3, op), region, region_of(s3, op), region);
}

static void refuse_by_rule(const struct sat_s3 *s3, const struct sat_op *op,
                           const struct sat_reply *reply, const struct service_error *found,
                           struct sat_verdict *verdict, struct sat_buf *text)
{
    const struct rule *rule = find_rule(found->code, reply->status);
    *verdict = (struct sat_verdict){
        .code = code_for(op, rule, reply->status),
        .retry = rule->retry,
        .retry_after_ms = retry_after_ms(reply),
        .cred_expired = sat_str_starts(found->code, "ExpiredToken"),
    };
    if (rule->retry == SAT_RETRY_SKEW && !learn_skew(reply, &verdict->skew_s))
        verdict->retry = SAT_RETRY_NEVER;
    add_summary(s3, op, verdict->code, found, text);
    if (rule->hint != NULL)
        (void)sat_buf_addf(text, ": %s", rule->hint);
    if (verdict->retry == SAT_RETRY_SKEW)
        (void)sat_buf_addf(text, ", it is %" PRId64 " s off", -verdict->skew_s);
    if (reply->status >= 300 && reply->status < 400)
        (void)sat_buf_add_str(text, ": a redirect to another place is not followed");
}

void sat_s3_refuse(const struct sat_s3 *s3, const struct sat_op *op, const struct sat_reply *reply,
                   struct sat_verdict *verdict, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf text;
    struct service_error found;
    char request_id[80];
    sat_buf_init(&text, SAT_BUF_MAX_TEXT);
    bool explained = read_error(reply, &found);
    if (!explained && reply->status >= 200 && reply->status < 300) {
        sat_s3_not_s3(s3, op, reply, "unexpected status", verdict, err);
        return;
    }
    const char *region = other_region(s3, op, reply, &found);
    keep_request_id(reply, &found, request_id);
    if (region != NULL)
        refuse_region(s3, op, region, verdict, &text);
    else
        refuse_by_rule(s3, op, reply, &found, verdict, &text);
    verdict->bucket_missing = verdict->code == SATCHEL_NOT_FOUND && is_no_bucket(op, &found);
    add_service_text(&text, &found, reply, request_id);
    report(err, verdict->code, &text, reply, request_id);
}

void sat_s3_not_s3(const struct sat_s3 *s3, const struct sat_op *op, const struct sat_reply *reply,
                   const char *what, struct sat_verdict *verdict, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf text;
    const struct service_error none = {0};
    char target[TARGET_MAX];
    char request_id[80];
    sat_buf_init(&text, SAT_BUF_MAX_TEXT);
    describe(s3, op, target);
    keep_request_id(reply, &none, request_id);
    *verdict = (struct sat_verdict){.code = SATCHEL_NETWORK, .retry = SAT_RETRY_TRANSIENT};
    (void)sat_buf_addf(&text, "%s of %s: the reply is not what S3 answers: %s",
                       sat_op_kind_text(op->kind), target, what);
    add_service_text(&text, &none, reply, request_id);
    report(err, verdict->code, &text, reply, request_id);
}

void sat_s3_accept_xml(const struct sat_s3 *s3, const struct sat_op *op,
                       const struct sat_reply *reply, const struct sat_s3_document *document,
                       struct sat_verdict *verdict, satchel_error *err)
{
    const struct sat_xml_handler handler = {.end = document->end};
    satchel_error why = {0};
    char service_code[64];
    if (reply->status != 200) {
        sat_s3_refuse(s3, op, reply, verdict, err);
        return;
    }
    int code =
        sat_xml_parse(sat_buf_span(&reply->body), document->root, &handler, document->user, &why);
    if (code == SATCHEL_OK) {
        *verdict = (struct sat_verdict){.code = SATCHEL_OK};
    } else if (sat_s3_error_code(reply, service_code, sizeof service_code)) {
        sat_s3_refuse(s3, op, reply, verdict, err);
    } else if (code == SATCHEL_CORRUPT || code == SATCHEL_LIMIT) {
        sat_s3_not_s3(s3, op, reply, why.text, verdict, err);
    } else {
        (void)sat_error_copy(err, &why);
        sat_s3_fail(verdict, code);
    }
}

/* An empty body, or XML that is neither an error nor a web page. */
static bool is_quiet(const struct sat_reply *reply, satchel_error *why)
{
    const struct sat_xml_handler handler = {0};
    struct service_error found;
    if (reply->body.len == 0)
        return true;
    if (read_error(reply, &found))
        return false;
    if (sat_xml_parse(sat_buf_span(&reply->body), "html", &handler, NULL, NULL) == SATCHEL_OK) {
        (void)sat_error_set(why, SATCHEL_CORRUPT, "it has a web page in it");
        return false;
    }
    return sat_xml_parse(sat_buf_span(&reply->body), NULL, &handler, NULL, why) == SATCHEL_OK;
}

void sat_s3_accept_empty(const struct sat_s3 *s3, const struct sat_op *op,
                         const struct sat_reply *reply, struct sat_verdict *verdict,
                         satchel_error *err)
{
    satchel_error why = {0};
    struct service_error found;
    if ((reply->status == 200 || reply->status == 204) && is_quiet(reply, &why))
        *verdict = (struct sat_verdict){.code = SATCHEL_OK};
    else if (reply->status >= 300 || read_error(reply, &found))
        sat_s3_refuse(s3, op, reply, verdict, err);
    else
        sat_s3_not_s3(s3, op, reply, why.text[0] != '\0' ? why.text : "unexpected status", verdict,
                      err);
}

void sat_s3_quiet_accept(const void *state, struct sat_op *op, const struct sat_reply *reply,
                         struct sat_verdict *verdict, satchel_error *err)
{
    sat_s3_accept_empty(state, op, reply, verdict, err);
}

void sat_s3_accept_info(const struct sat_s3 *s3, struct sat_op *op, const struct sat_reply *reply,
                        struct sat_verdict *verdict, satchel_error *err)
{
    satchel_error why = {0};
    char service_code[64];
    int code = sat_s3_info(reply, false, &op->info, &why);
    if (code == SATCHEL_OK && op->kind == SAT_OP_STAT &&
        !sat_s3_number(reply, "Content-Length", &op->info.size))
        code = sat_error_set(&why, SATCHEL_INTEGRITY, "the reply has no Content-Length");
    if (code == SATCHEL_OK) {
        *verdict = (struct sat_verdict){.code = SATCHEL_OK};
    } else if (sat_s3_error_code(reply, service_code, sizeof service_code)) {
        sat_s3_refuse(s3, op, reply, verdict, err);
    } else if (code == SATCHEL_INTEGRITY) {
        sat_s3_not_s3(s3, op, reply, why.text, verdict, err);
    } else {
        (void)sat_error_copy(err, &why);
        sat_s3_fail(verdict, code);
    }
}
