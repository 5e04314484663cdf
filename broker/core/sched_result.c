#include "sched_result.h"

#include "accounts.h"
#include "actions.h"
#include "provers.h"
#include "sched_attempt.h"
#include "sched_end.h"
#include "sched_failure.h"
#include "issued.h"
#include "sched_verdict.h"
#include "tasks.h"
#include "who.h"

#include <string.h>

/* R20: the store lost the result, and here it is again. */
static bool is_lost(const struct task *t, const struct sched_event *ev)
{
    return t->state == TASK_DEAD && t->past && t->past->status == PV_STORE && t->past->result_bytes &&
           t->past->result_bytes == ev->result.length && wire_hash_equal(t->past->result, ev->result.sha256);
}

/* R8: what the sender is told of a result, before its bytes are looked at. PV_OK: it is wanted. */
static pv_status judge(const struct sched *s, const struct task *t, const struct sched_peer *peer,
                       const struct sched_event *ev, bool live)
{
    if (!t || t->state == TASK_RECEIVING) return PV_GONE;
    if (t->state == TASK_SUCCEEDED) return PV_SUPERSEDED;
    if (!task_state_live(t->state) && !is_lost(t, ev)) return PV_REVOKED;
    if (!wire_hash_equal(t->input, ev->result.input)) return PV_REVOKED;
    if (live) return PV_OK;
    if (t->account->queue->late != SCHED_LATE_ACCEPT) return PV_REVOKED;
    return task_believes(s, t, ev->token, peer->prover, peer->session) ? PV_OK : PV_REVOKED;
}

/* A prover may speak for the queues it serves, a client for its own tasks. */
static struct task *reported(const struct sched *s, const struct sched_peer *peer, const struct sched_event *ev)
{
    if (peer->prover && !peer->prover->local)
        return prover_named(s, peer->prover, ev->token, ev->task, ev->result.input);
    return peer->session ? task_find(peer->session->client->principal, ev->task) : NULL;
}

/* An attempt that is no longer its task's frees its place, whatever becomes of the result. */
static void finished(struct sched *s, const struct sched_peer *peer, wire_token token)
{
    struct attempt *a = attempt_find(s, token);
    if (a && !a->task && a->prover == peer->prover) attempt_end(s, a);
}

static void learn(struct sched *s, struct task *t, struct prover *p, uint64_t measured_ms)
{
    struct queue *q = t->account->queue;
    q->average_ms = q->average_ms ? (7 * q->average_ms + measured_ms) / 8 : measured_ms;
    if (!q->average_ms) q->average_ms = 1;
    if (!p) return;
    p->done++;
    p->busy_ms += measured_ms;
    p->streak_n = 0;
    p->quarantines = 0;
}

/* Caps the reported time at how long the prover held the task (one day where that is not known). */
static uint64_t believable(const struct sched *s, const struct attempt *mine, uint64_t measured_ms)
{
    uint64_t had = mine ? s->now_ms - mine->offered_ms : 86400000;
    return measured_ms < had ? measured_ms : had;
}

/* A result is of an attempt that had begun, even where nobody knows of that any more: a broker that was killed had not yet written
 * that the task runs, or the prover never said STARTED. */
static void count_attempt(struct task_past *past, struct attempt *mine)
{
    if (mine && !mine->counted)
        past->attempts++;
    else if (!past->attempts)
        past->attempts = 1;
    if (mine) mine->counted = true;
}

static void commit(struct sched *s, struct task *t, const struct sched_peer *peer, const struct sched_event *ev)
{
    struct task_past *past = task_past_of(s, t);
    struct attempt *a = t->attempt;
    bool mine = a && a->prover == peer->prover && wire_token_equal(a->token, ev->token);
    if (!past) return;
    count_attempt(past, mine ? a : NULL);
    past->result = ev->result.sha256;
    past->result_bytes = ev->result.length;
    past->measured_ms = ev->result.measured_ms;
    if (peer->prover) task_last_is(s, t, ev->token, peer->prover);
    uint64_t cost_ms = believable(s, mine ? a : NULL, ev->result.measured_ms);
    learn(s, t, peer->prover, cost_ms);
    struct sched_action *save = sched_act(s, SCHED_SAVE_RESULT);
    sched_about(save, t);
    save->bytes = ev->result.length;
    save->hash = ev->result.sha256;
    save = sched_act(s, SCHED_DELETE_INPUT);
    sched_about(save, t);
    task_has_input(t, false);
    if (mine) {
        attempt_settle(s, a, cost_ms);
        attempt_end(s, a);
    } else if (a && a->state == ATTEMPT_RECOVERING) {
        attempt_settle(s, a, 0);
        attempt_end(s, a);
    } else if (a) {
        attempt_settle(s, a, a->started_ms ? s->now_ms - a->started_ms : 0);
        attempt_revoke(s, a, PV_SUPERSEDED);
    }
    if (!mine && t->state == TASK_RUNNING) { /* its own attempt is not the one that succeeded */
        s->measures.attempts[MEASURES_SUPERSEDED]++;
        s->measures.attempts[MEASURES_SUCCEEDED]--; /* the move counts it */
    }
    if (!mine && t->state != TASK_DEAD) {
        principal_charge(t->account->principal, cost_ms);
        s->stats.late_accepted++;
    }
    if (peer->prover && !peer->prover->local) verdict_contradicted(s, t, peer->prover);
    const struct session *knows = peer->prover && peer->prover->local ? peer->session : NULL;
    task_finish(s, t, TASK_SUCCEEDED, PV_OK, NULL, SCHED_FREE, knows);
    sched_act_result_ok(s, ev->token, t->id, t, PV_OK);
}

/* ---- on its way ---- */

enum {
    ARRIVING_MOST = 64,   /* however many slots a prover says that it has */
    ARRIVING_BESIDE = 16, /* late ones of a spool, beside those of its slots */
    ARRIVING_RETRY_MS = 500
};

/* A result that is on its way holds a descriptor and a file. How many slots a prover has is only its word. */
static bool too_many(const struct prover *p)
{
    uint32_t own = p->local || p->slots > ARRIVING_MOST ? ARRIVING_MOST : p->slots;
    return p->arriving >= own + ARRIVING_BESIDE;
}

/* The attempt that is charged with it. NULL: not now. A client whose claims were forgotten is their prover again. */
static struct attempt *charged(struct sched *s, const struct task *t, struct sched_peer *peer, wire_token token)
{
    const char *which;
    struct prover *p = peer->prover ? peer->prover : attempt_claimer(s, peer->session, &which);
    struct attempt *a = attempt_find(s, token);
    if (!p || (a && a->prover != p)) return NULL;
    if (!(a && a->arriving) && too_many(p)) return NULL;
    if (!a) a = attempt_late(s, p, t, token); /* so that no heartbeat tells the prover to drop it meanwhile */
    if (a) attempt_arrives(a);
    return a;
}

static void want(struct sched *s, const struct task *t, struct attempt *live, struct sched_peer *peer,
                 const struct sched_event *ev)
{
    if (live) attempt_renew(s, live);
    if (!charged(s, t, peer, ev->token)) {
        struct sched_action *no = sched_refuse(s, PV_BUSY);
        no->token = ev->token;
        no->which = "results";
        no->retry_ms = ARRIVING_RETRY_MS;
        sched_about(no, t);
        return;
    }
    struct sched_action *w = sched_act_to(s, SCHED_WANT_RESULT, ev->peer);
    w->live = live != NULL;
    w->token = ev->token;
    sched_about(w, t);
    w->bytes = ev->result.length;
    w->hash = ev->result.sha256;
}

static void turn_down(struct sched *s, const struct sched_peer *peer, const struct task *t,
                      const struct sched_event *ev, bool live, pv_status status)
{
    finished(s, peer, ev->token);
    if (t && t->state == TASK_SUCCEEDED) {
        if (wire_hash_equal(t->past->result, ev->result.sha256))
            status = PV_OK; /* it was told before, and perhaps did not hear */
        else
            s->stats.superseded++;
    } else if (!live) {
        s->stats.late_refused++;
    }
    sched_act_result_ok(s, ev->token, ev->task, t, status);
}

/* The result was complete and still being written when its peer went: it counts as brought by the attempt's prover. */
static struct sched_peer *absent(struct sched *s, const struct sched_event *ev, struct sched_peer *stand_in)
{
    const struct attempt *a = ev->result.admitted ? attempt_find(s, ev->token) : NULL;
    if (!a || !a->task || !wire_id_equal(a->task->id, ev->task)) return NULL;
    *stand_in = (struct sched_peer){ .handle = ev->peer, .prover = a->prover };
    return stand_in;
}

/* A result that is too large would be so again: that is the prover's verdict on the task, as if it had said it. Others
 * may be well the next time. */
static void not_good(struct sched *s, struct attempt *a, const struct sched_event *ev)
{
    if (ev->result.verdict == PV_BAD_PROOF) s->measures.proofs_rejected++;
    if (ev->result.verdict == PV_TOO_LARGE)
        verdict_given(s, a, PV_TOO_LARGE, ev->result.text);
    else
        attempt_failed(s, a, ev->result.verdict != PV_OK ? ev->result.verdict : PV_HASH_MISMATCH, NULL, true);
}

void sched_on_result(struct sched *s, const struct sched_event *ev)
{
    struct sched_peer gone, *peer = sched_peer_find(s, ev->peer);
    if (!peer) peer = absent(s, ev, &gone);
    if (!peer) {
        sched_refuse(s, PV_BAD_STATE)->token = ev->token;
        return;
    }
    struct task *t = reported(s, peer, ev);
    struct attempt *live = peer->prover ? attempt_live(s, peer->prover, ev->token) : NULL;
    if (live && live->task != t) live = NULL; /* a token of another task is worth nothing */
    pv_status status = judge(s, t, peer, ev, live != NULL);
    if (status == PV_OK && ev->result.payload == SCHED_COMPLETE) status = ev->result.verdict;
    if (status != PV_OK) {
        bool said = status == PV_GONE || status == PV_SUPERSEDED || status == PV_TOO_LARGE;
        turn_down(s, peer, t, ev, live != NULL, said ? status : PV_REVOKED);
        if (live) not_good(s, live, ev);
    } else if (ev->result.payload == SCHED_ANNOUNCED) {
        want(s, t, live, peer, ev);
    } else {
        commit(s, t, peer, ev);
        finished(s, peer, ev->token);
    }
}
