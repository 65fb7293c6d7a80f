/*
 * Reads a document from standard input for test_documents.py and prints it as JSON:
 *     setting_dump yaml|json
 * Exits with the error's code, its text on standard error.
 */
#include <stdio.h>
#include <string.h>

#include "core/os.h"
#include "core/str.h"
#include "core/yaml.h"

static int dump(const struct sat_setting *setting, struct sat_buf *out, satchel_error *err);

static int dump_scalar(const struct sat_setting *scalar, struct sat_buf *out, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf text;
    enum sat_jkind kind = SAT_JKIND_NONE;
    sat_buf_init(&text, SAT_SETTING_BYTES_MAX);
    int code = sat_setting_value(scalar, &text, &kind, err);
    if (kind == SAT_JKIND_STRING)
        (void)sat_jscan_put_string(out, sat_buf_span(&text));
    else
        (void)sat_buf_add_str(out, kind == SAT_JKIND_NULL ? "null" : sat_buf_str(&text));
    return code;
}

static int dump(const struct sat_setting *setting, struct sat_buf *out, satchel_error *err)
{
    int code = SATCHEL_OK;
    if (setting->kind == SAT_SETTING_SCALAR)
        return dump_scalar(setting, out, err);
    bool map = setting->kind == SAT_SETTING_MAP;
    (void)sat_buf_add_char(out, map ? '{' : '[');
    for (const struct sat_setting *child = setting->first; child != NULL && code == SATCHEL_OK;
         child = child->next) {
        if (child != setting->first)
            (void)sat_buf_add_char(out, ',');
        if (map) {
            (void)sat_jscan_put_string(out, sat_span_of(child->key));
            (void)sat_buf_add_char(out, ':');
        }
        code = dump(child, out, err);
    }
    (void)sat_buf_add_char(out, map ? '}' : ']');
    return code;
}

int main(int argc, char **argv)
{
    SAT_AUTO_BUF struct sat_buf text;
    SAT_AUTO_BUF struct sat_buf out;
    SAT_AUTO_SETTING struct sat_setting *root = NULL;
    satchel_error err = {0};
    sat_buf_init(&text, SAT_SETTING_BYTES_MAX);
    sat_buf_init(&out, 16 * SAT_SETTING_BYTES_MAX);
    if (argc != 2 || sat_os_read_file(AT_FDCWD, "/dev/stdin", SAT_SETTING_BYTES_MAX, &text) < 0)
        return 99;
    int code = strcmp(argv[1], "yaml") == 0
                   ? sat_yaml_read(sat_buf_span(&text), &root, &err)
                   : sat_setting_read_json(sat_buf_span(&text), &root, &err);
    if (code == SATCHEL_OK)
        code = dump(root, &out, &err);
    if (code == SATCHEL_OK)
        (void)printf("%s\n", sat_buf_str(&out));
    else
        (void)fprintf(stderr, "%s\n", err.text);
    return code;
}
