/** Who a connection is, who speaks in this event, and which task is meant by an id.
 *
 *  Each principal gives its tasks ids of its own choice (R16), so an id means something only together with who says it.
 */
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
/** The task that the session means: its principal's. For an administrator whose principal has none, that of `owner`, or
 *  where that is NULL the only one that any principal has. NULL: PV_NOT_FOUND, also where another principal has one; or
 *  PV_CONFLICT, for an administrator: several have one. O(1), for administrators O(principals). */
struct task *session_named(const struct sched *s, const struct session *e, const char *owner, wire_id id,
                           pv_status *status);
/** The only task of this id that any principal has. NULL: as above. */
struct task *task_of_anybody(const struct sched *s, wire_id id, pv_status *status);
/** The same as session_named for the event's task and owner. NULL: the event's peer was refused. */
struct task *session_task(struct sched *s, const struct session *e, const struct sched_event *ev);

#endif
