/** Connections: who comes, who goes, who is heard (R4, R5, R9, R12). */
#ifndef PV_SCHED_HELLO_H
#define PV_SCHED_HELLO_H

#include "model.h"

void sched_on_client_hello(struct sched *s, const struct sched_event *ev);
void sched_on_prover_hello(struct sched *s, const struct sched_event *ev);
void sched_on_peer_gone(struct sched *s, const struct sched_event *ev);
void sched_on_heartbeat(struct sched *s, const struct sched_event *ev);
void sched_on_circuits(struct sched *s, const struct sched_event *ev);
void sched_on_ready(struct sched *s, const struct sched_event *ev);
void sched_on_drain(struct sched *s, const struct sched_event *ev);
void sched_on_lag(struct sched *s, const struct sched_event *ev);

#endif
