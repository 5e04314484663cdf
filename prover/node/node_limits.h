/** What a node makes of the limits of its process: threads, slots and memory that nobody has set, and how many threads and
 *  descriptors there are for them.
 */
#ifndef PV_NODE_LIMITS_H
#define PV_NODE_LIMITS_H

#include "node_config.h"
#include "own_limits.h"

#include <stdbool.h>

/** Fills in threads, slots (plan: throughput) and memory where they are 0 or the default. Memory above what the process may
 *  use is lowered to it, with a warning; threads stay as they were set. */
void node_limits_settings(struct node_config *c, const struct limits *l);

/** Before libzmq, czmq and libgomp have any thread, since they end the process where they get none: lowers threads, and then
 *  slots, to what can be started now, with a warning. proves: each slot has c->threads threads, else one. PV_BUSY with a
 *  sentence when not even one slot can have one thread, or when there are too few descriptors. */
pv_status node_limits_start(struct node_config *c, const struct limits *l, bool proves,
                            char why[NODE_CONFIG_WHY_BYTES]);

#endif
