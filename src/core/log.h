/* The one log sink, and the redactor that every log line and error text passes. */
#ifndef SAT_CORE_LOG_H
#define SAT_CORE_LOG_H

#include <stdbool.h>

#include <satchel/config.h>

/* True when a line of this level would reach a callback; one relaxed load. */
bool sat_log_enabled(int level);

/* One line without a newline; arguments are not evaluated when nobody listens. Any thread. */
#define SAT_LOG(level, ...)                                                                        \
    do {                                                                                           \
        if (sat_log_enabled(level))                                                                \
            sat_log(level, __VA_ARGS__);                                                           \
    } while (0)
#define SAT_WARN(...)  SAT_LOG(SATCHEL_LOG_WARN, __VA_ARGS__)
#define SAT_INFO(...)  SAT_LOG(SATCHEL_LOG_INFO, __VA_ARGS__)
#define SAT_DEBUG(...) SAT_LOG(SATCHEL_LOG_DEBUG, __VA_ARGS__)
#define SAT_TRACE(...) SAT_LOG(SATCHEL_LOG_TRACE, __VA_ARGS__)

void sat_log(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Replaces in place, by "***": registered secrets (also one that the end of the text cuts, from 8
 * bytes on), values of X-Amz-Signature= X-Amz-Credential= X-Amz-Security-Token= sig= AccountKey=
 * and their like, headers Authorization: x-amz-security-token: and SSE-C keys up to the end of the
 * line, user:password@ of a URL. The text never grows. Every error text that leaves the library
 * passes here.
 */
void sat_redact(char *text);

/*
 * A secret value the redactor must know, e.g. from a credential provider; config registers its own
 * secret options. Add and remove are counted per value. Values under SAT_SECRET_MIN bytes are not
 * taken: they would turn ordinary words into stars. False when out of memory.
 */
enum { SAT_SECRET_MIN = 8 };
bool sat_secret_add(const char *value);
/* Forgets one registration, cleansing the copy with the last one. */
void sat_secret_remove(const char *value);

#endif
