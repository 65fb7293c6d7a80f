/*
 * SigV4 signing of S3 requests. Deriving the key takes four HMACs, so it is kept for its day; only
 * the last HMAC remains per request, from states copied out of the lock.
 */
#include "backends/s3_sign.h"

#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/digest.h"
#include "core/error.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/str.h"
#include "core/vec.h"

#define ALGORITHM  "AWS4-HMAC-SHA256"
#define TERMINATOR "aws4_request"

enum {
    DATE_LEN = 8,               /* "20130524", the head of the time stamp */
    CANONICAL_MAX = 256 * 1024, /* path, query and headers are 64 KiB each at most */
    AUTHORIZATION_MAX = 64 * 1024,
};

struct sat_sigv4 {
    char *access_key_id;
    char *session_token;
    char *service;
    struct sat_hmac secret; /* keyed with "AWS4" and the secret */
    struct sat_mutex lock;
    struct {
        char date[DATE_LEN]; /* the day and the place `key` is for */
        char region[SAT_REGION_SIZE];
        struct sat_hmac key;
    } locked;
};

/* ---- signer */

/* The secret itself is not kept: its first HMAC key is enough. */
static void init_secret(struct sat_hmac *hmac, const char *secret, struct sat_buf *scratch)
{
    (void)sat_buf_add_str(scratch, "AWS4");
    (void)sat_buf_add_str(scratch, secret);
    sat_hmac_init(hmac, sat_buf_span(scratch));
    if (scratch->data != NULL)
        sat_cleanse(scratch->data, scratch->len);
}

/* Sent with each request, so a reply may have it: the redactor must know it. */
static char *keep_token(const char *text)
{
    char *token = sat_strdup(text);
    if (token == NULL || sat_secret_add(token))
        return token;
    sat_cleanse(token, strlen(token));
    sat_free(token);
    return NULL;
}

struct sat_sigv4 *sat_sigv4_new(const struct sat_sigv4_keys *keys)
{
    SAT_AUTO_BUF struct sat_buf scratch;
    sat_buf_init(&scratch, AUTHORIZATION_MAX);
    struct sat_sigv4 *signer = sat_calloc(1, sizeof *signer);
    if (signer == NULL)
        return NULL;
    sat_mutex_init(&signer->lock);
    signer->access_key_id = sat_strdup(keys->access_key_id);
    signer->session_token = keep_token(keys->session_token);
    signer->service = sat_strdup(keys->service);
    init_secret(&signer->secret, keys->secret_access_key, &scratch);
    if (signer->access_key_id != NULL && signer->session_token != NULL && signer->service != NULL &&
        scratch.failed == SATCHEL_OK)
        return signer;
    sat_sigv4_free(signer);
    return NULL;
}

void sat_sigv4_free(struct sat_sigv4 *signer)
{
    if (signer == NULL)
        return;
    if (signer->session_token != NULL) {
        sat_secret_remove(signer->session_token);
        sat_cleanse(signer->session_token, strlen(signer->session_token));
    }
    sat_free(signer->access_key_id);
    sat_free(signer->session_token);
    sat_free(signer->service);
    sat_mutex_fini(&signer->lock);
    sat_cleanse(signer, sizeof *signer);
    sat_free(signer);
}

/* secret -> day -> region -> service -> terminator */
static void derive(const struct sat_sigv4 *signer, const char *date, const char *region,
                   struct sat_hmac *key)
{
    unsigned char bytes[SAT_SHA256_SIZE];
    const satchel_span span = {.data = bytes, .len = sizeof bytes};
    const satchel_span day = {.data = date, .len = DATE_LEN};
    sat_hmac(&signer->secret, &day, 1, bytes);
    sat_hmac_once(span, sat_span_of(region), bytes);
    sat_hmac_once(span, sat_span_of(signer->service), bytes);
    sat_hmac_once(span, sat_span_of(TERMINATOR), bytes);
    sat_hmac_init(key, span);
    sat_cleanse(bytes, sizeof bytes);
}

/* The signing key of a day and a region, derived once for all requests of that day. */
static void key_of_day(struct sat_sigv4 *signer, const char *date, const char *region,
                       struct sat_hmac *key)
{
    size_t len = strlen(region);
    SAT_LOCKED(&signer->lock);
    bool known = memcmp(signer->locked.date, date, DATE_LEN) == 0 &&
                 sat_str_eq(signer->locked.region, region);
    if (!known && len < sizeof signer->locked.region) {
        derive(signer, date, region, &signer->locked.key);
        memcpy(signer->locked.date, date, DATE_LEN);
        memcpy(signer->locked.region, region, len + 1);
        known = true;
    }
    if (known)
        *key = signer->locked.key;
    else
        derive(signer, date, region, key);
}

/* ---- canonical request */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int compare_names(const struct sat_sigv4_header *a, const struct sat_sigv4_header *b)
{
    size_t shorter = a->name_len < b->name_len ? a->name_len : b->name_len;
    for (size_t i = 0; i < shorter; i++) {
        int order = (unsigned char)lower(a->name[i]) - (unsigned char)lower(b->name[i]);
        if (order != 0)
            return order;
    }
    return (a->name_len > b->name_len) - (a->name_len < b->name_len);
}

/* Stable, since values of one name keep their order; there are a dozen headers. */
static void sort_headers(struct sat_sigv4_header *headers, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct sat_sigv4_header moved = headers[i];
        size_t at = i;
        for (; at > 0 && compare_names(&headers[at - 1], &moved) > 0; at--)
            headers[at] = headers[at - 1];
        headers[at] = moved;
    }
}

static void add_lower(struct sat_buf *buf, const struct sat_sigv4_header *header)
{
    size_t start = buf->len;
    (void)sat_buf_add(buf, header->name, header->name_len);
    for (size_t i = start; i < buf->len; i++)
        buf->data[i] = lower(buf->data[i]);
}

/* Trimmed, with every run of blanks as one space. */
static void add_value(struct sat_buf *buf, const char *value)
{
    while (is_blank(*value))
        value++;
    while (*value != '\0') {
        size_t word = 0;
        while (value[word] != '\0' && !is_blank(value[word]))
            word++;
        (void)sat_buf_add(buf, value, word);
        value += word;
        while (is_blank(*value))
            value++;
        if (*value != '\0')
            (void)sat_buf_add_char(buf, ' ');
    }
}

/* One line a name; values of the same name are joined by commas, in their order. */
static void add_headers(const struct sat_sigv4_input *input, struct sat_buf *canonical,
                        struct sat_buf *names)
{
    for (size_t i = 0; i < input->count; i++) {
        const struct sat_sigv4_header *header = &input->headers[i];
        if (i > 0 && compare_names(header - 1, header) == 0) {
            (void)sat_buf_add_char(canonical, ',');
        } else {
            if (i > 0) {
                (void)sat_buf_add_char(canonical, '\n');
                (void)sat_buf_add_char(names, ';');
            }
            add_lower(names, header);
            add_lower(canonical, header);
            (void)sat_buf_add_char(canonical, ':');
        }
        add_value(canonical, header->value);
    }
    (void)sat_buf_add_char(canonical, '\n');
}

static void add_line(struct sat_buf *buf, const char *text)
{
    (void)sat_buf_add_str(buf, text);
    (void)sat_buf_add_char(buf, '\n');
}

void sat_sigv4_canonical(const struct sat_sigv4_input *input, struct sat_buf *canonical,
                         struct sat_buf *names)
{
    sort_headers(input->headers, input->count);
    add_line(canonical, input->method);
    add_line(canonical, input->path);
    add_line(canonical, input->query);
    add_headers(input, canonical, names);
    (void)sat_buf_add_char(canonical, '\n');
    (void)sat_buf_add(canonical, names->data, names->len);
    (void)sat_buf_add_char(canonical, '\n');
    (void)sat_buf_add_str(canonical, input->payload);
}

/* ---- signature */

/* "20130524/us-east-1/s3/aws4_request" */
static void add_scope(const struct sat_sigv4 *signer, const char *stamp, const char *region,
                      struct sat_buf *out)
{
    (void)sat_buf_addf(out, "%.*s/%s/%s/" TERMINATOR, (int)DATE_LEN, stamp, region,
                       signer->service);
}

void sat_sigv4_string_to_sign(const struct sat_sigv4 *signer, const struct sat_sigv4_input *input,
                              satchel_span canonical, struct sat_buf *out)
{
    char stamp[SAT_ISO_BASIC_SIZE];
    char digest[SAT_SHA256_HEX_SIZE];
    sat_clock_iso_basic(input->wall_s * SAT_NS_PER_S, stamp);
    sat_sha256_hex(canonical, digest);
    add_line(out, ALGORITHM);
    add_line(out, stamp);
    add_scope(signer, stamp, input->region, out);
    (void)sat_buf_add_char(out, '\n');
    (void)sat_buf_add_str(out, digest);
}

int sat_sigv4_authorize(struct sat_sigv4 *signer, const struct sat_sigv4_input *input,
                        struct sat_buf *authorization, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf canonical;
    SAT_AUTO_BUF struct sat_buf names;
    SAT_AUTO_BUF struct sat_buf to_sign;
    sat_buf_init(&canonical, CANONICAL_MAX);
    sat_buf_init(&names, AUTHORIZATION_MAX);
    sat_buf_init(&to_sign, AUTHORIZATION_MAX);
    sat_sigv4_canonical(input, &canonical, &names);
    sat_sigv4_string_to_sign(signer, input, sat_buf_span(&canonical), &to_sign);
    if (sat_buf_check(&canonical, "canonical request", err) != SATCHEL_OK)
        return canonical.failed;
    if (sat_buf_check(&names, "list of signed headers", err) != SATCHEL_OK)
        return names.failed;
    if (sat_buf_check(&to_sign, "string to sign", err) != SATCHEL_OK)
        return to_sign.failed;

    struct sat_hmac key;
    char stamp[SAT_ISO_BASIC_SIZE];
    unsigned char signature[SAT_SHA256_SIZE];
    char hex[SAT_SHA256_HEX_SIZE];
    const satchel_span message = sat_buf_span(&to_sign);
    sat_clock_iso_basic(input->wall_s * SAT_NS_PER_S, stamp);
    key_of_day(signer, stamp, input->region, &key);
    sat_hmac(&key, &message, 1, signature);
    sat_cleanse(&key, sizeof key);
    sat_hex(signature, sizeof signature, hex);
    (void)sat_buf_addf(authorization, ALGORITHM " Credential=%s/", signer->access_key_id);
    add_scope(signer, stamp, input->region, authorization);
    (void)sat_buf_addf(authorization, ", SignedHeaders=%s, Signature=%s", sat_buf_str(&names), hex);
    return sat_buf_check(authorization, "Authorization header", err);
}

/* ---- whole requests */

/* A closed list: what connection, proxy or curl add on their own must not break a signature. */
static bool is_signed(const char *line, size_t name_len)
{
    static const char *const whole[] = {"content-type", "content-md5", "range"};
    static const char *const begins[] = {"x-amz-", "if-"};
    char name[16] = "";
    for (size_t i = 0; i < name_len && i < sizeof name - 1; i++)
        name[i] = lower(line[i]);
    for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
        if (name_len == strlen(whole[i]) && sat_str_eq(name, whole[i]))
            return true;
    }
    for (size_t i = 0; i < sizeof begins / sizeof begins[0]; i++) {
        if (sat_str_starts(name, begins[i]))
            return true;
    }
    return false;
}

/* Host and the request's own headers that are signed, into `headers`. */
static int collect(const struct sat_request *request, const char *authority,
                   struct sat_vec *headers, satchel_error *err)
{
    struct sat_sigv4_header header = {.name = "host", .name_len = 4, .value = authority};
    if (sat_vec_push(headers, &header) == NULL)
        return sat_error_nomem(err);
    for (size_t i = 0; i < request->lines.len; i++) {
        header.name = request->text.data + *(const size_t *)sat_vec_at(&request->lines, i);
        header.name_len = strcspn(header.name, ":");
        header.value = header.name + header.name_len + 1;
        if (is_signed(header.name, header.name_len) && sat_vec_push(headers, &header) == NULL)
            return sat_error_nomem(err);
    }
    return SATCHEL_OK;
}

static int add_header(struct sat_request *request, const char *name, const char *value,
                      satchel_error *err)
{
    int code = sat_request_header(request, name, value);
    if (code == SATCHEL_OK)
        return code;
    return sat_error_set(err, code, "cannot add the header %s: %s", name, satchel_code_text(code));
}

int sat_sigv4_sign(struct sat_sigv4 *signer, const struct sat_sigv4_place *place,
                   const char *payload, int64_t wall_s, struct sat_request *request,
                   satchel_error *err)
{
    SAT_AUTO_VEC struct sat_vec headers;
    SAT_AUTO_BUF struct sat_buf authorization;
    char stamp[SAT_ISO_BASIC_SIZE];
    sat_vec_init(&headers, sizeof(struct sat_sigv4_header));
    sat_buf_init(&authorization, AUTHORIZATION_MAX);
    sat_clock_iso_basic(wall_s * SAT_NS_PER_S, stamp);
    int code = add_header(request, "x-amz-date", stamp, err);
    if (code == SATCHEL_OK)
        code = add_header(request, "x-amz-content-sha256", payload, err);
    if (code == SATCHEL_OK && *signer->session_token != '\0')
        code = add_header(request, "x-amz-security-token", signer->session_token, err);
    if (code == SATCHEL_OK)
        code = collect(request, place->authority, &headers, err);
    if (code != SATCHEL_OK)
        return code;
    const struct sat_sigv4_input input = {
        .region = place->region,
        .method = request->method,
        .path = sat_buf_str(&request->path),
        .query = sat_buf_str(&request->query),
        .payload = payload,
        .headers = headers.data,
        .count = headers.len,
        .wall_s = wall_s,
    };
    code = sat_sigv4_authorize(signer, &input, &authorization, err);
    return code == SATCHEL_OK
               ? add_header(request, "Authorization", sat_buf_str(&authorization), err)
               : code;
}
