/* What the conformance cases share: the backend under test, and short ways to run one op on it. */
#include "backends/fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/folder.h"
#include "backends/registry.h"
#include "core/alloc.h"
#include "core/os.h"
#include "core/str.h"

struct fixture fx;

/* ---- stores */

static const struct sat_option *tables[] = {sat_options_common, NULL, NULL};

static void set(const char *key, const char *value)
{
    satchel_error err;
    if (value != NULL && sat_config_set(fx.config, key, value, SAT_ORIGIN_SET, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
}

/* Buckets go in front of a name, not of an address; *.localhost needs no name server. */
static void set_endpoint(void)
{
    char url[64];
    const char *port = strrchr(getenv(fx.row->env), ':');
    assert_non_null(port);
    (void)snprintf(url, sizeof url, "http://localhost%s", port);
    set("endpoint_url", fx.row->subhosts ? url : getenv(fx.row->env));
    set("addressing_style", fx.row->subhosts ? "virtual" : "auto");
}

static void configure(const struct sat_backend *backend)
{
    satchel_error err;
    tables[1] = backend->options;
    if (sat_config_new(tables, &fx.config, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    set("request_timeout", "60");
    if (fx.row->env == NULL)
        return;
    set_endpoint();
    set("access_key_id", getenv("SATCHEL_TEST_S3_KEY"));
    set("secret_access_key", getenv("SATCHEL_TEST_S3_SECRET"));
    set("region", "us-east-1");
    if (sat_str_starts(getenv(fx.row->env), "https:"))
        set("ca_file", getenv("SATCHEL_TEST_CA"));
}

static void name_store(void)
{
    char folder[FOLDER_SIZE];
    (void)snprintf(fx.bucket, sizeof fx.bucket, "conformance-%s-%ld", fx.row->name, (long)getpid());
    if (sat_str_eq(fx.row->scheme, "file")) {
        folder_make(folder);
        (void)snprintf(fx.store, sizeof fx.store, "file://%s", folder);
    } else {
        (void)snprintf(fx.store, sizeof fx.store, "%s://%s", fx.row->scheme, fx.bucket);
    }
}

const char *fixture_open(const struct row *row)
{
    satchel_error err;
    const struct sat_backend *backend;
    fx = (struct fixture){.row = row};
    if (row->env != NULL && getenv(row->env) == NULL)
        return row->env;
    sat_vec_init(&fx.keys, sizeof(char *));
    name_store();
    if (row->no_xattrs)
        sat_os_fail_kind("xattr", EOPNOTSUPP);
    if (sat_backend_find(row->scheme, &backend, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    configure(backend);
    if (sat_conn_open(fx.store, fx.config, sat_backend_find, &fx.conn, &err) != SATCHEL_OK)
        fail_msg("%s", err.text);
    struct sat_op make = {.kind = SAT_OP_BUCKET_CREATE, .conn = fx.conn};
    int code = run_once(&make);
    if (code != SATCHEL_OK && code != SATCHEL_EXISTS)
        fail_msg("%s: %s", fx.store, make.err.text);
    return NULL;
}

/* Deletes every key, page by page; the first page is taken again and again. */
static void empty_store(void)
{
    bool more = true;
    while (more) {
        struct sat_op list = {.kind = SAT_OP_LIST, .conn = fx.conn};
        list.list.prefix = fx.conn->root;
        assert_runs(&list);
        more = list.page.entries.len > 0;
        for (size_t i = 0; i < list.page.entries.len; i++) {
            struct sat_op one = {
                .kind = SAT_OP_DELETE, .conn = fx.conn, .key = sat_page_key(&list.page, i)};
            assert_runs(&one);
            sat_op_fini(&one);
        }
        sat_op_fini(&list);
    }
}

void fixture_close(void)
{
    empty_store();
    if (sat_str_eq(fx.row->scheme, "file")) {
        folder_remove(fx.store + strlen("file://"));
    } else {
        struct sat_op drop = {.kind = SAT_OP_BUCKET_DELETE, .conn = fx.conn};
        assert_runs(&drop);
        sat_op_fini(&drop);
    }
    sat_conn_close(fx.conn);
    sat_config_free(fx.config);
    sat_vec_fini(&fx.keys);
}

bool quirk(enum quirk bit)
{
    return (fx.row->quirks & (unsigned)bit) != 0;
}

/* ---- cases */

int case_begin(void **state)
{
    (void)state;
    (void)snprintf(fx.prefix, sizeof fx.prefix, "%scase%u/", fx.conn->root, fx.cases++);
    return 0;
}

int case_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < fx.keys.len; i++)
        sat_free(*(char **)sat_vec_at(&fx.keys, i));
    fx.keys.len = 0;
    return 0;
}

static const char *remember(char *text)
{
    assert_non_null(text);
    assert_non_null(sat_vec_push(&fx.keys, &text));
    return text;
}

const char *key_of(const char *name)
{
    return remember(sat_strf("%s%s", fx.prefix, name));
}

const char *name_of(const char *key)
{
    assert_true(sat_str_starts(key, fx.prefix));
    return key + strlen(fx.prefix);
}

struct sat_op op_of(enum sat_op_kind kind, const char *name)
{
    struct sat_op op = {.kind = kind, .conn = fx.conn};
    if (name != NULL)
        op.key = key_of(name);
    if (kind == SAT_OP_LIST)
        op.list.prefix = fx.prefix;
    return op;
}

int run_once(struct sat_op *op)
{
    int code = sat_op_run(op, NULL);
    satchel_error err = op->err;
    sat_op_fini(op);
    op->err = err;
    return code;
}

void assert_runs_(struct sat_op *op, int want, const char *file, int line)
{
    int code = sat_op_run(op, NULL);
    if (code != want) {
        print_error("%s of '%s': %s (%s), wanted %s\n", sat_op_kind_text(op->kind),
                    op->key == NULL ? "" : op->key, satchel_code_name(code), op->err.text,
                    satchel_code_name(want));
        _fail(file, line);
    }
    if (want != SATCHEL_OK)
        assert_true(op->err.text[0] != '\0');
}

const char *put_text(const char *name, const char *text)
{
    struct sat_op op = op_of(SAT_OP_PUT, name);
    op.source = sat_source_span(sat_span_of(text));
    assert_runs(&op);
    assert_non_null(op.info.etag);
    const char *etag = remember(sat_strdup(op.info.etag));
    sat_op_fini(&op);
    return etag;
}

void assert_text(const char *name, const char *text)
{
    SAT_AUTO_BUF struct sat_buf body;
    sat_buf_init(&body, 1 << 20);
    struct sat_op op = op_of(SAT_OP_GET, name);
    op.sink = sat_sink_memory(&body);
    assert_runs(&op);
    assert_string_equal(sat_buf_str(&body), text);
    assert_int_equal(op.info.size, strlen(text));
    sat_op_fini(&op);
}

void assert_missing(const char *name)
{
    struct sat_op op = op_of(SAT_OP_STAT, name);
    assert_fails(&op, SATCHEL_NOT_FOUND);
    sat_op_fini(&op);
}
