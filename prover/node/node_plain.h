/** Plain words about a node: what it serves, and why it does not start.
 */
#ifndef PV_NODE_PLAIN_H
#define PV_NODE_PLAIN_H

#include "node.h"

/** Keeps the sentence for main, and returns s. */
pv_status node_refuse(struct node *n, pv_status s, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** Whether a queue is bound to h. */
bool node_serves(const struct node *n, const struct handler *h);
/** Whether a queue is bound to another handler than groth16: one that needs neither keys nor a GPU. */
bool node_serves_beside(const struct node *n);

/** Whether this node runs the programs beside the keys, which compute witnesses. */
bool node_runs_code(const struct node *n);

#endif
