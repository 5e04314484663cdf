#include "sched_hello.h"

#include "accounts.h"
#include "actions.h"
#include "circuits.h"
#include "provers.h"
#include "sched_attempt.h"
#include "sched_blame.h"
#include "sched_end.h"
#include "issued.h"
#include "looks.h"
#include "sched_places.h"
#include "sessions.h"
#include "tasks.h"
#include "who.h"

#include <stdlib.h>
#include <string.h>

enum { TOKENS_MAX = 256, QUARREL_EVERY_MS = 60000 };

/* ---- going ---- */

/* R5: its tasks wait for the grace, in which the same incarnation may come back. */
static void prover_gone(struct sched *s, struct prover *p)
{
    uint64_t end = sched_add(s->now_ms, s->cfg.grace_ms);
    p->peer = 0;
    p->live = false;
    p->credit = 0;
    p->gone_ms = s->now_ms;
    prover_clear_circuits(s, p); /* its next hello has them again */
    if (!p->local && !p->draining) s->stats.provers_lost++;
    prover_unwant(s, p);
    for (struct attempt *a = p->attempts, *next; a; a = next) {
        next = a->next;
        if (!a->task) {
            attempt_end(s, a);
        } else if (a->lease_ms > end) {
            a->lease_ms = end;
            task_rearm(s, a->task);
        }
    }
    prover_changed(s, p);
    prover_rearm(s, p);
}

static void role_over(struct sched *s, struct sched_peer *peer)
{
    struct prover *p = peer->prover;
    struct session *e = peer->session;
    peer->prover = NULL;
    peer->session = NULL;
    if (p && p->peer == peer->handle) prover_gone(s, p);
    if (e && e->peer == peer->handle) session_disconnect(s, e);
}

void sched_on_peer_gone(struct sched *s, const struct sched_event *ev)
{
    struct sched_peer *peer = sched_peer_find(s, ev->peer);
    if (!peer) return;
    role_over(s, peer);
    sched_peer_forget(s, peer);
}

/* A newer connection of the same process replaces this one: what the process has does not change. */
static void supplant(struct sched *s, uint64_t old)
{
    struct sched_peer *peer = sched_peer_find(s, old);
    if (!peer) return;
    sched_act_to(s, SCHED_DISCONNECT, old)->status = PV_SUPERSEDED;
    peer->prover = NULL;
    peer->session = NULL;
    sched_peer_forget(s, peer);
}

/* ---- no room ---- */

static void busy(struct sched *s, const char *which)
{
    struct sched_action *no = sched_refuse(s, PV_BUSY);
    no->which = which;
    no->retry_ms = s->cfg.lease_ms; /* a place is given up when a lease is over */
}

/* ---- clients ---- */

void sched_on_client_hello(struct sched *s, const struct sched_event *ev)
{
    struct principal *pr = principal_of(s, ev->client.principal);
    struct sched_peer *peer = sched_peer_of(s, ev->peer);
    if (peer) role_over(s, peer);
    bool room = s->connected < s->cfg.sessions_max;
    struct session *e = pr && peer && room ? session_of(s, pr, ev->client.name, ev->client.session) : NULL;
    if (!e) {
        busy(s, room ? "memory" : "sessions");
        if (peer) sched_peer_forget(s, peer);
        return;
    }
    if (e->peer) {
        uint64_t old = e->peer;
        session_disconnect(s, e); /* what was pushed there is pushed again here */
        e = session_of(s, pr, ev->client.name, ev->client.session);
        supplant(s, old);
        if (!e) {
            busy(s, "memory");
            sched_peer_forget(s, peer);
            return;
        }
    }
    e->admin = ev->client.admin;
    e->peer = ev->peer; /* now nothing below can drop it */
    s->connected++;
    peer->session = e;
    sched_answer(s, SCHED_WELCOME);
    if (s->failed) return; /* it may look; what its session is owed may not be durable */
    char name[WIRE_NAME_MAX + 1] = "claim:", id[WIRE_ID_TEXT];
    strcat(name, wire_id_text(id, e->id));
    struct prover *claims = prover_find(s, pr->name->text, name);
    if (claims && attempt_claims_are_of(s, claims, e)) {
        claims->peer = ev->peer;
        claims->known = claims->local = true;
        peer->prover = claims;
        prover_heard(s, claims);
        for (struct attempt *a = claims->attempts; a; a = a->next)
            if (a->task && a->state != ATTEMPT_RECOVERING)
                attempt_renew(s, a); /* a client's hello has no list of what it holds */
    }
    session_connect(s, e, ev->peer);
}

/* ---- provers ---- */

static int by_address(const void *a, const void *b)
{
    const struct prover_circuit *x = a, *y = b;
    uintptr_t p = (uintptr_t)x->name, q = (uintptr_t)y->name;
    if (p != q) return p < q ? -1 : 1;
    if (x->by_digest != y->by_digest) return x->by_digest ? 1 : -1;
    return memcmp(x->digest.bytes, y->digest.bytes, sizeof x->digest.bytes);
}

/* Two circuits with one key have one name in common, its digest: once is enough. */
static void drop_twins(struct sched *s, struct prover *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->circuits_n; i++) {
        if (kept && p->circuits[kept - 1].name == p->circuits[i].name) {
            if (p->circuits[i].by_digest)
                p->circuits[kept - 1].kinds |= p->circuits[i].kinds; /* the prover finds the one that does */
            names_drop(&s->names, p->circuits[i].name);
        } else {
            p->circuits[kept++] = p->circuits[i];
        }
    }
    p->circuits_n = kept;
}

/* One name of a circuit: its own, or the hex of its key's digest. */
static bool take_name(struct sched *s, struct prover *p, const struct sched_circuit *from, const char *name)
{
    struct prover_circuit *c = &p->circuits[p->circuits_n];
    c->name = names_hold(&s->names, name);
    if (!c->name) return false;
    c->by_digest = name != from->name;
    c->digest = from->digest;
    c->has_digest = from->has_digest;
    c->warm = from->warm;
    c->load_ms = from->load_ms;
    c->need_vram = from->need_vram;
    c->need_ram = from->need_ram;
    c->slower = from->slower;
    c->kinds = from->kinds;
    p->circuits_n++;
    return true;
}

static bool take_names(struct sched *s, struct prover *p, const struct sched_circuit *from)
{
    char hex[WIRE_HASH_TEXT];
    return take_name(s, p, from, from->name) &&
           (!from->has_digest || take_name(s, p, from, wire_hash_text(hex, from->digest)));
}

/* More circuits; those that it has announced move. */
static bool take_circuits(struct sched *s, struct prover *p, const struct sched_event *ev)
{
    size_t n = ev->prover.circuits_n, room = p->circuits_n + 2 * n + 1;
    circuits_take_out(s, p);
    struct prover_circuit *more = realloc(p->circuits, room * sizeof *more);
    if (more) {
        memset(more + p->circuits_n, 0, (room - p->circuits_n) * sizeof *more);
        p->circuits = more;
        p->announced += (uint32_t)n;
        p->owner->circuits += (uint32_t)n;
    }
    bool taken = more != NULL;
    for (size_t i = 0; taken && i < n; i++) taken = take_names(s, p, &ev->prover.circuits[i]);
    if (p->circuits) qsort(p->circuits, p->circuits_n, sizeof *p->circuits, by_address);
    drop_twins(s, p);
    return circuits_put(s, p) && taken;
}

static bool take_queues(struct sched *s, struct prover *p, const struct sched_event *ev)
{
    p->queue_names = calloc(ev->prover.queues_n + 1, sizeof(*p->queue_names));
    p->queues = calloc(ev->prover.queues_n + 1, sizeof(*p->queues));
    if (!p->queue_names || !p->queues) return false;
    for (size_t i = 0; i < ev->prover.queues_n; i++) {
        p->queue_names[i] = names_hold(&s->names, ev->prover.queues[i]);
        if (!p->queue_names[i]) return false;
        p->queues_n++;
    }
    prover_resolve_queues(s, p);
    return true;
}

static bool take_offer(struct sched *s, struct prover *p, const struct sched_event *ev)
{
    prover_clear_offer(s, p);
    p->any_circuit = ev->prover.any_circuit;
    p->slots = ev->prover.slots;
    p->prefetch = ev->prover.prefetch;
    p->vram = ev->prover.vram;
    p->kinds = ev->prover.kinds;
    p->ram = ev->prover.ram;
    p->credit = 0;
    p->draining = false;
    return take_circuits(s, p, ev) && take_queues(s, p, ev);
}

/* The prover holds an attempt that its task has lost, and nobody else computes the task now: taking the attempt back
 * saves what was computed. (An offer that was not begun gives way to it.) */
static bool readopt(struct sched *s, struct prover *p, const struct sched_held *h)
{
    struct task *t = prover_named(s, p, h->token, h->task, h->input);
    if (!t || !h->started || attempt_find(s, h->token) || !wire_hash_equal(t->input, h->input)) return false;
    if (!task_believes(s, t, h->token, p, NULL)) return false;
    if (!prover_serves(p, t->account->queue) || t->account->queue->late != SCHED_LATE_ACCEPT) return false;
    if (t->state != TASK_QUEUED && t->state != TASK_DELAYED && t->state != TASK_OFFERED) return false;
    if (t->attempt) attempt_return(s, t->attempt, true);
    if (t->state == TASK_DELAYED) task_queue(s, t, SCHED_FREE);
    return attempt_readopt(s, t, p, h->token);
}

/* A finished result is on its way here (R8): kept as LATE, so that no heartbeat tells the prover to drop it. */
static void expect_late(struct sched *s, struct prover *p, const struct sched_held *h)
{
    const struct task *t = prover_named(s, p, h->token, h->task, h->input);
    if (attempt_find(s, h->token) || !t || !task_believes(s, t, h->token, p, NULL)) return;
    attempt_late(s, p, t, h->token);
}

static void take_held(struct sched *s, struct prover *p, const struct sched_held *h)
{
    struct attempt *a = attempt_find(s, h->token);
    if (a && a->prover == p && a->task && !prover_serves(p, a->task->account->queue)) {
        attempt_return(s, a, true); /* its key lost the queue */
    } else if (a && a->prover == p && a->task) {
        if (a->state == ATTEMPT_RECOVERING && !h->started && !h->spooled)
            attempt_adopt_waiting(s, a);
        else if (a->state == ATTEMPT_OFFERED && (h->started || h->spooled))
            attempt_begin(s, a);
        attempt_report(s, a, h);
        if (a->state == ATTEMPT_OFFERED) attempt_fetch_again(s, a);
    } else if (a && a->prover == p && a->state == ATTEMPT_LATE) {
        return;
    } else if (h->spooled) {
        expect_late(s, p, h);
    } else if (!readopt(s, p, h)) {
        s->stats.stale_reports++;
        sched_act_revoke(s, s->peer, h->token, PV_REVOKED);
    }
}

static bool listed(const struct sched_event *ev, wire_token token)
{
    for (size_t i = 0; i < ev->prover.held_n; i++)
        if (wire_token_equal(ev->prover.held[i].token, token)) return true;
    return false;
}

/* Ends the attempts that the prover no longer has (moves 4, 8 and 15). A new process of a prover lists the finished
 * results that its predecessor left on disk, but none of its runs. */
static void drop_unlisted(struct sched *s, struct prover *p, const struct sched_event *ev)
{
    for (struct attempt *a = p->attempts, *next; a; a = next) {
        next = a->next;
        if (listed(ev, a->token)) continue;
        if (!a->task)
            attempt_end(s, a);
        else if (a->state == ATTEMPT_RUNNING)
            attempt_lost(s, a, false);
        else
            attempt_return(s, a, false);
    }
}

/* R19: another process has the name and is here. A connection that has said nothing for a lease stands in nobody's way. */
static bool is_taken(const struct prover *p, const struct sched_event *ev)
{
    if (!p || !p->live || !p->peer || p->peer == ev->peer) return false;
    return !wire_id_equal(p->incarnation, ev->prover.incarnation);
}

/* Nothing changes for the one that has the name. A node tries again for ever, so it is told to the log now and then. */
static void refuse_name(struct sched *s, struct prover *p)
{
    sched_refuse(s, PV_NAME_IN_USE);
    s->stats.names_refused++;
    if (s->now_ms < p->quarrel_ms) return;
    p->quarrel_ms = sched_add(s->now_ms, QUARREL_EVERY_MS);
    struct sched_action *a = sched_act(s, SCHED_QUARREL);
    a->name = sched_actions_text(s->out, p->name->text);
    a->principal = p->owner->name->text;
}

/* Its record, if its principal has room for it and for its circuits. */
static struct prover *admit(struct sched *s, const struct sched_event *ev, const struct prover *known,
                            const char **which)
{
    if (circuits_admit(s, ev->prover.principal, known, ev->prover.circuits_n))
        return prover_admit(s, ev->prover.principal, ev->prover.name, which);
    *which = "circuits";
    return NULL;
}

void sched_on_prover_hello(struct sched *s, const struct sched_event *ev)
{
    struct sched_peer *peer = sched_peer_of(s, ev->peer);
    struct prover *known = prover_find(s, ev->prover.principal, ev->prover.name);
    if (peer && (peer->session || (peer->prover && peer->prover != known))) role_over(s, peer);
    const char *which = "memory";
    bool taken = is_taken(known, ev);
    struct prover *p = peer && !taken ? admit(s, ev, known, &which) : NULL;
    if (p && !known) prover_inherit(s, p);
    if (!p || !take_offer(s, p, ev)) {
        if (taken)
            refuse_name(s, known);
        else
            busy(s, which);
        if (peer) role_over(s, peer); /* of an earlier hello on this connection */
        if (peer) sched_peer_forget(s, peer);
        return;
    }
    p->incarnation = ev->prover.incarnation;
    p->known = true;
    if (p->peer && p->peer != ev->peer) supplant(s, p->peer);
    p->peer = ev->peer;
    peer->prover = p;
    p->live = false;
    prover_heard(s, p);
    sched_answer(s, SCHED_WELCOME);
    drop_unlisted(s, p, ev);
    for (size_t i = 0; i < ev->prover.held_n; i++) take_held(s, p, &ev->prover.held[i]);
    for (struct attempt *a = p->attempts; a; a = a->next)
        if (a->state == ATTEMPT_REVOKING) sched_act_revoke(s, ev->peer, a->token, a->revoked);
    prover_changed(s, p);
    prover_rearm(s, p);
}

void sched_on_heartbeat(struct sched *s, const struct sched_event *ev)
{
    struct sched_peer *peer = sched_peer_find(s, ev->peer);
    if (!peer) {
        sched_refuse(s, PV_BAD_STATE);
        return;
    }
    struct prover *p = peer->prover;
    wire_token *tokens = sched_actions_bytes(s->out, TOKENS_MAX * sizeof *tokens);
    size_t n = 0;
    for (size_t i = 0; p && i < ev->heartbeat.held_n; i++) {
        const struct sched_held *h = &ev->heartbeat.held[i];
        struct attempt *a = attempt_find(s, h->token);
        if (a && a->prover == p && a->task) {
            attempt_report(s, a, h);
        } else if (!a || a->prover != p) {
            s->stats.stale_reports++;
            if (tokens && n < TOKENS_MAX) tokens[n++] = h->token;
        }
    }
    for (struct attempt *a = p ? p->attempts : NULL; a; a = a->next)
        if (a->state == ATTEMPT_REVOKING && tokens && n < TOKENS_MAX) tokens[n++] = a->token;
    struct sched_action *ok = sched_answer(s, SCHED_HEARTBEAT_OK);
    ok->tokens = tokens;
    ok->tokens_n = n;
}

/* True: other keys are resident than before. */
static bool take_warm(struct prover *p, const struct sched_event *ev)
{
    bool changed = false;
    for (size_t i = 0; i < p->circuits_n; i++) {
        struct prover_circuit *c = &p->circuits[i];
        bool warm = false;
        for (size_t k = 0; k < ev->ready.warm_n && !warm; k++)
            warm = c->has_digest && wire_hash_equal(c->digest, ev->ready.warm[k]);
        changed |= warm != c->warm;
        if (warm != c->warm) circuit_warmth(c, warm);
    }
    return changed;
}

/* A prover with more circuits than a HELLO has room for. The queues look again at what nobody could serve. */
void sched_on_circuits(struct sched *s, const struct sched_event *ev)
{
    struct prover *p = speaker_prover(s);
    if (!p || !ev->prover.circuits_n) return;
    size_t all = p->announced + ev->prover.circuits_n;
    if (all > SCHED_PROVER_CIRCUITS || !circuits_admit(s, p->owner->name->text, p, all)) {
        busy(s, "circuits");
        return;
    }
    p->any_circuit = false;
    if (!take_circuits(s, p, ev)) busy(s, "memory");
    prover_unsettle(p); /* what it was not able to do, it may be now */
    prover_resolve_queues(s, p);
    prover_changed(s, p);
}

/* A READY that says nothing new costs no match: nodes say it at rest, too. */
void sched_on_ready(struct sched *s, const struct sched_event *ev)
{
    struct prover *p = speaker_prover(s);
    if (!p) return;
    bool more = !p->credit != !ev->ready.credit || (p->awaiting && p->credit != ev->ready.credit);
    p->credit = ev->ready.credit;
    bool others = ev->ready.has_warm && take_warm(p, ev);
    if (others) p->sated = false;
    if (more || others) prover_changed(s, p);
}

void sched_on_drain(struct sched *s, const struct sched_event *ev)
{
    struct prover *p = speaker_prover(s);
    if (!p) return;
    p->draining = true;
    prover_changed(s, p);
}

/* ---- the loop was late (R5) ---- */

void sched_on_lag(struct sched *s, const struct sched_event *ev)
{
    if (s->now_ms < s->spare_ms) s->spare_ms = sched_add(s->spare_ms, ev->lag_ms);
    for (uint32_t i = 0; i < s->provers_n; i++) {
        struct prover *p = s->provers[i];
        if (!p) continue;
        p->heard_ms = sched_add(p->heard_ms, ev->lag_ms);
        if (p->heard_ms > s->now_ms) p->heard_ms = s->now_ms;
        for (struct attempt *a = p->attempts; a; a = a->next) {
            a->lease_ms = sched_add(a->lease_ms, ev->lag_ms);
            a->changed_ms = sched_add(a->changed_ms, ev->lag_ms);
            if (a->task) task_rearm(s, a->task);
        }
        prover_rearm(s, p);
    }
}
