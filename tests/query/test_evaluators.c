/*
 * Random records x random queries: the matcher in memory, SQL by scan, SQL through indexes and SQL
 * in pages must agree. What is right is for test_oracle.py to say.
 */
#include "queries.h"

#include <stdio.h>

#include "core/alloc.h"
#include "sql_eval.h"

enum { RECORDS = 120, QUERIES = 600 };

static const char *const indexed[] = {"id", "a", "b.c", "d[0]"};

struct world {
    uint32_t seed;
    char *records[RECORDS];
    char ids[RECORDS][16];
    struct sql_eval *scan;
    struct sql_eval *index;
};

/* xorshift: the same numbers on every machine. */
static uint32_t dice(struct world *world, uint32_t sides)
{
    world->seed ^= world->seed << 13;
    world->seed ^= world->seed >> 17;
    world->seed ^= world->seed << 5;
    return world->seed % sides;
}

static const char *scalar(struct world *world)
{
    static const char *const values[] = {
        "null",
        "true",
        "false",
        "0",
        "-0.0",
        "1",
        "1.0",
        "2",
        "1e2",
        "100",
        "-7",
        "9007199254740993",
        "9007199254740992.0",
        "-9223372036854775808",
        "\"\"",
        "\"a\"",
        "\"A\"",
        "\"ab\"",
        "\"aB%\"",
        "\"100%\"",
        "\"\xC3\xA9t\xC3\xA9\"",
        "\"\xC3\x89T\xC3\x89\"",
        "\"\\u0065x\"",
        "\"2024-05-01T00:00:00Z\"",
        "\"2024-05-01T00:00:00\"",
        "\"2024-05-01T02:00:00+02:00\"",
        "\"2024-05-02T00:00:00.5Z\"",
        "\"2024\"",
        "\"z\\n\"",
    };
    return values[dice(world, sizeof values / sizeof values[0])];
}

static void put_value(struct world *world, struct sat_buf *out)
{
    switch (dice(world, 8)) {
    case 0:
        sat_buf_addf(out, "[%s,%s]", scalar(world), scalar(world));
        break;
    case 1:
        sat_buf_addf(out, "{\"c\":%s}", scalar(world));
        break;
    default:
        sat_buf_add_str(out, scalar(world));
        break;
    }
}

static char *random_record(struct world *world, const char *id)
{
    struct sat_buf out;
    sat_buf_init(&out, 10000);
    sat_buf_addf(&out, "{\"id\":\"%s\",\"version\":1,\"fields\":{\"k\":%s", id, scalar(world));
    if (dice(world, 4) > 0) {
        sat_buf_add_str(&out, ",\"a\":");
        put_value(world, &out);
    }
    if (dice(world, 4) > 0)
        sat_buf_addf(&out, ",\"b\":{\"c\":%s}", scalar(world));
    if (dice(world, 4) > 0)
        sat_buf_addf(&out, ",\"d\":[%s,%s]", scalar(world), scalar(world));
    sat_buf_addf(&out, "},\"metadata\":{\"m\":%s}}", scalar(world));
    return sat_buf_take(&out, NULL);
}

static const char *field(struct world *world)
{
    static const char *const names[] = {"a",    "b.c", "/b/c",       "d[0]", "d",
                                        "a[1]", "k",   "metadata.m", "id",   "none"};
    return names[dice(world, sizeof names / sizeof names[0])];
}

static void put_text_value(struct world *world, enum sat_operator op, struct sat_buf *out)
{
    static const char *const likes[] = {"%",         "a%",       "%b%",   "_",
                                        "\xC3\xA9%", "100\\\\%", "2024%", "%\\\\_%"};
    static const char *const regexes[] = {"a", "^[a-z]+$", "(?i)^a", "\\\\d{4}", "^$", "."};
    static const char *const prefixes[] = {"a", "", "2024", "\xC3\xA9", "A", "aB"};
    const char *text = op == SAT_OPERATOR_REGEX         ? regexes[dice(world, 6)]
                       : op == SAT_OPERATOR_STARTS_WITH ? prefixes[dice(world, 6)]
                                                        : likes[dice(world, 8)];
    sat_buf_addf(out, "\"%s\"", text);
}

static void put_operand(struct world *world, enum sat_operator op, struct sat_buf *out)
{
    switch (sat_operator_takes(op)) {
    case SAT_TAKES_NONE:
        sat_buf_add_str(out, "null");
        break;
    case SAT_TAKES_TEXT:
        put_text_value(world, op, out);
        break;
    case SAT_TAKES_ONE:
        put_value(world, out);
        break;
    default:
        sat_buf_addf(out, "[%s,%s]", scalar(world), scalar(world));
        break;
    }
}

static void put_condition(struct world *world, int depth, struct sat_buf *out)
{
    uint32_t kind = depth > 0 ? dice(world, 6) : 5;
    if (kind >= 3) {
        enum sat_operator op = (enum sat_operator)dice(world, SAT_OPERATOR_IS_NULL + 1);
        sat_buf_addf(out, "{\"field\":\"%s\",\"operator\":\"%s\",\"value\":", field(world),
                     sat_operator_name(op));
        put_operand(world, op, out);
        sat_buf_add_str(out, "}");
        return;
    }
    if (kind == 2) {
        sat_buf_add_str(out, "{\"not\":");
        put_condition(world, depth - 1, out);
        sat_buf_add_str(out, "}");
        return;
    }
    sat_buf_addf(out, "{\"%s\":[", kind == 0 ? "and" : "or");
    put_condition(world, depth - 1, out);
    sat_buf_add_str(out, ",");
    put_condition(world, depth - 1, out);
    sat_buf_add_str(out, "]}");
}

static char *random_query(struct world *world)
{
    struct sat_buf out;
    sat_buf_init(&out, 100000);
    sat_buf_add_str(&out, "{\"condition\":");
    put_condition(world, 3, &out);
    if (dice(world, 2) > 0)
        sat_buf_addf(&out, ",\"sort\":[{\"field\":\"%s\",\"order\":\"%s\"},{\"field\":\"%s\"}]",
                     field(world), dice(world, 2) > 0 ? "asc" : "desc", field(world));
    if (dice(world, 3) == 0)
        sat_buf_addf(&out, ",\"offset\":%u", dice(world, 5));
    if (dice(world, 3) == 0)
        sat_buf_addf(&out, ",\"limit\":%u", dice(world, 30));
    sat_buf_add_str(&out, "}");
    return sat_buf_take(&out, NULL);
}

static int make_world(void **state)
{
    struct world *world = sat_calloc(1, sizeof *world);
    assert_non_null(world);
    world->seed = 20240501;
    world->scan = sql_eval_open(NULL, 0);
    world->index = sql_eval_open(indexed, sizeof indexed / sizeof indexed[0]);
    for (uint32_t i = 0; i < RECORDS; i++) {
        (void)snprintf(world->ids[i], sizeof world->ids[i], "r%03u", i * 7 % RECORDS);
        world->records[i] = random_record(world, world->ids[i]);
        sql_eval_add(world->scan, world->ids[i], world->records[i]);
        sql_eval_add(world->index, world->ids[i], world->records[i]);
    }
    *state = world;
    return 0;
}

static int drop_world(void **state)
{
    struct world *world = *state;
    for (size_t i = 0; i < RECORDS; i++)
        sat_free(world->records[i]);
    sql_eval_close(world->scan);
    sql_eval_close(world->index);
    sat_free(world);
    return 0;
}

static void assert_same_ids(const char *text, const struct sat_vec *a, const struct sat_vec *b)
{
    if (a->len != b->len)
        fail_msg("%zu against %zu rows: %s", a->len, b->len, text);
    for (size_t i = 0; i < a->len; i++) {
        if (strcmp(*(char **)sat_vec_at(a, i), *(char **)sat_vec_at(b, i)) != 0)
            fail_msg("row %zu differs: %s", i, text);
    }
}

static int64_t count_in_memory(const struct world *world, const struct sat_query *query)
{
    int64_t count = 0;
    for (size_t i = 0; i < RECORDS; i++)
        count += query_matches(query, world->records[i]);
    return count;
}

/* Each row that SQL gives has to match in memory, and their number has to be the same. */
static void assert_memory_agrees(const struct world *world, const char *text,
                                 const struct sat_query *query, const struct sat_vec *ids)
{
    for (size_t i = 0; i < ids->len; i++) {
        const char *id = *(char **)sat_vec_at(ids, i);
        size_t k = 0;
        while (strcmp(world->ids[k], id) != 0)
            k++;
        if (!query_matches(query, world->records[k]))
            fail_msg("%s is in SQL only: %s", id, text);
    }
    int64_t scan = -1;
    int64_t index = -1;
    assert_int_equal(sql_eval_count(world->scan, query, &scan, NULL), SATCHEL_OK);
    assert_int_equal(sql_eval_count(world->index, query, &index, NULL), SATCHEL_OK);
    if (scan != count_in_memory(world, query) || index != scan)
        fail_msg("%d by scan, %d by index, %d in memory: %s", (int)scan, (int)index,
                 (int)count_in_memory(world, query), text);
}

static void all_evaluators_agree(void **state)
{
    struct world *world = *state;
    size_t rows = 0;
    for (int i = 0; i < QUERIES; i++) {
        char *text = random_query(world);
        struct sat_query *query = query_of_json(text);
        struct sat_vec scan;
        struct sat_vec index;
        struct sat_vec pages;
        assert_int_equal(sql_eval_search(world->scan, query, 0, &scan, NULL), SATCHEL_OK);
        assert_int_equal(sql_eval_search(world->index, query, 0, &index, NULL), SATCHEL_OK);
        assert_int_equal(sql_eval_search(world->index, query, 7, &pages, NULL), SATCHEL_OK);
        assert_same_ids(text, &scan, &index);
        assert_same_ids(text, &scan, &pages);
        assert_memory_agrees(world, text, query, &scan);
        rows += scan.len;
        sql_eval_free_ids(&scan);
        sql_eval_free_ids(&index);
        sql_eval_free_ids(&pages);
        sat_query_free(query);
        sat_free(text);
    }
    assert_true(rows > QUERIES * 3); /* the queries are not all empty */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_evaluators_agree, make_world, drop_world),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
