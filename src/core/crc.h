/* CRC64-NVME: the checksum satchel keeps over every object. */
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

/* The CRC of the bytes seen so far and `data`; 0 stands for "nothing seen yet". */
uint64_t sat_crc64(uint64_t crc, const void *data, size_t len);

/* The CRC of A followed by B, from crc(A), crc(B) and B's length. */
uint64_t sat_crc64_combine(uint64_t crc_a, uint64_t crc_b, uint64_t len_b);

/* Base64 of the eight big-endian bytes, as in x-amz-checksum-crc64nvme. */
void sat_crc64_base64(uint64_t crc, char out[SAT_CRC64_BASE64_SIZE]);
bool sat_crc64_from_base64(satchel_span text, uint64_t *crc);

/* Sixteen lower-case hex digits; reading accepts upper case too. */
void sat_crc64_hex(uint64_t crc, char out[SAT_CRC64_HEX_SIZE]);
bool sat_crc64_from_hex(satchel_span text, uint64_t *crc);

#endif
