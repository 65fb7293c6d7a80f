/* Regular expressions with hard limits: the only home of PCRE2. */
#include "regex.h"

#include <stdatomic.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "alloc.h"
#include "error.h"
#include "str.h"

/*
 * `code` and `limits` are read-only after sat_regex_new(), so all threads share them. Match data is
 * not: a thread takes the spare one out of its slot, or makes its own when another thread has it.
 */
struct sat_regex {
    char *pattern; /* for messages, NUL-terminated */
    pcre2_general_context *heap;
    pcre2_match_context *limits;
    pcre2_code *code;
    _Atomic(pcre2_match_data *) spare;
};

enum { REASON_MAX = 128 };

static void *heap_new(size_t size, void *unused)
{
    (void)unused;
    return sat_malloc(size);
}

static void heap_free(void *block, void *unused)
{
    (void)unused;
    sat_free(block);
}

static int compile_failed(const struct sat_regex *regex, int code, size_t at, satchel_error *err)
{
    if (code == PCRE2_ERROR_HEAP_FAILED)
        return sat_error_nomem(err);
    unsigned char reason[REASON_MAX] = "";
    (void)pcre2_get_error_message(code, reason, sizeof reason);
    return sat_error_set(err, SATCHEL_INVALID, "bad regex, %s at byte %zu of '%s'",
                         (const char *)reason, at, regex->pattern);
}

static int compile(struct sat_regex *regex, satchel_span pattern, uint32_t options,
                   satchel_error *err)
{
    regex->heap = pcre2_general_context_create(heap_new, heap_free, NULL);
    if (regex->heap == NULL)
        return sat_error_nomem(err);
    regex->limits = pcre2_match_context_create(regex->heap);
    pcre2_compile_context *context = pcre2_compile_context_create(regex->heap);
    if (regex->limits == NULL || context == NULL) {
        pcre2_compile_context_free(context);
        return sat_error_nomem(err);
    }
    (void)pcre2_set_match_limit(regex->limits, SAT_REGEX_MATCH_LIMIT);
    (void)pcre2_set_heap_limit(regex->limits, (uint32_t)(SAT_REGEX_HEAP_MAX / 1024)); /* in KiB */
    int code = 0;
    size_t at = 0;
    options |= PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C;
    regex->code =
        pcre2_compile((PCRE2_SPTR)regex->pattern, pattern.len, options, &code, &at, context);
    pcre2_compile_context_free(context);
    return regex->code != NULL ? SATCHEL_OK : compile_failed(regex, code, at, err);
}

static int make(satchel_span pattern, uint32_t options, struct sat_regex **out, satchel_error *err)
{
    if (pattern.len > SAT_REGEX_PATTERN_MAX)
        return sat_error_set(err, SATCHEL_LIMIT, "regex of %zu bytes is over the limit of %zu",
                             pattern.len, SAT_REGEX_PATTERN_MAX);
    struct sat_regex *regex = sat_calloc(1, sizeof *regex);
    if (regex == NULL)
        return sat_error_nomem(err);
    regex->pattern = sat_strndup(pattern.len > 0 ? pattern.data : "", pattern.len);
    int rc = regex->pattern != NULL ? compile(regex, pattern, options, err) : sat_error_nomem(err);
    if (rc != SATCHEL_OK) {
        sat_regex_free(regex);
        return rc;
    }
    *out = regex;
    return SATCHEL_OK;
}

int sat_regex_new(satchel_span pattern, struct sat_regex **out, satchel_error *err)
{
    return make(pattern, 0, out, err);
}

int sat_regex_new_whole(satchel_span pattern, struct sat_regex **out, satchel_error *err)
{
    return make(pattern, PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOTALL, out, err);
}

void sat_regex_free(struct sat_regex *regex)
{
    if (regex == NULL)
        return;
    pcre2_match_data_free(atomic_load(&regex->spare));
    pcre2_code_free(regex->code);
    pcre2_match_context_free(regex->limits);
    pcre2_general_context_free(regex->heap);
    sat_free(regex->pattern);
    sat_free(regex);
}

static pcre2_match_data *take_match_data(struct sat_regex *regex)
{
    pcre2_match_data *data = atomic_exchange(&regex->spare, NULL);
    /* One pair suffices: only whether there is a match is asked. */
    return data != NULL ? data : pcre2_match_data_create(1, regex->heap);
}

static void give_match_data(struct sat_regex *regex, pcre2_match_data *data)
{
    pcre2_match_data_free(atomic_exchange(&regex->spare, data));
}

static int search_failed(const struct sat_regex *regex, int code, satchel_error *err)
{
    if (code == PCRE2_ERROR_NOMEMORY)
        return sat_error_nomem(err);
    if (code <= PCRE2_ERROR_UTF8_ERR1 && code >= PCRE2_ERROR_UTF8_ERR21)
        return sat_error_set(err, SATCHEL_CORRUPT, "text is not UTF-8");
    unsigned char reason[REASON_MAX] = "";
    (void)pcre2_get_error_message(code, reason, sizeof reason);
    return sat_error_set(err, SATCHEL_LIMIT, "regex gave up, %s for '%s'", (const char *)reason,
                         regex->pattern);
}

int sat_regex_search(struct sat_regex *regex, satchel_span text, bool *found, satchel_error *err)
{
    pcre2_match_data *data = take_match_data(regex);
    if (data == NULL)
        return sat_error_nomem(err);
    PCRE2_SPTR subject = text.len > 0 ? text.data : (PCRE2_SPTR) "";
    int code = pcre2_match(regex->code, subject, text.len, 0, 0, data, regex->limits);
    give_match_data(regex, data);
    if (code < 0 && code != PCRE2_ERROR_NOMATCH)
        return search_failed(regex, code, err);
    *found = code != PCRE2_ERROR_NOMATCH;
    return SATCHEL_OK;
}
