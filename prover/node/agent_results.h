/** Finished results, in memory and in the spool, until the broker has acknowledged each. */
#ifndef PV_AGENT_RESULTS_H
#define PV_AGENT_RESULTS_H

#include "agent_state.h"

/** Opens the spool, if there is a state folder, and takes up what an earlier run left. PV_IO, PV_NO_MEMORY with a
 *  sentence. */
pv_status agent_results_open(struct agent *a, char why[AGENT_WHY_BYTES]);

/** Takes the job's result over and sends it. */
void agent_results_add(struct agent *a, const struct agent_attempt *at, struct job *job);

/** There is a link: sends all of them again. */
void agent_results_linked(struct agent *a);
/** Sends and spools what is due. */
void agent_results_tick(struct agent *a);
/** When agent_results_tick has something to do; UINT64_MAX: never. */
uint64_t agent_results_next_ms(const struct agent *a);

/* What the broker says. */
void agent_results_credit(struct agent *a, const struct wire_msg *m);
void agent_results_ok(struct agent *a, const struct wire_msg *m);
/** ERROR about a token. True when it is that of a result, which is sent again later. */
bool agent_results_refused(struct agent *a, const struct wire_msg *m);
/** REVOKE, or a heartbeat that does not know the attempt: its result, if it is here, is announced once more. A broker that
 *  dropped its upload says no RESULT_OK by itself. */
void agent_results_revoked(struct agent *a, wire_token token);

/** True when this attempt's result is here. */
bool agent_results_hold(const struct agent *a, wire_token token);
/** Spools what is not, and frees everything. */
void agent_results_clear(struct agent *a);

#endif
