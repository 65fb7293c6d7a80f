/* Folding for CRC64-NVME by carry-less multiplication, where the CPU has it (crc.c calls it). */
#ifndef SAT_CORE_CRC_SIMD_H
#define SAT_CORE_CRC_SIMD_H

#include <stddef.h>
#include <stdint.h>

#include "crc.h"

enum { SAT_CRC64_LANE = 16 }; /* bytes that a carry-less product is wide */

/* What this CPU and its kernel offer, asked anew at every call: SAT_CRC64_TABLE when nothing. */
enum sat_crc64_way sat_crc64_simd_best(void);

/*
 * Shrinks a message to one lane: from the register `state`, the lane's bytes fed to a register of 0
 * lead to where `len` bytes of `p` lead from `state`. `len` is a multiple of SAT_CRC64_LANE, and
 * not 0; `way` is neither SAT_CRC64_TABLE nor above sat_crc64_simd_best(). Any alignment will do.
 */
void sat_crc64_simd_fold(enum sat_crc64_way way, uint64_t state, const unsigned char *p, size_t len,
                         unsigned char lane[SAT_CRC64_LANE]);

#endif
