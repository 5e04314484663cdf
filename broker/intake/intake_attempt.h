/** What provers say of themselves and of attempts; a client that claimed its task speaks of it in the same words.
 *  Each of these makes one event of the core.
 */
#ifndef PV_INTAKE_ATTEMPT_H
#define PV_INTAKE_ATTEMPT_H

#include "broker.h"

void intake_more_circuits(struct broker *b, struct peer *peer, const struct wire_msg *m);
void intake_ready(struct broker *b, struct peer *peer, const struct wire_msg *m);
void intake_heartbeat(struct broker *b, struct peer *peer, const struct wire_msg *m);
void intake_progress(struct broker *b, struct peer *peer, const struct wire_msg *m);
void intake_result(struct broker *b, struct peer *peer, const struct wire_msg *m);
void intake_fail(struct broker *b, struct peer *peer, const struct wire_msg *m);
void intake_release(struct broker *b, struct peer *peer, const struct wire_msg *m);

#endif
