/*
 * Where items land.
 *
 * The destination is a folder when it ends with '/', when `folder` says so (several sources, or the
 * caller's wish), when it names a whole bucket, or when a local folder of that name exists. An item
 * then lands at destination + "/" + item.name. Else the destination replaces the source's own name:
 * "cp a.txt b.txt" makes b.txt, "cp -r dir new" makes new/x of dir/x.
 *
 * Names below a local folder, or a store of folders, are checked: "..", ".", empty parts and
 * absolute names never leave the destination.
 */
#ifndef SAT_TRANSFER_TARGET_H
#define SAT_TRANSFER_TARGET_H

#include <stdbool.h>

#include <satchel/types.h>

#include "transfer/place.h"
#include "transfer/plan.h"

struct sat_target {
    struct sat_conn *conn; /* NULL: local */
    char *base;            /* local: the root folder, "" = the current one; store: conn->uri */
    char *head;            /* what every landing begins with, below the base; ends with '/' or is
                              "" for a folder */
    bool folder;
};

int sat_target_open(const struct sat_place *place, bool folder, struct sat_conns *conns,
                    struct sat_target *target, satchel_error *err);
void sat_target_fini(struct sat_target *target);

/* Where the item lands, below the base; owned. INVALID or LIMIT for a name that may not be. */
int sat_target_land(const struct sat_target *target, const struct sat_item *item, char **landing,
                    satchel_error *err);

#endif
