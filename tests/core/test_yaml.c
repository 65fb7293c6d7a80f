/* YAML: trees and places, what is refused and where, hostile documents in bounded time and heap. */
#include "support/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/alloc.h"
#include "core/str.h"
#include "core/yaml.h"

static struct sat_setting *read_yaml(const char *text)
{
    struct sat_setting *root = NULL;
    satchel_error err = {0};
    if (sat_yaml_read(sat_span_of(text), &root, &err) != SATCHEL_OK)
        fail_msg("'%s': %s", text, err.text);
    return root;
}

static void maps_lists_and_scalars_have_places(void **state)
{
    (void)state;
    SAT_AUTO_SETTING struct sat_setting *root =
        read_yaml("# first\n\xC3\xA9: 1\nlist:\n  - 'a'\n  - b: [x, \"y\"]\nempty:\n");
    assert_int_equal(root->kind, SAT_SETTING_MAP);
    const struct sat_setting *one = sat_setting_get(root, "\xC3\xA9");
    assert_string_equal(one->text, "1");
    assert_false(one->quoted);
    assert_int_equal(one->line, 2);
    assert_int_equal(one->column, 1);
    const struct sat_setting *list = sat_setting_get(root, "list");
    assert_int_equal(list->kind, SAT_SETTING_LIST);
    assert_true(list->first->quoted);
    assert_int_equal(list->first->line, 4);
    assert_int_equal(list->first->column, 5);
    const struct sat_setting *inner = sat_setting_get(list->first->next, "b");
    assert_int_equal(inner->kind, SAT_SETTING_LIST);
    assert_string_equal(inner->first->text, "x");
    assert_true(inner->first->next->quoted);
    assert_null(inner->first->next->next);
    assert_string_equal(sat_setting_get(root, "empty")->text, "");
}

static void json_is_yaml(void **state)
{
    (void)state;
    SAT_AUTO_SETTING struct sat_setting *root =
        read_yaml("{\"a\": [1, null], \"b\": {\"c\": \"x\"}}");
    assert_string_equal(sat_setting_get(root, "a")->first->text, "1");
    assert_true(sat_setting_get(sat_setting_get(root, "b"), "c")->quoted);
}

static void a_document_without_content_is_null(void **state)
{
    const char *const texts[] = {"", "# nothing\n", "---\n", "\xEF\xBB\xBF# mark\n"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        SAT_AUTO_SETTING struct sat_setting *root = read_yaml(texts[i]);
        assert_int_equal(root->kind, SAT_SETTING_SCALAR);
        assert_string_equal(root->text, "");
        assert_false(root->quoted);
    }
}

static void nothing_at_all_is_null(void **state)
{
    (void)state;
    SAT_AUTO_SETTING struct sat_setting *root = NULL;
    assert_int_equal(sat_yaml_read((satchel_span){NULL, 0}, &root, NULL), SATCHEL_OK);
    assert_string_equal(root->text, "");
}

static void blocks_are_strings(void **state)
{
    (void)state;
    SAT_AUTO_SETTING struct sat_setting *root = read_yaml("a: |\n  1\nc: >-\n  3\n");
    assert_true(sat_setting_get(root, "a")->quoted);
    assert_string_equal(sat_setting_get(root, "a")->text, "1\n");
    assert_true(sat_setting_get(root, "c")->quoted);
}

struct refusal {
    const char *text;
    const char *why;
};

static void refuses(satchel_span text, int code, const char *why)
{
    struct sat_setting *root = NULL;
    satchel_error err = {0};
    int got = sat_yaml_read(text, &root, &err);
    if (got != code || root != NULL || strstr(err.text, why) == NULL)
        fail_msg("'%.60s': want %d '%s', got %d '%s'", (const char *)text.data, code, why, got,
                 err.text);
}

static void what_a_configuration_does_not_need_is_refused(void **state)
{
    static const struct refusal table[] = {
        {"a: &x 1", "line 1, column 4: anchors (&) and aliases (*)"},
        {"a: 1\nb: *x", "line 2, column 4: anchors (&) and aliases (*)"},
        {"a: &x [1]", "line 1, column 4: anchors"},
        {"a: &x {b: 1}", "line 1, column 4: anchors"},
        {"a: !!str 1", "line 1, column 4: tags (!)"},
        {"a: !!python/object:os.system x", "column 4: tags (!)"},
        {"a: !x [1]", "column 4: tags (!)"},
        {"!map\na: 1", "line 1, column 1: tags (!)"},
        {"<<: {a: 1}", "line 1, column 1: merge keys (<<)"},
        {"a: 1\n? [x]\n: 2", "line 2, column 3: a key must be text"},
        {"? {x: 1}\n: 2", "column 3: a key must be text"},
        {"a: ! 1", "column 4: tags (!)"},
        {"? \n: 1", "an empty key"},
        {"\"\": 1", "an empty key"},
        {"a: 1\nb: 2\na: 3", "line 3, column 1: the key 'a' is there already"},
        {"{a: 1, 'a': 3}", "column 8: the key 'a' is there already"},
        {"a: 1\n---\nb: 2", "line 2, column 1: a second document"},
        {"a: \"\\0\"", "line 1, column 4: the character NUL"},
        {"\"a\\x00\": 1", "line 1, column 1: the character NUL"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        refuses(sat_span_of(table[i].text), SATCHEL_INVALID, table[i].why);
}

static void bad_syntax_is_refused_with_its_place(void **state)
{
    static const struct refusal table[] = {
        {"a: 1\n\tb: 2", "line 2, column 1: "},
        {"a:\n\t- 1", "line 2, column 1: "},
        {"a: [1, 2", "line 2, column 1: while parsing a flow sequence, did not find expected"},
        {"a: {b: 1", "line 2, column 1: while parsing a flow mapping, did not find expected"},
        {"a: 'x", "while scanning a quoted scalar, found unexpected end of stream"},
        {"a: b: c", "line 1, column 5: mapping values are not allowed"},
        {"a: 1\n b: 2", "line 2, column 3: "},
        {"a: @x", "line 1, column 4: "},
        {"a: %x", "line 1, column 4: "},
        {"a: \"\\q\"", "column 5: "},
        {"a: \"\\ud800\"", "column 7: while parsing a quoted scalar, found invalid Unicode"},
        {"%YAML 9.9\n---\na: 1", "line 1, column 1: found incompatible YAML document"},
        {"- a\nb: 1", "line 2, column 1: "},
        {"a: \x01", "line 1, column 4: control characters are not allowed"},
        {"a: 1\n\xC3\xA9: \xFF", "line 2, column 4: invalid leading UTF-8 octet"},
        {"a: \xC3", "column 4: incomplete UTF-8 octet sequence"},
        {"a: \xED\xA0\x80", "column 4: invalid Unicode character"},
        {"a: \xC0\x80", "column 4: "},
        {"\xFF\xFE"
         "a",
         "line 1, column 1: invalid leading UTF-8 octet"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        refuses(sat_span_of(table[i].text), SATCHEL_INVALID, table[i].why);
    refuses((satchel_span){"a: \0", 4}, SATCHEL_INVALID, "column 4: control characters");
}

/* `count` times `piece`, behind `head`; to be freed. */
static satchel_span repeated(const char *head, const char *piece, size_t count)
{
    size_t head_len = strlen(head);
    size_t len = strlen(piece);
    char *text = malloc(head_len + count * len + 1);
    assert_non_null(text);
    memcpy(text, head, head_len);
    for (size_t i = 0; i < count; i++)
        memcpy(text + head_len + i * len, piece, len);
    return (satchel_span){text, head_len + count * len};
}

static void release(satchel_span text)
{
    free((void *)(uintptr_t)text.data);
}

/* Each is close to the largest document: refused without reading far, or read. */
static void hostile_documents_end_soon(void **state)
{
    static const struct {
        const char *head;
        const char *piece;
        int code;
        const char *why;
    } table[] = {
        {"", "[", SATCHEL_LIMIT, "more than 64 levels of nesting"},
        {"", "{a: ", SATCHEL_LIMIT, "more than 64 levels"},
        {"", "- ", SATCHEL_LIMIT, "more than 64 levels"},
        {"", "? ", SATCHEL_INVALID, "a key must be text"},
        {"", "[{", SATCHEL_INVALID, "a key must be text"},
        {"a: ", "*x ", SATCHEL_INVALID, "line 1, column 4: anchors"},
        {"", "- a\n", SATCHEL_LIMIT, "more than 4096 values"},
        {"[", "a,", SATCHEL_LIMIT, "more than 4096 values"},
        {"", "&a ", SATCHEL_INVALID, ""},
        {"", "!a ", SATCHEL_INVALID, ""},
        {"", "---\n", SATCHEL_INVALID, "a second document"},
        {"a: \"", "\\n", SATCHEL_INVALID, "unexpected end of stream"},
        {"", "%TAG ! tag:x:\n", SATCHEL_INVALID, ""},
        {"", "a", SATCHEL_OK, ""},
        {"a: ", "b ", SATCHEL_OK, ""},
        {"", "\n", SATCHEL_OK, ""},
        {"", "#\n", SATCHEL_OK, ""},
        {"a: |\n", " x\n", SATCHEL_OK, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        size_t count = (SAT_SETTING_BYTES_MAX - 8) / strlen(table[i].piece);
        satchel_span text = repeated(table[i].head, table[i].piece, count);
        struct sat_setting *root = NULL;
        satchel_error err = {0};
        int code = sat_yaml_read(text, &root, &err);
        if (code != table[i].code || strstr(err.text, table[i].why) == NULL)
            fail_msg("'%s' again and again: %d '%s'", table[i].piece, code, err.text);
        sat_setting_free(root);
        release(text);
    }
}

/* Nine levels of nine aliases each would be half a billion values. */
static void an_alias_bomb_is_refused_at_its_first_anchor(void **state)
{
    (void)state;
    refuses(sat_span_of("a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                        "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"),
            SATCHEL_INVALID, "line 1, column 4: anchors");
}

static void the_size_is_bounded(void **state)
{
    (void)state;
    satchel_span text = repeated("", " ", SAT_SETTING_BYTES_MAX + 1);
    refuses(text, SATCHEL_LIMIT, "over 1048576 bytes");
    release(text);
}

static const char sample[] = "region: eu-west-1\n"
                             "databases:\n"
                             "  - name: 'archive'\n"
                             "    bucket: ${S3_BUCKET}  # from the environment\n"
                             "    tags: [a, \"b\\u00e9\", {c: ~}]\n"
                             "    note: |\n"
                             "      two\n"
                             "      lines\n";

/* Every cut and every changed byte of a document is read or refused, with a place. */
static void damaged_documents_are_read_or_refused(void **state)
{
    static const char bytes[] = "\0\t\n #&*!|>'\"%@`[]{},:?-~\x80\xFF";
    (void)state;
    for (size_t at = 0; at < sizeof sample - 1; at++) {
        for (size_t i = 0; i < sizeof bytes; i++) {
            char text[sizeof sample];
            bool cut = i == sizeof bytes - 1;
            memcpy(text, sample, sizeof sample);
            text[at] = bytes[i];
            struct sat_setting *root = NULL;
            satchel_error err = {0};
            size_t len = cut ? at : sizeof sample - 1;
            int code = sat_yaml_read((satchel_span){text, len}, &root, &err);
            if (code != SATCHEL_OK)
                assert_non_null(strstr(err.text, "line "));
            assert_int_equal(code, root != NULL ? SATCHEL_OK : SATCHEL_INVALID);
            sat_setting_free(root);
        }
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    long calls = 1;
    for (long n = 1; n <= calls; n++) {
        struct sat_setting *root = NULL;
        satchel_error err = {0};
        sat_alloc_fail_nth(n);
        int code = sat_yaml_read(sat_span_of(sample), &root, &err);
        calls = code == SATCHEL_OK ? n : n + 1;
        assert_int_equal(code, code == SATCHEL_OK ? SATCHEL_OK : SATCHEL_NOMEM);
        sat_setting_free(root);
    }
    sat_alloc_fail_nth(0);
    assert_true(calls > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_lists_and_scalars_have_places),
        cmocka_unit_test(json_is_yaml),
        cmocka_unit_test(a_document_without_content_is_null),
        cmocka_unit_test(nothing_at_all_is_null),
        cmocka_unit_test(blocks_are_strings),
        cmocka_unit_test(what_a_configuration_does_not_need_is_refused),
        cmocka_unit_test(bad_syntax_is_refused_with_its_place),
        cmocka_unit_test(hostile_documents_end_soon),
        cmocka_unit_test(an_alias_bomb_is_refused_at_its_first_anchor),
        cmocka_unit_test(the_size_is_bounded),
        cmocka_unit_test(damaged_documents_are_read_or_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
