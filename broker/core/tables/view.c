#include "view.h"
#include "actions.h"
#include "fit.h"
#include "tasks.h"

#include <string.h>

static uint64_t position(const struct task *t)
{
    const struct queue *q = t->account->queue;
    uint64_t waiting = 0;
    for (int i = 0; i < SCHED_PRIORITIES; i++) waiting += q->waiting[i];
    uint64_t ahead = t->turn > q->departed ? t->turn - q->departed : 0;
    return waiting && ahead >= waiting ? waiting - 1 : ahead;
}

static void view_eta(const struct task *t, struct sched_view *v)
{
    const struct queue *q = t->account->queue;
    uint64_t slots = q->average_ms ? q->slots : 0;
    if (!slots) return;
    v->has_eta = true;
    v->eta_ms = q->average_ms * (v->position / slots + 1);
}

void sched_view_fill(const struct sched *s, const struct task *t, struct sched_view *v)
{
    memset(v, 0, sizeof *v);
    task_render(s, t, &v->record);
    const struct task_past *p = t->past;
    v->note = p && p->note ? p->note : "";
    if (p) {
        v->percent = p->percent;
        strcpy(v->phase, p->phase ? p->phase->text : "");
        v->has_progress_eta = p->progress_eta_ms != NEVER;
        v->progress_eta_ms = v->has_progress_eta ? p->progress_eta_ms : 0;
    }
    if (t->state != TASK_QUEUED) return;
    v->position = position(t);
    view_eta(t, v);
    v->unservable = !task_servable(s, t);
}

const struct sched_view *sched_view_of(struct sched *s, const struct task *t)
{
    struct sched_view *v = sched_actions_bytes(s->out, sizeof *v);
    if (!v) return NULL;
    sched_view_fill(s, t, v);
    v->note = sched_actions_text(s->out, v->note);
    return v;
}

void sched_act_deliver(struct sched *s, uint64_t peer, uint32_t req, struct task *t)
{
    struct sched_action *a = sched_act_to(s, SCHED_DELIVER, peer);
    a->req = req;
    sched_about(a, t);
    a->state = t->state;
    a->view = sched_view_of(s, t);
}

void sched_act_deliver_gone(struct sched *s, uint64_t peer, const struct notice *n)
{
    struct sched_view *v = sched_actions_bytes(s->out, sizeof *v);
    struct sched_action *a = sched_act_to(s, SCHED_DELIVER, peer);
    if (!v) return; /* the batch has failed */
    memset(v, 0, sizeof *v);
    v->note = "";
    v->record.id = a->task = n->task;
    v->record.generation = n->generation;
    v->record.state = n->state;
    v->record.status = n->status;
    strncpy(v->record.text, n->text, TASK_TEXT_MAX);
    a->state = n->state;
    a->view = v;
}
