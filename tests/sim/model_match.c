/* Who gets what (R7, R10 to R12): the core chooses, the model says whether the choice was allowed. */
#include "sim_model.h"

bool model_could_serve(const struct model_prover *p)
{
    return p->there && p->live && !p->local && !p->draining && !p->drained;
}

bool model_fits(const struct model_task *t, const struct model_prover *p)
{
    return p->queues >> t->queue & 1 && (p->any_circuit || p->circuits >> t->circuit & 1) && t->need_vram <= p->vram;
}

bool model_servable(const struct model *m, const struct model_task *t)
{
    for (int i = 0; i < m->provers_n; i++)
        if (model_could_serve(&m->provers[i]) && model_fits(t, &m->provers[i])) return true;
    return false;
}

/* Attempts that take a place: all but results that are only on their way. */
unsigned model_held(const struct model *m, int prover)
{
    unsigned n = 0;
    for (int i = 0; i < MODEL_ATTEMPTS; i++)
        n +=
            m->attempts[i].state != MODEL_FREE && m->attempts[i].state != MODEL_LATE && m->attempts[i].prover == prover;
    return n;
}

static bool has_suspect(const struct model *m, int prover)
{
    for (int i = 0; i < MODEL_ATTEMPTS; i++) {
        const struct model_attempt *a = &m->attempts[i];
        if (a->state != MODEL_FREE && a->state != MODEL_LATE && a->prover == prover && a->suspect) return true;
    }
    return false;
}

static bool open_to_work(const struct model *m, int prover)
{
    const struct model_prover *p = &m->provers[prover];
    return model_could_serve(p) && !p->quarantined_ms && p->credit && model_held(m, prover) < p->slots + p->prefetch &&
           !has_suspect(m, prover);
}

static bool free_slot(const struct model *m, int prover)
{
    return model_held(m, prover) < m->provers[prover].slots;
}

/* ---- able ---- */

static bool failed_it(const struct model_task *t, int prover)
{
    return t->failed_by >> prover & 1;
}

/* The core remembers seven provers that failed a task, and their key; the model does not know which it forgot. */
bool model_vague(const struct model_task *t)
{
    return __builtin_popcountll(t->failed_by) > 7;
}

bool model_another_lives(const struct model *m, const struct model_task *t)
{
    for (int i = 0; i < m->provers_n; i++) {
        const struct model_prover *p = &m->provers[i];
        if (model_could_serve(p) && !p->quarantined_ms && model_fits(t, p) && !failed_it(t, i)) return true;
    }
    return false;
}

static int principal_of_task(const struct model *m, const struct model_task *t)
{
    return m->sessions[t->owner].principal;
}

static bool within_leased(const struct model *m, const struct model_task *t)
{
    uint64_t leased = 0;
    if (principal_of_task(m, t) != 1 || !m->limits.leased) return true;
    for (int n = 0; n < MODEL_TASKS; n++) {
        const struct model_task *o = &m->tasks[n];
        leased += o->there && o->queue == t->queue && principal_of_task(m, o) == 1 &&
                  (o->state == TASK_OFFERED || o->state == TASK_RUNNING || o->state == TASK_RECOVERING);
    }
    return leased < m->limits.leased;
}

static bool could_have(const struct model *m, const struct model_task *t, int prover)
{
    return t->there && t->state == TASK_QUEUED && !m->paused[t->queue] && model_fits(t, &m->provers[prover]) &&
           within_leased(m, t);
}

static bool able(const struct model *m, const struct model_task *t, int prover)
{
    return could_have(m, t, prover) && !(failed_it(t, prover) && model_another_lives(m, t));
}

static bool is_suspect(const struct model_task *t)
{
    return t->losses >= 2;
}

/* ---- order ---- */

static bool is_warm(const struct model *m, const struct model_task *t, int prover)
{
    const struct model_prover *p = &m->provers[prover];
    if (p->any_circuit || p->warm >> t->circuit & 1) return true;
    for (int i = 0; i < MODEL_ATTEMPTS; i++) { /* it will have the key of what it computes */
        const struct model_attempt *a = &m->attempts[i];
        if (a->state != MODEL_FREE && a->prover == prover && a->task >= 0 && m->tasks[a->task].circuit == t->circuit)
            return true;
    }
    return false;
}

/* One priority for each minute in which no task of the same queue, principal and priority was taken. */
static uint64_t effective(const struct model *m, const struct model_task *t)
{
    uint64_t e = t->priority + (m->now_ms - m->taken_ms[t->queue][principal_of_task(m, t)][t->priority]) / 60000;
    return e < MODEL_PRIORITIES ? e : MODEL_PRIORITIES - 1;
}

static bool precedes(const struct model *m, const struct model_task *a, const struct model_task *b)
{
    uint64_t x = effective(m, a), y = effective(m, b);
    if (x != y) return x > y;
    return principal_of_task(m, a) == principal_of_task(m, b) && a->group == b->group && a->place < b->place;
}

/* No task that the prover may have, and whose key it has, comes before t. */
static bool may_choose(const struct model *m, const struct model_task *t, int prover)
{
    if (!able(m, t, prover)) return model_vague(t);
    for (int n = 0; n < MODEL_TASKS; n++) {
        const struct model_task *o = &m->tasks[n];
        if (o != t && !model_vague(o) && able(m, o, prover) && is_warm(m, o, prover) && precedes(m, o, t)) return false;
    }
    return true;
}

/* The task may have been found for another prover, and be given to this one because it suits it better. */
static bool somebody_chose(const struct model *m, const struct model_task *t, int prover)
{
    if (may_choose(m, t, prover)) return true;
    for (int i = 0; i < m->provers_n && free_slot(m, prover); i++)
        if (i != prover && open_to_work(m, i) && free_slot(m, i) && may_choose(m, t, i)) return true;
    return false;
}

/* ---- the core's choices ---- */

static int prover_at(const struct model *m, uint64_t peer)
{
    for (int i = 0; i < m->provers_n; i++)
        if (peer && m->provers[i].peer == peer) return i;
    return -1;
}

static void follow_offer(struct model *m, const struct sched_action *a)
{
    int n = model_about(a), prover = prover_at(m, a->peer);
    struct model_task *t = &m->tasks[n];
    MODEL_CHECK(m, prover >= 0 && open_to_work(m, prover), "model: task %d is offered to a prover that is not open", n);
    const char *name = m->provers[prover].name;
    MODEL_CHECK(m, t->there && t->state == TASK_QUEUED, "model: task %d is offered, it is %s", n,
                task_state_word(t->state));
    MODEL_CHECK(m, a->token.epoch == m->cfg.boot_epoch && a->token.seq == ++m->seq, "model: the token of task %d", n);
    MODEL_CHECK(m, able(m, t, prover) || model_vague(t), "model: task %d is offered to %s, which may not have it", n,
                name);
    MODEL_CHECK(m, !is_suspect(t) || !model_held(m, prover), "model: suspect task %d beside others on %s", n, name);
    MODEL_CHECK(m, somebody_chose(m, t, prover), "model: task %d is not the next for %s", n, name);
    model_taken(m, n);
    t->state = TASK_OFFERED;
    model_offered(m, model_attempt_new(m, prover, n, a->token, MODEL_OFFERED), n);
    m->provers[prover].credit--;
    m->count.offers++;
}

/* Prefetched: the slots are taken, or promised to attempts before it. */
static bool is_prefetched(const struct model *m, const struct model_attempt *a)
{
    unsigned before = 0;
    for (int i = 0; i < MODEL_ATTEMPTS; i++) {
        const struct model_attempt *o = &m->attempts[i];
        if (o->state == MODEL_FREE || o->state == MODEL_LATE || o->prover != a->prover) continue;
        before += o->state != MODEL_OFFERED || o->number < a->number;
    }
    return before >= m->provers[a->prover].slots;
}

static bool somebody_idles_for(const struct model *m, const struct model_attempt *a)
{
    const struct model_task *t = &m->tasks[a->task];
    for (int i = 0; i < m->provers_n; i++)
        if (i != a->prover && open_to_work(m, i) && free_slot(m, i) && model_fits(t, &m->provers[i]) &&
            (!failed_it(t, i) || model_vague(t)))
            return true;
    return false;
}

static bool was_said(struct model *m, const struct sched_action *a)
{
    for (int i = 0; i < m->says_n; i++)
        if (m->says[i].type == SCHED_RECALL && wire_token_equal(m->says[i].token, a->token)) return true;
    return false;
}

static void follow_recall(struct model *m, const struct sched_action *a)
{
    const struct model_attempt *at = model_find(m, a->token);
    if (was_said(m, a)) return; /* for a drain */
    MODEL_CHECK(m, at && at->state == MODEL_OFFERED && m->provers[at->prover].peer == a->peer && !at->suspect,
                "model: recalled what is not offered there");
    MODEL_CHECK(m, is_prefetched(m, at) && somebody_idles_for(m, at), "model: task %d is recalled for nobody",
                at->task);
    m->count.recalls++;
    model_say(m, SCHED_RECALL, a->peer, -1, a->token, PV_OK);
}

/* Of one that many have failed the core has forgotten who was the first: it may be able for it again. */
static bool keeps_empty(const struct model *m, const struct model_task *t, int prover)
{
    if (!is_suspect(t) || !model_held(m, prover)) return false;
    return able(m, t, prover) || (model_vague(t) && could_have(m, t, prover));
}

/* R11: a free slot takes any task, a free prefetch place one whose key the prover has. (A suspect waits for an empty
 * prover, which nothing else may fill meanwhile.) */
static void check_filled(struct model *m, int prover)
{
    bool slot = free_slot(m, prover);
    if (!open_to_work(m, prover)) return;
    for (int n = 0; n < MODEL_TASKS; n++)
        if (keeps_empty(m, &m->tasks[n], prover)) return;
    for (int n = 0; n < MODEL_TASKS; n++) {
        const struct model_task *t = &m->tasks[n];
        bool wanted = !model_vague(t) && able(m, t, prover) && (slot || is_warm(m, t, prover));
        MODEL_CHECK(m, !wanted, "model: %s has a free %s beside task %d", m->provers[prover].name,
                    slot ? "slot" : "place", n);
    }
}

void model_match(struct model *m)
{
    for (size_t i = 0; i < m->out->n; i++) {
        if (m->out->at[i].type == SCHED_OFFER) follow_offer(m, &m->out->at[i]);
        if (m->out->at[i].type == SCHED_RECALL) follow_recall(m, &m->out->at[i]);
    }
    for (int i = 0; i < m->provers_n; i++) check_filled(m, i);
}
