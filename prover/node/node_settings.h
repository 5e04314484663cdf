/** From a node's settings to the options of its parts.
 */
#ifndef PV_NODE_SETTINGS_H
#define PV_NODE_SETTINGS_H

#include "node.h"

/** Reads all sources of settings (n->args), the limits of the process, and fills the agent's options. Refuses with a
 *  sentence in n->why. Opens nothing but the log. */
pv_status node_settings_read(struct node *n);

#endif
