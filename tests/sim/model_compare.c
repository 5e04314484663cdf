/* Compares the core with the model: everything that was said, then every task, attempt, prover and counter. */
#include "sim.h"
#include "tasks.h"

#include <string.h>

/* ---- what was said ---- */

static bool is_spoken(enum sched_action_type type)
{
    switch (type) {
    case SCHED_WELCOME:
    case SCHED_REFUSE:
    case SCHED_SUBMIT_OK:
    case SCHED_GO:
    case SCHED_TASK:
    case SCHED_CANCELLED:
    case SCHED_CLAIMED:
    case SCHED_COUNTS:
    case SCHED_DONE:
    case SCHED_DELIVER:
    case SCHED_PUSH_PROGRESS:
    case SCHED_RESUME:
    case SCHED_RECALL:
    case SCHED_REVOKE:
    case SCHED_RESULT_OK:
    case SCHED_WANT_RESULT:
    case SCHED_DISCONNECT: return true;
    default: return false;
    }
}

static bool status_counts(enum sched_action_type type)
{
    return type == SCHED_REFUSE || type == SCHED_REVOKE || type == SCHED_RESULT_OK || type == SCHED_DISCONNECT;
}

static bool take_say(struct model *m, enum sched_action_type type, const struct sched_action *a, wire_token token)
{
    bool by_token = type == SCHED_RESUME || type == SCHED_RECALL || type == SCHED_REVOKE || type == SCHED_RESULT_OK ||
                    type == SCHED_CLAIMED || type == SCHED_WANT_RESULT || type == SCHED_HEARTBEAT_OK;
    for (int i = 0; i < m->says_n; i++) {
        const struct model_say *s = &m->says[i];
        if (s->type != type || s->peer != a->peer || (s->task >= 0 && s->task != model_about(a))) continue;
        if ((by_token && !wire_token_equal(s->token, token)) || (status_counts(type) && s->status != a->status))
            continue;
        m->says[i] = m->says[--m->says_n];
        return true;
    }
    return false;
}

static void compare_said(struct sim *w, const struct sched_event *ev)
{
    struct model *m = &w->model;
    for (size_t i = 0; i < w->out.n; i++) {
        const struct sched_action *a = &w->out.at[i];
        SIM_CHECK(w, !is_spoken(a->type) || take_say(m, a->type, a, a->token),
                  "model: %s: the core says %d (%s) of task %u, which is not asked for", sim_type_name(ev->type),
                  a->type, pv_status_word(a->status), sim_about(a));
        for (size_t k = 0; a->type == SCHED_HEARTBEAT_OK && k < a->tokens_n; k++)
            SIM_CHECK(w, take_say(m, SCHED_HEARTBEAT_OK, a, a->tokens[k]), "model: a heartbeat revokes too much");
        if (a->type == SCHED_COUNTS)
            for (int s = 0; s < TASK_STATES; s++)
                SIM_CHECK(w, a->counts->of[s] == m->purged[s], "model: purge counts %s",
                          task_state_word((enum task_state)s));
    }
    SIM_CHECK(w, !m->says_n, "model: %s: the core did not say %d (%s) of task %d", sim_type_name(ev->type),
              m->says[0].type, pv_status_word(m->says[0].status), m->says[0].task);
}

/* ---- what is ---- */

static enum model_attempt_state state_of(enum attempt_state s)
{
    static const enum model_attempt_state states[] = {
        [ATTEMPT_OFFERED] = MODEL_OFFERED,   [ATTEMPT_RUNNING] = MODEL_RUNNING, [ATTEMPT_RECOVERING] = MODEL_RECOVERING,
        [ATTEMPT_REVOKING] = MODEL_REVOKING, [ATTEMPT_LATE] = MODEL_LATE,
    };
    return states[s];
}

/* The jitter of a delay is the core's choice. */
static void read_delay(struct sim *w, struct model_task *t, const struct task *is)
{
    if (t->state != TASK_DELAYED || !t->delay_most_ms) return;
    SIM_CHECK(w, is->until_ms >= t->delay_least_ms && is->until_ms <= t->delay_most_ms,
              "model: task %u is delayed by %d ms", sim_number(is->account->principal->name->text, is->id),
              (int)(is->until_ms - w->now_ms));
    t->until_ms = is->until_ms;
    t->delay_most_ms = 0;
}

/* How long a proof takes is the core's estimate: the wait may be longer than a minute, never shorter. */
static void read_verdict(struct sim *w, struct model_task *t, const struct task *is, int n)
{
    const struct task_verdict *v = task_verdict_of(is);
    SIM_CHECK(w, !model_live(t) || (t->verdict_by >= 0) == (v != NULL), "model: the verdict on task %d", n);
    if (t->verdict_by < 0 || !v) return;
    SIM_CHECK(w, v->due_ms >= t->verdict_least_ms, "model: the verdict on task %d stands %lld ms too early", n,
              (long long)(t->verdict_least_ms - v->due_ms));
    t->verdict_ms = v->due_ms;
}

static void compare_task(struct sim *w, int n)
{
    struct model *m = &w->model;
    struct model_task *t = &m->tasks[n];
    const struct task *is = sim_task(w, (unsigned)n);
    SIM_CHECK(w, t->there == (is != NULL), "model: task %d is %sthere", n, is ? "" : "not ");
    if (!is) return;
    SIM_CHECK(w, t->state == is->state, "model: task %d should be %s and is %s", n, task_state_word(t->state),
              task_state_word(is->state));
    read_delay(w, t, is);
    read_verdict(w, t, is, n);
    if (!t->row) t->row = is->order;
    SIM_CHECK(w,
              t->generation == is->generation && t->failures == task_past(is)->failures &&
                  t->losses == task_past(is)->losses && t->attempts == task_past(is)->attempts,
              "model: task %d: generation %u, %u failures, %u losses, %u attempts; the core has %u, %u, %u, %u", n,
              t->generation, t->failures, t->losses, t->attempts, is->generation, task_past(is)->failures,
              task_past(is)->losses, task_past(is)->attempts);
    SIM_CHECK(w, t->percent == (is->past ? is->past->percent : 0), "model: progress of task %d", n);
    bool timed = t->state == TASK_RECEIVING || t->state == TASK_DELAYED || !model_live(t);
    SIM_CHECK(w, !timed || t->until_ms == is->until_ms, "model: task %d (%s) ends %lld ms later", n,
              task_state_word(t->state), (long long)(is->until_ms - t->until_ms));
    SIM_CHECK(w, t->orphan_ms == task_extra(is)->orphan_ms && t->acked == is->acked,
              "model: task %d: session or acknowledgement", n);
    const struct model_attempt *a = model_attempt_of(m, n);
    SIM_CHECK(w, (a != NULL) == (is->attempt != NULL), "model: the attempt of task %d", n);
    SIM_CHECK(w, !a || wire_token_equal(a->token, is->attempt->token), "model: task %d has another attempt", n);
}

static void compare_attempts(struct sim *w, const struct prover *is, int prover)
{
    struct model *m = &w->model;
    unsigned mine = 0, theirs = 0;
    for (int i = 0; i < MODEL_ATTEMPTS; i++)
        mine += m->attempts[i].state != MODEL_FREE && m->attempts[i].prover == prover;
    for (const struct attempt *at = is->attempts; at; at = at->next) {
        const struct model_attempt *a = model_find(m, at->token);
        theirs++;
        SIM_CHECK(w, a && a->prover == prover && a->state == state_of(at->state),
                  "model: attempt %u of %s is %d, not %d", (unsigned)at->token.seq, is->name->text, at->state,
                  a ? (int)a->state : -1);
        SIM_CHECK(w, !at->task || a->lease_ms == at->lease_ms, "model: lease %u of %s ends %lld ms later",
                  (unsigned)at->token.seq, is->name->text, (long long)(at->lease_ms - a->lease_ms));
    }
    SIM_CHECK(w, mine == theirs, "model: %s has %u attempts, not %u", is->name->text, theirs, mine);
}

static void compare_prover(struct sim *w, const struct prover *is)
{
    struct model *m = &w->model;
    int i = 0;
    while (i < m->provers_n && strcmp(m->provers[i].name, is->name->text)) i++;
    const struct model_prover *p = &m->provers[i];
    SIM_CHECK(w, i < m->provers_n && p->there, "model: there is no prover %s", is->name->text);
    SIM_CHECK(w, p->peer == is->peer && p->live == is->live && p->credit == is->credit,
              "model: %s: peer %u, live %d, credit %u; the core has %u, %d, %u", p->name, (unsigned)p->peer, p->live,
              p->credit, (unsigned)is->peer, is->live, is->credit);
    SIM_CHECK(w,
              p->quarantined_ms == is->quarantined_ms && p->streak_n == is->streak_n && p->draining == is->draining &&
                  p->drained == is->drained,
              "model: %s: quarantined until %llu, %u in a row, drain %d %d; the core has %llu, %u, %d %d", p->name,
              (unsigned long long)p->quarantined_ms, p->streak_n, p->draining, p->drained,
              (unsigned long long)is->quarantined_ms, is->streak_n, is->draining, is->drained);
    compare_attempts(w, is, i);
}

static void compare_counters(struct sim *w)
{
    const struct sched_stats *mine = &w->model.count, *core = &w->s->stats;
    const struct {
        const char *what;
        uint64_t mine, core;
    } rows[] = {
        { "submitted", mine->submitted, core->submitted },
        { "succeeded", mine->succeeded, core->succeeded },
        { "dead", mine->dead, core->dead },
        { "cancelled", mine->cancelled, core->cancelled },
        { "expired", mine->expired, core->expired },
        { "purged", mine->purged, core->purged },
        { "offers", mine->offers, core->offers },
        { "started", mine->started, core->started },
        { "failures", mine->failures, core->failures },
        { "losses", mine->losses, core->losses },
        { "releases", mine->releases, core->releases },
        { "recalls", mine->recalls, core->recalls },
        { "revokes", mine->revokes, core->revokes },
        { "stale", mine->stale_reports, core->stale_reports },
        { "late", mine->late_accepted, core->late_accepted },
        { "late refused", mine->late_refused, core->late_refused },
        { "superseded", mine->superseded, core->superseded },
        { "quarantines", mine->quarantines, core->quarantines },
        { "refunds", mine->refunds, core->refunds },
        { "adopted", mine->adopted, core->adopted },
        { "progress", mine->progress, core->progress },
        { "opinions", mine->opinions, core->opinions },
        { "contradicted", mine->contradicted, core->contradicted },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        SIM_CHECK(w, rows[i].mine == rows[i].core, "model: %llu %s, the core counts %llu",
                  (unsigned long long)rows[i].mine, rows[i].what, (unsigned long long)rows[i].core);
}

void model_compare(struct sim *w, const struct sched_event *ev)
{
    compare_said(w, ev);
    for (int n = 0; n < MODEL_TASKS; n++)
        if (w->model.booted || w->model.tasks[n].restored) compare_task(w, n);
    if (!w->model.booted) return;
    for (uint32_t i = 0; i < w->s->provers_n; i++)
        if (w->s->provers[i]) compare_prover(w, w->s->provers[i]);
    compare_counters(w);
}

void model_step(struct sim *w, const struct sched_event *ev)
{
    struct model *m = &w->model;
    m->now_ms = ev->now_ms;
    m->says_n = 0;
    m->world = w;
    m->out = &w->out;
    model_event(m, ev);
    if (m->booted) {
        model_pass_time(m);
        model_match(m);
    }
    model_compare(w, ev);
}

/* Of provers only the names stay: tasks remember by them who failed them. */
void model_boot(struct sim *w)
{
    struct model *m = &w->model;
    m->away_ms = w->cfg.away_ms - m->cfg.away_ms;
    m->cfg = w->cfg;
    if (m->cfg.grace_ms == SCHED_NO_GRACE) m->cfg.grace_ms = 0;
    m->was_drained = 0;
    for (int q = 0; q < 2; q++) {
        m->was_paused[q] = m->paused[q];
        m->paused[q] = false;
    }
    for (int i = 0; i < m->provers_n; i++) {
        struct model_prover old = m->provers[i];
        m->was_drained |= (uint64_t)old.drained << i;
        m->provers[i] = (struct model_prover){ .local = old.local };
        memcpy(m->provers[i].name, old.name, sizeof old.name);
    }
    for (int n = 0; n < MODEL_TASKS; n++) m->tasks[n].restored = false;
    memset(m->attempts, 0, sizeof m->attempts);
    memset(m->sessions, 0, sizeof m->sessions);
    memset(&m->count, 0, sizeof m->count);
    memset(&m->limits, 0, sizeof m->limits);
    memset(m->taken_ms, 0, sizeof m->taken_ms);
    m->sessions_n = 0;
    m->seq = m->places = m->numbers = 0;
    m->booted = false;
}
