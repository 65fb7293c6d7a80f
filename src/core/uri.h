/* Store URIs (literal), HTTP endpoint URLs, percent-encoding. */
#ifndef SAT_CORE_URI_H
#define SAT_CORE_URI_H

#include <stdbool.h>
#include <stdint.h>

#include <satchel/types.h>

#include "buf.h"

/*
 * scheme://bucket/path with every byte after scheme:// literal: no percent-decoding, no '?'.
 *   s3://b/a/b c   -> "s3" "b" "a/b c"        s3://b, s3://b/ -> "s3" "b" ""
 *   file:///tmp/x  -> "file" "" "/tmp/x"      file://x/y      -> "file" "x" "y"
 * Which schemes exist, and what they want, is the registry's business: check `scheme` there, then
 * sat_uri_want().
 */
struct sat_uri {
    char *scheme; /* lower case */
    char *bucket; /* "" where the text goes on with '/' */
    char *path;   /* key, or absolute path with its leading '/' when the bucket is "" */
};

enum sat_uri_form {
    SAT_URI_BUCKET, /* needs a bucket (container, name); s3:///key is INVALID */
    SAT_URI_PATH,   /* needs a path and no bucket; file://x/y and file:// are INVALID */
};

/* True when the text begins with a scheme and "://". */
bool sat_uri_is(const char *text);
/* INVALID when sat_uri_is() is false or the text is not UTF-8. Release with sat_uri_fini(). */
int sat_uri_parse(const char *text, struct sat_uri *uri, satchel_error *err);
/* A bare local path: scheme "file", no bucket, the path as it stands (may be relative). */
int sat_uri_local(const char *path, struct sat_uri *uri, satchel_error *err);
/* INVALID naming the URI and the right form when `uri` is not of that form. */
int sat_uri_want(const struct sat_uri *uri, enum sat_uri_form form, satchel_error *err);
/* Appends the URI as text. */
int sat_uri_format(struct sat_buf *buf, const struct sat_uri *uri);
/* Releases the strings and zeroes *uri; a zeroed one is fine. */
void sat_uri_fini(struct sat_uri *uri);

/* Appends `text` percent-encoded: A-Za-z0-9-._~ (and '/' if keep_slash) stay, hex upper-case. */
int sat_uri_encode(struct sat_buf *buf, satchel_span text, bool keep_slash);

enum sat_uri_plus {
    SAT_URI_PLUS_LITERAL, /* RFC 3986 */
    SAT_URI_PLUS_SPACE,   /* form style: '+' is a space, as in lists with encoding-type=url */
};

/* Appends `text` decoded. INVALID on '%' without two hex digits; the buffer's own codes. */
int sat_uri_decode(struct sat_buf *buf, satchel_span text, enum sat_uri_plus plus,
                   satchel_error *err);

/* An endpoint: http(s)://host[:port][/prefix] without user, query or fragment. */
struct sat_endpoint_url {
    bool tls;
    uint16_t port;   /* effective: 80 or 443 when not given */
    char *host;      /* lower case; an IPv6 address without its brackets */
    char *authority; /* the Host header: [v6] in brackets, :port only when not the default */
    char *prefix;    /* "" or "/a/b", no trailing '/' */
};

/* INVALID naming the URL and what is wrong with it. */
int sat_endpoint_url_parse(const char *text, struct sat_endpoint_url *url, satchel_error *err);
/* Releases the strings and zeroes *url; a zeroed one is fine. */
void sat_endpoint_url_fini(struct sat_endpoint_url *url);
/* True for an IPv4 address or a host with ':' (IPv6): such hosts take path-style requests. */
bool sat_endpoint_url_is_address(const struct sat_endpoint_url *url);

#endif
