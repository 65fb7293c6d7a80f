/* INI files, read as Python's configparser reads them: the dialect of AWS's shared files. */
#ifndef SAT_CORE_INI_H
#define SAT_CORE_INI_H

#include <satchel/types.h>

/* One entry, or with a NULL name the begin of a section. All strings are borrowed. */
struct sat_ini_entry {
    const char *section; /* between '[' and the line's last ']' */
    const char *name;
    const char *value; /* lines that continue it, indented deeper, are joined by '\n' */
    unsigned line;     /* where it begins, from 1 */
};

typedef int (*sat_ini_fn)(void *user, const struct sat_ini_entry *entry, satchel_error *err);

/*
 * Calls `fn` for each section and entry, in their order, until it fails; sections that come again
 * come again. Lines that begin with '#' or ';' are comments; behind a value these are part of it.
 * INVALID as "<what> line 3: ..." for anything else, entries before the first section included;
 * NOMEM. The copies made of the text are cleansed.
 */
int sat_ini_parse(satchel_span text, const char *what, sat_ini_fn fn, void *user,
                  satchel_error *err);

#endif
