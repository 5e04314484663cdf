#include "tasks.h"
#include "actions.h"
#include "lanes.h"
#include "looks.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The moves of broker/SEMANTICS.md, as bits, each with its number. RECEIVING may also end without a trace, because
 * nothing of it was promised yet; that is no move but task_forget. */
#define TO(x) (1u << TASK_##x)
static const uint16_t allowed[TASK_STATES] = {
    [TASK_RECEIVING] = TO(QUEUED) /* 1 */ | TO(CANCELLED) /* 10 */,
    [TASK_QUEUED] = TO(OFFERED) /* 2 */ | TO(CANCELLED) /* 10 */ | TO(EXPIRED) /* 11 */ | TO(SUCCEEDED) /* 12 */ |
                    TO(DEAD) /* 7: no second opinion came; R20 */,
    [TASK_OFFERED] = TO(RUNNING) /* 3 */ | TO(QUEUED) /* 4, 7 */ | TO(DELAYED) |
                     TO(DEAD) /* 6, 7: it failed before it began */ | TO(CANCELLED) /* 10 */ |
                     TO(SUCCEEDED) /* 5: its STARTED was lost; 12 */,
    [TASK_RUNNING] = TO(SUCCEEDED) /* 5, 12 */ | TO(DELAYED) /* 6 */ | TO(DEAD) /* 6, 7, 8 */ |
                     TO(QUEUED) /* 7, 8, 9 */ | TO(CANCELLED) /* 10 */,
    [TASK_DELAYED] =
        TO(QUEUED) /* 6 */ | TO(CANCELLED) /* 10 */ | TO(EXPIRED) /* 11 */ | TO(SUCCEEDED) /* 12 */ | TO(DEAD) /* 7 */,
    [TASK_RECOVERING] = TO(RUNNING) | TO(OFFERED) | TO(QUEUED) /* 15 */ | TO(CANCELLED) /* 10 */ |
                        TO(SUCCEEDED) /* 12 */ | TO(DEAD) /* 7: R20 */,
    [TASK_SUCCEEDED] = TO(DEAD) /* 7: its result is lost, R20 */,
    [TASK_DEAD] = TO(QUEUED) /* 13 */ | TO(SUCCEEDED) /* 12: the lost result is brought again */,
    [TASK_CANCELLED] = TO(QUEUED) /* 13 */,
    [TASK_EXPIRED] = TO(QUEUED) /* 13 */,
};
#undef TO

bool sched_move_allowed(enum task_state from, enum task_state to)
{
    return (unsigned)from < TASK_STATES && (unsigned)to < TASK_STATES && (allowed[from] >> to & 1);
}

/* ---- the table ---- */

struct task *task_find(const struct principal *p, wire_id id)
{
    return idset_find(&p->tasks, id);
}

struct task *task_new(struct sched *s, struct account *a, wire_id id)
{
    struct task *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    t->id = id;
    t->account = a;
    t->order = s->next_order;
    t->generation = 1;
    t->until_ms = NEVER;
    if (!heap_reserve(&s->idle) || !idset_add(&a->principal->tasks, t)) {
        free(t);
        return NULL;
    }
    if (!rows_add(&s->rows, t)) {
        idset_remove(&a->principal->tasks, t);
        free(t);
        return NULL;
    }
    s->next_order++;
    s->stats.tasks++;
    return t;
}

void task_unlist(struct sched *s, struct task *t)
{
    rows_remove(&s->rows, t);
    idset_remove(&t->account->principal->tasks, t);
}

static bool is_queued_load(enum task_state s)
{
    return s == TASK_RECEIVING || s == TASK_QUEUED || s == TASK_DELAYED;
}

static bool is_leased(enum task_state s)
{
    return s == TASK_OFFERED || s == TASK_RUNNING || s == TASK_RECOVERING;
}

/* What the store keeps of it: the result when it succeeded, else the input. */
static uint64_t live_bytes(const struct task *t)
{
    if (t->state == TASK_SUCCEEDED) return t->past ? t->past->result_bytes : 0;
    return t->has_input ? t->input_bytes : 0;
}

void task_has_input(struct task *t, bool has)
{
    t->account->queue->live_bytes -= live_bytes(t);
    t->has_input = has;
    t->account->queue->live_bytes += live_bytes(t);
}

void task_count_out(struct task *t)
{
    struct account *a = t->account;
    a->queue->live_bytes -= live_bytes(t);
    a->queue->damaged -= t->damaged;
    t->damaged = false;
    a->queue->count[t->state]--;
    a->count[t->state]--;
    a->principal->count[t->state]--;
    if (is_queued_load(t->state)) {
        a->queued_tasks--;
        a->queued_bytes -= t->input_bytes;
        a->queue->queued_bytes -= t->input_bytes;
    }
    if (is_leased(t->state)) {
        a->leased--;
        a->principal->leased--;
    }
}

static void count_in(struct task *t)
{
    struct account *a = t->account;
    t->damaged = t->state == TASK_DEAD && t->past && t->past->status == PV_STORE;
    a->queue->damaged += t->damaged;
    a->queue->live_bytes += live_bytes(t);
    a->queue->count[t->state]++;
    a->count[t->state]++;
    a->principal->count[t->state]++;
    if (is_queued_load(t->state)) {
        a->queued_tasks++;
        a->queued_bytes += t->input_bytes;
        a->queue->queued_bytes += t->input_bytes;
    }
    if (is_leased(t->state)) {
        a->leased++;
        a->principal->leased++;
    }
}

void task_begin(struct sched *s, struct task *t, enum task_state state)
{
    t->state = (uint8_t)state;
    if (!rows_add(&t->account->principal->rows, t)) sched_broken(s);
    count_in(t);
    if (state == TASK_QUEUED) lanes_enter(s, t);
    task_rearm(s, t);
}

static void say_moved(struct sched *s, const struct task *t, enum task_state from, enum sched_charge charged)
{
    struct sched_action *a = sched_act(s, SCHED_MOVED);
    sched_about(a, t);
    a->from = from;
    a->state = t->state;
    a->charged = charged;
    a->queue = t->account->queue->name->text;
    a->token = t->past ? t->past->token : (wire_token){ 0 };
    a->status = t->past ? t->past->status : PV_OK;
    if (task_extra(t)->traceparent) a->traceparent = sched_actions_text(s->out, task_extra(t)->traceparent);
    if (t->past && t->past->prover) a->name = sched_actions_text(s->out, t->past->prover->text);
}

static enum measures_outcome outcome_of(enum task_state to, enum sched_charge charged)
{
    if (to == TASK_SUCCEEDED) return MEASURES_SUCCEEDED;
    if (to == TASK_CANCELLED) return MEASURES_CANCELLED;
    if (charged == SCHED_LOSS) return MEASURES_LOST;
    bool refunded = charged == SCHED_FREE && to == TASK_DELAYED; /* a failure all the same */
    return charged == SCHED_FREE && !refunded ? MEASURES_RETURNED : MEASURES_FAILED;
}

/* Before the move. A run ends whatever becomes of the task; only the first start ends a wait. A task that was revived waits from
 * some moment that is not kept: it is left out. */
static void measure(struct sched *s, struct task *t, enum task_state to, enum sched_charge charged)
{
    struct queue *q = t->account->queue;
    uint64_t age_ms = s->now_ms - t->created_ms;
    if (t->state == TASK_RUNNING) {
        s->measures.attempts[outcome_of(to, charged)]++;
        measures_ran(&s->measures, &q->measures, q->name->text, t->circuit->text, s->now_ms - t->changed_ms);
    }
    if (t->generation > 1) return;
    if (t->state == TASK_OFFERED && to == TASK_RUNNING && task_past(t)->attempts == 1)
        histogram_add_ms(&q->measures.wait, &histogram_of_tasks, age_ms);
    if (to == TASK_SUCCEEDED) histogram_add_ms(&q->measures.task, &histogram_of_tasks, age_ms);
}

void task_move(struct sched *s, struct task *t, enum task_state to, enum sched_charge charged)
{
    enum task_state from = t->state;
    /* Every caller looks at the state first, and refuses what a peer asks for in a wrong state (sched_sim). */
    assert(sched_move_allowed(from, to));
    measure(s, t, to, charged);
    if (from == TASK_QUEUED) lanes_leave(s, t);
    task_count_out(t);
    if (is_leased(from) != is_leased(to)) task_disarm(s, t);
    t->state = (uint8_t)to;
    t->changed_ms = s->now_ms;
    t->changed_wall_ms = s->wall_ms;
    count_in(t);
    if (is_leased(from) && !is_leased(to) && t->account->capped) {
        t->account->capped = false;
        account_fresh(s, t->account);
    }
    if (to == TASK_QUEUED) lanes_enter(s, t);
    task_rearm(s, t);
    say_moved(s, t, from, charged);
}

static struct heap *timers_of(struct sched *s, const struct task *t)
{
    return is_leased(t->state) ? &s->timers : &s->idle;
}

void task_disarm(struct sched *s, struct task *t)
{
    heap_remove(timers_of(s, t), t);
}

void task_rearm(struct sched *s, struct task *t)
{
    uint64_t next = task_next_ms(s, t);
    if (next == NEVER)
        task_disarm(s, t);
    else if (!heap_put(timers_of(s, t), t, next, t->order))
        sched_broken(s);
}

/* ---- what most have not ---- */

struct task_extra *task_extra_made(struct task *t)
{
    if (t->extra) return t->extra;
    t->extra = malloc(sizeof *t->extra);
    if (t->extra) *t->extra = task_extra_none;
    return t->extra;
}

struct task_extra *task_extra_of(struct sched *s, struct task *t)
{
    if (!task_extra_made(t)) sched_broken(s);
    return t->extra;
}

void task_extra_free(struct task *t)
{
    if (!t->extra) return;
    free(t->extra->excluded);
    free(t->extra->traceparent);
    free(t->extra);
    t->extra = NULL;
}

/* ---- its past ---- */

struct task_past *task_past_of(struct sched *s, struct task *t)
{
    if (t->past) return t->past;
    t->past = malloc(sizeof *t->past);
    if (!t->past)
        sched_broken(s);
    else
        *t->past = task_past_none;
    return t->past;
}

static char *text_copy(struct sched *s, const char *text)
{
    char *copy = text && *text ? strndup(text, TASK_TEXT_MAX) : NULL;
    if (text && *text && !copy) sched_broken(s);
    return copy;
}

void task_set_status(struct sched *s, struct task *t, pv_status status, const char *text)
{
    struct task_past *p = task_past_of(s, t);
    if (!p) return;
    p->status = status;
    char *copy = text_copy(s, text);
    free(p->text);
    p->text = copy;
}

void task_set_trace(struct sched *s, struct task *t, const char *traceparent)
{
    bool some = traceparent && *traceparent;
    struct task_extra *x = some ? task_extra_of(s, t) : t->extra;
    if (!x) return;
    char *copy = some ? strndup(traceparent, WIRE_TRACE_TEXT - 1) : NULL;
    if (some && !copy) sched_broken(s);
    free(x->traceparent);
    x->traceparent = copy;
}

void task_clear_progress(struct sched *s, struct task *t)
{
    struct task_past *p = t->past;
    if (!p) return;
    names_drop(&s->names, p->phase);
    free(p->note);
    p->phase = NULL;
    p->note = NULL;
    p->percent = 0;
    p->progress_eta_ms = NEVER;
    p->push_due = false;
}

void task_past_free(struct sched *s, struct task *t)
{
    if (!t->past) return;
    task_clear_progress(s, t);
    task_clear_verdict(s, t);
    names_drop(&s->names, t->past->prover);
    names_drop(&s->names, t->past->prover_principal);
    free(t->past->text);
    free(t->past->earlier);
    free(t->past);
    t->past = NULL;
}

void task_set_verdict(struct sched *s, struct task *t, const struct prover *p, pv_status status, const char *text,
                      uint64_t due_ms)
{
    struct task_past *past = task_past_of(s, t);
    task_clear_verdict(s, t);
    if (!past) return;
    past->verdict =
        (struct task_verdict){ names_share(p->principal), names_share(p->name), status, text_copy(s, text), due_ms };
}

void task_clear_verdict(struct sched *s, struct task *t)
{
    struct task_verdict *v = t->past ? &t->past->verdict : NULL;
    if (!v) return;
    names_drop(&s->names, v->principal);
    names_drop(&s->names, v->prover);
    free(v->text);
    *v = (struct task_verdict){ .due_ms = NEVER };
}

const struct task_verdict *task_verdict_of(const struct task *t)
{
    return t->past && t->past->verdict.prover ? &t->past->verdict : NULL;
}

bool task_excludes(const struct task *t, uint64_t digest)
{
    for (int i = 0; task_extra(t)->excluded && i < TASK_EXCLUDED_MAX; i++)
        if (task_extra(t)->excluded[i] == digest) return true;
    return false;
}

void task_exclude_prover(struct sched *s, struct task *t, const struct prover *p)
{
    task_exclude(s, t, p->digest);
    if (!p->local) task_exclude(s, t, p->key_digest); /* a claimer's key is the client's, and may be a prover's too */
}

/* Kept sorted, so that tasks that exclude the same provers share a lane. When it is full, the smallest is forgotten. */
void task_exclude(struct sched *s, struct task *t, uint64_t digest)
{
    if (task_excludes(t, digest)) return;
    struct task_extra *x = task_extra_of(s, t);
    if (!x) return;
    if (!x->excluded && !(x->excluded = calloc(TASK_EXCLUDED_MAX, sizeof *x->excluded))) {
        sched_broken(s);
        return;
    }
    uint64_t *e = x->excluded;
    int i = TASK_EXCLUDED_MAX - 1; /* the smallest, or free: zeros come last */
    for (; i && e[i - 1] < digest; i--) e[i] = e[i - 1];
    e[i] = digest;
}

/* ---- the store's image ---- */

static void put_text(char *to, const struct name *from)
{
    strcpy(to, from ? from->text : "");
}

static void render_verdict(const struct task_verdict *v, struct task_record *r)
{
    put_text(r->verdict_principal, v->principal);
    put_text(r->verdict_prover, v->prover);
    r->verdict_status = v->status;
    if (v->text) strcpy(r->verdict_text, v->text);
    r->verdict_ms = sched_saved(v->due_ms);
}

static void render_past(const struct task *t, struct task_record *r)
{
    const struct task_past *p = t->past;
    if (!p) return;
    r->status = p->status;
    if (p->text) strcpy(r->text, p->text);
    r->result = p->result;
    r->result_bytes = p->result_bytes;
    r->measured_ms = p->measured_ms;
    r->token_epoch = p->token.epoch;
    r->token_seq = p->token.seq;
    put_text(r->prover_principal, p->prover_principal);
    put_text(r->prover, p->prover);
    if (p->earlier) memcpy(r->earlier, p->earlier, sizeof r->earlier);
    render_verdict(&p->verdict, r);
}

static void render_times(const struct sched *s, const struct task *t, struct task_record *r)
{
    bool delayed = t->state == TASK_DELAYED, deadline = task_extra(t)->deadline_ms != NEVER;
    r->deadline_ms = task_extra(t)->deadline_wall_ms;
    r->created_ms = t->created_wall_ms;
    r->changed_ms = t->changed_wall_ms;
    r->orphan_ms = sched_saved(task_extra(t)->orphan_ms);
    r->ready_ms = delayed ? sched_saved(t->until_ms) : 0;
    r->acked_ms = t->acked ? sched_saved(task_past(t)->acked_ms) : 0;
    r->made_ms = sched_saved(t->created_ms);
    r->moved_ms = sched_saved(t->changed_ms);
    r->expires_ms = deadline ? sched_saved(sched_add(task_extra(t)->deadline_ms, s->cfg.away_ms)) : 0;
}

void task_render(const struct sched *s, const struct task *t, struct task_record *r)
{
    memset(r, 0, sizeof *r);
    r->order = t->order;
    r->id = t->id;
    put_text(r->principal, t->account->principal->name);
    put_text(r->client, t->session->client->name);
    r->session = t->session->id;
    put_text(r->queue, t->account->queue->name);
    put_text(r->circuit, t->circuit);
    put_text(r->group, t->group->name);
    r->priority = t->priority;
    r->on_restart = t->on_restart;
    r->ttl_ms = task_extra(t)->ttl_ms;
    r->need_vram = task_extra(t)->need_vram;
    r->need_ram = task_extra(t)->need_ram;
    r->asked_vram = task_extra(t)->asked_vram;
    r->asked_ram = task_extra(t)->asked_ram;
    r->raises = task_extra(t)->raises;
    r->state = t->state;
    r->has_input = t->has_input;
    r->input_kind = t->kind;
    r->generation = t->generation;
    r->failures = task_past(t)->failures;
    r->losses = task_past(t)->losses;
    r->attempts = task_past(t)->attempts;
    render_times(s, t, r);
    r->input_bytes = t->input_bytes;
    r->input = t->input;
    if (task_extra(t)->traceparent) strcpy(r->traceparent, task_extra(t)->traceparent);
    if (task_extra(t)->excluded) memcpy(r->excluded, task_extra(t)->excluded, sizeof r->excluded);
    render_past(t, r);
}

/* The task has half of the batch's number: a batch of four thousand million batches ago has other actions. */
struct sched_action *task_saved(const struct sched *s, const struct task *t)
{
    if (t->save_serial != (uint32_t)s->out->serial || t->save_at >= s->out->n) return NULL;
    struct sched_action *a = &s->out->at[t->save_at];
    return a->type == SCHED_SAVE_TASK && a->row == t->order ? a : NULL;
}

static void save(struct sched *s, struct task *t, bool lazy)
{
    struct sched_action *a = task_saved(s, t);
    if (t->state == TASK_RECEIVING) return; /* nothing of it is promised yet */
    if (!a) {
        struct task_record *r = sched_actions_bytes(s->out, sizeof *r);
        a = sched_act(s, SCHED_SAVE_TASK);
        a->record = r;
        a->lazy = true;
        t->save_serial = (uint32_t)s->out->serial;
        t->save_at = (uint32_t)(a - s->out->at);
        if (!r) t->save_serial = 0; /* out->failed is set: nothing of the batch will be carried out */
    }
    sched_about(a, t);
    a->sync_always = t->account->queue->sync_always;
    if (!lazy) a->lazy = false;
    struct task_record *r = (struct task_record *)a->record;
    if (!r) return;
    task_render(s, t, r);
    /* The disk keeps what it was when the broker stopped, so that the attempt is counted once. */
    if (t->state == TASK_RECOVERING) r->state = t->attempt->counted ? TASK_RUNNING : TASK_OFFERED;
}

void task_save(struct sched *s, struct task *t)
{
    save(s, t, false);
}

void task_save_lazily(struct sched *s, struct task *t)
{
    save(s, t, true);
}

/* ---- what is due ---- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t task_run_end_ms(const struct task *t)
{
    const struct queue *q = t->account->queue;
    return q->run_timeout_ms ? sched_add(t->attempt->started_ms, q->run_timeout_ms) : NEVER;
}

uint64_t task_stall_end_ms(const struct task *t)
{
    const struct queue *q = t->account->queue;
    uint64_t stall = q->stall_timeout_ms ? q->stall_timeout_ms : NEVER;
    /* Many handlers report no progress; one that did, and stopped, is stuck. */
    if (t->attempt->reports && q->idle_timeout_ms) stall = least(stall, q->idle_timeout_ms);
    return sched_add(t->attempt->changed_ms, stall);
}

uint64_t task_offer_end_ms(const struct task *t)
{
    uint64_t idle = t->account->queue->idle_timeout_ms;
    return t->state == TASK_OFFERED && t->attempt && idle ? sched_add(t->attempt->changed_ms, idle) : NEVER;
}

static uint64_t push_ms(const struct task *t)
{
    return t->past && t->past->push_due ? t->past->push_after_ms : NEVER;
}

static uint64_t verdict_ms(const struct task *t)
{
    return t->past ? t->past->verdict.due_ms : NEVER;
}

uint64_t task_next_ms(const struct sched *s, const struct task *t)
{
    switch ((enum task_state)t->state) {
    case TASK_RECEIVING: return least(t->until_ms, task_extra(t)->orphan_ms);
    case TASK_QUEUED: return least(verdict_ms(t), least(task_extra(t)->deadline_ms, task_extra(t)->orphan_ms));
    case TASK_DELAYED:
        return least(least(t->until_ms, verdict_ms(t)), least(task_extra(t)->deadline_ms, task_extra(t)->orphan_ms));
    case TASK_OFFERED:
    case TASK_RECOVERING:
        return least(least(t->attempt ? t->attempt->lease_ms : NEVER, task_extra(t)->orphan_ms), task_offer_end_ms(t));
    case TASK_RUNNING:
        return least(least(t->attempt->lease_ms, task_extra(t)->orphan_ms),
                     least(push_ms(t), least(task_run_end_ms(t), task_stall_end_ms(t))));
    default: return t->until_ms;
    }
}
