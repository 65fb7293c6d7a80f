/*
 * Copies one object between two services, for tests/heavy/relay.py:
 *
 *     relay_worker FROM_ENDPOINT FROM_URI SIZE TO_ENDPOINT TO_URI CA_FILE
 *
 * TO_URI ends with '/'; the object is named "x" below it. Exit status 0 when it was copied.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/registry.h"
#include "core/alloc.h"
#include "core/config.h"
#include "core/option.h"
#include "core/str.h"
#include "transfer/copy.h"

static struct sat_conn *reach(const char *uri, const char *endpoint, const char *ca_file)
{
    static const struct sat_option *tables[] = {sat_options_common, NULL, NULL};
    struct sat_config *config = NULL;
    struct sat_conn *conn = NULL;
    satchel_error err = {0};
    tables[1] = sat_backend_s3.options;
    int code = sat_config_new(tables, &config, &err);
    if (code == SATCHEL_OK)
        code = sat_config_set(config, "endpoint_url", endpoint, SAT_ORIGIN_SET, &err);
    if (code == SATCHEL_OK)
        code = sat_config_set(config, "ca_file", ca_file, SAT_ORIGIN_SET, &err);
    if (code == SATCHEL_OK)
        code = sat_conn_open(uri, config, sat_backend_find, &conn, &err);
    sat_config_free(config);
    if (code == SATCHEL_OK)
        return conn;
    fprintf(stderr, "%s\n", err.text);
    exit(2);
}

int main(int argc, char **argv)
{
    if (argc != 7)
        return 2;
    struct sat_conn *from = reach(argv[2], argv[1], argv[6]);
    struct sat_conn *to = reach(argv[5], argv[4], argv[6]);
    const struct sat_target target = {.conn = to, .base = argv[5], .head = (char[]){""}};
    const struct sat_copy_rules rules = {.target = &target, .ranges_from = 16 * 1024 * 1024};
    struct sat_item item = {
        .source = sat_strdup(argv[2]),
        .conn = from,
        .key = sat_strdup(from->root),
        .name = sat_strdup("x"),
        .own_len = 1,
        .size = strtoull(argv[3], NULL, 10),
    };
    struct sat_copy *copy = NULL;
    satchel_error err = {0};
    int code = sat_copy_new(&rules, &item, sat_strdup("x"), &copy, &err);
    if (code == SATCHEL_OK) {
        sat_copy_run(copy);
        err = copy->err;
    }
    if (err.code != SATCHEL_OK)
        fprintf(stderr, "%s\n", err.text);
    sat_copy_free(copy);
    sat_conn_close(from);
    sat_conn_close(to);
    return err.code == SATCHEL_OK ? 0 : 1;
}
