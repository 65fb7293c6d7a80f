/* SHA-256, HMAC-SHA256, MD5, base64, random bytes and UUIDs. Nothing here allocates. */
#ifndef SAT_CORE_DIGEST_H
#define SAT_CORE_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <satchel/types.h>

enum {
    SAT_SHA256_SIZE = 32,
    SAT_SHA256_HEX_SIZE = 65, /* with the NUL */
    SAT_MD5_SIZE = 16,
    SAT_UUID_SIZE = 37, /* with the NUL */
};

/*
 * A running SHA-256. A plain value: copying the struct forks the computation, nothing is released.
 * The words belong to the crypto library.
 */
struct sat_sha256 {
    uint32_t words[28];
};

void sat_sha256_init(struct sat_sha256 *sha);
void sat_sha256_update(struct sat_sha256 *sha, const void *data, size_t len);
/* Ends the computation; init again before the next one. */
void sat_sha256_final(struct sat_sha256 *sha, unsigned char out[SAT_SHA256_SIZE]);
void sat_sha256(satchel_span data, unsigned char out[SAT_SHA256_SIZE]);
/* Lower-case hex with NUL. */
void sat_sha256_hex(satchel_span data, char out[SAT_SHA256_HEX_SIZE]);

/* A running MD5, for Content-MD5 and single-part ETags only. A plain value as well. */
struct sat_md5 {
    uint32_t words[23];
};

void sat_md5_init(struct sat_md5 *md5);
void sat_md5_update(struct sat_md5 *md5, const void *data, size_t len);
void sat_md5_final(struct sat_md5 *md5, unsigned char out[SAT_MD5_SIZE]);

/*
 * An HMAC-SHA256 key with its two padded blocks already hashed: each later HMAC saves two
 * compressions. A plain value that many threads may read; it is as secret as the key, so
 * sat_cleanse() it when done.
 */
struct sat_hmac {
    struct sat_sha256 inner;
    struct sat_sha256 outer;
};

void sat_hmac_init(struct sat_hmac *hmac, satchel_span key);
/* The HMAC of the parts in a row; `hmac` is left as it was. */
void sat_hmac(const struct sat_hmac *hmac, const satchel_span *parts, size_t count,
              unsigned char out[SAT_SHA256_SIZE]);
/* One key, one message: a step of the SigV4 key derivation. `out` may be the key's own bytes. */
void sat_hmac_once(satchel_span key, satchel_span data, unsigned char out[SAT_SHA256_SIZE]);

/* Size of the base64 text of `len` bytes, with NUL. */
#define SAT_BASE64_SIZE(len) (((len) + 2) / 3 * 4 + 1)
/* Bytes that the base64 text of `len` characters can decode to, at most. */
#define SAT_BASE64_DECODED_MAX(len) ((len) / 4 * 3)

/* Standard alphabet, padded, NUL-terminated; `out` holds SAT_BASE64_SIZE(len) characters. */
void sat_base64(const void *data, size_t len, char *out);
/*
 * Strict: padded, no white space, no stray bits. `out` holds SAT_BASE64_DECODED_MAX(text.len)
 * bytes. False when malformed.
 */
bool sat_base64_decode(satchel_span text, void *out, size_t *len);

/* Bytes of the kernel's generator: safe after fork and for secrets. IO where it has none. */
int sat_random_bytes(void *out, size_t len, satchel_error *err);
/* For jitter and spreading load, never for names or secrets: falls back to the clock. */
uint64_t sat_random_u64(void);

/* UUID version 7 (RFC 9562) from its parts; lower case, NUL-terminated. Pure. */
void sat_uuid_v7_format(uint64_t unix_ms, const unsigned char random[10], char out[SAT_UUID_SIZE]);
/* The same with fresh random bytes. */
int sat_uuid_v7(uint64_t unix_ms, char out[SAT_UUID_SIZE], satchel_error *err);

#endif
