/*
 * Profiles of AWS's shared files: settings at open, credentials at first need. A profile's own
 * section is [NAME] in the credentials file, [profile NAME] or [default] in the config file; where
 * both have a key, the credentials file's counts. Keys may also come from a program it names.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "backends/s3.h"
#include "core/alloc.h"
#include "core/clock.h"
#include "core/config.h"
#include "core/error.h"
#include "core/ini.h"
#include "core/json.h"
#include "core/os.h"
#include "core/str.h"

/* In the order in which the steps ask for them; behind them what credential_process printed. */
enum file { CREDENTIALS, CONFIG, FILES };

enum { SETTINGS_FILE_MAX = 1024 * 1024 };

enum key {
    KEY_ID,
    KEY_SECRET,
    KEY_TOKEN,
    KEY_OLD_TOKEN, /* the same by its former name, which goes first */
    KEY_REGION,
    KEY_ENDPOINT,
    KEY_CA,
    KEY_ROLE,
    KEY_SSO,
    KEY_PROCESS,
    KEYS
};

static const char *const key_names[KEYS] = {
    [KEY_ID] = "aws_access_key_id",
    [KEY_SECRET] = "aws_secret_access_key",
    [KEY_TOKEN] = "aws_session_token",
    [KEY_OLD_TOKEN] = "aws_security_token",
    [KEY_REGION] = "region",
    [KEY_ENDPOINT] = "endpoint_url",
    [KEY_CA] = "ca_bundle",
    [KEY_ROLE] = "role_arn",
    [KEY_SSO] = "sso_account_id",
    [KEY_PROCESS] = "credential_process",
};

struct value {
    char *text;
    unsigned line;
};

struct profile {
    const char *name;
    const char *paths[FILES]; /* as messages call them */
    int64_t now_s;            /* Unix time */
    enum file at;             /* the file being read */
    bool here;                /* the section being read is the profile's */
    char *heads[FILES];       /* its section's; NULL = it has none */
    unsigned lines[FILES];    /* of these */
    struct value values[FILES][KEYS];
};

static void forget(struct profile *profile, enum file file)
{
    for (size_t key = 0; key < KEYS; key++) {
        char *text = profile->values[file][key].text;
        if (text != NULL)
            sat_cleanse(text, strlen(text));
        sat_free(text);
        profile->values[file][key] = (struct value){0};
    }
    sat_free(profile->heads[file]);
    profile->heads[file] = NULL;
}

static void profile_fini(struct profile *profile)
{
    forget(profile, CREDENTIALS);
    forget(profile, CONFIG);
}

/* ---- reading */

/* The name in "profile NAME", maybe in quotes. */
static satchel_span profile_name(const char *section)
{
    static const char blanks[] = " \t";
    satchel_span name = {0};
    section += strlen("profile");
    size_t skip = strspn(section, blanks);
    const char *at = section + skip;
    size_t len = strlen(at);
    bool quoted = len > 1 && (*at == '"' || *at == '\'') && at[len - 1] == *at;
    if (skip > 0 && (quoted || at[strcspn(at, blanks)] == '\0'))
        name = (satchel_span){.data = at + quoted, .len = len - (quoted ? 2 : 0)};
    return name;
}

static bool is_section_of(const struct profile *profile, const char *section)
{
    if (profile->at == CREDENTIALS)
        return sat_str_eq(section, profile->name);
    if (sat_str_starts(section, "profile"))
        return sat_span_eq(profile_name(section), profile->name);
    return sat_str_eq(section, "default") && sat_str_eq(profile->name, "default");
}

static int twice(const struct profile *profile, const char *what, unsigned line, satchel_error *err)
{
    return sat_error_set(err, SATCHEL_INVALID, "%s line %u: '%s' is there a second time",
                         profile->paths[profile->at], line, what);
}

/* Of [default] and [profile default] the later one counts; the same head twice is a mistake. */
static int begin_section(struct profile *profile, const struct sat_ini_entry *entry,
                         satchel_error *err)
{
    char **head = &profile->heads[profile->at];
    profile->here = is_section_of(profile, entry->section);
    if (!profile->here)
        return SATCHEL_OK;
    if (*head != NULL && sat_str_eq(*head, entry->section))
        return twice(profile, entry->section, entry->line, err);
    forget(profile, profile->at);
    *head = sat_strdup(entry->section);
    profile->lines[profile->at] = entry->line;
    return *head == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

static int on_entry(void *user, const struct sat_ini_entry *entry, satchel_error *err)
{
    struct profile *profile = user;
    if (entry->name == NULL)
        return begin_section(profile, entry, err);
    for (size_t key = 0; profile->here && key < KEYS; key++) {
        struct value *value = &profile->values[profile->at][key];
        if (!sat_str_eq_nocase(entry->name, key_names[key]))
            continue;
        if (value->text != NULL)
            return twice(profile, key_names[key], entry->line, err);
        value->line = entry->line;
        value->text = sat_strdup(entry->value);
        return value->text == NULL ? sat_error_nomem(err) : SATCHEL_OK;
    }
    return SATCHEL_OK;
}

static int read_text(struct profile *profile, enum file file, satchel_span text, int os_errno,
                     satchel_error *err)
{
    const char *path = profile->paths[file];
    if (os_errno == ENOENT || os_errno == ENOTDIR)
        return SATCHEL_OK;
    if (os_errno != 0)
        return sat_error_os(err, os_errno, "reading '%s'", path);
    profile->at = file;
    profile->here = false;
    return sat_ini_parse(text, path, on_entry, profile, err);
}

/* The value in force and its file; NULL when neither has one. An empty one is as good as none. */
static const struct value *find(const struct profile *profile, enum key key, enum file *file)
{
    for (*file = CREDENTIALS; *file < FILES; (*file)++) {
        const struct value *value = &profile->values[*file][key];
        if (value->text != NULL)
            return *value->text == '\0' ? NULL : value;
    }
    return NULL;
}

/* A profile that was named must be there; the default one need not. */
static int check_found(const struct profile *profile, bool named, satchel_error *err)
{
    if (!named || profile->heads[CREDENTIALS] != NULL || profile->heads[CONFIG] != NULL)
        return SATCHEL_OK;
    return sat_error_set(err, SATCHEL_INVALID, "profile '%s' is neither in %s nor in %s",
                         profile->name, profile->paths[CREDENTIALS], profile->paths[CONFIG]);
}

/* ---- settings */

static const char *or_default(const char *name)
{
    return *name == '\0' ? "default" : name;
}

/* "~/x" in the user's folder; "" without one. NULL when out of memory. */
static char *full_path(const char *path)
{
    const char *home = getenv("HOME");
    if (!sat_str_starts(path, "~/"))
        return sat_strdup(path);
    return home == NULL || *home == '\0' ? sat_strdup("") : sat_strf("%s%s", home, path + 1);
}

static int read_settings_file(struct profile *profile, enum file file, satchel_error *err)
{
    SAT_AUTO_FREE char *path = full_path(profile->paths[file]);
    struct sat_buf text;
    sat_buf_init(&text, SETTINGS_FILE_MAX);
    if (path == NULL || sat_buf_reserve(&text, SETTINGS_FILE_MAX) == NULL) {
        sat_buf_fini(&text);
        return sat_error_nomem(err);
    }
    int os_errno = -sat_os_read_file(AT_FDCWD, path, SETTINGS_FILE_MAX, &text);
    int code = read_text(profile, file, sat_buf_span(&text), os_errno, err);
    sat_cleanse(text.data, text.len);
    sat_buf_fini(&text);
    return code;
}

static int set_option(const struct profile *profile, enum key key, const char *option,
                      struct sat_config *config, satchel_error *err)
{
    enum file file;
    const struct value *value = find(profile, key, &file);
    if (value == NULL)
        return SATCHEL_OK;
    SAT_AUTO_FREE char *where = sat_strf("profile %s in %s", profile->name, profile->paths[file]);
    if (where == NULL)
        return sat_error_nomem(err);
    const struct sat_config_source source = {.origin = SAT_ORIGIN_PROFILE, .where = where};
    int code = sat_config_set_from(config, option, value->text, &source, err);
    if (code != SATCHEL_OK)
        sat_error_prefix(err, "%s line %u: ", profile->paths[file], value->line);
    return code;
}

int sat_s3_configure(struct sat_config *config, satchel_error *err)
{
    const char *name = sat_config_str(config, "profile");
    struct profile profile = {
        .name = or_default(name),
        .paths = {sat_config_str(config, "shared_credentials_file"),
                  sat_config_str(config, "shared_config_file")},
    };
    int code = read_settings_file(&profile, CREDENTIALS, err);
    if (code == SATCHEL_OK)
        code = read_settings_file(&profile, CONFIG, err);
    if (code == SATCHEL_OK)
        code = check_found(&profile, *name != '\0', err);
    if (code == SATCHEL_OK)
        code = set_option(&profile, KEY_REGION, "region", config, err);
    if (code == SATCHEL_OK)
        code = set_option(&profile, KEY_ENDPOINT, "endpoint_url", config, err);
    if (code == SATCHEL_OK)
        code = set_option(&profile, KEY_CA, "ca_file", config, err);
    profile_fini(&profile);
    return code;
}

/* ---- credentials */

int sat_s3_cred_open(struct sat_s3 *s3, const struct sat_config *config, satchel_error *err)
{
    s3->profile = sat_strdup(sat_config_str(config, "profile"));
    for (size_t i = 0; i < FILES; i++) {
        const char *path = sat_config_str(config, i == CREDENTIALS ? "shared_credentials_file"
                                                                   : "shared_config_file");
        s3->shown_files[i] = sat_strdup(path);
        s3->files[i] = full_path(path);
        if (s3->shown_files[i] == NULL || s3->files[i] == NULL)
            return sat_error_nomem(err);
    }
    return s3->profile == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

void sat_s3_cred_close(struct sat_s3 *s3)
{
    sat_free(s3->profile);
    for (size_t i = 0; i < FILES; i++) {
        sat_free(s3->files[i]);
        sat_free(s3->shown_files[i]);
    }
}

/* Keys of a profile that say to go elsewhere: others than the ones meant must not be used. */
static int refuse(const struct profile *profile, enum key key, satchel_error *err)
{
    enum file file;
    const struct value *value = find(profile, key, &file);
    if (value == NULL)
        return SATCHEL_OK;
    return sat_error_set(err, SATCHEL_UNSUPPORTED,
                         "%s line %u: profile '%s' has %s, which is not supported",
                         profile->paths[file], value->line, profile->name, key_names[key]);
}

static const char *text_of(const struct value *value)
{
    return value->text == NULL ? "" : value->text;
}

/* The signer of one file's keys; NULL and OK when it has none. */
static int make_signer(const struct profile *profile, enum file file, struct sat_sigv4 **signer,
                       satchel_error *err)
{
    const struct value *values = profile->values[file];
    const struct value *token = &values[KEY_OLD_TOKEN];
    const struct sat_sigv4_keys keys = {
        .access_key_id = text_of(&values[KEY_ID]),
        .secret_access_key = text_of(&values[KEY_SECRET]),
        .session_token = text_of(token->text != NULL ? token : &values[KEY_TOKEN]),
        .service = "s3",
    };
    *signer = NULL;
    if (values[KEY_ID].text == NULL)
        return SATCHEL_OK;
    for (enum key key = KEY_ID; key <= KEY_SECRET; key++) {
        if (*text_of(&values[key]) == '\0')
            return sat_error_set(err, SATCHEL_INVALID, "%s line %u: profile '%s' has no %s",
                                 profile->paths[file], profile->lines[file], profile->name,
                                 key_names[key]);
    }
    *signer = sat_sigv4_new(&keys);
    return *signer == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

static int not_found(const struct sat_s3 *s3, const struct profile *profile, satchel_error *err)
{
    if (*s3->profile != '\0')
        return sat_error_set(err, SATCHEL_DENIED,
                             "profile '%s' has no aws_access_key_id in %s, "
                             "nor in %s",
                             profile->name, profile->paths[CREDENTIALS], profile->paths[CONFIG]);
    return sat_error_set(err, SATCHEL_DENIED,
                         "no credentials for s3://%s: set access_key_id and secret_access_key "
                         "(AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY), a profile in %s, or "
                         "no_sign_request=true for a public bucket",
                         s3->bucket, profile->paths[CREDENTIALS]);
}

/* ---- credential_process
 *
 * A program that prints one JSON object, Version 1: AWS SDKs and Tools Reference Guide, "Process
 * credential provider".
 */

static int no_use(const char *why, satchel_error *err)
{
    return sat_error_set(err, SATCHEL_DENIED, "what it prints is of no use: %s", why);
}

static int read_printed(const struct sat_json *root, int64_t now_s, struct sat_cred_want *want,
                        satchel_error *err)
{
    const struct sat_json *ends = sat_json_get(root, "Expiration");
    const struct sat_sigv4_keys keys = {
        .access_key_id = sat_json_str(sat_json_get(root, "AccessKeyId")),
        .secret_access_key = sat_json_str(sat_json_get(root, "SecretAccessKey")),
        .session_token = sat_json_str(sat_json_get(root, "SessionToken")),
        .service = "s3",
    };
    int64_t ends_ns = 0;
    if (sat_json_int(sat_json_get(root, "Version")) != 1)
        return no_use("Version is not 1", err);
    if (*keys.access_key_id == '\0' || *keys.secret_access_key == '\0')
        return no_use("AccessKeyId or SecretAccessKey is missing", err);
    bool stays = ends == NULL || sat_json_type(ends) == SAT_JSON_NULL;
    if (!stays && !sat_clock_parse_rfc3339(sat_json_str(ends), &ends_ns))
        return no_use("Expiration is no time in ISO 8601", err);
    want->expires_s = ends_ns / SAT_NS_PER_S;
    if (!stays && want->expires_s <= now_s)
        return no_use("Expiration is past", err);
    want->keys = sat_sigv4_new(&keys);
    return want->keys == NULL ? sat_error_nomem(err) : SATCHEL_OK;
}

static int take_printed(const struct sat_cred_reply *printed, int64_t now_s,
                        struct sat_cred_want *want, satchel_error *err)
{
    SAT_AUTO_JSON struct sat_json *root = NULL;
    if (printed->err.code != SATCHEL_OK)
        return sat_error_set(err, SATCHEL_DENIED, "%s", printed->err.text);
    if (sat_json_parse(sat_buf_span(&printed->text), &root, NULL) != SATCHEL_OK)
        return no_use("it is no JSON", err); /* the parser's message would show some of it */
    return read_printed(root, now_s, want, err);
}

/* Wants the program run, or takes what it printed. */
static int use_process(const struct profile *profile, const struct sat_cred_reply *printed,
                       struct sat_cred_want *want, satchel_error *err)
{
    enum file file;
    const struct value *command = find(profile, KEY_PROCESS, &file);
    if (printed == NULL) {
        want->kind = SAT_CRED_RUN;
        want->command = sat_strdup(command->text);
        return want->command == NULL ? sat_error_nomem(err) : SATCHEL_OK;
    }
    int code = take_printed(printed, profile->now_s, want, err);
    if (code != SATCHEL_OK)
        sat_error_prefix(err,
                         "%s line %u: credential_process of profile '%s': ", profile->paths[file],
                         command->line, profile->name);
    return code;
}

/* ---- the choice */

static int take_file_keys(const struct profile *profile, enum file file, struct sat_cred_want *want,
                          satchel_error *err)
{
    struct sat_sigv4 *signer = NULL;
    int code = make_signer(profile, file, &signer, err);
    want->keys = signer;
    return code;
}

/*
 * Both files are in the profile: the order is botocore's. `printed` is what its program printed,
 * NULL before it ran.
 */
static int choose(const struct sat_s3 *s3, const struct profile *profile,
                  const struct sat_cred_reply *printed, struct sat_cred_want *want,
                  satchel_error *err)
{
    enum file file;
    int code = check_found(profile, *s3->profile != '\0', err);
    if (code == SATCHEL_OK)
        code = refuse(profile, KEY_ROLE, err);
    if (code == SATCHEL_OK)
        code = refuse(profile, KEY_SSO, err);
    if (code == SATCHEL_OK)
        code = take_file_keys(profile, CREDENTIALS, want, err);
    if (code != SATCHEL_OK || want->keys != NULL)
        return code;
    if (find(profile, KEY_PROCESS, &file) != NULL)
        return use_process(profile, printed, want, err);
    code = take_file_keys(profile, CONFIG, want, err);
    return code == SATCHEL_OK && want->keys == NULL ? not_found(s3, profile, err) : code;
}

int sat_s3_cred_step(const void *state, int64_t now_s, const struct sat_cred_reply *replies,
                     size_t count, struct sat_cred_want *want, satchel_error *err)
{
    const struct sat_s3 *s3 = state;
    if (s3->anonymous || s3->signer != NULL) {
        want->kind = SAT_CRED_NOT_HERE;
        return SATCHEL_OK;
    }
    if (count < FILES) {
        want->kind = SAT_CRED_READ_FILE;
        want->path = s3->files[count];
        return SATCHEL_OK;
    }
    struct profile profile = {
        .name = or_default(s3->profile),
        .paths = {s3->shown_files[CREDENTIALS], s3->shown_files[CONFIG]},
        .now_s = now_s,
    };
    int code = SATCHEL_OK;
    want->kind = SAT_CRED_DONE;
    for (size_t i = 0; code == SATCHEL_OK && i < FILES; i++)
        code = read_text(&profile, (enum file)i, sat_buf_span(&replies[i].text),
                         replies[i].os_errno, err);
    if (code == SATCHEL_OK)
        code = choose(s3, &profile, count > FILES ? &replies[FILES] : NULL, want, err);
    profile_fini(&profile);
    return code;
}

void sat_s3_cred_free(void *keys)
{
    sat_sigv4_free(keys);
}
