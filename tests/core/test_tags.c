/* sat_tags: the list, the escape, fitting into limits, the header form. */
#include "support/test.h"

#include <stdio.h>

#include "core/alloc.h"
#include "core/str.h"
#include "core/tags.h"

#define SAT_AUTO_TAGS __attribute__((cleanup(sat_tags_fini)))

static const struct sat_tag_limits s3_like = {
    .count = 10,
    .key_chars = 128,
    .value_chars = 256,
    .symbols = " +-=._:/@",
    .reserved = "aws:",
    .non_ascii = true,
};

static const struct sat_tag_limits ascii_only = {
    .count = 3,
    .key_chars = 8,
    .value_chars = 8,
    .symbols = " +-=._:/",
};

static void add(struct sat_tags *tags, const char *key, const char *value)
{
    assert_int_equal(sat_tags_add_str(tags, key, value, NULL), SATCHEL_OK);
}

/* "k=v;k=v;" of the list. */
static void assert_tags(const struct sat_tags *tags, const char *want)
{
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, 100000);
    for (size_t i = 0; i < sat_tags_count(tags); i++) {
        const struct sat_tag *tag = sat_tags_at(tags, i);
        (void)sat_buf_addf(&text, "%s=%s;", tag->key, tag->value);
    }
    assert_string_equal(sat_buf_str(&text), want);
}

static void keeps_order_and_finds(void **state)
{
    (void)state;
    SAT_AUTO_TAGS struct sat_tags tags = {0};
    assert_null(sat_tags_find(&tags, sat_span_of("a")));
    add(&tags, "b", "2");
    add(&tags, "a", "");
    assert_tags(&tags, "b=2;a=;");
    assert_string_equal(sat_tags_find(&tags, sat_span_of("b"))->value, "2");
    assert_null(sat_tags_find(&tags, sat_span_of("B")));
}

static void refuses_empty_and_repeated_keys(void **state)
{
    (void)state;
    SAT_AUTO_TAGS struct sat_tags tags = {0};
    satchel_error err;
    add(&tags, "a", "1");
    assert_int_equal(sat_tags_add_str(&tags, "a", "2", &err), SATCHEL_INVALID);
    assert_string_equal(err.text, "tag 'a' is given twice");
    assert_int_equal(sat_tags_add_str(&tags, "", "2", &err), SATCHEL_INVALID);
    assert_tags(&tags, "a=1;");
}

static void copies_are_independent(void **state)
{
    (void)state;
    SAT_AUTO_TAGS struct sat_tags tags = {0};
    SAT_AUTO_TAGS struct sat_tags copy = {0};
    add(&tags, "a", "1");
    assert_int_equal(sat_tags_copy(&copy, &tags, NULL), SATCHEL_OK);
    add(&copy, "b", "2");
    assert_tags(&tags, "a=1;");
    assert_tags(&copy, "a=1;b=2;");
}

static void assert_escape(const struct sat_tag_limits *limits, satchel_span text, const char *want)
{
    SAT_AUTO_BUF struct sat_buf escaped;
    SAT_AUTO_BUF struct sat_buf back;
    sat_buf_init(&escaped, 1000);
    sat_buf_init(&back, 1000);
    assert_int_equal(sat_tag_escape(&escaped, limits, text), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&escaped), want);
    assert_int_equal(sat_tag_unescape(&back, sat_buf_span(&escaped)), SATCHEL_OK);
    assert_int_equal(back.len, text.len);
    if (text.len > 0)
        assert_memory_equal(back.data, text.data, text.len);
}

static void escapes_reversibly(void **state)
{
    (void)state;
    assert_escape(&s3_like, sat_span_of(""), "");
    assert_escape(&s3_like, sat_span_of("R&D (new)"), "R=26D =28new=29");
    assert_escape(&s3_like, sat_span_of("a=b"), "a=3Db");
    assert_escape(&s3_like, sat_span_of("=41"), "=3D41");
    assert_escape(&s3_like, sat_span_of("tab\there"), "tab=09here");
    assert_escape(&s3_like, (satchel_span){.data = "a\0b", .len = 3}, "a=00b");
    assert_escape(&s3_like, sat_span_of("100%"), "100=25");
}

static void non_ascii_passes_only_where_allowed_and_valid(void **state)
{
    (void)state;
    assert_escape(&s3_like, sat_span_of("Z\xC3\xBCrich"), "Z\xC3\xBCrich");
    assert_escape(&ascii_only, sat_span_of("Z\xC3\xBC"), "Z=C3=BC");
    assert_escape(&s3_like, sat_span_of("\xC3"), "=C3");
}

static void every_byte_comes_back(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        unsigned char byte = (unsigned char)c;
        SAT_AUTO_BUF struct sat_buf escaped;
        SAT_AUTO_BUF struct sat_buf back;
        sat_buf_init(&escaped, 10);
        sat_buf_init(&back, 10);
        assert_int_equal(sat_tag_escape(&escaped, &s3_like, (satchel_span){&byte, 1}), SATCHEL_OK);
        assert_int_equal(sat_tag_unescape(&back, sat_buf_span(&escaped)), SATCHEL_OK);
        assert_int_equal(back.len, 1);
        assert_int_equal((unsigned char)back.data[0], c);
    }
}

static void foreign_equals_signs_are_kept(void **state)
{
    (void)state;
    SAT_AUTO_BUF struct sat_buf back;
    sat_buf_init(&back, 100);
    assert_int_equal(sat_tag_unescape(&back, sat_span_of("a=b=3d=3D=4")), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&back), "a=b=3d==4");
}

static void what_fits_needs_no_mark(void **state)
{
    (void)state;
    SAT_AUTO_TAGS struct sat_tags wanted = {0};
    SAT_AUTO_TAGS struct sat_tags out = {0};
    add(&wanted, "id", "1");
    add(&wanted, "b&", "x");
    add(&wanted, "c", "12345678");
    assert_int_equal(sat_tags_fit(&wanted, &ascii_only, true, &out, NULL), SATCHEL_OK);
    assert_tags(&out, "id=1;b=26=x;c=12345678;");
}

static void too_many_end_with_the_mark(void **state)
{
    (void)state;
    SAT_AUTO_TAGS struct sat_tags wanted = {0};
    SAT_AUTO_TAGS struct sat_tags out = {0};
    for (int i = 0; i < 12; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "k%d", i);
        add(&wanted, key, "v");
    }
    assert_int_equal(sat_tags_fit(&wanted, &s3_like, false, &out, NULL), SATCHEL_OK);
    assert_tags(&out, "k0=v;k1=v;k2=v;k3=v;k4=v;k5=v;k6=v;k7=v;k8=v;_more=1;");
}

static void too_long_is_left_out_and_marked(void **state)
{
    (void)state;
    SAT_AUTO_TAGS struct sat_tags wanted = {0};
    SAT_AUTO_TAGS struct sat_tags out = {0};
    satchel_error err = {0};
    add(&wanted, "a", "123456789");
    add(&wanted, "b", "&&&");
    add(&wanted, "c", "ok");
    assert_int_equal(sat_tags_fit(&wanted, &ascii_only, false, &out, &err), SATCHEL_OK);
    assert_tags(&out, "c=ok;_more=1;");
    assert_string_equal(err.text, "");
}

static void the_mark_takes_the_last_place(void **state)
{
    (void)state;
    SAT_AUTO_TAGS struct sat_tags wanted = {0};
    SAT_AUTO_TAGS struct sat_tags out = {0};
    add(&wanted, "a", "123456789");
    add(&wanted, "b", "2");
    add(&wanted, "c", "3");
    add(&wanted, "d", "4");
    assert_int_equal(sat_tags_fit(&wanted, &ascii_only, false, &out, NULL), SATCHEL_OK);
    assert_tags(&out, "b=2;c=3;_more=1;");
}

static void limits_count_characters(void **state)
{
    (void)state;
    SAT_AUTO_TAGS struct sat_tags wanted = {0};
    SAT_AUTO_TAGS struct sat_tags out = {0};
    char value[2 * 256 + 1] = "";
    for (size_t i = 0; i < 256; i++)
        memcpy(value + 2 * i, "\xC3\xA9", 3);
    add(&wanted, "a", value);
    assert_int_equal(sat_tags_fit(&wanted, &s3_like, true, &out, NULL), SATCHEL_OK);
    assert_string_equal(sat_tags_at(&out, 0)->value, value);
}

static void strict_names_what_does_not_fit(void **state)
{
    (void)state;
    SAT_AUTO_TAGS struct sat_tags wanted = {0};
    SAT_AUTO_TAGS struct sat_tags out = {0};
    satchel_error err;
    add(&wanted, "a", "1");
    add(&wanted, "b", "123456789");
    assert_int_equal(sat_tags_fit(&wanted, &ascii_only, true, &out, &err), SATCHEL_LIMIT);
    assert_string_equal(err.text, "tag 'b': its value has 9 characters (limit 8)");
    assert_int_equal(sat_tags_count(&out), 0);
    add(&wanted, "c", "1");
    add(&wanted, "d", "1");
    assert_int_equal(sat_tags_fit(&wanted, &ascii_only, true, &out, &err), SATCHEL_LIMIT);
    assert_string_equal(err.text, "4 tags (limit 3)");
}

static void reserved_keys_are_disguised_and_come_back(void **state)
{
    (void)state;
    SAT_AUTO_TAGS struct sat_tags wanted = {0};
    SAT_AUTO_TAGS struct sat_tags out = {0};
    SAT_AUTO_TAGS struct sat_tags back = {0};
    add(&wanted, "aws:x", "1");
    add(&wanted, "AWS:", "2");
    add(&wanted, "awsx", "3");
    add(&wanted, "_more", "4");
    assert_int_equal(sat_tags_fit(&wanted, &s3_like, true, &out, NULL), SATCHEL_OK);
    assert_tags(&out, "=61ws:x=1;=41WS:=2;awsx=3;=5Fmore=4;");
    add(&out, "_more", "1");
    assert_int_equal(sat_tags_unfit(&out, &back, NULL), SATCHEL_OK);
    assert_tags(&back, "aws:x=1;AWS:=2;awsx=3;_more=4;");
}

static void a_store_without_tags_gets_none(void **state)
{
    (void)state;
    const struct sat_tag_limits none = {.symbols = ""};
    SAT_AUTO_TAGS struct sat_tags wanted = {0};
    SAT_AUTO_TAGS struct sat_tags out = {0};
    add(&wanted, "a", "1");
    assert_int_equal(sat_tags_fit(&wanted, &none, false, &out, NULL), SATCHEL_OK);
    assert_int_equal(sat_tags_count(&out), 0);
    assert_int_equal(sat_tags_fit(&wanted, &none, true, &out, NULL), SATCHEL_LIMIT);
}

static void user_tags_are_checked_as_they_are(void **state)
{
    (void)state;
    SAT_AUTO_TAGS struct sat_tags tags = {0};
    satchel_error err;
    add(&tags, "a=b", "c d");
    assert_int_equal(sat_tags_check(&tags, &s3_like, &err), SATCHEL_OK);
    add(&tags, "x", "a&b");
    assert_int_equal(sat_tags_check(&tags, &s3_like, &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "tag 'x' has a character"));
}

static void user_tags_are_checked_for_names_and_lengths(void **state)
{
    (void)state;
    SAT_AUTO_TAGS struct sat_tags reserved = {0};
    SAT_AUTO_TAGS struct sat_tags key = {0};
    SAT_AUTO_TAGS struct sat_tags many = {0};
    add(&reserved, "Aws:x", "1");
    assert_int_equal(sat_tags_check(&reserved, &s3_like, NULL), SATCHEL_INVALID);
    add(&key, "123456789", "1");
    assert_int_equal(sat_tags_check(&key, &ascii_only, NULL), SATCHEL_LIMIT);
    add(&many, "1", "1");
    add(&many, "2", "1");
    add(&many, "3", "1");
    assert_int_equal(sat_tags_check(&many, &ascii_only, NULL), SATCHEL_OK);
    add(&many, "4", "1");
    assert_int_equal(sat_tags_check(&many, &ascii_only, NULL), SATCHEL_LIMIT);
}

static void header_form_round_trips(void **state)
{
    (void)state;
    SAT_AUTO_TAGS struct sat_tags tags = {0};
    SAT_AUTO_TAGS struct sat_tags back = {0};
    SAT_AUTO_BUF struct sat_buf text;
    sat_buf_init(&text, 1000);
    add(&tags, "a b", "1+2=3&4");
    add(&tags, "stadt", "Z\xC3\xBCrich");
    add(&tags, "empty", "");
    assert_int_equal(sat_tags_encode(&text, &tags), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&text), "a%20b=1%2B2%3D3%264&stadt=Z%C3%BCrich&empty=");
    assert_int_equal(sat_tags_parse(sat_buf_span(&text), &back, NULL), SATCHEL_OK);
    assert_tags(&back, "a b=1+2=3&4;stadt=Z\xC3\xBCrich;empty=;");
}

static void header_form_is_parsed_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = {"a=%", "a=%4", "a=%zz", "=1", "a=1&a=2", "a=1&&b=2", "&"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        SAT_AUTO_TAGS struct sat_tags tags = {0};
        assert_int_equal(sat_tags_parse(sat_span_of(bad[i]), &tags, NULL), SATCHEL_INVALID);
        assert_int_equal(sat_tags_count(&tags), 0);
    }
    SAT_AUTO_TAGS struct sat_tags tags = {0};
    assert_int_equal(sat_tags_parse(sat_span_of("a&b=x=y"), &tags, NULL), SATCHEL_OK);
    assert_tags(&tags, "a=;b=x=y;");
}

static int whole_life(satchel_error *err)
{
    SAT_AUTO_TAGS struct sat_tags wanted = {0};
    SAT_AUTO_TAGS struct sat_tags copy = {0};
    SAT_AUTO_TAGS struct sat_tags fitted = {0};
    SAT_AUTO_TAGS struct sat_tags back = {0};
    int code = sat_tags_parse(sat_span_of("a=1&b=%26&c=3&d=4"), &wanted, err);
    if (code == SATCHEL_OK)
        code = sat_tags_copy(&copy, &wanted, err);
    if (code == SATCHEL_OK)
        code = sat_tags_fit(&copy, &ascii_only, false, &fitted, err);
    if (code == SATCHEL_OK)
        code = sat_tags_unfit(&fitted, &back, err);
    if (code == SATCHEL_OK)
        assert_int_equal(sat_tags_count(&back), 2); /* assert_tags() would allocate */
    return code;
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    int code = SATCHEL_NOMEM;
    long nth = 0;
    while (code == SATCHEL_NOMEM) {
        satchel_error err = {0};
        sat_alloc_fail_nth(++nth);
        code = whole_life(&err);
        sat_alloc_fail_nth(0);
        assert_int_equal(err.code, code);
    }
    assert_int_equal(code, SATCHEL_OK);
    assert_true(nth > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_and_finds),
        cmocka_unit_test(refuses_empty_and_repeated_keys),
        cmocka_unit_test(copies_are_independent),
        cmocka_unit_test(escapes_reversibly),
        cmocka_unit_test(non_ascii_passes_only_where_allowed_and_valid),
        cmocka_unit_test(every_byte_comes_back),
        cmocka_unit_test(foreign_equals_signs_are_kept),
        cmocka_unit_test(what_fits_needs_no_mark),
        cmocka_unit_test(too_many_end_with_the_mark),
        cmocka_unit_test(too_long_is_left_out_and_marked),
        cmocka_unit_test(the_mark_takes_the_last_place),
        cmocka_unit_test(limits_count_characters),
        cmocka_unit_test(strict_names_what_does_not_fit),
        cmocka_unit_test(reserved_keys_are_disguised_and_come_back),
        cmocka_unit_test(a_store_without_tags_gets_none),
        cmocka_unit_test(user_tags_are_checked_as_they_are),
        cmocka_unit_test(user_tags_are_checked_for_names_and_lengths),
        cmocka_unit_test(header_form_round_trips),
        cmocka_unit_test(header_form_is_parsed_strictly),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
