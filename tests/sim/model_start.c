#include "model_start.h"

#include "model_who.h"

#include <string.h>

/* A record has moments one later than they are, 0 is none; what is past is due now. */
static uint64_t moment_of(const struct model *m, uint64_t saved)
{
    if (!saved) return MODEL_NEVER;
    return saved - 1 > m->now_ms ? saved - 1 : m->now_ms;
}

static void check_record(struct model *m, const struct model_task *t, const struct task_record *r)
{
    int n = (int)sim_number(r->principal, r->id);
    bool out = r->state == TASK_OFFERED || r->state == TASK_RUNNING || r->state == TASK_RECOVERING;
    bool was_out = t->state == TASK_OFFERED || t->state == TASK_RUNNING || t->state == TASK_RECOVERING;
    MODEL_CHECK(m, t->there && t->state != TASK_RECEIVING, "task %d is on disk and should not be", n);
    MODEL_CHECK(m, out ? was_out : r->state == t->state, "task %d was %s, the disk says %s", n,
                task_state_word(t->state), task_state_word(r->state));
    MODEL_CHECK(m, r->generation == t->generation && r->losses == t->losses && r->failures == t->failures,
                "task %d: generation, losses or failures on disk", n);
    MODEL_CHECK(m,
                r->attempts <= t->attempts && !r->acked_ms == !t->acked &&
                    (r->orphan_ms != 0) == (t->orphan_ms != MODEL_NEVER),
                "task %d: attempts, acknowledgement or end of session on disk", n);
    const char *by = model_live(t) && t->verdict_by >= 0 ? m->provers[t->verdict_by].name : "";
    MODEL_CHECK(m, !model_live(t) || !strcmp(r->verdict_prover, by), "task %d: the verdict on disk", n);
    MODEL_CHECK(m, r->asked_vram == t->asked_vram && r->raises == t->raises, "task %d: needs as submitted on disk", n);
    MODEL_CHECK(m, r->need_vram == t->need_vram && r->has_input == t->has_input, "task %d: needs or input on disk", n);
}

static void restore_attempt(struct model *m, struct model_task *t, const struct task_record *r, int n)
{
    int prover = model_prover_named(m, r->prover);
    wire_token token = { r->token_epoch, r->token_seq };
    t->state = TASK_RECOVERING;
    struct model_attempt *a = model_attempt_new(m, prover, n, token, MODEL_RECOVERING);
    a->counted = r->state == TASK_RUNNING;
}

/* R9. What is saved lazily is taken from the record; everything else must be in it. */
void model_on_restore(struct model *m, const struct sched_event *ev)
{
    const struct task_record *r = ev->record;
    int n = (int)sim_number(r->principal, r->id);
    struct model_task *t = &m->tasks[n];
    bool was, out = r->state == TASK_OFFERED || r->state == TASK_RUNNING || r->state == TASK_RECOVERING;
    check_record(m, t, r);
    t->restored = true;
    t->given_back = false; /* is not saved: a place among those remembered is all that it saves */
    t->owner = model_session_of(m, r->client, r->principal, r->session, &was);
    t->attempts = r->attempts;
    if (t->deadline_ms != MODEL_NEVER) /* R21: it alone counts the time away */
        t->deadline_ms = t->deadline_ms > m->now_ms + m->away_ms ? t->deadline_ms - m->away_ms : m->now_ms;
    t->orphan_ms = moment_of(m, r->orphan_ms);
    t->percent = 0;
    t->phase[0] = 0;
    if (t->verdict_by >= 0) t->verdict_ms = t->verdict_least_ms = moment_of(m, r->verdict_ms);
    t->push_due = false;
    t->push_after_ms = 0;
    t->place = ++m->places;
    t->until_ms = t->state == TASK_DELAYED ? moment_of(m, r->ready_ms) : MODEL_NEVER;
    t->delay_most_ms = 0;
    if (out) restore_attempt(m, t, r, n);
    if (!model_live(t)) {
        uint64_t since = r->acked_ms ? r->acked_ms : r->moved_ms;
        t->until_ms = moment_of(m, since + (r->acked_ms ? m->cfg.acked_ms : m->cfg.retention_ms));
        t->acked_ms = since - 1;
    }
    m->sessions[t->owner].attached[n] = !t->acked;
    m->sessions[t->owner].spared = true;
    if (t->state == TASK_QUEUED) model_taken(m, n); /* its line begins anew */
}

void model_on_boot(struct model *m)
{
    for (int n = 0; n < MODEL_TASKS; n++) {
        struct model_task *t = &m->tasks[n];
        bool promised = t->there && t->state != TASK_RECEIVING;
        MODEL_CHECK(m, !promised || t->restored, "task %d was %s and is not on disk", n, task_state_word(t->state));
        t->there = t->restored;
    }
    for (int q = 0; q < 2; q++)
        MODEL_CHECK(m, m->paused[q] == m->was_paused[q], "model: the pause of queue %d after a restart", q);
    for (int i = 0; i < m->provers_n; i++)
        MODEL_CHECK(m, m->provers[i].drained == (m->was_drained >> i & 1), "model: the drain of %s after a restart",
                    m->provers[i].name);
    for (int i = 0; i < MODEL_ATTEMPTS; i++)
        if (m->attempts[i].state != MODEL_FREE) m->attempts[i].lease_ms = m->now_ms + 2 * m->cfg.lease_ms;
    m->spare_ms = m->now_ms + 2 * m->cfg.lease_ms;
    m->booted = true;
}

void model_on_queue(struct model *m, const struct sched_event *ev)
{
    int q = ev->queue.name[0] == 'k';
    m->run_timeout_ms[q] = ev->queue.run_timeout_ms;
    m->stall_timeout_ms[q] = ev->queue.stall_timeout_ms;
    m->late = ev->queue.late;
}

/* What an administrator set. */
void model_on_setting(struct model *m, const struct sched_event *ev)
{
    const struct setting_record *r = ev->setting;
    if (r->key == SETTING_PAUSED) m->paused[r->name[0] == 'k'] = true;
    if (r->key == SETTING_DRAINED) m->provers[model_prover_named(m, r->name)].drained = true;
}
