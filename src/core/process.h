/* Running another program for what it prints: a command line without a shell, bounded in time. */
#ifndef SAT_CORE_PROCESS_H
#define SAT_CORE_PROCESS_H

#include <stddef.h>
#include <stdint.h>

#include <satchel/types.h>

#include "core/buf.h"
#include "core/vec.h"

/*
 * Splits a command line into words as a POSIX shell does, and does nothing else of what a shell
 * does: blanks separate, '...' is literal, in "..." a backslash escapes '"' and itself, elsewhere
 * any character. Appends offsets (size_t) of the NUL-terminated words in *text to *words. INVALID
 * for a quotation that does not end, and for no word at all.
 */
int sat_process_words(const char *command, struct sat_buf *text, struct sat_vec *words,
                      satchel_error *err);

/*
 * Runs `command` and waits for its end, until `deadline_ns` (CLOCK_MONOTONIC) at most, then it is
 * killed: TIMEOUT. What it prints goes to *out, bounded by *out's own limit (LIMIT). Its input is
 * empty; what it says on its standard error is in the message when it fails: NOT_FOUND when there
 * is no such program, what the kernel says when it cannot be started, else IO. Blocks; no thread of
 * ours may be inside the fork gate.
 */
int sat_process_run(const char *command, int64_t deadline_ns, struct sat_buf *out,
                    satchel_error *err);

#endif
