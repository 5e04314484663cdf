/** The attempts: from OFFER over the input and the computation to the last message about each. */
#ifndef PV_AGENT_ATTEMPTS_H
#define PV_AGENT_ATTEMPTS_H

#include "agent_state.h"

/* What the broker says. */
void agent_attempts_offer(struct agent *a, const struct wire_msg *m);
void agent_attempts_chunk(struct agent *a, const struct wire_msg *m);
/** Stops the attempt and confirms it; one that is not held is confirmed at once. */
void agent_attempts_revoke(struct agent *a, wire_token token);
/** Hands the attempt back if it has not started. */
void agent_attempts_recall(struct agent *a, wire_token token);
/** ERROR about a token: the broker will not send this input. */
void agent_attempts_refused(struct agent *a, const struct wire_msg *m);

/** Takes what a runner reports. Whatever job it handed back is destroyed. */
void agent_attempts_report(struct agent *a, unsigned runner, struct runner_report *report);

/** Starts what waits, stops what ran too long, sends progress. */
void agent_attempts_tick(struct agent *a);
/** When agent_attempts_tick has something to do; UINT64_MAX: never. */
uint64_t agent_attempts_next_ms(const struct agent *a);

/** There is a link: sends the last messages that waited for it, and lets inputs go on. */
void agent_attempts_linked(struct agent *a);
/** Hands back what has not started. */
void agent_attempts_drain(struct agent *a);
/** Stops what has started, to hand it back. */
void agent_attempts_handback(struct agent *a);

/** How many need a place still: all but those that only wait for their last message to be sent. */
unsigned agent_attempts_unfinished(const struct agent *a);
/** Wipes and frees all inputs. */
void agent_attempts_clear(struct agent *a);

/** Hands back what has not begun of handlers that rest: when the broker knows that they do. */
void agent_attempts_rest(struct agent *a);

#endif
