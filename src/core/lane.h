/*
 * A lane: one network thread, its HTTP client and the ops it moves. Ops come in by sat_lane_put()
 * and leave by sat_engine_finish().
 */
#ifndef SAT_CORE_LANE_H
#define SAT_CORE_LANE_H

#include <satchel/types.h>

struct sat_lane;
struct sat_op;

/* Starts the thread; `in_flight` transfers at once, the rest waits in line. */
int sat_lane_new(unsigned in_flight, struct sat_lane **lane, satchel_error *err);
/*
 * Ends the thread, and every op in the lane or put into it later with CANCELLED. A second call
 * does nothing.
 */
void sat_lane_stop(struct sat_lane *lane);
/* Joins the thread. No op may be in the lane. NULL is fine. */
void sat_lane_free(struct sat_lane *lane);
/* Hands over an op that has its attempt. Any thread. */
void sat_lane_put(struct sat_lane *lane, struct sat_op *op);
/* Makes the lane look for cancelled ops. Any thread. */
void sat_lane_look(struct sat_lane *lane);

#endif
