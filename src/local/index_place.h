/* Where an index may live on disk. Private to src/local. */
#ifndef SAT_LOCAL_INDEX_PLACE_H
#define SAT_LOCAL_INDEX_PLACE_H

#include <stddef.h>

#include <satchel/types.h>

/*
 * Makes the folder if it is missing (0700) and resolves it to a path without symlinks. DENIED, or
 * what the kernel said, when it is unsuitable: not ours, writable for others, on a network file
 * system, not writable. *out is freed with sat_free().
 */
int sat_index_place_check(const char *dir, char **out, satchel_error *err);

/* Default candidate number i (0: the user's cache, 1: /var/tmp/satchel-UID), or NULL when that one
 * does not exist or out of memory; freed with sat_free(). */
enum { SAT_INDEX_PLACES = 2 };
char *sat_index_place_default(size_t i);

#endif
