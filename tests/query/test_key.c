/* sat_key: order of kinds, exact numbers, timestamps, texts, containers; against a naive order. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/alloc.h"
#include "core/jscan.h"
#include "core/str.h"
#include "query/key.h"

static void make_key(const char *json, struct sat_buf *key)
{
    sat_buf_init(key, 100000);
    assert_int_equal(
        sat_jscan_validate(sat_span_of(json), &(struct sat_jvalid_limits){.allow_nul = true}, NULL),
        SATCHEL_OK);
    assert_int_equal(sat_key(sat_span_of(json), key), SATCHEL_OK);
}

static int compare(const char *a, const char *b)
{
    struct sat_buf left;
    struct sat_buf right;
    make_key(a, &left);
    make_key(b, &right);
    int order = sat_key_compare(sat_buf_span(&left), sat_buf_span(&right));
    sat_buf_fini(&left);
    sat_buf_fini(&right);
    return (order > 0) - (order < 0);
}

/* Each of the values is less than all that follow. */
static void assert_ascending(const char *const *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int want = (i > j) - (i < j);
            if (compare(values[i], values[j]) != want)
                fail_msg("%s against %s: want %d", values[i], values[j], want);
        }
    }
}

#define ASSERT_ASCENDING(values) assert_ascending(values, sizeof(values) / sizeof(values)[0])

static enum sat_kind kind_of(const char *json)
{
    struct sat_buf key;
    make_key(json, &key);
    enum sat_kind kind = sat_key_kind(sat_buf_span(&key));
    sat_buf_fini(&key);
    return kind;
}

static void kinds_order_as_the_spec_says(void **state)
{
    (void)state;
    static const char *const values[] = {
        "null",
        "false",
        "true",
        "-1e300",
        "1e300",
        "\"0000-01-01T00:00:00Z\"",
        "\"9999-12-31T23:59:60-00:00\"",
        "\"\"",
        "\"zz\"",
        "[]",
        "[{}]",
        "{}",
        "{\"a\":1}",
    };
    ASSERT_ASCENDING(values);
}

static void numbers_are_exact(void **state)
{
    (void)state;
    static const char *const values[] = {
        "-1.7976931348623157e308",
        "-9223372036854775808",
        "-9223372036854775807",
        "-9007199254740993",
        "-9007199254740992.0",
        "-1.5",
        "-1",
        "-4.9e-324",
        "0",
        "4.9e-324",
        "1e-323",
        "2.2250738585072014e-308",
        "0.1",
        "1",
        "1.0000000000000002",
        "2",
        "9007199254740992.0",
        "9007199254740993",
        "9007199254740994.0",
        "9223372036854775806",
        "9223372036854775807",
        "9223372036854775808.0",
        "1e19",
        "1.7976931348623157e308",
    };
    ASSERT_ASCENDING(values);
}

static void equal_numbers_have_one_key(void **state)
{
    (void)state;
    assert_int_equal(compare("1", "1.0"), 0);
    assert_int_equal(compare("100", "1e2"), 0);
    assert_int_equal(compare("0", "-0.0"), 0);
    assert_int_equal(compare("-0", "0.0"), 0);
    assert_int_equal(compare("0", "1e-400"), 0);
    assert_int_equal(compare("9007199254740992", "9007199254740992.0"), 0);
    assert_int_equal(compare("-9223372036854775808", "-9223372036854775808.0"), 0);
    assert_int_not_equal(compare("9007199254740993", "9007199254740993.0"), 0);
}

static void timestamps_order_by_instant_then_text(void **state)
{
    (void)state;
    static const char *const values[] = {
        "\"0000-01-01T00:00:00+23:59\"",
        "\"1969-12-31T23:59:59.9Z\"",
        "\"2024-02-29T12:00:00\"",
        "\"2024-02-29T13:00:00+01:00\"",
        "\"2024-02-29T12:00:00.000000001Z\"",
        "\"2024-02-29T12:00:00.00000000100000001Z\"",
        "\"2024-02-29T12:00:00.10Z\"",
        "\"2024-02-29T12:00:00.1Z\"",
        "\"2024-02-29T12:00:00.45Z\"",
        "\"2024-02-29T12:00:00.5Z\"",
        "\"2024-02-29T07:00:01-05:00\"",
        "\"2024-02-29T12:00:01Z\"",
        "\"2024-02-29t12:00:01z\"",
        "\"2024-12-31T23:59:59.999Z\"",
        "\"2024-12-31T23:59:60Z\"",
        "\"2024-12-31T23:59:60.5Z\"",
        "\"2025-01-01T00:00:00Z\"",
        "\"9999-12-31T23:59:59-23:59\"",
    };
    ASSERT_ASCENDING(values);
}

static void only_whole_and_real_timestamps_count(void **state)
{
    (void)state;
    static const char *const strings[] = {
        "2024-01-01",
        "2024-01-01 00:00:00",
        "2024-01-01T00:00",
        "2024-01-01T00:00:00 ",
        "2024-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2024-00-01T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-01-00T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:61Z",
        "2024-01-01T12:00:60Z",
        "2024-01-01T00:00:00.",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00,5Z",
        "2024-01-01T00:00:00+1:00",
        "2024-01-01T00:00:00+24:00",
        "2024-01-01T00:00:00+00:60",
        "2024-01-01T00:00:00+0000",
        "2024-01-01T00:00:00ZZ",
        "2024-01-01T00:00:00+00:00Z",
        "+024-01-01T00:00:00Z",
        "x2024-01-01T00:00:00Z",
        "20240101T000000Z12345",
    };
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        struct sat_buf key;
        sat_buf_init(&key, 1000);
        assert_int_equal(sat_key_of_text(sat_span_of(strings[i]), &key), SATCHEL_OK);
        if (sat_key_kind(sat_buf_span(&key)) != SAT_KIND_STRING)
            fail_msg("%s is taken for a timestamp", strings[i]);
        sat_buf_fini(&key);
    }
    assert_int_equal(kind_of("\"2000-02-29T00:00:00Z\""), SAT_KIND_TIMESTAMP);
    assert_int_equal(kind_of("\"2024-01-01T01:59:60+02:00\""), SAT_KIND_TIMESTAMP);
    assert_int_equal(kind_of("\"2024-01-01T00:00:00\\u005A\""), SAT_KIND_TIMESTAMP);
}

/* An allocation of exactly the text's size, so that one byte too far is seen. */
static void texts_are_read_to_their_end_only(void **state)
{
    (void)state;
    static const char *const texts[] = {"2024-01-01T00:00:00.5", "2024-01-01T00:00:00",
                                        "2024-01-01T00:00:00+01:0"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        size_t len = strlen(texts[i]);
        char *text = sat_malloc(len);
        struct sat_buf key;
        sat_buf_init(&key, 1000);
        memcpy(text, texts[i], len);
        assert_int_equal(sat_key_of_text((satchel_span){text, len}, &key), SATCHEL_OK);
        assert_int_equal(sat_key_kind(sat_buf_span(&key)),
                         i < 2 ? SAT_KIND_TIMESTAMP : SAT_KIND_STRING);
        sat_buf_fini(&key);
        sat_free(text);
    }
}

static void strings_order_by_code_point(void **state)
{
    (void)state;
    static const char *const values[] = {
        "\"\"",   "\"\\u0000\"", "\"A\"",        "\"a\"",       "\"a\\u0000\"",
        "\"aa\"", "\"b\"",       "\"\xC3\xA9\"", "\"\\uffff\"", "\"\\ud83d\\ude00\"",
    };
    ASSERT_ASCENDING(values);
    assert_int_equal(compare("\"\\u00e9\"", "\"\xC3\xA9\""), 0);
}

static void arrays_order_element_by_element(void **state)
{
    (void)state;
    static const char *const values[] = {
        "[]",       "[null]",   "[1]",     "[1,null]",  "[1,2]",         "[2]",
        "[\"\"]",   "[\"\",1]", "[\"a\"]", "[\"a\",1]", "[\"a\",\"b\"]", "[\"a\\u0000\"]",
        "[\"ab\"]", "[[]]",     "[[],1]",  "[[1]]",     "[{}]",
    };
    ASSERT_ASCENDING(values);
    assert_int_equal(compare("[1, 2.0]", "[1.0,2]"), 0);
}

static void objects_are_equal_in_any_order(void **state)
{
    (void)state;
    assert_int_equal(compare("{\"a\":\"x\",\"b\":1}", "{\"a\":\"x\\u0001a\"}"), -1);
    assert_int_equal(compare("{\"a\":1,\"b\":[true,{\"x\":0,\"y\":\"z\"}]}",
                             "{ \"b\":[true,{\"y\":\"z\",\"x\":-0.0}],\"\\u0061\":1.0}"),
                     0);
    static const char *const values[] = {
        "{}",         "{\"\":1}",  "{\"a\":1}", "{\"a\":1,\"b\":1}", "{\"b\":0,\"a\":2}",
        "{\"aa\":0}", "{\"b\":0}",
    };
    ASSERT_ASCENDING(values);
}

static void bounds_hold_all_keys_of_a_kind(void **state)
{
    (void)state;
    static const char *const values[] = {
        "null", "false",       "true", "-1e308", "0", "1e308", "\"2024-01-01T00:00:00\"",
        "\"\"", "\"\\uffff\"", "[]",   "{}"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct sat_buf key;
        make_key(values[i], &key);
        enum sat_kind kind = sat_key_kind(sat_buf_span(&key));
        unsigned char first = sat_key_kind_first(kind);
        unsigned char end = sat_key_kind_end(kind);
        assert_true(sat_key_compare((satchel_span){&first, 1}, sat_buf_span(&key)) <= 0);
        assert_true(sat_key_compare(sat_buf_span(&key), (satchel_span){&end, 1}) < 0);
        sat_buf_fini(&key);
    }
    assert_int_equal(kind_of("false"), SAT_KIND_BOOLEAN);
    assert_int_equal(kind_of("true"), SAT_KIND_BOOLEAN);
}

static void keys_give_their_text_back(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "plain", "2024-01-01T00:00:00.250+02:00"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sat_buf key;
        satchel_span text;
        sat_buf_init(&key, 1000);
        sat_key_of_text(sat_span_of(texts[i]), &key);
        assert_true(sat_key_text(sat_buf_span(&key), &text));
        assert_true(sat_span_eq(text, texts[i]));
        sat_buf_fini(&key);
    }
    assert_false(sat_key_text((satchel_span){"\x10", 1}, &(satchel_span){0}));
}

static void a_missing_value_has_no_key(void **state)
{
    (void)state;
    struct sat_buf key;
    sat_buf_init(&key, 10);
    assert_int_equal(sat_key((satchel_span){0}, &key), SATCHEL_OK);
    assert_int_equal(key.len, 0);
    assert_int_equal(sat_key_kind(sat_buf_span(&key)), SAT_KIND_NONE);
    sat_buf_fini(&key);
}

static void each_failed_allocation_is_reported(void **state)
{
    (void)state;
    satchel_span value = sat_span_of("[{\"b\":\"\\n\",\"a\\t\":[1,\"\\u00e9\"]},\"x\"]");
    for (long n = 1;; n++) {
        struct sat_buf key;
        sat_buf_init(&key, 1000);
        sat_alloc_fail_nth(n);
        int code = sat_key(value, &key);
        bool failed = sat_alloc_count() >= n;
        sat_alloc_fail_nth(0);
        sat_buf_fini(&key);
        assert_int_equal(code, failed ? SATCHEL_NOMEM : SATCHEL_OK);
        if (!failed) {
            assert_true(n > 4);
            return;
        }
    }
}

static void a_full_buffer_is_reported(void **state)
{
    (void)state;
    struct sat_buf key;
    sat_buf_init(&key, 5);
    assert_int_equal(sat_key(sat_span_of("12"), &key), SATCHEL_LIMIT);
    sat_buf_fini(&key);
}

/* ---- random values against a naive order ---- */

enum { CHILDREN_MAX = 3, TEXT_MAX = 4000 };

/* Ranks of the naive order. */
enum rank { NIL, NO, YES, NUMBER, TIME, STRING, ARRAY, OBJECT };

struct value {
    enum rank rank;
    long double number; /* 64 bits of mantissa: exact for int64 and double */
    long long instant;  /* tenths of a second */
    char text[40];      /* decoded */
    size_t count;
    char keys[CHILDREN_MAX][4];
    struct value *children[CHILDREN_MAX];
};

static uint64_t seed = 20261121;

static unsigned pick(unsigned n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned)(seed >> 11) % n;
}

static void write_number(struct value *value, struct sat_buf *json)
{
    static const int64_t near[] = {0, 1, 9007199254740992, INT64_MAX - 600, INT64_MIN + 600};
    int64_t integer = near[pick(5)] + (int64_t)pick(5) - 2;
    if (pick(2) == 0) {
        value->number = (long double)integer;
        sat_buf_addf(json, "%lld", (long long)integer);
        return;
    }
    double real = (double)integer + (pick(2) == 0 ? 0.5 : 0.0);
    value->number = (long double)real;
    sat_buf_addf(json, "%.17e", real);
}

static void write_time(struct value *value, struct sat_buf *json)
{
    int tenths = (int)pick(3);
    int hours = (int)pick(5) - 2;
    time_t utc = 1709164797 + (time_t)pick(6);
    time_t local = utc + hours * 3600;
    struct tm tm;
    char text[24];
    value->instant = (long long)utc * 10 + tenths;
    assert_non_null(gmtime_r(&local, &tm));
    assert_int_equal(strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm), 19);
    int used = snprintf(value->text, sizeof value->text, "%s", text);
    char *end = value->text + used;
    size_t room = sizeof value->text - (size_t)used;
    if (tenths > 0 || pick(2) == 0)
        end += snprintf(end, room, ".%d", tenths);
    room = sizeof value->text - (size_t)(end - value->text);
    if (hours != 0 || pick(2) == 0)
        (void)snprintf(end, room, "%c%02d:00", hours < 0 ? '-' : '+', abs(hours));
    else if (pick(2) == 0)
        (void)snprintf(end, room, "Z");
    sat_jscan_put_string(json, sat_span_of(value->text));
}

static void random_text(char *out, unsigned most)
{
    static const char *const pieces[] = {"a", "b", "\x01", "\xC3\xA9"};
    out[0] = '\0';
    for (unsigned n = pick(most + 1); n > 0; n--) {
        size_t used = strlen(out);
        (void)snprintf(out + used, 40 - used, "%s", pieces[pick(4)]);
    }
}

static struct value *random_value(struct sat_buf *json, int depth);

static void write_children(struct value *value, struct sat_buf *json, int depth)
{
    bool object = value->rank == OBJECT;
    value->count = pick(CHILDREN_MAX + 1);
    sat_buf_add_char(json, object ? '{' : '[');
    for (size_t i = 0; i < value->count; i++) {
        if (i > 0)
            sat_buf_add_char(json, ',');
        if (object) {
            /* Distinct by their last byte, in an order that differs from the sorted one. */
            (void)snprintf(value->keys[i], sizeof value->keys[i], "%s%c", pick(2) == 0 ? "k" : "",
                           (char)('a' + (int)((i * 2 + 1) % 3)));
            sat_jscan_put_string(json, sat_span_of(value->keys[i]));
            sat_buf_add_str(json, " : ");
        }
        value->children[i] = random_value(json, depth - 1);
    }
    sat_buf_add_char(json, object ? '}' : ']');
}

static struct value *random_value(struct sat_buf *json, int depth)
{
    static const char *const words[] = {"null", "false", "true"};
    struct value *value = sat_calloc(1, sizeof *value);
    value->rank = (enum rank)pick(depth > 0 ? 8 : 6);
    switch (value->rank) {
    case NUMBER:
        write_number(value, json);
        break;
    case TIME:
        write_time(value, json);
        break;
    case STRING:
        random_text(value->text, 3);
        sat_jscan_put_string(json, sat_span_of(value->text));
        break;
    case ARRAY:
    case OBJECT:
        write_children(value, json, depth);
        break;
    default:
        sat_buf_add_str(json, words[value->rank]);
        break;
    }
    return value;
}

static void free_value(struct value *value)
{
    for (size_t i = 0; i < value->count; i++)
        free_value(value->children[i]);
    sat_free(value);
}

static void sort_members(struct value *value)
{
    for (size_t i = 1; value->rank == OBJECT && i < value->count; i++) {
        for (size_t j = i; j > 0 && strcmp(value->keys[j - 1], value->keys[j]) > 0; j--) {
            char key[4];
            struct value *child = value->children[j];
            memcpy(key, value->keys[j], sizeof key);
            memcpy(value->keys[j], value->keys[j - 1], sizeof key);
            memcpy(value->keys[j - 1], key, sizeof key);
            value->children[j] = value->children[j - 1];
            value->children[j - 1] = child;
        }
    }
}

static int sign_of(int value)
{
    return (value > 0) - (value < 0);
}

static int naive(struct value *a, struct value *b)
{
    if (a->rank != b->rank)
        return a->rank > b->rank ? 1 : -1;
    if (a->rank == NUMBER)
        return (a->number > b->number) - (a->number < b->number);
    if (a->rank == TIME && a->instant != b->instant)
        return a->instant > b->instant ? 1 : -1;
    if (a->rank == TIME || a->rank == STRING)
        return sign_of(strcmp(a->text, b->text));
    sort_members(a);
    sort_members(b);
    for (size_t i = 0; i < a->count && i < b->count; i++) {
        int order = sign_of(strcmp(a->keys[i], b->keys[i]));
        if (order == 0)
            order = naive(a->children[i], b->children[i]);
        if (order != 0)
            return order;
    }
    return (a->count > b->count) - (a->count < b->count);
}

static void random_values_order_as_the_naive_comparison(void **state)
{
    (void)state;
    int equal = 0;
    for (int round = 0; round < 30000; round++) {
        struct sat_buf a;
        struct sat_buf b;
        sat_buf_init(&a, TEXT_MAX);
        sat_buf_init(&b, TEXT_MAX);
        struct value *left = random_value(&a, 3);
        struct value *right = random_value(&b, 3);
        assert_int_equal(a.failed + b.failed, SATCHEL_OK);
        int want = naive(left, right);
        if (compare(sat_buf_str(&a), sat_buf_str(&b)) != want)
            fail_msg("%s against %s: want %d", sat_buf_str(&a), sat_buf_str(&b), want);
        equal += want == 0;
        free_value(left);
        free_value(right);
        sat_buf_fini(&a);
        sat_buf_fini(&b);
    }
    assert_in_range(equal, 500, 29000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_order_as_the_spec_says),
        cmocka_unit_test(numbers_are_exact),
        cmocka_unit_test(equal_numbers_have_one_key),
        cmocka_unit_test(timestamps_order_by_instant_then_text),
        cmocka_unit_test(only_whole_and_real_timestamps_count),
        cmocka_unit_test(texts_are_read_to_their_end_only),
        cmocka_unit_test(strings_order_by_code_point),
        cmocka_unit_test(arrays_order_element_by_element),
        cmocka_unit_test(objects_are_equal_in_any_order),
        cmocka_unit_test(bounds_hold_all_keys_of_a_kind),
        cmocka_unit_test(keys_give_their_text_back),
        cmocka_unit_test(a_missing_value_has_no_key),
        cmocka_unit_test(each_failed_allocation_is_reported),
        cmocka_unit_test(a_full_buffer_is_reported),
        cmocka_unit_test(random_values_order_as_the_naive_comparison),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
