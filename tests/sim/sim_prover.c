#include "sim_prover.h"

#include "sim_net.h"

#include <string.h>

/* ---- what it says ---- */

static void to_held(const struct sim_prover *p, struct sim_msg *m)
{
    for (unsigned i = 0; i < p->held_n; i++) {
        const struct sim_held *h = &p->held[i];
        m->held[m->held_n++] = (struct sched_held){
            .token = h->token, .task = sim_id(h->n), .input = h->input, .started = h->started, .spooled = h->done
        };
    }
}

void sim_prover_ready(struct sim *w, int i)
{
    struct sim_prover *p = &w->provers[i];
    unsigned unfinished = 0;
    for (unsigned k = 0; k < p->held_n; k++) unfinished += !p->held[k].done;
    unsigned most = p->slots + p->prefetch;
    sim_send_from(w, true, i,
                  (struct sim_msg){ .type = SCHED_READY,
                                    .number = most > unfinished ? most - unfinished : 0,
                                    .circuits_warm = p->warm });
}

static void send_result(struct sim *w, int i, struct sim_held *h, enum sched_payload payload)
{
    h->sent = true;
    uint64_t ms = w->now_ms - h->started_ms;
    if (w->calm && ms % 64 == 63) ms++;
    sim_send_from(w, true, i,
                  (struct sim_msg){ .type = SCHED_RESULT,
                                    .n = h->n,
                                    .token = h->token,
                                    .input = h->input,
                                    .content = h->content,
                                    .kind = (int)payload,
                                    .number = ms });
}

void sim_prover_connect(struct sim *w, int i)
{
    struct sim_prover *p = &w->provers[i];
    if (p->peer || !p->up || !w->broker_up) return;
    p->peer = ++w->next_peer;
    struct sim_msg m = { .type = SCHED_PROVER_HELLO };
    to_held(p, &m);
    sim_send_from(w, true, i, m);
    if (p->draining) p->draining = false;
    sim_prover_ready(w, i);
    for (unsigned k = 0; k < p->held_n; k++)
        if (p->held[k].done) send_result(w, i, &p->held[k], SCHED_COMPLETE);
}

/* ---- what it is told ---- */

/* Nearly always it asks for the whole input; now and then only for a part, or for nothing. */
static void fetches(struct sim *w, int i, wire_token token, unsigned n)
{
    uint64_t dice = w->calm ? 0 : sim_random(w, 10);
    if (dice < 9)
        sim_later(
            w, true, i,
            (struct sim_msg){ .type = SCHED_LIFE, .token = token, .n = n, .number = dice < 8 ? sim_bytes(n) : 1 });
}

static void drop_held(struct sim_prover *p, wire_token token)
{
    for (unsigned i = 0; i < p->held_n; i++)
        if (wire_token_equal(p->held[i].token, token)) {
            memmove(&p->held[i], &p->held[i + 1], (p->held_n - i - 1) * sizeof *p->held);
            p->held_n--;
            return;
        }
}

static struct sim_held *find_held(struct sim_prover *p, wire_token token)
{
    for (unsigned i = 0; i < p->held_n; i++)
        if (wire_token_equal(p->held[i].token, token)) return &p->held[i];
    return NULL;
}

void sim_prover_takes(struct sim *w, int i, const struct sched_action *a)
{
    struct sim_prover *p = &w->provers[i];
    struct sim_held *h = find_held(p, a->token);
    switch (a->type) {
    case SCHED_OFFER:
        fetches(w, i, a->token, sim_about(a));
        if (p->held_n < SIM_HELD && p->up)
            p->held[p->held_n++] =
                (struct sim_held){ .token = a->token, .n = sim_about(a), .input = a->view->record.input };
        break;
    case SCHED_RECALL:
        if (!h || !h->started) {
            drop_held(p, a->token);
            sim_later(w, true, i,
                      (struct sim_msg){ .type = SCHED_RELEASE, .token = a->token, .kind = WIRE_REASON_RECALL });
        }
        break;
    case SCHED_REVOKE:
        drop_held(p, a->token);
        sim_later(w, true, i, (struct sim_msg){ .type = SCHED_REVOKED, .token = a->token });
        break;
    case SCHED_HEARTBEAT_OK:
        for (size_t k = 0; k < a->tokens_n; k++) {
            drop_held(p, a->tokens[k]);
            sim_later(w, true, i, (struct sim_msg){ .type = SCHED_REVOKED, .token = a->tokens[k] });
        }
        break;
    case SCHED_RESULT_OK: drop_held(p, a->token); break;
    case SCHED_WANT_RESULT:
        if (h && h->done)
            sim_later(w, true, i,
                      (struct sim_msg){ .type = SCHED_RESULT,
                                        .n = h->n,
                                        .token = h->token,
                                        .input = h->input,
                                        .content = h->content,
                                        .kind = SCHED_COMPLETE,
                                        .number = 100 });
        break;
    case SCHED_DISCONNECT: p->peer = 0; break;
    case SCHED_REFUSE:
        if (a->status == PV_NAME_IN_USE) p->peer = 0;
        break;
    default: break;
    }
}

/* ---- its moves ---- */

void sim_prover_works(struct sim *w, int i)
{
    struct sim_prover *p = &w->provers[i];
    unsigned computing = 0;
    if (!p->up || p->silent) return;
    for (unsigned k = 0; k < p->held_n; k++) computing += p->held[k].started && !p->held[k].done;
    for (unsigned k = 0; k < p->held_n; k++) {
        struct sim_held *h = &p->held[k];
        if (h->started || computing >= p->slots) continue;
        h->started = true;
        h->started_ms = w->now_ms;
        p->warm |= (unsigned)sim_random(w, 8);
        sim_send_from(w, true, i, (struct sim_msg){ .type = SCHED_STARTED, .token = h->token, .n = h->n });
        return;
    }
    if (!p->held_n) return;
    struct sim_held *h = &p->held[sim_random(w, p->held_n)];
    wire_token token = h->token;
    unsigned n = h->n;
    if (!h->started || h->done) {
        if (h->done && (w->calm || sim_chance(w, 20))) send_result(w, i, h, SCHED_COMPLETE);
        return;
    }
    if (!w->calm && sim_chance(w, p->bad)) {
        int kind = sim_chance(w, 10)   ? WIRE_FAILURE_PERMANENT
                   : sim_chance(w, 20) ? WIRE_FAILURE_RESOURCE
                   : sim_chance(w, 10) ? WIRE_FAILURE_LOST
                                       : WIRE_FAILURE_RETRYABLE;
        if (sim_chance(w, 80)) drop_held(p, token);
        sim_send_from(
            w, true, i,
            (struct sim_msg){ .type = SCHED_FAIL, .token = token, .n = n, .kind = kind, .number = sim_random(w, 99) });
        sim_prover_ready(w, i);
    } else if (w->calm || sim_chance(w, 60)) {
        h->done = true;
        h->content = sim_hash(sim_chance(w, 70) ? 500 + n : 600 + n + SIM_TASKS * (unsigned)i);
        send_result(w, i, h, sim_chance(w, 30) ? SCHED_ANNOUNCED : SCHED_COMPLETE);
        sim_prover_ready(w, i);
    } else {
        sim_send_from(w, true, i,
                      (struct sim_msg){ .type = SCHED_PROGRESS, .token = token, .number = sim_random(w, 100) });
    }
}

void sim_prover_beats(struct sim *w, int i)
{
    struct sim_msg m = { .type = SCHED_HEARTBEAT };
    if (!w->provers[i].up || w->provers[i].silent) return;
    to_held(&w->provers[i], &m);
    sim_send_from(w, true, i, m);
}

/* A token that it made up, or saw, as if its result had been finished earlier. */
static void prover_lies(struct sim *w, int i)
{
    unsigned n = (unsigned)sim_random(w, SIM_TASKS);
    struct sched_held h = { .token = { (uint32_t)sim_random(w, w->epoch + 2), sim_random(w, 200) },
                            .task = sim_id(n),
                            .input = sim_hash(n),
                            .started = sim_chance(w, 50),
                            .spooled = sim_chance(w, 50) };
    struct sim_msg m = { .type = SCHED_PROVER_HELLO, .held = { h }, .held_n = 1 };
    for (unsigned k = 0; k < w->provers[i].held_n && m.held_n < SIM_HELD; k++)
        if (wire_token_equal(w->provers[i].held[k].token, h.token)) return; /* it is true */
    sim_close_peer(w, &w->provers[i].peer);
    sim_prover_connect(w, i);
    if (!w->provers[i].held_n) sim_send_from(w, true, i, m);
    int kind = sim_chance(w, 50) ? SCHED_ANNOUNCED : SCHED_COMPLETE;
    sim_send_from(w, true, i,
                  (struct sim_msg){ .type = SCHED_RESULT,
                                    .n = n,
                                    .token = h.token,
                                    .input = h.input,
                                    .content = sim_hash(500 + n),
                                    .kind = kind,
                                    .number = 100 });
}

static void prover_crashes(struct sim *w, int i)
{
    struct sim_prover *p = &w->provers[i];
    unsigned kept = 0;
    for (unsigned k = 0; k < p->held_n; k++)
        if (p->held[k].done) p->held[kept++] = p->held[k]; /* finished results are on its disk */
    p->held_n = kept;
    p->incarnation++;
    p->warm = 0;
    p->silent = false;
    if (sim_chance(w, 50))
        sim_close_peer(w, &p->peer);
    else
        p->peer = 0; /* and the broker does not notice */
}

void sim_prover_moves(struct sim *w)
{
    int i = (int)sim_random(w, SIM_PROVERS);
    struct sim_prover *p = &w->provers[i];
    uint64_t dice = sim_random(w, 200);
    if (dice < 2 && !w->calm)
        prover_lies(w, i);
    else if (dice < 90)
        sim_prover_works(w, i);
    else if (dice < 140)
        sim_prover_beats(w, i);
    else if (dice < 165)
        sim_prover_connect(w, i);
    else if (dice < 180)
        sim_prover_ready(w, i);
    else if (dice < 186)
        sim_close_peer(w, &p->peer);
    else if (dice < 189)
        prover_crashes(w, i);
    else if (dice < 193)
        p->silent = !p->silent;
    else if (dice < 195)
        sim_send_from(w, true, i, (struct sim_msg){ .type = SCHED_DRAIN });
    else if (p->held_n) {
        struct sim_held h = p->held[sim_random(w, p->held_n)];
        int kind = (int)sim_random(w, 3);
        if (h.done) return;
        drop_held(p, h.token);
        sim_send_from(w, true, i, (struct sim_msg){ .type = SCHED_RELEASE, .token = h.token, .kind = kind });
    }
}
