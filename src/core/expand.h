/* Environment variables in the values of configuration files. */
#ifndef SAT_CORE_EXPAND_H
#define SAT_CORE_EXPAND_H

#include <satchel/types.h>

#include "buf.h"

/*
 * Appends `text` with each substitution replaced; a variable set to nothing counts as not set:
 *     ${NAME}             its value; INVALID when it is not set
 *     ${NAME:default}     its value, else the default, which may be empty
 *     ${NAME:-default}    the same, as in a shell
 *     ${NAME:?message}    its value; INVALID with the message when it is not set
 *     $${                 the characters ${
 * A default and a message go up to the first '}' and hold no substitutions, as a value does not. A
 * name is letters, digits and '_'. INVALID for any other "${", LIMIT, NOMEM.
 */
int sat_expand(const char *text, struct sat_buf *out, satchel_error *err);

#endif
