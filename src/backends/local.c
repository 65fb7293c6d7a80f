/* What the local backends (mem, file) share: range arithmetic, early ends, texts of refusals. */
#include "backends/local.h"

#include <inttypes.h>
#include <string.h>

#include "core/alloc.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/str.h"

int sat_local_range(const struct sat_op *op, uint64_t size, uint64_t *offset, uint64_t *length,
                    satchel_error *err)
{
    if (op->range_offset > 0 && op->range_offset >= size)
        return sat_error_set(err, SATCHEL_INVALID,
                             "range of '%s' begins at byte %" PRIu64 ", the object has %" PRIu64,
                             op->key, op->range_offset, size);
    uint64_t rest = size - op->range_offset;
    bool whole = op->range_length == 0 || op->range_length > rest;
    *offset = op->range_offset;
    *length = whole ? rest : op->range_length;
    return SATCHEL_OK;
}

int sat_local_alive(const struct sat_op *op, satchel_error *err)
{
    if (atomic_load(&op->cancelled))
        return sat_error_set(err, SATCHEL_CANCELLED, "cancelled");
    if (op->deadline_ns > 0 && sat_clock_now_ns() >= op->deadline_ns)
        return sat_error_set(err, SATCHEL_TIMEOUT, "deadline passed");
    return SATCHEL_OK;
}

int sat_local_not_found(satchel_error *err, const char *scheme, const char *store, const char *key)
{
    return sat_error_set(err, SATCHEL_NOT_FOUND, "not found: %s%s/%s", scheme, store, key);
}

int sat_local_exists(satchel_error *err, const char *scheme, const char *store, const char *key)
{
    return sat_error_set(err, SATCHEL_EXISTS, "already exists: %s%s/%s", scheme, store, key);
}

int sat_local_mismatch(satchel_error *err, int code, const struct sat_op *op, const char *found)
{
    return sat_error_set(err, code, "'%s' was changed by another writer: its ETag is %s, not %s",
                         op->key, found, op->if_match);
}

int sat_local_forgive(satchel_error *err)
{
    const satchel_error none = {0};
    return sat_error_copy(err, &none);
}

int sat_local_many_begin(struct sat_op *op, satchel_error *err)
{
    op->many_result = sat_calloc(op->many.count, sizeof *op->many_result);
    return op->many_result == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

void sat_local_many_set(struct sat_op *op, size_t i, int code, const satchel_error *err)
{
    struct sat_many_result *result = &op->many_result[i];
    result->code = code;
    if (code == SATCHEL_OK)
        return;
    size_t len = strnlen(err->text, sizeof result->text - 1);
    memcpy(result->text, err->text, len);
    result->text[len] = '\0';
}

unsigned sat_local_page_size(const struct sat_op *op, unsigned backend_page)
{
    unsigned wish = op->list.max_keys;
    return wish == 0 || wish > backend_page ? backend_page : wish;
}

const char *sat_local_list_from(const struct sat_op *op)
{
    return op->list.token != NULL ? op->list.token : op->list.after;
}

bool sat_local_token_rolled(const struct sat_op *op)
{
    return op->list.token != NULL && op->list.delimiter != NULL &&
           sat_str_ends(op->list.token, op->list.delimiter);
}

int sat_local_page_full(struct sat_op *op, satchel_error *err)
{
    op->page.next = sat_strdup(sat_page_key(&op->page, op->page.entries.len - 1));
    return op->page.next == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

size_t sat_local_common_prefix(const struct sat_op *op, const char *key)
{
    if (op->list.delimiter == NULL)
        return 0;
    const char *begin = key + strlen(op->list.prefix);
    const char *cut = strstr(begin, op->list.delimiter);
    return cut == NULL ? 0 : (size_t)(cut - key) + strlen(op->list.delimiter);
}
