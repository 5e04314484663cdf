#include "sim_net.h"

#include "sim_event.h"

#include <stdio.h>

void sim_deliver(struct sim *w, const struct sim_msg *m)
{
    struct sched_event ev = sim_event(w, m->type);
    struct sim_lent lent;
    struct sim_prover *p = m->from_prover ? &w->provers[m->who] : NULL;
    if (m->peer != (p ? p->peer : w->clients[m->who].peer)) return; /* that connection is closed */
    ev.peer = m->peer;
    ev.task = sim_id(m->n);
    if (!p && m->who == 3 && m->n & 1)
        ev.owner = sim_owner(m->n); /* half the time the administrator says whose it is */
    ev.token = m->token;
    sim_fill_event(w, m, &ev, &lent);
    if (p && m->type == SCHED_PROVER_HELLO) p->credit = 0;
    if (p && m->type == SCHED_READY) p->credit = m->number;
    w->purging = m->type == SCHED_PURGE;
    if (w->tell)
        printf("%6u ms  %-12s %s%d task %u token %u.%u\n", (unsigned)w->now_ms, sim_type_name(m->type), p ? "p" : "c",
               m->who, m->n, m->token.epoch, (unsigned)m->token.seq);
    sim_step(w, &ev);
    w->purging = false;
}

/* Hellos come first on a connection and are never lost: without one there is no connection. */
static void send(struct sim *w, const struct sim_msg *m)
{
    bool first = m->type == SCHED_PROVER_HELLO || m->type == SCHED_CLIENT_HELLO;
    if (!m->peer || !w->broker_up) return;
    if (!w->calm && !first) {
        if (sim_chance(w, 2)) return;
        if (sim_chance(w, 15) && w->pool_n < SIM_POOL) {
            w->pool[w->pool_n++] = *m;
            if (!sim_chance(w, 15)) return; /* else it comes twice */
        }
    }
    sim_deliver(w, m);
}

void sim_send_from(struct sim *w, bool from_prover, int who, struct sim_msg m)
{
    m.from_prover = from_prover;
    m.who = who;
    m.peer = from_prover ? w->provers[who].peer : w->clients[who].peer;
    send(w, &m);
}

void sim_later(struct sim *w, bool from_prover, int who, struct sim_msg m)
{
    m.from_prover = from_prover;
    m.who = who;
    m.peer = from_prover ? w->provers[who].peer : w->clients[who].peer;
    if (w->pool_n < SIM_POOL) w->pool[w->pool_n++] = m;
}

void sim_close_peer(struct sim *w, uint64_t *peer)
{
    if (!*peer) return;
    uint64_t old = *peer;
    *peer = 0;
    if (!w->broker_up) return;
    struct sched_event ev = sim_event(w, SCHED_PEER_GONE);
    ev.peer = old;
    if (w->tell) printf("%6u ms  GONE %u\n", (unsigned)w->now_ms, (unsigned)old);
    sim_step(w, &ev);
}

void sim_pool_moves(struct sim *w)
{
    if (!w->pool_n) return;
    unsigned i = (unsigned)sim_random(w, w->pool_n);
    struct sim_msg m = w->pool[i];
    w->pool[i] = w->pool[--w->pool_n];
    if (w->broker_up && m.peer) sim_deliver(w, &m);
}
