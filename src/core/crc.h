/*
 * CRC64-NVME: the checksum satchel keeps over every object. Every call is safe from any thread and
 * in a forked child.
 *
 * Of our own, since isa-l has this polynomial (its crc64_rocksoft_*) from 2.31 on only; the system
 * we build on first, Debian 12, has 2.30.
 */
#ifndef SAT_CORE_CRC_H
#define SAT_CORE_CRC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <satchel/types.h>

enum {
    SAT_CRC64_BASE64_SIZE = 13, /* with the NUL */
    SAT_CRC64_HEX_SIZE = 17,    /* with the NUL */
};

/* Ways to the same CRC, slowest first. A CPU that has one has those before it. */
enum sat_crc64_way {
    SAT_CRC64_TABLE,       /* eight bytes a step; everywhere */
    SAT_CRC64_PCLMUL,      /* x86-64 with PCLMULQDQ */
    SAT_CRC64_VPCLMUL_256, /* with VPCLMULQDQ and AVX2 */
    SAT_CRC64_VPCLMUL_512, /* with VPCLMULQDQ and AVX-512F */
};

/* The CRC of the bytes seen so far and `data`; 0 stands for "nothing seen yet". */
uint64_t sat_crc64(uint64_t crc, const void *data, size_t len);

/* The fastest way of this machine, found at the first call: the one that sat_crc64() takes. */
enum sat_crc64_way sat_crc64_best(void);

/* sat_crc64() by a way not above sat_crc64_best(): tests and the benchmark compare them. */
uint64_t sat_crc64_by(enum sat_crc64_way way, uint64_t crc, const void *data, size_t len);

/* The CRC of A followed by B, from crc(A), crc(B) and B's length in bytes: <= 64 products. */
uint64_t sat_crc64_combine(uint64_t crc_a, uint64_t crc_b, uint64_t len_b);

/* Base64 of the eight big-endian bytes, as in x-amz-checksum-crc64nvme. */
void sat_crc64_base64(uint64_t crc, char out[SAT_CRC64_BASE64_SIZE]);
bool sat_crc64_from_base64(satchel_span text, uint64_t *crc);

/* Sixteen lower-case hex digits; reading accepts upper case too. */
void sat_crc64_hex(uint64_t crc, char out[SAT_CRC64_HEX_SIZE]);
bool sat_crc64_from_hex(satchel_span text, uint64_t *crc);

#endif
