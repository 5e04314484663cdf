/** Payloads that come and go in pieces.
 */
#ifndef PV_INTAKE_TRANSFER_H
#define PV_INTAKE_TRANSFER_H

#include "broker.h"

/** CHUNK: a piece of an upload; the last one ends it. */
void intake_chunk(struct broker *b, struct peer *peer, const struct wire_msg *m);

/** CREDIT: how much of a download the peer is ready for. */
void intake_credit(struct broker *b, struct peer *peer, const struct wire_msg *m);

#endif
