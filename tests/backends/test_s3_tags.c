/* Object tagging: bodies both ways. */
#include "backends/s3_fixture.h"

static void get_reads_tags_in_order(void **state)
{
    struct s3_fixture *f = *state;
    assert_int_equal(s3_build(f, SAT_OP_TAGS_GET), SATCHEL_OK);
    assert_string_equal(f->request.method, "GET");
    assert_string_equal(sat_buf_str(&f->request.query), "tagging=");
    s3_reply(f, 200, "",
             "<Tagging><TagSet><Tag><Key>b &amp; c</Key><Value>é</Value></Tag>"
             "<Tag><Key>a</Key><Value/></Tag></TagSet></Tagging>");
    assert_int_equal(s3_accept(f, SAT_OP_TAGS_GET), SATCHEL_OK);
    assert_int_equal(sat_tags_count(&f->op.found_tags), 2);
    assert_string_equal(sat_tags_at(&f->op.found_tags, 0)->key, "b & c");
    assert_string_equal(sat_tags_at(&f->op.found_tags, 0)->value, "é");
    assert_string_equal(sat_tags_at(&f->op.found_tags, 1)->value, "");
    s3_reply(f, 200, "", "<Tagging><TagSet></TagSet></Tagging>");
    assert_int_equal(s3_accept(f, SAT_OP_TAGS_GET), SATCHEL_OK);
    assert_int_equal(sat_tags_count(&f->op.found_tags), 0);
}

static void get_refuses_what_is_no_tagging(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const bodies[] = {
        "",
        "<html/>",
        "<Tagging><TagSet><Tag><Key>a</Key></Tag>",
        "<Tagging><TagSet><Tag><Value>v</Value></Tag></TagSet></Tagging>",
        "<Tagging><TagSet><Tag><Key>a</Key></Tag><Tag><Key>a</Key></Tag></TagSet></Tagging>",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        s3_reply(f, 200, "", bodies[i]);
        assert_int_equal(s3_accept(f, SAT_OP_TAGS_GET), SATCHEL_NETWORK);
        assert_int_equal(sat_tags_count(&f->op.found_tags), 0);
    }
}

static void set_sends_escaped_xml(void **state)
{
    struct s3_fixture *f = *state;
    struct sat_tags tags = {0};
    sat_tags_add_str(&tags, "a<b", "c&d", NULL);
    f->op.tags = &tags;
    assert_int_equal(s3_build(f, SAT_OP_TAGS_SET), SATCHEL_OK);
    assert_string_equal(f->request.method, "PUT");
    assert_string_equal(sat_buf_str(&f->request.path), "/bucket/a/key");
    assert_string_equal(sat_buf_str(&f->request.query), "tagging=");
    assert_non_null(strstr(sat_buf_str(&f->request.body),
                           "<TagSet><Tag><Key>a&lt;b</Key><Value>c&amp;d</Value></Tag></TagSet>"));
    assert_string_not_equal(s3_header(f, "Content-MD5"), "");
    f->op.tags = NULL;
    assert_int_equal(s3_build(f, SAT_OP_TAGS_SET), SATCHEL_OK);
    assert_non_null(strstr(sat_buf_str(&f->request.body), "<TagSet></TagSet>"));
    sat_tags_fini(&tags);
    s3_reply(f, 200, "", "");
    assert_int_equal(s3_accept(f, SAT_OP_TAGS_SET), SATCHEL_OK);
}

static void there_is_no_conditional_tagging(void **state)
{
    struct s3_fixture *f = *state;
    f->op.if_match = "e";
    assert_int_equal(s3_build(f, SAT_OP_TAGS_SET), SATCHEL_UNSUPPORTED);
    assert_int_equal(s3_build(f, SAT_OP_TAGS_GET), SATCHEL_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        S3_TEST(get_reads_tags_in_order),
        S3_TEST(get_refuses_what_is_no_tagging),
        S3_TEST(set_sends_escaped_xml),
        S3_TEST(there_is_no_conditional_tagging),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
