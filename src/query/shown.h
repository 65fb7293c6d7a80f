/* How much of a user's text a message shows. */
#ifndef SAT_QUERY_SHOWN_H
#define SAT_QUERY_SHOWN_H

#include <satchel/types.h>

enum { SAT_SHOWN_MAX = 120 };

/* The precision for "%.*s": at most SAT_SHOWN_MAX bytes, never half a character. */
static inline int sat_shown(satchel_span text)
{
    const unsigned char *bytes = text.data;
    size_t len = text.len;
    if (len > SAT_SHOWN_MAX) {
        len = SAT_SHOWN_MAX;
        while (len > 0 && (bytes[len] & 0xC0U) == 0x80U)
            len--;
    }
    return (int)len;
}

/* The bytes for "%.*s", never NULL. */
static inline const char *sat_shown_text(satchel_span text)
{
    return text.len > 0 ? (const char *)text.data : "";
}

#endif
