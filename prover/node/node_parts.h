/** A node's parts: state folder, name, memory, keys and backend.
 */
#ifndef PV_NODE_PARTS_H
#define PV_NODE_PARTS_H

#include "node.h"

/** Makes and locks the state folder. Without one, results live as long as the process. */
pv_status node_state_open(struct node *n);

/** Settles the name; after the state folder is ours, since that keeps it. */
void node_name_settle(struct node *n);

/** With several NUMA nodes memory comes from all of them in turn, and each slot settles on one node if its threads
 *  fit. */
void node_memory_plan(struct node *n);

/** Looks which GPUs there are to use: as many slots as GPUs are the default. Starts nothing. */
void node_gpus_look(struct node *n);

/** Picks the backend and reads the folder of keys, when a queue needs them. PV_CANCELLED: told to end meanwhile. */
pv_status node_proving_open(struct node *n);

#endif
