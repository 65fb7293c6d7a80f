/* Options as data: parsing and checking a value, finding a row, the rows common to all stores. */
#include "option.h"

#include <math.h>
#include <string.h>

#include "buf.h"
#include "error.h"
#include "str.h"

#define MIB    (INT64_C(1024) * 1024)
#define SECOND INT64_C(1000)
#define MINUTE (INT64_C(60) * SECOND)
#define DAY    (INT64_C(24) * 60 * MINUTE)

const struct sat_option sat_options_common[] = {
    {
        .key = "endpoint_url",
        .type = SAT_OPTION_STRING,
        .env = "AWS_ENDPOINT_URL_S3,AWS_ENDPOINT_URL",
        .help = "http(s) address of the service; empty: the provider's own",
    },
    {
        .key = "region",
        .type = SAT_OPTION_STRING,
        .fallback = "us-east-1",
        .env = "AWS_REGION,AWS_DEFAULT_REGION",
        .help = "region that requests are signed for",
    },
    {
        .key = "access_key_id",
        .type = SAT_OPTION_STRING,
        .env = "AWS_ACCESS_KEY_ID",
        .follows = "profile",
        .help = "id of the access key",
    },
    {
        .key = "secret_access_key",
        .type = SAT_OPTION_STRING,
        .env = "AWS_SECRET_ACCESS_KEY",
        .follows = "profile",
        .help = "secret part of the access key",
        .secret = true,
    },
    {
        .key = "session_token",
        .type = SAT_OPTION_STRING,
        .env = "AWS_SESSION_TOKEN",
        .follows = "access_key_id",
        .help = "token that belongs to temporary credentials",
        .secret = true,
    },
    {
        .key = "profile",
        .type = SAT_OPTION_STRING,
        .env = "AWS_DEFAULT_PROFILE,AWS_PROFILE",
        .help = "profile of the shared files that has credentials, region, endpoint_url and "
                "ca_bundle; empty: default, where there is one",
    },
    {
        .key = "shared_credentials_file",
        .type = SAT_OPTION_STRING,
        .fallback = "~/.aws/credentials",
        .env = "AWS_SHARED_CREDENTIALS_FILE",
        .help = "INI file of profiles, asked before shared_config_file",
    },
    {
        .key = "shared_config_file",
        .type = SAT_OPTION_STRING,
        .fallback = "~/.aws/config",
        .env = "AWS_CONFIG_FILE",
        .help = "INI file with a section [default] or [profile NAME] for each profile",
    },
    {
        .key = "addressing_style",
        .type = SAT_OPTION_ENUM,
        .fallback = "auto",
        .choices = "auto|path|virtual",
        .help = "where a request names its bucket: in its path, or in front of the host; auto: in "
                "front of the host at the provider's own endpoints",
    },
    {
        .key = "no_sign_request",
        .type = SAT_OPTION_BOOL,
        .fallback = "false",
        .help = "send requests without a signature, for public buckets",
    },
    {
        .key = "ca_file",
        .type = SAT_OPTION_STRING,
        .env = "AWS_CA_BUNDLE",
        .help = "PEM file of certificates to trust; empty: the system's",
    },
    {
        .key = "insecure",
        .type = SAT_OPTION_BOOL,
        .fallback = "false",
        .help = "do not verify the server's certificate; for tests only",
    },
    {
        .key = "max_retries",
        .type = SAT_OPTION_INT,
        .fallback = "3",
        .max = 100,
        .help = "attempts of one request in all, the first included",
    },
    {
        .key = "retry_mode",
        .type = SAT_OPTION_ENUM,
        .fallback = "standard",
        .choices = "standard|adaptive|off",
        .help = "standard: repeats up to max_retries, less while most requests fail; adaptive: and "
                "sends no faster than a service that throttles takes it; off: never",
    },
    {
        .key = "request_timeout",
        .type = SAT_OPTION_DURATION_S,
        .fallback = "60",
        .max = DAY,
        .help = "deadline of one operation, all its attempts included; 0: none",
    },
    {
        .key = "connect_timeout",
        .type = SAT_OPTION_DURATION_S,
        .fallback = "10",
        .min = 1,
        .max = DAY,
        .help = "longest wait for a connection, TLS included",
    },
    {
        .key = "response_timeout",
        .type = SAT_OPTION_DURATION_S,
        .fallback = "60",
        .min = 1,
        .max = DAY,
        .help = "longest wait for the head of a reply",
    },
    {
        .key = "stall_timeout",
        .type = SAT_OPTION_DURATION_S,
        .fallback = "10",
        .min = 1,
        .max = DAY,
        .help = "longest time without a byte while a body moves",
    },
    {
        .key = "retry_base_ms",
        .type = SAT_OPTION_DURATION_MS,
        .fallback = "50",
        .max = MINUTE,
        .help = "first step of the random, doubling delay between attempts",
    },
    {
        .key = "lanes",
        .type = SAT_OPTION_INT,
        .fallback = "0",
        .max = 64,
        .help = "network threads; 0: half the processors, at least 1 and at most 4",
    },
    {
        .key = "workers",
        .type = SAT_OPTION_INT,
        .fallback = "0",
        .max = 1024,
        .help = "threads for disk and hashing; 0: by the number of processors",
    },
    {
        .key = "max_connections",
        .type = SAT_OPTION_INT,
        .fallback = "16",
        .min = 1,
        .max = 1024,
        .help = "connections of one network thread",
    },
    {
        .key = "max_memory",
        .type = SAT_OPTION_SIZE,
        .fallback = "256MiB",
        .min = 16 * MIB,
        .help = "bytes a copy job holds in memory, and the largest object a get returns",
    },
    {
        .key = "multipart_threshold",
        .type = SAT_OPTION_SIZE,
        .fallback = "5MiB",
        .help = "a larger object is sent in parts and fetched in ranges, in parallel",
    },
    {
        .key = "part_size",
        .type = SAT_OPTION_SIZE,
        .fallback = "8MiB",
        .min = 5 * MIB,
        .max = 5 * (int64_t)1024 * MIB,
        .help = "bytes of a part; grows with the object, so that the parts suffice",
    },
    {
        .key = "range_size",
        .type = SAT_OPTION_SIZE,
        .fallback = "16MiB",
        .min = 1,
        .help = "bytes of a range, when a large object is fetched into a file",
    },
    {
        .key = "part_concurrency",
        .type = SAT_OPTION_INT,
        .fallback = "4",
        .min = 1,
        .max = 256,
        .help = "parts or ranges of one object under way at once",
    },
    {
        .key = "storage_class",
        .type = SAT_OPTION_STRING,
        .fallback = "",
        .help = "class of new objects, as the service names it (STANDARD_IA, GLACIER, ...); empty: "
                "the bucket's own",
    },
    {
        .key = "payload_signing",
        .type = SAT_OPTION_ENUM,
        .fallback = "auto",
        .choices = "auto|always|never",
        .help = "SHA-256 of each body in its signature; auto: over http",
    },
    {
        .key = "request_checksum_calculation",
        .type = SAT_OPTION_ENUM,
        .fallback = "when_supported",
        .choices = "when_supported|when_required",
        .env = "AWS_REQUEST_CHECKSUM_CALCULATION",
        .help = "send a checksum with each upload, or only where the service demands one",
    },
    {
        .key = "durability",
        .type = SAT_OPTION_ENUM,
        .fallback = "full",
        .choices = "full|data|none",
        .help = "what a finished write to a local store survives: full: a power loss; data: its "
                "content is synced, its name may be lost; none: the process only",
    },
    {.key = NULL},
};

static bool parse_bool(const char *text, int64_t *out)
{
    static const char *const yes[] = {"true", "yes", "on", "1"};
    static const char *const no[] = {"false", "no", "off", "0"};
    for (size_t i = 0; i < 4; i++) {
        if (sat_str_eq_nocase(text, yes[i]) || sat_str_eq_nocase(text, no[i])) {
            *out = sat_str_eq_nocase(text, yes[i]);
            return true;
        }
    }
    return false;
}

/* Decimal digits with an optional fraction; *end is the rest. Not strtod: it follows the locale. */
static bool parse_decimal(const char *text, double *out, const char **end)
{
    double value = 0;
    double scale = 1;
    const char *at = text;
    for (; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (*at - '0');
    if (at == text)
        return false;
    if (*at == '.') {
        const char *first = ++at;
        for (; *at >= '0' && *at <= '9'; at++) {
            value = value * 10 + (*at - '0');
            scale *= 10;
        }
        if (at == first)
            return false;
    }
    *out = value / scale;
    *end = at;
    return true;
}

struct unit {
    const char *suffix;
    int64_t factor;
};

static const struct unit size_units[] = {
    {"", 1},
    {"B", 1},
    {"KiB", 1024},
    {"MiB", MIB},
    {"GiB", 1024 * MIB},
    {"TiB", INT64_C(1024) * 1024 * MIB},
    {"K", 1024},
    {"M", MIB},
    {"G", 1024 * MIB},
    {"T", INT64_C(1024) * 1024 * MIB},
    {"KB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"TB", 1000000000000},
    {NULL, 0},
};
static const struct unit time_units[] = {
    {"ms", 1}, {"s", SECOND}, {"m", MINUTE}, {"h", INT64_C(60) * MINUTE}, {"d", DAY}, {NULL, 0},
};

static int64_t factor_of(const struct unit *units, const char *suffix)
{
    for (; units->suffix != NULL; units++) {
        if (sat_str_eq_nocase(units->suffix, suffix))
            return units->factor;
    }
    return 0;
}

/* Number and unit; `bare` is the factor of a number without one (0: look "" up in the units). */
static bool parse_scaled(const char *text, const struct unit *units, int64_t bare, int64_t *out)
{
    const char *suffix;
    double amount;
    if (!parse_decimal(text, &amount, &suffix))
        return false;
    int64_t factor = *suffix == '\0' && bare != 0 ? bare : factor_of(units, suffix);
    size_t digits = (size_t)(suffix - text);
    char whole[24];
    uint64_t exact;
    if (factor == 0)
        return false;
    if (memchr(text, '.', digits) == NULL) {
        /* Whole numbers are computed as such: a double would round those over 2^53. */
        if (digits >= sizeof whole)
            return false;
        memcpy(whole, text, digits);
        whole[digits] = '\0';
        return sat_parse_u64(whole, &exact) && exact <= (uint64_t)INT64_MAX &&
               !__builtin_mul_overflow((int64_t)exact, factor, out);
    }
    double scaled = amount * (double)factor + 0.5;
    if (scaled >= 9e18)
        return false;
    *out = (int64_t)scaled;
    return true;
}

static bool parse_double(const char *text, double *out)
{
    bool negative = *text == '-';
    const char *end;
    double value;
    if (!parse_decimal(text + (negative ? 1 : 0), &value, &end) || *end != '\0' || !isfinite(value))
        return false;
    *out = negative ? -value : value;
    return true;
}

static bool parse_choice(const char *choices, const char *text, int64_t *out)
{
    size_t len = strlen(text);
    int64_t index = 0;
    for (const char *at = choices; *at != '\0'; index++) {
        size_t width = strcspn(at, "|");
        if (width == len && memcmp(at, text, len) == 0) {
            *out = index;
            return true;
        }
        at += width + (at[width] == '|' ? 1 : 0);
    }
    return false;
}

static bool in_range(const struct sat_option *row, const struct sat_option_value *value)
{
    if (row->type == SAT_OPTION_DOUBLE)
        return value->real >= (double)row->min &&
               (row->max == 0 || value->real <= (double)row->max);
    return value->number >= row->min && (row->max == 0 || value->number <= row->max);
}

/* Header injection and forged log lines both start with a control character. */
static bool is_clean_text(const char *text)
{
    for (const char *p = text; *p != '\0'; p++) {
        unsigned char c = (unsigned char)*p;
        if (c < 0x20 || c == 0x7f)
            return false;
    }
    return sat_utf8_valid(text, strlen(text));
}

/* The value by type, without its range. */
static bool parse_text(const struct sat_option *row, const char *text, struct sat_option_value *out)
{
    switch (row->type) {
    case SAT_OPTION_STRING:
    case SAT_OPTION_LIST:
        return is_clean_text(text);
    case SAT_OPTION_INT:
        return sat_parse_i64(text, &out->number);
    case SAT_OPTION_SIZE:
        return parse_scaled(text, size_units, 0, &out->number);
    case SAT_OPTION_DURATION_S:
        return parse_scaled(text, time_units, SECOND, &out->number);
    case SAT_OPTION_DURATION_MS:
        return parse_scaled(text, time_units, 1, &out->number);
    case SAT_OPTION_BOOL:
        return parse_bool(text, &out->number);
    case SAT_OPTION_ENUM:
        return parse_choice(row->choices, text, &out->number);
    case SAT_OPTION_DOUBLE:
        return parse_double(text, &out->real);
    }
    return false;
}

static bool is_text_type(enum sat_option_type type)
{
    return type == SAT_OPTION_STRING || type == SAT_OPTION_LIST;
}

/* "a whole number from 0 to 64", into `out`. */
static void describe_wanted(const struct sat_option *row, struct sat_buf *out)
{
    static const char *const kinds[] = {
        [SAT_OPTION_STRING] = "UTF-8 without control characters",
        [SAT_OPTION_INT] = "a whole number",
        [SAT_OPTION_SIZE] = "a size such as 1048576 or 8MiB",
        [SAT_OPTION_DURATION_S] = "a duration such as 60, 1.5s or 500ms",
        [SAT_OPTION_DURATION_MS] = "a duration such as 50 (milliseconds) or 1s",
        [SAT_OPTION_BOOL] = "true or false",
        [SAT_OPTION_ENUM] = "one of ",
        [SAT_OPTION_LIST] = "UTF-8 without control characters",
        [SAT_OPTION_DOUBLE] = "a number",
    };
    (void)sat_buf_add_str(out, kinds[row->type]);
    if (row->type == SAT_OPTION_ENUM)
        (void)sat_buf_add_str(out, row->choices);
    if (is_text_type(row->type) || row->type == SAT_OPTION_ENUM || row->type == SAT_OPTION_BOOL)
        return;
    const char *unit = row->type == SAT_OPTION_SIZE ? " bytes"
                       : row->type == SAT_OPTION_DURATION_S || row->type == SAT_OPTION_DURATION_MS
                           ? " ms"
                           : "";
    if (row->max != 0)
        (void)sat_buf_addf(out, ", %lld to %lld%s", (long long)row->min, (long long)row->max, unit);
    else
        (void)sat_buf_addf(out, ", at least %lld%s", (long long)row->min, unit);
}

static int bad_value(const struct sat_option *row, const char *text, satchel_error *err)
{
    SAT_AUTO_BUF struct sat_buf wanted;
    sat_buf_init(&wanted, SAT_BUF_MAX_TEXT);
    describe_wanted(row, &wanted);
    if (row->secret)
        return sat_error_set(err, SATCHEL_INVALID, "option '%s' must be %s", row->key,
                             sat_buf_str(&wanted));
    return sat_error_set(err, SATCHEL_INVALID, "option '%s' must be %s, not '%s'", row->key,
                         sat_buf_str(&wanted), text);
}

int sat_option_parse(const struct sat_option *row, const char *text, struct sat_option_value *out,
                     satchel_error *err)
{
    struct sat_option_value value = {0};
    if (!parse_text(row, text, &value))
        return bad_value(row, text, err);
    if (row->type != SAT_OPTION_DOUBLE)
        value.real = (double)value.number;
    if (!is_text_type(row->type) && !in_range(row, &value))
        return bad_value(row, text, err);
    *out = value;
    return SATCHEL_OK;
}

/* Row `index` counted over all tables, repeated keys included; NULL past the end. */
static const struct sat_option *row_at(const struct sat_option *const *tables, size_t index)
{
    for (; *tables != NULL; tables++) {
        for (const struct sat_option *row = *tables; row->key != NULL; row++) {
            if (index-- == 0)
                return row;
        }
    }
    return NULL;
}

const struct sat_option *sat_option_find(const struct sat_option *const *tables, const char *key)
{
    for (; *tables != NULL; tables++) {
        for (const struct sat_option *row = *tables; row->key != NULL; row++) {
            if (sat_str_eq(row->key, key))
                return row;
        }
    }
    return NULL;
}

const struct sat_option *sat_option_each(const struct sat_option *const *tables, size_t *cursor)
{
    const struct sat_option *row = row_at(tables, (*cursor)++);
    while (row != NULL && sat_option_find(tables, row->key) != row)
        row = row_at(tables, (*cursor)++);
    return row;
}

int sat_option_unknown(const struct sat_option *const *tables, const char *key, satchel_error *err)
{
    enum { KEYS_MAX = 256 };
    const char *keys[KEYS_MAX];
    size_t count = 0;
    size_t cursor = 0;
    const struct sat_option *row;
    while (count < KEYS_MAX && (row = sat_option_each(tables, &cursor)) != NULL)
        keys[count++] = row->key;
    const char *nearest = sat_nearest(key, keys, count);
    if (nearest == NULL)
        return sat_error_set(err, SATCHEL_INVALID, "unknown option '%s'", key);
    return sat_error_set(err, SATCHEL_INVALID, "unknown option '%s' (did you mean '%s'?)", key,
                         nearest);
}

static const char *or_empty(const char *text)
{
    return text == NULL ? "" : text;
}

int sat_option_next(const struct sat_option *const *tables, size_t *cursor, satchel_option *out)
{
    static const char *const types[] = {
        [SAT_OPTION_STRING] = "string",
        [SAT_OPTION_INT] = "int",
        [SAT_OPTION_SIZE] = "size",
        [SAT_OPTION_DURATION_S] = "duration",
        [SAT_OPTION_DURATION_MS] = "duration",
        [SAT_OPTION_BOOL] = "bool",
        [SAT_OPTION_ENUM] = "enum",
        [SAT_OPTION_LIST] = "list",
        [SAT_OPTION_DOUBLE] = "double",
    };
    const struct sat_option *row = sat_option_each(tables, cursor);
    if (row == NULL)
        return 0;
    satchel_option filled = {
        .struct_size = out->struct_size,
        .secret = row->secret,
        .key = row->key,
        .type = types[row->type],
        .default_value = or_empty(row->fallback),
        .choices = or_empty(row->choices),
        .env = or_empty(row->env),
        .help = or_empty(row->help),
    };
    /* A caller built against an older, shorter struct gets the members it knows. */
    size_t size = out->struct_size < sizeof filled ? out->struct_size : sizeof filled;
    memcpy(out, &filled, size);
    return 1;
}

bool sat_list_next(const char **cursor, satchel_span *item)
{
    const char *at = *cursor + strspn(*cursor, ", ");
    size_t len = strcspn(at, ",");
    *cursor = at + len;
    while (len > 0 && at[len - 1] == ' ')
        len--;
    *item = (satchel_span){.data = at, .len = len};
    return len > 0;
}
