#include "sched_restore.h"

#include "accounts.h"
#include "lanes.h"
#include "provers.h"
#include "issued.h"
#include "sessions.h"
#include "tasks.h"

#include <stdlib.h>
#include <string.h>

static void restore_verdict(struct sched *s, struct task *t, const struct task_record *r)
{
    struct task_verdict *v = &t->past->verdict;
    if (!r->verdict_prover[0]) return;
    v->principal = names_hold(&s->names, r->verdict_principal);
    v->prover = names_hold(&s->names, r->verdict_prover);
    v->status = r->verdict_status;
    v->text = strdup(r->verdict_text);
    v->due_ms = sched_due(s, r->verdict_ms, NEVER);
    if (!v->principal || !v->prover || !v->text) sched_broken(s);
}

static void restore_past(struct sched *s, struct task *t, const struct task_record *r)
{
    bool counted = r->failures || r->losses || r->attempts || r->acked_ms;
    if (!r->status && !r->token_seq && !r->prover[0] && !r->result_bytes && !counted) return;
    task_set_status(s, t, r->status, r->text);
    struct task_past *p = t->past;
    if (!p) return;
    p->failures = r->failures;
    p->losses = r->losses;
    p->attempts = r->attempts;
    p->acked_ms = sched_since(s, r->acked_ms);
    restore_verdict(s, t, r);
    task_issued_restore(s, t, r->earlier);
    p->result = r->result;
    p->result_bytes = r->result_bytes;
    p->measured_ms = r->measured_ms;
    p->token = (wire_token){ r->token_epoch, r->token_seq };
    p->prover = r->prover[0] ? names_hold(&s->names, r->prover) : NULL;
    p->prover_principal = r->prover_principal[0] ? names_hold(&s->names, r->prover_principal) : NULL;
}

/* A deadline counts the time that the broker is known to have been down, and nothing else does (R21). */
static uint64_t restored_deadline(const struct sched *s, const struct task_record *r)
{
    uint64_t away = s->cfg.away_ms, saved = r->expires_ms;
    return sched_due(s, !saved ? 0 : saved > away ? saved - away : 1, NEVER);
}

/* No longer than it can have been from when it began. (The newest rows may be a little ahead of the saved clock.) */
static uint64_t restored_delay(const struct sched *s, const struct task_record *r)
{
    uint64_t most = s->cfg.backoff_max_ms;
    return sched_due(s, r->ready_ms, sched_add(most, most / 5));
}

static void restore_times(struct sched *s, struct task *t, const struct task_record *r)
{
    t->created_wall_ms = r->created_ms;
    t->changed_wall_ms = r->changed_ms;
    t->created_ms = sched_since(s, r->made_ms);
    t->changed_ms = sched_since(s, r->moved_ms);
    t->acked = r->acked_ms != 0;
}

static void restore_extra(struct sched *s, struct task *t, const struct task_record *r)
{
    bool needs = r->need_vram || r->need_ram || r->asked_vram || r->asked_ram || r->raises;
    if (!needs && !r->ttl_ms && !r->deadline_ms && !r->expires_ms && !r->orphan_ms) return;
    struct task_extra *x = task_extra_of(s, t);
    if (!x) return;
    x->ttl_ms = r->ttl_ms;
    x->need_vram = r->need_vram;
    x->need_ram = r->need_ram;
    x->asked_vram = r->asked_vram;
    x->asked_ram = r->asked_ram;
    x->raises = r->raises;
    x->deadline_wall_ms = r->deadline_ms;
    x->deadline_ms = restored_deadline(s, r);
    x->orphan_ms = sched_due(s, r->orphan_ms, r->ttl_ms);
}

static void restore_terms(struct sched *s, struct task *t, const struct task_record *r)
{
    t->order = r->order;
    t->priority = r->priority < SCHED_PRIORITIES ? r->priority : SCHED_PRIORITIES - 1;
    t->on_restart = r->on_restart;
    t->has_input = r->has_input;
    t->kind = r->input_kind;
    restore_extra(s, t, r);
    task_set_trace(s, t, r->traceparent);
    restore_times(s, t, r);
    t->generation = r->generation;
    t->input_bytes = r->input_bytes;
    t->input = r->input;
    for (int i = 0; i < TASK_EXCLUDED_MAX; i++)
        if (r->excluded[i]) task_exclude(s, t, r->excluded[i]);
}

/* The task was out: its prover may say for two leases that it has it. (A record that names no prover waits all the
 * same.) */
static void restore_attempt(struct sched *s, struct task *t, const struct task_record *r)
{
    struct prover *p = prover_of(s, r->prover_principal, r->prover);
    struct attempt *a = p ? attempt_new(s, p, t->past->token, ATTEMPT_RECOVERING) : NULL;
    if (!a) {
        sched_broken(s);
        return;
    }
    a->task = t;
    a->task_id = t->id;
    a->owner = t->account->principal;
    a->offered_ms = a->changed_ms = s->now_ms;
    a->suspect = task_past(t)->losses >= s->cfg.suspect_losses;
    a->counted = r->state == TASK_RUNNING;
    a->lease_ms = sched_add(s->now_ms, s->cfg.recover_ms);
    t->attempt = a;
}

static void restore_over(struct sched *s, struct task *t)
{
    uint64_t until =
        t->acked ? sched_add(task_past(t)->acked_ms, s->cfg.acked_ms) : sched_add(t->changed_ms, s->cfg.retention_ms);
    t->until_ms = until > s->now_ms ? until : s->now_ms;
    if (t->acked && !heap_put(&s->acked, t, task_past(t)->acked_ms, t->order)) sched_broken(s);
}

static enum task_state restored_state(const struct task_record *r)
{
    bool out = r->state == TASK_OFFERED || r->state == TASK_RUNNING || r->state == TASK_RECOVERING;
    if (out) return r->token_seq ? TASK_RECOVERING : TASK_QUEUED;
    return r->state < TASK_STATES ? (enum task_state)r->state : TASK_DEAD;
}

void sched_on_restore(struct sched *s, const struct sched_event *ev)
{
    const struct task_record *r = ev->record;
    struct queue *q = queue_declare(s, r->queue);
    struct principal *pr = principal_of(s, r->principal);
    struct account *a = q && pr ? account_of(s, q, pr) : NULL;
    struct session *e = a ? session_of(s, pr, r->client, r->session) : NULL;
    struct name *circuit = names_hold(&s->names, r->circuit);
    struct group *g = a ? group_hold(s, pr, r->group) : NULL;
    if (s->next_order < r->order) s->next_order = r->order;
    struct task *t = e && circuit && g ? task_new(s, a, r->id) : NULL;
    if (!t) {
        names_drop(&s->names, circuit);
        group_drop(s, g);
        sched_broken(s);
        return;
    }
    t->circuit = circuit;
    t->group = g;
    t->session = e;
    e->tasks++;
    if (!session_spare(e)) sched_broken(s);
    restore_terms(s, t, r);
    restore_past(s, t, r);
    enum task_state state = restored_state(r);
    t->state = (uint8_t)state;
    if (state == TASK_DELAYED) t->until_ms = restored_delay(s, r);
    if (task_state_live(state)) lanes_stamp(s, t);
    if (state == TASK_RECOVERING || state == TASK_DELAYED) lanes_served(t); /* it was out before */
    if (state == TASK_RECOVERING) restore_attempt(s, t, r);
    if (!task_state_live(state)) restore_over(s, t);
    task_begin(s, t, state);
    if (t->acked) return;
    struct attach *at = session_attach(s, e, t);
    if (!at)
        sched_broken(s);
    else if (!task_state_live(state))
        session_owe(s, at);
}

/* From here on tasks are offered. The wait for those that are out begins now, not when their row was read. */
void sched_on_boot(struct sched *s, const struct sched_event *ev)
{
    s->spare_ms = sched_add(s->now_ms, s->cfg.recover_ms);
    for (uint32_t i = 0; i < s->provers_n; i++)
        for (struct attempt *a = s->provers[i] ? s->provers[i]->attempts : NULL; a; a = a->next) {
            a->lease_ms = sched_add(s->now_ms, s->cfg.recover_ms);
            task_rearm(s, a->task);
        }
    s->booted = true;
    s->dirty = true;
}
