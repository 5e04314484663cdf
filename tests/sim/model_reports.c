#include "model_reports.h"

#include "model_who.h"

/* ---- reports ---- */

/* The speaker's live attempt with this token. Move 15 as well: a prover that reports on an attempt has it. */
static struct model_attempt *own(struct model *m, const struct sched_event *ev, int prover)
{
    struct model_attempt *a = model_find(m, ev->token);
    if (!a || a->prover != prover || a->task < 0) return NULL;
    if (a->state == MODEL_RECOVERING) model_renew(m, a);
    return a;
}

/* The same; if there is none, REVOKED and no change (R8). NULL too if the peer is no prover. */
static struct model_attempt *own_or_stale(struct model *m, const struct sched_event *ev)
{
    int prover = model_speaker(m, ev);
    struct model_attempt *a = prover >= 0 ? own(m, ev, prover) : NULL;
    if (prover < 0 || a) return a;
    m->count.stale_reports++;
    model_say(m, SCHED_REVOKE, ev->peer, -1, ev->token, PV_REVOKED);
    return NULL;
}

void model_on_started(struct model *m, const struct sched_event *ev)
{
    struct model_attempt *a = own_or_stale(m, ev);
    if (a && a->state == MODEL_OFFERED)
        model_begin(m, a);
    else if (a)
        model_renew(m, a);
}

/* A credit for its input, or a chunk of a result. */
void model_on_life(struct model *m, const struct sched_event *ev)
{
    int prover = model_prover_at(m, ev->peer);
    struct model_attempt *a = model_find(m, ev->token);
    if (!a || a->task < 0 || prover < 0 || a->prover != prover) return;
    if (a->state == MODEL_OFFERED) {
        a->changed_ms = m->now_ms;
        a->fetching = true;
        a->fetched |= ev->asked >= m->tasks[a->task].bytes;
        a->idle = false;
    }
    model_renew(m, a);
}

void model_on_progress(struct model *m, const struct sched_event *ev)
{
    struct model_attempt *a = own_or_stale(m, ev);
    if (!a) return;
    model_renew(m, a);
    if (a->state != MODEL_RUNNING) return;
    m->count.progress++;
    model_progress(m, a, ev->progress.phase, ev->progress.percent);
    m->tasks[a->task].push_due = true;
}

void model_on_fail(struct model *m, const struct sched_event *ev)
{
    struct model_attempt *a = own_or_stale(m, ev);
    if (!a) return;
    m->tasks[a->task].given_back = true;
    if (ev->fail.failure == WIRE_FAILURE_RETRYABLE) {
        model_failed(m, a, ev->fail.status, true);
    } else if (ev->fail.failure == WIRE_FAILURE_LOST) {
        model_lost(m, a, false);
    } else if (ev->fail.failure == WIRE_FAILURE_RESOURCE) {
        if (ev->fail.status == PV_BAD_PROOF || ev->fail.status == PV_NO_DEVICE)
            model_for_another(m, a, ev->fail.status);
        else
            model_resource(m, a);
    } else {
        model_permanent(m, a);
    }
}

void model_on_release(struct model *m, const struct sched_event *ev)
{
    int prover = model_speaker(m, ev);
    struct model_attempt *a = prover >= 0 ? model_find(m, ev->token) : NULL;
    if (!a || a->prover != prover) return;
    m->count.releases++;
    if (a->task >= 0) m->tasks[a->task].given_back = true;
    if (a->task < 0)
        model_end(a);
    else if (ev->reason == WIRE_REASON_RESOURCE)
        model_resource(m, a);
    else
        model_return(m, a, false);
}

void model_on_revoked(struct model *m, const struct sched_event *ev)
{
    int prover = model_speaker(m, ev);
    struct model_attempt *a = prover >= 0 ? model_find(m, ev->token) : NULL;
    if (!a || a->prover != prover || a->state != MODEL_REVOKING) return;
    if (a->arriving)
        a->state = MODEL_LATE;
    else
        model_end(a);
}

/* ---- results ---- */

/* A node means the task of its token, a client its own. */
static int reported(struct model *m, int prover, int e, const struct sched_event *ev)
{
    if (prover >= 0 && !m->provers[prover].local)
        return model_reported(m, prover, ev->token, ev->task, ev->result.input);
    int n = e >= 0 ? model_number(m->sessions[e].principal, ev->task) : -1;
    return n >= 0 && m->tasks[n].there ? n : -1;
}

/* R8, before the bytes are looked at. who: the prover, or what the session is as a claimer. */
static pv_status judged(struct model *m, int n, const struct sched_event *ev, bool live, int who)
{
    const struct model_task *t = n >= 0 ? &m->tasks[n] : NULL;
    if (!t || t->state == TASK_RECEIVING) return PV_GONE;
    if (t->state == TASK_SUCCEEDED) return PV_SUPERSEDED;
    if (!model_live(t) || !wire_hash_equal(t->input, ev->result.input)) return PV_REVOKED;
    if (live) return PV_OK;
    return who >= 0 && m->late == SCHED_LATE_ACCEPT && model_believes(m, n, ev->token, who) ? PV_OK : PV_REVOKED;
}

/* The attempt of a large result counts it. NULL: not now, its own prover may come back with it. */
static struct model_attempt *charged(struct model *m, const struct sched_event *ev, int n, int prover, int e)
{
    struct model_attempt *a = model_find(m, ev->token);
    if (prover < 0) prover = model_claimer(m, e);
    if (a && a->prover != prover) return NULL;
    if (!a) a = model_late(m, prover, ev->token, n);
    a->arriving = true;
    return a;
}

/* Whatever becomes of the result, an attempt that is no longer its task's frees its place. */
static void frees_its_place(struct model *m, int prover, wire_token token)
{
    struct model_attempt *a = model_find(m, token);
    if (a && a->prover == prover && a->task < 0) model_end(a);
}

static void turned_down(struct model *m, const struct sched_event *ev, int n, int prover, pv_status status, bool live)
{
    frees_its_place(m, prover, ev->token);
    if (n >= 0 && m->tasks[n].state == TASK_SUCCEEDED) {
        bool same = wire_hash_equal(m->tasks[n].result, ev->result.sha256);
        if (same) status = PV_OK;
        m->count.superseded += !same;
    } else {
        m->count.late_refused += !live;
    }
    model_say(m, SCHED_RESULT_OK, ev->peer, -1, ev->token, status);
}

/* Moves 5 and 12. */
static void committed(struct model *m, const struct sched_event *ev, int n, int prover, int e)
{
    struct model_attempt *a = model_attempt_of(m, n);
    bool mine = a && a->prover == prover && wire_token_equal(a->token, ev->token);
    bool local = prover >= 0 && m->provers[prover].local;
    bool begins = mine && !a->counted; /* what brought a result had begun */
    if (begins || !m->tasks[n].attempts) m->tasks[n].attempts++;
    if (begins) a->counted = true;
    m->tasks[n].has_input = false;
    m->tasks[n].result = ev->result.sha256;
    if (prover >= 0) model_last_is(m, &m->tasks[n], ev->token, prover);
    if (prover >= 0) m->provers[prover].streak_n = m->provers[prover].quarantines = 0;
    if (a && (mine || a->state == MODEL_RECOVERING))
        model_end(a);
    else if (a)
        model_revoke(m, a, PV_SUPERSEDED);
    m->count.late_accepted += !mine;
    if (prover >= 0 && !local) model_contradicted(m, n, prover);
    model_finish(m, n, TASK_SUCCEEDED, local ? e : -1);
    model_say(m, SCHED_RESULT_OK, ev->peer, -1, ev->token, PV_OK);
    frees_its_place(m, prover, ev->token);
}

void model_on_result(struct model *m, const struct sched_event *ev)
{
    int prover = model_prover_at(m, ev->peer), e = model_session_at(m, ev->peer);
    if (prover < 0 && e < 0) {
        model_refuse(m, ev, PV_BAD_STATE);
        return;
    }
    int n = reported(m, prover, e, ev);
    struct model_attempt *live = prover >= 0 ? own(m, ev, prover) : NULL;
    if (live && live->task != n) live = NULL;
    pv_status status = judged(m, n, ev, live, e >= 0 ? model_claims_ever(m, e) : prover);
    bool good = status != PV_OK || ev->result.payload == SCHED_ANNOUNCED || ev->result.verdict == PV_OK;
    if (status == PV_OK && good && ev->result.payload == SCHED_COMPLETE) {
        committed(m, ev, n, prover, e);
    } else if (status == PV_OK && good) {
        if (live) model_renew(m, live);
        if (charged(m, ev, n, prover, e))
            model_say(m, SCHED_WANT_RESULT, ev->peer, n, ev->token, PV_OK);
        else
            model_refuse(m, ev, PV_BUSY);
    } else {
        turned_down(m, ev, n, prover, good ? status : PV_REVOKED, live);
        if (live) model_failed(m, live, ev->result.verdict != PV_OK ? ev->result.verdict : PV_HASH_MISMATCH, true);
    }
}
