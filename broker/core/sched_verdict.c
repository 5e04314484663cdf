#include "sched_verdict.h"

#include "accounts.h"
#include "fit.h"
#include "provers.h"
#include "sched_blame.h"
#include "sched_end.h"
#include "tasks.h"

#include "text.h"

#include <stdio.h>
#include <string.h>

/* ---- whom to ask ---- */

bool verdict_another_lives(const struct sched *s, const struct task *t)
{
    struct fit_walk w = fit_walk_task(s, t);
    for (const struct prover *p; (p = fit_walk_next(s, &w));)
        if (prover_may_serve(p) && prover_rank(p, task_extra(t)->excluded) < 2) return true;
    return false;
}

static bool stranger_lives(const struct sched *s, const struct task *t, const struct name *principal)
{
    struct fit_walk w = fit_walk_task(s, t);
    for (const struct prover *p; (p = fit_walk_next(s, &w));)
        if (p->principal != principal && prover_may_serve(p)) return true;
    return false;
}

/* A name is no identity: two provers of one key are two opinions only where nobody else's could be asked. */
static bool is_second(const struct sched *s, const struct task *t, const struct prover *p)
{
    const struct task_verdict *first = task_verdict_of(t);
    if (!first || (p->principal == first->principal && p->name == first->prover)) return false;
    return p->principal != first->principal || !stranger_lives(s, t, first->principal);
}

/* How long the others may be busy: as long as two proofs usually take, for a free slot takes the task before younger
 * ones; and at least opinion_ms, so that a caller hears of a bad input within a minute where proofs are short. */
static uint64_t opinion_ms(const struct sched *s, const struct task *t)
{
    uint64_t two = sched_add(queue_estimate(t->account->queue), queue_estimate(t->account->queue));
    return sched_add(s->now_ms, two > s->cfg.opinion_ms ? two : s->cfg.opinion_ms);
}

/* ---- what is said of it ---- */

enum { WHO = WIRE_NAME_MAX + 16 };

static const char *who(char to[WHO], const char *prover)
{
    if (!strncmp(prover, "claim:", 6)) return "the client's own run";
    snprintf(to, WHO, "prover %s", prover);
    return to;
}

static void finish(struct sched *s, struct task *t, pv_status why, const char *text, const char *prover,
                   const char *confirmed, enum sched_charge charged)
{
    char said[TASK_TEXT_MAX - 2 * WHO - 64], whole[TASK_TEXT_MAX + 1], name[WHO];
    wire_text_clip(said, sizeof said, text && *text ? text : pv_status_text(why));
    snprintf(whole, sizeof whole, "%s (verdict of %s%s)", said, who(name, prover), confirmed);
    task_finish(s, t, TASK_DEAD, why, whole, charged, NULL);
}

static void confirmed(struct sched *s, struct task *t, const struct prover *p, pv_status why, const char *text)
{
    char by[WHO + 32], name[WHO];
    const struct task_verdict *first = task_verdict_of(t);
    struct prover *earlier = prover_find(s, first->principal->text, first->prover->text);
    if (earlier) earlier->doubted = false;
    snprintf(by, sizeof by, ", confirmed by %s", who(name, p->name->text));
    finish(s, t, why, text, first->prover->text, by, SCHED_FAILURE);
}

static void ask(struct sched *s, struct task *t, const struct prover *p, pv_status why, const char *text)
{
    char said[TASK_TEXT_MAX - WHO - 64], whole[TASK_TEXT_MAX + 1], name[WHO];
    if (!task_verdict_of(t)) task_set_verdict(s, t, p, why, text, opinion_ms(s, t));
    wire_text_clip(said, sizeof said, text && *text ? text : pv_status_text(why));
    snprintf(whole, sizeof whole, "%s (verdict of %s; another prover is asked)", said, who(name, p->name->text));
    task_set_status(s, t, why, whole);
    s->stats.opinions++;
    task_queue(s, t, SCHED_FAILURE);
}

/* ---- what happens ---- */

void verdict_given(struct sched *s, struct attempt *a, pv_status why, const char *text)
{
    struct task *t = a->task;
    struct prover *p = a->prover;
    attempt_settle(s, a, a->started_ms ? s->now_ms - a->started_ms : 0);
    attempt_end(s, a);
    if (task_past_of(s, t)) t->past->failures++;
    s->stats.failures++;
    task_exclude_prover(s, t, p);
    if (is_second(s, t, p))
        confirmed(s, t, p, why, text);
    else if (task_past(t)->failures >= s->cfg.failures_max)
        finish(s, t, why, text, p->name->text, ", its last failure", SCHED_FAILURE);
    else if (!verdict_another_lives(s, t))
        finish(s, t, why, text, p->name->text, " alone: no other able prover lives", SCHED_FAILURE);
    else
        ask(s, t, p, why, text);
}

void verdict_contradicted(struct sched *s, struct task *t, const struct prover *by)
{
    const struct task_verdict *v = task_verdict_of(t);
    struct prover *p = v ? prover_find(s, v->principal->text, v->prover->text) : NULL;
    task_clear_verdict(s, t);
    if (!p || p == by) return;
    s->stats.contradicted++;
    p->doubted = true;
    prover_blame(s, p, t);
}

void verdict_due(struct sched *s, struct task *t)
{
    struct task_verdict *v = &t->past->verdict;
    const struct prover *p = prover_find(s, v->principal->text, v->prover->text);
    if (p && p->doubted && verdict_another_lives(s, t)) {
        v->due_ms = opinion_ms(s, t);
        task_rearm(s, t);
        return;
    }
    bool lives = verdict_another_lives(s, t);
    finish(s, t, v->status, v->text, v->prover->text,
           lives ? " alone: the other able provers were busy for too long" : " alone: no other able prover lives",
           SCHED_FREE);
}
