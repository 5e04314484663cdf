/** HELLO: what the node is, which queues it serves now, and what it holds. */
#ifndef PV_AGENT_HELLO_H
#define PV_AGENT_HELLO_H

#include "agent_state.h"

/** Says HELLO on the connection there is, if any. */
void agent_hello_say(struct agent *a);

/** The attempts and results that the node holds, as HELLO tells them. Returns how many. */
size_t agent_hello_held(const struct agent *a, struct wire_held held[AGENT_HELD_MAX]);

/** Whether tasks of any queue are asked for: false while every handler rests. */
bool agent_hello_asks(const struct agent *a);

/** What is to be known of its GPU now. */
struct agent_gpu agent_hello_gpu(const struct agent *a);

#endif
