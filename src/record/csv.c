/* CSV (RFC 4180): quoted fields may hold commas, quotes (doubled) and line ends. */
#include "record/csv.h"

#include <string.h>

#include "core/error.h"

void sat_csv_row_init(struct sat_csv_row *row)
{
    sat_buf_init(&row->text, (size_t)256 * 1024 * 1024);
    sat_vec_init(&row->starts, sizeof(size_t));
}

void sat_csv_row_fini(struct sat_csv_row *row)
{
    sat_buf_fini(&row->text);
    sat_vec_fini(&row->starts);
}

const char *sat_csv_field(const struct sat_csv_row *row, size_t i)
{
    return row->text.data + *(const size_t *)sat_vec_at(&row->starts, i);
}

static int begin_field(struct sat_csv_row *row)
{
    size_t start = row->text.len;
    return sat_vec_push(&row->starts, &start) == NULL ? SATCHEL_NOMEM : SATCHEL_OK;
}

enum state { FIELD_START, PLAIN, QUOTED, QUOTE_IN_QUOTED };

/* One character: the new state, and whether it ended a field or the row. */
static enum state step(struct sat_csv_row *row, enum state state, char c, bool *bad)
{
    switch (state) {
    case FIELD_START:
    case PLAIN:
        if (c == '"' && state == FIELD_START)
            return QUOTED;
        (void)sat_buf_add_char(&row->text, c);
        return PLAIN;
    case QUOTED:
        if (c == '"')
            return QUOTE_IN_QUOTED;
        (void)sat_buf_add_char(&row->text, c);
        return QUOTED;
    case QUOTE_IN_QUOTED:
        *bad = c != '"';
        (void)sat_buf_add_char(&row->text, '"');
        return QUOTED;
    }
    return state;
}

static int finish_field(struct sat_csv_row *row)
{
    return sat_buf_add_char(&row->text, '\0');
}

int sat_csv_read(satchel_span input, bool at_end, struct sat_csv_row *row, size_t *used,
                 satchel_error *err)
{
    const char *text = input.data;
    enum state state = FIELD_START;
    bool bad = false;
    size_t i = 0;
    *used = 0;
    sat_buf_reset(&row->text);
    row->starts.len = 0;
    int code = begin_field(row);
    for (; code == SATCHEL_OK && i < input.len; i++) {
        char c = text[i];
        bool inside = state == QUOTED;
        if (c == '\0')
            return sat_error_set(err, SATCHEL_INVALID, "a NUL byte in CSV");
        if (!inside && c == '\n')
            break;
        /* A carriage return counts as part of the line end only before a line feed. */
        if (!inside && c == '\r' && (i + 1 == input.len || text[i + 1] == '\n'))
            continue;
        if (!inside && c == ',') {
            (void)finish_field(row);
            code = begin_field(row);
            state = FIELD_START;
            continue;
        }
        state = step(row, state, c, &bad);
        if (bad)
            return sat_error_set(err, SATCHEL_INVALID, "text behind a closing quote in CSV");
    }
    if (code == SATCHEL_OK && i == input.len) {
        if (!at_end)
            return SATCHEL_OK;
        if (state == QUOTED)
            return sat_error_set(err, SATCHEL_INVALID, "a quote in CSV is never closed");
    }
    (void)finish_field(row);
    *used = i < input.len ? i + 1 : i;
    if (code != SATCHEL_OK)
        return sat_error_nomem(err);
    return sat_buf_check(&row->text, "CSV row", err);
}

int sat_csv_write(struct sat_buf *out, satchel_span value)
{
    const char *text = value.data;
    bool quote = false;
    for (size_t i = 0; i < value.len && !quote; i++)
        quote = strchr(",\"\r\n", text[i]) != NULL;
    if (!quote)
        return sat_buf_add(out, value.data, value.len);
    (void)sat_buf_add_char(out, '"');
    for (size_t i = 0; i < value.len; i++) {
        if (text[i] == '"')
            (void)sat_buf_add_char(out, '"');
        (void)sat_buf_add_char(out, text[i]);
    }
    return sat_buf_add_char(out, '"');
}
