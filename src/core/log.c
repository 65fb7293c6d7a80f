/* The one log sink, and the redactor that every log line and error text passes. */
#include "log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "alloc.h"
#include "error.h"
#include "fork.h"
#include "lock.h"

/*
 * (1) A line is formatted and redacted before any other code sees it.
 * (2) The callback runs under `sink.lock`: one call at a time, and none after satchel_log_set().
 * (3) Values of `secrets` are never shorter than SAT_SECRET_MIN, so a replacement never grows text.
 * (4) The callback, and the wait for it, are parked: it may want a lock that the thread which forks
 *     holds, as Python's interpreter lock is.
 */
enum { LINE_MAX_BYTES = 4096 };

static struct {
    struct sat_mutex lock;
    struct {
        satchel_log_fn callback;
        void *user;
    } locked;
} sink = {.lock = SAT_MUTEX_INIT};

static atomic_int sink_level;

/* Set while this thread is in the callback; a second entry would wait for itself. */
static _Thread_local bool in_callback;

struct secret {
    struct secret *next;
    size_t users;
    size_t len;
    char value[];
};

static struct {
    struct sat_mutex lock;
    struct {
        struct secret *first;
    } locked;
} secrets = {.lock = SAT_MUTEX_INIT};

bool sat_log_enabled(int level)
{
    return level <= atomic_load_explicit(&sink_level, memory_order_relaxed);
}

void satchel_log_set(int level, satchel_log_fn callback, void *user)
{
    SAT_LOCKED(&sink.lock);
    sink.locked.callback = callback;
    sink.locked.user = user;
    atomic_store(&sink_level, callback == NULL ? SATCHEL_LOG_OFF : level);
}

static void call_back(int level, const char *line)
{
    SAT_LOCKED(&sink.lock);
    if (sink.locked.callback == NULL)
        return;
    unsigned depth = sat_fork_park();
    in_callback = true;
    sink.locked.callback(sink.locked.user, level, line);
    in_callback = false;
    sat_fork_unpark(depth);
}

void sat_log(int level, const char *format, ...)
{
    if (in_callback || !sat_log_enabled(level))
        return;
    char line[LINE_MAX_BYTES];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (len < 0)
        return;
    sat_redact(line);
    sat_error_printable(line);
    unsigned depth = sat_fork_park(); /* (4) */
    call_back(level, line);
    sat_fork_unpark(depth);
}

/* The link that points to the secret, or the one at the list's end. */
static struct secret **find_secret_locked(const char *value, size_t len)
{
    struct secret **link = &secrets.locked.first;
    while (*link != NULL && ((*link)->len != len || memcmp((*link)->value, value, len) != 0))
        link = &(*link)->next;
    return link;
}

bool sat_secret_add(const char *value)
{
    size_t len = strlen(value);
    if (len < SAT_SECRET_MIN)
        return true;
    SAT_LOCKED(&secrets.lock);
    struct secret *secret = *find_secret_locked(value, len);
    if (secret == NULL) {
        secret = sat_malloc(sizeof *secret + len + 1);
        if (secret == NULL)
            return false;
        secret->users = 0;
        secret->len = len;
        memcpy(secret->value, value, len + 1);
        secret->next = secrets.locked.first;
        secrets.locked.first = secret;
    }
    secret->users++;
    return true;
}

void sat_secret_remove(const char *value)
{
    size_t len = strlen(value);
    SAT_LOCKED(&secrets.lock);
    struct secret **link = find_secret_locked(value, len);
    struct secret *secret = *link;
    if (secret == NULL || --secret->users > 0)
        return;
    *link = secret->next;
    sat_cleanse(secret->value, len);
    sat_free(secret);
}

/* text[from .. to) becomes "***", or as many stars as fit; the position after them. */
static char *star_out(char *from, char *to)
{
    size_t room = (size_t)(to - from);
    size_t stars = room < 3 ? room : 3;
    memset(from, '*', stars);
    memmove(from + stars, to, strlen(to) + 1);
    return from + stars;
}

static void redact_secret(char *text, const struct secret *secret)
{
    char *at = text;
    while ((at = strstr(at, secret->value)) != NULL)
        at = star_out(at, at + secret->len);
    /* A text cut to its buffer may end within the secret. */
    size_t len = strlen(text);
    size_t tail = len < secret->len ? len : secret->len - 1;
    for (; tail >= SAT_SECRET_MIN; tail--) {
        if (memcmp(text + len - tail, secret->value, tail) == 0) {
            (void)star_out(text + len - tail, text + len);
            return;
        }
    }
}

/* What names a secret value in URLs, headers and connection strings, and where that value ends. */
static const struct mark {
    const char *name; /* lower case */
    const char *ends; /* the value's end, besides the end of the text */
} marks[] = {
#define PARAMETER_ENDS "& \t\r\n\"'<>;,)"
#define HEADER_ENDS    "\r\n"
    {"x-amz-signature=", PARAMETER_ENDS},
    {"x-amz-credential=", PARAMETER_ENDS},
    {"x-amz-security-token=", PARAMETER_ENDS},
    {"sig=", PARAMETER_ENDS},
    {"accountkey=", PARAMETER_ENDS},
    {"sharedaccesssignature=", PARAMETER_ENDS},
    {"authorization:", HEADER_ENDS},
    {"proxy-authorization:", HEADER_ENDS},
    {"x-amz-security-token:", HEADER_ENDS},
    {"x-aws-ec2-metadata-token:", HEADER_ENDS},
    {"x-amz-server-side-encryption-customer-key:", HEADER_ENDS},
    {"x-amz-copy-source-server-side-encryption-customer-key:", HEADER_ENDS},
    {"x-ms-encryption-key:", HEADER_ENDS},
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_name_byte(char c)
{
    char l = lower(c);
    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

static bool starts_nocase(const char *text, const char *name)
{
    while (*name != '\0' && lower(*text) == *name) {
        text++;
        name++;
    }
    return *name == '\0';
}

static const struct mark *mark_at(const char *text)
{
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
        if (starts_nocase(text, marks[i].name))
            return &marks[i];
    }
    return NULL;
}

static void redact_marks(char *text)
{
    /* A name starts where no name byte precedes it: "sig=" must not match in "config=". */
    bool in_name = false;
    for (char *at = text; *at != '\0'; at++) {
        const struct mark *mark = in_name ? NULL : mark_at(at);
        in_name = is_name_byte(*at);
        if (mark == NULL)
            continue;
        char *value = at + strlen(mark->name);
        value += strspn(value, " ");
        at = star_out(value, value + strcspn(value, mark->ends)) - 1;
        in_name = false;
    }
}

/* "https://user:password@host/" */
static void redact_user_info(char *text)
{
    char *at = text;
    while ((at = strstr(at, "://")) != NULL) {
        at += strlen("://");
        char *end = at + strcspn(at, "/?# \t\r\n\"'<>");
        char *host = end;
        while (host > at && *host != '@')
            host--;
        if (host > at)
            at = star_out(at, host);
    }
}

void sat_redact(char *text)
{
    {
        SAT_LOCKED(&secrets.lock);
        for (const struct secret *s = secrets.locked.first; s != NULL; s = s->next)
            redact_secret(text, s);
    }
    redact_marks(text);
    redact_user_info(text);
}
