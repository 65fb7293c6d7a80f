/* Parsed paths: dotted names with [N], or a JSON Pointer. */
#include "jpath.h"

#include <stdint.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "str.h"

struct parser {
    const char *text;
    size_t len;
    size_t at;
    struct sat_path *path;
    char *bytes; /* where the next key's bytes go */
    satchel_error *err;
};

static int bad(const struct parser *parser, const char *why)
{
    return sat_error_set(parser->err, SATCHEL_INVALID, "bad path '%.*s': %s at byte %zu",
                         (int)(parser->len > 200 ? 200 : parser->len), parser->text, why,
                         parser->at);
}

static struct sat_path_step *add_step(struct parser *parser)
{
    if (parser->path->count == SAT_PATH_STEPS_MAX)
        return NULL;
    struct sat_path_step *step = &parser->path->steps[parser->path->count++];
    *step = (struct sat_path_step){.key = {.data = parser->bytes}};
    return step;
}

static void add_byte(struct parser *parser, struct sat_path_step *step, char c)
{
    *parser->bytes++ = c;
    step->key.len++;
}

/* A canonical array index: digits without a leading zero. */
static bool parse_index(const char *text, size_t len, size_t *out)
{
    size_t value = 0;
    if (len == 0 || (len > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (size_t)(text[i] - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

/* One token of a JSON Pointer, after its '/'. */
static int parse_token(struct parser *parser)
{
    struct sat_path_step *step = add_step(parser);
    if (step == NULL)
        return bad(parser, "too many steps");
    for (; parser->at < parser->len && parser->text[parser->at] != '/'; parser->at++) {
        char c = parser->text[parser->at];
        if (c == '~') {
            char code = parser->at + 1 < parser->len ? parser->text[parser->at + 1] : '\0';
            if (code != '0' && code != '1')
                return bad(parser, "'~' must be followed by 0 or 1");
            parser->at++;
            c = code == '0' ? '~' : '/';
        }
        add_byte(parser, step, c);
    }
    step->is_key = true;
    step->is_index = parse_index(step->key.data, step->key.len, &step->index);
    return SATCHEL_OK;
}

static int parse_pointer(struct parser *parser)
{
    int code = SATCHEL_OK;
    while (code == SATCHEL_OK && parser->at < parser->len) {
        parser->at++;
        code = parse_token(parser);
    }
    return code;
}

static int parse_name(struct parser *parser)
{
    struct sat_path_step *step = add_step(parser);
    if (step == NULL)
        return bad(parser, "too many steps");
    step->is_key = true;
    for (; parser->at < parser->len; parser->at++) {
        char c = parser->text[parser->at];
        if (c == '.' || c == '[')
            break;
        if (c == ']')
            return bad(parser, "']' without '['");
        add_byte(parser, step, c);
    }
    return step->key.len > 0 ? SATCHEL_OK : bad(parser, "empty name");
}

static int parse_brackets(struct parser *parser)
{
    while (parser->at < parser->len && parser->text[parser->at] == '[') {
        struct sat_path_step *step = add_step(parser);
        if (step == NULL)
            return bad(parser, "too many steps");
        const char *start = parser->text + parser->at + 1;
        const char *end = memchr(start, ']', parser->len - parser->at - 1);
        if (end == NULL || !parse_index(start, (size_t)(end - start), &step->index))
            return bad(parser, "want [N] with a number");
        step->is_index = true;
        parser->at = (size_t)(end - parser->text) + 1;
    }
    return SATCHEL_OK;
}

static int parse_dotted(struct parser *parser)
{
    int code = parser->text[0] == '[' ? SATCHEL_OK : parse_name(parser);
    if (code == SATCHEL_OK)
        code = parse_brackets(parser);
    while (code == SATCHEL_OK && parser->at < parser->len) {
        if (parser->text[parser->at] != '.')
            return bad(parser, "want '.' or '['");
        parser->at++;
        code = parse_name(parser);
        if (code == SATCHEL_OK)
            code = parse_brackets(parser);
    }
    return code;
}

/* Every step but the first starts with one of these. */
static size_t count_steps(const char *text, size_t len)
{
    size_t count = 2;
    for (size_t i = 0; i < len && count < SAT_PATH_STEPS_MAX; i++)
        count += text[i] == '.' || text[i] == '[' || text[i] == '/';
    return count;
}

static int parse(struct parser *parser, const char *root)
{
    size_t root_len = root == NULL ? 0 : strlen(root);
    if (!sat_utf8_valid(parser->text, parser->len))
        return sat_error_set(parser->err, SATCHEL_INVALID, "bad path: it is not UTF-8");
    size_t room = count_steps(parser->text, parser->len) * sizeof(struct sat_path_step);
    struct sat_path *path = parser->path;
    path->steps = sat_malloc(room + root_len + parser->len);
    if (path->steps == NULL)
        return sat_error_nomem(parser->err);
    parser->bytes = (char *)path->steps + room;
    if (root != NULL) {
        struct sat_path_step *step = add_step(parser);
        step->is_key = true;
        for (size_t i = 0; i < root_len; i++)
            add_byte(parser, step, root[i]);
    }
    if (parser->len == 0)
        return SATCHEL_OK;
    return parser->text[0] == '/' ? parse_pointer(parser) : parse_dotted(parser);
}

int sat_path_parse_under(const char *root, satchel_span text, struct sat_path *path,
                         satchel_error *err)
{
    *path = (struct sat_path){0};
    struct parser parser = {
        .text = text.len == 0 ? "" : text.data, .len = text.len, .path = path, .err = err};
    int code = parse(&parser, root);
    if (code != SATCHEL_OK)
        sat_path_fini(path);
    return code;
}

int sat_path_parse(satchel_span text, struct sat_path *path, satchel_error *err)
{
    return sat_path_parse_under(NULL, text, path, err);
}

void sat_path_fini(struct sat_path *path)
{
    sat_free(path->steps);
    *path = (struct sat_path){0};
}
