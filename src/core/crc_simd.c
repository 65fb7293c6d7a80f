/*
 * CRC64-NVME folded 16 to 256 bytes at a time with PCLMULQDQ and VPCLMULQDQ.
 *
 * (1) A lane of 16 bytes, reflected as in crc.c, is the polynomial L x^64 + H, L being its first
 *     eight bytes. Moved d bytes towards the end of the message it weighs L x^(8d + 64) + H x^(8d),
 *     and both powers have a remainder of 64 bits: two carry-less products move a lane, one XOR
 *     adds it to the lane that stands there.
 * (2) The product of two reflected words comes out one place short, so the constants of distance d
 *     are x^(8d + 63) and x^(8d - 1).
 * (3) A step keeps its whole stride in registers: four lanes or vectors, as products take about
 *     four cycles and a new pair can start in every one. More registers measured no faster.
 */
#include "crc_simd.h"

#ifdef __x86_64__

#include <cpuid.h>
#include <immintrin.h>
#include <string.h>

#define WITH_XMM __attribute__((target("pclmul")))
#define WITH_YMM __attribute__((target("avx2,vpclmulqdq")))
#define WITH_ZMM __attribute__((target("avx512f,vpclmulqdq")))

enum {
    WIDEST = 256,     /* the longest stride */
    STATE_YMM = 0x06, /* what XCR0 says when the kernel saves xmm and ymm registers */
    STATE_ZMM = 0xE6, /* and the mask and zmm registers besides */
};

/* By distance in bytes, see (2). */
static const uint64_t by_16[] = {0xEADC41FD2BA3D420U, 0x21E9761E252621ACU};
static const uint64_t by_64[] = {0x0C32CDB31E18A84AU, 0x62242240ACE5045AU};
static const uint64_t by_128[] = {0xA1CA681E733F9C40U, 0x5F852FB61E8D92DCU};
static const uint64_t by_256[] = {0x37CCD3E14069CABCU, 0xA043808C0F782663U};

WITH_XMM static __m128i load_xmm(const void *p)
{
    return _mm_loadu_si128(p);
}

WITH_XMM static __m128i move_xmm(__m128i lane, __m128i powers, const unsigned char *onto)
{
    __m128i first = _mm_clmulepi64_si128(lane, powers, 0x00);
    __m128i second = _mm_clmulepi64_si128(lane, powers, 0x11);
    return _mm_xor_si128(_mm_xor_si128(first, second), load_xmm(onto));
}

WITH_XMM static void fold_16(unsigned char *head, const unsigned char *p, size_t strides)
{
    __m128i powers = load_xmm(by_16);
    __m128i lane = load_xmm(head);
    for (; strides > 0; strides--, p += 16)
        lane = move_xmm(lane, powers, p);
    _mm_storeu_si128((void *)head, lane);
}

WITH_XMM static void fold_64(unsigned char *head, const unsigned char *p, size_t strides)
{
    __m128i powers = load_xmm(by_64);
    __m128i a = load_xmm(head);
    __m128i b = load_xmm(head + 16);
    __m128i c = load_xmm(head + 32);
    __m128i d = load_xmm(head + 48);
    for (; strides > 0; strides--, p += 64) {
        a = move_xmm(a, powers, p);
        b = move_xmm(b, powers, p + 16);
        c = move_xmm(c, powers, p + 32);
        d = move_xmm(d, powers, p + 48);
    }
    _mm_storeu_si128((void *)head, a);
    _mm_storeu_si128((void *)(head + 16), b);
    _mm_storeu_si128((void *)(head + 32), c);
    _mm_storeu_si128((void *)(head + 48), d);
}

WITH_YMM static __m256i load_ymm(const void *p)
{
    return _mm256_loadu_si256(p);
}

WITH_YMM static __m256i move_ymm(__m256i lanes, __m256i powers, const unsigned char *onto)
{
    __m256i first = _mm256_clmulepi64_epi128(lanes, powers, 0x00);
    __m256i second = _mm256_clmulepi64_epi128(lanes, powers, 0x11);
    return _mm256_xor_si256(_mm256_xor_si256(first, second), load_ymm(onto));
}

WITH_YMM static void fold_128(unsigned char *head, const unsigned char *p, size_t strides)
{
    __m256i powers = _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)by_128));
    __m256i a = load_ymm(head);
    __m256i b = load_ymm(head + 32);
    __m256i c = load_ymm(head + 64);
    __m256i d = load_ymm(head + 96);
    for (; strides > 0; strides--, p += 128) {
        a = move_ymm(a, powers, p);
        b = move_ymm(b, powers, p + 32);
        c = move_ymm(c, powers, p + 64);
        d = move_ymm(d, powers, p + 96);
    }
    _mm256_storeu_si256((void *)head, a);
    _mm256_storeu_si256((void *)(head + 32), b);
    _mm256_storeu_si256((void *)(head + 64), c);
    _mm256_storeu_si256((void *)(head + 96), d);
}

WITH_ZMM static __m512i move_zmm(__m512i lanes, __m512i powers, const unsigned char *onto)
{
    __m512i first = _mm512_clmulepi64_epi128(lanes, powers, 0x00);
    __m512i second = _mm512_clmulepi64_epi128(lanes, powers, 0x11);
    return _mm512_xor_si512(_mm512_xor_si512(first, second), _mm512_loadu_si512(onto));
}

WITH_ZMM static void fold_256(unsigned char *head, const unsigned char *p, size_t strides)
{
    __m512i powers = _mm512_broadcast_i32x4(_mm_loadu_si128((const void *)by_256));
    __m512i a = _mm512_loadu_si512(head);
    __m512i b = _mm512_loadu_si512(head + 64);
    __m512i c = _mm512_loadu_si512(head + 128);
    __m512i d = _mm512_loadu_si512(head + 192);
    for (; strides > 0; strides--, p += 256) {
        a = move_zmm(a, powers, p);
        b = move_zmm(b, powers, p + 64);
        c = move_zmm(c, powers, p + 128);
        d = move_zmm(d, powers, p + 192);
    }
    _mm512_storeu_si512(head, a);
    _mm512_storeu_si512(head + 64, b);
    _mm512_storeu_si512(head + 128, c);
    _mm512_storeu_si512(head + 192, d);
}

/* Widest last. A way takes its own step and all above it in this table. */
static const struct {
    enum sat_crc64_way way;
    size_t stride;
    /* Folds `strides` strides at `p`, which follow those in `head`, into the stride in `head`. */
    void (*fold)(unsigned char *head, const unsigned char *p, size_t strides);
} steps[] = {
    {SAT_CRC64_PCLMUL, 16, fold_16},
    {SAT_CRC64_PCLMUL, 64, fold_64},
    {SAT_CRC64_VPCLMUL_256, 128, fold_128},
    {SAT_CRC64_VPCLMUL_512, 256, fold_256},
};

void sat_crc64_simd_fold(enum sat_crc64_way way, uint64_t state, const unsigned char *p, size_t len,
                         unsigned char lane[SAT_CRC64_LANE])
{
    unsigned char head[WIDEST];
    size_t held = 0; /* bytes in `head` */
    for (size_t i = sizeof steps / sizeof steps[0]; i-- > 0;) {
        size_t stride = steps[i].stride;
        if (steps[i].way > way || held + len < stride)
            continue;
        if (held == 0) {
            uint64_t word;
            memcpy(head, p, stride);
            memcpy(&word, head, sizeof word);
            word ^= state;
            memcpy(head, &word, sizeof word);
            held = stride;
            p += stride;
            len -= stride;
        }
        steps[i].fold(head, head + stride, held / stride - 1);
        steps[i].fold(head, p, len / stride);
        held = stride;
        p += len - len % stride;
        len %= stride;
    }
    memcpy(lane, head, SAT_CRC64_LANE);
}

/* Only to be asked when CPUID says OSXSAVE. */
__attribute__((target("xsave"))) static uint64_t saved_registers(void)
{
    return (uint64_t)_xgetbv(0);
}

enum sat_crc64_way sat_crc64_simd_best(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & bit_PCLMUL) == 0)
        return SAT_CRC64_TABLE;
    uint64_t saved = (c & bit_OSXSAVE) != 0 ? saved_registers() : 0;
    if ((saved & STATE_YMM) != STATE_YMM || !__get_cpuid_count(7, 0, &a, &b, &c, &d) ||
        (b & bit_AVX2) == 0 || (c & bit_VPCLMULQDQ) == 0)
        return SAT_CRC64_PCLMUL;
    bool wide = (saved & STATE_ZMM) == STATE_ZMM && (b & bit_AVX512F) != 0;
    return wide ? SAT_CRC64_VPCLMUL_512 : SAT_CRC64_VPCLMUL_256;
}

#else

enum sat_crc64_way sat_crc64_simd_best(void)
{
    return SAT_CRC64_TABLE;
}

void sat_crc64_simd_fold(enum sat_crc64_way way, uint64_t state, const unsigned char *p, size_t len,
                         unsigned char lane[SAT_CRC64_LANE])
{
    (void)way, (void)state, (void)p, (void)len, (void)lane;
}

#endif
