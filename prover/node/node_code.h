/** The programs beside the keys that compute witnesses: with allow_code, one run for each task whose input is an input.json.
 */
#ifndef PV_NODE_CODE_H
#define PV_NODE_CODE_H

#include "node.h"

/** Whether this node runs them at all. */
bool node_code_is_allowed(const struct node *n);

/** Takes user and Node.js, and gives the handler its source of witnesses. Before the keys are read; the place is opened later, with that of the
 *  handlers that are programs. PV_BAD_CONFIG with a sentence. */
pv_status node_code_open(struct node *n);

#endif
