/** The conversation with the broker: HELLO, READY, heartbeats, and which file takes which message. */
#ifndef PV_AGENT_SESSION_H
#define PV_AGENT_SESSION_H

#include "agent_state.h"

/** Reads the messages that wait, at most some hundred: the rest comes with the next turn. */
void agent_session_read(struct agent *a);

/** Reads the events of the connection. Call it after agent_session_read: a last message counts though the connection
 *  is gone. */
void agent_session_events(struct agent *a);

/** Dials, says HELLO, heartbeats and READY when they are due, and notices silence. */
void agent_session_tick(struct agent *a);

/** Says HELLO on the connection there is, if any: what the node is, and what it holds. */
void agent_session_announce(struct agent *a);

/** When agent_session_tick has something to do. */
uint64_t agent_session_next_ms(const struct agent *a);

#endif
