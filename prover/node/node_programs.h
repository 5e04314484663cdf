/** The node's handlers that are programs: read at the start, bound to queues, said when they cannot serve.
 *
 *  A queue whose handler cannot serve is left out: said in the log and to the broker, beside the keys that are not served, and
 *  not offered for. The other queues are served.
 */
#ifndef PV_NODE_PROGRAMS_H
#define PV_NODE_PROGRAMS_H

#include "node.h"

/** Reads the folder of handlers, if the settings name one. PV_IO with a sentence. */
pv_status node_programs_read(struct node *n);

/** Binds a queue to the handler of that name, or leaves it out. PV_BAD_CONFIG: there is no such handler, and no folder where it
 *  could be. */
pv_status node_programs_bind(struct node *n, const char *queue, const char *handler);

/** Makes ready what the bound programs need, asks them for their versions, and starts those that stay. PV_BAD_CONFIG: no queue is left;
 *  PV_CANCELLED: told to end meanwhile. */
pv_status node_programs_open(struct node *n);

/** The same for --check-config: nothing is kept, and a queue that is left out is a refusal. */
pv_status node_programs_check(struct node *n);

/** Prints the handlers that the settings name, and the node's own; *bad: how many cannot serve. PV_IO with a sentence. */
pv_status node_programs_list(struct node *n, FILE *to, size_t *bad);

void node_programs_clear(struct node *n);

/** Takes the node's control group for its programs, if it is delegated, and tells what of it. To be called before any process is
 *  started. */
void node_programs_group(struct node *n);

#endif
