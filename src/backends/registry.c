/* The backends of this build, by scheme: two lines for each, one here and one in registry.h. */
#include "backends/registry.h"

#include "core/error.h"
#include "core/str.h"

static const struct sat_backend *const backends[] = {
    &sat_backend_mem,
    &sat_backend_file,
    &sat_backend_s3,
    NULL,
};

/* Schemes that satchel knows of and this version does not have yet. */
static const char *const coming[] = {"az", "azure", "direct", NULL};

static const char known[] = "known: s3, az, azure, file, direct, mem";

static bool has_scheme(const char *const *schemes, const char *scheme)
{
    while (*schemes != NULL && !sat_str_eq(*schemes, scheme))
        schemes++;
    return *schemes != NULL;
}

const struct sat_backend *sat_backend_at(size_t i)
{
    return backends[i];
}

int sat_backend_find(const char *scheme, const struct sat_backend **backend, satchel_error *err)
{
    for (const struct sat_backend *const *at = backends; *at != NULL; at++) {
        if (has_scheme((*at)->schemes, scheme)) {
            *backend = *at;
            return SATCHEL_OK;
        }
    }
    if (has_scheme(coming, scheme))
        return sat_error_set(err, SATCHEL_UNSUPPORTED,
                             "URI scheme '%s' is not available in this version (%s)", scheme,
                             known);
    return sat_error_set(err, SATCHEL_UNSUPPORTED, "unsupported URI scheme '%s' (%s)", scheme,
                         known);
}
