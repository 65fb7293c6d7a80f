/* Configuration files: options, databases, their URIs, origins, and every way to be refused. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/fixture.h"

static const char seed[] = "databases:\n"
                           "  - name: archive\n"
                           "    class: dataknobs_data.backends.s3.S3Database\n"
                           "    bucket: ${SAT_BUCKET}\n"
                           "    prefix: ${SAT_PREFIX:data/}\n"
                           "    region: ${SAT_REGION:us-east-1}\n"
                           "    endpoint_url: ${SAT_ENDPOINT:}  # Empty for AWS\n"
                           "    max_workers: ${SAT_WORKERS:10}\n";

static int begin(void **state)
{
    static const char *const names[] = {"SAT_BUCKET", "SAT_PREFIX", "SAT_REGION", "SAT_ENDPOINT",
                                        "SAT_WORKERS"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unsetenv(names[i]);
    return case_begin(state);
}

#define FILE_CASE(f) cmocka_unit_test_setup_teardown(f, begin, case_end)

static void assert_value(const char *key, const char *value)
{
    assert_string_equal(satchel_config_get(config, key), value);
}

static void the_founding_configuration_is_taken(void **state)
{
    (void)state;
    put("config.yaml", seed);
    assert_int_equal(setenv("SAT_BUCKET", "my-bucket", 1), 0);
    assert_int_equal(setenv("SAT_WORKERS", "16", 1), 0);
    ok(satchel_config_load_file(config, at("config.yaml"), "archive", &err));
    assert_string_equal(satchel_config_uri(config), "s3://my-bucket/data/");
    assert_value("region", "us-east-1");
    assert_value("endpoint_url", "");
    assert_value("max_workers", "16");
    assert_string_equal(satchel_config_origin(config, "endpoint_url"), "file");
}

static void the_list_is_unread_without_a_name(void **state)
{
    (void)state;
    put("config.yaml", seed);
    ok(satchel_config_load_file(config, at("config.yaml"), NULL, &err));
    assert_string_equal(satchel_config_uri(config), "");
    assert_string_equal(satchel_config_origin(config, "max_workers"), "default");
}

static void values_tell_their_line_or_variable(void **state)
{
    char wanted[600];
    (void)state;
    put("c.yaml", "max_workers: 3\n\nregion: r\ntags:\n  - a\n");
    snprintf(wanted, sizeof wanted, "%s:3", at("c.yaml"));
    ok(satchel_config_load_file(config, at("c.yaml"), NULL, &err));
    assert_string_equal(satchel_config_where(config, "region"), wanted);
    snprintf(wanted, sizeof wanted, "%s:4", at("c.yaml"));
    assert_string_equal(satchel_config_where(config, "tags"), wanted);
    ok(satchel_config_load_json(config, "{\n\"region\": \"j\"}", &err));
    assert_string_equal(satchel_config_where(config, "region"), "line 2");
    assert_string_equal(satchel_config_where(config, "lanes"), "");
    ok(satchel_config_set(config, "region", "s", &err));
    assert_string_equal(satchel_config_where(config, "region"), "");
    assert_null(satchel_config_where(config, "regoin"));
    assert_null(satchel_config_where(NULL, "region"));
    assert_string_equal(satchel_config_uri(NULL), "");
}

static void an_entry_goes_over_the_top(void **state)
{
    (void)state;
    ok(satchel_config_set(config, "lanes", "2", &err));
    put("c.json", "{\"region\": \"top\", \"max_workers\": 3, \"prefix\": \"p\", \"lanes\": 4,\n"
                  "\"databases\": [{\"name\": \"a\", \"bucket\": \"b\", \"region\": \"mine\"},\n"
                  "  {\"name\": \"b\", \"bucket\": \"c\", \"prefix\": \"\"}]}");
    ok(satchel_config_load_file(config, at("c.json"), "a", &err));
    assert_value("region", "mine");
    assert_value("max_workers", "3");
    assert_value("lanes", "2");
    assert_string_equal(satchel_config_uri(config), "s3://b/p/");
    ok(satchel_config_load_file(config, at("c.json"), "b", &err));
    assert_value("region", "top");
    assert_string_equal(satchel_config_uri(config), "s3://c/");
}

static void uri_is(const char *yaml, const char *uri)
{
    err.text[0] = '\0';
    int code = satchel_config_load_yaml(config, yaml, &err);
    if (code != SATCHEL_OK || strcmp(satchel_config_uri(config), uri) != 0)
        fail_msg("'%s': %s %s", yaml, satchel_config_uri(config), err.text);
}

static void every_class_has_its_uri(void **state)
{
    (void)state;
    uri_is("class: S3Database\nbucket: b", "s3://b/records/");
    uri_is("class: satchel.backends.s3.SyncS3Database\nbucket: b\nprefix: x//", "s3://b/x/");
    uri_is("class: dataknobs_data.backends.s3.AsyncS3Database\nbucket: b", "s3://b/records/");
    uri_is("backend: s3\nbucket: b\nprefix: ''", "s3://b/");
    uri_is("bucket: b", "s3://b/records/");
    uri_is("class: satchel.FileDatabase\npath: /tmp/x//", "file:///tmp/x/");
    uri_is("type: file\npath: /\nprefix: p/q", "file:///p/q/");
    uri_is("path: /tmp", "file:///tmp/");
    uri_is("backend: memory\nname: m", "mem://m/");
    uri_is("class: MemoryDatabase\ntype: memory\nname: m\nprefix: p", "mem://m/p/");
    uri_is("uri: mem://x/y", "mem://x/y");
    uri_is("# none", "");
    uri_is("prefix: x\nname: y", "");
}

static void a_relative_path_is_taken_from_here(void **state)
{
    char wanted[600];
    char *here = realpath(".", NULL);
    (void)state;
    assert_non_null(here);
    snprintf(wanted, sizeof wanted, "file://%s/db/", here);
    uri_is("path: db", wanted);
    free(here);
}

static void a_loaded_database_opens(void **state)
{
    char yaml[700];
    satchel_db *db = NULL;
    (void)state;
    snprintf(yaml, sizeof yaml, "databases: [{name: here, path: '%s', create_bucket: true}]",
             at("db"));
    put("c.yaml", yaml);
    ok(satchel_config_load_file(config, at("c.yaml"), "here", &err));
    ok(satchel_db_open(satchel_config_uri(config), config, &db, &err));
    ok(satchel_db_upsert(db, "a", span("{\"fields\":{}}"), NULL, &err));
    satchel_db_close(db);
    assert_int_equal(access(at("db/a.json"), R_OK), 0);
}

struct refusal {
    const char *yaml;
    const char *why;
};

static void bad_documents_are_refused_with_their_place(void **state)
{
    static const struct refusal table[] = {
        {"region: r\nregoin: x",
         "line 2, column 1: unknown option 'regoin' (did you mean 'region'?"},
        {"buckt: x", "(did you mean 'bucket'?)"},
        {"databses: []", "(did you mean 'databases'?)"},
        {"\n  lanes: x", "line 2, column 3: option 'lanes' must be a whole number, 0 to 64"},
        {"lanes:", "line 1, column 1: 'lanes' has no value"},
        {"lanes: ~", "'lanes' has no value"},
        {"lanes: ${SAT_WORKERS:null}", "'lanes' has no value"},
        {"region: ${SAT_REGION}", "line 1, column 1: environment variable SAT_REGION is not set"},
        {"region: ${SAT_REGION:?which one}", "environment variable SAT_REGION: which one"},
        {"region: [a]", "'region' takes one value, not a list"},
        {"region: {a: b}", "'region' takes one value, not a map"},
        {"tags: {a: b}", "'tags' takes one value, not a map"},
        {"tags: [a, [b]]", "'tags' takes one value, not a list"},
        {"tags: [a, 1]", "'tags' takes strings without commas"},
        {"tags: ['a,b']", "'tags' takes strings without commas"},
        {"tags: [~]", "'tags' has no value"},
        {"- a", "a configuration is a map of options"},
        {"text", "a configuration is a map of options"},
        {"region: [", "line 2, column 1: while parsing a flow"},
        {"class: Database", "line 1, column 1: unknown class 'Database' (known: S3Database"},
        {"class: other.S3Database", "unknown class 'other.S3Database'"},
        {"backend: s4", "unknown backend 's4' (known: s3, file, memory)"},
        {"class: S3Database\ntype: file",
         "line 2, column 1: it is a database of 's3' and of 'file'"},
        {"class: S3Database", "S3Database needs 'bucket'"},
        {"class: S3Database\nbucket: ''", "S3Database needs 'bucket'"},
        {"class: MemoryDatabase", "MemoryDatabase needs 'name'"},
        {"bucket: \"a\\e[1m\"", "line 1, column 1: option 'bucket' must be UTF-8 without control"},
        {"bucket: a/b", "line 1, column 1: 'a/b' has a '/' in it"},
        {"bucket: a\npath: b", "line 2, column 1: 'path' does not go with S3Database"},
        {"path: a\nuri: mem://x", "line 2, column 1: 'uri' does not go with FileDatabase"},
        {"uri: mem://x\nprefix: p", "line 2, column 1: 'prefix' does not go with 'uri'"},
    };
    (void)state;
    ok(satchel_config_load_yaml(config, "max_workers: 7\nbucket: before", &err));
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (satchel_config_load_yaml(config, table[i].yaml, &err) != SATCHEL_INVALID ||
            strstr(err.text, table[i].why) == NULL)
            fail_msg("'%s': want '%s' in '%s'", table[i].yaml, table[i].why, err.text);
    }
    assert_value("max_workers", "7");
    assert_string_equal(satchel_config_uri(config), "s3://before/records/");
}

static void nothing_changes_after_an_error(void **state)
{
    (void)state;
    ok(satchel_config_load_yaml(config, "region: a\nbucket: b", &err));
    assert_int_equal(satchel_config_load_yaml(config, "region: x\nbucket: y\nlanes: z", &err),
                     SATCHEL_INVALID);
    assert_value("region", "a");
    assert_string_equal(satchel_config_uri(config), "s3://b/records/");
}

static void refused_entry(const char *yaml, const char *name, const char *why)
{
    put("c.yaml", yaml);
    assert_int_equal(satchel_config_load_file(config, at("c.yaml"), name, &err), SATCHEL_INVALID);
    if (strstr(err.text, why) == NULL || strstr(err.text, at("c.yaml")) != err.text)
        fail_msg("want '%s' in '%s'", why, err.text);
}

static void bad_lists_of_databases_are_refused(void **state)
{
    (void)state;
    refused_entry("databases:\n  - name: archive\n    bucket: b\n", "archve",
                  "no database 'archve' in it (did you mean 'archive'?)");
    refused_entry("region: x", "a", "no database 'a' in it");
    refused_entry("databases: []", "a", "no database 'a' in it");
    refused_entry("databases:\n  a: {}", "a", "line 1, column 1: 'databases' is a list");
    refused_entry("databases:\n  - bucket: b", "a", "line 2, column 5: an entry of 'databases'");
    refused_entry("databases: [a]", "a", "line 1, column 13: an entry of 'databases'");
    refused_entry("databases:\n- {name: a, uri: mem://x}\n- {name: a}", "a",
                  "line 3, column 3: a second database 'a'");
    refused_entry("databases:\n- name: a\n  region: x", "a",
                  "database 'a' has no 'bucket', 'path' or 'uri'");
    refused_entry("databases:\n- name: a\n  databases: []", "a",
                  "line 3, column 3: 'databases' stands at the top of a file");
    refused_entry("databases:\n- name: a\n  bucket: b\n  lanes: x", "a",
                  "line 4, column 3: option 'lanes'");
}

static void entries_of_others_are_not_looked_into(void **state)
{
    (void)state;
    put("c.yaml", "databases:\n  - {name: a, bucket: b}\n"
                  "  - {name: pg, class: other.Postgres, host: h, password: '${SAT_BUCKET}'}\n");
    ok(satchel_config_load_file(config, at("c.yaml"), "a", &err));
}

static void secrets_of_a_file_stay_secret(void **state)
{
    (void)state;
    ok(satchel_config_load_yaml(config, "secret_access_key: canary-canary-canary", &err));
    assert_value("secret_access_key", "***");
    assert_int_equal(
        satchel_config_load_yaml(config, "secret_access_key: \"canary-canary\\ncanary\"", &err),
        SATCHEL_INVALID);
    assert_null(strstr(err.text, "canary"));
}

static void files_that_cannot_be_read_are_named(void **state)
{
    (void)state;
    assert_int_equal(satchel_config_load_file(config, at("missing.yaml"), NULL, &err),
                     SATCHEL_NOT_FOUND);
    assert_non_null(strstr(err.text, "missing.yaml"));
    assert_int_not_equal(satchel_config_load_file(config, at("."), NULL, &err), SATCHEL_OK);
    put("c.json", "{\"region\": x}");
    assert_int_equal(satchel_config_load_file(config, at("c.json"), NULL, &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "c.json: invalid JSON at line 1, column 12"));
    put("c.yaml", "a: \x01");
    assert_int_equal(satchel_config_load_file(config, at("c.yaml"), NULL, &err), SATCHEL_INVALID);
    assert_non_null(strstr(err.text, "c.yaml: line 1, column 4"));
}

static void null_arguments_are_answered(void **state)
{
    (void)state;
    assert_int_equal(satchel_config_load_file(NULL, "x", NULL, &err), SATCHEL_INVALID);
    assert_int_equal(satchel_config_load_file(config, NULL, NULL, &err), SATCHEL_INVALID);
    assert_int_equal(satchel_config_load_yaml(NULL, "", &err), SATCHEL_INVALID);
    assert_int_equal(satchel_config_load_yaml(config, NULL, &err), SATCHEL_INVALID);
    assert_int_equal(satchel_config_load_json(NULL, "", &err), SATCHEL_INVALID);
    assert_int_equal(satchel_config_load_json(config, NULL, &err), SATCHEL_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_CASE(the_founding_configuration_is_taken),
        FILE_CASE(the_list_is_unread_without_a_name),
        FILE_CASE(values_tell_their_line_or_variable),
        FILE_CASE(an_entry_goes_over_the_top),
        FILE_CASE(every_class_has_its_uri),
        FILE_CASE(a_relative_path_is_taken_from_here),
        FILE_CASE(a_loaded_database_opens),
        FILE_CASE(bad_documents_are_refused_with_their_place),
        FILE_CASE(nothing_changes_after_an_error),
        FILE_CASE(bad_lists_of_databases_are_refused),
        FILE_CASE(entries_of_others_are_not_looked_into),
        FILE_CASE(secrets_of_a_file_stay_secret),
        FILE_CASE(files_that_cannot_be_read_are_named),
        FILE_CASE(null_arguments_are_answered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
