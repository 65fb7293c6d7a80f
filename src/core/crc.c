/*
 * CRC64-NVME by slice-by-8 tables or what crc_simd.c makes of the CPU, and combining CRCs by
 * multiplication in GF(2)[x].
 *
 * (1) Bit order is reflected everywhere: bit 63 of a word is the coefficient of x^0.
 * (2) The CRC kept by callers has its final inversion applied, so 0 is the CRC of no bytes.
 */
#include "crc.h"

#include <endian.h>
#include <pthread.h>
#include <string.h>

#include "crc_simd.h"
#include "digest.h"

static const uint64_t polynomial = 0x9A6C9329AC4BC9B5U; /* reflected, see (1) */

/* Written once under `ready`, which also holds across a fork, and read-only afterwards. */
static uint64_t slice[8][256];
static uint64_t byte_power[64]; /* x^(8 * 2^i) modulo the polynomial */
static enum sat_crc64_way best;
static pthread_once_t ready = PTHREAD_ONCE_INIT;

/* One step of the shift register, see (1). */
static uint64_t times_x(uint64_t a)
{
    return (a >> 1) ^ ((a & 1U) != 0 ? polynomial : 0);
}

/* Schoolbook product modulo the polynomial: 64 steps at most. */
static uint64_t multiply(uint64_t a, uint64_t b)
{
    uint64_t product = 0;
    for (; a != 0; a <<= 1) {
        if ((a >> 63) != 0)
            product ^= b;
        b = times_x(b);
    }
    return product;
}

/* slice[k][b] is the effect of byte b with k zero bytes behind it. */
static void get_ready(void)
{
    for (uint64_t i = 0; i < 256; i++) {
        uint64_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = times_x(crc);
        slice[0][i] = crc;
    }
    for (size_t k = 1; k < 8; k++) {
        for (size_t i = 0; i < 256; i++) {
            uint64_t before = slice[k - 1][i];
            slice[k][i] = (before >> 8) ^ slice[0][before & 0xFFU];
        }
    }
    byte_power[0] = (uint64_t)1 << (63 - 8);
    for (size_t i = 1; i < 64; i++)
        byte_power[i] = multiply(byte_power[i - 1], byte_power[i - 1]);
    best = sat_crc64_simd_best();
}

/* Tails and texts shorter than a word. */
static uint64_t by_bytes(uint64_t state, const unsigned char *p, size_t len)
{
    for (; len > 0; len--)
        state = (state >> 8) ^ slice[0][(state ^ *p++) & 0xFFU];
    return state;
}

/* Eight table look-ups a word, independent of each other, where bytes would form a chain. */
static uint64_t by_words(uint64_t state, const unsigned char *p, size_t words)
{
    for (; words > 0; words--, p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        state ^= le64toh(word);
        state = slice[7][state & 0xFFU] ^ slice[6][state >> 8 & 0xFFU] ^
                slice[5][state >> 16 & 0xFFU] ^ slice[4][state >> 24 & 0xFFU] ^
                slice[3][state >> 32 & 0xFFU] ^ slice[2][state >> 40 & 0xFFU] ^
                slice[1][state >> 48 & 0xFFU] ^ slice[0][state >> 56];
    }
    return state;
}

uint64_t sat_crc64_by(enum sat_crc64_way way, uint64_t crc, const void *data, size_t len)
{
    (void)pthread_once(&ready, get_ready);
    const unsigned char *p = data;
    uint64_t state = ~crc;
    size_t done = way != SAT_CRC64_TABLE ? len - len % SAT_CRC64_LANE : 0;
    if (done > 0) {
        unsigned char lane[SAT_CRC64_LANE];
        sat_crc64_simd_fold(way, state, p, done, lane);
        state = by_words(0, lane, sizeof lane / 8);
    }
    size_t words = (len - done) / 8;
    if (words > 0)
        state = by_words(state, p + done, words);
    if (len % 8 > 0)
        state = by_bytes(state, p + (len - len % 8), len % 8);
    return ~state;
}

enum sat_crc64_way sat_crc64_best(void)
{
    (void)pthread_once(&ready, get_ready);
    return best;
}

uint64_t sat_crc64(uint64_t crc, const void *data, size_t len)
{
    return sat_crc64_by(sat_crc64_best(), crc, data, len);
}

uint64_t sat_crc64_combine(uint64_t crc_a, uint64_t crc_b, uint64_t len_b)
{
    (void)pthread_once(&ready, get_ready);
    /* Appending n bytes multiplies A's polynomial by x^(8n); the inversions cancel out. */
    for (size_t i = 0; len_b != 0; i++, len_b >>= 1) {
        if ((len_b & 1U) != 0)
            crc_a = multiply(crc_a, byte_power[i]);
    }
    return crc_a ^ crc_b;
}

void sat_crc64_base64(uint64_t crc, char out[SAT_CRC64_BASE64_SIZE])
{
    uint64_t big_endian = htobe64(crc);
    sat_base64(&big_endian, sizeof big_endian, out);
}

bool sat_crc64_from_base64(satchel_span text, uint64_t *crc)
{
    unsigned char bytes[SAT_BASE64_DECODED_MAX(SAT_CRC64_BASE64_SIZE - 1)];
    size_t len;
    if (text.len != SAT_CRC64_BASE64_SIZE - 1 || !sat_base64_decode(text, bytes, &len) || len != 8)
        return false;
    uint64_t big_endian;
    memcpy(&big_endian, bytes, sizeof big_endian);
    *crc = be64toh(big_endian);
    return true;
}

void sat_crc64_hex(uint64_t crc, char out[SAT_CRC64_HEX_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < 16; i++)
        out[i] = digits[crc >> (60 - 4 * i) & 15U];
    out[16] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool sat_crc64_from_hex(satchel_span text, uint64_t *crc)
{
    const char *p = text.data;
    uint64_t value = 0;
    if (text.len != SAT_CRC64_HEX_SIZE - 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        int digit = hex_value(p[i]);
        if (digit < 0)
            return false;
        value = value << 4 | (uint64_t)digit;
    }
    *crc = value;
    return true;
}
