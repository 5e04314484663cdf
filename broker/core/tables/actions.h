/** Appending actions to the batch of this step: what the rules say it with. */
#ifndef PV_ACTIONS_H
#define PV_ACTIONS_H

#include "model.h"

/** An action, zeroed but for its type. Never NULL: out of memory gives one that is thrown away, and the core stops. */
struct sched_action *sched_act(struct sched *s, enum sched_action_type type);
/** The action is about t: with its id, row and principal. */
void sched_about(struct sched_action *a, const struct task *t);
/** An action about a task, to nobody. */
struct sched_action *sched_act_of(struct sched *s, enum sched_action_type type, const struct task *t);
/** The same, to a peer. */
struct sched_action *sched_act_to(struct sched *s, enum sched_action_type type, uint64_t peer);
/** The answer to the event's request. */
struct sched_action *sched_answer(struct sched *s, enum sched_action_type type);
/** The answer REFUSE. */
struct sched_action *sched_refuse(struct sched *s, pv_status status);
void sched_act_revoke(struct sched *s, uint64_t peer, wire_token token, pv_status status);
/** RESULT_OK to the event's peer, about t, or where t is NULL about a task that is called so and not known. */
void sched_act_result_ok(struct sched *s, wire_token token, wire_id task, const struct task *t, pv_status status);

#endif
