/** What HELLO and READY say of a prover's GPU: kept with the connection, counted, logged. */
#ifndef PV_INTAKE_GPU_H
#define PV_INTAKE_GPU_H

#include "broker.h"

/** m: a HELLO or READY of the peer. Wrong proofs are logged at every doubling of their number, since it is the prover's word. */
void intake_gpu(struct broker *b, struct peer *peer, const struct wire_msg *m);

#endif
