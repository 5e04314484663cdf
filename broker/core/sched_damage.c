#include "sched_damage.h"

#include "accounts.h"
#include "actions.h"
#include "provers.h"
#include "sched_attempt.h"
#include "sched_end.h"
#include "tasks.h"

/* The prover never heard of it: it may be offered as many others as before. */
static void take_back(struct sched *s, struct attempt *a)
{
    struct prover *p = a->prover;
    p->credit++;
    attempt_end(s, a);
    prover_changed(s, p);
}

static void let_go(struct sched *s, struct task *t, const struct sched_event *ev)
{
    struct attempt *a = t->attempt;
    if (!a) return;
    attempt_settle(s, a, a->state == ATTEMPT_RUNNING ? s->now_ms - a->started_ms : 0);
    sched_act_of(s, SCHED_DROP_UPLOAD, t)->token = a->token;
    if (ev->damaged.unsent)
        take_back(s, a);
    else if (a->state == ATTEMPT_RECOVERING)
        attempt_end(s, a); /* a prover that announces it will be told */
    else
        attempt_revoke(s, a, PV_STORE);
}

/* Another attempt than the one that could not have it may have the input already, and its result is worth as much as
 * ever. */
static void input_damaged(struct sched *s, struct task *t, const struct sched_event *ev)
{
    bool other = t->attempt && !wire_token_equal(t->attempt->token, ev->token);
    if (other || !t->has_input || !task_state_live(t->state) || !wire_hash_equal(t->input, ev->damaged.sha256)) return;
    let_go(s, t, ev);
    sched_act_of(s, SCHED_DELETE_INPUT, t);
    task_has_input(t, false);
    task_finish(s, t, TASK_DEAD, PV_STORE, "the broker's store has lost the input, or it is damaged: submit it again",
                SCHED_FREE, NULL);
}

/* Its input is gone since it succeeded. If a prover still has the result, it is taken (sched_result.c). */
static void result_damaged(struct sched *s, struct task *t, const struct sched_event *ev)
{
    if (t->state != TASK_SUCCEEDED || !wire_hash_equal(t->past->result, ev->damaged.sha256)) return;
    task_finish(s, t, TASK_DEAD, PV_STORE,
                "the broker's store has lost the result, or it is damaged: submit the task again", SCHED_FREE, NULL);
}

void sched_on_damaged(struct sched *s, const struct sched_event *ev)
{
    const struct principal *owner = principal_find(s, ev->owner);
    struct task *t = owner ? task_find(owner, ev->task) : NULL;
    if (t && ev->damaged.kind == WIRE_KIND_INPUT) input_damaged(s, t, ev);
    if (t && ev->damaged.kind == WIRE_KIND_RESULT) result_damaged(s, t, ev);
}
