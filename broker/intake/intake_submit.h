/** Tasks that a client hands in, and takes back.
 */
#ifndef PV_INTAKE_SUBMIT_H
#define PV_INTAKE_SUBMIT_H

#include "broker.h"

/** SUBMIT: an event, unless this key, the disk or a bound of the daemon says no. */
void intake_submit(struct broker *b, struct peer *peer, const struct wire_msg *m);

/** PURGE: an event. */
void intake_purge(struct broker *b, struct peer *peer, const struct wire_msg *m);

#endif
