/** The node's side of the protocol: it dials out to a broker, takes tasks, has them computed, and gives the results
 * back.
 *
 *  One thread of its own (agent_main) polls the connection, its runners and its commands; it never computes, so that a
 *  heartbeat never waits for a proof. While the broker is away it keeps computing; finished results are spooled until
 * the broker has acknowledged them. What is said: wire/PROTOCOL.md.
 *
 *  An attempt here:
 *
 *      OFFER -> FETCHING -> WAITING -> RUNNING -> (result spooled) -> RESULT -> RESULT_OK
 *                  |           |          |
 *                  +-----------+----------+-> ENDED: FAIL, RELEASE or REVOKED still to be said, once there is a link
 */
#ifndef PV_AGENT_H
#define PV_AGENT_H

#include "dial.h"
#include "handler.h"
#include "numa.h"

#include <czmq.h>

enum { AGENT_QUEUES_MAX = 64, AGENT_CIRCUITS_MAX = 200, AGENT_SLOTS_MAX = 64 };

/** A queue the node serves, and with what. */
struct agent_queue {
    const char *name;
    struct handler *handler;
};

/** Zero is the default. Everything pointed to is borrowed while the agent lives. */
struct agent_options {
    struct dial_options dial;
    const char *name;     /* of this node: a legal name, stable over restarts */
    const char *software; /* for people */
    const struct agent_queue *queues;
    size_t queues_n;
    unsigned slots;          /* tasks computed at once; 0: 1 */
    unsigned prefetch;       /* inputs held besides */
    const struct numa *numa; /* each slot settles on one of its nodes; NULL: they go where the kernel puts them */
    uint64_t vram, ram;      /* what the node has, for matching */
    uint64_t input_most;     /* larger inputs are handed back; 0: 512 MiB */
    const char *state;       /* folder of the spool; NULL: results are only in memory */
    uint64_t grace_ms;       /* how long a drain may take; 0: no limit */
    unsigned answer_ms;      /* how long the broker may take to answer HELLO; 0: 5 s */
    /** Fills to (at most most) with what can be proved now; called by the agent's thread. NULL: the node takes tasks of any
     *  circuit, since its handlers need no keys. */
    size_t (*circuits)(void *arg, struct handler_circuit *to, size_t most);
    void *circuits_arg;
};

struct agent;

/** PV_BAD_KEY_FILE, PV_IO, PV_NO_MEMORY, PV_USAGE with a sentence. */
pv_status agent_new(struct agent **agent_p, const struct agent_options *options, char why[DIAL_WHY_BYTES]);
void agent_destroy(struct agent **agent_p);

/** For zactor_new(agent_main, agent). Commands, each a string:
 *    DRAIN     take nothing new, finish what runs (as long as the grace lasts), hand the rest back, end
 *    HANDBACK  stop what runs, hand everything back now, end
 *    RELOAD    read the keys again and announce the circuits anew
 *  It says "ENDED" when it has ended by itself and then only waits for $TERM. $TERM without that ends it as it is. */
void agent_main(zsock_t *pipe, void *agent);

#endif
