/* Everything of satchel in one include. */
#ifndef SATCHEL_SATCHEL_H
#define SATCHEL_SATCHEL_H

#include <satchel/config.h>
#include <satchel/db.h>
#include <satchel/job.h>
#include <satchel/query.h>
#include <satchel/queue.h>
#include <satchel/store.h>
#include <satchel/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The library's version, "0.1.0". Static. */
SATCHEL_API const char *satchel_version(void);

/**
 * For the last moments of a process, when other threads may still be in calls: ends every network
 * transfer under way and, once and for all, the threads that move them. Those calls, and later ones
 * that need the network, answer CANCELLED. A C program may end without it; an interpreter that
 * takes itself apart while its threads run may not.
 */
SATCHEL_API void satchel_shutdown(void);

#ifdef __cplusplus
}
#endif

#endif /* SATCHEL_SATCHEL_H */
