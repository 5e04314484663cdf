/** A week in minutes: one broker, whose clients and provers come, go, die and lie about for as long as it runs (week.c). */
#ifndef PV_WEEK_H
#define PV_WEEK_H

#include "crowd.h"

#include "clock.h"
#include "ids.h"
#include "sha256.h"
#include "task_state.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    WEEK_PROVERS = 60,
    WEEK_CLIENTS = 30,
    WEEK_PEERS = WEEK_PROVERS + WEEK_CLIENTS,
    WEEK_LARGE_MOST = 2 << 20,
};

/** What happened, since the start. */
struct week_counts {
    uint64_t submitted, accepted, refused, delivered, succeeded, expired, acked, large_in, large_out;
    uint64_t clients_gone, sessions_new, provers_gone, cancels, purges, restarts, kills, failures, releases, silences;
};

extern struct crowd week_crowd;
extern struct week_counts week_seen;
extern uint64_t week_now_ms;
/** While it is false nobody submits, leaves or fails: what is under way comes to its end. */
extern bool week_churns;

/** Below n; seeded. */
uint64_t week_random(uint64_t n);
/** True in so many of a thousand cases. */
bool week_chance(unsigned thousandths);
wire_id week_id(void);

/** The content of a payload: made of its seed, so that nobody keeps it. Borrowed until the next call. */
const uint8_t *week_payload(uint64_t seed, size_t bytes);
wire_hash week_hash(uint64_t seed, size_t bytes);
/** Chunks of it, as a CREDIT allows. */
void week_chunks(struct crowd_peer *p, const struct wire_msg *credit, uint64_t seed, size_t bytes);
/** What came of a payload, and up to where it was asked for. */
struct week_fetched {
    uint64_t at, asked, bytes;
};
/** Asks for a payload, and for more of it when half a window is used up: a broker sends no more than a window for one CREDIT. */
void week_fetch(struct crowd_peer *p, enum wire_kind kind, wire_id task, wire_token token, struct week_fetched *of);
struct wire_msg week_hello(const char *name, enum wire_role role, wire_id session);

/* ---- clients (week_clients.c) ---- */

void week_client_enters(struct crowd_peer *p);
void week_client_hears(struct crowd_peer *p, const struct wire_msg *m);
/** Its connection broke. */
void week_client_lost(struct crowd_peer *p);
/** What it does from time to time. */
void week_client_turn(struct crowd_peer *p);
/** Tasks whose SUBMIT_OK came, whose session is alive, and whose end it has not heard yet. */
uint64_t week_clients_wait(void);
/** The least, of the tasks that ended since the last call, and of those that were accepted: us at these hundredths. */
void week_latencies(uint32_t accepted[2], uint32_t ended[2], unsigned hundredths[2]);

/* ---- provers (week_provers.c) ---- */

void week_prover_enters(struct crowd_peer *p);
void week_prover_hears(struct crowd_peer *p, const struct wire_msg *m);
void week_prover_lost(struct crowd_peer *p);
void week_prover_turn(struct crowd_peer *p);

#endif
