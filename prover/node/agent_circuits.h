/** Which circuits the node announces, in the order of their names: the first in HELLO, the others after WELCOME, as many as
 *  the broker takes of one prover. The rest is said in the log. With them go the key files that are not served.
 */
#ifndef PV_AGENT_CIRCUITS_H
#define PV_AGENT_CIRCUITS_H

#include "agent_state.h"

/** The circuits for HELLO, in a->said.circuits; returns how many. */
size_t agent_circuits_hello(struct agent *a);

/** After WELCOME: says the others, and what is not served. */
void agent_circuits_linked(struct agent *a);

/** The keys that are resident, in a->said.warm; returns how many. *any: there is a circuit, resident or not. */
size_t agent_circuits_warm(struct agent *a, bool *any);

#endif
