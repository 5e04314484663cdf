/** The node's side of the protocol: dials out to a broker, takes tasks, has them computed, and gives the results back.
 *
 *  It has one thread (agent_main), which polls the connection, its runners and its commands. That thread never
 *  computes, so a heartbeat never waits for a proof. While the broker is away it keeps computing; finished results
 *  are spooled until the broker has acknowledged them. The messages: wire/PROTOCOL.md.
 *
 *  An attempt here:
 *
 *      OFFER -> FETCHING -> WAITING -> RUNNING -> (result spooled) -> RESULT -> RESULT_OK
 *                  |           |          |
 *                  +-----------+----------+-> ENDED: FAIL, RELEASE or REVOKED is sent as soon as there is a link
 */
#ifndef PV_AGENT_H
#define PV_AGENT_H

#include "handlers.h"
#include "link.h"
#include "node_figures.h"
#include "node_trace.h"
#include "notify.h"
#include "numa.h"

#include <czmq.h>

enum {
    AGENT_QUEUES_MAX = 64,
    AGENT_CIRCUITS_MAX = 200 /* in one message */,
    AGENT_SLOTS_MAX = 64,
    AGENT_WHY_BYTES = 256
};

/** A queue the node serves, and with what. */
struct agent_queue {
    const char *name;
    struct handler *handler;
};

/** What is to be known of a node's GPU. Zero: it proves, or there is none. */
struct agent_gpu {
    enum agent_gpu_state {
        AGENT_GPU_FIT,
        AGENT_GPU_SUSPECT, /* it is about to be tested: nothing is taken meanwhile */
        AGENT_GPU_BROKEN   /* and the node with it, for good or for long: it drains until it is announced anew */
    } state;
    uint64_t wrong_proofs, ended; /* proofs; processes of GPUs */
    char unused[256];             /* why it proves nothing; "": it does */
};

/** Zero is the default. Everything pointed to is borrowed while the agent lives. */
struct agent_options {
    struct link_options link; /* endpoints and times; the agent sets name, role, session, keys and limits */
    const char *key_file;     /* zcert secret key of this node; NULL: no keys */
    const char *server_keys;  /* with key_file: the brokers' public keys, as link_keys_load takes them */
    const char *name;         /* of this node: a legal name, stable over restarts */
    /** Another name for the node, in place of one that somebody else has at the broker: false, there is none. Called by the
     *  agent's thread. NULL: the name was given, and the node insists on it. */
    bool (*another_name)(void *arg, const char **name);
    void *another_name_arg;
    const char *software; /* for people */
    const struct agent_queue *queues;
    size_t queues_n;
    unsigned slots;    /* tasks computed at once; 0: 1 */
    unsigned prefetch; /* inputs held besides */
    unsigned threads;  /* each slot starts a team of so many at once and keeps it (team.h); 0: handlers need none */
    const struct numa *numa; /* each slot settles on one of its nodes; NULL: the kernel places the threads */
    uint64_t vram, ram;      /* bytes the node has, for matching */
    uint64_t input_most;     /* larger inputs are handed back; 0: 512 MiB */
    const char *state;       /* folder of the spool; NULL: results are only in memory */
    uint64_t grace_ms;       /* how long a drain may take; 0: no limit */
    /** Fills `to` with at most `most` circuits that can be proved now, those whose names follow `after` ("": all) in the
     *  order of their bytes, and returns how many. Called by the agent's thread. NULL: the node takes tasks of any
     *  circuit, since its handlers need no keys. */
    size_t (*circuits)(void *arg, const char *after, struct handler_circuit *to, size_t most);
    /** Fills `to` with at most `most` files of keys and handlers that are not served, and returns how many there are. May be NULL. */
    size_t (*unserved)(void *arg, struct handler_unserved *to, size_t most);
    /** Whether tasks of a queue are asked for just now. Called by the agent's thread before each HELLO and READY. NULL: of all. */
    bool (*offers)(void *arg, const struct agent_queue *queue);
    void *circuits_arg, *unserved_arg, *offers_arg;
    /** Called by the agent's thread before each HELLO and READY. NULL: nothing is to be known. */
    void (*gpu)(void *arg, struct agent_gpu *now);
    void *gpu_arg;
    /** Those of the queues: what the broker is told of them, and which of them rest. NULL: nothing is told, none rests. */
    struct handlers *handlers;
    struct notify
        *notify; /* the service manager: it hears when the node is ready, lives and drains. NULL: nobody does */
    struct node_trace *trace;     /* where it writes what each attempt spent its time on; NULL: nowhere */
    struct node_figures *figures; /* where the agent leaves figures of its work; NULL: nobody reads them */
    bool circuits_needed;         /* every queue's handler needs a key: while there is none, nothing is taken */
};

struct agent;

/** PV_BAD_KEY_FILE, PV_IO, PV_NO_MEMORY, PV_USAGE with a sentence. */
pv_status agent_new(struct agent **agent_p, const struct agent_options *options, char why[AGENT_WHY_BYTES]);
/** Ends the runners, closes the connection, frees everything. Results not yet acknowledged go to the spool. */
void agent_destroy(struct agent **agent_p);

/** For zactor_new(agent_main, agent). Commands, each a string:
 *    DRAIN     take nothing new, finish what runs (as long as the grace lasts), hand the rest back, end
 *    HANDBACK  stop what runs, hand everything back now, end
 *    RELOAD    read the keys again and announce the circuits anew
 *    CIRCUITS  announce the circuits anew
 *  It sends "ENDED" when it has ended by itself, and then only waits for $TERM. $TERM before that ends it at once. */
void agent_main(zsock_t *pipe, void *agent);

#endif
