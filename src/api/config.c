/* Configurations: the union of all option tables of this build. */
#include <satchel/config.h>

#include "api/api.h"
#include "backends/registry.h"
#include "core/error.h"
#include "core/lock.h"
#include "record/db.h"

enum { TABLES_MAX = 16 };

/* Those of a file; from the second on, those of every configuration. */
static const struct sat_option *tables[TABLES_MAX + 1];
static struct sat_once gathered = SAT_ONCE_INIT;

/* The backends are few; a table that many of them share stands once, and keys of the same name
 * are the first one's. */
static void gather(void)
{
    size_t count = 0;
    tables[count++] = sat_options_place;
    tables[count++] = sat_options_common;
    for (size_t i = 0; sat_backend_at(i) != NULL && count < TABLES_MAX - 1; i++) {
        if (sat_backend_at(i)->options != NULL)
            tables[count++] = sat_backend_at(i)->options;
    }
    tables[count] = sat_options_record;
}

const struct sat_option *const *sat_api_file_tables(void)
{
    sat_once(&gathered, gather);
    return tables;
}

const struct sat_option *const *sat_api_tables(void)
{
    return sat_api_file_tables() + 1;
}

int sat_api_config(const satchel_config *config, struct sat_config **owned,
                   const struct sat_config **used, satchel_error *err)
{
    int code = SATCHEL_OK;
    *owned = NULL;
    if (config == NULL)
        code = sat_config_new(sat_api_tables(), owned, err);
    *used = config == NULL ? *owned : config;
    return code;
}

int satchel_option_next(size_t *cursor, satchel_option *option)
{
    if (cursor == NULL || option == NULL || option->struct_size < sizeof option->struct_size)
        return 0;
    return sat_option_next(sat_api_tables(), cursor, option);
}

int satchel_config_new(satchel_config **config, satchel_error *err)
{
    int code = SAT_CHECK(err, SAT_ARG(config));
    if (code == SATCHEL_OK)
        code = sat_config_new(sat_api_tables(), config, err);
    return sat_api_done(code, err);
}
