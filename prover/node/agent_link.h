/** The agent's link: sending, and what is logged when it is lost. Nothing here knows attempts or results but their
 *  number. */
#ifndef PV_AGENT_LINK_H
#define PV_AGENT_LINK_H

#include "agent_state.h"

/** Copies the agent's options into the link's, reads the keys, and makes the link. Statuses of agent_new. */
pv_status agent_link_open(struct agent *a, char why[AGENT_WHY_BYTES]);

/** Reads the key files again, for the next dial. The old keys stay if the new ones are not usable. PV_BAD_KEY_FILE. */
pv_status agent_link_keys(struct agent *a, char why[AGENT_WHY_BYTES]);

/** Dials, gives up or notices silence, when that is due. */
void agent_link_step(struct agent *a);

/** Sends m now. False: there is no link, or it broke just now, or m is not legal (logged). */
bool agent_link_say(struct agent *a, const struct wire_msg *m);
/** Sends HELLO, as link_hello does. */
bool agent_link_hello(struct agent *a, struct wire_msg *m);

/** Closes the connection; because is a sentence for the log. The next dial follows by itself. */
void agent_link_lose(struct agent *a, const char *because);
/** The same for a broker that stands by: another endpoint is next (link_standby). */
void agent_link_standby(struct agent *a, const struct wire_msg *m);
/** The same for a broker that refuses this node, which is told good-bye. */
void agent_link_refuse(struct agent *a, pv_status status, const char *text);
/** A WELCOME came: what was refused before no longer counts. */
void agent_link_welcomed(struct agent *a);

/** Logs that the link went down, if it did since the last call. Due after every call that may fail the link by
 *  itself. */
void agent_link_log(struct agent *a);

#endif
