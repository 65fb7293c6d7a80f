/* sat_crc64_simd: which way a CPU has, and that a folded message weighs what the whole did. */
#include "support/test.h"

#include <stdio.h>

#include "core/crc_simd.h"

enum { TEXT_SIZE = 2048 };

/* The kernel's list of what it and the CPU offer: " pclmulqdq ... ". */
static bool cpu_flags(char *flags, size_t size)
{
    FILE *file = fopen("/proc/cpuinfo", "r");
    bool found = false;
    while (file != NULL && !found && fgets(flags, (int)size, file) != NULL)
        found = strncmp(flags, "flags\t", 6) == 0;
    if (file != NULL)
        (void)fclose(file);
    return found;
}

static enum sat_crc64_way way_of(const char *flags)
{
    if (strstr(flags, " pclmulqdq ") == NULL)
        return SAT_CRC64_TABLE;
    if (strstr(flags, " vpclmulqdq ") == NULL || strstr(flags, " avx2 ") == NULL)
        return SAT_CRC64_PCLMUL;
    return strstr(flags, " avx512f ") != NULL ? SAT_CRC64_VPCLMUL_512 : SAT_CRC64_VPCLMUL_256;
}

static void takes_what_the_kernel_lists(void **state)
{
    (void)state;
    char flags[8192];
    enum sat_crc64_way want = cpu_flags(flags, sizeof flags) ? way_of(flags) : SAT_CRC64_TABLE;
    assert_int_equal(sat_crc64_simd_best(), want);
    assert_int_equal(sat_crc64_best(), want);
}

/* From register to register, by the table: sat_crc64_by() inverts on either side. */
static uint64_t run(uint64_t state, const unsigned char *p, size_t len)
{
    return ~sat_crc64_by(SAT_CRC64_TABLE, ~state, p, len);
}

static void a_lane_leads_where_the_message_leads(void **state)
{
    (void)state;
    unsigned char text[TEXT_SIZE];
    unsigned char lane[SAT_CRC64_LANE];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)(i * i >> 3);
    for (unsigned way = SAT_CRC64_PCLMUL; way <= sat_crc64_simd_best(); way++) {
        for (size_t len = sizeof lane; len <= sizeof text; len += sizeof lane) {
            sat_crc64_simd_fold((enum sat_crc64_way)way, len, text, len, lane);
            assert_true(run(0, lane, sizeof lane) == run(len, text, len));
        }
    }
}

static void one_lane_is_the_message_with_the_register_added(void **state)
{
    (void)state;
    static const unsigned char text[] = "0123456789abcdef";
    static const uint64_t ones = UINT64_MAX;
    unsigned char want[SAT_CRC64_LANE];
    unsigned char lane[SAT_CRC64_LANE];
    for (size_t i = 0; i < sizeof want; i++)
        want[i] = (unsigned char)(i < 8 ? ~text[i] : text[i]);
    for (unsigned way = SAT_CRC64_PCLMUL; way <= sat_crc64_simd_best(); way++) {
        sat_crc64_simd_fold((enum sat_crc64_way)way, ones, text, sizeof lane, lane);
        assert_memory_equal(lane, want, sizeof lane);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_the_kernel_lists),
        cmocka_unit_test(a_lane_leads_where_the_message_leads),
        cmocka_unit_test(one_lane_is_the_message_with_the_register_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
