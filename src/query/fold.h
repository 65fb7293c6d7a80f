/* Unicode simple case folding. */
#ifndef SAT_QUERY_FOLD_H
#define SAT_QUERY_FOLD_H

#include <stdint.h>

/*
 * The simple case folding of a code point (statuses C and S of CaseFolding.txt, Unicode 14): two
 * characters are equal but for case iff their foldings are equal. The sharp s folds to itself.
 */
uint32_t sat_fold(uint32_t code);

#endif
