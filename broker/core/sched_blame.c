#include "sched_blame.h"

#include "actions.h"
#include "looks.h"
#include "provers.h"
#include "sched_attempt.h"
#include "tasks.h"

#include <string.h>

static void streak_add(struct sched *s, struct prover *p, const struct task *t)
{
    for (uint32_t i = 0; i < p->streak_n; i++)
        if (p->streak[i].owner == t->account->principal && wire_id_equal(p->streak[i].task, t->id)) {
            p->streak[i].generation = t->generation;
            return;
        }
    p->streak[p->streak_n++] = (struct streak){ t->account->principal, t->id, t->generation };
}

static void refund(struct sched *s, struct prover *p)
{
    for (uint32_t i = 0; i < p->streak_n; i++) {
        struct task *t = task_find(p->streak[i].owner, p->streak[i].task);
        if (!t || t->generation != p->streak[i].generation || !task_state_live(t->state) || !task_past(t)->failures)
            continue;
        t->past->failures--;
        s->stats.refunds++;
        task_save_lazily(s, t);
    }
    p->streak_n = 0;
}

static void quarantine(struct sched *s, struct prover *p)
{
    uint64_t ms = s->cfg.quarantine_ms;
    for (uint32_t i = 0; i < p->quarantines && ms < s->cfg.quarantine_max_ms; i++) ms *= 2;
    if (ms > s->cfg.quarantine_max_ms) ms = s->cfg.quarantine_max_ms;
    p->quarantines++;
    p->quarantined_ms = s->now_ms + ms;
    s->stats.quarantines++;
    refund(s, p);
    prover_changed(s, p);
    prover_rearm(s, p);
    struct sched_action *q = sched_act(s, SCHED_QUARANTINED);
    q->name = sched_actions_text(s->out, p->name->text);
    q->retry_ms = ms;
    for (struct attempt *a = p->attempts, *next; a; a = next) { /* moves 4 and 9 */
        next = a->next;
        if (a->task) attempt_return(s, a, true);
    }
}

bool prover_blame(struct sched *s, struct prover *p, const struct task *t)
{
    p->failed++;
    if (p->local) return false;
    streak_add(s, p, t);
    prover_put(s, PROVERS_BLAMED, p, true);
    if (p->streak_n < s->cfg.quarantine_tasks) return false;
    quarantine(s, p);
    return true;
}

static bool is_worse(const struct prover *a, const struct prover *b)
{
    if (a->quarantined_ms != b->quarantined_ms) return a->quarantined_ms > b->quarantined_ms;
    if (a->quarantines != b->quarantines) return a->quarantines > b->quarantines;
    if (a->streak_n != b->streak_n) return a->streak_n > b->streak_n;
    return strcmp(a->name->text, b->name->text) < 0;
}

static bool is_blamed(const struct prover *p)
{
    return p->streak_n || p->quarantines || p->quarantined_ms;
}

/* The set has those that were blamed once: who is not any more is taken out where it is met. */
void prover_inherit(struct sched *s, struct prover *p)
{
    struct prover *worst = NULL;
    struct prover *o;
    for (uint32_t from = 0; (o = prover_first(s, PROVERS_BLAMED, PROVERS_KNOWN, from)); from = o->index + 1) {
        ++*s->visited;
        if (!is_blamed(o)) {
            prover_put(s, PROVERS_BLAMED, o, false);
            continue;
        }
        if (o == p || o->peer || o->local || o->principal != p->principal) continue;
        if (!worst || is_worse(o, worst)) worst = o;
    }
    if (!worst) return;
    memcpy(p->streak, worst->streak, sizeof p->streak);
    p->streak_n = worst->streak_n;
    p->quarantines = worst->quarantines;
    p->quarantined_ms = worst->quarantined_ms;
    worst->streak_n = worst->quarantines = 0;
    worst->quarantined_ms = 0;
    prover_put(s, PROVERS_BLAMED, p, true);
    prover_put(s, PROVERS_BLAMED, worst, false);
    prover_rearm(s, worst);
}
