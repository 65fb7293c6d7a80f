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

#ifdef __cplusplus
}
#endif

#endif /* SATCHEL_SATCHEL_H */
