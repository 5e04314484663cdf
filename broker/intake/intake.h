/** Messages in: who speaks, whether it may, and which event of the core the message is.
 */
#ifndef PV_INTAKE_H
#define PV_INTAKE_H

#include "broker.h"

/** One message, as it came from the socket. */
void intake_message(struct broker *b, struct router_message *d);

#endif
