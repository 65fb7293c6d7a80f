/* YAML, as much of it as a configuration needs. core/yaml.c is the only home of libyaml. */
#ifndef SAT_CORE_YAML_H
#define SAT_CORE_YAML_H

#include <satchel/types.h>

#include "setting.h"

/*
 * Reads one UTF-8 document of maps, lists and scalars. Refused: anchors and aliases, tags, merge
 * keys, keys that are no text, a second document, and what setting.h says. A document of comments
 * only is a null scalar. An owned *root; INVALID and LIMIT naming line and column, NOMEM.
 */
int sat_yaml_read(satchel_span text, struct sat_setting **root, satchel_error *err);

#endif
