/** Who a connection is, and who speaks in this event. */
#ifndef PV_WHO_H
#define PV_WHO_H

#include "model.h"

/** NULL: it has not said hello. */
struct sched_peer *sched_peer_find(const struct sched *s, uint64_t handle);
/** Found or made. NULL: out of memory. */
struct sched_peer *sched_peer_of(struct sched *s, uint64_t handle);
void sched_peer_forget(struct sched *s, struct sched_peer *peer);

/** The session of the event's peer. NULL: it has none, and was refused with PV_BAD_STATE. */
struct session *speaker_session(struct sched *s);
/** The prover (or claimer) that the event's peer is. NULL: it is none, and was refused with PV_BAD_STATE. */
struct prover *speaker_prover(struct sched *s);

/** Whether the session may see t and act on it. */
bool session_may(const struct session *e, const struct task *t);
/** The task of this id, if the session may see it. NULL: not, and the event's peer was refused with PV_NOT_FOUND. */
struct task *session_task(struct sched *s, const struct session *e, wire_id id);

#endif
