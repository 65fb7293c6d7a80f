/*
 * Digests, base64, randomness.
 *
 * SHA-256 and MD5 use the crypto library's context structs rather than EVP: a signer forks two kept
 * states for every request, and with EVP each fork is an allocation that can fail. The structs are
 * plain values, so nothing here allocates and the digests cannot fail.
 */
#define OPENSSL_API_COMPAT 10100 /* declares the struct interface without its 3.0 warnings */

#include "digest.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <openssl/md5.h>
#include <openssl/sha.h>

#include "alloc.h"
#include "error.h"
#include "str.h"

static_assert(sizeof(struct sat_sha256) == sizeof(SHA256_CTX), "digest.h mirrors SHA256_CTX");
static_assert(sizeof(struct sat_md5) == sizeof(MD5_CTX), "digest.h mirrors MD5_CTX");
static_assert(SAT_SHA256_SIZE == SHA256_DIGEST_LENGTH, "SHA-256 size");
static_assert(SAT_MD5_SIZE == MD5_DIGEST_LENGTH, "MD5 size");

void sat_sha256_init(struct sat_sha256 *sha)
{
    (void)SHA256_Init((SHA256_CTX *)(void *)sha->words);
}

void sat_sha256_update(struct sat_sha256 *sha, const void *data, size_t len)
{
    (void)SHA256_Update((SHA256_CTX *)(void *)sha->words, data, len);
}

void sat_sha256_final(struct sat_sha256 *sha, unsigned char out[SAT_SHA256_SIZE])
{
    (void)SHA256_Final(out, (SHA256_CTX *)(void *)sha->words);
}

void sat_sha256(satchel_span data, unsigned char out[SAT_SHA256_SIZE])
{
    struct sat_sha256 sha;
    sat_sha256_init(&sha);
    sat_sha256_update(&sha, data.data, data.len);
    sat_sha256_final(&sha, out);
}

void sat_sha256_hex(satchel_span data, char out[SAT_SHA256_HEX_SIZE])
{
    unsigned char digest[SAT_SHA256_SIZE];
    sat_sha256(data, digest);
    sat_hex(digest, sizeof digest, out);
}

void sat_md5_init(struct sat_md5 *md5)
{
    (void)MD5_Init((MD5_CTX *)(void *)md5->words);
}

void sat_md5_update(struct sat_md5 *md5, const void *data, size_t len)
{
    (void)MD5_Update((MD5_CTX *)(void *)md5->words, data, len);
}

void sat_md5_final(struct sat_md5 *md5, unsigned char out[SAT_MD5_SIZE])
{
    (void)MD5_Final(out, (MD5_CTX *)(void *)md5->words);
}

/* Hashes the key block of RFC 2104, every byte xored with `pad`. */
static void hash_key_block(struct sat_sha256 *sha, const unsigned char *key, unsigned char pad)
{
    unsigned char block[SHA256_CBLOCK];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (unsigned char)(key[i] ^ pad);
    sat_sha256_init(sha);
    sat_sha256_update(sha, block, sizeof block);
    sat_cleanse(block, sizeof block);
}

void sat_hmac_init(struct sat_hmac *hmac, satchel_span key)
{
    unsigned char block[SHA256_CBLOCK] = {0};
    if (key.len > sizeof block)
        sat_sha256(key, block);
    else if (key.len > 0)
        memcpy(block, key.data, key.len);
    hash_key_block(&hmac->inner, block, 0x36);
    hash_key_block(&hmac->outer, block, 0x5c);
    sat_cleanse(block, sizeof block);
}

void sat_hmac(const struct sat_hmac *hmac, const satchel_span *parts, size_t count,
              unsigned char out[SAT_SHA256_SIZE])
{
    struct sat_sha256 sha = hmac->inner;
    for (size_t i = 0; i < count; i++)
        sat_sha256_update(&sha, parts[i].data, parts[i].len);
    sat_sha256_final(&sha, out);
    sha = hmac->outer;
    sat_sha256_update(&sha, out, SAT_SHA256_SIZE);
    sat_sha256_final(&sha, out);
    sat_cleanse(&sha, sizeof sha);
}

void sat_hmac_once(satchel_span key, satchel_span data, unsigned char out[SAT_SHA256_SIZE])
{
    struct sat_hmac hmac;
    sat_hmac_init(&hmac, key);
    sat_hmac(&hmac, &data, 1, out);
    sat_cleanse(&hmac, sizeof hmac);
}

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void sat_base64(const void *data, size_t len, char *out)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < len; i += 3) {
        size_t have = len - i;
        uint32_t group = (uint32_t)p[i] << 16;
        if (have > 1)
            group |= (uint32_t)p[i + 1] << 8;
        if (have > 2)
            group |= p[i + 2];
        *out++ = base64_digits[group >> 18];
        *out++ = base64_digits[group >> 12 & 63U];
        *out++ = '=';
        *out++ = '=';
        if (have > 1)
            out[-2] = base64_digits[group >> 6 & 63U];
        if (have > 2)
            out[-1] = base64_digits[group & 63U];
    }
    *out = '\0';
}

/* The six bits of a digit, or 64 for any other byte. */
static uint32_t base64_value(unsigned char c)
{
    if (c >= 'A' && c <= 'Z')
        return (uint32_t)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (uint32_t)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (uint32_t)(c - '0') + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : 64;
}

/* Three bytes from four digits, of which the last `pad` are '='. */
static bool decode_group(const unsigned char *text, size_t pad, unsigned char *out)
{
    uint32_t group = 0;
    for (size_t k = 0; k < 4; k++) {
        uint32_t value = k < 4 - pad ? base64_value(text[k]) : 0;
        if (value > 63)
            return false;
        group = group << 6 | value;
    }
    /* Bits under the padding would make several texts of one content. */
    if ((group & ((1U << (8 * pad)) - 1)) != 0)
        return false;
    for (size_t k = 0; k < 3 - pad; k++)
        out[k] = (unsigned char)(group >> (16 - 8 * k));
    return true;
}

bool sat_base64_decode(satchel_span text, void *out, size_t *len)
{
    const unsigned char *p = text.data;
    unsigned char *to = out;
    if (text.len % 4 != 0)
        return false;
    *len = 0;
    for (size_t i = 0; i < text.len; i += 4) {
        size_t pad = 0;
        if (i + 4 == text.len && p[i + 3] == '=')
            pad = p[i + 2] == '=' ? 2 : 1;
        if (!decode_group(p + i, pad, to + *len))
            return false;
        *len += 3 - pad;
    }
    return true;
}

int sat_random_bytes(void *out, size_t len, satchel_error *err)
{
    unsigned char *to = out;
    while (len > 0) {
        ssize_t got = getrandom(to, len, 0);
        if (got < 0 && errno != EINTR)
            return sat_error_os(err, errno, "cannot read random bytes from the kernel");
        if (got > 0) {
            to += got;
            len -= (size_t)got;
        }
    }
    return SATCHEL_OK;
}

uint64_t sat_random_u64(void)
{
    uint64_t value;
    if (sat_random_bytes(&value, sizeof value, NULL) == SATCHEL_OK)
        return value;
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    /* An odd constant spreads neighbouring instants over all bits. */
    return ((uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec) * 0x9E3779B97F4A7C15U;
}

void sat_uuid_v7_format(uint64_t unix_ms, const unsigned char random[10], char out[SAT_UUID_SIZE])
{
    unsigned char bytes[16];
    for (size_t i = 0; i < 6; i++)
        bytes[i] = (unsigned char)(unix_ms >> (40 - 8 * i));
    memcpy(bytes + 6, random, 10);
    bytes[6] = (unsigned char)((bytes[6] & 0x0FU) | 0x70U); /* version 7 */
    bytes[8] = (unsigned char)((bytes[8] & 0x3FU) | 0x80U); /* the RFC's variant */
    char hex[33];
    sat_hex(bytes, sizeof bytes, hex);
    size_t at = 0;
    for (size_t i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            out[at++] = '-';
        out[at++] = hex[i];
    }
    out[at] = '\0';
}

int sat_uuid_v7(uint64_t unix_ms, char out[SAT_UUID_SIZE], satchel_error *err)
{
    unsigned char random[10];
    int code = sat_random_bytes(random, sizeof random, err);
    if (code == SATCHEL_OK)
        sat_uuid_v7_format(unix_ms, random, out);
    return code;
}
