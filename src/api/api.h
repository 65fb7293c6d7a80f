/* What the public functions share: argument checks, option structs, handles. */
#ifndef SAT_API_API_H
#define SAT_API_API_H

#include <stdint.h>

#include <satchel/store.h>
#include <satchel/types.h>

#include "core/backend.h"
#include "core/config.h"
#include "core/tags.h"

/* ---- arguments */

#define SAT_ARG_AS(name, value) (name), (const void *)(value)
#define SAT_ARG(name)           SAT_ARG_AS(#name, name)
/*
 * OK, or INVALID "satchel_get: key is NULL" for the first pointer that is NULL:
 *     SAT_CHECK(err, SAT_ARG(store), SAT_ARG(key))
 */
#define SAT_CHECK(err, ...) sat_api_check(err, __func__, __VA_ARGS__, (const char *)NULL)

/* Of pairs "name", pointer; NULL ends them. */
int sat_api_check(satchel_error *err, const char *function, ...) __attribute__((sentinel));

/* The last step of a public function: no secret leaves in an error text. Returns `code`. */
int sat_api_done(int code, satchel_error *err);

/* What an option struct is called and how large it is in this build. */
struct sat_struct {
    const char *name;
    size_t size;
};

#define SAT_STRUCT(type) (&(const struct sat_struct){#type, sizeof(type)})
/*
 * Copies the caller's option struct, which begins with struct_size, into *to: the members that an
 * older caller does not know become 0; a newer caller's must be 0. NULL `from` gives all zeros.
 * INVALID for a struct_size of 0, UNSUPPORTED for members this build does not know.
 */
int sat_api_struct(const struct sat_struct *what, const void *from, void *to, satchel_error *err);

/* ---- configuration */

/* Every option of this build, as sat_config_new() wants it. */
const struct sat_option *const *sat_api_tables(void);
/* The keys of a configuration file that are no options; they stand in front of the options. */
extern const struct sat_option sat_options_place[];
const struct sat_option *const *sat_api_file_tables(void);
/*
 * *used becomes `config`, or where that is NULL a fresh one, which *owned then holds for the
 * caller to free.
 */
int sat_api_config(const satchel_config *config, struct sat_config **owned,
                   const struct sat_config **used, satchel_error *err);

/* ---- handles */

struct satchel_store {
    struct sat_conn *conn;
    uint64_t max_memory;
    int durability; /* enum sat_landing_durability of transfer/landing.h */
};

/* The full key, owned; NULL when out of memory. */
char *sat_store_key(const satchel_store *store, const char *key);
/* Public pairs as an owned list; INVALID naming a NULL, empty or repeated name. */
int sat_api_tags(const char *what, const satchel_pair *pairs, size_t count, struct sat_tags *tags,
                 satchel_error *err);
/* The other way round; *pairs is the caller's, to be released with satchel_pairs_free(). */
int sat_api_pairs(const struct sat_tags *tags, satchel_pairs *pairs, satchel_error *err);

/* The request counts of a connection; see satchel_store_stats(). */
uint64_t sat_api_stats(const struct sat_conn *conn, satchel_count *counts, size_t capacity);

#endif
