/** What administrators do with queues and provers.
 */
#ifndef PV_INTAKE_OPERATE_H
#define PV_INTAKE_OPERATE_H

#include "broker.h"

/** QUEUE: pause, resume, settings. */
void intake_queue(struct broker *b, struct peer *peer, const struct wire_msg *m);

/** PROVER: drain, pause, resume, kick. */
void intake_prover(struct broker *b, struct peer *peer, const struct wire_msg *m);

#endif
