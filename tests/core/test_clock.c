/* Timestamps both ways, their limits, and the fake clock. */
#include "support/test.h"

#include "core/clock.h"

static void rfc3339_rounds_down_to_microseconds(void **state)
{
    (void)state;
    static const struct {
        int64_t ns;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {INT64_C(1795230245123456789), "2026-11-21T03:04:05.123456Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {INT64_C(951782399999999999), "2000-02-28T23:59:59.999999Z"},
        {INT64_C(951782400000000000), "2000-02-29T00:00:00.000000Z"},
        {INT64_C(951868800000000000), "2000-03-01T00:00:00.000000Z"},
        {INT64_C(4107542400000000000), "2100-03-01T00:00:00.000000Z"},
        {INT64_C(4107542399000000000), "2100-02-28T23:59:59.000000Z"},
        {INT64_MAX, "2262-04-11T23:47:16.854775Z"},
        {INT64_MIN, "1677-09-21T00:12:43.145224Z"},
    };
    char text[SAT_RFC3339_SIZE];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        sat_clock_rfc3339(rows[i].ns, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void every_day_of_eight_centuries_reads_back(void **state)
{
    (void)state;
    char text[SAT_RFC3339_SIZE];
    for (int64_t day = -106751; day < 106751; day++) {
        int64_t ns = day * 86400 * SAT_NS_PER_S + 45296 * SAT_NS_PER_S;
        int64_t back = 1;
        sat_clock_rfc3339(ns, text);
        assert_true(sat_clock_parse_rfc3339(text, &back));
        assert_true(back == ns);
    }
}

static void iso_basic_is_the_form_of_signatures(void **state)
{
    (void)state;
    char text[SAT_ISO_BASIC_SIZE];
    sat_clock_iso_basic(INT64_C(1369353600) * SAT_NS_PER_S, text);
    assert_string_equal(text, "20130524T000000Z");
    sat_clock_iso_basic(INT64_C(1440938160) * SAT_NS_PER_S + 999999999, text);
    assert_string_equal(text, "20150830T123600Z");
}

static void reads_the_forms_services_send(void **state)
{
    (void)state;
    int64_t ns = 0;
    assert_true(sat_clock_parse_rfc3339("2009-10-12T17:50:30.000Z", &ns));
    assert_true(ns == INT64_C(1255369830) * SAT_NS_PER_S);
    assert_true(sat_clock_parse_rfc3339("2009-10-12T17:50:30Z", &ns));
    assert_true(sat_clock_parse_rfc3339("2009-10-12T19:50:30.5+02:00", &ns));
    assert_true(ns == INT64_C(1255369830) * SAT_NS_PER_S + 500000000);
    assert_true(sat_clock_parse_rfc3339("2009-10-12T12:20:30-05:30", &ns));
    assert_true(ns == INT64_C(1255369830) * SAT_NS_PER_S);
    assert_true(sat_clock_parse_rfc3339("2009-10-12T17:50:30.1234567899Z", &ns));
    assert_true(ns == INT64_C(1255369830123456789));
    assert_true(sat_clock_parse_rfc3339("2016-12-31T23:59:60Z", &ns));
    assert_true(ns == INT64_C(1483228800) * SAT_NS_PER_S);
    assert_true(sat_clock_parse_http_date("Fri, 24 May 2013 00:00:00 GMT", &ns));
    assert_true(ns == INT64_C(1369353600) * SAT_NS_PER_S);
}

static void refuses_other_text_and_leaves_the_value(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2009",
        "2009-13-12T17:50:30Z",
        "2009-02-29T00:00:00Z",
        "2009-04-31T00:00:00Z",
        "2009-10-00T00:00:00Z",
        "2009-10-12T24:00:00Z",
        "2009-10-12T17:60:00Z",
        "2009-10-12T17:50:30",
        "2009-10-12T17:50:30.Z",
        "2009-10-12T17:50:30Zx",
        "2009-10-12 17:50:30Z",
        "2009-10-12T17:50:30+24:00",
        "9999-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "-009-10-12T17:50:30Z",
        "2016-12-31T23:59:61Z",
    };
    static const char *const bad_http[] = {
        "",
        "Fri, 24 May 2013 00:00:00",
        "Fri, 24 May 2013 00:00:00 UTC",
        "Fri 24 May 2013 00:00:00 GMT",
        "Foo, 24 May 2013 00:00:00 GMT",
        "Fri, 24 Mai 2013 00:00:00 GMT",
        "Fri, 4 May 2013 00:00:00 GMT",
        "Fri, 31 Jun 2013 00:00:00 GMT",
        "Fri, 24 May 2013 00:00:00 GMT ",
    };
    int64_t ns = 77;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(sat_clock_parse_rfc3339(bad[i], &ns));
    for (size_t i = 0; i < sizeof bad_http / sizeof bad_http[0]; i++)
        assert_false(sat_clock_parse_http_date(bad_http[i], &ns));
    assert_true(ns == 77);
}

static void fake_clocks_stand_still_until_released(void **state)
{
    (void)state;
    sat_clock_fake_wall(1000);
    sat_clock_fake_boottime(2000);
    assert_true(sat_clock_wall_ns() == 1000 && sat_clock_boottime_ns() == 2000);
    sat_clock_fake_wall(SAT_CLOCK_REAL);
    sat_clock_fake_boottime(SAT_CLOCK_REAL);
    assert_true(sat_clock_wall_ns() > INT64_C(1700000000) * SAT_NS_PER_S);
    assert_true(sat_clock_boottime_ns() > 2000);
}

static void monotonic_clocks_do_not_go_back(void **state)
{
    (void)state;
    int64_t now = sat_clock_now_ns();
    int64_t boot = sat_clock_boottime_ns();
    assert_true(now > 0 && sat_clock_now_ns() >= now);
    assert_true(boot > 0 && sat_clock_boottime_ns() >= boot);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3339_rounds_down_to_microseconds),
        cmocka_unit_test(every_day_of_eight_centuries_reads_back),
        cmocka_unit_test(iso_basic_is_the_form_of_signatures),
        cmocka_unit_test(reads_the_forms_services_send),
        cmocka_unit_test(refuses_other_text_and_leaves_the_value),
        cmocka_unit_test(fake_clocks_stand_still_until_released),
        cmocka_unit_test(monotonic_clocks_do_not_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
