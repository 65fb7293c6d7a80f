/* An s3 connection without a network, for the tests of src/backends/s3*.c. */
#include "backends/s3_fixture.h"

#include "backends/registry.h"
#include "core/alloc.h"
#include "core/config.h"
#include "core/option.h"
#include "core/str.h"

static const struct sat_option *const tables[] = {sat_options_common, NULL};

int s3_open_with(struct s3_fixture *f, const char *bucket, const char *const *options)
{
    SAT_AUTO_CONFIG struct sat_config *config = NULL;
    struct sat_uri uri = {.scheme = (char[]){"s3"}, .path = (char[]){""}};
    char name[128];
    assert_true(strlen(bucket) < sizeof name);
    memcpy(name, bucket, strlen(bucket) + 1);
    uri.bucket = name;
    assert_int_equal(sat_config_new(tables, &config, NULL), SATCHEL_OK);
    /* What the environment of the test run says must not matter. */
    static const char *const neutral[] = {"endpoint_url",      "region",
                                          "access_key_id",     "secret_access_key",
                                          "session_token",     "request_checksum_calculation",
                                          "profile",           "shared_credentials_file",
                                          "shared_config_file"};
    for (size_t i = 0; i < sizeof neutral / sizeof neutral[0]; i++)
        assert_int_equal(sat_config_set(config, neutral[i], NULL, SAT_ORIGIN_SET, NULL),
                         SATCHEL_OK);
    for (; *options != NULL; options += 2)
        assert_int_equal(sat_config_set(config, options[0], options[1], SAT_ORIGIN_SET, NULL),
                         SATCHEL_OK);
    f->backend->close(&f->s3);
    return f->backend->open(&f->s3, &uri, config, &f->endpoint, &f->err);
}

int s3_setup(void **state)
{
    static const char *const options[] = {
        "endpoint_url", "http://127.0.0.1:9000", "region", "us-east-1", "access_key_id",
        "AKIDEXAMPLE",  "secret_access_key",     "secret", NULL};
    struct s3_fixture *f = sat_calloc(1, sizeof *f);
    assert_non_null(f);
    f->backend = &sat_backend_s3;
    sat_request_init(&f->request);
    sat_reply_init(&f->reply);
    f->op.key = "a/key";
    f->op.list.prefix = "";
    *state = f;
    return s3_open_with(f, "bucket", options);
}

int s3_teardown(void **state)
{
    struct s3_fixture *f = *state;
    sat_op_fini(&f->op);
    sat_request_fini(&f->request);
    sat_reply_fini(&f->reply);
    f->backend->close(&f->s3);
    sat_free(f);
    return 0;
}

int s3_build(struct s3_fixture *f, enum sat_op_kind kind)
{
    f->op.kind = kind;
    sat_request_reset(&f->request);
    return f->backend->slots[kind].build(&f->s3, &f->op, &f->request, &f->err);
}

void s3_reply(struct s3_fixture *f, int status, const char *headers, const char *body)
{
    sat_reply_reset(&f->reply);
    f->reply.status = status;
    while (*headers != '\0') {
        size_t len = strcspn(headers, "\n");
        assert_int_equal(sat_reply_add_header(&f->reply, headers, len), SATCHEL_OK);
        headers += len + (headers[len] == '\n' ? 1 : 0);
    }
    f->reply.received = strlen(body);
    assert_int_equal(sat_buf_add_str(&f->reply.body, body), SATCHEL_OK);
}

int s3_accept(struct s3_fixture *f, enum sat_op_kind kind)
{
    const struct sat_slot *slot = &f->backend->slots[kind];
    f->op.kind = kind;
    f->err = (satchel_error){0};
    f->verdict = (struct sat_verdict){.code = -1};
    if (slot->head != NULL && f->reply.status >= 200 && f->reply.status < 300) {
        f->verdict.code = slot->head(&f->s3, &f->op, &f->reply, &f->err);
        if (f->verdict.code != SATCHEL_OK)
            return f->verdict.code;
    }
    slot->accept(&f->s3, &f->op, &f->reply, &f->verdict, &f->err);
    if (f->verdict.code != SATCHEL_OK) {
        assert_int_equal(f->err.code, f->verdict.code);
        assert_true(f->err.text[0] != '\0');
    }
    return f->verdict.code;
}

const char *s3_header(const struct s3_fixture *f, const char *name)
{
    const char *value = sat_request_find(&f->request, name);
    return value == NULL ? "" : value;
}
