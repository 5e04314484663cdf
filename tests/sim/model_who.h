/** Who a peer is to the model, and the answers it gets. Numbers are indices in struct model; -1: none. */
#ifndef PV_MODEL_WHO_H
#define PV_MODEL_WHO_H

#include "sim_model.h"

int model_session_at(const struct model *m, uint64_t peer);
int model_prover_at(const struct model *m, uint64_t peer);
/** Found or new. name: of a node, or of a session's claims. */
int model_prover_named(struct model *m, const char *name);
/** The prover that a session is for the tasks it claimed. make: new if there is none. */
int model_claims_of(struct model *m, int session, bool make);
/** The same, also when it was forgotten; -1: it never claimed. */
int model_claims_ever(const struct model *m, int session);
/** The same, connected. */
int model_claimer(struct model *m, int session);
/** Found or new. *was: whether it was known. A session that was here once is known until the broker dies. */
int model_session_of(struct model *m, const char *client, const char *principal, wire_id id, bool *was);
/** Whether the session may see task n. */
bool model_may(const struct model *m, int session, int n);

/** The event's peer must be told this. */
void model_answer(struct model *m, const struct sched_event *ev, enum sched_action_type type, pv_status status);
void model_refuse(struct model *m, const struct sched_event *ev, pv_status status);
/** The session of the event's peer. -1: it has none, and must be refused. */
int model_asker(struct model *m, const struct sched_event *ev);
/** The task that a session means by the event's id and owner (R16). -1: none that it may see, or one of several. */
int model_named(const struct model *m, int session, const struct sched_event *ev, pv_status *why);
/** The task that a prover means. */
int model_reported(struct model *m, int prover, wire_token token, wire_id id, wire_hash input);
/** The asker of a peer that means a task, *n. */
int model_asker_of(struct model *m, const struct sched_event *ev, int *n);
/** The prover of the event's peer. -1: it is none, and must be refused. */
int model_speaker(struct model *m, const struct sched_event *ev);

/** Any message from the prover: it lives. */
void model_heard(struct model *m, int prover);

#endif
