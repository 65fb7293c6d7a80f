/*
 * One lane's HTTP client on a curl multi, whose sockets are waited for by core/poller.h. Why not
 * the easy interface: sixteen transfers share one thread, its connections and its TLS sessions. Why
 * not curl's own poll: it asks the kernel for each socket, twice a reply.
 *
 * (1) curl repeats a request by itself when a reused connection turns out dead. A conditional
 *     write must not be repeated behind our back, so the second call of `on_request` for one
 *     exchange ends it; the retry policy then decides.
 * (2) An exchange comes out exactly once, through the `finished` list.
 * (3) Timeouts are ours (head, stall, deadline), looked at after each poll: curl's low-speed timer
 *     has whole seconds and also runs while we wait for the head.
 * (4) A file that changed since its digest was taken never becomes an object: its bytes are hashed
 *     again as they leave, and the last ones are held back when the sum differs.
 * (5) Sockets are recorded: a forked child closes its copies, so that a connection ends when the
 *     parent ends it, and touches nothing else of this file's.
 * (6) A socket that cannot be waited for ends its transfer at the latest when it is late.
 * (7) A handle is set up once, and each exchange sets all that differs from one to the next; but
 *     what it is to trust is not carried over to another: such a handle is set up anew.
 */
#include "core/http.h"

#include <limits.h>
#include <string.h>
#include <sys/socket.h>

#include <curl/curl.h>
#include <openssl/crypto.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/crc.h"
#include "core/digest.h"
#include "core/error.h"
#include "core/fork.h"
#include "core/lock.h"
#include "core/ownfd.h"
#include "core/poller.h"

#define USER_AGENT "satchel/" SATCHEL_VERSION_TEXT

enum {
    BUFFER_SMALL = 64 * 1024,
    BUFFER_LARGE = 512 * 1024,
    SPARE_HANDLES = 32,
    EVENTS_AT_ONCE = 64,
    TURNS_MAX = 16,               /* for all of the most connections that a lane may have */
    BODY_AT_ONCE = 64 * 1024 - 1, /* the largest that curl sends together with the head */
    URL_MAX = 256 * 1024,
};

/* One curl easy handle and what it moves. */
struct sat_transfer {
    struct sat_http *http;
    CURL *easy;
    struct sat_exchange *exchange;
    struct sat_transfer *next; /* in `spare` or `active` */
    struct sat_transfer *prev;
    struct sat_buf url;
    struct curl_slist *headers; /* an array, linked in place */
    size_t header_capacity;
    struct sat_buf empties; /* headers without a value, as curl wants them */
    struct sat_source body; /* what is sent */
    uint64_t sent;
    uint64_t sent_crc64; /* of a file, see (4) */
    struct sat_sha256 sent_sha256;
    int64_t progress_ns; /* when a byte moved last */
    unsigned requests;   /* times curl was about to send, see (1) */
    bool trust_changed;  /* the handle verifies otherwise than the system does */
    bool head_done;
    bool body_sent;
    char message[CURL_ERROR_SIZE];
};

struct sat_http {
    CURLM *multi;
    struct sat_poller *poller;
    int64_t now_ns; /* when the transfers were last served */
    int64_t due_ns; /* when curl wants to be called without an event; 0 = never */
    struct sat_transfer *active;
    struct sat_transfer *spare;
    unsigned spares;
    struct sat_exchange *finished;
    struct sat_exchange **finished_tail;
};

void sat_exchange_init(struct sat_exchange *exchange)
{
    *exchange = (struct sat_exchange){0};
    sat_reply_init(&exchange->reply);
}

void sat_exchange_fini(struct sat_exchange *exchange)
{
    sat_reply_fini(&exchange->reply);
}

/* ---- callbacks from curl */

static int on_request(void *user, char *remote, char *local, int remote_port, int local_port)
{
    struct sat_transfer *transfer = user;
    (void)remote;
    (void)local;
    (void)remote_port;
    (void)local_port;
    transfer->exchange->sent = transfer->body_sent;
    transfer->progress_ns = transfer->http->now_ns;
    return transfer->requests++ == 0 ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

/* (4): takes the next bytes of a file; false when they are the last and the digest differs. */
static bool is_as_hashed(struct sat_transfer *transfer, const void *data, size_t len)
{
    const struct sat_request *request = transfer->exchange->request;
    bool last = transfer->sent + len >= transfer->body.length;
    if (transfer->body.kind != SAT_SOURCE_FILE)
        return true;
    if (request->has_crc64) {
        transfer->sent_crc64 = sat_crc64(transfer->sent_crc64, data, len);
        return !last || transfer->sent_crc64 == request->crc64;
    }
    if (request->has_sha256) {
        unsigned char sha256[SAT_SHA256_SIZE];
        sat_sha256_update(&transfer->sent_sha256, data, len);
        if (!last)
            return true;
        sat_sha256_final(&transfer->sent_sha256, sha256);
        return memcmp(sha256, request->sha256, sizeof sha256) == 0;
    }
    return true;
}

static void count_sent(struct sat_exchange *exchange, size_t len)
{
    if (exchange->moved == NULL || !exchange->request->body_is_source)
        return;
    atomic_fetch_add(exchange->moved, len);
    exchange->counted += len;
}

/* What an attempt sent that is to be repeated. */
static void take_back_sent(struct sat_exchange *exchange)
{
    if (exchange->moved != NULL)
        atomic_fetch_sub(exchange->moved, exchange->counted);
    exchange->counted = 0;
}

static size_t on_read(char *out, size_t size, size_t count, void *user)
{
    struct sat_transfer *transfer = user;
    struct sat_exchange *exchange = transfer->exchange;
    size_t got = 0;
    if (transfer->body_sent)
        return 0;
    if (sat_source_read(&transfer->body, transfer->sent, out, size * count, &got, &exchange->err) !=
        SATCHEL_OK)
        return CURL_READFUNC_ABORT;
    if (!is_as_hashed(transfer, out, got)) {
        sat_error_set(&exchange->err, SATCHEL_MODIFIED, "the file to send changed while read");
        return CURL_READFUNC_ABORT;
    }
    count_sent(exchange, got);
    transfer->sent += got;
    transfer->progress_ns = transfer->http->now_ns;
    transfer->body_sent = transfer->sent >= transfer->body.length;
    exchange->sent = transfer->body_sent;
    return got;
}

/* The head of a final reply is complete: an interim 1xx head starts over. */
static int end_of_head(struct sat_transfer *transfer)
{
    struct sat_exchange *exchange = transfer->exchange;
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200) {
        sat_reply_reset(&exchange->reply);
        return SATCHEL_OK;
    }
    exchange->reply.status = (int)status;
    transfer->head_done = true;
    if (status < 300 && exchange->on_head != NULL)
        return exchange->on_head(exchange, &exchange->err);
    return SATCHEL_OK;
}

static size_t on_header(char *data, size_t size, size_t count, void *user)
{
    struct sat_transfer *transfer = user;
    struct sat_exchange *exchange = transfer->exchange;
    size_t len = size * count;
    transfer->progress_ns = transfer->http->now_ns;
    /* Trailers after the body are no part of what a service tells us. */
    if (transfer->head_done)
        return len;
    if (len <= 2 && (data[0] == '\r' || data[0] == '\n'))
        return end_of_head(transfer) == SATCHEL_OK ? len : 0;
    if (len >= 5 && memcmp(data, "HTTP/", 5) == 0) {
        sat_reply_reset(&exchange->reply);
        return len;
    }
    int code = sat_reply_add_header(&exchange->reply, data, len);
    if (code != SATCHEL_OK) {
        if (sat_buf_check(&exchange->reply.headers, "reply head", &exchange->err) == SATCHEL_OK)
            (void)sat_error_nomem(&exchange->err);
        return 0;
    }
    return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    struct sat_transfer *transfer = user;
    struct sat_exchange *exchange = transfer->exchange;
    size_t len = size * count;
    transfer->progress_ns = transfer->http->now_ns;
    exchange->reply.received += len;
    bool to_sink = exchange->sink != NULL && exchange->reply.status < 300;
    if (to_sink)
        return sat_sink_write(exchange->sink, data, len, &exchange->err) == SATCHEL_OK ? len : 0;
    if (sat_buf_add(&exchange->reply.body, data, len) == SATCHEL_OK)
        return len;
    (void)sat_buf_check(&exchange->reply.body, "reply body", &exchange->err);
    return 0;
}

/* (5) */
static curl_socket_t on_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct sat_http *http = user;
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    sat_ownfd_add(fd);
    if (fd >= 0 && sat_poller_adopt(http->poller, fd, NULL) != SATCHEL_OK) {
        sat_ownfd_close(fd);
        return CURL_SOCKET_BAD;
    }
    return fd;
}

static int on_close_socket(void *user, curl_socket_t fd)
{
    struct sat_http *http = user;
    sat_poller_forget(http->poller, fd);
    sat_ownfd_close(fd);
    return 0;
}

/* (6) */
static int on_interest(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
    struct sat_http *http = user;
    unsigned wanted = what == CURL_POLL_IN      ? SAT_POLLER_READ
                      : what == CURL_POLL_OUT   ? SAT_POLLER_WRITE
                      : what == CURL_POLL_INOUT ? SAT_POLLER_READ | SAT_POLLER_WRITE
                                                : 0;
    (void)easy;
    (void)socket_user;
    (void)sat_poller_want(http->poller, fd, wanted, NULL);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *user)
{
    struct sat_http *http = user;
    (void)multi;
    http->due_ns = timeout_ms < 0 ? 0 : http->now_ns + timeout_ms * SAT_NS_PER_MS;
    return 0;
}

/* ---- setting up one transfer */

static int set_url(struct sat_transfer *transfer)
{
    const struct sat_exchange *exchange = transfer->exchange;
    struct sat_buf *url = &transfer->url;
    sat_buf_reset(url);
    const char *authority = strstr(exchange->endpoint->url, "://") + 3;
    (void)sat_buf_add(url, exchange->endpoint->url, (size_t)(authority - exchange->endpoint->url));
    (void)sat_buf_add_str(url, exchange->request->subhost);
    (void)sat_buf_add_str(url, authority);
    (void)sat_buf_add_str(url, sat_buf_str(&exchange->request->path));
    if (exchange->request->query.len > 0) {
        (void)sat_buf_add_char(url, '?');
        (void)sat_buf_add_str(url, sat_buf_str(&exchange->request->query));
    }
    if (url->failed != SATCHEL_OK)
        return url->failed;
    return curl_easy_setopt(transfer->easy, CURLOPT_URL, url->data) == CURLE_OK ? SATCHEL_OK
                                                                                : SATCHEL_NOMEM;
}

/* Headers that curl would add by itself; an empty value removes them. */
static const char *const unwanted[] = {"Expect:", "Accept:"};
static const size_t unwanted_count = sizeof unwanted / sizeof unwanted[0];

/*
 * curl takes "name:" without a value as "leave this header out" and sends an empty one for "name;".
 * A header that was signed must be sent, so its line is rewritten.
 */
static char *header_line(struct sat_transfer *transfer, char *line)
{
    size_t len = strlen(line);
    if (len < 2 || line[len - 1] != ' ' || line[len - 2] != ':')
        return line;
    char *out = sat_buf_reserve(&transfer->empties, len);
    if (out == NULL)
        return NULL;
    memcpy(out, line, len - 2);
    memcpy(out + len - 2, ";", 2);
    transfer->empties.len += len;
    return out;
}

/* Links the request's lines as curl's list, in an array that the transfer keeps. */
static int set_headers(struct sat_transfer *transfer)
{
    const struct sat_request *request = transfer->exchange->request;
    size_t count = request->lines.len + unwanted_count + 1;
    if (count > transfer->header_capacity) {
        struct curl_slist *grown = sat_realloc(transfer->headers, count * sizeof *grown);
        if (grown == NULL)
            return SATCHEL_NOMEM;
        transfer->headers = grown;
        transfer->header_capacity = count;
    }
    size_t n = 0;
    sat_buf_reset(&transfer->empties);
    /* Room for all, so that no line moves while others point at theirs. */
    if (sat_buf_reserve(&transfer->empties, request->text.len) == NULL)
        return SATCHEL_NOMEM;
    for (size_t i = 0; i < request->lines.len; i++) {
        size_t offset = *(const size_t *)sat_vec_at(&request->lines, i);
        transfer->headers[n++].data = header_line(transfer, request->text.data + offset);
    }
    for (size_t i = 0; i < unwanted_count; i++)
        transfer->headers[n++].data = (char *)(uintptr_t)unwanted[i];
    if (sat_request_find(request, "Content-Type") == NULL)
        transfer->headers[n++].data = (char *)(uintptr_t)"Content-Type:";
    for (size_t i = 0; i < n; i++)
        transfer->headers[i].next = i + 1 < n ? &transfer->headers[i + 1] : NULL;
    curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
    return SATCHEL_OK;
}

static void set_body(struct sat_transfer *transfer)
{
    const struct sat_exchange *exchange = transfer->exchange;
    const struct sat_request *request = exchange->request;
    CURL *easy = transfer->easy;
    bool none = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0 ||
                strcmp(request->method, "DELETE") == 0;
    transfer->body =
        request->body_is_source ? *exchange->source : sat_source_span(sat_buf_span(&request->body));
    transfer->body_sent = none || transfer->body.length == 0;
    transfer->sent = 0;
    transfer->sent_crc64 = 0;
    if (transfer->body.kind == SAT_SOURCE_FILE)
        sat_sha256_init(&transfer->sent_sha256);
    if (strcmp(request->method, "HEAD") == 0)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (none)
        return;
    if (transfer->body.kind == SAT_SOURCE_SPAN && transfer->body.length > 0 &&
        transfer->body.length <= BODY_AT_ONCE) {
        transfer->body_sent = true;
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)transfer->body.length);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body.data);
        count_sent(transfer->exchange, (size_t)transfer->body.length);
        return;
    }
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)transfer->body.length);
}

static void set_callbacks(struct sat_http *http, struct sat_transfer *transfer)
{
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->message);
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request);
    curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, http);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, http);
}

static void set_policy(struct sat_transfer *transfer)
{
    CURL *easy = transfer->easy;
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* A resolver that hangs must not hold the thread beyond the deadline. */
    curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    /* What a proxy says to CONNECT is not the reply. */
    curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, USER_AGENT);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)BUFFER_SMALL * 4);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
}

/* What differs from one exchange to the next; (7). */
static void set_exchange(struct sat_transfer *transfer)
{
    const struct sat_exchange *exchange = transfer->exchange;
    CURL *easy = transfer->easy;
    bool to_file = exchange->sink != NULL && exchange->sink->kind == SAT_SINK_FILE;
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, exchange->request->method);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)exchange->connect_timeout_ms);
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)(to_file ? BUFFER_LARGE : BUFFER_SMALL));
    transfer->trust_changed = exchange->insecure || exchange->ca_file != NULL;
    if (exchange->insecure) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (exchange->ca_file != NULL)
        curl_easy_setopt(easy, CURLOPT_CAINFO, exchange->ca_file);
}

/* ---- handles */

static void set_up(struct sat_http *http, struct sat_transfer *transfer)
{
    transfer->http = http;
    set_callbacks(http, transfer);
    set_policy(transfer);
}

static struct sat_transfer *transfer_new(struct sat_http *http)
{
    struct sat_transfer *transfer = http->spare;
    if (transfer != NULL) {
        http->spare = transfer->next;
        http->spares--;
        return transfer;
    }
    transfer = sat_calloc(1, sizeof *transfer);
    if (transfer == NULL)
        return NULL;
    sat_buf_init(&transfer->url, URL_MAX);
    sat_buf_init(&transfer->empties, SAT_REQUEST_TEXT_MAX);
    transfer->easy = curl_easy_init();
    if (transfer->easy == NULL) {
        sat_free(transfer);
        return NULL;
    }
    set_up(http, transfer);
    return transfer;
}

static void transfer_free(struct sat_transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    sat_buf_fini(&transfer->url);
    sat_buf_fini(&transfer->empties);
    sat_free(transfer->headers);
    sat_free(transfer);
}

/* Keeps the handle for the next exchange. */
static void transfer_spare(struct sat_http *http, struct sat_transfer *transfer)
{
    if (http->spares >= SPARE_HANDLES) {
        transfer_free(transfer);
        return;
    }
    if (transfer->trust_changed) {
        curl_easy_reset(transfer->easy);
        set_up(http, transfer);
    }
    transfer->exchange = NULL;
    transfer->next = http->spare;
    http->spare = transfer;
    http->spares++;
}

static void unlink_active(struct sat_http *http, struct sat_transfer *transfer)
{
    if (transfer->prev != NULL)
        transfer->prev->next = transfer->next;
    else
        http->active = transfer->next;
    if (transfer->next != NULL)
        transfer->next->prev = transfer->prev;
    transfer->prev = NULL;
    transfer->next = NULL;
}

/* ---- the client */

static struct sat_once curl_once = SAT_ONCE_INIT;

static void start_curl(void)
{
    /* A program may end with transfers under way: the TLS library must not go before them. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

int sat_http_new(unsigned max_connections, struct sat_http **http, satchel_error *err)
{
    sat_once(&curl_once, start_curl);
    struct sat_http *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    int code = sat_poller_new(&made->poller, err);
    made->multi = code == SATCHEL_OK ? curl_multi_init() : NULL;
    if (made->multi == NULL) {
        sat_poller_free(made->poller);
        sat_free(made);
        return code == SATCHEL_OK ? sat_error_nomem(err) : code;
    }
    made->finished_tail = &made->finished;
    curl_multi_setopt(made->multi, CURLMOPT_SOCKETFUNCTION, on_interest);
    curl_multi_setopt(made->multi, CURLMOPT_SOCKETDATA, made);
    curl_multi_setopt(made->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(made->multi, CURLMOPT_TIMERDATA, made);
    curl_multi_setopt(made->multi, CURLMOPT_MAXCONNECTS, (long)max_connections);
    curl_multi_setopt(made->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    *http = made;
    return SATCHEL_OK;
}

void sat_http_free(struct sat_http *http)
{
    if (http == NULL)
        return;
    while (http->spare != NULL) {
        struct sat_transfer *transfer = http->spare;
        http->spare = transfer->next;
        transfer_free(transfer);
    }
    curl_multi_cleanup(http->multi);
    sat_poller_free(http->poller);
    sat_free(http);
}

static void reset_outputs(struct sat_exchange *exchange)
{
    sat_reply_reset(&exchange->reply);
    memset(&exchange->err, 0, sizeof exchange->err);
    exchange->retryable = false;
    exchange->sent = false;
}

int sat_http_start(struct sat_http *http, struct sat_exchange *exchange, satchel_error *err)
{
    struct sat_transfer *transfer = transfer_new(http);
    if (transfer == NULL)
        return sat_error_nomem(err);
    reset_outputs(exchange);
    take_back_sent(exchange);
    transfer->exchange = exchange;
    transfer->requests = 0;
    transfer->head_done = false;
    http->now_ns = sat_clock_now_ns();
    transfer->progress_ns = http->now_ns;
    transfer->message[0] = '\0';
    if (set_url(transfer) != SATCHEL_OK || set_headers(transfer) != SATCHEL_OK) {
        transfer_spare(http, transfer);
        return sat_error_nomem(err);
    }
    set_exchange(transfer);
    set_body(transfer);
    if (curl_multi_add_handle(http->multi, transfer->easy) != CURLM_OK) {
        transfer_spare(http, transfer);
        return sat_error_nomem(err);
    }
    exchange->transfer = transfer;
    transfer->prev = NULL;
    transfer->next = http->active;
    if (http->active != NULL)
        http->active->prev = transfer;
    http->active = transfer;
    return SATCHEL_OK;
}

/* Faults of the request or the configuration that no repetition cures. */
static bool is_permanent(CURLcode code)
{
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_URL_MALFORMAT:
    case CURLE_OUT_OF_MEMORY:
        return true;
    default:
        return false;
    }
}

static const char *hint_of(CURLcode code)
{
    switch (code) {
    case CURLE_PEER_FAILED_VERIFICATION:
        return " (ca_file names the authority of a private certificate)";
    case CURLE_SSL_CACERT_BADFILE:
        return " (check ca_file)";
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return " (check endpoint_url)";
    default:
        return "";
    }
}

static void describe_failure(struct sat_transfer *transfer, CURLcode result)
{
    struct sat_exchange *exchange = transfer->exchange;
    const char *reason =
        transfer->message[0] != '\0' ? transfer->message : curl_easy_strerror(result);
    if (transfer->requests > 1)
        reason = "connection was closed before the reply";
    int code = result == CURLE_OPERATION_TIMEDOUT ? SATCHEL_TIMEOUT
               : result == CURLE_OUT_OF_MEMORY    ? SATCHEL_NOMEM
                                                  : SATCHEL_NETWORK;
    sat_error_set(&exchange->err, code, "%s: %s%s", exchange->endpoint->url, reason,
                  hint_of(result));
    exchange->retryable = !is_permanent(result);
}

static void finish(struct sat_http *http, struct sat_transfer *transfer)
{
    struct sat_exchange *exchange = transfer->exchange;
    curl_multi_remove_handle(http->multi, transfer->easy);
    unlink_active(http, transfer);
    transfer_spare(http, transfer);
    exchange->transfer = NULL;
    exchange->next = NULL;
    *http->finished_tail = exchange;
    http->finished_tail = &exchange->next;
}

void sat_http_abort(struct sat_http *http, struct sat_exchange *exchange, int code,
                    const char *text)
{
    sat_error_set(&exchange->err, code, "%s: %s", exchange->endpoint->url, text);
    exchange->retryable = code == SATCHEL_TIMEOUT;
    finish(http, exchange->transfer);
}

static void collect(struct sat_http *http)
{
    int left = 0;
    CURLMsg *message = curl_multi_info_read(http->multi, &left);
    while (message != NULL) {
        if (message->msg == CURLMSG_DONE) {
            char *private = NULL;
            CURLcode result = message->data.result;
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
            struct sat_transfer *transfer = (struct sat_transfer *)(void *)private;
            /* To curl a head that breaks off is one that ends. */
            if (result == CURLE_OK && !transfer->head_done)
                result = CURLE_RECV_ERROR;
            /* An error set by a callback says more than curl's "callback failed". */
            if (result != CURLE_OK && transfer->exchange->err.code == SATCHEL_OK)
                describe_failure(transfer, result);
            finish(http, transfer);
        }
        message = curl_multi_info_read(http->multi, &left);
    }
}

/* Nanoseconds left before `transfer` is late; *what names the timer. */
static int64_t time_left(const struct sat_transfer *transfer, int64_t now, const char **what)
{
    const struct sat_exchange *exchange = transfer->exchange;
    bool waits_for_head = transfer->body_sent && !transfer->head_done;
    uint32_t idle_ms = waits_for_head ? exchange->response_timeout_ms : exchange->stall_timeout_ms;
    if (transfer->requests == 0)
        idle_ms = exchange->connect_timeout_ms + exchange->stall_timeout_ms;
    int64_t limit = transfer->progress_ns + (int64_t)idle_ms * SAT_NS_PER_MS;
    *what = transfer->requests == 0 ? "no connection within connect_timeout"
            : waits_for_head        ? "no reply within response_timeout"
                                    : "no byte moved within stall_timeout";
    if (exchange->deadline_ns < limit) {
        limit = exchange->deadline_ns;
        *what = "no complete reply within request_timeout";
    }
    return limit > now ? limit - now : 0;
}

/*
 * Ends late transfers, after all were served that had something waiting at http->now_ns: whose
 * bytes waited while a slow disk held us up is not late.
 */
static void expire(struct sat_http *http)
{
    struct sat_transfer *next = NULL;
    for (struct sat_transfer *transfer = http->active; transfer != NULL; transfer = next) {
        const char *what = NULL;
        next = transfer->next;
        if (time_left(transfer, http->now_ns, &what) == 0)
            sat_http_abort(http, transfer->exchange, SATCHEL_TIMEOUT, what);
    }
}

/* Has curl do what is due without an event: a transfer that was added, a name that was resolved. */
static void serve_timer(struct sat_http *http)
{
    int running = 0;
    if (http->due_ns == 0 || http->due_ns > http->now_ns)
        return;
    http->due_ns = 0;
    (void)curl_multi_socket_action(http->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

static void serve_socket(struct sat_http *http, const struct sat_poller_event *event)
{
    int running = 0;
    int what = (event->what & SAT_POLLER_READ) != 0 ? CURL_CSELECT_IN : 0;
    what |= (event->what & SAT_POLLER_WRITE) != 0 ? CURL_CSELECT_OUT : 0;
    what |= (event->what & SAT_POLLER_FAULT) != 0 ? CURL_CSELECT_ERR : 0;
    (void)curl_multi_socket_action(http->multi, event->fd, what, &running);
}

/* Milliseconds to wait: until a timer of curl's or of ours, at most `timeout_ms`. */
static int time_to_wait(const struct sat_http *http, int timeout_ms)
{
    const char *what = NULL;
    int64_t now = sat_clock_now_ns();
    int64_t left = (int64_t)timeout_ms * SAT_NS_PER_MS;
    if (http->due_ns != 0 && http->due_ns - now < left)
        left = http->due_ns - now;
    for (const struct sat_transfer *transfer = http->active; transfer != NULL;
         transfer = transfer->next) {
        int64_t its = time_left(transfer, now, &what);
        left = its < left ? its : left;
    }
    return left <= 0 ? 0 : (int)((left - 1) / SAT_NS_PER_MS) + 1;
}

void sat_http_poll(struct sat_http *http, int timeout_ms)
{
    struct sat_poller_event events[EVENTS_AT_ONCE];
    http->now_ns = sat_clock_now_ns();
    serve_timer(http);
    collect(http);
    if (http->finished != NULL)
        return;
    unsigned depth = sat_fork_park();
    size_t count =
        sat_poller_wait(http->poller, time_to_wait(http, timeout_ms), events, EVENTS_AT_ONCE);
    sat_fork_unpark(depth);
    http->now_ns = sat_clock_now_ns();
    for (unsigned turn = 0; count > 0 && turn < TURNS_MAX; turn++) {
        for (size_t i = 0; i < count; i++)
            serve_socket(http, &events[i]);
        count =
            count < EVENTS_AT_ONCE ? 0 : sat_poller_wait(http->poller, 0, events, EVENTS_AT_ONCE);
    }
    serve_timer(http);
    collect(http);
    expire(http);
}

struct sat_exchange *sat_http_next(struct sat_http *http)
{
    struct sat_exchange *exchange = http->finished;
    if (exchange == NULL)
        return NULL;
    http->finished = exchange->next;
    if (http->finished == NULL)
        http->finished_tail = &http->finished;
    exchange->next = NULL;
    return exchange;
}

void sat_http_wakeup(struct sat_http *http)
{
    sat_poller_wake(http->poller);
}
