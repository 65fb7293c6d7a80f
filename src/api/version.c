/* The version, the end, and what releases plain memory that the library handed out. */
#include <string.h>

#include <satchel/satchel.h>

#include "core/alloc.h"
#include "core/engine.h"

const char *satchel_version(void)
{
    return SATCHEL_VERSION_TEXT;
}

void satchel_shutdown(void)
{
    sat_engines_stop();
}

void satchel_buf_free(satchel_buf *buf)
{
    if (buf == NULL)
        return;
    sat_free(buf->data);
    memset(buf, 0, sizeof *buf);
}

void satchel_string_free(char *text)
{
    sat_free(text);
}
