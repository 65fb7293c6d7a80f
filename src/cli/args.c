/* The command line: the table of options, and finding in argv what it describes. */
#include "args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "out.h"
#include "text.h"

#define AT(member) offsetof(struct cli_options, member)

/* Commands that wait for a conflict policy; those with a WHERE operand take it there. */
#define CONFLICTS (CLI_G_IMPORT | CLI_G_MIGRATE)

const struct cli_option cli_options_table[] = {
    {"recursive", 'r', CLI_FLAG, CLI_G_COPY | CLI_G_LS | CLI_G_RM, AT(recursive), NULL,
     "folders and prefixes with all below them"},
    {"create-bucket", 'c', CLI_FLAG, CLI_G_COPY | CLI_G_REC, AT(create_bucket), NULL,
     "make a missing destination bucket or folder"},
    {"jobs", 'j', CLI_NUMBER, CLI_G_COPY, AT(jobs), "N", "objects at once (32)"},
    {"dry-run", 'n', CLI_FLAG, CLI_G_COPY | CLI_G_RM, AT(dry_run), NULL,
     "print what would be done, change nothing"},
    {"if-exists", 0, CLI_CHOICE, CLI_G_COPY, AT(if_exists), "overwrite|skip|error",
     "when the destination has an object of that name (overwrite)"},
    {"verify", 0, CLI_FLAG, CLI_G_COPY, AT(verify), NULL, "read back what was written and compare"},
    {"pattern", 0, CLI_CHOICE, CLI_G_COPY, AT(pattern), "auto|glob|literal|regex",
     "how sources are read; auto: an existing name is literal, else what it looks like"},
    {"regex", 0, CLI_FLAG, CLI_G_COPY, AT(regex), NULL, "same as --pattern regex"},
    {"long", 'l', CLI_FLAG, CLI_G_LS, AT(long_form), NULL, "size and time in front of each name"},
    {"create", 0, CLI_FLAG, CLI_G_PUT, AT(create), NULL, "the id must be new"},
    {"expected", 0, CLI_TEXT, CLI_G_PUT | CLI_G_DELETE, AT(expected), "TOKEN",
     "only over this version: its token, or its number"},
    {"exact", 0, CLI_FLAG, CLI_G_DELETE, AT(exact), NULL,
     "a record that is not there is an error, for one more request"},
    {"json-query", 0, CLI_TEXT, CLI_G_QUERY | CLI_G_COUNT, AT(json_query), "FILE|-",
     "the query in its JSON form, instead of WHERE and the options below"},
    {"sort", 0, CLI_TEXT, CLI_G_QUERY, AT(sort), "FIELD[:desc],...", "order of the records"},
    {"limit", 0, CLI_NUMBER, CLI_G_QUERY, AT(limit), "N", "at most N records"},
    {"offset", 0, CLI_NUMBER, CLI_G_QUERY, AT(offset), "N", "without the first N"},
    {"fields", 0, CLI_TEXT, CLI_G_QUERY, AT(fields), "FIELD,...",
     "only these fields; without WHERE"},
    {"id-field", 0, CLI_TEXT, CLI_G_IMPORT, AT(id_field), "NAME", "the member that holds the id"},
    {"at", 0, CLI_TEXT, CLI_G_IMPORT, AT(at), "/POINTER",
     "JSON: where in the document the array is"},
    {"format", 0, CLI_CHOICE, CLI_G_IMPORT | CLI_G_EXPORT, AT(format), "auto|ndjson|json|csv",
     "of the file; auto: by its name, else ndjson"},
    {"on-conflict", 0, CLI_CHOICE, CONFLICTS, AT(on_conflict), "error|skip|upsert",
     "when an id is taken (error)"},
    {"whole", 0, CLI_FLAG, CLI_G_IMPORT | CLI_G_EXPORT, AT(whole), NULL,
     "items are whole records with id, fields and metadata, not bare fields"},
    {"where", 0, CLI_TEXT, CLI_G_EXPORT | CLI_G_MIGRATE, AT(where), "WHERE",
     "only the records this finds"},
    {"delete-source", 0, CLI_FLAG, CLI_G_MIGRATE, AT(delete_source), NULL,
     "delete each record from the source once it is verified"},
    {"no-verify", 0, CLI_FLAG, CLI_G_MIGRATE, AT(no_verify), NULL,
     "trust the acknowledgement, do not read back"},
    {"stats", 0, CLI_FLAG, CLI_G_REC, AT(stats), NULL,
     "at the end, the requests by kind to stderr"},
    {"config", 0, CLI_TEXT, CLI_G_STORE, AT(config), "FILE",
     "settings from a YAML or JSON file ($SATCHEL_CONFIG)"},
    {"database", 0, CLI_TEXT, CLI_G_STORE, AT(database), "NAME",
     "those of this entry of the file's databases, too"},
    {"set", 0, CLI_TEXTS, CLI_G_STORE, AT(set), "KEY=VALUE",
     "an option of the store ('satchel help options'); KEY=@FILE reads its value"},
    {"profile", 0, CLI_TEXT, CLI_G_STORE, AT(profile), "NAME", "same as --set profile=NAME"},
    {"region", 0, CLI_TEXT, CLI_G_STORE, AT(region), "NAME", "same as --set region=NAME"},
    {"endpoint-url", 0, CLI_TEXT, CLI_G_STORE, AT(endpoint_url), "URL",
     "same as --set endpoint_url=URL"},
    {"ca-file", 0, CLI_TEXT, CLI_G_STORE, AT(ca_file), "FILE", "same as --set ca_file=FILE"},
    {"max-memory", 0, CLI_TEXT, CLI_G_STORE, AT(max_memory), "SIZE",
     "same as --set max_memory=SIZE"},
    {"no-sign-request", 0, CLI_FLAG, CLI_G_STORE, AT(no_sign_request), NULL,
     "same as --set no_sign_request=true"},
    {"progress", 0, CLI_CHOICE, CLI_G_JOB, AT(progress), "auto|bar|plain|none",
     "auto: a bar on a terminal, else a line now and then"},
    {"progress-every", 0, CLI_NUMBER, CLI_G_JOB, AT(progress_every), "SECONDS",
     "between the lines of plain progress (30)"},
    {"json", 0, CLI_FLAG, CLI_G_JSON, AT(json), NULL, "one JSON object a line, the last a summary"},
    {"quiet", 'q', CLI_FLAG, CLI_G_STORE, AT(quiet), NULL, "errors only"},
    {"verbose", 'v', CLI_TIMES, CLI_G_STORE, AT(verbose), NULL,
     "the library's log to stderr; -vv with each request"},
    {"help", 'h', CLI_FLAG, CLI_G_ALWAYS, AT(help), NULL, "this text"},
    {"version", 0, CLI_FLAG, CLI_G_ALWAYS, AT(version), NULL, "the version"},
    {0},
};

enum { OPTION_COUNT = sizeof cli_options_table / sizeof cli_options_table[0] - 1 };

/* ---- likeness */

enum { WORD_MAX = 40 };

/* Edits (insert, delete, replace) between two words of at most WORD_MAX bytes. */
static size_t edits(const char *a, const char *b)
{
    size_t row[WORD_MAX + 1];
    size_t b_len = strlen(b);
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; a[i - 1] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];
            size_t best = above < row[j - 1] ? above + 1 : row[j - 1] + 1;
            size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
            row[j] = best < replaced ? best : replaced;
            diagonal = above;
        }
    }
    return row[b_len];
}

const char *cli_nearest(const char *word, const char *const *words)
{
    const char *nearest = NULL;
    size_t least = strlen(word) / 3 + 1; /* as far or further away is another word */
    if (strlen(word) > WORD_MAX)
        return NULL;
    for (; *words != NULL; words++) {
        size_t distance = strlen(*words) <= WORD_MAX ? edits(word, *words) : WORD_MAX;
        if (distance < least) {
            least = distance;
            nearest = *words;
        }
    }
    return nearest;
}

/* ---- options */

struct parser {
    char **argv;
    int argc;
    int at;
    struct cli_call *call;
    bool seen[OPTION_COUNT];
    satchel_error *err;
};

static int unknown_option(const struct parser *parser, const char *name, size_t len)
{
    const char *names[OPTION_COUNT + 1] = {NULL};
    for (size_t i = 0; i < OPTION_COUNT; i++)
        names[i] = cli_options_table[i].name;
    char word[WORD_MAX + 1];
    (void)snprintf(word, sizeof word, "%.*s", (int)len, name);
    const char *near = cli_nearest(word, names);
    if (near == NULL)
        return cli_error_set(parser->err, SATCHEL_INVALID, "unknown option '--%s'", word);
    return cli_error_set(parser->err, SATCHEL_INVALID, "unknown option '--%s': did you mean --%s?",
                         word, near);
}

/* The place of `word` in "a|b|c", or -1. */
static int choice(const char *choices, const char *word)
{
    size_t len = strlen(word);
    for (int place = 0;; place++) {
        size_t end = strcspn(choices, "|");
        if (end == len && memcmp(choices, word, len) == 0)
            return place;
        if (choices[end] == '\0')
            return -1;
        choices += end + 1;
    }
}

static int store_number(const struct parser *parser, const struct cli_option *option,
                        const char *value, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0)
        return cli_error_set(parser->err, SATCHEL_INVALID, "--%s needs a number, not '%s'",
                             option->name, value);
    *out = number;
    return SATCHEL_OK;
}

static void add_text(struct cli_options *options, const char *value)
{
    const char **grown = cli_alloc((options->set_count + 1) * sizeof *grown);
    if (options->set_count > 0)
        memcpy(grown, options->set, options->set_count * sizeof *grown);
    grown[options->set_count++] = value;
    free(options->set);
    options->set = grown;
}

static bool takes_value(const struct cli_option *option)
{
    return option->kind != CLI_FLAG && option->kind != CLI_TIMES;
}

static int store(struct parser *parser, const struct cli_option *option, const char *value)
{
    struct cli_options *options = &parser->call->options;
    void *slot = (char *)options + option->offset;
    parser->seen[option - cli_options_table] = true;
    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)slot = true;
        return SATCHEL_OK;
    case CLI_TIMES:
        ++*(int *)slot;
        return SATCHEL_OK;
    case CLI_TEXT:
        *(const char **)slot = value;
        return SATCHEL_OK;
    case CLI_TEXTS:
        add_text(options, value);
        return SATCHEL_OK;
    case CLI_NUMBER:
        return store_number(parser, option, value, slot);
    case CLI_CHOICE:
        break;
    }
    *(int *)slot = choice(option->value, value);
    if (*(int *)slot < 0)
        return cli_error_set(parser->err, SATCHEL_INVALID, "--%s '%s' is not one of %s",
                             option->name, value, option->value);
    return SATCHEL_OK;
}

/* The next word of argv as the option's value. */
static int store_next(struct parser *parser, const struct cli_option *option)
{
    if (parser->at >= parser->argc)
        return cli_error_set(parser->err, SATCHEL_INVALID, "--%s needs a value: %s", option->name,
                             option->value);
    return store(parser, option, parser->argv[parser->at++]);
}

static int parse_long(struct parser *parser, const char *text)
{
    size_t len = strcspn(text, "=");
    const struct cli_option *option = cli_options_table;
    while (option->name != NULL &&
           (strlen(option->name) != len || memcmp(option->name, text, len) != 0))
        option++;
    if (option->name == NULL)
        return unknown_option(parser, text, len);
    if (!takes_value(option)) {
        if (text[len] == '=')
            return cli_error_set(parser->err, SATCHEL_INVALID, "--%s takes no value", option->name);
        return store(parser, option, NULL);
    }
    return text[len] == '=' ? store(parser, option, text + len + 1) : store_next(parser, option);
}

/* "-rv", "-j4", "-j 4". */
static int parse_short(struct parser *parser, const char *letters)
{
    for (; *letters != '\0'; letters++) {
        const struct cli_option *option = cli_options_table;
        while (option->name != NULL && option->letter != *letters)
            option++;
        if (option->name == NULL)
            return cli_error_set(parser->err, SATCHEL_INVALID, "unknown option '-%c'", *letters);
        if (takes_value(option))
            return letters[1] != '\0' ? store(parser, option, letters + 1)
                                      : store_next(parser, option);
        int code = store(parser, option, NULL);
        if (code != SATCHEL_OK)
            return code;
    }
    return SATCHEL_OK;
}

static int parse_words(struct parser *parser)
{
    bool only_operands = false;
    int code = SATCHEL_OK;
    while (code == SATCHEL_OK && parser->at < parser->argc) {
        char *word = parser->argv[parser->at++];
        if (only_operands || word[0] != '-' || word[1] == '\0')
            parser->call->operands[parser->call->count++] = word;
        else if (strcmp(word, "--") == 0)
            only_operands = true;
        else
            code = word[1] == '-' ? parse_long(parser, word + 2) : parse_short(parser, word + 1);
    }
    return code;
}

/* ---- the command */

static int unknown_command(const char *group, const char *name, satchel_error *err)
{
    const char *names[64] = {NULL};
    size_t count = 0;
    struct cli_text known = {0};
    for (const struct cli_command *command = cli_commands; command->name != NULL; command++) {
        if ((command->group == NULL) != (group == NULL))
            continue;
        cli_text_addf(&known, "%s%s", known.len > 0 ? ", " : "", command->name);
        names[count++] = command->name;
    }
    if (group == NULL) {
        cli_text_str(&known, ", rec");
        names[count] = "rec";
    }
    const char *near = cli_nearest(name, names);
    const char *space = group != NULL ? " " : "";
    group = group != NULL ? group : "";
    if (near != NULL)
        (void)cli_error_set(err, SATCHEL_INVALID, "unknown command '%s%s%s': did you mean '%s'?",
                            group, space, name, near);
    else
        (void)cli_error_set(err, SATCHEL_INVALID, "unknown command '%s%s%s' (known: %s)", group,
                            space, name, cli_text_get(&known));
    cli_text_free(&known);
    return SATCHEL_INVALID;
}

/* Takes the command's name, or group and name, off the front of the operands. */
static int take_command(struct cli_call *call, satchel_error *err)
{
    const char *group = NULL;
    size_t words = 1;
    if (call->count > 0 && strcmp(call->operands[0], "rec") == 0) {
        group = "rec";
        words = 2;
    }
    if (call->count < words)
        return SATCHEL_OK; /* nothing said, or "rec" alone: that gets the help */
    const char *name = call->operands[words - 1];
    call->command = cli_find_command(group, name);
    if (call->command == NULL)
        return unknown_command(group, name, err);
    call->count -= words;
    memmove(call->operands, call->operands + words, call->count * sizeof *call->operands);
    return SATCHEL_OK;
}

static int check(const struct parser *parser)
{
    const struct cli_command *command = parser->call->command;
    if (parser->call->options.help || parser->call->options.version || command == NULL)
        return SATCHEL_OK;
    const char *group = command->group != NULL ? "rec " : "";
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        unsigned groups = command->options | CLI_G_ALWAYS;
        if (parser->seen[i] && (cli_options_table[i].groups & groups) == 0)
            return cli_error_set(parser->err, SATCHEL_INVALID,
                                 "'%s%s' has no option --%s (see 'satchel help %s%s')", group,
                                 command->name, cli_options_table[i].name, group, command->name);
    }
    size_t count = parser->call->count;
    if (count >= command->least && count <= command->most)
        return SATCHEL_OK;
    return cli_error_set(parser->err, SATCHEL_INVALID, "'%s%s' takes %s, not %zu operand%s", group,
                         command->name, command->operands[0] != '\0' ? command->operands : "none",
                         count, count == 1 ? "" : "s");
}

int cli_parse(int argc, char **argv, struct cli_call *call, satchel_error *err)
{
    struct parser parser = {.argv = argv, .argc = argc, .at = 1, .call = call, .err = err};
    *call = (struct cli_call){.options = {.limit = -1, .offset = -1, .progress_every = 30}};
    call->operands = cli_alloc((size_t)argc * sizeof *call->operands);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            call->options.json = true; /* also errors of the other words are told in JSON */
    }
    int code = parse_words(&parser);
    if (code == SATCHEL_OK)
        code = take_command(call, err);
    return code == SATCHEL_OK ? check(&parser) : code;
}

void cli_call_fini(struct cli_call *call)
{
    free(call->operands);
    free(call->options.set);
}
