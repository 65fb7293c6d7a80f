/* Profiles: whose keys count, what is refused, what the settings become. */
#include "backends/s3_fixture.h"

#include <errno.h>
#include <stdio.h>

#include "backends/folder.h"
#include "core/alloc.h"
#include "core/config.h"
#include "core/error.h"
#include "core/str.h"

#define KEYS(id) "aws_access_key_id = " id "\naws_secret_access_key = secret\n"

static const struct sat_option *const tables[] = {sat_options_common, NULL};

/* ---- steps */

/* The id that a GET is signed with after the steps, given the files (NULL: missing); or the error.
 */
static const char *id_of(struct s3_fixture *f, const char *profile, const char *credentials,
                         const char *config)
{
    static char id[64];
    const char *const files[] = {credentials, config};
    const char *const options[] = {"profile", profile, NULL};
    struct sat_cred_reply replies[2] = {{0}};
    struct sat_cred_want want = {0};
    assert_int_equal(s3_open_with(f, "bucket", options), SATCHEL_OK);
    for (size_t i = 0; i < 2; i++) {
        want = (struct sat_cred_want){0};
        assert_int_equal(f->backend->cred_step(&f->s3, 0, replies, i, &want, NULL), SATCHEL_OK);
        assert_int_equal(want.kind, SAT_CRED_READ_FILE);
        assert_true(sat_str_ends(want.path, i == 0 ? "/.aws/credentials" : "/.aws/config"));
        sat_buf_init(&replies[i].text, SAT_BUF_MAX_TEXT);
        replies[i].os_errno = files[i] == NULL ? ENOENT : 0;
        (void)sat_buf_add_str(&replies[i].text, files[i] == NULL ? "" : files[i]);
    }
    f->err = (satchel_error){0};
    want = (struct sat_cred_want){0};
    int code = f->backend->cred_step(&f->s3, 0, replies, 2, &want, &f->err);
    sat_buf_fini(&replies[0].text);
    sat_buf_fini(&replies[1].text);
    assert_int_equal(f->err.code, code);
    if (code != SATCHEL_OK)
        return f->err.text;
    assert_int_equal(want.kind, SAT_CRED_DONE);
    assert_int_equal(want.expires_s, 0);
    assert_int_equal(s3_build(f, SAT_OP_GET), SATCHEL_OK);
    assert_int_equal(f->backend->sign(&f->s3, want.keys, &f->endpoint, &f->request, 0, &f->err),
                     SATCHEL_OK);
    f->backend->cred_free(want.keys);
    assert_int_equal(sscanf(s3_header(f, "Authorization"), "%*[^=]=%63[^/]", id), 1);
    return id;
}

static void the_credentials_file_goes_before_the_config_file(void **state)
{
    struct s3_fixture *f = *state;
    assert_string_equal(id_of(f, "", "[default]\n" KEYS("A"), "[default]\n" KEYS("B")), "A");
    assert_string_equal(id_of(f, "", NULL, "[default]\n" KEYS("B")), "B");
    assert_string_equal(id_of(f, "d", "[default]\n" KEYS("A") "[d]\n" KEYS("D"), NULL), "D");
    assert_string_equal(id_of(f, "d", "[d]\nregion = x\n", "[profile d]\n" KEYS("B")), "B");
    assert_string_equal(id_of(f, "d e", "[x]\n", "[profile \"d e\"]\n" KEYS("B")), "B");
    assert_string_equal(id_of(f, "default", NULL, "[profile default]\n" KEYS("B")), "B");
    assert_string_equal(id_of(f, "", NULL, "[default]\n" KEYS("A") "[profile default]\n" KEYS("B")),
                        "B");
    assert_string_equal(id_of(f, "d", "[D]\n[d]\nAWS_ACCESS_KEY_ID=U\nAws_Secret_Access_Key=s", ""),
                        "U");
}

static void a_section_of_another_kind_is_no_profile(void **state)
{
    struct s3_fixture *f = *state;
    static const char missing[] =
        "profile 'd' is neither in ~/.aws/credentials nor in ~/.aws/config";
    assert_string_equal(id_of(f, "d", NULL, NULL), missing);
    assert_string_equal(id_of(f, "d", "[profile d]\n" KEYS("A"), "[d]\n" KEYS("B")), missing);
    assert_string_equal(id_of(f, "d", "[e]\n", "[profile d e]\n[profiled]\n[profile dd]\n"),
                        missing);
}

static void a_token_is_sent_and_the_old_name_goes_first(void **state)
{
    struct s3_fixture *f = *state;
    (void)id_of(f, "", "[default]\n" KEYS("A") "aws_session_token = new\n", NULL);
    assert_string_equal(s3_header(f, "x-amz-security-token"), "new");
    (void)id_of(
        f, "", "[default]\n" KEYS("A") "aws_session_token = new\naws_security_token = old\n", NULL);
    assert_string_equal(s3_header(f, "x-amz-security-token"), "old");
}

static void what_is_missing_is_told_with_its_place(void **state)
{
    struct s3_fixture *f = *state;
    assert_string_equal(id_of(f, "d", "[a]\n\n[d]\naws_access_key_id = A\n", "[profile d]\n"),
                        "~/.aws/credentials line 3: profile 'd' has no aws_secret_access_key");
    assert_string_equal(id_of(f, "d", "[d]\n", "[profile d]\nregion = x\n"),
                        "profile 'd' has no aws_access_key_id in ~/.aws/credentials, nor in "
                        "~/.aws/config");
    assert_string_equal(id_of(f, "", "[default]\n" KEYS("A") "junk\n", NULL),
                        "~/.aws/credentials line 4: want [section] or name = value");
    assert_string_equal(id_of(f, "d", "[d]\n[d]\n", NULL),
                        "~/.aws/credentials line 2: 'd' is there a second time");
    assert_string_equal(id_of(f, "", NULL, "[default]\nregion=a\nREGION=b\n"),
                        "~/.aws/config line 3: 'region' is there a second time");
    const char *none = id_of(f, "", NULL, NULL);
    assert_int_equal(f->err.code, SATCHEL_DENIED);
    assert_non_null(strstr(none, "AWS_ACCESS_KEY_ID"));
    assert_non_null(strstr(none, "no_sign_request"));
}

/* The base keys of such a profile are another identity than the one meant. */
static void a_profile_that_leads_elsewhere_is_refused(void **state)
{
    struct s3_fixture *f = *state;
    assert_string_equal(id_of(f, "", "[default]\n" KEYS("A"), "[default]\nrole_arn = r\n"),
                        "~/.aws/config line 2: profile 'default' has role_arn, which is not "
                        "supported");
    assert_int_equal(f->err.code, SATCHEL_UNSUPPORTED);
    (void)id_of(f, "", "[default]\n" KEYS("A"), "[default]\nsso_account_id = 1\n");
    assert_int_equal(f->err.code, SATCHEL_UNSUPPORTED);
    /* A credentials file's keys go before a process, as in botocore. */
    assert_string_equal(
        id_of(f, "", "[default]\n" KEYS("A"), "[default]\ncredential_process = p\n"), "A");
}

/* ---- credential_process */

#define NOW_S   INT64_C(1767225600) /* 2026-01-01T00:00:00Z */
#define PROCESS "credential_process = /opt/my\\ tool --for 'a  b' \"c\\\"\"\n"
#define COMMAND "/opt/my\\ tool --for 'a  b' \"c\\\"\""
/* What must not be shown is called so. */
#define SECRET   "hush"
#define PRINTED  "\"Version\": 1, \"AccessKeyId\": \"P\", \"SecretAccessKey\": \"" SECRET "\""
#define PREAMBLE "~/.aws/config line 3: credential_process of profile 'dev': "
#define NO_USE   PREAMBLE "what it prints is of no use: "

/* The steps of profile dev up to what the program printed, or how it failed. */
static int run_process(struct s3_fixture *f, const char *config, const char *printed,
                       const satchel_error *failed, struct sat_cred_want *want)
{
    static const char *const options[] = {"profile", "dev", NULL};
    struct sat_cred_reply replies[3] = {{.os_errno = ENOENT}};
    int code = SATCHEL_OK;
    assert_int_equal(s3_open_with(f, "bucket", options), SATCHEL_OK);
    for (size_t i = 0; i < 3; i++)
        sat_buf_init(&replies[i].text, SAT_BUF_MAX_TEXT);
    (void)sat_buf_add_str(&replies[1].text, config);
    *want = (struct sat_cred_want){0};
    f->err = (satchel_error){0};
    code = f->backend->cred_step(&f->s3, NOW_S, replies, 2, want, &f->err);
    if (code == SATCHEL_OK) {
        assert_int_equal(want->kind, SAT_CRED_RUN);
        assert_string_equal(want->command, COMMAND);
        sat_free(want->command);
        (void)sat_buf_add_str(&replies[2].text, printed);
        (void)sat_error_copy(&replies[2].err, failed);
        *want = (struct sat_cred_want){0};
        code = f->backend->cred_step(&f->s3, NOW_S, replies, 3, want, &f->err);
    }
    for (size_t i = 0; i < 3; i++)
        sat_buf_fini(&replies[i].text);
    assert_int_equal(f->err.code, code);
    assert_null(strstr(f->err.text, SECRET));
    return code;
}

#define DEV "[profile dev]\nregion = x\n" PROCESS

/* A GET signed with what was printed; when the keys end. */
static int64_t sign_printed(struct s3_fixture *f, const char *printed)
{
    struct sat_cred_want want;
    if (run_process(f, DEV, printed, NULL, &want) != SATCHEL_OK)
        fail_msg("%s: %s", printed, f->err.text);
    assert_int_equal(want.kind, SAT_CRED_DONE);
    assert_int_equal(s3_build(f, SAT_OP_GET), SATCHEL_OK);
    int code = f->backend->sign(&f->s3, want.keys, &f->endpoint, &f->request, 0, &f->err);
    f->backend->cred_free(want.keys);
    assert_int_equal(code, SATCHEL_OK);
    return want.expires_s;
}

static void a_program_may_print_the_keys(void **state)
{
    struct s3_fixture *f = *state;
    assert_int_equal(sign_printed(f, "{" PRINTED "}"), 0);
    assert_non_null(strstr(s3_header(f, "Authorization"), "Credential=P/"));
    assert_string_equal(s3_header(f, "x-amz-security-token"), "");
    assert_int_equal(sign_printed(f, " {" PRINTED ", \"SessionToken\": \"t/+=\",\n"
                                     "\"Expiration\": \"2026-01-01T01:00:00Z\", \"X\": [1]}\n"),
                     NOW_S + 3600);
    assert_string_equal(s3_header(f, "x-amz-security-token"), "t/+=");
    assert_int_equal(sign_printed(f, "{" PRINTED ", \"SessionToken\": null, \"Expiration\": null}"),
                     0);
    assert_string_equal(s3_header(f, "x-amz-security-token"), "");
    assert_int_equal(sign_printed(f, "{" PRINTED ", \"Expiration\":\"2026-01-01T02:30:00+01:00\"}"),
                     NOW_S + 90 * 60);
    assert_int_equal(sign_printed(f, "{" PRINTED ", \"Expiration\": \"2026-01-01T00:00:01.9Z\"}"),
                     NOW_S + 1);
}

static const char *refused(struct s3_fixture *f, const char *printed)
{
    struct sat_cred_want want;
    assert_int_equal(run_process(f, DEV, printed, NULL, &want), SATCHEL_DENIED);
    assert_null(want.keys);
    return f->err.text;
}

static void what_a_program_prints_must_be_keys(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const no_json[] = {"", SECRET, "{\"SecretAccessKey\": \"" SECRET,
                                          "{" PRINTED "} " SECRET,
                                          "{" PRINTED ", \"AccessKeyId\": \"" SECRET "\"}"};
    static const char *const versions[] = {
        "{}", "[]", "1", "\"" SECRET "\"", "{\"Version\": 2}", "{\"Version\": \"1\"}"};
    static const char *const keys[] = {
        "{\"Version\": 1}",
        "{\"Version\": 1, \"AccessKeyId\": \"P\"}",
        "{\"Version\": 1, \"SecretAccessKey\": \"" SECRET "\"}",
        "{\"Version\": 1, \"AccessKeyId\": \"\", \"SecretAccessKey\": \"" SECRET "\"}",
        "{\"Version\": 1, \"AccessKeyId\": 7, \"SecretAccessKey\": \"" SECRET "\"}",
        "{\"Version\": 1, \"AccessKeyId\": \"P\", \"SecretAccessKey\": [\"" SECRET "\"]}",
    };
    for (size_t i = 0; i < sizeof no_json / sizeof no_json[0]; i++)
        assert_string_equal(refused(f, no_json[i]), NO_USE "it is no JSON");
    for (size_t i = 0; i < sizeof versions / sizeof versions[0]; i++)
        assert_string_equal(refused(f, versions[i]), NO_USE "Version is not 1");
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        assert_string_equal(refused(f, keys[i]),
                            NO_USE "AccessKeyId or SecretAccessKey is missing");
}

/* Keys whose end is not understood would be used beyond it. */
static void keys_that_a_program_prints_must_end_in_the_future(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const ends[] = {"\"tomorrow\"", "\"\"", "1767229200",
                                       "{}",           "true", "\"2026-01-01T01:00:00\""};
    static const char *const past[] = {"2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z",
                                       "1970-01-01T00:00:00Z", "1960-01-01T00:00:00Z"};
    char printed[200];
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        (void)snprintf(printed, sizeof printed, "{" PRINTED ", \"Expiration\": %s}", ends[i]);
        assert_string_equal(refused(f, printed), NO_USE "Expiration is no time in ISO 8601");
    }
    for (size_t i = 0; i < sizeof past / sizeof past[0]; i++) {
        (void)snprintf(printed, sizeof printed, "{" PRINTED ", \"Expiration\": \"%s\"}", past[i]);
        assert_string_equal(refused(f, printed), NO_USE "Expiration is past");
    }
}

static void how_a_program_failed_is_told_with_its_place(void **state)
{
    struct s3_fixture *f = *state;
    struct sat_cred_want want;
    satchel_error failed = {.code = SATCHEL_IO, .text = "it ended with status 1: not logged in"};
    assert_int_equal(run_process(f, DEV, "{" PRINTED "}", &failed, &want), SATCHEL_DENIED);
    assert_string_equal(f->err.text, PREAMBLE "it ended with status 1: not logged in");
    assert_null(want.keys);
}

static void printed_keys_cannot_write_headers(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const cases[] = {
        "{\"Version\": 1, \"AccessKeyId\": \"P\\r\\nX: y\", \"SecretAccessKey\": \"" SECRET "\"}",
        "{" PRINTED ", \"SessionToken\": \"a\\nb\"}",
    };
    for (size_t i = 0; i < 2; i++) {
        struct sat_cred_want want;
        assert_int_equal(run_process(f, DEV, cases[i], NULL, &want), SATCHEL_OK);
        assert_int_equal(s3_build(f, SAT_OP_GET), SATCHEL_OK);
        assert_int_equal(f->backend->sign(&f->s3, want.keys, &f->endpoint, &f->request, 0, &f->err),
                         SATCHEL_INVALID);
        assert_int_equal(f->err.code, SATCHEL_INVALID);
        assert_null(strstr(f->err.text, SECRET));
        f->backend->cred_free(want.keys);
    }
}

/* What a program is asked for after these files, or "". */
static const char *command_of(struct s3_fixture *f, const char *credentials, const char *config)
{
    static char command[64];
    static const char *const options[] = {NULL};
    const char *const files[] = {credentials, config};
    struct sat_cred_reply replies[2] = {{0}};
    struct sat_cred_want want = {0};
    assert_int_equal(s3_open_with(f, "bucket", options), SATCHEL_OK);
    for (size_t i = 0; i < 2; i++) {
        sat_buf_init(&replies[i].text, SAT_BUF_MAX_TEXT);
        (void)sat_buf_add_str(&replies[i].text, files[i]);
    }
    assert_int_equal(f->backend->cred_step(&f->s3, 0, replies, 2, &want, &f->err), SATCHEL_OK);
    (void)snprintf(command, sizeof command, "%s", want.command == NULL ? "" : want.command);
    assert_int_equal(want.kind, want.command == NULL ? SAT_CRED_DONE : SAT_CRED_RUN);
    if (want.keys != NULL)
        f->backend->cred_free(want.keys);
    sat_free(want.command);
    for (size_t i = 0; i < 2; i++)
        sat_buf_fini(&replies[i].text);
    return command;
}

#define RUNS(name) "credential_process = " name "\n"

/* botocore's order: keys of the credentials file, a program of either file, keys of the other. */
static void a_program_stands_between_the_keys_of_the_files(void **state)
{
    struct s3_fixture *f = *state;
    assert_string_equal(command_of(f, "", "[default]\n" RUNS("p") KEYS("B")), "p");
    assert_string_equal(command_of(f, "[default]\n" RUNS("p"), "[default]\n" KEYS("B")), "p");
    assert_string_equal(command_of(f, "[default]\n" RUNS("p"), "[default]\n" RUNS("q")), "p");
    assert_string_equal(command_of(f, "[default]\n" KEYS("A") RUNS("p"), ""), "");
    assert_string_equal(command_of(f, "", "[default]\n" RUNS("") KEYS("B")), "");
    assert_string_equal(command_of(f, "[default]\n" KEYS("A"), "[default]\n" RUNS("q")), "");
    assert_string_equal(command_of(f, "[default]\n" KEYS("A"), "[profile x]\n" RUNS("q")), "");
}

static void out_of_memory_around_a_program_is_told(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const options[] = {"profile", "dev", NULL};
    struct sat_cred_reply replies[3] = {{.os_errno = ENOENT}};
    assert_int_equal(s3_open_with(f, "bucket", options), SATCHEL_OK);
    for (size_t i = 0; i < 3; i++)
        sat_buf_init(&replies[i].text, SAT_BUF_MAX_TEXT);
    (void)sat_buf_add_str(&replies[1].text, DEV);
    (void)sat_buf_add_str(&replies[2].text, "{" PRINTED ", \"SessionToken\": \"t\"}");
    for (size_t count = 2; count <= 3; count++) {
        int code = SATCHEL_NOMEM;
        for (long nth = 1; code != SATCHEL_OK; nth++) {
            struct sat_cred_want want = {0};
            assert_true(nth < 60);
            sat_alloc_fail_nth(nth);
            code = f->backend->cred_step(&f->s3, NOW_S, replies, count, &want, &f->err);
            sat_alloc_fail_nth(0);
            assert_true(code == SATCHEL_OK || code == SATCHEL_NOMEM);
            if (want.keys != NULL)
                f->backend->cred_free(want.keys);
            sat_free(want.command);
        }
    }
    for (size_t i = 0; i < 3; i++)
        sat_buf_fini(&replies[i].text);
}

/* ---- no files */

static void keys_of_ones_own_need_no_steps(void **state)
{
    struct s3_fixture *f = *state;
    static const char *const cases[][5] = {
        {"access_key_id", "A", "secret_access_key", "s", NULL},
        {"no_sign_request", "true", NULL},
    };
    for (size_t i = 0; i < 2; i++) {
        struct sat_cred_want want = {.kind = SAT_CRED_DONE};
        assert_int_equal(s3_open_with(f, "bucket", cases[i]), SATCHEL_OK);
        assert_int_equal(f->backend->cred_step(&f->s3, 0, NULL, 0, &want, NULL), SATCHEL_OK);
        assert_int_equal(want.kind, SAT_CRED_NOT_HERE);
    }
}

static void a_reply_that_calls_the_token_expired_says_so(void **state)
{
    struct s3_fixture *f = *state;
    s3_reply(f, 400, "", "<Error><Code>ExpiredToken</Code></Error>");
    assert_int_equal(s3_accept(f, SAT_OP_GET), SATCHEL_DENIED);
    assert_true(f->verdict.cred_expired);
    s3_reply(f, 403, "", "<Error><Code>AccessDenied</Code></Error>");
    assert_int_equal(s3_accept(f, SAT_OP_GET), SATCHEL_DENIED);
    assert_false(f->verdict.cred_expired);
}

/* ---- settings */

static char home[FOLDER_SIZE];
static struct sat_config *config;
static satchel_error err;

static void write_file(const char *name, const char *text)
{
    char path[FOLDER_SIZE + 32];
    (void)snprintf(path, sizeof path, "%s/.aws", home);
    assert_true(sat_os_mkdirs(AT_FDCWD, path, 0700, 0) == 0);
    (void)snprintf(path, sizeof path, "%s/.aws/%s", home, name);
    int fd = sat_os_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(sat_os_write_all(fd, text, strlen(text)), 0);
    assert_int_equal(sat_os_close(fd), 0);
}

static int home_begin(void **state)
{
    (void)state;
    folder_make(home);
    assert_int_equal(clearenv(), 0);
    assert_int_equal(setenv("HOME", home, 1), 0);
    err = (satchel_error){0};
    return sat_config_new(tables, &config, NULL);
}

static int home_end(void **state)
{
    (void)state;
    sat_alloc_fail_nth(0);
    sat_config_free(config);
    folder_remove(home);
    return 0;
}

static void set(const char *key, const char *value, enum sat_origin origin)
{
    assert_int_equal(sat_config_set(config, key, value, origin, NULL), SATCHEL_OK);
}

static int configure(void)
{
    return sat_s3_configure(config, &err);
}

static const char *place_of(const char *key)
{
    const char *where = satchel_config_where(config, key);
    return *where == '\0' ? satchel_config_origin(config, key) : where;
}

static void settings_of_the_profile_are_weaker_than_all_but_defaults(void **state)
{
    (void)state;
    write_file("config", "[profile dev]\nregion = eu-west-1\nendpoint_url = http://h:1\n"
                         "ca_bundle = /ca.pem\n[default]\nregion = eu-west-9\n");
    write_file("credentials", "[dev]\nregion = eu-west-2\n");
    set("profile", "dev", SAT_ORIGIN_SET);
    set("endpoint_url", "http://env", SAT_ORIGIN_ENV);
    assert_int_equal(configure(), SATCHEL_OK);
    assert_string_equal(sat_config_str(config, "region"), "eu-west-2");
    assert_string_equal(place_of("region"), "profile dev in ~/.aws/credentials");
    assert_string_equal(satchel_config_origin(config, "region"), "profile");
    assert_string_equal(sat_config_str(config, "endpoint_url"), "http://env");
    assert_string_equal(place_of("endpoint_url"), "env");
    assert_string_equal(sat_config_str(config, "ca_file"), "/ca.pem");
    assert_string_equal(place_of("ca_file"), "profile dev in ~/.aws/config");
}

static void without_a_name_the_default_profile_counts_if_there_is_one(void **state)
{
    (void)state;
    assert_int_equal(configure(), SATCHEL_OK);
    assert_string_equal(place_of("region"), "default");
    write_file("config", "[default]\nregion = eu-west-9\n");
    assert_int_equal(configure(), SATCHEL_OK);
    assert_string_equal(sat_config_str(config, "region"), "eu-west-9");
    set("profile", "nope", SAT_ORIGIN_ENV);
    assert_int_equal(configure(), SATCHEL_INVALID);
    assert_string_equal(err.text,
                        "profile 'nope' is neither in ~/.aws/credentials nor in ~/.aws/config");
    assert_int_equal(unsetenv("HOME"), 0);
    set("profile", NULL, SAT_ORIGIN_SET);
    assert_int_equal(configure(), SATCHEL_OK);
}

static void a_named_profile_sets_the_environments_keys_aside(void **state)
{
    (void)state;
    set("access_key_id", "E", SAT_ORIGIN_ENV);
    set("secret_access_key", "S", SAT_ORIGIN_ENV);
    set("profile", "dev", SAT_ORIGIN_ENV);
    assert_string_equal(sat_config_str(config, "access_key_id"), "E");
    set("profile", "dev", SAT_ORIGIN_SET);
    assert_string_equal(sat_config_str(config, "access_key_id"), "");
    assert_string_equal(sat_config_str(config, "secret_access_key"), "");
    set("access_key_id", "P", SAT_ORIGIN_SET);
    assert_string_equal(sat_config_str(config, "access_key_id"), "P");
}

static void an_empty_setting_is_none_and_hides_the_config_files(void **state)
{
    (void)state;
    write_file("credentials", "[default]\nregion =\n");
    write_file("config", "[default]\nregion = eu-west-9\nendpoint_url =\n");
    assert_int_equal(configure(), SATCHEL_OK);
    assert_string_equal(place_of("region"), "default");
    assert_string_equal(place_of("endpoint_url"), "default");
}

static void a_bad_setting_is_told_with_its_line(void **state)
{
    (void)state;
    write_file("config", "[default]\nregion = a\n  b\n");
    assert_int_equal(configure(), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "~/.aws/config line 2: option 'region'"));
    write_file("config", "region = a\n");
    assert_int_equal(configure(), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "~/.aws/config line 1: "));
    set("shared_config_file", home, SAT_ORIGIN_SET);
    assert_int_equal(configure(), SATCHEL_IO);
    assert_non_null(strstr(err.text, home));
}

static void out_of_memory_is_told(void **state)
{
    (void)state;
    int code = SATCHEL_NOMEM;
    write_file("config", "[default]\nregion = eu-west-9\nca_bundle = /c\n");
    write_file("credentials", "[default]\n" KEYS("A"));
    for (long nth = 1; code != SATCHEL_OK; nth++) {
        assert_true(nth < 100);
        sat_alloc_fail_nth(nth);
        code = configure();
        sat_alloc_fail_nth(0);
        assert_true(code == SATCHEL_OK || code == SATCHEL_NOMEM);
    }
}

#define HOME_TEST(name) cmocka_unit_test_setup_teardown(name, home_begin, home_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        S3_TEST(the_credentials_file_goes_before_the_config_file),
        S3_TEST(a_section_of_another_kind_is_no_profile),
        S3_TEST(a_token_is_sent_and_the_old_name_goes_first),
        S3_TEST(what_is_missing_is_told_with_its_place),
        S3_TEST(a_profile_that_leads_elsewhere_is_refused),
        S3_TEST(a_program_may_print_the_keys),
        S3_TEST(what_a_program_prints_must_be_keys),
        S3_TEST(keys_that_a_program_prints_must_end_in_the_future),
        S3_TEST(how_a_program_failed_is_told_with_its_place),
        S3_TEST(printed_keys_cannot_write_headers),
        S3_TEST(a_program_stands_between_the_keys_of_the_files),
        S3_TEST(out_of_memory_around_a_program_is_told),
        S3_TEST(keys_of_ones_own_need_no_steps),
        S3_TEST(a_reply_that_calls_the_token_expired_says_so),
        HOME_TEST(settings_of_the_profile_are_weaker_than_all_but_defaults),
        HOME_TEST(without_a_name_the_default_profile_counts_if_there_is_one),
        HOME_TEST(a_named_profile_sets_the_environments_keys_aside),
        HOME_TEST(an_empty_setting_is_none_and_hides_the_config_files),
        HOME_TEST(a_bad_setting_is_told_with_its_line),
        HOME_TEST(out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
