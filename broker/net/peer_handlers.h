/** What provers say of their handlers (HEARTBEAT), kept with each connection for who looks at it, and summed over the fleet. All
 *  of it is the provers' word and decides nothing.
 *
 *  The sums never go back: a prover that leaves keeps its share in them. What a prover had counted before this broker first
 *  heard of it is not in them, as a counter that starts at 0 is expected to be; what it counts while its connection is
 *  gone is, if it comes back as the same process (its incarnation) and is still remembered.
 */
#ifndef PV_PEER_HANDLERS_H
#define PV_PEER_HANDLERS_H

#include "handler_row.h"
#include "msg.h"
#include "peers.h"

enum {
    FLEET_NAMES = 64,              /* handlers in the sums; those of a further name are counted as "other" */
    FLEET_NAMES_OF_PRINCIPAL = 32, /* of them that one principal brings, so that it cannot take all */
    FLEET_GONE = 64,               /* provers without a connection that are remembered */
};

/** Of one connection. */
struct peer_handlers {
    uint32_t n;
    struct wire_handler at[];
};

/** One name in the sums; only what grows is summed. */
struct fleet_handler {
    char name[WIRE_NAME_MAX + 1], principal[WIRE_NAME_MAX + 1];
    uint64_t figures[WIRE_HANDLER_FIGURES];
};

/** All zero: nobody has said anything. */
struct fleet_handlers {
    struct fleet_handler sums[FLEET_NAMES + 1]; /* the last one is "other" */
    uint32_t n;                                 /* without "other" */
    struct fleet_gone {
        wire_id session;
        char principal[WIRE_NAME_MAX + 1];
        struct peer_handlers *handlers;
    } gone[FLEET_GONE];
    uint32_t gone_next;
};

void fleet_handlers_clear(struct fleet_handlers *f);

/** Takes a HEARTBEAT's rows: they replace those of the same names, and what they grew by is added to the sums. A name above
 *  WIRE_HANDLERS_MAX is passed over, as everything is without memory. */
void peer_handlers_take(struct fleet_handlers *f, struct peer *peer, const char *principal, const struct wire_msg *m);

/** The connection is about to be dropped: its figures are remembered for its incarnation, in place of the oldest. */
void peer_handlers_leave(struct fleet_handlers *f, struct peer *peer, const char *principal);

/** How many it has, how many of them rest. NULL: nothing was said. */
uint32_t peer_handlers_n(const struct peer *peer);
uint32_t peer_handlers_resting(const struct peer *peer);

#endif
