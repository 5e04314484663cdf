/** The gate of a state folder (store_gate.h): the file MOVED or MOVING in it, with a line of text. A file that cannot be read counts
 *  all the same.
 */
#ifndef PV_SQLITE_GATE_H
#define PV_SQLITE_GATE_H

#include "store_gate.h"

/** Whether the folder may be opened for this. PV_STORE, and why (512 bytes) gets the sentence, without the folder's name. */
pv_status sqlite_gate_look(int root, enum store_purpose purpose, char *why);

pv_status sqlite_get_gate(struct store *base, struct store_gate *gate);
pv_status sqlite_put_gate(struct store *base, const struct store_gate *gate);

#endif
