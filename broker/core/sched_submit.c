#include "sched_submit.h"

#include "attaches.h"
#include "accounts.h"
#include "actions.h"
#include "provers.h"
#include "sched_end.h"
#include "sched_purge.h"
#include "sessions.h"
#include "tasks.h"
#include "view.h"
#include "who.h"

#include <stdlib.h>
#include <string.h>

static void busy(struct sched *s, const char *which, uint64_t retry_ms)
{
    struct sched_action *a = sched_refuse(s, PV_BUSY);
    a->which = which;
    a->retry_ms = retry_ms;
}

static void submit_ok(struct sched *s, const struct task *t)
{
    struct sched_action *a = sched_answer(s, SCHED_SUBMIT_OK);
    sched_about(a, t);
    a->view = sched_view_of(s, t);
}

static void go(struct sched *s, const struct task *t)
{
    struct sched_action *a = sched_answer(s, SCHED_GO);
    sched_about(a, t);
    a->bytes = t->input_bytes;
    a->hash = t->input;
}

/* R13: before the payload is sent. */
static bool admit(struct sched *s, const struct sched_event *ev, struct account *a)
{
    uint64_t retry_ms = 5000;
    const char *which = NULL;
    if (s->disk_low)
        which = "disk";
    else if (s->stats.tasks >= s->cfg.tasks_max)
        which = "memory";
    else
        which = account_busy(s, a, ev->submit.length, &retry_ms);
    if (which) busy(s, which, retry_ms);
    return !which;
}

static void terms(struct sched *s, struct task *t, const struct sched_event *ev)
{
    t->priority = (uint8_t)(ev->submit.priority < SCHED_PRIORITIES ? ev->submit.priority : SCHED_PRIORITIES - 1);
    t->on_restart = (uint8_t)ev->submit.on_restart;
    task_set_trace(s, t, ev->submit.traceparent);
    bool some = t->extra || ev->submit.ttl_ms || ev->submit.need_vram || ev->submit.need_ram || ev->submit.has_deadline;
    struct task_extra *x = some ? task_extra_of(s, t) : NULL;
    if (!x) return;
    x->ttl_ms = ev->submit.ttl_ms;
    x->need_vram = x->asked_vram = ev->submit.need_vram;
    x->need_ram = x->asked_ram = ev->submit.need_ram;
    x->deadline_ms = ev->submit.has_deadline ? sched_add(s->now_ms, ev->submit.deadline_in_ms) : NEVER;
    x->deadline_wall_ms = x->deadline_ms == NEVER ? 0 : sched_add(s->wall_ms, ev->submit.deadline_in_ms);
}

static struct task *create(struct sched *s, const struct sched_event *ev, struct session *e, struct account *a,
                           uint32_t generation)
{
    struct name *circuit = names_hold(&s->names, ev->submit.circuit);
    struct group *g = group_hold(s, a->principal, ev->submit.group ? ev->submit.group : "");
    struct task *t = circuit && g ? task_new(s, a, ev->task) : NULL;
    if (!t) {
        names_drop(&s->names, circuit);
        group_drop(s, g);
        sched_refuse(s, PV_NO_MEMORY);
        return NULL;
    }
    t->circuit = circuit;
    t->group = g;
    t->session = e;
    e->tasks++;
    t->kind = (uint8_t)ev->submit.kind;
    t->generation = generation;
    t->input = ev->submit.sha256;
    t->input_bytes = ev->submit.length;
    t->created_wall_ms = t->changed_wall_ms = s->wall_ms;
    t->created_ms = t->changed_ms = s->now_ms;
    t->until_ms = sched_add(s->now_ms, s->cfg.receive_ms);
    terms(s, t, ev);
    task_begin(s, t, TASK_RECEIVING);
    return t;
}

/* From now on the asker hears of the task. NULL: it was refused. */
static struct attach *attach(struct sched *s, struct session *e, struct task *t)
{
    if (!session_may_attach(s, e, t)) {
        busy(s, "attachments", s->cfg.lease_ms);
        return NULL;
    }
    struct attach *a = session_attach(s, e, t);
    if (!a) sched_refuse(s, PV_NO_MEMORY);
    return a;
}

static void receive(struct sched *s, const struct sched_event *ev, struct session *e, struct task *t)
{
    struct attach *a = attach(s, e, t);
    if (!a) return;
    if (ev->submit.payload == SCHED_COMPLETE) {
        attach_pended(s, a);
        task_received(s, t);
        submit_ok(s, t);
    } else if (attach_pend(s, a, s->peer, s->req)) {
        go(s, t);
    } else {
        sched_refuse(s, PV_NO_MEMORY);
    }
}

/* Before anything is refused: so that whoever runs the broker can raise the limit. */
static void say_near(struct sched *s, struct account *a)
{
    uint64_t limit = 0;
    const char *which = account_near(a, &limit);
    if (!which) return;
    struct sched_action *near = sched_act(s, SCHED_NEAR_LIMIT);
    near->principal = a->principal->name->text;
    near->queue = a->queue->name->text;
    near->which = which;
    near->bytes = limit;
}

static void submit_new(struct sched *s, const struct sched_event *ev, struct session *e, uint32_t generation)
{
    struct queue *q = queue_find(s, ev->submit.queue);
    struct account *a = q ? account_of(s, q, e->client->principal) : NULL;
    if (!a) {
        sched_refuse(s, q ? PV_NO_MEMORY : PV_UNKNOWN_QUEUE);
    } else if (ev->submit.has_deadline && !ev->submit.deadline_in_ms) {
        sched_refuse(s, PV_EXPIRED);
    } else if (admit(s, ev, a)) {
        struct task *t = create(s, ev, e, a, generation);
        if (!t) return;
        account_spend(a);
        say_near(s, a);
        receive(s, ev, e, t);
    }
}

/* Move 13. A task that was never wholly received cannot be queued again as it is: it begins anew, as the next
 * generation. */
static void submit_revive(struct sched *s, const struct sched_event *ev, struct session *e, struct task *t)
{
    struct account *a = t->account;
    if (!admit(s, ev, a)) return;
    if (!t->has_input && ev->submit.payload == SCHED_ANNOUNCED) {
        uint32_t generation = t->generation + 1;
        struct attach *mine = attach_of(e, t);
        if (mine) session_detach(s, mine); /* its end is no news to who begins it anew */
        task_forget(s, t);
        submit_new(s, ev, e, generation);
        return;
    }
    if (!attach(s, e, t)) return;
    account_spend(a);
    if (!t->has_input) {
        struct sched_action *save = sched_act(s, SCHED_SAVE_INPUT);
        sched_about(save, t);
        save->bytes = t->input_bytes;
        save->hash = t->input;
        task_has_input(t, true);
    }
    terms(s, t, ev);
    task_revive(s, t);
    submit_ok(s, t);
}

/* A session that attaches to a task that is over is told at once, and is owed it until it acknowledges. One that asks
 * again is told again, although it was pushed here before: it may have forgotten the task meanwhile, and would wait for
 * ever. */
static void owe(struct sched *s, struct attach *a)
{
    if (!task_state_live(attach_task(a)->state)) session_owe(s, a);
}

static void submit_again(struct sched *s, const struct sched_event *ev, struct session *e, struct task *t)
{
    bool same = wire_hash_equal(t->input, ev->submit.sha256) && t->input_bytes == ev->submit.length &&
                t->kind == ev->submit.kind;
    if (!same) {
        sched_about(sched_refuse(s, PV_CONFLICT), t);
    } else if (t->state == TASK_RECEIVING) {
        receive(s, ev, e, t);
    } else if (ev->submit.revive && !task_state_live(t->state) && t->state != TASK_SUCCEEDED) {
        submit_revive(s, ev, e, t);
    } else {
        struct attach *a = attach(s, e, t);
        if (!a) return;
        submit_ok(s, t);
        owe(s, a);
    }
}

/* R4. Also when this submit is refused: what the older ones have may be what it is refused for. */
static void replace_older(struct sched *s, struct session *e)
{
    session_replaces_later(s, e);
    for (struct session *o; (o = session_older_away(s, e));) session_replaced(s, o);
}

void sched_on_submit(struct sched *s, const struct sched_event *ev)
{
    struct session *e = speaker_session(s);
    if (!e) return;
    replace_older(s, e);
    struct task *t = task_find(e->client->principal, ev->task);
    if (t)
        submit_again(s, ev, e, t);
    else
        submit_new(s, ev, e, 1);
}

void sched_on_input(struct sched *s, const struct sched_event *ev)
{
    const struct principal *owner = principal_find(s, ev->owner);
    struct task *t = owner ? task_find(owner, ev->task) : NULL;
    if (!t || t->state != TASK_RECEIVING) return;
    if (ev->status == PV_OK)
        task_received(s, t);
    else
        task_not_received(s, t, ev->status);
}

static void answer_task(struct sched *s, const struct task *t)
{
    struct sched_action *a = sched_answer(s, SCHED_TASK);
    sched_about(a, t);
    a->view = sched_view_of(s, t);
}

void sched_on_attach(struct sched *s, const struct sched_event *ev)
{
    struct session *e = speaker_session(s);
    struct task *t = e ? session_task(s, e, ev) : NULL;
    struct attach *a = t ? attach(s, e, t) : NULL;
    if (!a) return;
    answer_task(s, t);
    owe(s, a);
}

void sched_on_fetch(struct sched *s, const struct sched_event *ev)
{
    struct session *e = speaker_session(s);
    struct task *t = e ? session_task(s, e, ev) : NULL;
    if (!t) return;
    if (task_state_live(t->state))
        sched_about(sched_refuse(s, PV_BAD_STATE), t);
    else
        sched_act_deliver(s, s->peer, s->req, t);
}

/* Acknowledged tasks are kept for acked_ms, and at most acked_max of them: the oldest go first (move 14). */
static void keep_acked(struct sched *s, struct task *t)
{
    t->acked = true;
    if (task_past_of(s, t)) t->past->acked_ms = s->now_ms;
    t->until_ms = sched_add(s->now_ms, s->cfg.acked_ms);
    if (!heap_put(&s->acked, t, s->now_ms, t->order)) sched_broken(s);
    task_rearm(s, t);
    task_save_lazily(s, t);
    if (s->acked.n > s->cfg.acked_max) task_forget(s, heap_top(&s->acked));
}

void sched_on_ack(struct sched *s, const struct sched_event *ev)
{
    struct sched_peer *peer = sched_peer_find(s, ev->peer);
    struct session *e = peer ? peer->session : NULL;
    pv_status status;
    struct task *t = e ? session_named(s, e, ev->owner, ev->task, &status) : NULL;
    if (!t || t->generation != ev->generation || task_state_live(t->state)) return;
    struct attach *a = attach_of(e, t);
    if (a) session_detach(s, a);
    if (!t->acked) keep_acked(s, t);
}

void sched_on_cancel(struct sched *s, const struct sched_event *ev)
{
    struct session *e = speaker_session(s);
    struct task *t = e ? session_task(s, e, ev) : NULL;
    if (!t) return;
    if (task_state_live(t->state)) task_cancel(s, t, "cancelled by the client", e);
    struct sched_action *a = sched_answer(s, SCHED_CANCELLED);
    sched_about(a, t);
    a->state = t->state;
}

void sched_on_kick(struct sched *s, const struct sched_event *ev)
{
    struct session *e = speaker_session(s);
    struct task *t = e ? session_task(s, e, ev) : NULL;
    if (!t) return;
    bool over = !task_state_live(t->state) && t->state != TASK_SUCCEEDED;
    if (over && t->has_input) {
        task_revive(s, t);
    } else if (t->state == TASK_DELAYED) {
        task_queue(s, t, SCHED_FREE);
    } else {
        sched_about(sched_refuse(s, PV_BAD_STATE), t);
        return;
    }
    answer_task(s, t);
}
