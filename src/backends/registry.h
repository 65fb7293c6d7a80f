/* The backends of this build, by scheme. */
#ifndef SAT_BACKENDS_REGISTRY_H
#define SAT_BACKENDS_REGISTRY_H

#include "core/backend.h"

extern const struct sat_backend sat_backend_mem;
extern const struct sat_backend sat_backend_file;
extern const struct sat_backend sat_backend_s3;

/*
 * A sat_backend_find_fn: the backend of a scheme. UNSUPPORTED, with the list of known schemes in
 * the text, for any other.
 */
int sat_backend_find(const char *scheme, const struct sat_backend **backend, satchel_error *err);

/* Backend `i`, in the order of the table; NULL at its end. For option tables and help. */
const struct sat_backend *sat_backend_at(size_t i);

#endif
