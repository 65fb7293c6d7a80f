/* sat_digest: published vectors, incremental use, strict base64, randomness, UUIDs. */
#include "support/test.h"

#include "core/digest.h"
#include "core/str.h"

static void assert_hex(const unsigned char *bytes, size_t len, const char *want)
{
    char hex[2 * SAT_SHA256_SIZE + 1];
    sat_hex(bytes, len, hex);
    assert_string_equal(hex, want);
}

static void sha256_meets_the_vectors(void **state)
{
    (void)state;
    char hex[SAT_SHA256_HEX_SIZE];
    sat_sha256_hex((satchel_span){0}, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sat_sha256_hex(sat_span_of("abc"), hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sat_sha256_hex(sat_span_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"), hex);
    assert_string_equal(hex, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void sha256_by_pieces_equals_one_shot(void **state)
{
    (void)state;
    unsigned char data[300];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (unsigned char)(i * 7);
    unsigned char want[SAT_SHA256_SIZE];
    unsigned char got[SAT_SHA256_SIZE];
    sat_sha256((satchel_span){.data = data, .len = sizeof data}, want);
    for (size_t piece = 1; piece < 130; piece += 13) {
        struct sat_sha256 sha;
        sat_sha256_init(&sha);
        for (size_t at = 0; at < sizeof data; at += piece)
            sat_sha256_update(&sha, data + at, sizeof data - at < piece ? sizeof data - at : piece);
        sat_sha256_final(&sha, got);
        assert_memory_equal(got, want, sizeof want);
    }
}

static void a_copied_state_goes_its_own_way(void **state)
{
    (void)state;
    unsigned char out[SAT_SHA256_SIZE];
    struct sat_sha256 sha;
    sat_sha256_init(&sha);
    sat_sha256_update(&sha, "ab", 2);
    struct sat_sha256 fork = sha;
    sat_sha256_update(&fork, "X", 1);
    sat_sha256_update(&sha, "c", 1);
    sat_sha256_final(&sha, out);
    assert_hex(out, sizeof out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void md5_meets_the_vectors(void **state)
{
    (void)state;
    struct sat_md5 md5;
    unsigned char out[SAT_MD5_SIZE];
    sat_md5_init(&md5);
    sat_md5_final(&md5, out);
    assert_hex(out, sizeof out, "d41d8cd98f00b204e9800998ecf8427e");
    sat_md5_init(&md5);
    sat_md5_update(&md5, "message ", 8);
    sat_md5_update(&md5, "digest", 6);
    sat_md5_final(&md5, out);
    assert_hex(out, sizeof out, "f96b697d7cb7938d525a2f31aaf161d0");
}

/* RFC 4231, cases 1, 2 and 6 (a key longer than a block). */
static void hmac_meets_the_vectors(void **state)
{
    (void)state;
    unsigned char key[131];
    unsigned char out[SAT_SHA256_SIZE];
    memset(key, 0x0b, 20);
    sat_hmac_once((satchel_span){.data = key, .len = 20}, sat_span_of("Hi There"), out);
    assert_hex(out, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    sat_hmac_once(sat_span_of("Jefe"), sat_span_of("what do ya want for nothing?"), out);
    assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    sat_hmac_once((satchel_span){.data = key, .len = sizeof key},
                  sat_span_of("Test Using Larger Than Block-Size Key - Hash Key First"), out);
    assert_hex(out, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* RFC 2104: a key longer than one block of 64 bytes stands for its hash. */
static void only_longer_keys_are_hashed(void **state)
{
    (void)state;
    unsigned char key[65];
    unsigned char hashed[SAT_SHA256_SIZE];
    unsigned char a[SAT_SHA256_SIZE];
    unsigned char b[SAT_SHA256_SIZE];
    memset(key, 'k', sizeof key);
    for (size_t len = 64; len <= 65; len++) {
        satchel_span whole = {.data = key, .len = len};
        sat_sha256(whole, hashed);
        sat_hmac_once(whole, sat_span_of("x"), a);
        sat_hmac_once((satchel_span){.data = hashed, .len = sizeof hashed}, sat_span_of("x"), b);
        assert_int_equal(memcmp(a, b, sizeof a) == 0, len == 65);
    }
}

static void a_kept_hmac_key_serves_many_messages(void **state)
{
    (void)state;
    struct sat_hmac hmac;
    unsigned char out[SAT_SHA256_SIZE];
    const satchel_span parts[] = {
        sat_span_of("what do ya "), {0}, sat_span_of("want for nothing?")};
    sat_hmac_init(&hmac, sat_span_of("Jefe"));
    for (int i = 0; i < 3; i++) {
        sat_hmac(&hmac, parts, 3, out);
        assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}

/* The signing key of the example in the AWS documentation, derived in place. */
static void hmac_chain_derives_the_signing_key(void **state)
{
    (void)state;
    static const char *const steps[] = {"us-east-1", "iam", "aws4_request"};
    unsigned char key[SAT_SHA256_SIZE];
    sat_hmac_once(sat_span_of("AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"),
                  sat_span_of("20150830"), key);
    for (size_t i = 0; i < 3; i++)
        sat_hmac_once((satchel_span){.data = key, .len = sizeof key}, sat_span_of(steps[i]), key);
    assert_hex(key, 32, "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
}

static void base64_meets_the_vectors_both_ways(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xff\xfe\xfb\xef", "//777w=="},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[16];
        unsigned char bytes[16];
        size_t len = 99;
        sat_base64(rows[i][0], strlen(rows[i][0]), text);
        assert_string_equal(text, rows[i][1]);
        assert_int_equal(strlen(text) + 1, SAT_BASE64_SIZE(strlen(rows[i][0])));
        assert_true(sat_base64_decode(sat_span_of(text), bytes, &len));
        assert_int_equal(len, strlen(rows[i][0]));
        assert_memory_equal(bytes, rows[i][0], len);
    }
}

static void base64_refuses_what_it_would_not_write(void **state)
{
    (void)state;
    static const char *const bad[] = {"Z",    "Zg",   "Zg=",  "Zg==Zg==", "====",
                                      "Z===", "Zh==", "Zm9=", "Zm 9",     "Zm9v\n",
                                      "Zm-_", "Zg=g", "=Zg=", "Zm9vZ===", "\xff\xff\xff\xff"};
    unsigned char bytes[16];
    size_t len;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(sat_base64_decode(sat_span_of(bad[i]), bytes, &len));
    /* A length that is no whole group, with more digits behind the span. */
    assert_false(sat_base64_decode((satchel_span){.data = "Zm9vZm9v", .len = 6}, bytes, &len));
}

static void random_bytes_differ(void **state)
{
    (void)state;
    unsigned char a[1000];
    unsigned char b[1000];
    memset(a, 0, sizeof a);
    assert_int_equal(sat_random_bytes(a, sizeof a, NULL), SATCHEL_OK);
    assert_int_equal(sat_random_bytes(b, sizeof b, NULL), SATCHEL_OK);
    assert_memory_not_equal(a, b, sizeof a);
    static const unsigned char zeros[16];
    assert_memory_not_equal(a + sizeof a - 16, zeros, 16);
    assert_true(sat_random_u64() != sat_random_u64());
}

/* The example of RFC 9562, appendix A.6. */
static void uuid_v7_meets_the_vector(void **state)
{
    (void)state;
    static const unsigned char random[10] = {0x0C, 0xC3, 0x18, 0xC4, 0xDC,
                                             0x0C, 0x0C, 0x07, 0x39, 0x8F};
    char text[SAT_UUID_SIZE];
    sat_uuid_v7_format(0x017F22E279B0, random, text);
    assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void uuid_v7_keeps_version_and_variant(void **state)
{
    (void)state;
    unsigned char random[10];
    char text[SAT_UUID_SIZE];
    memset(random, 0xff, sizeof random);
    sat_uuid_v7_format(UINT64_MAX, random, text);
    assert_string_equal(text, "ffffffff-ffff-7fff-bfff-ffffffffffff");
    char other[SAT_UUID_SIZE];
    assert_int_equal(sat_uuid_v7(1, text, NULL), SATCHEL_OK);
    assert_int_equal(sat_uuid_v7(1, other, NULL), SATCHEL_OK);
    assert_memory_equal(text, "00000000-0001-7", 15);
    assert_string_not_equal(text, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_meets_the_vectors),
        cmocka_unit_test(sha256_by_pieces_equals_one_shot),
        cmocka_unit_test(a_copied_state_goes_its_own_way),
        cmocka_unit_test(md5_meets_the_vectors),
        cmocka_unit_test(hmac_meets_the_vectors),
        cmocka_unit_test(only_longer_keys_are_hashed),
        cmocka_unit_test(a_kept_hmac_key_serves_many_messages),
        cmocka_unit_test(hmac_chain_derives_the_signing_key),
        cmocka_unit_test(base64_meets_the_vectors_both_ways),
        cmocka_unit_test(base64_refuses_what_it_would_not_write),
        cmocka_unit_test(random_bytes_differ),
        cmocka_unit_test(uuid_v7_meets_the_vector),
        cmocka_unit_test(uuid_v7_keeps_version_and_variant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
