/** A connection to one of several brokers: dialling, HELLO, heartbeats, back-off. It knows no task.
 *
 *      DOWN --(due_ms reached: dials)--> DIALLING --(WELCOME of an acceptable broker)--> UP
 *        ^------(refused, silent, lower epoch, connection gone)---------|----------------|
 *
 *  Every attempt has a new socket (dealer.h). Who is next and when: see link_fail.
 *  All calls are those of the thread that polls; others may read the plain facts (state, trouble, terms) under a lock
 *  of the caller's.
 */
#ifndef PV_LINK_H
#define PV_LINK_H

#include "dealer.h"

enum { LINK_ENDPOINTS_MAX = 16, LINK_ENDPOINT_BYTES = 256, LINK_TEXT_BYTES = 256 };

/** Zero is the default, but for the endpoints and the name. */
struct link_options {
    char endpoint[LINK_ENDPOINTS_MAX][LINK_ENDPOINT_BYTES];
    size_t endpoints;
    char name[WIRE_NAME_MAX + 1];
    const char *software; /* of this peer, for people; borrowed while the link lives */
    enum wire_role role;
    bool any_role; /* a client or an administrator: whichever the key may be */
    wire_id session;
    struct link_keys keys;
    uint32_t reconnect_ms;     /* the first pause between rounds of the endpoints; 0: 100 */
    uint32_t reconnect_max_ms; /* the pause doubles up to this; 0: 10,000 */
    uint32_t connect_ms;       /* an attempt that has no WELCOME by then has failed; 0: 5,000 */
    /* The library, a guest in another process, keeps little memory and waits while its queue is full; the node takes
     * a full queue for a dead connection, and sends its last words before it ends. */
    int send_most, receive_most; /* messages that may wait in each direction; 0: 64 (16 MiB of full chunks) and 256 */
    int linger_ms;               /* for the last messages after link_goodbye; 0: 100 */
    bool ipv4_only;              /* names resolve to IPv4 addresses only */
};

enum link_state { LINK_DOWN, LINK_DIALLING, LINK_UP };

struct link {
    struct link_options options;
    enum link_state state;
    struct dealer dealer; /* to poll; closed while DOWN */
    void *zmq;            /* context */
    unsigned dials;       /* attempts so far */
    size_t at;            /* endpoint in use, or the next one */
    unsigned fails;       /* attempts since the last welcome */
    bool stood_by;        /* a broker of this round stands by */
    bool pointed;         /* at is where a standby pointed; the round goes on after pointed_from */
    size_t pointed_from;
    uint64_t pointed_ms; /* when one was followed at once last; 0: never */
    uint64_t due_ms;     /* DOWN: when to dial; DIALLING: when to give up */
    bool hello_due;      /* DIALLING: link_hello has to be called */
    uint64_t heard_ms;   /* when the broker's last message came */
    uint64_t beat_ms;    /* UP: when the next heartbeat is due; moved on by the caller, who sends it */
    uint32_t epoch_seen; /* the highest of any broker: an older one is refused */
    /* the latest failure */
    uint64_t downs;    /* how often the link went down */
    bool lost;         /* it was UP before */
    pv_status trouble; /* why it is not up; UNREACHABLE before the first attempt ended */
    char trouble_text[LINK_TEXT_BYTES];
    char why[WIRE_WHY_BYTES]; /* why the latest message could not be sent or read */
    /* the terms of the latest WELCOME */
    uint32_t epoch, heartbeat_ms, lease_ms, inline_max, chunk_max, window;
    uint64_t payload_max;
    bool by_principal;   /* PROVER may name a principal */
    bool purge_forgets;  /* PURGE may say forget */
    bool more_circuits;  /* CIRCUITS and LIST keys are known */
    bool deadline_in;    /* SUBMIT may say deadline_in_ms */
    bool takes_lost;     /* FAIL may say lost */
    bool takes_handlers; /* HEARTBEAT may say handlers, and LIST handlers is known */
    bool input_json;     /* SUBMIT may say that its input is an input.json */
    bool traces;         /* SUBMIT may say traceparent */
    char principal[WIRE_NAME_MAX + 1];
    char software[65];
    uint64_t welcomes, welcomed_ms;
};

/** Adds "tcp://host:port" or "ipc://path" (bytes long) to the endpoints. PV_USAGE: neither, too long, or too many. */
pv_status link_endpoint_add(struct link_options *o, const char *endpoint, size_t bytes);

/** Sets the endpoints to those of "tcp://a:1,tcp://b:2". insecure: only endpoints on this machine. PV_USAGE: also for
 *  an empty list. */
pv_status link_endpoints(struct link_options *o, const char *list, bool insecure);

/** Makes a link that dials at once. Its options are set, the rest is zero. PV_NO_MEMORY: no context. */
pv_status link_init(struct link *l, uint64_t now_ms);
/** Closes everything, wipes the keys. Waits linger_ms at most for what link_goodbye said. Any number of times. */
void link_clear(struct link *l);

/** Dials, gives up, notices silence. Call it when link_next_ms is reached, and send HELLO when hello_due is set after
 *  it. */
void link_step(struct link *l, uint64_t now_ms);

/** When link_step has something to do, or a heartbeat is due. */
uint64_t link_next_ms(const struct link *l);

/** Reads one event of the connection, without waiting. False when none waits, or the link has just gone down. */
bool link_monitor(struct link *l, uint64_t now_ms);

/** Sends HELLO. m holds what the role adds (held, queues, ...); the rest of it is filled in here. Statuses of
 *  link_send. */
pv_status link_hello(struct link *l, struct wire_msg *m);

/** The broker does not know us any more, or is a new one: back to DIALLING, and HELLO again on the same connection. */
void link_rehello(struct link *l, uint64_t now_ms);

/** Sends DISCONNECT and closes the socket; linger_ms is how long both may take. Then link_fail or link_clear. */
void link_goodbye(struct link *l, pv_status status);

/** Takes a WELCOME: checks epoch and terms. False: refused, the link is down again. */
bool link_welcome(struct link *l, const struct wire_msg *m, uint64_t now_ms);

/** Goes down; status and text say why. The next attempt is due after a pause, with half of it left to chance so that
 *  a fleet that lost its broker does not come back in step: reconnect_ms after a connection that worked, then 20 ms
 *  between the endpoints of one round, and between rounds a pause that doubles from reconnect_ms to reconnect_max_ms.
 *  A connection that worked is dialled again first (a broker that restarts is soon back), except after silence. */
void link_fail(struct link *l, pv_status status, const char *text, uint64_t now_ms);

/** ERROR or DISCONNECT with the status standby: goes down, and on to another endpoint. That is the one that the message names, if it is one
 *  of ours, at once (but at most once a second: two standbys may point at one another); it has one attempt, then the round
 *  goes on. While all stand by or are away, the pause between rounds is 2 s at most. */
void link_standby(struct link *l, const struct wire_msg *m, uint64_t now_ms);

/** Sends, without waiting. PV_BUSY: the queue to the broker is full, try again when the socket is writable.
 *  PV_UNREACHABLE: not up. PV_INTERNAL: not a legal message, l->why says why. */
pv_status link_send(struct link *l, const struct wire_msg *m);

/** Reads one message, without waiting; see dealer_receive. On a malformed one l->why says why: a peer ignores it. */
pv_status link_receive(struct link *l, struct wire_msg *m, struct dealer_frame *payload, uint64_t now_ms);

#endif
