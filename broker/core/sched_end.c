#include "sched_end.h"

#include "attaches.h"
#include "accounts.h"
#include "actions.h"
#include "lanes.h"
#include "provers.h"
#include "sessions.h"
#include "tasks.h"
#include "view.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static void count_end(struct sched *s, enum task_state state)
{
    if (state == TASK_SUCCEEDED) s->stats.succeeded++;
    if (state == TASK_DEAD) s->stats.dead++;
    if (state == TASK_CANCELLED) s->stats.cancelled++;
    if (state == TASK_EXPIRED) s->stats.expired++;
}

/* Answers the SUBMITs that wait for the end of their upload. */
static void answer_submits(struct sched *s, struct task *t)
{
    for (struct attach *a = s->pending.n ? attach_first(t) : NULL; a; a = attach_next(a)) {
        struct pending p = attach_pended(s, a);
        if (!p.peer) continue;
        struct sched_action *ok = sched_act_to(s, SCHED_SUBMIT_OK, p.peer);
        ok->req = p.req;
        sched_about(ok, t);
        ok->view = sched_view_of(s, t);
    }
}

void task_finish(struct sched *s, struct task *t, enum task_state state, pv_status status, const char *text,
                 enum sched_charge charged, const struct session *knows)
{
    task_set_status(s, t, status, text);
    task_clear_progress(s, t);
    t->until_ms = sched_add(s->now_ms, s->cfg.retention_ms);
    task_move(s, t, state, charged);
    task_save(s, t);
    count_end(s, state);
    answer_submits(s, t); /* also of the session that knows the end: each request has an answer */
    sessions_tell(s, t, knows);
}

void task_received(struct sched *s, struct task *t)
{
    struct sched_action *a = sched_act_of(s, SCHED_SAVE_INPUT, t);
    a->bytes = t->input_bytes;
    a->hash = t->input;
    task_has_input(t, true);
    t->until_ms = NEVER;
    lanes_stamp(s, t);
    task_move(s, t, TASK_QUEUED, SCHED_FREE);
    task_save(s, t);
    s->stats.submitted++;
    answer_submits(s, t);
}

void task_cancel(struct sched *s, struct task *t, const char *text, const struct session *knows)
{
    struct attempt *a = t->attempt;
    if (t->state == TASK_RECEIVING) sched_act_of(s, SCHED_DROP_UPLOAD, t);
    if (a && a->state == ATTEMPT_RECOVERING) {
        attempt_end(s, a); /* a prover that announces it will be told */
    } else if (a) {
        attempt_settle(s, a, a->state == ATTEMPT_RUNNING ? s->now_ms - a->started_ms : 0);
        struct sched_action *drop = sched_act_of(s, SCHED_DROP_UPLOAD, t);
        drop->token = a->token;
        attempt_revoke(s, a, PV_CANCELLED);
    }
    task_finish(s, t, TASK_CANCELLED, PV_CANCELLED, text, SCHED_FREE, knows);
}

void task_queue(struct sched *s, struct task *t, enum sched_charge charged)
{
    t->until_ms = NEVER;
    task_clear_progress(s, t);
    task_move(s, t, TASK_QUEUED, charged);
    task_save_lazily(s, t);
}

/* min(backoff * 2^n, most), plus or minus a fifth; n: failures before this one. */
void task_delay(struct sched *s, struct task *t, enum sched_charge charged)
{
    uint64_t ms = s->cfg.backoff_ms;
    for (uint32_t i = 1; i < task_past(t)->failures && ms < s->cfg.backoff_max_ms; i++) ms *= 2;
    if (ms > s->cfg.backoff_max_ms) ms = s->cfg.backoff_max_ms;
    ms = ms - ms / 5 + sched_random(s, ms / 5 * 2 + 1);
    t->until_ms = sched_add(s->now_ms, ms);
    task_clear_progress(s, t);
    task_move(s, t, TASK_DELAYED, charged);
    task_save_lazily(s, t);
}

/* Its deadline and its needs are those that it was submitted with. */
static void extra_revive(struct sched *s, struct task_extra *x)
{
    x->orphan_ms = NEVER;
    free(x->excluded);
    x->excluded = NULL;
    if (x->deadline_ms <= s->now_ms) {
        x->deadline_ms = NEVER;
        x->deadline_wall_ms = 0;
    }
    x->need_vram = x->asked_vram;
    x->need_ram = x->asked_ram;
    x->raises = 0;
}

void task_revive(struct sched *s, struct task *t)
{
    if (t->acked) heap_remove(&s->acked, t);
    t->generation++;
    t->acked = false;
    t->until_ms = NEVER;
    if (t->extra) extra_revive(s, t->extra);
    task_set_status(s, t, PV_OK, NULL);
    task_clear_verdict(s, t);
    if (t->past) t->past->failures = t->past->losses = t->past->attempts = 0;
    sessions_wait_again(s, t);
    lanes_stamp(s, t);
    task_move(s, t, TASK_QUEUED, SCHED_FREE);
    task_save(s, t);
}

/* ---- going away ---- */

enum { UPLOADS_RETRY_MS = 1000 };

/* Nothing of it was promised, so nothing of it stays. */
void task_not_received(struct sched *s, struct task *t, pv_status why)
{
    sched_act_of(s, SCHED_DROP_UPLOAD, t);
    for (struct attach *a = attach_first(t); a; a = attach_next(a)) {
        struct pending p = attach_pended(s, a);
        uint64_t peer = p.peer ? p.peer : attach_session(a)->peer;
        if (!peer) continue;
        struct sched_action *no = sched_act_to(s, SCHED_REFUSE, peer);
        no->req = p.req;
        sched_about(no, t);
        no->status = why;
        if (why != PV_BUSY) continue;
        no->which = "uploads_max";
        no->retry_ms = UPLOADS_RETRY_MS;
    }
    task_forget(s, t);
}

void task_forget(struct sched *s, struct task *t)
{
    assert(!t->attempt); /* the move to a state that is over has ended it */
    struct sched_action *saved = task_saved(s, t);
    if (saved) saved->type = SCHED_NOTHING;
    if (t->state != TASK_RECEIVING) {
        sched_act_of(s, SCHED_DELETE_TASK, t);
    }
    if (t->state == TASK_QUEUED) lanes_leave(s, t);
    task_count_out(t);
    for (struct attach *a; (a = attach_first(t));) {
        session_tell_gone(s, a);
        session_detach(s, a);
    }
    task_disarm(s, t);
    if (t->acked) heap_remove(&s->acked, t);
    rows_remove(&t->account->principal->rows, t);
    task_unlist(s, t);
    task_past_free(s, t);
    group_drop(s, t->group);
    names_drop(&s->names, t->circuit);
    struct session *e = t->session;
    task_extra_free(t);
    free(t);
    s->stats.tasks--;
    e->tasks--;
    session_drop_if_idle(s, e);
}
