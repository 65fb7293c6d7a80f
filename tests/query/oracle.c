/*
 * Evaluates queries for test_oracle.py. Reads lines:
 *     R id TAB record    adds a record (public form)
 *     J query            a query in JSON
 *     W query            a query in WHERE text
 * and answers each query with one line: {"code":"OK","memory":[ids],"sql":[ids],"indexed":[ids]},
 * memory in the order of the records, without sort, limit and offset; or the code of the failure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "core/buf.h"
#include "core/jscan.h"
#include "core/str.h"
#include "query/filter.h"
#include "query/parse.h"
#include "sql_eval.h"

struct record {
    char *id;
    char *text;
};

struct oracle {
    struct sat_vec records;
    struct sql_eval *scan;
    struct sql_eval *index;
    struct sat_buf scratch;
};

static void add_record(struct oracle *oracle, const char *line)
{
    const char *tab = strchr(line, '\t');
    if (tab == NULL || sat_jscan_validate(sat_span_of(tab + 1), NULL, NULL) != SATCHEL_OK)
        abort();
    struct record record = {sat_strndup(line, (size_t)(tab - line)), sat_strdup(tab + 1)};
    if (sat_vec_push(&oracle->records, &record) == NULL)
        abort();
    sql_eval_add(oracle->scan, record.id, record.text);
    sql_eval_add(oracle->index, record.id, record.text);
}

static void print_ids(const char *name, const struct sat_vec *ids)
{
    (void)printf(",\"%s\":[", name);
    for (size_t i = 0; i < ids->len; i++)
        (void)printf("%s\"%s\"", i > 0 ? "," : "", *(char **)sat_vec_at(ids, i));
    (void)printf("]");
}

static int match_in_memory(struct oracle *oracle, const struct sat_query *query,
                           struct sat_vec *ids)
{
    sat_vec_init(ids, sizeof(char *));
    for (size_t i = 0; i < oracle->records.len; i++) {
        const struct record *record = sat_vec_at(&oracle->records, i);
        bool matched = false;
        int rc = sat_filter_match(query->filter, sat_span_of(record->text), &oracle->scratch,
                                  &matched, NULL);
        if (rc != SATCHEL_OK)
            return rc;
        char *id = matched ? sat_strdup(record->id) : NULL;
        if (matched && sat_vec_push(ids, &id) == NULL)
            abort();
    }
    return SATCHEL_OK;
}

static void answer(struct oracle *oracle, const struct sat_query *query)
{
    struct sat_vec memory;
    struct sat_vec sql;
    struct sat_vec indexed;
    satchel_error err = {0};
    int rc = match_in_memory(oracle, query, &memory);
    int scan = sql_eval_search(oracle->scan, query, 0, &sql, &err);
    int index = sql_eval_search(oracle->index, query, 3, &indexed, &err);
    if (rc == SATCHEL_OK && scan == SATCHEL_OK && index == SATCHEL_OK) {
        (void)printf("{\"code\":\"OK\"");
        print_ids("memory", &memory);
        print_ids("sql", &sql);
        print_ids("indexed", &indexed);
        (void)printf("}\n");
    } else {
        (void)printf("{\"code\":\"%d %d %d\"}\n", rc, scan, index);
    }
    sql_eval_free_ids(&memory);
    sql_eval_free_ids(&sql);
    sql_eval_free_ids(&indexed);
}

static void run_query(struct oracle *oracle, char front_end, const char *text)
{
    struct sat_query *query = NULL;
    satchel_error err = {0};
    int rc = front_end == 'J' ? sat_query_parse_json(sat_span_of(text), &query, &err)
                              : sat_query_parse_where(sat_span_of(text), &query, &err);
    if (rc == SATCHEL_OK)
        answer(oracle, query);
    else
        (void)printf("{\"code\":\"%d\"}\n", rc);
    (void)fflush(stdout);
    sat_query_free(query);
}

static void run_line(struct oracle *oracle, char *line, size_t len)
{
    if (len > 0 && line[len - 1] == '\n')
        line[len - 1] = '\0';
    if (len < 2)
        return;
    if (line[0] == 'R')
        add_record(oracle, line + 2);
    else
        run_query(oracle, line[0], line + 2);
}

int main(void)
{
    static const char *const fields[] = {"id", "s", "n", "o.x", "a[0]"};
    struct oracle oracle = {.scan = sql_eval_open(NULL, 0),
                            .index = sql_eval_open(fields, sizeof fields / sizeof fields[0])};
    sat_vec_init(&oracle.records, sizeof(struct record));
    sat_buf_init(&oracle.scratch, SAT_BUF_MAX_TEXT);
    char *line = NULL;
    size_t capacity = 0;
    ssize_t len;
    while ((len = getline(&line, &capacity, stdin)) >= 0)
        run_line(&oracle, line, (size_t)len);
    free(line);
    for (size_t i = 0; i < oracle.records.len; i++) {
        struct record *record = sat_vec_at(&oracle.records, i);
        sat_free(record->id);
        sat_free(record->text);
    }
    sat_vec_fini(&oracle.records);
    sat_buf_fini(&oracle.scratch);
    sql_eval_close(oracle.scan);
    sql_eval_close(oracle.index);
    return 0;
}
