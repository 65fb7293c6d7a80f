/* sat_xml: events, real replies, pieces of any size, hostile documents, limits, escaping. */
#include "support/test.h"

#include <stdio.h>
#include <unistd.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/error.h"
#include "core/str.h"
#include "core/xml.h"

/* A handler that writes what it hears: "<path" and ">path=text\n". */
static int note_begin(void *user, const struct sat_xml_node *node, satchel_error *err)
{
    (void)err;
    assert_string_equal(node->text, "");
    return sat_buf_addf(user, "<%s %zu\n", node->name, node->depth);
}

static int note_end(void *user, const struct sat_xml_node *node, satchel_error *err)
{
    (void)err;
    assert_int_equal(strlen(node->text), node->len);
    return sat_buf_addf(user, "%s=[%s]\n", node->path, node->text);
}

static const struct sat_xml_handler note_ends = {.end = note_end};
static const struct sat_xml_handler note_all = {.begin = note_begin, .end = note_end};
static const struct sat_xml_handler deaf = {0};

static int parse(const char *document, struct sat_buf *notes, satchel_error *err)
{
    return sat_xml_parse(sat_span_of(document), NULL, &note_ends, notes, err);
}

static void assert_notes(const char *document, const char *want)
{
    SAT_AUTO_BUF struct sat_buf notes;
    satchel_error err = {0};
    sat_buf_init(&notes, 100000);
    int code = parse(document, &notes, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(code, SATCHEL_OK);
    assert_string_equal(sat_buf_str(&notes), want);
}

static void assert_refused(satchel_span document, int want, const char *in_text)
{
    satchel_error err = {0};
    assert_int_equal(sat_xml_parse(document, NULL, &deaf, NULL, &err), want);
    assert_int_equal(err.code, want);
    if (strstr(err.text, in_text) == NULL)
        fail_msg("'%s' lacks '%s'", err.text, in_text);
}

static const char list_page[] =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    "<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
    "<Name>b</Name><Prefix></Prefix><KeyCount>2</KeyCount>\n"
    "  <Contents><Key>a&amp;b/\xC3\xA9.json</Key><ETag>&quot;e1&quot;</ETag></Contents>\n"
    "  <Contents><Key> </Key><Size>0</Size></Contents>"
    "<IsTruncated>false</IsTruncated></ListBucketResult>";

static const char list_notes[] = "ListBucketResult/Name=[b]\n"
                                 "ListBucketResult/Prefix=[]\n"
                                 "ListBucketResult/KeyCount=[2]\n"
                                 "ListBucketResult/Contents/Key=[a&b/\xC3\xA9.json]\n"
                                 "ListBucketResult/Contents/ETag=[\"e1\"]\n"
                                 "ListBucketResult/Contents=[]\n"
                                 "ListBucketResult/Contents/Key=[ ]\n"
                                 "ListBucketResult/Contents/Size=[0]\n"
                                 "ListBucketResult/Contents=[]\n"
                                 "ListBucketResult/IsTruncated=[false]\n"
                                 "ListBucketResult=[]\n";

static void reports_each_element_with_path_and_text(void **state)
{
    (void)state;
    assert_notes(list_page, list_notes);
}

static void pieces_of_every_size_give_the_same(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < sizeof list_page; piece += piece < 20 ? 1 : 40) {
        SAT_AUTO_BUF struct sat_buf notes;
        sat_buf_init(&notes, 100000);
        struct sat_xml *xml = sat_xml_new(&note_ends, &notes, NULL);
        size_t len = sizeof list_page - 1;
        for (size_t at = 0; at < len; at += piece) {
            size_t n = len - at < piece ? len - at : piece;
            assert_int_equal(sat_xml_feed(xml, list_page + at, n, NULL), SATCHEL_OK);
        }
        assert_int_equal(sat_xml_finish(xml, NULL), SATCHEL_OK);
        assert_string_equal(sat_buf_str(&notes), list_notes);
        sat_xml_free(xml);
    }
}

static void begin_comes_before_the_children(void **state)
{
    (void)state;
    SAT_AUTO_BUF struct sat_buf notes;
    sat_buf_init(&notes, 1000);
    assert_int_equal(sat_xml_parse(sat_span_of("<a><b>1</b></a>"), "a", &note_all, &notes, NULL),
                     SATCHEL_OK);
    assert_string_equal(sat_buf_str(&notes), "<a 1\n<b 2\na/b=[1]\na=[]\n");
}

static void white_space_before_the_document_is_legal(void **state)
{
    (void)state;
    assert_notes(" \r\n\t <?xml version=\"1.0\"?>\n\n<a>1</a>\n", "a=[1]\n");
    assert_notes("\xEF\xBB\xBF<a>1</a>", "a=[1]\n");
}

static void prefixes_and_attributes_are_dropped(void **state)
{
    (void)state;
    assert_notes("<s:a xmlns:s='urn:x' b='1'><s:c xsi:type='T'>2</s:c></s:a>", "a/c=[2]\na=[]\n");
}

static void cdata_references_and_comments_make_one_text(void **state)
{
    (void)state;
    assert_notes("<a>x<!-- no --><![CDATA[<&>]]>&#233;&lt;<?pi no?>y</a>", "a=[x<&>\xC3\xA9<y]\n");
}

static void text_between_children_is_dropped(void **state)
{
    (void)state;
    assert_notes("<a>one<b/>two<c>3</c>four</a>", "a/b=[]\na/c=[3]\na=[]\n");
}

static void the_root_is_known_before_the_end(void **state)
{
    (void)state;
    struct sat_xml *xml = sat_xml_new(&deaf, NULL, NULL);
    assert_string_equal(sat_xml_root(xml), "");
    assert_int_equal(sat_xml_feed(xml, "<Error><Code>NoSuchKey</Code>", 29, NULL), SATCHEL_OK);
    assert_string_equal(sat_xml_root(xml), "Error");
    sat_xml_free(xml);
}

static void another_root_is_refused_before_any_callback(void **state)
{
    (void)state;
    SAT_AUTO_BUF struct sat_buf notes;
    satchel_error err;
    sat_buf_init(&notes, 1000);
    assert_int_equal(sat_xml_parse(sat_span_of("<html><body>hi</body></html>"), "ListBucketResult",
                                   &note_all, &notes, &err),
                     SATCHEL_CORRUPT);
    assert_string_equal(err.text, "unexpected XML root 'html', want 'ListBucketResult'");
    assert_string_equal(sat_buf_str(&notes), "");
}

static void every_truncation_is_an_error(void **state)
{
    (void)state;
    for (size_t len = 0; len + 1 < sizeof list_page; len++) {
        satchel_span cut = {.data = list_page, .len = len};
        assert_int_equal(sat_xml_parse(cut, NULL, &deaf, NULL, NULL), SATCHEL_CORRUPT);
    }
}

static void malformed_documents_are_refused_with_the_line(void **state)
{
    (void)state;
    assert_refused(sat_span_of(""), SATCHEL_CORRUPT, "empty XML document");
    assert_refused(sat_span_of("  \n"), SATCHEL_CORRUPT, "empty XML document");
    assert_refused(sat_span_of("gateway error"), SATCHEL_CORRUPT, "does not start with '<'");
    assert_refused(sat_span_of("<a>\n\n<b></c></a>"), SATCHEL_CORRUPT, "line 3");
    assert_refused(sat_span_of("<a></a><b/>"), SATCHEL_CORRUPT, "malformed XML");
    assert_refused(sat_span_of("<a>&nope;</a>"), SATCHEL_CORRUPT, "nope");
    assert_refused(sat_span_of("<a>&#0;</a>"), SATCHEL_CORRUPT, "malformed XML");
    assert_refused(sat_span_of("<a b='1' b='2'/>"), SATCHEL_CORRUPT, "malformed XML");
    assert_refused(sat_span_of("<a>\x01</a>"), SATCHEL_CORRUPT, "malformed XML");
    assert_refused(sat_span_of("<a>\xFF\xFE</a>"), SATCHEL_CORRUPT, "malformed XML");
}

static void any_doctype_is_refused(void **state)
{
    (void)state;
    assert_refused(sat_span_of("<!DOCTYPE html><html></html>"), SATCHEL_CORRUPT, "DOCTYPE");
    assert_refused(sat_span_of("<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>"), SATCHEL_CORRUPT,
                   "DOCTYPE");
    assert_refused(sat_span_of("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>"),
                   SATCHEL_CORRUPT, "DOCTYPE");
    assert_refused(sat_span_of("<!DOCTYPE a [<!ENTITY b 'cc'><!ENTITY c '&b;&b;&b;'>]><a>&c;</a>"),
                   SATCHEL_CORRUPT, "DOCTYPE");
}

static void other_encodings_are_not_guessed(void **state)
{
    (void)state;
    static const char utf16[] = "\xFF\xFE<\0a\0/\0>\0";
    static const char utf16_bare[] = "<\0?\0x\0m\0l\0";
    assert_refused((satchel_span){.data = utf16, .len = sizeof utf16 - 1}, SATCHEL_CORRUPT,
                   "does not start");
    assert_refused((satchel_span){.data = utf16_bare, .len = sizeof utf16_bare - 1},
                   SATCHEL_CORRUPT, "NUL");
    assert_refused(sat_span_of("<?xml version='1.0' encoding='EUC-JP'?><a>\x8f\x8f\xff</a>"),
                   SATCHEL_CORRUPT, "malformed XML");
    assert_notes("<?xml version='1.0' encoding='ISO-8859-1'?><a>\xC3\xA9</a>", "a=[\xC3\xA9]\n");
}

/* Whatever a service sends, the library prints nothing. */
static void hostile_documents_print_nothing(void **state)
{
    (void)state;
    static const char *const documents[] = {
        "<a>\xFF</a>",
        "<?xml version='1.0' encoding='UTF-16'?><a>\xFF</a>",
        "<?xml version='1.0' encoding='nonsense'?><a/>",
        "<a xmlns='not a uri' xml:lang='?'/>",
        "<x:a/>",
        "<!DOCTYPE",
        "<a b=c/>",
    };
    FILE *caught = tmpfile();
    assert_non_null(caught);
    (void)fflush(stderr);
    int kept = dup(STDERR_FILENO);
    assert_true(dup2(fileno(caught), STDERR_FILENO) >= 0);
    for (size_t i = 0; i < sizeof documents / sizeof documents[0]; i++)
        (void)sat_xml_parse(sat_span_of(documents[i]), NULL, &deaf, NULL, NULL);
    (void)fflush(stderr);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    (void)close(kept);
    assert_int_equal(fseek(caught, 0, SEEK_END), 0);
    assert_int_equal(ftell(caught), 0);
    (void)fclose(caught);
}

/* `count` copies of `text` between `before` and `after`. */
static void repeat(struct sat_buf *buf, const char *before, const char *text, size_t count,
                   const char *after)
{
    sat_buf_init(buf, (size_t)64 * 1024 * 1024);
    (void)sat_buf_add_str(buf, before);
    for (size_t i = 0; i < count; i++)
        (void)sat_buf_add_str(buf, text);
    (void)sat_buf_add_str(buf, after);
    assert_int_equal(buf->failed, SATCHEL_OK);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    SAT_AUTO_BUF struct sat_buf fits;
    SAT_AUTO_BUF struct sat_buf deep;
    repeat(&fits, "", "<a>", SAT_XML_DEPTH_MAX, "</a>");
    assert_refused(sat_buf_span(&fits), SATCHEL_CORRUPT, "malformed");
    repeat(&deep, "", "<a>", SAT_XML_DEPTH_MAX + 1, "");
    assert_refused(sat_buf_span(&deep), SATCHEL_LIMIT, "too deep");
}

static void text_of_one_element_is_bounded(void **state)
{
    (void)state;
    SAT_AUTO_BUF struct sat_buf fits;
    SAT_AUTO_BUF struct sat_buf over;
    repeat(&fits, "<a>", "x", SAT_XML_TEXT_MAX, "</a>");
    assert_int_equal(sat_xml_parse(sat_buf_span(&fits), NULL, &deaf, NULL, NULL), SATCHEL_OK);
    repeat(&over, "<a>", "x", SAT_XML_TEXT_MAX + 1, "</a>");
    assert_refused(sat_buf_span(&over), SATCHEL_LIMIT, "text");
}

static void one_tag_or_comment_is_bounded(void **state)
{
    (void)state;
    SAT_AUTO_BUF struct sat_buf tag;
    SAT_AUTO_BUF struct sat_buf comment;
    repeat(&tag, "<a ", "b", 200000, "='1'/>");
    assert_refused(sat_buf_span(&tag), SATCHEL_LIMIT, "too long");
    repeat(&comment, "<a><!--", "b", 200000, "--></a>");
    assert_refused(sat_buf_span(&comment), SATCHEL_LIMIT, "too long");
}

static void the_document_is_bounded(void **state)
{
    (void)state;
    SAT_AUTO_BUF struct sat_buf big;
    repeat(&big, "<a>", "<b>0123456789</b>", SAT_BUF_MAX_TEXT / 17 + 1, "</a>");
    assert_refused(sat_buf_span(&big), SATCHEL_LIMIT, "16 MiB");
}

static void path_length_is_bounded(void **state)
{
    (void)state;
    char name[600];
    char document[1300];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    (void)snprintf(document, sizeof document, "<%s><%s>", name, name);
    assert_refused(sat_span_of(document), SATCHEL_LIMIT, "names are too long");
}

static int stop_at_b(void *user, const struct sat_xml_node *node, satchel_error *err)
{
    int *calls = user;
    ++*calls;
    if (!sat_str_eq(node->name, "b"))
        return SATCHEL_OK;
    return sat_error_set(err, SATCHEL_MODIFIED, "seen b");
}

static void a_callback_stops_the_parse(void **state)
{
    (void)state;
    const struct sat_xml_handler handler = {.end = stop_at_b};
    satchel_error err = {0};
    int calls = 0;
    struct sat_xml *xml = sat_xml_new(&handler, &calls, NULL);
    assert_int_equal(sat_xml_feed(xml, "<a><c/><b/><c/>", 15, &err), SATCHEL_MODIFIED);
    assert_string_equal(err.text, "seen b");
    assert_int_equal(sat_xml_feed(xml, "<c/></a>", 8, NULL), SATCHEL_MODIFIED);
    assert_int_equal(sat_xml_finish(xml, &err), SATCHEL_MODIFIED);
    assert_int_equal(calls, 2);
    sat_xml_free(xml);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    SAT_AUTO_BUF struct sat_buf notes;
    sat_buf_init(&notes, 100000);
    assert_non_null(sat_buf_reserve(&notes, 10000));
    int code = SATCHEL_NOMEM;
    long nth = 0;
    while (code == SATCHEL_NOMEM) {
        satchel_error err = {0};
        sat_alloc_fail_nth(++nth);
        code = parse(list_page, &notes, &err);
        sat_alloc_fail_nth(0);
        assert_int_equal(err.code, code);
        sat_buf_reset(&notes);
    }
    assert_int_equal(code, SATCHEL_OK);
    assert_true(nth > 2);
}

static void escapes_round_trip(void **state)
{
    (void)state;
    static const char text[] = "a<b>&\"'\t\n\r\xE2\x82\xAC c]]>";
    SAT_AUTO_BUF struct sat_buf document;
    SAT_AUTO_BUF struct sat_buf notes;
    sat_buf_init(&document, 1000);
    sat_buf_init(&notes, 1000);
    (void)sat_buf_add_str(&document, "<Key>");
    assert_int_equal(sat_xml_escape(&document, sat_span_of(text), NULL), SATCHEL_OK);
    (void)sat_buf_add_str(&document, "</Key>");
    assert_non_null(strstr(sat_buf_str(&document), "a&lt;b&gt;&amp;&quot;&apos;&#9;&#10;&#13;"));
    assert_int_equal(parse(sat_buf_str(&document), &notes, NULL), SATCHEL_OK);
    assert_string_equal(sat_buf_str(&notes), "Key=[a<b>&\"'\t\n\r\xE2\x82\xAC c]]>]\n");
}

static void what_xml_cannot_carry_is_invalid(void **state)
{
    (void)state;
    static const char *const bad[] = {"\x01",         "a\x1f", "\xEF\xBF\xBE",
                                      "\xEF\xBF\xBF", "\xFF",  "\xC3"};
    SAT_AUTO_BUF struct sat_buf buf;
    sat_buf_init(&buf, 1000);
    (void)sat_buf_add_str(&buf, "kept");
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(sat_xml_escape(&buf, sat_span_of(bad[i]), NULL), SATCHEL_INVALID);
    assert_int_equal(sat_xml_escape(&buf, (satchel_span){.data = "a\0b", .len = 3}, NULL),
                     SATCHEL_INVALID);
    assert_string_equal(sat_buf_str(&buf), "kept");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_each_element_with_path_and_text),
        cmocka_unit_test(pieces_of_every_size_give_the_same),
        cmocka_unit_test(begin_comes_before_the_children),
        cmocka_unit_test(white_space_before_the_document_is_legal),
        cmocka_unit_test(prefixes_and_attributes_are_dropped),
        cmocka_unit_test(cdata_references_and_comments_make_one_text),
        cmocka_unit_test(text_between_children_is_dropped),
        cmocka_unit_test(the_root_is_known_before_the_end),
        cmocka_unit_test(another_root_is_refused_before_any_callback),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(malformed_documents_are_refused_with_the_line),
        cmocka_unit_test(any_doctype_is_refused),
        cmocka_unit_test(other_encodings_are_not_guessed),
        cmocka_unit_test(hostile_documents_print_nothing),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(text_of_one_element_is_bounded),
        cmocka_unit_test(one_tag_or_comment_is_bounded),
        cmocka_unit_test(the_document_is_bounded),
        cmocka_unit_test(path_length_is_bounded),
        cmocka_unit_test(a_callback_stops_the_parse),
        cmocka_unit_test(every_failed_allocation_is_reported),
        cmocka_unit_test(escapes_round_trip),
        cmocka_unit_test(what_xml_cannot_carry_is_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
