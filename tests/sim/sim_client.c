#include "sim_client.h"

#include "sim_net.h"

#include <string.h>

void sim_client_connect(struct sim *w, int i)
{
    struct sim_client *c = &w->clients[i];
    if (c->peer || !w->broker_up) return;
    c->peer = ++w->next_peer;
    memset(c->delivered, 0, sizeof c->delivered);
    sim_send_from(w, false, i, (struct sim_msg){ .type = SCHED_CLIENT_HELLO });
}

void sim_client_takes(struct sim *w, int i, const struct sched_action *a)
{
    struct sim_client *c = &w->clients[i];
    unsigned n = sim_about(a);
    switch (a->type) {
    case SCHED_DELIVER:
        c->delivered[n] = true;
        if (sim_chance(w, w->calm ? 0 : 50))
            sim_later(w, false, i, (struct sim_msg){ .type = SCHED_ACK, .n = n, .number = a->view->record.generation });
        break;
    case SCHED_CLAIMED:
        c->claim[n] = a->token;
        c->claimed[n] = true;
        break;
    case SCHED_DISCONNECT: c->peer = 0; break;
    default: break;
    }
}

static void client_claims(struct sim *w, int i, unsigned n)
{
    struct sim_client *c = &w->clients[i];
    if (!c->claimed[n]) {
        sim_send_from(w, false, i, (struct sim_msg){ .type = SCHED_CLAIM, .n = n });
        return;
    }
    static const enum sched_event_type say[] = { SCHED_STARTED, SCHED_HEARTBEAT, SCHED_RESULT, SCHED_FAIL,
                                                 SCHED_RELEASE };
    struct sim_msg m = { .type = say[sim_random(w, 5)],
                         .n = n,
                         .token = c->claim[n],
                         .content = sim_hash(500 + n),
                         .input = sim_hash(n),
                         .kind = SCHED_COMPLETE,
                         .number = 100 };
    if (m.type == SCHED_FAIL) m.kind = WIRE_FAILURE_RETRYABLE;
    if (m.type == SCHED_RELEASE) m.kind = WIRE_REASON_RECALL;
    if (m.type == SCHED_HEARTBEAT) m.held[m.held_n++] = (struct sched_held){ .token = c->claim[n] };
    if (m.type >= SCHED_RESULT) c->claimed[n] = false;
    sim_send_from(w, false, i, m);
}

void sim_client_moves(struct sim *w)
{
    int i = (int)sim_random(w, SIM_CLIENTS);
    unsigned n = (unsigned)sim_random(w, SIM_TASKS);
    struct sim_client *c = &w->clients[i];
    uint64_t dice = sim_random(w, 200);
    if (i != 3 || dice < 110) n = sim_number(sim_client_principals[i], sim_id(n)); /* what it says means its own */
    if (!c->peer && dice < 190) {
        sim_client_connect(w, i);
        return;
    }
    if (dice < 110)
        sim_send_from(w, false, i,
                      (struct sim_msg){ .type = SCHED_SUBMIT,
                                        .n = n,
                                        .number = sim_random(w, 1 << 24),
                                        .content = sim_hash(sim_chance(w, 95) ? n : n + 100) });
    else if (dice < 125)
        sim_send_from(w, false, i, (struct sim_msg){ .type = SCHED_ATTACH, .n = n });
    else if (dice < 135)
        sim_send_from(w, false, i, (struct sim_msg){ .type = SCHED_FETCH, .n = n });
    else if (dice < 155)
        sim_send_from(w, false, i, (struct sim_msg){ .type = SCHED_ACK, .n = n, .number = w->tasks[n].generation });
    else if (dice < 163)
        sim_send_from(w, false, i, (struct sim_msg){ .type = SCHED_CANCEL, .n = n });
    else if (dice < 173)
        client_claims(w, i, n);
    else if (dice < 178)
        sim_send_from(w, false, i, (struct sim_msg){ .type = SCHED_KICK, .n = n });
    else if (dice < 180)
        sim_send_from(w, false, i, (struct sim_msg){ .type = SCHED_PURGE, .number = sim_random(w, 64) });
    else if (dice < 190)
        sim_close_peer(w, &c->peer);
    else if (dice < 194) {
        sim_close_peer(w, &c->peer);
        c->session++;
        memset(c->owed, 0, sizeof c->owed);
        memset(c->claimed, 0, sizeof c->claimed);
    } else {
        int kind = sim_chance(w, 60) ? WIRE_VERB_RESUME : i & 1 ? WIRE_VERB_PAUSE : WIRE_VERB_DRAIN;
        uint64_t which = sim_random(w, 16);
        enum sched_event_type type =
            kind == WIRE_VERB_PAUSE || sim_chance(w, 50) ? SCHED_QUEUE_VERB : SCHED_PROVER_VERB;
        if (type == SCHED_QUEUE_VERB && kind == WIRE_VERB_DRAIN) kind = WIRE_VERB_RESUME;
        sim_send_from(w, false, 3, (struct sim_msg){ .type = type, .kind = kind, .number = which });
    }
}
