/* Globs and regular expressions behind one door, and telling which of them a text is. */
#include "transfer/pattern.h"

#include <string.h>

#include "core/alloc.h"
#include "core/error.h"
#include "core/glob.h"
#include "core/regex.h"
#include "core/str.h"
#include "transfer/place.h"

/* Without the dot, which names of files have too. */
#define REGEX_SYNTAX "\\*+?[](){}|^$"

struct sat_pattern {
    struct sat_glob *glob;
    struct sat_regex *regex;
    size_t folder_len; /* regex: of the literal folder in front */
    char *fixed;
};

/* ---- telling them apart */

static size_t count_digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* "{4}", and behind a class or group "{2,}" and "{2,4}": elsewhere that is a glob's choice. */
static bool is_repeat(const char *brace, char before)
{
    size_t digits = count_digits(brace + 1);
    const char *end = brace + 1 + digits;
    if (digits > 0 && *end == ',' && (before == ']' || before == ')'))
        end += 1 + count_digits(end + 1);
    return digits > 0 && *end == '}';
}

/* "(?...", "(a|b)": names of files have round brackets too. */
static bool is_group(const char *bracket)
{
    const char *end = strchr(bracket, ')');
    const char *bar = strchr(bracket, '|');
    return bracket[1] == '?' || (end != NULL && bar != NULL && bar < end);
}

/* Whether what begins at `at` has a meaning in a regular expression alone. */
static bool is_regex_only(const char *text, size_t at)
{
    const char *here = text + at;
    char before = at == 0 ? '/' : here[-1];
    char after = here[1];
    switch (*here) {
    case '\\':
        return after != '\0' && strchr(".dDwWsSbB()^$+|", after) != NULL;
    case '.':
        return before == '/' && (after == '*' || after == '+');
    case '^':
        return before == '/';
    case '+':
        return before == ']' || before == ')';
    case '{':
        return is_repeat(here, before);
    case '(':
        return is_group(here);
    case '$':
        return after == '\0' || sat_str_eq(here + 1, "/");
    default:
        return false;
    }
}

static bool has_regex_only(const char *text)
{
    for (size_t at = 0; text[at] != '\0'; at++) {
        if (is_regex_only(text, at))
            return true;
        if (text[at] == '\\' && text[at + 1] != '\0')
            at++;
    }
    return false;
}

/* The length of the literal folder in front of a regular expression. */
static size_t regex_folder(const char *path)
{
    return sat_path_folder(path, strcspn(path, REGEX_SYNTAX));
}

/* No regular expression begins with something to repeat that is not there. */
static bool looks_like_regex(const char *path)
{
    char first = path[regex_folder(path)];
    return first != '*' && first != '?' && has_regex_only(path);
}

/* Told that it is one, a name with a dot is one too. */
static bool may_be_regex(const char *path)
{
    const char *tail = path + regex_folder(path);
    bool dots = sat_str_eq(tail, ".") || sat_str_eq(tail, "..");
    return !dots && strpbrk(tail, REGEX_SYNTAX ".") != NULL;
}

enum satchel_pattern sat_pattern_kind(const char *path, enum satchel_pattern wish)
{
    if (wish == SATCHEL_PATTERN_AUTO)
        wish = looks_like_regex(path) ? SATCHEL_PATTERN_REGEX : SATCHEL_PATTERN_GLOB;
    bool is_one = wish == SATCHEL_PATTERN_GLOB    ? sat_glob_has_magic(path)
                  : wish == SATCHEL_PATTERN_REGEX ? may_be_regex(path)
                                                  : false;
    return is_one ? wish : SATCHEL_PATTERN_LITERAL;
}

const char *sat_pattern_word(enum satchel_pattern kind)
{
    return kind == SATCHEL_PATTERN_GLOB    ? "glob"
           : kind == SATCHEL_PATTERN_REGEX ? "regular expression"
                                           : "literal";
}

/* ---- making */

/* The length of what all matches of a regular expression begin with. */
static size_t fixed_length(const char *regex)
{
    size_t len = strcspn(regex, REGEX_SYNTAX ".");
    if (strchr(regex, '|') != NULL)
        return 0;
    if (len > 0 && strchr("*?{", regex[len]) != NULL && regex[len] != '\0') {
        len--; /* that character may be missing */
        while (len > 0 && ((unsigned char)regex[len] & 0xC0U) == 0x80U)
            len--;
    }
    return len;
}

static int make_regex(struct sat_pattern *pattern, const char *path, satchel_error *err)
{
    pattern->folder_len = regex_folder(path);
    const char *regex = path + pattern->folder_len;
    int code = sat_regex_new_whole(sat_span_of(regex), &pattern->regex, err);
    if (code == SATCHEL_OK)
        pattern->fixed = sat_strndup(path, pattern->folder_len + fixed_length(regex));
    return code;
}

static int make_glob(struct sat_pattern *pattern, const char *path, satchel_error *err)
{
    int code = sat_glob_new(path, &pattern->glob, err);
    if (code == SATCHEL_OK)
        pattern->fixed = sat_strdup(sat_glob_prefix(pattern->glob));
    return code;
}

int sat_pattern_new(const char *path, enum satchel_pattern kind, struct sat_pattern **pattern,
                    satchel_error *err)
{
    struct sat_pattern *made = sat_calloc(1, sizeof *made);
    if (made == NULL)
        return sat_error_nomem(err);
    int code =
        kind == SATCHEL_PATTERN_REGEX ? make_regex(made, path, err) : make_glob(made, path, err);
    if (code == SATCHEL_OK && made->fixed == NULL)
        code = sat_error_nomem(err);
    if (code == SATCHEL_OK)
        *pattern = made;
    else
        sat_pattern_free(made);
    return code;
}

void sat_pattern_free(struct sat_pattern *pattern)
{
    if (pattern == NULL)
        return;
    sat_glob_free(pattern->glob);
    sat_regex_free(pattern->regex);
    sat_free(pattern->fixed);
    sat_free(pattern);
}

/* ---- matching */

const char *sat_pattern_fixed(const struct sat_pattern *pattern)
{
    return pattern->fixed;
}

int sat_pattern_match(const struct sat_pattern *pattern, satchel_span path, bool *matches,
                      satchel_error *err)
{
    if (pattern->glob != NULL) {
        *matches = sat_glob_match(pattern->glob, path);
        return SATCHEL_OK;
    }
    const satchel_span below = {(const char *)path.data + pattern->folder_len,
                                path.len - pattern->folder_len};
    return sat_regex_search(pattern->regex, below, matches, err);
}
