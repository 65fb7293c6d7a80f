/* Store URIs, which are literal, and HTTP endpoint URLs, which are not quite. */
#include "uri.h"

#include <arpa/inet.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "str.h"

/* ASCII only: a URI means the same in every locale. */
static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static char *lower_copy(const char *text, size_t len)
{
    char *copy = sat_strndup(text, len);
    for (size_t i = 0; copy != NULL && i < len; i++)
        copy[i] = to_lower(copy[i]);
    return copy;
}

/* Length of the scheme in front of "://", or 0. */
static size_t scheme_length(const char *text)
{
    size_t len = 0;
    if (!is_alpha(text[0]))
        return 0;
    while (is_alpha(text[len]) || is_digit(text[len]) ||
           (text[len] != '\0' && strchr("+-.", text[len]) != NULL))
        len++;
    return sat_str_starts(text + len, "://") ? len : 0;
}

/* Compares without case and without a copy. `scheme` is lower case. */
static bool scheme_is(const char *text, size_t len, const char *scheme)
{
    for (size_t i = 0; i < len; i++) {
        if (to_lower(text[i]) != scheme[i])
            return false;
    }
    return scheme[len] == '\0';
}

bool sat_uri_is(const char *text)
{
    return scheme_length(text) > 0;
}

void sat_uri_fini(struct sat_uri *uri)
{
    sat_free(uri->scheme);
    sat_free(uri->bucket);
    sat_free(uri->path);
    *uri = (struct sat_uri){0};
}

/* OK when all three strings were allocated. */
static int finish(struct sat_uri *uri, satchel_error *err)
{
    if (uri->scheme != NULL && uri->bucket != NULL && uri->path != NULL)
        return SATCHEL_OK;
    sat_uri_fini(uri);
    return sat_error_nomem(err);
}

int sat_uri_parse(const char *text, struct sat_uri *uri, satchel_error *err)
{
    *uri = (struct sat_uri){0};
    size_t scheme_len = scheme_length(text);
    if (scheme_len == 0)
        return sat_error_set(err, SATCHEL_INVALID, "not a URI: '%s' (want scheme://...)", text);
    if (!sat_utf8_valid(text, strlen(text)))
        return sat_error_set(err, SATCHEL_INVALID, "not a URI: it is not UTF-8");
    const char *rest = text + scheme_len + 3;
    /* The '/' behind a bucket only separates; without a bucket it belongs to the path. */
    size_t bucket_len = strcspn(rest, "/");
    const char *path = rest + bucket_len;
    if (bucket_len > 0 && *path == '/')
        path++;
    uri->scheme = lower_copy(text, scheme_len);
    uri->bucket = sat_strndup(rest, bucket_len);
    uri->path = sat_strdup(path);
    return finish(uri, err);
}

int sat_uri_local(const char *path, struct sat_uri *uri, satchel_error *err)
{
    *uri = (struct sat_uri){0};
    if (*path == '\0')
        return sat_error_set(err, SATCHEL_INVALID, "the path is empty");
    uri->scheme = sat_strdup("file");
    uri->bucket = sat_strdup("");
    uri->path = sat_strdup(path);
    return finish(uri, err);
}

int sat_uri_want(const struct sat_uri *uri, enum sat_uri_form form, satchel_error *err)
{
    const char *slash = *uri->bucket != '\0' ? "/" : "";
    if (form == SAT_URI_BUCKET && *uri->bucket == '\0')
        return sat_error_set(err, SATCHEL_INVALID, "no bucket in '%s://%s' (want %s://BUCKET/KEY)",
                             uri->scheme, uri->path, uri->scheme);
    if (form == SAT_URI_PATH && (*uri->bucket != '\0' || *uri->path == '\0'))
        return sat_error_set(err, SATCHEL_INVALID,
                             "no absolute path in '%s://%s%s%s' (want %s:///PATH)", uri->scheme,
                             uri->bucket, slash, uri->path, uri->scheme);
    return SATCHEL_OK;
}

int sat_uri_format(struct sat_buf *buf, const struct sat_uri *uri)
{
    (void)sat_buf_add_str(buf, uri->scheme);
    (void)sat_buf_add_str(buf, "://");
    (void)sat_buf_add_str(buf, uri->bucket);
    if (*uri->bucket != '\0')
        (void)sat_buf_add_char(buf, '/');
    return sat_buf_add_str(buf, uri->path);
}

/* RFC 3986, section 2.3; SigV4 asks for exactly these. */
static bool is_unreserved(char c)
{
    return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

int sat_uri_encode(struct sat_buf *buf, satchel_span text, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *p = text.data;
    size_t from = 0; /* what stays is copied in runs, not byte by byte */
    for (size_t i = 0; i < text.len; i++) {
        if (is_unreserved(p[i]) || (keep_slash && p[i] == '/'))
            continue;
        unsigned char c = (unsigned char)p[i];
        const char escape[3] = {'%', digits[c >> 4], digits[c & 15U]};
        (void)sat_buf_add(buf, p + from, i - from);
        (void)sat_buf_add(buf, escape, sizeof escape);
        from = i + 1;
    }
    if (text.len > from)
        (void)sat_buf_add(buf, p + from, text.len - from);
    return buf->failed;
}

/* Either case: services differ in what they write. */
static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    c = to_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int sat_uri_decode(struct sat_buf *buf, satchel_span text, enum sat_uri_plus plus,
                   satchel_error *err)
{
    const char *p = text.data;
    for (size_t i = 0; i < text.len; i++) {
        char c = p[i] == '+' && plus == SAT_URI_PLUS_SPACE ? ' ' : p[i];
        if (c == '%') {
            int high = text.len - i > 2 ? hex_value(p[i + 1]) : -1;
            int low = text.len - i > 2 ? hex_value(p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return sat_error_set(err, SATCHEL_INVALID,
                                     "'%%' without two hex digits behind it in '%.*s'",
                                     (int)(text.len < 200 ? text.len : 200), p);
            c = (char)(high << 4 | low);
            i += 2;
        }
        (void)sat_buf_add_char(buf, c);
    }
    return sat_buf_check(buf, "decoded text", err);
}

void sat_endpoint_url_fini(struct sat_endpoint_url *url)
{
    sat_free(url->host);
    sat_free(url->authority);
    sat_free(url->prefix);
    *url = (struct sat_endpoint_url){0};
}

/* Names the URL without what stands before an '@': that may be a password. */
static int bad_url(const char *text, const char *what, satchel_error *err)
{
    const char *at = strrchr(text, '@');
    if (at != NULL)
        text = at + 1;
    return sat_error_set(err, SATCHEL_INVALID, "bad endpoint URL '%.200s': %s", text, what);
}

/* Where the parts of "host:port/prefix" are; spans into the text. */
struct url_parts {
    satchel_span host; /* without brackets */
    satchel_span port; /* empty when not given */
    bool colon;        /* a port was announced */
    bool v6;
    const char *path;
};

/* What is wrong, or NULL. */
static const char *split_authority(const char *rest, struct url_parts *parts)
{
    const char *path = rest + strcspn(rest, "/");
    const char *host_end = path;
    const char *host = rest;
    parts->v6 = *rest == '[';
    if (parts->v6) {
        host++;
        host_end = memchr(host, ']', (size_t)(path - host));
        if (host_end == NULL)
            return "'[' is not closed";
    } else {
        const char *colon = memchr(host, ':', (size_t)(path - host));
        host_end = colon == NULL ? path : colon;
    }
    const char *after = host_end + (parts->v6 ? 1 : 0);
    parts->host = (satchel_span){.data = host, .len = (size_t)(host_end - host)};
    parts->path = path;
    parts->colon = *after == ':';
    if (parts->colon)
        parts->port = (satchel_span){.data = after + 1, .len = (size_t)(path - after) - 1};
    else if (after != path)
        return "text after ']'";
    return NULL;
}

/* The system's own parser decides; zone identifiers have no place in an endpoint. */
static bool is_v6(satchel_span host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (host.len >= sizeof text)
        return false;
    memcpy(text, host.data, host.len);
    text[host.len] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* Underscores are no host name by the RFCs, but container networks are full of them. */
static bool is_host_name(satchel_span host)
{
    const char *p = host.data;
    if (host.len > 253 || *p == '.' || *p == '-')
        return false;
    for (size_t i = 0; i < host.len; i++) {
        bool dot = p[i] == '.';
        if (!dot && !is_alpha(p[i]) && !is_digit(p[i]) && p[i] != '-' && p[i] != '_')
            return false;
        if (dot && i + 1 < host.len && p[i + 1] == '.')
            return false;
    }
    return true;
}

/* What is wrong with the host, or NULL. */
static const char *check_host(const struct url_parts *parts)
{
    if (parts->host.len == 0)
        return "no host";
    if (parts->v6)
        return is_v6(parts->host) ? NULL : "not an IPv6 address";
    return is_host_name(parts->host) ? NULL : "not a host name";
}

/* Fills url->port; what is wrong with it, or NULL. */
static const char *read_port(const struct url_parts *parts, struct sat_endpoint_url *url)
{
    uint64_t port = url->tls ? 443 : 80;
    if (parts->colon) {
        char text[6] = ""; /* longer than a port's five digits: stays empty, which is refused */
        if (parts->port.len < sizeof text)
            memcpy(text, parts->port.data, parts->port.len);
        if (!sat_parse_u64(text, &port) || port == 0 || port > UINT16_MAX)
            return "the port is not 1-65535";
    }
    url->port = (uint16_t)port;
    return NULL;
}

/* The first thing that keeps the text from being an endpoint URL, or NULL. */
static const char *read_parts(const char *text, struct url_parts *parts,
                              struct sat_endpoint_url *url)
{
    for (const char *p = text; *p != '\0'; p++) {
        if ((unsigned char)*p <= 0x20 || (unsigned char)*p >= 0x7f)
            return "it has a space, control or non-ASCII character";
    }
    size_t scheme_len = scheme_length(text);
    url->tls = scheme_is(text, scheme_len, "https");
    if (!url->tls && !scheme_is(text, scheme_len, "http"))
        return "want http:// or https://";
    if (strpbrk(text, "?#") != NULL)
        return "it has a query or a fragment";
    const char *rest = text + scheme_len + 3;
    if (memchr(rest, '@', strcspn(rest, "/")) != NULL)
        return "it has a user or password; give credentials by options";
    const char *wrong = split_authority(rest, parts);
    if (wrong == NULL)
        wrong = check_host(parts);
    return wrong != NULL ? wrong : read_port(parts, url);
}

/* Clients leave the default port out of Host, and the signature covers what is sent. */
static char *make_authority(const struct sat_endpoint_url *url, bool v6)
{
    const char *open = v6 ? "[" : "";
    const char *close = v6 ? "]" : "";
    if (url->port == (url->tls ? 443 : 80))
        return sat_strf("%s%s%s", open, url->host, close);
    return sat_strf("%s%s%s:%u", open, url->host, close, (unsigned)url->port);
}

int sat_endpoint_url_parse(const char *text, struct sat_endpoint_url *url, satchel_error *err)
{
    *url = (struct sat_endpoint_url){0};
    struct url_parts parts = {.path = ""};
    const char *wrong = read_parts(text, &parts, url);
    if (wrong != NULL)
        return bad_url(text, wrong, err);
    size_t prefix_len = strlen(parts.path);
    while (prefix_len > 0 && parts.path[prefix_len - 1] == '/')
        prefix_len--;
    url->host = lower_copy(parts.host.data, parts.host.len);
    url->prefix = sat_strndup(parts.path, prefix_len);
    if (url->host != NULL)
        url->authority = make_authority(url, parts.v6);
    if (url->host != NULL && url->prefix != NULL && url->authority != NULL)
        return SATCHEL_OK;
    sat_endpoint_url_fini(url);
    return sat_error_nomem(err);
}

bool sat_endpoint_url_is_address(const struct sat_endpoint_url *url)
{
    struct in_addr address;
    return strchr(url->host, ':') != NULL || inet_pton(AF_INET, url->host, &address) == 1;
}
